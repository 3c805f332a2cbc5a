//! Messages, numbers, retries, what is owed, what is found out.

use backout::core::event::Direction;
use backout::core::event::{Handed, Mode, What};
use backout::core::incident::Status;
use backout::core::intent::Intent;
use backout::hub::layout;
use backout::wire::message::FromHub;

use super::house::{House, PATIENCE, recorded, step};
use crate::support::wait_until;

fn with_head(steps: &str, more: &str) -> String {
    // The helper writes a whole runbook; what belongs before its phases goes in front of them.
    super::house::runbook(steps).replace("phases:\n", &format!("{more}phases:\n"))
}

#[tokio::test]
async fn a_message_leaves_once_and_its_text_is_kept_beside_the_record() {
    let comms = "comms:
  templates:
    done: {audience: customers, channel: paper, text: 'Back on {{ params.word }}, incident {{ incident.id }}.'}
";
    let runbook = with_head("- {id: tell, send: done, role: sre}", comms);
    let mut house = House::of(&runbook, Mode::Live, b"channels: {paper: {file: messages.txt}}\n");
    house.start().unwrap();
    let (_ana, mut ben) = house.declared().await;
    ben.start("tell").await;
    let (status, detail) = ben.over("tell").await;
    assert_eq!(status, Status::Succeeded, "{detail}");
    let text = std::fs::read_to_string(house.file("messages.txt")).unwrap();
    assert_eq!(text.matches("Back on plain, incident 01JD3K9W8ZQ4T6V2M7N5B1C0XA.").count(), 1, "{text}");
    let sent =
        recorded(&house.dir).iter().any(|(_, e)| matches!(e, What::Sent(s) if s.how == Handed::Delivered));
    assert!(sent);
}

#[tokio::test]
async fn a_message_without_a_channel_says_how_to_go_on() {
    let comms = "comms:
  templates:
    done: {audience: customers, channel: nowhere, text: 'Back.'}
";
    let runbook = with_head("- {id: tell, send: done, role: sre}", comms);
    let mut house = House::of(&runbook, Mode::Live, b"channels: {}\n");
    house.start().unwrap();
    let (_ana, mut ben) = house.declared().await;
    ben.start("tell").await;
    let (status, detail) = ben.over("tell").await;
    assert_eq!(status, Status::Failed);
    assert!(detail.contains("by hand"), "{detail}");
}

const METRICS: &str = "metrics:
  errors: {title: Errors, source: probe, query: errors, unit: count, better: lower, warn: 1, critical: 5, every: 100ms}
  lost: {title: Lost, source: nowhere, query: x, unit: count, better: lower, every: 1s}
triggers:
  - {id: many, metric: errors, condition: '> 5', for: 0s, weight: 100, on_no_data: inconclusive}
";

#[tokio::test]
async fn numbers_reach_the_screens_and_a_criterion_that_holds_is_recorded() {
    let runbook = with_head(
        "- {id: act, run: [touch, done], timeout: 10s, role: sre}
- {id: quiet, wait: {for: 10m, unless: {metric: errors, condition: '> 5'}}}",
        METRICS,
    );
    let workspace = b"sources: {probe: {command: [sh, -c, 'cat errors.txt', probe]}}\n";
    let mut house = House::of(&runbook, Mode::Live, workspace);
    std::fs::write(house.file("errors.txt"), "1\n").unwrap();
    house.start().unwrap();
    let (_ana, mut ben) = house.declared().await;
    loop {
        if let FromHub::Metrics { panes, score } = ben.hear().await
            && panes[0].latest == "1"
        {
            assert!(panes[1].why.as_ref().unwrap().contains("no source `nowhere`"), "{:?}", panes[1].why);
            assert_eq!(score.unwrap().points, 0);
            break;
        }
    }
    ben.start("act").await;
    ben.until("the hold phase begins", |i| i.status("quiet") == Status::Running).await;
    std::fs::write(house.file("errors.txt"), "9\n").unwrap();
    let (status, detail) = ben.over("quiet").await;
    assert_eq!((status, detail.as_str()), (Status::Failed, "unless: errors is 9, > 5"));
    ben.until("the criterion fires", |i| i.fired.contains_key("many")).await;
    std::fs::write(house.file("errors.txt"), "0\n").unwrap();
    ben.until("the criterion clears", |i| !i.fired.contains_key("many")).await;
    let samples = std::fs::read_to_string(house.dir.join(layout::METRICS)).unwrap();
    assert!(samples.lines().count() > 3, "{samples}");
}

#[tokio::test]
async fn a_declared_retry_tries_again_by_itself_and_only_so_often() {
    let steps = "- id: flaky
  run: 'echo try >> tries; test $(wc -l < tries) -ge 3'
  timeout: 10s
  role: sre
  idempotent: true
  retry: {max_attempts: 3, delay: 50ms}";
    let mut house = House::live(steps);
    let (_ana, mut ben) = house.declared().await;
    ben.start("flaky").await;
    ben.until("the third try succeeds", |i| i.status("flaky") == Status::Succeeded).await;
    assert_eq!(house.lines("tries"), 3);
}

#[tokio::test]
async fn what_a_step_leaves_is_counted_and_owed() {
    let steps = "- id: act
  run: [touch, done]
  timeout: 10s
  role: sre
  backlog: {name: orders, count: [echo, '7'], owner: ben}";
    let mut house = House::live(steps);
    let (mut ana, mut ben) = house.declared().await;
    ben.start("act").await;
    ben.until("the orders are owed", |i| i.open_backlog().any(|owed| owed == ("orders", 7))).await;
    ana.until("the orders are owed", |i| i.open_backlog().count() == 1).await;
    let act = ana.closing("done");
    let refused = ana.submit(act).await;
    assert!(format!("{refused:?}").contains("7 of orders"), "{refused:?}");
}

