//! Parts kept beside the record are removed when two people have signed for it, one of them commanding. Never by one
//! person or one key alone, and never twice.

use super::{commands, person, reason, takes_part};
use crate::core::event::{Redacted, RedactionAsked, What};
use crate::core::incident::Incident;
use crate::core::intent::{By, Intent};
use crate::core::refusal::Refusal;
use crate::core::time::Stamp;
use std::time::Duration;

/// The longest that a removal which one person asked for waits for the second.
pub const LONGEST_ASK: Duration = Duration::from_secs(24 * 3600);
/// More parts than this are removed in several goes: the statement must stay readable.
const MOST_PARTS: usize = 64;

pub(super) fn ask(incident: &Incident, by: &By, intent: &Intent, now: Stamp) -> Result<What, Refusal> {
    let id = person(by)?;
    let Intent::AskRedaction { event, parts, reason: why, seen, expires, key } = intent else {
        return Err(Refusal::DoesNotFit("nothing to remove".to_owned()));
    };
    takes_part(incident, id)?;
    there(incident, *event, parts)?;
    if *expires <= now || *expires > now.plus(LONGEST_ASK) {
        return Err(Refusal::DoesNotFit(
            "a removal waits for its second person for at most a day".to_owned(),
        ));
    }
    // A signature of an earlier one cannot serve a second time.
    if seen.n > incident.next_seq || incident.last_redaction_ask.is_some_and(|last| seen.n <= last) {
        return Err(Refusal::Outdated);
    }
    Ok(RedactionAsked {
        event: *event,
        parts: parts.clone(),
        reason: reason(why)?,
        seen: seen.clone(),
        expires: *expires,
        key: key.clone(),
    }
    .into())
}

/// The parts exist, are named once and in order, and none of them is gone.
fn there(incident: &Incident, event: u64, parts: &[u32]) -> Result<(), Refusal> {
    let left = incident.parts_left(event);
    let ordered = parts.iter().zip(parts.iter().skip(1)).all(|(a, b)| a < b);
    if parts.is_empty() || parts.len() > MOST_PARTS || !ordered || !parts.iter().all(|p| left.contains(p)) {
        let left: Vec<String> = left.iter().map(u32::to_string).collect();
        let left = if left.is_empty() { "none".to_owned() } else { left.join(", ") };
        return Err(Refusal::NoSuchParts { event, left });
    }
    Ok(())
}

pub(super) fn agree(
    incident: &Incident,
    by: &By,
    asked: u64,
    key: &str,
    now: Stamp,
) -> Result<What, Refusal> {
    let id = person(by)?;
    let ask = incident.redaction_asks.get(&asked).ok_or(Refusal::NoRedaction(asked))?;
    if now >= ask.expires {
        return Err(Refusal::NoRedaction(asked));
    }
    if &ask.by == id {
        return Err(Refusal::SecondPerson);
    }
    if ask.key == key {
        return Err(Refusal::OneKeyForTwo);
    }
    takes_part(incident, id)?;
    if commands(incident, &ask.by).is_err() {
        commands(incident, id)?;
    }
    there(incident, ask.event, &ask.parts)?;
    Ok(Redacted {
        asked,
        event: ask.event,
        parts: ask.parts.clone(),
        reason: ask.reason.clone(),
        with: ask.by.clone(),
        key: key.to_owned(),
    }
    .into())
}
