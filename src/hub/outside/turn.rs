//! What of the record those outside are told: the turns an incident takes, and when its steps begin and end. Never
//! passes over a kind of event unseen: a new one does not compile until somebody has said here what it is.

use crate::core::event::{Direction, Outcome, PhaseEntered, Undone, What};
use crate::core::id::StepId;

/// An event, as those outside see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn<'a> {
    /// Where it stands is another than before.
    Stage(Stage<'a>),
    /// Somebody went past the rules.
    Overridden,
    /// A try of a step, or of its undo, began.
    Began(&'a StepId, u32, Direction),
    /// It ended.
    Ended(&'a StepId, Direction, Outcome),
    /// Nothing that anybody outside is told.
    Inside,
}

/// The turns of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage<'a> {
    /// It was opened.
    Opened,
    /// The rollback was declared.
    Declared,
    /// A phase was entered.
    Phase(&'a PhaseEntered),
    /// The harm is over.
    Mitigated,
    /// It is repaired.
    Resolved,
    /// The rollback was given up.
    Aborted,
    /// The record is closed.
    Closed,
}

impl Turn<'_> {
    /// What this event is to those outside.
    pub fn of(what: &What) -> Turn<'_> {
        match what {
            What::Opened(_) => Turn::Stage(Stage::Opened),
            What::Declared(_) => Turn::Stage(Stage::Declared),
            What::PhaseEntered(data) => Turn::Stage(Stage::Phase(data)),
            What::Mitigated(_) => Turn::Stage(Stage::Mitigated),
            What::Resolved(_) => Turn::Stage(Stage::Resolved),
            What::Aborted(_) => Turn::Stage(Stage::Aborted),
            What::Closed(_) => Turn::Stage(Stage::Closed),
            What::Overridden(_) => Turn::Overridden,
            What::Started(data) => Turn::Began(&data.step, data.attempt, data.direction),
            What::Finished(data) => Turn::Ended(&data.step, Direction::Forward, data.outcome),
            What::Undone(Undone { step, outcome, .. }) => Turn::Ended(step, Direction::Undo, *outcome),
            What::Amended(_)
            | What::Joined(_)
            | What::Left(_)
            | What::Assumed(_)
            | What::Renounced(_)
            | What::Offered(_)
            | What::OfferEnded(_)
            | What::HandedOver(_)
            | What::TenureExceeded(_)
            | What::ShiftShort(_)
            | What::Continued(_)
            | What::Resumed(_)
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
            | What::Decided(_)
            | What::PollOpened(_)
            | What::PollAnswered(_)
            | What::PollClosed(_)
            | What::ObjectionAnswered(_)
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
            | What::RedactionAsked(_)
            | What::Redacted(_)
            | What::ClockJumped(_)
            | What::AnchorConfirmed(_)
            | What::SessionRevoked(_) => Turn::Inside,
        }
    }
}
