//! Points of no return and who covers them. Never counts people.

use super::case::{Case, Placed, Report};
use crate::runbook::model::{Action, Approve};
use crate::runbook::template::{self, Name};
use crate::runbook::texts;

fn approvals<'c>(case: &'c Case<'_>) -> impl Iterator<Item = (usize, &'c Placed<'c>, &'c Approve)> {
    case.steps.iter().enumerate().filter_map(|(i, placed)| match &placed.step.action {
        Action::Approve(approve) => Some((i, placed, approve)),
        _ => None,
    })
}

pub fn irreversible_is_covered(case: &Case<'_>, report: &mut Report<'_>) {
    for placed in case.steps.iter().filter(|p| p.step.irreversible) {
        if case.runbook.covers(&placed.step.id).next().is_none() {
            let message = format!("irreversible step `{}` is covered by no `approve`", placed.step.id);
            report.at_key(&format!("{}.irreversible", placed.path), &message);
        }
    }
}

pub fn irreversible_has_target(case: &Case<'_>, report: &mut Report<'_>) {
    for placed in case.steps.iter().filter(|p| p.step.irreversible && p.step.target.is_none()) {
        let message = format!("irreversible step `{}` does not ask its target who it is", placed.step.id);
        report.at_key(&format!("{}.irreversible", placed.path), &message);
    }
}

pub fn approve_covers_something(case: &Case<'_>, report: &mut Report<'_>) {
    for (_, placed, approve) in approvals(case) {
        if approve.covers.is_empty() {
            let message = format!("`{}` covers no step", placed.step.id);
            report.at_key(&format!("{}.approve.covers", placed.path), &message);
        }
    }
}

pub fn approve_comes_first(case: &Case<'_>, report: &mut Report<'_>) {
    for (here, placed, approve) in approvals(case) {
        for (i, id) in approve.covers.iter().enumerate() {
            let path = format!("{}.approve.covers[{i}]", placed.path);
            match case.position(id) {
                Some(there) if there == here => report.at(&path, "a hold point cannot cover itself"),
                Some(there) if there < here => {
                    report.at(&path, &format!("`{id}` comes before the `approve` step that covers it"));
                }
                Some(_) | None => {}
            }
        }
    }
}

pub fn covered_steps_use_nothing_measured_later(case: &Case<'_>, report: &mut Report<'_>) {
    let measured = |name: &str| case.steps.iter().position(|p| p.step.action.measures() == Some(name));
    for (here, placed, approve) in approvals(case) {
        for (i, id) in approve.covers.iter().enumerate() {
            let Some(covered) = case.position(id).and_then(|n| case.steps.get(n)) else { continue };
            for text in texts::of_step(covered.step, &covered.path).iter().filter(|t| t.text.contains("{{")) {
                for name in template::names(text.text).unwrap_or_default() {
                    let Name::Measurement(name) = name else { continue };
                    if measured(&name).is_some_and(|there| there > here) {
                        let message =
                            format!("`{id}` uses measurement `{name}`, which is taken after this approval");
                        report.at(&format!("{}.approve.covers[{i}]", placed.path), &message);
                    }
                }
            }
        }
    }
}
