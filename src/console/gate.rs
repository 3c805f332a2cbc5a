//! The last pass over a drawn screen, before it becomes bytes: colours fit the terminal, glyphs fit its character set,
//! and nothing that could steer a terminal is left. Never decides what is shown, only with what.

pub mod colour;
pub mod glyph;
pub mod level;

use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};

use level::{Glyphs, Level};

/// What the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gate {
    /// How many colours.
    pub level: Level,
    /// Which characters.
    pub glyphs: Glyphs,
}

impl Gate {
    /// Makes every cell fit.
    pub fn pass(self, cells: &mut [Cell]) {
        for cell in cells {
            cell.fg = colour::fit(cell.fg, self.level);
            cell.bg = colour::fit(cell.bg, self.level);
            self.cell(cell);
        }
    }

    fn cell(self, cell: &mut Cell) {
        cell.underline_color = Color::Reset;
        // Blinking is never useful and harms some; the other attributes work on every terminal or are ignored.
        cell.modifier.remove(Modifier::SLOW_BLINK | Modifier::RAPID_BLINK | Modifier::HIDDEN);
        if let Some(replacement) = glyph::replacement(cell.symbol(), self.glyphs) {
            write(cell, replacement);
        }
        // The colour of letters is not seen where there are none: a blank is like any other, and is not sent anew.
        if is_blank(cell) {
            cell.fg = Color::Reset;
            cell.modifier = Modifier::empty();
        }
    }
}

/// What shows on a cell without a letter.
pub const ON_BLANK: Modifier = Modifier::REVERSED.union(Modifier::UNDERLINED).union(Modifier::CROSSED_OUT);

/// Whether the colour of letters is not seen in a cell: it holds none.
#[inline(always)]
pub fn is_blank(cell: &Cell) -> bool {
    matches!(cell.symbol().as_bytes(), [b' ']) && !cell.modifier.intersects(ON_BLANK)
}

// The one place that sets a symbol directly: the characters come from the gate's own table.
fn write(cell: &mut Cell, symbol: char) {
    cell.set_char(symbol);
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    fn gate(level: Level, glyphs: Glyphs) -> Gate {
        Gate { level, glyphs }
    }

    fn buffer_of(symbols: &[&str]) -> Buffer {
        let width = u16::try_from(symbols.len()).unwrap();
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, 1));
        for (cell, symbol) in buffer.content.iter_mut().zip(symbols) {
            cell.set_symbol(symbol);
        }
        buffer
    }

    #[test]
    fn nothing_that_steers_a_terminal_passes() {
        let hostile = [
            "\u{1b}]52;c;AAAA\u{7}",
            "\u{9b}2J",
            "a\u{202e}b",
            "\u{2066}",
            "\r",
            "\u{0}",
            "\u{e0041}",
            "\u{200f}",
        ];
        for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
            let mut buffer = buffer_of(&hostile);
            gate(Level::True, glyphs).pass(&mut buffer.content);
            for cell in &buffer.content {
                assert!(cell.symbol() == "?" || cell.symbol() == "\u{fffd}", "{:?}", cell.symbol());
            }
        }
    }

    #[test]
    fn ascii_mode_leaves_only_ascii() {
        let mut buffer = buffer_of(&["─", "│", "✓", "✗", "é", "語", "▇", "🦀", "▸", "~"]);
        gate(Level::True, Glyphs::Ascii).pass(&mut buffer.content);
        assert!(buffer.content.iter().all(|c| c.symbol().is_ascii() && c.symbol().len() == 1));
    }

    #[test]
    fn without_colour_no_colour_is_left_and_reverse_stays() {
        let mut buffer = buffer_of(&["a", "b"]);
        let style = Style::new().fg(Color::Rgb(1, 2, 3)).bg(Color::Red).add_modifier(Modifier::REVERSED);
        buffer.set_style(buffer.area, style);
        gate(Level::None, Glyphs::Unicode).pass(&mut buffer.content);
        for cell in &buffer.content {
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset));
            assert!(cell.modifier.contains(Modifier::REVERSED));
        }
    }
}
