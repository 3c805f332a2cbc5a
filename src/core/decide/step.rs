//! Steps: starting, ending, settling, and what to do about trouble. Never starts anything: it only allows it.

use super::{commands, hub, person, reason, seated, takes_part};
use crate::core::due;
use crate::core::event::{Direction, Finished, Judgement, Outcome, Started, Undone, What};
use crate::core::id::{PersonId, StepId};
use crate::core::incident::{Incident, Matter, Run, Standing, Status};
use crate::core::intent::{By, Intent};
use crate::core::plan;
use crate::core::refusal::Refusal;
use crate::core::time::Stamp;
use crate::runbook::model::{Action, Duty, NoData, Step};

pub(super) fn known<'a>(incident: &'a Incident, id: &StepId) -> Result<(&'a Step, &'a Run), Refusal> {
    let missing = || Refusal::NoSuchStep(id.clone());
    Ok((incident.step(id).ok_or_else(missing)?, incident.run(id).ok_or_else(missing)?))
}

/// Whether this start is allowed now.
///
/// # Errors
/// The reason why not.
pub fn start(incident: &Incident, by: &By, intent: &Intent, now: Stamp) -> Result<What, Refusal> {
    let Intent::Start { step: id, attempt, direction, plan: shown, retyped, reason: why, payload } = intent
    else {
        return Err(Refusal::DoesNotFit("not a start".to_owned()));
    };
    let (step, run) = known(incident, id)?;
    if !incident.stage_lets_begin(&step.id) {
        return Err(Refusal::NotDeclared);
    }
    match direction {
        Direction::Forward => may_begin(incident, by, step, run, now)?,
        Direction::Undo => may_undo(incident, by, step, run, why.as_deref())?,
    }
    if payload.is_some() && !matches!(step.action, Action::Send { .. }) {
        return Err(Refusal::DoesNotFit(format!("{id} sends no message")));
    }
    let expected = incident.next_attempt(id, *direction);
    if *attempt != expected {
        return Err(Refusal::WrongAttempt { step: id.clone(), expected, got: *attempt });
    }
    let resolved = plan::of_step(incident, step, *direction)
        .map_err(|why| Refusal::Unresolvable { step: id.clone(), why })?;
    if *shown != plan::digest(&resolved, *attempt) {
        return Err(Refusal::PlanChanged { step: id.clone() });
    }
    if *direction == Direction::Forward {
        covered(incident, by, step, id)?;
        retype(incident, step, id, retyped.as_deref())?;
    }
    Ok(Started {
        step: id.clone(),
        attempt: *attempt,
        direction: *direction,
        plan: *shown,
        retyped: retyped.clone(),
        reason: why.as_deref().map(reason).transpose()?,
    }
    .into())
}

/// Order and person: the step is ready, and whoever starts it may.
fn may_begin(incident: &Incident, by: &By, step: &Step, run: &Run, now: Stamp) -> Result<(), Refusal> {
    let id = StepId::parse(step.id.clone()).map_err(|e| Refusal::DoesNotFit(e.to_string()))?;
    if let Some(why) = &incident.paused {
        return Err(Refusal::Paused(why.clone()));
    }
    if incident.is_being_undone(&id) {
        return Err(Refusal::BeingUndone { step: id });
    }
    let by_itself = due::starts_by_itself(&step.action);
    match by {
        By::Hub => {
            let retry = incident.retry_due(step).is_some_and(|at| now >= at);
            if !by_itself && !retry {
                return Err(Refusal::NeedsAPerson { step: id });
            }
            if (retry && run.status.is_trouble()) || incident.recheck_due(&step.id).is_some() {
                return Ok(());
            }
        }
        By::Person { id: who, .. } => {
            if by_itself
                || matches!(step.action, Action::Approve(_) | Action::Decide { .. } | Action::Manual { .. })
            {
                return Err(Refusal::StartsByItself { step: id });
            }
            acts_for(incident, who, step)?;
            super::people::carries_out(incident, who)?;
        }
    }
    if !incident.is_ready(step) {
        if let Some(why) = incident.aborted.as_ref().filter(|_| !incident.is_always(&step.id)) {
            return Err(Refusal::Aborted(why.clone()));
        }
        return Err(Refusal::NotReady { step: id, word: run.status.word(), why: waits_for(incident, step) });
    }
    incident.in_its_phase(step)?;
    let outside = step
        .region
        .as_ref()
        .filter(|r| !incident.runbook.residency.is_empty() && !incident.runbook.residency.contains(r));
    if let Some(region) = outside {
        return Err(Refusal::DoesNotFit(format!("region {region} is outside the allowed residency")));
    }
    if step.irreversible && !incident.unknowns().is_empty() {
        return Err(Refusal::UnsettledBefore { step: id });
    }
    Ok(())
}

/// What a step still waits for, for the sentence of the refusal.
fn waits_for(incident: &Incident, step: &Step) -> String {
    let open: Vec<String> = step
        .needs
        .iter()
        .filter(|n| !incident.lets_go_on(n))
        .map(|n| format!("{n} is {}", incident.status(n).word()))
        .collect();
    if open.is_empty() { String::new() } else { format!(" ({})", open.join(", ")) }
}

