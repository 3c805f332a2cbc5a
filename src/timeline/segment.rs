//! A record in more than one file: after a disk failed, what follows is written elsewhere under a new key, and says
//! what it follows.
//!
//! Event numbers and the tree go on, so the segments one behind the other are one record: `cat` joins them. What is new
//! is who seals. The key before signs, as the last thing it ever signs, that the new one follows it from exactly the
//! last head that counts. Never lets a segment begin anywhere else.

use std::io::{self, Read};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;

use super::evidence::Section;
use super::folder::TIMELINE;
use super::seal::{Origin, SealError, SealKey, SealVerifier};
use super::tree::{Head, parse_hash, parse_size};
use crate::core::event::{Continued, Seen};

/// A record has no more segments than this: so many disks do not fail in one incident.
pub const MOST: u64 = 999;

/// The file of a segment; the first is `timeline.jsonl`, the next `timeline.seg1.jsonl`.
#[must_use]
pub fn name(segment: u64) -> String {
    if segment == 0 { TIMELINE.to_owned() } else { format!("timeline.seg{segment}.jsonl") }
}

/// Which segment's file has this name.
#[must_use]
pub fn of_name(name: &str) -> Option<u64> {
    if name == TIMELINE {
        return Some(0);
    }
    let k = name.strip_prefix("timeline.seg")?.strip_suffix(".jsonl")?;
    parse_size(k).filter(|k| (1..=MOST).contains(k))
}

/// The segments that a folder has files of, in order; gaps show.
#[must_use]
pub fn present(dir: &Path) -> Vec<u64> {
    let names = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut found: Vec<u64> =
        names.filter_map(|entry| of_name(&entry.file_name().to_string_lossy())).collect();
    found.sort_unstable();
    found
}

/// The first segment that should be there and is not, among these.
#[must_use]
pub fn gap(present: &[u64]) -> Option<u64> {
    (0u64..).zip(present).find(|(k, there)| k != *there).map(|(k, _)| k)
}

/// Why a segment does not follow the one before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The name is not the next one.
    #[error("it calls itself {got}, and the next segment is {next}")]
    Name {
        /// What it says.
        got: String,
        /// What it must be.
        next: String,
    },
    /// It follows another head than the last one of the segment before.
    #[error("it follows a head of {named} events, and the last seal before it is another one, of {last}")]
    Head {
        /// In the event.
        named: u64,
        /// Sealed.
        last: u64,
    },
    /// The key before did not sign it.
    #[error("the key of the segment before did not sign that this one follows it")]
    Proof,
    /// The same key goes on.
    #[error("it is sealed with the key of the segment before")]
    SameKey,
    /// The name or the key is unusable.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// What the key before signs: which head of which log is followed by which log under which key.
fn passage(from: &Origin, after: &Head, to: &Origin, key: &[u8; 32]) -> String {
    let (n, root, key) = (after.n, after.root_b64(), B64.encode(key));
    format!("backout continuation v1\nlog: {from}\nhead: {n} {root}\nnext: {to}\nkey: {key}\n")
}

/// The first event of the segment behind this head, signed by the key that sealed it.
#[must_use]
pub fn follow(
    before: (&Origin, &SealKey),
    after: &Head,
    key: &[u8; 32],
    cause: &str,
    set_aside: Option<String>,
) -> Continued {
    let (from, old) = before;
    let to = from.next_segment();
    let proof = B64.encode(old.sign_passage(&passage(from, after, &to, key)));
    Continued {
        log: to.to_string(),
        hub_key: B64.encode(key),
        after: Seen { n: after.n, root: after.root_b64() },
        cause: cause.to_owned(),
        set_aside,
        proof,
    }
}

/// Who seals from here on, if this event follows the segment of `before`, whose last seal is of `last`.
///
/// # Errors
/// Why it does not follow.
pub fn next(before: &SealVerifier, last: &Head, data: &Continued) -> Result<SealVerifier, Unfit> {
    let to = before.origin().next_segment();
    if data.log != to.as_str() {
        return Err(Unfit::Name { got: data.log.clone(), next: to.to_string() });
    }
    if data.after.n != last.n || data.after.root != last.root_b64() {
        return Err(Unfit::Head { named: data.after.n, last: last.n });
    }
    let key = parse_hash(&data.hub_key).ok_or(SealError::PublicKey)?;
    if key == *before.public() {
        return Err(Unfit::SameKey);
    }
    let sig = B64.decode(&data.proof).ok().and_then(|sig| <[u8; 64]>::try_from(sig).ok());
    let signed =
        sig.is_some_and(|sig| before.signed_passage(&passage(before.origin(), last, &to, &key), &sig));
    if !signed {
        return Err(Unfit::Proof);
    }
    Ok(SealVerifier::new(to, &key)?)
}

/// The segments of a record one behind the other, read as one file.
#[derive(Debug)]
pub struct Chain {
    parts: Vec<Section>,
    at: usize,
}

