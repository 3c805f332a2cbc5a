//! What bounds a way back: the point it leads to, and how long it exists.

use super::ways::{id, sit};
use super::*;
use backout::core::statement::{self, Answering};

fn restoring(class: &str, more: &str) -> String {
    format!(
        r#"
backout: 1
id: limits
title: Bring the orders back
class: {class}
service: orders
environment: production
owners: [team-orders]
summary: s
does_not_undo: d
objectives: {{rto: 10m, rpo: 5m}}
{more}
roles:
  commander: {{required: true}}
  sre: {{min: 1}}
declare:
  require: [{{role: commander, count: 1}}]
  expires: 15m
  override: {{require: [{{role: executive, count: 1}}], reason: required}}
phases:
  - name: Act
    steps:
      - {{id: eyes, approve: {{require: [{{role: sre, count: 1}}], expires: 10m, covers: [a]}}}}
      - {{id: a, run: [restore, "{{{{ params.at }}}}"], timeout: 9s, role: sre}}
"#
    )
}

/// The opening event of a room, with another point to restore to.
fn opened(text: &str, point: Option<&str>) -> Result<What, Refusal> {
    let room = Room::of(RUNBOOK, BTreeMap::new());
    let Some(opened) = room.live.opened.clone() else { panic!("it is open") };
    let opened = Opened { restore_point: point.map(str::to_owned), ..opened };
    let empty = Incident::new(parsed(text), team());
    decide(&empty, &By::statement(person("ana")), &Intent::Open(Box::new(opened)), room.now)
}

const RESTORE: &str =
    "restore_point: {prompt: To when?, type: timestamp}\nparams: {at: {prompt: p, default: x}}";

#[test]
fn who_restores_says_to_when_and_that_is_past() {
    let text = restoring("restore", RESTORE);
    assert!(opened(&text, Some("2026-11-20T11:00:00Z")).is_ok());
    for (point, word) in
        [(None, "not given"), (Some("yesterday"), "no time"), (Some("2026-11-20T12:00:01Z"), "in the future")]
    {
        let why = opened(&text, point).unwrap_err().to_string();
        assert!(why.contains(word), "{why}");
    }
    assert!(opened(RUNBOOK, Some("2026-11-20T11:00:00Z")).is_err(), "that one restores nothing");
}

#[test]
fn whoever_approves_a_restore_signs_what_it_loses() {
    let mut room = Room::of_restore(
        &restoring("restore", RESTORE),
        BTreeMap::from([("at".to_owned(), Answer::Text("x".to_owned()))]),
        Some("2026-11-20T09:47:00+00:00"),
    );
    let seen = Seen { n: 1, root: "r".to_owned() };
    let text = |room: &Room, gate: &str, role: &str| {
        let answer = room.answer(gate, role, "ana").unwrap();
        statement::gate(&room.live, &person("ana"), &answer, Answering::Approve, &seen).unwrap()
    };
    let words = "restored to 2026-11-20T09:47:00+00:00, losing 2h 13m of writes";
    assert!(text(&room, "declare", "commander").contains(words), "{}", text(&room, "declare", "commander"));
    sit(&mut room, "ben", "sre").unwrap();
    let answer = room.answer("declare", "commander", "ana").unwrap();
    room.act("ana", Intent::Approve(answer)).unwrap();
    room.settle_down();
    let hold = text(&room, "eyes", "sre");
    assert!(statement::field(&hold, "target").unwrap().contains(words), "{hold}");
}

#[test]
fn a_way_back_that_has_closed_is_not_begun_except_by_breaking_glass() {
    let window = "window: {opens_at: \"{{ params.at }}\", lasts: 24h, because: binlogs are kept so long}\nparams: {at: {prompt: When?}}";
    let text = restoring("deploy", window);
    let open = |at: &str| {
        let mut room = Room::of(&text, BTreeMap::from([("at".to_owned(), Answer::Text(at.to_owned()))]));
        sit(&mut room, "ana", "commander").unwrap();
        room
    };
    let mut room = open("2026-11-19T12:00:00Z");
    let answer = room.answer("declare", "commander", "ana").unwrap();
    let why = refused(room.act("ana", Intent::Approve(answer))).to_string();
    assert!(why.contains("closed at 2026-11-20T12:00:00Z (binlogs are kept so long)"), "{why}");
    let gates = backout::core::readiness::hard_gates(&room.live, room.now);
    assert!(!gates[0].open && gates[0].what.starts_with("the way back closed at"), "first of all: {gates:?}");
    let glass = room.answer("declare", "executive", "eve").unwrap();
    room.act("eve", Intent::Override(glass)).unwrap();
    room.settle_down();
    assert_eq!(room.live.stage, Stage::Declared);
    let mut room = open("2026-11-19T12:00:01Z");
    let answer = room.answer("declare", "commander", "ana").unwrap();
    room.act("ana", Intent::Approve(answer)).unwrap();
    room.settle_down();
    room.now = room.now.plus(Duration::from_secs(5));
    sit(&mut room, "ben", "sre").unwrap();
    let begun = room.answer("eyes", "sre", "ben").unwrap();
    room.act("ben", Intent::Approve(begun)).unwrap();
    room.settle_down();
    assert_eq!(room.live.status("eyes"), Status::Succeeded, "what was begun in time is finished");
    assert_eq!(room.live.window_closes(), Stamp::parse_rfc3339("2026-11-20T12:00:01Z"));
    assert!(room.live.run(&id("a")).is_some());
}

#[test]
fn nothing_begins_outside_of_where_the_data_may_be() {
    let mut text =
        restoring("deploy", "residency: {allowed: [eu-west-1]}\nparams: {at: {prompt: p, default: x}}");
    text = text.replace("timeout: 9s, role: sre}", "timeout: 9s, role: sre, region: us-east-1}");
    let mut room = Room::of(&text, BTreeMap::from([("at".to_owned(), Answer::Text("x".to_owned()))]));
    sit(&mut room, "ana", "commander").unwrap();
    sit(&mut room, "ben", "sre").unwrap();
    let answer = room.answer("declare", "commander", "ana").unwrap();
    room.act("ana", Intent::Approve(answer)).unwrap();
    room.settle_down();
    let answer = room.answer("eyes", "sre", "ben").unwrap();
    room.act("ben", Intent::Approve(answer)).unwrap();
    room.settle_down();
    sit(&mut room, "dee", "sre").unwrap();
    let begun = room.start("a", Direction::Forward, None).unwrap();
    let why = refused(room.act("dee", begun)).to_string();
    assert!(why.contains("region us-east-1 is outside the allowed residency"), "{why}");
}
