//! What the incident as a whole went through. Never says what a step did.

use super::people::Joined;
use crate::core::id::{Digest, IncidentId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Live, drill or tabletop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// For real.
    Live,
    /// Rehearsal with simulated effects.
    Drill,
    /// Rehearsal around a table.
    Tabletop,
}

impl Mode {
    /// The word on screens and in messages.
    pub fn word(self) -> &'static str {
        match self {
            Mode::Live => "LIVE",
            Mode::Drill => "DRILL",
            Mode::Tabletop => "TABLETOP",
        }
    }
}

/// The answer to a runbook's question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// As given.
    Text(String),
    /// Only a salted commitment (base64); the answer itself is never written.
    Secret(String),
}

data! {
    /// SHA-256 digests of the copies beside the record.
    Pinned {
        /// `runbook.yaml`
        runbook: Digest,
        /// `team.yaml`
        team: Digest,
        /// `allowed_signers`
        allowed_signers: Digest,
        /// `revoked_keys`
        revoked_keys: Digest,
        /// `workspace.yaml`
        workspace: Digest,
    }
}

/// Who decides what, as lists of roles: it takes somebody who sits in one of them. An empty list asks for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authority {
    /// To give the rollback up: what was done is taken back, or the service is mended forward.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub abort: Vec<String>,
    /// To go on in spite of a step that failed or is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub go_on: Vec<String>,
    /// To go past a point of no return: one of them is among those who approved it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub no_return: Vec<String>,
}

impl Authority {
    /// Whether it asks for nothing.
    pub fn is_empty(&self) -> bool {
        self.abort.is_empty() && self.go_on.is_empty() && self.no_return.is_empty()
    }
}

/// What the workspace had agreed on when the incident opened, as far as its rules go.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policies {
    /// After how many seconds the holder of a seat is asked to hand over, where the runbook does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tenure: Option<u64>,
    /// How many seconds people rest between incidents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shift_gap: Option<u64>,
    /// Statements signed with a security key count only when its holder was verified by PIN or fingerprint.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub verify_required: bool,
    /// Who decides what in runbooks of this class, beside what the runbook itself says.
    #[serde(default, skip_serializing_if = "Authority::is_empty")]
    pub authority: Authority,
}

impl Policies {
    /// Whether nothing was agreed on.
    pub fn is_empty(&self) -> bool {
        self == &Policies::default()
    }
}

data! {
    /// The first event: what this record is about and which key seals it.
    Opened {
        /// Name of this log.
        log: String,
        /// ULID.
        incident: IncidentId,
        /// Live, drill or tabletop.
        mode: Mode,
        /// Version of the program that wrote it.
        program: String,
        /// Base64 of the Ed25519 key that signs the seals.
        hub_key: String,
        /// Digests of the copies.
        pinned: Pinned,
        /// Answers to the runbook's questions.
        params: BTreeMap<String, Answer>,
        /// The point in time to restore to (RFC 3339), for data and restore runbooks.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        restore_point: Option<String>,
        /// 1 (worst) to 5.
        severity: u8,
        /// What the workspace had agreed on.
        #[serde(default, skip_serializing_if = "Policies::is_empty")]
        policies: Policies,
        /// The opener's session: they are in the room from the start.
        session: Joined,
    }
}

data! {
    /// The quorum of `declare` was reached.
    Declared {
        /// Which request.
        attempt: u32,
    }
}

data! {
    /// The harm has stopped.
    Mitigated {
        /// Why we think so.
        reason: String,
    }
}

data! {
    /// The service is whole again.
    Resolved {
        /// Why we think so.
        reason: String,
    }
}

data! {
    /// Nothing more is written after this.
    Closed {
        /// Last words.
        reason: String,
        /// Fingerprint of the key that signed the close statement.
        key: String,
    }
}

data! {
    /// Nothing new starts; undo and `always` are offered.
    Aborted {
        /// Why.
        reason: String,
    }
}

data! {
    /// The first step of a phase became due.
    PhaseEntered {
        /// Index of the phase, from 0.
        phase: u32,
        /// Its name.
        name: String,
    }
}

data! {
    /// The quorum approved a changed runbook: from here on it counts.
    Amended {
        /// Which request of the gate.
        attempt: u32,
        /// SHA-256 of the file that is kept beside the record.
        runbook: Digest,
    }
}
