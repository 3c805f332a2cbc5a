//! Gates: the declaration and the hold points. Never counts a person or a key twice, never forgives a late answer.

use super::{hub, person, reason};
use crate::core::event::{Declared, Denied, Expired, Granted, Overridden, Refused, Requested, Voided, What};
use crate::core::id::{PersonId, StepId};
use crate::core::incident::{Gate, Incident, Stage, Standing, Status};
use crate::core::intent::{By, GateAnswer};
use crate::core::plan;
use crate::core::refusal::Refusal;
use crate::core::time::Stamp;
use crate::runbook::model::{Duty, Step};

pub(super) fn approve(
    incident: &Incident,
    by: &By,
    answer: &GateAnswer,
    now: Stamp,
) -> Result<What, Refusal> {
    let id = person(by)?;
    answerable(incident, id, answer, now)?;
    may_approve(incident, id, answer)?;
    window_open(incident, answer, now)?;
    Ok(Granted {
        gate: answer.gate.clone(),
        attempt: answer.attempt,
        role: answer.role.clone(),
        reason: optional(&answer.reason)?,
        nonce: answer.nonce.clone(),
        key: answer.key.clone(),
    }
    .into())
}

pub(super) fn deny(incident: &Incident, by: &By, answer: &GateAnswer, now: Stamp) -> Result<What, Refusal> {
    let id = person(by)?;
    answerable(incident, id, answer, now)?;
    Ok(Denied {
        gate: answer.gate.clone(),
        attempt: answer.attempt,
        role: answer.role.clone(),
        reason: reason(&answer.reason)?,
        nonce: answer.nonce.clone(),
        key: answer.key.clone(),
    }
    .into())
}

pub(super) fn override_(
    incident: &Incident,
    by: &By,
    answer: &GateAnswer,
    now: Stamp,
) -> Result<What, Refusal> {
    let id = person(by)?;
    let rule = incident.runbook.declare.override_.as_ref().filter(|_| answer.gate.is_declare());
    let rule = rule.ok_or_else(|| Refusal::NoOverride(answer.gate.clone()))?;
    let gate = open_gate(incident, answer, now)?;
    asked(&rule.require.iter().map(|r| r.role.as_str()).collect::<Vec<_>>(), answer)?;
    entitled(incident, id, answer.role.as_str())?;
    if gate.overrides.iter().any(|v| &v.person == id) {
        return Err(Refusal::AnsweredAlready { person: id.clone(), gate: answer.gate.clone() });
    }
    if gate.overrides.iter().any(|v| v.key == answer.key) {
        return Err(Refusal::KeyUsed { gate: answer.gate.clone() });
    }
    Ok(Overridden {
        gate: answer.gate.clone(),
        attempt: answer.attempt,
        role: answer.role.clone(),
        reason: reason(&answer.reason)?,
        nonce: answer.nonce.clone(),
        key: answer.key.clone(),
        denied_by: incident.deniers(&answer.gate),
    }
    .into())
}

/// An approval may go without words; what is there must still be printable.
fn optional(text: &str) -> Result<String, Refusal> {
    if text.is_empty() { Ok(String::new()) } else { reason(text) }
}

/// What every answer must meet: the open request, its one-time value, its time, a role asked for, one per person
/// and one per key.
fn answerable(incident: &Incident, id: &PersonId, answer: &GateAnswer, now: Stamp) -> Result<(), Refusal> {
    let gate = open_gate(incident, answer, now)?;
    let rule = incident.gate_rule(&answer.gate).ok_or_else(|| Refusal::NotAGate(answer.gate.clone()))?;
    asked(&rule.require.iter().map(|r| r.role.as_str()).collect::<Vec<_>>(), answer)?;
    entitled(incident, id, answer.role.as_str())?;
    if gate.answers.iter().any(|v| &v.person == id) {
        return Err(Refusal::AnsweredAlready { person: id.clone(), gate: answer.gate.clone() });
    }
    if gate.answers.iter().any(|v| v.key == answer.key) {
        return Err(Refusal::KeyUsed { gate: answer.gate.clone() });
    }
    Ok(())
}

fn open_gate<'a>(incident: &'a Incident, answer: &GateAnswer, now: Stamp) -> Result<&'a Gate, Refusal> {
    let gate = incident
        .gates
        .get(&answer.gate)
        .ok_or_else(|| Refusal::GateNotOpen { gate: answer.gate.clone(), word: "not requested" })?;
    if gate.attempt != answer.attempt {
        let (expected, got) = (gate.attempt, answer.attempt);
        return Err(Refusal::WrongRequest { gate: answer.gate.clone(), expected, got });
    }
    let closed = |word| Err(Refusal::GateNotOpen { gate: answer.gate.clone(), word });
    match gate.standing {
        Standing::Open => {}
        Standing::Expired => return closed("expired"),
        Standing::Voided => return closed("void"),
    }
    if answer.gate.is_declare() {
        if incident.stage == Stage::Declared {
            return Err(Refusal::AlreadyDeclared);
        }
    } else if answer.gate.is_amend() {
        if incident.open_proposal().is_none() {
            return closed("over");
        }
    } else if incident.status(answer.gate.as_str()) != Status::Waiting {
        return closed(incident.status(answer.gate.as_str()).word());
    }
    if answer.nonce != gate.nonce {
        return Err(Refusal::WrongNonce);
    }
    if now >= gate.expires {
        return Err(Refusal::TooLate { gate: answer.gate.clone(), at: gate.expires.to_second() });
    }
    Ok(gate)
}

