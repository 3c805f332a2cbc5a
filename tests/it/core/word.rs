//! Who decides what in which phase, what outside is told and promised, and a step and its undo that are both unknown.

use super::ways::{id, sit};
use super::*;
use crate::support::head;
use backout::core::review::{self, Kind};

const BOOK: &str = concat!(
    head!("data"),
    r#"restore_point: {prompt: When?, type: timestamp}
roles:
  commander: {}
  sre: {}
  dba: {}
declare: {require: [{role: commander, count: 1}], expires: 15m, notify: [customers, the king]}
authority: {go_on: [dba], abort: [dba]}
phases:
  - name: One
    steps:
      - {id: a, run: [a], timeout: 9s, role: sre, undo: [un-a]}
  - name: Two
    authority: {abort: [commander, sre], no_return: [dba]}
    steps:
      - {id: eyes, approve: {require: [{role: sre, count: 1}, {role: dba, count: 1}], separation_of_duties: [], expires: 10m, covers: [b]}, needs: [a]}
      - {id: b, run: [b], timeout: 9s, role: sre, irreversible: true, target: {run: [hostname], equals: db1}}
"#
);

fn declared(authority: Authority) -> Room {
    let mut room = Room::of_agreed(
        BOOK,
        BTreeMap::new(),
        Some("2026-11-20T00:00:00Z"),
        Policies { authority, ..Policies::default() },
    );
    for (who, seat) in [("ana", "commander"), ("ben", "sre"), ("cho", "dba"), ("dee", "sre")] {
        sit(&mut room, who, seat).unwrap();
    }
    let answer = room.answer("declare", "commander", "ana").unwrap();
    room.act("ana", Intent::Approve(answer)).unwrap();
    room.settle_down();
    room
}

fn ends(room: &mut Room, step: &str, outcome: Outcome) {
    let start = room.start(step, Direction::Forward, Some("db1").filter(|_| step == "b")).unwrap();
    room.act("ben", start).unwrap();
    let end = room.finish(step, outcome);
    room.wish(&By::Hub, end).unwrap();
    room.settle_down();
}

fn decide(step: &str, choice: Choice) -> Intent {
    Intent::DecideStep { step: id(step), choice, reason: "because".to_owned() }
}

fn abort() -> Intent {
    Intent::Abort { reason: "enough".to_owned() }
}

fn replays(room: &Room) {
    let mut again = room.live.from_the_beginning();
    for event in &room.record {
        replay::check(&mut again, event).unwrap_or_else(|e| panic!("{}: {e}", event.seq));
    }
    assert_eq!(again, room.live);
}

#[test]
fn who_goes_on_in_spite_of_a_step_and_who_gives_up_is_said_by_the_runbook() {
    let mut room = declared(Authority::default());
    ends(&mut room, "a", Outcome::Failed);
    for who in ["ana", "ben"] {
        assert!(matches!(refused(room.act(who, decide("a", Choice::Continue))), Refusal::NoAuthority { .. }));
        let skip = Intent::Skip { step: id("a"), reason: "x".to_owned() };
        assert!(matches!(refused(room.act(who, skip)), Refusal::NoAuthority { .. }));
        let done = Intent::MarkDone { step: id("a"), reason: "x".to_owned() };
        assert!(matches!(refused(room.act(who, done)), Refusal::NoAuthority { .. }));
    }
    // Trying again is no way around it, and takes nobody else than before.
    room.act("ben", decide("a", Choice::Retry)).unwrap();
    ends(&mut room, "a", Outcome::Failed);
    assert!(matches!(refused(room.act("ana", abort())), Refusal::NoAuthority { .. }), "the first phase's");
    room.act("cho", decide("a", Choice::Continue)).unwrap();
    room.settle_down();
    assert!(room.live.phases_entered.contains(&1));
    assert!(matches!(refused(room.act("cho", abort())), Refusal::NoAuthority { .. }), "the second phase's");
    room.act("ben", abort()).unwrap();
    replays(&room);
}

#[test]
fn a_workspace_demands_of_a_class_what_no_runbook_takes_back() {
    let class = Authority { abort: vec!["commander".to_owned()], ..Authority::default() };
    let mut room = declared(class);
    // Of the runbook's list and of the workspace's: nobody sits in both.
    assert!(matches!(refused(room.act("cho", abort())), Refusal::NoAuthority { .. }));
    assert!(matches!(refused(room.act("ana", abort())), Refusal::NoAuthority { .. }));
    ends(&mut room, "a", Outcome::Succeeded);
    room.act("ana", abort()).unwrap();
    replays(&room);
}

