//! Lines of styled text in an area. Never writes outside of it, and never splits a wide character.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::console::gate::glyph::is_narrow;
use crate::theme::{Role, Theme};

/// An area of the screen to write lines into.
pub(super) struct Page<'a> {
    pub theme: &'a Theme,
    pub area: Rect,
    pub buffer: &'a mut Buffer,
}

impl<'a> Page<'a> {
    pub(super) fn new(theme: &'a Theme, area: Rect, buffer: &'a mut Buffer) -> Page<'a> {
        let area = area.intersection(buffer.area);
        Page { theme, area, buffer }
    }

    pub(super) fn width(&self) -> usize {
        usize::from(self.area.width)
    }

    pub(super) fn height(&self) -> usize {
        usize::from(self.area.height)
    }

    /// The part of this page below its first rows.
    pub(super) fn below(&mut self, rows: usize) -> Page<'_> {
        let rows = u16::try_from(rows).unwrap_or(u16::MAX).min(self.area.height);
        let area = Rect { y: self.area.y + rows, height: self.area.height - rows, ..self.area };
        Page { theme: self.theme, area, buffer: self.buffer }
    }

    /// The first rows of this page.
    pub(super) fn first(&mut self, rows: usize) -> Page<'_> {
        let rows = u16::try_from(rows).unwrap_or(u16::MAX).min(self.area.height);
        Page { theme: self.theme, area: Rect { height: rows, ..self.area }, buffer: self.buffer }
    }

    pub(super) fn style(&self, role: Role) -> Style {
        self.theme.style(role)
    }

    /// A piece of text in a role.
    pub(super) fn span(&self, role: Role, text: impl Into<String>) -> Span<'static> {
        Span::styled(text.into(), self.theme.style(role))
    }

    /// Writes one line; what does not fit is cut with an ellipsis.
    pub(super) fn line(&mut self, row: usize, line: Line<'_>) {
        let Ok(row) = u16::try_from(row) else { return };
        if row >= self.area.height || self.area.width == 0 {
            return;
        }
        let line = fitted(line, usize::from(self.area.width));
        set_line(self.buffer, (self.area.x, self.area.y + row), &line, self.area.width);
    }

    /// Writes one line in one role.
    pub(super) fn text(&mut self, row: usize, role: Role, text: &str) {
        let span = self.span(role, text);
        self.line(row, Line::from(span));
    }

    /// Writes a left and a right part; the left one is cut first.
    pub(super) fn pair(&mut self, row: usize, left: Line<'_>, right: Line<'_>) {
        let room = self.width();
        let right = fitted(right, room);
        let used = right.width();
        let left = fitted(left, room.saturating_sub(used + usize::from(used > 0)));
        self.line(row, left);
        let Ok(row) = u16::try_from(row) else { return };
        let at = u16::try_from(room.saturating_sub(used)).unwrap_or(0);
        if row < self.area.height && used > 0 {
            set_line(self.buffer, (self.area.x + at, self.area.y + row), &right, self.area.width - at);
        }
    }

    /// Colours a whole row.
    pub(super) fn row_style(&mut self, row: usize, style: Style) {
        let Ok(row) = u16::try_from(row) else { return };
        if row < self.area.height {
            tint(self.buffer, Rect { y: self.area.y + row, height: 1, ..self.area }, style);
        }
    }

    /// The title row of a pane: number and name, a note, and a rule to the end.
    pub(super) fn title(&mut self, name: &str, note: &str, has_focus: Has) {
        let role = match has_focus {
            Has::Focus => Role::Selection,
            Has::Not => Role::Title,
        };
        let mark = match has_focus {
            Has::Focus => "▸",
            Has::Not => " ",
        };
        let mut spans = vec![self.span(role, format!("{mark}{name} "))];
        if !note.is_empty() {
            spans.push(self.span(Role::Muted, format!(" {note} ")));
        }
        let used: usize = spans.iter().map(Span::width).sum();
        spans.push(self.span(Role::Border, "─".repeat(self.width().saturating_sub(used))));
        self.line(0, Line::from(spans));
    }
}

/// Colours an area. Whole rows at a time: asking for the place of each cell takes longer than colouring it.
pub(super) fn tint(buffer: &mut Buffer, area: Rect, style: Style) {
    let (all, area) = (buffer.area, area.intersection(buffer.area));
    let from = usize::from(area.left() - all.left());
    let rows = buffer.content.chunks_mut(usize::from(all.width.max(1)));
    for row in rows.skip(usize::from(area.top() - all.top())).take(usize::from(area.height)) {
        let cells = row.get_mut(from..from + usize::from(area.width)).unwrap_or_default();
        for cell in cells {
            cell.set_style(style);
        }
    }
}

/// Whether a pane has the focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Has {
    Focus,
    Not,
}

impl Has {
    pub(super) fn when(yes: bool) -> Has {
        if yes { Has::Focus } else { Has::Not }
    }
}

/// Where somebody is among what a filter leaves.
pub(super) fn place(at: Option<usize>, of: usize) -> String {
    match (at, of) {
        (_, 0) => "nothing has it".to_owned(),
        (Some(at), of) => format!("{at} of {of}"),
        (None, 1) => "1 line".to_owned(),
        (None, of) => format!("{of} lines"),
    }
}

