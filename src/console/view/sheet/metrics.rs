//! Large charts with what was normal, what it is now, and how it was before, during and after. Never compares with a
//! normal that nobody measured.

use ratatui::layout::Rect;
use ratatui::text::Line;

use super::Rows;
use crate::console::link::{Pane, PaneState};
use crate::console::model::{Focus, Model, Sheet};
use crate::console::view::chart;
use crate::console::view::draw::{Has, Page};
use crate::console::view::metrics::{limits, no_panes, state_role, value};
use crate::core::incident::Incident;
use crate::metrics::pane::compare::middle;
use crate::metrics::pane::words;
use crate::runbook::model::Unit;
use crate::sanitize;
use crate::theme::Role;

/// Columns of a chart at least, when several stand side by side.
const NARROWEST: u16 = 60;
/// Rows of a chart with its texts at least.
const LOWEST: u16 = 9;
/// Rows around a chart: heading, marks, comparison, thresholds.
const AROUND: usize = 4;

/// How many stand side by side and below each other, and how high each is.
fn grid(model: &Model, area: Rect) -> (u16, u16, u16) {
    let many = u16::try_from(model.panes.len()).unwrap_or(u16::MAX).max(1);
    let across = (area.width / NARROWEST).clamp(1, 3).min(many);
    let room = area.height.saturating_sub(1 + legend_rows(model));
    let down = many.div_ceil(across).min((room / LOWEST).max(1));
    (across, down, room / down)
}

/// How many charts are seen at once.
pub(super) fn visible(model: &Model, area: Rect) -> usize {
    let (across, down, _) = grid(model, area);
    usize::from(across) * usize::from(down)
}

pub(super) fn render(model: &Model, page: &mut Page<'_>) {
    let (across, down, height) = grid(model, page.area);
    let filter = model.filter_of(Focus::Sheet(Sheet::Metrics)).map(str::to_lowercase);
    let fits = |p: &&Pane| filter.as_ref().is_none_or(|f| p.title.as_str().to_lowercase().contains(f));
    let panes: Vec<&Pane> = model.panes.iter().filter(fits).collect();
    let seen = usize::from(across) * usize::from(down);
    let from = model.scroll.min(panes.len().saturating_sub(seen));
    let below = panes.len().saturating_sub(from + seen);
    let more = if below > 0 { format!("▼ {below} more") } else { String::new() };
    let bad = model.panes.iter().filter(|p| matches!(p.state, PaneState::Warning | PaneState::Critical));
    let bad = match bad.count() {
        0 => String::new(),
        n => format!("{n} of {} past a threshold", model.panes.len()),
    };
    let note: Vec<String> = [more, bad, advice(model)].into_iter().filter(|part| !part.is_empty()).collect();
    page.title("Metrics", &note.join("  "), Has::Focus);
    if panes.is_empty() {
        page.text(1, Role::Muted, no_panes(model));
    }
    let width = page.area.width / across;
    for (n, pane) in panes.iter().skip(from).take(seen).enumerate() {
        let Ok(n) = u16::try_from(n) else { continue };
        let (x, y) = (n % across * width, n / across * height);
        let area = Rect { x: page.area.x + x, y: page.area.y + 1 + y, width, height };
        one(model, pane, &mut Page::new(page.theme, area, page.buffer));
    }
    if legend_rows(model) > 0 {
        let last = page.height().saturating_sub(1);
        page.text(last, Role::Muted, &legend(model));
    }
}

fn legend_rows(model: &Model) -> u16 {
    u16::from(!model.marks.is_empty())
}

