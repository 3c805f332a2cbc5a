//! The state of one incident: everything its events say, and nothing else. Never changes but through `apply`.

use crate::core::event::{Answer, Choice, Direction, Judgement, Leaving, Opened, Outcome};
use crate::core::id::{Digest, PersonId, SessionId, StepId};
use crate::core::team::Team;
use crate::core::time::Stamp;
use crate::runbook::model::{Action, Approve, Requirement, Runbook, Step};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// One incident as its record tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// The pinned runbook.
    pub runbook: Arc<Runbook>,
    /// The pinned roster of people.
    pub team: Arc<Team>,
    /// The first event.
    pub opened: Option<Opened>,
    /// How many events there are; the next one's `seq`.
    pub next_seq: u64,
    /// Time of the first event.
    pub opened_at: Stamp,
    /// Time of the newest event.
    pub last_at: Stamp,
    /// Who opened it.
    pub initiator: Option<PersonId>,
    /// Where it stands.
    pub stage: Stage,
    /// When it was declared.
    pub declared_at: Option<Stamp>,
    /// When the harm stopped.
    pub mitigated_at: Option<Stamp>,
    /// When the service was whole again.
    pub resolved_at: Option<Stamp>,
    /// Why it was aborted.
    pub aborted: Option<String>,
    /// Why nothing new starts.
    pub paused: Option<String>,
    /// Whether a decision ended the phases early.
    pub ended: bool,
    /// Sessions by id.
    pub sessions: BTreeMap<SessionId, Session>,
    /// Seats by role.
    pub seats: BTreeMap<String, Vec<Seat>>,
    /// The latest request of every gate.
    pub gates: BTreeMap<StepId, Gate>,
    /// Every step of the runbook.
    pub runs: BTreeMap<StepId, Run>,
    /// Undo runs.
    pub undos: BTreeMap<StepId, Run>,
    /// Phases begun.
    pub phases_entered: BTreeSet<u32>,
    /// Fingerprints by name.
    pub measurements: BTreeMap<String, Measurement>,
    /// Criteria that hold now.
    pub fired: BTreeMap<String, Stamp>,
    /// What is or was switched off, by name.
    pub suspensions: BTreeMap<String, Suspension>,
    /// What stays to be reconciled, by name.
    pub backlog: BTreeMap<String, Debt>,
    /// Messages that left.
    pub sent: Vec<SentMessage>,
    /// Every use of break-glass: gate, who, why.
    pub overrides: Vec<(StepId, PersonId, String)>,
    /// How often the hub came back.
    pub resumes: u32,
}

/// Where an incident stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// No event yet.
    Empty,
    /// Open, the rollback not yet decided.
    Open,
    /// The rollback is decided.
    Declared,
    /// Closed: nothing more is written.
    Closed,
}

/// A person's session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Whose.
    pub person: PersonId,
    /// Base64 Ed25519 key.
    pub key: String,
    /// Acts after this are refused.
    pub expires: Stamp,
    /// Highest running number seen.
    pub last_client_seq: Option<u64>,
    /// When it began.
    pub joined_at: Stamp,
    /// When and how it ended.
    pub left: Option<(Stamp, Leaving)>,
    /// Whether it was revoked.
    pub revoked: bool,
    /// How they reached the hub.
    pub via: String,
}

/// Somebody in a seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// Who.
    pub person: PersonId,
    /// Since when.
    pub since: Stamp,
    /// As a stand-in.
    pub stand_in: bool,
}

/// The latest request of a gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// Which request, from 1.
    pub attempt: u32,
    /// One-time value.
    pub nonce: String,
    /// Digest of everything it covers.
    pub plan: Digest,
    /// When it was opened.
    pub requested_at: Stamp,
    /// Closed after this.
    pub expires: Stamp,
    /// Answers that count.
    pub answers: Vec<GateVote>,
    /// Where it stands.
    pub standing: Standing,
    /// Break-glass uses.
    pub overrides: Vec<GateVote>,
    /// How often each covered step had been tried when this was requested.
    pub tried: BTreeMap<String, u32>,
}

/// One counted answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateVote {
    /// Who.
    pub person: PersonId,
    /// In which role.
    pub role: String,
    /// Yes or no.
    pub approves: bool,
    /// Why.
    pub reason: String,
    /// Fingerprint of the key.
    pub key: String,
    /// When.
    pub at: Stamp,
}

/// Where a gate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Waiting for answers.
    Open,
    /// Its time was over.
    Expired,
    /// Something it covers changed.
    Voided,
}

