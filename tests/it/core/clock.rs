//! A clock that is moved in the middle of it. What happened first is told by the record's numbers, and what lasts is
//! measured without the move.

use super::ways::declared_with;
use super::*;
use backout::core::due::next_wake;

const HOUR: i64 = 3_600_000_000;

const STEPS: &str = r#"
  - name: A
    steps:
      - {id: count, measure: {run: [count]}, as: rows}
      - {id: rest, wait: 30s}
"#;

fn moved(room: &mut Room, micros: i64) {
    room.now = Stamp(room.now.0 + micros);
    room.wish(&By::Hub, Intent::RecordClockJump { micros }).unwrap();
    room.settle_down();
}

#[test]
fn what_was_measured_counts_though_the_clock_was_set_back_meanwhile() {
    let mut room = declared_with(STEPS);
    moved(&mut room, -HOUR);
    room.measures("count", "7");
    assert_eq!(room.live.status("count"), Status::Succeeded);
    room.replays();
}

#[test]
fn a_hold_phase_is_as_long_as_it_says_however_the_clock_is_moved() {
    for by in [HOUR, -HOUR] {
        let mut room = declared_with(STEPS);
        room.measures("count", "7");
        room.now = room.now.plus(Duration::from_secs(10));
        moved(&mut room, by);
        assert_eq!(next_wake(&room.live), Some(room.now.plus(Duration::from_secs(20))));
        room.now = room.now.plus(Duration::from_secs(19));
        room.settle_down();
        assert_eq!(room.live.status("rest"), Status::Running);
        room.now = room.now.plus(Duration::from_secs(1));
        room.settle_down();
        assert_eq!(room.live.status("rest"), Status::Succeeded);
        room.replays();
    }
}
