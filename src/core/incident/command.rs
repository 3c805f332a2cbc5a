//! Command on its way from one person to another, what was decided so far, and seats held for too long. Never says
//! who may command.

use super::{Incident, Seat};
use crate::core::event::{Authority, Policies, Seen};
use crate::core::id::{Digest, PersonId};
use crate::core::time::Stamp;
use std::time::Duration;

/// Command offered to somebody and not yet taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The event that says so.
    pub seq: u64,
    /// Who commands.
    pub from: PersonId,
    /// Who may take it.
    pub to: PersonId,
    /// The head its packet was made from.
    pub seen: Seen,
    /// Digest of the packet.
    pub packet: Digest,
    /// Cannot be taken after this.
    pub expires: Stamp,
    /// Fingerprint of the key that signed it.
    pub key: String,
}

/// Something that was decided, or spoken against: what a new commander should not open again unawares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// The event that says so.
    pub seq: u64,
    /// Who; none for what the runbook declared.
    pub person: Option<PersonId>,
    /// What and why, in one sentence.
    pub words: String,
}

impl Incident {
    /// What the workspace had agreed on when the incident opened.
    pub fn policies(&self) -> &Policies {
        static NOTHING: Policies = Policies {
            max_tenure: None,
            shift_gap: None,
            verify_required: false,
            authority: Authority { abort: Vec::new(), go_on: Vec::new(), no_return: Vec::new() },
        };
        self.opened.as_ref().map_or(&NOTHING, |o| &o.policies)
    }

    /// For how long a seat is held at most: as the runbook says, else as the workspace does.
    pub fn tenure_of(&self, role: &str) -> Option<Duration> {
        let of_runbook = self.runbook.roles.iter().find(|r| r.name == role).and_then(|r| r.max_tenure);
        let of_workspace = || self.policies().max_tenure.map(Duration::from_secs);
        // Whoever only looks on cannot tire the incident.
        of_runbook.or_else(|| of_workspace().filter(|_| role != "observer"))
    }

    /// Seats held for longer than they should be and not yet said so, with when that was.
    pub fn tenures(&self) -> impl Iterator<Item = (&str, &Seat, Stamp)> {
        let seats = self.seats.iter().filter_map(|(role, seats)| Some((role, seats, self.tenure_of(role)?)));
        seats.flat_map(|(role, seats, limit)| {
            let quiet = seats.iter().filter(|s| !s.overdue);
            quiet.map(move |s| (role.as_str(), s, s.since.plus(limit)))
        })
    }

    /// Whether the person may ever sit as the commander: by the roster, or as a stand-in.
    pub fn may_command(&self, person: &PersonId) -> Option<CommandStanding> {
        if self.team.may_take(person, "commander") {
            return Some(CommandStanding::Own);
        }
        let role = self.runbook.roles.iter().find(|r| r.name == "commander")?;
        role.stand_in.iter().any(|r| self.team.may_take(person, r)).then_some(CommandStanding::StandIn)
    }
}

/// How somebody comes to a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandStanding {
    /// The roster gives them the role.
    Own,
    /// Another role of theirs stands in for it.
    StandIn,
}
