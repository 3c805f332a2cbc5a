//! Metric panes, the criteria over them, and messages. Never holds a sample or a channel's address.

use std::time::Duration;

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
