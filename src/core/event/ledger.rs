//! What stays behind: things switched off, items to reconcile, messages that left, promises. Never what is still open.

use crate::core::id::{Name, PersonId, StepId};
use crate::core::time::Stamp;
use serde::{Deserialize, Serialize};

data! {
    /// Something is switched off until it is resumed.
    Suspended {
        /// What.
        name: Name,
        /// By which step.
        step: StepId,
        /// False when the step's outcome leaves it open.
        certain: bool,
    }
}

data! {
    /// It is on again.
    Lifted {
        /// What.
        name: Name,
        /// By which step.
        step: StepId,
    }
}

data! {
    /// A named owner takes over what stays suspended.
    Inherited {
        /// What.
        name: Name,
        /// Who.
        owner: PersonId,
        /// Why it stays.
        reason: String,
    }
}

data! {
    /// Items that stay to be reconciled.
    BacklogAdded {
        /// What they are.
        name: Name,
        /// By which step.
        step: StepId,
        /// How many.
        count: u64,
        /// Who looks after them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<String>,
    }
}

data! {
    /// Items were reconciled, or a named owner takes the rest.
    BacklogSettled {
        /// What they are.
        name: Name,
        /// How many.
        count: u64,
        /// How, or who takes them over.
        reason: String,
    }
}

/// How a message left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Handed {
    /// The channel took it.
    Delivered,
    /// A person passed it on.
    ByHand,
}

data! {
    /// A person wants a message to leave outside the steps; a text of their own is the payload.
    Asked {
        /// Which text.
        template: Name,
        /// Through its channel, or the person has passed it on already.
        how: Handed,
    }
}

data! {
    /// A message left; its text is the payload.
    Sent {
        /// The step that sent it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<StepId>,
        /// Without a step: the event that asked for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asked: Option<u64>,
        /// Which text.
        template: Name,
        /// Which channel.
        channel: Name,
        /// How.
        how: Handed,
        /// What the channel answered.
        detail: String,
    }
}

data! {
    /// Somebody outside the room was promised something.
    Promised {
        /// To whom.
        to: String,
        /// What.
        words: String,
        /// By when.
        due: Stamp,
    }
}

/// What became of a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromiseEnd {
    /// It was kept.
    Kept,
    /// It is not kept, and whoever it was made to knows.
    TakenBack,
}

impl PromiseEnd {
    /// The words on screens and in reports.
    pub fn word(self) -> &'static str {
        match self {
            PromiseEnd::Kept => "kept",
            PromiseEnd::TakenBack => "taken back",
        }
    }
}

data! {
    /// A promise is kept, or taken back.
    PromiseSettled {
        /// The event that made it.
        promise: u64,
        /// What became of it.
        how: PromiseEnd,
        /// How, or why not.
        words: String,
    }
}

data! {
    /// Somebody of the declaration's list was told by hand.
    Told {
        /// Who, as the runbook calls them.
        to: String,
        /// How, and what they said.
        words: String,
    }
}
