//! What people outside the room are told and promised. Never calls a promise kept that nobody says was kept.

use super::{person, reason, takes_part};
use crate::core::event::{PromiseEnd, PromiseSettled, Promised, Told, What};
use crate::core::incident::Incident;
use crate::core::intent::By;
use crate::core::refusal::Refusal;
use crate::core::time::Stamp;

/// The longest name of somebody outside, in bytes.
const LONGEST_NAME: usize = 200;

fn name(text: &str) -> Result<String, Refusal> {
    let name = reason(text)?;
    if name.len() > LONGEST_NAME || name.contains('\n') { Err(Refusal::BadText) } else { Ok(name) }
}

pub(super) fn make(
    incident: &Incident,
    by: &By,
    to: &str,
    words: &str,
    due: Stamp,
    now: Stamp,
) -> Result<What, Refusal> {
    takes_part(incident, person(by)?)?;
    if due <= now {
        return Err(Refusal::DoesNotFit("a promise is about a time to come".to_owned()));
    }
    Ok(Promised { to: name(to)?, words: reason(words)?, due }.into())
}

pub(super) fn settle(
    incident: &Incident,
    by: &By,
    promise: u64,
    how: PromiseEnd,
    words: &str,
) -> Result<What, Refusal> {
    takes_part(incident, person(by)?)?;
    let found = incident.promises.get(&promise).ok_or(Refusal::NoPromise(promise))?;
    if let Some(settled) = &found.settled {
        return Err(Refusal::DoesNotFit(format!("promise #{promise} is {} already", settled.how.word())));
    }
    Ok(PromiseSettled { promise, how, words: reason(words)? }.into())
}

pub(super) fn tell(incident: &Incident, by: &By, to: &str, words: &str) -> Result<What, Refusal> {
    takes_part(incident, person(by)?)?;
    if incident.declared_at.is_none() {
        return Err(Refusal::NotDeclared);
    }
    if !incident.runbook.declare.notify.iter().any(|who| who == to) {
        return Err(Refusal::NotOnTheList(to.to_owned()));
    }
    if incident.told.contains_key(to) {
        return Err(Refusal::DoesNotFit(format!("{to} has been told already; write a note for more")));
    }
    Ok(Told { to: name(to)?, words: reason(words)? }.into())
}
