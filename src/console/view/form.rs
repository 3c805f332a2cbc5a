//! The dialog before a deed, drawn: facts, the text that is signed, fields, and two buttons of which `cancel` comes
//! first. Never shows another text than the one that is signed.

use ratatui::text::{Line, Span};

use super::draw::{Has, Page, wrapped};
use crate::console::action::Action;
use crate::console::field::Field;
use crate::console::form::{Form, Progress, Spot, Wants};
use crate::console::model::Model;
use crate::core::event::Mode;
use crate::sanitize;
use crate::theme::Role;

/// Column at which the facts begin.
const INDENT: usize = 14;

pub(super) fn render(model: &Model, form: &Form, page: &mut Page<'_>) {
    page.title(&sanitize::line(form.verb()).into_string(), "", Has::Not);
    let body = body(model, form, page.width());
    // Fields, an empty row, the buttons and the problem stay visible; the body scrolls in what is left.
    let fixed = form.slots.len() + 3;
    let room = page.height().saturating_sub(1 + fixed);
    let start = form.scroll.min(body.len().saturating_sub(room));
    for (n, (label, text, role)) in body.iter().skip(start).take(room).enumerate() {
        let label = page.span(Role::Muted, format!(" {label:<width$}", width = INDENT - 1));
        let text = page.span(*role, text.clone());
        page.line(n + 1, Line::from(vec![label, text]));
    }
    let shown = body.len().min(room);
    let mut rest = page.below(1 + shown);
    let below = body.len().saturating_sub(start + room);
    if below > 0 {
        rest.text(0, Role::Waiting, &format!(" ▼ {below} more lines: down scrolls"));
    }
    for (n, slot) in form.slots.iter().enumerate() {
        let has = Has::when(form.spot == Spot::Slot(n));
        let label = match &slot.wants {
            Wants::Exactly(word) => format!(" type {}: ", sanitize::visible_name(word)),
            Wants::Optional => format!(" {} (may stay empty): ", slot.label),
            Wants::Text | Wants::Detail | Wants::Whom => format!(" {}: ", slot.label),
        };
        field(&mut rest, n + 1, &label, &slot.field, has);
    }
    buttons(form, &mut rest.below(form.slots.len() + 1));
}

fn body(model: &Model, form: &Form, width: usize) -> Vec<(String, String, Role)> {
    let room = width.saturating_sub(INDENT + 1);
    let mut lines = Vec::new();
    for (label, text) in &form.facts {
        let mut label = label.as_str().to_owned();
        let role = if matches!(label.as_str(), "careful" | "not undone" | "denied by") {
            Role::Warn
        } else {
            Role::Base
        };
        let mut text = text.as_str().to_owned();
        if label.chars().count() >= INDENT - 1 {
            text = format!("{}: {text}", std::mem::take(&mut label));
        }
        for line in wrapped(&text, room) {
            lines.push((std::mem::take(&mut label), line, role));
        }
    }
    lines.extend(going_out(model, form, room));
    let statement = model.ground().and_then(|g| form.statement(&g));
    if let Some(statement) = statement {
        lines.push((String::new(), String::new(), Role::Base));
        let mut label = "you sign".to_owned();
        for line in sanitize::text(statement).as_str().trim_end().split('\n') {
            for line in wrapped(line, room) {
                lines.push((std::mem::take(&mut label), line, Role::Title));
            }
        }
    }
    lines
}

/// The whole text that is about to be sent, as it stands in the field below, which only shows its end.
fn going_out(model: &Model, form: &Form, room: usize) -> Vec<(String, String, Role)> {
    let Some(incident) = model.incident.as_ref().filter(|_| form.deed.action == Action::Send) else {
        return Vec::new();
    };
    let mut label = "they read".to_owned();
    let words = form.words().reason;
    let words = match incident.opened.as_ref().map_or(Mode::Live, |o| o.mode) {
        Mode::Live => words,
        mode @ (Mode::Drill | Mode::Tabletop) => {
            label = "not sent".to_owned();
            format!("{0} {words} {0}", mode.word())
        }
    };
    let lines = wrapped(sanitize::text(words).as_str(), room).into_iter();
    lines.map(|line| (std::mem::take(&mut label), line, Role::Title)).collect()
}

fn buttons(form: &Form, page: &mut Page<'_>) {
    if let Progress::Sent(_) = form.progress {
        page.text(1, Role::Waiting, " sent; waiting for the record (your key may ask for a touch)");
        return;
    }
    if let Some(problem) = &form.problem {
        page.text(0, Role::Fail, &format!(" {problem}"));
    }
    let button = |page: &Page<'_>, text: &str, on: bool| {
        let (mark, role) = if on { ("▸", Role::Selection) } else { (" ", Role::Base) };
        page.span(role, format!(" {mark} {text} "))
    };
    let verb = sanitize::line(form.verb());
    let line = Line::from(vec![
        Span::raw(" "),
        button(page, "cancel", form.spot == Spot::Cancel),
        Span::raw("   "),
        button(page, verb.as_str(), form.spot == Spot::Go),
    ]);
    page.line(1, line);
}

/// A labelled field with its cursor.
pub(super) fn field(page: &mut Page<'_>, row: usize, label: &str, field: &Field, has: Has) {
    use unicode_width::UnicodeWidthStr;
    let (before, after) = field.parts();
    let label_role = match has {
        Has::Focus => Role::Title,
        Has::Not => Role::Muted,
    };
    let room = page.width().saturating_sub(label.width() + 2).max(1);
    // The end of a long text is shown, where the cursor is.
    let mut shown = before;
    while shown.width() > room {
        let mut rest = shown.chars();
        rest.next();
        shown = rest.as_str();
    }
    let mut spans = vec![page.span(label_role, label.to_owned()), page.span(Role::Field, shown.to_owned())];
    let mut behind = after.chars();
    if has == Has::Focus {
        let under = behind.next().unwrap_or(' ');
        spans.push(page.span(Role::Selection, under.to_string()));
    }
    spans.push(page.span(Role::Field, behind.as_str().to_owned()));
    page.line(row, Line::from(spans));
}
