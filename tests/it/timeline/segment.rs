//! A record in more than one file: what follows a failed disk, and everything that only looks like it.

use std::fs;
use std::path::{Path, PathBuf};

use backout::client::mirror::{Mirror, MirrorError};
use backout::core::event::Continued;
use backout::core::intent::Intent;
use backout::timeline::evidence::Evidence;
use backout::timeline::payload::Payloads;
use backout::timeline::proof::prove;
use backout::timeline::seal::{Checkpoint, SealKey};
use backout::timeline::segment;
use backout::timeline::store::{Ended, OpenError};
use backout::timeline::tree::Head;
use backout::timeline::verify::{Ask, Check, Expected, Report, Verdict, verify};

use super::others::checker;
use super::record::{ANA, BEN, Record, start};
use super::{open, origin};

fn ask(path: &Path, change: impl FnOnce(&mut Ask)) -> Report {
    let mut ask = Ask::new(start());
    change(&mut ask);
    verify(&Evidence::open(path).unwrap(), ask).unwrap()
}

fn with_head(path: &Path, head: Head) -> Report {
    ask(path, |a| a.expected.push(Expected::Full(head)))
}

fn copied(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten().filter(|e| e.file_type().unwrap().is_file()) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(to, fs::Permissions::from_mode(0o700)).unwrap();
}

fn text(path: &Path, k: u64) -> String {
    fs::read_to_string(path.join(segment::name(k))).unwrap()
}

fn put(path: &Path, k: u64, text: &str) {
    fs::write(path.join(segment::name(k)), text).unwrap();
}

/// Three segments, with something that happened in each, and the last head.
fn three() -> (tempfile::TempDir, PathBuf, Head) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("i");
    let mut record = Record::lived(&path).moved_on(&path);
    record.note(BEN, "in the second");
    let mut record = record.moved_on(&path);
    record.note(ANA, "in the third");
    let head = record.store.close().unwrap();
    (place, path, head)
}

#[test]
fn several_segments_are_one_record_for_everybody_who_reads_it() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("i");
    let record = Record::lived(&path);
    let old = record.store.checkpoint();
    let mut record = record.moved_on(&path);
    record.note(BEN, "on the new disk");
    let new = record.store.checkpoint();
    let mut record = record.moved_on(&path);
    assert_eq!(record.incident.segment_log(), format!("{}/seg2", record.incident.log()));
    record.close(ANA);
    let head = record.store.close().unwrap();

    let report = ask(&path, |_| {});
    assert_eq!(report.verdict(), Verdict::Verified, "{:#?}", report.lines());
    assert_eq!((report.segments, report.events, report.parts), (3, 12, 3));
    assert_eq!(report.log, Some(origin().to_string()), "one name for all of it");
    assert!(report.lines().iter().any(|l| l.contains("/seg1, because the disk failed: Input/output error")));
    let checkpoint = |text: &str| Checkpoint::parse(text).unwrap();
    let since = ask(&path, |a| a.since = Some(checkpoint(&old)));
    assert_eq!(since.verdict(), Verdict::Verified, "{:#?}", since.lines());
    for (k, known) in [(0, &old), (1, &new)] {
        let anchored = ask(&path, |a| a.anchors.push(checkpoint(known)));
        assert_eq!(anchored.verdict(), Verdict::Verified, "head of segment {k}: {:#?}", anchored.lines());
    }
    fs::create_dir(path.join("anchors")).unwrap();
    fs::write(path.join("anchors/old"), &old).unwrap();
    fs::write(path.join("anchors/new"), &new).unwrap();
    let beside = ask(&path, |_| {});
    assert_eq!(beside.verdict(), Verdict::Verified);
    let noted = |name: &str| beside.notes.iter().any(|n| n.contains(name) && n.contains("its history"));
    assert!(noted("anchors/old") && noted("anchors/new"), "{:?}", beside.notes);

    let packed = path.join("../evidence");
    Evidence::open(&path).unwrap().pack(fs::File::create(&packed).unwrap()).unwrap();
    assert_eq!(ask(&packed, |_| {}).lines(), beside.lines(), "packed it is the same record");
    let evidence = Evidence::open(&packed).unwrap();
    for seq in [0, 8, 10, 11] {
        let open = || Ok(std::io::BufReader::new(evidence.record().unwrap().unwrap()));
        let proof = prove(open, &origin().of_segment(2), seq).unwrap();
        assert_eq!(proof.checkpoint.head, head, "one head proves events of every segment");
        assert!(proof.checkpoint.origin.as_str().ends_with("/seg2"));
    }
    let Some((good, said)) = checker(&path, &["8".to_owned(), old.lines().nth(2).unwrap().to_owned()]) else {
        return;
    };
    assert!(good && said.starts_with("12 events"), "{said}");
}

