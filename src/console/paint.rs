//! The difference between two screens as terminal bytes. Never decides what is drawn, and never writes a byte when
//! nothing differs.
//!
//! Colours and attributes are kept across cells, cursor moves are the shortest that are safe, and the sixteen named
//! colours go out under their old short codes, which the oldest terminals understand.

use std::fmt::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Position;
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

use super::gate::colour;

/// How the cursor is left after a frame.
pub type Cursor = Option<Position>;

/// Bytes that turn the `old` screen into the `new` one; empty when they are the same. Both have the same area, which
/// begins at the origin.
pub fn difference(old: &Buffer, new: &Buffer) -> String {
    if old.area != new.area {
        return whole(new);
    }
    let mut pen = Pen::default();
    pen.changes(old, new);
    pen.finish()
}

/// Bytes that clear the terminal and draw the whole screen.
pub fn whole(new: &Buffer) -> String {
    let mut pen = Pen::default();
    pen.out.push_str("\x1b[0m\x1b[2J");
    pen.changes(&Buffer::empty(new.area), new);
    pen.finish()
}

/// Bytes that put the cursor there, or hide it.
pub fn cursor(at: Cursor) -> String {
    match at {
        Some(Position { x, y }) => format!("\x1b[{};{}H\x1b[?25h", u32::from(y) + 1, u32::from(x) + 1),
        None => "\x1b[?25l".into(),
    }
}

#[derive(Default)]
struct Pen {
    out: String,
    at: Option<(u16, u16)>,
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

/// Attributes with their codes for on and off. Bold and dim share one off code, so turning either off sets the other
/// again.
const ATTRIBUTES: [(Modifier, u8, u8); 6] = [
    (Modifier::BOLD, 1, 22),
    (Modifier::DIM, 2, 22),
    (Modifier::ITALIC, 3, 23),
    (Modifier::UNDERLINED, 4, 24),
    (Modifier::REVERSED, 7, 27),
    (Modifier::CROSSED_OUT, 9, 29),
];

impl Pen {
    fn changes(&mut self, old: &Buffer, new: &Buffer) {
        let width = usize::from(new.area.width.max(1));
        let rows = old.content.chunks(width).zip(new.content.chunks(width));
        for ((old, new), y) in rows.zip(0u16..) {
            if old != new {
                self.row(old, new, y);
            }
        }
    }

    fn row(&mut self, old: &[Cell], new: &[Cell], y: u16) {
        // What is left of a wide character that is half overwritten differs by terminal, so such a row is drawn whole.
        let whole = old.iter().chain(new).any(|cell| cell.symbol().width() > 1);
        let mut covered = 0;
        for ((old, new), x) in old.iter().zip(new).zip(0u16..) {
            if covered > 0 {
                covered -= 1;
            } else if whole || old != new {
                self.put(x, y, new);
                covered = new.symbol().width().saturating_sub(1);
            }
        }
    }

    fn put(&mut self, x: u16, y: u16, cell: &Cell) {
        match self.at {
            Some((col, row)) if row == y && col == x => {}
            // Column moves are relative to nothing the terminal could have got wrong.
            Some((_, row)) if row == y => self.code(format_args!("\x1b[{}G", u32::from(x) + 1)),
            _ => self.code(format_args!("\x1b[{};{}H", u32::from(y) + 1, u32::from(x) + 1)),
        }
        self.style(cell);
        let symbol = if cell.symbol().is_empty() { " " } else { cell.symbol() };
        self.out.push_str(symbol);
        // After anything but plain ASCII the terminal may disagree about the width: position anew.
        self.at = (symbol.is_ascii() && symbol.width() == 1).then_some((x.saturating_add(1), y));
        if self.at.is_none() && symbol.chars().count() == 1 && is_drawn_narrow(symbol) {
            self.at = Some((x.saturating_add(1), y));
        }
    }

    fn style(&mut self, cell: &Cell) {
        let mut codes: Vec<String> = Vec::new();
        let gone = self.modifier - cell.modifier;
        let mut kept = self.modifier;
        for (attribute, _, off) in ATTRIBUTES {
            if gone.contains(attribute) && kept.contains(attribute) {
                codes.push(off.to_string());
                kept.remove(attribute);
                if off == 22 {
                    kept.remove(Modifier::BOLD | Modifier::DIM);
                }
            }
        }
        for (attribute, on, _) in ATTRIBUTES {
            if cell.modifier.contains(attribute) && !kept.contains(attribute) {
                codes.push(on.to_string());
            }
        }
        if self.fg != cell.fg {
            codes.push(colour_code(cell.fg, 30));
        }
        if self.bg != cell.bg {
            codes.push(colour_code(cell.bg, 40));
        }
        (self.fg, self.bg, self.modifier) = (cell.fg, cell.bg, cell.modifier);
        if !codes.is_empty() {
            self.code(format_args!("\x1b[{}m", codes.join(";")));
        }
    }

    fn code(&mut self, code: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.out.write_fmt(code);
    }