/// What the letters below the charts stand for, each once.
fn legend(model: &Model) -> String {
    let Some(incident) = &model.incident else { return String::new() };
    let mut parts: Vec<String> = Vec::new();
    for (_, letter) in &model.marks {
        let phase = letter.parse::<usize>().ok().and_then(|n| incident.runbook.phases.get(n.checked_sub(1)?));
        let words = match *letter {
            "D" => "declared".to_owned(),
            "M" => "mitigated".to_owned(),
            "R" => "resolved".to_owned(),
            "A" => "aborted".to_owned(),
            _ => phase.map_or("a later phase".to_owned(), |phase| sanitize::line(&phase.name).into_string()),
        };
        let part = format!("{letter} {words}");
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    format!(" marks: {}", parts.join("  "))
}

fn advice(model: &Model) -> String {
    model.readiness.as_ref().map(|r| r.advice.as_str().to_owned()).unwrap_or_default()
}

fn one(model: &Model, pane: &Pane, page: &mut Page<'_>) {
    let title = page.span(Role::Title, format!(" {}", pane.title));
    let latest = value(pane, page);
    page.pair(0, Line::from(title), latest);
    let rows = page.height().saturating_sub(AROUND);
    let band = pane.compared.normal.map(|normal| (normal.low, normal.high));
    chart::with_band(model, pane, band, &mut page.below(1).first(rows));
    chart::letters(model, pane, &mut page.below(1 + rows).first(1));
    let (text, role) = compared(model, pane);
    page.text(2 + rows, role, &format!(" {text}"));
    match &pane.why {
        Some(why) => page.text(3 + rows, Role::Unknown, &format!(" {why}")),
        None => {
            page.text(3 + rows, Role::Muted, format!(" {}  {}", limits(model, pane), gaps(pane)).trim_end())
        }
    }
}

fn unit(incident: &Incident, pane: &Pane) -> Unit {
    incident.runbook.metric(pane.name.as_str()).map_or(Unit::Count, |m| m.unit)
}

/// Whether it is normal, then how it was, the newest first: where the line is cut, what matters is left. Nobody
/// is in the middle of something that may be over: until the harm is said to have stopped, what was is "so far".
fn compared(model: &Model, pane: &Pane) -> (String, Role) {
    let Some(incident) = &model.incident else { return (String::new(), Role::Muted) };
    let unit = unit(incident, pane);
    let text = |value: Option<f64>| value.map_or("–".to_owned(), |v| words(v, unit));
    let it = &pane.compared;
    let before = text(it.normal.map(|n| n.middle));
    let is_better = incident.mitigated_at.or(incident.resolved_at).is_some();
    let line = match (is_better, since_the_last_step(incident, pane)) {
        (true, _) => format!("after {}  during {}  before {before}", text(it.after), text(it.during)),
        (false, Some(since)) => {
            format!("since the last step {}  so far {}  before {before}", text(Some(since)), text(it.during))
        }
        (false, None) => format!("so far {}  before {before}", text(it.during)),
    };
    let Some(normal) = it.normal else {
        return (format!("normal not known  {line}"), Role::Muted);
    };
    let range = format!("normal {} to {}  {line}", words(normal.low, unit), words(normal.high, unit));
    match newest(pane) {
        None => (range, Role::Unknown),
        Some(now) if normal.holds(now) => (format!("inside {range}"), Role::Ok),
        Some(_) => (format!("OUTSIDE {range}"), Role::Warn),
    }
}

/// The middle answer since the last step of the phases ended, once they are over.
fn since_the_last_step(incident: &Incident, pane: &Pane) -> Option<f64> {
    let steps = incident.runbook.phases.iter().flat_map(|phase| &phase.steps);
    let undone = incident.undos.values().filter_map(|undo| undo.ended_at);
    let ended = steps.filter_map(|step| incident.runs.get(step.id.as_str())?.ended_at).chain(undone).max();
    let ended = ended.filter(|_| incident.phases_over())?;
    let since = pane.points.iter().filter(|(at, _)| *at >= ended);
    middle(since.filter_map(|(_, value)| *value))
}

/// The newest number, if the newest answer is one.
fn newest(pane: &Pane) -> Option<f64> {
    pane.points.last().and_then(|(_, value)| *value).filter(|value| value.is_finite())
}

/// How often nothing was answered.
fn gaps(pane: &Pane) -> String {
    let gaps = pane.points.windows(2).filter(|w| matches!(w, [(_, Some(_)), (_, None)])).count();
    match gaps {
        0 => String::new(),
        1 => "1 gap".to_owned(),
        n => format!("{n} gaps"),
    }
}

/// The same in words, for the clipboard.
pub(super) fn write(model: &Model, _: &Incident, rows: &mut Rows) {
    for pane in &model.panes {
        rows.item(
            pane.title.as_str(),
            &format!("{} {}", pane.latest, pane.state.words()),
            state_role(pane.state),
        );
        let (text, role) = compared(model, pane);
        rows.item("", &text, role);
    }
}
