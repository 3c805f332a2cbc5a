//! From an event back to the intent behind it, kind by kind. Never judges it, and has no answer to fall back on.

mod people;

use crate::core::decide::step::plainly_confirmed;
use crate::core::event::{
    About, Actor, Asked, Choice, Decided, Denied, Direction, Event, Finished, Granted, Judged, Measured,
    Overridden, Progressed, Sent, Settled, Started, Undone, What,
};
use crate::core::intent::{GateAnswer, Intent};

/// The intent that leads to this event; what a person's session key signed.
pub fn intent_of(event: &Event) -> Intent {
    let payload = event.payload.first();
    match &event.what {
        What::Opened(d) => Intent::Open(d.clone()),
        What::Joined(d) => Intent::Join(d.as_ref().clone()),
        What::Left(d) => Intent::Leave { session: d.session.clone(), how: d.how },
        What::Assumed(d) => Intent::Assume { role: d.role.clone() },
        What::Renounced(d) => Intent::Renounce { role: d.role.clone() },
        What::SessionRevoked(d) => d.into(),
        What::Offered(d) => d.as_ref().into(),
        What::OfferEnded(d) => d.into(),
        What::HandedOver(d) => d.into(),
        What::TenureExceeded(d) => d.into(),
        What::ShiftShort(d) => d.into(),
        What::PollOpened(d) => d.into(),
        What::PollAnswered(d) => d.into(),
        What::PollClosed(d) => d.into(),
        What::ObjectionAnswered(d) => d.into(),
        What::RedactionAsked(d) => d.as_ref().into(),
        What::Redacted(d) => d.as_ref().into(),
        What::Declared(d) => Intent::Declare { attempt: d.attempt },
        What::Mitigated(d) => Intent::Mitigate { reason: d.reason.clone() },
        What::Resolved(d) => Intent::Resolve { reason: d.reason.clone() },
        What::Closed(d) => Intent::Close { reason: d.reason.clone(), key: d.key.clone() },
        What::Amended(d) => Intent::Amend { attempt: d.attempt },
        What::Aborted(d) => Intent::Abort { reason: d.reason.clone() },
        What::Continued(d) => Intent::Continue(d.as_ref().clone()),
        What::Resumed(d) => Intent::Resume { program: d.program.clone(), found: d.found.clone() },
        What::PhaseEntered(d) => Intent::EnterPhase { phase: d.phase },
        What::Requested(d) => {
            Intent::Request { gate: d.gate.clone(), attempt: d.attempt, nonce: d.nonce.clone() }
        }
        What::Granted(d) => Intent::Approve(d.as_ref().into()),
        What::Denied(d) => Intent::Deny(d.as_ref().into()),
        What::Overridden(d) => Intent::Override(d.as_ref().into()),
        What::Expired(d) => Intent::Expire { gate: d.gate.clone(), attempt: d.attempt },
        What::Voided(d) => Intent::Void { gate: d.gate.clone(), attempt: d.attempt, why: d.why.clone() },
        What::Refused(d) => d.into(),
        What::Started(d) => started(d, payload),
        What::Progressed(d) => progressed(d),
        What::Finished(d) => finished(d, &event.actor),
        What::Undone(d) => undone(d),
        What::StepSkipped(d) => Intent::Skip { step: d.step.clone(), reason: d.reason.clone() },
        What::DoneByHand(d) => Intent::MarkDone { step: d.step.clone(), reason: d.reason.clone() },
        What::Settled(d) => settled(d),
        What::Decided(d) => decided(d, payload),
        What::Measured(d) => measured(d),
        What::Judged(d) => judged(d),
        What::Suspended(d) => Intent::Suspend { step: d.step.clone() },
        What::Lifted(d) => Intent::Lift { step: d.step.clone() },
        What::Inherited(d) => d.into(),
        What::BacklogAdded(d) => Intent::AddBacklog { step: d.step.clone(), count: d.count },
        What::BacklogSettled(d) => d.into(),
        What::Asked(d) => asked(d, payload),
        What::Sent(d) => sent(d, payload),
        What::Promised(d) => d.into(),
        What::PromiseSettled(d) => d.into(),
        What::Told(d) => d.into(),
        What::Noted(_) => Intent::Note { payload: payload.cloned().unwrap_or_default() },
        What::ClockJumped(d) => Intent::RecordClockJump { micros: d.micros },
        What::TriggerFired(d) => Intent::FireTrigger { trigger: d.trigger.clone(), value: d.value.clone() },
        What::TriggerCleared(d) => {
            Intent::ClearTrigger { trigger: d.trigger.clone(), value: d.value.clone() }
        }
        What::AnchorConfirmed(d) => {
            Intent::ConfirmAnchor { n: d.n, root: d.root.clone(), anchor: d.anchor.clone() }
        }
    }
}

