//! The record's head at a real sshd with a forced command, and at a witness that believes nothing it has not checked.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use backout::identity::WitnessKey;
use backout::outside::endpoint::Endpoint;
use backout::outside::http::Clients;
use backout::outside::keep::{Checkpoint, Growth, Keeper, Witness, keep};
use backout::timeline::seal::{self, Origin, SealVerifier};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;
use ed25519_dalek::{Signer as _, SigningKey};
use sha2::{Digest as _, Sha256};

use super::told::{fail_and_close, incident};
use crate::metrics::hostile::{Request, Server, ok, page};
use crate::support::ssh::make_key;
use crate::support::{Incident, KeyKind, Place, Sshd, need};

#[test]
fn a_forced_command_behind_a_real_sshd_keeps_the_head() {
    let (place, far) = (Place::new(), Place::new());
    let kept = far.join("kept");
    let key = far.join("key");
    make_key(&key, KeyKind::Ed25519, "anchor");
    let forced = format!("ForceCommand cat > {0}.new && mv {0}.new {0}\n", kept.display());
    let Some(sshd) = Sshd::start_with(&far, &key, &forced) else { return };
    let path = with_config(&place, sshd.config());
    let Some(incident) = incident(place, "anchors: [{ssh: box, name: far}]\n", &[("PATH", &path)]) else {
        return;
    };
    incident.does("ben", "good");
    incident.until("the phase is confirmed", || incident.recorded("anchor.confirmed").len() >= 2);
    fail_and_close(&incident);
    let events = incident.status()["events"].to_string();
    let copy = || std::fs::read_to_string(&kept).unwrap_or_default();
    incident.until("the last head is there", || copy().lines().nth(1) == Some(&events));
    incident.backout("ana").run(["verify", &incident.id, "--anchor", kept.to_str().unwrap()]).exits(0);
    assert_eq!(std::fs::read_to_string(incident.dir().join("anchors/far.checkpoint")).unwrap(), copy());
}

/// A `PATH` whose `ssh` is the system's with this configuration.
fn with_config(place: &Place, config: &Path) -> String {
    let ssh = need("ssh").expect("an sshd comes with its client");
    let script =
        place.write("bin/ssh", format!("#!/bin/sh\nexec {} -F {} \"$@\"\n", ssh.display(), config.display()));
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:/usr/bin:/bin", place.join("bin").display())
}

#[test]
fn an_sshd_that_lets_nobody_in_is_named_and_holds_up_nothing() {
    let (place, far) = (Place::new(), Place::new());
    for name in ["key", "other"] {
        make_key(&far.join(name), KeyKind::Ed25519, "anchor");
    }
    let Some(sshd) = Sshd::start(&far, &far.join("key")) else { return };
    let text = std::fs::read_to_string(sshd.config()).unwrap();
    let other =
        text.replace(&far.join("key").display().to_string(), &far.join("other").display().to_string());
    let path = with_config(&place, &far.write("other_config", other));
    let Some(incident) = incident(place, "anchors: [{ssh: box}]\n", &[("PATH", &path)]) else { return };
    incident.does("ben", "good");
    incident.until("it is named", || incident.recorded("note.added").len() == 1);
    let said = incident.notes().concat();
    assert!(said.contains("the head was not copied") && said.contains("Permission denied"), "{said}");
    assert!(incident.recorded("anchor.confirmed").is_empty());
}

/// A witness by the letter of the protocol, with a tree of its own: nothing of the program's is used but what says who
/// sealed a checkpoint.
#[derive(Default)]
struct Ledger {
    /// Verifier keys of logs that it was told of.
    known: Vec<String>,
    /// Size and root of the newest head it cosigned.
    head: Option<(u64, [u8; 32])>,
    /// Every `old` line with the number of hashes below it, and the status it led to.
    asked: Vec<(u64, usize, u16)>,
}

const NAME: &str = "witness.example/w1";

fn witness_key() -> SigningKey {
    SigningKey::from_bytes(&[42; 32])
}

fn key_id(name: &str, kind: u8, public: &[u8]) -> [u8; 4] {
    let hash: [u8; 32] = Sha256::digest([name.as_bytes(), b"\n", &[kind], public].concat()).into();
    hash[..4].try_into().unwrap()
}

