//! The difference between two screens as terminal bytes. Never decides what is drawn, and never writes a byte when
//! nothing differs.
//!
//! Colours and attributes are kept across cells and frames, cursor moves are the shortest that are safe, and the sixteen
//! named colours go out under their old short codes, which the oldest terminals understand. Rows that only moved up are
//! scrolled by the terminal.
//!
//! The program is built for size, where nothing small is inlined unless it is said; here every cell of a frame passes.

mod scroll;
mod way;

use std::fmt::Write;

use ratatui::buffer::Cell;
use ratatui::layout::Position;
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

use super::gate::{ON_BLANK, colour, glyph, is_blank};
use scroll::Scroll;

/// How the cursor is left after a frame.
pub type Cursor = Option<Position>;

/// Bytes that put the cursor there, or hide it.
pub fn cursor(at: Cursor) -> String {
    match at {
        Some(Position { x, y }) => format!("\x1b[{};{}H\x1b[?25h", u32::from(y) + 1, u32::from(x) + 1),
        None => "\x1b[?25l".into(),
    }
}

/// A row of the screen.
pub struct Row<'a> {
    /// What the terminal shows there.
    pub old: &'a [Cell],
    /// What it is to show, where that is something else.
    pub new: Option<&'a [Cell]>,
}

/// How the terminal would write the next character. Nobody else writes to it, so that holds from frame to frame.
#[derive(Debug, Default)]
pub struct Pen {
    out: String,
    at: Option<(u16, u16)>,
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

/// More cells than these are drawn from top to bottom without looking for a shorter way: where half of the screen is
/// another, it spares few bytes and takes as long as drawing it.
const MANY: usize = 1_024;

/// In which order the pieces of one style are written.
#[derive(Clone, Copy)]
enum Order {
    /// As lines are read.
    Rows,
    /// Down one column after the other, as in a chart.
    Columns,
}

/// Colours and attributes of a cell.
type Look = (Color, Color, Modifier);

/// Neighbours that changed.
struct Run<'a> {
    row: &'a [Cell],
    y: u16,
    from: usize,
    to: usize,
    /// What all of them look like; none for a row that is drawn whole.
    style: Option<Look>,
    /// Whether there are no letters in it.
    blank: bool,
}

impl<'a> Run<'a> {
    fn of_row(old: &[Cell], row: &'a [Cell], y: u16, runs: &mut Vec<Run<'a>>) {
        let before = runs.len();
        for (x, (old, cell)) in old.iter().zip(row).enumerate() {
            // What is left of a wide character that is half overwritten differs by terminal, so such a row is drawn
            // whole.
            if columns(old.symbol()) > 1 || columns(cell.symbol()) > 1 {
                runs.truncate(before);
                runs.push(Run { row, y, from: 0, to: row.len(), style: None, blank: false });
                return;
            }
            if is_same(old, cell) {
                continue;
            }
            let joined = runs.last().filter(|run| run.y == y && run.to == x).and_then(|run| run.with(cell));
            let blank = is_blank(cell);
            match (joined, runs.last_mut()) {
                (Some(style), Some(run)) => {
                    (run.to, run.style, run.blank) = (x + 1, Some(style), run.blank && blank);
                }
                _ => runs.push(Run { row, y, from: x, to: x + 1, style: Some(look(cell)), blank }),
            }
        }
    }

    /// What all look like with one more, if they can look alike. A blank goes with any letters on its background.
    fn with(&self, cell: &Cell) -> Option<Look> {
        let style = self.style?;
        if style == look(cell) || (is_blank(cell) && letters_on(style, look(cell))) {
            return Some(style);
        }
        (self.blank && letters_on(look(cell), style)).then(|| look(cell))
    }
}

/// How many columns a cell's text takes.
#[inline(always)]
fn columns(symbol: &str) -> usize {
    match symbol.as_bytes() {
        // Nearly all are this.
        [b' '..=b'~'] => 1,
        _ => symbol.width(),
    }
}