    fn finish(mut self) -> String {
        if self.fg != Color::Reset || self.bg != Color::Reset || !self.modifier.is_empty() {
            self.out.push_str("\x1b[0m");
        }
        self.out
    }
}

// Lines, blocks and our own marks: every terminal agrees that these are one column.
fn is_drawn_narrow(symbol: &str) -> bool {
    symbol.chars().all(|c| matches!(c, '\u{2500}'..='\u{259f}' | '·' | '…'))
}

/// `base` is 30 for the foreground and 40 for the background.
fn colour_code(colour: Color, base: u8) -> String {
    match (colour::number(colour), colour) {
        (Some(n @ 0..=7), _) => (base + n).to_string(),
        (Some(n), _) => (base + 60 + n - 8).to_string(),
        (None, Color::Indexed(n)) => format!("{};5;{n}", base + 8),
        (None, Color::Rgb(r, g, b)) => format!("{};2;{r};{g};{b}", base + 8),
        // Only the default is left.
        (None, _) => (base + 9).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    const W: u16 = 12;
    const H: u16 = 4;

    fn arbitrary_style() -> impl Strategy<Value = Style> {
        let colour = prop_oneof![
            Just(Color::Reset),
            Just(Color::Red),
            Just(Color::LightBlue),
            (16u8..=255).prop_map(Color::Indexed),
            any::<(u8, u8, u8)>().prop_map(|(r, g, b)| Color::Rgb(r, g, b)),
        ];
        let modifiers = any::<u16>().prop_map(|bits| {
            // The test terminal keeps bold and dim as one setting, so dim has its own test.
            let all = Modifier::BOLD | Modifier::ITALIC | Modifier::UNDERLINED | Modifier::REVERSED;
            Modifier::from_bits_truncate(bits) & all
        });
        (colour.clone(), colour, modifiers).prop_map(|(fg, bg, m)| Style::new().fg(fg).bg(bg).add_modifier(m))
    }

    prop_compose! {
        fn arbitrary_screen()(texts in prop::collection::vec(
            (0..W, 0..H, "[a-z ─█…語é✓]{0,9}", arbitrary_style()), 0..8)) -> Buffer {
            let mut buffer = Buffer::empty(Rect::new(0, 0, W, H));
            for (x, y, text, style) in texts {
                buffer.set_string(x, y, text, style);
            }
            buffer
        }
    }

    fn shown_by(terminal: &vt100::Parser, buffer: &Buffer) -> bool {
        buffer.content.iter().enumerate().all(|(i, cell)| {
            let (x, y) = buffer.pos_of(i);
            let shown = terminal.screen().cell(y, x).unwrap();
            let text = if shown.contents().is_empty() { " " } else { shown.contents() };
            shown.is_wide_continuation()
                || (text == cell.symbol()
                    && shown.bold() == cell.modifier.contains(Modifier::BOLD)
                    && shown.inverse() == cell.modifier.contains(Modifier::REVERSED)
                    && shown.underline() == cell.modifier.contains(Modifier::UNDERLINED)
                    && shown.fgcolor() == expected(cell.fg)
                    && shown.bgcolor() == expected(cell.bg))
        })
    }

    fn expected(colour: Color) -> vt100::Color {
        match (colour::number(colour), colour) {
            (Some(n), _) | (None, Color::Indexed(n)) => vt100::Color::Idx(n),
            (None, Color::Rgb(r, g, b)) => vt100::Color::Rgb(r, g, b),
            (None, _) => vt100::Color::Default,
        }
    }

    fn terminal() -> vt100::Parser {
        vt100::Parser::new(H.try_into().unwrap(), W.try_into().unwrap(), 0)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_terminal_shows_what_was_drawn(screens in prop::collection::vec(arbitrary_screen(), 1..5)) {
            let mut terminal = terminal();
            let mut old = Buffer::empty(Rect::new(0, 0, W, H));
            for (n, new) in screens.iter().enumerate() {
                let bytes = if n == 0 { whole(new) } else { difference(&old, new) };
                terminal.process(bytes.as_bytes());
                prop_assert!(shown_by(&terminal, new), "{bytes:?}\n{new:?}");
                old = new.clone();
            }
        }
    }

    #[test]
    fn the_same_screen_costs_no_byte() {
        let mut screen = Buffer::empty(Rect::new(0, 0, W, H));
        screen.set_string(0, 0, "same", Style::new().fg(Color::Red));
        assert_eq!(difference(&screen, &screen.clone()), "");
    }

    #[test]
    fn named_colours_use_the_old_short_codes() {
        let mut screen = Buffer::empty(Rect::new(0, 0, W, H));
        screen.set_string(0, 0, "x", Style::new().fg(Color::Red).bg(Color::LightBlue));
        assert!(whole(&screen).contains("\x1b[31;104m"));
    }

    #[test]
    fn dim_after_bold_turns_bold_off_first() {
        let mut screen = Buffer::empty(Rect::new(0, 0, W, H));
        screen.set_string(0, 0, "b", Style::new().add_modifier(Modifier::BOLD));
        screen.set_string(1, 0, "d", Style::new().add_modifier(Modifier::DIM));
        assert!(whole(&screen).ends_with("\x1b[1mb\x1b[22;2md\x1b[0m"));
    }

    #[test]
    fn a_changed_word_costs_a_move_and_the_word() {
        let old = Buffer::empty(Rect::new(0, 0, W, H));
        let mut new = old.clone();
        new.set_string(3, 2, "12:01", Style::new());
        assert_eq!(difference(&old, &new), "\x1b[3;4H12:01");
    }
}
