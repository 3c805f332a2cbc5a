//! Sessions and seats: who is here and as what. Never says who may sit down.

use super::Incident;
use crate::core::event::Leaving;
use crate::core::id::PersonId;
use crate::core::time::Stamp;

/// A person's session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Whose.
    pub person: PersonId,
    /// Base64 Ed25519 key.
    pub key: String,
    /// Acts after this are refused.
    pub expires: Stamp,
    /// Highest running number seen.
    pub last_client_seq: Option<u64>,
    /// When it began.
    pub joined_at: Stamp,
    /// When and how it ended.
    pub left: Option<(Stamp, Leaving)>,
    /// Whether it was revoked.
    pub revoked: bool,
    /// How they reached the hub.
    pub via: String,
}

/// Somebody in a seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// Who.
    pub person: PersonId,
    /// Since when.
    pub since: Stamp,
    /// As a stand-in.
    pub stand_in: bool,
    /// Whether it was said that they have sat here for too long.
    pub overdue: bool,
}

impl Incident {
    /// Whether the person sits in the seat.
    pub fn holds(&self, person: &PersonId, role: &str) -> bool {
        self.seats.get(role).is_some_and(|seats| seats.iter().any(|s| &s.person == person))
    }

    /// The seats a person has.
    pub fn seats_of<'a>(&'a self, person: &'a PersonId) -> impl Iterator<Item = &'a str> {
        self.seats
            .iter()
            .filter(move |(_, s)| s.iter().any(|s| &s.person == person))
            .map(|(role, _)| role.as_str())
    }

    /// Whether the person has a session that has not ended.
    pub fn is_present(&self, person: &PersonId) -> bool {
        self.sessions.values().any(|s| &s.person == person && s.left.is_none() && !s.revoked)
    }

    /// Who commands.
    pub fn commander(&self) -> Option<&Seat> {
        self.seats.get("commander").and_then(|s| s.last())
    }

    /// Seats the runbook asks for that nobody holds yet: role and how many are missing.
    pub fn empty_seats(&self) -> Vec<(&str, u32)> {
        self.runbook
            .roles
            .iter()
            .filter_map(|role| {
                let need = role.min.max(u32::from(role.required));
                let have = self.seats.get(&role.name).map_or(0, |s| s.len() as u32);
                (have < need).then(|| (role.name.as_str(), need - have))
            })
            .collect()
    }
}
