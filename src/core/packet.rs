//! What a new commander has to know, in one page made from the state alone. Never looks at a clock: a packet is the
//! same until something in it changes, and then an offer that was made with it is void.

use crate::core::comms;
use crate::core::decide::step::must_retype;
use crate::core::event::Direction;
use crate::core::id::{Digest, StepId};
use crate::core::incident::{BrokenGlass, Incident, Stage, Standing, Status};
use crate::core::time::{Stamp, spoken};
use crate::runbook::model::Action;

/// The lines of the packet: key and text, always the same keys in the same order.
pub fn of(incident: &Incident) -> Vec<(&'static str, String)> {
    let lines = [
        ("state", vec![state(incident)]),
        ("running", running(incident)),
        ("trouble", trouble(incident)),
        ("no-return", no_return(incident)),
        ("approvals", approvals(incident)),
        ("timers", timers(incident)),
        ("open", open(incident)),
        ("promised", promised(incident)),
        ("ruled-out", ruled_out(incident)),
        ("safety", safety(incident)),
    ];
    lines.into_iter().map(|(key, items)| (key, items.join("; "))).collect()
}

/// Digest of the whole packet, however much of it a statement has room for.
pub fn digest(incident: &Incident) -> Digest {
    let text: String = of(incident).into_iter().map(|(key, text)| format!("{key}\0{text}\0")).collect();
    Digest::tagged("backout/packet/v1", text.as_bytes())
}

fn state(incident: &Incident) -> String {
    let opened = incident.opened.as_ref();
    let mode = opened.map_or("", |o| o.mode.word());
    let mut words = vec![format!("{mode}, severity {}", opened.map_or(0, |o| o.severity))];
    words.push(match incident.stage {
        Stage::Empty | Stage::Open => "not declared".to_owned(),
        Stage::Declared | Stage::Closed => "declared".to_owned(),
    });
    if incident.mitigated_at.is_some() {
        words.push("mitigated".to_owned());
    }
    if incident.resolved_at.is_some() {
        words.push("resolved".to_owned());
    }
    words.extend(incident.paused.iter().map(|why| format!("paused ({why})")));
    words.extend(incident.aborted.iter().map(|why| format!("ABORTED ({why})")));
    words.join(", ")
}

/// Steps and undos, as `name` or `undo of name`.
fn runs(incident: &Incident, wanted: impl Fn(&StepId, Status, bool) -> bool) -> Vec<String> {
    let forward = incident.runbook.steps().filter_map(|s| incident.runs.get_key_value(s.id.as_str()));
    let forward = forward.map(|(id, run)| (id, run, Direction::Forward));
    let undo = incident.undos.iter().map(|(id, run)| (id, run, Direction::Undo));
    forward
        .chain(undo)
        .filter(|(id, run, _)| wanted(id, run.status, run.passed))
        .map(|(id, run, direction)| match direction {
            Direction::Forward => format!("{id} attempt {}, {}", run.attempt, run.status.word()),
            Direction::Undo => format!("undo of {id} attempt {}, {}", run.attempt, run.status.word()),
        })
        .collect()
}

fn running(incident: &Incident) -> Vec<String> {
    runs(incident, |_, status, _| status == Status::Running)
}

fn trouble(incident: &Incident) -> Vec<String> {
    runs(incident, |_, status, passed| status == Status::Unknown || (status.is_trouble() && !passed))
}

/// Steps that cannot be taken back: which are past, and which are still ahead.
fn no_return(incident: &Incident) -> Vec<String> {
    let steps = incident.runbook.steps().filter(|s| must_retype(incident, s).is_some());
    steps
        .map(|s| match incident.status(&s.id) {
            Status::Pending | Status::Waiting => format!("{} ahead", s.id),
            Status::Skipped | Status::NotReached => format!("{} left out", s.id),
            done => format!("{} {}", s.id, done.word()),
        })
        .collect()
}

fn waiting_gates(incident: &Incident) -> impl Iterator<Item = (&StepId, &crate::core::incident::Gate)> {
    incident.gates.iter().filter(|(id, gate)| {
        let waits = if id.is_declare() {
            incident.stage == Stage::Open
        } else if id.is_amend() {
            incident.open_proposal().is_some()
        } else {
            incident.status(id.as_str()) == Status::Waiting
        };
        waits && gate.standing == Standing::Open
    })
}

