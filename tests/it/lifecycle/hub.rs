//! What dies and what goes on.

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::support::{Incident, Outcome, incident::PATIENCE, wait_for, wait_until};

/// Runs until the file `go` is there, then ends with an exit code of its own.
pub const SLOW: &str = "- id: slow
  run: [sh, -c, 'echo began >> log; until test -e go; do sleep 0.05; done; echo ended >> log; exit 3']
  timeout: 2m
  role: sre
- {id: next, run: [touch, next], timeout: 10s, role: sre}";

fn slow_runs() -> Option<Incident> {
    let incident = Incident::declared(SLOW)?;
    incident.ok("ben", &["start", "slow"]);
    incident.until("the command has begun", || incident.lines("log") == 1);
    Some(incident)
}

fn started(incident: &Incident, which: &str) -> Pid {
    // What the command writes can be there before what its supervisor writes about it.
    wait_for("its story names it", PATIENCE, || {
        let story = backout::step::record::read(&incident.dir().join("steps/slow.1")).unwrap().unwrap();
        let process = match which {
            "supervisor" => story.started.and_then(|started| started.supervisor),
            _ => story.child,
        };
        process.and_then(backout::step::process::Identity::raw).ok_or_else(|| format!("no {which}"))
    })
}

pub fn let_go(incident: &Incident) {
    std::fs::write(incident.file("go"), "").unwrap();
}

#[test]
fn a_step_goes_on_while_the_hub_is_dead_and_is_picked_up_with_its_own_exit_code() {
    let Some(incident) = slow_runs() else { return };
    incident.end_hub(Signal::KILL);
    assert!(test_kill_process(started(&incident, "child")).is_ok(), "the command goes on");
    let late = incident.act("ben", &["start", "next"]).exits(3);
    assert!(late.stderr.contains("backout resume"), "{}", late.stderr);

    incident.resume().exits(0);
    assert_eq!(incident.step("slow")["status"], "running");
    let_go(&incident);
    assert!(incident.until_step("slow", "failed").contains("exit code 3"));
    assert_eq!(std::fs::read_to_string(incident.file("log")).unwrap(), "began\nended\n", "it ran once");
}

#[test]
fn a_step_that_ended_while_the_hub_was_dead_ended_as_it_did() {
    let Some(incident) = slow_runs() else { return };
    incident.end_hub(Signal::KILL);
    let_go(&incident);
    incident.until("the command has ended", || {
        let story = backout::step::record::read(&incident.dir().join("steps/slow.1")).unwrap();
        story.is_some_and(|story| story.exit.is_some())
    });
    incident.resume().exits(0);
    assert!(incident.until_step("slow", "failed").contains("exit code 3"));
    assert_eq!(incident.lines("log"), 2, "it ran once");
}

#[test]
fn a_step_whose_supervisor_is_gone_is_unknown_until_somebody_settles_it() {
    let Some(incident) = slow_runs() else { return };
    let (supervisor, child) = (started(&incident, "supervisor"), started(&incident, "child"));
    incident.end_hub(Signal::KILL);
    kill_process(supervisor, Signal::KILL).unwrap();
    kill_process(child, Signal::KILL).unwrap();
    incident.resume().exits(0);
    incident.until_step("slow", "unknown");

    incident.refused("ben", &["start", "next"], "unknown");
    incident.refused("ana", &["close", "--reason", "x", "--yes"], "nobody knows how slow ended");
    incident.act("ben", &["settle", "slow", "succeeded"]).exits(2);
    incident.refused("ben", &["settle", "slow", "succeeded", "--reason", " "], "reason");
    incident.ok("ben", &["settle", "slow", "succeeded", "--reason", "I looked: it is there"]);
    incident.does("ben", "next");
    assert_eq!(incident.lines("log"), 1, "nothing ran twice by itself");
}

