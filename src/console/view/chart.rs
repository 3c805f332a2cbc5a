//! One metric over time as columns of blocks. A gap stays a gap, thresholds are lines, phases are marks. Never moves
//! its axis more often than a column is wide.

use super::draw::Page;
use crate::console::link::Pane;
use crate::console::model::Model;
use crate::core::time::Stamp;
use crate::theme::Role;
use ratatui::style::Style;

/// Width of the scale's texts.
const SCALE: usize = 8;
/// Column widths in seconds, so that the axis only moves on round times.
const WIDTHS: [i64; 12] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
/// Blocks from an eighth to a whole.
const BLOCKS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// Time axis and value axis of a chart.
struct Axes {
    columns: usize,
    rows: usize,
    /// Seconds a column.
    width: i64,
    /// Second after the last column.
    end: i64,
    low: f64,
    high: f64,
}

pub(super) fn render(model: &Model, pane: &Pane, page: &mut Page<'_>) {
    with_band(model, pane, None, page);
}

/// The chart with the range of what is normal behind it.
pub(super) fn with_band(model: &Model, pane: &Pane, normal: Option<(f64, f64)>, page: &mut Page<'_>) {
    let Some(axes) = Axes::of(pane, page.width().saturating_sub(SCALE + 1), page.height()) else { return };
    for (row, text) in axes.labels(pane) {
        let text = format!("{text:>width$}", width = SCALE - 1);
        page.text(row, Role::Muted, &text);
    }
    if let Some((low, high)) = normal {
        band(&axes, low, high, page);
    }
    lines(pane, &axes, page);
    marks(model, &axes, page);
    let values = axes.values(pane);
    let has_gaps = values.iter().any(Option::is_some);
    for (column, value) in values.iter().enumerate() {
        match value {
            Some(value) => bar(pane, &axes, page, column, *value),
            // A column without an answer between columns with one must not look like zero.
            None if has_gaps => put(page, column, axes.rows - 1, "·", page.style(Role::Muted)),
            None => {}
        }
    }
}

impl Axes {
    fn of(pane: &Pane, columns: usize, rows: usize) -> Option<Axes> {
        let (first, _) = pane.points.first()?;
        let (last, _) = pane.points.last()?;
        let (low, high) = (pane.scale.first()?.value, pane.scale.last()?.value);
        let room = i64::try_from(columns).ok().filter(|c| *c > 1)?;
        if rows == 0 || high.partial_cmp(&low) != Some(std::cmp::Ordering::Greater) {
            return None;
        }
        let span = last.seconds().saturating_sub(first.seconds()).max(1);
        let width = WIDTHS.into_iter().find(|w| span / w < room).unwrap_or(span / room + 1);
        let end = (last.seconds().div_euclid(width) + 1).saturating_mul(width);
        Some(Axes { columns, rows, width, end, low, high })
    }

    /// The column of a time, if it is on the chart.
    fn column(&self, at: Stamp) -> Option<usize> {
        let back = (self.end - 1).checked_sub(at.seconds())?.div_euclid(self.width);
        let back = usize::try_from(back).ok()?;
        self.columns.checked_sub(back + 1)
    }

    /// The largest value of every column: a peak must not vanish on a narrow screen. A point holds until the next one,
    /// which may be a gap: on a wide screen an empty column means that there was no answer, and nothing else.
    fn values(&self, pane: &Pane) -> Vec<Option<f64>> {
        let mut values = vec![None; self.columns];
        let mut points = pane.points.iter().peekable();
        while let Some((at, value)) = points.next() {
            let (Some(first), Some(value)) = (self.column(*at), value.filter(|v| v.is_finite())) else {
                continue;
            };
            let next = points.peek().and_then(|(next, _)| self.column(*next));
            let last = next.map_or(first, |column| column.saturating_sub(1).max(first));
            for slot in values.iter_mut().take(last + 1).skip(first) {
                *slot = Some(slot.map_or(value, |old: f64| old.max(value)));
            }
        }
        values
    }

    /// Height of a value in eighths of a row.
    fn eighths(&self, value: f64) -> usize {
        let share = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        // At most 8 times the rows of a screen: always in range.
        (share * (self.rows * 8) as f64).round() as usize
    }

    fn labels(&self, pane: &Pane) -> Vec<(usize, String)> {
        let text = |mark: Option<&crate::console::link::Mark>| mark.map(|m| m.text.as_str().to_owned());
        let mut labels = vec![(0, text(pane.scale.last()).unwrap_or_default())];
        if self.rows > 1 {
            labels.push((self.rows - 1, text(pane.scale.first()).unwrap_or_default()));
        }
        labels
    }

