//! The state of one incident: everything its events say, and nothing else. Never changes but through `apply`.

mod amend;
mod authority;
mod command;
mod gate;
mod ledger;
mod limits;
mod order;
mod pace;
mod people;
mod phases;
mod poll;
mod preflight;
mod redaction;
mod run;
mod runs;
mod segment;
mod undo;

use crate::core::event::{Answer, Handed, Opened};
use crate::core::id::{Digest, PersonId, SessionId, StepId};
use crate::core::team::Team;
use crate::core::time::Stamp;
use crate::runbook::model::{Runbook, Step};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use amend::{Library, Proposal};
pub use authority::Matter;
pub use command::{CommandStanding, Offer, Ruling};
pub use gate::{BrokenGlass, Gate, GateRule, GateVote, Standing, over};
pub use ledger::{Debt, Measurement, Promise, PromiseSettlement, SentMessage, Suspension};
pub use limits::RestoreTo;
pub use order::{Has, InOrder, Order};
pub use pace::Pace;
pub use people::{Seat, Session};
pub use poll::{Objection, Poll, PollAnswer};
pub use redaction::RedactionAsk;
pub use run::{Run, Status};
pub use runs::Runs;
pub use segment::Segment;

/// One incident as its record tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// The runbook that counts: the pinned one, or the last amendment.
    pub runbook: Arc<Runbook>,
    /// The one the incident opened with.
    pub opened_with: Arc<Runbook>,
    /// Changed runbooks that came with the record.
    pub library: Library,
    /// The changed runbook that was proposed last and not adopted.
    pub proposal: Option<Proposal>,
    /// How many were proposed.
    pub proposals: u32,
    /// Digest of the last one adopted.
    pub amended: Option<Digest>,
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
    /// Every one-time value that a request had.
    pub nonces: BTreeSet<u128>,
    /// Every step of the runbook.
    pub runs: Runs,
    /// Where the steps of the runbook that counts are in it and among their runs.
    pub order: Order,
    /// Undo runs.
    pub undos: Runs,
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
    /// Messages that were asked for and have not left: the asking event, the text's name, how they are to leave.
    pub asked: BTreeMap<u64, (String, Handed)>,
    /// Who of the declaration's list was told by hand, and when.
    pub told: BTreeMap<String, Stamp>,
    /// What people outside were promised, by the event that says so.
    pub promises: BTreeMap<u64, Promise>,
    /// The newest head that each place outside keeps: its size, and since when.
    pub anchored: BTreeMap<String, (u64, Stamp)>,
    /// Every use of break-glass.
    pub overrides: Vec<BrokenGlass>,
    /// How often the hub came back.
    pub resumes: u32,
    /// How far the clock has been moved in all, in microseconds.
    pub moved: i64,
    /// Where the record went on in a new file after a disk failed, oldest first.
    pub segments: Vec<Segment>,
    /// Command offered and not yet taken.
    pub offer: Option<Offer>,
    /// The event that last offered it.
    pub last_offer: Option<u64>,
    /// How often command changed hands.
    pub handovers: u32,
    /// What was decided, and what was spoken against.
    pub rulings: Vec<Ruling>,
    /// Questions to the room, by the event that asked.
    pub polls: BTreeMap<u64, Poll>,
    /// Objections, by the event that objected.
    pub objections: BTreeMap<u64, Objection>,
    /// How many parts each event keeps beside the record.
    pub parts: BTreeMap<u64, u32>,
    /// Removals that one person asked for, by the event that asked.
    pub redaction_asks: BTreeMap<u64, RedactionAsk>,
    /// The event that last asked for one.
    pub last_redaction_ask: Option<u64>,
    /// Parts that are removed: event and part, and the event that says so.
    pub redacted: BTreeMap<(u64, u32), u64>,
    /// Who joined too soon after their last incident, and when that was.
    pub short_shifts: BTreeMap<PersonId, Stamp>,
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

impl Incident {
    /// An incident without events.
    pub fn new(runbook: Arc<Runbook>, team: Arc<Team>) -> Incident {
        let runs: Runs = runbook.steps().filter_map(|s| StepId::parse(s.id.clone()).ok()).collect();
        let order = Order::of(&runbook, &runs);
        Incident {
            opened_with: runbook.clone(),
            library: Library::new(),
            proposal: None,
            proposals: 0,
            amended: None,
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
            nonces: BTreeSet::new(),
            order,
            runs,
            undos: Runs::default(),
            phases_entered: BTreeSet::new(),
            measurements: BTreeMap::new(),
            fired: BTreeMap::new(),
            suspensions: BTreeMap::new(),
            backlog: BTreeMap::new(),
            sent: Vec::new(),
            asked: BTreeMap::new(),
            told: BTreeMap::new(),
            promises: BTreeMap::new(),
            anchored: BTreeMap::new(),
            overrides: Vec::new(),
            resumes: 0,
            moved: 0,
            segments: Vec::new(),
            offer: None,
            last_offer: None,
            handovers: 0,
            rulings: Vec::new(),
            polls: BTreeMap::new(),
            objections: BTreeMap::new(),
            parts: BTreeMap::new(),
            redaction_asks: BTreeMap::new(),
            last_redaction_ask: None,
            redacted: BTreeMap::new(),
            short_shifts: BTreeMap::new(),
        }
    }

    /// Name of this log; empty before the first event.
    pub fn log(&self) -> &str {
        self.opened.as_ref().map_or("", |o| o.log.as_str())
    }

    /// The step of the runbook.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.step_at(self.order.place(id.as_str())?).filter(|step| step.id == id.as_str())
    }

    /// The step at a place of the [`Order`].
    fn step_at(&self, (phase, n): (usize, usize)) -> Option<&Step> {
        let steps = self.runbook.phases.get(phase).map_or(&self.runbook.always, |phase| &phase.steps);
        steps.get(n)
    }

    /// Cost so far in hundredths of the runbook's currency. It stops growing when the harm does.
    pub fn cost_cents(&self, now: Stamp) -> Option<(u64, &str)> {
        let cost = self.runbook.cost.as_ref()?;
        let until = self.mitigated_at.or(self.resolved_at).unwrap_or(now);
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
