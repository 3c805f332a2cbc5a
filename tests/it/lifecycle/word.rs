//! What people outside are told and promised, what was ruled out, and a roster that changes during an incident: through
//! the program, with real keys.

use crate::support::incident::runbook;
use crate::support::ssh::{KeyKind, make_key};
use crate::support::{Incident, Place, Team};

const STEPS: &str = "- {id: aside, set_aside: old, role: sre}
- {id: act, run: [touch, acted], timeout: 10s, role: sre}";

const COMMS: &str = "  notify: [customers, the duty manager]
comms:
  templates:
    status: {audience: customers, channel: paper, text: We roll back.}
phases:
";

fn declared() -> Option<Incident> {
    let place = Place::new();
    let team = Team::gather(&place)?;
    let text = runbook(STEPS)
        .replacen("phases:\n", COMMS, 1)
        .replace("commander: {required: true}", "commander: {required: true, stand_in: [dba]}");
    place.write("ws/runbooks/word.yaml", text);
    place.write("ws/old", "what was there");
    let env = [("TEST_TOKEN", "x")];
    let incident = Incident::open(place, team, "ana", &["runbooks/word.yaml"], &env);
    incident.ok("ben", &["assume", "sre"]);
    incident.refused("ana", &["note", "said so", "--told", "the duty manager"], "not declared");
    incident.ok("ana", &["approve", "declare", "--yes"]);
    incident.until("it is declared", || incident.status()["stage"] == "declared");
    Some(incident)
}

