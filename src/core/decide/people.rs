//! Sessions and seats. Never checks signatures: the shell has, before it asks.

use super::{commands, hub, person, reason};
use crate::core::apply::session_id;
use crate::core::event::{Assumed, Joined, Leaving, Left, Opened, Renounced, SessionRevoked, What};
use crate::core::id::{PersonId, RoleName, SessionId};
use crate::core::incident::{Incident, Stage};
use crate::core::intent::By;
use crate::core::refusal::Refusal;
use crate::core::time::Stamp;
use crate::runbook::model::EXECUTOR;
use std::time::Duration;

/// Longest session.
pub const LONGEST_SESSION: Duration = Duration::from_secs(24 * 3600);

/// Seats that exist in every incident, beside the runbook's own.
pub const STANDING_ROLES: &[&str] =
    &["commander", "deputy", "scribe", "communications", "liaison", "sme", "observer"];

pub(super) fn open(incident: &Incident, by: &By, opened: &Opened, now: Stamp) -> Result<What, Refusal> {
    person(by)?;
    if incident.stage != Stage::Empty {
        return Err(Refusal::AlreadyOpen);
    }
    check_session(incident, &opened.session, now)?;
    if !(1..=5).contains(&opened.severity) {
        return Err(Refusal::DoesNotFit(format!("severity {} is not 1 to 5", opened.severity)));
    }
    restore_point(incident, opened, now)?;
    Ok(opened.clone().into())
}

/// Who restores says to when, and that is not in the future: the loss is computed from it and signed.
fn restore_point(incident: &Incident, opened: &Opened, now: Stamp) -> Result<(), Refusal> {
    match (&incident.runbook.restore_point, &opened.restore_point) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(Refusal::DoesNotFit("the runbook restores nothing".to_owned())),
        (Some(_), None) => Err(Refusal::RestorePoint("it is not given".to_owned())),
        (Some(_), Some(point)) => match Stamp::parse_rfc3339(point) {
            None => Err(Refusal::RestorePoint(format!("`{point}` is no time such as 2026-11-20T12:00:00Z"))),
            Some(at) if at > now => Err(Refusal::RestorePoint(format!("{point} is in the future"))),
            Some(_) => Ok(()),
        },
    }
}

pub(super) fn join(incident: &Incident, by: &By, joined: &Joined, now: Stamp) -> Result<What, Refusal> {
    person(by)?;
    check_session(incident, joined, now)?;
    Ok(joined.clone().into())
}

fn check_session(incident: &Incident, joined: &Joined, now: Stamp) -> Result<(), Refusal> {
    if joined.expires <= now || joined.expires > now.plus(LONGEST_SESSION) {
        return Err(Refusal::SessionTooLong);
    }
    let id = session_id(&joined.session_key)
        .ok_or_else(|| Refusal::DoesNotFit("the session key is not 32 bytes in base64".to_owned()))?;
    if incident.sessions.contains_key(&id) { Err(Refusal::SessionKnown) } else { Ok(()) }
}

pub(super) fn leave(
    incident: &Incident,
    by: &By,
    session: &SessionId,
    how: Leaving,
) -> Result<What, Refusal> {
    let known = incident.sessions.get(session).ok_or_else(|| Refusal::UnknownSession(session.clone()))?;
    if known.left.is_some() {
        return Err(Refusal::AlreadyLeft(session.clone()));
    }
    if let By::Person { id, .. } = by
        && &known.person != id
    {
        return Err(Refusal::SessionOfSomebodyElse(session.clone(), known.person.clone()));
    }
    Ok(Left { session: session.clone(), how }.into())
}

pub(super) fn assume(incident: &Incident, by: &By, role: &RoleName) -> Result<What, Refusal> {
    let id = person(by)?;
    let seat = role.as_str();
    let of_runbook = incident.runbook.roles.iter().find(|r| r.name == seat);
    if of_runbook.is_none() && !STANDING_ROLES.contains(&seat) {
        return Err(Refusal::NoSuchRole(seat.to_owned()));
    }
    if incident.holds(id, seat) {
        return Err(Refusal::AlreadySeated { person: id.clone(), role: seat.to_owned() });
    }
    kept_apart(incident, id, seat)?;
    if seat == "commander" {
        let holder = incident.commander().filter(|s| incident.is_present(&s.person));
        if let Some(holder) = holder {
            return Err(Refusal::SeatTaken { role: seat.to_owned(), holder: holder.person.clone() });
        }
    }
    if seat == "observer" || incident.team.may_take(id, seat) {
        return Ok(Assumed { role: role.clone(), stand_in: false }.into());
    }
    stand_in(incident, id, role, of_runbook.map_or(&[], |r| r.stand_in.as_slice()))
}

/// Nobody has two seats that the runbook keeps apart, whichever of the two says so.
pub(super) fn kept_apart(incident: &Incident, id: &PersonId, seat: &str) -> Result<(), Refusal> {
    let excludes = |role: &str, other: &str| {
        let role = incident.runbook.roles.iter().find(|r| r.name == role);
        role.is_some_and(|r| r.excludes.iter().any(|e| e == other))
    };
    let apart = |held: &&str| excludes(held, seat) || excludes(seat, held);
    match incident.seats_of(id).find(apart) {
        Some(held) => {
            Err(Refusal::KeptApart { person: id.clone(), held: held.to_owned(), role: seat.to_owned() })
        }
        None => Ok(()),
    }
}

/// Whoever sits where the runbook says that nothing is carried out, starts and undoes nothing.
pub(super) fn carries_out(incident: &Incident, id: &PersonId) -> Result<(), Refusal> {
    let mut idle = incident.runbook.roles.iter().filter(|r| r.excludes.iter().any(|e| e == EXECUTOR));
    match idle.find(|r| incident.holds(id, &r.name)) {
        Some(role) => Err(Refusal::CarriesNothingOut { person: id.clone(), held: role.name.clone() }),
        None => Ok(()),
    }
}

fn stand_in(
    incident: &Incident,
    id: &PersonId,
    role: &RoleName,
    allowed: &[String],
) -> Result<What, Refusal> {
    let seat = role.as_str();
    if !allowed.iter().any(|r| incident.team.may_take(id, r)) {
        return Err(Refusal::MayNotTake { person: id.clone(), role: seat.to_owned() });
    }
    let someone =
        incident.seats.get(seat).is_some_and(|seats| seats.iter().any(|s| incident.is_present(&s.person)));
    if someone {
        return Err(Refusal::StandInNotNeeded { person: id.clone(), role: seat.to_owned() });
    }
    Ok(Assumed { role: role.clone(), stand_in: true }.into())
}

pub(super) fn renounce(incident: &Incident, by: &By, role: &RoleName) -> Result<What, Refusal> {
    let id = person(by)?;
    if !incident.holds(id, role.as_str()) {
        return Err(Refusal::NotSeated { person: id.clone(), role: role.to_string() });
    }
    Ok(Renounced { role: role.clone() }.into())
}

pub(super) fn revoke(incident: &Incident, by: &By, session: &SessionId, why: &str) -> Result<What, Refusal> {
    let known = incident.sessions.get(session).ok_or_else(|| Refusal::UnknownSession(session.clone()))?;
    match by {
        By::Hub => hub(by)?,
        By::Person { id, .. } if &known.person == id => {}
        By::Person { id, .. } => commands(incident, id)?,
    }
    if known.revoked {
        return Err(Refusal::SessionOver(session.clone()));
    }
    Ok(SessionRevoked { session: session.clone(), reason: reason(why)? }.into())
}
