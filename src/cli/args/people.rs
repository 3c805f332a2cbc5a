//! The words of acts about people. Never says what they do.

use super::Consent;
use clap::{Args as ClapArgs, ValueEnum};

/// `handover`
#[derive(Debug, Clone, ClapArgs)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub struct Handover {
    /// The incident, or the beginning of its id
    pub incident: String,
    /// Offer the command to this person
    #[arg(long, value_name = "PERSON", group = "what")]
    pub to: Option<String>,
    /// Take the command that you were offered
    #[arg(long, group = "what", requires = "read_back")]
    pub accept: bool,
    /// What you understood, in a sentence
    #[arg(long, value_name = "TEXT", requires = "accept")]
    pub read_back: Option<String>,
    /// Leave it with whoever offered it
    #[arg(long, group = "what")]
    pub decline: bool,
    /// Keep the command after all
    #[arg(long, group = "what")]
    pub withdraw: bool,
    /// Why it is declined or withdrawn
    #[arg(long, value_name = "TEXT", default_value = "not now")]
    pub reason: String,
    /// Whether to ask before signing.
    #[command(flatten)]
    pub consent: Consent,
}

/// `redact`
#[derive(Debug, Clone, ClapArgs)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub struct Redact {
    /// The incident, or the beginning of its id
    pub incident: String,
    /// What to remove: the event's number, or one part of it as `SEQ:PART`
    #[arg(group = "what", value_name = "SEQ[:PART]", requires = "reason")]
    pub place: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Agree to the removal that somebody else asked for
    #[arg(long, group = "what")]
    pub agree: bool,
    /// Whether to ask before signing.
    #[command(flatten)]
    pub consent: Consent,
}

/// What somebody says to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OpinionArg {
    /// Go on
    Fine,
    /// Do not go on; needs a reason
    Object,
    /// Neither
    Abstain,
}
