//! The envelope `ssh-keygen -Y sign` writes (OpenSSH's PROTOCOL.sshsig). Never re-encodes a signature it was given.

use base64::Engine as _;
use sha2::{Digest as _, Sha256, Sha512};

use super::check::{self, Checked};
use super::key::{KeyError, Presented};
use super::reject::Reject;
use super::wire::{Reader, base64_as_openssh, printable, put_string};

/// Purpose: a step may run.
pub const APPROVE: &str = "approve.v1@backout";
/// Purpose: a rule is set aside, with a reason.
pub const OVERRIDE: &str = "override.v1@backout";
/// Purpose: command passes to another person.
pub const HANDOVER: &str = "handover.v1@backout";
/// Purpose: consent to remove a payload.
pub const REDACT: &str = "redact.v1@backout";
/// Purpose: an incident is over, with this head.
pub const CLOSE: &str = "close.v1@backout";
/// Purpose: a session key acts for a person.
pub const SESSION: &str = "session.v1@backout";
/// Purpose: what an incident did otherwise is in the runbook now, or stays out of it.
pub const REDLINE: &str = "redline.v1@backout";
/// Every purpose this program signs for.
pub const NAMESPACES: [&str; 7] = [APPROVE, OVERRIDE, HANDOVER, REDACT, CLOSE, SESSION, REDLINE];

const BEGIN: &[u8] = b"-----BEGIN SSH SIGNATURE-----\n";
const END: &[u8] = b"\n-----END SSH SIGNATURE-----";
const MAGIC: &[u8] = b"SSHSIG";
/// A certificate with 256 principals and the largest RSA signature fit well into this; more is not a signature.
const MAX_ARMOR: usize = 256 * 1024;

/// The digest the message went through before it was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256, accepted.
    Sha256,
    /// SHA-512, what this program writes.
    Sha512,
}

impl Hash {
    fn name(self) -> &'static str {
        match self {
            Hash::Sha256 => "sha256",
            Hash::Sha512 => "sha512",
        }
    }

    fn of(self, message: &[u8]) -> Vec<u8> {
        match self {
            Hash::Sha256 => Sha256::digest(message).to_vec(),
            Hash::Sha512 => Sha512::digest(message).to_vec(),
        }
    }
}

/// The bytes a key signs for a message: SHA-512, as `ssh-keygen` does.
pub fn signed_data(namespace: &str, message: &[u8]) -> Vec<u8> {
    signed_data_with(Hash::Sha512, namespace, message)
}

fn signed_data_with(hash: Hash, namespace: &str, message: &[u8]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    put_string(&mut out, namespace.as_bytes());
    put_string(&mut out, b"");
    put_string(&mut out, hash.name().as_bytes());
    put_string(&mut out, &hash.of(message));
    out
}

/// A signature taken out of its armor; nothing about it has been verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    version: u32,
    presented: Presented,
    namespace: Vec<u8>,
    hash: Hash,
    signature: Vec<u8>,
}

impl Envelope {
    /// Reads an armored signature of version 1.
    ///
    /// # Errors
    /// As strict as `ssh-keygen`, and version 0 is refused as well.
    pub fn parse(armored: &[u8]) -> Result<Self, Reject> {
        let envelope = Self::parse_as_openssh(armored)?;
        match envelope.version {
            1 => Ok(envelope),
            other => Err(Reject::Version(other)),
        }
    }

    /// Reads what OpenSSH reads: it refuses versions above 1 only.
    pub(crate) fn parse_as_openssh(armored: &[u8]) -> Result<Self, Reject> {
        let blob = dearmor(armored)?;
        let mut reader = Reader::new(&blob);
        const SHORT: Reject = Reject::Envelope("cut short");
        if reader.take(MAGIC.len()) != Some(MAGIC) {
            return Err(Reject::Envelope("it does not begin with SSHSIG"));
        }
        let version = reader.u32().ok_or(SHORT)?;
        if version > 1 {
            return Err(Reject::Version(version));
        }
        let key = reader.string().ok_or(SHORT)?;
        let namespace = reader.name().ok_or(Reject::Envelope("no namespace"))?.to_vec();
        reader.string().ok_or(SHORT)?; // reserved: readers ignore it
        let hash = match reader.name().ok_or(SHORT)? {
            b"sha512" => Hash::Sha512,
            b"sha256" => Hash::Sha256,
            other => return Err(Reject::Digest(printable(other))),
        };
        let signature = reader.string().ok_or(SHORT)?.to_vec();
        if !reader.is_empty() {
            return Err(Reject::Envelope("bytes follow the signature"));
        }
        if namespace.is_empty() {
            return Err(Reject::Envelope("the namespace is empty"));
        }
        let presented = Presented::from_blob(key).map_err(|error| match error {
            KeyError::UnknownType(name) => Reject::UnknownAlgorithm(name),
            other => Reject::Key(Box::new(other)),
        })?;
        Ok(Envelope { version, presented, namespace, hash, signature })
    }

