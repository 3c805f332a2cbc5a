//! Rules about the play itself. Never knows a runbook.

use super::Case;
use crate::runbook::lint::Report;
use crate::runbook::scenario::model::{Basis, Channel, Cue, Expected, Mark, fits};
use crate::runbook::scenario::refs;
use crate::runbook::words;
use std::collections::BTreeSet;
use std::time::Duration;

/// One seat is told at most one thing in so long.
const BREATH: Duration = Duration::from_secs(120);
/// A false trail has something true within so long.
const COMPANY: Duration = Duration::from_secs(300);
/// Questions that every rehearsal could ask.
const GENERIC: [&str; 6] = [
    "what did you learn",
    "what went well",
    "what did not go well",
    "any questions",
    "how did it go",
    "what could we improve",
];

pub fn objectives_have_tasks(case: &Case<'_>, report: &mut Report<'_>) {
    for (i, objective) in case.scenario.objectives.iter().enumerate().filter(|(_, o)| o.tasks.is_empty()) {
        report.at(&format!("objectives[{i}].id"), &format!("`{}` has no task", objective.id));
    }
}

pub fn tasks_are_seen(case: &Case<'_>, report: &mut Report<'_>) {
    let seen: BTreeSet<&str> = case.scenario.expectations.iter().map(|e| e.task.as_str()).collect();
    for (i, objective) in case.scenario.objectives.iter().enumerate() {
        for (n, task) in objective.tasks.iter().enumerate().filter(|(_, task)| !seen.contains(task.as_str()))
        {
            report.at(&format!("objectives[{i}].tasks[{n}]"), &format!("no expectation shows `{task}`"));
        }
    }
}

pub fn injects_have_a_point(case: &Case<'_>, report: &mut Report<'_>) {
    let mut named: BTreeSet<&str> = BTreeSet::new();
    for expectation in &case.scenario.expectations {
        match &expectation.kind {
            Expected::Want { after, .. } => named.extend(after.as_deref()),
            Expected::Budget { from, to, .. } => {
                named.extend([from, to].into_iter().filter_map(|mark| match mark {
                    Mark::Inject(id) => Some(id.as_str()),
                    Mark::When(_) => None,
                }));
            }
            Expected::Forbid { .. } | Expected::Cadence { .. } | Expected::Judged { .. } => {}
        }
    }
    for (i, inject) in case.scenario.injects.iter().enumerate() {
        let told = inject.purpose.is_some() || inject.hint_for.is_some() || inject.red_herring;
        if !told && inject.set.is_empty() && !named.contains(inject.id.as_str()) {
            report.at(&format!("injects[{i}].id"), &format!("nothing waits for `{}`", inject.id));
        }
    }
}

pub fn conditions_can_hold(case: &Case<'_>, report: &mut Report<'_>) {
    for (path, when) in case.scenario.conditions() {
        // What is forbidden may well be impossible here.
        if !path.ends_with(".of") && !refs::reachable(when, case.scenario) {
            report.at(&path, "this can never hold");
        }
    }
}

pub fn something_is_decided(case: &Case<'_>, report: &mut Report<'_>) {
    if case.scenario.decisions.is_empty() {
        report.at_key("decisions", "nothing is decided here");
    }
    for (i, decision) in case.scenario.decisions.iter().enumerate().filter(|(_, d)| d.options.len() < 2) {
        let message = format!("`{}` leaves nothing to choose between", decision.id);
        report.at(&format!("decisions[{i}].options"), &message);
    }
}

pub fn people_can_keep_up(case: &Case<'_>, report: &mut Report<'_>) {
    for role in &case.scenario.roles {
        let mut told: Vec<(Duration, usize)> = Vec::new();
        for (i, inject) in
            case.scenario.injects.iter().enumerate().filter(|(_, inject)| inject.to.contains(role))
        {
            match inject.cue {
                Cue::At(at) => told.push((at, i)),
                Cue::When(_) => {}
            }
        }
        told.sort_unstable();
        for pair in told.windows(2) {
            if let [(before, _), (at, i)] = pair
                && at.saturating_sub(*before) < BREATH
            {
                let gap = words::duration(at.saturating_sub(*before));
                report.at(&format!("injects[{i}].at"), &format!("`{role}` was told something {gap} before"));
            }
        }
    }
}

