//! Who may write, where, and what is found when a folder is opened again.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use backout::timeline::folder::{FileSystems, Folder, FolderError};
use backout::timeline::seal::SealKey;
use backout::timeline::store::{Ended, OpenError, Store, create};
use backout::timeline::tree::Head;

use super::{bytes, fresh, line, open, origin};

#[test]
fn a_second_writer_is_refused_until_the_first_is_gone() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("i");
    let mut store = fresh(&path);
    store.append(&[line(0)]).unwrap();
    assert!(matches!(open(&path), Err(OpenError::Locked)));
    store.close().unwrap();
    let opened = open(&path).unwrap();
    assert_eq!(opened.ended, Ended::Clean);
    assert_eq!(opened.store.head().n, 1);
}

#[test]
fn files_are_private_and_end_exactly_after_the_last_seal() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("i");
    let mut store = fresh(&path);
    store.append(&[line(0), line(1)]).unwrap();
    assert!(bytes(&path).ends_with(b"\"}}\n"));
    store.close().unwrap();
    assert!(bytes(&path).ends_with(b"\"}}\n"));
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
    for name in ["timeline.jsonl", "hub.key", "lock", "reserve"] {
        assert_eq!(fs::metadata(path.join(name)).unwrap().mode() & 0o777, 0o600, "{name}");
    }
    assert!(
        fs::metadata(path.join("timeline.jsonl")).unwrap().blocks() <= 16,
        "unused blocks are given back"
    );
}

#[test]
fn links_and_folders_open_to_others_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("i");
    fresh(&path).close().unwrap();

    let alias = place.path().join("alias");
    symlink(&path, &alias).unwrap();
    assert!(matches!(open(&alias), Err(OpenError::Folder(FolderError::WrongType(_)))));

    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(open(&path), Err(OpenError::Folder(FolderError::Open(..)))));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o2710)).unwrap();
    open(&path).expect("sharing by group without writing is fine").store.close().unwrap();

    let file = path.join("timeline.jsonl");
    fs::hard_link(&file, place.path().join("second-name")).unwrap();
    assert!(matches!(open(&path), Err(OpenError::Folder(FolderError::Linked(_)))));
    fs::remove_file(&file).unwrap();
    symlink(place.path().join("second-name"), &file).unwrap();
    assert!(matches!(open(&path), Err(OpenError::Folder(FolderError::WrongType(_)))));
}

#[test]
fn a_folder_that_has_a_timeline_is_not_started_over() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("i");
    fresh(&path).close().unwrap();
    let again = create(&path, FileSystems::Any, origin(), SealKey::random().unwrap());
    assert!(matches!(again, Err(OpenError::Exists)));
}

#[test]
fn lines_behind_the_last_seal_are_set_aside_and_never_adopted() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("i");
    let mut store = fresh(&path);
    store.append(&[line(0)]).unwrap();
    let head = store.close().unwrap();
    let sealed = bytes(&path);
    for (nth, tail) in
        [&b"{\"forged\":true}\n"[..], b"{\"seq\":1", b"\0\0\0\0", b"{\"seal\":{}}\n"].iter().enumerate()
    {
        fs::write(path.join("timeline.jsonl"), [&sealed[..], tail].concat()).unwrap();
        let opened = open(&path).unwrap();
        assert_eq!(opened.store.head(), head);
        let aside = opened.set_aside.expect("something was set aside");
        assert_eq!(fs::read(path.join(&aside.file)).unwrap(), *tail);
        assert_eq!(bytes(&path), sealed);
        opened.store.close().unwrap();
        assert_eq!(
            fs::read_dir(&path)
                .unwrap()
                .flatten()
                .filter(|e| e.file_name().to_string_lossy().starts_with("unsealed"))
                .count(),
            nth + 1
        );
    }
}

#[test]
fn a_shorter_or_another_history_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("i");
    let mut store = fresh(&path);
    let first = store.append(&[line(0)]).unwrap();
    let short = bytes(&path);
    let second = store.append(&[line(1)]).unwrap();
    let checkpoint = store.checkpoint();
    store.close().unwrap();

    let known = |heads: &[Head]| Store::open(&path, FileSystems::Any, origin(), heads);
    known(&[first, second]).unwrap().store.close().unwrap();
    let other = Head { n: 1, root: [7; 32] };
    assert!(matches!(known(&[other]), Err(OpenError::Fork { n: 1 })));

    fs::write(path.join("timeline.jsonl"), &short).unwrap();
    assert!(matches!(known(&[second]), Err(OpenError::Rollback { found: 1, known: 2 })));
    fs::create_dir(path.join("anchors")).unwrap();
    fs::write(path.join("anchors/2"), checkpoint).unwrap();
    fs::write(path.join("anchors/junk"), "not a checkpoint").unwrap();
    assert!(matches!(known(&[]), Err(OpenError::Rollback { found: 1, known: 2 })));
}

#[test]
fn a_change_before_sealed_events_is_not_taken_for_a_torn_write() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("i");
    let mut store = fresh(&path);
    for seq in 0..4 {
        store.append(&[line(seq)]).unwrap();
    }
    drop(store);
    let text = String::from_utf8(bytes(&path)).unwrap();
    for bad in [text.replace("\"seq\":1", "\"seq\":9"), text.replace("\"seq\":1", "\"seq\":\n")] {
        fs::write(path.join("timeline.jsonl"), &bad).unwrap();
        assert!(matches!(open(&path), Err(OpenError::Damaged(_))));
        assert_eq!(bytes(&path), bad.as_bytes(), "nothing was touched");
    }
}

#[test]
fn a_bit_that_flips_after_writing_is_seen_when_read_back() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("i");
    let mut store = fresh(&path);
    store.append(&[line(0)]).unwrap();
    store.read_back().unwrap();
    let mut bent = bytes(&path);
    bent[20] ^= 1;
    fs::write(path.join("timeline.jsonl"), bent).unwrap();
    assert!(matches!(store.read_back(), Err(OpenError::ReadBack { wrote: 1, found: 0 })));
}

#[test]
fn the_folder_itself_is_made_private() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("new");
    Folder::create(&path, FileSystems::LocalOnly).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
}
