//! The decision: every way there is, with what must be true, how long it takes, what it costs and who may decide.
//! "Do not roll back" is always one of them, and no number stands without its parts.

use super::Rows;
use crate::console::link::PaneState;
use crate::console::model::Model;
use crate::console::offer;
use crate::console::view::metrics::worst;
use crate::console::view::step::noted;
use crate::core::id::StepId;
use crate::core::incident::{Incident, Stage, Status};
use crate::core::readiness::{Estimate, Options, hard_gates, options};
use crate::core::time::{Stamp, spoken};
use crate::runbook::model::{Action, Then};
use crate::theme::Role;

pub(super) fn write(model: &Model, incident: &Incident, rows: &mut Rows) {
    if let Some(words) = over(incident) {
        rows.heading("The ways");
        rows.nothing(&words);
        wide(model, rows);
        readiness(model, rows);
        rows.heading("This runbook");
        facts(model, incident, rows);
        return;
    }
    at_a_glance(model, incident, rows);
    wide(model, rows);
    readiness(model, rows);
    roll_back(model, incident, rows);
    decisions(incident, rows);
    stay(model, incident, rows);
    undo(incident, rows);
}

/// Why there is nothing to choose between any more.
fn over(incident: &Incident) -> Option<String> {
    if incident.stage == Stage::Closed {
        return Some("the record is closed: nothing is to be decided any more".to_owned());
    }
    let at = incident.resolved_at?;
    Some(format!("the service is whole again since {}: nothing is to be decided any more", at.clock()))
}

/// Each way in a line or two, so that they can be compared without turning a page.
fn at_a_glance(model: &Model, incident: &Incident, rows: &mut Rows) {
    rows.heading("The ways");
    let ways = ways(model, incident);
    let cost = |way: &Estimate| match (way.cents, &incident.runbook.cost) {
        (Some(cents), Some(cost)) => format!(", {} {}", cents / 100, cost.currency),
        (None, Some(cost)) => format!(", {} {} a minute", cost.per_minute_cents / 100, cost.currency),
        (_, None) => String::new(),
    };
    let takes = |way: &Estimate| {
        way.takes.map_or("nobody knows how long".to_owned(), |t| match t.is_zero() {
            true => "no step is left".to_owned(),
            false => format!("about {}", spoken(t)),
        })
    };
    let closed: Vec<String> =
        hard_gates(incident, model.now.wall).into_iter().filter(|g| !g.open).map(|g| g.what).collect();
    let mut text = format!("{}{}; loses: {}", takes(&ways.rollback), cost(&ways.rollback), loss(incident));
    let role = if closed.is_empty() { Role::Base } else { Role::Fail };
    if !closed.is_empty() {
        text = format!("CANNOT: {}. {text}", closed.join("; "));
    } else if let Some(at) = incident.window_closes() {
        text.push_str(&format!("; open for {}", spoken(at.since(model.now.wall))));
    }
    rows.item("1 roll back", &text, role);
    let harm: Vec<String> = harm(model);
    let goes_on = if harm.is_empty() { String::new() } else { format!("; goes on: {}", harm.join("; ")) };
    rows.item(
        "2 do not",
        &format!("{}{}{goes_on}", takes(&ways.fix_forward), cost(&ways.fix_forward)),
        Role::Base,
    );
    if !incident.undo_order().is_empty() {
        rows.item("3 take back", "stop, and undo what was done so far", Role::Base);
    }
}

/// What is past its threshold now.
fn harm(model: &Model) -> Vec<String> {
    let (bad, more) = worst(model);
    let named = bad.into_iter().map(|p| format!("{} {} {}", p.title, p.latest, p.state.words()));
    named.chain((more > 0).then(|| format!("and {more} more"))).collect()
}

/// Which data going back loses, in words.
fn loss(incident: &Incident) -> String {
    let rpo = incident.runbook.objectives.rpo;
    match incident.restores_to() {
        Some(to) => to.words(),
        None if rpo.is_zero() => "nothing is allowed to be lost".to_owned(),
        None => format!("at most {} is allowed", spoken(rpo)),
    }
}

fn wide(model: &Model, rows: &mut Rows) {
    rows.heading("How wide it is, and what changed before");
    for (label, text, role) in noted(model) {
        rows.item(label, &text, role);
    }
}

fn readiness(model: &Model, rows: &mut Rows) {
    rows.heading("What speaks for going back");
    let Some(score) = &model.readiness else {
        rows.nothing("no criterion has been judged yet");
        return;
    };
    rows.item("advice", score.advice.as_str(), Role::Title);
    if score.unknown > 0 {
        rows.item("unclear", &format!("{} points cannot be judged", score.unknown), Role::Unknown);
    }
    for (state, reason) in &score.parts {
        rows.item(state.as_str(), reason.as_str(), Role::Base);
    }
}

