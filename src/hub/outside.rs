//! The hub and the world outside the room: what is silenced, told and copied elsewhere. Never holds up a step or the
//! record, and never contacts anything that the workspace does not name.

pub mod board;
pub mod follow;
pub mod suspend;
