//! The single pass over a line. Never allocates, and never reads a byte twice except to compare neighbouring keys.
//!
//! The program is built for size, where nothing small is inlined unless it is said; here every byte of a record passes.

use std::ops::Range;

use super::{Fault, MAX_DEPTH, NotCanonical, Parts};

/// 2^53: the first integer that a double cannot tell from its neighbour.
const LIMIT: u64 = 1 << 53;
/// How many digits that has.
pub(super) const DIGITS: usize = 16;

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Whether there was a list that is not itself a part of the event.
    lists: bool,
}

type Step<T> = Result<T, NotCanonical>;

/// The whole text as one object; also its top-level parts.
pub(super) fn object(text: &str) -> Step<Parts<'_>> {
    let mut scan = Scan { bytes: text.as_bytes(), at: 0, lists: false };
    if scan.peek() != Some(b'{') {
        return Err(scan.fault(Fault::NotAnObject));
    }
    let mut parts = Parts::new(text);
    scan.members(1, |key, value| parts.set(key, value))?;
    parts.lists = scan.lists;
    if scan.at == text.len() { Ok(parts) } else { Err(scan.unexpected(Fault::Surplus)) }
}

impl<'a> Scan<'a> {
    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn fault(&self, fault: Fault) -> NotCanonical {
        NotCanonical { at: self.at, fault }
    }

    /// The fault at this place, unless the line ends here or the byte is a control character.
    fn unexpected(&self, fault: Fault) -> NotCanonical {
        match self.peek() {
            None => self.fault(Fault::Ended),
            Some(0..0x20) => self.fault(Fault::Control),
            Some(_) => self.fault(fault),
        }
    }

    #[inline(always)]
    fn expect(&mut self, byte: u8) -> Step<()> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.unexpected(Fault::Unexpected))
        }
    }

    #[inline(always)]
    fn value(&mut self, depth: u8) -> Step<()> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.integer(),
            _ => self.rarer(depth),
        }
    }

    /// A value that is neither a text nor a number.
    fn rarer(&mut self, depth: u8) -> Step<()> {
        match self.peek() {
            Some(b'{') => self.members(depth + 1, |_, _| ()),
            Some(b'[') => self.items(depth + 1),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => Err(self.fault(Fault::Null)),
            _ => Err(self.unexpected(Fault::Unexpected)),
        }
    }

    fn word(&mut self, word: &str) -> Step<()> {
        word.bytes().try_for_each(|b| self.expect(b))
    }

    #[inline(always)]
    fn members(&mut self, depth: u8, mut each: impl FnMut(Range<usize>, Range<usize>)) -> Step<()> {
        if depth > MAX_DEPTH {
            return Err(self.fault(Fault::TooDeep));
        }
        self.expect(b'{')?;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        let mut before: Option<&'a [u8]> = None;
        loop {
            let start = self.at;
            let key = self.key()?;
            if let Some(before) = before.replace(key)
                && !follows(before, key)
            {
                let fault = if before == key { Fault::KeyTwice } else { Fault::KeyOrder };
                return Err(NotCanonical { at: start, fault });
            }
            self.expect(b':')?;
            let (named, start) = (start + 1, self.at);
            self.value(depth)?;
            each(named..named + key.len(), start..self.at);
            match self.peek() {
                Some(b',') => self.at += 1,
                _ => return self.expect(b'}'),
            }
        }
    }

    fn items(&mut self, depth: u8) -> Step<()> {
        if depth > MAX_DEPTH {
            return Err(self.fault(Fault::TooDeep));
        }
        self.lists |= depth > 2;
        self.expect(b'[')?;
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value(depth)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                _ => return self.expect(b']'),
            }
        }
    }

    /// A key with its quotes; gives it without them.
    #[inline(always)]
    fn key(&mut self) -> Step<&'a [u8]> {
        self.expect(b'"')?;
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = printable(rest);
        self.at += length;
        match self.peek() {
            Some(b'"') => self.at += 1,
            Some(b'\\') => return Err(self.fault(Fault::Key)),
            _ => return Err(self.unexpected(Fault::Key)),
        }
        Ok(rest.get(..length).unwrap_or_default())
    }

    #[inline(always)]
    fn string(&mut self) -> Step<()> {
        self.at += 1;
        loop {
            self.at += plain(self.bytes.get(self.at..).unwrap_or_default());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                _ => return Err(self.unexpected(Fault::Unexpected)),
            }
        }
    }

    /// RFC 8785 3.2.2.2: the two-character escapes, else `\u00` and two lower-case digits, below 0x20 only.
    fn escape(&mut self) -> Step<()> {
        let rest = self.bytes.get(self.at + 1..).unwrap_or_default();
        let length = match rest {
            [b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
            [b'u', b'0', b'0', high @ (b'0' | b'1'), low @ (b'0'..=b'9' | b'a'..=b'f'), ..] => {
                let short = *high == b'0' && matches!(low, b'8' | b'9' | b'a' | b'c' | b'd');
                if short {
                    return Err(self.fault(Fault::Escape));
                }
                6
            }
            _ => return Err(self.fault(Fault::Escape)),
        };
        self.at += length;
        Ok(())
    }

    #[inline(always)]
    fn integer(&mut self) -> Step<()> {
        let start = self.at;
        let negative = self.peek() == Some(b'-');
        if negative {
            self.at += 1;
        }
        let digits = self.at;
        let mut value = 0u64;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        let wrong = |fault| Err(NotCanonical { at: start, fault });
        let length = self.at - digits;
        match self.bytes.get(digits) {
            _ if length == 0 => wrong(Fault::Number),
            _ if matches!(self.peek(), Some(b'.' | b'e' | b'E')) => wrong(Fault::NotInteger),
            Some(b'0') if length > 1 || negative => wrong(Fault::Number),
            _ if length > DIGITS || value >= LIMIT => wrong(Fault::TooBig),
            _ => Ok(()),
        }
    }
}