/// Who may act on a step: whoever sits in its role; without one, whoever takes part.
fn acts_for(incident: &Incident, who: &PersonId, step: &Step) -> Result<(), Refusal> {
    match &step.role {
        Some(role) => seated(incident, who, role),
        None => takes_part(incident, who),
    }
}

/// The step's role, or the commander.
pub(super) fn answers_for(incident: &Incident, who: &PersonId, step: &Step) -> Result<(), Refusal> {
    acts_for(incident, who, step).or_else(|refusal| commands(incident, who).map_err(|_| refusal))
}

fn may_undo(incident: &Incident, by: &By, step: &Step, run: &Run, why: Option<&str>) -> Result<(), Refusal> {
    let who = person(by)?;
    let id = StepId::parse(step.id.clone()).map_err(|e| Refusal::DoesNotFit(e.to_string()))?;
    answers_for(incident, who, step)?;
    super::people::carries_out(incident, who)?;
    if step.undo.is_none() {
        return Err(Refusal::NoUndo { step: id });
    }
    if let Some(why) = &incident.paused {
        return Err(Refusal::Paused(why.clone()));
    }
    let undo = incident.undos.get(&id).map_or(Status::Pending, |u| u.status);
    let free = run.may_have_acted() && (undo == Status::Pending || undo.is_trouble());
    let trouble = run.status.is_trouble() || run.status == Status::Unknown;
    if incident.aborted.is_none() && free && trouble {
        // After an abort its reason stands for every undo; here nothing else says why.
        return reason(why.unwrap_or_default()).map(|_| ());
    }
    let next = incident.undo_next().map(|s| s.id.as_str());
    if incident.aborted.is_some() && free && (undo.is_trouble() || next == Some(&step.id)) {
        return Ok(());
    }
    let next = next.filter(|_| incident.aborted.is_some()).unwrap_or("nothing").to_owned();
    Err(Refusal::UndoOrder { next })
}

/// Every hold point that covers the step must have been passed for exactly this content.
pub(super) fn covered(incident: &Incident, by: &By, step: &Step, id: &StepId) -> Result<(), Refusal> {
    let mut any = false;
    let mut approved_as = Vec::new();
    for hold in incident.holds_over(&step.id) {
        any = true;
        let gate_id = StepId::parse(hold.id.clone()).map_err(|e| Refusal::DoesNotFit(e.to_string()))?;
        let refused = |word| Refusal::NotApproved { step: id.clone(), gate: gate_id.clone(), word };
        let status = incident.status(&hold.id);
        let gate = incident.gates.get(&gate_id).ok_or_else(|| refused(status.word()))?;
        if status != Status::Succeeded || gate.standing != Standing::Open {
            return Err(refused(status.word()));
        }
        // Also of a step that will not begin any more: what was done by hand must be what was approved.
        if super::gate::differs(incident, &gate_id).is_some() {
            return Err(refused("void: what it covers has changed"));
        }
        approved_as.extend(gate.answers.iter().filter(|v| v.approves).map(|v| v.role.as_str()));
        let By::Person { id: who, .. } = by else { continue };
        let Action::Approve(approve) = &hold.action else { continue };
        let separated = approve.separation_of_duties.contains(&Duty::Executor);
        if separated && gate.answers.iter().any(|v| v.approves && &v.person == who) {
            return Err(Refusal::ApproverExecutes { person: who.clone(), gate: gate_id, step: id.clone() });
        }
    }
    if step.irreversible && !any {
        return Err(Refusal::NotCovered { step: id.clone() });
    }
    no_return(incident, step, id, &approved_as)
}

/// Past a point of no return goes nothing that nobody entitled to decide that has approved.
fn no_return(incident: &Incident, step: &Step, id: &StepId, approved_as: &[&str]) -> Result<(), Refusal> {
    if !step.irreversible {
        return Ok(());
    }
    let lists = incident.authority(Matter::NoReturn, incident.phase_of(&step.id));
    let missing = lists.into_iter().find(|roles| !roles.iter().any(|r| approved_as.contains(&r.as_str())));
    match missing {
        None => Ok(()),
        Some(roles) => Err(Refusal::NotAuthorised { step: id.clone(), roles: roles.join(" or ") }),
    }
}

/// What cannot be taken back is confirmed by typing the target's name, or the step's where it has none.
pub fn must_retype(incident: &Incident, step: &Step) -> Option<String> {
    step.irreversible.then(|| plan::target(incident, step).unwrap_or_else(|| step.id.clone()))
}

fn retype(incident: &Incident, step: &Step, id: &StepId, typed: Option<&str>) -> Result<(), Refusal> {
    match must_retype(incident, step) {
        Some(expected) if typed != Some(expected.as_str()) => {
            Err(Refusal::RetypeTarget { step: id.clone(), expected })
        }
        Some(_) | None => Ok(()),
    }
}

/// Evidence as a client signs it: words that say no more than that it was confirmed are none.
pub fn evidence(who: &PersonId, words: &str) -> String {
    if words.trim().is_empty() || words == plainly_confirmed(who) { String::new() } else { words.to_owned() }
}

