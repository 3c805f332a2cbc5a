//! Looks that cannot tell what they are there to tell. Never looks.

use super::case::{Case, Report};
use super::data::compared;
use super::expected::{self, Made, Use, made, plain};
use crate::runbook::model::{Action, Class, Expect, NoData, OnFailure, Subject};
use crate::runbook::template::{self, Field, Name};
use crate::runbook::texts;
use regex::Regex;

pub fn checks_wait_for_the_effect(case: &Case<'_>, report: &mut Report<'_>) {
    for placed in &case.steps {
        let Action::Check(check) = &placed.step.action else { continue };
        let slow = match &check.condition.subject {
            Subject::Http(_) | Subject::Metric { .. } => true,
            Subject::Run(_) => false,
        };
        let after =
            placed.step.needs.iter().filter_map(|id| case.position(id)).filter_map(|i| case.steps.get(i));
        let after = after.map(|p| p.step).find(|s| matches!(s.action, Action::Run { .. }));
        if let Some(run) = after.filter(|_| slow && check.count == 1) {
            let message = format!("`{}` looks once, in the moment `{}` ends", placed.step.id, run.id);
            report.at_key(&format!("{}.check", placed.path), &message);
        }
    }
}

pub fn expectations_can_fail(case: &Case<'_>, report: &mut Report<'_>) {
    for placed in &case.steps {
        for expected in expected::of(placed).iter().filter(|e| e.used != Use::GivesUp) {
            if always_holds(expected.expect) {
                let message = format!("whatever `{}` sees is as expected", placed.step.id);
                report.at_key(&expected.path, &message);
            }
        }
    }
}

fn always_holds(expect: &Expect) -> bool {
    match made(expect) {
        Made::All(list) | Made::Inside(list) => list.into_iter().all(always_holds),
        Made::Any(list) => list.into_iter().any(always_holds),
        Made::Not(_) => false,
        Made::Plain(Expect::Matches(p)) if !p.contains("{{") => Regex::new(p).is_ok_and(|r| r.is_match("")),
        Made::Plain(Expect::NotEquals(text)) => text.is_empty(),
        Made::Plain(_) => false,
    }
}

pub fn looks_can_stop_the_rollback(case: &Case<'_>, report: &mut Report<'_>) {
    for placed in &case.steps {
        if expected::own(placed).is_none() {
            continue;
        }
        if placed.step.on_failure == OnFailure::Continue {
            let message = format!("`{}` may fail and nobody stops", placed.step.id);
            report.at_key(&format!("{}.on_failure", placed.path), &message);
        }
        if placed.step.on_no_data == NoData::Pass {
            let message = format!("`{}` passes when it sees nothing at all", placed.step.id);
            report.at_key(&format!("{}.on_no_data", placed.path), &message);
        }
    }
}

pub fn hold_phases_watch_something(case: &Case<'_>, report: &mut Report<'_>) {
    for placed in &case.steps {
        if let Action::Wait { unless: None, .. } = &placed.step.action
            && !case.runbook.metrics.is_empty()
        {
            let message = format!("`{}` lets time pass and looks at nothing", placed.step.id);
            report.at_key(&format!("{}.wait", placed.path), &message);
        }
    }
}

pub fn somebody_looks_first(case: &Case<'_>, report: &mut Report<'_>) {
    for placed in &case.steps {
        match &placed.step.action {
            Action::Await(_)
            | Action::Check(_)
            | Action::Measure { .. }
            | Action::Decide { .. }
            | Action::Manual { .. } => {
                return;
            }
            // What is suspended first is how the patient is held still; it is not the operation.
            Action::Run { .. } | Action::SetAside { .. } if placed.step.suspends.is_none() => {
                let message = format!(
                    "`{}` changes something before anybody looked whether there is something to undo",
                    placed.step.id
                );
                return report.at_key(&format!("{}.{}", placed.path, placed.step.action.word()), &message);
            }
            Action::Run { .. }
            | Action::SetAside { .. }
            | Action::Approve(_)
            | Action::Send { .. }
            | Action::Wait { .. } => {}
        }
    }
}

pub fn restores_compare_before_they_are_final(case: &Case<'_>, report: &mut Report<'_>) {
    if case.runbook.class != Class::Restore {
        return;
    }
    let compares = |placed| expected::own(placed).is_some_and(|e| has_comparison(e.expect));
    let first = case.steps.iter().position(compares);
    let Some(last_safe) = first else {
        return report.at("class", "nothing compares what was restored with what it was");
    };
    for placed in case.steps.iter().take(last_safe).filter(|p| p.step.irreversible) {
        let message = format!("`{}` is final, and nothing was compared by then", placed.step.id);
        report.at_key(&format!("{}.irreversible", placed.path), &message);
    }
}

/// With a measurement, a table, or a value that somebody gave.
fn has_comparison(expect: &Expect) -> bool {
    let mut names = Vec::new();
    compared(expect, "", &mut names);
    let told = |text: &str| text.contains("params.") || text.contains("measurements.");
    let own = |plain: &Expect| match plain {
        Expect::Equals(text) | Expect::Matches(text) => told(text),
        other => matches!(other, Expect::Csv(_)),
    };
    !names.is_empty() || plain(expect).into_iter().any(own)
}

pub fn the_restore_point_is_used(case: &Case<'_>, report: &mut Report<'_>) {
    if case.runbook.restore_point.is_none() {
        return;
    }
    let uses = |text: &str| {
        let names = template::names(text).unwrap_or_default();
        names.iter().any(|n| matches!(n, Name::Incident(Field::RestorePoint)))
    };
    if !texts::of_runbook(case.runbook).iter().filter(|t| t.text.contains("{{")).any(|t| uses(t.text)) {
        report.at_key("restore_point", "the restore point is asked for, and no step uses it");
    }
}
