//! The steps, each with glyph, name and word. Never hides the selected one.

use ratatui::text::{Line, Span};

use super::draw::{Has, Page};
use super::state::{self, Shown};
use crate::console::model::{Focus, Model};
use crate::core::id::StepId;
use crate::core::incident::{Incident, Stage, Status};
use crate::core::time::spoken;
use crate::runbook::model::Step;
use crate::sanitize;
use crate::theme::Role;

enum Row<'a> {
    Heading(String),
    Step(StepId, Option<&'a Step>),
}

pub(super) fn render(model: &Model, page: &mut Page<'_>) {
    let Some(incident) = &model.incident else { return };
    let steps: Vec<&Step> = incident.runbook.steps().collect();
    let over = steps.iter().filter(|s| incident.status(&s.id).is_over()).count();
    let filter = model.filter_of(Focus::Checklist).map(|f| format!(" /{f}")).unwrap_or_default();
    let note = format!("{over} of {} settled{filter}", steps.len());
    page.title("1 Steps", &note, Has::when(model.focus == Focus::Checklist));
    let rows = rows(model, incident);
    let selected = model.selected();
    let at = rows.iter().position(|r| matches!(r, Row::Step(id, _) if *id == selected)).unwrap_or(0);
    let room = page.height().saturating_sub(1);
    let start = at.saturating_sub(room / 2).min(rows.len().saturating_sub(room));
    for (n, row) in rows.iter().skip(start).take(room).enumerate() {
        match row {
            Row::Heading(name) => page.text(n + 1, Role::Title, &format!(" {name}")),
            Row::Step(id, step) => step_row(model, incident, page, n + 1, id, *step),
        }
    }
}

fn rows<'a>(model: &Model, incident: &'a Incident) -> Vec<Row<'a>> {
    let filter = model.filter_of(Focus::Checklist).map(str::to_lowercase);
    let fits = |s: &Step| {
        filter
            .as_ref()
            .is_none_or(|f| s.id.contains(f.as_str()) || s.title.to_lowercase().contains(f.as_str()))
    };
    let mut rows = vec![Row::Step(StepId::declare(), None)];
    let phases = incident.runbook.phases.iter().map(|p| (p.name.as_str(), &p.steps));
    for (name, steps) in phases.chain([("On every way out", &incident.runbook.always)]) {
        let mut of_phase: Vec<Row<'_>> = steps
            .iter()
            .filter(|s| fits(s))
            .filter_map(|s| Some(Row::Step(StepId::parse(s.id.clone()).ok()?, Some(s))))
            .collect();
        if !of_phase.is_empty() {
            rows.push(Row::Heading(sanitize::line(name).into_string()));
            rows.append(&mut of_phase);
        }
    }
    rows
}

fn step_row(
    model: &Model,
    incident: &Incident,
    page: &mut Page<'_>,
    row: usize,
    id: &StepId,
    step: Option<&Step>,
) {
    let selected = model.selected() == *id;
    let shown = step.map_or_else(|| declaration(incident), |s| state::of_step(incident, s));
    let careful = if step.is_some_and(|s| s.irreversible) { " !" } else { "" };
    let mark = if selected { "▸" } else { " " };
    let left = Line::from(vec![
        page.span(Role::Base, mark),
        page.span(shown.role, format!(" {} ", shown.glyph)),
        page.span(Role::Base, format!("{id}")),
        page.span(Role::Warn, careful),
    ]);
    let right = Line::from(vec![page.span(shown.role, word(model, incident, id, shown)), Span::raw(" ")]);
    page.pair(row, left, right);
    if selected {
        page.row_style(row, page.style(Role::Selection));
    }
}

/// The state's word, with what makes it more telling: for how long, how many of how many.
fn word(model: &Model, incident: &Incident, id: &StepId, shown: Shown) -> String {
    if let Some(undo) = incident.undos.get(id).filter(|u| u.attempt > 0) {
        return match undo.status {
            Status::Succeeded => "undone".to_owned(),
            status => format!("undo {}", status.word()),
        };
    }
    let run = incident.run(id);
    match run.map(|r| r.status) {
        Some(Status::Running) => {
            let since = run.and_then(|r| r.started_at).map(|at| model.now.wall.since(at));
            let done = run.and_then(|r| r.progress).map(|(done, total)| match total {
                Some(total) => format!(" {done}/{total}"),
                None => format!(" {done}"),
            });
            format!("running {}{}", since.map(spoken).unwrap_or_default(), done.unwrap_or_default())
        }
        Some(Status::Waiting) => format!("waiting {}", answers(incident, id)),
        _ => shown.word.to_owned(),
    }
}

/// How many of the answers that are asked for are there.
fn answers(incident: &Incident, id: &StepId) -> String {
    let (Some(rule), Some(gate)) = (incident.gate_rule(id), incident.gates.get(id)) else {
        return String::new();
    };
    let asked: u32 = rule.require.iter().map(|r| r.count).sum();
    let there: u32 = rule.require.iter().map(|r| incident.granted(gate, r).min(r.count)).sum();
    format!("{there} of {asked}")
}

fn declaration(incident: &Incident) -> Shown {
    match incident.stage {
        Stage::Declared | Stage::Closed => Shown { word: "declared", ..state::of(Status::Succeeded) },
        Stage::Empty | Stage::Open => Shown { word: "to be decided", ..state::of(Status::Waiting) },
    }
}
