//! From a file to a [`Runbook`]: every rule of format 1. Never lets a broken file through, and reports all its
//! mistakes at once.

mod action;
mod authority;
mod expect;
mod head;
mod needs;
mod people;
mod preflight;
mod refs;
mod signals;
mod step;
mod subject;

pub(in crate::runbook) use head::whole_match;
pub use people::authority as authority_of;

use super::decode::{Fields, Item};
use super::finding::Finding;
use super::model::{Comms, Phase, Runbook, Step};
use super::places::Places;
use super::yaml::{self, Faults};
use sha2::{Digest, Sha256};

/// A runbook that may be used, and its file.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What it says.
    pub runbook: Runbook,
    /// Warnings of the parser; [`crate::runbook::lint`] finds more.
    pub findings: Vec<Finding>,
    /// SHA-256 of the file's bytes, in hex; an incident is pinned to it.
    pub digest_hex: String,
    /// Where its parts stand.
    pub places: Places,
}

/// Reads a runbook from the bytes of its file. `path` is the label that findings carry.
///
/// # Errors
///
/// All findings of the file, at least one of them an error.
pub fn load(path: &str, bytes: &[u8]) -> Result<Loaded, Vec<Finding>> {
    let root = yaml::parse_bytes(path, bytes)?;
    let text = String::from_utf8_lossy(bytes);
    let faults = Faults::new(path);
    let mut runbook = read(Item::root(&root, &faults));
    if let Some(runbook) = &mut runbook {
        needs::fill_in(runbook, &root);
    }
    let places = Places::new(path, &text, root.clone());
    if let Some(runbook) = &runbook {
        refs::check(runbook, &root, &places, &faults);
        preflight::check(runbook, &places, &faults);
        authority::check(runbook, &places, &faults);
    }
    let refused = faults.any_error();
    let findings = faults.into_findings(&text);
    match runbook {
        Some(runbook) if !refused => Ok(Loaded { runbook, findings, digest_hex: digest(bytes), places }),
        Some(_) | None => Err(findings),
    }
}

/// SHA-256 in hex.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// A part that could not be read is replaced by its empty value, so that the rest is still judged; the finding
/// it left keeps the whole from being used.
fn read(item: Item<'_>) -> Option<Runbook> {
    let mut f = item.fields("runbook")?;
    let head = head::read(&mut f);
    let declare = f.required("declare", people::declare);
    let runbook = Runbook {
        params: f.optional("params", head::params).unwrap_or_default(),
        restore_point: head::restore_point(&mut f, head.class),
        roles: f.required("roles", people::roles).unwrap_or_default(),
        declare: declare.unwrap_or_else(people::nobody),
        authority: f.optional("authority", people::authority).unwrap_or_default(),
        metrics: f.optional("metrics", signals::metrics).unwrap_or_default(),
        triggers: f.optional("triggers", |i| i.list(signals::trigger)).unwrap_or_default(),
        comms: f.optional("comms", signals::comms).unwrap_or_else(Comms::default),
        phases: f.required("phases", |i| i.some(phase)).unwrap_or_default(),
        always: f.optional("always", steps).unwrap_or_default(),
        ..head
    };
    f.finish();
    Some(runbook)
}

fn phase(item: Item<'_>) -> Option<Phase> {
    let mut f: Fields<'_> = item.fields("phase")?;
    let name = f.required("name", Item::text).unwrap_or_default();
    let preflight = f.optional("preflight", Item::flag).unwrap_or(false);
    let recheck = f.optional("recheck", |i| i.list(Item::id)).unwrap_or_default();
    let authority = f.optional("authority", people::authority).unwrap_or_default();
    let steps = f.required("steps", |i| i.some(step::step)).unwrap_or_default();
    f.finish();
    Some(Phase { name, preflight, recheck, authority, steps })
}

fn steps(item: Item<'_>) -> Option<Vec<Step>> {
    item.list(step::step)
}

#[cfg(test)]
mod tests;
