//! Folds one event into the incident. Total by construction: an event that was written is an event that applies.
//! Never refuses, never fails, never looks at anything but the event and the state.

mod command;
mod decision;
mod gate;
mod ledger;
mod people;
mod poll;
mod redaction;
mod step;

use crate::core::event::{Event, What};
use crate::core::incident::{Incident, Stage, Status};

pub use people::session_id;

/// Folds one event into the incident.
pub fn apply(incident: &mut Incident, event: &Event) {
    incident.next_seq = event.seq.saturating_add(1);
    incident.last_at = event.at;
    people::note_client_seq(incident, event);
    redaction::note_parts(incident, event);
    let at = event.at;
    let person = event.actor.person();
    match &event.what {
        What::Opened(data) => people::open(incident, data, person, at),
        What::Joined(data) => people::join(incident, data, person, at),
        What::Left(data) => people::leave(incident, data, at),
        What::SessionRevoked(data) => people::revoke(incident, data),
        What::Assumed(data) => people::assume(incident, data, person, at),
        What::Renounced(data) => people::renounce(incident, data, person),
        What::Offered(data) => command::offered(incident, data, person, event.seq),
        What::OfferEnded(_) => incident.offer = None,
        What::HandedOver(data) => command::handed_over(incident, data, person, at),
        What::TenureExceeded(data) => command::exceeded(incident, data),
        What::PollOpened(data) => poll::opened(incident, data, person, event.seq, at),
        What::PollAnswered(data) => poll::answered(incident, data, person, event.seq, at),
        What::PollClosed(data) => poll::closed(incident, data),
        What::ObjectionAnswered(data) => poll::objection_answered(incident, data, person, at),
        What::RedactionAsked(data) => redaction::asked(incident, data, person, event.seq),
        What::Redacted(data) => redaction::redacted(incident, data, event.seq),
        What::Declared(_) => {
            incident.stage = Stage::Declared;
            incident.declared_at = Some(at);
        }
        What::Mitigated(_) => incident.mitigated_at = Some(at),
        What::Resolved(_) => incident.resolved_at = Some(at),
        What::Closed(_) => incident.stage = Stage::Closed,
        What::Amended(data) => incident.adopt(data.runbook),
        What::Aborted(data) => abort(incident, &data.reason),
        What::Continued(data) => incident.go_on(data, event.seq),
        What::Resumed(_) => incident.resumes += 1,
        What::PhaseEntered(data) => _ = incident.phases_entered.insert(data.phase),
        What::Started(data) => step::start(incident, data, event),
        What::Progressed(data) => step::progress(incident, data, at),
        What::Finished(data) => step::finish(incident, data, event),
        What::StepSkipped(data) => step::set(incident, &data.step, Status::Skipped, &data.reason, event),
        What::DoneByHand(data) => step::by_hand(incident, data, event),
        What::Settled(data) => step::settle(incident, data, event),
        What::Undone(data) => step::undone(incident, data, event),
        What::Measured(data) => step::measured(incident, data, event.seq, at),
        What::Judged(data) => step::judged(incident, data),
        What::Requested(data) => gate::requested(incident, data, at),
        What::Granted(data) => gate::granted(incident, data, person, at),
        What::Denied(data) => gate::denied(incident, data, person, event.seq, at),
        What::Expired(data) => gate::expired(incident, data, event),
        What::Voided(data) => gate::voided(incident, data),
        What::Overridden(data) => gate::overridden(incident, data, person, at),
        What::Decided(data) => decision::decided(incident, data, person, event),
        What::TriggerFired(data) => _ = incident.fired.insert(data.trigger.to_string(), at),
        What::TriggerCleared(data) => _ = incident.fired.remove(data.trigger.as_str()),
        What::Suspended(data) => ledger::suspended(incident, data, at),
        What::Lifted(data) => ledger::lifted(incident, data, at),
        What::Inherited(data) => ledger::inherited(incident, data),
        What::BacklogAdded(data) => ledger::added(incident, data),
        What::BacklogSettled(data) => ledger::settled(incident, data),
        What::Asked(data) => ledger::asked(incident, data, event.seq),
        What::Sent(data) => ledger::sent(incident, data, event),
        What::Told(data) => _ = incident.told.insert(data.to.clone(), at),
        What::Promised(data) => ledger::promised(incident, data, person, event.seq),
        What::PromiseSettled(data) => ledger::promise_settled(incident, data, person, at),
        What::AnchorConfirmed(data) => ledger::anchored(incident, data, at),
        What::ShiftShort(data) => _ = incident.short_shifts.insert(data.person.clone(), data.last),
        What::ClockJumped(data) => incident.moved = incident.moved.saturating_add(data.micros),
        What::Refused(_) | What::Noted(_) => {}
    }
}

fn abort(incident: &mut Incident, reason: &str) {
    incident.aborted = Some(reason.to_owned());
    incident.paused = None;
    step::not_reached(incident);
}
