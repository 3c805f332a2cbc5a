//! Ways on: leaving a step out, doing it by hand, settling it, deciding after trouble. Never without a reason.

use super::step::{answers_for, covered, known};
use super::{authorised, person, reason, takes_part};
use crate::core::event::{About, Choice, Decided, Direction, DoneByHand, Settled, StepSkipped, What};
use crate::core::id::{PersonId, StepId};
use crate::core::incident::{Incident, Matter, Run, Stage, Standing, Status};
use crate::core::intent::{By, Intent};
use crate::core::plan;
use crate::core::refusal::Refusal;
use crate::runbook::model::{Action, OnFailure, Step};

pub(super) fn skip(incident: &Incident, by: &By, id: &StepId, why: &str) -> Result<What, Refusal> {
    let (step, run) = known(incident, id)?;
    match by {
        By::Hub if incident.is_ready(step) && plan::when_is_false(incident, step) => {}
        By::Hub => return Err(Refusal::PersonOnly),
        By::Person { id: who, .. } => goes_on(incident, who, step)?,
    }
    can_be_left(incident, step, run, id)?;
    if matches!(step.action, Action::Approve(_)) && matches!(by, By::Person { .. }) {
        return Err(Refusal::DoesNotFit(format!(
            "{id} is a hold point: it is passed by its quorum or not at all"
        )));
    }
    Ok(StepSkipped { step: id.clone(), reason: reason(why)? }.into())
}

pub(super) fn mark_done(incident: &Incident, by: &By, id: &StepId, why: &str) -> Result<What, Refusal> {
    let who = person(by)?;
    let (step, run) = known(incident, id)?;
    if run.status.is_trouble() {
        goes_on(incident, who, step)?;
    } else {
        answers_for(incident, who, step)?;
    }
    can_be_left(incident, step, run, id)?;
    // Done once more, it would have an undo that has not begun, and the one under way would be forgotten.
    if incident.is_being_undone(id) {
        return Err(Refusal::BeingUndone { step: id.clone() });
    }
    if matches!(step.action, Action::Approve(_)) {
        return Err(Refusal::DoesNotFit(format!(
            "{id} is a hold point: it is passed by its quorum or not at all"
        )));
    }
    // Doing it by hand is doing it: what covers the step covers that too.
    covered(incident, by, step, id)?;
    Ok(DoneByHand { step: id.clone(), reason: reason(why)? }.into())
}

/// Who decides to go on in spite of a step: as the phase, the runbook or the workspace says, else whoever answers for
/// the step.
fn goes_on(incident: &Incident, who: &PersonId, step: &Step) -> Result<(), Refusal> {
    if authorised(incident, who, Matter::GoOn, incident.phase_of(&step.id))? {
        return Ok(());
    }
    answers_for(incident, who, step)
}

/// A step that is under way or unknown is not left out: it is cancelled or settled first.
fn can_be_left(incident: &Incident, step: &Step, run: &Run, id: &StepId) -> Result<(), Refusal> {
    if !incident.stage_lets_begin(&step.id) {
        return Err(Refusal::NotDeclared);
    }
    incident.in_its_phase(step)?;
    let ready = run.status == Status::Pending && (incident.is_ready(step) || incident.paused.is_some());
    if ready || (run.status.is_trouble() && !run.passed) {
        return Ok(());
    }
    Err(Refusal::WrongState { step: id.clone(), word: run.status.word() })
}

pub(super) fn settle(incident: &Incident, by: &By, intent: &Intent) -> Result<What, Refusal> {
    let Intent::Settle { step: id, attempt, direction, verdict, reason: why } = intent else {
        return Err(Refusal::DoesNotFit("nothing to settle".to_owned()));
    };
    let (attempt, direction, verdict) = (*attempt, *direction, *verdict);
    let (step, _) = known(incident, id)?;
    match by {
        // The probe tells about the step, not about its undo.
        By::Hub if step.reconcile.is_some() && direction == Direction::Forward => {}
        By::Hub => return Err(Refusal::PersonOnly),
        By::Person { id: who, .. } => answers_for(incident, who, step)?,
    }
    let unknown = incident
        .run_of(id, direction)
        .filter(|r| r.status == Status::Unknown)
        .ok_or_else(|| Refusal::NotUnknown { step: id.clone() })?;
    if unknown.attempt != attempt {
        return Err(Refusal::WrongAttempt { step: id.clone(), expected: unknown.attempt, got: attempt });
    }
    Ok(Settled { step: id.clone(), attempt, direction, verdict, reason: reason(why)? }.into())
}

