//! What stays behind or was taken down: fingerprints, suspensions, debts, messages, promises. Never forgets an open one.

use super::{Incident, Status};
use crate::core::event::{Mode, PromiseEnd};
use crate::core::id::{Digest, PersonId, StepId};
use crate::core::time::Stamp;

/// A fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measurement {
    /// Digest of it.
    pub digest: Digest,
    /// Its length.
    pub bytes: u64,
    /// Itself when short.
    pub text: Option<String>,
    /// When it was taken.
    pub at: Stamp,
    /// The event that says so.
    pub seq: u64,
}

/// Something switched off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspension {
    /// By which step.
    pub step: StepId,
    /// Since when.
    pub since: Stamp,
    /// Number of the event with which the step ended that switched it last, off or on again.
    pub switched: u64,
    /// False when that step's outcome leaves it open.
    pub certain: bool,
    /// When it was resumed.
    pub lifted: Option<Stamp>,
    /// Who takes it over.
    pub inherited: Option<PersonId>,
}

/// Items that stay to be reconciled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Debt {
    /// Added in all.
    pub added: u64,
    /// Settled in all.
    pub settled: u64,
    /// Who looks after them.
    pub owner: Option<String>,
}

/// A message that left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentMessage {
    /// The step, when one sent it.
    pub step: Option<StepId>,
    /// Which text.
    pub template: String,
    /// Which channel.
    pub channel: String,
    /// When.
    pub at: Stamp,
    /// The event that says so.
    pub seq: u64,
}

/// What somebody outside the room was promised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// Who made it.
    pub by: PersonId,
    /// To whom.
    pub to: String,
    /// What.
    pub words: String,
    /// By when.
    pub due: Stamp,
    /// What became of it.
    pub settled: Option<PromiseSettlement>,
}

/// How a promise ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromiseSettlement {
    /// Who says so.
    pub by: PersonId,
    /// Kept, or not.
    pub how: PromiseEnd,
    /// How, or why not.
    pub words: String,
    /// When.
    pub at: Stamp,
}

impl Incident {
    /// Promises that are neither kept nor taken back, by the event that made them.
    pub fn open_promises(&self) -> impl Iterator<Item = (u64, &Promise)> {
        self.promises.iter().filter(|(_, p)| p.settled.is_none()).map(|(seq, p)| (*seq, p))
    }

    /// Suspensions neither lifted nor taken over.
    pub fn open_suspensions(&self) -> impl Iterator<Item = (&str, &Suspension)> {
        self.suspensions
            .iter()
            .filter(|(_, s)| s.lifted.is_none() && s.inherited.is_none())
            .map(|(n, s)| (n.as_str(), s))
    }

    /// Whether the step is done and what it leaves to reconcile still has to be counted. A rehearsal leaves nothing.
    pub fn owes_count(&self, id: &StepId) -> bool {
        let live = self.opened.as_ref().is_some_and(|o| o.mode == Mode::Live);
        let done = |status: Status| matches!(status, Status::Succeeded | Status::DoneByHand);
        live && self.step(id).is_some_and(|s| s.backlog.is_some())
            && self.runs.get(id).is_some_and(|r| done(r.status) && !r.counted)
    }

    /// The steps whose leavings are not counted yet.
    pub fn uncounted(&self) -> Vec<&StepId> {
        let steps = self.runbook.steps().filter(|s| s.backlog.is_some());
        let ids = steps.filter_map(|s| self.runs.get_key_value(s.id.as_str()).map(|(id, _)| id));
        ids.filter(|id| self.owes_count(id)).collect()
    }

    /// Items not yet reconciled.
    pub fn open_backlog(&self) -> impl Iterator<Item = (&str, u64)> {
        self.backlog
            .iter()
            .map(|(n, d)| (n.as_str(), d.added.saturating_sub(d.settled)))
            .filter(|(_, left)| *left > 0)
    }
}