    /// An envelope around a wire-form signature, kept byte for byte as the agent or token returned it.
    pub(crate) fn wrap(presented: Presented, namespace: &str, signature: Vec<u8>) -> Self {
        let namespace = namespace.as_bytes().to_vec();
        Envelope { version: 1, presented, namespace, hash: Hash::Sha512, signature }
    }

    /// The armored text: LF line ends, 70 columns, a final LF.
    pub fn to_armor(&self) -> String {
        let mut blob = MAGIC.to_vec();
        blob.extend_from_slice(&self.version.to_be_bytes());
        put_string(&mut blob, &self.presented.to_blob());
        put_string(&mut blob, &self.namespace);
        put_string(&mut blob, b"");
        put_string(&mut blob, self.hash.name().as_bytes());
        put_string(&mut blob, &self.signature);
        let encoded = base64::engine::general_purpose::STANDARD.encode(blob);
        let mut text = String::from("-----BEGIN SSH SIGNATURE-----");
        for (index, letter) in encoded.chars().enumerate() {
            if index % 70 == 0 {
                text.push('\n');
            }
            text.push(letter);
        }
        text.push_str("\n-----END SSH SIGNATURE-----\n");
        text
    }

    /// Checks namespace and arithmetic; who the key belongs to is not asked here.
    pub(crate) fn check(&self, namespace: &str, message: &[u8]) -> Result<Checked, Reject> {
        if namespace.as_bytes() != self.namespace || namespace.is_empty() {
            return Err(Reject::Namespace {
                expected: namespace.to_owned(),
                found: printable(&self.namespace),
            });
        }
        let data = signed_data_with(self.hash, namespace, message);
        check::check(self.presented.key(), &self.signature, &data)
    }

    /// The key or certificate the signer presented.
    pub fn presented(&self) -> &Presented {
        &self.presented
    }

    /// The version in the envelope.
    pub(crate) fn version(&self) -> u32 {
        self.version
    }
}

/// Takes the base64 out of the armor. Text after the footer is let be, as `ssh-keygen` does.
fn dearmor(armored: &[u8]) -> Result<Vec<u8>, Reject> {
    if armored.len() > MAX_ARMOR {
        return Err(Reject::Armor("it is longer than 256 KiB"));
    }
    let body = armored.strip_prefix(BEGIN).ok_or(Reject::Armor(
        "it must begin with the line -----BEGIN SSH SIGNATURE----- and end lines with LF only",
    ))?;
    let end = body
        .windows(END.len())
        .position(|window| window == END)
        .ok_or(Reject::Armor("the line -----END SSH SIGNATURE----- is missing"))?;
    let inside = body.get(..end).unwrap_or_default();
    base64_as_openssh(inside).ok_or(Reject::Armor("what stands between its lines is not base64"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Signer;

    fn armored() -> String {
        Signer::generate_memory([7; 32]).sign(APPROVE, b"text\n").unwrap()
    }

    #[test]
    fn an_envelope_survives_the_round_trip() {
        let text = armored();
        assert_eq!(Envelope::parse(text.as_bytes()).unwrap().to_armor(), text);
    }

    #[test]
    fn carriage_returns_and_blank_lines_in_front_are_refused() {
        let text = armored();
        assert!(matches!(Envelope::parse(text.replace('\n', "\r\n").as_bytes()), Err(Reject::Armor(_))));
        assert!(matches!(Envelope::parse(format!("\n{text}").as_bytes()), Err(Reject::Armor(_))));
        assert!(Envelope::parse(format!("{text}trailing\n").as_bytes()).is_ok());
    }

    fn blob_with(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut blob = dearmor(armored().as_bytes()).unwrap();
        change(&mut blob);
        let encoded = base64::engine::general_purpose::STANDARD.encode(blob);
        format!("-----BEGIN SSH SIGNATURE-----\n{encoded}\n-----END SSH SIGNATURE-----\n").into_bytes()
    }

    #[test]
    fn other_versions_are_named() {
        assert_eq!(Envelope::parse(&blob_with(|blob| blob[9] = 0)), Err(Reject::Version(0)));
        assert_eq!(Envelope::parse(&blob_with(|blob| blob[9] = 2)), Err(Reject::Version(2)));
    }

    #[test]
    fn bytes_after_the_signature_are_refused() {
        let longer = blob_with(|blob| blob.push(0));
        assert_eq!(Envelope::parse(&longer), Err(Reject::Envelope("bytes follow the signature")));
    }

    #[test]
    fn an_empty_namespace_is_refused() {
        let mut envelope = Envelope::parse(armored().as_bytes()).unwrap();
        envelope.namespace.clear();
        assert!(Envelope::parse(envelope.to_armor().as_bytes()).is_err());
        assert!(matches!(envelope.check("", b"text\n"), Err(Reject::Namespace { .. })));
    }

    #[test]
    fn a_signature_for_one_purpose_is_none_for_another() {
        let envelope = Envelope::parse(armored().as_bytes()).unwrap();
        assert!(envelope.check(APPROVE, b"text\n").is_ok());
        assert!(matches!(envelope.check(CLOSE, b"text\n"), Err(Reject::Namespace { .. })));
        assert_eq!(envelope.check(APPROVE, b"text"), Err(Reject::Mismatch));
    }
}
