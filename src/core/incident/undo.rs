//! Taking back what was done, newest first. Never forgets a step whose undo was neither run nor declined.

use super::{Incident, Run, Status};
use crate::core::event::Direction;
use crate::core::id::StepId;
use crate::runbook::model::Step;

/// Where the undo of one step stands after an abort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// It comes before every older one.
    Open,
    /// It was tried and did not work: it stops nobody, and is not settled.
    Tried,
    /// Undone, or somebody said why it stays.
    Settled,
}

impl Run {
    /// Whether the step may have changed something, and its own try is over.
    pub fn may_have_acted(&self) -> bool {
        let over = !matches!(self.status, Status::Pending | Status::Waiting | Status::Running);
        self.status == Status::DoneByHand || (self.attempt > 0 && over)
    }
}

impl Incident {
    /// The steps of the phases that an abort takes back, newest first, with where each undo stands.
    fn to_take_back(&self) -> Vec<(&Step, Taken)> {
        let steps = self.runbook.phases.iter().flat_map(|p| &p.steps).filter(|s| s.undo.is_some());
        let begun = steps.filter_map(|s| self.runs.get(s.id.as_str()).map(|r| (r, s)));
        let mut begun: Vec<(&Run, &Step)> =
            begun.filter(|(r, _)| r.may_have_acted() || r.status == Status::Running).collect();
        begun.sort_by_key(|(r, _)| std::cmp::Reverse(r.begun));
        begun.into_iter().map(|(r, s)| (s, self.taken(r, &s.id))).collect()
    }

    fn taken(&self, run: &Run, id: &str) -> Taken {
        if run.status == Status::Running {
            return Taken::Open;
        }
        match self.undos.get(id).map_or(Status::Pending, |u| u.status) {
            Status::Pending | Status::Waiting | Status::Running | Status::Unknown => Taken::Open,
            Status::Failed | Status::TimedOut | Status::Cancelled => Taken::Tried,
            Status::Succeeded | Status::Skipped | Status::DoneByHand | Status::NotReached => Taken::Settled,
        }
    }

    /// Steps whose undo is offered after an abort: completed, unknown or half done, newest first. What was undone,
    /// or stays for a reason that somebody gave, is not among them.
    pub fn undo_order(&self) -> Vec<&Step> {
        let open = self.to_take_back().into_iter().filter(|(_, taken)| *taken != Taken::Settled);
        open.map(|(step, _)| step).filter(|s| self.status(&s.id) != Status::Running).collect()
    }

    /// The step that has to be taken back next after an abort. One that failed stops nobody.
    pub fn undo_next(&self) -> Option<&Step> {
        self.to_take_back().into_iter().find(|(_, taken)| *taken == Taken::Open).map(|(step, _)| step)
    }

    /// Whether an abort leaves nothing more to take back, or to try to.
    pub fn undos_tried(&self) -> bool {
        self.aborted.is_none() || self.undo_next().is_none()
    }

    /// What goes on running when the incident is paused or aborted, or one step is stopped: a sentence.
    pub fn goes_on(&self, stopped: Option<&StepId>) -> String {
        let under_way = self.under_way();
        let others = under_way.iter().filter(|(id, ..)| Some(id) != stopped);
        let names: Vec<String> = others.map(|(id, _, direction)| running_name(id, *direction)).collect();
        let far = stopped.and_then(|id| self.step(id)).and_then(|s| s.host.as_deref());
        let far =
            far.map(|host| format!("; on {host} the command may go on, because only its ssh is stopped"));
        let rest = match names.as_slice() {
            [] => "nothing else is under way".to_owned(),
            [one] => format!("{one} goes on running until it ends or is stopped"),
            several => format!("{} go on running until they end or are stopped", several.join(", ")),
        };
        let off: Vec<&str> = self.open_suspensions().map(|(name, _)| name).collect();
        let off = match off.as_slice() {
            [] => String::new(),
            names => format!("; still suspended: {}", names.join(", ")),
        };
        format!("{rest}{}{off}", far.unwrap_or_default())
    }

    /// Whether the step's own undo is under way, or nobody knows how it ended.
    pub fn is_being_undone(&self, id: &StepId) -> bool {
        self.undos.get(id).is_some_and(|u| matches!(u.status, Status::Running | Status::Unknown))
    }
}

fn running_name(id: &StepId, direction: Direction) -> String {
    match direction {
        Direction::Forward => id.to_string(),
        Direction::Undo => format!("the undo of {id}"),
    }
}
