//! What somebody has to look at again when the incident is over, read from the state alone. Never forgets a glass that
//! was broken.

use crate::core::event::PromiseEnd;
use crate::core::incident::{Incident, Status};
use serde::Serialize;

/// Why something has to be looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A gate was passed without its quorum.
    Override,
    /// An objection has no answer.
    Objection,
    /// A promise is open or was taken back.
    Promise,
    /// A change stayed although the rollback was given up.
    Kept,
    /// A suspension outlived the incident under somebody's name.
    Inherited,
    /// Somebody sat in a seat for too long.
    Tenure,
    /// Somebody came from another incident without rest.
    Rest,
}

/// One thing to look at again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// Why.
    pub kind: Kind,
    /// What it is about: a gate, an event's number, a step, a seat or a person.
    pub about: String,
    /// In one sentence; foreign text inside.
    pub words: String,
}

fn item(kind: Kind, about: impl ToString, words: String) -> Item {
    Item { kind, about: about.to_string(), words }
}

/// Everything, broken glass first.
pub fn items(incident: &Incident) -> Vec<Item> {
    let broken = incident.overrides.iter();
    let broken = broken.map(|b| item(Kind::Override, &b.gate, format!("{}: {}", b.words(), b.reason)));
    let objections = incident.open_objections().map(|(seq, o)| {
        let words = format!("objection #{seq} of {} to {} has no answer: {}", o.person, o.about, o.reason);
        item(Kind::Objection, seq, words)
    });
    broken.chain(objections).chain(promises(incident)).chain(left(incident)).chain(tired(incident)).collect()
}

fn promises(incident: &Incident) -> impl Iterator<Item = Item> {
    incident.promises.iter().filter_map(|(seq, p)| {
        let words = match &p.settled {
            None => format!("promise #{seq} to {} is open: {}", p.to, p.words),
            Some(s) if s.how == PromiseEnd::TakenBack => {
                format!("promise #{seq} to {} was taken back: {}", p.to, s.words)
            }
            Some(_) => return None,
        };
        Some(item(Kind::Promise, seq, words))
    })
}

/// What stayed as it was although the rollback was given up, and what somebody took over.
fn left(incident: &Incident) -> impl Iterator<Item = Item> {
    let kept = incident.undos.iter().filter(|(_, run)| run.status == Status::Skipped);
    let kept = kept.map(|(id, run)| item(Kind::Kept, id, format!("{id} was not taken back: {}", run.detail)));
    let inherited = incident.suspensions.iter().filter_map(|(name, s)| {
        let owner = s.inherited.as_ref().filter(|_| s.lifted.is_none())?;
        Some(item(Kind::Inherited, name, format!("{name} is still suspended; {owner} answers for it")))
    });
    kept.chain(inherited)
}

fn tired(incident: &Incident) -> impl Iterator<Item = Item> {
    let seats = incident.seats.iter().flat_map(|(role, seats)| seats.iter().map(move |s| (role, s)));
    let long = seats.filter(|(_, s)| s.overdue);
    let long =
        long.map(|(role, s)| item(Kind::Tenure, role, format!("{} sat as {role} for too long", s.person)));
    let short = incident.short_shifts.iter().map(|(who, last)| {
        item(Kind::Rest, who, format!("{who} had been in another incident until {}", last.to_second()))
    });
    long.chain(short)
}
