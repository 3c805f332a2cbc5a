//! A command's output, byte by byte, into finished lines. Never keeps more than one line and one short sequence.
//!
//! It follows what a terminal would show on one row: `\r` and backspace go back, `ESC [ K` erases, tabs move on.
//! Colours and titles go. Rows above are finished: cursor movement between rows is ignored.

use super::{Clean, SEQUENCE_CAP, show};

/// The most of one line that is kept, in bytes of UTF-8; the rest is counted.
pub const LINE_CAP: usize = 8 * 1024;

const TAB: usize = 8;

/// How far a jump may leave the text behind: a wide screen, and no more work than a few bytes should cause.
const LEAP: usize = 256;

/// Turns a stream of bytes into lines.
#[derive(Default)]
pub struct Liner {
    state: State,
    character: Partial,
    row: Row,
}

/// Where in an escape sequence (ECMA-48) the stream is. No state holds text, so none can grow.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Ground,
    /// After ESC, and its intermediate bytes.
    Escape,
    /// Inside `ESC [`.
    Control(Control),
    /// Inside a title, a device string or the like: how many bytes of it so far.
    Text(usize),
    /// After an ESC in such a string: perhaps its end.
    TextEscape,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Control {
    /// The first parameter, the only one that matters here.
    first: u16,
    len: usize,
    /// Whether the first parameter is over.
    past_first: bool,
    /// Private or with intermediates: nothing this row knows.
    foreign: bool,
}

/// A character of which bytes are still to come.
#[derive(Default)]
struct Partial {
    bytes: [u8; 4],
    len: usize,
}

impl Partial {
    /// Takes a byte >= 0x80 and hands on what it completes.
    fn take(&mut self, byte: u8, push: &mut impl FnMut(char)) {
        if let Some(slot) = self.bytes.get_mut(self.len) {
            *slot = byte;
            self.len += 1;
        }
        match std::str::from_utf8(self.bytes.get(..self.len).unwrap_or(&[])) {
            Ok(done) => {
                done.chars().for_each(push);
                self.len = 0;
            }
            Err(e) if e.error_len().is_none() => {}
            Err(_) => {
                let alone = self.len == 1;
                self.len = 0;
                push(char::REPLACEMENT_CHARACTER);
                if !alone {
                    // The byte that broke one character may begin the next.
                    self.take(byte, push);
                }
            }
        }
    }

    /// The character will not be completed.
    fn give_up(&mut self, push: &mut impl FnMut(char)) {
        if std::mem::take(&mut self.len) > 0 {
            push(char::REPLACEMENT_CHARACTER);
        }
    }
}

impl Liner {
    /// An empty row.
    pub fn new() -> Liner {
        Liner::default()
    }

    /// Takes bytes, hands every line that ended in them to `finished`. Pieces may be cut anywhere.
    pub fn feed(&mut self, bytes: &[u8], mut finished: impl FnMut(Clean)) {
        for byte in bytes {
            if *byte == b'\n' {
                finished(self.end_line());
            } else {
                self.step(*byte);
            }
        }
    }

    /// The unfinished row as it stands: a prompt, a progress bar.
    pub fn current(&self) -> Clean {
        self.row.shown()
    }

    /// The end of the stream: the last line, if it did not end in a newline.
    pub fn finish(&mut self) -> Option<Clean> {
        let last = self.end_line();
        (!last.is_empty()).then_some(last)
    }

    fn end_line(&mut self) -> Clean {
        // Back to the ground at every line, so that no sequence can swallow the next one.
        self.state = State::Ground;
        let row = &mut self.row;
        self.character.give_up(&mut |c| row.print(c));
        let line = row.shown();
        row.clear();
        line
    }

    fn step(&mut self, byte: u8) {
        self.state = match self.state {
            State::Ground => self.ground(byte),
            State::Escape => self.escape(byte),
            State::Control(control) => self.control(control, byte),
            State::Text(len) => match byte {
                0x07 | 0x18 | 0x1a => State::Ground,
                0x1b => State::TextEscape,
                // Too long for what it claims to be: from here on its text is shown.
                _ if len >= SEQUENCE_CAP => State::Ground,
                _ => State::Text(len + 1),
            },
            State::TextEscape if byte == b'\\' => State::Ground,
            State::TextEscape => self.escape(byte),
        };
    }