fn vkey() -> String {
    let public = witness_key().verifying_key().to_bytes();
    let id: String = key_id(NAME, 4, &public).iter().map(|b| format!("{b:02x}")).collect();
    format!("{NAME}+{id}+{}", B64.encode([&[4][..], &public].concat()))
}

fn cosign(body: &str) -> String {
    let (time, key) = (1_795_226_400_u64, witness_key());
    let signature = key.sign(format!("cosignature/v1\ntime {time}\n{body}").as_bytes()).to_bytes();
    let id = key_id(NAME, 4, &key.verifying_key().to_bytes());
    format!("\u{2014} {NAME} {}\n", B64.encode([&id[..], &time.to_be_bytes(), &signature].concat()))
}

fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    Sha256::digest([&[1][..], left, right].concat()).into()
}

/// RFC 9162, section 2.1.4.2, word by word.
fn consistent(old: (u64, [u8; 32]), new: (u64, [u8; 32]), proof: &[[u8; 32]]) -> bool {
    let ((first, first_hash), (second, second_hash)) = (old, new);
    if first == second {
        return proof.is_empty() && first_hash == second_hash;
    }
    let mut path = proof.to_vec();
    if path.is_empty() {
        return false;
    }
    if first.is_power_of_two() {
        path.insert(0, first_hash);
    }
    let (mut f, mut s) = (first - 1, second - 1);
    while f & 1 == 1 {
        (f, s) = (f >> 1, s >> 1);
    }
    let (mut fr, mut sr) = (path[0], path[0]);
    for c in &path[1..] {
        if s == 0 {
            return false;
        }
        if f & 1 == 1 || f == s {
            (fr, sr) = (node(c, &fr), node(c, &sr));
            while f & 1 == 0 && f != 0 {
                (f, s) = (f >> 1, s >> 1);
            }
        } else {
            sr = node(&sr, c);
        }
        (f, s) = (f >> 1, s >> 1);
    }
    fr == first_hash && sr == second_hash && s == 0
}

impl Ledger {
    fn answer(&mut self, request: &Request) -> Vec<u8> {
        assert_eq!(request.what(), "POST /w/add-checkpoint");
        let (head, checkpoint) = request.body.split_once("\n\n").expect("an empty line");
        let mut lines = head.lines();
        let old: u64 = lines.next().unwrap().strip_prefix("old ").unwrap().parse().unwrap();
        let proof: Vec<[u8; 32]> = lines.map(|l| B64.decode(l).unwrap().try_into().unwrap()).collect();
        let (status, media, body) = self.judge(old, &proof, checkpoint);
        self.asked.push((old, proof.len(), status));
        page(status, media, &body)
    }

    fn judge(&mut self, old: u64, proof: &[[u8; 32]], checkpoint: &str) -> (u16, &'static str, String) {
        let (body, _) = checkpoint.split_once("\n\n").unwrap();
        let fields: Vec<&str> = body.split('\n').collect();
        let (origin, size) = (fields[0], fields[1].parse::<u64>().unwrap());
        let root: [u8; 32] = B64.decode(fields[2]).unwrap().try_into().unwrap();
        let Some(log) = self.known.iter().find(|key| key.starts_with(&format!("{origin}+"))) else {
            return (404, "text/plain", "unknown origin\n".to_owned());
        };
        let public: [u8; 33] = B64.decode(log.splitn(3, '+').nth(2).unwrap()).unwrap().try_into().unwrap();
        let log =
            SealVerifier::new(Origin::parse(origin).unwrap(), &public[1..].try_into().unwrap()).unwrap();
        if log.check_checkpoint(&seal::Checkpoint::parse(checkpoint).unwrap()).is_err() {
            return (403, "text/plain", "no known signature\n".to_owned());
        }
        let (known, known_root) = self.head.unwrap_or((0, [0; 32]));
        if old > size {
            return (400, "text/plain", "older is larger\n".to_owned());
        }
        if old != known {
            return (409, "text/x.tlog.size", format!("{known}\n"));
        }
        if old == 0 && !proof.is_empty() {
            return (422, "text/plain", "a proof of nothing\n".to_owned());
        }
        if old == size && root != known_root {
            return (409, "text/plain", "another root\n".to_owned());
        }
        if old > 0 && !consistent((known, known_root), (size, root), proof) {
            return (422, "text/plain", "does not hold\n".to_owned());
        }
        self.head = Some((size, root));
        (200, "text/plain", cosign(&format!("{body}\n")))
    }
}