fn asked(roles: &[&str], answer: &GateAnswer) -> Result<(), Refusal> {
    if roles.contains(&answer.role.as_str()) {
        return Ok(());
    }
    Err(Refusal::RoleNotAsked { gate: answer.gate.clone(), role: answer.role.to_string() })
}

/// The pinned roster gives the role, or the person sits there as a recorded stand-in.
fn entitled(incident: &Incident, id: &PersonId, role: &str) -> Result<(), Refusal> {
    if incident.team.may_take(id, role) || incident.holds(id, role) {
        return Ok(());
    }
    Err(Refusal::MayNotTake { person: id.clone(), role: role.to_owned() })
}

/// A way back that no longer exists is not begun. What was begun in time is finished.
fn window_open(incident: &Incident, answer: &GateAnswer, now: Stamp) -> Result<(), Refusal> {
    let window = incident.runbook.window.as_ref().filter(|_| answer.gate.is_declare());
    match (window, incident.window_closes()) {
        (Some(window), Some(closes)) if now >= closes => {
            Err(Refusal::WindowClosed { at: closes.to_second(), because: window.because.clone() })
        }
        (Some(_) | None, _) => Ok(()),
    }
}

/// Separation of duties. Anybody may object; not everybody may approve.
fn may_approve(incident: &Incident, id: &PersonId, answer: &GateAnswer) -> Result<(), Refusal> {
    let rule = incident.gate_rule(&answer.gate).ok_or_else(|| Refusal::NotAGate(answer.gate.clone()))?;
    let Some(approve) = rule.approve else { return Ok(()) };
    for duty in &approve.separation_of_duties {
        match duty {
            Duty::Initiator if incident.initiator.as_ref() == Some(id) => {
                return Err(Refusal::InitiatorApproves { person: id.clone(), gate: answer.gate.clone() });
            }
            Duty::Executor => {
                let carried_out = approve
                    .covers
                    .iter()
                    .find(|step| incident.runs.get(step.as_str()).is_some_and(|r| r.executors.contains(id)));
                if let Some(step) = carried_out.and_then(|s| StepId::parse(s.clone()).ok()) {
                    return Err(Refusal::ExecutorApproves {
                        person: id.clone(),
                        gate: answer.gate.clone(),
                        step,
                    });
                }
            }
            Duty::Initiator => {}
        }
    }
    Ok(())
}

pub(super) fn request(
    incident: &Incident,
    by: &By,
    gate: &StepId,
    attempt: u32,
    nonce: &str,
    now: Stamp,
) -> Result<What, Refusal> {
    hub(by)?;
    let rule = incident.gate_rule(gate).ok_or_else(|| Refusal::NotAGate(gate.clone()))?;
    if !opens(incident, gate) {
        let word = if gate.is_declare() || gate.is_amend() {
            "not due"
        } else {
            incident.status(gate.as_str()).word()
        };
        return Err(Refusal::GateNotOpen { gate: gate.clone(), word });
    }
    if let Some(step) = incident.step(gate) {
        incident.in_its_phase(step)?;
    }
    let expected = incident.gates.get(gate).map_or(1, |g| g.attempt + 1);
    if attempt != expected {
        return Err(Refusal::WrongAttempt { step: gate.clone(), expected, got: attempt });
    }
    let plan = plan::of_gate(incident, gate).ok_or_else(|| Refusal::NotAGate(gate.clone()))?.digest;
    let well_formed = nonce.len() == 32 && nonce.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !well_formed {
        return Err(Refusal::WrongNonce);
    }
    if u128::from_str_radix(nonce, 16).is_ok_and(|value| incident.nonces.contains(&value)) {
        return Err(Refusal::UsedNonce);
    }
    Ok(Requested {
        gate: gate.clone(),
        attempt,
        nonce: nonce.to_owned(),
        plan,
        expires: now.plus(rule.expires),
    }
    .into())
}

/// Whether a gate is to be opened now.
pub fn opens(incident: &Incident, gate: &StepId) -> bool {
    if gate.is_declare() {
        let again = incident.gates.get(gate).is_none_or(|g| g.standing == Standing::Voided);
        let looked = incident.preflight_open().is_empty();
        return incident.stage == Stage::Open && incident.aborted.is_none() && again && looked;
    }
    if gate.is_amend() {
        let asked = incident.gates.get(gate).map_or(0, |g| g.attempt);
        return incident.open_proposal().is_some_and(|p| p.attempt > asked);
    }
    incident.step(gate).is_some_and(|step| incident.is_ready(step))
}

