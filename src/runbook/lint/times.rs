//! Waits, deadlines, estimates and thresholds. Never looks at a clock.

use super::case::{Case, Report};
use super::expected::{self, Made, Use, made, plain};
use crate::runbook::model::{Action, Better, Expect};
use crate::runbook::words;
use std::time::Duration;

pub fn awaits_can_succeed(case: &Case<'_>, report: &mut Report<'_>) {
    for placed in &case.steps {
        let Action::Await(a) = &placed.step.action else { continue };
        let longest = [
            ("every", Some(a.every)),
            ("hold_for", a.hold_for),
            ("expect", longest_unchanged(&a.condition.expect)),
        ];
        for (key, needed) in longest {
            if needed.is_some_and(|d| d >= a.within) {
                let message =
                    format!("`within: {}` is over before `{key}` can be", words::duration(a.within));
                report.at_key(&format!("{}.await.{key}", placed.path), &message);
            }
        }
    }
}

fn longest_unchanged(expect: &Expect) -> Option<Duration> {
    match made(expect) {
        Made::Plain(Expect::UnchangedFor(d)) => Some(*d),
        Made::All(list) => list.into_iter().filter_map(longest_unchanged).max(),
        Made::Any(list) => {
            // One way that needs no stillness is enough.
            let all: Option<Vec<Duration>> = list.into_iter().map(longest_unchanged).collect();
            all.and_then(|d| d.into_iter().min())
        }
        Made::Not(_) | Made::Inside(_) | Made::Plain(_) => None,
    }
}

pub fn unchanged_needs_time(case: &Case<'_>, report: &mut Report<'_>) {
    for placed in &case.steps {
        for expected in expected::of(placed) {
            let once = matches!(expected.used, Use::Judged | Use::Settles);
            if once && plain(expected.expect).iter().any(|e| matches!(e, Expect::UnchangedFor(_))) {
                report.at_key(&expected.path, "`unchanged_for` needs more than one look");
            }
        }
    }
}

pub fn waits_fit_the_rto(case: &Case<'_>, report: &mut Report<'_>) {
    let rto = case.runbook.objectives.rto;
    for placed in &case.steps {
        let (key, length) = match &placed.step.action {
            Action::Await(a) => ("await.within", a.within),
            Action::Wait { lasts, .. } => ("wait", *lasts),
            _ => continue,
        };
        if length > rto {
            let (length, rto) = (words::duration(length), words::duration(rto));
            let message =
                format!("`{}` may take {length}, and the recovery objective is {rto}", placed.step.id);
            report.at(&format!("{}.{key}", placed.path), &message);
        }
    }
}

pub fn steps_have_estimates(case: &Case<'_>, report: &mut Report<'_>) {
    let without: Vec<&super::case::Placed<'_>> =
        case.steps.iter().filter(|p| p.step.estimate.is_none()).collect();
    if let Some(first) = without.first() {
        let message =
            format!("{} of {} steps have no estimate; the first is this", without.len(), case.steps.len());
        report.at(&format!("{}.id", first.path), &message);
    }
    let sum: Duration =
        case.steps.iter().filter_map(|p| p.step.estimate).fold(Duration::ZERO, Duration::saturating_add);
    let rto = case.runbook.objectives.rto;
    if sum > rto {
        let message = format!(
            "the estimates add up to {}, the objective is {}",
            words::duration(sum),
            words::duration(rto)
        );
        report.at("objectives.rto", &message);
    }
}

pub fn thresholds_are_ordered(case: &Case<'_>, report: &mut Report<'_>) {
    for metric in &case.runbook.metrics {
        let (Some(warn), Some(critical)) = (metric.warn, metric.critical) else { continue };
        let late = match metric.better {
            Better::Lower => warn > critical,
            Better::Higher => warn < critical,
        };
        if late {
            report.at(
                &format!("metrics.{}.warn", metric.name),
                &format!("`{}` is critical before it warns", metric.name),
            );
        }
    }
}
