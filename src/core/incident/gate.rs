//! Gates: what each demands and how far its answers have come. Never judges who may answer.

use super::{Incident, Stage, Status};
use crate::core::id::{Digest, PersonId, StepId};
use crate::core::time::Stamp;
use crate::runbook::model::{Action, Approve, Requirement};
use std::collections::BTreeMap;
use std::time::Duration;

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

/// One use of break-glass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenGlass {
    /// The gate.
    pub gate: StepId,
    /// Who.
    pub person: PersonId,
    /// Why.
    pub reason: String,
    /// Whose denials it went past.
    pub denied_by: Vec<PersonId>,
}

impl BrokenGlass {
    /// Who broke glass where, and over whose denial: the words of every list that has room for them.
    pub fn words(&self) -> String {
        format!("{} broke glass at {}{}", self.person, self.gate, over(&self.denied_by))
    }
}

/// What is added where break-glass goes past a denial: whose. Nothing where nobody denied.
pub fn over(denied_by: &[PersonId]) -> String {
    let names: Vec<&str> = denied_by.iter().map(PersonId::as_str).collect();
    if names.is_empty() { String::new() } else { format!(" over the denial of {}", names.join(", ")) }
}

/// Where a gate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Waiting for answers.
    Open,
    /// Its time was over.
    Expired,
    /// Something it covers changed, or the declaration is asked for again.
    Voided,
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

impl Incident {
    /// The rule of a gate: what `declare` or the hold point demands.
    pub fn gate_rule(&self, gate: &StepId) -> Option<GateRule<'_>> {
        // A change of the runbook takes those who decided on the rollback.
        if gate.is_declare() || gate.is_amend() {
            let declare = &self.runbook.declare;
            return Some(GateRule {
                require: &declare.require,
                deny_quorum: 1,
                expires: declare.expires,
                approve: None,
            });
        }
        let Action::Approve(approve) = &self.step(gate)?.action else { return None };
        Some(GateRule {
            require: &approve.require,
            deny_quorum: approve.deny_quorum,
            expires: approve.expires,
            approve: Some(approve),
        })
    }

    /// Whether answers at this gate would move something: it is asked for and not settled.
    pub fn awaits_answers(&self, gate: &StepId) -> bool {
        if gate.is_declare() {
            self.stage == Stage::Open
        } else if gate.is_amend() {
            self.open_proposal().is_some()
        } else {
            self.status(gate.as_str()) == Status::Waiting
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
        let granted = || rule.require.iter().all(|r| self.granted(gate, r) >= r.count);
        let given = !self.is_denied(gate_id) && granted();
        gate.standing == Standing::Open && (given || self.override_reached(gate_id))
    }

    /// Whether break-glass has opened the gate. A denial is an answer like any other: it closes the way by quorum, and
    /// break-glass is the way that asks no quorum.
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

    /// Who has denied the open request.
    pub fn deniers(&self, gate_id: &StepId) -> Vec<PersonId> {
        let answers = self.gates.get(gate_id).into_iter().flat_map(|gate| &gate.answers);
        answers.filter(|v| !v.approves).map(|v| v.person.clone()).collect()
    }

    /// Whether so many denied that the gate is closed to every approval.
    pub fn is_denied(&self, gate_id: &StepId) -> bool {
        let (Some(gate), Some(rule)) = (self.gates.get(gate_id), self.gate_rule(gate_id)) else {
            return false;
        };
        gate.answers.iter().filter(|v| !v.approves).count() as u32 >= rule.deny_quorum.max(1)
    }
}