pub(super) fn expire(
    incident: &Incident,
    by: &By,
    gate: &StepId,
    attempt: u32,
    now: Stamp,
) -> Result<What, Refusal> {
    hub(by)?;
    let pending = pending(incident, gate, attempt)?;
    if now < pending.expires {
        return Err(Refusal::NothingDue { gate: gate.clone(), why: "its time is not over" });
    }
    if incident.quorum_reached(gate) {
        return Err(Refusal::NothingDue { gate: gate.clone(), why: "its quorum was reached in time" });
    }
    Ok(Expired { gate: gate.clone(), attempt }.into())
}

fn pending<'a>(incident: &'a Incident, gate: &StepId, attempt: u32) -> Result<&'a Gate, Refusal> {
    let found = incident
        .gates
        .get(gate)
        .filter(|g| g.standing == Standing::Open)
        .ok_or_else(|| Refusal::GateNotOpen { gate: gate.clone(), word: "not requested" })?;
    let waiting = if gate.is_declare() {
        incident.stage == Stage::Open
    } else if gate.is_amend() {
        incident.open_proposal().is_some()
    } else {
        matches!(incident.status(gate.as_str()), Status::Waiting | Status::Succeeded)
    };
    if !waiting {
        return Err(Refusal::GateNotOpen { gate: gate.clone(), word: "over" });
    }
    if found.attempt != attempt {
        return Err(Refusal::WrongRequest { gate: gate.clone(), expected: found.attempt, got: attempt });
    }
    Ok(found)
}

pub(super) fn void(
    incident: &Incident,
    by: &By,
    gate: &StepId,
    attempt: u32,
    why: &str,
) -> Result<What, Refusal> {
    hub(by)?;
    pending(incident, gate, attempt)?;
    if change(incident, gate).is_none() {
        return Err(Refusal::NothingDue { gate: gate.clone(), why: "nothing it covers has changed" });
    }
    Ok(Voided { gate: gate.clone(), attempt, why: reason(why)? }.into())
}

/// What about a gate's content is not, word for word, as it was requested.
pub(super) fn differs(incident: &Incident, gate_id: &StepId) -> Option<String> {
    let gate = incident.gates.get(gate_id).filter(|g| g.standing == Standing::Open)?;
    let now = plan::of_gate(incident, gate_id)?;
    let differs = |words: &str| (now.digest != gate.plan).then(|| words.to_owned());
    if gate_id.is_declare() {
        return differs("what is declared has changed");
    }
    if gate_id.is_amend() {
        let hinders = incident.proposed().and_then(|new| incident.hinders(new));
        return hinders.or_else(|| differs("what it changes has changed"));
    }
    if let Some(again) = now.steps.iter().find(|step| tried_since(incident, gate, &step.id)) {
        return Some(format!("{} is tried again: an approval holds for one attempt", again.id));
    }
    differs("what it covers has changed")
}

/// Whether somebody decided to try a step again after the request. Asked again after that decision, the request is about
/// that try and stands.
fn tried_since(incident: &Incident, gate: &Gate, step: &str) -> bool {
    let before = gate.tried.get(step).copied().unwrap_or(0);
    incident.runs.get(step).is_some_and(|r| r.again && r.attempt > before)
}

/// What has changed about a gate since it was requested, while something covered may still begin.
pub fn change(incident: &Incident, gate_id: &StepId) -> Option<String> {
    let why = differs(incident, gate_id)?;
    let (Some(hold), Some(gate)) = (incident.step(gate_id), incident.gates.get(gate_id)) else {
        return Some(why);
    };
    let may_begin = |step: &Step| {
        incident.status(&step.id) == Status::Pending
            || incident.retry_due(step).is_some()
            || tried_since(incident, gate, &step.id)
    };
    let ahead = incident.runbook.steps().any(|step| hold.covers(&step.id) && may_begin(step));
    ahead.then_some(why)
}

pub(super) fn refuse(by: &By, gate: &StepId, who: &PersonId, why: &str) -> Result<What, Refusal> {
    hub(by)?;
    Ok(Refused { gate: gate.clone(), person: who.clone(), why: reason(why)? }.into())
}

pub(super) fn declare(incident: &Incident, by: &By, attempt: u32) -> Result<What, Refusal> {
    hub(by)?;
    let gate = StepId::declare();
    if incident.stage == Stage::Declared {
        return Err(Refusal::AlreadyDeclared);
    }
    let found = pending(incident, &gate, attempt)?;
    if !incident.quorum_reached(&gate) {
        return Err(Refusal::GateNotOpen { gate, word: "without its quorum" });
    }
    Ok(Declared { attempt: found.attempt }.into())
}
