//! The whole list of what happened, and one event in full: who, how they proved it, and every field. Never shows a
//! field that is not in the record.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::Rows;
use crate::console::feed::Look;
use crate::console::link::Recorded;
use crate::console::model::{Focus, Model, Sheet, matching};
use crate::console::view::draw::{Has, Page, place};
use crate::console::view::layout::rows_of;
use crate::console::view::timeline::{names, recorded, who};
use crate::core::event::{Auth, Display};
use crate::theme::Role;

/// Rows of the list at most: what is followed moves as a whole, and more rows make every new line dearer.
const LONGEST: u16 = 30;

/// The list's and the event's part of the area. They never stand side by side: a line of the list says most when it is
/// as wide as the screen.
fn split(area: Rect) -> (Rect, Rect) {
    let top = area.height.div_ceil(2).min(LONGEST);
    let list = Rect { height: top, ..area };
    (list, Rect { y: area.y + top, height: area.height - top, ..area })
}

/// Rows of the list.
pub(super) fn list_rows(_: &Model, area: Rect) -> usize {
    usize::from(split(area).0.height.saturating_sub(1))
}

pub(super) fn render(model: &Model, page: &mut Page<'_>) {
    let (list, event) = split(page.area);
    render_list(model, &mut Page::new(page.theme, list, page.buffer));
    render_event(model, &mut Page::new(page.theme, event, page.buffer));
}

fn render_list(model: &Model, page: &mut Page<'_>) {
    let filter = model.filter_of(Focus::Sheet(Sheet::Timeline));
    let numbers = matching(&model.story, filter, |row| format!("{} {}", row.who, row.what));
    let rows = page.height().saturating_sub(1);
    let last = numbers.len().saturating_sub(1);
    let (at, start) = looked_at(model, &numbers, rows);
    let mut note = match model.event {
        None => format!("following, {}", recorded(model)),
        Some(_) => format!("▼ {} newer", last.saturating_sub(at)),
    };
    if let Some(filter) = filter {
        let at = (!numbers.is_empty()).then_some(at + 1);
        note.push_str(&format!("  /{filter} {}", place(at, numbers.len())));
    }
    page.title("Timeline", &note, Has::Focus);
    let names = names(model, page.width());
    for (n, number) in numbers.iter().enumerate().skip(start).take(rows) {
        let Some(row) = model.story.get(*number) else { continue };
        let mark = if n == at { "▸" } else { " " };
        let line = Line::from(vec![
            page.span(Role::Base, mark),
            page.span(Role::Muted, format!("{:>5} {} ", row.seq, row.at.clock())),
            page.span(Role::Base, who(row.who.as_str(), names)),
            page.span(row.role, row.what.as_str()),
        ]);
        page.line(n - start + 1, line);
        if n == at && model.event.is_some() {
            page.row_style(n - start + 1, page.style(Role::Selection));
        }
    }
}

/// Which of the listed events is looked at, and the first that is seen on so many rows.
fn looked_at(model: &Model, numbers: &[u64], rows: usize) -> (usize, usize) {
    let seq_of = |n: &u64| model.story.get(*n).map(|row| row.seq);
    let last = numbers.len().saturating_sub(1);
    let found = model.event.and_then(|seq| numbers.binary_search_by_key(&Some(seq), seq_of).ok());
    let at = found.unwrap_or(last);
    let look = match model.event {
        None => Look::Follow,
        Some(_) => Look::At(numbers.get(at.saturating_sub(rows / 2)).copied().unwrap_or(0)),
    };
    (at, look.start(numbers, rows))
}

/// The event that stands in a row of the list, its title being row 0.
pub fn event_at(model: &Model, row: usize) -> Option<u64> {
    let sheet = Focus::Sheet(Sheet::Timeline);
    let rows = rows_of(model, sheet);
    let numbers = matching(&model.story, model.filter_of(sheet), |row| format!("{} {}", row.who, row.what));
    let (_, start) = looked_at(model, &numbers, rows);
    let number = numbers.get(start + row.checked_sub(1).filter(|row| *row < rows)?)?;
    model.story.get(*number).map(|row| row.seq)
}

fn render_event(model: &Model, page: &mut Page<'_>) {
    let Some(recorded) = model.selected_event() else {
        page.title("Event", "too old to be kept here whole: `backout timeline` has it", Has::Not);
        return;
    };
    page.title(&format!("Event #{}", recorded.event.seq), recorded.event.what.kind(), Has::Not);
    let mut rows = Rows::new(page.width());
    details(model, &mut rows);
    let room = page.height().saturating_sub(1);
    let more = rows.rows.len().saturating_sub(room);
    let shown = room.saturating_sub(usize::from(more > 0));
    for (n, row) in rows.rows.into_iter().take(shown).enumerate() {
        let spans: Vec<Span<'_>> = row.into_iter().map(|(role, text)| page.span(role, text)).collect();
        page.line(n + 1, Line::from(spans));
    }
    if more > 0 {
        page.text(room, Role::Muted, &format!("   {} more lines: y copies all of it", more + 1));
    }
}

/// Everything about the event that is looked at.
pub(super) fn details(model: &Model, rows: &mut Rows) {
    let Some(recorded) = model.selected_event() else { return };
    let event = &recorded.event;
    rows.item("what", event.what.kind(), Role::Title);
    rows.item("when", &event.at.to_string(), Role::Base);
    rows.item("who", &event.actor.to_string(), Role::Base);
    said(recorded, rows);
    // Every event's data is an object; what is not shown here is in the record all the same.
    if let Ok(serde_json::Value::Object(fields)) = event.what.serialize_data(serde_json::value::Serializer) {
        for (name, value) in fields {
            field(&name, &value, rows);
        }
    }
    match &event.auth {
        Some(auth) => proof(auth, rows),
        None => rows.item("proof", "none: the hub saw it itself", Role::Muted),
    }
    for commitment in &event.payload {
        rows.item("kept outside", commitment, Role::Muted);
    }
}

fn said(recorded: &Recorded, rows: &mut Rows) {
    for text in &recorded.said {
        rows.item("words", text.as_str(), Role::Base);
    }
}

fn field(name: &str, value: &serde_json::Value, rows: &mut Rows) {
    let name = name.replace('_', " ");
    match value {
        serde_json::Value::String(text) => rows.item(&name, text, Role::Base),
        serde_json::Value::Null => {}
        other => rows.item(&name, &other.to_string(), Role::Base),
    }
}

fn proof(auth: &Auth, rows: &mut Rows) {
    if let Some(session) = &auth.session {
        let nth = auth.client_seq.map(|n| format!(", act {n} of it")).unwrap_or_default();
        rows.item("proof", &format!("session {session}{nth}"), Role::Base);
    }
    if let Some(seen) = &auth.seen {
        rows.item("had seen", &format!("{} events, root {}", seen.n, seen.root), Role::Muted);
    }
    if let Some(sig) = &auth.sig {
        rows.item("signature", sig, Role::Muted);
    }
    if let Some(statement) = &auth.statement {
        rows.item("signed text", statement, Role::Base);
    }
    if let Some(display) = auth.display {
        let words = match display {
            Display::Local => "by their own program",
            Display::Hub => "by a program on the hub's side",
        };
        rows.item("was shown", words, Role::Muted);
    }
    if let Some(sshsig) = &auth.sshsig {
        rows.item("SSH signature", sshsig, Role::Muted);
    }
}
