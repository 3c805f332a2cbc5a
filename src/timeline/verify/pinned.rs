//! The copies beside the record against the digests in event 0. Never looks inside them.

use super::{Check, Report};
use crate::core::event::Pinned;
use crate::core::id::Digest;
use crate::timeline::evidence::{Evidence, EvidenceError};

/// Compares each copy with its digest. An empty `revoked_keys` may be left out.
pub(super) fn check(evidence: &Evidence, pinned: &Pinned, report: &mut Report) -> Result<(), EvidenceError> {
    let copies = [
        ("runbook.yaml", pinned.runbook),
        ("team.yaml", pinned.team),
        ("allowed_signers", pinned.allowed_signers),
        ("revoked_keys", pinned.revoked_keys),
        ("workspace.yaml", pinned.workspace),
    ];
    for (name, digest) in copies {
        match evidence.bytes(name)? {
            Some(bytes) if Digest::of(&bytes) == digest => {}
            None if digest == Digest::of(b"") => {}
            Some(_) => report.fail(Check::Pinned, 0, format!("{name} is not the copy that was pinned")),
            None => report.fail(Check::Pinned, 0, format!("{name} is missing")),
        }
    }
    Ok(())
}
