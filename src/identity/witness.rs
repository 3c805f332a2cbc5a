//! Who a witness of a log is, and whether a cosignature is theirs (C2SP `signed-note` and `tlog-cosignature`).
//! Never takes a name for a key: only the signature says whose a line is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256};

/// The type of an Ed25519 cosignature (C2SP `tlog-cosignature`).
const COSIGNATURE: u8 = 0x04;

/// A witness's name and public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessKey {
    name: String,
    id: [u8; 4],
    key: VerifyingKey,
}

/// What a signature line of a note is to a witness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cosignature {
    /// It is this witness's, made at that time (seconds since 1970 UTC, by the witness's clock).
    Holds(u64),
    /// It names this witness's key, and its signature does not fit the text.
    Bad,
    /// It has this witness's name and another key.
    OtherKey,
    /// It is somebody else's.
    Foreign,
}

impl WitnessKey {
    /// Reads a verifier key as `signed-note` writes them: `NAME+ID+BASE64`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<WitnessKey, String> {
        let form = || "a verifier key is NAME+ID+BASE64".to_owned();
        let (name, rest) = text.split_once('+').ok_or_else(form)?;
        let (id, key) = rest.split_once('+').ok_or_else(form)?;
        let named = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control());
        let bytes = B64.decode(key).map_err(|_| form())?;
        let (kind, key) = bytes.split_first().filter(|_| named).ok_or_else(form)?;
        match *kind {
            COSIGNATURE => {}
            0x01 => return Err("this is the key of a log, not of a witness".to_owned()),
            0x06 => return Err("cosignatures with ML-DSA are not read yet, only with Ed25519".to_owned()),
            other => return Err(format!("keys of type {other:#04x} are not known")),
        }
        let key: [u8; 32] = key.try_into().map_err(|_| "an Ed25519 key has 32 bytes".to_owned())?;
        let own = key_id(name, &key);
        if id != own.iter().map(|b| format!("{b:02x}")).collect::<String>() {
            return Err("the id does not belong to this name and key".to_owned());
        }
        let key = VerifyingKey::from_bytes(&key).ok().filter(|key| !key.is_weak());
        let key = key.ok_or("this is no usable Ed25519 key")?;
        Ok(WitnessKey { name: name.to_owned(), id: own, key })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What a signature line is to this witness: the name on it, its decoded bytes, and the note's body, which ends in
    /// a line feed.
    #[must_use]
    pub fn judge(&self, name: &str, bytes: &[u8], body: &str) -> Cosignature {
        if name != self.name {
            return Cosignature::Foreign;
        }
        let Some((_, rest)) = bytes.split_first_chunk::<4>().filter(|(id, _)| **id == self.id) else {
            return Cosignature::OtherKey;
        };
        let Some((time, signature)) = rest.split_first_chunk::<8>() else { return Cosignature::Bad };
        let Ok(signature) = <&[u8; 64]>::try_from(signature) else { return Cosignature::Bad };
        let time = u64::from_be_bytes(*time);
        let said = format!("cosignature/v1\ntime {time}\n{body}");
        match self.key.verify_strict(said.as_bytes(), &Signature::from_bytes(signature)) {
            Ok(()) => Cosignature::Holds(time),
            Err(_) => Cosignature::Bad,
        }
    }

    /// The same for a whole line of a note.
    #[must_use]
    pub fn judge_line(&self, line: &str, body: &str) -> Cosignature {
        let parts = line.strip_prefix("\u{2014} ").and_then(|rest| rest.split_once(' '));
        match parts.and_then(|(name, sig)| Some((name, B64.decode(sig).ok()?))) {
            Some((name, bytes)) => self.judge(name, &bytes, body),
            None => Cosignature::Foreign,
        }
    }
}