/// One step's run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Run {
    /// Tries so far.
    pub attempt: u32,
    /// Where it stands.
    pub status: Status,
    /// When the last try began.
    pub started_at: Option<Stamp>,
    /// When it ended.
    pub ended_at: Option<Stamp>,
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
    /// A cancellation is under way.
    pub cancelling: Option<Choice>,
    /// SHA-256 and length of its output.
    pub output: Option<(Digest, u64)>,
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
    /// The step.
    pub step: StepId,
    /// Which text.
    pub template: String,
    /// Which channel.
    pub channel: String,
    /// When.
    pub at: Stamp,
}

impl Incident {
    /// An incident without events.
    pub fn new(runbook: Arc<Runbook>, team: Arc<Team>) -> Incident {
        let runs = runbook
            .steps()
            .filter_map(|s| StepId::parse(s.id.clone()).ok())
            .map(|id| (id, Run::default()))
            .collect();
        Incident {
            runbook,
            team,
            opened: None,
            next_seq: 0,
            opened_at: Stamp(0),
            last_at: Stamp(0),
            initiator: None,
            stage: Stage::Empty,
            declared_at: None,
            mitigated_at: None,
            resolved_at: None,
            aborted: None,
            paused: None,
            ended: false,
            sessions: BTreeMap::new(),
            seats: BTreeMap::new(),
            gates: BTreeMap::new(),
            runs,
            undos: BTreeMap::new(),
            phases_entered: BTreeSet::new(),
            measurements: BTreeMap::new(),
            fired: BTreeMap::new(),
            suspensions: BTreeMap::new(),
            backlog: BTreeMap::new(),
            sent: Vec::new(),
            overrides: Vec::new(),
            resumes: 0,
        }
    }

    /// Name of this log; empty before the first event.
    pub fn log(&self) -> &str {
        self.opened.as_ref().map_or("", |o| o.log.as_str())
    }

