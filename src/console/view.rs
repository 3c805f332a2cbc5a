//! The screen, drawn from the model. Never changes anything, and never draws outside its area.

mod chart;
mod checklist;
mod dialog;
mod draw;
mod form;
mod header;
mod hints;
pub mod layout;
mod metrics;
mod people;
mod sheet;
mod state;
mod step;
mod timeline;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::model::{Focus, Model};
use crate::theme::{Role, Theme};
pub use checklist::step_at;
use draw::Page;
use layout::{Areas, LEAST_COLUMNS, LEAST_ROWS};
pub use sheet::INDENT;
pub use sheet::event_at;
pub use sheet::text as sheet_text;
pub use step::has_output;

/// Draws everything.
pub fn render(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let area = area.intersection(buffer.area);
    draw::tint(buffer, area, theme.style(Role::Base));
    if area.width < LEAST_COLUMNS || area.height < LEAST_ROWS {
        too_small(theme, area, buffer);
        return;
    }
    let areas = Areas::of(area, model.focus);
    header::render(model, &mut Page::new(theme, areas.header, buffer));
    if !areas.checklist.is_empty() {
        checklist::render(model, &mut Page::new(theme, areas.checklist, buffer));
    }
    for (focus, pane) in areas.panes() {
        let page = &mut Page::new(theme, pane, buffer);
        match focus {
            Focus::Checklist => {}
            Focus::Step => step::render(model, page),
            Focus::Metrics => metrics::render(model, page),
            Focus::People => people::render(model, page),
            Focus::Timeline => timeline::render(model, page),
            Focus::Sheet(sheet) => sheet::render(model, sheet, page),
        }
    }
    for line in areas.lines() {
        draw::vertical(theme, line, buffer);
    }
    hints::render(model, &mut Page::new(theme, areas.hints, buffer));
    if let Some(layer) = model.layers.last() {
        dialog::render(model, layer, theme, area, buffer);
    }
}

fn too_small(theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let mut page = Page::new(theme, area, buffer);
    page.text(
        0,
        Role::Warn,
        &format!("needs {LEAST_COLUMNS}x{LEAST_ROWS}, is {}x{}", area.width, area.height),
    );
}
