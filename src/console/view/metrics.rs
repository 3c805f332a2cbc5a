//! The measurements: newest value, what it means in a word, and how it got there. Never a fresh-looking number that is
//! old.

use ratatui::text::{Line, Span};

use super::chart;
use super::draw::{Has, Page};
use crate::console::link::{Pane, PaneState, Readiness};
use crate::console::model::{Focus, Model};
use crate::core::time::spoken;
use crate::runbook::model::Better;
use crate::theme::Role;

/// Rows of a pane with a chart at least: title, chart, and no less.
const WITH_CHART: usize = 5;
/// Rows of a chart at most: higher says no more.
const TALLEST: usize = 14;

pub(super) fn render(model: &Model, page: &mut Page<'_>) {
    let note = model.readiness.as_ref().map_or("", |r| r.advice.as_str());
    page.title("3 Metrics", note, Has::when(model.focus == Focus::Metrics));
    let mut page = page.below(1);
    if model.panes.is_empty() {
        page.text(0, Role::Muted, no_panes(model));
    }
    let scroll = if model.focus == Focus::Metrics { model.scroll } else { 0 };
    let mut panes: Vec<&Pane> = model.panes.iter().collect();
    // Where everything fits, everything keeps its place.
    if panes.len() > page.height() {
        panes.sort_by_key(|pane| rank(pane.state));
    }
    let panes = panes.split_off(scroll.min(panes.len()));
    let reasons = reasons(model);
    let room = page.height();
    let with_reasons = room.saturating_sub(reasons.len());
    // Every measurement comes first, then a chart, then the reasons.
    let (alone, beside) = (charts(&panes, room), charts(&panes, with_reasons));
    let nothing_lost = beside.0.len() == alone.0.len() && beside.contains_chart() == alone.contains_chart();
    let (heights, reasons) = if nothing_lost { (beside, reasons) } else { (alone, Vec::new()) };
    let mut row = 0;
    for (pane, height) in panes.iter().zip(&heights.0) {
        let mut lower = page.below(row);
        let mut part = lower.first(*height);
        if *height >= WITH_CHART {
            with_chart(model, pane, &mut part);
        } else if *height > 0 {
            one_line(pane, &mut part, 0);
            if let Some(why) = &pane.why {
                part.text(1, Role::Unknown, &format!(" {why}"));
            }
        }
        row += height;
    }
    let mut below = page.below(row);
    for (n, (role, text)) in reasons.iter().enumerate() {
        below.text(n, *role, text);
    }
}

/// Why there is no pane at all.
pub(super) fn no_panes(model: &Model) -> &'static str {
    match model.incident.as_ref().is_some_and(|i| i.runbook.metrics.is_empty()) {
        true => " the runbook measures nothing",
        false => " nothing has answered yet",
    }
}

/// Rows of each pane.
struct Heights(Vec<usize>);

impl Heights {
    fn contains_chart(&self) -> bool {
        self.0.iter().any(|h| *h >= WITH_CHART)
    }
}

/// Shares rows among panes: a line for each, then charts for as many as fit, from the first on.
fn charts(panes: &[&Pane], room: usize) -> Heights {
    let mut heights: Vec<usize> =
        panes.iter().map(|p| 1 + usize::from(p.why.is_some() && room > panes.len() * 2)).collect();
    for n in (0..heights.len()).rev() {
        if heights.iter().sum::<usize>() > room {
            heights.truncate(n);
        }
    }
    let wants: Vec<usize> =
        (0..heights.len()).filter(|n| panes.get(*n).is_some_and(|p| !p.points.is_empty())).collect();
    let spare = room.saturating_sub(heights.iter().sum());
    for charted in (1..=wants.len()).rev() {
        let each = (spare / charted).min(TALLEST);
        if each + 1 >= WITH_CHART {
            for n in wants.iter().take(charted) {
                if let Some(height) = heights.get_mut(*n) {
                    *height += each;
                }
            }
            break;
        }
    }
    Heights(heights)
}

/// Panes there are, for scrolling.
pub(super) fn needs(model: &Model) -> usize {
    model.panes.len()
}

/// So many measurements are named where only the worst fit.
const NAMED: usize = 3;