fn roll_back(model: &Model, incident: &Incident, rows: &mut Rows) {
    let runbook = &incident.runbook;
    rows.heading(&format!("1  Roll back: {}", runbook.title));
    lamps(model, incident, rows);
    if runbook.window.is_none() {
        rows.item("window", "none stated", Role::Muted);
    }
    let way = ways(model, incident).rollback;
    takes(incident, &way, rows);
    if let Some((takes, goal)) = way.takes.zip(goal(incident)) {
        let ends = model.now.wall.plus(takes);
        let (text, role) = if ends <= goal {
            (format!("back by {}, {} before the goal", ends.clock(), spoken(goal.since(ends))), Role::Ok)
        } else {
            (format!("back by {}, {} AFTER the goal", ends.clock(), spoken(ends.since(goal))), Role::Warn)
        };
        rows.item("goal", &text, role);
    }
    facts(model, incident, rows);
    authority(model, incident, rows);
}

/// What is known about this runbook, whatever is decided.
fn facts(model: &Model, incident: &Incident, rows: &mut Rows) {
    let runbook = &incident.runbook;
    practised(model, rows);
    let role = if incident.restores_to().is_some() { Role::Warn } else { Role::Base };
    rows.item("data loss", &loss(incident), role);
    rows.item("does not undo", &runbook.does_not_undo, Role::Warn);
    let finals: Vec<&str> = runbook.steps().filter(|s| s.irreversible).map(|s| s.id.as_str()).collect();
    if !finals.is_empty() {
        rows.item("no way back at", &finals.join(", "), Role::Warn);
    }
    let reviewed =
        runbook.reviewed.map_or("the runbook does not say when".to_owned(), |day| format!("on {day}"));
    rows.item("reviewed", &reviewed, Role::Muted);
}

fn ways(model: &Model, incident: &Incident) -> Options {
    options(incident, &model.past.clone().unwrap_or_default(), model.now.wall)
}

/// When the service should be back.
fn goal(incident: &Incident) -> Option<Stamp> {
    let rto = incident.runbook.objectives.rto;
    (!rto.is_zero()).then(|| incident.opened_at.plus(rto))
}

/// How long and for how much, and what that rests on: never the one without the other.
fn takes(incident: &Incident, way: &Estimate, rows: &mut Rows) {
    match way.takes {
        Some(takes) if takes.is_zero() => rows.item("takes", "no step is left", Role::Title),
        Some(takes) => rows.item("takes", &format!("about {} from now", spoken(takes)), Role::Title),
        None => rows.item("takes", "nobody knows how long", Role::Unknown),
    }
    if let (Some(cents), Some(cost)) = (way.cents, &incident.runbook.cost) {
        rows.item("costs", &format!("{} {} until then", cents / 100, cost.currency), Role::Base);
    }
    rows.item("rests on", &way.assumptions.join("; "), Role::Muted);
}

/// Whether anybody has done this before.
fn practised(model: &Model, rows: &mut Rows) {
    let Some(past) = &model.past else {
        rows.item("last drilled", "the records of before have not been looked through", Role::Muted);
        return;
    };
    let told = |done: Option<(Stamp, usize)>, never: &str| match done {
        Some((at, n)) => {
            let ago = spoken(model.now.wall.since(at));
            let times = if n == 1 { "once".to_owned() } else { format!("{n} times") };
            (
                format!(
                    "{}, {ago} ago; {times} in the records kept here",
                    at.to_second().split('T').next().unwrap_or_default()
                ),
                Role::Base,
            )
        }
        None => (never.to_owned(), Role::Warn),
    };
    let (text, role) = told(past.drilled, "never, as far as the records kept here go");
    rows.item("last drilled", &text, role);
    let (text, role) = told(past.carried_out, "never, as far as the records kept here go");
    rows.item("last for real", &text, role);
}

