//! The hub and the world outside the room: what is silenced, told and copied elsewhere. Never holds up a step or the
//! record, and never contacts anything that the workspace does not name.

pub mod board;
pub mod follow;
pub mod suspend;

use crate::core::event::Mode;
use crate::core::incident::Incident;

/// Whether this incident changes anything in the world.
pub fn is_live(incident: &Incident) -> bool {
    incident.opened.as_ref().is_some_and(|o| o.mode == Mode::Live)
}
