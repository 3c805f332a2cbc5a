//! Runbook format 1: what a file means. Never runs anything and never looks at the clock.

pub mod model;
