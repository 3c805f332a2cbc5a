//! `backout verify` over a million events against `sha256sum` of the same file, and one signed act against
//! `git verify-commit`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]
#![allow(dead_code, reason = "each bench uses its part of what they share")]

mod common;

use std::io::BufReader;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use backout::timeline::codec;
use backout::timeline::walk::{Item, Walk};
use common::history::{History, one_act};
use common::{cpu_of, folder, pairs, report};

const EVENTS: u64 = 1_000_000;
/// Signatures that are timed together.
const ACTS: u32 = 20_000;
/// Commits that are verified together.
const COMMITS: u32 = 20;

/// Bytes, form, tree and every seal's root; every event read into its type.
fn read(file: &Path) {
    let mut walk = Walk::new(BufReader::with_capacity(256 * 1024, std::fs::File::open(file).unwrap()));
    let mut events = 0;
    while let Some(item) = walk.next().unwrap() {
        if let Item::Event { parts, .. } = item {
            codec::decode_parts(&parts).unwrap();
            events += 1;
        }
    }
    assert_eq!((events, walk.sealed().head.n), (EVENTS, EVENTS));
}

fn sha256sum(file: &Path) {
    assert!(Command::new("sha256sum").arg(file).stdout(Stdio::null()).status().unwrap().success());
}

fn verify(dir: &Path, head: &str) {
    let mut command = Command::new(common::PROGRAM);
    let output = command.arg("verify").arg(dir).args(["--head", head]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("1000000"), "{said}");
}

/// The most memory (bytes) that it held at any time: `VmHWM`, looked at while it runs. What `wait` tells would count
/// this process, from which it was forked.
fn peak(dir: &Path) -> u64 {
    let mut command = Command::new(common::PROGRAM);
    let mut child =
        command.arg("verify").arg(dir).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        most = most.max(kib.unwrap_or(0) * 1024);
        std::thread::sleep(Duration::from_millis(5));
    }
    most
}

/// A repository whose commits are signed with an SSH key. `None` without git or `ssh-keygen`.
fn repository() -> Option<tempfile::TempDir> {
    let place = folder();
    let run = |program: &str, args: &[&str]| {
        let mut command = Command::new(program);
        command
            .args(args)
            .current_dir(place.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        command.status().is_ok_and(|status| status.success()).then_some(())
    };
    run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", "a@b", "-f", "id"])?;
    let public = std::fs::read_to_string(place.path().join("id.pub")).unwrap();
    std::fs::write(place.path().join("signers"), format!("a@b {public}")).unwrap();
    run("git", &["init", "-q"])?;
    for (key, value) in [
        ("user.name", "a"),
        ("user.email", "a@b"),
        ("gpg.format", "ssh"),
        ("user.signingkey", "id.pub"),
        ("gpg.ssh.allowedSignersFile", "signers"),
    ] {
        run("git", &["config", key, value])?;
    }
    run("git", &["commit", "-q", "--allow-empty", "-S", "-m", "one"])?;
    run("git", &["verify-commit", "HEAD"])?;
    Some(place)
}

fn verify_commit(repository: &Path) {
    for _ in 0..COMMITS {
        let mut command = Command::new("git");
        command.args(["verify-commit", "HEAD"]).current_dir(repository).stderr(Stdio::null());
        assert!(command.status().unwrap().success());
    }
}

fn ratios(taken: &[(Duration, Duration)]) -> Vec<f64> {
    taken.iter().map(|(floor, product)| product.as_secs_f64() / floor.as_secs_f64()).collect()
}

fn seconds(mut all: Vec<Duration>) -> f64 {
    common::percentile(&mut all, 0.5).as_secs_f64()
}

fn main() {
    let place = folder();
    let mut history = History::new(&place.path().join("incident"));
    history.grow_to(EVENTS);
    let (dir, seen) = (history.dir().to_owned(), history.seen());
    drop(history);
    let (file, head) = (dir.join("timeline.jsonl"), format!("{}:{}", seen.n, seen.root));
    let bytes = std::fs::metadata(&file).unwrap().len();
    println!("{EVENTS} events, {} bytes each", bytes / EVENTS);

    let taken = pairs(|| cpu_of(|| sha256sum(&file)), || cpu_of(|| read(&file)));
    report("CPU of bytes, tree and schema / sha256sum", ratios(&taken), 1.0);
    let whole = (0..3).map(|_| cpu_of(|| verify(&dir, &head))).collect();
    common::absolute("CPU of verify, rules and all", seconds(whole), "s", 5.0);
    common::absolute("most memory of verify", peak(&dir) as f64 / 1_048_576.0, "MiB", 64.0);

    let Some(repository) = repository() else {
        return eprintln!("SKIPPED: git or ssh-keygen is missing, so one act is compared with nothing");
    };
    let act = one_act();
    let taken = pairs(
        || cpu_of(|| verify_commit(repository.path())) / COMMITS,
        || cpu_of(|| (0..ACTS).for_each(|_| act())) / ACTS,
    );
    report("CPU of one signed act / git verify-commit", ratios(&taken), 0.01);
}
