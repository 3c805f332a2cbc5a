//! What a stand-in wants to do next, from nothing but the incident as they see it. Never a list of moves by heart: who
//! meets a failed step or a late approval must still know what to do.

use crate::core::decide::stage::what_is_open;
use crate::core::event::{Direction, Event, Verdict, What};
use crate::core::id::{Name, PersonId, RoleName, StepId};
use crate::core::incident::{Gate, Incident, Stage, Standing, Status};
use crate::core::time::Stamp;
use crate::demo::shop::GOOD;
use crate::runbook::model::Step;

/// The criterion of the shop's runbook that the commander waits for.
const CRITERION: &str = "errors";

/// Which person of the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Decides; a person at the console, or a stand-in when nobody is there.
    Commander,
    /// Asks before approving.
    Sre,
    /// Carries out what was approved.
    Operator,
}

impl Part {
    /// Everybody.
    pub const ALL: [Part; 3] = [Part::Commander, Part::Sre, Part::Operator];

    /// Their id in the team.
    pub fn id(self) -> &'static str {
        match self {
            Part::Commander => "you",
            Part::Sre => "noor",
            Part::Operator => "sam",
        }
    }

    /// For screens.
    pub fn name(self) -> &'static str {
        match self {
            Part::Commander => "You",
            Part::Sre => "Noor (stand-in)",
            Part::Operator => "Sam (stand-in)",
        }
    }

    /// Their seat.
    pub fn role(self) -> &'static str {
        match self {
            Part::Commander => "commander",
            Part::Sre => "sre",
            Part::Operator => "operator",
        }
    }
}

/// What somebody wants to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// Take their seat.
    Take(RoleName),
    /// Approve at a gate.
    Approve {
        /// The gate.
        gate: StepId,
        /// Which request.
        attempt: u32,
        /// Why.
        reason: String,
    },
    /// Write a note.
    Note(String),
    /// Start a step or its undo.
    Start {
        /// The step.
        step: StepId,
        /// Which try.
        attempt: u32,
        /// The step or its undo.
        direction: Direction,
    },
    /// Ask a running step to end.
    Cancel(StepId),
    /// Settle an outcome that nobody knows.
    Settle {
        /// The step.
        step: StepId,
        /// Which try.
        attempt: u32,
        /// What it is taken for.
        verdict: Verdict,
    },
    /// Take over what stays suspended.
    Inherit(Name),
    /// Say that what a step did stays, because its undo failed.
    Keep(StepId),
    /// End the way forward.
    Abort(String),
    /// The harm has stopped.
    Mitigate(String),
    /// The service is whole again.
    Resolve(String),
    /// Close the record.
    Close(String),
}

/// How long a person takes over a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// No time at all.
    AtOnce,
    /// As long as it takes to read.
    Think,
    /// As long as one waits for an answer before going on without it.
    Wait,
}

/// What the incident itself does not keep: who wrote notes, and whether patience is over.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    notes: Vec<(PersonId, Stamp)>,
    give_up: Option<String>,
}

impl Heard {
    /// Listens to a recorded event.
    pub fn event(&mut self, event: &Event) {
        if let (What::Noted(_), Some(person)) = (&event.what, event.actor.person()) {
            self.notes.push((person.clone(), event.at));
        }
    }

    /// From now on the commander leads everybody out.
    pub fn give_up(&mut self, why: String) {
        self.give_up.get_or_insert(why);
    }

    /// The place among all notes of the person's first one since then.
    fn first_note(&self, by: &PersonId, since: Stamp) -> Option<usize> {
        self.notes.iter().position(|(who, at)| who == by && *at >= since)
    }

    /// Whether somebody else has written after that note.
    fn answered(&self, note: usize, by: &PersonId) -> bool {
        self.notes.iter().skip(note + 1).any(|(who, _)| who != by)
    }

    /// Whether the last note is somebody else's.
    fn is_asked(&self, me: &PersonId) -> bool {
        self.notes.last().is_some_and(|(who, _)| who != me)
    }
}

