//! What lies over the screen: help, palette, menu, filter and dialogs. Never hides the header.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Widget};

use super::draw::{Has, Page, tint, wrapped};
use super::form;
use crate::console::action::{Action, Entry, Place, TABLE, Weight};
use crate::console::layer::{Layer, Menu, Palette};
use crate::console::model::{Focus, Model, Sheet};
use crate::console::offer;
use crate::theme::{Role, Theme};

/// Rows of the header, which stays visible.
const HEADER: u16 = 3;

pub(super) fn render(model: &Model, layer: &Layer, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    match layer {
        Layer::Help { scroll } => {
            let lines = help(model);
            let mut page = window(theme, area, buffer, 76, lines.len() + 1);
            let rows = page.height().saturating_sub(1);
            let start = (*scroll).min(lines.len().saturating_sub(rows));
            let more = match lines.len().saturating_sub(start + rows) {
                0 => String::new(),
                below => format!("▼ {below} more  "),
            };
            page.title("Help", &format!("{more}your own keys; : finds everything by name"), Has::Not);
            for (n, (keys, name, doc)) in lines.iter().skip(start).take(rows).enumerate() {
                let line = Line::from(vec![
                    page.span(Role::Key, format!(" {keys:<14} ")),
                    page.span(Role::Base, format!("{name:<18} ")),
                    page.span(Role::Muted, *doc),
                ]);
                page.line(n + 1, line);
            }
        }
        Layer::Palette(palette) => show_palette(palette, &mut window(theme, area, buffer, 78, 16)),
        Layer::Menu(menu) => {
            let rows = menu.offers.len().max(2) + 1;
            show_menu(model, menu, &mut window(theme, area, buffer, 82, rows));
        }
        Layer::Filter(field) => {
            let mut page =
                Page::new(theme, Rect { y: area.bottom().saturating_sub(1), height: 1, ..area }, buffer);
            page.row_style(0, page.style(Role::Base));
            page.text(0, Role::Base, &" ".repeat(usize::from(area.width)));
            form::field(&mut page, 0, " filter: ", field, Has::Focus);
        }
        Layer::Form(form) => form::render(model, form, &mut window(theme, area, buffer, 98, usize::MAX)),
    }
}

/// A cleared window in the middle of the screen below the header, with an empty margin around what is in it.
fn window<'a>(theme: &'a Theme, area: Rect, buffer: &'a mut Buffer, columns: u16, rows: usize) -> Page<'a> {
    // A sliver of the screen beside a window is noise: it takes the whole width then.
    let width = if area.width < columns + 8 { area.width } else { columns };
    let room = area.height.saturating_sub(HEADER + 1);
    let height = u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(2).min(room);
    let outer = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + HEADER + (room - height) / 2,
        width,
        height,
    };
    Clear.render(outer, buffer);
    tint(buffer, outer, theme.style(Role::Base));
    let mut edge = Page::new(theme, outer, buffer);
    let rule = "━".repeat(edge.width());
    edge.text(0, Role::Title, &rule);
    edge.text(usize::from(height.saturating_sub(1)), Role::Title, &rule);
    let inner = Rect { y: outer.y + 1.min(height), height: height.saturating_sub(2), ..outer };
    Page::new(theme, inner, buffer)
}

/// The actions that are valid below: keys, name, doc.
pub(super) fn help(model: &Model) -> Vec<(String, &'static str, &'static str)> {
    let only_help = model.layers.len() == 1;
    let feed = matches!(model.focus, Focus::Step | Focus::Timeline | Focus::Sheet(Sheet::Timeline));
    let views = TABLE.iter().filter(|e| e.weight == Weight::View).filter(|e| match e.place {
        Place::Anywhere => true,
        Place::Screen | Place::List => only_help,
        Place::Feed => only_help && feed,
        Place::OfStep | Place::OfIncident => false,
    });
    let mut lines: Vec<(String, &'static str, &'static str)> =
        views.map(|e| (keys(model, e), e.name, e.doc)).collect();
    if !only_help {
        return lines;
    }
    let selected = model.selected();
    let offers = model.ground().map(|g| offer::all(&g, &selected)).unwrap_or_default();
    let can: Vec<Action> = offers.iter().filter(|o| o.refusal.is_none()).map(|o| o.deed.action).collect();
    let deeds = TABLE.iter().filter(|e| can.contains(&e.action));
    lines.extend(deeds.map(|e| (format!("enter, :{}", e.name), e.name, e.doc)));
    lines
}

