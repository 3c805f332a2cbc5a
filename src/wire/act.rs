//! A person's act on its way to the hub. Never signs or checks anything itself: `timeline::codec::act` has the bytes.

use crate::core::event::Auth;
use crate::core::id::PersonId;
use crate::core::intent::Intent;
use serde::{Deserialize, Serialize};

/// A person's act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// Who.
    pub person: PersonId,
    /// What they want.
    pub intent: Intent,
    /// How they prove it.
    pub auth: Auth,
    /// What the intent's commitments commit to.
    pub payload: Vec<Part>,
}

/// One separately removable part outside the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Base64 of 32 random bytes.
    pub salt: String,
    /// Base64 of the content.
    pub data: String,
}
