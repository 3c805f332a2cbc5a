//! A hub that has the key of its seals and every signature that people really gave, and tells another story with them:
//! whatever it leaves out, moves, swaps or takes from elsewhere, `verify` names the event and says why.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use backout::cli::verify::{policies, start};
use backout::core::id::Digest;
use backout::core::time::Stamp;
use backout::identity::Signer;
use backout::timeline::evidence::Evidence;
use backout::timeline::folder::FileSystems;
use backout::timeline::seal::{Origin, SealKey};
use backout::timeline::store::create;
use backout::timeline::verify::{Ask, Finding, Report, Verdict, verify};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Incident, Outcome};

const STEPS: &str =
    "- {id: pair, approve: {require: [{role: sre, count: 2}], expires: 10m, covers: [act], separation_of_duties: []}}
- {id: act, run: [sh, -c, 'echo acted >> log; test -e fixed'], timeout: 10s, role: sre}";

/// What really happened, what happened in another incident of the same people, and the key of the first one's hub.
struct Truth {
    incident: Incident,
    key: String,
    story: Story,
    elsewhere: Story,
}

/// A record that can be told otherwise: events and the places of seals, and the files beside them.
#[derive(Clone)]
struct Story {
    items: Vec<Value>,
    files: BTreeMap<String, Vec<u8>>,
}

/// Asks both for their approval of the hold point and waits until it has passed.
fn approved(incident: &Incident, times: usize) {
    let asked =
        || incident.recorded("approval.requested").iter().filter(|e| e["data"]["gate"] == "pair").count();
    incident.until("the hold point asks", || asked() == times);
    incident.ok("ben", &["approve", "pair", "--yes"]);
    incident.ok("cho", &["approve", "pair", "--yes"]);
    incident.until_step("pair", "succeeded");
}

impl Truth {
    /// One that failed once, was approved twice, had something removed and was closed.
    fn lived() -> Option<Truth> {
        let mut incident = Incident::declared(STEPS)?;
        incident.ok("cho", &["assume", "sre"]);
        approved(&incident, 1);
        incident.ok("ben", &["start", "act"]);
        incident.until_step("act", "failed");
        fs::write(incident.file("fixed"), "").unwrap();
        incident.ok("ben", &["retry", "act", "--reason", "the disk was full"]);
        approved(&incident, 2);
        incident.does("ben", "act");
        for (who, text) in [("ana", "one"), ("ben", "two"), ("ben", "customer Meyer-Landrut called")] {
            incident.ok(who, &["note", text]);
        }
        let last = incident.recorded("note.added").last().unwrap()["seq"].to_string();
        incident.ok("ben", &["redact", &last, "--reason", "a customer's name", "--yes"]);
        incident.ok("ana", &["redact", "--agree", "--yes"]);
        let key = fs::read_to_string(incident.dir().join("hub.key")).unwrap().trim().to_owned();
        incident.ok("ana", &["resolve", "--reason", "whole again"]);
        incident.close();
        incident.opener_ends();
        let story = Story::of(&incident);
        let other = STEPS.replace("echo acted", "echo something else");
        incident.place.write("ws/runbooks/test.yaml", crate::support::incident::runbook(&other));
        incident.another();
        approved(&incident, 1);
        let elsewhere = Story::of(&incident);
        Some(Truth { incident, key, story, elsewhere })
    }

