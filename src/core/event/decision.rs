//! What somebody decided, and about what. Never without the reason.

use crate::core::id::{Digest, StepId};
use serde::{Deserialize, Serialize};

/// What a decision is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// The whole incident.
    Incident,
    /// One step.
    Step(StepId),
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// An option of a `decide` step.
    Option(String),
    /// Try the failed step again.
    Retry,
    /// Go on in spite of the failure.
    Continue,
    /// Go on at another step; those between are left out.
    Goto(StepId),
    /// Nothing new starts.
    Pause,
    /// Steps may start again.
    GoOn,
    /// Signal the running step.
    Cancel,
    /// End the running step at once, without clean-up.
    Kill,
    /// After an abort: what the step did stays, and its undo is not run.
    Keep,
    /// This way is not gone, and why: said of the incident, so that nobody opens the question again unawares.
    RuleOut(String),
    /// Go on with a changed runbook, once the quorum of `declare` approves. The file is the event's payload.
    Amend(Digest),
}

data! {
    /// Somebody decided, or a declared `on_failure` applied.
    Decided {
        /// About what.
        about: About,
        /// What.
        choice: Choice,
        /// Why.
        reason: String,
    }
}
