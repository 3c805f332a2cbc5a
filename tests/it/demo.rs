//! The demo: it really happens, it can be checked without it, and it leaves nothing running.

mod keys;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use backout::core::id::Digest;
use backout::demo::shop;
use backout::metrics::series::Sample;

use crate::support::{Backout, Place, find, wait_for, wait_until};

const LONG: Duration = Duration::from_secs(110);

/// A demo on its way, in a folder with a space in its name, without a home and from a folder that is not ours.
struct Run {
    child: Child,
    begun: Instant,
    dir: PathBuf,
    out: PathBuf,
    err: PathBuf,
}

impl Run {
    fn start(place: &Place, adjust: impl FnOnce(&mut Command)) -> Run {
        let dir = place.join("war room").join("demo");
        let (out, err) = (place.join("out"), place.join("err"));
        let mut command = Backout::new(place).inside(Path::new("/")).command(["demo", "--headless", "--dir"]);
        command.arg(&dir).env_remove("HOME").env_remove("XDG_RUNTIME_DIR").stdin(Stdio::null());
        command.stdout(fs::File::create(&out).unwrap()).stderr(fs::File::create(&err).unwrap());
        adjust(&mut command);
        Run { child: command.spawn().unwrap(), begun: Instant::now(), dir, out, err }
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.out).unwrap() + &fs::read_to_string(&self.err).unwrap()
    }

    #[track_caller]
    fn says(&mut self, text: &str) {
        wait_for(&format!("the demo says `{text}`"), LONG, || {
            let said = self.said();
            if said.contains(text) { Ok(()) } else { Err(said) }
        });
    }

    /// Its exit code and how long it took.
    #[track_caller]
    fn ends(&mut self) -> (Option<i32>, Duration) {
        let status = wait_for("the demo ends", LONG, || self.child.try_wait().unwrap().ok_or(self.said()));
        (status.code(), self.begun.elapsed())
    }

    fn record(&self) -> PathBuf {
        let mut entries = fs::read_dir(self.dir.join("state/incidents")).unwrap();
        let record = entries.next().unwrap().unwrap().path();
        assert!(entries.next().is_none(), "one incident");
        record
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Command lines of processes that were given a path in this place, as an argument or as their temporary folder.
fn left_over(place: &Place) -> Vec<String> {
    let path = place.path().as_os_str().as_encoded_bytes();
    let names_it = |bytes: Vec<u8>| bytes.windows(path.len()).any(|w| w == path);
    let processes = fs::read_dir("/proc").unwrap().flatten().filter(|e| {
        let pid = e.file_name().to_string_lossy().parse::<u32>();
        pid.is_ok_and(|pid| pid != std::process::id())
    });
    let ours = processes.filter(|e| {
        ["cmdline", "environ"].iter().any(|file| fs::read(e.path().join(file)).is_ok_and(names_it))
    });
    let line = |e: fs::DirEntry| fs::read(e.path().join("cmdline")).unwrap_or_default();
    ours.map(|e| String::from_utf8_lossy(&line(e)).replace('\0', " ")).collect()
}

#[track_caller]
fn nothing_is_left(place: &Place) {
    assert_eq!(left_over(place), Vec::<String>::new());
}

fn error_share(record: &Path) -> Vec<f64> {
    let text = fs::read_to_string(record.join("metrics.jsonl")).unwrap();
    let samples = text.lines().map(|line| Sample::from_line(line).expect(line));
    let shares = samples.filter(|(metric, _)| metric == "error_share");
    shares.filter_map(|(_, sample)| sample.value.comparable()).collect()
}

#[test]
fn the_shop_comes_back_and_everybody_can_check_how() {
    let place = Place::new();
    let mut run = Run::start(&place, |_| {});
    let (code, took) = run.ends();
    let said = run.said();
    assert_eq!(code, Some(0), "{said}");
    assert!(took < Duration::from_secs(90), "{took:?}");
    nothing_is_left(&place);

    let in_order = [
        "you incident.opened",
        "trigger.fired errors",
        "hub incident.declared",
        "suspension.opened deployments",
        "noor note.added Before I sign",
        "orders have a fingerprint",
        "noor approval.granted two-pairs-of-eyes",
        "sam step.started switch",
        "calms-down succeeded",
        "orders-kept succeeded",
        "trigger.cleared errors",
        "suspension.lifted deployments",
        "message.sent resolved",
        "you incident.closed",
        "Failed checkouts: ",
        "Verdict: verified",
    ];
    let mut rest = said.as_str();
    for text in in_order {
        rest =
            rest.split_once(text).unwrap_or_else(|| panic!("`{text}` is missing or too early in\n{said}")).1;
    }

    let record = run.record();
    let shares = error_share(&record);
    assert!(shares.iter().any(|x| *x > 0.05), "it was bad: {shares:?}");
    assert_eq!(shares.last(), Some(&0.0), "and is not any more: {shares:?}");

    let shop_dir = run.dir.join("shop");
    assert_eq!(fs::read_link(shop_dir.join("current")).unwrap().file_name().unwrap(), shop::GOOD);
    assert!(!shop_dir.join("deployer/paused").exists());
    let measured = said.lines().find(|l| l.contains("measurement.taken orders_count")).unwrap();
    let count: u64 = measured.split_whitespace().last().unwrap().parse().unwrap();
    let first = |n: u64| {
        let words = ["orders".to_owned(), "first".to_owned(), n.to_string()];
        shop::control::run(&shop_dir, &words).unwrap()
    };
    let fingerprint = Digest::of(first(count).as_bytes()).to_string();
    let taken = said.lines().find(|l| l.contains("step.finished orders-before")).unwrap();
    assert!(taken.contains(&fingerprint), "{taken}\n{fingerprint}");
    assert!(
        fs::read_to_string(run.dir.join("messages.txt")).unwrap().contains("The shop takes orders again")
    );

    let backout = Backout::new(&place);
    let verify = |signers: &Path| {
        let record = record.clone().into_os_string();
        let arguments = ["verify".into(), record, "--allowed-signers".into(), signers.as_os_str().to_owned()];
        backout.run(arguments)
    };
    assert!(verify(&run.dir.join("allowed_signers")).exits(0).stdout.starts_with("verified"));
    let stranger = place.write(
        "strangers",
        "noor ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
    );
    verify(&stranger).exits(1);

    let again = backout.run(["demo", "--headless", "--dir", run.dir.to_str().unwrap()]).exits(3);
    assert!(again.stderr.contains("is not empty"), "{}", again.stderr);
    assert!(run.record().is_dir());
}

#[test]
fn stock_ssh_keygen_agrees_on_the_printed_approval_and_on_no_other_text() {
    if find("ssh-keygen").is_none() {
        eprintln!("SKIPPED: ssh-keygen is not installed");
        return;
    }
    let place = Place::new();
    let mut run = Run::start(&place, |_| {});
    let (code, _) = run.ends();
    let said = run.said();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("Good \"approve.v1@backout\" signature for noor"), "{said}");
    let line = said.lines().find(|l| l.contains("ssh-keygen -Y verify")).unwrap().trim();
    let shell = || Command::new("/bin/sh").args(["-eu", "-c", line]).output().unwrap();
    let checked = shell();
    assert!(checked.status.success(), "{line}\n{checked:?}");
    let statement = run.dir.join("evidence").join(line.rsplit(' ').next().unwrap());
    let text = fs::read_to_string(&statement).unwrap();
    assert!(
        text.contains("step: two-pairs-of-eyes attempt 1") && text.contains("decision: approve"),
        "{text}"
    );
    fs::write(&statement, text.replace("release 1.4.2", "release 6.6.6")).unwrap();
    assert!(!shell().status.success(), "a changed statement is no statement");
}

