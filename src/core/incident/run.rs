//! Steps: where each stands, which may begin, what is left to undo. Never starts or ends one.

use super::Incident;
use crate::core::event::{Choice, Direction, Event, Judgement, Outcome};
use crate::core::id::{Digest, PersonId, StepId};
use crate::core::time::Stamp;
use crate::runbook::model::{Action, Step};
use std::collections::BTreeSet;
use std::time::Duration;

/// One step's run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Run {
    /// Tries so far.
    pub attempt: u32,
    /// Number of the event that says that it began, or was done by hand: what was done last is taken back first.
    pub begun: u64,
    /// Where it stands.
    pub status: Status,
    /// When the last try began.
    pub started_at: Option<Stamp>,
    /// How far the clock had been moved by then; see [`Incident::moved`].
    pub moved: i64,
    /// When it ended.
    pub ended_at: Option<Stamp>,
    /// Number of the event that says so. Which of two came first is asked of this: a clock goes back, and what is
    /// recorded together has one time.
    pub ended: u64,
    /// Digest of what was done.
    pub plan: Option<Digest>,
    /// In one sentence.
    pub detail: String,
    /// Whether a decision lets the steps after it go on in spite of its state.
    pub passed: bool,
    /// Whether trying again was decided.
    pub again: bool,
    /// People who started it.
    pub executors: BTreeSet<PersonId>,
    /// The last judgement and how many looks.
    pub looks: u32,
    /// The last look.
    pub last_judgement: Option<Judgement>,
    /// Progress: done, total.
    pub progress: Option<(u64, Option<u64>)>,
    /// Of what.
    pub progress_unit: Option<String>,
    /// When it was reported.
    pub progress_at: Option<Stamp>,
    /// Earlier reports of this try and the newest, oldest first.
    pub reports: Vec<(Stamp, u64)>,
    /// How often a report of this try took something back.
    pub went_back: u32,
    /// A cancellation is under way.
    pub cancelling: Option<Choice>,
    /// SHA-256 and length of its output.
    pub output: Option<(Digest, u64)>,
    /// Whether what it leaves to reconcile has been counted.
    pub counted: bool,
    /// Phases (index, from 0) right before which it was looked at again.
    pub rechecked: BTreeSet<u32>,
    /// The phase for which the last look was.
    pub again_for: Option<u32>,
}

impl Run {
    /// It ended so, with this event.
    pub(in crate::core) fn ends(&mut self, status: Status, detail: impl Into<String>, event: &Event) {
        self.status = status;
        self.detail = detail.into();
        self.ended_at = Some(event.at);
        self.ended = event.seq;
    }

    /// Whether the steps that need this one may go on.
    pub fn lets_go_on(&self) -> bool {
        self.passed || matches!(self.status, Status::Succeeded | Status::Skipped | Status::DoneByHand)
    }
}

/// Where a step stands. `ready` is derived: see [`Incident::word`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub enum Status {
    /// Not yet.
    #[default]
    Pending,
    /// A hold point waits for answers.
    Waiting,
    /// Under way.
    Running,
    /// Done as it should be.
    Succeeded,
    /// Not as it should be.
    Failed,
    /// Its time was over.
    TimedOut,
    /// Nobody knows; must be settled.
    Unknown,
    /// Left out.
    Skipped,
    /// Done outside this program.
    DoneByHand,
    /// Stopped by somebody.
    Cancelled,
    /// The way forward ended before it.
    NotReached,
}

impl Status {
    /// The word on screens and in reports.
    pub fn word(self) -> &'static str {
        match self {
            Status::Pending => "pending",
            Status::Waiting => "waiting",
            Status::Running => "running",
            Status::Succeeded => "succeeded",
            Status::Failed => "failed",
            Status::TimedOut => "timed out",
            Status::Unknown => "unknown",
            Status::Skipped => "skipped",
            Status::DoneByHand => "done by hand",
            Status::Cancelled => "cancelled",
            Status::NotReached => "not reached",
        }
    }

    /// Whether it ended in a way that asks what to do.
    pub fn is_trouble(self) -> bool {
        matches!(self, Status::Failed | Status::TimedOut | Status::Cancelled)
    }

    /// Whether nothing more is expected of it.
    pub fn is_over(self) -> bool {
        !matches!(self, Status::Pending | Status::Waiting | Status::Running | Status::Unknown)
    }
}

impl From<Outcome> for Status {
    fn from(outcome: Outcome) -> Status {
        match outcome {
            Outcome::Succeeded => Status::Succeeded,
            Outcome::Failed => Status::Failed,
            Outcome::TimedOut => Status::TimedOut,
            Outcome::Cancelled => Status::Cancelled,
            Outcome::Unknown => Status::Unknown,
        }
    }
}

impl Incident {
    /// Its run.
    pub fn run(&self, id: &StepId) -> Option<&Run> {
        self.runs.get(id)
    }

    /// The run of a step, or of its undo.
    pub fn run_of(&self, id: &StepId, direction: Direction) -> Option<&Run> {
        match direction {
            Direction::Forward => self.runs.get(id),
            Direction::Undo => self.undos.get(id),
        }
    }

