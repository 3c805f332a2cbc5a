//! Whether a recorded event was a legal move: the intent behind it is rebuilt and put to `decide` again.
//!
//! There is no second rule book: what the hub allows is what the verifier accepts. Never checks bytes or signatures.

use crate::core::apply::apply;
use crate::core::decide::decide;
use crate::core::event::{About, Direction, Event, Granted, What};
use crate::core::incident::Incident;
use crate::core::intent::{By, GateAnswer, Intent};
use crate::core::refusal::Refusal;
use crate::core::{event::Actor, statement};

/// Why an event was not a legal move.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Illegal {
    /// Out of order.
    #[error("it is number {got}, where {expected} follows")]
    OutOfOrder {
        /// What follows.
        expected: u64,
        /// What is there.
        got: u64,
    },
    /// The rules refuse it.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The rules allow something, but not this.
    #[error("the rules would have recorded other data for this `{kind}`")]
    Different {
        /// The kind of event.
        kind: &'static str,
    },
    /// It must carry the commitment to its payload.
    #[error("a `{kind}` carries exactly {expected} payload commitments, not {got}")]
    Payload {
        /// The kind of event.
        kind: &'static str,
        /// How many belong there.
        expected: usize,
        /// How many are there.
        got: usize,
    },
    /// A person's act without the proof it needs.
    #[error("a person's `{kind}` needs {what}")]
    Unproved {
        /// The kind of event.
        kind: &'static str,
        /// The session's or the person's signature.
        what: &'static str,
    },
}

/// Checks one event against the state before it, and applies it when it was legal.
///
/// # Errors
/// Which rule it breaks; the state is unchanged then.
pub fn check(incident: &mut Incident, event: &Event) -> Result<(), Illegal> {
    if event.seq != incident.next_seq {
        return Err(Illegal::OutOfOrder { expected: incident.next_seq, got: event.seq });
    }
    proved(event)?;
    payload(event)?;
    let what = decide(incident, &by(event), &intent_of(event), event.at)?;
    if what != event.what {
        return Err(Illegal::Different { kind: event.what.kind() });
    }
    apply(incident, event);
    Ok(())
}

/// Who acted, as `decide` wants to know it.
pub fn by(event: &Event) -> By {
    match &event.actor {
        Actor::Hub => By::Hub,
        Actor::Person(id) => {
            let session = event.auth.as_ref().and_then(|a| a.session.clone().zip(a.client_seq));
            By::Person { id: id.clone(), session }
        }
    }
}

/// The namespace in which a person must have signed a statement for this event, if they must.
pub fn statement_namespace(what: &What) -> Option<&'static str> {
    match what {
        What::Opened(_) | What::Joined(_) => Some(statement::SESSION),
        What::Granted(_) | What::Denied(_) => Some(statement::APPROVE),
        What::Overridden(_) => Some(statement::OVERRIDE),
        What::Closed(_) => Some(statement::CLOSE),
        _ => None,
    }
}

/// A person's event carries what the format demands. Whether the signatures are good is the verifier's business.
fn proved(event: &Event) -> Result<(), Illegal> {
    if event.actor == Actor::Hub {
        return Ok(());
    }
    let kind = event.what.kind();
    let unproved = |what| Err(Illegal::Unproved { kind, what });
    let Some(auth) = &event.auth else { return unproved("a signature") };
    let signed_act =
        auth.session.is_some() && auth.client_seq.is_some() && auth.seen.is_some() && auth.sig.is_some();
    let no_act = auth.session.is_none() && auth.client_seq.is_none() && auth.sig.is_none();
    match statement_namespace(&event.what) {
        None if signed_act && auth.statement.is_none() => Ok(()),
        None => unproved("the session's signature"),
        Some(namespace) => {
            let signed = auth.statement.is_some() && auth.sshsig.is_some();
            if signed && auth.namespace.as_deref() == Some(namespace) && (signed_act || no_act) {
                Ok(())
            } else {
                unproved("a statement signed with the person's SSH key")
            }
        }
    }
}