/// What is done to the folder, and which check must notice.
type Mischief = (&'static str, fn(&Path), Check);

#[test]
fn a_missing_swapped_doubled_or_emptied_segment_is_noticed() {
    let mischief: [Mischief; 9] = [
        ("the middle one is gone", |p| fs::remove_file(p.join(segment::name(1))).unwrap(), Check::Segment),
        ("the last one is gone", |p| fs::remove_file(p.join(segment::name(2))).unwrap(), Check::Head),
        ("the last one is emptied", |p| put(p, 2, ""), Check::Segment),
        ("an empty one is added", |p| put(p, 3, ""), Check::Segment),
        ("the last one comes twice", |p| put(p, 3, &text(p, 2)), Check::Segment),
        (
            "two are swapped",
            |p| {
                let (one, two) = (text(p, 1), text(p, 2));
                put(p, 1, &two);
                put(p, 2, &one);
            },
            Check::Segment,
        ),
        (
            "two are joined into one file",
            |p| {
                put(p, 1, &(text(p, 1) + &text(p, 2)));
                fs::remove_file(p.join(segment::name(2))).unwrap();
            },
            Check::Segment,
        ),
        (
            "the first was cut at an older seal",
            |p| {
                let whole = text(p, 0);
                let cut =
                    whole.trim_end().rfind("{\"seal\"").map(|at| whole[..at].rfind("{\"seal\"").unwrap());
                let end = cut.map(|at| at + whole[at..].find('\n').unwrap() + 1).unwrap();
                put(p, 0, &whole[..end]);
            },
            Check::Segment,
        ),
        (
            "a line without a seal stands before the next",
            |p| put(p, 0, &(text(p, 0) + text(p, 1).split_inclusive('\n').next().unwrap())),
            Check::Segment,
        ),
    ];
    for (what, change, check) in mischief {
        let (_place, path, head) = three();
        assert_eq!(with_head(&path, head).verdict(), Verdict::Verified);
        change(&path);
        let report = with_head(&path, head);
        assert_eq!(report.verdict(), Verdict::DoesNotVerify, "{what}: {:#?}", report.lines());
        assert!(report.findings.iter().any(|f| f.check == check), "{what}: {:#?}", report.findings);
        let Some((good, said)) = checker(&path, &[head.n.to_string(), head.root_b64()]) else { continue };
        // Without its last file a record is a shorter one; that is what the head is for.
        assert!(!good || what == "the last one is gone", "{what}: {said}");
    }
}

#[test]
fn every_changed_byte_where_a_segment_begins_is_noticed() {
    let (_place, path, head) = three();
    let whole = fs::read(path.join(segment::name(1))).unwrap();
    let first = whole.iter().position(|b| *b == b'\n').unwrap();
    for at in (0..=first).step_by(11) {
        let mut bent = whole.clone();
        bent[at] ^= 1 << (at % 7);
        fs::write(path.join(segment::name(1)), &bent).unwrap();
        assert_eq!(with_head(&path, head).verdict(), Verdict::DoesNotVerify, "byte {at}");
    }
}

/// A record whose disk failed, open to be gone on with by whoever holds `key`.
fn over(path: &Path) -> (Record, Head) {
    let record = Record::lived(path);
    let head = record.store.head();
    (record, head)
}

/// Writes a segment behind a head as somebody would who has keys of their own.
fn forge(path: &Path, old: &SealKey, after: &Head, record: &Record, lines: usize) -> Head {
    let mut new = SealKey::from_seed(&mut [77; 32]);
    let first = segment::follow((&origin(), old), after, &new.public(), "so they say", None);
    forge_with(path, &mut new, first, record, lines)
}

fn forge_with(path: &Path, new: &mut SealKey, first: Continued, record: &Record, lines: usize) -> Head {
    use backout::core::event::{Actor, Event, Resumed};
    use backout::timeline::{codec, tree};
    let event = |seq, what| {
        let at = record.incident.last_at;
        codec::encode(&Event { seq, at, actor: Actor::Hub, what, payload: vec![], auth: None }).unwrap()
    };
    let mut frontier = tree::Frontier::new();
    let before = text(path, 0);
    let kept = before.lines().filter(|l| !l.starts_with("{\"seal\""));
    kept.take(first.after.n as usize).for_each(|l| frontier.push(tree::leaf_hash(l.as_bytes())));
    let name = backout::timeline::seal::Origin::parse(&first.log).unwrap();
    let mut all = vec![event(frontier.len(), first.into())];
    for k in 0..lines {
        let again = Resumed { program: "forged".to_owned(), found: "as it was".to_owned() };
        all.push(event(frontier.len() + 1 + k as u64, again.into()));
    }
    let mut file = String::new();
    for line in all {
        frontier.push(tree::leaf_hash(&line));
        file += &format!("{}\n", String::from_utf8(line).unwrap());
    }
    put(path, name.segment(), &(file + &new.seal(&name, &frontier.head()).line() + "\n"));
    frontier.head()
}

fn hub_key(path: &Path) -> SealKey {
    use base64::Engine as _;
    let seed = fs::read_to_string(path.join("hub.key")).unwrap();
    let seed = base64::engine::general_purpose::STANDARD.decode(seed.trim()).unwrap();
    SealKey::from_seed(&mut seed.try_into().unwrap())
}

#[test]
fn a_segment_that_the_key_before_did_not_sign_is_forged() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("i");
    let (record, head) = over(&path);
    let forged = forge(&path, &SealKey::from_seed(&mut [66; 32]), &head, &record, 1);
    let report = with_head(&path, forged);
    assert_eq!(report.verdict(), Verdict::DoesNotVerify);
    let found = report.findings.iter().find(|f| f.check == Check::Segment).unwrap();
    assert!(found.event == head.n && found.why.contains("did not sign"), "{:#?}", report.findings);
    let honest = forge(&path, &hub_key(&path), &head, &record, 1);
    assert_eq!(with_head(&path, honest).verdict(), Verdict::Verified, "the same with the right key holds");
}