    /// Where a step stands.
    pub fn status(&self, id: &str) -> Status {
        self.runs.get(id).map_or(Status::Pending, |r| r.status)
    }

    /// Whether the steps that need this one may go on.
    pub fn lets_go_on(&self, id: &str) -> bool {
        self.runs.get(id).is_some_and(Run::lets_go_on)
    }

    /// Whether the step is one of `always`.
    pub fn is_always(&self, id: &str) -> bool {
        self.runbook.always.iter().any(|s| s.id == id)
    }

    /// Whether the phases are over: everything in them is, or a decision or an abort ended them.
    pub fn phases_over(&self) -> bool {
        self.aborted.is_some()
            || self.ended
            || self.runbook.phases.iter().flat_map(|p| &p.steps).all(|s| {
                self.runs
                    .get(s.id.as_str())
                    .is_some_and(|r| r.passed || (r.status.is_over() && !r.status.is_trouble()))
            })
    }

    /// Whether a step may start now as far as order is concerned.
    pub fn is_ready(&self, step: &Step) -> bool {
        // The cheapest questions first: this is asked about every step, over and over.
        if self.paused.is_some() || !self.stage_lets_begin(&step.id) {
            return false;
        }
        if self.runs.get(step.id.as_str()).is_none_or(|run| run.status != Status::Pending) {
            return false;
        }
        if self.is_always(&step.id) {
            return self.phases_over() && self.undos_tried() && !self.something_runs();
        }
        let free = self.aborted.is_none() && !self.ended && step.needs.iter().all(|n| self.lets_go_on(n));
        free && self.rechecks_done(step)
    }

    /// Whether nothing but steps that are under way keeps this one from being ready.
    pub fn is_next(&self, step: &Step) -> bool {
        let waits = self.paused.is_none() && self.aborted.is_none() && !self.ended;
        let pending = self.status(&step.id) == Status::Pending && !self.is_always(&step.id);
        let runs = |need: &String| self.status(need) == Status::Running;
        let soon = |need: &String| runs(need) || self.lets_go_on(need);
        waits && pending && step.needs.iter().any(runs) && step.needs.iter().all(soon)
    }

    /// Whether a step or an undo is under way.
    pub fn something_runs(&self) -> bool {
        self.runs.values().chain(self.undos.values()).any(|r| r.status == Status::Running)
    }

    /// Steps and undos that are under way: what a hub must look after when it comes back.
    pub fn under_way(&self) -> Vec<(StepId, u32, Direction)> {
        let forward = self.runs.iter().map(|(id, r)| (id, r, Direction::Forward));
        let undo = self.undos.iter().map(|(id, r)| (id, r, Direction::Undo));
        forward
            .chain(undo)
            .filter(|(_, r, _)| r.status == Status::Running)
            .map(|(id, r, d)| (id.clone(), r.attempt, d))
            .collect()
    }

    /// Steps whose outcome nobody knows.
    pub fn unknowns(&self) -> Vec<(&StepId, Direction)> {
        let forward = self.runs.iter().map(|(id, r)| (id, Direction::Forward, r));
        let undo = self.undos.iter().map(|(id, r)| (id, Direction::Undo, r));
        forward
            .chain(undo)
            .filter(|(_, _, r)| r.status == Status::Unknown)
            .map(|(id, d, _)| (id, d))
            .collect()
    }

    /// The word for a step: its status, or `ready`.
    pub fn word(&self, step: &Step) -> &'static str {
        if self.is_ready(step) { "ready" } else { self.status(&step.id).word() }
    }

    /// The next try's number.
    pub fn next_attempt(&self, id: &StepId, direction: Direction) -> u32 {
        self.run_of(id, direction).map_or(1, |r| r.attempt + 1)
    }

    /// When a hold phase that is under way is over. A clock that is moved meanwhile makes it neither shorter nor longer.
    pub fn held_until(&self, step: &Step) -> Option<Stamp> {
        let Action::Wait { lasts, .. } = &step.action else { return None };
        let run = self.runs.get(step.id.as_str()).filter(|run| run.status == Status::Running)?;
        let over = run.started_at?.plus(*lasts);
        Some(Stamp(over.0.saturating_add(self.moved.saturating_sub(run.moved))))
    }

    /// When a declared automatic retry is due, if one is left.
    pub fn retry_due(&self, step: &Step) -> Option<Stamp> {
        let retry = step.retry.filter(|_| step.idempotent)?;
        let run = self.runs.get(step.id.as_str())?;
        let left =
            run.status.is_trouble() && run.status != Status::Cancelled && run.attempt < retry.max_attempts;
        // Once a decision has ended the way forward, nothing on it is tried again by itself.
        let over = self.aborted.is_some() || (self.ended && !self.is_always(&step.id));
        if !left || run.passed || over {
            return None;
        }
        let factor = retry.backoff.max(1.0).powi(i32::try_from(run.attempt.saturating_sub(1)).unwrap_or(0));
        let pause = Duration::try_from_secs_f64(retry.delay.as_secs_f64() * factor).unwrap_or(Duration::MAX);
        run.ended_at.map(|at| at.plus(pause))
    }
}
