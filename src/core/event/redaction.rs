//! Taking something out of what is kept beside the record. The record itself stays as it is: never removes an event.

use super::Seen;
use crate::core::id::PersonId;
use crate::core::time::Stamp;
use serde::{Deserialize, Serialize};

data! {
    /// Somebody asks for parts of an event to be removed, and signs for it.
    RedactionAsked {
        /// The event whose parts they are.
        event: u64,
        /// Which of its parts, ascending.
        parts: Vec<u32>,
        /// Why.
        reason: String,
        /// The head they had seen.
        seen: Seen,
        /// Nobody can agree after this.
        expires: Stamp,
        /// Fingerprint of the signing key.
        key: String,
    }
}

data! {
    /// A second person agreed and signed: the parts are removed, salt and all.
    Redacted {
        /// The event that asked for it.
        asked: u64,
        /// The event whose parts they were.
        event: u64,
        /// Which of its parts.
        parts: Vec<u32>,
        /// Why.
        reason: String,
        /// Who asked for it.
        with: PersonId,
        /// Fingerprint of the second person's key.
        key: String,
    }
}