#[test]
fn nothing_goes_past_a_point_of_no_return_without_whom_the_workspace_names() {
    let class = Authority { no_return: vec!["executive".to_owned()], ..Authority::default() };
    for (class, passes) in [(Authority::default(), true), (class, false)] {
        let mut room = declared(class);
        ends(&mut room, "a", Outcome::Succeeded);
        for (who, seat) in [("dee", "sre"), ("cho", "dba")] {
            let answer = room.answer("eyes", seat, who).unwrap();
            room.act(who, Intent::Approve(answer)).unwrap();
        }
        room.settle_down();
        let start = room.start("b", Direction::Forward, Some("db1")).unwrap();
        match room.act("ben", start) {
            Ok(_) => assert!(passes),
            Err(why) => assert!(!passes && matches!(why, Refusal::NotAuthorised { .. }), "{why}"),
        }
        replays(&room);
    }
}

#[test]
fn a_runbook_whose_hold_points_do_not_ask_whoever_decides_is_refused() {
    let broken = BOOK.replace("{role: dba, count: 1}]", "{role: commander, count: 1}]");
    let findings = backout::runbook::load("r.yaml", broken.as_bytes()).unwrap_err();
    assert!(
        findings.iter().any(|f| f.message.contains("no hold point of `b` asks for dba")),
        "{findings:#?}"
    );
    let unknown = BOOK.replace("abort: [dba]", "abort: [pope]");
    let findings = backout::runbook::load("r.yaml", unknown.as_bytes()).unwrap_err();
    assert!(findings.iter().any(|f| f.message.contains("there is no role `pope`")), "{findings:#?}");
}

#[test]
fn promises_and_notices_are_kept_until_somebody_says_what_became_of_them() {
    let mut room = declared(Authority::default());
    let promise =
        |to: &str, due| Intent::Promise { to: to.to_owned(), words: "back by noon".to_owned(), due };
    let later = room.now.plus(Duration::from_secs(600));
    assert!(matches!(refused(room.act("ben", promise("customers", room.now))), Refusal::DoesNotFit(_)));
    assert!(matches!(refused(room.act("ben", promise(" ", later))), Refusal::ReasonNeeded));
    assert!(matches!(refused(room.act("ben", promise("a\nb", later))), Refusal::BadText));
    assert!(matches!(refused(room.act("eve", promise("customers", later))), Refusal::Observer));
    assert!(matches!(refused(room.wish(&By::Hub, promise("customers", later))), Refusal::PersonOnly));
    room.act("ben", promise("customers", later)).unwrap();
    let seq = room.record.last().unwrap().seq;
    let settle = |promise, how| Intent::SettlePromise { promise, how, words: "sent".to_owned() };
    assert!(matches!(refused(room.act("ana", settle(0, PromiseEnd::Kept))), Refusal::NoPromise(0)));
    let packet: BTreeMap<&str, String> = backout::core::packet::of(&room.live).into_iter().collect();
    assert!(packet["promised"].contains("customers is to be told that it is declared"), "{packet:?}");
    assert!(packet["promised"].contains(&format!("#{seq} to customers by ")), "{packet:?}");
    room.act("ana", settle(seq, PromiseEnd::TakenBack)).unwrap();
    assert!(matches!(refused(room.act("ana", settle(seq, PromiseEnd::Kept))), Refusal::DoesNotFit(_)));
    let tell = |to: &str| Intent::Tell { to: to.to_owned(), words: "called".to_owned() };
    assert!(matches!(refused(room.act("ana", tell("the pope"))), Refusal::NotOnTheList(_)));
    room.act("ana", tell("the king")).unwrap();
    assert!(matches!(refused(room.act("ben", tell("the king"))), Refusal::DoesNotFit(_)));
    let out = |way: &str| Intent::DecideIncident {
        choice: Choice::RuleOut(way.to_owned()),
        reason: "lag".to_owned(),
    };
    assert!(matches!(refused(room.act("ben", out("fail over"))), Refusal::WrongRole { .. }));
    room.act("ana", Intent::DecideIncident { choice: Choice::Pause, reason: "wait".to_owned() }).unwrap();
    room.act("ana", out("fail over")).unwrap();
    assert!(room.live.paused.is_some(), "ruling a way out says nothing about going on");
    let review: Vec<Kind> = review::items(&room.live).iter().map(|i| i.kind).collect();
    assert_eq!(review, [Kind::Promise]);
    replays(&room);
}

