//! OpenSSH certificates (PROTOCOL.certkeys). Never trusts an authority; it only says what one signed.

use super::check;
use super::key::{KeyError, PublicKey};
use super::wire::{Reader, printable};

/// More principals than this and OpenSSH refuses the certificate.
const MAX_PRINCIPALS: usize = 256;

/// User certificate or host certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Stands for a person.
    User,
    /// Stands for a machine.
    Host,
}

/// A certificate whose own signature has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    blob: Vec<u8>,
    key: PublicKey,
    serial: u64,
    kind: Kind,
    key_id: String,
    principals: Vec<Vec<u8>>,
    valid_after: u64,
    valid_before: u64,
    critical: Vec<String>,
    authority: PublicKey,
}

/// Why bytes are not a sound certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Cut short, too long, or a value out of its form.
    #[error("the certificate's bytes are malformed")]
    Malformed,
    /// The type is neither user nor host.
    #[error("the certificate is of unknown kind {0}")]
    UnknownKind(u32),
    /// The authority's key is unusable.
    #[error("the certificate's authority key cannot be used: {0}")]
    Authority(Box<KeyError>),
    /// The authority's signature does not hold.
    #[error("the certificate is not signed by the authority it names: {0}")]
    Signature(Box<super::reject::Reject>),
}

/// What a user certificate is asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A host certificate.
    #[error("it is a host certificate, not a person's")]
    NotAPerson,
    /// Its window has not begun.
    #[error("it is not valid yet")]
    NotYetValid,
    /// Its window has ended.
    #[error("it has expired")]
    Expired,
    /// It names nobody.
    #[error("it lists no principal")]
    NoPrincipal,
    /// It names others.
    #[error("it does not list {0}")]
    OtherPrincipal(String),
    /// It carries a condition this program cannot check.
    #[error("it carries the critical option `{0}`, which cannot be honoured for a signature")]
    CriticalOption(String),
}

