//! What has to be true before the rollback is decided, and again right before the phase that needs it. Never takes a
//! look of an hour ago for one of now.

use super::{Incident, Stage, Status};
use crate::runbook::model::{Phase, Step};

impl Incident {
    /// Whether the step is one of those that look before the rollback is decided.
    pub fn is_preflight(&self, id: &str) -> bool {
        self.runbook.phases.iter().filter(|p| p.preflight).any(|p| p.steps.iter().any(|s| s.id == id))
    }

    /// Whether steps of this stage may begin: before the decision only those that look ahead of it.
    pub fn stage_lets_begin(&self, id: &str) -> bool {
        match self.stage {
            Stage::Declared => true,
            Stage::Open => self.is_preflight(id),
            Stage::Empty | Stage::Closed => false,
        }
    }

    /// The steps that keep the decision from being asked for.
    pub fn preflight_open(&self) -> Vec<&str> {
        let steps = self.runbook.phases.iter().filter(|p| p.preflight).flat_map(|p| &p.steps);
        steps.filter(|s| !self.lets_go_on(&s.id)).map(|s| s.id.as_str()).collect()
    }

    fn rechecking(&self) -> impl Iterator<Item = (u32, &Phase)> {
        (0u32..).zip(&self.runbook.phases).filter(|(_, p)| !p.recheck.is_empty())
    }

    /// Whether the step was looked at again for this phase, or somebody let it pass there.
    pub(in crate::core) fn is_rechecked(&self, phase: u32, id: &str) -> bool {
        let run = self.runs.get(id);
        run.is_some_and(|r| r.rechecked.contains(&phase) || r.again_for == Some(phase)) && self.lets_go_on(id)
    }

    /// Whether everything is looked at again that the step's phase asks for.
    pub(in crate::core) fn rechecks_done(&self, step: &Step) -> bool {
        let mine = self.rechecking().find(|(_, p)| p.steps.iter().any(|s| s.id == step.id));
        mine.is_none_or(|(i, phase)| phase.recheck.iter().all(|id| self.is_rechecked(i, id)))
    }

    /// The phase for which the step is to be looked at again now: its turn has come, and the last look was before.
    pub fn recheck_due(&self, id: &str) -> Option<u32> {
        let calm =
            self.stage == Stage::Declared && self.paused.is_none() && self.aborted.is_none() && !self.ended;
        let asking = |(i, phase): &(u32, &Phase)| {
            phase.recheck.iter().any(|r| r == id) && !self.is_rechecked(*i, id) && self.turn_has_come(phase)
        };
        let (phase, _) = self.rechecking().filter(|_| calm).find(asking)?;
        // One that is under way, or in trouble, is not begun once more by itself.
        self.lets_go_on(id).then_some(phase)
    }

    /// Whether a step of the phase waits for nothing but the looks before it.
    fn turn_has_come(&self, phase: &Phase) -> bool {
        let waiting = |s: &&Step| self.status(&s.id) == Status::Pending;
        phase.steps.iter().filter(waiting).any(|s| s.needs.iter().all(|n| self.lets_go_on(n)))
    }
}
