//! What was seen: by steps that look, by metrics, and by the hub about itself. Never what to make of it.

use crate::core::event::Seen;
use crate::core::id::{Digest, Name, StepId};
use serde::{Deserialize, Serialize};

data! {
    /// A fingerprint to compare with later.
    Measured {
        /// The step that took it.
        step: StepId,
        /// Which try.
        attempt: u32,
        /// Its name.
        name: Name,
        /// SHA-256 of it.
        digest: Digest,
        /// Its length in bytes.
        bytes: u64,
        /// The measurement itself when it is one short line.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    }
}

/// How a look was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// As expected.
    Pass,
    /// Not as expected.
    Fail,
    /// Cannot be told.
    Inconclusive,
}

data! {
    /// A check looked once.
    Judged {
        /// The step.
        step: StepId,
        /// Which try.
        attempt: u32,
        /// Which look, from 1.
        look: u32,
        /// How it was judged.
        judgement: Judgement,
        /// What was seen.
        why: String,
    }
}

data! {
    /// A criterion holds for its time.
    TriggerFired {
        /// Which one.
        trigger: Name,
        /// What was seen.
        value: String,
    }
}

data! {
    /// A criterion no longer holds.
    TriggerCleared {
        /// Which one.
        trigger: Name,
        /// What was seen.
        value: String,
    }
}

data! {
    /// A note; its text is the payload.
    Noted {}
}

data! {
    /// The hub's clock moved against its monotonic one.
    ClockJumped {
        /// Forwards (positive) or backwards, in microseconds.
        micros: i64,
    }
}

data! {
    /// Somebody elsewhere keeps this head.
    AnchorConfirmed {
        /// Number of events.
        n: u64,
        /// Base64 root.
        root: String,
        /// Where.
        anchor: Name,
    }
}

data! {
    /// A disk failed, and the record goes on in a new file under a new key. The first event of a segment, and nowhere
    /// else. Event numbers and the tree go on: the segments are one record.
    Continued {
        /// The new segment's name; its seals sign it.
        log: String,
        /// Base64 of the key that seals from here on.
        hub_key: String,
        /// The last head of the segment before that counts.
        after: Seen,
        /// Why that segment ended, in the system's words.
        cause: String,
        /// The file with what that segment held behind its last head, if anything; none of it counts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        set_aside: Option<String>,
        /// Base64: the key of the segment before signs that this one follows it.
        proof: String,
    }
}

data! {
    /// The hub runs again after it was gone.
    Resumed {
        /// Version of the program.
        program: String,
        /// What was found, in a sentence.
        found: String,
    }
}
