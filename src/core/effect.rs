//! What an event asks of the world outside, as data. Never does it.

use crate::core::event::{About, Choice, Direction, DoneByHand, Event, Handed, Settled, Started, What};
use crate::core::id::{Name, StepId};
use crate::core::incident::{Incident, Status};

/// Something to be done outside, once the event that asks for it is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Carry out a step, or its undo.
    RunStep {
        /// The step.
        step: StepId,
        /// Which try.
        attempt: u32,
        /// The step or its undo.
        direction: Direction,
    },
    /// End a step that is under way.
    StopStep {
        /// The step.
        step: StepId,
        /// Which try.
        attempt: u32,
        /// The step or its undo.
        direction: Direction,
        /// Politely or at once.
        how: Stop,
    },
    /// Count what a step leaves to reconcile.
    CountBacklog {
        /// The step.
        step: StepId,
    },
    /// Look with the step's `reconcile` probe how it really ended.
    Reconcile {
        /// The step.
        step: StepId,
        /// Which try.
        attempt: u32,
    },
    /// Remove parts kept outside the record, salt and all.
    RemoveParts {
        /// The event whose parts they are.
        event: u64,
        /// Which.
        parts: Vec<u32>,
    },
    /// Let a message leave that somebody asked for.
    SendMessage {
        /// The event that asks.
        asked: u64,
        /// Which text.
        template: Name,
        /// Through its channel, or it was passed on already.
        how: Handed,
    },
    /// Nothing more will happen: let go of everything.
    ShutDown,
}

/// How a step is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// With time to clean up.
    Politely,
    /// At once.
    AtOnce,
}

/// What an event asks for, given the state after it.
pub fn effects(incident: &Incident, event: &Event) -> Vec<Effect> {
    match &event.what {
        What::Started(data) => vec![run(data)],
        What::Decided(data) => match &data.about {
            About::Incident => Vec::new(),
            About::Step(step) => after_choice(incident, step, &data.choice),
        },
        What::Finished(data) => after_end(incident, &data.step, data.attempt),
        What::DoneByHand(DoneByHand { step, .. }) | What::Settled(Settled { step, .. }) => {
            count(incident, step)
        }
        What::Asked(data) => {
            vec![Effect::SendMessage { asked: event.seq, template: data.template.clone(), how: data.how }]
        }
        What::Closed(_) => vec![Effect::ShutDown],
        What::Redacted(data) => vec![Effect::RemoveParts { event: data.event, parts: data.parts.clone() }],
        What::Opened(_)
        | What::Declared(_)
        | What::Mitigated(_)
        | What::Resolved(_)
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
        | What::Undone(_)
        | What::Requested(_)
        | What::Granted(_)
        | What::Denied(_)
        | What::Expired(_)
        | What::Voided(_)
        | What::Refused(_)
        | What::Overridden(_)
        | What::Measured(_)
        | What::Judged(_)
        | What::TriggerFired(_)
        | What::TriggerCleared(_)
        | What::Suspended(_)
        | What::Lifted(_)
        | What::Inherited(_)
        | What::BacklogAdded(_)
        | What::BacklogSettled(_)
        | What::Sent(_)
        | What::Told(_)
        | What::Promised(_)
        | What::PromiseSettled(_)
        | What::Noted(_)
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
        | What::SessionRevoked(_) => Vec::new(),
    }
}

fn run(data: &Started) -> Effect {
    Effect::RunStep { step: data.step.clone(), attempt: data.attempt, direction: data.direction }
}

fn count(incident: &Incident, step: &StepId) -> Vec<Effect> {
    if incident.owes_count(step) { vec![Effect::CountBacklog { step: step.clone() }] } else { Vec::new() }
}

fn after_end(incident: &Incident, id: &StepId, attempt: u32) -> Vec<Effect> {
    let mut asked = count(incident, id);
    let probe = incident.step(id).is_some_and(|s| s.reconcile.is_some());
    if probe && incident.status(id.as_str()) == Status::Unknown {
        asked.push(Effect::Reconcile { step: id.clone(), attempt });
    }
    asked
}

fn after_choice(incident: &Incident, step: &StepId, choice: &Choice) -> Vec<Effect> {
    match choice {
        Choice::Cancel => stop(incident, step, Stop::Politely),
        Choice::Kill => stop(incident, step, Stop::AtOnce),
        Choice::Option(_)
        | Choice::Retry
        | Choice::Continue
        | Choice::Goto(_)
        | Choice::Keep
        | Choice::Pause
        | Choice::RuleOut(_)
        | Choice::Amend(_)
        | Choice::GoOn => Vec::new(),
    }
}

fn stop(incident: &Incident, step: &StepId, how: Stop) -> Vec<Effect> {
    [Direction::Forward, Direction::Undo]
        .into_iter()
        .filter_map(|direction| incident.run_of(step, direction).map(|run| (direction, run)))
        .filter(|(_, run)| run.status == Status::Running)
        .map(|(direction, run)| Effect::StopStep { step: step.clone(), attempt: run.attempt, direction, how })
        .collect()
}
