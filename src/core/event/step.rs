//! What steps and their undo did. Never says what follows from it.

use crate::core::id::{Digest, StepId};
use serde::{Deserialize, Serialize};

/// A step's run forward, or the undo of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The step itself.
    #[default]
    Forward,
    /// Its `undo`.
    Undo,
}

impl Direction {
    /// Whether it is the step itself, which is not written where it goes without saying.
    pub fn is_forward(&self) -> bool {
        *self == Direction::Forward
    }
}

data! {
    /// About to be started: sealed before anything happens.
    Started {
        /// The step.
        step: StepId,
        /// From 1.
        attempt: u32,
        /// The step or its undo.
        direction: Direction,
        /// Digest of exactly what will be done.
        plan: Digest,
        /// What the operator typed to confirm, where something must be retyped.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retyped: Option<String>,
        /// Why again, or why undone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    }
}

data! {
    /// A step reports how far it is.
    Progressed {
        /// The step.
        step: StepId,
        /// Which try.
        attempt: u32,
        /// Done so far.
        done: u64,
        /// Of how many, when known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total: Option<u64>,
        /// Of what: `bytes`, `rows`, `%`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unit: Option<String>,
    }
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As it should.
    Succeeded,
    /// Not as it should.
    Failed,
    /// Its time was over.
    TimedOut,
    /// Somebody stopped it.
    Cancelled,
    /// Nobody knows: it must be settled.
    Unknown,
}

data! {
    /// A step ended, or its supervisor is gone.
    Finished {
        /// The step.
        step: StepId,
        /// Which try.
        attempt: u32,
        /// How it ended.
        outcome: Outcome,
        /// In one sentence: exit code, what was found, who confirmed.
        detail: String,
        /// SHA-256 of its whole output.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<Digest>,
        /// Length of its whole output in bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output_bytes: Option<u64>,
    }
}

data! {
    /// A step is left out.
    StepSkipped {
        /// The step.
        step: StepId,
        /// Why.
        reason: String,
    }
}

data! {
    /// A person did it outside this program.
    DoneByHand {
        /// The step.
        step: StepId,
        /// What they did.
        reason: String,
    }
}

/// What an unknown outcome is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It happened.
    Succeeded,
    /// It did not happen, or only in part.
    Failed,
}

data! {
    /// An unknown outcome was settled by a person, or by the step's `reconcile` probe.
    Settled {
        /// The step.
        step: StepId,
        /// Which try.
        attempt: u32,
        /// Of the step, or of its undo: both may be unknown at once.
        #[serde(default, skip_serializing_if = "Direction::is_forward")]
        direction: Direction,
        /// What it is taken for.
        verdict: Verdict,
        /// How they know.
        reason: String,
    }
}

data! {
    /// The undo of a step ended.
    Undone {
        /// The step.
        step: StepId,
        /// Which try of the undo.
        attempt: u32,
        /// How it ended.
        outcome: Outcome,
        /// In one sentence.
        detail: String,
    }
}