    /// The story as a hub would write it down.
    fn told(&self, story: &mut Story) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("i");
        story.renumber();
        let origin = Origin::parse(story.items[0]["data"]["log"].as_str().unwrap()).unwrap();
        let key = SealKey::from_seed(&mut B64.decode(&self.key).unwrap().try_into().unwrap());
        let mut store = create(&path, FileSystems::Any, origin, key).unwrap();
        for batch in story.items.split(|item| item.get("seal").is_some()).filter(|batch| !batch.is_empty()) {
            let lines: Vec<Vec<u8>> = batch.iter().map(|e| serde_json::to_vec(e).unwrap()).collect();
            store.append(&lines).unwrap();
        }
        store.close().unwrap();
        for (name, bytes) in &story.files {
            fs::write(path.join(name), bytes).unwrap();
        }
        (folder, path)
    }

    /// What the verb's own judge finds in it.
    fn judged(&self, story: &mut Story) -> Report {
        let (_folder, path) = self.told(story);
        let evidence = Evidence::open(&path).unwrap();
        let ask = Ask { policies: policies(&evidence), ..Ask::new(start(&evidence).unwrap()) };
        verify(&evidence, ask).unwrap()
    }

    /// What `verify` says of it.
    fn verified(&self, story: &mut Story, more: &[&str]) -> Outcome {
        let (_folder, path) = self.told(story);
        self.incident.backout("ana").run([&["verify", path.to_str().unwrap()], more].concat())
    }
}

impl Story {
    fn of(incident: &Incident) -> Story {
        let text = fs::read_to_string(incident.dir().join("timeline.jsonl")).unwrap();
        let items = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let copies = ["runbook.yaml", "team.yaml", "allowed_signers", "revoked_keys", "workspace.yaml"];
        let files = copies.into_iter().chain(["payloads.jsonl", "metrics.jsonl"]);
        let files = files.filter_map(|n| Some((n.to_owned(), fs::read(incident.dir().join(n)).ok()?)));
        Story { items, files: files.collect() }
    }

    /// Numbers go up without a hole, and the parts beside the record go with their events.
    fn renumber(&mut self) {
        let mut now = BTreeMap::new();
        for (seq, event) in (0u64..).zip(self.items.iter_mut().filter(|item| item.get("seal").is_none())) {
            now.entry(event["seq"].as_u64().unwrap()).or_insert(seq);
            event["seq"] = seq.into();
        }
        self.parts(|parts| {
            parts.retain(|p| now.contains_key(&p["seq"].as_u64().unwrap()));
            parts.iter_mut().for_each(|p| p["seq"] = now[&p["seq"].as_u64().unwrap()].into());
            parts.sort_by_key(|p| (p["seq"].as_u64(), p["i"].as_u64()));
        });
    }

    fn parts(&mut self, change: impl FnOnce(&mut Vec<Value>)) {
        let file = self.files.get_mut("payloads.jsonl").unwrap();
        let text = String::from_utf8(file.clone()).unwrap();
        let mut parts: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        change(&mut parts);
        *file = parts.iter().map(|part| format!("{part}\n")).collect::<String>().into_bytes();
    }

    /// Another file beside the record, and a first event that says so.
    fn pin(&mut self, name: &str, bytes: Vec<u8>) {
        let pinned = name.trim_end_matches(".yaml");
        self.items[0]["data"]["pinned"][pinned] = Digest::of(&bytes).to_string().into();
        self.files.insert(name.to_owned(), bytes);
    }

    fn file(&self, name: &str) -> String {
        String::from_utf8(self.files[name].clone()).unwrap()
    }

    /// Where the `n`th event of a kind stands whose fields are these.
    fn at(&self, n: usize, kind: &str, fields: Value) -> usize {
        let fields = fields.as_object().unwrap();
        let is = |e: &Value| {
            e["kind"] == kind
                && fields.iter().all(|(k, v)| e["data"][k] == *v || (k == "by" && e["actor"] == *v))
        };
        let mut found = self.items.iter().enumerate().filter(|(_, e)| is(e)).map(|(at, _)| at);
        found.nth(n).unwrap_or_else(|| panic!("no {kind} with {fields:?}"))
    }

    fn granted(&self, who: &str, attempt: u32) -> usize {
        self.at(0, "approval.granted", json!({"by": who, "gate": "pair", "attempt": attempt}))
    }

    fn asked(&self, attempt: u32) -> usize {
        self.at(0, "approval.requested", json!({"gate": "pair", "attempt": attempt}))
    }

    fn note(&self, n: usize) -> usize {
        self.at(n, "note.added", json!({}))
    }

