//! A changed runbook during the incident: who approves it, what they sign, and what it may not touch.

use super::ways::{carry_out, id, sit, statuses};
use super::*;
use crate::support::head;
use backout::core::statement::{self, Answering};

fn book(phases: &str) -> String {
    [
        concat!(
            head!("deploy"),
            r#"roles:
  commander: {required: true}
  sre: {min: 1}
declare: {require: [{role: commander, count: 1}, {role: sre, count: 1}], expires: 15m}
phases:
"#
        ),
        phases,
    ]
    .concat()
}

const BEFORE: &str = r#"
  - name: Act
    steps:
      - {id: a, run: [a], timeout: 9s, role: sre}
      - {id: eyes, approve: {require: [{role: sre, count: 1}], expires: 10m, covers: [b]}}
      - {id: b, run: [b], timeout: 9s, role: sre}
      - {id: c, manual: c, role: sre}
"#;

const AFTER: &str = r#"
  - name: Look
    steps:
      - {id: look, manual: look, role: sre}
  - name: Act
    steps:
      - {id: a, run: [a], timeout: 9s, role: sre, title: The first}
      - {id: eyes, approve: {require: [{role: sre, count: 1}], expires: 10m, covers: [b]}}
      - {id: b, run: [b, --slowly], timeout: 20s, role: sre}
"#;

fn declared() -> Room {
    let mut room = Room::of(&book(BEFORE), BTreeMap::new());
    sit(&mut room, "ana", "commander").unwrap();
    sit(&mut room, "ben", "sre").unwrap();
    for (who, role) in [("ana", "commander"), ("ben", "sre")] {
        let answer = room.answer("declare", role, who).unwrap();
        room.act(who, Intent::Approve(answer)).unwrap();
    }
    room.settle_down();
    room
}

fn propose(room: &mut Room, who: &str, text: &str) -> Result<What, Refusal> {
    let runbook = Digest::of(text.as_bytes());
    room.live.offer(runbook, parsed(text));
    let (payload, reason) = ("cGF5bG9hZA==".to_owned(), "b is too fast".to_owned());
    let proposed = room.act(who, Intent::ProposeAmendment { runbook, payload, reason })?;
    room.settle_down();
    Ok(proposed)
}

fn approve(room: &mut Room, who: &str, role: &str) {
    let answer = room.answer("runbook.amend", role, who).unwrap();
    room.act(who, Intent::Approve(answer)).unwrap();
    room.settle_down();
}

#[test]
fn a_changed_runbook_counts_once_those_who_declare_have_approved_it() {
    let mut room = declared();
    carry_out(&mut room, "a", Outcome::Succeeded);
    let text = book(AFTER);
    propose(&mut room, "ben", &text).unwrap();
    approve(&mut room, "ben", "sre");
    assert!(room.live.step(&id("c")).is_some(), "one of two is no quorum");
    approve(&mut room, "ana", "commander");
    assert_eq!(room.live.runbook_digest(), Some(Digest::of(text.as_bytes())));
    assert!(room.live.step(&id("c")).is_none() && room.live.run(&id("c")).is_none());
    assert_eq!(statuses(&room, ["look", "a"]), ["running", "succeeded"]);
    let b = plan::of_step(&room.live, room.live.step(&id("b")).unwrap(), Direction::Forward).unwrap();
    assert_eq!(b.summary, "b --slowly");
    room.replays();
}

#[test]
fn what_people_sign_names_the_file_and_every_changed_step() {
    let mut room = declared();
    let text = book(AFTER);
    propose(&mut room, "ben", &text).unwrap();
    let seen = Seen { n: 1, root: "r".to_owned() };
    let answer = room.answer("runbook.amend", "sre", "ben").unwrap();
    let signed = statement::gate(&room.live, &person("ben"), &answer, Answering::Approve, &seen).unwrap();
    for line in [
        "step: runbook.amend attempt 1".to_owned(),
        format!("run: runbook: amended to {}: b is too fast", Digest::of(text.as_bytes())),
        "run: look: added: manual look".to_owned(),
        "run: b: changed (run, timeout): run b --slowly instead of run b".to_owned(),
        "run: c: removed: manual c".to_owned(),
    ] {
        assert!(signed.lines().any(|l| l == line), "{line}\n{signed}");
    }
}

