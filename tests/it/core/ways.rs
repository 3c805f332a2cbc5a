//! Ways on: what happens by itself, what somebody decides, and what each asks of the world outside.

use super::*;
use crate::support::head;
use backout::core::due::next_wake;
use backout::core::effect::{Effect, Stop, effects};
use backout::core::intent::Intent::{Abort, Assume, Confirm, DecideStep};

/// A runbook with these phases.
pub(super) fn with_phases(phases: &str) -> String {
    [
        concat!(
            head!("deploy"),
            r#"params:
  flag: {prompt: Really?, default: "no"}
  word: {prompt: Password?, secret: true, env: WORD}
roles:
  commander: {required: true}
  sre: {min: 1, stand_in: [dba]}
declare: {require: [{role: commander, count: 1}], expires: 15m}
phases:
"#
        ),
        phases,
        r#"
always:
  - {id: tidy, manual: Tidy up.}
"#,
    ]
    .concat()
}

/// One with these phases, whose rollback is declared, with `ana` commanding and `ben` as the sre.
pub(super) fn declared_with(phases: &str) -> Room {
    let text = with_phases(phases);
    let params = BTreeMap::from([
        ("flag".to_owned(), Answer::Text("no".to_owned())),
        ("word".to_owned(), Answer::Secret("c2FsdGVk".to_owned())),
    ]);
    let mut room = Room::of(&text, params);
    sit(&mut room, "ana", "commander").unwrap();
    sit(&mut room, "ben", "sre").unwrap();
    let answer = room.answer("declare", "commander", "ana").unwrap();
    room.act("ana", Intent::Approve(answer)).unwrap();
    room.settle_down();
    room
}

pub(super) fn id(text: &str) -> StepId {
    StepId::parse(text).unwrap()
}

pub(super) fn sit(room: &mut Room, who: &str, role: &str) -> Result<What, Refusal> {
    room.act(who, Assume { role: RoleName::parse(role).unwrap() })
}

pub(super) fn carry_out(room: &mut Room, step: &str, outcome: Outcome) {
    let intent = room.start(step, Direction::Forward, None).unwrap();
    room.act("ben", intent).unwrap();
    let end = room.finish(step, outcome);
    room.wish(&By::Hub, end).unwrap();
    room.settle_down();
}

pub(super) fn choose(room: &mut Room, who: &str, step: &str, choice: Choice) -> Result<What, Refusal> {
    room.act(who, DecideStep { step: id(step), choice, reason: "because".to_owned() })
}

pub(super) fn statuses<const N: usize>(room: &Room, steps: [&str; N]) -> [&'static str; N] {
    steps.map(|step| room.live.status(step).word())
}

/// The effects of the newest event.
pub(super) fn asked(room: &Room) -> Vec<Effect> {
    effects(&room.live, room.record.last().unwrap())
}

#[test]
fn break_glass_declares_without_the_quorum_and_stays_visible() {
    let mut room = Room::open();
    let answer = |room: &Room, role: &str, who: &str| room.answer("declare", role, who).unwrap();
    let not_asked = Intent::Override(answer(&room, "commander", "ana"));
    assert!(matches!(refused(room.act("ana", not_asked)), Refusal::RoleNotAsked { .. }));
    let not_theirs = Intent::Override(answer(&room, "executive", "ben"));
    assert!(matches!(refused(room.act("ben", not_theirs)), Refusal::MayNotTake { .. }));
    let silent = GateAnswer { reason: "  ".to_owned(), ..answer(&room, "executive", "eve") };
    assert!(matches!(refused(room.act("eve", Intent::Override(silent))), Refusal::ReasonNeeded));
    let stale = GateAnswer { nonce: "0".repeat(32), ..answer(&room, "executive", "eve") };
    assert!(matches!(refused(room.act("eve", Intent::Override(stale))), Refusal::WrongNonce));
    let good = answer(&room, "executive", "eve");
    room.act("eve", Intent::Override(good.clone())).unwrap();
    assert!(matches!(refused(room.act("eve", Intent::Override(good))), Refusal::AnsweredAlready { .. }));
    room.settle_down();
    assert_eq!(room.live.stage, Stage::Declared);
    let [broken] = &room.live.overrides[..] else { panic!("{:?}", room.live.overrides) };
    assert_eq!((broken.words().as_str(), broken.reason.as_str()), ("eve broke glass at declare", "seen"));
}

