//! Whether what was seen is what was expected. Pure; never passes on missing, empty or unreadable output.
//!
//! Three answers: pass, fail, inconclusive. `all_of` fails as soon as one part fails, `any_of` passes as soon as
//! one passes, `not` swaps pass and fail; what is inconclusive stays so.

mod csv;
mod json;
mod number;
mod table;
mod unchanged;

pub use number::same_text;
pub use table::{Change, RowDifference, SHOWN_ROWS};
pub use unchanged::Unchanged;

use super::model::{Expect, NoData};
use regex::RegexBuilder;
use std::collections::BTreeMap;
use std::time::Duration;

/// A pattern may compile to this many bytes.
const PATTERN_SIZE: usize = 2 << 20;

/// What was seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Seen<'a> {
    /// A command's standard output, or the body of an answer.
    Output(&'a [u8]),
    /// A metric.
    Value(f64),
    /// Nothing, and why: one sentence (`exit code 3`, `connection refused`, `no samples`).
    Nothing(&'a str),
}

/// One look at a subject.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observed<'a> {
    /// What was seen.
    pub seen: Seen<'a>,
    /// For how long it has been the same, from [`Unchanged`]; zero for a single look.
    pub unchanged: Duration,
}

/// Measurements by name, as text.
pub type Measurements = BTreeMap<String, String>;

/// The answer. Texts hold parts of what was seen, as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It is as expected.
    Pass,
    /// It is not.
    Fail {
        /// One sentence.
        why: String,
        /// The first differing rows of a table, at most [`SHOWN_ROWS`].
        rows: Vec<RowDifference>,
        /// How many rows differ altogether.
        differing: u64,
    },
    /// It cannot be told.
    Inconclusive {
        /// One sentence.
        why: String,
    },
}

impl Judgement {
    /// Not as expected.
    pub fn fail(why: impl Into<String>) -> Self {
        Judgement::Fail { why: why.into(), rows: Vec::new(), differing: 0 }
    }

    /// Cannot be told.
    pub fn inconclusive(why: impl Into<String>) -> Self {
        Judgement::Inconclusive { why: why.into() }
    }

    /// What the step makes of missing data.
    #[must_use]
    pub fn settled(self, on_no_data: NoData) -> Self {
        match (self, on_no_data) {
            (Judgement::Inconclusive { .. }, NoData::Pass) => Judgement::Pass,
            (Judgement::Inconclusive { why }, NoData::Fail) => Judgement::fail(why),
            (same, NoData::Pass | NoData::Fail | NoData::Inconclusive) => same,
        }
    }
}

/// Judges one look. Templates of the expectation must be filled already
/// ([`crate::runbook::template::expect`]).
pub fn judge(expect: &Expect, observed: &Observed<'_>, measurements: &Measurements) -> Judgement {
    let number;
    let text = match observed.seen {
        Seen::Nothing(why) => return Judgement::inconclusive(why),
        Seen::Value(n) if n.is_nan() => return Judgement::inconclusive("the metric is not a number"),
        Seen::Value(n) => {
            number = n.to_string();
            number.as_str()
        }
        Seen::Output(bytes) => match std::str::from_utf8(bytes) {
            Err(e) => {
                return Judgement::inconclusive(format!(
                    "the output is not UTF-8 (byte {})",
                    e.valid_up_to()
                ));
            }
            Ok(text) if text.trim().is_empty() => return Judgement::inconclusive("the output is empty"),
            Ok(text) => text,
        },
    };
    Judge { unchanged: observed.unchanged, measurements }.judge(expect, text)
}

/// What all parts of one judgement share.
#[derive(Clone, Copy)]
struct Judge<'a> {
    unchanged: Duration,
    measurements: &'a Measurements,
}

