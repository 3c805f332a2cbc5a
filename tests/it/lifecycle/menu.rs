//! What can be done about a step that failed.

use crate::support::Incident;

const FIXABLE: &str =
    "- {id: act, run: [sh, -c, 'echo tried >> log; test -e fixed'], timeout: 10s, role: sre}
- {id: next, run: [touch, next], timeout: 10s, role: sre}
- {id: last, run: [touch, last], timeout: 10s, role: sre}";

fn failed() -> Option<Incident> {
    let incident = Incident::declared(FIXABLE)?;
    incident.ok("ben", &["start", "act"]);
    incident.until_step("act", "failed");
    incident.refused("ben", &["start", "next"], "act is failed");
    incident.until("the menu is offered", || incident.opened_said("backout retry|skip|done|continue"));
    Some(incident)
}

#[test]
fn a_person_tries_it_again() {
    let Some(incident) = failed() else { return };
    std::fs::write(incident.file("fixed"), "").unwrap();
    incident.act("ben", &["retry", "act"]).exits(2);
    incident.ok("ben", &["retry", "act", "--reason", "the disk was full"]);
    incident.does("ben", "act");
    assert_eq!(incident.step("act")["attempt"], 2);
    assert_eq!(incident.lines("log"), 2);
    incident.does("ben", "next");
}

#[test]
fn it_is_left_out() {
    let Some(incident) = failed() else { return };
    incident.refused("cho", &["skip", "act", "--reason", "who needs it"], "sre");
    incident.ok("ben", &["skip", "act", "--reason", "not needed"]);
    incident.until_step("act", "skipped");
    incident.does("ben", "next");
    assert_eq!(incident.lines("log"), 1);
}

#[test]
fn it_was_done_by_hand() {
    let Some(incident) = failed() else { return };
    incident.ok("ben", &["done", "act", "--reason", "did it at the console"]);
    incident.until_step("act", "done_by_hand");
    incident.refused("ben", &["start", "act"], "act");
    incident.does("ben", "next");
}

#[test]
fn the_room_goes_on_in_spite_of_it() {
    let Some(incident) = failed() else { return };
    incident.ok("ben", &["continue", "act", "--reason", "harmless"]);
    incident.does("ben", "next");
    assert_eq!(incident.step("act")["status"], "failed");
    incident.does("ben", "last");
    incident.close();
}

#[test]
fn the_room_goes_on_further_down() {
    let Some(incident) = failed() else { return };
    incident.refused("ben", &["goto", "act", "act", "--reason", "x"], "does not come after");
    incident.ok("ben", &["goto", "act", "last", "--reason", "the rest does not matter"]);
    incident.does("ben", "last");
    assert!(matches!(incident.step("next")["status"].as_str(), Some("skipped" | "not_reached")));
    assert!(!incident.file("next").exists());
    incident.close();
}

#[test]
fn an_abort_offers_the_way_back_and_then_the_always_steps() {
    let steps = "- {id: freeze, run: [touch, frozen], undo: [sh, -c, 'echo undone >> log; rm frozen'], timeout: 10s, role: sre, suspends: deploys}
- {id: act, run: [sh, -c, 'exit 1'], timeout: 10s, role: sre}
- {id: thaw, run: [rm, frozen], timeout: 10s, role: sre, resumes: deploys}";
    let Some(mut incident) = Incident::declared(steps) else { return };
    incident.does("ben", "freeze");
    incident.ok("ben", &["start", "act"]);
    incident.until_step("act", "failed");
    incident.refused("ben", &["abort", "--reason", "x"], "commander");
    incident.ok("ana", &["abort", "--reason", "it cannot be done"]);
    incident.refused("ben", &["retry", "act", "--reason", "x"], "abort");
    incident.refused("ana", &["close", "--reason", "x", "--yes"], "freeze is not taken back");
    incident.ok("ben", &["undo", "freeze", "--reason", "the way back"]);
    incident.until("the suspension is lifted", || incident.status()["suspended"] == serde_json::json!([]));
    incident.refused("ben", &["undo", "freeze", "--reason", "again"], "next is nothing");
    assert_eq!(incident.lines("log"), 1);
    incident.close();
    assert_eq!(incident.opener_ends(), Some(1), "an aborted rollback is no success");
}

#[test]
fn a_runbook_is_amended_from_the_shell_and_the_record_still_holds() {
    let steps = "- {id: act, run: [touch, wrong], timeout: 10s, role: sre}";
    let Some(incident) = Incident::declared(steps) else { return };
    let changed = crate::support::incident::runbook(&steps.replace("wrong", "right"));
    std::fs::write(incident.file("changed.yaml"), changed).unwrap();
    let file = incident.file("changed.yaml").display().to_string();
    let proposed = incident.ok("ben", &["amend", &file, "--reason", "it is the other file"]);
    assert!(proposed.stderr.contains("act: changed (run)"), "{}", proposed.stderr);
    incident.ok("ana", &["approve", "runbook.amend", "--yes"]);
    incident.does("ben", "act");
    assert!(incident.file("right").exists() && !incident.file("wrong").exists());
    incident.close();
}

#[test]
fn an_answer_stays_one_word_whatever_is_in_it() {
    let hostile = "-n it's \"two\"\n$(touch pwned) `touch pwned` ; touch pwned";
    let steps = "- {id: listed, run: [sh, -c, 'printf %s \"$1\" > listed', sh, '{{ params.word }}'], timeout: 10s, role: sre}
- {id: spelled, run: 'printf %s {{ params.word }} > spelled', timeout: 10s, role: sre}";
    let Some(incident) = Incident::declared_as(steps, &["-p", &format!("word={hostile}")]) else { return };
    for id in ["listed", "spelled"] {
        incident.does("ben", id);
        assert_eq!(std::fs::read_to_string(incident.file(id)).unwrap(), hostile, "{id}");
    }
    assert!(!incident.file("pwned").exists());
    incident.close();
}
