//! The plan against what happened, on one time axis. Never hides a step that has no estimate.

use super::Rows;
use crate::console::model::Model;
use crate::console::schedule::{self, Bar, Schedule};
use crate::console::view::draw::cut;
use crate::console::view::state::{self, Shown};
use crate::core::incident::{Incident, Stage};
use crate::core::time::{Stamp, spoken};
use crate::theme::Role;

/// Columns for glyph, name and signs at least; wider names get up to a quarter of the screen.
const NAME: usize = 24;
/// Columns of these that are not for the name.
const AROUND: usize = 7;
/// Columns for planned and actual in words.
const WORDS: usize = 18;
/// Column widths in seconds.
const WIDTHS: [i64; 14] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];

/// The time axis.
struct Axis {
    /// Columns in front of it.
    lead: usize,
    from: i64,
    width: i64,
    columns: usize,
}

impl Axis {
    fn of(plan: &Schedule, now: Stamp, screen: usize) -> Axis {
        let longest = plan.bars.iter().map(|bar| bar.step.chars().count()).max().unwrap_or(0);
        let lead = (longest + AROUND).clamp(NAME, (screen / 4).max(NAME));
        let columns = screen.saturating_sub(lead + WORDS + 2).max(10);
        let from = plan.from.seconds();
        let end =
            [plan.ends, plan.planned_end, now, plan.goal.unwrap_or(now)].into_iter().max().unwrap_or(now);
        let span = end.seconds().saturating_sub(from).max(1);
        let room = i64::try_from(columns).unwrap_or(1).max(2) - 1;
        let width = WIDTHS.into_iter().find(|w| span / w < room).unwrap_or(span / room + 1);
        Axis { lead, from, width, columns }
    }

    fn column(&self, at: Stamp) -> usize {
        let column = at.seconds().saturating_sub(self.from).max(0) / self.width;
        usize::try_from(column).unwrap_or(usize::MAX).min(self.columns.saturating_sub(1))
    }
}

pub(super) fn write(model: &Model, incident: &Incident, rows: &mut Rows) {
    let now = if incident.stage == Stage::Closed { incident.last_at } else { model.now.wall };
    let plan = schedule::schedule(incident, now);
    let axis = Axis::of(&plan, now, rows.width);
    summary(incident, &plan, now, rows);
    rows.row(vec![(Role::Muted, scale(&axis, &plan, now))]);
    // The bars are in the order of the runbook's steps.
    for (bar, step) in plan.bars.iter().zip(incident.runbook.steps()) {
        rows.one_of_many(|| bar_row(state::of_step(incident, step), bar, &axis, &plan, now));
    }
    rows.row(Vec::new());
    rows.row(vec![(
        Role::Muted,
        " █ took  ▒ under way  ░ planned  * decides the end  ! no way back  ┊ now  ┃ goal".into(),
    )]);
    rows.row(vec![(
        Role::Muted,
        format!(" one column is {}", spoken(std::time::Duration::from_secs(axis.width.unsigned_abs()))),
    )]);
}

fn summary(incident: &Incident, plan: &Schedule, now: Stamp, rows: &mut Rows) {
    let late = match (plan.ends > plan.planned_end).then(|| plan.ends.since(plan.planned_end)) {
        Some(by) if by.as_secs() > 0 => format!(", {} later than planned", spoken(by)),
        _ => String::new(),
    };
    // What was left out or never reached has no end of its own, and will have none.
    let done = |bar: &Bar| match bar.actual {
        Some((_, ended)) => ended.is_some(),
        None => bar.status.is_over(),
    };
    let over = plan.bars.iter().all(done) && plan.ends <= now;
    let (label, far) = match over {
        true => ("ended", format!("{} ago", spoken(now.since(plan.ends)))),
        false => ("ends", format!("{} from now", spoken(plan.ends.since(now)))),
    };
    rows.item(label, &format!("{} ({far}){late}", plan.ends.clock()), Role::Title);
    if let Some(goal) = plan.goal {
        // The service being back is what was promised, and not that the steps are over.
        let ends = match incident.mitigated_at.or(incident.resolved_at) {
            Some(back) => back,
            None if over && incident.aborted.is_none() => plan.ends,
            None => plan.ends.max(now),
        };
        let (text, role) = match ends <= goal {
            true => (format!("{}, kept with {} to spare", goal.clock(), spoken(goal.since(ends))), Role::Ok),
            false => (format!("{}, MISSED by {}", goal.clock(), spoken(ends.since(goal))), Role::Warn),
        };
        rows.item("goal", &text, role);
    }
    if plan.unguessed > 0 {
        let text =
            format!("{} of {} steps have no estimate and count as no time", plan.unguessed, plan.bars.len());
        rows.item("unclear", &text, Role::Unknown);
    }
}

