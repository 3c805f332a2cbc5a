//! Phases: each is entered once, by the hub, before anything in it begins, and a record that leaves that out is refused.

use super::ways::{carry_out, choose, declared_with, id, sit, statuses};
use super::*;
use backout::core::replay::Illegal;

/// One phase for everything that can be the first to happen in one.
const EVERY_WAY_IN: &str = r#"
  - name: Start
    steps:
      - {id: a, run: [a], timeout: 9s, role: sre}
  - name: Ask
    steps:
      - {id: eyes, approve: {require: [{role: sre, count: 1}], expires: 10m, separation_of_duties: [], covers: [b]}}
      - {id: b, run: [b], timeout: 9s, role: sre}
  - name: Rest
    steps:
      - {id: rest, wait: 30s}
  - name: Leave out
    steps:
      - {id: c, run: [c], timeout: 9s, role: sre}
  - name: By hand
    steps:
      - {id: d, run: [d], timeout: 9s, role: sre}
  - name: Not now
    steps:
      - {id: e, manual: e, role: sre, when: "{{ params.flag }}"}
  - name: Give up
    steps:
      - {id: f, run: [f], timeout: 9s, role: sre}
"#;

fn entered(room: &Room) -> Vec<(u32, String)> {
    let phases = room.record.iter().filter_map(|e| match &e.what {
        What::PhaseEntered(d) => Some((d.phase, d.name.clone())),
        _ => None,
    });
    phases.collect()
}

/// The first event that is no legal move, and why.
fn replayed(room: &Room, record: &[Event]) -> Result<Incident, (&'static str, Illegal)> {
    let mut again = room.live.from_the_beginning();
    for event in record {
        replay::check(&mut again, event).map_err(|why| (event.what.kind(), why))?;
    }
    Ok(again)
}

/// Every retelling that leaves one `phase.entered` out. Something idle is in its place: others name events by number.
fn retold(record: &[Event]) -> impl Iterator<Item = Vec<Event>> {
    let at = record.iter().enumerate().filter(|(_, e)| matches!(e.what, What::PhaseEntered(_)));
    at.map(|(at, _)| {
        let mut without = record.to_vec();
        without[at].what = ClockJumped { micros: 1 }.into();
        without
    })
}

#[test]
fn a_phase_is_entered_once_when_its_first_step_is_due() {
    let mut room = declared_with(EVERY_WAY_IN);
    assert_eq!(entered(&room), [(0, "Start".to_owned())]);
    for phase in [0, 1, 2, 7] {
        let again = Intent::EnterPhase { phase };
        assert!(matches!(refused(room.wish(&By::Hub, again)), Refusal::DoesNotFit(_)), "{phase}");
    }
    assert!(matches!(refused(room.act("ana", Intent::EnterPhase { phase: 1 })), Refusal::HubOnly));
    carry_out(&mut room, "a", Outcome::Succeeded);
    assert_eq!(entered(&room), [(0, "Start".to_owned()), (1, "Ask".to_owned())]);
}

