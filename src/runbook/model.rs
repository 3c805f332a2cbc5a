//! The runbook as a typed value. Never parses, never resolves templates, never knows positions in a file.
//!
//! Field names are the file's own words. Text that may hold `{{ }}` stays as written; `template` fills it.

use std::collections::BTreeMap;
use std::time::Duration;

/// A whole runbook, format version 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Runbook {
    /// Stable name `[a-z0-9-]`; statistics hang on it.
    pub id: String,
    /// One line for people.
    pub title: String,
    /// What kind of thing is brought back.
    pub class: Class,
    /// The service it is about.
    pub service: String,
    /// Shown in words on every screen.
    pub environment: String,
    /// Where the service runs.
    pub region: Option<String>,
    /// Teams that answer for this runbook.
    pub owners: Vec<String>,
    /// Free labels.
    pub tags: Vec<String>,
    /// Dashboards and documents.
    pub links: Vec<Link>,
    /// One paragraph.
    pub summary: String,
    /// What this rollback leaves as it is; printed before the decision and in the resolution message.
    pub does_not_undo: String,
    /// Recovery objectives.
    pub objectives: Objectives,
    /// What a minute of trouble costs.
    pub cost: Option<Cost>,
    /// Regions that data may be handled in; empty means no restriction.
    pub residency: Vec<String>,
    /// How long this way back exists.
    pub window: Option<Window>,
    /// Policy crosswalk: framework to control names.
    pub controls: BTreeMap<String, Vec<String>>,
    /// What is asked when the incident opens, in file order.
    pub params: Vec<Param>,
    /// Asked for classes data and restore.
    pub restore_point: Option<RestorePoint>,
    /// Seats of this incident, in file order.
    pub roles: Vec<Role>,
    /// Who may decide to start this rollback.
    pub declare: Declare,
    /// Metric panes, in file order.
    pub metrics: Vec<Metric>,
    /// Data-driven criteria; together they make the rollback-readiness score.
    pub triggers: Vec<Trigger>,
    /// Messages: cadence and templates.
    pub comms: Comms,
    /// The checklist.
    pub phases: Vec<Phase>,
    /// Steps offered on every way out.
    pub always: Vec<Step>,
}

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

/// One seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Whether the incident cannot be declared with this seat empty.
    pub required: bool,
    /// How many people at least.
    pub min: u32,
    /// After how long the holder is asked to hand over.
    pub max_tenure: Option<Duration>,
    /// Roles whose holders may sit here when nobody of this role is present.
    pub stand_in: Vec<String>,
}

/// `count` people of `role`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The role they act in.
    pub role: String,
    /// How many different people.
    pub count: u32,
}

/// Decision authority for starting the rollback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declare {
    /// All of these.
    pub require: Vec<Requirement>,
    /// How long the request stays open.
    pub expires: Duration,
    /// Break-glass.
    pub override_: Option<Override>,
}

/// Break-glass: who may go on without the quorum, always with a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// All of these.
    pub require: Vec<Requirement>,
}

/// A metric pane.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Name used by triggers and conditions.
    pub name: String,
    /// Shown above the pane.
    pub title: String,
    /// A name in the workspace's sources.
    pub source: String,
    /// The source's query language.
    pub query: String,
    /// How to print it.
    pub unit: Unit,
    /// Which way is good.
    pub better: Better,
    /// Warning threshold.
    pub warn: Option<f64>,
    /// Critical threshold.
    pub critical: Option<f64>,
    /// Polling interval.
    pub every: Duration,
}

/// How to print a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// 0..1, printed in percent.
    Ratio,
    /// 0..100.
    Percent,
    /// Seconds, printed with a fitting prefix.
    Seconds,
    /// Bytes, printed with binary prefixes.
    Bytes,
    /// A plain number.
    Count,
    /// A rate.
    PerSecond,
}

/// Which way is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Lower is better.
    Lower,
    /// Higher is better.
    Higher,
}

/// One criterion of the readiness score.
#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    /// Its name.
    pub id: String,
    /// A metric of this runbook.
    pub metric: String,
    /// Comparison that must hold.
    pub condition: Threshold,
    /// For how long.
    pub for_: Duration,
    /// Points of the score.
    pub weight: u32,
    /// What silence means.
    pub on_no_data: NoData,
}

/// A comparison such as `> 0.05`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// The operator.
    pub op: Op,
    /// The bound.
    pub value: f64,
}

/// Comparison operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Op {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
}

impl Threshold {
    /// Whether `x` is on the named side of the bound. NaN never is.
    pub fn holds(&self, x: f64) -> bool {
        match self.op {
            Op::Less => x < self.value,
            Op::LessOrEqual => x <= self.value,
            Op::Greater => x > self.value,
            Op::GreaterOrEqual => x >= self.value,
            Op::Equal => x == self.value,
            Op::NotEqual => x != self.value && !x.is_nan(),
        }
    }
}

