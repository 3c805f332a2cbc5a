//! Seals: the hub's signature over a head, as a line of the file and as a C2SP checkpoint.
//!
//! The signed bytes are a `tlog-checkpoint` body, the key's short name is the one of `signed-note` (type 0x01,
//! Ed25519). Never accepts a seal in any other byte form than the one [`Seal::line`] prints.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use super::tree::{Head, parse_hash, parse_size};

/// How every seal line begins, and no event line may.
const PREFIX: &[u8; 8] = br#"{"seal":"#;

/// Whether a line is a seal, or wants to be one.
#[inline(always)]
pub fn begins(line: &[u8]) -> bool {
    line.first_chunk() == Some(PREFIX)
}

/// The algorithm byte of `signed-note` for Ed25519.
const ED25519: u8 = 0x01;
/// More signature lines than this in one note are refused (C2SP asks for at least 16).
const MOST_SIGNATURES: usize = 32;

/// Why a name, key, seal line or checkpoint is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The log's name has a character it may not have, or is too long.
    #[error("an origin has 1 to 255 characters of a-z A-Z 0-9 . _ ~ @ : - / and no empty part")]
    Origin,
    /// Not the exact line form of a seal.
    #[error("not a seal in its exact form")]
    Form,
    /// The signature names another key.
    #[error("sealed with another key")]
    OtherKey,
    /// The signature does not fit the head.
    #[error("the seal's signature does not fit its head")]
    BadSignature,
    /// The 32 bytes are not a usable Ed25519 public key.
    #[error("not an Ed25519 public key")]
    PublicKey,
    /// Not a checkpoint: origin, size and root, an empty line, signature lines.
    #[error("not a checkpoint in the C2SP form")]
    Checkpoint,
    /// The checkpoint is of another log.
    #[error("the checkpoint is of another log")]
    OtherLog,
}

/// The unique name of one segment of one timeline: `<workspace origin>/<incident>[/seg<k>]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(String);

impl Origin {
    /// Checks the characters; says nothing about whose it is.
    ///
    /// # Errors
    /// Empty, too long, a character outside the list, or an empty part between slashes.
    pub fn parse(text: &str) -> Result<Self, SealError> {
        let fine = |b: u8| b.is_ascii_alphanumeric() || b"._~@:-/".contains(&b);
        let ok = text.len() <= 255 && text.bytes().all(fine) && text.split('/').all(|part| !part.is_empty());
        if ok { Ok(Origin(text.to_owned())) } else { Err(SealError::Origin) }
    }