    /// The step of the runbook.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.runbook.step(id.as_str())
    }

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
        self.runs.get(id).is_some_and(|r| {
            r.passed || matches!(r.status, Status::Succeeded | Status::Skipped | Status::DoneByHand)
        })
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
        let Some(run) = self.runs.get(step.id.as_str()) else { return false };
        let waiting = run.status == Status::Pending;
        if !waiting || self.stage != Stage::Declared || self.paused.is_some() {
            return false;
        }
        if self.is_always(&step.id) {
            return self.phases_over() && !self.something_runs();
        }
        self.aborted.is_none() && !self.ended && step.needs.iter().all(|n| self.lets_go_on(n))
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

    /// Whether the person sits in the seat.
    pub fn holds(&self, person: &PersonId, role: &str) -> bool {
        self.seats.get(role).is_some_and(|seats| seats.iter().any(|s| &s.person == person))
    }

    /// The seats a person has.
    pub fn seats_of<'a>(&'a self, person: &'a PersonId) -> impl Iterator<Item = &'a str> {
        self.seats
            .iter()
            .filter(move |(_, s)| s.iter().any(|s| &s.person == person))
            .map(|(role, _)| role.as_str())
    }

    /// Whether the person has a session that has not ended.
    pub fn is_present(&self, person: &PersonId) -> bool {
        self.sessions.values().any(|s| &s.person == person && s.left.is_none() && !s.revoked)
    }

    /// Who commands.
    pub fn commander(&self) -> Option<&Seat> {
        self.seats.get("commander").and_then(|s| s.last())
    }

    /// Seats the runbook asks for that nobody holds yet: role and how many are missing.
    pub fn empty_seats(&self) -> Vec<(&str, u32)> {
        self.runbook
            .roles
            .iter()
            .filter_map(|role| {
                let need = role.min.max(u32::from(role.required));
                let have = self.seats.get(&role.name).map_or(0, |s| s.len() as u32);
                (have < need).then(|| (role.name.as_str(), need - have))
            })
            .collect()
    }

    /// The rule of a gate: what `declare` or the hold point demands.
    pub fn gate_rule(&self, gate: &StepId) -> Option<GateRule<'_>> {
        if gate.is_declare() {
            let declare = &self.runbook.declare;
            return Some(GateRule {
                require: &declare.require,
                deny_quorum: 1,
                expires: declare.expires,
                approve: None,
            });
        }
        match &self.step(gate)?.action {
            Action::Approve(approve) => Some(GateRule {
                require: &approve.require,
                deny_quorum: approve.deny_quorum,
                expires: approve.expires,
                approve: Some(approve),
            }),
            _ => None,
        }
    }

    /// How many of a requirement's people have approved. A person and a key count once in a gate.
    pub fn granted(&self, gate: &Gate, requirement: &Requirement) -> u32 {
        gate.answers.iter().filter(|v| v.approves && v.role == requirement.role).count() as u32
    }

    /// Whether the gate's quorum is reached and nothing has closed it.
    pub fn quorum_reached(&self, gate_id: &StepId) -> bool {
        let (Some(gate), Some(rule)) = (self.gates.get(gate_id), self.gate_rule(gate_id)) else {
            return false;
        };
        if gate.standing != Standing::Open || self.is_denied(gate_id) {
            return false;
        }
        rule.require.iter().all(|r| self.granted(gate, r) >= r.count) || self.override_reached(gate_id)
    }

    /// Whether break-glass has opened the gate.
    pub fn override_reached(&self, gate_id: &StepId) -> bool {
        let Some(gate) = self.gates.get(gate_id) else { return false };
        let Some(rule) = self.runbook.declare.override_.as_ref().filter(|_| gate_id.is_declare()) else {
            return false;
        };
        gate.standing == Standing::Open
            && rule
                .require
                .iter()
                .all(|r| gate.overrides.iter().filter(|v| v.role == r.role).count() as u32 >= r.count)
    }

    /// Whether so many denied that the gate is closed.
    pub fn is_denied(&self, gate_id: &StepId) -> bool {
        let (Some(gate), Some(rule)) = (self.gates.get(gate_id), self.gate_rule(gate_id)) else {
            return false;
        };
        gate.answers.iter().filter(|v| !v.approves).count() as u32 >= rule.deny_quorum.max(1)
    }

    /// Suspensions neither lifted nor taken over.
    pub fn open_suspensions(&self) -> impl Iterator<Item = (&str, &Suspension)> {
        self.suspensions
            .iter()
            .filter(|(_, s)| s.lifted.is_none() && s.inherited.is_none())
            .map(|(n, s)| (n.as_str(), s))
    }

    /// Items not yet reconciled.
    pub fn open_backlog(&self) -> impl Iterator<Item = (&str, u64)> {
        self.backlog
            .iter()
            .map(|(n, d)| (n.as_str(), d.added.saturating_sub(d.settled)))
            .filter(|(_, left)| *left > 0)
    }

    /// Steps whose undo is offered after an abort: completed, unknown or half done, newest first.
    pub fn undo_order(&self) -> Vec<&Step> {
        let mut steps: Vec<(Option<Stamp>, &Step)> = self
            .runbook
            .steps()
            .filter(|s| s.undo.is_some())
            .filter_map(|s| self.runs.get(s.id.as_str()).map(|r| (s, r)))
            .filter(|(_, r)| r.attempt > 0 && !matches!(r.status, Status::Pending | Status::Running))
            .filter(|(s, _)| self.undos.get(s.id.as_str()).is_none_or(|u| u.status != Status::Succeeded))
            .map(|(s, r)| (r.started_at, s))
            .collect();
        steps.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        steps.into_iter().map(|(_, s)| s).collect()
    }

    /// The next try's number.
    pub fn next_attempt(&self, id: &StepId, direction: Direction) -> u32 {
        self.run_of(id, direction).map_or(1, |r| r.attempt + 1)
    }

    /// When a declared automatic retry is due, if one is left.
    pub fn retry_due(&self, step: &Step) -> Option<Stamp> {
        let run = self.runs.get(step.id.as_str())?;
        let retry = step.retry.filter(|_| step.idempotent)?;
        let left =
            run.status.is_trouble() && run.status != Status::Cancelled && run.attempt < retry.max_attempts;
        if !left || run.passed || self.aborted.is_some() {
            return None;
        }
        let factor = retry.backoff.max(1.0).powi(i32::try_from(run.attempt.saturating_sub(1)).unwrap_or(0));
        let pause = Duration::try_from_secs_f64(retry.delay.as_secs_f64() * factor).unwrap_or(Duration::MAX);
        run.ended_at.map(|at| at.plus(pause))
    }

    /// Cost so far in hundredths of the runbook's currency.
    pub fn cost_cents(&self, now: Stamp) -> Option<(u64, &str)> {
        let cost = self.runbook.cost.as_ref()?;
        let until = self.mitigated_at.unwrap_or(now);
        let minutes = until.since(self.opened_at).as_secs_f64() / 60.0;
        Some(((minutes * cost.per_minute_cents as f64) as u64, cost.currency.as_str()))
    }

    /// The clear answers to the runbook's questions.
    pub fn clear_params(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.opened.iter().flat_map(|o| &o.params).map(|(name, answer)| match answer {
            Answer::Text(text) => (name.as_str(), Some(text.as_str())),
            Answer::Secret(_) => (name.as_str(), None),
        })
    }
}

/// What a gate demands.
#[derive(Debug, Clone, Copy)]
pub struct GateRule<'a> {
    /// All of these.
    pub require: &'a [Requirement],
    /// So many denials close it.
    pub deny_quorum: u32,
    /// How long a request stays open.
    pub expires: Duration,
    /// The hold point; none for `declare`.
    pub approve: Option<&'a Approve>,
}
