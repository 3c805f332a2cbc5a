//! The decision: every way there is, with what must be true, how long it takes, what it costs and who may decide.
//! "Do not roll back" is always one of them, and no number stands without its parts.

use super::Rows;
use crate::console::link::PaneState;
use crate::console::model::Model;
use crate::console::offer;
use crate::console::schedule;
use crate::core::id::StepId;
use crate::core::incident::{Incident, Status};
use crate::core::time::spoken;
use crate::runbook::model::{Action, Then};
use crate::theme::Role;

pub(super) fn write(model: &Model, incident: &Incident, rows: &mut Rows) {
    readiness(model, rows);
    roll_back(model, incident, rows);
    decisions(incident, rows);
    stay(model, incident, rows);
    undo(incident, rows);
}

fn readiness(model: &Model, rows: &mut Rows) {
    rows.heading("What speaks for going back");
    let Some(score) = &model.readiness else {
        rows.nothing("no criterion has been judged yet");
        return;
    };
    rows.item("advice", &format!("{}: {} of {} points", score.advice, score.points, score.of), Role::Title);
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
    match incident.window_closes() {
        Some(at) if at > model.now.wall => {
            rows.item(
                "window",
                &format!("{} left, until {}", spoken(at.since(model.now.wall)), at.clock()),
                Role::Base,
            );
        }
        Some(at) => rows.item("window", &format!("CLOSED since {}", at.clock()), Role::Fail),
        None if runbook.window.is_some() => {
            rows.item("window", "has one, but its beginning is not known", Role::Unknown)
        }
        None => rows.item("window", "none stated", Role::Muted),
    }
    let plan = schedule::schedule(incident, model.now.wall);
    let left = spoken(plan.ends.since(model.now.wall));
    let guess = match plan.unguessed {
        0 => String::new(),
        n => format!("; {n} of {} steps have no estimate and count as no time", plan.bars.len()),
    };
    rows.item("takes", &format!("{left} from now by the author's estimates{guess}"), Role::Base);
    if let Some(goal) = plan.goal {
        let (text, role) = if plan.ends <= goal {
            (
                format!("back by {}, {} before the goal", plan.ends.clock(), spoken(goal.since(plan.ends))),
                Role::Ok,
            )
        } else {
            (
                format!("back by {}, {} AFTER the goal", plan.ends.clock(), spoken(plan.ends.since(goal))),
                Role::Warn,
            )
        };
        rows.item("goal", &text, role);
    }
    match incident.restores_to() {
        Some(to) => rows.item("data loss", &to.words(), Role::Warn),
        None => {
            let rpo = runbook.objectives.rpo;
            let most = if rpo.is_zero() {
                "none is allowed".to_owned()
            } else {
                format!("at most {} is allowed", spoken(rpo))
            };
            rows.item("data loss", &most, Role::Base);
        }
    }
    rows.item("does not undo", &runbook.does_not_undo, Role::Warn);
    let finals: Vec<&str> = runbook.steps().filter(|s| s.irreversible).map(|s| s.id.as_str()).collect();
    if !finals.is_empty() {
        rows.item("no way back at", &finals.join(", "), Role::Warn);
    }
    let reviewed = runbook
        .reviewed
        .map_or("nobody says when it was last read".to_owned(), |day| format!("last read through {day}"));
    rows.item("trust", &reviewed, Role::Muted);
    authority(model, incident, rows);
}

/// What must be true before, each with its answer.
fn lamps(model: &Model, incident: &Incident, rows: &mut Rows) {
    let mut lamp = |good: bool, yes: String, no: String| {
        if good { rows.item("✓ yes", &yes, Role::Ok) } else { rows.item("✗ no", &no, Role::Fail) }
    };
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
    lamp(
        silent.is_empty(),
        "every measurement answers".into(),
        format!("no fresh numbers: {}", silent.join(", ")),
    );
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
    rows.item("takes", "as long as a fix takes; nobody has measured it", Role::Unknown);
    match &incident.runbook.cost {
        Some(cost) => {
            let minute = cost.per_minute_cents / 100;
            let text = format!(
                "{minute} {} a minute goes on, {} an hour (the runbook's own figure)",
                cost.currency,
                minute.saturating_mul(60)
            );
            rows.item("costs", &text, Role::Warn);
        }
        None => rows.item("costs", "the runbook does not say what a minute costs", Role::Muted),
    }
    let harm: Vec<String> = model
        .panes
        .iter()
        .filter(|p| matches!(p.state, PaneState::Critical | PaneState::Warning))
        .map(|p| format!("{} {} {}", p.title, p.latest, p.state.words()))
        .collect();
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