fn payload(event: &Event) -> Result<(), Illegal> {
    let expected = match &event.what {
        What::Noted(_) | What::Sent(_) => 1..=1,
        What::Started(_) => 0..=1,
        What::Finished(_) | What::Undone(_) | What::Measured(_) => 0..=64,
        _ => 0..=0,
    };
    let got = event.payload.len();
    if expected.contains(&got) {
        return Ok(());
    }
    Err(Illegal::Payload { kind: event.what.kind(), expected: *expected.end(), got })
}

fn answer(data: &Granted) -> GateAnswer {
    GateAnswer {
        gate: data.gate.clone(),
        attempt: data.attempt,
        role: data.role.clone(),
        reason: data.reason.clone(),
        nonce: data.nonce.clone(),
        key: data.key.clone(),
    }
}

/// The intent that leads to this event; what a person's session key signed.
pub fn intent_of(event: &Event) -> Intent {
    let payload = || event.payload.first().cloned().unwrap_or_default();
    match &event.what {
        What::Opened(d) => Intent::Open(Box::new(d.clone())),
        What::Joined(d) => Intent::Join(d.clone()),
        What::Left(d) => Intent::Leave { session: d.session.clone(), how: d.how },
        What::Assumed(d) => Intent::Assume { role: d.role.clone() },
        What::Renounced(d) => Intent::Renounce { role: d.role.clone() },
        What::SessionRevoked(d) => {
            Intent::RevokeSession { session: d.session.clone(), reason: d.reason.clone() }
        }
        What::Declared(d) => Intent::Declare { attempt: d.attempt },
        What::Mitigated(d) => Intent::Mitigate { reason: d.reason.clone() },
        What::Resolved(d) => Intent::Resolve { reason: d.reason.clone() },
        What::Closed(d) => Intent::Close { reason: d.reason.clone(), key: d.key.clone() },
        What::Aborted(d) => Intent::Abort { reason: d.reason.clone() },
        What::Resumed(d) => Intent::Resume { program: d.program.clone(), found: d.found.clone() },
        What::PhaseEntered(d) => Intent::EnterPhase { phase: d.phase },
        What::StepSkipped(d) => Intent::Skip { step: d.step.clone(), reason: d.reason.clone() },
        What::DoneByHand(d) => Intent::MarkDone { step: d.step.clone(), reason: d.reason.clone() },
        What::Suspended(d) => Intent::Suspend { step: d.step.clone() },
        What::Lifted(d) => Intent::Lift { step: d.step.clone() },
        What::Inherited(d) => {
            Intent::Inherit { name: d.name.clone(), owner: d.owner.clone(), reason: d.reason.clone() }
        }
        What::BacklogAdded(d) => Intent::AddBacklog { step: d.step.clone(), count: d.count },
        What::BacklogSettled(d) => {
            Intent::SettleBacklog { name: d.name.clone(), count: d.count, reason: d.reason.clone() }
        }
        What::Sent(d) => Intent::MarkSent {
            step: d.step.clone(),
            how: d.how,
            detail: d.detail.clone(),
            payload: payload(),
        },
        What::Noted(_) => Intent::Note { payload: payload() },
        What::ClockJumped(d) => Intent::RecordClockJump { micros: d.micros },
        What::TriggerFired(d) => Intent::FireTrigger { trigger: d.trigger.clone(), value: d.value.clone() },
        What::TriggerCleared(d) => {
            Intent::ClearTrigger { trigger: d.trigger.clone(), value: d.value.clone() }
        }
        What::AnchorConfirmed(d) => {
            Intent::ConfirmAnchor { n: d.n, root: d.root.clone(), anchor: d.anchor.clone() }
        }
        What::Requested(_)
        | What::Granted(_)
        | What::Denied(_)
        | What::Expired(_)
        | What::Voided(_)
        | What::Refused(_)
        | What::Overridden(_) => gate_intent(&event.what),
        What::Started(_)
        | What::Progressed(_)
        | What::Finished(_)
        | What::Settled(_)
        | What::Undone(_)
        | What::Decided(_)
        | What::Measured(_)
        | What::Judged(_) => step_intent(event),
    }
}