    /// The origin of an incident's first segment.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn of_incident(workspace: &str, incident: &str) -> Result<Self, SealError> {
        Origin::parse(&format!("{workspace}/{incident}"))
    }

    /// The origin of the segment after this one: `…`, `…/seg1`, `…/seg2` and so on.
    #[must_use]
    pub fn next_segment(&self) -> Self {
        let (base, k) = self.split_segment();
        Origin(format!("{base}/seg{}", k + 1))
    }

    /// The origin of this incident's segment of that number.
    #[must_use]
    pub fn of_segment(&self, segment: u64) -> Self {
        let (base, _) = self.split_segment();
        if segment == 0 { Origin(base.to_owned()) } else { Origin(format!("{base}/seg{segment}")) }
    }

    /// Which segment this is; the first is 0.
    #[must_use]
    pub fn segment(&self) -> u64 {
        self.split_segment().1
    }

    fn split_segment(&self) -> (&str, u64) {
        self.0
            .rsplit_once("/seg")
            .and_then(|(base, k)| Some((base, parse_size(k)?)))
            .unwrap_or((self.0.as_str(), 0))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The four bytes that hint at the key; a hint only, never a proof.
pub type KeyId = [u8; 4];

/// What a seal signs: origin, size and root, each on its line.
#[must_use]
pub fn note(origin: &Origin, head: &Head) -> String {
    format!("{origin}\n{}\n{}\n", head.n, head.root_b64())
}

/// The short name of a key under a name (`signed-note`).
#[must_use]
pub fn key_id(name: &str, public: &[u8; 32]) -> KeyId {
    let hash: [u8; 32] = Sha256::new()
        .chain_update(name)
        .chain_update([b'\n', ED25519])
        .chain_update(public)
        .finalize()
        .into();
    let [a, b, c, d, ..] = hash;
    [a, b, c, d]
}

/// The hub's secret key for one segment. Wiped when dropped, never printed.
pub struct SealKey(SigningKey);

impl SealKey {
    /// From 32 random bytes; the caller's copy is overwritten.
    #[must_use]
    pub fn from_seed(seed: &mut [u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        *std::hint::black_box(seed) = [0; 32];
        SealKey(key)
    }

    /// A new random key.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut seed = [0u8; 32];
        getrandom::fill(&mut seed)?;
        Ok(SealKey::from_seed(&mut seed))
    }

    /// The secret bytes, for the key file only.
    pub(super) fn seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// Signs the sentence with which a segment hands on to the next. It begins with a word and a space, which no
    /// [`note`] can, so neither is ever taken for the other.
    pub(super) fn sign_passage(&self, passage: &str) -> [u8; 64] {
        self.0.sign(passage.as_bytes()).to_bytes()
    }

    /// Signs a head.
    #[must_use]
    pub fn seal(&self, origin: &Origin, head: &Head) -> Seal {
        let sig = self.0.sign(note(origin, head).as_bytes()).to_bytes();
        Seal { head: *head, key_id: key_id(origin.as_str(), &self.public()), sig }
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(..)")
    }
}

/// Checks seals of one segment.
#[derive(Debug, Clone)]
pub struct SealVerifier {
    origin: Origin,
    key: VerifyingKey,
    id: KeyId,
}

impl SealVerifier {
    /// For an origin and the public key that its event 0 names.
    ///
    /// # Errors
    /// The bytes are no usable public key.
    pub fn new(origin: Origin, public: &[u8; 32]) -> Result<Self, SealError> {
        let key = VerifyingKey::from_bytes(public).map_err(|_| SealError::PublicKey)?;
        if key.is_weak() {
            return Err(SealError::PublicKey);
        }
        let id = key_id(origin.as_str(), public);
        Ok(SealVerifier { origin, key, id })
    }

    /// Whose seals these are.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The `signed-note` verifier key text: name, key id and algorithm with key.
    #[must_use]
    pub fn vkey(&self) -> String {
        let id: String = self.id.iter().map(|b| format!("{b:02x}")).collect();
        let mut bytes = vec![ED25519];
        bytes.extend_from_slice(self.key.as_bytes());
        format!("{}+{id}+{}", self.origin, B64.encode(bytes))
    }

    /// Whether this key signed the sentence that hands on to the next segment.
    pub(super) fn signed_passage(&self, passage: &str, sig: &[u8; 64]) -> bool {
        self.key.verify_strict(passage.as_bytes(), &Signature::from_bytes(sig)).is_ok()
    }

    /// The key's 32 bytes.
    #[must_use]
    pub fn public(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Whether the seal's signature fits its head under this key.
    ///
    /// # Errors
    /// Another key, or a signature that does not fit.
    pub fn check(&self, seal: &Seal) -> Result<(), SealError> {
        if seal.key_id != self.id {
            return Err(SealError::OtherKey);
        }
        let sig = Signature::from_bytes(&seal.sig);
        self.key
            .verify_strict(note(&self.origin, &seal.head).as_bytes(), &sig)
            .map_err(|_| SealError::BadSignature)
    }

    /// Whether a checkpoint is of this log and carries this key's signature.
    ///
    /// # Errors
    /// Another log, no signature of this key, or one that does not fit.
    pub fn check_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), SealError> {
        if checkpoint.origin != self.origin {
            return Err(SealError::OtherLog);
        }
        let ours = checkpoint.signatures.iter().find_map(|(name, bytes)| {
            let (id, sig) = bytes.split_first_chunk::<4>()?;
            let sig: [u8; 64] = sig.try_into().ok()?;
            (name == self.origin.as_str() && *id == self.id).then_some(sig)
        });
        let sig = ours.ok_or(SealError::OtherKey)?;
        self.check(&Seal { head: checkpoint.head, key_id: self.id, sig })
    }
}

/// One seal: a head and the signature over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seal {
    /// What is sealed.
    pub head: Head,
    /// Which key signed.
    pub key_id: KeyId,
    /// The Ed25519 signature over the note.
    pub sig: [u8; 64],
}