/// The keys of an action, or the name to look for where it has none.
fn keys(model: &Model, entry: &Entry) -> String {
    let keys = model.keymap.keys_of(entry.action);
    if keys.is_empty() { format!(":{}", entry.name) } else { keys }
}

/// Narrowest column for what can be done.
const NAMES: usize = 24;

/// Rows for entries, and whether the row after them says how many more there are.
fn room(entries: usize, rows: usize) -> (usize, bool) {
    if entries > rows { (rows.saturating_sub(1), true) } else { (rows, false) }
}

/// How many entries are above and below what is seen.
fn beyond(above: usize, below: usize) -> String {
    let parts = [(above, "▲", "above"), (below, "▼", "below")].into_iter().filter(|(n, ..)| *n > 0);
    parts.map(|(n, sign, word)| format!("   {sign} {n} more {word}")).collect()
}

fn show_palette(palette: &Palette, page: &mut Page<'_>) {
    form::field(page, 0, " : ", &palette.field, Has::Focus);
    let matches = palette.matches();
    let (rows, more) = room(matches.len(), page.height().saturating_sub(1));
    let at = palette.at.min(matches.len().saturating_sub(1));
    let start = at.saturating_sub(rows.saturating_sub(1));
    if more {
        page.text(rows + 1, Role::Waiting, &beyond(start, matches.len().saturating_sub(start + rows)));
    }
    if matches.is_empty() {
        page.text(1, Role::Muted, "   nothing has that name");
    }
    why_not(palette, 2 + matches.len().min(rows), page);
    for (n, found) in matches.iter().enumerate().skip(start).take(rows) {
        let row = n - start + 1;
        let role = if found.is_possible() { Role::Base } else { Role::Muted };
        let mark = if n == at { "▸" } else { " " };
        let line = Line::from(vec![
            page.span(role, format!(" {mark} {:<NAMES$} ", found.name())),
            page.span(Role::Muted, crate::sanitize::line(found.about()).into_string()),
        ]);
        page.line(row, line);
        if n == at {
            page.row_style(row, page.style(Role::Selection));
        }
    }
}

/// Why the selected entry cannot be done, whole, below a list that leaves room for it.
fn why_not(palette: &Palette, free: usize, page: &mut Page<'_>) {
    let Some(found) = palette.selected().filter(|found| !found.is_possible()) else { return };
    let why = crate::sanitize::line(found.about());
    let lines = wrapped(why.as_str(), page.width().saturating_sub(4));
    for (n, line) in lines.iter().enumerate() {
        page.text(free + n, Role::Warn, &format!("   {line}"));
    }
}

fn show_menu(model: &Model, menu: &Menu, page: &mut Page<'_>) {
    page.title(&format!("{}", model.selected()), "what can be done now", Has::Not);
    let (rows, more) = room(menu.offers.len(), page.height().saturating_sub(1));
    if menu.offers.is_empty() {
        let why = menu.why_none.as_deref().unwrap_or("nothing can be done here by you now");
        page.text(1, Role::Muted, &format!("   {}", crate::sanitize::line(why)));
    }
    let start = menu.at.saturating_sub(rows.saturating_sub(1));
    if more {
        page.text(rows + 1, Role::Waiting, &beyond(start, menu.offers.len().saturating_sub(start + rows)));
    }
    let longest = menu.offers.iter().map(|offer| offer.label().chars().count()).max().unwrap_or(0);
    let names = longest.clamp(NAMES, (page.width() / 2).max(NAMES));
    for (n, offer) in menu.offers.iter().enumerate().skip(start).take(rows) {
        let row = n - start + 1;
        let entry = offer.deed.action.entry();
        let role = if entry.weight == Weight::Final { Role::Warn } else { Role::Base };
        let mark = if n == menu.at { "▸" } else { " " };
        let line = Line::from(vec![
            page.span(role, format!(" {mark} {:<names$} ", offer.label())),
            page.span(Role::Muted, entry.doc),
        ]);
        page.line(row, line);
        if n == menu.at {
            page.row_style(row, page.style(Role::Selection));
        }
    }
}