/// Never reached: each helper is only called for its kinds. It leads to an event of another kind, so it is refused.
fn nothing(what: &What) -> Intent {
    Intent::Resume { program: String::new(), found: what.kind().to_owned() }
}

fn gate_intent(what: &What) -> Intent {
    match what {
        What::Requested(d) => {
            Intent::Request { gate: d.gate.clone(), attempt: d.attempt, nonce: d.nonce.clone() }
        }
        What::Granted(d) => Intent::Approve(answer(d)),
        What::Denied(d) => Intent::Deny(GateAnswer {
            gate: d.gate.clone(),
            attempt: d.attempt,
            role: d.role.clone(),
            reason: d.reason.clone(),
            nonce: d.nonce.clone(),
            key: d.key.clone(),
        }),
        What::Overridden(d) => Intent::Override(GateAnswer {
            gate: d.gate.clone(),
            attempt: d.attempt,
            role: d.role.clone(),
            reason: d.reason.clone(),
            nonce: d.nonce.clone(),
            key: d.key.clone(),
        }),
        What::Expired(d) => Intent::Expire { gate: d.gate.clone(), attempt: d.attempt },
        What::Refused(d) => {
            Intent::RecordRefusal { gate: d.gate.clone(), person: d.person.clone(), why: d.why.clone() }
        }
        What::Voided(d) => Intent::Void { gate: d.gate.clone(), attempt: d.attempt, why: d.why.clone() },
        other => nothing(other),
    }
}

fn step_intent(event: &Event) -> Intent {
    match &event.what {
        What::Started(d) => Intent::Start {
            step: d.step.clone(),
            attempt: d.attempt,
            direction: d.direction,
            plan: d.plan,
            retyped: d.retyped.clone(),
            reason: d.reason.clone(),
            payload: event.payload.first().cloned(),
        },
        What::Progressed(d) => {
            Intent::Progress { step: d.step.clone(), attempt: d.attempt, done: d.done, total: d.total }
        }
        // The one end that a person brings about is confirming a manual step.
        What::Finished(d) if event.actor != Actor::Hub => {
            let plain = event.actor.person().map(|p| format!("confirmed by {p}"));
            let evidence = if plain.as_deref() == Some(&d.detail) { String::new() } else { d.detail.clone() };
            Intent::Confirm { step: d.step.clone(), attempt: d.attempt, evidence }
        }
        What::Finished(d) => Intent::Finish {
            step: d.step.clone(),
            attempt: d.attempt,
            direction: Direction::Forward,
            outcome: d.outcome,
            detail: d.detail.clone(),
            output: d.output,
            output_bytes: d.output_bytes,
        },
        What::Undone(d) => Intent::Finish {
            step: d.step.clone(),
            attempt: d.attempt,
            direction: Direction::Undo,
            outcome: d.outcome,
            detail: d.detail.clone(),
            output: None,
            output_bytes: None,
        },
        What::Settled(d) => Intent::Settle {
            step: d.step.clone(),
            attempt: d.attempt,
            verdict: d.verdict,
            reason: d.reason.clone(),
        },
        What::Decided(d) => match &d.about {
            About::Incident => Intent::DecideIncident { choice: d.choice.clone(), reason: d.reason.clone() },
            About::Step(step) => {
                Intent::DecideStep { step: step.clone(), choice: d.choice.clone(), reason: d.reason.clone() }
            }
        },
        What::Measured(d) => Intent::Measure {
            step: d.step.clone(),
            attempt: d.attempt,
            digest: d.digest,
            bytes: d.bytes,
            text: d.text.clone(),
        },
        What::Judged(d) => Intent::Judge {
            step: d.step.clone(),
            attempt: d.attempt,
            look: d.look,
            judgement: d.judgement,
            why: d.why.clone(),
        },
        other => nothing(other),
    }
}
