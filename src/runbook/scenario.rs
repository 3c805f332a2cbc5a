//! Scenario format 1: a rehearsal written down. What goes wrong, what people are told, what commands answer, and what
//! is expected of the people. Never runs anything and never decides whether a rehearsal went well.
//!
//! * [`events`]: what of an incident's record a scenario can wait for.
//! * [`lint`]: what a scenario should keep beyond its grammar.
//! * [`model`]: the typed scenario.
//! * [`schema`]: the format for editors.
//! * [`when`]: conditions over the record, the world's state and the time.

pub mod events;
pub mod lint;
pub mod model;
mod parse;
mod people;
mod refs;
pub mod schema;
pub mod when;
mod world;

use super::decode::Item;
use super::finding::Finding;
use super::parse::digest;
use super::places::Places;
use super::yaml::{self, Faults};
use model::Scenario;

/// What the first key of every scenario says.
pub const FORMAT: &str = "backout.scenario/1";
/// The folder of scenarios inside the folder of runbooks.
pub const FOLDER: &str = "scenarios";

/// A scenario that may be used, and its file.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What it says.
    pub scenario: Scenario,
    /// SHA-256 of the file's bytes, in hex; a rehearsal is pinned to it.
    pub digest_hex: String,
    /// Where its parts stand.
    pub places: Places,
}

/// Reads a scenario from the bytes of its file. `path` is the label that findings carry.
///
/// # Errors
/// All findings of the file, at least one of them an error.
pub fn load(path: &str, bytes: &[u8]) -> Result<Loaded, Vec<Finding>> {
    let root = yaml::parse_bytes(path, bytes)?;
    let text = String::from_utf8_lossy(bytes);
    let faults = Faults::new(path);
    let scenario = parse::read(Item::root(&root, &faults));
    let places = Places::new(path, &text, root);
    // Names are compared when all of them could be read: a broken definition is one finding, not one for each use.
    if let Some(scenario) = scenario.as_ref().filter(|_| !faults.any_error()) {
        refs::check(scenario, &places, &faults);
    }
    let refused = faults.any_error();
    let findings = faults.into_findings(&text);
    match scenario {
        Some(scenario) if !refused => Ok(Loaded { scenario, digest_hex: digest(bytes), places }),
        Some(_) | None => Err(findings),
    }
}

/// Whether a file says of itself that it is a scenario, whatever is wrong with the rest of it.
pub fn is_one(bytes: &[u8]) -> bool {
    yaml::parse_bytes("", bytes)
        .is_ok_and(|root| root.get("schema").is_some() && root.get("backout").is_none())
}

#[cfg(test)]
mod tests;
