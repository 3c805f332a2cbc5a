//! Decisions: pauses, ways on after trouble, options chosen. Never applies one by itself.

use super::step::{keep, not_reached, set};
use crate::core::event::{About, Choice, Decided, Event};
use crate::core::id::{Digest, PersonId, StepId};
use crate::core::incident::{Incident, Proposal, Ruling, Standing, Status};
use crate::core::time::Stamp;
use crate::runbook::model::{Action, Then};

pub(super) fn decided(incident: &mut Incident, data: &Decided, person: Option<&PersonId>, event: &Event) {
    let Event { seq, at, .. } = *event;
    if let Some(words) = ruling(data) {
        incident.rulings.push(Ruling { seq, person: person.cloned(), words });
    }
    match &data.about {
        About::Incident => {
            if let Choice::Amend(digest) = data.choice {
                return proposed(incident, digest, &data.reason, person, at);
            }
            if matches!(data.choice, Choice::Pause | Choice::GoOn) {
                incident.paused = matches!(data.choice, Choice::Pause).then(|| data.reason.clone());
            }
        }
        About::Step(step) => decided_step(incident, step, data, event),
    }
}

fn proposed(incident: &mut Incident, runbook: Digest, reason: &str, person: Option<&PersonId>, at: Stamp) {
    let attempt = incident.gates.get(&StepId::amend()).map_or(1, |g| g.attempt + 1);
    incident.proposals += 1;
    incident.proposal =
        Some(Proposal { runbook, by: person.cloned(), reason: reason.to_owned(), at, attempt });
}

/// What a decision settles for whoever comes after; a pause is over when it is over.
fn ruling(data: &Decided) -> Option<String> {
    let chosen = match &data.choice {
        Choice::Option(name) => format!("chose {name}"),
        Choice::Retry => "again".to_owned(),
        Choice::Continue => "go on in spite of it".to_owned(),
        Choice::Goto(to) => format!("go on at {to}"),
        Choice::Cancel => "cancelled".to_owned(),
        Choice::Kill => "killed".to_owned(),
        Choice::Keep => "kept as it is".to_owned(),
        Choice::RuleOut(way) => return Some(format!("ruled out: {way}: {}", data.reason)),
        Choice::Pause | Choice::GoOn | Choice::Amend(_) => return None,
    };
    match &data.about {
        About::Incident => None,
        About::Step(step) => Some(format!("{step}: {chosen}: {}", data.reason)),
    }
}

fn decided_step(incident: &mut Incident, step: &StepId, data: &Decided, event: &Event) {
    match &data.choice {
        Choice::Option(name) => option(incident, step, name, &data.reason, event),
        Choice::Retry => {
            // The declaration has no run: its old request makes room for the next one.
            if let Some(gate) = incident.gates.get_mut(step).filter(|_| step.is_declare()) {
                gate.standing = Standing::Voided;
            }
            if let Some(run) = incident.runs.get_mut(step) {
                run.status = Status::Pending;
                run.again = true;
                run.passed = false;
                run.detail.clone_from(&data.reason);
            }
        }
        Choice::Continue => {
            if let Some(run) = incident.runs.get_mut(step) {
                run.passed = true;
            }
        }
        Choice::Goto(to) => {
            if let Some(run) = incident.runs.get_mut(step) {
                run.passed = true;
            }
            leave_out_between(incident, step, to.as_str(), event);
        }
        Choice::Cancel | Choice::Kill => {
            let forward = incident.runs.get_mut(step).filter(|r| r.status == Status::Running);
            let run = match forward {
                Some(run) => Some(run),
                None => incident.undos.get_mut(step).filter(|r| r.status == Status::Running),
            };
            if let Some(run) = run {
                run.cancelling = Some(data.choice.clone());
            }
        }
        Choice::Keep => keep(incident, step, &data.reason, event),
        Choice::Pause | Choice::GoOn | Choice::RuleOut(_) | Choice::Amend(_) => {}
    }
}

fn option(incident: &mut Incident, step: &StepId, name: &str, reason: &str, event: &Event) {
    set(incident, step, Status::Succeeded, &format!("{name}: {reason}"), event);
    let Some(Action::Decide { options, .. }) = incident.step(step).map(|s| &s.action) else { return };
    match options.iter().find(|o| o.name == name).map(|o| o.then.clone()) {
        Some(Then::Step(to)) => leave_out_between(incident, step, &to, event),
        Some(Then::End) => {
            incident.ended = true;
            not_reached(incident);
        }
        None => {}
    }
}

/// A jump leaves out the pending steps between, so that the one it leads to becomes ready.
fn leave_out_between(incident: &mut Incident, from: &StepId, to: &str, event: &Event) {
    let runbook = incident.runbook.clone();
    let between = runbook.steps().skip_while(|s| s.id != from.as_str()).skip(1).take_while(|s| s.id != to);
    for step in between {
        if let Some(run) = incident.runs.get_mut(step.id.as_str())
            && run.status == Status::Pending
        {
            run.ends(Status::Skipped, format!("left out: from {from} straight to {to}"), event);
        }
    }
}
