//! Whether the team can do what is required of it. Never names who should.

use super::case::{Case, Person, Report};
use crate::runbook::model::{Action, Duty, EXECUTOR, Requirement, Runbook};

pub fn quorums_can_be_reached(case: &Case<'_>, report: &mut Report<'_>) {
    let Some(people) = &case.context.people else { return };
    let runbook = case.runbook;
    let everyone: Vec<&Person> = people.iter().collect();
    if !reachable(runbook, &runbook.declare.require, &everyone) {
        report.at_key("declare.require", "the team cannot reach the quorum that declares this rollback");
    }
    for placed in &case.steps {
        let Action::Approve(approve) = &placed.step.action else { continue };
        let path = format!("{}.approve.require", placed.path);
        if !reachable(runbook, &approve.require, &everyone) {
            report.at_key(&path, &format!("the team cannot reach the quorum of `{}`", placed.step.id));
            continue;
        }
        if !approve.separation_of_duties.contains(&Duty::Executor) {
            continue;
        }
        for id in &approve.covers {
            let Some(step) = runbook.step(id) else { continue };
            let acts = |p: &&Person| step.role.as_ref().is_none_or(|role| may_sit(runbook, p, role));
            let others = |who: &Person| people.iter().filter(|p| p.id != who.id).collect::<Vec<_>>();
            if !people.iter().filter(acts).any(|who| reachable(runbook, &approve.require, &others(who))) {
                let message = format!(
                    "whoever starts `{id}` may not approve it, and without them the quorum of `{}` is out of reach",
                    placed.step.id
                );
                report.at_key(&path, &message);
            }
        }
    }
}

pub fn roles_have_people(case: &Case<'_>, report: &mut Report<'_>) {
    let Some(people) = &case.context.people else { return };
    for role in &case.runbook.roles {
        if !people.iter().any(|p| may_sit(case.runbook, p, &role.name)) {
            report.at_key(
                &format!("roles.{}", role.name),
                &format!("nobody in the team can be `{}`", role.name),
            );
        }
    }
}

pub fn seats_apart_make_sense(case: &Case<'_>, report: &mut Report<'_>) {
    // The seats of every incident, as the rules know them.
    const STANDING: [&str; 7] =
        ["commander", "deputy", "scribe", "communications", "liaison", "sme", "observer"];
    for role in &case.runbook.roles {
        for other in &role.excludes {
            let known = case.runbook.roles.iter().any(|r| &r.name == other)
                || STANDING.contains(&other.as_str())
                || other == EXECUTOR;
            let path = format!("roles.{}.excludes", role.name);
            if other == &role.name {
                report.at_key(&path, &format!("`{}` cannot be kept apart from itself", role.name));
            } else if !known {
                report
                    .at_key(&path, &format!("there is no role `{other}` to keep `{}` apart from", role.name));
            }
        }
    }
}

/// Whether somebody has the role or one that may stand in for it.
fn may_sit(runbook: &Runbook, person: &Person, role: &str) -> bool {
    let stands_in = runbook.roles.iter().filter(|r| r.name == role).flat_map(|r| &r.stand_in);
    person.roles.contains(role) || stands_in.into_iter().any(|other| person.roles.contains(other))
}

/// Whether different people can be found for every required place (augmenting paths: a person counts once).
fn reachable(runbook: &Runbook, require: &[Requirement], people: &[&Person]) -> bool {
    // More places than people cannot be filled; this also bounds the work.
    let places: usize = require.iter().map(|r| r.count as usize).fold(0, usize::saturating_add);
    if places > people.len() {
        return false;
    }
    let places: Vec<&str> = require.iter().flat_map(|r| (0..r.count).map(|_| r.role.as_str())).collect();
    let mut seated: Vec<Option<usize>> = vec![None; people.len()];
    (0..places.len()).all(|place| {
        let mut asked = vec![false; people.len()];
        seat(runbook, &places, people, place, &mut seated, &mut asked)
    })
}

fn seat(
    runbook: &Runbook,
    places: &[&str],
    people: &[&Person],
    place: usize,
    seated: &mut Vec<Option<usize>>,
    asked: &mut Vec<bool>,
) -> bool {
    let Some(role) = places.get(place) else { return false };
    for (i, person) in people.iter().enumerate() {
        if asked.get(i).copied().unwrap_or(true) || !may_sit(runbook, person, role) {
            continue;
        }
        if let Some(slot) = asked.get_mut(i) {
            *slot = true;
        }
        let taken = seated.get(i).copied().flatten();
        if taken.is_none_or(|other| seat(runbook, places, people, other, seated, asked)) {
            if let Some(slot) = seated.get_mut(i) {
                *slot = Some(place);
            }
            return true;
        }
    }
    false
}