fn waiting(incident: &Incident) -> Vec<String> {
    let status = incident.status();
    let due = status["due_messages"].as_array().unwrap().clone();
    due.iter().map(|m| m["audience"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn whoever_is_on_the_list_is_told_that_it_is_declared_and_the_record_says_how() {
    let Some(incident) = declared() else { return };
    assert_eq!(waiting(&incident), ["customers", "the duty manager"]);
    let text = incident.backout("ana").run(["status", &incident.id]).exits(0).stdout;
    assert!(text.contains("message the duty manager: to be told by hand, OVERDUE"), "{text}");
    incident.ok("ana", &["message", "status"]);
    incident.until("customers have heard", || waiting(&incident) == ["the duty manager"]);
    assert_eq!(
        std::fs::read_to_string(incident.file("messages.txt")).unwrap().matches("We roll back").count(),
        1
    );
    incident.refused("ana", &["note", "x", "--told", "the king"], "not on the list");
    incident.refused("cho", &["note", "x", "--told", "the duty manager"], "observers look on");
    incident.ok("ana", &["note", "called her at noon", "--told", "the duty manager"]);
    assert_eq!(waiting(&incident), [""; 0]);
    incident.refused("ana", &["note", "again", "--told", "the duty manager"], "already");
    assert_eq!(incident.recorded("notice.given")[0]["data"]["words"], "called her at noon");
    incident.backout("ana").run(["verify", &incident.id]).exits(5);
}

#[test]
fn the_packet_of_a_handover_has_promises_what_is_ruled_out_timers_and_safety_copies() {
    let Some(incident) = declared() else { return };
    incident.does("ben", "aside");
    incident
        .ok("ben", &["note", "the next word comes at half past", "--promise", "customers", "--due", "30m"]);
    let promise = incident.recorded("promise.made")[0]["seq"].to_string();
    incident.refused("ben", &["decide", "--rule-out", "fail over", "--reason", "lag 40 min"], "commander");
    incident.ok("ana", &["decide", "--rule-out", "fail over", "--reason", "lag 40 min"]);
    let shown = incident.ok("ana", &["handover", "--to", "ben", "--yes"]).stderr;
    let line = |key: &str| {
        let found = shown.lines().find(|l| l.starts_with(&format!("{key}: ")));
        found.unwrap_or_else(|| panic!("no {key}: {shown}")).to_owned()
    };
    let promised = line("promised");
    assert!(promised.contains(&format!("#{promise} to customers by ")), "{promised}");
    assert!(promised.contains("the next word comes at half past"), "{promised}");
    assert!(promised.contains("the duty manager is to be told that it is declared"), "{promised}");
    assert!(line("ruled-out").contains("ruled out: fail over: lag 40 min"), "{}", line("ruled-out"));
    assert!(line("timers").contains(&format!("promise #{promise} to customers")), "{}", line("timers"));
    assert!(line("safety").contains("aside: "), "{}", line("safety"));
    assert!(line("safety").contains("old"), "{}", line("safety"));
    // What is promised since makes the offer untrue.
    incident.ok("ben", &["note", "sent", "--kept", &promise]);
    incident.until("the offer is void", || incident.recorded("command.offer_ended").len() == 1);
    incident.refused("ben", &["note", "sent", "--kept", &promise], "kept already");
    incident.refused("ben", &["note", "sent", "--taken-back", "0"], "promises nothing");
    incident.act("ben", &["note", "x", "--promise", "customers"]).exits(2);
    incident.act("ben", &["note", "x", "--promise", "customers", "--due", "soon"]).exits(2);
    incident.ok("ana", &["handover", "--to", "ben", "--yes"]);
    incident.ok("ben", &["handover", "--accept", "--read-back", "act is next; fail over is out", "--yes"]);
    incident.ok("ben", &["note", "by three", "--promise", "executives", "--due", "1h"]);
    let status = incident.status();
    assert_eq!(status["promises"].as_array().unwrap().len(), 1, "{status}");
    let verdict = incident.backout("ana").run(["verify", &incident.id]).exits(5).stdout;
    assert!(verdict.contains("to review: promise #") && verdict.contains("by three"), "{verdict}");
}

#[test]
fn who_decides_is_enforced_and_broken_glass_is_loud_and_reviewed() {
    let place = Place::new();
    let Some(team) = Team::gather(&place) else { return };
    let text = runbook("- {id: act, run: ['false'], timeout: 10s, role: sre}\n- {id: then, run: [touch, t], timeout: 10s, role: sre}")
        .replace("declare:\n", "authority: {go_on: [executive]}\ndeclare:\n  override: {require: [{role: executive, count: 1}], reason: required}\n")
        .replace("  sre: {min: 1}\n", "  sre: {min: 1}\n  executive: {}\n");
    place.write("ws/runbooks/who.yaml", text);
    place.write(
        "ws/backout.yaml",
        "channels: {paper: {file: m.txt}}\npolicies: {authority: {deploy: {abort: [sre]}, data: {abort: [dba]}}}\n",
    );
    let incident = Incident::open(place, team, "ana", &["runbooks/who.yaml"], &[("TEST_TOKEN", "x")]);
    let plan = incident.backout("ana").run(["plan", "runbooks/who.yaml"]).exits(0).stdout;
    assert!(plan.contains("decided by: executive, to go on in spite of a step"), "{plan}");
    assert!(
        plan.contains("decided by: sre, to give the rollback up")
            && plan.contains("as the workspace demands"),
        "{plan}"
    );
    assert!(!plan.contains("dba"), "another class's authority: {plan}");
    incident.ok("ana", &["deny", "declare", "--role", "commander", "--reason", "not on a friday", "--yes"]);
    let glass = ["override", "declare", "--role", "executive", "--reason", "nobody is awake", "--yes"];
    let shown = incident.ok("ana", &glass);
    assert!(format!("{shown:?}").contains("denied by: ana"), "{shown:?}");
    incident.ok("ben", &["assume", "sre"]);
    let status = incident.status();
    assert_eq!(status["to_review"][0]["kind"], "override", "{status}");
    assert_eq!(status["broken_glass"][0]["person"], "ana");
    let text = incident.backout("ben").run(["status", &incident.id]).exits(0).stdout;
    assert!(
        text.lines()
            .any(|l| l.starts_with("GLASS BROKEN at declare by ana over the denial of ana: nobody is awake")),
        "{text}"
    );
    incident.until_step("act", "ready");
    incident.ok("ben", &["start", "act"]);
    incident.until_step("act", "failed");
    incident.refused("ben", &["continue", "act", "--reason", "never mind"], "executive");
    incident.ok("ana", &["continue", "act", "--reason", "it is harmless"]);
    incident.refused("ana", &["abort", "--reason", "enough"], "decided by sre");
    incident.ok("ben", &["abort", "--reason", "we mend forward"]);
    let verdict = incident.backout("ana").run(["verify", &incident.id]).exits(5).stdout;
    assert!(
        verdict.contains("to review: ana broke glass at declare over the denial of ana: nobody is awake"),
        "{verdict}"
    );
    let json = incident.backout("ana").run(["verify", &incident.id, "--json"]).exits(5).stdout;
    assert!(json.contains("\"to_review\":[{\"about\":\"declare\",\"kind\":\"override\""), "{json}");
}

#[test]
fn a_roster_that_changes_during_the_incident_changes_nothing_in_it_and_is_said() {
    let Some(incident) = Incident::declared("- {id: act, run: [touch, acted], timeout: 10s, role: sre}")
    else {
        return;
    };
    assert_eq!(incident.status()["changed_since"], serde_json::json!([]));
    // Dan comes into the team, and Ben's key is taken out of the roster.
    let dan = incident.place.join("keys/dan");
    make_key(&dan, KeyKind::Ed25519, "dan");
    let public = std::fs::read_to_string(dan.with_added_extension("pub")).unwrap();
    let signers = std::fs::read_to_string(incident.file("allowed_signers")).unwrap();
    let without_ben: String =
        signers.lines().filter(|l| !l.starts_with("ben ")).map(|l| format!("{l}\n")).collect();
    std::fs::write(incident.file("allowed_signers"), format!("{without_ben}dan {public}")).unwrap();
    let team = std::fs::read_to_string(incident.file("team.yaml")).unwrap();
    std::fs::write(incident.file("team.yaml"), format!("{team}  - {{id: dan, name: Dan, roles: [sre]}}\n"))
        .unwrap();
    assert_eq!(incident.status()["changed_since"], serde_json::json!(["team.yaml", "allowed_signers"]));
    let text = incident.backout("ana").run(["status", &incident.id]).exits(0).stdout;
    assert!(text.contains("CHANGED in the workspace since it opened: team.yaml, allowed_signers"), "{text}");
    let key = dan.to_str().unwrap();
    let refused = incident.backout("cho").run(["assume", &incident.id, "sre", "--as", "dan", "--key", key]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    // Ben goes on as he began; whose key is lost is stopped by revoking the session.
    incident.does("ben", "act");
    incident.end_hub(rustix::process::Signal::TERM);
    incident.resume();
    incident.ok("ben", &["note", "still here"]);
    incident.backout("ana").run(["verify", &incident.id]).exits(5);
}