/// Whether a key may come after this one. Neighbours mostly differ in their first byte, and then nothing is called.
#[inline(always)]
fn follows(before: &[u8], key: &[u8]) -> bool {
    match (before, key) {
        ([a, ..], [b, ..]) if a != b => a < b,
        _ => before < key,
    }
}

/// How many leading bytes are neither a quote, a backslash nor below 0x20. Sixteen at a time, then eight.
#[inline(always)]
pub(super) fn plain(bytes: &[u8]) -> usize {
    let mut n = 0;
    let (pairs, rest) = bytes.as_chunks::<16>();
    for pair in pairs {
        let both = u128::from_le_bytes(*pair);
        let (low, high) = (flags(both as u64), flags((both >> 64) as u64));
        if low | high != 0 {
            return n + if low == 0 { 8 + first(high) } else { first(low) };
        }
        n += 16;
    }
    if let Some(word) = rest.first_chunk::<8>() {
        let flags = flags(u64::from_le_bytes(*word));
        if flags != 0 {
            return n + first(flags);
        }
        n += 8;
    }
    let tail = bytes.get(n..).unwrap_or_default();
    n + tail.iter().position(|b| matches!(b, b'"' | b'\\' | 0..0x20)).unwrap_or(tail.len())
}

/// The same without what is not printable ASCII. Keys are short: eight at a time.
#[inline(always)]
fn printable(bytes: &[u8]) -> usize {
    let mut n = 0;
    for word in bytes.as_chunks::<8>().0 {
        let word = u64::from_le_bytes(*word);
        // A byte of 0x7f carries into its high bit, any higher one has it.
        let flags = flags(word) | (word | word.wrapping_add(ONES)) & HIGH;
        if flags != 0 {
            return n + first(flags);
        }
        n += 8;
    }
    let tail = bytes.get(n..).unwrap_or_default();
    n + tail.iter().position(|b| !matches!(b, b' '..=b'~') || matches!(b, b'"' | b'\\')).unwrap_or(tail.len())
}

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGH: u64 = ONES << 7;

/// The high bits of the bytes that end a plain text. The lowest one is exact; above it there may be borrowed ones.
#[inline(always)]
fn flags(word: u64) -> u64 {
    // With this bit turned a quote is 0x20, what is below 0x20 stays there, and nothing else comes below 0x21.
    let quote_or_control = word ^ (ONES * 2);
    let slash = word ^ (ONES * b'\\' as u64);
    (quote_or_control.wrapping_sub(ONES * 0x21) | slash.wrapping_sub(ONES)) & !word & HIGH
}

/// The byte that the lowest flag is in.
#[inline(always)]
fn first(flags: u64) -> usize {
    (flags.trailing_zeros() / 8) as usize
}
