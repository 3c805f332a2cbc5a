//! A real small shop, its traffic and stand-in teammates. Never used by a live incident.

pub mod hidden;
pub mod leash;
pub mod shop;
pub mod traffic;