#[test]
fn nothing_happens_in_a_phase_that_was_not_entered() {
    let mut room = declared_with(EVERY_WAY_IN);
    carry_out(&mut room, "a", Outcome::Succeeded);
    let answer = room.answer("eyes", "sre", "ben").unwrap();
    room.act("ben", Intent::Approve(answer)).unwrap();
    room.settle_down();
    carry_out(&mut room, "b", Outcome::Succeeded);
    room.now = room.now.plus(Duration::from_secs(30));
    room.settle_down();
    room.act("ben", Intent::Skip { step: id("c"), reason: "not needed".to_owned() }).unwrap();
    room.settle_down();
    room.act("ben", Intent::MarkDone { step: id("d"), reason: "I did it".to_owned() }).unwrap();
    room.settle_down();
    assert_eq!(statuses(&room, ["c", "d", "e", "f"]), ["skipped", "done by hand", "skipped", "pending"]);
    room.act("ana", Intent::Abort { reason: "enough".to_owned() }).unwrap();
    room.settle_down();
    assert_eq!(replayed(&room, &room.record).unwrap(), room.live);

    let found: Vec<(&str, String)> = retold(&room.record)
        .map(|record| match replayed(&room, &record) {
            Err((kind, Illegal::Refused(Refusal::PhaseNotEntered { step, phase }))) => {
                (kind, format!("{step} of {phase}"))
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let wanted = [
        ("step.started", "a of Start"),
        ("approval.requested", "eyes of Ask"),
        ("step.started", "rest of Rest"),
        ("step.skipped", "c of Leave out"),
        ("step.done_by_hand", "d of By hand"),
        ("step.skipped", "e of Not now"),
        ("incident.aborted", "f of Give up"),
    ];
    assert_eq!(found, wanted.map(|(kind, of)| (kind, of.to_owned())));
}

#[test]
fn the_refusal_names_the_step_and_the_phase_and_says_who_enters_it() {
    let mut room = declared_with(EVERY_WAY_IN);
    let start = room.start("a", Direction::Forward, None).unwrap();
    room.act("ben", start).unwrap();
    let end = room.finish("a", Outcome::Failed);
    room.wish(&By::Hub, end).unwrap();
    room.settle_down();
    // Nothing of the hub's follows on this one yet.
    choose(&mut room, "ben", "a", Choice::Continue).unwrap();
    let nonce = "0".repeat(32);
    let ask = Intent::Request { gate: id("eyes"), attempt: 1, nonce };
    let why = refused(room.wish(&By::Hub, ask.clone())).to_string();
    assert_eq!(
        why,
        "`eyes` is in the phase `Ask`, which was not entered; the hub enters a phase before anything in it"
    );
    room.wish(&By::Hub, Intent::EnterPhase { phase: 1 }).unwrap();
    room.wish(&By::Hub, ask).unwrap();
}

const SIDE_BY_SIDE: &str = r#"
  - name: Left
    steps:
      - {id: a, run: [a], timeout: 9s, role: sre, on_failure: {goto: d}}
  - name: Between
    steps:
      - {id: c, run: [c], timeout: 9s, role: sre}
  - name: Right
    steps:
      - {id: b, needs: [], run: [b], timeout: 9s, role: sre}
      - {id: d, needs: [a], run: [d], timeout: 9s, role: sre}
"#;

#[test]
fn phases_that_wait_for_nothing_go_side_by_side_and_one_that_is_jumped_over_is_never_entered() {
    let mut room = declared_with(SIDE_BY_SIDE);
    let both = [(0, "Left".to_owned()), (2, "Right".to_owned())];
    assert_eq!(entered(&room), both);
    carry_out(&mut room, "b", Outcome::Succeeded);
    carry_out(&mut room, "a", Outcome::Failed);
    assert_eq!(statuses(&room, ["c", "d"]), ["skipped", "pending"]);
    carry_out(&mut room, "d", Outcome::Succeeded);
    assert_eq!(entered(&room), both);
    assert_eq!(replayed(&room, &room.record).unwrap(), room.live);
}

const AGAIN: &str = r#"
  - name: Act
    steps:
      - {id: a, run: [a], timeout: 9s, role: sre, idempotent: true, retry: {max_attempts: 3, delay: 5s}, undo: [z]}
      - {id: b, run: [b], timeout: 9s, role: sre}
"#;

#[test]
fn what_has_begun_is_tried_again_and_taken_back_though_its_phase_has_another_name_now() {
    let mut room = declared_with(AGAIN);
    let start = room.start("a", Direction::Forward, None).unwrap();
    room.act("ben", start).unwrap();
    let text = super::ways::with_phases(&AGAIN.replace("name: Act", "name: Deed"));
    let runbook = Digest::of(text.as_bytes());
    room.live.offer(runbook, parsed(&text));
    let (payload, reason) = ("cGF5bG9hZA==".to_owned(), "a better name".to_owned());
    room.act("ben", Intent::ProposeAmendment { runbook, payload, reason }).unwrap();
    room.settle_down();
    let answer = room.answer("runbook.amend", "commander", "ana").unwrap();
    room.act("ana", Intent::Approve(answer)).unwrap();
    room.settle_down();
    let end = room.finish("a", Outcome::Failed);
    room.wish(&By::Hub, end).unwrap();
    room.settle_down();
    assert_eq!(entered(&room), [(0, "Act".to_owned())], "nothing of `Deed` is ready");
    room.now = room.now.plus(Duration::from_secs(5));
    room.settle_down();
    assert_eq!((room.live.status("a"), room.live.run(&id("a")).unwrap().attempt), (Status::Running, 2));
    let end = room.finish("a", Outcome::Cancelled);
    room.wish(&By::Hub, end).unwrap();
    room.settle_down();
    let undo = room.start("a", Direction::Undo, Some("half done")).unwrap();
    room.act("ben", undo).unwrap();
    let end = room.finish("a", Outcome::Succeeded);
    room.wish(&By::Hub, end).unwrap();
    room.settle_down();
    choose(&mut room, "ben", "a", Choice::Retry).unwrap();
    room.settle_down();
    assert_eq!(entered(&room), [(0, "Act".to_owned()), (0, "Deed".to_owned())]);
    carry_out(&mut room, "a", Outcome::Succeeded);
    carry_out(&mut room, "b", Outcome::Succeeded);
    sit(&mut room, "dee", "sre").unwrap();
    assert_eq!(replayed(&room, &room.record).unwrap(), room.live);
}

/// Whoever leaves one out of what random people did is found by the rules, or has left out what changes nothing.
#[test]
fn a_random_record_without_one_of_its_phases_is_refused_where_something_begins_in_it() {
    let (mut refused, mut idle) = (0, 0);
    for seed in 0..40 {
        let walk = random::walked(seed, 150);
        for record in retold(&walk.room.record) {
            match replayed(&walk.room, &record) {
                Err((_, Illegal::Refused(Refusal::PhaseNotEntered { .. }))) => refused += 1,
                Err((kind, why)) => panic!("seed {seed}: {kind}: {why}"),
                Ok(_) => {
                    idle += 1;
                    let judged = random::audit(&walk, &record);
                    assert!(judged.is_ok(), "seed {seed}: {judged:?}\n{}", walk.book.text());
                }
            }
        }
    }
    assert!(refused > 40, "{refused} refused, {idle} idle");
}
