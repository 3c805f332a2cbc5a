//! The one door for foreign text: what comes out can be printed on any terminal and does nothing to it.
//!
//! Never decides what is shown, only that it is harmless, and never lets a control character through.
//!
//! The ways in, by what the text is:
//! * [`line()`] and [`text`] for something a person or a machine wrote (a title, a note, an answer): escape sequences
//!   such as colours go, every other control character is made visible (`^G`, `\u{202e}`).
//! * [`visible_name`] for what people recognise things by (a host, a path, a person): nothing goes, all is visible.
//! * [`unmistakable`] for what is compared byte for byte (an id, a principal): only printable ASCII stays a letter.
//! * [`json()`] for JSON on standard output, which may end on a terminal.
//! * [`Liner`] for the output of a command as it arrives: progress bars overwrite themselves as on a terminal.
//!
//! Which code points count as invisible: Unicode's `Default_Ignorable_Code_Point` and the bidirectional controls
//! (UAX #9), plus the line and paragraph separators and non-characters.

mod liner;
mod lookalike;

use std::fmt;

pub use liner::{LINE_CAP, Liner};
pub use lookalike::{look_alike, mixes_alphabets};

/// An escape sequence longer than this (bytes) is no sequence: its text is shown.
const SEQUENCE_CAP: usize = 4096;

/// Text without a byte a terminal would act on. A newline may be in it when it came from [`text`].
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Clean(String);

impl Clean {
    /// The program's own words. They are filtered all the same, so there is one way in.
    pub fn literal(words: &'static str) -> Clean {
        text(words)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, owned.
    pub fn into_string(self) -> String {
        self.0
    }

    /// Whether there is nothing to see.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds more clean text at the end.
    pub fn push(&mut self, more: &Clean) {
        self.0.push_str(&more.0);
    }

    /// Several clean texts as one, with a word of the program's own between.
    pub fn join<'a>(parts: impl IntoIterator<Item = &'a Clean>, between: &'static str) -> Clean {
        let between = Clean::literal(between);
        let mut all = Clean::default();
        for (n, part) in parts.into_iter().enumerate() {
            if n > 0 {
                all.push(&between);
            }
            all.push(part);
        }
        all
    }
}

impl fmt::Display for Clean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for Clean {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<&'static str> for Clean {
    fn from(words: &'static str) -> Clean {
        Clean::literal(words)
    }
}

impl From<Clean> for String {
    fn from(clean: Clean) -> String {
        clean.0
    }
}

/// One line: sequences dropped, newlines and tabs as a space, other controls visible, broken UTF-8 as U+FFFD.
pub fn line(foreign: impl AsRef<[u8]>) -> Clean {
    filter(foreign.as_ref(), Sequences::Drop, Newlines::Space)
}

/// The same over several lines: `\n` stays, `\r\n` becomes `\n`.
pub fn text(foreign: impl AsRef<[u8]>) -> Clean {
    filter(foreign.as_ref(), Sequences::Drop, Newlines::Keep)
}

/// One line in which nothing is hidden: escape characters and newlines show as `^[` and `^J`.
pub fn visible_name(foreign: impl AsRef<[u8]>) -> Clean {
    filter(foreign.as_ref(), Sequences::Show, Newlines::Show)
}

/// A JSON text with the same meaning in which nothing is left that a terminal acts on or hides: JSON itself allows
/// C1 and bidirectional controls inside its strings, and only there can they stand, so they become `\u` escapes.
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\u{7f}' || is_invisible(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// One line in which no two texts look the same: printable ASCII is itself, every other character is its number
/// (`\u{430}`), bytes that are no text are theirs (`\xff`), and a backslash is two.
pub fn unmistakable(foreign: impl AsRef<[u8]>) -> Clean {
    let mut out = String::new();
    for chunk in foreign.as_ref().utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => out.push_str("\\\\"),
                ' '..='~' => out.push(c),
                c => out.extend(c.escape_unicode()),
            }
        }
        chunk.invalid().iter().for_each(|byte| out.push_str(&format!("\\x{byte:02x}")));
    }
    Clean(out)
}