#[tokio::test]
async fn a_probe_settles_what_nobody_saw_end() {
    let steps = "- id: act
  run: 'echo began >> log; until test -e go; do sleep 0.05; done; touch done'
  timeout: 60s
  role: sre
  reconcile: {run: [cat, state], expect: {equals: whole}}";
    let mut house = House::prepared(steps, Mode::Live);
    std::fs::write(house.file("state"), "whole\n").unwrap();
    house.start().unwrap();
    let (_ana, mut ben) = house.declared().await;
    ben.start("act").await;
    wait_until("the command runs", PATIENCE, || house.lines("log") == 1);
    let place = house.attempt("act", Direction::Forward);
    let started = backout::step::record::read(&place).unwrap().unwrap().started.unwrap();
    let supervisor = rustix::process::Pid::from_raw(started.supervisor.unwrap().pid).unwrap();
    rustix::process::kill_process(supervisor, rustix::process::Signal::KILL).unwrap();
    ben.until("the probe settles it", |i| i.status("act") == Status::Succeeded).await;
    let run = &ben.mirror.incident.runs.get("act").unwrap();
    assert!(run.detail.contains("reconcile: saw `whole`"), "{}", run.detail);
    assert!(!house.file("done").exists());
}

#[tokio::test]
async fn a_manual_step_that_is_cancelled_is_cancelled() {
    let mut house = House::live("- {id: ask, manual: Ask somebody, role: sre}");
    let (_ana, mut ben) = house.declared().await;
    ben.until("it waits for a person", |i| i.status("ask") == Status::Running).await;
    let choice = backout::core::event::Choice::Cancel;
    ben.done(Intent::DecideStep { step: step("ask"), choice, reason: "not needed".to_owned() }).await;
    assert_eq!(ben.over("ask").await.0, Status::Cancelled);
}

#[tokio::test]
async fn a_hold_phase_that_nobody_can_see_through_does_not_pass() {
    let steps = "- {id: quiet, needs: [], wait: {for: 10m, unless: {metric: errors, condition: '> 5'}}}
- {id: easy, needs: [], wait: {for: 12s, unless: {metric: errors, condition: '> 5'}}, on_no_data: pass}";
    let workspace = b"sources: {probe: {command: [sh, -c, 'cat errors.txt', probe]}}\n";
    let mut house = House::of(&with_head(steps, METRICS), Mode::Live, workspace);
    house.start().unwrap();
    let (_ana, mut ben) = house.declared().await;
    let (status, detail) = ben.over("quiet").await;
    assert_eq!(status, Status::Failed, "{detail}");
    assert!(detail.contains("errors has shown nothing for 10 s, so nobody would notice"), "{detail}");
    assert_eq!(ben.over("easy").await.0, Status::Succeeded, "its author says that no data is a pass");
}

/// What each step looks at, told by how often it was asked.
const ASKED: &str = "#!/bin/sh
echo >> \"asked.$1\"
n=$(wc -l < \"asked.$1\")
case $1 in
  flaps) [ $((n % 2)) = 0 ] && echo good || echo bad ;;
  steadies) [ $n -gt 3 ] && echo good || echo bad ;;
  breaks) [ $n -gt 2 ] && echo broken || echo bad ;;
  counts) echo $n ;;
  settles) [ $n -gt 4 ] && echo done || echo $n ;;
esac
";

#[tokio::test]
async fn what_holds_only_now_and_then_does_not_hold() {
    let looks = [
        // Good every other time: never twice in a row, however long it takes.
        ("flaps", "equals: good", "hold_for: 200ms, within: 2s"),
        ("steadies", "equals: good", "hold_for: 200ms, within: 1m"),
        ("breaks", "equals: good", "fail_on: {equals: broken}, within: 10m"),
        ("counts", "unchanged_for: 200ms", "within: 2s"),
        ("settles", "unchanged_for: 200ms", "within: 1m"),
    ];
    let steps = looks.map(|(id, expect, more)| {
        format!("- {{id: {id}, needs: [], await: {{run: [./asked, {id}], expect: {{{expect}}}, every: 50ms, {more}}}, role: sre, on_failure: continue}}")
    });
    let mut house = House::prepared(&steps.join("\n"), Mode::Live);
    std::fs::write(house.file("asked"), ASKED).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(house.file("asked"), mode).unwrap();
    house.start().unwrap();
    let (_ana, mut ben) = house.declared().await;
    let (status, detail) = ben.over("flaps").await;
    assert_eq!(status, Status::TimedOut, "{detail}");
    assert!(detail.contains("not within 2 s"), "{detail}");
    let (status, detail) = ben.over("steadies").await;
    assert_eq!(status, Status::Succeeded, "{detail}");
    assert!(
        house.lines("asked.steadies") >= 5,
        "three bad ones, and good ones for as long as they must hold"
    );
    let (status, detail) = ben.over("breaks").await;
    assert_eq!(status, Status::Failed, "{detail}");
    assert!(detail.contains("fail_on holds") && detail.contains("broken"), "{detail}");
    assert_eq!(house.lines("asked.breaks"), 3, "it is not looked at any more");
    assert_eq!(ben.over("counts").await.0, Status::TimedOut);
    let (status, detail) = ben.over("settles").await;
    assert_eq!(status, Status::Succeeded, "{detail}");
    assert!(house.lines("asked.settles") >= 6, "it has to be seen twice");
}
