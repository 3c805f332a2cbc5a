//! Parts kept beside the record: how many there are, and which are gone. Never touches one.

use crate::core::event::{Event, Redacted, RedactionAsked};
use crate::core::id::PersonId;
use crate::core::incident::{Incident, RedactionAsk};

/// How many parts an event has.
pub(super) fn note_parts(incident: &mut Incident, event: &Event) {
    if let Some(count) = u32::try_from(event.payload.len()).ok().filter(|n| *n > 0) {
        incident.parts.insert(event.seq, count);
    }
}

pub(super) fn asked(incident: &mut Incident, data: &RedactionAsked, person: Option<&PersonId>, seq: u64) {
    let Some(by) = person.cloned() else { return };
    incident.last_redaction_ask = Some(seq);
    let ask = RedactionAsk {
        by,
        event: data.event,
        parts: data.parts.clone(),
        reason: data.reason.clone(),
        expires: data.expires,
        key: data.key.clone(),
    };
    incident.redaction_asks.insert(seq, ask);
}

pub(super) fn redacted(incident: &mut Incident, data: &Redacted, seq: u64) {
    incident.redaction_asks.remove(&data.asked);
    for part in &data.parts {
        incident.redacted.insert((data.event, *part), seq);
    }
}
