//! The Merkle tree over event lines: hashes, the growing edge, and heads (RFC 6962 section 2.1).
//!
//! Never trims, parses or normalises a line: a leaf is exactly the bytes it was given.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;
use sha2::{Digest as _, Sha256};

mod hash;
mod proof;

pub use proof::{
    ProofError, RangeRoots, Span, consistency_spans, inclusion_spans, verify_consistency, verify_inclusion,
};

/// A SHA-256 value: a leaf, a node or a root.
pub type Hash = [u8; 32];

/// The hash of one event line, given without its line feed: `SHA-256(0x00 || line)`.
#[must_use]
pub fn leaf_hash(line: &[u8]) -> Hash {
    hash::sha256(0, line)
}

/// The hash of an inner node: `SHA-256(0x01 || left || right)`.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut both = [0; 64];
    let (l, r) = both.split_at_mut(32);
    l.copy_from_slice(left);
    r.copy_from_slice(right);
    hash::sha256(1, &both)
}

/// The root of a tree without leaves: SHA-256 of nothing.
#[must_use]
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// The right edge of a growing tree: enough to append leaves and to know the root, in O(log n) memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    n: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// A tree without leaves.
    #[must_use]
    pub fn new() -> Self {
        Frontier::default()
    }

    /// Adds one leaf hash on the right.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        let mut carry = self.n;
        while carry & 1 == 1 {
            let Some(left) = self.peaks.pop() else { break };
            hash = node_hash(&left, &hash);
            carry >>= 1;
        }
        self.peaks.push(hash);
        self.n += 1;
    }

    /// How many leaves there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.n
    }

    /// Whether there is no leaf yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// The root over all leaves so far.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return empty_root() };
        peaks.fold(*last, |right, left| node_hash(left, &right))
    }

    /// Size and root together.
    #[must_use]
    pub fn head(&self) -> Head {
        Head { n: self.n, root: self.root() }
    }
}

/// What a timeline was at one moment: how many events, and the root over them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Head {
    /// How many events.
    pub n: u64,
    /// The root over their lines.
    pub root: Hash,
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

impl Head {
    /// The head of a timeline without events.
    #[must_use]
    pub fn empty() -> Self {
        Head { n: 0, root: empty_root() }
    }

    /// Size and the first ten base32 characters of the root (RFC 4648 alphabet, upper case): the form people read
    /// to each other, such as `812-AFGKQ2M7XB`. It carries 50 bits: enough to notice, not a proof on its own.
    #[must_use]
    pub fn short_code(&self) -> String {
        let bits = self.root.iter().take(7).fold(0u64, |all, byte| (all << 8) | u64::from(*byte));
        let code: String = (0..10)
            .filter_map(|i| BASE32.get(((bits >> (51 - 5 * i)) & 31) as usize))
            .map(|c| char::from(*c))
            .collect();
        format!("{}-{code}", self.n)
    }

    /// The root in standard base64, as it stands in seals and statements.
    #[must_use]
    pub fn root_b64(&self) -> String {
        B64.encode(self.root)
    }

    /// Reads `N·root`, `N root` or `N:root`, with the root in standard base64. `None` if it is none of these.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (n, root) = text.trim().split_once(['·', ' ', ':'])?;
        Some(Head { n: parse_size(n)?, root: parse_hash(root.trim())? })
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}·{}", self.n, self.root_b64())
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Head({self})")
    }
}

/// A decimal count without sign or leading zeros.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

/// 32 bytes in standard base64, in the one form an encoder gives.
#[must_use]
pub fn parse_hash(text: &str) -> Option<Hash> {
    let bytes = B64.decode(text).ok()?;
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests;
