//! Disks that fail, fill up or can only be read, under a real hub: what people are told, and how it goes on.

use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Signal, test_kill_process};

use super::hub::{SLOW, let_go};
use crate::support::{Incident, Outcome, Place, Team, incident, need, repository};

/// A disk that fails when it is told to.
struct Disk {
    library: PathBuf,
    control: PathBuf,
}

impl Disk {
    fn build(place: &Place) -> Option<Disk> {
        let cc = need("cc")?;
        let library = place.join("failing_disk.so");
        let source = repository().join("tests/it/lifecycle/failing_disk.c");
        let built =
            Command::new(cc).args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).status();
        assert!(built.unwrap().success());
        Some(Disk { library, control: place.write("disk", "") })
    }

    fn is(&self, how: &str) {
        // In one step: the hub reads it at any time.
        let new = self.control.with_extension("new");
        std::fs::write(&new, how).unwrap();
        std::fs::rename(new, &self.control).unwrap();
    }

    fn works(&self) {
        self.is("");
    }
}

/// A declared incident on such a disk; ben sits as sre.
fn on_a_failing_disk(steps: &str) -> Option<(Incident, Disk)> {
    let place = Place::new();
    let team = Team::gather(&place)?;
    let disk = Disk::build(&place)?;
    place.write("ws/runbooks/test.yaml", incident::runbook(steps));
    let (library, control) = (disk.library.clone(), disk.control.clone());
    let env = [
        ("TEST_TOKEN", incident::SECRET),
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("BACKOUT_TEST_DISK", control.to_str().unwrap()),
    ];
    Some((declared(Incident::open(place, team, "ana", &["runbooks/test.yaml"], &env)), disk))
}

fn declared(incident: Incident) -> Incident {
    incident.ok("ben", &["assume", "sre"]);
    incident.ok("ana", &["approve", "declare", "--yes"]);
    incident.until("it is declared", || incident.status()["stage"] == "declared");
    incident
}

fn verified(incident: &Incident) -> String {
    let signers = incident.team.allowed_signers();
    let verdict =
        incident.backout("ana").run(["verify", &incident.id, "--allowed-signers", signers.to_str().unwrap()]);
    verdict.exits(0).stdout
}

fn notes(incident: &Incident) -> usize {
    incident.recorded("note.added").len()
}

