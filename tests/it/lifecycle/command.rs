//! Handing over command, questions to the room and removals, through the program and with real keys and agents; the
//! judge of every signature is stock `ssh-keygen`.

use crate::support::{Incident, Outcome, Place, Team, head};
use std::path::Path;
use std::process::{Command, Stdio};

const RUNBOOK: &str = concat!(
    head!("deploy"),
    "roles:
  commander: {required: true, stand_in: [dba], excludes: [executor]}
  sre: {min: 1}
declare:
  require: [{role: commander, count: 1}]
  expires: 15m
phases:
  - name: Act
    steps:
      - {id: act, run: [touch, acted], timeout: 10s, role: sre}
"
);

/// Ana commands, Ben sits as sre; he may stand in for her.
fn open() -> Option<Incident> {
    let place = Place::new();
    let team = Team::gather(&place)?;
    place.write("ws/runbooks/people.yaml", RUNBOOK);
    let incident = Incident::open(place, team, "ana", &["runbooks/people.yaml"], &[]);
    incident.ok("ben", &["assume", "sre"]);
    Some(incident)
}

fn commander(incident: &Incident) -> String {
    incident.status()["commander"].as_str().unwrap().to_owned()
}

fn verified(incident: &Incident) -> String {
    let outcome = incident.backout("ana").run(["verify", &incident.id]);
    // Nobody outside vouches for how long the record is: consistent, and nothing worse.
    outcome.exits(5).stdout
}

/// Exports everything that was signed, and has `ssh-keygen` judge it with the README's own lines.
fn stock_tools_agree(incident: &Incident, namespace: &str, texts: usize) {
    let target = incident.place.join("export");
    let out = target.to_str().unwrap();
    incident.backout("ana").run(["export", &incident.id, "-o", out]).exits(0);
    let readme = std::fs::read_to_string(target.join("README")).unwrap();
    let lines: Vec<&str> =
        readme.lines().filter(|l| l.starts_with("ssh-keygen") && l.contains(namespace)).collect();
    assert_eq!(lines.len(), texts, "{readme}");
    for line in lines {
        assert!(runs(line, &target), "{line}");
        assert!(!runs(&line.replace(namespace, "approve.v1@backout"), &target), "signed for one purpose");
    }
}

fn runs(line: &str, at: &Path) -> bool {
    let mut command = Command::new("sh");
    command.args(["-c", line]).current_dir(at).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().unwrap().success()
}

fn statement(incident: &Incident, kind: &str) -> String {
    let events = incident.recorded(kind);
    let [event] = events.as_slice() else { panic!("{kind}: {events:?}") };
    event["auth"]["statement"].as_str().unwrap().to_owned()
}

fn shows(outcome: &Outcome, text: &str) {
    assert!(outcome.stderr.contains(text), "what is signed is not shown: {}", outcome.stderr);
}

#[test]
fn command_is_handed_over_by_two_signatures_over_one_text() {
    let Some(incident) = open() else { return };
    incident.ok("ana", &["approve", "declare", "--yes"]);
    incident.refused("ben", &["handover", "--to", "ana", "--yes"], "commander");
    incident.refused("ben", &["handover", "--accept", "--read-back", "x", "--yes"], "no command is offered");
    let offered = incident.ok("ana", &["handover", "--to", "ben", "--yes"]);
    shows(&offered, "backout handover v1");
    shows(&offered, "state: LIVE, severity 2, declared");
    assert_eq!(commander(&incident), "ana", "an offer changes nothing");
    incident.refused("cho", &["handover", "--accept", "--read-back", "x", "--yes"], "not yours");
    let took =
        incident.ok("ben", &["handover", "--accept", "--read-back", "act is next, nothing is past", "--yes"]);
    shows(&took, "to: ben");
    assert_eq!(commander(&incident), "ben");
    assert_eq!(statement(&incident, "command.offered"), statement(&incident, "command.handed_over"));
    let event = &incident.recorded("command.handed_over")[0];
    assert_eq!(event["data"]["read_back"], "act is next, nothing is past");
    assert_eq!(event["data"]["stand_in"], true);
    // The runbook keeps command and execution apart, however one came to command.
    incident.refused("ben", &["start", "act"], "carry nothing out");
    verified(&incident);
    stock_tools_agree(&incident, "handover.v1@backout", 2);
}