#[test]
fn break_glass_goes_past_a_denial_and_names_who_denied() {
    let mut room = Room::open();
    sit(&mut room, "ben", "sre").unwrap();
    for (who, role) in [("ben", "sre"), ("ana", "commander")] {
        let no = room.answer("declare", role, who).unwrap();
        room.act(who, Intent::Deny(no)).unwrap();
    }
    room.settle_down();
    assert!(room.live.is_denied(&StepId::declare()) && room.live.stage == Stage::Open);
    // A denial closes the way by approvals, and nothing else does what break-glass does.
    let yes = room.answer("declare", "sre", "dee").unwrap();
    room.act("dee", Intent::Approve(yes)).unwrap();
    room.settle_down();
    assert_eq!(room.live.stage, Stage::Open);
    let by_hub = decide(&room.live, &By::Hub, &Intent::Declare { attempt: 1 }, room.now);
    assert!(matches!(refused(by_hub), Refusal::GateNotOpen { .. }));
    let answer = room.answer("declare", "executive", "eve").unwrap();
    let what = room.act("eve", Intent::Override(answer)).unwrap();
    let What::Overridden(data) = &what else { panic!("{what:?}") };
    assert_eq!(data.denied_by, [person("ben"), person("ana")]);
    room.settle_down();
    assert_eq!(room.live.stage, Stage::Declared);
    let words = "eve broke glass at declare over the denial of ben, ana: seen";
    let items = backout::core::review::items(&room.live);
    assert!(
        items.iter().any(|i| i.kind == backout::core::review::Kind::Override && i.words == words),
        "{items:?}"
    );
    // The objections stay open until somebody answers them.
    assert_eq!(room.live.open_objections().count(), 2);
}

#[test]
fn break_glass_that_hides_a_denial_or_makes_one_up_is_an_illegal_move() {
    let mut room = Room::open();
    sit(&mut room, "ben", "sre").unwrap();
    let no = room.answer("declare", "sre", "ben").unwrap();
    room.act("ben", Intent::Deny(no)).unwrap();
    let before = room.live.clone();
    let answer = room.answer("declare", "executive", "eve").unwrap();
    room.act("eve", Intent::Override(answer)).unwrap();
    let honest = room.record.last().unwrap().clone();
    assert!(replay::check(&mut before.clone(), &honest).is_ok());
    for denied_by in [vec![], vec![person("ana")], vec![person("ben"), person("ana")]] {
        let mut forged = honest.clone();
        let What::Overridden(data) = &mut forged.what else { panic!("{forged:?}") };
        data.denied_by = denied_by;
        let verdict = replay::check(&mut before.clone(), &forged);
        assert_eq!(verdict, Err(replay::Illegal::Different { kind: "override.used" }));
    }
}

#[test]
fn an_expired_request_is_not_gone_past_by_break_glass_either() {
    let mut room = Room::open();
    sit(&mut room, "ana", "commander").unwrap();
    let answer = room.answer("declare", "executive", "eve").unwrap();
    room.now = room.now.plus(Duration::from_secs(15 * 60));
    room.settle_down();
    assert!(matches!(refused(room.act("eve", Intent::Override(answer))), Refusal::GateNotOpen { .. }));
    choose(&mut room, "ana", "declare", Choice::Retry).unwrap();
    room.settle_down();
    let answer = room.answer("declare", "executive", "eve").unwrap();
    room.act("eve", Intent::Override(answer)).unwrap();
    room.settle_down();
    assert_eq!(room.live.stage, Stage::Declared);
}

#[test]
fn a_hold_point_knows_no_break_glass() {
    let mut room = at_the_hold_point();
    let answer = room.answer("eyes", "executive", "eve").unwrap();
    assert!(matches!(refused(room.act("eve", Intent::Override(answer))), Refusal::NoOverride(_)));
}

#[test]
fn a_denied_declaration_is_asked_again_only_when_somebody_decides_so() {
    let mut room = Room::open();
    sit(&mut room, "ben", "sre").unwrap();
    assert!(matches!(
        refused(choose(&mut room, "ben", "declare", Choice::Retry)),
        Refusal::NothingToDecide { .. }
    ));
    let no = room.answer("declare", "sre", "ben").unwrap();
    room.act("ben", Intent::Deny(no)).unwrap();
    room.settle_down();
    let yes = room.answer("declare", "commander", "ana").unwrap();
    room.act("ana", Intent::Approve(yes)).unwrap();
    room.settle_down();
    assert_eq!(room.live.stage, Stage::Open, "one objection outweighs");
    choose(&mut room, "ben", "declare", Choice::Retry).unwrap();
    room.settle_down();
    assert_eq!(room.live.gates["declare"].attempt, 2);
    assert!(room.live.gates["declare"].answers.is_empty(), "answers to the old request are gone");
}