#[test]
fn a_segment_that_begins_while_the_old_one_went_on_is_noticed_even_if_the_hub_signed_both() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("i");
    let (mut record, head) = over(&path);
    record.note(BEN, "the old one could still write");
    // The true key hands on from a head that was not the last one.
    let forged = forge(&path, &hub_key(&path), &head, &record, 1);
    let report = with_head(&path, forged);
    assert_eq!(report.verdict(), Verdict::DoesNotVerify, "{:#?}", report.lines());
    let found: Vec<_> = report.findings.iter().map(|f| f.check).collect();
    assert!(found.contains(&Check::Segment) && found.contains(&Check::Sequence), "{:#?}", report.findings);

    // And the other way round: the old key goes on sealing after it handed on.
    let (_place, path, head) = three();
    let whole = text(&path, 0);
    let older = Head { n: 8, ..head };
    let last = whole.lines().last().unwrap();
    assert!(last.starts_with(&format!("{{\"seal\":{{\"n\":{}", older.n)));
    put(&path, 0, &(whole.clone() + text(&path, 1).split_inclusive('\n').next().unwrap() + last + "\n"));
    assert_eq!(with_head(&path, head).verdict(), Verdict::DoesNotVerify);
    let mut known = Ask::new(start());
    known.anchors.push(Checkpoint::parse(&stray_checkpoint(&path)).unwrap());
    put(&path, 0, &whole);
    let report = verify(&Evidence::open(&path).unwrap(), known).unwrap();
    assert_eq!(report.verdict(), Verdict::DoesNotVerify, "somebody holds a head that this record never had");
}

/// A checkpoint of the first segment beyond its end, which no honest hub gives out.
fn stray_checkpoint(path: &Path) -> String {
    let head = Head { n: 9, root: [5; 32] };
    SealKey::from_seed(&mut [1; 32]).seal(&origin(), &head).checkpoint(&origin())
        + if path.exists() { "" } else { "x" }
}

/// What a hub would send, and a client that believes only what it could check.
fn mirrored(pieces: &[String], hub_key: &str) -> Result<Mirror, MirrorError> {
    let mut mirror = Mirror::new(origin().as_str(), hub_key, start()).unwrap();
    for piece in pieces {
        mirror.feed(piece)?;
    }
    Ok(mirror)
}

