//! One event shown to somebody without the others: a C2SP `tlog-proof` file.
//!
//! The file carries the event's line (as the format's `extra` data), its place, the hashes that lead to the root, and
//! the sealed head as a checkpoint. Never counts as evidence without the log's public key, which the asker must have.

use std::io::BufRead;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;

use super::seal::{Checkpoint, Origin, Seal, SealError, SealVerifier};
use super::tree::{self, Hash, Head, ProofError, RangeRoots, leaf_hash, parse_hash, parse_size};
use super::walk::{Break, Item, Walk};

/// The first line of every proof file.
const MAGIC: &str = "c2sp.org/tlog-proof@v1";
/// A tree of 2^63 leaves has no longer proof.
const MOST_HASHES: usize = 63;

/// Why there is no proof, or why one does not hold.
#[derive(Debug, thiserror::Error)]
pub enum ProofFileError {
    /// The timeline does not hold itself.
    #[error(transparent)]
    Broken(#[from] Break),
    /// No sealed event of this number.
    #[error("there is no sealed event {seq}; the record has {sealed}")]
    NoSuchEvent {
        /// Asked for.
        seq: u64,
        /// How many are sealed.
        sealed: u64,
    },
    /// Not a proof file.
    #[error("not a tlog-proof file: {0}")]
    Form(&'static str),
    /// The hashes do not lead to the head.
    #[error("the proof does not hold: {0}")]
    Proof(#[from] ProofError),
    /// The checkpoint in it does not hold.
    #[error("the checkpoint in the proof: {0}")]
    Seal(#[from] SealError),
}

/// A proof that one event is in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventProof {
    /// The event's line, without its line feed.
    pub event: Vec<u8>,
    /// Its place.
    pub seq: u64,
    /// From the leaf's neighbour up.
    pub hashes: Vec<Hash>,
    /// The head it leads to, with the log's signature.
    pub checkpoint: Checkpoint,
}

/// Makes the proof of event `seq` under the file's last seal. Reads the file twice, keeping only a few hashes.
///
/// # Errors
/// No such event, or the file breaks before its last seal.
pub fn prove<R: BufRead>(
    open: impl Fn() -> std::io::Result<R>,
    origin: &Origin,
    seq: u64,
) -> Result<EventProof, ProofFileError> {
    let last = last_seal(open().map_err(Break::Io)?)?;
    let sealed = last.map_or(0, |s| s.head.n);
    let seal = last.filter(|s| seq < s.head.n).ok_or(ProofFileError::NoSuchEvent { seq, sealed })?;
    let mut roots = RangeRoots::new(&tree::inclusion_spans(seq, sealed)?);
    let mut walk = Walk::new(open().map_err(Break::Io)?);
    let mut event = Vec::new();
    while let Some(item) = walk.next()? {
        match item {
            Item::Event { seq: at, line, leaf, .. } => {
                roots.push(leaf);
                if at == seq {
                    event = line.to_vec();
                }
            }
            Item::Seal(here) if here == seal => break,
            Item::Seal(_) => {}
        }
    }
    let checkpoint = Checkpoint::parse(&seal.checkpoint(origin))?;
    Ok(EventProof { event, seq, hashes: roots.finish()?, checkpoint })
}

/// The hashes which show that the head of `older` events begins the one of `newer`; both sealed in this file.
///
/// # Errors
/// The file breaks before `newer` events, or has fewer.
pub fn prove_consistency<R: BufRead>(input: R, older: u64, newer: u64) -> Result<Vec<Hash>, ProofFileError> {
    let mut roots = RangeRoots::new(&tree::consistency_spans(older, newer)?);
    let mut walk = Walk::new(input);
    while walk.tree().len() < newer {
        match walk.next()? {
            Some(Item::Event { leaf, .. }) => roots.push(leaf),
            Some(Item::Seal(_)) => {}
            None => break,
        }
    }
    Ok(roots.finish()?)
}

fn last_seal<R: BufRead>(input: R) -> Result<Option<Seal>, Break> {
    let mut walk = Walk::new(input);
    let mut last = None;
    loop {
        match walk.next() {
            Ok(Some(Item::Seal(seal))) => last = Some(seal),
            Ok(Some(Item::Event { .. })) => {}
            Ok(None) => return Ok(last),
            // What follows the last fitting seal is not part of the record.
            Err(why) => return if last.is_some() { Ok(last) } else { Err(why) },
        }
    }
}

impl EventProof {
    /// The file's text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{MAGIC}\nextra {}\nindex {}\n", B64.encode(&self.event), self.seq);
        for hash in &self.hashes {
            text.push_str(&B64.encode(hash));
            text.push('\n');
        }
        let (origin, head) = (&self.checkpoint.origin, &self.checkpoint.head);
        text.push_str(&format!("\n{}\n", super::seal::note(origin, head)));
        for (name, sig) in &self.checkpoint.signatures {
            text.push_str(&format!("\u{2014} {name} {}\n", B64.encode(sig)));
        }
        text
    }

    /// Reads a file's text. Says nothing about whether it holds.
    ///
    /// # Errors
    /// Another form, or no event in it.
    pub fn parse(text: &str) -> Result<Self, ProofFileError> {
        let form = ProofFileError::Form;
        let (top, checkpoint) = text.split_once("\n\n").ok_or(form("there is no checkpoint"))?;
        let mut lines = top.split('\n');
        if lines.next() != Some(MAGIC) {
            return Err(form("the first line is another"));
        }
        let event = lines
            .next()
            .and_then(|l| B64.decode(l.strip_prefix("extra ")?).ok())
            .ok_or(form("it does not carry the event"))?;
        let seq = lines
            .next()
            .and_then(|l| parse_size(l.strip_prefix("index ")?))
            .ok_or(form("it does not say which event"))?;
        let hashes: Vec<Hash> =
            lines.map(parse_hash).collect::<Option<_>>().ok_or(form("a line is not a hash"))?;
        if hashes.len() > MOST_HASHES {
            return Err(form("it has more hashes than any tree has levels"));
        }
        Ok(EventProof { event, seq, hashes, checkpoint: Checkpoint::parse(checkpoint)? })
    }

    /// Whether the event stands at its place in the log of this key.
    ///
    /// # Errors
    /// What does not hold.
    pub fn verify(&self, log: &SealVerifier) -> Result<Head, ProofFileError> {
        let head = self.checkpoint.head;
        tree::verify_inclusion(&leaf_hash(&self.event), self.seq, &head, &self.hashes)?;
        log.check_checkpoint(&self.checkpoint)?;
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::seal::SealKey;
    use crate::timeline::tree::{Frontier, verify_consistency};

    fn log(events: u64) -> (Vec<u8>, SealVerifier, Vec<Head>) {
        let key = SealKey::from_seed(&mut [5; 32]);
        let origin = Origin::parse("backout.local/x").unwrap();
        let (mut tree, mut file, mut heads) = (Frontier::new(), Vec::new(), vec![Head::empty()]);
        for seq in 0..events {
            let line = format!("{{\"seq\":{seq}}}");
            tree.push(leaf_hash(line.as_bytes()));
            file.extend_from_slice(format!("{line}\n").as_bytes());
            file.extend_from_slice(format!("{}\n", key.seal(&origin, &tree.head()).line()).as_bytes());
            heads.push(tree.head());
        }
        (file, SealVerifier::new(origin, &key.public()).unwrap(), heads)
    }

    #[test]
    fn every_event_is_proved_by_a_file_that_reads_back() {
        let (file, check, heads) = log(11);
        for seq in 0..11 {
            let proof = prove(|| Ok(&file[..]), check.origin(), seq).unwrap();
            let text = proof.text();
            let read = EventProof::parse(&text).unwrap();
            assert_eq!(read, proof);
            assert_eq!(read.verify(&check).unwrap(), heads[11]);
            assert_eq!(read.event, format!("{{\"seq\":{seq}}}").as_bytes());
            assert!(text.len() < 2048);
        }
        assert!(matches!(
            prove(|| Ok(&file[..]), check.origin(), 11),
            Err(ProofFileError::NoSuchEvent { sealed: 11, .. })
        ));
    }

    #[test]
    fn a_proof_with_anything_changed_does_not_hold() {
        let (file, check, _) = log(7);
        let text = prove(|| Ok(&file[..]), check.origin(), 4).unwrap().text();
        for at in 0..text.len() {
            let mut bent = text.clone().into_bytes();
            bent[at] ^= 1;
            let verdict =
                String::from_utf8(bent).ok().and_then(|t| EventProof::parse(&t).ok()?.verify(&check).ok());
            assert!(verdict.is_none(), "byte {at}");
        }
        let surplus = text.replacen("\n\n", &format!("\n{}\n\n", B64.encode([0; 32])), 1);
        assert!(EventProof::parse(&surplus).unwrap().verify(&check).is_err());
    }

    #[test]
    fn older_heads_prove_to_be_the_beginning() {
        let (file, _, heads) = log(9);
        for older in 0..=9 {
            let proof = prove_consistency(&file[..], older, 9).unwrap();
            verify_consistency(&heads[older as usize], &heads[9], &proof).unwrap();
        }
        assert!(prove_consistency(&file[..], 3, 10).is_err());
    }
}