/// The beginning, now and the goal as times of day above their columns.
fn scale(axis: &Axis, plan: &Schedule, now: Stamp) -> String {
    let mut cells = vec![' '; axis.columns];
    let mut put = |at: Stamp| {
        let text = at.clock();
        let from = axis.column(at).min(axis.columns.saturating_sub(text.len()));
        let free = cells.iter().skip(from.saturating_sub(1)).take(text.len() + 2).all(|c| *c == ' ');
        if free {
            for (cell, c) in cells.iter_mut().skip(from).zip(text.chars()) {
                *cell = c;
            }
        }
    };
    put(plan.from);
    if let Some(goal) = plan.goal {
        put(goal);
    }
    put(now);
    format!("{}{}", " ".repeat(axis.lead), cells.into_iter().collect::<String>())
}

fn bar_row(shown: Shown, bar: &Bar, axis: &Axis, plan: &Schedule, now: Stamp) -> Vec<(Role, String)> {
    let star = if bar.critical { "*" } else { " " };
    let stop = if bar.irreversible { "!" } else { " " };
    let columns = axis.lead - AROUND;
    let long = bar.step.chars().count() > columns;
    let name = if long { cut(&bar.step, columns) } else { bar.step.clone() };
    let mut row = vec![
        (shown.role, format!(" {} ", shown.glyph)),
        (Role::Base, format!("{name:<width$}", width = columns + 1)),
        (Role::Warn, format!("{star}{stop} ")),
    ];
    let mut cells: Vec<(char, Role)> =
        (0..axis.columns).map(|n| cell(bar, axis, plan, now, n, shown.role)).collect();
    let mut run = String::new();
    let mut role = cells.first().map_or(Role::Base, |(_, role)| *role);
    for (c, of) in cells.drain(..) {
        if of != role {
            row.push((role, std::mem::take(&mut run)));
            role = of;
        }
        run.push(c);
    }
    row.push((role, run));
    row.push((Role::Muted, format!(" {}", words(bar, now))));
    row
}

fn cell(bar: &Bar, axis: &Axis, plan: &Schedule, now: Stamp, column: usize, role: Role) -> (char, Role) {
    if let Some((began, ended)) = bar.actual
        && (axis.column(began)..=axis.column(ended.unwrap_or(now))).contains(&column)
    {
        return (if ended.is_some() { '█' } else { '▒' }, role);
    }
    let (from, to) = bar.planned;
    if to > from && (axis.column(from)..=axis.column(to)).contains(&column) {
        return ('░', Role::Muted);
    }
    if to == from && bar.actual.is_none() && axis.column(from) == column {
        return ('·', Role::Muted);
    }
    if plan.goal.is_some_and(|goal| axis.column(goal) == column) {
        return ('┃', Role::Warn);
    }
    if axis.column(now) == column { ('┊', Role::Border) } else { (' ', Role::Base) }
}

/// What it took against what was estimated: `12s of 30s`.
fn words(bar: &Bar, now: Stamp) -> String {
    let took = bar.actual.map(|(began, ended)| spoken(ended.unwrap_or(now).since(began)));
    match (took, bar.estimate.map(spoken)) {
        (Some(took), Some(estimate)) => format!("{took} of {estimate}"),
        (Some(took), None) => took,
        (None, Some(estimate)) => format!("about {estimate}"),
        (None, None) => "no estimate".to_owned(),
    }
}
