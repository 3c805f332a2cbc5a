//! What is owed before anybody goes home: suspensions, backlog, safety copies, timers, points of no return. What is
//! open comes before what is done, and never disappears.

use super::Rows;
use crate::console::model::Model;
use crate::console::timers;
use crate::console::view::state;
use crate::core::incident::{Incident, Status};
use crate::core::time::spoken;
use crate::runbook::model::Action;
use crate::theme::Role;

pub(super) fn write(model: &Model, incident: &Incident, rows: &mut Rows) {
    suspensions(model, incident, rows);
    backlog(incident, rows);
    copies(incident, rows);
    clocks(model, incident, rows);
    no_return(incident, rows);
    if !incident.overrides.is_empty() {
        rows.heading("Broken glass");
        for broken in &incident.overrides {
            rows.item(broken.gate.as_str(), &format!("{}: {}", broken.words(), broken.reason), Role::Fail);
        }
    }
}

fn suspensions(model: &Model, incident: &Incident, rows: &mut Rows) {
    rows.heading("Switched off");
    if incident.suspensions.is_empty() {
        rows.nothing("nothing is switched off");
    }
    let mut all: Vec<_> = incident.suspensions.iter().collect();
    all.sort_by_key(|(_, s)| (s.lifted.is_some() || s.inherited.is_some(), s.since));
    for (name, s) in all {
        let since = format!("by {} at {}", s.step, s.since.clock());
        match (s.lifted, &s.inherited) {
            (Some(at), _) => {
                rows.item(name, &format!("on again at {}; was switched off {since}", at.clock()), Role::Ok)
            }
            (None, Some(who)) => {
                rows.item(name, &format!("STILL OFF, {who} answers for it; {since}"), Role::Warn)
            }
            (None, None) => {
                let sure = if s.certain { "OFF" } else { "PERHAPS OFF" };
                let lasts = spoken(model.now.wall.since(s.since));
                let back = incident.runbook.steps().find(|step| step.resumes.as_deref() == Some(name));
                let back = back.map_or("no step switches it on again".to_owned(), |step| {
                    format!("{} switches it on again", step.id)
                });
                rows.item(name, &format!("{sure} for {lasts}; {since}; {back}"), Role::Warn);
            }
        }
    }
}

fn backlog(incident: &Incident, rows: &mut Rows) {
    rows.heading("To reconcile");
    if incident.backlog.is_empty() {
        rows.nothing("nothing was set aside to be reconciled");
    }
    for (name, debt) in &incident.backlog {
        let left = debt.added.saturating_sub(debt.settled);
        let owner = debt.owner.as_deref().unwrap_or("NOBODY");
        let color = if left > 0 { Role::Warn } else { Role::Ok };
        rows.item(name, &format!("{left} left of {}; {owner} looks after it", debt.added), color);
    }
}

fn copies(incident: &Incident, rows: &mut Rows) {
    rows.heading("Safety copies");
    let mut any = false;
    for step in incident.runbook.steps() {
        let Action::SetAside { path } = &step.action else { continue };
        any = true;
        let shown = state::of_step(incident, step);
        let detail = incident.runs.get(step.id.as_str()).map_or("", |r| r.detail.as_str());
        rows.item(&step.id, format!("{}: {path} {detail}", shown.word).trim_end(), shown.role);
    }
    for (name, taken) in &incident.measurements {
        any = true;
        let value = taken.text.clone().unwrap_or_else(|| format!("{} bytes", taken.bytes));
        rows.item(name, &format!("measured at {}: {value}", taken.at.clock()), Role::Base);
    }
    if !any {
        rows.nothing("none is made by this runbook");
    }
}

fn clocks(model: &Model, incident: &Incident, rows: &mut Rows) {
    rows.heading("Timers");
    let all = timers::timers(incident);
    if all.is_empty() {
        rows.nothing("none runs");
    }
    for timer in all {
        let (label, role) = match timer.left(model.now.wall) {
            Some(left) => (format!("in {}", spoken(left)), Role::Base),
            None => (format!("{} ago", spoken(model.now.wall.since(timer.at))), Role::Warn),
        };
        rows.item(&label, &format!("{} ({})", timer.what, timer.at.clock()), role);
    }
}

fn no_return(incident: &Incident, rows: &mut Rows) {
    rows.heading("Points of no return");
    let mut any = false;
    for step in incident.runbook.steps().filter(|s| s.irreversible) {
        any = true;
        let run = incident.runs.get(step.id.as_str());
        let passed = run.and_then(|r| r.started_at);
        match (passed, incident.status(&step.id)) {
            (Some(at), status) => {
                rows.item(&step.id, &format!("PASSED at {}: {}", at.clock(), status.word()), Role::Warn)
            }
            (None, Status::Skipped | Status::NotReached) => {
                rows.item(&step.id, "was not gone through", Role::Muted)
            }
            (None, _) => rows.item(&step.id, &format!("ahead: {}", step.title), Role::Base),
        }
    }
    if !any {
        rows.nothing("everything in this runbook can be taken back");
    }
}
