//! What happened, newest last. Never in another order than the record's.

use ratatui::text::Line;

use super::draw::{Has, Page};
use crate::console::feed::Look;
use crate::console::model::{Focus, Model, matching};
use crate::theme::Role;

pub(super) fn render(model: &Model, page: &mut Page<'_>) {
    let filter = model.filter_of(Focus::Timeline);
    let numbers = matching(&model.story, filter, |row| format!("{} {}", row.who, row.what));
    let rows = page.height().saturating_sub(1);
    let below = model.story_look.below(&numbers, rows);
    let mut note = match model.story_look {
        Look::Follow => format!("recorded to #{}", model.head.n),
        Look::At(_) => format!("▼ {below} more"),
    };
    if let Some(filter) = filter {
        note.push_str(&format!("  /{filter}"));
    }
    page.title("5 Timeline", &note, Has::when(model.focus == Focus::Timeline));
    let start = model.story_look.start(&numbers, rows);
    for (n, number) in numbers.iter().skip(start).take(rows).enumerate() {
        let Some(row) = model.story.get(*number) else { continue };
        let line = Line::from(vec![
            page.span(Role::Muted, format!(" {} ", row.at.clock())),
            page.span(Role::Base, format!("{:<8} ", row.who.as_str())),
            page.span(row.role, row.what.as_str()),
        ]);
        page.line(n + 1, line);
    }
}
