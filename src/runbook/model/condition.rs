//! What is looked at and what it should be. Never looks and never judges.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Command, Threshold};

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