impl Chain {
    /// Over the segments' files, in order.
    #[must_use]
    pub fn new(parts: Vec<Section>) -> Self {
        Chain { parts, at: 0 }
    }

    /// How long all of it is.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.parts.iter().map(Section::len).sum()
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where each segment begins, counted from the beginning of the first.
    #[must_use]
    pub fn starts(&self) -> Vec<u64> {
        let mut at = 0;
        let begin = |part: &Section| {
            let start = at;
            at += part.len();
            start
        };
        self.parts.iter().map(begin).collect()
    }

    /// Goes on reading at this offset of the whole.
    ///
    /// # Errors
    /// The system's.
    pub fn go_to(&mut self, at: u64) -> io::Result<()> {
        let mut left = at;
        let last = self.parts.len().saturating_sub(1);
        for (nth, part) in self.parts.iter_mut().enumerate() {
            if left < part.len() || nth == last {
                self.at = nth;
                part.go_to(left)?;
                break;
            }
            left -= part.len();
        }
        // What was read of later ones before is read again from their beginning.
        for part in self.parts.iter_mut().skip(self.at + 1) {
            part.go_to(0)?;
        }
        Ok(())
    }
}

impl Read for Chain {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while let Some(part) = self.parts.get_mut(self.at) {
            let n = part.read(buf)?;
            if n > 0 || buf.is_empty() {
                return Ok(n);
            }
            self.at += 1;
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::evidence::Evidence;

    fn key(seed: u8) -> SealKey {
        SealKey::from_seed(&mut [seed; 32])
    }

    fn first() -> (Origin, SealVerifier) {
        let origin = Origin::parse("backout.local/x").unwrap();
        let verifier = SealVerifier::new(origin.clone(), &key(1).public()).unwrap();
        (origin, verifier)
    }

    #[test]
    fn only_what_the_key_before_signed_follows_and_only_from_its_last_head() {
        let (origin, verifier) = first();
        let head = Head { n: 7, root: [3; 32] };
        let good = follow((&origin, &key(1)), &head, &key(2).public(), "EIO", None);
        let after = next(&verifier, &head, &good).unwrap();
        assert_eq!(after.origin().as_str(), "backout.local/x/seg1");
        assert_eq!(*after.public(), key(2).public());

        let forged = follow((&origin, &key(9)), &head, &key(2).public(), "EIO", None);
        assert_eq!(next(&verifier, &head, &forged).unwrap_err(), Unfit::Proof);
        let stolen = Continued { hub_key: B64.encode(key(5).public()), ..good.clone() };
        assert_eq!(next(&verifier, &head, &stolen).unwrap_err(), Unfit::Proof);
        let later = Head { n: 8, root: [4; 32] };
        assert_eq!(next(&verifier, &later, &good).unwrap_err(), Unfit::Head { named: 7, last: 8 });
        let bent = Continued { after: Seen { n: 8, root: later.root_b64() }, ..good.clone() };
        assert_eq!(next(&verifier, &later, &bent).unwrap_err(), Unfit::Proof, "signed for another head");
        let renamed = Continued { log: "backout.local/x/seg2".to_owned(), ..good.clone() };
        assert!(matches!(next(&verifier, &head, &renamed), Err(Unfit::Name { .. })));
        let same = follow((&origin, &key(1)), &head, &key(1).public(), "EIO", None);
        assert_eq!(next(&verifier, &head, &same).unwrap_err(), Unfit::SameKey);
        assert!(matches!(next(&after, &head, &good), Err(Unfit::Name { .. })), "not a second time");
    }

    #[test]
    fn names_and_numbers_of_segments_belong_together() {
        for k in [0, 1, 2, 10, MOST] {
            assert_eq!(of_name(&name(k)), Some(k));
        }
        for other in
            ["timeline.seg0.jsonl", "timeline.seg01.jsonl", "timeline.seg1000.jsonl", "timeline.seg.jsonl"]
        {
            assert_eq!(of_name(other), None, "{other}");
        }
        assert_eq!((gap(&[]), gap(&[0, 1, 2]), gap(&[0, 2]), gap(&[1])), (None, None, Some(1), Some(0)));
    }

    #[test]
    fn several_files_read_like_one() {
        let place = tempfile::tempdir().unwrap();
        for (k, text) in [(0, "abc"), (1, ""), (2, "defg"), (3, "h")] {
            std::fs::write(place.path().join(name(k)), text).unwrap();
        }
        let mut chain = Evidence::open(place.path()).unwrap().record().unwrap().unwrap();
        assert_eq!((chain.len(), chain.starts()), (8, vec![0, 3, 3, 7]));
        let mut text = String::new();
        chain.read_to_string(&mut text).unwrap();
        assert_eq!(text, "abcdefgh");
        for at in 0..=8 {
            text.clear();
            chain.go_to(at).unwrap();
            chain.read_to_string(&mut text).unwrap();
            assert_eq!(Some(text.as_str()), "abcdefgh".get(at as usize..));
        }
    }
}
