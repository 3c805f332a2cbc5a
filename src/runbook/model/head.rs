//! What a runbook says about itself before its steps. Never holds a template that was filled in.

use std::time::Duration;

/// What kind of thing is brought back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A release.
    Deploy,
    /// A schema migration.
    Schema,
    /// Rows.
    Data,
    /// A whole data store.
    Restore,
}

impl Class {
    /// The word in the file.
    pub fn word(self) -> &'static str {
        match self {
            Class::Deploy => "deploy",
            Class::Schema => "schema",
            Class::Data => "data",
            Class::Restore => "restore",
        }
    }
}

/// A titled address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What it leads to.
    pub title: String,
    /// The address.
    pub url: String,
}

/// Recovery time and recovery point objectives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Objectives {
    /// Recovery time objective.
    pub rto: Duration,
    /// Recovery point objective.
    pub rpo: Duration,
}

/// What a minute of trouble costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// Hundredths of the currency a minute.
    pub per_minute_cents: u64,
    /// ISO 4217 code.
    pub currency: String,
}

/// How long this way back exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Template that gives an RFC 3339 time.
    pub opens_at: String,
    /// Length.
    pub lasts: Duration,
    /// Why it closes.
    pub because: String,
}

/// One question asked when the incident opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    /// Name used as `{{ params.name }}`.
    pub name: String,
    /// The question.
    pub prompt: String,
    /// Regular expression the whole answer must match.
    pub pattern: Option<String>,
    /// Whether an answer must be given.
    pub required: bool,
    /// Used when none is given.
    pub default: Option<String>,
    /// Never written anywhere in clear.
    pub secret: bool,
    /// Environment variable the answer is taken from when not given.
    pub env: Option<String>,
}

/// The restore-point question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestorePoint {
    /// The question; the answer is an RFC 3339 time.
    pub prompt: String,
}
