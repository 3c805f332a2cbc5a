//! The single pass over a line. Never allocates, and never reads a byte twice except to compare neighbouring keys.
//!
//! The program is built for size, where nothing small is inlined unless it is said; here every byte of a record passes.

use std::ops::Range;

use super::{Fault, MAX_DEPTH, NotCanonical, Parts};

/// 2^53: the first integer that a double cannot tell from its neighbour.
const LIMIT: u64 = 1 << 53;

struct Scan<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

type Step<T> = Result<T, NotCanonical>;

/// The whole text as one object; also its top-level parts.
pub(super) fn object(text: &str) -> Step<Parts<'_>> {
    let mut scan = Scan { text, bytes: text.as_bytes(), at: 0 };
    if scan.peek() != Some(b'{') {
        return Err(scan.fault(Fault::NotAnObject));
    }
    let mut parts = Parts::new(text);
    scan.members(1, |key, value| parts.set(key, value))?;
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

    /// What stands from `start` to here. Both are always next to ASCII bytes, so never inside a character.
    #[inline(always)]
    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn value(&mut self, depth: u8) -> Step<()> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'{') => self.members(depth + 1, |_, _| ()),
            Some(b'[') => self.items(depth + 1),
            Some(b'-' | b'0'..=b'9') => self.integer(),
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
        let mut before: Option<&'a str> = None;
        loop {
            let start = self.at;
            let key = self.key()?;
            match before.map(|b| order(b, key)) {
                None | Some(std::cmp::Ordering::Less) => before = Some(key),
                Some(std::cmp::Ordering::Equal) => {
                    return Err(NotCanonical { at: start, fault: Fault::KeyTwice });
                }
                Some(std::cmp::Ordering::Greater) => {
                    return Err(NotCanonical { at: start, fault: Fault::KeyOrder });
                }
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
    fn key(&mut self) -> Step<&'a str> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => return Err(self.fault(Fault::Key)),
                Some(0x20..=0x7e) => self.at += 1,
                _ => return Err(self.unexpected(Fault::Key)),
            }
        }
        let key = self.since(start);
        self.at += 1;
        Ok(key)
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
            value = value.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        let wrong = |fault| Err(NotCanonical { at: start, fault });
        let length = self.at - digits;
        match self.bytes.get(digits) {
            _ if length == 0 => wrong(Fault::Number),
            _ if matches!(self.peek(), Some(b'.' | b'e' | b'E')) => wrong(Fault::NotInteger),
            Some(b'0') if length > 1 || negative => wrong(Fault::Number),
            _ if value >= LIMIT => wrong(Fault::TooBig),
            _ => Ok(()),
        }
    }
}

/// As `cmp` says. Neighbours mostly differ in their first byte, and then nothing has to be called.
#[inline(always)]
fn order(before: &str, key: &str) -> std::cmp::Ordering {
    match before.as_bytes().first().cmp(&key.as_bytes().first()) {
        std::cmp::Ordering::Equal => before.cmp(key),
        differs => differs,
    }
}

/// How many leading bytes are neither a quote, a backslash nor below 0x20. Sixteen at a time, then eight.
#[inline(always)]
fn plain(bytes: &[u8]) -> usize {
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

/// The high bits of the bytes that end a plain text. The lowest one is exact; above it there may be borrowed ones.
#[inline(always)]
fn flags(word: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
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
