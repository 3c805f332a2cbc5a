//! Backout: a terminal incident console for rollbacks.
//!
//! Rooms, in reading order:
//!
//! * [`core`]: what an incident is and what may happen next. Pure.
//! * [`runbook`]: the file format: model, parser, templates, conditions, lint, plan.
//! * [`timeline`]: the signed record on disk, its writer and its verifier.
//! * [`identity`]: people's SSH keys, signatures and the roster of keys.
//! * [`workspace`]: the folder of one team: people, sources, channels, paths.
//! * [`step`]: running commands under a supervisor that outlives the hub.
//! * [`metrics`]: where numbers come from, series, triggers.
//! * [`outside`]: channels that messages leave through.
//! * [`review`]: what a record says afterwards.
//! * [`wire`]: what hub and client say to each other.
//! * [`hub`]: the process that owns an incident.
//! * [`client`]: connecting to a hub, following it, acting and signing.
//! * [`console`]: the terminal screens.
//! * [`theme`]: colours by meaning.
//! * [`demo`]: a real small shop and stand-in teammates.
//! * [`cli`]: one file per verb.

pub mod cli;
pub mod client;
pub mod console;
pub mod core;
pub mod demo;
pub mod error;
pub mod hub;
pub mod identity;
pub mod metrics;
pub mod outside;
pub mod review;
pub mod runbook;
pub mod sanitize;
pub mod step;
pub mod theme;
pub mod timeline;
pub mod wire;
pub mod workspace;
