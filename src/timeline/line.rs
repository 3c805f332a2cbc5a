//! The one byte form an event line may have, checked in a single pass that also finds the parts of the event.
//!
//! The form is RFC 8785 (JCS) for the values we use: objects with sorted, unique, printable ASCII keys, arrays,
//! strings with the shortest escapes, integers below 2^53, `true` and `false`. Never repairs a line: what is not
//! exactly canonical is refused with the offset of the first wrong byte.

use std::ops::Range;

use super::seal;

mod read;
mod scan;
mod write;

pub use read::{Text, read};
pub use write::{WriteError, canonical};

/// The most bytes one event line has, without its line feed. Below 2^16, so that log tiles can carry it.
pub const MAX_BYTES: usize = 65_000;
/// How deep objects and arrays nest; the event itself is level 1.
pub const MAX_DEPTH: u8 = 16;

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// More than [`MAX_BYTES`].
    #[error("longer than 65,000 bytes")]
    TooLong,
    /// Invalid UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// The line begins like a seal.
    #[error("an event may not begin like a seal")]
    LooksLikeSeal,
    /// A line that is no JSON object.
    #[error("not a JSON object")]
    NotAnObject,
    /// A byte below 0x20.
    #[error("a control character")]
    Control,
    /// A byte that cannot stand here, white space included.
    #[error("a byte that cannot stand here")]
    Unexpected,
    /// The line ends in the middle of a value.
    #[error("the line ends too early")]
    Ended,
    /// Bytes after the closing brace.
    #[error("bytes after the end of the event")]
    Surplus,
    /// A key with a character outside printable ASCII, a quote or a backslash.
    #[error("a key that is not plain ASCII")]
    Key,
    /// Keys out of order.
    #[error("keys that are not in order")]
    KeyOrder,
    /// The same key twice.
    #[error("the same key twice")]
    KeyTwice,
    /// An escape where the character itself, or a shorter escape, belongs.
    #[error("an escape that is not the shortest form")]
    Escape,
    /// `null`.
    #[error("null")]
    Null,
    /// A fraction or an exponent.
    #[error("a number that is not an integer")]
    NotInteger,
    /// `-0`, a leading zero, or a lone minus.
    #[error("a number that is not in its shortest form")]
    Number,
    /// 2^53 or more in size.
    #[error("an integer of 2^53 or more")]
    TooBig,
    /// Deeper than [`MAX_DEPTH`].
    #[error("nested deeper than 16 levels")]
    TooDeep,
}

/// A line that is not canonical, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("byte {at}: {fault}")]
pub struct NotCanonical {
    /// Offset of the first wrong byte in the line.
    pub at: usize,
    /// What is wrong there.
    pub fault: Fault,
}

/// A part of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// `actor`, with its quotes.
    Actor,
    /// `auth`, an object.
    Auth,
    /// `data`, an object.
    Data,
    /// `kind`, with its quotes.
    Kind,
    /// `payload`, an array of commitments.
    Payload,
    /// `seq`, the index of the leaf.
    Seq,
    /// `t`, the time, with its quotes.
    T,
    /// `v`, the version.
    V,
}

/// Where in a line something stands; nothing has no bytes there. It fits: a line is never longer than [`MAX_BYTES`].
type Place = [u16; 2];

/// The raw text of an event's parts, each exactly as it stands in the line. Small, because every line's are handed
/// on several times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts<'a> {
    line: &'a str,
    places: [Place; 8],
    unknown: Place,
    lists: bool,
}

impl<'a> Parts<'a> {
    fn new(line: &'a str) -> Self {
        Parts { line, places: [[0; 2]; 8], unknown: [0; 2], lists: false }
    }

    /// What stands behind this key. `None`: the key is not there.
    #[inline(always)]
    pub fn get(&self, key: Key) -> Option<&'a str> {
        self.at(self.places.get(key as usize).copied()?)
    }

    /// The first key that is none of these.
    #[inline(always)]
    pub fn unknown(&self) -> Option<&'a str> {
        self.at(self.unknown)
    }

    /// Whether a list stands within one of the parts.
    #[inline(always)]
    pub fn lists(&self) -> bool {
        self.lists
    }

    #[inline(always)]
    fn at(&self, [start, end]: Place) -> Option<&'a str> {
        if end == 0 { None } else { self.line.get(usize::from(start)..usize::from(end)) }
    }

    /// Keeps a member of the line by where its name and its value stand.
    #[inline(always)]
    fn set(&mut self, name: Range<usize>, value: Range<usize>) {
        let place = |of: Range<usize>| [of.start as u16, of.end as u16];
        // Compared byte by byte: this is asked for every key of a record.
        let known = match *self.line.as_bytes().get(name.clone()).unwrap_or_default() {
            [b'a', b'c', b't', b'o', b'r'] => Key::Actor,
            [b'a', b'u', b't', b'h'] => Key::Auth,
            [b'd', b'a', b't', b'a'] => Key::Data,
            [b'k', b'i', b'n', b'd'] => Key::Kind,
            [b'p', b'a', b'y', b'l', b'o', b'a', b'd'] => Key::Payload,
            [b's', b'e', b'q'] => Key::Seq,
            [b't'] => Key::T,
            [b'v'] => Key::V,
            _ => {
                if self.unknown().is_none() {
                    self.unknown = place(name);
                }
                return;
            }
        };
        if let Some(at) = self.places.get_mut(known as usize) {
            *at = place(value);
        }
    }
}

/// Checks one line, given without its line feed, and finds its parts.
///
/// # Errors
/// The first thing that is not canonical.
pub fn parts(line: &[u8]) -> Result<Parts<'_>, NotCanonical> {
    if line.len() > MAX_BYTES {
        return Err(NotCanonical { at: MAX_BYTES, fault: Fault::TooLong });
    }
    if seal::begins(line) {
        return Err(NotCanonical { at: 0, fault: Fault::LooksLikeSeal });
    }
    let text = match std::str::from_utf8(line) {
        Ok(text) => text,
        Err(e) => return Err(NotCanonical { at: e.valid_up_to(), fault: Fault::NotUtf8 }),
    };
    scan::object(text)
}

#[cfg(test)]
mod tests;
