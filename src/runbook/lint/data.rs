//! Measurements, regions and what stays. Never reads data.

use super::case::{Case, Placed, Report};
use super::expected::{self, Made, Use, made};
use crate::runbook::model::Expect;
use crate::runbook::template::{self, Name};
use crate::runbook::texts;
use std::collections::BTreeMap;

/// Shorter than this says nothing.
const SHORTEST: usize = 20;
/// What many measurements of many steps may cost, in steps looked at. The rest of them goes without this advice.
const MOST_LOOKS: usize = 20_000_000;

/// Where each measurement is taken first.
fn taken<'a>(case: &'a Case<'_>) -> BTreeMap<&'a str, usize> {
    let mut taken = BTreeMap::new();
    for (i, placed) in case.steps.iter().enumerate() {
        if let Some(name) = placed.step.action.measures() {
            taken.entry(name).or_insert(i);
        }
    }
    taken
}

pub fn measured_before_used(case: &Case<'_>, report: &mut Report<'_>) {
    let taken = taken(case);
    for (here, placed) in case.steps.iter().enumerate() {
        for (path, name) in used(placed) {
            if taken.get(name.as_str()).is_some_and(|there| *there >= here) {
                report.at(&path, &format!("measurement `{name}` is not taken before `{}`", placed.step.id));
            }
        }
    }
}

pub fn measurements_are_waited_for(case: &Case<'_>, report: &mut Report<'_>) {
    let taken = taken(case);
    let mut uses: BTreeMap<usize, Vec<(usize, String, String)>> = BTreeMap::new();
    // The steps of `always` come after everything else.
    for (here, placed) in case.steps.iter().enumerate().filter(|(_, placed)| placed.phase.is_some()) {
        for (path, name) in used(placed) {
            if let Some(there) = taken.get(name.as_str()).filter(|there| **there < here) {
                uses.entry(*there).or_default().push((here, path, name));
            }
        }
    }
    for (there, uses) in uses.into_iter().take(MOST_LOOKS / case.steps.len().max(1)) {
        let waits = waiting_for(case, there);
        let id = |at: usize| case.steps.get(at).map_or("", |placed| placed.step.id.as_str());
        for (here, path, name) in uses.iter().filter(|(here, ..)| waits.get(*here) == Some(&false)) {
            let (user, taker) = (id(*here), id(there));
            let message =
                format!("`{user}` uses measurement `{name}` and may begin before `{taker}` has taken it");
            report.at(path, &message);
        }
    }
}

/// Of each step, whether it begins only after this one, by way of however many others.
fn waiting_for(case: &Case<'_>, there: usize) -> Vec<bool> {
    let mut waits: Vec<bool> = Vec::with_capacity(case.steps.len());
    for placed in &case.steps {
        let after = |need: &String| {
            let need = case.position(need);
            need == Some(there) || need.is_some_and(|need| waits.get(need) == Some(&true))
        };
        let waits_too = placed.step.needs.iter().any(after);
        waits.push(waits_too);
    }
    waits
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
