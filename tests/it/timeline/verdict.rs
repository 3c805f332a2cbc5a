//! What the judge says of honest, changed, cut and forged records.

use std::fs;
use std::path::Path;

use backout::identity::{AllowedSigners, Revoked};
use backout::timeline::evidence::Evidence;
use backout::timeline::seal::Checkpoint;
use backout::timeline::tree::Head;
use backout::timeline::verify::{Ask, Check, Expected, Report, Roster, Verdict, verify};
use backout::timeline::walk::Walk;

use super::bytes;
use super::record::{ANA, BEN, Record, ssh_key, start};

fn ask(path: &Path, change: impl FnOnce(&mut Ask)) -> Report {
    let mut ask = Ask::new(start());
    change(&mut ask);
    verify(&Evidence::open(path).unwrap(), ask).unwrap()
}

fn with_head(path: &Path, head: Head) -> Report {
    ask(path, |a| a.expected.push(Expected::Full(head)))
}

fn lived() -> (tempfile::TempDir, std::path::PathBuf, Head) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("i");
    let head = Record::lived(&path).store.close().unwrap();
    (place, path, head)
}

fn rewrite(path: &Path, change: impl FnOnce(String) -> String) {
    let text = String::from_utf8(bytes(path)).unwrap();
    fs::write(path.join("timeline.jsonl"), change(text)).unwrap();
}

#[test]
fn an_honest_record_verifies_against_a_head_from_elsewhere_and_not_without() {
    let (_place, path, head) = lived();
    let report = with_head(&path, head);
    assert_eq!(report.verdict(), Verdict::Verified, "{:#?}", report.lines());
    assert_eq!((report.events, report.statements, report.acts, report.parts), (8, 3, 3, 2));
    let alone = ask(&path, |_| {});
    assert_eq!(alone.verdict(), Verdict::NotAnchored);
    assert_eq!(alone.verdict().exit_code(), 5);
    assert!(alone.lines().iter().any(|l| l.contains("self-asserted")));
    let short = ask(&path, |a| a.expected.push(Expected::parse(&head.short_code()).unwrap()));
    assert_eq!(short.verdict(), Verdict::Verified);
    let json = report.json();
    assert_eq!((json["verdict"].as_str(), json["exit"].as_u64()), (Some("verified"), Some(0)));
}

#[test]
fn a_close_statement_vouches_for_the_record() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("i");
    let mut record = Record::lived(&path);
    record.close(ANA);
    record.store.close().unwrap();
    let report = ask(&path, |_| {});
    assert_eq!(report.verdict(), Verdict::Verified, "{:#?}", report.lines());
    assert!(report.closed);
}

#[test]
fn the_auditors_own_list_of_keys_decides() {
    let (_place, path, head) = lived();
    let mine = |signers: String, revoked: &[u8]| {
        ask(&path, |a| {
            a.expected.push(Expected::Full(head));
            a.roster = Roster::Auditor {
                signers: AllowedSigners::parse(signers.as_bytes()),
                revoked: Revoked::parse(revoked).unwrap(),
            };
        })
    };
    assert_eq!(mine(super::record::allowed_signers(), b"").verdict(), Verdict::Verified);
    let without_ben = mine(format!("{ANA} {}\n", ssh_key(ANA).public_openssh()), b"");
    assert_eq!(without_ben.verdict(), Verdict::DoesNotVerify);
    assert_eq!((without_ben.findings[0].check, without_ben.findings[0].event), (Check::Statement, 1));
    let revoked =
        mine(super::record::allowed_signers(), format!("{}\n", ssh_key(BEN).public_openssh()).as_bytes());
    assert_eq!(revoked.findings[0].check, Check::Statement);
}

#[test]
fn every_flipped_bit_is_noticed() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("i");
    let record = Record::open(&path);
    let head = record.store.close().unwrap();
    let whole = bytes(&path);
    let seal = whole.iter().rposition(|b| *b == b'{').unwrap() - 8;
    assert!(whole[seal..].starts_with(b"{\"seal\":{"));
    let mut missed = Vec::new();
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bent = whole.clone();
            bent[at] ^= 1 << bit;
            // The tree alone notices every bit of an event; of the seal it has no signature to go by. The whole
            // judgement is slow in a debug build, so it looks at one bit of each byte.
            if (at < seal && same_by_tree(&bent, head)) || (bit == at % 8 && passes(&path, &bent, head)) {
                missed.push((at, bit));
            }
        }
    }
    assert!(missed.is_empty(), "{missed:?}");
}