/// The next move of this person, if they have one.
pub fn next(part: Part, me: &PersonId, incident: &Incident, heard: &Heard) -> Option<(Move, Pause)> {
    if matches!(incident.stage, Stage::Empty | Stage::Closed) {
        return None;
    }
    if !incident.holds(me, part.role()) {
        return RoleName::parse(part.role()).ok().map(|role| (Move::Take(role), Pause::AtOnce));
    }
    match part {
        Part::Commander => commander(me, incident, heard),
        Part::Sre => sre(me, incident, heard),
        Part::Operator => start(part, incident).map(|m| (m, Pause::Think)),
    }
}

fn commander(me: &PersonId, incident: &Incident, heard: &Heard) -> Option<(Move, Pause)> {
    if incident.aborted.is_some() {
        return way_out(incident);
    }
    if let Some(why) = heard.give_up.clone().or_else(|| trouble(incident)) {
        return Some((Move::Abort(why), Pause::AtOnce));
    }
    let think = |m| Some((m, Pause::Think));
    if heard.is_asked(me) && incident.runs.values().any(|run| run.status == Status::Waiting) {
        return think(Move::Note(reply(incident)));
    }
    if let Some((gate, pending)) = asked(me, Part::Commander, incident) {
        let declares = gate.is_declare();
        if declares && !incident.fired.contains_key(CRITERION) {
            return None;
        }
        let reason = if declares {
            format!("{} fired: the release goes back", list(incident.fired.keys()))
        } else {
            "deployments are suspended and the orders have a fingerprint".to_owned()
        };
        return think(Move::Approve { gate: gate.clone(), attempt: pending.attempt, reason });
    }
    if incident.status("calms-down") == Status::Succeeded && incident.mitigated_at.is_none() {
        return think(Move::Mitigate(format!("release {GOOD} is live and checkouts work")));
    }
    if let Some(m) = start(Part::Commander, incident) {
        return think(m);
    }
    if incident.stage == Stage::Declared && incident.phases_over() && what_is_open(incident).is_none() {
        return match incident.resolved_at {
            None => think(Move::Resolve("the catalog is the same and no order is lost".to_owned())),
            Some(_) => think(Move::Close(format!("the shop is back on release {GOOD}"))),
        };
    }
    None
}

fn reply(incident: &Incident) -> String {
    let orders = incident.measurements.get("orders_count").and_then(|m| m.text.as_deref());
    let since = incident.suspensions.get("deployments").map(|s| s.since.clock());
    match (orders, since) {
        (Some(orders), Some(since)) => {
            format!(
                "{} orders have a fingerprint, and deployments are suspended since {since} UTC.",
                orders.trim()
            )
        }
        (None, _) | (_, None) => "It is all in the steps above.".to_owned(),
    }
}

fn sre(me: &PersonId, incident: &Incident, heard: &Heard) -> Option<(Move, Pause)> {
    let (gate, pending) = asked(me, Part::Sre, incident)?;
    let attempt = pending.attempt;
    if gate.is_declare() {
        let somebody_wants_it = pending.answers.iter().any(|vote| vote.approves);
        if !incident.fired.contains_key(CRITERION) && !somebody_wants_it {
            return None;
        }
        let reason = "I see it too".to_owned();
        return Some((Move::Approve { gate: gate.clone(), attempt, reason }, Pause::Think));
    }
    let Some(question) = heard.first_note(me, pending.requested_at) else {
        let text = "Before I sign: do the orders have a fingerprint, and can the deployer not undo us?";
        return Some((Move::Note(text.to_owned()), Pause::Think));
    };
    let (reason, pause) = if heard.answered(question, me) {
        ("asked and answered; catalog and orders can be compared afterwards", Pause::Think)
    } else {
        ("nobody answered, so I looked myself: the steps above say it", Pause::Wait)
    };
    Some((Move::Approve { gate: gate.clone(), attempt, reason: reason.to_owned() }, pause))
}