#[test]
fn a_client_follows_from_one_segment_into_the_next_and_into_no_other() {
    let (_place, path, head) = three();
    let whole: String = (0..3).map(|k| text(&path, k)).collect();
    let mut batches = vec![String::new()];
    for line in whole.split_inclusive('\n') {
        batches.last_mut().unwrap().push_str(line);
        if line.starts_with("{\"seal\"") {
            batches.push(String::new());
        }
    }
    let opened = backout::timeline::codec::decode(whole.lines().next().unwrap().as_bytes()).unwrap();
    let backout::core::event::What::Opened(opened) = opened.what else { panic!("it opens") };
    for pieces in [vec![whole.clone()], batches] {
        let mirror = mirrored(&pieces, &opened.hub_key).unwrap();
        assert_eq!((mirror.head(), mirror.incident.segments.len()), (head, 2));
    }

    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("i");
    let (record, head) = over(&path);
    let key = record.incident.hub_key().to_owned();
    forge(&path, &SealKey::from_seed(&mut [66; 32]), &head, &record, 1);
    let pieces = [text(&path, 0), text(&path, 1)];
    for pieces in [pieces.to_vec(), vec![pieces.concat()]] {
        let refused = mirrored(&pieces, &key).unwrap_err();
        assert!(matches!(refused, MirrorError::Segment { .. }), "{refused}");
    }
}

#[test]
fn a_closed_record_has_no_further_segment() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("i");
    let mut record = Record::lived(&path);
    record.close(ANA);
    let head = record.store.head();
    let forged = forge(&path, &hub_key(&path), &head, &record, 0);
    let report = with_head(&path, forged);
    assert!(
        report.findings.iter().any(|f| f.check == Check::Rules && f.event == head.n),
        "{:#?}",
        report.findings
    );
}

#[test]
fn a_segment_is_not_begun_while_the_old_one_can_go_on() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("i");
    let store = Record::lived(&path).store;
    assert!(matches!(store.follow(SealKey::random().unwrap(), None), Err(OpenError::GoesOn)));
    assert_eq!(segment::present(&path), [0], "and nothing was made");
    assert!(
        open(&path).unwrap().store.follow(SealKey::random().unwrap(), None).is_err(),
        "nor after a crash"
    );
}

/// Goes on with a folder as a hub does, in a new segment if the disk had failed; adds a note and closes it.
fn gone_on_with(path: &Path, record: &Record) -> (Ended, Head) {
    let opened = open(path).unwrap();
    let ended = opened.ended.clone();
    let mut incident = start();
    let whole: String = segment::present(path).into_iter().map(|k| text(path, k)).collect();
    for line in whole.lines().filter(|l| !l.starts_with("{\"seal\"")) {
        let event = backout::timeline::codec::decode(line.as_bytes()).unwrap();
        backout::core::replay::check(&mut incident, &event).unwrap();
    }
    let (store, first) = match &ended {
        Ended::WriteFailed(_) => {
            let aside = opened.set_aside.map(|a| a.file);
            let (store, first) = opened.store.follow(SealKey::random().unwrap(), aside).unwrap();
            (store, Some(first))
        }
        Ended::Clean | Ended::Crashed => (opened.store, None),
    };
    let payloads = Payloads::open(store.folder(), store.head().n).unwrap();
    let mut next = Record::again(store, payloads, incident, record);
    if let Some(first) = first {
        next.hub(Intent::Continue(first));
        next.store.settle().unwrap();
    }
    next.note(BEN, "we are back");
    (ended, next.store.close().unwrap())
}