#[test]
fn a_step_and_its_undo_that_are_both_unknown_are_settled_apart() {
    let mut room = declared(Authority::default());
    ends(&mut room, "a", Outcome::Unknown);
    let undo = room.start("a", Direction::Undo, Some("perhaps it ran")).unwrap();
    room.act("ben", undo).unwrap();
    let end = room.finish("a", Outcome::Unknown);
    room.wish(&By::Hub, end).unwrap();
    let settle = |direction, verdict| Intent::Settle {
        step: id("a"),
        attempt: 1,
        direction,
        verdict,
        reason: "looked".to_owned(),
    };
    room.act("ben", settle(Direction::Undo, Verdict::Succeeded)).unwrap();
    let state =
        |room: &Room| (room.live.status("a"), room.live.run_of(&id("a"), Direction::Undo).unwrap().status);
    assert_eq!(state(&room), (Status::Unknown, Status::Succeeded), "what is said of the undo is of the undo");
    assert!(matches!(
        refused(room.act("ben", settle(Direction::Undo, Verdict::Failed))),
        Refusal::NotUnknown { .. }
    ));
    room.act("ben", settle(Direction::Forward, Verdict::Failed)).unwrap();
    assert_eq!(state(&room), (Status::Failed, Status::Succeeded));
    replays(&room);
}

/// Deny quorums above one, expiry, double and late answers: counted by hand.
#[test]
fn two_denials_close_where_two_are_asked_for_and_one_does_not() {
    let text = BOOK.replace("separation_of_duties: [],", "separation_of_duties: [], deny_quorum: 2,");
    let mut room = Room::of_restore(&text, BTreeMap::new(), Some("2026-11-20T00:00:00Z"));
    for (who, seat) in [("ana", "commander"), ("ben", "sre"), ("cho", "dba"), ("dee", "sre")] {
        sit(&mut room, who, seat).unwrap();
    }
    let answer = room.answer("declare", "commander", "ana").unwrap();
    room.act("ana", Intent::Approve(answer)).unwrap();
    room.settle_down();
    ends(&mut room, "a", Outcome::Succeeded);
    let no = room.answer("eyes", "sre", "dee").unwrap();
    room.act("dee", Intent::Deny(no.clone())).unwrap();
    room.settle_down();
    assert_eq!(room.live.status("eyes"), Status::Waiting, "one of two denials closes nothing");
    assert!(matches!(refused(room.act("dee", Intent::Deny(no.clone()))), Refusal::AnsweredAlready { .. }));
    assert!(matches!(refused(room.act("dee", Intent::Approve(no))), Refusal::AnsweredAlready { .. }));
    let yes = room.answer("eyes", "sre", "ben").unwrap();
    room.act("ben", Intent::Approve(yes.clone())).unwrap();
    room.settle_down();
    assert_eq!(room.live.status("eyes"), Status::Waiting, "a dba is missing");
    let second = room.answer("eyes", "dba", "cho").unwrap();
    room.act("cho", Intent::Deny(second.clone())).unwrap();
    room.settle_down();
    assert_eq!(room.live.status("eyes"), Status::Failed);
    assert!(matches!(refused(room.act("cho", Intent::Approve(second))), Refusal::GateNotOpen { .. }));
    assert_eq!(room.live.open_objections().count(), 2, "each objection waits for its answer");
    room.act("ana", decide("eyes", Choice::Retry)).unwrap();
    room.settle_down();
    assert!(matches!(refused(room.act("ben", Intent::Approve(yes))), Refusal::WrongRequest { .. }), "late");
    room.now = room.now.plus(Duration::from_secs(600));
    room.settle_down();
    assert_eq!(room.live.status("eyes"), Status::TimedOut, "expiry fails closed");
    let start = room.start("b", Direction::Forward, Some("db1")).unwrap();
    assert!(room.act("ben", start).is_err());
    replays(&room);
}
