//! An approval is about what was there to be done when it was asked for, and about nothing else.

use super::ways::{carry_out, choose, declared_with, id, statuses};
use super::*;

/// A covered command that uses a measurement it does not wait for, with these keys of its own.
fn book(own: &str) -> String {
    format!(
        r#"  - name: A
    steps:
      - {{id: count, measure: {{run: [count]}}, as: rows, needs: []}}
      - {{id: eyes, approve: {{require: [{{role: sre, count: 1}}], expires: 10m, covers: [drop]}}, needs: []}}
      - {{id: drop, run: [drop, "{{{{ measurements.rows }}}}"], timeout: 10s, role: sre, needs: [eyes]{own}}}
"#
    )
}

fn approve(room: &mut Room) {
    let answer = room.answer("eyes", "sre", "dee").unwrap();
    room.act("dee", Intent::Approve(answer)).unwrap();
    room.settle_down();
}

/// Approved and tried without success; only then what it uses is measured.
fn failed_and_counted(own: &str) -> Room {
    let mut room = declared_with(&book(own));
    approve(&mut room);
    carry_out(&mut room, "drop", Outcome::Failed);
    assert_eq!(statuses(&room, ["count", "eyes", "drop"]), ["running", "succeeded", "failed"]);
    room.measures("count", "7");
    room
}

#[test]
fn what_is_tried_again_by_itself_with_other_content_is_approved_again() {
    let mut room = failed_and_counted(", idempotent: true, retry: {max_attempts: 2, delay: 5s}");
    assert_eq!(room.live.status("eyes"), Status::Waiting, "asked for anew");
    room.now = room.now.plus(Duration::from_secs(6));
    room.settle_down();
    assert_eq!(room.live.status("drop"), Status::Failed, "it waits for those who approve");
    approve(&mut room);
    assert_eq!(statuses(&room, ["eyes", "drop"]), ["succeeded", "running"]);
    room.replays();
}

#[test]
fn what_is_tried_again_by_itself_with_the_same_content_needs_nobody() {
    let mut room = declared_with(&book(", idempotent: true, retry: {max_attempts: 2, delay: 5s}"));
    room.measures("count", "7");
    approve(&mut room);
    carry_out(&mut room, "drop", Outcome::Failed);
    room.now = room.now.plus(Duration::from_secs(6));
    room.settle_down();
    assert_eq!(statuses(&room, ["eyes", "drop"]), ["succeeded", "running"]);
}

#[test]
fn what_is_said_to_be_done_by_hand_is_what_was_approved() {
    let by_hand = || Intent::MarkDone { step: id("drop"), reason: "I dropped it".to_owned() };
    let mut room = failed_and_counted("");
    let no = refused(room.act("ben", by_hand()));
    assert!(matches!(&no, Refusal::NotApproved { gate, .. } if *gate == id("eyes")), "{no}");
    choose(&mut room, "ben", "drop", Choice::Retry).unwrap();
    room.settle_down();
    approve(&mut room);
    room.act("ben", by_hand()).unwrap();
    assert_eq!(room.live.status("drop"), Status::DoneByHand);
    room.replays();
}
