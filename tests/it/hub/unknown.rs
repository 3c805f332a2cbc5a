//! Ends that nobody saw, wherever one can arise: of a step, of an undo, of what is always done, and of the probe that
//! was to find out.

use backout::core::event::{Direction, Mode, Verdict, What};
use backout::core::incident::Status;
use backout::core::intent::Intent;
use rustix::process::{Pid, Signal, kill_process};

use super::house::{House, PATIENCE, recorded, runbook, step};
use crate::support::wait_until;

/// Waits until the command has begun, and ends its supervisor without a word.
fn lose(house: &House, id: &str, direction: Direction) {
    let place = house.attempt(id, direction);
    let mut found = None;
    wait_until("the supervisor has a command", PATIENCE, || {
        found = backout::step::record::read(&place).ok().flatten().filter(|s| s.child.is_some());
        found.is_some()
    });
    let supervisor = found.and_then(|story| story.started).and_then(|started| started.supervisor).unwrap();
    kill_process(Pid::from_raw(supervisor.pid).unwrap(), Signal::KILL).unwrap();
}

fn settle(id: &str, direction: Direction, verdict: Verdict) -> Intent {
    Intent::Settle { step: step(id), attempt: 1, direction, verdict, reason: "looked".to_owned() }
}

/// Everything the hub noted, as text.
fn notes(house: &House) -> String {
    use base64::Engine as _;
    let text = std::fs::read_to_string(house.dir.join("payloads.jsonl")).unwrap_or_default();
    let decoded = text.lines().filter_map(|line| {
        let part: serde_json::Value = serde_json::from_str(line).ok()?;
        base64::engine::general_purpose::STANDARD.decode(part["data"].as_str()?).ok()
    });
    decoded.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect::<Vec<_>>().join("\n")
}

const WAITS: &str = "'until test -e go; do sleep 0.05; done'";

#[tokio::test]
async fn a_probe_that_cannot_tell_says_so_and_is_asked_again() {
    let steps = format!(
        "- id: act
  run: {WAITS}
  timeout: 60s
  role: sre
  reconcile: {{run: [cat, state], expect: {{equals: whole}}}}"
    );
    let mut house = House::live(&steps);
    let (_ana, mut ben) = house.declared().await;
    ben.start("act").await;
    lose(&house, "act", Direction::Forward);
    assert_eq!(ben.over("act").await.0, Status::Unknown);
    wait_until("the record says that the probe cannot tell", PATIENCE, || {
        notes(&house).contains("the reconcile probe of act cannot tell: exit status: 1")
    });
    assert_eq!(ben.mirror.incident.status("act"), Status::Unknown);
    std::fs::write(house.file("state"), "broken\n").unwrap();
    ben.until("the probe settles it after all", |i| i.status("act") == Status::Failed).await;
    assert!(ben.mirror.incident.runs.get("act").unwrap().detail.contains("reconcile: "));
    let said = notes(&house).matches("cannot tell").count();
    assert_eq!(said, 1, "it is said once");
}

#[tokio::test]
async fn a_probe_that_hangs_leaves_it_to_people() {
    let steps = format!(
        "- id: act
  run: {WAITS}
  timeout: 8s
  role: sre
  reconcile: {{run: [sleep, '1000'], expect: {{equals: whole}}}}
- {{id: next, run: [touch, next], timeout: 10s, role: sre}}"
    );
    let mut house = House::live(&steps);
    let (_ana, mut ben) = house.declared().await;
    ben.start("act").await;
    lose(&house, "act", Direction::Forward);
    assert_eq!(ben.over("act").await.0, Status::Unknown);
    wait_until("the record says that there was no answer", PATIENCE, || {
        notes(&house).contains("cannot tell: no answer within 8 s; a person settles it")
    });
    let early = ben.starting("next", Direction::Forward);
    assert!(ben.refused(early).await.contains("act is unknown"));
    ben.done(settle("act", Direction::Forward, Verdict::Succeeded)).await;
    ben.start("next").await;
    assert_eq!(ben.over("next").await.0, Status::Succeeded);
}

#[tokio::test]
async fn an_undo_and_what_is_always_done_can_be_unknown_too() {
    let steps = format!(
        "- {{id: first, run: [touch, first], undo: [touch, undone], timeout: 30s, role: sre}}
- {{id: second, run: [touch, second], undo: {WAITS}, timeout: 30s, role: sre}}"
    );
    let text =
        runbook(&steps) + &format!("always:\n  - {{id: tidy, run: {WAITS}, timeout: 30s, role: sre}}\n");
    let mut house = House::of(&text, Mode::Live, b"channels: {}\n");
    house.start().unwrap();
    let (mut ana, mut ben) = house.declared().await;
    for id in ["first", "second"] {
        ben.start(id).await;
        ben.over(id).await;
    }
    ana.done(Intent::Abort { reason: "enough".to_owned() }).await;
    ben.until("it is aborted", |i| i.aborted.is_some()).await;
    let undo = ben.starting("second", Direction::Undo);
    ben.done(undo).await;
    lose(&house, "second", Direction::Undo);
    ben.until("nobody knows", |i| i.undos.get("second").is_some_and(|u| u.status == Status::Unknown)).await;
    let next = ben.starting("first", Direction::Undo);
    assert!(ben.refused(next.clone()).await.contains("second"), "the newest comes first");
    house.kill_hub();
    house.start().unwrap();
    let mut ben = house.joined("ben").await;
    assert_eq!(
        ben.mirror.incident.undos.get("second").unwrap().status,
        Status::Unknown,
        "a new hub knows no more"
    );
    ben.done(settle("second", Direction::Undo, Verdict::Succeeded)).await;
    ben.done(next).await;
    ben.until("the other is undone", |i| i.undos.get("first").is_some_and(|u| u.status == Status::Succeeded))
        .await;
    ben.start("tidy").await;
    lose(&house, "tidy", Direction::Forward);
    assert_eq!(ben.over("tidy").await.0, Status::Unknown);
    let mut ana = house.joined("ana").await;
    let close = ana.closing("over");
    let refused = format!("{:?}", ana.submit(close).await);
    assert!(refused.contains("tidy"), "{refused}");
    ben.done(settle("tidy", Direction::Forward, Verdict::Failed)).await;
    let settled = recorded(&house.dir).iter().filter(|(_, e)| matches!(e, What::Settled(_))).count();
    assert_eq!(settled, 2, "each by a person");
}

#[tokio::test]
async fn a_progress_probe_that_hangs_keeps_nobody_from_stopping_the_step() {
    let steps = format!(
        "- id: act
  run: {WAITS}
  progress: [sh, -c, 'touch asked; sleep 1000']
  timeout: 10m
  role: sre"
    );
    let mut house = House::live(&steps);
    let (mut ana, mut ben) = house.declared().await;
    ben.start("act").await;
    wait_until("the probe is asked", PATIENCE, || house.file("asked").exists());
    let choice = backout::core::event::Choice::Cancel;
    ana.done(Intent::DecideStep { step: step("act"), choice, reason: "no".to_owned() }).await;
    assert_eq!(ben.over("act").await.0, Status::Cancelled);
}
