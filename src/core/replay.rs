//! Whether a recorded event was a legal move: the intent behind it is rebuilt and put to `decide` again.
//!
//! There is no second rule book: what the hub allows is what the verifier accepts. Never checks bytes or signatures.

mod intent;

use crate::core::apply::apply;
use crate::core::decide::decide;
use crate::core::event::{Actor, Choice, Event, What};
use crate::core::incident::Incident;
use crate::core::intent::By;
use crate::core::refusal::Refusal;
use crate::core::statement;
use crate::core::time;

pub use intent::intent_of;

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
    /// Earlier than the event before it.
    #[error("its time is {by} s before that of the event it follows, and no `clock.jumped` says why")]
    WentBack {
        /// In whole seconds.
        by: u64,
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
    forward(incident, event)?;
    proved(event)?;
    payload(event)?;
    let what = decide(incident, &by(event), &intent_of(event), event.at)?;
    if what != event.what {
        return Err(Illegal::Different { kind: event.what.kind() });
    }
    apply(incident, event);
    Ok(())
}

/// A clock that was set back is recorded, and a segment may begin on another machine.
fn forward(incident: &Incident, event: &Event) -> Result<(), Illegal> {
    let back = incident.last_at.since(event.at);
    let said = match &event.what {
        What::ClockJumped(jump) => jump.micros < 0,
        What::Opened(_) | What::Continued(_) => true,
        _ => false,
    };
    if said || back <= time::DRIFT { Ok(()) } else { Err(Illegal::WentBack { by: back.as_secs() }) }
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
        What::Offered(_) | What::HandedOver(_) => Some(statement::HANDOVER),
        What::RedactionAsked(_) | What::Redacted(_) => Some(statement::REDACT),
        What::Declared(_)
        | What::Mitigated(_)
        | What::Resolved(_)
        | What::Aborted(_)
        | What::Amended(_)
        | What::Left(_)
        | What::Assumed(_)
        | What::Renounced(_)
        | What::Continued(_)
        | What::Resumed(_)
        | What::PhaseEntered(_)
        | What::Started(_)
        | What::Progressed(_)
        | What::Finished(_)
        | What::StepSkipped(_)
        | What::DoneByHand(_)
        | What::Settled(_)
        | What::Undone(_)
        | What::Requested(_)
        | What::Expired(_)
        | What::Voided(_)
        | What::Refused(_)
        | What::Decided(_)
        | What::Measured(_)
        | What::Judged(_)
        | What::TriggerFired(_)
        | What::TriggerCleared(_)
        | What::Suspended(_)
        | What::Lifted(_)
        | What::Inherited(_)
        | What::BacklogAdded(_)
        | What::BacklogSettled(_)
        | What::Asked(_)
        | What::Sent(_)
        | What::Told(_)
        | What::Promised(_)
        | What::PromiseSettled(_)
        | What::Noted(_)
        | What::ClockJumped(_)
        | What::AnchorConfirmed(_)
        | What::OfferEnded(_)
        | What::TenureExceeded(_)
        | What::ShiftShort(_)
        | What::PollOpened(_)
        | What::PollAnswered(_)
        | What::PollClosed(_)
        | What::ObjectionAnswered(_)
        | What::SessionRevoked(_) => None,
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
            // What was read back is not in the text that both sign: the session's signature holds it.
            let session = signed_act || (no_act && !matches!(event.what, What::HandedOver(_)));
            if signed && auth.namespace.as_deref() == Some(namespace) && session {
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
        What::Decided(d) if matches!(d.choice, Choice::Amend(_)) => 1..=1,
        What::Started(_) | What::Asked(_) => 0..=1,
        What::Finished(_) | What::Undone(_) => 0..=64,
        // A table of a million rows is committed to in parts.
        What::Measured(_) => 0..=256,
        What::Opened(_)
        | What::Declared(_)
        | What::Mitigated(_)
        | What::Resolved(_)
        | What::Closed(_)
        | What::Aborted(_)
        | What::Amended(_)
        | What::Joined(_)
        | What::Left(_)
        | What::Assumed(_)
        | What::Renounced(_)
        | What::Continued(_)
        | What::Resumed(_)
        | What::PhaseEntered(_)
        | What::Progressed(_)
        | What::StepSkipped(_)
        | What::DoneByHand(_)
        | What::Settled(_)
        | What::Requested(_)
        | What::Granted(_)
        | What::Denied(_)
        | What::Expired(_)
        | What::Voided(_)
        | What::Refused(_)
        | What::Overridden(_)
        | What::Decided(_)
        | What::Judged(_)
        | What::TriggerFired(_)
        | What::TriggerCleared(_)
        | What::Suspended(_)
        | What::Lifted(_)
        | What::Inherited(_)
        | What::BacklogAdded(_)
        | What::BacklogSettled(_)
        | What::Told(_)
        | What::Promised(_)
        | What::PromiseSettled(_)
        | What::ClockJumped(_)
        | What::AnchorConfirmed(_)
        | What::Offered(_)
        | What::OfferEnded(_)
        | What::HandedOver(_)
        | What::TenureExceeded(_)
        | What::ShiftShort(_)
        | What::PollOpened(_)
        | What::PollAnswered(_)
        | What::PollClosed(_)
        | What::ObjectionAnswered(_)
        | What::RedactionAsked(_)
        | What::Redacted(_)
        | What::SessionRevoked(_) => 0..=0,
    };
    let got = event.payload.len();
    if expected.contains(&got) {
        return Ok(());
    }
    Err(Illegal::Payload { kind: event.what.kind(), expected: *expected.end(), got })
}