#[test]
fn after_a_failed_disk_the_record_goes_on_in_a_new_segment_and_everything_carries_over() {
    let Some((mut incident, disk)) = on_a_failing_disk(SLOW) else { return };
    incident.ok("ben", &["start", "slow"]);
    incident.until("the command has begun", || incident.lines("log") == 1);
    incident.ok("ben", &["note", "before the disk failed"]);

    disk.is("eio timeline");
    let lost = incident.act("ben", &["note", "this one is not recorded"]);
    assert!(lost.code != Some(0) && lost.stderr.contains("backout resume"), "{lost:?}");
    disk.works();
    let still = incident.act("ben", &["note", "nor this: the writer is over for good"]);
    assert!(still.code != Some(0) && still.stderr.contains("disk did not confirm"), "{still:?}");
    assert_eq!(incident.status()["hub"], "running", "what is recorded can still be looked at");
    assert_eq!(notes(&incident), 1);
    let hub = incident.hub();

    disk.is("eio timeline");
    let failing = incident.resume().exits(3).stderr;
    assert!(failing.contains("Input/output error") && failing.contains("cp -a"), "{failing}");
    disk.works();
    let resumed = incident.resume().exits(0).stderr;
    assert!(resumed.contains("timeline.seg1.jsonl") && resumed.contains("Input/output error"), "{resumed}");
    assert_ne!(incident.hub(), hub);
    incident.until("the hub that could not write is gone", || test_kill_process(hub).is_err());

    assert_eq!(incident.step("slow")["status"], "running", "the step went on through all of it");
    let_go(&incident);
    assert!(incident.until_step("slow", "failed").contains("exit code 3"));
    assert_eq!(incident.lines("log"), 2, "it ran once");
    incident.ok("ben", &["skip", "slow", "--reason", "not needed"]);
    incident.does("ben", "next");
    let continued = incident.recorded("record.continued");
    assert_eq!(continued.len(), 1);
    let data = &continued[0]["data"];
    assert!(data["log"].as_str().unwrap().ends_with("/seg1"), "{data}");
    assert_eq!(data["after"]["n"], continued[0]["seq"], "it follows everything that was acknowledged");

    // A second disk fails; the next segment follows the second.
    disk.is("eio payloads");
    assert_ne!(incident.act("ben", &["note", "its text is not kept, so it is not recorded"]).code, Some(0));
    disk.works();
    incident.resume().exits(0);
    incident.ok("ben", &["note", "on the third segment"]);
    assert_eq!(incident.recorded("record.continued").len(), 2);
    assert_eq!(notes(&incident), 2);
    incident.close();
    assert!(incident.opener_ends().is_some());
    let said = verified(&incident);
    assert!(said.contains("3 segments") && said.contains("because the disk failed"), "{said}");
    let listed = incident.backout("ana").run(["status", &incident.id]).exits(0).stdout;
    assert!(listed.contains("3 segments"), "{listed}");
    let target = incident.place.join("evidence");
    incident.backout("ana").run(["export", &incident.id, "-o", target.to_str().unwrap()]).exits(0);
    incident.backout("ana").run(["verify", target.to_str().unwrap()]).exits(0);
    for seq in ["1", continued[0]["seq"].to_string().as_str()] {
        let proof = incident.backout("ana").run(["prove", &incident.id, seq]).exits(0).stdout;
        assert!(proof.contains("/seg2\n"), "{proof}");
    }
    if let Some(python) = need("python3") {
        let check = repository().join("tests/check_timeline.py");
        let record = incident.dir().join("timeline.jsonl");
        let checked = Command::new(python).arg(check).arg(record).output().unwrap();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    }
}

/// Resumes with the disk told this about the 1st, the 2nd, … sync, until one resume gets through.
fn at_every_sync(how: &str) {
    let Some((mut incident, disk)) =
        on_a_failing_disk("- {id: act, run: [touch, done], timeout: 10s, role: sre}")
    else {
        return;
    };
    incident.ok("ben", &["note", "acknowledged"]);
    let before = incident.status()["events"].as_u64().unwrap();
    disk.is("eio timeline");
    assert_ne!(incident.act("ben", &["note", "not recorded"]).code, Some(0));
    disk.works();
    incident.end_hub(Signal::KILL);
    let mut tries = 0;
    loop {
        tries += 1;
        assert!(tries < 60, "it never gets through");
        disk.is(&format!("{how} {tries}"));
        let outcome = incident.resume();
        let through = outcome.code == Some(0);
        assert!(through || outcome.code == Some(3), "{outcome:?}");
        // Whatever was acknowledged stays, wherever it was cut off.
        let text = std::fs::read_to_string(incident.dir().join("timeline.jsonl")).unwrap();
        assert!(text.contains("note.added") && incident.status()["events"].as_u64().unwrap() >= before);
        if through
            && incident.status()["hub"] == "running"
            && incident.act("ben", &["note", "through"]).code == Some(0)
        {
            break;
        }
    }
    assert!(tries > 4, "there are more syncs than {tries} on the way");
    disk.works();
    if incident.act("ben", &["note", "after it"]).code != Some(0) {
        incident.resume().exits(0);
    }
    incident.does("ben", "act");
    incident.close();
    incident.opener_ends();
    assert!(!incident.recorded("record.continued").is_empty());
    verified(&incident);
    assert_eq!(incident.lines("done"), 0);
}

#[test]
fn killed_at_any_sync_on_its_way_into_a_new_segment_the_record_goes_on() {
    at_every_sync("kill-at");
}

#[test]
fn failing_at_any_sync_on_its_way_into_a_new_segment_the_record_goes_on() {
    at_every_sync("eio-at");
}

