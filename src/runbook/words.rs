//! Parts of a runbook in one line of words. Never ambiguous: approvals are bound to these lines.

use super::model::{Aggregate, Duty, Expect, Requirement, Table, Then, Tolerance};
use super::template::one_line;
use std::time::Duration;

/// A duration as the file writes it: `1h30m`, `90s` as `1m30s`, `0s`.
pub fn duration(d: Duration) -> String {
    let mut millis = d.as_millis();
    if millis == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    for (unit, length) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
        let n = millis / length;
        millis %= length;
        if n > 0 {
            out.push_str(&format!("{n}{unit}"));
        }
    }
    out
}

/// `2 of dba and 1 of commander`.
pub fn requirements(all: &[Requirement]) -> String {
    all.iter().map(|r| format!("{} of {}", r.count, r.role)).collect::<Vec<_>>().join(" and ")
}

/// Where a choice leads.
pub fn then(then: &Then) -> String {
    match then {
        Then::Step(id) => format!("go to {id}"),
        Then::End => "end".to_owned(),
    }
}

/// Who may not approve.
pub fn duty(duty: Duty) -> &'static str {
    match duty {
        Duty::Initiator => "initiator",
        Duty::Executor => "executor",
    }
}

/// How samples become one value.
pub fn aggregate(a: Aggregate) -> &'static str {
    match a {
        Aggregate::Avg => "avg",
        Aggregate::Min => "min",
        Aggregate::Max => "max",
        Aggregate::Last => "last",
    }
}

/// An expectation.
pub fn expectation(expect: &Expect) -> String {
    let text = |t: &String| one_line(&format!("{t:?}"));
    match expect {
        Expect::Equals(t) => format!("equals {}", text(t)),
        Expect::NotEquals(t) => format!("does not equal {}", text(t)),
        Expect::Matches(t) => format!("matches {}", text(t)),
        Expect::NotMatches(t) => format!("does not match {}", text(t)),
        Expect::Min(n) => format!("at least {n}"),
        Expect::Max(n) => format!("at most {n}"),
        Expect::Between(a, b) => format!("between {a} and {b}"),
        Expect::Json(paths) => {
            let each = paths.iter().map(|(path, e)| format!("{} {}", one_line(path), expectation(e)));
            format!("JSON ({})", each.collect::<Vec<_>>().join("; "))
        }
        Expect::Csv(table) => csv(table),
        Expect::SameAs { measurement, key } if key.is_empty() => format!("same as {measurement}"),
        Expect::SameAs { measurement, key } => format!("same rows as {measurement} by {}", key.join(", ")),
        Expect::Within { of, tolerance: Tolerance::Percent(p) } => format!("within {p} % of {of}"),
        Expect::Within { of, tolerance: Tolerance::Absolute(a) } => format!("within {a} of {of}"),
        Expect::UnchangedFor(d) => format!("unchanged for {}", duration(*d)),
        Expect::AnyOf(list) => format!("any of ({})", list_of(list)),
        Expect::AllOf(list) => format!("all of ({})", list_of(list)),
        Expect::Not(inner) => format!("not ({})", expectation(inner)),
    }
}

fn list_of(list: &[Expect]) -> String {
    list.iter().map(expectation).collect::<Vec<_>>().join("; ")
}

fn csv(table: &Table) -> String {
    let mut out = format!("table by {}", table.key.join(", "));
    if let Some(rows) = table.rows {
        out.push_str(&format!(" with {rows} rows"));
    }
    if let Some(measured) = &table.same_as {
        out.push_str(&format!(" same as {measured}"));
    }
    if !table.except.is_empty() {
        let keys = table.except.iter().map(|k| format!("{k:?}")).collect::<Vec<_>>().join(", ");
        out.push_str(&format!(" except {}", one_line(&keys)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_back_as_written() {
        use crate::runbook::decode::duration_from;
        for text in ["90s", "1h30m", "500ms", "2d", "0s", "1d2h3m4s5ms"] {
            let d = duration_from(text).unwrap();
            assert_eq!(duration_from(&duration(d)), Some(d), "{text}");
        }
    }
}