fn approvals(incident: &Incident) -> Vec<String> {
    waiting_gates(incident)
        .map(|(id, gate)| {
            let said = gate.answers.iter().map(|v| {
                format!("{} {} as {}", v.person, if v.approves { "approves" } else { "denies" }, v.role)
            });
            let said: Vec<String> = said.collect();
            let said = if said.is_empty() { "no answer yet".to_owned() } else { said.join(", ") };
            format!("{id} attempt {} until {} ({said})", gate.attempt, gate.expires.to_second())
        })
        .collect()
}

fn timers(incident: &Incident) -> Vec<String> {
    let mut due: Vec<(Stamp, String)> = Vec::new();
    for step in incident.runbook.steps() {
        if let Some(over) = incident.held_until(step) {
            due.push((over, format!("{} is over", step.id)));
        }
        if let Some(at) = incident.retry_due(step) {
            due.push((at, format!("{} is tried again", step.id)));
        }
    }
    for (seq, promise) in incident.open_promises() {
        due.push((promise.due, format!("promise #{seq} to {}", promise.to)));
    }
    if let Some((_, poll)) = incident.open_poll() {
        due.push((poll.expires, format!("question: {}", poll.question)));
    }
    due.sort();
    due.into_iter().map(|(at, what)| format!("{} {what}", at.to_second())).collect()
}

fn open(incident: &Incident) -> Vec<String> {
    let suspended = incident.open_suspensions().map(|(name, s)| {
        let perhaps = if s.certain { "" } else { " perhaps" };
        format!("{name}{perhaps} suspended by {}", s.step)
    });
    let owed = incident.open_backlog().map(|(name, left)| format!("{left} of {name} to reconcile"));
    let objections = incident
        .open_objections()
        .map(|(seq, o)| format!("objection #{seq} of {} to {} has no answer", o.person, o.about));
    let broken = incident.overrides.iter().map(BrokenGlass::words);
    suspended.chain(owed).chain(objections).chain(broken).collect()
}

/// What others were told to expect: promises that somebody made, who is still to be told, and the next message of
/// every rhythm the runbook keeps.
fn promised(incident: &Incident) -> Vec<String> {
    let open = incident.open_promises();
    let mut all: Vec<String> =
        open.map(|(seq, p)| format!("#{seq} to {} by {}: {}", p.to, p.due.to_second(), p.words)).collect();
    let waiting = comms::due_messages(incident).into_iter().filter(|m| m.every.is_zero());
    all.extend(waiting.map(|m| format!("{} is to be told that it is declared", m.audience)));
    all.extend(rhythms(incident));
    all
}

fn rhythms(incident: &Incident) -> Vec<String> {
    let Some(declared) = incident.declared_at else { return Vec::new() };
    let rhythm = incident.runbook.comms.cadence.iter();
    rhythm
        .map(|c| {
            let to = |template: &str| {
                let mut all = incident.runbook.comms.templates.iter();
                all.any(|t| t.name == template && t.audience == c.audience)
            };
            let last = incident.sent.iter().filter(|m| to(&m.template)).map(|m| m.at).max();
            let next = last.unwrap_or(declared).plus(c.every).to_second();
            let said =
                last.map_or_else(|| "not told yet".to_owned(), |at| format!("told {}", at.to_second()));
            format!("{} every {}: {said}, next {next}", c.audience, spoken(c.every))
        })
        .collect()
}

/// What was decided and what was spoken against, newest first.
fn ruled_out(incident: &Incident) -> Vec<String> {
    incident.rulings.iter().rev().map(|r| format!("#{} {}", r.seq, r.words)).collect()
}

/// What was set aside instead of destroyed.
fn safety(incident: &Incident) -> Vec<String> {
    let steps = incident.runbook.steps().filter(|s| matches!(s.action, Action::SetAside { .. }));
    steps
        .filter_map(|s| incident.runs.get(s.id.as_str()).map(|r| (s, r)))
        .filter(|(_, run)| run.status == Status::Succeeded)
        .map(|(s, run)| format!("{}: {}", s.id, run.detail))
        .collect()
}
