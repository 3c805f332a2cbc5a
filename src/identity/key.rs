//! Public keys as OpenSSH writes them. Never holds a private key.

use std::fmt;

use base64::Engine as _;
use sha2::{Digest as _, Sha256};

use super::certificate::{Certificate, CertificateError};
use super::wire::{Reader, base64_as_openssh, is_c_space, printable, put_bignum, put_string};

/// An elliptic curve OpenSSH uses for ECDSA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Curve {
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// NIST P-521.
    P521,
}

impl Curve {
    /// The curve's name inside a key.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Curve::P256 => "nistp256",
            Curve::P384 => "nistp384",
            Curve::P521 => "nistp521",
        }
    }

    /// Length of one coordinate or scalar, in bytes.
    pub(crate) fn field_bytes(self) -> usize {
        match self {
            Curve::P256 => 32,
            Curve::P384 => 48,
            Curve::P521 => 66,
        }
    }
}

/// A public key, taken apart. Two keys are the same key when these values are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PublicKey {
    /// `ssh-ed25519`.
    Ed25519([u8; 32]),
    /// `ecdsa-sha2-*`.
    Ecdsa {
        /// The curve.
        curve: Curve,
        /// The point, uncompressed (0x04, x, y).
        point: Vec<u8>,
    },
    /// `ssh-rsa`; numbers without leading zeros.
    Rsa {
        /// Public exponent.
        exponent: Vec<u8>,
        /// Modulus.
        modulus: Vec<u8>,
    },
    /// `sk-ssh-ed25519@openssh.com`, a key in a FIDO token.
    SkEd25519 {
        /// The point.
        point: [u8; 32],
        /// What the token was asked to bind the key to, usually `ssh:`.
        application: Vec<u8>,
    },
    /// `sk-ecdsa-sha2-nistp256@openssh.com`, a key in a FIDO token.
    SkEcdsa {
        /// The point, uncompressed.
        point: Vec<u8>,
        /// What the token was asked to bind the key to, usually `ssh:`.
        application: Vec<u8>,
    },
}

/// Why bytes are not a key this program can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Cut short, too long, or a value out of its form.
    #[error("the key's bytes are malformed")]
    Malformed,
    /// The text is not base64.
    #[error("the key is not base64")]
    NotBase64,
    /// A type this version does not know. It was not looked at further.
    #[error("keys of type `{0}` are not known to this version")]
    UnknownType(String),
    /// DSA.
    #[error("DSA keys (ssh-dss) are too weak to sign anything here")]
    Dsa,
    /// The word before the base64 names another type than the key.
    #[error("the line says `{said}` but the key is `{is}`")]
    TypeMismatch {
        /// The word in the line.
        said: String,
        /// The type inside the key.
        is: String,
    },
    /// An RSA modulus below 1,024 bits, which OpenSSH does not load either.
    #[error("an RSA key of {0} bits cannot be loaded")]
    RsaTooShort(usize),
    /// A certificate that does not stand on its own.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

const SK_ED25519: &str = "sk-ssh-ed25519@openssh.com";
const SK_ECDSA: &str = "sk-ecdsa-sha2-nistp256@openssh.com";

impl PublicKey {
    /// Reads the plain key blob (RFC 4253 section 6.6 and OpenSSH's PROTOCOL.u2f); certificates are refused.
    ///
    /// # Errors
    /// If the bytes are not exactly one key of a known type.
    pub fn from_blob(blob: &[u8]) -> Result<Self, KeyError> {
        let mut reader = Reader::new(blob);
        let name = reader.name().ok_or(KeyError::Malformed)?;
        let key = Self::body(name, &mut reader)?;
        if reader.is_empty() { Ok(key) } else { Err(KeyError::Malformed) }
    }

    /// Reads what follows the type name, leaving the reader behind the key.
    pub(crate) fn body(name: &[u8], reader: &mut Reader<'_>) -> Result<Self, KeyError> {
        match name {
            b"ssh-ed25519" => Ok(PublicKey::Ed25519(ed25519_point(reader)?)),
            b"ssh-rsa" => rsa(reader),
            b"ecdsa-sha2-nistp256" => ecdsa(Curve::P256, reader),
            b"ecdsa-sha2-nistp384" => ecdsa(Curve::P384, reader),
            b"ecdsa-sha2-nistp521" => ecdsa(Curve::P521, reader),
            b"sk-ssh-ed25519@openssh.com" => {
                let point = ed25519_point(reader)?;
                let application = reader.name().ok_or(KeyError::Malformed)?.to_vec();
                Ok(PublicKey::SkEd25519 { point, application })
            }
            b"sk-ecdsa-sha2-nistp256@openssh.com" => {
                let point = ec_point(Curve::P256, reader)?;
                let application = reader.name().ok_or(KeyError::Malformed)?.to_vec();
                Ok(PublicKey::SkEcdsa { point, application })
            }
            b"ssh-dss" => Err(KeyError::Dsa),
            other => Err(KeyError::UnknownType(printable(other))),
        }
    }