/// What stands in the record of a step that was confirmed without evidence.
pub fn plainly_confirmed(who: &PersonId) -> String {
    format!("confirmed by {who}")
}

pub(super) fn confirm(
    incident: &Incident,
    by: &By,
    id: &StepId,
    attempt: u32,
    evidence: &str,
) -> Result<What, Refusal> {
    let who = person(by)?;
    let (step, run) = known(incident, id)?;
    let Action::Manual { .. } = step.action else {
        return Err(Refusal::DoesNotFit(format!("{id} is not a manual step")));
    };
    acts_for(incident, who, step)?;
    running(run, id, attempt)?;
    if step.evidence_required && evidence.trim().is_empty() {
        return Err(Refusal::EvidenceNeeded { step: id.clone() });
    }
    let plain = plainly_confirmed(who);
    // What stands in the record must say what was signed: nothing, or these words.
    if evidence == plain || (evidence.trim().is_empty() && !evidence.is_empty()) {
        return Err(Refusal::EmptyEvidence);
    }
    let detail = if evidence.is_empty() { plain } else { reason(evidence)? };
    Ok(Finished {
        step: id.clone(),
        attempt,
        outcome: Outcome::Succeeded,
        detail,
        output: None,
        output_bytes: None,
    }
    .into())
}

pub(super) fn running(run: &Run, id: &StepId, attempt: u32) -> Result<(), Refusal> {
    if run.status != Status::Running {
        return Err(Refusal::NotRunning { step: id.clone() });
    }
    if run.attempt != attempt {
        return Err(Refusal::WrongAttempt { step: id.clone(), expected: run.attempt, got: attempt });
    }
    Ok(())
}

pub(super) fn finish(incident: &Incident, by: &By, intent: &Intent, now: Stamp) -> Result<What, Refusal> {
    hub(by)?;
    let Intent::Finish { step: id, attempt, direction, outcome, detail, output, output_bytes } = intent
    else {
        return Err(Refusal::DoesNotFit("not an end".to_owned()));
    };
    let (step, run) = known(incident, id)?;
    if *direction == Direction::Undo {
        let undo = incident.undos.get(id).ok_or_else(|| Refusal::NotRunning { step: id.clone() })?;
        running(undo, id, *attempt)?;
        return Ok(
            Undone { step: id.clone(), attempt: *attempt, outcome: *outcome, detail: detail.clone() }.into()
        );
    }
    if let Action::Approve(_) = &step.action {
        gate_ends(incident, id, run, *attempt, *outcome)?;
    } else {
        running(run, id, *attempt)?;
        fits_action(incident, step, run, *outcome, now)?;
    }
    Ok(Finished {
        step: id.clone(),
        attempt: *attempt,
        outcome: *outcome,
        detail: detail.clone(),
        output: *output,
        output_bytes: *output_bytes,
    }
    .into())
}

fn gate_ends(
    incident: &Incident,
    id: &StepId,
    run: &Run,
    attempt: u32,
    outcome: Outcome,
) -> Result<(), Refusal> {
    if run.status != Status::Waiting {
        return Err(Refusal::NotRunning { step: id.clone() });
    }
    if run.attempt != attempt {
        return Err(Refusal::WrongAttempt { step: id.clone(), expected: run.attempt, got: attempt });
    }
    let true_end = match outcome {
        Outcome::Succeeded => incident.quorum_reached(id),
        Outcome::Failed => incident.is_denied(id),
        Outcome::TimedOut | Outcome::Cancelled | Outcome::Unknown => false,
    };
    if true_end {
        return Ok(());
    }
    Err(Refusal::GateNotOpen { gate: id.clone(), word: "without its quorum" })
}

/// A success must be borne out by what the record already says.
fn fits_action(
    incident: &Incident,
    step: &Step,
    run: &Run,
    outcome: Outcome,
    now: Stamp,
) -> Result<(), Refusal> {
    if outcome != Outcome::Succeeded {
        return Ok(());
    }
    // By its number: a clock that was set back meanwhile must not make what is there invisible.
    let since = run.begun;
    let borne_out = match &step.action {
        Action::Wait { .. } => incident.held_until(step).is_some_and(|over| now >= over),
        Action::Check(check) => {
            let passed = match run.last_judgement {
                Some(Judgement::Pass) => true,
                Some(Judgement::Inconclusive) => step.on_no_data == NoData::Pass,
                Some(Judgement::Fail) | None => false,
            };
            passed && run.looks >= check.count
        }
        Action::Measure { as_name, .. } => incident.measurements.get(as_name).is_some_and(|m| m.seq > since),
        Action::Send { .. } => incident
            .sent
            .iter()
            .any(|m| m.step.as_ref().is_some_and(|s| s.as_str() == step.id) && m.seq > since),
        Action::Manual { .. } | Action::Decide { .. } => false,
        Action::Run { .. } | Action::Await(_) | Action::SetAside { .. } | Action::Approve(_) => true,
    };
    if borne_out {
        return Ok(());
    }
    Err(Refusal::DoesNotFit(format!("the record does not bear out that {} succeeded", step.id)))
}
