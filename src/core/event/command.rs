//! How command passes from one person to another, and how long seats are held. Never says who may command: that was
//! decided before.

use super::Seen;
use crate::core::id::{Digest, PersonId, RoleName};
use crate::core::time::Stamp;
use serde::{Deserialize, Serialize};

data! {
    /// The commander offers the command to one person; nothing has changed hands yet.
    Offered {
        /// To whom.
        to: PersonId,
        /// The head the packet was made from; the same for both who sign.
        seen: Seen,
        /// Digest of the whole packet.
        packet: Digest,
        /// Cannot be taken after this.
        expires: Stamp,
        /// Fingerprint of the signing key.
        key: String,
    }
}

/// How an offer of command ended without a handover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferEnd {
    /// The one it was made to does not want it.
    Declined,
    /// The commander keeps it after all.
    Withdrawn,
    /// Nobody took it in time.
    Expired,
    /// What the packet says is no longer so.
    Changed,
}

impl OfferEnd {
    /// The word on screens and in reports.
    pub fn word(self) -> &'static str {
        match self {
            OfferEnd::Declined => "declined",
            OfferEnd::Withdrawn => "withdrawn",
            OfferEnd::Expired => "expired",
            OfferEnd::Changed => "void",
        }
    }
}

data! {
    /// An offer of command came to nothing.
    OfferEnded {
        /// The event that offered it.
        offer: u64,
        /// How.
        how: OfferEnd,
        /// Why, in a sentence.
        reason: String,
    }
}

data! {
    /// Command changed hands: both have signed the same packet.
    HandedOver {
        /// The event that offered it.
        offer: u64,
        /// Who commanded until now.
        from: PersonId,
        /// What the new commander understood, in their words.
        read_back: String,
        /// As a stand-in.
        stand_in: bool,
        /// Fingerprint of the signing key.
        key: String,
    }
}

data! {
    /// Somebody has sat in a seat for longer than they should: a prompt to rotate, nothing more.
    TenureExceeded {
        /// The seat.
        role: RoleName,
        /// Who.
        person: PersonId,
        /// Since when.
        since: Stamp,
        /// For how long a seat is held at most, in seconds.
        limit: u64,
    }
}

data! {
    /// Somebody joined sooner after their last incident than the workspace wants.
    ShiftShort {
        /// Who.
        person: PersonId,
        /// When they last took part in another incident.
        last: Stamp,
        /// How long they should rest, in seconds.
        gap: u64,
    }
}