    /// The type's name, as in the first word of a `.pub` file.
    pub fn type_name(&self) -> String {
        match self {
            PublicKey::Ed25519(_) => "ssh-ed25519".to_owned(),
            PublicKey::Ecdsa { curve, .. } => format!("ecdsa-sha2-{}", curve.name()),
            PublicKey::Rsa { .. } => "ssh-rsa".to_owned(),
            PublicKey::SkEd25519 { .. } => SK_ED25519.to_owned(),
            PublicKey::SkEcdsa { .. } => SK_ECDSA.to_owned(),
        }
    }

    /// The key blob.
    pub fn to_blob(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_string(&mut out, self.type_name().as_bytes());
        match self {
            PublicKey::Ed25519(point) => put_string(&mut out, point),
            PublicKey::Ecdsa { curve, point } => {
                put_string(&mut out, curve.name().as_bytes());
                put_string(&mut out, point);
            }
            PublicKey::Rsa { exponent, modulus } => {
                put_bignum(&mut out, exponent);
                put_bignum(&mut out, modulus);
            }
            PublicKey::SkEd25519 { point, application } => {
                put_string(&mut out, point);
                put_string(&mut out, application);
            }
            PublicKey::SkEcdsa { point, application } => {
                put_string(&mut out, Curve::P256.name().as_bytes());
                put_string(&mut out, point);
                put_string(&mut out, application);
            }
        }
        out
    }

    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(self.to_blob());
        format!("SHA256:{}", base64::engine::general_purpose::STANDARD_NO_PAD.encode(digest))
    }

    /// The RSA modulus' length in bits; `None` for other kinds.
    pub fn rsa_bits(&self) -> Option<usize> {
        match self {
            PublicKey::Rsa { modulus, .. } => Some(bits(modulus)),
            PublicKey::Ed25519(_)
            | PublicKey::Ecdsa { .. }
            | PublicKey::SkEd25519 { .. }
            | PublicKey::SkEcdsa { .. } => None,
        }
    }
}

fn ed25519_point(reader: &mut Reader<'_>) -> Result<[u8; 32], KeyError> {
    reader.string().and_then(|bytes| bytes.try_into().ok()).ok_or(KeyError::Malformed)
}

fn ecdsa(curve: Curve, reader: &mut Reader<'_>) -> Result<PublicKey, KeyError> {
    Ok(PublicKey::Ecdsa { curve, point: ec_point(curve, reader)? })
}

/// The curve's name and an uncompressed point; whether it is on the curve shows when something is verified.
fn ec_point(curve: Curve, reader: &mut Reader<'_>) -> Result<Vec<u8>, KeyError> {
    let name = reader.name().ok_or(KeyError::Malformed)?;
    let point = reader.string().ok_or(KeyError::Malformed)?;
    let whole = point.len() == 1 + 2 * curve.field_bytes() && point.first() == Some(&4);
    if name == curve.name().as_bytes() && whole { Ok(point.to_vec()) } else { Err(KeyError::Malformed) }
}

fn rsa(reader: &mut Reader<'_>) -> Result<PublicKey, KeyError> {
    let exponent = reader.bignum().ok_or(KeyError::Malformed)?.to_vec();
    let modulus = reader.bignum().ok_or(KeyError::Malformed)?.to_vec();
    match bits(&modulus) {
        short if short < 1024 => Err(KeyError::RsaTooShort(short)),
        _ => Ok(PublicKey::Rsa { exponent, modulus }),
    }
}

fn bits(trimmed: &[u8]) -> usize {
    trimmed.first().map_or(0, |first| trimmed.len() * 8 - first.leading_zeros() as usize)
}

/// What a signer presents, or a line lists: a key, or a certificate over one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presented {
    /// The key itself.
    Key(PublicKey),
    /// A key and an authority's word for whose it is.
    Certificate(Box<Certificate>),
}

impl Presented {
    /// Reads a key or certificate blob. A certificate's own signature is checked here, as OpenSSH does.
    ///
    /// # Errors
    /// If the bytes are not exactly one key or sound certificate.
    pub fn from_blob(blob: &[u8]) -> Result<Self, KeyError> {
        let name = Reader::new(blob).name().ok_or(KeyError::Malformed)?;
        if Certificate::plain_type(name).is_some() {
            return Ok(Presented::Certificate(Box::new(Certificate::from_blob(blob)?)));
        }
        PublicKey::from_blob(blob).map(Presented::Key)
    }

