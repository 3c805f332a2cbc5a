//! Proofs about a tree: that one leaf is in it, and that an older tree is its beginning (RFC 6962 2.1.1 and 2.1.2,
//! checked as RFC 9162 2.1.3.2 and 2.1.4.2 say). Never accepts a proof with a hash too many or too few.

use super::{Frontier, Hash, Head, empty_root, node_hash};

/// A run of leaves, from the first up to but without the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Index of the first leaf.
    pub first: u64,
    /// Index after the last leaf.
    pub end: u64,
}

/// Why a proof does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The leaf's index is not below the size of the tree.
    #[error("the proof is for event {index} of a tree of {size}")]
    OutOfRange {
        /// Which leaf.
        index: u64,
        /// How many leaves the tree has.
        size: u64,
    },
    /// The older tree has more leaves than the newer.
    #[error("the older head has {older} events, the newer only {newer}")]
    Shrunk {
        /// Size of the older tree.
        older: u64,
        /// Size of the newer tree.
        newer: u64,
    },
    /// More hashes than a tree of this size has levels for.
    #[error("the proof has hashes left over")]
    Surplus,
    /// Fewer hashes than needed.
    #[error("the proof lacks hashes")]
    Short,
    /// The hashes lead to another root.
    #[error("the proof leads to another root")]
    WrongRoot,
}

/// The largest power of two below `n`. Only called with n ≥ 2.
fn split(n: u64) -> u64 {
    1 << (63 - (n - 1).leading_zeros())
}

/// Which runs of leaves make up the inclusion proof of leaf `index` in a tree of `size`, in the order of the proof.
///
/// # Errors
/// The index is not below the size.
pub fn inclusion_spans(index: u64, size: u64) -> Result<Vec<Span>, ProofError> {
    if index >= size {
        return Err(ProofError::OutOfRange { index, size });
    }
    let (mut first, mut end, mut spans) = (0, size, Vec::new());
    while end - first > 1 {
        let middle = first + split(end - first);
        if index < middle {
            spans.push(Span { first: middle, end });
            end = middle;
        } else {
            spans.push(Span { first, end: middle });
            first = middle;
        }
    }
    spans.reverse();
    Ok(spans)
}

/// Which runs of leaves make up the proof that the tree of `older` leaves begins the tree of `newer`.
///
/// # Errors
/// The older tree is the larger one.
pub fn consistency_spans(older: u64, newer: u64) -> Result<Vec<Span>, ProofError> {
    if older > newer {
        return Err(ProofError::Shrunk { older, newer });
    }
    if older == 0 || older == newer {
        return Ok(Vec::new());
    }
    let (mut first, mut end, mut spans) = (0, newer, Vec::new());
    while end != older {
        let middle = first + split(end - first);
        if older <= middle {
            spans.push(Span { first: middle, end });
            end = middle;
        } else {
            spans.push(Span { first, end: middle });
            first = middle;
        }
    }
    if first != 0 {
        spans.push(Span { first, end });
    }
    spans.reverse();
    Ok(spans)
}

/// Collects the roots of chosen runs of leaves while all leaves stream past once.
#[derive(Debug, Clone)]
pub struct RangeRoots {
    runs: Vec<(Span, Frontier)>,
    at: u64,
}

impl RangeRoots {
    /// For these runs, whose roots [`finish`](Self::finish) gives in the same order.
    #[must_use]
    pub fn new(spans: &[Span]) -> Self {
        RangeRoots { runs: spans.iter().map(|s| (*s, Frontier::new())).collect(), at: 0 }
    }

    /// The next leaf, from the very first on.
    pub fn push(&mut self, leaf: Hash) {
        let at = self.at;
        if let Some((_, run)) = self.runs.iter_mut().find(|(s, _)| s.first <= at && at < s.end) {
            run.push(leaf);
        }
        self.at += 1;
    }

    /// The hashes of the proof.
    ///
    /// # Errors
    /// Not all leaves of every run were seen.
    pub fn finish(self) -> Result<Vec<Hash>, ProofError> {
        self.runs
            .into_iter()
            .map(
                |(span, run)| {
                    if run.len() == span.end - span.first { Ok(run.root()) } else { Err(ProofError::Short) }
                },
            )
            .collect()
    }
}

/// Checks that `leaf` stands at `index` in the tree of `head`.
///
/// # Errors
/// Says in which way the proof fails.
pub fn verify_inclusion(leaf: &Hash, index: u64, head: &Head, proof: &[Hash]) -> Result<(), ProofError> {
    if index >= head.n {
        return Err(ProofError::OutOfRange { index, size: head.n });
    }
    let (mut place, mut last, mut hash) = (index, head.n - 1, *leaf);
    for step in proof {
        if last == 0 {
            return Err(ProofError::Surplus);
        }
        if place & 1 == 1 || place == last {
            hash = node_hash(step, &hash);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, step);
        }
        place >>= 1;
        last >>= 1;
    }
    match (last, hash == head.root) {
        (0, true) => Ok(()),
        (0, false) => Err(ProofError::WrongRoot),
        _ => Err(ProofError::Short),
    }
}

/// Checks that the tree of `older` is the beginning of the tree of `newer`.
///
/// # Errors
/// Says in which way the proof fails.
pub fn verify_consistency(older: &Head, newer: &Head, proof: &[Hash]) -> Result<(), ProofError> {
    if older.n > newer.n {
        return Err(ProofError::Shrunk { older: older.n, newer: newer.n });
    }
    if older.n == 0 || older.n == newer.n {
        let expected = if older.n == 0 { empty_root() } else { newer.root };
        return match (proof.is_empty(), older.root == expected) {
            (true, true) => Ok(()),
            (true, false) => Err(ProofError::WrongRoot),
            (false, _) => Err(ProofError::Surplus),
        };
    }
    // A complete older tree is itself a node of the newer one, so the proof leaves it out.
    let mut steps = proof.iter();
    let start =
        if older.n.is_power_of_two() { older.root } else { *steps.next().ok_or(ProofError::Short)? };
    let shift = (older.n - 1).trailing_ones();
    let (mut place, mut last) = ((older.n - 1) >> shift, (newer.n - 1) >> shift);
    let (mut old, mut new) = (start, start);
    for step in steps {
        if last == 0 {
            return Err(ProofError::Surplus);
        }
        if place & 1 == 1 || place == last {
            old = node_hash(step, &old);
            new = node_hash(step, &new);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            new = node_hash(&new, step);
        }
        place >>= 1;
        last >>= 1;
    }
    match (last, old == older.root && new == newer.root) {
        (0, true) => Ok(()),
        (0, false) => Err(ProofError::WrongRoot),
        _ => Err(ProofError::Short),
    }
}
