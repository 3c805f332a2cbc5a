//! The order of steps. Never runs through them: every rule is linear in the file.

use super::case::{Case, Placed, Report};
use crate::runbook::model::{Action, OnFailure, Then};
use std::collections::BTreeSet;

pub fn jumps_go_forward(case: &Case<'_>, report: &mut Report<'_>) {
    for (here, placed) in case.steps.iter().enumerate() {
        if let OnFailure::Goto(id) = &placed.step.on_failure {
            jump(case, here, placed, id, &format!("{}.on_failure.goto", placed.path), report);
        }
        let Action::Decide { options, .. } = &placed.step.action else { continue };
        for (i, choice) in options.iter().enumerate() {
            if let Then::Step(id) = &choice.then {
                jump(case, here, placed, id, &format!("{}.decide.options[{i}].then", placed.path), report);
            }
        }
    }
}

fn jump(case: &Case<'_>, here: usize, from: &Placed<'_>, id: &str, path: &str, report: &mut Report<'_>) {
    let Some((there, target)) = case.position(id).and_then(|n| case.steps.get(n).map(|t| (n, t))) else {
        return;
    };
    if there <= here {
        report.at(path, &format!("`{}` would go back to `{id}`", from.step.id));
    } else if target.phase.is_none() && from.phase.is_some() {
        report.at(
            path,
            &format!("`{id}` stands in `always`, which follows every way out; use `end` or `abort`"),
        );
    }
}

pub fn needs_can_be_met(case: &Case<'_>, report: &mut Report<'_>) {
    for placed in &case.steps {
        for (i, id) in placed.step.needs.iter().enumerate() {
            let Some(needed) = case.position(id).and_then(|n| case.steps.get(n)) else { continue };
            if needed.phase.is_none() && placed.phase.is_some() {
                let message = format!("`{}` needs `{id}` of `always`, which comes after it", placed.step.id);
                report.at(&format!("{}.needs[{i}]", placed.path), &message);
            }
        }
    }
    for i in in_cycles(case) {
        if let Some(placed) = case.steps.get(i) {
            let message = format!("`{}` waits for itself through its `needs`", placed.step.id);
            report.at_key(&format!("{}.needs", placed.path), &message);
        }
    }
}

/// The steps that remain when those whose needs are met are taken away, over and over (Kahn's algorithm).
fn in_cycles(case: &Case<'_>) -> Vec<usize> {
    let needs: Vec<BTreeSet<usize>> =
        case.steps.iter().map(|p| p.step.needs.iter().filter_map(|id| case.position(id)).collect()).collect();
    let mut waiting: Vec<usize> = needs.iter().map(BTreeSet::len).collect();
    let mut waiters: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
    for (i, set) in needs.iter().enumerate() {
        for n in set {
            if let Some(list) = waiters.get_mut(*n) {
                list.push(i);
            }
        }
    }
    let mut free: Vec<usize> = waiting.iter().enumerate().filter(|(_, n)| **n == 0).map(|(i, _)| i).collect();
    while let Some(done) = free.pop() {
        for i in waiters.get(done).into_iter().flatten() {
            if let Some(n) = waiting.get_mut(*i) {
                *n -= 1;
                if *n == 0 {
                    free.push(*i);
                }
            }
        }
    }
    waiting.iter().enumerate().filter(|(_, n)| **n > 0).map(|(i, _)| i).collect()
}

pub fn decisions_have_two_options(case: &Case<'_>, report: &mut Report<'_>) {
    for placed in &case.steps {
        if let Action::Decide { options, .. } = &placed.step.action
            && options.len() < 2
        {
            let message = format!("`{}` offers {} option", placed.step.id, options.len());
            report.at_key(&format!("{}.decide.options", placed.path), &message);
        }
    }
}

pub fn phases_are_short(case: &Case<'_>, report: &mut Report<'_>) {
    for (i, phase) in case.runbook.phases.iter().enumerate() {
        if phase.steps.len() > 9 {
            let message = format!("phase `{}` has {} steps", phase.name, phase.steps.len());
            report.at(&format!("phases[{i}].name"), &message);
        }
    }
}

pub fn phase_names_differ(case: &Case<'_>, report: &mut Report<'_>) {
    let mut seen = BTreeSet::new();
    for (i, phase) in case.runbook.phases.iter().enumerate() {
        if !seen.insert(&phase.name) {
            report.at(&format!("phases[{i}].name"), &format!("there is a phase `{}` already", phase.name));
        }
    }
}