/// The three answers at a gate carry the same fields.
macro_rules! answers {
    ($($kind:ident),*) => {
        $(impl From<&$kind> for GateAnswer {
            fn from(data: &$kind) -> GateAnswer {
                GateAnswer {
                    gate: data.gate.clone(),
                    attempt: data.attempt,
                    role: data.role.clone(),
                    reason: data.reason.clone(),
                    nonce: data.nonce.clone(),
                    key: data.key.clone(),
                }
            }
        })*
    };
}

answers!(Granted, Denied, Overridden);

fn started(data: &Started, payload: Option<&String>) -> Intent {
    Intent::Start {
        step: data.step.clone(),
        attempt: data.attempt,
        direction: data.direction,
        plan: data.plan,
        retyped: data.retyped.clone(),
        reason: data.reason.clone(),
        payload: payload.cloned(),
    }
}

fn progressed(data: &Progressed) -> Intent {
    let (done, total, unit) = (data.done, data.total, data.unit.clone());
    Intent::Progress { step: data.step.clone(), attempt: data.attempt, done, total, unit }
}

/// The one end that a person brings about is confirming a manual step.
fn finished(data: &Finished, actor: &Actor) -> Intent {
    match actor {
        Actor::Hub => Intent::Finish {
            step: data.step.clone(),
            attempt: data.attempt,
            direction: Direction::Forward,
            outcome: data.outcome,
            detail: data.detail.clone(),
            output: data.output,
            output_bytes: data.output_bytes,
        },
        Actor::Person(person) => {
            let plain = data.detail == plainly_confirmed(person);
            let evidence = if plain { String::new() } else { data.detail.clone() };
            Intent::Confirm { step: data.step.clone(), attempt: data.attempt, evidence }
        }
    }
}

fn undone(data: &Undone) -> Intent {
    Intent::Finish {
        step: data.step.clone(),
        attempt: data.attempt,
        direction: Direction::Undo,
        outcome: data.outcome,
        detail: data.detail.clone(),
        output: None,
        output_bytes: None,
    }
}

fn settled(data: &Settled) -> Intent {
    Intent::Settle {
        step: data.step.clone(),
        attempt: data.attempt,
        direction: data.direction,
        verdict: data.verdict,
        reason: data.reason.clone(),
    }
}

fn decided(data: &Decided, payload: Option<&String>) -> Intent {
    let (choice, reason) = (data.choice.clone(), data.reason.clone());
    match (&data.about, &data.choice) {
        (About::Incident, Choice::Amend(runbook)) => {
            let payload = payload.cloned().unwrap_or_default();
            Intent::ProposeAmendment { runbook: *runbook, payload, reason }
        }
        (About::Incident, _) => Intent::DecideIncident { choice, reason },
        (About::Step(step), _) => Intent::DecideStep { step: step.clone(), choice, reason },
    }
}

fn measured(data: &Measured) -> Intent {
    Intent::Measure {
        step: data.step.clone(),
        attempt: data.attempt,
        digest: data.digest,
        bytes: data.bytes,
        text: data.text.clone(),
    }
}

fn judged(data: &Judged) -> Intent {
    Intent::Judge {
        step: data.step.clone(),
        attempt: data.attempt,
        look: data.look,
        judgement: data.judgement,
        why: data.why.clone(),
    }
}

fn asked(data: &Asked, payload: Option<&String>) -> Intent {
    Intent::AskMessage { template: data.template.clone(), how: data.how, payload: payload.cloned() }
}

fn sent(data: &Sent, payload: Option<&String>) -> Intent {
    Intent::MarkSent {
        step: data.step.clone(),
        asked: data.asked,
        how: data.how,
        detail: data.detail.clone(),
        payload: payload.cloned().unwrap_or_default(),
    }
}
