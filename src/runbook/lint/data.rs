//! Measurements, regions and what stays. Never reads data.

use super::case::{Case, Placed, Report};
use super::expected::{self, Made, Use, made};
use crate::runbook::model::Expect;
use crate::runbook::template::{self, Name};
use crate::runbook::texts;
use std::collections::BTreeMap;

/// Shorter than this says nothing.
const SHORTEST: usize = 20;

pub fn measured_before_used(case: &Case<'_>, report: &mut Report<'_>) {
    let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
    for (i, placed) in case.steps.iter().enumerate() {
        if let Some(name) = placed.step.action.measures() {
            taken.entry(name).or_insert(i);
        }
    }
    for (here, placed) in case.steps.iter().enumerate() {
        for (path, name) in used(placed) {
            if taken.get(name.as_str()).is_some_and(|there| *there >= here) {
                report.at(&path, &format!("measurement `{name}` is not taken before `{}`", placed.step.id));
            }
        }
    }
}

fn used(placed: &Placed<'_>) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for text in texts::of_step(placed.step, &placed.path).iter().filter(|t| t.text.contains("{{")) {
        for name in template::names(text.text).unwrap_or_default() {
            if let Name::Measurement(name) = name {
                out.push((text.path.clone(), name));
            }
        }
    }
    let own = expected::of(placed).into_iter().filter(|e| e.used != Use::Settles);
    own.for_each(|e| compared(e.expect, &e.path, &mut out));
    out
}

pub fn silence_is_no_answer(case: &Case<'_>, report: &mut Report<'_>) {
    for placed in &case.steps {
        for expected in expected::of(placed) {
            if wants_silence(expected.expect) {
                let message = "this is met by an empty output only, and an empty output is inconclusive";
                report.at_key(&expected.path, message);
            }
        }
    }
}

fn wants_silence(expect: &Expect) -> bool {
    match made(expect) {
        Made::Plain(Expect::Equals(text)) => text.trim().is_empty(),
        Made::All(list) => list.into_iter().any(wants_silence),
        Made::Any(list) => list.into_iter().all(wants_silence),
        Made::Not(_) | Made::Inside(_) | Made::Plain(_) => false,
    }
}

/// The measurements an expectation compares with, and their places.
pub fn compared(expect: &Expect, at: &str, out: &mut Vec<(String, String)>) {
    match expect {
        Expect::SameAs { measurement, .. } => out.push((format!("{at}.same_as"), measurement.clone())),
        Expect::Within { of, .. } => out.push((format!("{at}.within.of"), of.clone())),
        Expect::Csv(table) => {
            out.extend(table.same_as.iter().map(|name| (format!("{at}.csv.same_as"), name.clone())))
        }
        Expect::Json(paths) => paths.iter().for_each(|(_, e)| compared(e, at, out)),
        Expect::AnyOf(list) | Expect::AllOf(list) => list.iter().for_each(|e| compared(e, at, out)),
        Expect::Not(inner) => compared(inner, at, out),
        Expect::Equals(_)
        | Expect::NotEquals(_)
        | Expect::Matches(_)
        | Expect::NotMatches(_)
        | Expect::Min(_)
        | Expect::Max(_)
        | Expect::Between(..)
        | Expect::UnchangedFor(_) => {}
    }
}

pub fn regions_are_allowed(case: &Case<'_>, report: &mut Report<'_>) {
    let allowed = &case.runbook.residency;
    if allowed.is_empty() {
        return;
    }
    let here = case.runbook.region.iter().map(|region| ("region".to_owned(), region));
    let steps =
        case.steps.iter().filter_map(|p| p.step.region.as_ref().map(|r| (format!("{}.region", p.path), r)));
    for (path, region) in here.chain(steps) {
        if !allowed.contains(region) {
            report.at(&path, &format!("region `{region}` is outside the residency {}", allowed.join(", ")));
        }
    }
}

pub fn does_not_undo_says_something(case: &Case<'_>, report: &mut Report<'_>) {
    let text = case.runbook.does_not_undo.trim();
    if text.chars().count() < SHORTEST {
        report.at("does_not_undo", &format!("`{text}` says hardly what stays as it is"));
    }
}