/// Whether two cells show the same. Thousands are compared for each frame, and nearly all hold one plain letter.
#[inline(always)]
fn is_same(a: &Cell, b: &Cell) -> bool {
    let same_text = match (a.symbol().as_bytes(), b.symbol().as_bytes()) {
        ([a], [b]) => a == b,
        (a, b) => a == b,
    };
    same_text && a.fg == b.fg && a.bg == b.bg && a.modifier == b.modifier
}

/// The same of two rows.
pub fn is_same_row(old: &[Cell], new: &[Cell]) -> bool {
    old.len() == new.len() && old.iter().zip(new).all(|(old, new)| is_same(old, new))
}

#[inline(always)]
fn look(cell: &Cell) -> Look {
    (cell.fg, cell.bg, cell.modifier)
}

/// Whether a blank of this look may be written as letters of that look are.
fn letters_on(letters: Look, blank: Look) -> bool {
    letters.1 == blank.1 && !letters.2.intersects(ON_BLANK)
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
    /// Bytes that make the terminal show what is new; empty where nothing is.
    pub fn difference(&mut self, rows: &[Row<'_>]) -> String {
        let mut old: Vec<&[Cell]> = rows.iter().map(|row| row.old).collect();
        let new: Vec<&[Cell]> = rows.iter().map(|row| row.new.unwrap_or(row.old)).collect();
        let changed: Vec<bool> = rows.iter().map(|row| row.new.is_some()).collect();
        let blank = vec![Cell::default(); new.first().map_or(0, |row| row.len())];
        if let Some(scroll) = Scroll::find(&old, &new, &changed) {
            self.scroll(&scroll);
            scroll.pass(&mut old, &blank);
        }
        self.changes(&old, &new, &changed);
        self.taken()
    }

    /// Lets the terminal move rows up: a line feed at the bottom of a region does so on every terminal there is.
    fn scroll(&mut self, scroll: &Scroll) {
        let Scroll { top, bottom, by } = *scroll;
        // What comes in takes the background that is set.
        self.style(&Cell::default());
        self.code(format_args!("\x1b[{};{}r\x1b[{}H", top + 1, bottom + 1, bottom + 1));
        self.out.extend(std::iter::repeat_n('\n', by));
        self.out.push_str("\x1b[r");
    }

    /// Bytes that clear the terminal and draw these rows, however the terminal was left.
    pub fn whole(&mut self, new: &[&[Cell]]) -> String {
        *self = Pen::default();
        self.out.push_str("\x1b[0m\x1b[2J");
        let blank = vec![Cell::default(); new.first().map_or(0, |row| row.len())];
        self.changes(&vec![blank.as_slice(); new.len()], new, &vec![true; new.len()]);
        self.taken()
    }

    /// What was written. Where the cursor is after a frame is not relied on.
    fn taken(&mut self) -> String {
        self.at = None;
        std::mem::take(&mut self.out)
    }

    fn changes(&mut self, old: &[&[Cell]], new: &[&[Cell]], changed: &[bool]) {
        let rows = old.iter().zip(new).zip(changed).zip(0u16..);
        let mut runs: Vec<Run<'_>> = Vec::new();
        for (((old, new), _), y) in rows.filter(|((_, changed), _)| **changed) {
            Run::of_row(old, new, y, &mut runs);
        }
        let mut best = self.written(runs.iter(), usize::MAX).unwrap_or_default();
        let cells: usize = runs.iter().map(|run| run.to - run.from).sum();
        if cells <= MANY && runs.iter().all(|run| run.style.is_some()) {
            let mut styled = self.by_style(&runs);
            for order in [Order::Rows, Order::Columns] {
                styled.sort_unstable_by_key(|(style, run)| match order {
                    Order::Rows => (*style, usize::from(run.y), run.from),
                    Order::Columns => (*style, run.from, usize::from(run.y)),
                });
                let shorter = self.written(styled.iter().map(|(_, run)| *run), best.out.len());
                best = shorter.unwrap_or(best);
            }
        }
        *self = best;
    }

    /// The pen after these pieces in this order, if that takes fewer bytes.
    fn written<'a>(&self, runs: impl Iterator<Item = &'a Run<'a>>, than: usize) -> Option<Pen> {
        let mut pen = Pen { out: self.out.clone(), ..*self };
        for run in runs {
            pen.run(run);
            if pen.out.len() >= than {
                return None;
            }
        }
        Some(pen)
    }

    /// Each with its style's turn. What is written as the terminal writes now comes first, then style by style: changing
    /// colours often costs more than moving.
    fn by_style<'r, 'a>(&self, runs: &'r [Run<'a>]) -> Vec<(usize, &'r Run<'a>)> {
        let mut order = vec![(self.fg, self.bg, self.modifier)];
        for style in runs.iter().filter(|run| !run.blank).filter_map(|run| run.style) {
            if !order.contains(&style) {
                order.push(style);
            }
        }
        let fits = |run: &Run<'_>, style: Look| {
            run.style.is_some_and(|own| own == style || (run.blank && letters_on(style, own)))
        };
        let turn = |run| order.iter().position(|style| fits(run, *style)).unwrap_or(order.len());
        runs.iter().map(|run| (turn(run), run)).collect()
    }

    fn run(&mut self, run: &Run<'_>) {
        let mut covered = 0;
        for (cell, x) in run.row.iter().zip(0u16..).take(run.to).skip(run.from) {
            if covered > 0 {
                covered -= 1;
                continue;
            }
            self.go(run.row, x, run.y);
            self.put(x, run.y, cell, run.row.len());
            covered = columns(cell.symbol()).saturating_sub(1);
        }
    }

    /// Moves to a cell of a row by the fewest bytes.
    fn go(&mut self, row: &[Cell], x: u16, y: u16) {
        // Most cells follow the one before.
        if self.at == Some((x, y)) {
            return;
        }
        let begun = self.out.len();
        let Some((col, line)) = self.at else { return way::place(&mut self.out, x, y) };
        way::down(&mut self.out, line, y);
        let down = self.out.len();
        way::across(&mut self.out, col, x);
        let (way, across) = (self.out.len() - begun, self.out.len() - down);
        if line == y && col < x && self.between(row, col, x, across) {
            self.out.truncate(begun);
            row.iter()
                .take(usize::from(x))
                .skip(usize::from(col))
                .for_each(|c| self.out.push_str(c.symbol()));
        } else if way >= way::length_of_place(x, y) {
            self.out.truncate(begun);
            way::place(&mut self.out, x, y);
        }
    }

    /// Whether to write what lies between once more is no longer than a move: a few plain letters in the same colours.
    fn between(&self, row: &[Cell], from: u16, to: u16, most: usize) -> bool {
        let between = row.get(usize::from(from)..usize::from(to)).unwrap_or_default();
        let same = |c: &Cell| c.fg == self.fg && c.bg == self.bg && c.modifier == self.modifier;
        let as_set =
            |c: &Cell| same(c) || (is_blank(c) && letters_on((self.fg, self.bg, self.modifier), look(c)));
        let plain = |c: &Cell| c.symbol().len() == 1 && c.symbol().is_ascii();
        between.len() <= most && between.iter().all(|c| as_set(c) && plain(c))
    }

    fn put(&mut self, x: u16, y: u16, cell: &Cell, width: usize) {
        self.style(cell);
        let symbol = if cell.symbol().is_empty() { " " } else { cell.symbol() };
        self.out.push_str(symbol);
        // After anything but plain ASCII the terminal may disagree about the width, and at the end of a row it waits
        // with the next one: position anew.
        let narrow = match symbol.as_bytes() {
            [b' '..=b'~'] => true,
            _ => symbol.chars().count() == 1 && symbol.chars().all(glyph::is_narrow),
        };
        let inside = usize::from(x) + 1 < width;
        self.at = (narrow && inside).then_some((x.saturating_add(1), y));
    }

    fn style(&mut self, cell: &Cell) {
        let (fg, bg, modifier) = match is_blank(cell) {
            true => (self.fg, cell.bg, self.modifier - ON_BLANK),
            false => look(cell),
        };
        if (fg, bg, modifier) == (self.fg, self.bg, self.modifier) {
            return;
        }
        self.out.push_str("\x1b[");
        let gone = self.modifier - modifier;
        let mut kept = self.modifier;
        for (attribute, _, off) in ATTRIBUTES {
            if gone.contains(attribute) && kept.contains(attribute) {
                self.attribute(off);
                kept.remove(attribute);
                if off == 22 {
                    kept.remove(Modifier::BOLD | Modifier::DIM);
                }
            }
        }
        for (attribute, on, _) in ATTRIBUTES {
            if modifier.contains(attribute) && !kept.contains(attribute) {
                self.attribute(on);
            }
        }
        if self.fg != fg {
            self.colour(fg, 30);
        }
        if self.bg != bg {
            self.colour(bg, 40);
        }
        (self.fg, self.bg, self.modifier) = (fg, bg, modifier);
        // The last separator becomes the end.
        self.out.pop();
        self.out.push('m');
    }

    /// `base` is 30 for the foreground and 40 for the background.
    fn colour(&mut self, colour: Color, base: u8) {
        match (colour::number(colour), colour) {
            (Some(n @ 0..=7), _) => self.attribute(base + n),
            (Some(n), _) => self.attribute(base + 60 + n - 8),
            (None, Color::Indexed(n)) => [base + 8, 5, n].into_iter().for_each(|n| self.attribute(n)),
            (None, Color::Rgb(r, g, b)) => {
                [base + 8, 2, r, g, b].into_iter().for_each(|n| self.attribute(n));
            }
            // Only the default is left.
            (None, _) => self.attribute(base + 9),
        }
    }

    fn attribute(&mut self, number: u8) {
        way::number(&mut self.out, u16::from(number));
        self.out.push(';');
    }

    fn code(&mut self, code: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.out.write_fmt(code);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    const W: u16 = 12;
    const H: u16 = 4;

    fn rows(screen: &Buffer) -> Vec<&[Cell]> {
        screen.content.chunks(usize::from(screen.area.width)).collect()
    }

    fn whole(pen: &mut Pen, new: &Buffer) -> String {
        pen.whole(&rows(new))
    }

    fn difference(pen: &mut Pen, old: &Buffer, new: &Buffer) -> String {
        let both = rows(old).into_iter().zip(rows(new));
        let rows: Vec<Row<'_>> =
            both.map(|(old, new)| Row { old, new: (old != new).then_some(new) }).collect();
        pen.difference(&rows)
    }

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
                    && (is_blank(cell) || shown.bold() == cell.modifier.contains(Modifier::BOLD))
                    && shown.inverse() == cell.modifier.contains(Modifier::REVERSED)
                    && shown.underline() == cell.modifier.contains(Modifier::UNDERLINED)
                    && (is_blank(cell) || shown.fgcolor() == expected(cell.fg))
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
            let mut pen = Pen::default();
            let mut old = Buffer::empty(Rect::new(0, 0, W, H));
            for (n, new) in screens.iter().enumerate() {
                let bytes = if n == 0 { whole(&mut pen, new) } else { difference(&mut pen, &old, new) };
                terminal.process(bytes.as_bytes());
                prop_assert!(shown_by(&terminal, new), "{bytes:?}\n{new:?}");
                old = new.clone();
            }
        }
    }

    #[test]
    fn rows_that_moved_up_are_scrolled_and_the_rest_is_written() {
        let feed = |first: usize| {
            let mut screen = Buffer::empty(Rect::new(0, 0, W, 9));
            screen.set_string(0, 0, "title", Style::new().fg(Color::Red));
            for row in 0..7 {
                let text = format!("line {:03}", first + row);
                screen.set_string(0, u16::try_from(row).unwrap() + 1, text, Style::new().bg(Color::Blue));
            }
            screen.set_string(0, 8, "hints", Style::new().bg(Color::Green));
            screen
        };
        for by in [1, 2, 3, 6, 7] {
            let (old, new) = (feed(1), feed(1 + by));
            let mut terminal = vt100::Parser::new(9u16.try_into().unwrap(), W.try_into().unwrap(), 0);
            let mut pen = Pen::default();
            terminal.process(whole(&mut pen, &old).as_bytes());
            let bytes = difference(&mut pen, &old, &new);
            terminal.process(bytes.as_bytes());
            assert!(shown_by(&terminal, &new), "{by}: {bytes:?}");
            assert_eq!(bytes.contains("\x1b[r"), by < 6, "{by}: {bytes:?}");
        }
        let bytes = difference(&mut Pen::default(), &feed(1), &feed(2));
        assert_eq!(bytes, "\x1b[2;8r\x1b[8H\n\x1b[r\x1b[8H\x1b[44mline 008");
    }

    #[test]
    fn the_same_screen_costs_no_byte() {
        let mut screen = Buffer::empty(Rect::new(0, 0, W, H));
        screen.set_string(0, 0, "same", Style::new().fg(Color::Red));
        assert_eq!(difference(&mut Pen::default(), &screen, &screen.clone()), "");
    }

    #[test]
    fn named_colours_use_the_old_short_codes() {
        let mut screen = Buffer::empty(Rect::new(0, 0, W, H));
        screen.set_string(0, 0, "x", Style::new().fg(Color::Red).bg(Color::LightBlue));
        assert!(whole(&mut Pen::default(), &screen).contains("\x1b[31;104m"));
    }

    #[test]
    fn dim_after_bold_turns_bold_off_first() {
        let mut screen = Buffer::empty(Rect::new(0, 0, W, H));
        screen.set_string(0, 0, "b", Style::new().add_modifier(Modifier::BOLD));
        screen.set_string(1, 0, "d", Style::new().add_modifier(Modifier::DIM));
        assert!(whole(&mut Pen::default(), &screen).contains("\x1b[1mb\x1b[22;2md"));
    }

    #[test]
    fn a_changed_word_costs_a_move_and_the_word() {
        let old = Buffer::empty(Rect::new(0, 0, W, H));
        let mut new = old.clone();
        new.set_string(3, 2, "12:01", Style::new());
        assert_eq!(difference(&mut Pen::default(), &old, &new), "\x1b[3;4H12:01");
    }

    #[test]
    fn colours_stay_from_frame_to_frame_and_go_when_all_is_drawn_anew() {
        let style = Style::new().fg(Color::Red);
        let screen = |text: &str| {
            let mut buffer = Buffer::empty(Rect::new(0, 0, W, H));
            buffer.set_string(0, 0, text, style);
            buffer
        };
        let mut pen = Pen::default();
        whole(&mut pen, &screen("ab"));
        // The rest of the first screen was drawn in the terminal's own colours.
        let first = difference(&mut pen, &screen("ab"), &screen("ac"));
        assert_eq!(difference(&mut pen, &screen("ac"), &screen("ad")), "\x1b[1;2Hd", "after {first:?}");
        assert!(whole(&mut pen, &screen("ad")).starts_with("\x1b[0m\x1b[2J"));
    }

    #[test]
    fn a_column_of_a_chart_goes_straight_down() {
        let old = Buffer::empty(Rect::new(0, 0, W, H));
        let mut new = old.clone();
        for y in 0..H {
            new.set_string(5, y, "█", Style::new());
        }
        let column = "\x1b[1;6H█\n\x08█\n\x08█\n\x08█";
        assert_eq!(difference(&mut Pen::default(), &old, &new), column);
    }
}
