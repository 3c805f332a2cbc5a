//! What happened, newest last. Never in another order than the record's.

use ratatui::text::Line;

use unicode_width::UnicodeWidthStr as _;

use super::draw::{Has, Page, cut, place};
use crate::console::feed::Look;
use crate::console::model::{Focus, Model, matching};
use crate::theme::Role;

/// Narrowest column for names.
const NAMES: usize = 8;

/// Columns for names: as many as the longest in the team takes, so that the column never moves, but not more than a
/// sixth of the screen.
pub(super) fn names(model: &Model, width: usize) -> usize {
    let longest = model.incident.iter().flat_map(|i| &i.team.people).map(|p| p.id.as_str().len()).max();
    longest.unwrap_or(0).clamp(NAMES, (width / 6).max(NAMES))
}

/// A name in its column.
pub(super) fn who(name: &str, columns: usize) -> String {
    if name.width() > columns { format!("{} ", cut(name, columns)) } else { format!("{name:<columns$} ") }
}

/// Up to which event the record is known to be on disk.
pub(super) fn recorded(model: &Model) -> String {
    match model.head.n.checked_sub(1) {
        Some(last) => format!("recorded to #{last}"),
        None => "nothing recorded yet".to_owned(),
    }
}

pub(super) fn render(model: &Model, page: &mut Page<'_>) {
    let filter = model.filter_of(Focus::Timeline);
    let numbers = matching(&model.story, filter, |row| format!("{} {}", row.who, row.what));
    let rows = page.height().saturating_sub(1);
    let below = model.story_look.below(&numbers, rows);
    let mut note = match model.story_look {
        Look::Follow => recorded(model),
        Look::At(_) => format!("▼ {below} more"),
    };
    if let Some(filter) = filter {
        note.push_str(&format!("  /{filter} {}", place(None, numbers.len())));
    }
    page.title("5 Timeline", &note, Has::when(model.focus == Focus::Timeline));
    let start = model.story_look.start(&numbers, rows);
    let names = names(model, page.width());
    for (n, number) in numbers.iter().skip(start).take(rows).enumerate() {
        let Some(row) = model.story.get(*number) else { continue };
        let line = Line::from(vec![
            page.span(Role::Muted, format!(" {} ", row.at.clock())),
            page.span(Role::Base, who(row.who.as_str(), names)),
            page.span(row.role, row.what.as_str()),
        ]);
        page.line(n + 1, line);
    }
}
