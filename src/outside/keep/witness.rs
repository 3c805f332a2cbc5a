//! A witness of transparency logs (C2SP `tlog-witness`): it cosigns a head after it has seen that the record only grew.
//! Never counts a cosignature that was not checked with the witness's own key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;
use reqwest::Method;
use std::time::Duration;

use super::{Checkpoint, Growth};
use crate::identity::witness::{Cosignature, WitnessKey};
use crate::outside::endpoint::Endpoint;
use crate::outside::http::{Answer, Clients, excerpt, fetch};

/// How long one question may take. At most two are asked.
const TIMEOUT: Duration = Duration::from_secs(5);
const LIMIT: usize = 64 << 10;
/// More hashes than this are in no proof.
const MOST_HASHES: usize = 63;
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

/// The line of an answer that is this witness's cosignature over a checkpoint.
fn find<'a>(key: &WitnessKey, answer: &'a str, checkpoint: &str) -> Option<&'a str> {
    let (body, _) = checkpoint.split_once("\n\n")?;
    let body = format!("{body}\n");
    answer.lines().find(|line| matches!(key.judge_line(line, &body), Cosignature::Holds(_)))
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
    let line = find(&witness.key, &lines, &checkpoint.text).ok_or_else(|| {
        let name = excerpt(witness.key.name());
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
}
