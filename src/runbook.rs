//! Runbook format 1: what a file means. Never runs anything and never looks at the clock.
//!
//! * [`yaml`]: the one door for YAML, a tree with places.
//! * [`condition`]: whether what was seen is what was expected.
//! * [`decode`]: from tree to typed values, all mistakes in one pass.
//! * [`diff`]: what differs between two versions.
//! * [`finding`]: what is wrong, where, and what to write instead.
//! * [`import`]: a checklist becomes a draft.
//! * [`lint`]: what a runbook should keep beyond its grammar.
//! * [`model`]: the typed runbook.
//! * [`parse`]: from a file to the model, with every rule of the format.
//! * [`places`]: where each part of a runbook stands in its file.
//! * [`plan`]: what would happen, before anything does.
//! * [`redlines`]: what incidents ask a runbook to become.
//! * [`scenario`]: a rehearsal written down, with its own parser, rules and schema.
//! * [`schema`]: the format for editors and other programs.
//! * [`template`]: `{{ }}`, and what a step will really do.
//! * [`texts`]: every text that templates fill.
//! * [`vocabulary`]: the words that runbooks choose from.
//! * [`words`]: parts of a runbook in words.

pub mod condition;
pub mod decode;
pub mod diff;
pub mod finding;
pub mod import;
pub mod lint;
pub mod model;
pub mod parse;
pub mod places;
pub mod plan;
pub mod redlines;
pub mod scenario;
pub mod schema;
pub mod template;
pub mod texts;
pub mod vocabulary;
pub mod words;
pub mod yaml;

pub use parse::{Loaded, digest, load};
