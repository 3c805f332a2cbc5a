//! What happened at the declaration and the hold points. Never counts: one answer is one event.

use crate::core::id::{Digest, PersonId, RoleName, StepId};
use crate::core::time::Stamp;
use serde::{Deserialize, Serialize};

data! {
    /// A hold point opened.
    Requested {
        /// The hold point, or `declare`.
        gate: StepId,
        /// From 1.
        attempt: u32,
        /// One-time value every answer repeats: 32 hex digits.
        nonce: String,
        /// Digest of everything it covers.
        plan: Digest,
        /// Closed after this.
        expires: Stamp,
    }
}

data! {
    /// A person approved.
    Granted {
        /// The hold point.
        gate: StepId,
        /// Which request.
        attempt: u32,
        /// In which role.
        role: RoleName,
        /// Why.
        reason: String,
        /// The request's one-time value.
        nonce: String,
        /// Fingerprint of the signing key.
        key: String,
    }
}

data! {
    /// A person denied.
    Denied {
        /// The hold point.
        gate: StepId,
        /// Which request.
        attempt: u32,
        /// In which role.
        role: RoleName,
        /// The objection.
        reason: String,
        /// The request's one-time value.
        nonce: String,
        /// Fingerprint of the signing key.
        key: String,
    }
}

data! {
    /// Time was over before the quorum. Fails closed.
    Expired {
        /// The hold point.
        gate: StepId,
        /// Which request.
        attempt: u32,
    }
}

data! {
    /// What was approved is no longer what would happen.
    Voided {
        /// The hold point.
        gate: StepId,
        /// Which request.
        attempt: u32,
        /// What changed.
        why: String,
    }
}

data! {
    /// An answer that does not count, kept for the record.
    Refused {
        /// The hold point.
        gate: StepId,
        /// Who answered.
        person: PersonId,
        /// Why it does not count.
        why: String,
    }
}

data! {
    /// Break-glass: gone on without the quorum, or in spite of a denial.
    Overridden {
        /// The gate.
        gate: StepId,
        /// Which request.
        attempt: u32,
        /// In which role.
        role: RoleName,
        /// Why.
        reason: String,
        /// The request's one-time value.
        nonce: String,
        /// Fingerprint of the signing key.
        key: String,
        /// Whose denials it goes past.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        denied_by: Vec<PersonId>,
    }
}