/// The verifier key in a text.
fn told_key(text: &str) -> Option<String> {
    let words = text.split(|c: char| c.is_whitespace() || c == '"');
    words.map(str::to_owned).find(|word| word.matches('+').count() >= 2 && word.starts_with("backout"))
}

#[test]
fn a_witness_cosigns_every_turn_once_it_knows_the_record() {
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let own = ledger.clone();
    let server = Server::deciding(move |request| own.lock().unwrap().answer(request));
    let config = format!(
        "anchors: [{{tlog_witness: {{url: \"{}/w\", vkey: \"{}\"}}, name: w1}}]\n",
        server.url(),
        vkey()
    );
    let Some(incident) = incident(Place::new(), &config, &[]) else { return };
    incident
        .until("it says by what key the record is known", || told_key(&incident.notes().concat()).is_some());
    assert!(incident.recorded("anchor.confirmed").is_empty(), "nobody has cosigned anything");
    ledger.lock().unwrap().known.push(told_key(&incident.notes().concat()).unwrap());
    incident.does("ben", "good");
    incident.until("it has cosigned", || !incident.recorded("anchor.confirmed").is_empty());

    // A hub that comes back does not know how far the witness is, and is told.
    incident.end_hub(rustix::process::Signal::KILL);
    incident.resume();
    incident.until("again", || {
        ledger.lock().unwrap().asked.windows(2).any(|w| matches!(w, [(0, 0, 409), (n, _, 200)] if *n > 0))
    });
    fail_and_close(&incident);
    let events = incident.status()["events"].as_u64().unwrap();
    incident.until("the last head is cosigned", || {
        ledger.lock().unwrap().head.is_some_and(|(size, _)| size == events)
    });
    let asked = ledger.lock().unwrap().asked.clone();
    assert!(asked.iter().any(|(old, hashes, status)| *old > 0 && *hashes > 0 && *status == 200), "{asked:?}");
    assert!(asked.iter().all(|(.., status)| [200, 404, 409].contains(status)), "{asked:?}");
    let kept = incident.dir().join("anchors/w1.checkpoint");
    incident.until("the cosignature is kept beside the record", || {
        std::fs::read_to_string(&kept).is_ok_and(|t| t.lines().nth(1) == Some(&events.to_string()))
    });
    let text = std::fs::read_to_string(&kept).unwrap();
    let body = format!("{}\n", text.split_once("\n\n").unwrap().0);
    assert!(text.ends_with(&cosign(&body)), "{text}");
    incident.backout("ana").run(["verify", &incident.id, "--anchor", kept.to_str().unwrap()]).exits(0);
    cosignatures_are_judged(&incident, &kept, &text, &events.to_string());
}

/// `verify` says who saw which head and when, and tells apart what does not fit and what is nobody's it knows.
fn cosignatures_are_judged(incident: &Incident, kept: &Path, text: &str, events: &str) {
    let verify = |more: &[&str]| incident.backout("ana").run([&["verify", &incident.id], more].concat());
    let seen = format!("witnessed: the first {events} events by {NAME} at 2026-11-21T02:00:00Z");
    let own = vkey();
    let out = verify(&[]).exits(0).stdout;
    assert!(out.contains(&seen) && out.contains("its key is self-asserted"), "{out}");
    let out = verify(&["--witness", &own]).exits(0).stdout;
    assert!(out.contains(&format!("{seen}; its key is yours")), "{out}");
    let json: serde_json::Value = serde_json::from_str(&verify(&["--json"]).exits(0).stdout).unwrap();
    assert_eq!(
        (&json["witnessed"][0]["witness"], &json["witnessed"][0]["key"]),
        (&NAME.into(), &"bundled".into())
    );
    assert!(verify(&["--witness", "w+00+x"]).exits(2).stderr.contains("no key of a witness"));

    let body = format!("{}\n", text.split_once("\n\n").unwrap().0);
    let honest = cosign(&body);
    let bare = text.strip_suffix(&honest).unwrap();
    let said = |lines: &str| {
        std::fs::write(kept, format!("{bare}{lines}")).unwrap();
        verify(&[])
    };
    // Made over another head, and put on this one.
    let moved = cosign(&body.replace(&format!("\n{events}\n"), "\n7\n"));
    let out = said(&moved).exits(1).stdout;
    assert!(
        out.contains("cosignature: anchors/w1.checkpoint") && out.contains("does not fit this head"),
        "{out}"
    );
    let foreign = "\u{2014} somebody.else/w9 AAAAAAAAAAA=\n".to_owned();
    let out = said(&format!("{foreign}{honest}")).exits(0).stdout;
    assert!(
        out.contains("somebody.else/w9, whose key nobody gave, does not count") && out.contains(&seen),
        "{out}"
    );
    let out = said(&format!("\u{2014} {NAME} AAAAAAAAAAA=\n")).exits(0).stdout;
    assert!(out.contains("by another key than its own") && !out.contains("witnessed:"), "{out}");
    std::fs::write(kept, text).unwrap();
}