#[test]
fn a_changed_signature_of_any_seal_is_noticed() {
    let (_place, path, head) = lived();
    let whole = bytes(&path);
    let seals = whole.windows(8).enumerate().filter(|(_, w)| *w == b"{\"seal\":").map(|(at, _)| at);
    for at in seals {
        let mut bent = whole.clone();
        let sig = at + whole[at..].windows(7).position(|w| w == b"\"sig\":\"").unwrap() + 30;
        bent[sig] = if bent[sig] == b'A' { b'B' } else { b'A' };
        assert!(!passes(&path, &bent, head), "seal at {at}");
    }
}

fn same_by_tree(file: &[u8], head: Head) -> bool {
    let mut walk = Walk::new(file);
    while let Ok(Some(_)) = walk.next() {}
    walk.sealed().head == head && walk.offset() == file.len() as u64
}

fn passes(path: &Path, file: &[u8], head: Head) -> bool {
    fs::write(path.join("timeline.jsonl"), file).unwrap();
    with_head(path, head).verdict() != Verdict::DoesNotVerify
}

#[test]
fn every_line_dropped_doubled_swapped_or_cut_is_noticed() {
    let (_place, path, head) = lived();
    let text = String::from_utf8(bytes(&path)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let judged = |lines: &[&str]| {
        fs::write(path.join("timeline.jsonl"), lines.iter().map(|l| format!("{l}\n")).collect::<String>())
            .unwrap();
        with_head(&path, head).verdict()
    };
    for at in 0..lines.len() {
        let mut dropped = lines.clone();
        dropped.remove(at);
        // Each batch has its own seal; without one of those in the middle the record still says the same.
        let wanted = if lines[at].starts_with("{\"seal\":") && at + 1 < lines.len() {
            let named = lines.iter().filter(|l| l.contains(&seal_root(lines[at]))).count() > 1;
            if named { Verdict::DoesNotVerify } else { Verdict::Verified }
        } else {
            Verdict::DoesNotVerify
        };
        assert_eq!(judged(&dropped), wanted, "dropped {at}: {}", lines[at]);
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at]);
        assert_eq!(judged(&doubled), Verdict::DoesNotVerify, "doubled {at}");
        if at + 1 < lines.len() {
            let mut swapped = lines.clone();
            swapped.swap(at, at + 1);
            assert_eq!(judged(&swapped), Verdict::DoesNotVerify, "swapped {at}");
        }
        assert_eq!(judged(&lines[..at]), Verdict::DoesNotVerify, "cut at {at}");
    }
}

