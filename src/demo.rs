//! A real small shop, its traffic and stand-in teammates. Never used by a live incident.

pub mod hidden;
pub mod leash;
pub mod outcome;
pub mod script;
pub mod shop;
pub mod stage;
pub mod stand_in;
pub mod sweep;
pub mod traffic;