impl Judge<'_> {
    fn judge(self, expect: &Expect, text: &str) -> Judgement {
        match expect {
            Expect::Equals(wanted) => equals(wanted, text),
            Expect::NotEquals(unwanted) => {
                inverted(equals(unwanted, text), || format!("it is {}", shortened(unwanted)))
            }
            Expect::Matches(pattern) => matches(pattern, text),
            Expect::NotMatches(pattern) => {
                inverted(matches(pattern, text), || format!("it matches `{}`", shortened(pattern)))
            }
            Expect::Min(least) => number::judged(text, |n| n >= *least, || format!("less than {least}")),
            Expect::Max(most) => number::judged(text, |n| n <= *most, || format!("more than {most}")),
            Expect::Between(a, b) => {
                number::judged(text, |n| (*a..=*b).contains(&n), || format!("not between {a} and {b}"))
            }
            Expect::Within { of, tolerance } => {
                self.measured(of, |before| number::near(text, before, of, *tolerance))
            }
            Expect::Json(paths) => json::judge(self, paths, text),
            Expect::Csv(table) => {
                let before = table.same_as.as_ref().map(|name| (name, self.measurements.get(name)));
                match before {
                    Some((name, None)) => not_taken(name),
                    Some((_, Some(before))) => table::judge(table, text, Some(before)),
                    None => table::judge(table, text, None),
                }
            }
            Expect::SameAs { measurement, key } if key.is_empty() => {
                self.measured(measurement, |before| table::same_text_as(before, text, measurement))
            }
            Expect::SameAs { measurement, key } => {
                self.measured(measurement, |before| table::same_rows(key, &[], before, text))
            }
            Expect::UnchangedFor(wanted) if self.unchanged >= *wanted => Judgement::Pass,
            Expect::UnchangedFor(wanted) => {
                let (is, wanted) = (self.unchanged.as_secs_f64(), wanted.as_secs_f64());
                Judgement::fail(format!("unchanged for {is:.1} s of {wanted:.1} s"))
            }
            Expect::AllOf(parts) => all_of(parts.iter().map(|part| self.judge(part, text))),
            Expect::AnyOf(parts) => any_of(parts.iter().map(|part| self.judge(part, text))),
            Expect::Not(inner) => inverted(self.judge(inner, text), || {
                format!("it is what it should not be: {}", crate::runbook::words::expectation(inner))
            }),
        }
    }

    fn measured(self, name: &str, judge: impl FnOnce(&str) -> Judgement) -> Judgement {
        match self.measurements.get(name) {
            Some(before) => judge(before),
            None => not_taken(name),
        }
    }
}

fn not_taken(name: &str) -> Judgement {
    Judgement::inconclusive(format!("measurement `{name}` was not taken"))
}

fn equals(wanted: &str, text: &str) -> Judgement {
    if same_text(wanted, text) {
        return Judgement::Pass;
    }
    Judgement::fail(format!("{} instead of {}", shortened(text), shortened(wanted)))
}

/// The last newline is the command's manner of speaking, for `$` as for `equals`: with it, `^ok$` would never be
/// found, and `not_matches: ^error$` would hold whatever was printed.
fn matches(pattern: &str, text: &str) -> Judgement {
    let text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    match RegexBuilder::new(pattern).size_limit(PATTERN_SIZE).build() {
        Ok(regex) if regex.is_match(text) => Judgement::Pass,
        Ok(_) => Judgement::fail(format!("{} does not match `{}`", shortened(text), shortened(pattern))),
        Err(_) => Judgement::inconclusive(format!("`{}` cannot be used as a pattern", shortened(pattern))),
    }
}

fn inverted(judgement: Judgement, why: impl FnOnce() -> String) -> Judgement {
    match judgement {
        Judgement::Pass => Judgement::fail(why()),
        Judgement::Fail { .. } => Judgement::Pass,
        Judgement::Inconclusive { why } => Judgement::Inconclusive { why },
    }
}

fn all_of(parts: impl Iterator<Item = Judgement>) -> Judgement {
    let mut unclear = None;
    for part in parts {
        match part {
            Judgement::Pass => {}
            fail @ Judgement::Fail { .. } => return fail,
            Judgement::Inconclusive { why } => unclear = unclear.or(Some(why)),
        }
    }
    unclear.map_or(Judgement::Pass, Judgement::inconclusive)
}

fn any_of(parts: impl Iterator<Item = Judgement>) -> Judgement {
    let (mut unclear, mut reasons, mut shown, mut differing) = (None, Vec::new(), Vec::new(), 0);
    for part in parts {
        match part {
            Judgement::Pass => return Judgement::Pass,
            Judgement::Fail { why, rows, differing: n } => {
                reasons.push(why);
                if differing == 0 {
                    (shown, differing) = (rows, n);
                }
            }
            Judgement::Inconclusive { why } => unclear = unclear.or(Some(why)),
        }
    }
    match unclear {
        Some(why) => Judgement::inconclusive(why),
        None => {
            Judgement::Fail { why: format!("none holds: {}", reasons.join("; ")), rows: shown, differing }
        }
    }
}

/// A text for a sentence: the first line, at most 120 characters, in backticks.
fn shortened(text: &str) -> String {
    let line = text.trim_end().lines().next().unwrap_or_default();
    let mut out: String = line.chars().take(120).collect();
    if out.len() < text.trim_end().len() {
        out.push('…');
    }
    format!("`{out}`")
}

#[cfg(test)]
mod tests;