#[test]
fn a_hub_asked_to_end_says_so_and_comes_back() {
    let Some(incident) = slow_runs() else { return };
    incident.end_hub(Signal::TERM);
    incident.until("the follower is told", || incident.opened_said("the hub ended"));
    incident.resume().exits(0);
    let_go(&incident);
    incident.until_step("slow", "failed");
    assert_eq!(incident.lines("log"), 2);
    assert_eq!(incident.recorded("hub.resumed").len(), 1);
}

#[test]
fn of_two_who_resume_at_once_one_does() {
    let Some(incident) = slow_runs() else { return };
    incident.end_hub(Signal::KILL);
    let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        let both: Vec<_> = (0..2).map(|_| scope.spawn(|| incident.resume())).collect();
        both.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let (one, other): (Vec<_>, Vec<_>) = outcomes.iter().partition(|o| o.code == Some(0));
    assert_eq!((one.len(), other.len()), (1, 1), "{outcomes:?}");
    assert_eq!(other[0].code, Some(3));
    assert!(other[0].stderr.contains("another hub holds this incident"), "{}", other[0].stderr);
    let third = incident.resume().exits(3);
    assert!(third.stderr.contains("another hub holds this incident"), "{}", third.stderr);
    incident.ok("ben", &["note", "still here"]);
}

#[test]
fn the_openers_terminal_may_die_and_the_room_goes_on() {
    let Some(mut incident) = slow_runs() else { return };
    let hub = incident.hub();
    incident.hang_up_the_opener();
    let_go(&incident);
    incident.until_step("slow", "failed");
    incident.ok("ben", &["skip", "slow", "--reason", "not needed"]);
    incident.does("ben", "next");
    incident.close();
    assert_eq!(incident.hub(), hub, "the same hub all along");
    wait_until("the hub ends after the close", PATIENCE, || incident.status()["hub"] == "not running");
}

#[test]
fn a_closed_incident_stays_closed() {
    let Some(mut incident) = Incident::undeclared(SLOW, &[]) else { return };
    incident.close();
    assert_eq!(incident.opener_ends(), Some(0));
    let resumed = incident.resume().exits(4);
    assert!(resumed.stderr.contains("is closed; there is nothing to resume"), "{}", resumed.stderr);
    let late = incident.act("ben", &["note", "one more thing"]);
    assert!(matches!(late.code, Some(3 | 4)), "{late:?}");
    assert!(late.stderr.contains("closed"), "{}", late.stderr);
    let listed = incident.backout("ana").run(["list"]).exits(0).stdout;
    assert!(listed.contains("closed") && listed.contains("not running"), "{listed}");
}

#[test]
fn what_a_crash_left_half_written_is_set_aside_and_the_record_still_verifies() {
    use std::io::Write as _;
    let Some(incident) = slow_runs() else { return };
    incident.end_hub(Signal::KILL);
    let timeline = incident.dir().join("timeline.jsonl");
    let mut file = std::fs::OpenOptions::new().append(true).open(timeline).unwrap();
    file.write_all(b"{\"v\":1,\"seq\":99,\"kind\":\"no").unwrap();
    drop(file);
    incident.resume().exits(0);
    let_go(&incident);
    incident.until_step("slow", "failed");
    let resumed = incident.recorded("hub.resumed");
    assert!(resumed[0].to_string().contains("never sealed"), "{resumed:?}");
    let aside = std::fs::read_dir(incident.dir()).unwrap().flatten();
    let aside = aside.filter(|e| e.file_name().to_string_lossy().contains("unsealed"));
    let kept: Vec<String> = aside.map(|e| std::fs::read_to_string(e.path()).unwrap()).collect();
    assert!(kept.iter().any(|text| text.contains("\"seq\":99")), "{kept:?}");
    incident.ok("ana", &["skip", "slow", "--reason", "enough"]);
    incident.ok("ben", &["skip", "next", "--reason", "enough"]);
    incident.close();
    let signers = incident.team.allowed_signers();
    let verdict =
        incident.backout("ana").run(["verify", &incident.id, "--allowed-signers", signers.to_str().unwrap()]);
    assert!(verdict.exits(0).stdout.contains("verified"));
}
