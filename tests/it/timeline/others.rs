//! Programs that are not this one agree: Python's standard library, OpenSSL, OpenSSH.

use std::fs;
use std::process::{Command, Stdio};

use backout::timeline::evidence::Evidence;
use backout::timeline::export::export;

use super::record::{ANA, Record};
use super::{bytes, origin};
use crate::support::{need, repository};

pub fn checker(path: &std::path::Path, arguments: &[String]) -> Option<(bool, String)> {
    let python = need("python3")?;
    let output = Command::new(python)
        .arg(repository().join("tests/check_timeline.py"))
        .arg(path.join("timeline.jsonl"))
        .args(arguments)
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    Some((output.status.success(), text))
}

#[test]
fn a_page_of_python_comes_to_the_same_verdict() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("i");
    let mut record = Record::lived(&path);
    let older = record.store.head();
    record.note(ANA, "naïve \u{1F600} \"quoted\"\n\ttab");
    record.store.close().unwrap();
    let Some((good, text)) = checker(&path, &[older.n.to_string(), older.root_b64()]) else { return };
    assert!(good && text.starts_with("9 events"), "{text}");
    let (good, _) = checker(&path, &["8".to_owned(), "AAAA".to_owned()]).unwrap();
    assert!(!good, "another root is another history");
    let whole = bytes(&path);
    let last = whole.windows(8).rposition(|w| w == b"{\"seal\":").unwrap();
    for at in (0..whole.len()).step_by(97) {
        // It checks every seal's root, but the signature of the last one only.
        let line = whole[..at].iter().rposition(|b| *b == b'\n').map_or(0, |p| p + 1);
        if whole[line..].starts_with(b"{\"seal\":") && line != last {
            continue;
        }
        let mut bent = whole.clone();
        bent[at] ^= 1;
        fs::write(path.join("timeline.jsonl"), &bent).unwrap();
        let (good, text) = checker(&path, &[]).unwrap();
        assert!(!good, "byte {at}: {text}");
    }
}

#[test]
fn every_exported_statement_verifies_with_stock_ssh_keygen() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("i");
    let mut record = Record::lived(&path);
    record.close(ANA);
    record.store.close().unwrap();
    let target = place.path().join("export");
    let exported = export(&Evidence::open(&path).unwrap(), &target).unwrap();
    assert_eq!(exported.statements, 4);
    let readme = fs::read_to_string(target.join("README")).unwrap();
    let lines: Vec<&str> = readme.lines().filter(|l| l.starts_with("ssh-keygen")).collect();
    assert_eq!(lines.len(), 4);
    let runs = |line: &str| {
        let status = Command::new("sh")
            .args(["-c", line])
            .current_dir(&target)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        status.unwrap().success()
    };
    for line in &lines {
        assert!(runs(line), "{line}");
        assert!(!runs(&line.replace(".v1@backout", ".v1@elsewhere")), "another purpose");
    }
    assert!(export(&Evidence::open(&path).unwrap(), &target).is_err(), "nothing is written over");
    let packed = Evidence::open(&exported.evidence).unwrap();
    assert_eq!(packed.bytes("timeline.jsonl").unwrap(), Some(bytes(&path)));
    assert_eq!(origin().as_str().rsplit('/').next(), Some("01JD3K9W8ZQ4T6V2M7N5B1C0XA"));
}