impl Seal {
    fn sig_b64(&self) -> String {
        let mut bytes = Vec::with_capacity(68);
        bytes.extend_from_slice(&self.key_id);
        bytes.extend_from_slice(&self.sig);
        B64.encode(bytes)
    }

    /// The line of the file, without its line feed.
    #[must_use]
    pub fn line(&self) -> String {
        let (n, root, sig) = (self.head.n, self.head.root_b64(), self.sig_b64());
        format!(r#"{{"seal":{{"n":{n},"root":"{root}","sig":"{sig}"}}}}"#)
    }

    /// Reads the exact line form, given without its line feed.
    ///
    /// # Errors
    /// Any byte that [`line`](Self::line) would not print.
    pub fn parse(line: &[u8]) -> Result<Self, SealError> {
        let seal = Self::read(line).ok_or(SealError::Form)?;
        if seal.line().as_bytes() == line { Ok(seal) } else { Err(SealError::Form) }
    }

    fn read(line: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(line).ok()?;
        let rest = text.strip_prefix(r#"{"seal":{"n":"#)?.strip_suffix(r#""}}"#)?;
        let (n, rest) = rest.split_once(r#","root":""#)?;
        let (root, sig) = rest.split_once(r#"","sig":""#)?;
        let head = Head { n: parse_size(n)?, root: parse_hash(root)? };
        let bytes = B64.decode(sig).ok()?;
        let (key_id, sig) = bytes.split_first_chunk::<4>()?;
        Some(Seal { head, key_id: *key_id, sig: sig.try_into().ok()? })
    }

    /// The same as a C2SP checkpoint, which other tools read.
    #[must_use]
    pub fn checkpoint(&self, origin: &Origin) -> String {
        format!("{}\n\u{2014} {origin} {}\n", note(origin, &self.head), self.sig_b64())
    }
}

/// A head that came back from elsewhere, with whatever signatures it carries; nothing is checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Of which log.
    pub origin: Origin,
    /// Its head.
    pub head: Head,
    /// Signer's name and the decoded bytes (key id first) of each signature line.
    pub signatures: Vec<(String, Vec<u8>)>,
}

impl Checkpoint {
    /// Reads the C2SP form. Extension lines are refused, as nobody here writes them.
    ///
    /// # Errors
    /// Any other form.
    pub fn parse(text: &str) -> Result<Self, SealError> {
        Self::read(text).ok_or(SealError::Checkpoint)
    }

    fn read(text: &str) -> Option<Self> {
        let (body, signatures) = text.split_once("\n\n")?;
        let mut lines = body.split('\n');
        let (origin, n, root) = (lines.next()?, lines.next()?, lines.next()?);
        if lines.next().is_some() {
            return None;
        }
        let head = Head { n: parse_size(n)?, root: parse_hash(root)? };
        let origin = Origin::parse(origin).ok()?;
        let mut all = Vec::new();
        for line in signatures.strip_suffix('\n')?.split('\n') {
            let (name, sig) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
            all.push((name.to_owned(), B64.decode(sig).ok().filter(|b| b.len() >= 5)?));
        }
        (all.len() <= MOST_SIGNATURES).then_some(Checkpoint { origin, head, signatures: all })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::tree::Frontier;

    const ORIGIN: &str = "backout.example/acme/01JD3K9W8ZQ4T6V2M7N5B1C0XA";
    const SIG3: &str =
        "PWfORWen/tGTVHGPe2vqBAxbjlBhZNVP0d5ipamLYFu4Amjg1aEXMhWyCrqrjLBBumKFeS1o3o3SwdyUHA6e10YQGQE=";

    fn key() -> SealKey {
        let mut seed: [u8; 32] = std::array::from_fn(|i| i as u8);
        let key = SealKey::from_seed(&mut seed);
        assert_eq!(seed, [0; 32], "the caller's copy is wiped");
        key
    }

    fn origin() -> Origin {
        Origin::parse(ORIGIN).unwrap()
    }

    fn head3() -> Head {
        Head::parse("3 aEaAC/f17em4FsHnd7rsizcLDg53w03Jyi45oq/p0pU=").unwrap()
    }

    #[test]
    fn the_published_vector_has_this_seal_and_key() {
        let seal = key().seal(&origin(), &head3());
        assert_eq!(seal.sig_b64(), SIG3);
        let check = SealVerifier::new(origin(), &key().public()).unwrap();
        assert_eq!(check.vkey(), format!("{ORIGIN}+3d67ce45+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"));
        assert_eq!(check.check(&seal), Ok(()));
    }

    #[test]
    fn a_seal_line_reads_back_and_any_changed_bit_is_noticed() {
        let seal = key().seal(&origin(), &head3());
        let line = seal.line();
        let check = SealVerifier::new(origin(), &key().public()).unwrap();
        assert_eq!(Seal::parse(line.as_bytes()), Ok(seal));
        for at in 0..line.len() {
            for bit in [0, 1, 5] {
                let mut bent = line.clone().into_bytes();
                bent[at] ^= 1 << bit;
                let verdict = Seal::parse(&bent).and_then(|s| check.check(&s));
                assert!(verdict.is_err(), "byte {at} bit {bit}");
            }
        }
        for wrong in [
            "",
            "{\"seal\":{}}",
            &format!("{line} "),
            &line.replace(":3,", ":03,"),
            &line.replace(":3,", ": 3,"),
        ] {
            assert_eq!(Seal::parse(wrong.as_bytes()), Err(SealError::Form), "{wrong}");
        }
    }

    #[test]
    fn a_seal_of_another_log_or_key_does_not_count() {
        let seal = key().seal(&origin(), &head3());
        let elsewhere = SealVerifier::new(origin().next_segment(), &key().public()).unwrap();
        assert_eq!(elsewhere.check(&seal), Err(SealError::OtherKey));
        let other = SealKey::from_seed(&mut [9; 32]);
        let check = SealVerifier::new(origin(), &other.public()).unwrap();
        assert_eq!(check.check(&seal), Err(SealError::OtherKey));
    }

    #[test]
    fn a_checkpoint_reads_back_and_extra_lines_are_refused() {
        let seal = key().seal(&origin(), &Frontier::new().head());
        let text = seal.checkpoint(&origin());
        let check = SealVerifier::new(origin(), &key().public()).unwrap();
        let read = Checkpoint::parse(&text).unwrap();
        assert_eq!(check.check_checkpoint(&read), Ok(()));
        let witnessed = format!("{text}\u{2014} witness.example {}\n", B64.encode([7; 76]));
        assert_eq!(check.check_checkpoint(&Checkpoint::parse(&witnessed).unwrap()), Ok(()));
        assert!(Checkpoint::parse(&text.replacen("\n\n", "\nextension\n\n", 1)).is_err());
        assert!(Checkpoint::parse(text.trim_end()).is_err());
        let moved = Checkpoint { origin: origin().next_segment(), ..read };
        assert_eq!(check.check_checkpoint(&moved), Err(SealError::OtherLog));
    }

    #[test]
    fn an_origin_has_no_room_for_tricks() {
        for bad in ["", "a b", "a+b", "a\nb", "a//b", "/a", "a/", "é", &"a".repeat(256)] {
            assert_eq!(Origin::parse(bad), Err(SealError::Origin), "{bad:?}");
        }
        let first = Origin::of_incident("backout.local", "01JD3K9W8ZQ4T6V2M7N5B1C0XA").unwrap();
        assert_eq!(first.segment(), 0);
        assert_eq!(first.next_segment().as_str(), "backout.local/01JD3K9W8ZQ4T6V2M7N5B1C0XA/seg1");
        assert_eq!(first.next_segment().next_segment().segment(), 2);
    }

    #[test]
    fn a_secret_key_does_not_print() {
        assert_eq!(format!("{:?}", key()), "SealKey(..)");
    }
}