#[test]
fn of_two_who_resume_after_a_failed_disk_one_does() {
    let Some((incident, disk)) = on_a_failing_disk(SLOW) else { return };
    disk.is("eio timeline");
    assert_ne!(incident.act("ben", &["note", "not recorded"]).code, Some(0));
    disk.works();
    let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        let both: Vec<_> = (0..2).map(|_| scope.spawn(|| incident.resume())).collect();
        both.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let mut codes: Vec<_> = outcomes.iter().map(|o| o.code).collect();
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(3)], "{outcomes:?}");
    incident.ok("ben", &["note", "one hub, one new segment"]);
    assert_eq!(incident.recorded("record.continued").len(), 1);
    assert_eq!(incident.resume().exits(3).code, Some(3), "a hub that writes is left alone");
}

#[test]
fn an_incident_moves_to_a_disk_that_works_and_goes_on_there() {
    let Some((incident, disk)) = on_a_failing_disk(SLOW) else { return };
    incident.ok("ben", &["note", "before"]);
    disk.is("eio timeline");
    assert_ne!(incident.act("ben", &["note", "not recorded"]).code, Some(0));
    let new = incident.place.folder("elsewhere/incidents");
    incident.end_hub(Signal::TERM);
    let copied = Command::new("cp").arg("-a").arg(incident.dir()).arg(&new).status().unwrap();
    assert!(copied.success());
    disk.works();
    let state = incident.place.join("elsewhere");
    let there =
        |args: &[&str]| incident.backout("ben").run([&["--state", state.to_str().unwrap()], args].concat());
    there(&["resume", &incident.id, "--headless"]).exits(0);
    there(&["note", &incident.id, "on the new disk"]).exits(0);
    let moved = std::fs::read_to_string(new.join(&incident.id).join("timeline.seg1.jsonl")).unwrap();
    assert!(moved.contains("record.continued") && moved.contains("note.added"));
    assert!(!incident.dir().join("timeline.seg1.jsonl").exists(), "the old folder is as it was");
}

/// A file system of its own, gone at the end.
struct Mount(PathBuf);

impl Mount {
    fn small(at: &Path) -> Option<Mount> {
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=6m,mode=0700", "tmpfs"]).arg(at).output();
        if mounted.is_ok_and(|m| m.status.success()) {
            return Some(Mount(at.to_owned()));
        }
        eprintln!("SKIPPED: no file system can be mounted here");
        None
    }