/// The open gate that waits for this person.
fn asked<'a>(me: &PersonId, part: Part, incident: &'a Incident) -> Option<(&'a StepId, &'a Gate)> {
    incident.gates.iter().find(|(id, gate)| {
        let waiting = if id.is_declare() {
            incident.stage == Stage::Open
        } else {
            incident.status(id.as_str()) == Status::Waiting
        };
        let wanted = incident.gate_rule(id).is_some_and(|rule| {
            rule.require.iter().any(|r| r.role == part.role() && incident.granted(gate, r) < r.count)
        });
        let fresh = !gate.answers.iter().any(|vote| &vote.person == me);
        waiting && gate.standing == Standing::Open && wanted && fresh
    })
}

/// The step that is this person's to start.
fn start(part: Part, incident: &Incident) -> Option<Move> {
    let theirs = |step: &&Step| match step.role.as_deref() {
        Some(role) => role == part.role(),
        None => part == Part::Commander,
    };
    let step = incident
        .runbook
        .steps()
        .filter(|s| s.action.changes_something() && incident.is_ready(s))
        .find(theirs)?;
    let id = StepId::parse(step.id.clone()).ok()?;
    let attempt = incident.next_attempt(&id, Direction::Forward);
    Some(Move::Start { step: id, attempt, direction: Direction::Forward })
}

/// What went wrong so that there is no way forward.
fn trouble(incident: &Incident) -> Option<String> {
    if let Some((id, _)) = incident.unknowns().first() {
        return Some(format!("nobody knows how {id} ended"));
    }
    let failed = incident.runbook.steps().find_map(|step| {
        let run = incident.runs.get(step.id.as_str())?;
        let stuck = run.status.is_trouble() && !run.passed && incident.retry_due(step).is_none();
        stuck.then(|| format!("{} {}: {}", step.id, run.status.word(), run.detail))
    });
    failed.or_else(|| {
        let declare = StepId::declare();
        let gate = incident.gates.get(&declare).filter(|_| incident.stage == Stage::Open)?;
        let over = gate.standing == Standing::Expired || incident.is_denied(&declare);
        over.then(|| "the rollback was not declared".to_owned())
    })
}

/// After an abort: end what runs, undo newest first, name an owner for what stays, close.
fn way_out(incident: &Incident) -> Option<(Move, Pause)> {
    let at_once = |m| Some((m, Pause::AtOnce));
    if incident.something_runs() {
        let running = incident.runs.iter().find(|(_, r)| r.status == Status::Running);
        let (step, run) = running?;
        return if run.cancelling.is_none() { at_once(Move::Cancel(step.clone())) } else { None };
    }
    if let Some((step, direction)) = incident.unknowns().first() {
        let attempt = incident.run_of(step, *direction).map_or(0, |r| r.attempt);
        return at_once(Move::Settle { step: (*step).clone(), attempt, verdict: Verdict::Failed });
    }
    let undo = incident
        .undo_order()
        .into_iter()
        .filter_map(|s| StepId::parse(s.id.clone()).ok())
        .find(|id| incident.undos.get(id).is_none_or(|u| u.status == Status::Pending));
    if let Some(step) = undo {
        let attempt = incident.next_attempt(&step, Direction::Undo);
        return at_once(Move::Start { step, attempt, direction: Direction::Undo });
    }
    if let Some(step) = incident.undo_order().first() {
        return StepId::parse(step.id.clone()).ok().and_then(|id| at_once(Move::Keep(id)));
    }
    if let Some((name, _)) = incident.open_suspensions().next() {
        return Name::parse(name).ok().and_then(|name| at_once(Move::Inherit(name)));
    }
    let why = incident.aborted.as_deref().unwrap_or("aborted");
    at_once(Move::Close(format!("ended without a rollback: {why}")))
}

fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(String::as_str).collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests;
