//! The process that owns one incident: the only writer of its record, the only one who starts its steps. Never knows
//! the console.
//!
//! * [`layout`]: the incident's folder.
//! * [`start`]: starting a hub: the parent's half. [`process`]: the child's.
//! * [`open`], [`pinned`]: taking hold of the record and of what it is pinned to.
//! * [`room`]: wishes in, sealed events out. [`wish`]: what goes in. [`proof`]: whose act it is.
//! * [`log`], [`shared`]: what is sealed, for everybody.
//! * [`listener`], [`session`], [`output`]: clients.
//! * [`driver`]: what the record asks to be done. [`meters`]: numbers. [`clock`]: time.

pub mod clock;
pub mod driver;
pub mod guests;
pub mod layout;
pub mod listener;
pub mod log;
pub mod logind;
pub mod meters;
pub mod open;
pub mod output;
pub mod outside;
pub mod pinned;
pub mod process;
pub mod proof;
pub mod rest;
pub mod room;
pub mod session;
pub mod shared;
pub mod start;
pub mod wish;