fn seal_root(seal: &str) -> String {
    seal.split("\"root\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[test]
fn a_record_without_its_seals_or_with_lines_behind_them_never_passes() {
    let (_place, path, _) = lived();
    rewrite(&path, |text| {
        text.lines().filter(|l| !l.starts_with("{\"seal\"")).map(|l| format!("{l}\n")).collect()
    });
    let stripped = ask(&path, |_| {});
    assert_eq!(stripped.verdict(), Verdict::DoesNotVerify);
    assert_eq!(stripped.events, 0);

    let (_place, path, head) = lived();
    rewrite(&path, |text| {
        text + r#"{"actor":"hub","data":{},"kind":"note.added","seq":8,"t":"2026-11-20T13:00:00.000000Z","v":1}"#
            + "\n"
    });
    let longer = with_head(&path, head);
    assert_eq!(longer.verdict(), Verdict::DoesNotVerify);
    assert!(longer.findings.iter().any(|f| f.check == Check::Tail));
    assert_eq!(longer.events, 8, "what is not sealed is not counted");

    fs::write(path.join("timeline.jsonl"), "").unwrap();
    assert_eq!(ask(&path, |_| {}).verdict(), Verdict::DoesNotVerify);
}

#[test]
fn a_record_cut_at_an_older_seal_passes_nobody_who_knows_a_newer_head() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("i");
    let mut record = Record::lived(&path);
    let older = record.store.checkpoint();
    let short = bytes(&path);
    record.note(BEN, "more");
    let newer = record.store.checkpoint();
    let head = record.store.close().unwrap();

    let since = ask(&path, |a| {
        a.since = Some(Checkpoint::parse(&older).unwrap());
        a.expected.push(Expected::Full(head));
    });
    assert_eq!(since.verdict(), Verdict::Verified, "{:#?}", since.lines());
    let only_older = ask(&path, |a| a.anchors.push(Checkpoint::parse(&older).unwrap()));
    assert_eq!(only_older.verdict(), Verdict::NotAnchored, "the tail rests on the hub's word");

    fs::write(path.join("timeline.jsonl"), short).unwrap();
    assert_eq!(with_head(&path, head).verdict(), Verdict::DoesNotVerify);
    fs::create_dir(path.join("anchors")).unwrap();
    fs::write(path.join("anchors/9"), newer).unwrap();
    let beside = ask(&path, |_| {});
    assert_eq!(beside.verdict(), Verdict::DoesNotVerify, "a kept checkpoint shows the cut");
    assert!(beside.findings[0].why.contains("cut or rolled back"));
}

#[test]
fn a_hub_that_seals_a_lie_is_caught() {
    // The hub's key signs whatever it wants; people's signatures and the rules are out of its reach.
    type Lie = (&'static str, fn(String) -> String, Check);
    let lies: [Lie; 7] = [
        ("another reason for an approval", |l| l.replace("errors fell", "orders fell"), Check::Statement),
        (
            "another person's note",
            |l| swap(l, "note.added", "\"actor\":\"ben@", "\"actor\":\"ana@"),
            Check::Act,
        ),
        ("an invented kind", |l| l.replace("hub.resumed", "hub.reborn"), Check::Form),
        (
            "a request that was not due",
            |l| swap(l, "approval.requested", "\"attempt\":1", "\"attempt\":2"),
            Check::Rules,
        ),
        (
            "fields as a list",
            |l| {
                swap(
                    l,
                    "hub.resumed",
                    r#"{"found":"all as it was","program":"test"}"#,
                    r#"["test","all as it was"]"#,
                )
            },
            Check::Form,
        ),
        (
            "a text shown nowhere",
            |l| swap(l, "approval.granted", r#""display":"local","#, ""),
            Check::Statement,
        ),
        (
            "a clock set back without a word",
            |l| swap(l, "hub.resumed", r#""t":"20"#, r#""t":"19"#),
            Check::Rules,
        ),
    ];
    for (name, lie, check) in lies {
        let (_place, path, _) = lived();
        let text = String::from_utf8(bytes(&path)).unwrap();
        let place = tempfile::tempdir().unwrap();
        let forged = place.path().join("i");
        let key_line = fs::read_to_string(path.join("hub.key")).unwrap();
        let mut store = super::with_key(&forged, key_line.trim());
        for (file, copy) in super::record::copies() {
            fs::write(forged.join(file), copy).unwrap();
        }
        fs::copy(path.join("payloads.jsonl"), forged.join("payloads.jsonl")).unwrap();
        let mut changed = false;
        for line in text.lines().filter(|l| !l.starts_with("{\"seal\"")) {
            let lied = lie(line.to_owned());
            changed |= lied != line;
            store.append(&[lied.into_bytes()]).unwrap();
        }
        assert!(changed, "{name}");
        let head = store.close().unwrap();
        let report = with_head(&forged, head);
        assert_eq!(report.verdict(), Verdict::DoesNotVerify, "{name}");
        assert!(report.findings.iter().any(|f| f.check == check), "{name}: {:#?}", report.findings);
    }
}

fn swap(line: String, kind: &str, from: &str, to: &str) -> String {
    if line.contains(kind) { line.replace(from, to) } else { line }
}

#[test]
fn a_changed_or_missing_part_or_copy_is_named() {
    let (_place, path, head) = lived();
    let payloads = fs::read_to_string(path.join("payloads.jsonl")).unwrap();
    let lines: Vec<&str> = payloads.lines().collect();
    fs::write(path.join("payloads.jsonl"), format!("{}\n", lines[1])).unwrap();
    let missing = with_head(&path, head);
    assert_eq!((missing.findings[0].check, missing.findings[0].event), (Check::Payload, 5));
    assert!(missing.findings[0].why.contains("MISSING"));
    fs::remove_file(path.join("payloads.jsonl")).unwrap();
    assert_eq!(with_head(&path, head).findings.len(), 2);
    fs::write(path.join("payloads.jsonl"), payloads.replacen("dG9rZW4", "dG9rZW5", 1)).unwrap();
    assert_eq!(with_head(&path, head).findings[0].check, Check::Payload);
    fs::write(path.join("payloads.jsonl"), &payloads).unwrap();
    assert_eq!(with_head(&path, head).verdict(), Verdict::Verified);

    fs::write(path.join("team.yaml"), "people: [mallory]\n").unwrap();
    assert_eq!(with_head(&path, head).findings[0].check, Check::Pinned);
}

#[test]
fn one_evidence_file_gives_the_same_verdict_as_the_folder() {
    let (_place, path, head) = lived();
    let packed = path.join("../evidence");
    Evidence::open(&path).unwrap().pack(fs::File::create(&packed).unwrap()).unwrap();
    let (folder, file) = (with_head(&path, head), with_head(&packed, head));
    assert_eq!(file.verdict(), Verdict::Verified);
    assert_eq!(file.lines(), folder.lines());
}

#[test]
fn without_the_runbook_nothing_is_ever_called_verified() {
    let (_place, path, head) = lived();
    let report = ask(&path, |a| {
        a.start = None;
        a.expected.push(Expected::Full(head));
    });
    assert_eq!(report.verdict(), Verdict::NotAnchored);
}