impl Certificate {
    /// The plain key type of a certificate type; `None` if the name is not a certificate's.
    pub(crate) fn plain_type(name: &[u8]) -> Option<&'static [u8]> {
        Some(match name {
            b"ssh-ed25519-cert-v01@openssh.com" => b"ssh-ed25519",
            b"ssh-rsa-cert-v01@openssh.com" => b"ssh-rsa",
            b"ecdsa-sha2-nistp256-cert-v01@openssh.com" => b"ecdsa-sha2-nistp256",
            b"ecdsa-sha2-nistp384-cert-v01@openssh.com" => b"ecdsa-sha2-nistp384",
            b"ecdsa-sha2-nistp521-cert-v01@openssh.com" => b"ecdsa-sha2-nistp521",
            b"sk-ssh-ed25519-cert-v01@openssh.com" => b"sk-ssh-ed25519@openssh.com",
            b"sk-ecdsa-sha2-nistp256-cert-v01@openssh.com" => b"sk-ecdsa-sha2-nistp256@openssh.com",
            _ => return None,
        })
    }

    /// Reads a certificate and checks the authority's signature over its exact bytes.
    ///
    /// # Errors
    /// If the bytes are not one certificate, or the signature does not hold.
    pub fn from_blob(blob: &[u8]) -> Result<Self, KeyError> {
        let mut reader = Reader::new(blob);
        let (certificate, signed, signature) = Self::parse(blob, &mut reader)?;
        check::check(&certificate.authority, signature, signed)
            .map_err(|reject| CertificateError::Signature(Box::new(reject)))?;
        Ok(certificate)
    }

    fn parse<'a>(blob: &'a [u8], reader: &mut Reader<'a>) -> Result<(Self, &'a [u8], &'a [u8]), KeyError> {
        const BAD: KeyError = KeyError::Certificate(CertificateError::Malformed);
        let name = reader.name().ok_or(BAD)?;
        let plain = Self::plain_type(name).ok_or_else(|| KeyError::UnknownType(printable(name)))?;
        reader.string().ok_or(BAD)?; // nonce
        let key = PublicKey::body(plain, reader)?;
        let serial = reader.u64().ok_or(BAD)?;
        let kind = reader.u32().ok_or(BAD)?;
        let key_id = String::from_utf8_lossy(reader.name().ok_or(BAD)?).into_owned();
        let principals = principals(reader.string().ok_or(BAD)?).ok_or(BAD)?;
        let valid_after = reader.u64().ok_or(BAD)?;
        let valid_before = reader.u64().ok_or(BAD)?;
        let critical = option_names(reader.string().ok_or(BAD)?).ok_or(BAD)?;
        option_names(reader.string().ok_or(BAD)?).ok_or(BAD)?; // extensions
        reader.string().ok_or(BAD)?; // reserved
        let authority = PublicKey::from_blob(reader.string().ok_or(BAD)?)
            .map_err(|error| CertificateError::Authority(Box::new(error)))?;
        let signed_length = blob.len() - reader.rest().len();
        let signature = reader.string().ok_or(BAD)?;
        if !reader.is_empty() {
            return Err(BAD);
        }
        let kind = match kind {
            1 => Kind::User,
            2 => Kind::Host,
            other => return Err(CertificateError::UnknownKind(other).into()),
        };
        let signed = blob.get(..signed_length).ok_or(BAD)?;
        let blob = blob.to_vec();
        let certificate = Certificate {
            blob,
            key,
            serial,
            kind,
            key_id,
            principals,
            valid_after,
            valid_before,
            critical,
            authority,
        };
        Ok((certificate, signed, signature))
    }

    /// Whether OpenSSH would let it speak for `principal` at that time (seconds since 1970 UTC).
    ///
    /// # Errors
    /// The first reason why not.
    pub fn speaks_for(&self, principal: &str, at_unix_seconds: u64) -> Result<(), Unfit> {
        match self.kind {
            Kind::User => {}
            Kind::Host => return Err(Unfit::NotAPerson),
        }
        if at_unix_seconds < self.valid_after {
            return Err(Unfit::NotYetValid);
        }
        if at_unix_seconds >= self.valid_before {
            return Err(Unfit::Expired);
        }
        if self.principals.is_empty() {
            return Err(Unfit::NoPrincipal);
        }
        if !self.principals.iter().any(|listed| listed == principal.as_bytes()) {
            return Err(Unfit::OtherPrincipal(principal.to_owned()));
        }
        Ok(())
    }

    /// Whether it carries no condition that a signature cannot meet; OpenSSH does not ask.
    ///
    /// `verify-required` is honoured elsewhere, by demanding the token's user-verified bit.
    ///
    /// # Errors
    /// The first condition that cannot be honoured.
    pub fn unconditional(&self) -> Result<(), Unfit> {
        match self.critical.iter().find(|name| name.as_str() != "verify-required") {
            Some(name) => Err(Unfit::CriticalOption(name.clone())),
            None => Ok(()),
        }
    }

    /// Whether the authority demands that the token checked a PIN or fingerprint.
    pub fn demands_user_verification(&self) -> bool {
        self.critical.iter().any(|name| name == "verify-required")
    }

    /// The certified key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The key of the authority that signed it.
    pub fn authority(&self) -> &PublicKey {
        &self.authority
    }

    /// The name the authority filed it under.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The authority's number for it.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// Who it speaks for.
    pub fn principals(&self) -> &[Vec<u8>] {
        &self.principals
    }

    /// The certificate's bytes.
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// The type's name, as in the first word of a `-cert.pub` file.
    pub fn type_name(&self) -> String {
        let plain = self.key.type_name();
        format!("{}-cert-v01@openssh.com", plain.strip_suffix("@openssh.com").unwrap_or(&plain))
    }
}

fn principals(packed: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut reader = Reader::new(packed);
    let mut found = Vec::new();
    while !reader.is_empty() {
        if found.len() >= MAX_PRINCIPALS {
            return None;
        }
        found.push(reader.name()?.to_vec());
    }
    Some(found)
}

fn option_names(packed: &[u8]) -> Option<Vec<String>> {
    let mut reader = Reader::new(packed);
    let mut found = Vec::new();
    while !reader.is_empty() {
        found.push(printable(reader.string()?));
        reader.string()?;
    }
    Some(found)
}