    fn again(&self, how: &str) {
        let mounted = Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(&self.0).status();
        assert!(mounted.unwrap().success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_disk_that_is_full_or_can_only_be_read_is_named_with_what_to_do() {
    let place = Place::new();
    let Some(team) = Team::gather(&place) else { return };
    let Some(mount) = Mount::small(&place.folder("home/state/backout")) else { return };
    place.write("ws/runbooks/test.yaml", incident::runbook(SLOW));
    let env = [("TEST_TOKEN", incident::SECRET)];
    let mut incident = declared(Incident::open(place, team, "ana", &["runbooks/test.yaml"], &env));

    let filler = incident.place.join("home/state/backout/filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    while std::io::Write::write_all(&mut file, &[7; 4096]).is_ok() {}
    drop(file);
    let full = incident.act("ben", &["note", &"no room ".repeat(1000)]);
    assert!(
        full.code != Some(0) && full.stderr.contains("full") || full.stderr.contains("No space"),
        "{full:?}"
    );
    incident.end_hub(Signal::KILL);
    let refused = incident.resume();
    if refused.code != Some(0) {
        assert!(refused.stderr.contains("make room"), "{refused:?}");
        std::fs::remove_file(&filler).unwrap();
        incident.resume().exits(0);
    } else {
        std::fs::remove_file(&filler).unwrap();
    }
    incident.ok("ben", &["note", "with room again"]);
    assert!(incident.recorded("record.continued").is_empty(), "a full disk has not failed");

    incident.end_hub(Signal::KILL);
    mount.again("ro");
    let listed = incident.backout("ana").run(["status", &incident.id]).exits(0).stdout;
    assert!(listed.contains("not running"), "{listed}");
    let refused = incident.resume().exits(3).stderr;
    assert!(refused.contains("can only be read") && refused.contains("cp -a"), "{refused}");
    mount.again("rw");
    incident.resume().exits(0);
    for step in ["slow", "next"] {
        incident.ok("ben", &["skip", step, "--reason", "not needed"]);
    }
    incident.close();
    incident.opener_ends();
    verified(&incident);
    drop(mount);
}

#[test]
fn a_file_that_may_not_grow_is_a_refusal_and_not_the_end_of_the_hub() {
    let place = Place::new();
    let Some(team) = Team::gather(&place) else { return };
    place.write("ws/runbooks/test.yaml", incident::runbook(SLOW));
    let limited = |open: Command| {
        let mut shell = Command::new("sh");
        // In blocks of 512 bytes.
        shell.args(["-c", "ulimit -f 128; exec \"$0\" \"$@\""]).arg(open.get_program()).args(open.get_args());
        shell.env_clear().envs(open.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.current_dir(open.get_current_dir().unwrap());
        shell
    };
    let env = [("TEST_TOKEN", incident::SECRET)];
    let mut incident = Incident::open_as(place, team, "ana", &["runbooks/test.yaml"], &env, limited);
    let hub = incident.hub();
    incident.ok("ana", &["note", "short"]);
    let long = incident.act("ana", &["note", &"x".repeat(60_000)]).exits(3);
    assert!(long.stderr.contains("File too large"), "{}", long.stderr);
    incident.ok("ana", &["note", "short again"]);
    assert_eq!((incident.hub(), notes(&incident)), (hub, 2));
    incident.close();
    incident.opener_ends();
    verified(&incident);
}

#[test]
fn a_clock_that_jumps_is_recorded_and_changes_no_order() {
    let steps = "- {id: act, run: [touch, done], timeout: 10s, role: sre}";
    let Some((mut incident, hub)) = on_a_failing_disk(steps) else { return };
    incident.ok("ben", &["note", "on time"]);
    let jumped = || incident.recorded("clock.jumped");
    hub.is("clock 7200");
    incident.until("the jump is recorded", || jumped().len() == 1);
    incident.ok("ben", &["note", "two hours later"]);
    hub.is("clock -3600");
    incident.until("the jump back is recorded", || jumped().len() == 2);
    incident.ok("ben", &["note", "three hours before that"]);
    incident.end_hub(Signal::KILL);
    hub.is("clock -7200");
    incident.resume().exits(0);
    incident.until("the hub that comes back finds it set back too", || jumped().len() == 3);
    let hours: Vec<i64> = jumped()
        .iter()
        .map(|e| (e["data"]["micros"].as_i64().unwrap() as f64 / 3.6e9).round() as i64)
        .collect();
    assert_eq!(hours, [2, -3, -1]);
    let times: Vec<String> =
        incident.recorded("note.added").iter().map(|e| e["t"].as_str().unwrap().to_owned()).collect();
    assert!(times[1] > times[0] && times[2] < times[0], "the clock is written down as it stood: {times:?}");
    incident.does("ben", "act");
    incident.close();
    incident.opener_ends();
    verified(&incident);
}

#[test]
fn after_a_jump_ahead_a_request_has_expired_and_is_asked_again() {
    let steps = "- {id: eyes, approve: {require: [{role: sre, count: 1}], expires: 5m, covers: [act]}}
- {id: act, run: [touch, done], timeout: 10s, role: commander}";
    let Some((incident, hub)) = on_a_failing_disk(steps) else { return };
    incident.until_step("eyes", "waiting");
    hub.is("clock 600");
    incident.until("the request expires by the hub's clock", || {
        !incident.recorded("approval.expired").is_empty()
    });
    incident.refused("ana", &["start", "act"], "");
    assert!(!incident.file("done").exists());
}
