//! One step: the keys that every action shares. Never says where it stands; that is the incident's business.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Action, Authority, Command, Condition, NoData};

/// A named group of steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// Looks ahead: its steps begin when the incident opens, and the rollback is declared only after them.
    pub preflight: bool,
    /// Steps of phases that look ahead, to be looked at again right before this one.
    pub recheck: Vec<String>,
    /// Who decides what here, in place of what the runbook says as a whole.
    pub authority: Authority,
    /// In file order.
    pub steps: Vec<Step>,
}

/// One step: exactly one action and the common keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Unique in the runbook, `[a-z0-9-]`.
    pub id: String,
    /// Defaults to the id.
    pub title: String,
    /// Who may act; `None` means any participant who is not an observer.
    pub role: Option<String>,
    /// Instructions.
    pub text: Option<String>,
    /// What it does.
    pub action: Action,
    /// Template that must come out as neither empty, `false`, `no` nor `0`, or a comparison `a == b` / `a != b`.
    pub when: Option<String>,
    /// Steps that must be settled well first. The parser fills in the default: the step before.
    pub needs: Vec<String>,
    /// Ends the process group when over. Required for `run`.
    pub timeout: Option<Duration>,
    /// Total tries, with pauses. Only where `idempotent`.
    pub retry: Option<Retry>,
    /// Running it twice is the same as once.
    pub idempotent: bool,
    /// What failing means.
    pub on_failure: OnFailure,
    /// What missing data means for a check.
    pub on_no_data: NoData,
    /// The author's estimate.
    pub estimate: Option<Duration>,
    /// Runs there through the system's `ssh`.
    pub host: Option<String>,
    /// Where data is handled; checked against `residency`.
    pub region: Option<String>,
    /// Environment of the command; the only way in for secrets.
    pub env: BTreeMap<String, String>,
    /// Working directory; relative paths start at the workspace.
    pub cwd: Option<String>,
    /// A point of no return.
    pub irreversible: bool,
    /// What must be true about the target right before, and is retyped by the operator.
    pub target: Option<Target>,
    /// Opens a suspension of this name.
    pub suspends: Option<String>,
    /// Lifts it.
    pub resumes: Option<String>,
    /// How to take this step back.
    pub undo: Option<Command>,
    /// How to find out what happened when the outcome is unknown.
    pub reconcile: Option<Condition>,
    /// Command that prints how far the step is, for one that cannot report it itself.
    pub progress: Option<Command>,
    /// Adds counted items to the reconciliation ledger.
    pub backlog: Option<Backlog>,
    /// Policy crosswalk.
    pub controls: BTreeMap<String, Vec<String>>,
    /// A person must attach evidence.
    pub evidence_required: bool,
}

/// What failing means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnFailure {
    /// Stop and ask.
    Pause,
    /// Nothing new starts; undo is offered.
    Abort,
    /// Go on.
    Continue,
    /// Go on there.
    Goto(String),
}

/// Total tries and pauses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// The first included.
    pub max_attempts: u32,
    /// Before the second.
    pub delay: Duration,
    /// Factor for each further one.
    pub backoff: f64,
}

/// Identity of the thing acted on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Asks the target for its name.
    pub run: Command,
    /// What it must answer.
    pub equals: String,
}

/// Counted items that stay to be reconciled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backlog {
    /// What they are.
    pub name: String,
    /// Command whose output is the count.
    pub count: Command,
    /// Who looks after them.
    pub owner: Option<String>,
}

impl Step {
    /// Whether it is a hold point over this step.
    pub fn covers(&self, step: &str) -> bool {
        matches!(&self.action, Action::Approve(a) if a.covers.iter().any(|covered| covered == step))
    }
}