impl Op {
    /// The operator as written.
    pub fn word(self) -> &'static str {
        match self {
            Op::Less => "<",
            Op::LessOrEqual => "<=",
            Op::Greater => ">",
            Op::GreaterOrEqual => ">=",
            Op::Equal => "==",
            Op::NotEqual => "!=",
        }
    }
}

/// What missing data means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoData {
    /// Counts as good.
    Pass,
    /// Counts as bad.
    Fail,
    /// Counts as neither.
    Inconclusive,
}

/// Messages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comms {
    /// Who hears how often.
    pub cadence: Vec<Cadence>,
    /// Texts by name, in file order.
    pub templates: Vec<MessageTemplate>,
}

/// One audience and its rhythm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cadence {
    /// Who hears.
    pub audience: String,
    /// How often at least.
    pub every: Duration,
    /// Which text.
    pub template: String,
}

/// A message text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageTemplate {
    /// Name used by `send`.
    pub name: String,
    /// Who hears.
    pub audience: String,
    /// A channel of the workspace.
    pub channel: String,
    /// The text with `{{ }}`.
    pub text: String,
}

/// A named group of steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    /// Its name.
    pub name: String,
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
    /// Adds counted items to the reconciliation ledger.
    pub backlog: Option<Backlog>,
    /// Policy crosswalk.
    pub controls: BTreeMap<String, Vec<String>>,
    /// A person must attach evidence.
    pub evidence_required: bool,
}

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

/// A subject and what is expected of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// What is looked at.
    pub subject: Subject,
    /// What it should be.
    pub expect: Expect,
}

/// What is looked at.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// A command's standard output.
    Run(Command),
    /// An HTTP answer.
    Http(HttpRequest),
    /// A metric of this runbook.
    Metric {
        /// Its name.
        name: String,
        /// Aggregated over this long; `None` means the last value.
        over: Option<(Duration, Aggregate)>,
    },
}

/// How several samples become one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Aggregate {
    Avg,
    Min,
    Max,
    Last,
}

/// An HTTP request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// Template of the address.
    pub url: String,
    /// Method, `GET` by default.
    pub method: String,
    /// Header templates.
    pub headers: BTreeMap<String, String>,
    /// Body template.
    pub body: Option<String>,
    /// Required status; `None` means any 2xx.
    pub status: Option<u16>,
}

/// What a subject should be. Several keys in one mapping mean all of them.
#[derive(Debug, Clone, PartialEq)]
pub enum Expect {
    /// Text equals (ends trimmed), numbers compared as numbers.
    Equals(String),
    /// The opposite.
    NotEquals(String),
    /// A regular expression is found.
    Matches(String),
    /// It is not found.
    NotMatches(String),
    /// A number at least this.
    Min(f64),
    /// A number at most this.
    Max(f64),
    /// A number inside, ends included.
    Between(f64, f64),
    /// JSONPath (RFC 9535) to expectation.
    Json(Vec<(String, Expect)>),
    /// The text is a table.
    Csv(Table),
    /// The same as a measurement taken before.
    SameAs {
        /// The measurement's name.
        measurement: String,
        /// Compared as tables with these key columns; empty compares the text.
        key: Vec<String>,
    },
    /// A number near a measurement.
    Within {
        /// The measurement's name.
        of: String,
        /// How near.
        tolerance: Tolerance,
    },
    /// The same for so long.
    UnchangedFor(Duration),
    /// At least one.
    AnyOf(Vec<Expect>),
    /// All.
    AllOf(Vec<Expect>),
    /// The opposite.
    Not(Box<Expect>),
}

/// How near is near.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tolerance {
    /// Percent of the measurement.
    Percent(f64),
    /// Absolute.
    Absolute(f64),
}

/// Expectations on a CSV table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Key columns.
    pub key: Vec<String>,
    /// Exact number of rows.
    pub rows: Option<u64>,
    /// The same rows as a table measured before.
    pub same_as: Option<String>,
    /// Rows with these keys are left out of the comparison.
    pub except: Vec<String>,
}

/// A comparison with a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricCondition {
    /// A metric of this runbook.
    pub metric: String,
    /// The comparison.
    pub condition: Threshold,
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

impl Runbook {
    /// Every step in file order, `always` last.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.phases.iter().flat_map(|p| p.steps.iter()).chain(self.always.iter())
    }

    /// The step of this id.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps().find(|s| s.id == id)
    }

    /// The metric of this name.
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|m| m.name == name)
    }

    /// The hold points that cover a step.
    pub fn covers<'a>(&'a self, step: &'a str) -> impl Iterator<Item = &'a Step> {
        self.steps()
            .filter(move |s| matches!(&s.action, Action::Approve(a) if a.covers.iter().any(|c| c == step)))
    }
}