fn key_id(name: &str, key: &[u8; 32]) -> [u8; 4] {
    let digest = Sha256::new().chain_update(name).chain_update([b'\n', COSIGNATURE]).chain_update(key);
    let hash: [u8; 32] = digest.finalize().into();
    let [a, b, c, d, ..] = hash;
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer as _, SigningKey};

    const BODY: &str = "backout.local/01M7\n3\naEaAC/f17em4FsHnd7rsizcLDg53w03Jyi45oq/p0pU=\n";

    fn vkey(kind: u8, name: &str, key: &SigningKey) -> String {
        let public = key.verifying_key().to_bytes();
        let id: String = key_id(name, &public).iter().map(|b| format!("{b:02x}")).collect();
        format!("{name}+{id}+{}", B64.encode([&[kind][..], &public].concat()))
    }

    fn line(name: &str, key: &SigningKey, time: u64, body: &str) -> String {
        let said = format!("cosignature/v1\ntime {time}\n{body}");
        let id = key_id(name, &key.verifying_key().to_bytes());
        let bytes = [&id[..], &time.to_be_bytes(), &key.sign(said.as_bytes()).to_bytes()].concat();
        format!("\u{2014} {name} {}", B64.encode(bytes))
    }

    #[test]
    fn only_a_cosignature_of_this_witness_over_this_text_holds() {
        let (key, other) = (SigningKey::from_bytes(&[7; 32]), SigningKey::from_bytes(&[8; 32]));
        let witness = WitnessKey::parse(&vkey(COSIGNATURE, "witness.example/w1", &key)).unwrap();
        let good = line("witness.example/w1", &key, 1_795_226_400, BODY);
        assert_eq!(witness.judge_line(&good, BODY), Cosignature::Holds(1_795_226_400));
        let older = BODY.replace("\n3\n", "\n2\n");
        for (bad, what) in [
            (line("witness.example/w2", &other, 1, BODY), Cosignature::Foreign),
            (line("witness.example/w1", &other, 1, BODY), Cosignature::OtherKey),
            (line("witness.example/w1", &key, 1, &older), Cosignature::Bad),
            (good.replace('\u{2014}', "-"), Cosignature::Foreign),
            (String::new(), Cosignature::Foreign),
        ] {
            assert_eq!(witness.judge_line(&bad, BODY), what, "{bad}");
        }
        let bytes = B64.decode(good.rsplit_once(' ').unwrap().1).unwrap();
        for end in 4..bytes.len() {
            let what = witness.judge("witness.example/w1", &bytes[..end], BODY);
            assert_eq!(what, Cosignature::Bad, "{end} bytes");
        }
        for at in 4..bytes.len() {
            let mut bent = bytes.clone();
            bent[at] ^= 1;
            assert_eq!(witness.judge("witness.example/w1", &bent, BODY), Cosignature::Bad, "byte {at}");
        }
    }

    #[test]
    fn a_key_that_is_not_a_witnesss_is_refused_with_the_reason() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let good = vkey(COSIGNATURE, "w", &key);
        assert_eq!(WitnessKey::parse(&good).unwrap().name(), "w");
        for (bad, why) in [
            (vkey(1, "w", &key), "of a log"),
            (vkey(6, "w", &key), "ML-DSA"),
            (vkey(9, "w", &key), "0x09"),
            (good.replacen("w+", "v+", 1), "does not belong"),
            ("w+00000000".to_owned(), "NAME+ID+BASE64"),
            (String::new(), "NAME+ID+BASE64"),
        ] {
            assert!(WitnessKey::parse(&bad).unwrap_err().contains(why), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_line_and_no_key_makes_it_panic(text in ".{0,200}") {
            let witness = WitnessKey::parse(&vkey(COSIGNATURE, "w", &SigningKey::from_bytes(&[7; 32]))).unwrap();
            proptest::prop_assert!(!matches!(witness.judge_line(&text, BODY), Cosignature::Holds(_)));
            proptest::prop_assert!(WitnessKey::parse(&text).is_err());
        }
    }
}