    fn ground(&mut self, byte: u8) -> State {
        let row = &mut self.row;
        if byte < 0x80 {
            self.character.give_up(&mut |c| row.print(c));
        }
        match byte {
            0x1b => return State::Escape,
            0x00..=0x1f => row.execute(byte),
            0x20..=0x7f => row.print(char::from(byte)),
            0x80.. => self.character.take(byte, &mut |c| row.print(c)),
        }
        State::Ground
    }

    fn escape(&mut self, byte: u8) -> State {
        match byte {
            b'[' => State::Control(Control::default()),
            b']' | b'P' | b'X' | b'^' | b'_' => State::Text(0),
            0x1b | 0x20..=0x2f => State::Escape,
            0x30..=0x7e => State::Ground,
            0x00..=0x1f | 0x7f.. => self.ground(byte),
        }
    }

    fn control(&mut self, mut control: Control, byte: u8) -> State {
        control.len += 1;
        match byte {
            _ if control.len > SEQUENCE_CAP => return self.ground(byte),
            b'0'..=b'9' if !control.past_first => {
                control.first = control.first.saturating_mul(10).saturating_add(u16::from(byte - b'0'));
            }
            b'0'..=b'9' => {}
            b':' | b';' => control.past_first = true,
            0x20..=0x2f | 0x3c..=0x3f => control.foreign = true,
            0x40..=0x7e => {
                if !control.foreign {
                    self.row.control(byte, control.first);
                }
                return State::Ground;
            }
            0x1b => return State::Escape,
            // Terminals obey a control character in the middle of a sequence and go on with the sequence.
            0x00..=0x1f => self.row.execute(byte),
            0x7f.. => return self.ground(byte),
        }
        State::Control(control)
    }
}

/// One row of a terminal without an edge.
#[derive(Default)]
struct Row {
    cells: Vec<char>,
    /// Bytes of UTF-8 in `cells`.
    bytes: usize,
    column: usize,
    /// Bytes that found no room since the cursor was last put back, and the most there ever were.
    over: usize,
    most_over: usize,
}

impl Row {
    fn clear(&mut self) {
        self.cells.clear();
        (self.bytes, self.column, self.over, self.most_over) = (0, 0, 0, 0);
    }

    fn shown(&self) -> Clean {
        let mut line: String = self.cells.iter().collect();
        let over = self.most_over.max(self.over);
        if over > 0 {
            line.push_str(&format!("… {over} bytes more"));
        }
        Clean(line)
    }

    fn put(&mut self, c: char) {
        let gap = self.column.saturating_sub(self.cells.len());
        let old = self.cells.get(self.column).map_or(0, |c| c.len_utf8());
        let bytes = (self.bytes + gap + c.len_utf8()).saturating_sub(old);
        if bytes > LINE_CAP {
            self.over += c.len_utf8();
            return;
        }
        self.bytes = bytes;
        self.cells.extend(std::iter::repeat_n(' ', gap));
        match self.cells.get_mut(self.column) {
            Some(cell) => *cell = c,
            None => self.cells.push(c),
        }
        self.column += 1;
    }

    fn go(&mut self, column: usize) {
        self.column = column.min(self.cells.len() + LEAP).min(LINE_CAP);
        self.most_over = self.most_over.max(self.over);
        self.over = 0;
    }

    /// `ESC [ K` to the end, `ESC [ 2 K` all. Work done here was paid for by the bytes that filled the cells.
    fn erase(&mut self, which: u16) {
        let keep = match which {
            0 => self.column,
            2 => 0,
            _ => return,
        };
        self.bytes -= self.cells.iter().skip(keep).map(|c| c.len_utf8()).sum::<usize>();
        self.cells.truncate(keep);
        (self.over, self.most_over) = (0, 0);
    }

    fn print(&mut self, c: char) {
        show(c, &mut |c| self.put(c));
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\r' => self.go(0),
            0x08 => self.go(self.column.saturating_sub(1)),
            b'\t' => self.go((self.column / TAB + 1) * TAB),
            // Shift out and in choose a character set, as a colour chooses a colour.
            0x0e | 0x0f => {}
            byte => self.print(char::from(byte)),
        }
    }

    /// The end of `ESC [ first … last`. What is not known here is a colour, a mode or another row.
    fn control(&mut self, last: u8, first: u16) {
        let count = usize::from(first.max(1));
        match last {
            b'K' => self.erase(first),
            b'G' => self.go(count - 1),
            b'C' => self.go(self.column + count),
            b'D' => self.go(self.column.saturating_sub(count)),
            _ => {}
        }
    }
}
