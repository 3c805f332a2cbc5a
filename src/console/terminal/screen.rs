//! What the terminal shows now, and the one write that turns it into the next frame. Never draws, never decides when.

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;

use super::super::gate::Gate;
use super::super::paint::{self, Cursor, Pen, Row};
use super::Size;

const BEGIN: &str = "\x1b[?2026h";
const END: &str = "\x1b[?2026l";

/// The screen as the terminal has it.
pub struct Screen {
    gate: Gate,
    shown: Option<Shown>,
    /// A buffer that is drawn into again: a new one for each frame would cost more than most frames do.
    spare: Option<Buffer>,
    pen: Pen,
}

/// What the terminal shows.
struct Shown {
    /// As it was drawn.
    drawn: Buffer,
    /// What the gate made of each row of it.
    rows: Vec<Vec<Cell>>,
    cursor: Cursor,
}

impl Screen {
    /// An empty screen; the first frame draws everything.
    pub fn new(gate: Gate) -> Screen {
        Screen { gate, shown: None, spare: None, pen: Pen::default() }
    }

    /// Forgets what the terminal shows, so that the next frame draws everything: after a resize, a suspension, or when
    /// a person asks for it.
    pub fn forget(&mut self) {
        self.shown = None;
    }

    /// An empty buffer of this size to draw into.
    pub fn canvas(&mut self, size: Size) -> Buffer {
        let fits = |spare: &Buffer| (spare.area.width, spare.area.height) == (size.columns, size.rows);
        let Some(mut spare) = self.spare.take().filter(fits) else { return Screen::empty(size) };
        spare.reset();
        spare
    }

    /// A new buffer of this size.
    pub fn empty(size: Size) -> Buffer {
        Buffer::empty(Rect::new(0, 0, size.columns, size.rows))
    }

    /// The bytes that show a drawn buffer, in one atomic frame; `None` when it is shown already.
    pub fn frame(&mut self, next: Buffer, cursor: Cursor) -> Option<String> {
        let before = self.shown.take().filter(|shown| shown.drawn.area == next.area);
        let cursor_moved = before.as_ref().is_none_or(|shown| shown.cursor != cursor);
        let (cells, rows) = match before {
            None => self.anew(&next),
            Some(shown) => self.changed(shown, &next),
        };
        self.shown = Some(Shown { drawn: next, rows, cursor });
        if cells.is_empty() && !cursor_moved {
            return None;
        }
        // A visible cursor is wherever the last cell left it, so it is put back even where it did not move.
        let hidden_stays = !cursor_moved && cursor.is_none();
        let cursor_bytes = if hidden_stays { String::new() } else { paint::cursor(cursor) };
        Some(format!("{BEGIN}{cells}{cursor_bytes}{END}"))
    }

    fn anew(&mut self, next: &Buffer) -> (String, Vec<Vec<Cell>>) {
        let rows: Vec<Vec<Cell>> = rows(next).map(|row| self.passed(row)).collect();
        let all: Vec<&[Cell]> = rows.iter().map(Vec::as_slice).collect();
        (self.pen.whole(&all), rows)
    }

    /// What was drawn as before needs neither the gate nor the pen.
    fn changed(&mut self, shown: Shown, next: &Buffer) -> (String, Vec<Vec<Cell>>) {
        let drawn = rows(&shown.drawn).zip(rows(next));
        let fresh: Vec<Option<Vec<Cell>>> =
            drawn.map(|(old, new)| (!paint::is_same_row(old, new)).then(|| self.passed(new))).collect();
        let both = shown.rows.iter().zip(&fresh);
        let all: Vec<Row<'_>> = both.map(|(old, new)| Row { old, new: new.as_deref() }).collect();
        let cells = self.pen.difference(&all);
        self.spare = Some(shown.drawn);
        (cells, shown.rows.into_iter().zip(fresh).map(|(old, new)| new.unwrap_or(old)).collect())
    }

    fn passed(&self, row: &[Cell]) -> Vec<Cell> {
        let mut row = row.to_vec();
        self.gate.pass(&mut row);
        row
    }
}

fn rows(screen: &Buffer) -> impl Iterator<Item = &[Cell]> {
    screen.content.chunks(usize::from(screen.area.width.max(1)))
}

#[cfg(test)]
mod tests {
    use super::super::super::gate::level::{Glyphs, Level};
    use super::*;
    use ratatui::layout::Position;
    use ratatui::style::{Color, Modifier, Style};

    fn screen(level: Level, glyphs: Glyphs) -> Screen {
        Screen::new(Gate { level, glyphs })
    }

    fn drawn(text: &str) -> Buffer {
        let mut buffer = Screen::empty(Size { columns: 20, rows: 3 });
        let style = Style::new().fg(Color::Rgb(200, 30, 30)).bg(Color::Blue).add_modifier(Modifier::REVERSED);
        buffer.set_string(0, 1, text, style);
        buffer
    }

    #[test]
    fn a_screen_that_is_already_shown_is_not_written_again() {
        let mut screen = screen(Level::True, Glyphs::Unicode);
        assert!(screen.frame(drawn("one"), None).is_some());
        assert_eq!(screen.frame(drawn("one"), None), None);
        assert!(screen.frame(drawn("two"), None).is_some());
    }

    #[test]
    fn nothing_of_an_older_frame_is_left_in_a_new_one() {
        let size = Size { columns: 20, rows: 3 };
        let mut screen = screen(Level::True, Glyphs::Unicode);
        for text in ["one", "two", "three"] {
            let mut canvas = screen.canvas(size);
            assert_eq!(canvas, Screen::empty(size), "before {text}");
            canvas.set_string(0, 1, text, Style::new().fg(Color::Red));
            screen.frame(canvas, None).unwrap();
        }
        assert_eq!(screen.canvas(Size { columns: 9, rows: 9 }).area.width, 9);
    }

    #[test]
    fn every_frame_is_atomic_and_only_the_first_clears() {
        let mut screen = screen(Level::True, Glyphs::Unicode);
        for (n, text) in ["one", "two", "three"].iter().enumerate() {
            let frame = screen.frame(drawn(text), Some(Position { x: 1, y: 1 })).unwrap();
            assert!(frame.starts_with(BEGIN) && frame.ends_with(END));
            assert_eq!(frame.contains("\x1b[2J"), n == 0);
        }
        screen.forget();
        assert!(screen.frame(drawn("three"), None).unwrap().contains("\x1b[2J"));
    }

    #[test]
    fn without_colour_no_colour_code_is_sent_and_reverse_still_is() {
        let frame = screen(Level::None, Glyphs::Unicode).frame(drawn("row"), None).unwrap();
        let codes = regex::Regex::new(r"\x1b\[([0-9;]*)m").unwrap();
        let all: Vec<&str> = codes.captures_iter(&frame).map(|c| c.get(1).unwrap().as_str()).collect();
        assert!(all.contains(&"7"), "{all:?}");
        assert!(all.iter().all(|c| ["0", "7"].contains(c)), "{all:?}");
    }

    #[test]
    fn sixteen_colours_never_send_more() {
        let frame = screen(Level::Ansi16, Glyphs::Unicode).frame(drawn("row"), None).unwrap();
        assert!(!frame.contains("38;2") && !frame.contains("38;5") && frame.contains("31"), "{frame:?}");
    }

    #[test]
    fn an_ascii_frame_has_no_byte_above_127() {
        let frame = screen(Level::True, Glyphs::Ascii).frame(drawn("─✓ é 語"), None).unwrap();
        assert!(frame.is_ascii(), "{frame:?}");
    }
}
