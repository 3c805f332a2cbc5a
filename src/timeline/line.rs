//! The one byte form an event line may have, checked in a single pass that also finds the parts of the event.
//!
//! The form is RFC 8785 (JCS) for the values we use: objects with sorted, unique, printable ASCII keys, arrays,
//! strings with the shortest escapes, integers below 2^53, `true` and `false`. Never repairs a line: what is not
//! exactly canonical is refused with the offset of the first wrong byte.

use super::seal;

mod scan;
mod write;

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

/// The raw bytes of an event's parts, each exactly as it stands in the line. `None`: the key is not there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Parts<'a> {
    /// `v`, the version.
    pub v: Option<&'a str>,
    /// `seq`, the index of the leaf.
    pub seq: Option<&'a str>,
    /// `t`, the time, with its quotes.
    pub t: Option<&'a str>,
    /// `kind`, with its quotes.
    pub kind: Option<&'a str>,
    /// `actor`, with its quotes.
    pub actor: Option<&'a str>,
    /// `data`, an object.
    pub data: Option<&'a str>,
    /// `payload`, an array of commitments.
    pub payload: Option<&'a str>,
    /// `auth`, an object.
    pub auth: Option<&'a str>,
    /// The first key that is none of these.
    pub unknown: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn set(&mut self, key: &'a str, value: &'a str) {
        // Compared byte by byte: this is asked for every key of a record.
        let place = match *key.as_bytes() {
            [b'v'] => &mut self.v,
            [b's', b'e', b'q'] => &mut self.seq,
            [b't'] => &mut self.t,
            [b'k', b'i', b'n', b'd'] => &mut self.kind,
            [b'a', b'c', b't', b'o', b'r'] => &mut self.actor,
            [b'd', b'a', b't', b'a'] => &mut self.data,
            [b'p', b'a', b'y', b'l', b'o', b'a', b'd'] => &mut self.payload,
            [b'a', b'u', b't', b'h'] => &mut self.auth,
            _ => {
                self.unknown.get_or_insert(key);
                return;
            }
        };
        *place = Some(value);
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
    if line.starts_with(seal::PREFIX) {
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