    /// The row a value's line goes through.
    fn row(&self, value: f64) -> Option<usize> {
        let inside = value > self.low && value < self.high;
        let from_top = self.rows.checked_sub(self.eighths(value).div_ceil(8).max(1))?;
        inside.then_some(from_top)
    }
}

/// The rows between two values.
fn band(axes: &Axes, low: f64, high: f64, page: &mut Page<'_>) {
    let row = |value: f64| (axes.rows * 8).saturating_sub(axes.eighths(value)) / 8;
    for row in row(high)..=row(low).min(axes.rows.saturating_sub(1)) {
        for column in 0..axes.columns {
            put(page, column, row, "░", page.style(Role::Border));
        }
    }
}

/// Letters below the marks of a chart: D declared, a digit per phase, M mitigated, R resolved, A aborted.
pub(super) fn letters(model: &Model, pane: &Pane, page: &mut Page<'_>) {
    let Some(axes) = Axes::of(pane, page.width().saturating_sub(SCALE + 1), 1) else { return };
    for (at, letter) in &model.marks {
        if let Some(column) = axes.column(*at) {
            put(page, column, 0, letter, page.style(Role::Muted));
        }
    }
}

fn lines(pane: &Pane, axes: &Axes, page: &mut Page<'_>) {
    for (mark, role) in [(&pane.warn, Role::Warn), (&pane.critical, Role::Fail)] {
        let Some(row) = mark.as_ref().and_then(|m| axes.row(m.value)) else { continue };
        for column in 0..axes.columns {
            put(page, column, row, "┄", page.style(role));
        }
    }
}

/// Phases and the declaration, as vertical marks.
fn marks(model: &Model, axes: &Axes, page: &mut Page<'_>) {
    for (at, _) in &model.marks {
        if let Some(column) = axes.column(*at) {
            for row in 0..axes.rows {
                put(page, column, row, "┊", page.style(Role::Border));
            }
        }
    }
}

fn bar(pane: &Pane, axes: &Axes, page: &mut Page<'_>, column: usize, value: f64) {
    let style = page.style(role(pane, value));
    let eighths = axes.eighths(value).max(1);
    for from_bottom in 0..eighths.div_ceil(8) {
        let here = (eighths - from_bottom * 8).min(8);
        let block = BLOCKS.get(here.saturating_sub(1)).copied().unwrap_or("█");
        if let Some(row) = (axes.rows - 1).checked_sub(from_bottom) {
            put(page, column, row, block, style);
        }
    }
}

/// What a value means: past a threshold, or just a value.
pub(super) fn role(pane: &Pane, value: f64) -> Role {
    let limits = (pane.warn.as_ref().map(|m| m.value), pane.critical.as_ref().map(|m| m.value));
    // Thresholds that fall towards critical mean that low values are bad.
    let low_is_bad = matches!(limits, (Some(warn), Some(critical)) if critical < warn);
    let past = |limit: Option<f64>| limit.is_some_and(|l| if low_is_bad { value <= l } else { value >= l });
    if past(limits.1) {
        Role::Fail
    } else if past(limits.0) {
        Role::Warn
    } else {
        Role::Chart
    }
}

fn put(page: &mut Page<'_>, column: usize, row: usize, symbol: &str, style: Style) {
    let (Ok(x), Ok(y)) = (u16::try_from(column + SCALE), u16::try_from(row)) else { return };
    if x < page.area.width && y < page.area.height {
        page.buffer.set_stringn(page.area.x + x, page.area.y + y, symbol, 1, style);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::link::{Mark, PaneState};
    use crate::sanitize::Clean;

    fn pane(points: &[(i64, Option<f64>)]) -> Pane {
        let mark = |value| Mark { value, text: Clean::literal("x") };
        Pane {
            name: Clean::literal("m"),
            title: Clean::literal("m"),
            warn: None,
            critical: None,
            points: points.iter().map(|(s, v)| (Stamp(s * 1_000_000), *v)).collect(),
            scale: vec![mark(0.0), mark(1.0)],
            latest: Clean::literal("1"),
            state: PaneState::Fine,
            why: None,
            stale_for: None,
            compared: Default::default(),
        }
    }

    #[test]
    fn only_a_missing_answer_leaves_a_column_empty() {
        let pane = pane(&[(1000, Some(0.5)), (1005, Some(0.9)), (1010, None), (1015, Some(0.1))]);
        let values = Axes::of(&pane, 20, 4).unwrap().values(&pane);
        let shown: String =
            values.iter().map(|v| v.map_or('.', |v| if v > 0.7 { 'H' } else { 'l' })).collect();
        assert_eq!(shown, "....lllllHHHHH.....l");
    }
}