#[test]
fn an_offer_of_command_does_not_outlive_its_packet() {
    let Some(incident) = open() else { return };
    incident.ok("ana", &["handover", "--to", "ben", "--yes"]);
    incident.ok("ana", &["approve", "declare", "--yes"]);
    incident.until("the offer is void", || incident.recorded("command.offer_ended").len() == 1);
    assert_eq!(incident.recorded("command.offer_ended")[0]["data"]["how"], "changed");
    incident.refused("ben", &["handover", "--accept", "--read-back", "x", "--yes"], "no command is offered");
    incident.ok("ana", &["handover", "--to", "ben", "--yes"]);
    incident.ok("ben", &["handover", "--decline", "--reason", "on another incident"]);
    assert_eq!(commander(&incident), "ana");
    verified(&incident);
}

#[test]
fn hearing_no_objections_it_proceeds_and_one_objection_stops_it() {
    let Some(incident) = open() else { return };
    incident.refused("cho", &["poll", "restart the queue"], "observers look on");
    incident.ok("ana", &["poll", "restart the queue", "--for", "5s"]);
    incident.ok("ben", &["answer", "fine"]);
    incident.refused("ben", &["answer", "fine"], "answered already");
    incident.until("it proceeds", || incident.recorded("poll.closed").len() == 1);
    assert_eq!(incident.recorded("poll.closed")[0]["data"]["how"], "no_objections");
    incident.ok("ana", &["poll", "fail over", "--for", "10m"]);
    incident.refused("ben", &["answer", "object"], "reason");
    incident.ok("ben", &["answer", "object", "--reason", "the replica lags"]);
    incident.until("it is stopped", || incident.recorded("poll.closed").len() == 2);
    let objection = incident.recorded("poll.answered").last().unwrap()["seq"].to_string();
    incident.ok("ana", &["reply", &objection, "lag is 0 since noon"]);
    verified(&incident);
}

#[test]
fn what_two_people_had_removed_is_gone_and_verify_says_by_which_event() {
    let Some(incident) = open() else { return };
    incident.ok("ben", &["note", "customer Meyer-Landrut called"]);
    let note = incident.recorded("note.added")[0]["seq"].to_string();
    let payloads = || std::fs::read_to_string(incident.dir().join("payloads.jsonl")).unwrap();
    let kept = payloads();
    incident.refused("ben", &["redact", "--agree", "--yes"], "nobody asks");
    let asked = incident.ok("ben", &["redact", &note, "--reason", "a customer's name", "--yes"]);
    shows(&asked, &format!("event: {note}"));
    assert_eq!(payloads(), kept, "one signature removes nothing");
    incident.refused("ben", &["redact", "--agree", "--yes"], "second person");
    shows(&incident.ok("ana", &["redact", "--agree", "--yes"]), "by ben");
    incident.until("it is gone", || payloads().is_empty());
    let redacted = incident.recorded("payload.redacted")[0]["seq"].to_string();
    let said = verified(&incident);
    assert!(said.contains(&format!("part {note}/0: redacted by #{redacted}")), "{said}");
    stock_tools_agree(&incident, "redact.v1@backout", 2);
    // A hub that comes back has forgotten it too, and one that ended too early makes up for it.
    incident.end_hub(rustix::process::Signal::KILL);
    std::fs::write(incident.dir().join("payloads.jsonl"), &kept).unwrap();
    incident.resume();
    assert!(payloads().is_empty(), "what is to be gone does not come back");
    verified(&incident);
}

