//! The arithmetic of one signature by one key. Never decides whether the key may sign.

use ed25519_dalek::Verifier as _;
use ring::signature as rs;
use sha2::{Digest as _, Sha256};

use super::key::{Curve, PublicKey};
use super::reject::{Presence, Reject};
use super::wire::{Reader, printable, put_bignum};

/// What a valid signature says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checked {
    pub(crate) algorithm: String,
    pub(crate) presence: Presence,
    pub(crate) counter: Option<u32>,
}

/// Checks a wire-form signature (algorithm, value, and for security keys flags and counter) over `data`.
pub(crate) fn check(key: &PublicKey, signature: &[u8], data: &[u8]) -> Result<Checked, Reject> {
    const BAD: Reject = Reject::Envelope("the signature value is cut short or too long");
    let mut reader = Reader::new(signature);
    let algorithm = reader.name().ok_or(BAD)?;
    let value = reader.string().ok_or(BAD)?;
    same_family(key, algorithm)?;
    let token = match key {
        PublicKey::SkEd25519 { application, .. } | PublicKey::SkEcdsa { application, .. } => {
            Some(Token { flags: reader.u8().ok_or(BAD)?, counter: reader.u32().ok_or(BAD)?, application })
        }
        PublicKey::Ed25519(_) | PublicKey::Ecdsa { .. } | PublicKey::Rsa { .. } => None,
    };
    if !reader.is_empty() {
        return Err(BAD);
    }
    let holds = match (key, &token) {
        (PublicKey::Ed25519(point), _) => ed25519(point, value, data),
        (PublicKey::SkEd25519 { point, .. }, Some(token)) => ed25519(point, value, &token.signed(data)),
        (PublicKey::Ecdsa { curve, point }, _) => ecdsa(*curve, point, value, data),
        (PublicKey::SkEcdsa { point, .. }, Some(token)) => {
            ecdsa(Curve::P256, point, value, &token.signed(data))
        }
        (PublicKey::Rsa { exponent, modulus }, _) => rsa(key, exponent, modulus, algorithm, value, data)?,
        (PublicKey::SkEd25519 { .. } | PublicKey::SkEcdsa { .. }, None) => None,
    };
    holds.ok_or(Reject::Mismatch)?;
    Ok(Checked {
        algorithm: printable(algorithm),
        presence: token.as_ref().map_or(Presence::NotHardware, Token::presence),
        counter: token.map(|token| token.counter),
    })
}

/// Every algorithm has one kind of key; anything else is refused before any arithmetic.
fn same_family(key: &PublicKey, algorithm: &[u8]) -> Result<(), Reject> {
    let own = key.type_name();
    let fits = match key {
        PublicKey::Rsa { .. } => matches!(algorithm, b"rsa-sha2-256" | b"rsa-sha2-512"),
        PublicKey::Ed25519(_)
        | PublicKey::Ecdsa { .. }
        | PublicKey::SkEd25519 { .. }
        | PublicKey::SkEcdsa { .. } => algorithm == own.as_bytes(),
    };
    if fits {
        return Ok(());
    }
    match algorithm {
        b"ssh-rsa" => Err(Reject::Sha1),
        b"ssh-ed25519"
        | b"rsa-sha2-256"
        | b"rsa-sha2-512"
        | b"ecdsa-sha2-nistp256"
        | b"ecdsa-sha2-nistp384"
        | b"ecdsa-sha2-nistp521"
        | b"sk-ssh-ed25519@openssh.com"
        | b"sk-ecdsa-sha2-nistp256@openssh.com" => {
            Err(Reject::OtherAlgorithm { key: own, signature: printable(algorithm) })
        }
        other => Err(Reject::UnknownAlgorithm(printable(other))),
    }
}

/// What a FIDO token adds to a signature (OpenSSH's PROTOCOL.u2f).
struct Token<'a> {
    flags: u8,
    counter: u32,
    application: &'a [u8],
}

impl Token<'_> {
    /// What the token signed: digest of the application, flags, counter, digest of the data.
    fn signed(&self, data: &[u8]) -> Vec<u8> {
        let mut out = Sha256::digest(self.application).to_vec();
        out.push(self.flags);
        out.extend_from_slice(&self.counter.to_be_bytes());
        out.extend_from_slice(&Sha256::digest(data));
        out
    }

    fn presence(&self) -> Presence {
        match (self.flags & 0x01 != 0, self.flags & 0x04 != 0) {
            (true, true) => Presence::Verified,
            (true, false) => Presence::Present,
            (false, _) => Presence::Absent,
        }
    }
}

fn ed25519(point: &[u8; 32], value: &[u8], data: &[u8]) -> Option<()> {
    rs::UnparsedPublicKey::new(&rs::ED25519, point).verify(data, value).ok()
}

/// ECDSA over the curve's own digest; the value is two big numbers.
fn ecdsa(curve: Curve, point: &[u8], value: &[u8], data: &[u8]) -> Option<()> {
    let mut reader = Reader::new(value);
    let (r, s) = (reader.bignum()?, reader.bignum()?);
    if !reader.is_empty() {
        return None;
    }
    match curve {
        Curve::P256 => fixed(&rs::ECDSA_P256_SHA256_FIXED, curve, point, (r, s), data),
        Curve::P384 => fixed(&rs::ECDSA_P384_SHA384_FIXED, curve, point, (r, s), data),
        Curve::P521 => p521(point, (r, s), data),
    }
}

fn fixed(
    algorithm: &'static rs::EcdsaVerificationAlgorithm,
    curve: Curve,
    point: &[u8],
    (r, s): (&[u8], &[u8]),
    data: &[u8],
) -> Option<()> {
    let mut value = left_padded(r, curve.field_bytes())?;
    value.extend(left_padded(s, curve.field_bytes())?);
    rs::UnparsedPublicKey::new(algorithm, point).verify(data, &value).ok()
}

/// `ring` has no P-521; the `ssh-key` crate does.
fn p521(point: &[u8], (r, s): (&[u8], &[u8]), data: &[u8]) -> Option<()> {
    let key = ssh_key::public::EcdsaPublicKey::from_sec1_bytes(point).ok()?;
    let mut value = Vec::new();
    put_bignum(&mut value, r);
    put_bignum(&mut value, s);
    let algorithm = ssh_key::Algorithm::Ecdsa { curve: ssh_key::EcdsaCurve::NistP521 };
    let signature = ssh_key::Signature::new(algorithm, value).ok()?;
    key.verify(data, &signature).ok()
}

fn rsa(
    key: &PublicKey,
    exponent: &[u8],
    modulus: &[u8],
    algorithm: &[u8],
    value: &[u8],
    data: &[u8],
) -> Result<Option<()>, Reject> {
    let bits = key.rsa_bits().unwrap_or(0);
    if !(2048..=8192).contains(&bits) {
        return Err(Reject::RsaSize(bits));
    }
    let Some(value) = left_padded(value, modulus.len()) else { return Ok(None) };
    let parameters = match algorithm {
        b"rsa-sha2-512" => &rs::RSA_PKCS1_2048_8192_SHA512,
        _ => &rs::RSA_PKCS1_2048_8192_SHA256,
    };
    let public = rs::RsaPublicKeyComponents { n: modulus, e: exponent };
    Ok(public.verify(parameters, data, &value).ok())
}

/// OpenSSH accepts numbers shorter than the field and fills them up; longer ones are refused.
fn left_padded(bytes: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut out = vec![0; length.checked_sub(bytes.len())?];
    out.extend_from_slice(bytes);
    Some(out)
}