/// A vertical line between panes.
pub(super) fn vertical(theme: &Theme, area: Rect, buffer: &mut Buffer) {
    for y in area.top()..area.bottom() {
        buffer.set_stringn(area.x, y, "│", usize::from(area.width), theme.style(Role::Border));
    }
}

/// Writes a line that fits into so many columns.
fn set_line(buffer: &mut Buffer, (mut x, y): (u16, u16), line: &Line<'_>, columns: u16) {
    let end = x.saturating_add(columns).min(buffer.area.right());
    for span in &line.spans {
        let (text, style) = (span.content.as_ref(), line.style.patch(span.style));
        // Most of what is shown is plain, and then a letter is a column: nothing has to be looked up.
        match plain(text).and_then(|columns| u16::try_from(columns).ok()) {
            Some(columns) => {
                let past = end.min(x.saturating_add(columns));
                put(buffer, (x..past, y), text, style);
                x = past;
            }
            None => x = buffer.set_stringn(x, y, text, usize::from(end.saturating_sub(x)), style).0,
        }
    }
}

/// Writes letters of one column each.
fn put(buffer: &mut Buffer, (columns, y): (Range<u16>, u16), text: &str, style: Style) {
    if columns.is_empty() || !buffer.area.contains((columns.start, y).into()) {
        return;
    }
    let first = buffer.index_of(columns.start, y);
    let cells = buffer.content.get_mut(first..first + columns.len()).unwrap_or_default();
    for (cell, c) in cells.iter_mut().zip(text.chars()) {
        cell.set_char(c).set_style(style);
    }
}

/// Columns of a text.
fn width(text: &str) -> usize {
    plain(text).unwrap_or_else(|| text.width())
}

/// Columns of a text whose every letter takes one.
fn plain(text: &str) -> Option<usize> {
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return Some(text.len());
    }
    text.chars().all(is_narrow).then(|| text.chars().count())
}

/// The line cut to so many columns, with an ellipsis where something is missing.
fn fitted(line: Line<'_>, columns: usize) -> Line<'_> {
    if line.spans.iter().map(|span| width(&span.content)).sum::<usize>() <= columns {
        return line;
    }
    let mut room = columns;
    let mut spans = Vec::new();
    for span in line.spans {
        let width = width(&span.content);
        // Something after this span is cut unless it is the last that fits exactly, so one column is kept free.
        if width < room {
            room -= width;
            spans.push(span);
        } else {
            let text = cut(&span.content, room);
            spans.push(Span::styled(text, span.style));
            break;
        }
    }
    Line::from(spans)
}

/// Text cut to so many columns; the last one is an ellipsis.
pub(super) fn cut(text: &str, columns: usize) -> String {
    let mut room = columns.saturating_sub(1);
    let mut out = String::new();
    for c in text.chars() {
        let width = c.width().unwrap_or(0);
        if width > room {
            break;
        }
        room -= width;
        out.push(c);
    }
    if columns > 0 {
        out.push('…');
    }
    out
}

/// Text on several rows, broken between words where possible.
pub(super) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut rows = Vec::new();
    for paragraph in text.split('\n') {
        let mut row = String::new();
        for word in paragraph.split(' ') {
            if !row.is_empty() && width(&row) + 1 + width(word) > columns {
                rows.push(std::mem::take(&mut row));
            } else if !row.is_empty() {
                row.push(' ');
            }
            if width(&row) + width(word) <= columns {
                row.push_str(word);
                continue;
            }
            for c in word.chars() {
                if width(&row) + c.width().unwrap_or(0) > columns {
                    rows.push(std::mem::take(&mut row));
                }
                row.push(c);
            }
        }
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_is_coloured_and_nothing_around_it() {
        use ratatui::style::Color;
        let red = Style::new().bg(Color::Red);
        for area in
            [Rect::new(2, 1, 3, 2), Rect::new(0, 0, 9, 9), Rect::new(5, 3, 4, 4), Rect::new(7, 7, 2, 2)]
        {
            let mut ours = Buffer::empty(Rect::new(0, 0, 6, 4));
            let mut theirs = ours.clone();
            tint(&mut ours, area, red);
            theirs.set_style(area.intersection(theirs.area), red);
            assert_eq!(ours, theirs, "{area}");
        }
    }

    #[test]
    fn text_is_cut_by_columns_and_says_so() {
        assert_eq!(cut("hello", 4), "hel…");
        assert_eq!(cut("語語語", 4), "語…");
        assert_eq!(cut("x", 0), "");
    }

    #[test]
    fn a_line_that_fits_exactly_is_not_cut() {
        assert_eq!(fitted(Line::from("abc"), 3).to_string(), "abc");
        assert_eq!(fitted(Line::from(vec!["ab".into(), "cd".into()]), 3).to_string(), "ab…");
        assert_eq!(fitted(Line::from(vec!["ab".into(), "cd".into()]), 2).to_string(), "a…");
    }

    #[test]
    fn words_stay_whole_where_they_can() {
        assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
        assert_eq!(wrapped("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrapped("a\n\nb", 8), ["a", "", "b"]);
    }
}
