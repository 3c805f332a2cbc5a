//! What a step does. Never does it.

use std::time::Duration;

use super::{Condition, Expect, MetricCondition, Requirement, Subject};

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// A person does it and confirms.
    Manual {
        /// What to do.
        text: String,
    },
    /// Starts a command that changes something. Its exit code proves nothing about the effect.
    Run {
        /// The command.
        command: Command,
        /// Codes that count as success.
        exit_codes: Vec<i32>,
    },
    /// Polls until the expectation holds.
    Await(Await),
    /// Judges once, or `count` times.
    Check(Check),
    /// Takes a fingerprint.
    Measure {
        /// What is measured.
        subject: Subject,
        /// Name for `same_as`, `within` and `{{ measurements.name }}`.
        as_name: String,
    },
    /// A hold point.
    Approve(Approve),
    /// A choice between named ways on.
    Decide {
        /// The question.
        message: Option<String>,
        /// In file order.
        options: Vec<Choice>,
    },
    /// Sends a message.
    Send {
        /// Name of the message template.
        template: String,
    },
    /// Moves a file or directory to a new unique name.
    SetAside {
        /// Template of the path.
        path: String,
    },
    /// Hold phase.
    Wait {
        /// How long.
        lasts: Duration,
        /// Ends it as failed.
        unless: Option<MetricCondition>,
    },
}

impl Action {
    /// The action's key in the file.
    pub fn word(&self) -> &'static str {
        match self {
            Action::Manual { .. } => "manual",
            Action::Run { .. } => "run",
            Action::Await(_) => "await",
            Action::Check(_) => "check",
            Action::Measure { .. } => "measure",
            Action::Approve(_) => "approve",
            Action::Decide { .. } => "decide",
            Action::Send { .. } => "send",
            Action::SetAside { .. } => "set_aside",
            Action::Wait { .. } => "wait",
        }
    }

    /// The name of the measurement it takes.
    pub fn measures(&self) -> Option<&str> {
        if let Action::Measure { as_name, .. } = self { Some(as_name) } else { None }
    }

    /// Whether it changes something outside this program. Such a step is started by a person and by nobody else.
    pub fn changes_something(&self) -> bool {
        matches!(self, Action::Run { .. } | Action::SetAside { .. } | Action::Send { .. })
    }
}

/// An argv without a shell, or a line for `/bin/sh -eu`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Each template fills exactly one argument.
    Argv(Vec<String>),
    /// Templates are shell-quoted.
    Shell(String),
}

/// Polls a subject until it is as expected.
#[derive(Debug, Clone, PartialEq)]
pub struct Await {
    /// What and how.
    pub condition: Condition,
    /// Pause between looks.
    pub every: Duration,
    /// The deadline.
    pub within: Duration,
    /// It must hold this long.
    pub hold_for: Option<Duration>,
    /// Ends it at once as failed.
    pub fail_on: Option<Expect>,
}

/// Judges a subject.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// What and how.
    pub condition: Condition,
    /// How many times; all must pass.
    pub count: u32,
    /// Pause between.
    pub interval: Duration,
}

/// A hold point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approve {
    /// All of these.
    pub require: Vec<Requirement>,
    /// So many denials close it.
    pub deny_quorum: u32,
    /// Fails closed after this.
    pub expires: Duration,
    /// Who may not approve.
    pub separation_of_duties: Vec<Duty>,
    /// Steps it covers.
    pub covers: Vec<String>,
    /// Shown to the approver.
    pub message: Option<String>,
}

/// Someone who may not approve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// Who opened the incident.
    Initiator,
    /// Who starts a covered step.
    Executor,
}

/// One way on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What is chosen.
    pub name: String,
    /// Where it leads.
    pub then: Then,
}

/// Where a choice or a failure leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// To this step; pending steps between are skipped.
    Step(String),
    /// The remaining steps are skipped.
    End,
}