    fn redacted(&self) -> usize {
        self.at(0, "payload.redacted", json!({}))
    }

    /// The event is the hub's own doing.
    fn by_the_hub(&mut self, at: usize) -> usize {
        self.items[at]["actor"] = "hub".into();
        self.items[at].as_object_mut().unwrap().remove("auth");
        at
    }

    fn earlier(&mut self, at: usize, seconds: i64) {
        let back = |text: &mut Value| {
            let stamp = Stamp::parse(text.as_str().unwrap()).unwrap();
            *text = Stamp(stamp.0 - seconds * 1_000_000).to_string().into();
        };
        back(&mut self.items[at]["t"]);
        if self.items[at]["kind"] == "approval.requested" {
            back(&mut self.items[at]["data"]["expires"]);
        }
    }
}

/// What is forged; how, giving the place of the event that gives it away; the check that finds it, and its words.
type Forgery = (&'static str, fn(&mut Story, &Truth) -> usize, &'static str, &'static str);

/// Approvals left out, moved, swapped, or taken from where they were not given.
const APPROVALS: [Forgery; 9] = [
    (
        "an approval is left out",
        |s, _| {
            s.items.remove(s.granted("cho", 1));
            s.at(0, "step.finished", json!({"step": "pair"}))
        },
        "rules",
        "the hold point `pair` is not open: it is without its quorum",
    ),
    (
        "the declaration's only approval is left out",
        |s, _| {
            s.items.remove(s.at(0, "approval.granted", json!({"gate": "declare"})));
            s.at(0, "incident.declared", json!({}))
        },
        "rules",
        "the hold point `declare` is not open: it is without its quorum",
    ),
    (
        "the step begins before the second approval",
        |s, _| {
            // With the session it is signed by.
            let started = s.at(0, "step.started", json!({"step": "act"}));
            let joined = s.items[..started].iter().rposition(|e| e["kind"] == "participant.joined").unwrap();
            let moved: Vec<Value> = s.items.drain(joined..=started).collect();
            let (before, moved_by) = (s.granted("cho", 1), moved.len() - 1);
            s.items.splice(before..before, moved);
            before + moved_by
        },
        "rules",
        "pair",
    ),
    (
        "two people's signatures are swapped",
        |s, _| {
            let (ben, cho) = (s.granted("ben", 1), s.granted("cho", 1));
            let of_ben = s.items[ben]["auth"].take();
            s.items[ben]["auth"] = s.items[cho]["auth"].take();
            s.items[cho]["auth"] = of_ben;
            ben
        },
        "statement",
        "ben has no line in allowed_signers with the key",
    ),
    (
        "another command than the one that was approved",
        |s, truth| {
            let other = &truth.elsewhere;
            s.pin("runbook.yaml", other.files["runbook.yaml"].clone());
            let kept: Vec<(&str, Value)> = vec![
                ("approval.requested", json!({"gate": "declare"})),
                ("approval.requested", json!({"gate": "pair"})),
            ];
            for (kind, fields) in kept {
                let plan = other.items[other.at(0, kind, fields.clone())]["data"]["plan"].clone();
                let at = s.at(0, kind, fields);
                s.items[at]["data"]["plan"] = plan;
            }
            s.granted("ben", 1)
        },
        "statement",
        "`plan` differs",
    ),
    (
        "an approval of another incident",
        |s, truth| {
            let ben = s.granted("ben", 1);
            s.items[ben]["auth"] = truth.elsewhere.items[truth.elsewhere.granted("ben", 1)]["auth"].clone();
            ben
        },
        "statement",
        "`log` differs",
    ),
    (
        "an approval of the attempt before",
        |s, _| {
            let again = s.granted("ben", 2);
            s.items[again]["auth"] = s.items[s.granted("ben", 1)]["auth"].clone();
            again
        },
        "statement",
        "differs",
    ),
    (
        "an attempt that is asked for with the one-time value of the one before",
        |s, _| {
            let (once, again) = (s.asked(1), s.asked(2));
            s.items[again]["data"]["nonce"] = s.items[once]["data"]["nonce"].clone();
            again
        },
        "rules",
        "another request had this one-time value already",
    ),
    (
        "a key of somebody else's is listed for a second person, and signs for both",
        |s, _| {
            let (ben, cho) = (s.granted("ben", 1), s.granted("cho", 1));
            let signers = s.file("allowed_signers");
            let line = signers.lines().find(|l| l.starts_with("ben ")).unwrap();
            s.pin("allowed_signers", format!("{signers}{}\n", line.replacen("ben ", "cho ", 1)).into_bytes());
            s.items[cho]["data"]["key"] = s.items[ben]["data"]["key"].clone();
            s.items[cho]["auth"] = s.items[ben]["auth"].clone();
            cho
        },
        "statement",
        "`as` differs",
    ),
];

/// Ends, times, rosters and parts.
const REST: [Forgery; 14] = [
    (
        "a phase that nobody entered",
        |s, _| {
            s.items.remove(s.at(0, "phase.entered", json!({})));
            s.asked(1)
        },
        "rules",
        "`pair` is in the phase `Act`, which was not entered",
    ),
    (
        "a phase that is entered twice",
        |s, _| {
            let entered = s.at(0, "phase.entered", json!({}));
            s.items.insert(entered + 1, s.items[entered].clone());
            entered + 1
        },
        "rules",
        "phase Act does not begin now",
    ),
    (
        "a close over what was never begun",
        |s, _| {
            let (from, to) = (s.asked(1), s.at(0, "incident.closed", json!({})));
            s.items.drain(from..to);
            from
        },
        "rules",
        "the incident cannot close: the steps are not all settled",
    ),
    (
        "a hub that closes by itself",
        |s, _| {
            let closed = s.at(0, "incident.closed", json!({}));
            s.by_the_hub(closed)
        },
        "rules",
        "the hub does not act as a person",
    ),
    (
        "an approval dated before its request",
        |s, _| {
            let cho = s.granted("cho", 1);
            s.earlier(cho, 3600);
            cho
        },
        "rules",
        "before that of the event it follows",
    ),
    (
        "everything five minutes earlier than it was",
        |s, _| {
            let events: Vec<usize> =
                (0..s.items.len()).filter(|at| s.items[*at].get("seal").is_none()).collect();
            events.into_iter().for_each(|at| s.earlier(at, 300));
            s.granted("ben", 1)
        },
        "statement",
        "`expires` differs",
    ),
    (
        "a team in which cho never was",
        |s, _| {
            let team =
                s.file("team.yaml").replace("operator, communications, sre", "operator, communications");
            s.pin("team.yaml", team.into_bytes());
            s.at(0, "role.assumed", json!({"by": "cho"}))
        },
        "rules",
        "may not take the seat `sre`: the team lists other roles",
    ),
    (
        "a copy of the keys that the first event does not name",
        |s, _| {
            let signers = s.file("allowed_signers").replace("cho ", "eve ");
            s.files.insert("allowed_signers".to_owned(), signers.into_bytes());
            0
        },
        "pinned copies",
        "allowed_signers",
    ),
    (
        "two notes whose texts are swapped",
        |s, _| {
            s.parts(|parts| {
                let first = parts[0].clone();
                for field in ["data", "salt"] {
                    parts[0][field] = parts[1][field].clone();
                    parts[1][field] = first[field].clone();
                }
            });
            s.note(0)
        },
        "payload",
        "part 0 is not what the event commits to",
    ),
    (
        "two notes whose texts and commitments are swapped",
        |s, _| {
            let (one, two) = (s.note(0), s.note(1));
            let of_one = s.items[one]["payload"].take();
            s.items[one]["payload"] = s.items[two]["payload"].take();
            s.items[two]["payload"] = of_one;
            let (one_seq, two_seq) = (s.items[one]["seq"].clone(), s.items[two]["seq"].clone());
            s.parts(|parts| {
                for part in parts {
                    let is_one = part["seq"] == one_seq;
                    if is_one || part["seq"] == two_seq {
                        part["seq"] = if is_one { two_seq.clone() } else { one_seq.clone() };
                    }
                }
            });
            one
        },
        "act",
        "the act's signature does not fit the act",
    ),
    (
        "a removal that nobody asked for",
        |s, _| {
            s.items.remove(s.at(0, "redaction.asked", json!({})));
            s.redacted()
        },
        "rules",
        "asks for no removal that could still be agreed to",
    ),
    (
        "a removal of something else than was asked for",
        |s, _| {
            let note = s.items[s.note(1)]["seq"].clone();
            let asked = s.at(0, "redaction.asked", json!({}));
            for at in [asked, s.redacted()] {
                s.items[at]["data"]["event"] = note.clone();
            }
            s.parts(|parts| parts.retain(|p| p["seq"] != note));
            asked
        },
        "statement",
        "`event` differs",
    ),
    (
        "a hub that removes by itself",
        |s, _| {
            let redacted = s.redacted();
            s.by_the_hub(redacted)
        },
        "rules",
        "the hub does not act as a person",
    ),
    (
        "a part that is gone without a word",
        |s, _| {
            let note = s.items[s.note(1)]["seq"].clone();
            s.parts(|parts| parts.retain(|p| p["seq"] != note));
            s.note(1)
        },
        "payload",
        "part 0 is MISSING",
    ),
];

/// The hub makes itself a key for cho, lists it, and signs in cho's name whatever cho had signed.
fn with_a_key_of_its_own(story: &mut Story) -> usize {
    let own = Signer::generate_memory([7; 32]);
    let signers = story.file("allowed_signers");
    let others: String =
        signers.lines().filter(|l| !l.starts_with("cho ")).map(|l| format!("{l}\n")).collect();
    story.pin("allowed_signers", format!("{others}cho {}\n", own.public_openssh()).into_bytes());
    for event in story.items.iter_mut().filter(|e| e["actor"] == "cho" && e["auth"]["sshsig"].is_string()) {
        let text = event["auth"]["statement"].as_str().unwrap();
        let sig = own.sign(event["auth"]["namespace"].as_str().unwrap(), text.as_bytes()).unwrap();
        event["auth"]["sshsig"] = sig.into();
        event["data"]["key"] = own.fingerprint().into();
    }
    story.at(0, "participant.joined", json!({"by": "cho"}))
}

#[test]
fn whatever_story_a_hub_tells_with_its_own_seals_verify_names_the_event_and_the_reason() {
    let Some(truth) = Truth::lived() else { return };
    let honest = truth.judged(&mut truth.story.clone());
    assert_eq!(honest.verdict(), Verdict::Verified, "{:#?}", honest.lines());
    truth.verified(&mut truth.story.clone(), &[]).exits(0);
    let mut wrong = Vec::new();
    for (name, forge, check, words) in APPROVALS.into_iter().chain(REST) {
        let mut story = truth.story.clone();
        let named = forge(&mut story, &truth);
        let report = truth.judged(&mut story);
        let seq = story.items[named]["seq"].as_u64().unwrap();
        let found = |f: &Finding| f.event == seq && f.check.word() == check && f.why.contains(words);
        if report.verdict() != Verdict::DoesNotVerify || !report.findings.iter().any(found) {
            wrong.push(format!("{name}: {check} at {seq}: {words}\n{:#?}\n", report.lines()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let mut story = truth.story.clone();
    let joined = with_a_key_of_its_own(&mut story);
    let mine = truth.incident.team.allowed_signers();
    let outcome = truth.verified(&mut story, &["--allowed-signers", mine.to_str().unwrap()]).exits(1);
    let seq = &story.items[joined]["seq"];
    assert!(outcome.stdout.contains(&format!("  event {seq}: statement: ")), "{}", outcome.stdout);
}