/// The worst that is past a threshold, and how many more there are.
pub(super) fn worst(model: &Model) -> (Vec<&Pane>, usize) {
    let mut bad: Vec<&Pane> =
        model.panes.iter().filter(|p| matches!(p.state, PaneState::Warning | PaneState::Critical)).collect();
    bad.sort_by_key(|pane| rank(pane.state));
    let more = bad.len().saturating_sub(NAMED);
    bad.truncate(NAMED);
    (bad, more)
}

/// What has to be seen first when not everything can be.
fn rank(state: PaneState) -> u8 {
    match state {
        PaneState::Critical => 0,
        PaneState::Warning => 1,
        PaneState::NotANumber | PaneState::NoData | PaneState::Failed | PaneState::Stale => 2,
        PaneState::Waiting | PaneState::Fine => 3,
    }
}

pub(super) fn state_role(state: PaneState) -> Role {
    match state {
        PaneState::Fine => Role::Ok,
        PaneState::Warning => Role::Warn,
        PaneState::Critical => Role::Fail,
        PaneState::NotANumber | PaneState::NoData | PaneState::Failed | PaneState::Stale => Role::Unknown,
        PaneState::Waiting => Role::Muted,
    }
}

/// Since when the newest number has been past a threshold, as far as the pane looks back.
pub(super) fn since(pane: &Pane) -> Option<String> {
    let answers: Vec<_> = pane.points.iter().filter_map(|(at, v)| v.map(|v| (*at, v))).collect();
    let past = |value: f64| chart::role(pane, value) != Role::Chart;
    let bad = answers.iter().rev().take_while(|(_, value)| past(*value)).count();
    let (at, _) = answers.get(answers.len().checked_sub(bad.max(1))?)?;
    match bad {
        0 => None,
        // It may have begun before the first that is known.
        n if n == answers.len() => Some(format!("since {} or before", at.clock())),
        _ => Some(format!("since {}", at.clock())),
    }
}

fn one_line(pane: &Pane, page: &mut Page<'_>, row: usize) {
    let left = Line::from(page.span(Role::Base, format!(" {}", pane.title)));
    // What it is comes before since when, where there is no room for both.
    let whole = value(pane, page);
    let right = if left.width() + whole.width() < page.width() { whole } else { short(pane, page) };
    page.pair(row, left, right);
}

/// The newest number, what it means, and since when.
pub(super) fn value(pane: &Pane, page: &Page<'_>) -> Line<'static> {
    let bad = matches!(pane.state, PaneState::Warning | PaneState::Critical);
    let mut line = short(pane, page);
    if let Some(since) = bad.then(|| since(pane)).flatten() {
        line.push_span(page.span(state_role(pane.state), format!("{since} ")));
    }
    line
}

fn short(pane: &Pane, page: &Page<'_>) -> Line<'static> {
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
    match &pane.why {
        Some(why) => page.text(rows + 1, Role::Unknown, &format!(" {why}")),
        None => page.text(rows + 1, Role::Muted, &format!(" {}", limits(model, pane))),
    }
}

/// From where on it is bad, and on which side of that.
pub(super) fn limits(model: &Model, pane: &Pane) -> String {
    let metric = model.incident.as_ref().and_then(|i| i.runbook.metric(pane.name.as_str()));
    let side = match metric.map(|metric| metric.better) {
        Some(Better::Lower) => "above ",
        Some(Better::Higher) => "below ",
        None => "",
    };
    let limits = [("warn", &pane.warn), ("critical", &pane.critical)].into_iter();
    let said = limits.filter_map(|(word, mark)| mark.as_ref().map(|m| format!("{word} {side}{}", m.text)));
    said.collect::<Vec<_>>().join("  ")
}

/// The readiness score's reasons.
fn reasons(model: &Model) -> Vec<(Role, String)> {
    let Some(Readiness { parts, unknown, .. }) = &model.readiness else { return Vec::new() };
    let mut lines = vec![(Role::Title, " Should we roll back?".to_owned())];
    if *unknown > 0 {
        lines.push((Role::Unknown, format!(" {unknown} points cannot be judged")));
    }
    lines.extend(
        parts.iter().map(|(state, reason)| (part_role(state.as_str()), format!(" {state}: {reason}"))),
    );
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
