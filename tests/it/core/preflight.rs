//! What is looked at before the rollback is decided, and again right before the phase that needs it.

use super::ways::{carry_out, choose, id, sit, statuses};
use super::*;
use crate::support::head;

const BOOK: &str = concat!(
    head!("deploy"),
    r#"roles:
  commander: {required: true}
  sre: {min: 1}
declare: {require: [{role: commander, count: 1}], expires: 15m}
phases:
  - name: Look ahead
    preflight: true
    steps:
      - {id: access, check: {run: [reach], expect: {equals: ok}}, role: sre}
      - {id: backup, needs: [], check: {run: [backup], expect: {equals: ok}}, role: sre}
  - name: Act
    steps:
      - {id: a, run: [a], timeout: 9s, role: sre}
  - name: Cut over
    recheck: [access]
    steps:
      - {id: b, run: [b], timeout: 9s, role: sre}
      - {id: c, run: [c], timeout: 9s, role: sre}
"#
);

fn open() -> Room {
    let mut room = Room::of(BOOK, BTreeMap::new());
    sit(&mut room, "ana", "commander").unwrap();
    sit(&mut room, "ben", "sre").unwrap();
    room
}

fn looked(room: &mut Room, step: &str, judgement: Judgement) {
    let attempt = room.live.run(&id(step)).unwrap().attempt;
    let judge = Intent::Judge { step: id(step), attempt, look: 1, judgement, why: "seen".to_owned() };
    room.wish(&By::Hub, judge).unwrap();
    let good = judgement == Judgement::Pass;
    let end = room.finish(step, if good { Outcome::Succeeded } else { Outcome::Failed });
    room.wish(&By::Hub, end).unwrap();
    room.settle_down();
}

fn declared() -> Room {
    let mut room = open();
    looked(&mut room, "access", Judgement::Pass);
    looked(&mut room, "backup", Judgement::Pass);
    let answer = room.answer("declare", "commander", "ana").unwrap();
    room.act("ana", Intent::Approve(answer)).unwrap();
    room.settle_down();
    room
}

#[test]
fn the_decision_is_asked_for_only_after_the_looks_ahead_of_it() {
    let mut room = open();
    assert_eq!(statuses(&room, ["access", "backup", "a"]), ["running", "running", "pending"]);
    assert!(room.answer("declare", "commander", "ana").is_none(), "nobody is asked yet");
    looked(&mut room, "access", Judgement::Pass);
    assert!(room.answer("declare", "commander", "ana").is_none());
    looked(&mut room, "backup", Judgement::Pass);
    assert!(room.answer("declare", "commander", "ana").is_some());
    assert_eq!(room.live.status("a"), Status::Pending, "what changes something waits for the decision");
    room.replays();
}

#[test]
fn a_look_that_fails_leaves_it_to_people() {
    let mut room = open();
    looked(&mut room, "access", Judgement::Pass);
    looked(&mut room, "backup", Judgement::Fail);
    assert_eq!(room.live.preflight_open(), ["backup"]);
    assert!(room.answer("declare", "commander", "ana").is_none());
    choose(&mut room, "ben", "backup", Choice::Retry).unwrap();
    room.settle_down();
    assert_eq!(room.live.status("backup"), Status::Running);
    looked(&mut room, "backup", Judgement::Fail);
    let skip = Intent::Skip { step: id("backup"), reason: "there is a second one, by hand".to_owned() };
    room.act("ben", skip).unwrap();
    room.settle_down();
    assert!(room.answer("declare", "commander", "ana").is_some());
    room.replays();
}

#[test]
fn what_may_have_vanished_is_looked_at_again_right_before_it_is_needed() {
    let mut room = declared();
    assert_eq!(statuses(&room, ["access", "a", "b"]), ["succeeded", "pending", "pending"]);
    carry_out(&mut room, "a", Outcome::Succeeded);
    assert_eq!(statuses(&room, ["access", "b"]), ["running", "pending"]);
    assert_eq!(room.live.run(&id("access")).unwrap().attempt, 2);
    let early = room.start("b", Direction::Forward, None).unwrap();
    assert!(matches!(refused(room.act("ben", early.clone())), Refusal::NotReady { .. }));
    looked(&mut room, "access", Judgement::Pass);
    let entered = room.record.iter().filter(|e| matches!(&e.what, What::PhaseEntered(p) if p.phase == 2));
    assert_eq!(entered.count(), 1);
    carry_out(&mut room, "b", Outcome::Succeeded);
    assert_eq!(room.live.run(&id("access")).unwrap().attempt, 2, "once for the phase, not for each step");
    carry_out(&mut room, "c", Outcome::Succeeded);
    room.replays();
}

#[test]
fn a_second_look_that_fails_holds_the_phase_until_somebody_says_how_to_go_on() {
    let mut room = declared();
    carry_out(&mut room, "a", Outcome::Succeeded);
    looked(&mut room, "access", Judgement::Fail);
    assert_eq!(statuses(&room, ["access", "b"]), ["failed", "pending"]);
    let early = room.start("b", Direction::Forward, None).unwrap();
    assert!(room.act("ben", early.clone()).is_err());
    choose(&mut room, "ben", "access", Choice::Continue).unwrap();
    room.settle_down();
    room.act("ben", early).unwrap();
    room.replays();
}

#[test]
fn nothing_that_changes_something_stands_ahead_of_the_decision() {
    let refused = |text: String| {
        let findings = backout::runbook::load("ahead.yaml", text.as_bytes()).unwrap_err();
        findings.iter().map(|f| f.code).collect::<Vec<_>>()
    };
    let changing = BOOK.replace("check: {run: [backup], expect: {equals: ok}}", "run: [backup], timeout: 9s");
    assert_eq!(refused(changing), ["parse-preflight"]);
    let late = BOOK.replace("  - name: Cut over\n", "  - name: Cut over\n    preflight: true\n");
    assert!(refused(late).iter().all(|c| matches!(*c, "parse-preflight" | "parse-recheck")));
    assert_eq!(refused(BOOK.replace("recheck: [access]", "recheck: [a]")), ["parse-recheck"]);
    let knot = BOOK.replace("{id: backup, needs: []", "{id: backup, needs: [a]");
    assert!(refused(knot).contains(&"parse-preflight"));
}
