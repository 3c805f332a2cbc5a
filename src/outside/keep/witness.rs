//! A witness of transparency logs (C2SP `tlog-witness`): it cosigns a head after it has seen that the record only grew.
//! Never counts a cosignature that was not checked with the witness's own key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;
use ed25519_dalek::{Signature, VerifyingKey};
use reqwest::Method;
use sha2::{Digest as _, Sha256};
use std::time::Duration;

use super::{Checkpoint, Growth};
use crate::outside::endpoint::Endpoint;
use crate::outside::http::{Answer, Clients, excerpt, fetch};

/// How long one question may take. At most two are asked.
const TIMEOUT: Duration = Duration::from_secs(5);
const LIMIT: usize = 64 << 10;
/// More hashes than this are in no proof.
const MOST_HASHES: usize = 63;
/// The type of an Ed25519 cosignature (C2SP `tlog-cosignature`).
const COSIGNATURE: u8 = 0x04;
/// How an answer with the size that the witness knows is marked.
const SIZE: &str = "text/x.tlog.size";

/// A witness, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// Where its submission prefix begins.
    pub endpoint: Endpoint,
    /// By what its cosignatures are known.
    pub key: WitnessKey,
}

/// A witness's name and public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessKey {
    name: String,
    id: [u8; 4],
    key: VerifyingKey,
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

    /// The line of an answer that is this witness's cosignature over a checkpoint.
    fn find<'a>(&self, answer: &'a str, checkpoint: &str) -> Option<&'a str> {
        answer.lines().find(|line| self.check(line, checkpoint).is_some())
    }

    fn check(&self, line: &str, checkpoint: &str) -> Option<()> {
        let (name, signature) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
        let bytes = B64.decode(signature).ok()?;
        let (id, rest) = bytes.split_first_chunk::<4>()?;
        let (time, signature) = rest.split_first_chunk::<8>()?;
        if name != self.name || *id != self.id {
            return None;
        }
        let signature = Signature::from_bytes(signature.try_into().ok()?);
        let (body, _) = checkpoint.split_once("\n\n")?;
        let said = format!("cosignature/v1\ntime {}\n{body}\n", u64::from_be_bytes(*time));
        self.key.verify_strict(said.as_bytes(), &signature).ok()
    }
}

fn key_id(name: &str, key: &[u8; 32]) -> [u8; 4] {
    let digest = Sha256::new().chain_update(name).chain_update([b'\n', COSIGNATURE]).chain_update(key);
    let hash: [u8; 32] = digest.finalize().into();
    let [a, b, c, d, ..] = hash;
    [a, b, c, d]
}

/// Has a checkpoint cosigned, and gives it with the cosignature.
pub(super) async fn cosigned(
    witness: &Witness,
    clients: &Clients,
    checkpoint: &Checkpoint,
    growth: &Growth,
) -> Result<String, String> {
    let mut older = growth.known.min(checkpoint.n);
    let mut answer = ask(witness, clients, checkpoint, growth, older).await?;
    if let Some(size) = size(&answer) {
        if size > checkpoint.n {
            return Err(format!(
                "the witness has cosigned a head of {size} events already, and this record has {}",
                checkpoint.n
            ));
        }
        older = size;
        answer = ask(witness, clients, checkpoint, growth, older).await?;
    }
    let said = || witness.endpoint.mask(&format!("HTTP {}: {}", answer.status, answer.excerpt()));
    match answer.status {
        200 if !answer.is_html() => {}
        200 => return Err("HTTP 200: a web page instead of a cosignature".to_owned()),
        403 | 404 => {
            let about = "the witness does not know this record; tell whoever runs it the record's key";
            return Err(format!("{about} {} ({})", growth.vkey, said()));
        }
        409 => return Err(format!("the witness has cosigned another record of {older} events: {}", said())),
        422 => return Err(format!("the witness says that this record did not only grow: {}", said())),
        _ => return Err(said()),
    }
    let lines = String::from_utf8_lossy(&answer.body);
    let line = witness.key.find(&lines, &checkpoint.text).ok_or_else(|| {
        let name = excerpt(&witness.key.name);
        format!("the answer holds no cosignature of {name} over this head: {}", answer.excerpt())
    })?;
    Ok(format!("{}{line}\n", checkpoint.text))
}