const WHEN: &str = r#"
  - name: Look
    steps:
      - {id: asked, run: [true], timeout: 9s, role: sre, when: "{{ params.flag }}"}
      - {id: rows, measure: {run: [count]}, as: rows}
      - {id: repair, run: [repair], timeout: 9s, role: sre, when: "{{ measurements.rows }} != 7"}
      - {id: report, run: [report], timeout: 9s, role: sre, when: "{{ measurements.rows }} == 7"}
"#;

#[test]
fn a_step_whose_when_is_false_is_left_out_and_the_record_says_why() {
    let mut room = declared_with(WHEN);
    assert_eq!(statuses(&room, ["asked", "rows", "repair"]), ["skipped", "running", "pending"]);
    assert_eq!(room.live.run(&id("asked")).unwrap().detail, "when: {{ params.flag }} does not hold");
    let (step, digest) = (id("rows"), Digest::of(b"7"));
    let measure = Intent::Measure { step, attempt: 1, digest, bytes: 1, text: Some("7".to_owned()) };
    room.wish(&By::Hub, measure).unwrap();
    let end = room.finish("rows", Outcome::Succeeded);
    room.wish(&By::Hub, end).unwrap();
    room.settle_down();
    assert_eq!(statuses(&room, ["repair", "report"]), ["skipped", "pending"]);
    assert_eq!(room.live.word(room.live.step(&id("report")).unwrap()), "ready");
}

#[test]
fn the_hub_leaves_out_only_what_its_when_says() {
    let mut room = declared_with("  - {name: A, steps: [{id: a, run: [a], timeout: 9s, role: sre}]}");
    let skip = Intent::Skip { step: id("a"), reason: "tired".to_owned() };
    assert!(matches!(refused(room.wish(&By::Hub, skip)), Refusal::PersonOnly));
}

#[test]
fn a_stand_in_sits_down_only_while_nobody_of_the_role_is_here() {
    let mut room = Room::open();
    assert!(matches!(refused(sit(&mut room, "ana", "sre")), Refusal::MayNotTake { .. }));
    sit(&mut room, "ben", "sre").unwrap();
    assert!(matches!(refused(sit(&mut room, "cho", "sre")), Refusal::StandInNotNeeded { .. }));
    assert!(matches!(refused(sit(&mut room, "ben", "sre")), Refusal::AlreadySeated { .. }));
    let session = session_id(&key_of("ben")).unwrap();
    room.wish(&By::Hub, Intent::Leave { session, how: Leaving::Lost }).unwrap();
    let taken = sit(&mut room, "cho", "sre").unwrap();
    assert_eq!(taken, Assumed { role: RoleName::parse("sre").unwrap(), stand_in: true }.into());
    assert!(room.live.holds(&person("cho"), "sre"));
}

#[test]
fn there_is_one_commander_and_everybody_may_look_on() {
    let mut room = Room::open();
    sit(&mut room, "ana", "commander").unwrap();
    assert!(matches!(refused(sit(&mut room, "ben", "commander")), Refusal::SeatTaken { .. }));
    assert!(matches!(refused(sit(&mut room, "ben", "jester")), Refusal::NoSuchRole(_)));
    sit(&mut room, "ben", "observer").unwrap();
    let note = Intent::DecideIncident { choice: Choice::Pause, reason: "wait".to_owned() };
    assert!(matches!(refused(room.act("ben", note)), Refusal::Observer), "who only looks on stops nothing");
}

fn on_failure(word: &str) -> Room {
    declared_with(&format!(
        r#"
  - name: Act
    steps:
      - {{id: a, run: [a], timeout: 9s, role: sre, on_failure: {word}}}
      - {{id: b, manual: b, role: sre}}
      - {{id: c, manual: c, role: sre}}
      - {{id: d, manual: d, role: sre}}
"#
    ))
}

