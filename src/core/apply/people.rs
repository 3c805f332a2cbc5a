//! People: sessions that begin, act and end, and the seats they take. Never asks whether they may.

use crate::core::event::{Assumed, Event, Joined, Left, Opened, Renounced, SessionRevoked};
use crate::core::id::{PersonId, RoleName, SessionId};
use crate::core::incident::{Incident, Seat, Session, Stage};
use crate::core::time::Stamp;

pub(super) fn note_client_seq(incident: &mut Incident, event: &Event) {
    let Some(auth) = &event.auth else { return };
    if let (Some(id), Some(seq)) = (&auth.session, auth.client_seq)
        && let Some(session) = incident.sessions.get_mut(id)
    {
        session.last_client_seq = Some(seq);
    }
}

pub(super) fn open(incident: &mut Incident, data: &Opened, person: Option<&PersonId>, at: Stamp) {
    incident.stage = Stage::Open;
    incident.opened_at = at;
    incident.initiator = person.cloned();
    join(incident, &data.session, person, at);
    incident.opened = Some(data.clone());
}

/// The id of a session key: first 16 hex digits of the SHA-256 of its 32 bytes.
pub fn session_id(key: &str) -> Option<SessionId> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(key).ok().filter(|b| b.len() == 32)?;
    let hex = crate::core::id::Digest::of(&bytes).hex();
    SessionId::parse(hex.get(..16)?).ok()
}

pub(super) fn join(incident: &mut Incident, data: &Joined, person: Option<&PersonId>, at: Stamp) {
    let (Some(person), Some(id)) = (person, session_id(&data.session_key)) else { return };
    let session = Session {
        person: person.clone(),
        key: data.session_key.clone(),
        expires: data.expires,
        last_client_seq: None,
        joined_at: at,
        left: None,
        revoked: false,
        via: data.via.clone(),
    };
    incident.sessions.insert(id, session);
}

pub(super) fn leave(incident: &mut Incident, data: &Left, at: Stamp) {
    if let Some(session) = incident.sessions.get_mut(&data.session) {
        session.left = Some((at, data.how));
    }
}

pub(super) fn revoke(incident: &mut Incident, data: &SessionRevoked) {
    if let Some(session) = incident.sessions.get_mut(&data.session) {
        session.revoked = true;
    }
}

pub(super) fn assume(incident: &mut Incident, data: &Assumed, person: Option<&PersonId>, at: Stamp) {
    let Some(person) = person else { return };
    let seat = Seat { person: person.clone(), since: at, stand_in: data.stand_in, overdue: false };
    let seats = incident.seats.entry(data.role.to_string()).or_default();
    // There is one commander: whoever takes the seat of somebody who is gone takes it from them.
    if data.role == RoleName::commander() {
        seats.clear();
    }
    seats.push(seat);
}

pub(super) fn renounce(incident: &mut Incident, data: &Renounced, person: Option<&PersonId>) {
    if let (Some(person), Some(seats)) = (person, incident.seats.get_mut(data.role.as_str())) {
        seats.retain(|s| &s.person != person);
    }
}
