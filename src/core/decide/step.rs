//! Steps: starting, ending, settling, and what to do about trouble. Never starts anything: it only allows it.

use super::{commands, hub, person, reason, seated, takes_part};
use crate::core::due;
use crate::core::event::{
    About, Choice, Decided, Direction, DoneByHand, Finished, Handed, Judged, Judgement, Measured, Outcome,
    PhaseEntered, Progressed, Sent, Settled, Started, StepSkipped, Undone, Verdict, What,
};
use crate::core::id::{Name, PersonId, StepId};
use crate::core::incident::{Incident, Run, Stage, Standing, Status};
use crate::core::intent::{By, Intent};
use crate::core::plan;
use crate::core::refusal::Refusal;
use crate::core::time::Stamp;
use crate::runbook::model::{Action, Duty, NoData, OnFailure, Step};

fn known<'a>(incident: &'a Incident, id: &StepId) -> Result<(&'a Step, &'a Run), Refusal> {
    let missing = || Refusal::NoSuchStep(id.clone());
    Ok((incident.step(id).ok_or_else(missing)?, incident.run(id).ok_or_else(missing)?))
}

pub(super) fn start(incident: &Incident, by: &By, intent: &Intent, now: Stamp) -> Result<What, Refusal> {
    let Intent::Start { step: id, attempt, direction, plan: shown, retyped, reason: why, payload } = intent
    else {
        return Err(Refusal::DoesNotFit("not a start".to_owned()));
    };
    let (step, run) = known(incident, id)?;
    if incident.stage != Stage::Declared {
        return Err(Refusal::NotDeclared);
    }
    match direction {
        Direction::Forward => may_begin(incident, by, step, run, now)?,
        Direction::Undo => may_undo(incident, by, step, run)?,
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
        retype(step, id, retyped.as_deref())?;
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
    let by_itself = due::starts_by_itself(&step.action);
    match by {
        By::Hub => {
            let retry = incident.retry_due(step).is_some_and(|at| now >= at);
            if !by_itself && !retry {
                return Err(Refusal::NeedsAPerson { step: id });
            }
            if retry && run.status.is_trouble() {
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
        }
    }
    if !incident.is_ready(step) {
        if let Some(why) = incident.aborted.as_ref().filter(|_| !incident.is_always(&step.id)) {
            return Err(Refusal::Aborted(why.clone()));
        }
        return Err(Refusal::NotReady { step: id, word: run.status.word(), why: waits_for(incident, step) });
    }
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
fn answers_for(incident: &Incident, who: &PersonId, step: &Step) -> Result<(), Refusal> {
    acts_for(incident, who, step).or_else(|refusal| commands(incident, who).map_err(|_| refusal))
}

fn may_undo(incident: &Incident, by: &By, step: &Step, run: &Run) -> Result<(), Refusal> {
    let who = person(by)?;
    let id = StepId::parse(step.id.clone()).map_err(|e| Refusal::DoesNotFit(e.to_string()))?;
    answers_for(incident, who, step)?;
    if step.undo.is_none() {
        return Err(Refusal::NoUndo { step: id });
    }
    let begun = run.attempt > 0 && !matches!(run.status, Status::Pending | Status::Running | Status::Waiting);
    let offered = incident.aborted.is_some() || run.status.is_trouble() || run.status == Status::Unknown;
    let undo = incident.undos.get(&id).map_or(Status::Pending, |u| u.status);
    let free = matches!(undo, Status::Pending) || undo.is_trouble();
    if begun && offered && free {
        return Ok(());
    }
    let next: Vec<&str> = incident.undo_order().iter().map(|s| s.id.as_str()).collect();
    let next =
        if incident.aborted.is_some() && !next.is_empty() { next.join(", ") } else { "nothing".to_owned() };
    Err(Refusal::UndoOrder { next })
}

/// Every hold point that covers the step must have been passed for exactly this content.
fn covered(incident: &Incident, by: &By, step: &Step, id: &StepId) -> Result<(), Refusal> {
    let mut any = false;
    for hold in incident.runbook.covers(&step.id) {
        any = true;
        let gate_id = StepId::parse(hold.id.clone()).map_err(|e| Refusal::DoesNotFit(e.to_string()))?;
        let refused = |word| Refusal::NotApproved { step: id.clone(), gate: gate_id.clone(), word };
        let status = incident.status(&hold.id);
        let gate = incident.gates.get(&gate_id).ok_or_else(|| refused(status.word()))?;
        if status != Status::Succeeded || gate.standing != Standing::Open {
            return Err(refused(status.word()));
        }
        if super::gate::change(incident, &gate_id).is_some() {
            return Err(refused("void: what it covers has changed"));
        }
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
    Ok(())
}

/// What cannot be taken back is confirmed by typing the target's name, or the step's where it has none.
pub fn must_retype(step: &Step) -> Option<&str> {
    step.irreversible.then(|| step.target.as_ref().map_or(step.id.as_str(), |t| t.equals.as_str()))
}

fn retype(step: &Step, id: &StepId, typed: Option<&str>) -> Result<(), Refusal> {
    match must_retype(step) {
        Some(expected) if typed != Some(expected) => {
            Err(Refusal::RetypeTarget { step: id.clone(), expected: expected.to_owned() })
        }
        Some(_) | None => Ok(()),
    }
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
    let detail = if evidence.trim().is_empty() { format!("confirmed by {who}") } else { reason(evidence)? };
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

fn running(run: &Run, id: &StepId, attempt: u32) -> Result<(), Refusal> {
    if run.status != Status::Running {
        return Err(Refusal::NotRunning { step: id.clone() });
    }
    if run.attempt != attempt {
        return Err(Refusal::WrongAttempt { step: id.clone(), expected: run.attempt, got: attempt });
    }
    Ok(())
}

pub(super) fn skip(incident: &Incident, by: &By, id: &StepId, why: &str) -> Result<What, Refusal> {
    let (step, run) = known(incident, id)?;
    match by {
        By::Hub if incident.is_ready(step) && plan::when_is_false(incident, step) => {}
        By::Hub => return Err(Refusal::PersonOnly),
        By::Person { id: who, .. } => answers_for(incident, who, step)?,
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
    answers_for(incident, who, step)?;
    can_be_left(incident, step, run, id)?;
    if matches!(step.action, Action::Approve(_)) {
        return Err(Refusal::DoesNotFit(format!(
            "{id} is a hold point: it is passed by its quorum or not at all"
        )));
    }
    // Doing it by hand is doing it: what covers the step covers that too.
    covered(incident, by, step, id)?;
    Ok(DoneByHand { step: id.clone(), reason: reason(why)? }.into())
}

/// A step that is under way or unknown is not left out: it is cancelled or settled first.
fn can_be_left(incident: &Incident, step: &Step, run: &Run, id: &StepId) -> Result<(), Refusal> {
    if incident.stage != Stage::Declared {
        return Err(Refusal::NotDeclared);
    }
    let ready = run.status == Status::Pending && (incident.is_ready(step) || incident.paused.is_some());
    if ready || (run.status.is_trouble() && !run.passed) {
        return Ok(());
    }
    Err(Refusal::WrongState { step: id.clone(), word: run.status.word() })
}

pub(super) fn settle(
    incident: &Incident,
    by: &By,
    id: &StepId,
    attempt: u32,
    verdict: Verdict,
    why: &str,
) -> Result<What, Refusal> {
    let (step, _) = known(incident, id)?;
    match by {
        By::Hub if step.reconcile.is_some() => {}
        By::Hub => return Err(Refusal::PersonOnly),
        By::Person { id: who, .. } => answers_for(incident, who, step)?,
    }
    let unknown = [Direction::Forward, Direction::Undo]
        .into_iter()
        .filter_map(|d| incident.run_of(id, d))
        .find(|r| r.status == Status::Unknown)
        .ok_or_else(|| Refusal::NotUnknown { step: id.clone() })?;
    if unknown.attempt != attempt {
        return Err(Refusal::WrongAttempt { step: id.clone(), expected: unknown.attempt, got: attempt });
    }
    Ok(Settled { step: id.clone(), attempt, verdict, reason: reason(why)? }.into())
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
        Choice::Pause | Choice::GoOn => {
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
    let fits = match (&step.on_failure, choice) {
        (OnFailure::Continue, Choice::Continue) => true,
        (OnFailure::Goto(to), Choice::Goto(chosen)) => to == chosen.as_str(),
        _ => false,
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
    match &step.action {
        Action::Approve(_) => gate_ends(incident, id, run, *attempt, *outcome)?,
        _ => {
            running(run, id, *attempt)?;
            fits_action(incident, step, run, *outcome, now)?;
        }
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
    let since = run.started_at.unwrap_or(now);
    let borne_out = match &step.action {
        Action::Wait { lasts, .. } => now >= since.plus(*lasts),
        Action::Check(check) => {
            let passed = match run.last_judgement {
                Some(Judgement::Pass) => true,
                Some(Judgement::Inconclusive) => step.on_no_data == NoData::Pass,
                Some(Judgement::Fail) | None => false,
            };
            passed && run.looks >= check.count
        }
        Action::Measure { as_name, .. } => incident.measurements.get(as_name).is_some_and(|m| m.at >= since),
        Action::Send { .. } => incident.sent.iter().any(|m| m.step.as_str() == step.id && m.at >= since),
        Action::Manual { .. } | Action::Decide { .. } => false,
        Action::Run { .. } | Action::Await(_) | Action::SetAside { .. } | Action::Approve(_) => true,
    };
    if borne_out {
        return Ok(());
    }
    Err(Refusal::DoesNotFit(format!("the record does not bear out that {} succeeded", step.id)))
}

pub(super) fn observe(incident: &Incident, by: &By, intent: &Intent) -> Result<What, Refusal> {
    hub(by)?;
    match intent {
        Intent::Progress { step, attempt, done, total } => {
            running(known(incident, step)?.1, step, *attempt)?;
            Ok(Progressed { step: step.clone(), attempt: *attempt, done: *done, total: *total }.into())
        }
        Intent::Judge { step, attempt, look, judgement, why } => {
            let (model, run) = known(incident, step)?;
            running(run, step, *attempt)?;
            if !matches!(model.action, Action::Check(_)) || *look != run.looks + 1 {
                return Err(Refusal::DoesNotFit(format!("{step} does not expect look {look}")));
            }
            Ok(Judged {
                step: step.clone(),
                attempt: *attempt,
                look: *look,
                judgement: *judgement,
                why: why.clone(),
            }
            .into())
        }
        Intent::Measure { step, attempt, digest, bytes, text } => {
            let (model, run) = known(incident, step)?;
            running(run, step, *attempt)?;
            let Action::Measure { as_name, .. } = &model.action else {
                return Err(Refusal::DoesNotFit(format!("{step} does not measure")));
            };
            let name = Name::parse(as_name.clone()).map_err(|e| Refusal::DoesNotFit(e.to_string()))?;
            Ok(Measured {
                step: step.clone(),
                attempt: *attempt,
                name,
                digest: *digest,
                bytes: *bytes,
                text: text.clone(),
            }
            .into())
        }
        _ => Err(Refusal::DoesNotFit("not an observation".to_owned())),
    }
}

pub(super) fn sent(
    incident: &Incident,
    by: &By,
    id: &StepId,
    how: Handed,
    detail: &str,
) -> Result<What, Refusal> {
    hub(by)?;
    let (step, run) = known(incident, id)?;
    let Action::Send { template } = &step.action else {
        return Err(Refusal::DoesNotFit(format!("{id} does not send")));
    };
    running(run, id, run.attempt)?;
    let channel =
        incident.runbook.comms.templates.iter().find(|t| &t.name == template).map(|t| t.channel.clone());
    let bad = |e: crate::core::id::BadName| Refusal::DoesNotFit(e.to_string());
    let channel = channel.ok_or_else(|| Refusal::DoesNotFit(format!("no message template {template}")))?;
    Ok(Sent {
        step: id.clone(),
        template: Name::parse(template.clone()).map_err(bad)?,
        channel: Name::parse(channel).map_err(bad)?,
        how,
        detail: detail.to_owned(),
    }
    .into())
}

pub(super) fn enter_phase(incident: &Incident, by: &By, phase: u32) -> Result<What, Refusal> {
    hub(by)?;
    let found = usize::try_from(phase).ok().and_then(|i| incident.runbook.phases.get(i));
    let found = found.ok_or_else(|| Refusal::DoesNotFit(format!("there is no phase {phase}")))?;
    if incident.phases_entered.contains(&phase) || !due::phase_begins(incident, found) {
        return Err(Refusal::DoesNotFit(format!("phase {} does not begin now", found.name)));
    }
    Ok(PhaseEntered { phase, name: found.name.clone() }.into())
}