#[test]
fn after_a_failure_the_declared_way_on_is_taken_and_no_other() {
    let table = [
        ("pause", ["failed", "pending", "pending", "pending", "pending"]),
        ("continue", ["failed", "running", "pending", "pending", "pending"]),
        ("{goto: d}", ["failed", "skipped", "skipped", "running", "pending"]),
        ("abort", ["failed", "not reached", "not reached", "not reached", "running"]),
    ];
    for (word, expected) in table {
        for outcome in [Outcome::Failed, Outcome::TimedOut] {
            let mut room = on_failure(word);
            carry_out(&mut room, "a", outcome);
            let mut found = statuses(&room, ["a", "b", "c", "d", "tidy"]);
            if outcome == Outcome::TimedOut {
                assert_eq!(found[0], "timed out");
                found[0] = "failed";
            }
            assert_eq!(found, expected, "on_failure: {word}");
            assert_eq!(room.live.aborted.is_some(), word == "abort");
        }
    }
}

#[test]
fn what_a_person_stopped_goes_on_as_a_person_says() {
    for word in ["continue", "{goto: d}", "abort"] {
        let mut room = on_failure(word);
        carry_out(&mut room, "a", Outcome::Cancelled);
        assert_eq!(
            statuses(&room, ["a", "b", "d", "tidy"]),
            ["cancelled", "pending", "pending", "pending"],
            "{word}"
        );
        choose(&mut room, "ben", "a", Choice::Goto(id("c"))).unwrap();
        room.settle_down();
        assert_eq!(statuses(&room, ["b", "c"]), ["skipped", "running"], "{word}");
    }
}

#[test]
fn a_jump_leads_ahead_to_a_step_that_has_not_begun() {
    let mut room = on_failure("pause");
    let early = choose(&mut room, "ben", "a", Choice::Goto(id("c")));
    assert!(matches!(refused(early), Refusal::NothingToDecide { .. }));
    carry_out(&mut room, "a", Outcome::Failed);
    for nowhere in ["a", "tidied"] {
        let jump = choose(&mut room, "ben", "a", Choice::Goto(id(nowhere)));
        assert!(matches!(refused(jump), Refusal::BadJump { .. }), "{nowhere}");
    }
    let by_itself = DecideStep { step: id("a"), choice: Choice::Continue, reason: "hub".to_owned() };
    assert!(matches!(refused(room.wish(&By::Hub, by_itself)), Refusal::NothingToDecide { .. }));
    choose(&mut room, "ben", "a", Choice::Continue).unwrap();
    room.settle_down();
    assert_eq!(statuses(&room, ["a", "b"]), ["failed", "running"]);
}

const TWO_PHASES: &str = r#"
  - name: First
    steps:
      - {id: a, run: [a], timeout: 9s, role: sre}
  - name: Second
    steps:
      - id: ask
        decide: {options: {far: {then: c}, stop: {then: end}}}
        role: sre
      - {id: b, manual: b, role: sre}
      - {id: c, manual: c, role: sre}
"#;

#[test]
fn a_decision_leads_on_and_leaves_out_what_lies_between() {
    let mut room = declared_with(TWO_PHASES);
    carry_out(&mut room, "a", Outcome::Succeeded);
    let option = |name: &str| Choice::Option(name.to_owned());
    assert!(matches!(refused(choose(&mut room, "cho", "ask", option("far"))), Refusal::WrongRole { .. }));
    let unknown = refused(choose(&mut room, "ben", "ask", option("near")));
    assert_eq!(
        unknown.to_string(),
        Refusal::NoSuchOption { step: id("ask"), offered: "far, stop".to_owned(), got: "near".to_owned() }
            .to_string()
    );
    choose(&mut room, "ben", "ask", option("far")).unwrap();
    room.settle_down();
    assert_eq!(statuses(&room, ["ask", "b", "c"]), ["succeeded", "skipped", "running"]);
    assert!(matches!(refused(choose(&mut room, "ben", "ask", option("stop"))), Refusal::NotRunning { .. }));
}

#[test]
fn a_decision_to_end_leaves_only_what_is_always_done() {
    let mut room = declared_with(TWO_PHASES);
    carry_out(&mut room, "a", Outcome::Succeeded);
    choose(&mut room, "ben", "ask", Choice::Option("stop".to_owned())).unwrap();
    room.settle_down();
    assert_eq!(
        statuses(&room, ["ask", "b", "c", "tidy"]),
        ["succeeded", "not reached", "not reached", "running"]
    );
    assert!(room.live.ended && room.live.aborted.is_none(), "ending is a way on, not an abort");
}

