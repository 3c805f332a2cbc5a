//! Walking a shipped runbook to its end, or to the step where it has to stop.

use serde_json::Value;

use crate::support::{Incident, PATIENCE, Place, Team, wait_for};

/// A workspace with a shipped runbook and the files it needs, shortened where it waits.
pub fn workspace(place: &Place, runbook: &str, along: &[&str], change: &[(&str, &str)]) -> Option<Team> {
    let team = Team::gather(place)?;
    for name in along {
        team.take_along(name);
    }
    let path = format!("runbooks/{runbook}.yaml");
    team.take_along(&path);
    let mut text = std::fs::read_to_string(team.workspace.join(&path)).unwrap();
    for (from, to) in change {
        assert!(text.contains(from), "{from} is not in the runbook any more");
        text = text.replace(from, to);
    }
    place.write(&format!("ws/{path}"), text);
    Some(team)
}

/// Where a step stands, with what was seen.
pub fn standing(room: &Incident, step: &str) -> (String, String) {
    let step = room.step(step);
    let word = |key: &str| step[key].as_str().unwrap_or_default().to_owned();
    (word("status"), word("detail"))
}

/// The steps that have begun, in the order of the runbook.
pub fn begun(room: &Incident) -> Vec<String> {
    let status = room.status();
    let steps = status["steps"].as_array().unwrap().iter();
    let begun = steps.filter(|s| !matches!(s["status"].as_str(), Some("pending" | "ready" | "not_reached")));
    begun.map(|s| s["id"].as_str().unwrap().to_owned()).collect()
}

/// Waits until the step is in trouble, and gives what it says.
#[track_caller]
pub fn until_trouble(room: &Incident, id: &str) -> String {
    wait_for(&format!("{id} stops"), PATIENCE, || {
        let status = room.status();
        let steps = status["steps"].as_array().unwrap();
        let step = steps.iter().find(|s| s["id"] == id).unwrap_or_else(|| panic!("no step {id}"));
        let detail = step["detail"].as_str().unwrap_or_default();
        match step["status"].as_str().unwrap() {
            "failed" | "timed_out" | "unknown" => Ok(detail.to_owned()),
            "succeeded" => panic!("{id} succeeded: {detail}"),
            _ => Err(told(steps)),
        }
    })
}

/// Waits until the step has succeeded; a step in trouble fails the test at once.
#[track_caller]
fn until_done(room: &Incident, id: &str) {
    wait_for(&format!("{id} succeeds"), PATIENCE, || {
        let status = room.status();
        let steps = status["steps"].as_array().unwrap();
        // What comes after it may be in trouble by now: that is for the next line to see.
        if steps.iter().any(|s| s["id"] == id && s["status"] == "succeeded") {
            return Ok(());
        }
        let trouble =
            steps.iter().find(|s| matches!(s["status"].as_str(), Some("failed" | "timed_out" | "unknown")));
        assert!(trouble.is_none(), "on the way to {id}: {}", trouble.unwrap());
        Err(told(steps))
    });
}

/// Waits until the step waits for somebody.
#[track_caller]
fn until_its_turn(room: &Incident, id: &str, word: &str) {
    wait_for(&format!("{id} is {word}"), PATIENCE, || {
        let status = room.status();
        let steps = status["steps"].as_array().unwrap();
        let trouble =
            steps.iter().find(|s| matches!(s["status"].as_str(), Some("failed" | "timed_out" | "unknown")));
        assert!(trouble.is_none(), "on the way to {id}: {}", trouble.unwrap());
        let there = steps.iter().any(|s| s["id"] == id && s["status"] == word);
        if there { Ok(()) } else { Err(told(steps)) }
    });
}

fn told(steps: &[Value]) -> String {
    let lines = steps.iter().filter(|s| s["status"] != "pending");
    lines.map(|s| format!("{} {} {}", s["id"], s["status"], s["detail"])).collect::<Vec<_>>().join("\n")
}

/// Acts one after another: `ben copy` starts the step and waits for its end, `- check` only waits for it,
/// `cho send tell` and other verbs act; `cho open=box` retypes the target; dots in an
/// option stand for spaces.
#[track_caller]
pub fn walk(room: &Incident, lines: &[&str]) {
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["-", step] => until_done(room, step),
            [who, step] => {
                let (step, target) = step.split_once('=').map_or((*step, None), |(s, t)| (s, Some(t)));
                until_its_turn(room, step, "ready");
                let target = target.map_or(vec![], |target| vec!["--target", target]);
                room.ok(who, &[&["start", step][..], &target].concat());
                until_done(room, step);
            }
            [who, "send", step] => {
                until_its_turn(room, step, "ready");
                room.ok(who, &["send", step]);
                until_done(room, step);
            }
            [who, "approve", step] => {
                until_its_turn(room, step, "waiting");
                room.ok(who, &["approve", step, "--yes"]);
            }
            [who, "confirm", step] => {
                until_its_turn(room, step, "running");
                room.ok(who, &["confirm", step, "--evidence", "seen"]);
            }
            [who, "decide", step, option] => {
                until_its_turn(room, step, "running");
                let option = option.replace('.', " ");
                room.ok(who, &["decide", step, &option, "--reason", "so it is best"]);
            }
            _ => panic!("{line}"),
        }
    }
}

/// What `uname -n` says.
pub fn machine() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned()
}

/// Cho opens and declares it, as operator and communications; ana commands, ben sits as dba or sre.
#[track_caller]
pub fn open(
    place: Place,
    team: Team,
    runbook: &str,
    point: Option<&str>,
    params: &[(&str, String)],
) -> Incident {
    let path = format!("runbooks/{runbook}.yaml");
    let text = std::fs::read_to_string(team.workspace.join(&path)).unwrap();
    let seat = |name: &str| text.contains(&format!("\n  {name}: {{"));
    let mut open = vec![path];
    open.extend(point.iter().flat_map(|point| ["--restore-point".to_owned(), (*point).to_owned()]));
    for (name, value) in params {
        open.extend(["-p".to_owned(), format!("{name}={value}")]);
    }
    for name in ["operator", "communications"].into_iter().filter(|name| seat(name)) {
        open.extend(["--role".to_owned(), name.to_owned()]);
    }
    let open: Vec<&str> = open.iter().map(String::as_str).collect();
    let room = Incident::open(place, team, "cho", &open, &[]);
    room.ok("ana", &["assume", "commander"]);
    room.ok("ana", &["approve", "declare", "--yes"]);
    for name in ["dba", "sre"].into_iter().filter(|name| seat(name)) {
        room.ok("ben", &["assume", name]);
        if room.status()["stage"] != "declared" {
            room.ok("ben", &["approve", "declare", "--yes"]);
        }
    }
    room
}
