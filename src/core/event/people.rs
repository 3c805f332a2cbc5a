//! Who came, sat down, and went. Never says whether they may: that was decided before.

use crate::core::id::{RoleName, SessionId};
use crate::core::time::Stamp;
use serde::{Deserialize, Serialize};

data! {
    /// A person's session: their SSH key vouches for a session key.
    Joined {
        /// Base64 of the session's Ed25519 key.
        session_key: String,
        /// Fingerprint of the SSH key that signed for it.
        key: String,
        /// Roles asked for.
        roles: Vec<RoleName>,
        /// Acts after this are refused.
        expires: Stamp,
        /// How they reached the hub, for attribution only.
        via: String,
    }
}

data! {
    /// A session ended.
    Left {
        /// Which one.
        session: SessionId,
        /// How.
        how: Leaving,
    }
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leaving {
    /// By leaving.
    Left,
    /// The connection was lost.
    Lost,
}

data! {
    /// A person took a seat.
    Assumed {
        /// The seat.
        role: RoleName,
        /// As a stand-in, because nobody of the role itself is in the room.
        stand_in: bool,
    }
}

data! {
    /// A person left a seat.
    Renounced {
        /// The seat.
        role: RoleName,
    }
}

data! {
    /// A session key no longer counts.
    SessionRevoked {
        /// Which.
        session: SessionId,
        /// Why.
        reason: String,
    }
}
