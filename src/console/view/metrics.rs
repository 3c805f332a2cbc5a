//! The measurements: newest value, what it means in a word, and how it got there. Never a fresh-looking number that is
//! old.

use ratatui::text::{Line, Span};

use super::chart;
use super::draw::{Has, Page};
use crate::console::link::{Pane, PaneState, Readiness};
use crate::console::model::{Focus, Model};
use crate::core::time::spoken;
use crate::theme::Role;

/// Rows of a pane with a chart at least: title, chart, and no less.
const WITH_CHART: usize = 5;

pub(super) fn render(model: &Model, page: &mut Page<'_>) {
    let note = model.readiness.as_ref().map(|r| format!("{}: {} of {}", r.advice, r.points, r.of));
    page.title("3 Metrics", note.as_deref().unwrap_or_default(), Has::when(model.focus == Focus::Metrics));
    let mut page = page.below(1);
    if model.panes.is_empty() {
        page.text(0, Role::Muted, " this runbook measures nothing, or nothing has answered yet");
    }
    let height = page.height();
    let reasons = reasons(model, height);
    let room = height.saturating_sub(reasons.len());
    let scroll = if model.focus == Focus::Metrics { model.scroll } else { 0 };
    let panes: Vec<&Pane> = model.panes.iter().skip(scroll).collect();
    let each = room.checked_div(panes.len()).unwrap_or(0);
    if each >= WITH_CHART {
        for (n, pane) in panes.iter().enumerate() {
            with_chart(model, pane, &mut page.below(n * each).first(each));
        }
    } else {
        for (n, pane) in panes.iter().take(room).enumerate() {
            one_line(pane, &mut page, n);
        }
    }
    let mut below = page.below(room);
    for (n, (role, text)) in reasons.iter().enumerate() {
        below.text(n, *role, text);
    }
}

/// Panes there are, for scrolling.
pub(super) fn needs(model: &Model) -> usize {
    model.panes.len()
}

fn state_role(state: PaneState) -> Role {
    match state {
        PaneState::Fine => Role::Ok,
        PaneState::Warning => Role::Warn,
        PaneState::Critical => Role::Fail,
        PaneState::NotANumber | PaneState::NoData | PaneState::Failed | PaneState::Stale => Role::Unknown,
        PaneState::Waiting => Role::Muted,
    }
}

fn one_line(pane: &Pane, page: &mut Page<'_>, row: usize) {
    let left = page.span(Role::Base, format!(" {}", pane.title));
    page.pair(row, Line::from(left), value(pane, page));
}

fn value(pane: &Pane, page: &Page<'_>) -> Line<'static> {
    let role = state_role(pane.state);
    let mut spans = vec![page.span(Role::Title, pane.latest.as_str()), Span::raw(" ")];
    spans.push(page.span(role, pane.state.words()));
    if let Some(age) = pane.stale_for {
        spans.push(page.span(role, format!(" {} old", spoken(age))));
    }
    spans.push(Span::raw(" "));
    Line::from(spans)
}

fn with_chart(model: &Model, pane: &Pane, page: &mut Page<'_>) {
    one_line(pane, page, 0);
    let rows = page.height().saturating_sub(2);
    chart::render(model, pane, &mut page.below(1).first(rows));
    let limits = [("warn", &pane.warn), ("critical", &pane.critical)];
    let limits: Vec<String> =
        limits.iter().filter_map(|(word, m)| m.as_ref().map(|m| format!("{word} {}", m.text))).collect();
    match &pane.why {
        Some(why) => page.text(rows + 1, Role::Unknown, &format!(" {why}")),
        None => page.text(rows + 1, Role::Muted, &format!(" {}", limits.join("  "))),
    }
}

/// The readiness score's reasons, where there is room for them.
fn reasons(model: &Model, height: usize) -> Vec<(Role, String)> {
    let Some(Readiness { parts, unknown, .. }) = &model.readiness else { return Vec::new() };
    if height < WITH_CHART + 2 {
        return Vec::new();
    }
    let room = (height / 3).max(2);
    let mut lines = vec![(Role::Title, " Should we roll back?".to_owned())];
    if *unknown > 0 {
        lines.push((Role::Unknown, format!(" {unknown} points cannot be judged")));
    }
    lines.extend(
        parts.iter().map(|(state, reason)| (part_role(state.as_str()), format!(" {state}: {reason}"))),
    );
    lines.truncate(room);
    lines
}

fn part_role(state: &str) -> Role {
    match state {
        "fired" | "closed" => Role::Fail,
        "pending" => Role::Warn,
        "inconclusive" => Role::Unknown,
        _ => Role::Muted,
    }
}