#[test]
fn an_approval_under_the_old_runbook_is_void_under_the_new_one() {
    let mut room = declared();
    carry_out(&mut room, "a", Outcome::Succeeded);
    let answer = room.answer("eyes", "sre", "ben").unwrap();
    room.act("ben", Intent::Approve(answer)).unwrap();
    room.settle_down();
    assert_eq!(room.live.status("eyes"), Status::Succeeded);
    let same_gate =
        book(&AFTER.replace("  - name: Look\n    steps:\n      - {id: look, manual: look, role: sre}\n", ""));
    propose(&mut room, "ben", &same_gate).unwrap();
    approve(&mut room, "ben", "sre");
    approve(&mut room, "ana", "commander");
    assert_eq!(room.live.status("eyes"), Status::Waiting, "asked for anew");
    let voided = room.record.iter().any(|e| matches!(&e.what, What::Voided(v) if v.gate == id("eyes")));
    assert!(voided);
    let start = room.start("b", Direction::Forward, None).unwrap();
    assert!(room.act("ben", start).is_err(), "nothing runs on the approval before");
    room.replays();
}

#[test]
fn what_has_begun_stays_as_it_was() {
    let mut room = declared();
    carry_out(&mut room, "a", Outcome::Succeeded);
    for (text, word) in [
        (book(&BEFORE.replace("run: [a]", "run: [other]")), "`a` is succeeded and must stay"),
        (book(&BEFORE.replace("      - {id: a, run: [a], timeout: 9s, role: sre}\n", "")), "`a` is"),
        (book(BEFORE).replace("service: shop", "service: web"), "cannot change `service`"),
        (
            book(BEFORE).replace(", {role: sre, count: 1}], expires: 15m", "], expires: 15m"),
            "cannot change `declare`",
        ),
    ] {
        let why = refused(propose(&mut room, "ben", &text)).to_string();
        assert!(why.contains(word), "{why}");
    }
    let runbook = Digest::of(b"never seen");
    let unknown = Intent::ProposeAmendment { runbook, payload: "cA==".to_owned(), reason: "x".to_owned() };
    assert!(matches!(refused(room.act("ben", unknown)), Refusal::NoAmendment(_)));
}

#[test]
fn a_step_that_begins_meanwhile_voids_the_proposal_that_would_change_it() {
    let mut room = declared();
    let text = book(&BEFORE.replace("run: [a]", "run: [other]"));
    propose(&mut room, "ben", &text).unwrap();
    approve(&mut room, "ben", "sre");
    let start = room.start("a", Direction::Forward, None).unwrap();
    room.act("ben", start).unwrap();
    room.settle_down();
    assert!(room.live.open_proposal().is_none());
    let late = room.answer("runbook.amend", "commander", "ana").unwrap();
    assert!(room.act("ana", Intent::Approve(late)).is_err());
    assert!(room.wish(&By::Hub, Intent::Amend { attempt: 1 }).is_err());
    room.replays();
}

#[test]
fn a_denied_or_expired_proposal_makes_room_for_another() {
    let mut room = declared();
    let text = book(AFTER);
    propose(&mut room, "ben", &text).unwrap();
    assert!(matches!(
        refused(propose(&mut room, "ben", &book(AFTER).replace("look, role", "see, role"))),
        Refusal::NoAmendment(_)
    ));
    let no = room.answer("runbook.amend", "commander", "ana").unwrap();
    room.act("ana", Intent::Deny(no)).unwrap();
    room.settle_down();
    propose(&mut room, "ben", &text).unwrap();
    room.now = room.now.plus(Duration::from_secs(15 * 60));
    room.settle_down();
    assert!(room.live.open_proposal().is_none());
    assert!(room.live.step(&id("c")).is_some(), "nothing has changed");
    propose(&mut room, "ben", &text).unwrap();
    assert_eq!(room.live.gates[&StepId::amend()].attempt, 3);
    room.replays();
}
