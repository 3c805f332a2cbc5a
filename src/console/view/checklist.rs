//! The steps, each with glyph, name and word. Never hides the selected one.

use ratatui::text::{Line, Span};

use super::draw::{Has, Page, place};
use super::state::{self, Shown};
use crate::console::amended;
use crate::console::model::{Focus, Model};
use crate::core::id::StepId;
use crate::core::incident::{Incident, Stage, Status};
use crate::core::time::spoken;
use crate::runbook::model::Step;
use crate::sanitize;
use crate::theme::Role;

enum Row<'a> {
    Heading(&'a str),
    /// A gate that is no step: the decision, or a changed runbook.
    Gate(StepId),
    Step(&'a Step),
}

impl Row<'_> {
    fn id(&self) -> Option<&str> {
        match self {
            Row::Heading(_) => None,
            Row::Gate(id) => Some(id.as_str()),
            Row::Step(step) => Some(&step.id),
        }
    }
}

pub(super) fn render(model: &Model, page: &mut Page<'_>) {
    let Some(incident) = &model.incident else { return };
    let over = incident.runs.values().filter(|r| r.status.is_over()).count();
    let rows = rows(model, incident);
    let selected = model.selected();
    let note = match model.filter_of(Focus::Checklist) {
        Some(filter) => {
            let found = rows.iter().filter(|row| matches!(row, Row::Step(_)));
            let found: Vec<&str> = found.filter_map(Row::id).collect();
            let at = found.iter().position(|id| *id == selected.as_str()).map(|at| at + 1);
            format!("/{filter} {}", place(at, found.len()))
        }
        None => format!("{over} of {} settled", incident.runs.values().count()),
    };
    page.title("1 Steps", &note, Has::when(model.focus == Focus::Checklist));
    let room = page.height().saturating_sub(1);
    let start = first(&rows, &selected, room);
    for (n, row) in rows.iter().skip(start).take(room).enumerate() {
        let mark = if row.id() == Some(selected.as_str()) { Mark::Selected } else { Mark::None };
        match row {
            Row::Heading(name) => page.text(n + 1, Role::Title, &format!(" {}", sanitize::line(name))),
            Row::Gate(id) => step_row(model, incident, page, n + 1, id, None, mark),
            Row::Step(step) => {
                if let Some((id, _)) = incident.runs.get_key_value(step.id.as_str()) {
                    step_row(model, incident, page, n + 1, id, Some(step), mark);
                }
            }
        }
    }
}

/// The first row that is seen: the selected one stands in the middle where the list is long.
fn first(rows: &[Row<'_>], selected: &StepId, room: usize) -> usize {
    let at = rows.iter().position(|r| r.id() == Some(selected.as_str())).unwrap_or(0);
    at.saturating_sub(room / 2).min(rows.len().saturating_sub(room))
}

/// The step that stands in a row of the list, its title being row 0.
pub fn step_at(model: &Model, row: usize) -> Option<StepId> {
    let rows = rows(model, model.incident.as_ref()?);
    let start = first(&rows, &model.selected(), super::layout::rows_of(model, Focus::Checklist));
    let found = rows.get(start + row.checked_sub(1)?)?;
    StepId::parse(found.id()?.to_owned()).ok()
}

/// Whether a row is the selected one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Selected,
    None,
}

fn rows<'a>(model: &Model, incident: &'a Incident) -> Vec<Row<'a>> {
    let filter = model.filter_of(Focus::Checklist).map(str::to_lowercase);
    let fits = |s: &&Step| {
        filter
            .as_ref()
            .is_none_or(|f| s.id.contains(f.as_str()) || s.title.to_lowercase().contains(f.as_str()))
    };
    let mut rows = vec![Row::Gate(StepId::declare())];
    rows.extend(amended::waits(incident).then(|| Row::Gate(StepId::amend())));
    let phases = incident.runbook.phases.iter().map(|p| (p.name.as_str(), &p.steps));
    for (name, steps) in phases.chain([("On every way out", &incident.runbook.always)]) {
        let before = rows.len();
        rows.push(Row::Heading(name));
        rows.extend(steps.iter().filter(fits).map(Row::Step));
        if rows.len() == before + 1 {
            rows.pop();
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
    mark: Mark,
) {
    let shown = step.map_or_else(|| gate(incident, id), |s| state::of_step(incident, s));
    let careful = if step.is_some_and(|s| s.irreversible) { " !" } else { "" };
    let sign = if mark == Mark::Selected { "▸" } else { " " };
    let left = Line::from(vec![
        page.span(Role::Base, sign),
        page.span(shown.role, format!(" {} ", shown.glyph)),
        page.span(Role::Base, format!("{id}")),
        page.span(Role::Warn, careful),
    ]);
    let right = Line::from(vec![page.span(shown.role, word(model, incident, id, shown)), Span::raw(" ")]);
    page.pair(row, left, right);
    if mark == Mark::Selected {
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
    if id.is_amend() {
        return format!("waiting {}", answers(incident, id));
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

fn gate(incident: &Incident, id: &StepId) -> Shown {
    if id.is_amend() {
        return state::of(Status::Waiting);
    }
    match incident.stage {
        Stage::Declared | Stage::Closed => Shown { word: "declared", ..state::of(Status::Succeeded) },
        Stage::Empty | Stage::Open => Shown { word: "to be decided", ..state::of(Status::Waiting) },
    }
}