#[test]
fn a_part_that_is_missing_without_two_signatures_is_a_failure() {
    let Some(incident) = open() else { return };
    incident.ok("ben", &["note", "customer Meyer-Landrut called"]);
    std::fs::write(incident.dir().join("payloads.jsonl"), "").unwrap();
    let outcome = incident.backout("ana").run(["verify", &incident.id]).exits(1);
    assert!(outcome.stdout.contains("MISSING"), "{}", outcome.stdout);
}

#[test]
fn a_revoked_session_acts_no_more() {
    let Some(incident) = open() else { return };
    incident.refused("ben", &["revoke", "ana", "--reason", "x"], "commander");
    // The opener's own session lives as long as their terminal does.
    incident.ok("ana", &["revoke", "ana", "--reason", "left a terminal open"]);
    assert_eq!(incident.recorded("session.revoked").len(), 1);
    let gone = incident.act("ana", &["revoke", "ana", "--reason", "again"]).exits(2);
    assert!(gone.stderr.contains("no live session"), "{}", gone.stderr);
    verified(&incident);
}

/// `pending`, `ssh-keygen -Y sign`, and both handed in.
fn stock(incident: &Incident, words: &[&str], key: &Path, namespace: &str) -> Outcome {
    let text =
        incident.backout("ana").run([&["pending", incident.id.as_str()], words].concat()).exits(0).stdout;
    let file = incident.place.write("s", &text);
    let signature = file.with_added_extension("sig");
    let _ = std::fs::remove_file(&signature);
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-Y", "sign", "-n", namespace, "-f"]).arg(key).arg(&file);
    assert!(command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success());
    let both = [text.into_bytes(), std::fs::read(signature).unwrap()].concat();
    incident.backout("ana").run_with(["submit", incident.id.as_str()], &both)
}

#[test]
fn command_is_offered_and_parts_are_removed_with_stock_tools_and_command_is_not_taken_so() {
    let Some(incident) = open() else { return };
    incident.ok("ana", &["approve", "declare", "--yes"]);
    incident.until("it is declared", || incident.status()["stage"] == "declared");
    let (ana, ben) = (incident.team.ana.key.clone(), incident.team.ben.key.clone());
    incident.ok("ben", &["note", "customer Meyer-Landrut called"]);
    let note = incident.recorded("note.added")[0]["seq"].to_string();
    let reason = ["--remove", &note, "--reason", "a customer's name", "--as", "ben"];
    stock(&incident, &reason, &ben, "redact.v1@backout").exits(0);
    stock(&incident, &["--agree", "--as", "ana"], &ana, "redact.v1@backout").exits(0);
    assert_eq!(incident.recorded("payload.redacted")[0]["data"]["with"], "ben");
    let offer = ["--handover-to", "ben", "--as", "ana"];
    stock(&incident, &offer, &ana, "handover.v1@backout").exits(0);
    assert_eq!(incident.recorded("command.offered").len(), 1);
    // The one it is offered to signs the same text: that alone takes no command.
    let text = incident.recorded("command.offered")[0]["auth"]["statement"].as_str().unwrap().to_owned();
    let file = incident.place.write("t", &text);
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-Y", "sign", "-n", "handover.v1@backout", "-f"]).arg(&ben).arg(&file);
    assert!(command.stderr(Stdio::null()).status().unwrap().success());
    let both = [text.into_bytes(), std::fs::read(file.with_added_extension("sig")).unwrap()].concat();
    let refused = incident.backout("ben").run_with(["submit", incident.id.as_str()], &both).exits(4);
    assert!(
        refused.stderr.contains("read back") && refused.stderr.contains("--accept"),
        "{}",
        refused.stderr
    );
    assert_eq!(commander(&incident), "ana");
    incident.ok("ben", &["handover", "--accept", "--read-back", "act is next", "--yes"]);
    assert_eq!(commander(&incident), "ben");
    verified(&incident);
    stock_tools_agree(&incident, "redact.v1@backout", 2);
}
