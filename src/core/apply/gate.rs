//! Gates: requests, answers, and what closes them. Never checks whether an answer counts.

use crate::core::event::{Denied, Event, Expired, Granted, Overridden, Requested, Voided};
use crate::core::id::{PersonId, StepId};
use crate::core::incident::{BrokenGlass, Gate, GateVote, Incident, Standing, Status};
use crate::core::time::Stamp;
use crate::runbook::model::Action;
use std::collections::BTreeMap;

pub(super) fn requested(incident: &mut Incident, data: &Requested, at: Stamp) {
    incident.gates.insert(data.gate.clone(), opened(incident, data, at));
    incident.nonces.extend(u128::from_str_radix(&data.nonce, 16));
    if let Some(run) = incident.runs.get_mut(&data.gate) {
        run.attempt = data.attempt;
        run.status = Status::Waiting;
        run.started_at = Some(at);
        run.ended_at = None;
        run.again = false;
        run.plan = Some(data.plan);
    }
}

fn opened(incident: &Incident, data: &Requested, at: Stamp) -> Gate {
    let tries = |step: &String| incident.runs.get(step.as_str()).map_or(0, |r| r.attempt);
    let mut tried = BTreeMap::new();
    if let Some(Action::Approve(approve)) = incident.step(&data.gate).map(|s| &s.action) {
        tried.extend(approve.covers.iter().map(|step| (step.clone(), tries(step))));
    }
    Gate {
        attempt: data.attempt,
        nonce: data.nonce.clone(),
        plan: data.plan,
        requested_at: at,
        expires: data.expires,
        answers: Vec::new(),
        standing: Standing::Open,
        overrides: Vec::new(),
        tried,
    }
}

pub(super) fn granted(incident: &mut Incident, data: &Granted, person: Option<&PersonId>, at: Stamp) {
    if let (Some(gate), Some(person)) = (incident.gates.get_mut(&data.gate), person) {
        gate.answers.push(GateVote {
            person: person.clone(),
            role: data.role.to_string(),
            approves: true,
            reason: data.reason.clone(),
            key: data.key.clone(),
            at,
        });
    }
}

pub(super) fn denied(incident: &mut Incident, data: &Denied, person: Option<&PersonId>, seq: u64, at: Stamp) {
    if let Some(person) = person {
        let about = format!("{} attempt {}", data.gate, data.attempt);
        super::poll::object(incident, seq, person, &about, &data.reason, at);
    }
    if let (Some(gate), Some(person)) = (incident.gates.get_mut(&data.gate), person) {
        gate.answers.push(GateVote {
            person: person.clone(),
            role: data.role.to_string(),
            approves: false,
            reason: data.reason.clone(),
            key: data.key.clone(),
            at,
        });
    }
}

pub(super) fn overridden(incident: &mut Incident, data: &Overridden, person: Option<&PersonId>, at: Stamp) {
    let Some(person) = person else { return };
    incident.overrides.push(BrokenGlass {
        gate: data.gate.clone(),
        person: person.clone(),
        reason: data.reason.clone(),
        denied_by: data.denied_by.clone(),
    });
    if let Some(gate) = incident.gates.get_mut(&data.gate) {
        gate.overrides.push(GateVote {
            person: person.clone(),
            role: data.role.to_string(),
            approves: true,
            reason: data.reason.clone(),
            key: data.key.clone(),
            at,
        });
    }
}

pub(super) fn expired(incident: &mut Incident, data: &Expired, event: &Event) {
    close(incident, &data.gate, Standing::Expired);
    if let Some(run) = incident.runs.get_mut(&data.gate) {
        run.ends(Status::TimedOut, "expired before the quorum was reached", event);
    }
}

pub(super) fn voided(incident: &mut Incident, data: &Voided) {
    close(incident, &data.gate, Standing::Voided);
    if let Some(run) = incident.runs.get_mut(&data.gate) {
        run.status = Status::Pending;
        run.detail.clone_from(&data.why);
        run.ended_at = None;
    }
}

fn close(incident: &mut Incident, gate: &StepId, standing: Standing) {
    if let Some(gate) = incident.gates.get_mut(gate) {
        gate.standing = standing;
    }
}
