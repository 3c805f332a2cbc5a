//! Keys that no longer count: a plain list, one public key a line. Never treats an unreadable list as an empty one.

use std::collections::BTreeSet;

use super::key::{KeyError, Presented, PublicKey};
use super::reject::Reject;

/// The first bytes of OpenSSH's binary revocation list.
const KRL_MAGIC: &[u8] = b"SSHKRL\n\0";

/// The keys that are revoked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revoked {
    keys: BTreeSet<PublicKey>,
}

/// Why a revocation list cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RevokedError {
    /// `ssh-keygen -k` output.
    #[error(
        "this is a binary revocation list (KRL), which is not read here; list the revoked public keys, one a line"
    )]
    BinaryList,
    /// A line that is not a public key.
    #[error("line {line} is not a public key: {reason}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// Why.
        reason: KeyError,
    },
}

impl Revoked {
    /// Nothing is revoked.
    pub fn none() -> Self {
        Revoked::default()
    }

    /// Reads a list: public keys, blank lines, and comments that begin with `#`.
    ///
    /// A certificate in the list revokes the key it certifies. OpenSSH stops at a line it cannot read only when it
    /// gets there; here such a list is refused as a whole.
    ///
    /// # Errors
    /// If it is a binary list or a line is not a public key.
    pub fn parse(bytes: &[u8]) -> Result<Self, RevokedError> {
        if bytes.starts_with(KRL_MAGIC) {
            return Err(RevokedError::BinaryList);
        }
        let mut keys = BTreeSet::new();
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let (presented, _) = Presented::from_text(line)
                .map_err(|reason| RevokedError::Line { line: index + 1, reason })?;
            keys.insert(presented.key().clone());
        }
        Ok(Revoked { keys })
    }

    /// How many keys are revoked.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Refuses a revoked key, a certificate over one, and a certificate by a revoked authority.
    ///
    /// # Errors
    /// Names the revoked key.
    pub fn check(&self, presented: &Presented) -> Result<(), Reject> {
        let authority = match presented {
            Presented::Key(_) => None,
            Presented::Certificate(certificate) => Some(certificate.authority()),
        };
        match [Some(presented.key()), authority].into_iter().flatten().find(|key| self.keys.contains(*key)) {
            Some(key) => Err(Reject::Revoked { fingerprint: key.fingerprint() }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Signer;

    #[test]
    fn a_list_with_comments_revokes_its_keys_and_no_others() {
        let (gone, stays) = (Signer::generate_memory([1; 32]), Signer::generate_memory([2; 32]));
        let list = format!("# lost laptop\n\n  {} laptop\n", gone.public_openssh());
        let revoked = Revoked::parse(list.as_bytes()).unwrap();
        assert_eq!(revoked.len(), 1);
        assert!(matches!(revoked.check(gone.presented()), Err(Reject::Revoked { .. })));
        assert!(revoked.check(stays.presented()).is_ok());
    }

    #[test]
    fn a_list_that_cannot_be_read_is_an_error_with_its_line() {
        let error = Revoked::parse(b"# fine\nnot a key\n").unwrap_err();
        assert!(matches!(error, RevokedError::Line { line: 2, .. }));
    }

    #[test]
    fn a_binary_list_is_refused_with_what_to_do() {
        let error = Revoked::parse(b"SSHKRL\n\0\0\0\0\x01").unwrap_err();
        assert!(error.to_string().contains("one a line"));
    }
}