pub fn herrings_have_company(case: &Case<'_>, report: &mut Report<'_>) {
    let injects = &case.scenario.injects;
    for (i, herring) in injects.iter().enumerate().filter(|(_, inject)| inject.red_herring) {
        let Cue::At(at) = herring.cue else { continue };
        let beside = injects.iter().filter(|other| !other.red_herring).any(|other| match other.cue {
            Cue::At(then) => then.abs_diff(at) <= COMPANY,
            // It may never come.
            Cue::When(_) => false,
        });
        if !beside {
            report.at(&format!("injects[{i}].id"), &format!("`{}` is all there is to follow", herring.id));
        }
    }
}

pub fn people_are_not_sped_up(case: &Case<'_>, report: &mut Report<'_>) {
    let speed = case.scenario.clock.speed;
    let human = case.scenario.expectations.iter().any(|e| match &e.kind {
        Expected::Want { within, basis, .. } => within.is_some() && *basis == Basis::Human,
        Expected::Budget { basis, .. } => *basis == Basis::Human,
        Expected::Forbid { .. } | Expected::Cadence { .. } | Expected::Judged { .. } => false,
    });
    if speed > 1.0 && human {
        report.at("clock.speed", &format!("people are given {speed} times less time than is written"));
    }
}

pub fn something_can_fail(case: &Case<'_>, report: &mut Report<'_>) {
    let at_stake = |kind: &Expected| matches!(kind, Expected::Budget { .. });
    if !case.scenario.expectations.iter().any(|e| e.critical || at_stake(&e.kind)) {
        report.at_key("expectations", "nothing here is critical and nothing has a budget");
    }
}

pub fn states_are_read(case: &Case<'_>, report: &mut Report<'_>) {
    let conditions = case.scenario.conditions();
    let read: BTreeSet<&str> =
        conditions.iter().flat_map(|(_, when)| when.states()).map(|(name, ..)| name).collect();
    for (name, _) in case.scenario.world.state.iter().filter(|(name, _)| !read.contains(name.as_str())) {
        report.at_key(&format!("world.state.{name}"), &format!("nothing depends on `{name}`"));
    }
}

pub fn hints_come_from_the_facilitator(case: &Case<'_>, report: &mut Report<'_>) {
    for (i, inject) in case.scenario.injects.iter().enumerate() {
        if inject.hint_for.is_some() && inject.channel != Channel::Facilitator {
            report.at(
                &format!("injects[{i}].channel"),
                &format!("`{}` gives a hint as if it were the story", inject.id),
            );
        }
    }
}

pub fn stubs_are_reached(case: &Case<'_>, report: &mut Report<'_>) {
    let stubs = &case.scenario.world.commands;
    for (i, stub) in stubs.iter().enumerate() {
        let always = |other: &&crate::runbook::scenario::model::Stub| {
            (other.when.is_none() || other.else_stdout.is_some()) && fits(&other.matches, &stub.matches)
        };
        if let Some(other) = stubs.iter().take(i).find(always) {
            let message = format!("`{}` has answered already", other.matches);
            report.at(&format!("world.commands[{i}].match"), &message);
        }
    }
}

pub fn the_debrief_asks(case: &Case<'_>, report: &mut Report<'_>) {
    let questions = &case.scenario.debrief.questions;
    let own = questions.iter().filter(|q| {
        let plain = q.to_lowercase();
        !GENERIC.iter().any(|generic| plain.trim_end_matches(['?', '!', '.', ' ']) == *generic)
    });
    let own = own.count();
    if own < 2 {
        let message = format!("{own} questions are about this story");
        report.at_key("debrief.questions", &message);
    }
}
