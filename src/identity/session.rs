//! The short-lived key a client signs its acts with. Never written to disk, and wiped when dropped.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

/// Stands in front of every act, so that a session signature is never one of anything else.
const DOMAIN: &[u8] = b"backout/intent/v1\0";

/// An Ed25519 key that acts for a person for some hours.
pub struct SessionKey {
    // The key wipes itself when dropped (ed25519-dalek's `zeroize` feature).
    key: SigningKey,
}

/// Why an act's signature does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    /// Not 32 bytes in base64, or not a point.
    #[error("the session key is not a base64 Ed25519 key")]
    Key,
    /// Not 64 bytes in base64.
    #[error("the act's signature is not a base64 Ed25519 signature")]
    Form,
    /// The arithmetic says no.
    #[error("the act's signature does not fit the act: one of them was changed, or another session made it")]
    Mismatch,
}

impl SessionKey {
    /// A session key from 32 random bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        SessionKey { key: SigningKey::from_bytes(seed) }
    }

    /// The public key's 32 bytes, in base64.
    pub fn public_base64(&self) -> String {
        STANDARD.encode(self.key.verifying_key().as_bytes())
    }

    /// First 16 hex digits of the SHA-256 of the public key.
    pub fn id(&self) -> String {
        short_id(self.key.verifying_key().as_bytes())
    }

    /// Signs an act's canonical bytes; base64.
    pub fn sign_act(&self, act: &[u8]) -> String {
        STANDARD.encode(self.key.sign(&[DOMAIN, act].concat()).to_bytes())
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionKey({})", self.id())
    }
}

/// The id of a session whose public key is given in base64.
///
/// # Errors
/// If it is not a public key.
pub fn id_of(public_base64: &str) -> Result<String, ActError> {
    Ok(short_id(verifying(public_base64)?.as_bytes()))
}

/// Checks an act's signature.
///
/// # Errors
/// If key or signature are malformed, or the signature does not fit.
pub fn verify_act(public_base64: &str, act: &[u8], signature_base64: &str) -> Result<(), ActError> {
    let key = verifying(public_base64)?;
    let bytes = STANDARD.decode(signature_base64).map_err(|_| ActError::Form)?;
    let signature = Signature::from_slice(&bytes).map_err(|_| ActError::Form)?;
    key.verify_strict(&[DOMAIN, act].concat(), &signature).map_err(|_| ActError::Mismatch)
}

fn verifying(public_base64: &str) -> Result<VerifyingKey, ActError> {
    let bytes = STANDARD.decode(public_base64).map_err(|_| ActError::Key)?;
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| ActError::Key)?;
    VerifyingKey::from_bytes(&bytes).map_err(|_| ActError::Key)
}

fn short_id(public: &[u8]) -> String {
    Sha256::digest(public).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_verifies_and_a_changed_act_does_not() {
        let key = SessionKey::from_seed(&[5; 32]);
        let signature = key.sign_act(b"{\"intent\":1}");
        assert_eq!(verify_act(&key.public_base64(), b"{\"intent\":1}", &signature), Ok(()));
        assert_eq!(verify_act(&key.public_base64(), b"{\"intent\":2}", &signature), Err(ActError::Mismatch));
        let other = SessionKey::from_seed(&[6; 32]);
        assert_eq!(
            verify_act(&other.public_base64(), b"{\"intent\":1}", &signature),
            Err(ActError::Mismatch)
        );
    }

    #[test]
    fn a_bare_signature_without_the_domain_is_not_an_act() {
        let key = SessionKey::from_seed(&[5; 32]);
        let bare = STANDARD.encode(key.key.sign(b"act").to_bytes());
        assert_eq!(verify_act(&key.public_base64(), b"act", &bare), Err(ActError::Mismatch));
    }

    #[test]
    fn the_id_is_sixteen_hex_digits_and_follows_from_the_public_key() {
        let key = SessionKey::from_seed(&[5; 32]);
        assert_eq!(key.id().len(), 16);
        assert_eq!(id_of(&key.public_base64()), Ok(key.id()));
    }

    #[test]
    fn malformed_keys_and_signatures_are_told_apart() {
        let key = SessionKey::from_seed(&[5; 32]);
        assert_eq!(verify_act("AAAA", b"act", "AAAA"), Err(ActError::Key));
        assert_eq!(verify_act(&key.public_base64(), b"act", "AAAA"), Err(ActError::Form));
    }

    #[test]
    fn debug_output_does_not_show_the_secret() {
        let shown = format!("{:?}", SessionKey::from_seed(&[5; 32]));
        assert!(shown.starts_with("SessionKey(") && shown.len() < 40, "{shown}");
    }
}
