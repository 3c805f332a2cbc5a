//! Whole screens for one question each. Never more than one at a time, and never without the header above.

mod comms;
mod gantt;
mod ledger;
mod metrics;
mod options;
mod people;
mod timeline;

pub use timeline::event_at;

use std::ops::Range;

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::draw::{Has, Page, place, wrapped};
use crate::console::model::{Focus, Model, Sheet};
use crate::core::incident::Incident;
use crate::sanitize;
use crate::theme::Role;

/// Column at which the texts of labelled lines begin.
pub const INDENT: usize = 18;

/// Pieces of one row.
type Row = Vec<(Role, String)>;

/// Rows of text that grow from top to bottom. All that goes in is cleaned.
struct Rows {
    width: usize,
    rows: Vec<Row>,
    /// The rows that somebody sees; others of a long list are only counted.
    seen: Range<usize>,
}

impl Rows {
    fn new(width: usize) -> Rows {
        Rows { width, rows: Vec::new(), seen: 0..usize::MAX }
    }

    /// A heading, with an empty row before it.
    fn heading(&mut self, text: &str) {
        if !self.rows.is_empty() {
            self.rows.push(Vec::new());
        }
        self.rows.push(vec![(Role::Title, format!(" {}", sanitize::line(text)))]);
    }

    /// A label and a text, which goes on below where it is long.
    fn item(&mut self, label: &str, text: &str, role: Role) {
        let label = sanitize::line(label).into_string();
        let room = self.width.saturating_sub(INDENT + 1).max(1);
        let mut lead = format!("   {label:<width$}", width = INDENT - 3);
        if label.chars().count() > INDENT - 4 {
            // A label that is wider than its column has a row of its own.
            self.rows.push(vec![(Role::Muted, format!("   {label}"))]);
            lead = " ".repeat(INDENT);
        }
        for line in wrapped(sanitize::text(text).as_str(), room) {
            let lead = std::mem::replace(&mut lead, " ".repeat(INDENT));
            self.rows.push(vec![(Role::Muted, lead), (role, line)]);
        }
    }

    /// A row of ready pieces.
    fn row(&mut self, pieces: Row) {
        let clean = |(role, text): (Role, String)| (role, sanitize::line(text).into_string());
        self.rows.push(pieces.into_iter().map(clean).collect());
    }

    /// A row of a long list, which is made only where it is seen.
    fn one_of_many(&mut self, pieces: impl FnOnce() -> Row) {
        if self.seen.contains(&self.rows.len()) { self.row(pieces()) } else { self.rows.push(Vec::new()) }
    }

    /// What is said when a part has nothing to say.
    fn nothing(&mut self, text: &str) {
        self.rows.push(vec![(Role::Muted, format!("   {}", sanitize::line(text)))]);
    }
}

pub(super) fn render(model: &Model, sheet: Sheet, page: &mut Page<'_>) {
    match sheet {
        Sheet::Metrics => metrics::render(model, page),
        Sheet::Timeline => timeline::render(model, page),
        Sheet::Options | Sheet::People | Sheet::Comms | Sheet::Ledger | Sheet::Gantt => {
            written(model, sheet, page);
        }
    }
}

fn written(model: &Model, sheet: Sheet, page: &mut Page<'_>) {
    let rows = page.height().saturating_sub(1);
    let mut all = lines(model, sheet, page.width(), model.scroll..model.scroll.saturating_add(rows));
    let from = model.scroll.min(all.len().saturating_sub(rows));
    if from < model.scroll {
        // There is less than when it was scrolled to.
        all = lines(model, sheet, page.width(), from..from + rows);
    }
    let below = all.len().saturating_sub(from + rows);
    let mut note = if below > 0 { format!("▼ {below} more") } else { String::new() };
    if let Some(filter) = model.filter_of(Focus::Sheet(sheet)) {
        note.push_str(&format!("  /{filter} {}", place(None, all.len())));
    }
    page.title(sheet.name(), note.trim_start(), Has::Focus);
    for (n, row) in all.into_iter().skip(from).take(rows).enumerate() {
        let spans: Vec<Span<'_>> = row.into_iter().map(|(role, text)| page.span(role, text)).collect();
        page.line(n + 1, Line::from(spans));
    }
}

/// The rows of a written sheet that its filter leaves. Those of a long list outside of what is seen are empty.
fn lines(model: &Model, sheet: Sheet, width: usize, seen: Range<usize>) -> Vec<Row> {
    let Some(incident) = &model.incident else { return Vec::new() };
    // The timeline's filter is about its list, and not about the one event below it.
    let filter = model.filter_of(Focus::Sheet(sheet)).filter(|_| sheet != Sheet::Timeline);
    let filter = filter.map(str::to_lowercase);
    let seen = if filter.is_some() { 0..usize::MAX } else { seen };
    let mut rows = Rows { seen, ..Rows::new(width) };
    write(model, incident, sheet, &mut rows);
    let fits = |row: &Row| match &filter {
        Some(filter) => plain(row).to_lowercase().contains(filter),
        None => true,
    };
    rows.rows.into_iter().filter(fits).collect()
}

fn write(model: &Model, incident: &Incident, sheet: Sheet, rows: &mut Rows) {
    match sheet {
        Sheet::Options => options::write(model, incident, rows),
        Sheet::People => people::write(model, incident, rows),
        Sheet::Comms => comms::write(model, incident, rows),
        Sheet::Ledger => ledger::write(model, incident, rows),
        Sheet::Gantt => gantt::write(model, incident, rows),
        Sheet::Metrics => metrics::write(model, incident, rows),
        Sheet::Timeline => timeline::details(model, rows),
    }
}

fn plain(row: &Row) -> String {
    row.iter().map(|(_, text)| text.as_str()).collect()
}

/// The text of a sheet, for the clipboard: of the timeline, the event that is looked at.
pub fn text(model: &Model, sheet: Sheet) -> Vec<String> {
    let width = usize::from(model.size.columns);
    lines(model, sheet, width, 0..usize::MAX).iter().map(|row| plain(row).trim_end().to_owned()).collect()
}

/// Rows that move when a page is turned.
pub(super) fn rows(model: &Model, sheet: Sheet, area: Rect) -> usize {
    let room = usize::from(area.height.saturating_sub(1));
    match sheet {
        Sheet::Timeline => timeline::list_rows(model, area),
        Sheet::Metrics => metrics::visible(model, area),
        Sheet::Options | Sheet::People | Sheet::Comms | Sheet::Ledger | Sheet::Gantt => room,
    }
}

/// Rows there are, for scrolling.
pub(super) fn needs(model: &Model, sheet: Sheet, area: Rect) -> usize {
    match sheet {
        Sheet::Timeline => 0,
        Sheet::Metrics => model.panes.len(),
        Sheet::Options | Sheet::People | Sheet::Comms | Sheet::Ledger | Sheet::Gantt => {
            lines(model, sheet, usize::from(area.width), 0..0).len()
        }
    }
}
