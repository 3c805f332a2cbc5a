//! Questions to the room and what was said against things. Never counts votes.

use super::Incident;
use crate::core::event::{Opinion, PollEnd};
use crate::core::id::PersonId;
use crate::core::time::Stamp;

/// A question to the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poll {
    /// Who asked.
    pub by: PersonId,
    /// What is proposed.
    pub question: String,
    /// When it was asked.
    pub asked_at: Stamp,
    /// Hearing no objection until then, it proceeds.
    pub expires: Stamp,
    /// What people said, in order; an objection may follow another answer of the same person.
    pub answers: Vec<PollAnswer>,
    /// How it ended.
    pub end: Option<PollEnd>,
}

/// What somebody said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollAnswer {
    /// The event that says so.
    pub seq: u64,
    /// Who.
    pub person: PersonId,
    /// What.
    pub opinion: Opinion,
    /// Why.
    pub reason: String,
}

/// What was said against something, and what was said to that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// Who objected.
    pub person: PersonId,
    /// Against what: a gate, or a question.
    pub about: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Stamp,
    /// Who answered, with what, and when.
    pub answer: Option<(PersonId, String, Stamp)>,
}

impl Incident {
    /// The open question, if there is one: the event that asked, and the question.
    pub fn open_poll(&self) -> Option<(u64, &Poll)> {
        self.polls.iter().rev().find(|(_, p)| p.end.is_none()).map(|(seq, p)| (*seq, p))
    }

    /// Objections nobody has answered yet, by the event that objected.
    pub fn open_objections(&self) -> impl Iterator<Item = (u64, &Objection)> {
        self.objections.iter().filter(|(_, o)| o.answer.is_none()).map(|(seq, o)| (*seq, o))
    }
}
