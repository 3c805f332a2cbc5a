//! Changed runbooks that lie beside the record as `runbook.1.yaml`, `runbook.2.yaml` and so on, one for each proposal.
//! Never decides which of them counts: an event names it by its digest.

use crate::core::decide::amend::MOST;
use crate::core::id::Digest;
use crate::core::incident::Incident;
use crate::runbook;
use crate::runbook::model::Runbook;
use std::sync::Arc;

/// The file of the so-manieth proposal, from 1.
pub fn name(n: u32) -> String {
    format!("runbook.{n}.yaml")
}

/// Whether a file of this name belongs to an incident.
pub fn is_name(text: &str) -> bool {
    let n = text.strip_prefix("runbook.").and_then(|t| t.strip_suffix(".yaml"));
    n.and_then(|n| n.parse().ok()).is_some_and(|n: u32| (1..=MOST).contains(&n) && name(n) == text)
}

/// A runbook's digest and content.
///
/// # Errors
/// Its first fault, in a sentence.
pub fn read(bytes: &[u8]) -> Result<(Digest, Arc<Runbook>), String> {
    let loaded = runbook::load("runbook.yaml", bytes).map_err(|findings| {
        let first = findings.first();
        first.map_or_else(String::new, |f| format!("line {}: {}", f.line, f.message))
    })?;
    Ok((Digest::of(bytes), Arc::new(loaded.runbook)))
}

/// Makes every proposed runbook known to an incident that is about to be replayed. `file` gives a file's bytes.
pub fn offer(incident: &mut Incident, file: impl Fn(&str) -> Option<Vec<u8>>) {
    for bytes in (1..=MOST).map_while(|n| file(&name(n))) {
        // One that cannot be read is missed by the event that names it, and that says so.
        if let Ok((digest, runbook)) = read(&bytes) {
            incident.offer(digest, runbook);
        }
    }
}