#[test]
fn whatever_a_kill_leaves_of_a_segment_that_was_being_begun_the_record_goes_on() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("i");
    let mut record = Record::lived(&path);
    let acknowledged = record.store.head();
    record.store.fail("Input/output error (os error 5)");
    let failed = place.path().join("failed");
    copied(&path, &failed);
    let record = record.moved_on(&path);
    drop(record.store.close());
    let record = Record::lived(&place.path().join("numbers"));
    let (sealed, new_key) = (text(&path, 1), fs::read_to_string(path.join("hub.key")).unwrap());
    let mut nth = 0;
    let mut from = |stage: &dyn Fn(&Path)| {
        nth += 1;
        let copy = place.path().join(format!("copy{nth}"));
        copied(&failed, &copy);
        stage(&copy);
        use std::os::unix::fs::PermissionsExt as _;
        for file in ["hub.key.next", "timeline.seg1.jsonl"].map(|f| copy.join(f)) {
            if file.exists() {
                fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
            }
        }
        let (ended, head) = gone_on_with(&copy, &record);
        let report = with_head(&copy, head);
        assert_eq!(report.verdict(), Verdict::Verified, "stage {nth}: {:#?}", report.lines());
        assert_eq!((report.segments, head.n), (2, acknowledged.n + 2), "stage {nth}");
        assert!(!copy.join("hub.key.next").exists());
        assert!(text(&copy, 0) == text(&failed, 0), "the old segment stays as it was");
        (ended, copy)
    };
    let key = |p: &Path| fs::write(p.join("hub.key.next"), &new_key).unwrap();

    from(&|_| {});
    from(&key);
    from(&|p| {
        key(p);
        put(p, 1, "");
    });
    for cut in (1..sealed.len()).step_by(29).chain([sealed.len() - 1]) {
        let (ended, copy) = from(&|p| {
            key(p);
            put(p, 1, &sealed[..cut]);
        });
        let Ended::WriteFailed(how) = ended else { panic!("cut at {cut}: nothing was sealed") };
        assert!(how.cause.contains("os error 5") && how.last == acknowledged.n);
        let aside = fs::read_to_string(copy.join(format!("unsealed.{}", acknowledged.n))).unwrap();
        assert_eq!(aside, sealed[..cut], "what was written is kept beside");
        assert!(
            text(&copy, 1).contains(&format!("\"set_aside\":\"unsealed.{}\"", acknowledged.n)),
            "and named"
        );
    }
    // Sealed, and killed before the new key was in its place, or before that was noted: then it has begun.
    let (ended, copy) = from(&|p| {
        key(p);
        put(p, 1, &sealed);
    });
    assert_eq!(ended, Ended::Crashed);
    assert_eq!(fs::read_to_string(copy.join("hub.key")).unwrap(), new_key);
    let (ended, _) = from(&|p| {
        fs::write(p.join("hub.key"), &new_key).unwrap();
        put(p, 1, &sealed);
    });
    assert_eq!(ended, Ended::Crashed);
}

#[test]
fn what_was_sealed_but_never_acknowledged_does_not_come_back() {
    // The batch reached the disk, its sync failed, and cutting it off again failed too: people were told it is not
    // recorded.
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("i");
    let mut record = Record::lived(&path);
    let before = text(&path, 0);
    let acknowledged = record.store.head();
    record.note(BEN, "you were told that this is not recorded");
    let whole = text(&path, 0);
    put(&path, 0, &before);
    drop(record);
    fs::write(path.join("lock"), format!("failed 0 {} Input/output error\n", acknowledged.n)).unwrap();
    put(&path, 0, &whole);
    let numbers = Record::lived(&place.path().join("numbers"));
    let (_, head) = gone_on_with(&path, &numbers);
    assert_eq!(head.n, acknowledged.n + 2);
    assert_eq!(text(&path, 0), before);
    let aside = fs::read_to_string(path.join(format!("unsealed.{}", acknowledged.n))).unwrap();
    assert_eq!(aside, whole[before.len()..], "it is kept, and named in the event that begins the segment");
    assert!(text(&path, 1).contains("\"set_aside\":\"unsealed.8\""));
    assert_eq!(with_head(&path, head).verdict(), Verdict::Verified);
}

#[test]
fn a_record_that_lost_what_was_acknowledged_is_not_gone_on_with() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("i");
    let mut record = Record::lived(&path);
    let short = text(&path, 0);
    record.note(BEN, "acknowledged");
    record.store.fail("Input/output error");
    drop(record);
    put(&path, 0, &short);
    assert!(matches!(open(&path), Err(OpenError::Rollback { found: 8, known: 9 })));
}

#[test]
fn a_hole_or_damage_in_an_older_segment_is_refused_and_nothing_is_touched() {
    let (_place, path, _) = three();
    let (zero, one) = (text(&path, 0), text(&path, 1));
    fs::remove_file(path.join(segment::name(1))).unwrap();
    assert!(matches!(open(&path), Err(OpenError::Missing(1))));
    put(&path, 1, &one);
    fs::remove_file(path.join(segment::name(0))).unwrap();
    assert!(matches!(open(&path), Err(OpenError::Missing(0))));
    for bad in [
        zero[..zero.len() - 30].to_owned(),
        zero.replace("errors fell", "orders fell"),
        zero.clone() + "torn",
    ] {
        put(&path, 0, &bad);
        let refused = open(&path).map(|o| o.store.head().to_string()).unwrap_err();
        assert!(matches!(refused, OpenError::Damaged(_) | OpenError::Segment { .. }), "{refused}");
        assert_eq!((text(&path, 0), text(&path, 1)), (bad, one.clone()));
    }
    put(&path, 0, &zero);
    for k in [1, 2] {
        use std::os::unix::fs::PermissionsExt as _;
        let file = path.join(segment::name(k));
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path.join(segment::name(0)), fs::Permissions::from_mode(0o600)).unwrap();
    open(&path).unwrap();
}
