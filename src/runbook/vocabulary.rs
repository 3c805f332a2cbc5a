//! The words that runbooks choose from: one table for the parser, the schema and the documentation. Never says what
//! a word does.

use super::model::{Aggregate, Better, Class, Duty, NoData, OnFailure, Unit};

/// All actions of a step, in the order of the documentation.
pub const ACTIONS: [&str; 10] =
    ["manual", "run", "await", "check", "measure", "approve", "decide", "send", "set_aside", "wait"];

/// What can be looked at.
pub const SUBJECTS: [&str; 3] = ["run", "http", "metric"];

/// What kind of thing is brought back.
pub const CLASSES: [(&str, Class); 4] = [
    ("deploy", Class::Deploy),
    ("schema", Class::Schema),
    ("data", Class::Data),
    ("restore", Class::Restore),
];

/// How values are printed.
pub const UNITS: [(&str, Unit); 6] = [
    ("ratio", Unit::Ratio),
    ("percent", Unit::Percent),
    ("seconds", Unit::Seconds),
    ("bytes", Unit::Bytes),
    ("count", Unit::Count),
    ("per_second", Unit::PerSecond),
];

/// Which way is good.
pub const BETTER: [(&str, Better); 2] = [("lower", Better::Lower), ("higher", Better::Higher)];

/// What silence means.
pub const NO_DATA: [(&str, NoData); 3] =
    [("pass", NoData::Pass), ("fail", NoData::Fail), ("inconclusive", NoData::Inconclusive)];

/// How samples become one value.
pub const AGGREGATES: [(&str, Aggregate); 4] =
    [("avg", Aggregate::Avg), ("min", Aggregate::Min), ("max", Aggregate::Max), ("last", Aggregate::Last)];

/// Methods of a look: looking may not change anything, so those that do are not offered.
pub const METHODS: [(&str, &str); 4] =
    [("GET", "GET"), ("HEAD", "HEAD"), ("POST", "POST"), ("OPTIONS", "OPTIONS")];

/// Who may not approve.
pub const DUTIES: [(&str, Duty); 2] = [("initiator", Duty::Initiator), ("executor", Duty::Executor)];

/// What failing means, apart from `{goto: id}`.
pub const ON_FAILURE: [(&str, &OnFailure); 3] =
    [("pause", &OnFailure::Pause), ("abort", &OnFailure::Abort), ("continue", &OnFailure::Continue)];

/// Whether a person must attach evidence.
pub const EVIDENCE: [(&str, bool); 2] = [("required", true), ("optional", false)];

/// The words of a table.
pub fn words<T: Copy>(table: &[(&'static str, T)]) -> Vec<&'static str> {
    table.iter().map(|(word, _)| *word).collect()
}
