//! Reading a timeline file front to back: lines, leaves, and every seal against the tree so far.
//!
//! Memory stays at one line and a few hashes at any length. Never gives out a seal whose size or root differs from
//! what the lines before it say; signatures and meaning are for its callers.

use std::io::{self, BufRead, Read as _};

use memchr::memchr;

use super::line::{self, MAX_BYTES, NotCanonical, Parts};
use super::seal::{self, Seal, SealError};
use super::tree::{Frontier, Hash, Head, leaf_hash};

/// So many bytes are read before a line feed. One more than a line may have: that it is too long is for others to say.
const MOST: usize = MAX_BYTES + 1;

/// Where reading stopped making sense.
#[derive(Debug, thiserror::Error)]
pub enum Break {
    /// The file cannot be read.
    #[error("the timeline cannot be read: {0}")]
    Io(#[from] io::Error),
    /// The last line has no line feed, or a line is longer than any line may be.
    #[error("a line without an end")]
    NoLineFeed,
    /// An event line is not in the accepted form.
    #[error("event {seq} is not canonical: {why}")]
    Event {
        /// Which event it would be.
        seq: u64,
        /// What is wrong where.
        why: NotCanonical,
    },
    /// A line that begins like a seal is none.
    #[error("after event {events}: {why}")]
    Seal {
        /// How many events came before.
        events: u64,
        /// What is wrong.
        why: SealError,
    },
    /// A seal that seals nothing new.
    #[error("a second seal of {0} events")]
    SealedTwice(u64),
    /// The seal's size is not the number of events before it.
    #[error("the seal says {sealed} events, before it stand {found}")]
    Size {
        /// In the seal.
        sealed: u64,
        /// Counted.
        found: u64,
    },
    /// The root of the events before the seal is another one.
    #[error(
        "the tree of the first {n} events is not the sealed one: something at or after event {since} differs"
    )]
    Root {
        /// How many events were sealed.
        n: u64,
        /// The first event after the seal before, which still held.
        since: u64,
    },
}

/// One line of the file.
#[derive(Debug)]
pub enum Item<'a> {
    /// An event.
    Event {
        /// Its index.
        seq: u64,
        /// The line without its line feed.
        line: &'a [u8],
        /// Its leaf hash.
        leaf: Hash,
        /// Its parts.
        parts: Parts<'a>,
    },
    /// A seal that fits the events before it.
    Seal(Seal),
}

/// How far the file held: the last fitting seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// What was sealed; the empty head before the first seal.
    pub head: Head,
    /// The offset after the seal's line feed.
    pub end: u64,
}

/// A reader of one timeline file.
#[derive(Debug)]
pub struct Walk<R> {
    input: R,
    /// Bytes of the reader's buffer that the last line was lent from.
    lent: usize,
    /// A line that does not stand in the buffer as a whole.
    line: Vec<u8>,
    at: u64,
    tree: Frontier,
    sealed: Sealed,
}

impl<R: BufRead> Walk<R> {
    /// Starts at the beginning of a file.
    pub fn new(input: R) -> Self {
        let sealed = Sealed { head: Head::empty(), end: 0 };
        Walk { input, lent: 0, line: Vec::new(), at: 0, tree: Frontier::new(), sealed }
    }

    /// The last seal that fitted.
    pub fn sealed(&self) -> Sealed {
        self.sealed
    }

    /// The tree over all events read so far, sealed or not.
    pub fn tree(&self) -> &Frontier {
        &self.tree
    }

    /// The offset after everything read so far.
    pub fn offset(&self) -> u64 {
        self.at
    }

    /// The reader, to look at what follows a break.
    pub fn into_inner(mut self) -> R {
        self.input.consume(self.lent);
        self.input
    }

    /// The next line; `None` at the end of the file.
    ///
    /// # Errors
    /// The line is no event or seal that could stand here. Nothing after that has a meaning.
    // An iterator could not lend its line.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Item<'_>>, Break> {
        self.input.consume(std::mem::take(&mut self.lent));
        let line = match memchr(b'\n', self.input.fill_buf()?) {
            // It stands in the reader's buffer and is lent from there.
            Some(end) => {
                self.lent = end.min(MOST) + 1;
                self.at += self.lent as u64;
                if end > MOST {
                    return Err(Break::NoLineFeed);
                }
                self.input.fill_buf()?.get(..end).unwrap_or_default()
            }
            None => {
                self.line.clear();
                let most = MOST as u64 + 1;
                self.at += (&mut self.input).take(most).read_until(b'\n', &mut self.line)? as u64;
                if self.line.is_empty() {
                    return Ok(None);
                }
                self.line.strip_suffix(b"\n").ok_or(Break::NoLineFeed)?
            }
        };
        if seal::begins(line) {
            let seal = check_seal(&self.tree, self.sealed.head.n, line)?;
            self.sealed = Sealed { head: seal.head, end: self.at };
            return Ok(Some(Item::Seal(seal)));
        }
        let seq = self.tree.len();
        let parts = line::parts(line).map_err(|why| Break::Event { seq, why })?;
        let leaf = leaf_hash(line);
        self.tree.push(leaf);
        Ok(Some(Item::Event { seq, line, leaf, parts }))
    }
}

