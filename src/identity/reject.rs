//! Why a signature does not count, each reason a sentence. Never says "forged" of what it could not check.

use super::certificate::Unfit;
use super::key::KeyError;

/// What a security key says about the person in front of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Presence {
    /// The key lives in a file or an agent; nobody vouches that a person was there.
    NotHardware,
    /// The token was touched.
    Present,
    /// The token signed without a touch.
    Absent,
    /// The token was touched and checked a PIN or a fingerprint.
    Verified,
}

/// The certificate a signature was made under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateUse {
    /// The name the authority filed it under. Foreign text: clean it before showing.
    pub key_id: String,
    /// The authority's number for it.
    pub serial: u64,
    /// Fingerprint of the authority's key.
    pub authority: String,
}

/// A signature that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// `SHA256:…` of the key; under a certificate, of the certified key.
    pub fingerprint: String,
    /// The signature algorithm, such as `ssh-ed25519` or `rsa-sha2-512`.
    pub algorithm: String,
    /// Whether a security key saw a person.
    pub presence: Presence,
    /// The security key's counter; tokens may keep it per key, for all keys, or at 0.
    pub counter: Option<u32>,
    /// The certificate, if one was presented.
    pub certificate: Option<CertificateUse>,
    /// The line of `allowed_signers` that lets it count, from 1.
    pub line: usize,
}

/// Why a signature does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reject {
    /// Not an armored signature.
    #[error("this is not an SSH signature: {0}")]
    Armor(&'static str),
    /// The bytes inside the armor are not an envelope.
    #[error("the signature's bytes are malformed: {0}")]
    Envelope(&'static str),
    /// Another version of the envelope.
    #[error("the signature is of version {0}, this program knows version 1; update it to check this one")]
    Version(u32),
    /// The signature was made for another purpose.
    #[error("the signature was made for `{found}`, not for `{expected}`")]
    Namespace {
        /// What it should have been made for.
        expected: String,
        /// What it says it was made for.
        found: String,
    },
    /// An unknown digest.
    #[error("the signature uses the digest `{0}`; only sha512 and sha256 are known here")]
    Digest(String),
    /// The signer's key or certificate cannot be used.
    #[error("the signer's key cannot be used: {0}")]
    Key(Box<KeyError>),
    /// An algorithm this version does not know. Nothing was checked.
    #[error(
        "the signature algorithm `{0}` is not known to this version, so it was not checked; update to check it"
    )]
    UnknownAlgorithm(String),
    /// RSA with SHA-1.
    #[error(
        "the signature uses RSA with SHA-1 (`ssh-rsa`), which is broken; the agent must sign with rsa-sha2-512"
    )]
    Sha1,
    /// The signature's algorithm is not one of the key's.
    #[error("a `{key}` key cannot make a `{signature}` signature")]
    OtherAlgorithm {
        /// The key's type.
        key: String,
        /// The signature's algorithm.
        signature: String,
    },
    /// RSA below what can be checked here at all.
    #[error(
        "the RSA key has {0} bits, which cannot be checked here; at least 3072 and at most 8192 are needed"
    )]
    RsaSize(usize),
    /// The arithmetic says no.
    #[error("the signature does not fit the text: text or signature was changed, or another key made it")]
    Mismatch,
    /// Nothing lists this key for this person.
    #[error("{principal} has no line in allowed_signers with the key {fingerprint}")]
    NotListed {
        /// Whom the signature should speak for.
        principal: String,
        /// The key that signed.
        fingerprint: String,
    },
    /// The line is for other purposes.
    #[error("line {line} of allowed_signers does not let this key sign for `{namespace}`")]
    OtherPurpose {
        /// The line, from 1.
        line: usize,
        /// The purpose asked for.
        namespace: String,
    },
    /// Before the line's window.
    #[error("line {line} of allowed_signers is not valid yet at that time")]
    NotYetValid {
        /// The line, from 1.
        line: usize,
    },
    /// After the line's window.
    #[error("line {line} of allowed_signers had expired by that time")]
    Expired {
        /// The line, from 1.
        line: usize,
    },
    /// The certificate does not speak for the person.
    #[error("the signer's certificate does not count: {reason}")]
    Certificate {
        /// The line of the authority, from 1.
        line: usize,
        /// Why.
        reason: Unfit,
    },
    /// The key, or the authority that certified it, is revoked.
    #[error("the key {fingerprint} is revoked")]
    Revoked {
        /// The revoked key.
        fingerprint: String,
    },
    /// Stricter than OpenSSH: RSA strength.
    #[error("the RSA key {fingerprint} has {bits} bits; at least 3072 are needed")]
    WeakRsa {
        /// The key.
        fingerprint: String,
        /// Its length.
        bits: usize,
    },
    /// Stricter than OpenSSH: a security key must have been touched.
    #[error("the security key {fingerprint} signed without being touched")]
    NotTouched {
        /// The key.
        fingerprint: String,
    },
    /// Stricter than OpenSSH: the certificate demands a PIN or fingerprint.
    #[error("the certificate demands a PIN or fingerprint, and the security key {fingerprint} checked none")]
    NotVerified {
        /// The key.
        fingerprint: String,
    },
    /// Stricter than OpenSSH: one key for whoever fits a pattern names nobody.
    #[error("line {line} of allowed_signers lists the key for a pattern, not for {principal} by name")]
    Wildcard {
        /// The line, from 1.
        line: usize,
        /// Whom the signature should speak for.
        principal: String,
    },
    /// Stricter than OpenSSH: a certificate in the place of a key, so that its window would not be looked at.
    #[error("line {line} of allowed_signers lists a certificate where a key belongs")]
    CertificateAsKey {
        /// The line, from 1.
        line: usize,
    },
}

impl Reject {
    /// Whether `ssh-keygen -Y verify` would have said yes: a rule of this program refused it, not OpenSSH's.
    pub fn is_stricter_than_openssh(&self) -> bool {
        match self {
            Reject::Version(version) => *version == 0,
            Reject::WeakRsa { .. }
            | Reject::NotTouched { .. }
            | Reject::NotVerified { .. }
            | Reject::Wildcard { .. }
            | Reject::CertificateAsKey { .. }
            | Reject::Certificate { reason: Unfit::CriticalOption(_), .. } => true,
            Reject::Armor(_)
            | Reject::Envelope(_)
            | Reject::Namespace { .. }
            | Reject::Digest(_)
            | Reject::Key(_)
            | Reject::UnknownAlgorithm(_)
            | Reject::Sha1
            | Reject::OtherAlgorithm { .. }
            | Reject::RsaSize(_)
            | Reject::Mismatch
            | Reject::NotListed { .. }
            | Reject::OtherPurpose { .. }
            | Reject::NotYetValid { .. }
            | Reject::Expired { .. }
            | Reject::Certificate { .. }
            | Reject::Revoked { .. } => false,
        }
    }
}