/// The first character that a reader would not see, or that would change how the rest is read.
pub fn hidden(text: &str) -> Option<char> {
    let variant = |c: char| matches!(c, '\u{fe00}'..='\u{fe0f}');
    text.chars().find(|c| c.is_control() || is_invisible(*c) || variant(*c))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sequences {
    Drop,
    Show,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Newlines {
    Keep,
    Space,
    Show,
}

fn filter(foreign: &[u8], sequences: Sequences, newlines: Newlines) -> Clean {
    let mut out = String::with_capacity(foreign.len());
    let mut rest = foreign;
    while let Some((escape, before_len)) = next_escape(rest) {
        let (before, after) = rest.split_at_checked(before_len).unwrap_or((rest, &[]));
        plain(before, newlines, &mut out);
        let skip = match sequences {
            Sequences::Drop => sequence_len(escape).unwrap_or(0),
            Sequences::Show => 0,
        };
        if skip == 0 {
            show('\u{1b}', &mut |c| out.push(c));
        }
        rest = after.get(skip.max(1)..).unwrap_or(&[]);
    }
    plain(rest, newlines, &mut out);
    Clean(out)
}

/// The bytes from the next ESC on, and how many come before it.
fn next_escape(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let at = bytes.iter().position(|b| *b == 0x1b)?;
    bytes.get(at..).map(|from| (from, at))
}

fn plain(bytes: &[u8], newlines: Newlines, out: &mut String) {
    for chunk in bytes.utf8_chunks() {
        let mut rest = chunk.valid();
        loop {
            // Nearly all text is this, and is taken as it stands.
            let ordinary = rest.bytes().position(|b| !matches!(b, b' '..=b'~')).unwrap_or(rest.len());
            let (before, from) = rest.split_at_checked(ordinary).unwrap_or((rest, ""));
            out.push_str(before);
            let mut chars = from.chars();
            let Some(c) = chars.next() else { break };
            rest = chars.as_str();
            match c {
                '\r' if rest.starts_with('\n') && newlines != Newlines::Show => {}
                '\n' if newlines == Newlines::Keep => out.push('\n'),
                '\n' if newlines == Newlines::Space => out.push(' '),
                '\t' => out.push(' '),
                _ => show(c, &mut |c| out.push(c)),
            }
        }
        if !chunk.invalid().is_empty() {
            out.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

/// Length of the whole escape sequence at the start of `bytes` (ECMA-48, plus OSC ended by BEL as xterm does), or
/// `None` when it is not a finished one. A newline ends every hope: nothing may swallow the next line.
fn sequence_len(bytes: &[u8]) -> Option<usize> {
    let body = bytes.get(1..)?;
    let (first, rest) = body.split_first()?;
    let rest = rest.get(..SEQUENCE_CAP).unwrap_or(rest);
    match first {
        b'[' => {
            let end = rest.iter().position(|b| !matches!(b, 0x20..=0x3f))?;
            matches!(rest.get(end)?, 0x40..=0x7e).then_some(end + 3)
        }
        b']' | b'P' | b'X' | b'^' | b'_' => {
            let end = rest.iter().position(|b| matches!(b, 0x07 | 0x1b | b'\n'))?;
            match (rest.get(end)?, rest.get(end + 1)) {
                (0x07, _) => Some(end + 3),
                (0x1b, Some(b'\\')) => Some(end + 4),
                _ => None,
            }
        }
        0x20..=0x2f => {
            let end = rest.iter().position(|b| !matches!(b, 0x20..=0x2f))?;
            matches!(rest.get(end)?, 0x30..=0x7e).then_some(end + 3)
        }
        0x30..=0x7e => Some(2),
        _ => None,
    }
}

/// Hands on `c` as something harmless to look at.
fn show(c: char, push: &mut impl FnMut(char)) {
    match c {
        '\u{00}'..='\u{1f}' => {
            push('^');
            // Caret notation: the letter 64 above.
            push(char::from_u32(u32::from(c) + 64).unwrap_or('?'));
        }
        '\u{7f}' => {
            push('^');
            push('?');
        }
        // Only choose a glyph's colour or shape; without them the character is still there.
        '\u{fe00}'..='\u{fe0f}' => {}
        c if is_invisible(c) => c.escape_unicode().for_each(push),
        c => push(c),
    }
}

/// Whether a terminal would act on `c`, reorder text because of it, or show nothing for it.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fdd0}'..='\u{fdef}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || u32::from(c) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests;