fn check_seal(tree: &Frontier, before: u64, line: &[u8]) -> Result<Seal, Break> {
    let found = tree.len();
    let seal = Seal::parse(line).map_err(|why| Break::Seal { events: found, why })?;
    if seal.head.n != found {
        return Err(Break::Size { sealed: seal.head.n, found });
    }
    if found == before {
        return Err(Break::SealedTwice(found));
    }
    if seal.head.root != tree.root() {
        return Err(Break::Root { n: found, since: before });
    }
    Ok(seal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::seal::{Origin, SealKey};

    fn file(batches: &[u64]) -> Vec<u8> {
        let key = SealKey::from_seed(&mut [3; 32]);
        let origin = Origin::parse("backout.local/x").unwrap();
        let (mut tree, mut bytes) = (Frontier::new(), Vec::new());
        for events in batches {
            for _ in 0..*events {
                let line = format!("{{\"seq\":{}}}", tree.len());
                tree.push(leaf_hash(line.as_bytes()));
                bytes.extend_from_slice(format!("{line}\n").as_bytes());
            }
            bytes.extend_from_slice(format!("{}\n", key.seal(&origin, &tree.head()).line()).as_bytes());
        }
        bytes
    }

    fn read(bytes: &[u8]) -> (u64, Result<(), Break>) {
        let mut walk = Walk::new(bytes);
        let end = loop {
            match walk.next() {
                Ok(Some(_)) => {}
                Ok(None) => break Ok(()),
                Err(e) => break Err(e),
            }
        };
        (walk.sealed().head.n, end)
    }

    #[test]
    fn a_whole_file_reads_to_its_last_seal() {
        let (n, end) = read(&file(&[1, 3, 2]));
        assert_eq!(n, 6);
        assert!(end.is_ok());
    }

    #[test]
    fn what_does_not_fit_a_seal_is_named() {
        let bytes = file(&[2, 2]);
        let text = String::from_utf8(bytes).unwrap();
        let bent = text.replace("{\"seq\":3}", "{\"seq\":4}");
        assert!(matches!(read(bent.as_bytes()), (2, Err(Break::Root { n: 4, since: 2 }))));
        let dropped = text.replace("{\"seq\":3}\n", "");
        assert!(matches!(read(dropped.as_bytes()), (2, Err(Break::Size { sealed: 4, found: 3 }))));
        let last = text.lines().last().unwrap();
        assert!(matches!(read(format!("{text}{last}\n").as_bytes()), (4, Err(Break::SealedTwice(4)))));
        assert!(matches!(read(format!("{text}{{}}").as_bytes()), (4, Err(Break::NoLineFeed))));
        assert!(matches!(read(format!("{text}\n").as_bytes()), (4, Err(Break::Event { seq: 4, .. }))));
    }

    #[test]
    fn what_the_reader_holds_at_a_time_makes_no_difference() {
        let bytes = file(&[1, 3, 2]);
        let all = |capacity| {
            let mut walk = Walk::new(std::io::BufReader::with_capacity(capacity, &*bytes));
            let mut seen = Vec::new();
            while let Some(item) = walk.next().unwrap() {
                let line = if let Item::Event { line, .. } = item { line.to_vec() } else { b"seal".to_vec() };
                seen.push((line, walk.offset()));
            }
            seen
        };
        let whole = all(bytes.len());
        assert_eq!(whole.last().unwrap().1, bytes.len() as u64);
        for capacity in 1..64 {
            assert_eq!(all(capacity), whole, "{capacity} bytes at a time");
        }
    }

    #[test]
    fn what_follows_a_break_can_still_be_read() {
        let text = String::from_utf8(file(&[2, 2])).unwrap().replace("{\"seq\":3}", "{\"seq\":4}") + "rest\n";
        for capacity in [7, 64 * 1024] {
            let mut walk = Walk::new(std::io::BufReader::with_capacity(capacity, text.as_bytes()));
            while let Ok(Some(_)) = walk.next() {}
            let mut rest = String::new();
            walk.into_inner().read_to_string(&mut rest).unwrap();
            assert_eq!(rest, "rest\n");
        }
    }

    #[test]
    fn an_endless_line_is_not_swallowed_whole() {
        let mut endless = file(&[1]);
        endless.resize(endless.len() + 3 * MAX_BYTES, b'x');
        let (n, end) = read(&endless);
        assert_eq!(n, 1);
        assert!(matches!(end, Err(Break::NoLineFeed)));
    }
}
