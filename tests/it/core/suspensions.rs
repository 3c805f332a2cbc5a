//! What is suspended and what is not, in the order in which it happened: not by the clock, which goes back, and which
//! says one time of all that is recorded together.

use super::ways::{carry_out, declared_with, id};
use super::*;

/// Steps that wait for nothing, so that they end in any order.
const FREE: &str = r#"
  - name: A
    steps:
      - {id: freeze, run: [pause], timeout: 9s, role: sre, suspends: writes, needs: []}
      - {id: again, run: [pause], timeout: 9s, role: sre, suspends: writes, needs: []}
      - {id: thaw, run: [unpause], timeout: 9s, role: sre, resumes: writes, needs: []}
"#;

fn is_suspended(room: &Room) -> bool {
    room.live.open_suspensions().count() == 1
}

fn back(room: &mut Room) {
    let micros = -3_600_000_000;
    room.now = Stamp(room.now.0 + micros);
    room.wish(&By::Hub, Intent::RecordClockJump { micros }).unwrap();
}

#[test]
fn what_resumed_before_something_was_suspended_does_not_lift_it() {
    let mut room = declared_with(FREE);
    carry_out(&mut room, "thaw", Outcome::Succeeded);
    carry_out(&mut room, "freeze", Outcome::Succeeded);
    assert!(is_suspended(&room), "all of it at one time");
    room.replays();
}

#[test]
fn what_resumed_after_it_lifts_it_whatever_the_clock_says() {
    let mut room = declared_with(FREE);
    carry_out(&mut room, "freeze", Outcome::Succeeded);
    assert!(is_suspended(&room));
    back(&mut room);
    carry_out(&mut room, "thaw", Outcome::Succeeded);
    assert!(!is_suspended(&room));
    room.replays();
}

#[test]
fn what_is_suspended_once_more_is_noted_once_more_whatever_the_clock_says() {
    let mut room = declared_with(FREE);
    carry_out(&mut room, "freeze", Outcome::Succeeded);
    carry_out(&mut room, "thaw", Outcome::Succeeded);
    back(&mut room);
    carry_out(&mut room, "again", Outcome::Failed);
    let (_, open) = room.live.open_suspensions().next().unwrap();
    assert_eq!((&open.step, open.certain), (&id("again"), false), "half of it may hold");
    let noted = room.record.iter().filter(|e| matches!(e.what, What::Suspended(_))).count();
    assert_eq!(noted, 2);
    room.replays();
}

#[test]
fn of_two_that_end_together_the_first_is_noted_first() {
    let mut room = declared_with(FREE);
    for (step, outcome) in [("again", Outcome::Succeeded), ("freeze", Outcome::Failed)] {
        let start = room.start(step, Direction::Forward, None).unwrap();
        room.act("ben", start).unwrap();
        let end = room.finish(step, outcome);
        room.wish(&By::Hub, end).unwrap();
    }
    room.settle_down();
    let (_, open) = room.live.open_suspensions().next().unwrap();
    assert_eq!((&open.step, open.certain), (&id("again"), true));
    room.replays();
}