    /// Reads `type base64` off the front of a line and returns what follows (the comment).
    ///
    /// # Errors
    /// If the line does not begin with a key.
    pub fn from_text(line: &[u8]) -> Result<(Self, &[u8]), KeyError> {
        let (said, rest) = word(line);
        if rest.is_empty() {
            return Err(KeyError::Malformed);
        }
        let (encoded, comment) = word(rest);
        let known = Certificate::plain_type(said).is_some()
            || !matches!(PublicKey::body(said, &mut Reader::new(&[])), Err(KeyError::UnknownType(_)));
        if !known {
            return Err(KeyError::UnknownType(printable(said)));
        }
        let blob = base64_as_openssh(encoded).ok_or(KeyError::NotBase64)?;
        let is = Reader::new(&blob).name().ok_or(KeyError::Malformed)?;
        if is != said {
            return Err(KeyError::TypeMismatch { said: printable(said), is: printable(is) });
        }
        Ok((Presented::from_blob(&blob)?, comment))
    }

    /// The key that makes the signatures; of a certificate, the certified one.
    pub fn key(&self) -> &PublicKey {
        match self {
            Presented::Key(key) => key,
            Presented::Certificate(certificate) => certificate.key(),
        }
    }

    /// The bytes as they stand in a signature or in an agent's list.
    pub fn to_blob(&self) -> Vec<u8> {
        match self {
            Presented::Key(key) => key.to_blob(),
            Presented::Certificate(certificate) => certificate.blob().to_vec(),
        }
    }

    /// The type's name, as in the first word of a `.pub` file.
    pub fn type_name(&self) -> String {
        match self {
            Presented::Key(key) => key.type_name(),
            Presented::Certificate(certificate) => certificate.type_name(),
        }
    }

    /// `type base64`, as a line of `authorized_keys` or a `.pub` file.
    pub fn to_openssh(&self) -> String {
        let encoded = base64::engine::general_purpose::STANDARD.encode(self.to_blob());
        format!("{} {encoded}", self.type_name())
    }
}

impl fmt::Display for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.type_name(), self.key().fingerprint())
    }
}

/// Splits at the first blank and skips the blanks that follow; a line end stays with the word.
fn word(line: &[u8]) -> (&[u8], &[u8]) {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let end = line.iter().position(is_blank).unwrap_or(line.len());
    let (head, tail) = line.split_at_checked(end).unwrap_or((line, &[]));
    let skip = tail.iter().take_while(|b| is_blank(b)).count();
    (head, tail.get(skip..).unwrap_or_default())
}

/// Reads a public key or certificate line, such as a `.pub` file's content.
///
/// # Errors
/// If it does not begin with a key.
pub fn read_public(text: &[u8]) -> Result<Presented, KeyError> {
    let skip = text.iter().take_while(|b| is_c_space(**b)).count();
    let line = text.get(skip..).unwrap_or_default();
    let end = line.iter().position(|b| *b == b'\n').unwrap_or(line.len());
    Presented::from_text(line.get(..end).unwrap_or_default()).map(|(key, _)| key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4 a comment";

    #[test]
    fn a_public_key_line_survives_the_round_trip() {
        let (key, comment) = Presented::from_text(ED25519.as_bytes()).unwrap();
        assert_eq!(comment, b"a comment");
        assert_eq!(format!("{} a comment", key.to_openssh()), ED25519);
        assert!(key.key().fingerprint().starts_with("SHA256:"));
    }

    #[test]
    fn a_key_with_one_byte_more_is_not_a_key() {
        let (key, _) = Presented::from_text(ED25519.as_bytes()).unwrap();
        let mut blob = key.to_blob();
        blob.push(0);
        assert_eq!(Presented::from_blob(&blob), Err(KeyError::Malformed));
    }

    #[test]
    fn the_word_in_front_must_be_the_type_of_the_key() {
        let lying = ED25519.replace("ssh-ed25519 ", "ssh-rsa ");
        assert!(matches!(Presented::from_text(lying.as_bytes()), Err(KeyError::TypeMismatch { .. })));
    }

    #[test]
    fn an_unknown_type_is_named_not_called_malformed() {
        let mut blob = Vec::new();
        put_string(&mut blob, b"ssh-mldsa44-ed25519@openssh.com");
        put_string(&mut blob, &[1; 40]);
        let error = Presented::from_blob(&blob).unwrap_err();
        assert_eq!(error, KeyError::UnknownType("ssh-mldsa44-ed25519@openssh.com".to_owned()));
    }
}