pub(super) fn decide_step(
    incident: &Incident,
    by: &By,
    id: &StepId,
    choice: &Choice,
    why: &str,
) -> Result<What, Refusal> {
    let about = About::Step(id.clone());
    let decided =
        |why: &str| Ok(Decided { about: about.clone(), choice: choice.clone(), reason: reason(why)? }.into());
    if id.is_declare() {
        return retry_declaration(incident, by, choice).and_then(|()| decided(why));
    }
    let (step, run) = known(incident, id)?;
    match by {
        By::Hub => declared_way_on(step, run, choice, id)?,
        By::Person { id: who, .. } if matches!(choice, Choice::Continue | Choice::Goto(_)) => {
            goes_on(incident, who, step)?;
        }
        By::Person { id: who, .. } => answers_for(incident, who, step)?,
    }
    match choice {
        Choice::Option(name) => option(step, run, id, name)?,
        Choice::Retry => {
            trouble(run, id)?;
            if incident.aborted.is_some() && !incident.is_always(&step.id) {
                return Err(Refusal::Aborted(incident.aborted.clone().unwrap_or_default()));
            }
        }
        Choice::Continue => trouble(run, id)?,
        Choice::Goto(to) => {
            trouble(run, id)?;
            let ahead = incident
                .runbook
                .steps()
                .skip_while(|s| s.id != id.as_str())
                .skip(1)
                .any(|s| s.id == to.as_str());
            if !ahead || incident.status(to.as_str()) != Status::Pending {
                return Err(Refusal::BadJump { from: id.clone(), to: to.clone() });
            }
        }
        Choice::Cancel | Choice::Kill => {
            let under_way = [Direction::Forward, Direction::Undo]
                .into_iter()
                .filter_map(|d| incident.run_of(id, d))
                .any(|r| r.status == Status::Running);
            if !under_way {
                return Err(Refusal::NotRunning { step: id.clone() });
            }
        }
        Choice::Keep => {
            if incident.aborted.is_none() || !incident.undo_order().iter().any(|s| s.id == id.as_str()) {
                return Err(Refusal::NothingToKeep { step: id.clone() });
            }
            if incident.is_being_undone(id) {
                return Err(Refusal::BeingUndone { step: id.clone() });
            }
        }
        Choice::Pause | Choice::GoOn | Choice::RuleOut(_) | Choice::Amend(_) => {
            return Err(Refusal::DoesNotFit("that is about the incident".to_owned()));
        }
    }
    decided(why)
}

/// The declaration may be asked for again after it was denied or expired.
fn retry_declaration(incident: &Incident, by: &By, choice: &Choice) -> Result<(), Refusal> {
    let who = person(by)?;
    takes_part(incident, who)?;
    let gate = StepId::declare();
    let closed = incident.gates.get(&gate).is_some_and(|g| g.standing == Standing::Expired)
        || incident.is_denied(&gate);
    if *choice == Choice::Retry && closed && incident.stage == Stage::Open {
        return Ok(());
    }
    Err(Refusal::NothingToDecide { step: gate })
}

fn trouble(run: &Run, id: &StepId) -> Result<(), Refusal> {
    if run.status.is_trouble() && !run.passed {
        Ok(())
    } else {
        Err(Refusal::NothingToDecide { step: id.clone() })
    }
}

/// The hub only applies what the runbook declares for a failure.
fn declared_way_on(step: &Step, run: &Run, choice: &Choice, id: &StepId) -> Result<(), Refusal> {
    let fits = match &step.on_failure {
        OnFailure::Continue => *choice == Choice::Continue,
        OnFailure::Goto(to) => matches!(choice, Choice::Goto(chosen) if to == chosen.as_str()),
        OnFailure::Pause | OnFailure::Abort => false,
    };
    // A cancelled step was stopped by a person, who says how to go on.
    if fits && run.status != Status::Cancelled {
        Ok(())
    } else {
        Err(Refusal::NothingToDecide { step: id.clone() })
    }
}

fn option(step: &Step, run: &Run, id: &StepId, name: &str) -> Result<(), Refusal> {
    let Action::Decide { options, .. } = &step.action else {
        return Err(Refusal::DoesNotFit(format!("{id} is not a decision")));
    };
    if run.status != Status::Running {
        return Err(Refusal::NotRunning { step: id.clone() });
    }
    if options.iter().any(|o| o.name == name) {
        return Ok(());
    }
    let offered = options.iter().map(|o| o.name.as_str()).collect::<Vec<_>>().join(", ");
    Err(Refusal::NoSuchOption { step: id.clone(), offered, got: name.to_owned() })
}
