//! Runbook format 1: what a file means. Never runs anything and never looks at the clock.
//!
//! * [`yaml`]: the one door for YAML, a tree with places.
//! * [`decode`]: from tree to typed values, all mistakes in one pass.
//! * [`finding`]: what is wrong, where, and what to write instead.
//! * [`model`]: the typed runbook.

pub mod decode;
pub mod finding;
pub mod model;
pub mod yaml;