/// The size that the witness knows, when it says that we were wrong about it.
fn size(answer: &Answer) -> Option<u64> {
    if answer.status != 409 || !answer.content_type.starts_with(SIZE) {
        return None;
    }
    let text = std::str::from_utf8(&answer.body).ok()?.strip_suffix('\n')?;
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

async fn ask(
    witness: &Witness,
    clients: &Clients,
    checkpoint: &Checkpoint,
    growth: &Growth,
    older: u64,
) -> Result<Answer, String> {
    let hashes = if older == 0 || older == checkpoint.n {
        Vec::new()
    } else {
        let (prove, newer) = (growth.prove.clone(), checkpoint.n);
        let proved = tokio::task::spawn_blocking(move || prove(older, newer)).await;
        proved.map_err(|_| "the proof was interrupted".to_owned())??
    };
    if hashes.len() > MOST_HASHES {
        return Err("the proof is longer than a proof can be".to_owned());
    }
    let mut body = format!("old {older}\n");
    for hash in hashes {
        body.push_str(&B64.encode(hash));
        body.push('\n');
    }
    body.push('\n');
    body.push_str(&checkpoint.text);
    let endpoint = &witness.endpoint;
    let url = endpoint.below("add-checkpoint");
    let request = endpoint.request(clients, Method::POST, &url).map_err(|why| endpoint.mask(&why))?;
    let request = request.header("Content-Type", "text/plain; charset=utf-8").body(body);
    fetch(request, TIMEOUT, LIMIT).await.map_err(|e| endpoint.mask(&e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer as _, SigningKey};

    const CHECKPOINT: &str = "backout.local/01M7\n3\naEaAC/f17em4FsHnd7rsizcLDg53w03Jyi45oq/p0pU=\n\n\u{2014} backout.local/01M7 AAAA\n";

    fn vkey(kind: u8, name: &str, key: &SigningKey) -> String {
        let public = key.verifying_key().to_bytes();
        let id: String = key_id(name, &public).iter().map(|b| format!("{b:02x}")).collect();
        format!("{name}+{id}+{}", B64.encode([&[kind][..], &public].concat()))
    }

    fn cosignature(name: &str, key: &SigningKey, time: u64, body: &str) -> String {
        let said = format!("cosignature/v1\ntime {time}\n{body}");
        let id = key_id(name, &key.verifying_key().to_bytes());
        let bytes = [&id[..], &time.to_be_bytes(), &key.sign(said.as_bytes()).to_bytes()].concat();
        format!("\u{2014} {name} {}\n", B64.encode(bytes))
    }

    #[test]
    fn only_a_cosignature_of_this_witness_over_this_head_counts() {
        let (key, other) = (SigningKey::from_bytes(&[7; 32]), SigningKey::from_bytes(&[8; 32]));
        let witness = WitnessKey::parse(&vkey(COSIGNATURE, "witness.example/w1", &key)).unwrap();
        let body = CHECKPOINT.split_once("\n\n").unwrap().0.to_owned() + "\n";
        let good = cosignature("witness.example/w1", &key, 1_795_226_400, &body);
        let noise = cosignature("witness.example/w2", &other, 1, &body);
        let answer = format!("{noise}\u{2014} rubbish\n{good}");
        assert_eq!(witness.find(&answer, CHECKPOINT), Some(good.trim_end()));
        for bad in [
            noise,
            cosignature("witness.example/w1", &other, 1_795_226_400, &body),
            cosignature("witness.example/w1", &key, 1_795_226_400, &body.replace("\n3\n", "\n2\n")),
            good.replace("w1", "w2"),
            good.replace('\u{2014}', "-"),
            String::new(),
        ] {
            assert_eq!(witness.find(&bad, CHECKPOINT), None, "{bad}");
        }
    }

    #[test]
    fn a_key_that_is_not_a_witnesss_is_refused_with_the_reason() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let good = vkey(COSIGNATURE, "w", &key);
        assert!(WitnessKey::parse(&good).is_ok());
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

    #[test]
    fn a_size_is_digits_and_a_line_feed() {
        let answer = |media: &str, body: &str| Answer {
            status: 409,
            content_type: media.to_owned(),
            body: body.as_bytes().to_vec(),
        };
        assert_eq!(size(&answer(SIZE, "12\n")), Some(12));
        for bad in ["12", "012\n", "+1\n", "\n", "99999999999999999999\n", "1 2\n"] {
            assert_eq!(size(&answer(SIZE, bad)), None, "{bad:?}");
        }
        assert_eq!(size(&answer("text/plain", "12\n")), None);
    }

    proptest::proptest! {
        #[test]
        fn no_answer_and_no_key_makes_it_panic(text in ".{0,200}") {
            let witness = WitnessKey::parse(&vkey(COSIGNATURE, "w", &SigningKey::from_bytes(&[7; 32]))).unwrap();
            proptest::prop_assert_eq!(witness.find(&text, CHECKPOINT), None);
            proptest::prop_assert!(WitnessKey::parse(&text).is_err());
        }
    }
}
