//! Security keys made of software: what a FIDO token signs, without a token.

use backout::identity::sshsig::signed_data;
use ed25519_dalek::{Signer as _, SigningKey};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use sha2::{Digest as _, Sha256};

use super::judge::{armor, envelope, put};

/// A software token of one of OpenSSH's two kinds.
pub enum Token {
    Ed25519(SigningKey),
    Ecdsa(EcdsaKeyPair),
}

impl Token {
    pub fn ed25519() -> Token {
        Token::Ed25519(SigningKey::from_bytes(&[42; 32]))
    }

    pub fn ecdsa() -> Token {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
        Token::Ecdsa(pair)
    }

    fn name(&self) -> &'static [u8] {
        match self {
            Token::Ed25519(_) => b"sk-ssh-ed25519@openssh.com",
            Token::Ecdsa(_) => b"sk-ecdsa-sha2-nistp256@openssh.com",
        }
    }

    /// The public key's blob.
    pub fn blob(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, self.name());
        match self {
            Token::Ed25519(key) => put(&mut out, key.verifying_key().as_bytes()),
            Token::Ecdsa(pair) => {
                put(&mut out, b"nistp256");
                put(&mut out, pair.public_key().as_ref());
            }
        }
        put(&mut out, b"ssh:");
        out
    }

    /// The wire form of a signature with these flags and this counter.
    pub fn signature(&self, flags: u8, counter: u32, namespace: &str, text: &[u8]) -> Vec<u8> {
        let mut signed = Sha256::digest(b"ssh:").to_vec();
        signed.push(flags);
        signed.extend(counter.to_be_bytes());
        signed.extend(Sha256::digest(signed_data(namespace, text)));
        let value = match self {
            Token::Ed25519(key) => key.sign(&signed).to_bytes().to_vec(),
            Token::Ecdsa(pair) => {
                let fixed = pair.sign(&SystemRandom::new(), &signed).unwrap();
                let mut both = Vec::new();
                for half in fixed.as_ref().chunks(32) {
                    let trimmed: Vec<u8> = half.iter().copied().skip_while(|byte| *byte == 0).collect();
                    let sign_bit = trimmed.first().is_some_and(|first| first & 0x80 != 0);
                    let padded = if sign_bit { [&[0], trimmed.as_slice()].concat() } else { trimmed };
                    put(&mut both, &padded);
                }
                both
            }
        };
        let mut out = Vec::new();
        put(&mut out, self.name());
        put(&mut out, &value);
        out.push(flags);
        out.extend(counter.to_be_bytes());
        out
    }

    /// An armored signature, presented as `presented` (the key itself or a certificate over it).
    pub fn sign(&self, presented: &[u8], flags: u8, namespace: &str, text: &[u8]) -> String {
        let signature = self.signature(flags, 7, namespace, text);
        armor(&envelope(1, presented, namespace, "sha512", &signature), 70)
    }
}