/// What must be true before, each with its answer.
fn lamps(model: &Model, incident: &Incident, rows: &mut Rows) {
    let mut lamp = |good: bool, yes: String, no: String| {
        if good { rows.item("✓ yes", &yes, Role::Ok) } else { rows.item("✗ no", &no, Role::Fail) }
    };
    for gate in hard_gates(incident, model.now.wall) {
        lamp(gate.open, gate.what.clone(), format!("CANNOT GO BACK: {}", gate.what));
    }
    let empty: Vec<&str> = incident.empty_seats().into_iter().map(|(role, _)| role).collect();
    lamp(empty.is_empty(), "every needed seat is taken".into(), format!("empty seats: {}", empty.join(", ")));
    let reach = |r: &crate::runbook::model::Requirement| {
        let here = incident.team.people.iter().filter(|p| {
            incident.is_present(&p.id)
                && (incident.holds(&p.id, &r.role) || incident.team.may_take(&p.id, &r.role))
        });
        here.count() as u32 >= r.count
    };
    let lacking: Vec<String> = incident
        .runbook
        .declare
        .require
        .iter()
        .filter(|r| !reach(r))
        .map(|r| format!("{} {}", r.count, r.role))
        .collect();
    lamp(
        lacking.is_empty(),
        "those who may decide are in the room".into(),
        format!("not in the room: {}", lacking.join(", ")),
    );
    let silent: Vec<&str> = model
        .panes
        .iter()
        .filter(|p| matches!(p.state, PaneState::Failed | PaneState::Stale | PaneState::NoData))
        .map(|p| p.title.as_str())
        .collect();
    // Nobody vouches for numbers that are not there.
    match (model.panes.is_empty(), incident.runbook.metrics.is_empty()) {
        (true, true) => {}
        (true, false) => lamp(false, String::new(), "no measurement has answered yet".into()),
        (false, _) => lamp(
            silent.is_empty(),
            "every measurement answers".into(),
            format!("no fresh numbers: {}", silent.join(", ")),
        ),
    }
    lamp(
        incident.unknowns().is_empty(),
        "no step's outcome is unknown".into(),
        "a step's outcome is unknown".into(),
    );
}

fn authority(model: &Model, incident: &Incident, rows: &mut Rows) {
    let asked: Vec<String> =
        incident.runbook.declare.require.iter().map(|r| format!("{} {}", r.count, r.role)).collect();
    let stands = model.ground().map(|g| offer::missing(&g, &StepId::declare())).unwrap_or_default();
    let stands = if incident.declared_at.is_some() { "decided".to_owned() } else { stands };
    rows.item("who decides", &format!("{}; {stands}", asked.join(" and ")), Role::Title);
    for r in &incident.runbook.declare.require {
        let may: Vec<&str> = incident
            .team
            .people
            .iter()
            .filter(|p| incident.team.may_take(&p.id, &r.role))
            .map(|p| p.id.as_str())
            .collect();
        rows.item(&r.role, &may.join(", "), Role::Muted);
    }
}

fn decisions(incident: &Incident, rows: &mut Rows) {
    for step in incident.runbook.steps() {
        let Action::Decide { message, options } = &step.action else { continue };
        let when = match incident.status(&step.id) {
            _ if incident.is_ready(step) => "to be decided now".to_owned(),
            Status::Pending => "later".to_owned(),
            status => status.word().to_owned(),
        };
        rows.heading(&format!("At {} ({when}): {}", step.id, message.as_deref().unwrap_or(&step.title)));
        for option in options {
            let leads = match &option.then {
                Then::Step(to) => format!("goes on at {to}"),
                Then::End => "ends the phases; the rest is left out".to_owned(),
            };
            rows.item(&option.name, &leads, Role::Base);
        }
    }
}

fn stay(model: &Model, incident: &Incident, rows: &mut Rows) {
    rows.heading("2  Do not roll back: fix forward, or wait");
    takes(incident, &ways(model, incident).fix_forward, rows);
    if let Some(cost) = &incident.runbook.cost {
        let minute = cost.per_minute_cents / 100;
        let text = format!(
            "{minute} {} a minute goes on, {} an hour (the runbook's own figure)",
            cost.currency,
            minute.saturating_mul(60)
        );
        rows.item("costs", &text, Role::Warn);
    }
    let harm = harm(model);
    if !harm.is_empty() {
        rows.item("goes on", &harm.join("; "), Role::Warn);
    }
    rows.item("data loss", "none by going back; what is written wrongly meanwhile stays", Role::Base);
    if let Some(at) = incident.window_closes() {
        rows.item("forecloses", &format!("the way back, at {}", at.clock()), Role::Warn);
    }
    rows.item("who decides", "the commander: deny at declare, or abort, with the reason", Role::Title);
}

fn undo(incident: &Incident, rows: &mut Rows) {
    let steps: Vec<&str> = incident.undo_order().into_iter().map(|s| s.id.as_str()).collect();
    if steps.is_empty() {
        return;
    }
    rows.heading("3  Stop and take back what was done so far");
    rows.item("in this order", &steps.join(", "), Role::Base);
    rows.item("how", "abort; each undo is then offered, and nothing is taken back by itself", Role::Base);
}
