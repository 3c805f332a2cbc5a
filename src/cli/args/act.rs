//! The words of acts. Never says what they do.

use super::{Handover, OpinionArg, Redact};
use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use std::path::{Path, PathBuf};

/// Where and why, for most acts.
#[derive(Debug, Clone, ClapArgs)]
pub struct OnStep {
    /// The incident, or the beginning of its id
    pub incident: String,
    /// The step
    pub step: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// Why, for acts on the whole incident.
#[derive(Debug, Clone, ClapArgs)]
pub struct OnIncident {
    /// The incident, or the beginning of its id
    pub incident: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// Whether a statement is signed without a question.
#[derive(Debug, Clone, Copy, ClapArgs)]
pub struct Consent {
    /// Do not ask before signing
    #[arg(long)]
    pub yes: bool,
}

/// A gate to answer at.
#[derive(Debug, Clone, ClapArgs)]
pub struct OnGate {
    /// The incident, or the beginning of its id
    pub incident: String,
    /// The hold point, or `declare`
    pub step: String,
    /// In this role (default: the one role asked for that you have)
    #[arg(long)]
    pub role: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,
    /// Whether to ask before signing.
    #[command(flatten)]
    pub consent: Consent,
}

/// `note`
#[derive(Debug, Clone, ClapArgs)]
pub struct Note {
    /// The incident, or the beginning of its id
    pub incident: String,
    /// The text
    pub text: String,
    /// It was promised to them; the packet of a handover has it until it is kept
    #[arg(long, value_name = "WHO", requires = "due", conflicts_with_all = ["kept", "taken_back", "told"])]
    pub promise: Option<String>,
    /// By when the promise is due, from now
    #[arg(long, value_name = "TIME", requires = "promise")]
    pub due: Option<String>,
    /// This promise (the number of its event) was kept
    #[arg(long, value_name = "SEQ", conflicts_with_all = ["taken_back", "told"])]
    pub kept: Option<u64>,
    /// This promise will not be kept, and they know
    #[arg(long, value_name = "SEQ", conflicts_with = "told")]
    pub taken_back: Option<u64>,
    /// Somebody on the list of the declaration (`declare.notify`) was told by hand
    #[arg(long, value_name = "WHO")]
    pub told: Option<String>,
}

/// Every act of the console, from a shell.
#[derive(Debug, Clone, Subcommand)]
pub enum Act {
    /// Approve at a hold point, or declare
    Approve(OnGate),
    /// Deny at a hold point; needs a reason
    Deny(OnGate),
    /// Break-glass: go on without the quorum of `declare`; loud, needs a reason
    Override(OnGate),
    /// Start a step
    Start {
        /// The incident, or the beginning of its id
        incident: String,
        /// The step
        step: String,
        /// The target's name, retyped, for a step that cannot be taken back
        #[arg(long, value_name = "NAME")]
        target: Option<String>,
    },
    /// Start the undo of a step
    Undo(OnStep),
    /// Send a message step, with its text or another
    Send {
        /// The incident, or the beginning of its id
        incident: String,
        /// The step
        step: String,
        /// Send this file's text instead of the runbook's
        #[arg(long, value_name = "FILE")]
        text: Option<PathBuf>,
    },
    /// Send a message outside the steps, such as the next update that is due
    Message {
        /// The incident, or the beginning of its id
        incident: String,
        /// The runbook's template
        template: String,
        /// Send this file's text instead of the runbook's
        #[arg(long, value_name = "FILE")]
        text: Option<PathBuf>,
        /// Show what its channel would get, and send nothing
        #[arg(long, conflicts_with = "by_hand")]
        preview: bool,
        /// It was passed on by hand: only record it
        #[arg(long)]
        by_hand: bool,
    },
    /// Confirm a manual step
    Confirm {
        /// The incident, or the beginning of its id
        incident: String,
        /// The step
        step: String,
        /// What was done, or where it can be seen
        #[arg(long, value_name = "TEXT", default_value = "")]
        evidence: String,
    },
    /// Choose at a decision, or rule a way out for everybody who comes after
    Decide {
        /// The incident, or the beginning of its id
        incident: String,
        /// The step
        #[arg(required_unless_present = "rule_out")]
        step: Option<String>,
        /// The option
        #[arg(required_unless_present = "rule_out")]
        option: Option<String>,
        /// Instead: a way that is not gone, such as "fail over to the replica"
        #[arg(long, value_name = "WAY", conflicts_with_all = ["step", "option"])]
        rule_out: Option<String>,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Leave a step out
    Skip(OnStep),
    /// Mark a step as done outside this program
    Done(OnStep),
    /// Try a failed step again
    Retry(OnStep),
    /// Go on in spite of a failed step
    Continue(OnStep),
    /// Go on at a later step; those between are left out
    Goto {
        /// The incident, or the beginning of its id
        incident: String,
        /// The failed step
        step: String,
        /// Where to
        to: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Say how an unknown step really ended
    Settle {
        /// The incident, or the beginning of its id
        incident: String,
        /// The step
        step: String,
        /// What it is taken for
        verdict: VerdictArg,
        /// The step's undo, where nobody knows about both
        #[arg(long)]
        undo: bool,
        /// How you know
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Signal a running step to end
    Cancel(OnStep),
    /// End a running step at once, without clean-up
    Kill(OnStep),
    /// After an abort: what a step did stays, and its undo is not run
    Keep(OnStep),
    /// Nothing new starts
    Pause(OnIncident),
    /// Steps may start again
    GoOn(OnIncident),
    /// End the way forward: undo and `always` steps are offered
    Abort(OnIncident),
    /// The harm has stopped
    Mitigate(OnIncident),
    /// The service is whole again
    Resolve(OnIncident),
    /// Close the record
    Close {
        /// The incident, or the beginning of its id
        incident: String,
        /// Last words
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Whether to ask before signing.
        #[command(flatten)]
        consent: Consent,
    },
    /// Propose a changed runbook; those who declare the rollback approve it (`approve INCIDENT runbook.amend`)
    Amend {
        /// The incident, or the beginning of its id
        incident: String,
        /// The changed runbook
        file: PathBuf,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Write a note; also of what was promised to people outside, and of whom you told
    Note(Note),
    /// Take a seat
    Assume {
        /// The incident, or the beginning of its id
        incident: String,
        /// The seat
        role: String,
    },
    /// Leave a seat
    Renounce {
        /// The incident, or the beginning of its id
        incident: String,
        /// The seat
        role: String,
    },
    /// Hand the command over: both people sign the same packet, and the new commander reads it back
    Handover(Handover),
    /// Ask the room whether there are any strong objections; hearing none in time, it proceeds
    Poll {
        /// The incident, or the beginning of its id
        incident: String,
        /// What is proposed
        #[arg(required_unless_present = "withdraw")]
        question: Option<String>,
        /// How long the room has
        #[arg(long = "for", value_name = "TIME", default_value = "30s")]
        lasts: String,
        /// Take the open question back
        #[arg(long, conflicts_with = "question")]
        withdraw: bool,
    },
    /// Answer the question that the room is asked
    Answer {
        /// The incident, or the beginning of its id
        incident: String,
        /// What you say
        opinion: OpinionArg,
        /// Why; an objection needs one
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// Answer an objection: a denial, or an objection to a question
    Reply {
        /// The incident, or the beginning of its id
        incident: String,
        /// The event that objected
        objection: u64,
        /// What you say to it
        words: String,
    },
    /// Remove what is kept beside an event; two people sign, one of them the commander
    Redact(Redact),
    /// Take a session's power away: your own, or as the commander anybody's
    Revoke {
        /// The incident, or the beginning of its id
        incident: String,
        /// The session, or a person with one session
        session: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Take over what stays suspended
    Inherit {
        /// The incident, or the beginning of its id
        incident: String,
        /// What
        name: String,
        /// Who (default: you)
        #[arg(long, value_name = "PERSON")]
        owner: Option<String>,
        /// Why it stays
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Settle items of the reconciliation backlog
    Reconcile {
        /// The incident, or the beginning of its id
        incident: String,
        /// What
        name: String,
        /// How many
        count: u64,
        /// How, or who takes them over
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

impl Act {
    /// The file that it reads on the machine where it runs, if it reads one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Act::Send { text, .. } | Act::Message { text, .. } => text.as_deref(),
            Act::Amend { file, .. } => Some(file),
            Act::Approve(_)
            | Act::Deny(_)
            | Act::Override(_)
            | Act::Start { .. }
            | Act::Undo(_)
            | Act::Confirm { .. }
            | Act::Decide { .. }
            | Act::Skip(_)
            | Act::Done(_)
            | Act::Retry(_)
            | Act::Continue(_)
            | Act::Goto { .. }
            | Act::Settle { .. }
            | Act::Cancel(_)
            | Act::Kill(_)
            | Act::Keep(_)
            | Act::Pause(_)
            | Act::GoOn(_)
            | Act::Abort(_)
            | Act::Mitigate(_)
            | Act::Resolve(_)
            | Act::Close { .. }
            | Act::Note(_)
            | Act::Assume { .. }
            | Act::Renounce { .. }
            | Act::Handover(_)
            | Act::Poll { .. }
            | Act::Answer { .. }
            | Act::Reply { .. }
            | Act::Redact(_)
            | Act::Revoke { .. }
            | Act::Inherit { .. }
            | Act::Reconcile { .. } => None,
        }
    }
}

/// How an unknown step is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum VerdictArg {
    /// It happened
    Succeeded,
    /// It did not, or only in part
    Failed,
}