/// What comes of asking a witness that answers like this.
async fn asked(
    answer: impl Fn(&Request) -> Vec<u8> + Send + Sync + 'static,
) -> (Result<String, String>, usize) {
    let server = Server::deciding(answer);
    let endpoint = Endpoint::new(server.url());
    let keeper = Keeper::Witness(Box::new(Witness { endpoint, key: WitnessKey::parse(&vkey()).unwrap() }));
    let text = "backout.local/01M7\n3\naEaAC/f17em4FsHnd7rsizcLDg53w03Jyi45oq/p0pU=\n\n\u{2014} backout.local/01M7 AAAAAAA=\n";
    let checkpoint = Checkpoint { log: "backout.local/01M7".into(), n: 3, text: text.into() };
    let growth = Growth {
        vkey: "the-vkey".into(),
        known: 0,
        prove: Arc::new(|older, newer| Ok(vec![[older as u8; 32], [newer as u8; 32]])),
    };
    (keep(&keeper, &Clients::new(), &checkpoint, &growth).await, server.asked())
}

#[tokio::test]
async fn a_witness_that_lies_has_witnessed_nothing() {
    let size = |n: &'static str| move |_: &Request| page(409, "text/x.tlog.size", n);
    let (result, times) = asked(size("9\n")).await;
    assert_eq!((result.unwrap_err().contains("a head of 9 events already"), times), (true, 1));
    // It never stops saying that it knows another size: it is asked once more and no more.
    let (result, times) = asked(size("2\n")).await;
    assert!(result.unwrap_err().contains("another record of 2 events"));
    assert_eq!(times, 2);
    for (answer, why) in [
        (page(409, "text/plain", "another root"), "another record of 0 events"),
        (page(422, "text/plain", "no"), "did not only grow"),
        (page(403, "text/plain", "who?"), "the-vkey"),
        (page(200, "text/html", "<html>"), "web page"),
        (
            page(200, "text/plain", &cosign("backout.local/01M7\n2\nx\n")),
            "no cosignature of witness.example/w1",
        ),
        (page(200, "text/plain", "\u{2014} witness.example/w1 AAAA\u{1b}[2J\n"), "no cosignature"),
        (ok(""), "no cosignature"),
    ] {
        let (result, _) = asked(move |_| answer.clone()).await;
        let said = result.unwrap_err();
        assert!(said.contains(why) && !said.contains('\u{1b}'), "{why}: {said}");
    }
    let (result, times) = asked(|request| match request.body.starts_with("old 2\n") {
        true => {
            assert_eq!(
                request.body.lines().skip(1).take(2).map(|l| B64.decode(l).unwrap()[0]).collect::<Vec<_>>(),
                [2, 3]
            );
            let body =
                request.body.split_once("\n\n").unwrap().1.split_once("\n\n").unwrap().0.to_owned() + "\n";
            page(200, "text/plain", &format!("\u{2014} somebody.else AAAAAAA=\n{}", cosign(&body)))
        }
        false => page(409, "text/x.tlog.size", "2\n"),
    })
    .await;
    assert_eq!((result.unwrap().matches(NAME).count(), times), (1, 2));
}
