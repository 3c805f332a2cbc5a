//! A changed runbook during the incident: proposed, approved, adopted. Never adopts one that changes what has begun.

use super::{Incident, Order, Stage, Standing, Status};
use crate::core::id::{Digest, PersonId, StepId};
use crate::core::time::Stamp;
use crate::runbook::model::Runbook;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Runbooks that were proposed, by the digest of their file. They come with the record and are no part of it: an
/// event names one by its digest.
pub type Library = BTreeMap<Digest, Arc<Runbook>>;

/// A changed runbook that waits for its quorum, or did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Digest of its file.
    pub runbook: Digest,
    /// Who proposes it.
    pub by: Option<PersonId>,
    /// Why.
    pub reason: String,
    /// Since when.
    pub at: Stamp,
    /// The request of the gate that is about it.
    pub attempt: u32,
}

impl Incident {
    /// Makes a proposed runbook known before the event that names it.
    pub fn offer(&mut self, digest: Digest, runbook: Arc<Runbook>) {
        self.library.insert(digest, runbook);
    }

    /// The same incident before its first event.
    #[must_use]
    pub fn from_the_beginning(&self) -> Incident {
        let mut fresh = Incident::new(self.opened_with.clone(), self.team.clone());
        fresh.library.clone_from(&self.library);
        fresh
    }

    /// Digest of the runbook that counts now: the pinned one, or the last that was adopted.
    pub fn runbook_digest(&self) -> Option<Digest> {
        self.amended.or(self.opened.as_ref().map(|o| o.pinned.runbook))
    }

    /// The proposal that people can still answer.
    pub fn open_proposal(&self) -> Option<&Proposal> {
        let proposal = self.proposal.as_ref()?;
        let gate = self.gates.get(&StepId::amend()).filter(|g| g.attempt == proposal.attempt);
        let open = gate.is_none_or(|g| g.standing == Standing::Open && !self.is_denied(&StepId::amend()));
        (open && matches!(self.stage, Stage::Open | Stage::Declared) && self.aborted.is_none())
            .then_some(proposal)
    }

    /// The runbook that is proposed, if its file is here.
    pub fn proposed(&self) -> Option<&Arc<Runbook>> {
        self.library.get(&self.proposal.as_ref()?.runbook)
    }

    /// What stands against going on with this runbook, in a sentence.
    pub fn hinders(&self, new: &Runbook) -> Option<String> {
        if let Some(key) = fixed_key(&self.runbook, new) {
            return Some(format!("an amendment cannot change `{key}`; that takes a new incident"));
        }
        let begun = self.runs.iter().filter(|(_, r)| r.status != Status::Pending || r.attempt > 0);
        for (id, run) in begun {
            let same = match (self.step(id), new.step(id.as_str())) {
                (Some(old), Some(new)) => super::super::amendment::same_deed(old, new),
                (Some(_) | None, _) => false,
            };
            if !same {
                return Some(format!(
                    "`{id}` is {} and must stay as it was; add another step instead",
                    run.status.word()
                ));
            }
        }
        None
    }

    /// Goes on with a runbook of the library. Without it nothing happens, and whoever replays says so.
    pub(in crate::core) fn adopt(&mut self, digest: Digest) {
        let Some(new) = self.library.get(&digest).cloned() else { return };
        let entered = |i: &usize| u32::try_from(*i).is_ok_and(|i| self.phases_entered.contains(&i));
        let names: Vec<&str> = (0..self.runbook.phases.len())
            .filter(entered)
            .filter_map(|i| self.runbook.phases.get(i).map(|p| p.name.as_str()))
            .collect();
        let again = (0u32..).zip(&new.phases).filter(|(_, p)| names.contains(&p.name.as_str()));
        let phases_entered = again.map(|(i, _)| i).collect();
        self.phases_entered = phases_entered;
        self.runs.retain(|id| new.step(id.as_str()).is_some());
        for id in new.steps().filter_map(|s| StepId::parse(s.id.clone()).ok()) {
            self.runs.update(&id, |_| {});
        }
        self.order = Order::of(&new, &self.runs);
        self.runbook = new;
        self.amended = Some(digest);
        self.proposal = None;
    }
}

/// Phases of the same name keep who decides in them.
fn same_authority(old: &Runbook, new: &Runbook) -> bool {
    let before = |name: &str| old.phases.iter().find(|p| p.name == name);
    new.phases.iter().all(|p| before(&p.name).is_none_or(|o| o.authority == p.authority))
}

/// What everything else hangs on: it is as it was when the incident opened.
fn fixed_key(old: &Runbook, new: &Runbook) -> Option<&'static str> {
    let same = [
        ("id", old.id == new.id),
        ("class", old.class == new.class),
        ("service", old.service == new.service),
        ("environment", old.environment == new.environment),
        ("params", old.params == new.params),
        ("restore_point", old.restore_point == new.restore_point),
        ("window", old.window == new.window),
        ("residency", old.residency == new.residency),
        ("declare", old.declare == new.declare),
        ("authority", old.authority == new.authority && same_authority(old, new)),
        ("metrics", old.metrics == new.metrics),
        ("triggers", old.triggers == new.triggers),
        ("roles", old.roles.iter().all(|r| new.roles.contains(r))),
    ];
    same.into_iter().find(|(_, same)| !same).map(|(key, _)| key)
}