#[test]
fn a_rollback_that_fails_is_led_out_undone_and_closed() {
    let place = Place::new();
    let mut run = Run::start(&place, |command| {
        command.env("PATH", "");
    });
    run.says("incident.opened");
    fs::remove_dir_all(run.dir.join("shop/releases").join(shop::GOOD)).unwrap();
    let (code, _) = run.ends();
    let said = run.said();
    assert_eq!(code, Some(1), "{said}");
    for text in [
        "switch failed",
        "you incident.aborted switch failed",
        "step.undone freeze succeeded",
        "suspension.lifted deployments",
        "you incident.closed",
        "Verdict: verified",
        "ssh-keygen is not installed here",
        "the rollback was aborted",
    ] {
        assert!(said.contains(text), "`{text}` is missing in\n{said}");
    }
    nothing_is_left(&place);
}

#[test]
fn a_demo_that_is_told_to_end_leaves_nothing_running() {
    for signal in [rustix::process::Signal::TERM, rustix::process::Signal::INT] {
        let place = Place::new();
        let mut run = Run::start(&place, |_| {});
        run.says("participant.joined");
        assert!(left_over(&place).iter().any(|line| line.contains("__hub")), "{:?}", left_over(&place));
        let pid = rustix::process::Pid::from_child(&run.child);
        rustix::process::kill_process(pid, signal).unwrap();
        let (code, _) = run.ends();
        assert_eq!(code, Some(1), "{}", run.said());
        nothing_is_left(&place);
    }
}

#[test]
fn shop_and_visitors_do_not_survive_a_demo_that_is_killed() {
    let place = Place::new();
    let mut run = Run::start(&place, |_| {});
    run.says("incident.opened");
    run.child.kill().unwrap();
    let shops = || left_over(&place).into_iter().filter(|l| l.contains("__shop") || l.contains("__traffic"));
    wait_until("shop and visitors are gone", LONG, || shops().count() == 0);
    // The hub outlives who opened the incident, as every hub does; it ends when it is asked to.
    for incident in std::fs::read_dir(run.dir.join("state/incidents")).unwrap() {
        let pid = std::fs::read_to_string(incident.unwrap().path().join("hub.pid")).unwrap();
        assert!(Command::new("kill").arg(pid.trim()).status().unwrap().success());
    }
    wait_until("nothing is left", LONG, || left_over(&place).is_empty());
}

#[test]
fn without_a_terminal_the_demo_says_how_to_go_on_and_begins_nothing() {
    let place = Place::new();
    let backout = Backout::new(&place);
    let refused = backout.run(["demo"]).exits(2);
    assert!(refused.stderr.contains("--headless"), "{}", refused.stderr);
    assert_eq!(fs::read_dir(place.join("tmp")).unwrap().count(), 0);
}
