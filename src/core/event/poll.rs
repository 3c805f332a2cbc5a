//! "Any strong objections?": a question, its countdown, what people said, and the answers that objections got. Never
//! counts votes: one objection is enough, and hearing none proceeds.

use crate::core::time::Stamp;
use serde::{Deserialize, Serialize};

data! {
    /// A question to the room.
    PollOpened {
        /// What is proposed.
        question: String,
        /// How long the room has, in seconds.
        lasts: u64,
        /// Hearing no objection until then, it proceeds.
        expires: Stamp,
    }
}

/// What somebody says to a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opinion {
    /// Go on.
    Fine,
    /// Do not go on.
    Object,
    /// Neither.
    Abstain,
}

impl Opinion {
    /// The word on screens and in reports.
    pub fn word(self) -> &'static str {
        match self {
            Opinion::Fine => "fine",
            Opinion::Object => "object",
            Opinion::Abstain => "abstain",
        }
    }
}

data! {
    /// Somebody answered.
    PollAnswered {
        /// The event that asked.
        poll: u64,
        /// What they say.
        opinion: Opinion,
        /// Why; an objection needs one.
        reason: String,
    }
}

/// How a question ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PollEnd {
    /// Nobody objected in time.
    NoObjections,
    /// Somebody objected.
    Objected,
    /// Whoever asked, or the commander, took it back.
    Withdrawn,
}

impl PollEnd {
    /// The words on screens and in reports.
    pub fn word(self) -> &'static str {
        match self {
            PollEnd::NoObjections => "no objections",
            PollEnd::Objected => "objected to",
            PollEnd::Withdrawn => "withdrawn",
        }
    }
}

data! {
    /// A question is over.
    PollClosed {
        /// The event that asked.
        poll: u64,
        /// How.
        how: PollEnd,
    }
}

data! {
    /// An objection got its answer.
    ObjectionAnswered {
        /// The event that objected: a denial at a gate, or an answer to a question.
        objection: u64,
        /// What is said to it.
        words: String,
    }
}