#[test]
fn what_is_always_done_waits_until_nothing_runs() {
    let mut room = declared_with(TWO_PHASES);
    let intent = room.start("a", Direction::Forward, None).unwrap();
    room.act("ben", intent).unwrap();
    room.act("ana", Abort { reason: "enough".to_owned() }).unwrap();
    room.settle_down();
    assert_eq!(statuses(&room, ["a", "tidy"]), ["running", "pending"], "an abort stops nothing by itself");
    let end = room.finish("a", Outcome::Succeeded);
    room.wish(&By::Hub, end).unwrap();
    room.settle_down();
    assert_eq!(statuses(&room, ["a", "tidy"]), ["succeeded", "running"]);
    room.act("ben", Confirm { step: id("tidy"), attempt: 1, evidence: String::new() }).unwrap();
    assert_eq!(room.live.run(&id("tidy")).unwrap().detail, "confirmed by ben");
}

#[test]
fn evidence_that_would_not_be_told_apart_from_none_is_not_signed() {
    let mut room = declared_with(TWO_PHASES);
    room.act("ana", Abort { reason: "enough".to_owned() }).unwrap();
    room.settle_down();
    let confirm = |evidence: &str| Confirm { step: id("tidy"), attempt: 1, evidence: evidence.to_owned() };
    for words in ["confirmed by ben", " ", "\n"] {
        assert_eq!(room.act("ben", confirm(words)), Err(Refusal::EmptyEvidence));
        assert_eq!(backout::core::decide::step::evidence(&person("ben"), words), "");
    }
    room.act("ben", confirm("confirmed by ana")).unwrap();
}

#[test]
fn while_the_room_is_paused_nothing_begins() {
    let mut room = declared_with(TWO_PHASES);
    let pause = |choice| Intent::DecideIncident { choice, reason: "wait".to_owned() };
    assert!(matches!(refused(room.act("ana", pause(Choice::GoOn))), Refusal::NotPaused));
    room.act("ben", pause(Choice::Pause)).unwrap();
    assert!(matches!(refused(room.act("ana", pause(Choice::Pause))), Refusal::Paused(_)));
    let start = room.start("a", Direction::Forward, None).unwrap();
    assert!(matches!(refused(room.act("ben", start.clone())), Refusal::Paused(_)));
    assert!(matches!(refused(room.act("ben", pause(Choice::GoOn))), Refusal::WrongRole { .. }));
    assert!(matches!(refused(room.act("ana", pause(Choice::Kill))), Refusal::DoesNotFit(_)));
    room.act("ana", pause(Choice::GoOn)).unwrap();
    room.act("ben", start).unwrap();
}

const OUTSIDE: &str = r#"
  - name: Act
    steps:
      - id: copy
        run: [copy, "{{ params.flag }}"]
        timeout: 9s
        role: sre
        undo: [uncopy]
        env: {WORD: "{{ params.word }}"}
        backlog: {name: rows, count: [count]}
        reconcile: {run: [look], expect: {equals: ok}}
      - {id: rest, wait: 30s}
      - {id: last, manual: last, role: sre}
"#;

#[test]
fn a_start_asks_for_the_step_and_a_cancellation_for_its_end() {
    let mut room = declared_with(OUTSIDE);
    let intent = room.start("copy", Direction::Forward, None).unwrap();
    room.act("ben", intent).unwrap();
    let (step, attempt, direction) = (id("copy"), 1, Direction::Forward);
    assert_eq!(asked(&room), [Effect::RunStep { step: step.clone(), attempt, direction }]);
    for (choice, how) in [(Choice::Cancel, Stop::Politely), (Choice::Kill, Stop::AtOnce)] {
        choose(&mut room, "ana", "copy", choice).unwrap();
        assert_eq!(asked(&room), [Effect::StopStep { step: step.clone(), attempt, direction, how }]);
    }
    let end = room.finish("copy", Outcome::Cancelled);
    room.wish(&By::Hub, end).unwrap();
    assert_eq!(asked(&room), []);
    assert!(matches!(refused(choose(&mut room, "ana", "copy", Choice::Cancel)), Refusal::NotRunning { .. }));
}

