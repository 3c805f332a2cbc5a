//! When the things happened that a review asks about, and how long it was between them. A moment that nobody recorded
//! is not there: never estimated, never taken from another.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Told;
use crate::core::event::{Direction, Outcome, What};
use crate::core::id::StepId;
use crate::core::incident::Incident;
use crate::core::time::Stamp;
use crate::runbook::model::Action;

/// The record begins.
pub const OPENED: &str = "opened";
/// A criterion over a metric was met for the first time.
pub const TRIGGER: &str = "first trigger";
/// The first message left.
pub const MESSAGE: &str = "first message";
/// The quorum for the rollback was reached.
pub const DECIDED: &str = "decided";
/// The first step that changes something began.
pub const BEGUN: &str = "first change";
/// The first irreversible step began.
pub const NO_RETURN: &str = "no way back";
/// The last step that changes something ended.
pub const CHANGED: &str = "last change";
/// The last look after it passed. Not before that is a rollback done.
pub const VALIDATED: &str = "validated";
/// The harm stopped.
pub const MITIGATED: &str = "mitigated";
/// The service is whole again.
pub const RESOLVED: &str = "resolved";
/// Nothing was left to reconcile.
pub const RECONCILED: &str = "reconciled";
/// Given up.
pub const ABORTED: &str = "aborted";
/// The record ends.
pub const CLOSED: &str = "closed";

/// One moment and the event that shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// Which.
    pub name: &'static str,
    /// When.
    pub at: Stamp,
    /// The event.
    pub event: u64,
    /// Who did it.
    pub by: String,
}

/// The time between two moments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Span {
    /// What it is called.
    pub name: &'static str,
    /// From this moment.
    pub from: &'static str,
    /// To this one.
    pub to: &'static str,
    /// How long.
    pub seconds: u64,
}

/// Name, from, to. A rollback lasts until it is validated: what nobody has looked at is not done.
const SPANS: [(&str, &str, &str); 7] = [
    ("time to decide", OPENED, DECIDED),
    ("time to the first message", OPENED, MESSAGE),
    ("from the decision to the first change", DECIDED, BEGUN),
    ("rollback", BEGUN, VALIDATED),
    ("time to mitigate", OPENED, MITIGATED),
    ("time to resolve", OPENED, RESOLVED),
    ("time to reconcile", OPENED, RECONCILED),
];

/// When a moment was.
pub fn at(moments: &[Moment], name: &str) -> Option<Stamp> {
    moments.iter().find(|m| m.name == name).map(|m| m.at)
}

/// Every moment that the record shows, in order of time.
pub fn moments(incident: &Incident, events: &[Told]) -> Vec<Moment> {
    let mut found = Found::default();
    for told in events {
        found.take(incident, told);
    }
    let mut moments: Vec<Moment> = found.moments.into_values().collect();
    moments.sort_by_key(|m| m.event);
    moments
}

/// The times between them, as far as both are known.
pub fn spans(moments: &[Moment]) -> Vec<Span> {
    let span = |(name, from, to): (&'static str, &'static str, &'static str)| {
        let seconds = at(moments, to)?.since(at(moments, from)?).as_secs();
        Some(Span { name, from, to, seconds })
    };
    SPANS.into_iter().filter_map(span).collect()
}

#[derive(Default)]
struct Found {
    moments: BTreeMap<&'static str, Moment>,
    owed: BTreeMap<String, u64>,
}

impl Found {
    fn set(&mut self, name: &'static str, told: &Told) {
        let event = &told.event;
        let by = event.actor.to_string();
        self.moments.insert(name, Moment { name, at: event.at, event: event.seq, by });
    }

    fn first(&mut self, name: &'static str, told: &Told) {
        if !self.moments.contains_key(name) {
            self.set(name, told);
        }
    }

    fn take(&mut self, incident: &Incident, told: &Told) {
        let what = &told.event.what;
        match what {
            What::Opened(_) => self.first(OPENED, told),
            What::TriggerFired(_) => self.first(TRIGGER, told),
            What::Sent(_) => self.first(MESSAGE, told),
            What::Declared(_) => self.first(DECIDED, told),
            What::Mitigated(_) => self.first(MITIGATED, told),
            What::Resolved(_) => self.first(RESOLVED, told),
            What::Aborted(_) => self.first(ABORTED, told),
            What::Closed(_) => self.first(CLOSED, told),
            What::Started(d) if d.direction == Direction::Forward => self.started(incident, &d.step, told),
            What::Finished(d) => self.finished(incident, &d.step, d.outcome, told),
            What::BacklogAdded(d) => *self.owed.entry(d.name.to_string()).or_default() += d.count,
            What::BacklogSettled(d) => {
                let left = self.owed.entry(d.name.to_string()).or_default();
                *left = left.saturating_sub(d.count);
                if self.owed.values().all(|left| *left == 0) {
                    self.set(RECONCILED, told);
                }
            }
            _ => {}
        }
    }

    fn started(&mut self, incident: &Incident, step: &StepId, told: &Told) {
        let Some(step) = incident.step(step) else { return };
        if step.irreversible {
            self.first(NO_RETURN, told);
        }
        if step.action.changes_something() && !matches!(step.action, Action::Send { .. }) {
            self.first(BEGUN, told);
            // What was looked at before says nothing about what is changed now.
            self.moments.remove(VALIDATED);
        }
    }

    fn finished(&mut self, incident: &Incident, step: &StepId, outcome: Outcome, told: &Told) {
        let Some(step) = incident.step(step) else { return };
        match &step.action {
            Action::Run { .. } | Action::SetAside { .. } => self.set(CHANGED, told),
            Action::Await(_) | Action::Check(_) if self.moments.contains_key(CHANGED) => {
                if outcome == Outcome::Succeeded {
                    self.set(VALIDATED, told);
                } else {
                    self.moments.remove(VALIDATED);
                }
            }
            _ => {}
        }
    }
}