#[test]
fn success_asks_for_the_backlog_and_an_unknown_end_for_a_look() {
    for (outcome, expected) in [
        (Outcome::Succeeded, vec![Effect::CountBacklog { step: id("copy") }]),
        (Outcome::Unknown, vec![Effect::Reconcile { step: id("copy"), attempt: 1 }]),
        (Outcome::Failed, vec![]),
    ] {
        let mut room = declared_with(OUTSIDE);
        let intent = room.start("copy", Direction::Forward, None).unwrap();
        room.act("ben", intent).unwrap();
        let end = room.finish("copy", outcome);
        room.wish(&By::Hub, end).unwrap();
        assert_eq!(asked(&room), expected, "{outcome:?}");
    }
}

#[test]
fn a_cancellation_reaches_the_undo_that_runs() {
    let mut room = declared_with(OUTSIDE);
    carry_out(&mut room, "copy", Outcome::Failed);
    let undo = room.start("copy", Direction::Undo, Some("half of it is there")).unwrap();
    room.act("ben", undo).unwrap();
    let (step, attempt, direction) = (id("copy"), 1, Direction::Undo);
    assert_eq!(asked(&room), [Effect::RunStep { step: step.clone(), attempt, direction }]);
    choose(&mut room, "ana", "copy", Choice::Cancel).unwrap();
    assert_eq!(asked(&room), [Effect::StopStep { step, attempt, direction, how: Stop::Politely }]);
}

#[test]
fn closing_lets_go_of_everything() {
    let mut room = Room::open();
    sit(&mut room, "ana", "commander").unwrap();
    room.act("ana", Abort { reason: "false alarm".to_owned() }).unwrap();
    let close = Intent::Close { reason: "nothing was done".to_owned(), key: "SHA256:ana".to_owned() };
    room.act("ana", close).unwrap();
    assert_eq!(asked(&room), [Effect::ShutDown]);
    assert_eq!(
        due(&room.live, room.now.plus(Duration::from_secs(86_400))),
        None,
        "a closed record is left alone"
    );
}

#[test]
fn a_hold_phase_ends_at_its_time_and_not_before() {
    let mut room = declared_with(OUTSIDE);
    carry_out(&mut room, "copy", Outcome::Succeeded);
    let over = room.now.plus(Duration::from_secs(30));
    assert_eq!(next_wake(&room.live), Some(over));
    let early = room.finish("rest", Outcome::Succeeded);
    room.now = Stamp(over.0 - 1);
    room.settle_down();
    assert_eq!(room.live.status("rest"), Status::Running);
    assert!(matches!(refused(room.wish(&By::Hub, early)), Refusal::DoesNotFit(_)));
    room.now = over;
    room.settle_down();
    assert_eq!(statuses(&room, ["rest", "last"]), ["succeeded", "running"]);
    assert_eq!(next_wake(&room.live), None);
}

#[test]
fn a_plan_is_the_resolved_content_and_binds_to_the_try() {
    let room = declared_with(OUTSIDE);
    let step = |name: &str| room.live.step(&id(name)).unwrap();
    let copy = plan::of_step(&room.live, step("copy"), Direction::Forward).unwrap();
    assert_eq!(copy.summary, "copy no");
    assert!(copy.lines.iter().all(|(_, v)| !v.contains("c2FsdGVk")), "no trace of the secret: {copy:?}");
    assert_ne!(plan::digest(&copy, 1), plan::digest(&copy, 2));
    let undo = plan::of_step(&room.live, step("copy"), Direction::Undo).unwrap();
    assert_eq!(undo.summary, "uncopy");
    assert_ne!(plan::digest(&copy, 1), plan::digest(&undo, 1));
    assert_eq!(plan::of_step(&room.live, step("last"), Direction::Undo), Err("it has no undo".to_owned()));
}

#[test]
fn what_is_declared_binds_to_the_answers_and_never_shows_a_secret() {
    let room = declared_with(OUTSIDE);
    let declared = plan::of_gate(&room.live, &StepId::declare()).unwrap();
    assert_eq!(declared.target, "shop in test");
    let lines: Vec<(&str, &str)> =
        declared.steps[0].lines.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(lines, [("class", "deploy"), ("param flag", "no"), ("param word", "«secret»")]);
    let mut other = room.live.clone();
    other.opened.as_mut().unwrap().params.insert("flag".to_owned(), Answer::Text("yes".to_owned()));
    assert_ne!(plan::of_gate(&other, &StepId::declare()).unwrap().digest, declared.digest);
    assert_eq!(plan::of_gate(&room.live, &id("copy")), None, "only gates have one");
}
