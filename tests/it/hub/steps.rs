//! Steps: run once, followed, taken up again, or honestly unknown.

use backout::core::event::{Choice, Direction, Mode, Outcome, Verdict, What};
use backout::core::incident::Status;
use backout::core::intent::Intent;
use backout::step::record;
use backout::timeline::verify::Verdict as Answer;
use backout::wire::message::{FromClient, FromHub};
use rustix::process::{Pid, Signal, kill_process};

use super::house::{House, PATIENCE, Seat, has_ended, judged, recorded, step};
use crate::support::{Place, wait_until};

/// Says that it began, waits for a file, and says that it ended. Each line once is once.
const SLOW: &str = "- id: slow
  run: 'echo began >> log; until test -e go; do sleep 0.05; done; echo ended >> log'
  timeout: 60s
  role: sre
- {id: after, run: [touch, after], timeout: 10s, role: sre}";

async fn slow_runs(house: &mut House) -> (Seat, Seat) {
    let (ana, mut ben) = house.declared().await;
    ben.start("slow").await;
    wait_until("the command runs", PATIENCE, || house.lines("log") == 1);
    (ana, ben)
}

#[tokio::test]
async fn a_step_that_runs_while_its_hub_dies_goes_on_and_is_picked_up() {
    let mut house = House::live(SLOW);
    slow_runs(&mut house).await;
    house.kill_hub();
    house.start().unwrap();
    let mut ben = house.joined("ben").await;
    assert_eq!(ben.mirror.incident.status("slow"), Status::Running);
    std::fs::write(house.file("go"), "").unwrap();
    let (status, detail) = ben.over("slow").await;
    assert_eq!(status, Status::Succeeded, "{detail}");
    assert_eq!(house.lines("log"), 2, "it ran once");
}

#[tokio::test]
async fn a_step_that_ended_without_a_hub_gets_its_real_outcome() {
    let mut house = House::live(SLOW);
    slow_runs(&mut house).await;
    house.kill_hub();
    std::fs::write(house.file("go"), "").unwrap();
    let place = house.attempt("slow", Direction::Forward);
    wait_until("the command ends alone", PATIENCE, || has_ended(&place));
    house.start().unwrap();
    let mut ben = house.joined("ben").await;
    let (status, detail) = ben.over("slow").await;
    assert_eq!(status, Status::Succeeded, "{detail}");
    assert_eq!(house.lines("log"), 2, "it ran once");
}

#[tokio::test]
async fn without_its_supervisor_a_step_is_unknown_until_somebody_settles_it() {
    let mut house = House::live(SLOW);
    let (mut ana, mut ben) = slow_runs(&mut house).await;
    let place = house.attempt("slow", Direction::Forward);
    let started = record::read(&place).unwrap().unwrap().started.unwrap();
    kill_process(Pid::from_raw(started.supervisor.unwrap().pid).unwrap(), Signal::KILL).unwrap();
    let (status, detail) = ben.over("slow").await;
    assert_eq!(status, Status::Unknown, "{detail}");
    assert!(detail.contains("supervisor is gone"), "{detail}");
    let early = ben.starting("after", Direction::Forward);
    let why = ben.refused(early).await;
    assert!(why.contains("slow is unknown"), "{why}");
    ana.over("slow").await;
    let settle = Intent::Settle {
        step: step("slow"),
        attempt: 1,
        direction: Direction::Forward,
        verdict: Verdict::Succeeded,
        reason: "its log says so".to_owned(),
    };
    ana.done(settle).await;
    ben.until("slow is settled", |i| i.status("slow") == Status::Succeeded).await;
    ben.start("after").await;
    assert_eq!(ben.over("after").await.0, Status::Succeeded);
    assert_eq!(house.lines("log"), 1, "nothing ran twice");
    house.end_hub();
    let report = judged(&house);
    assert_eq!(report.verdict(), Answer::NotAnchored, "{:?}", report.lines());
}

#[tokio::test]
async fn a_step_is_cancelled_on_request() {
    let mut house = House::live(SLOW);
    let (mut ana, mut ben) = slow_runs(&mut house).await;
    ana.done(Intent::DecideStep {
        step: step("slow"),
        choice: Choice::Cancel,
        reason: "wrong one".to_owned(),
    })
    .await;
    assert_eq!(ben.over("slow").await.0, Status::Cancelled);
    assert_eq!(house.lines("log"), 1);
}

#[tokio::test]
async fn a_failure_keeps_its_exit_code_and_its_output() {
    let mut house = House::live("- {id: act, run: 'echo to be read; exit 3', timeout: 10s, role: sre}");
    let (_ana, mut ben) = house.declared().await;
    ben.start("act").await;
    let (status, detail) = ben.over("act").await;
    assert_eq!((status, detail.as_str()), (Status::Failed, "exit code 3"));
    let run = &ben.mirror.incident.runs.get("act").unwrap();
    assert_eq!(run.output.unwrap().1, 11);
    let payloads = std::fs::read_to_string(house.dir.join("payloads.jsonl")).unwrap();
    assert!(payloads.contains(&base64("to be read\n")), "{payloads}");
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[tokio::test]
async fn the_output_of_a_watched_step_arrives_while_it_runs() {
    let mut house = House::live(SLOW.replace("began >> log", "began | tee -a log").as_str());
    let (_ana, mut ben) = slow_runs(&mut house).await;
    ben.say(&FromClient::Watch { step: step("slow"), attempt: 1, direction: Direction::Forward }).await;
    loop {
        if let FromHub::Output { lines, bytes, .. } = ben.hear().await {
            assert_eq!((lines.as_slice(), bytes), (["began".to_owned()].as_slice(), 6));
            break;
        }
    }
    std::fs::write(house.file("go"), "").unwrap();
    assert_eq!(ben.over("slow").await.0, Status::Succeeded);
}

const LOOKS: &str = "- id: before
  measure: {run: [cat, table]}
  as: before
  role: sre
- {id: change, run: [sh, -c, 'echo changed > state'], timeout: 10s, role: sre}
- id: settles
  await: {run: [cat, state], expect: {equals: changed}, every: 100ms, within: 20s}
  role: sre
- id: same
  check: {run: [cat, table], expect: {same_as: before}, count: 3, interval: 50ms}
  role: sre
- {id: pause, wait: 200ms}
- id: differs
  check: {run: [cat, state], expect: {same_as: before}}
  role: sre";

#[tokio::test]
async fn looks_start_by_themselves_and_are_judged_look_by_look() {
    let mut house = House::prepared(LOOKS, Mode::Live);
    std::fs::write(house.file("table"), "id,n\n1,2\n").unwrap();
    house.start().unwrap();
    let (_ana, mut ben) = house.declared().await;
    let (status, detail) = ben.over("before").await;
    assert_eq!(status, Status::Succeeded, "{detail}");
    ben.start("change").await;
    for id in ["change", "settles", "same", "pause"] {
        let (status, detail) = ben.over(id).await;
        assert_eq!(status, Status::Succeeded, "{id}: {detail}");
    }
    let (status, detail) = ben.over("differs").await;
    assert_eq!(status, Status::Failed, "{detail}");
    let judged = recorded(&house.dir);
    let looks =
        judged.iter().filter(|(_, e)| matches!(e, What::Judged(j) if j.step.as_str() == "same")).count();
    assert_eq!(looks, 3);
}

#[tokio::test]
async fn a_fingerprint_survives_the_hub_that_took_it() {
    let mut house = House::prepared(LOOKS, Mode::Live);
    std::fs::write(house.file("table"), "id,n\n1,2\n").unwrap();
    house.start().unwrap();
    let (_ana, mut ben) = house.declared().await;
    ben.over("before").await;
    house.kill_hub();
    house.start().unwrap();
    let mut ben = house.joined("ben").await;
    ben.start("change").await;
    let (status, detail) = ben.over("same").await;
    assert_eq!(status, Status::Succeeded, "{detail}");
}

#[tokio::test]
async fn an_await_that_never_holds_says_what_it_saw_last() {
    let steps = "- id: settles
  await: {run: [echo, broken], expect: {equals: whole}, every: 50ms, within: 1s}
  role: sre";
    let mut house = House::live(steps);
    let (_ana, mut ben) = house.declared().await;
    let (status, detail) = ben.over("settles").await;
    assert_eq!(status, Status::TimedOut);
    assert!(detail.contains("broken"), "{detail}");
}

#[tokio::test]
async fn a_target_that_is_another_one_stops_the_step_before_it_runs() {
    let steps = "- id: two-pairs
  approve: {require: [{role: sre, count: 1}], expires: 10m, covers: [drop]}
- id: drop
  run: [touch, dropped]
  timeout: 10s
  role: sre
  irreversible: true
  target: {run: [echo, orders-test], equals: orders-prod}";
    let mut house = House::live(steps);
    let (mut ana, mut ben) = house.declared().await;
    ben.until("the hold point opens", |i| i.status("two-pairs") == Status::Waiting).await;
    ben.answer("two-pairs", "sre", backout::core::statement::Answering::Approve).await;
    ana.over("two-pairs").await;
    let Intent::Start { step, attempt, direction, plan, .. } = ana.starting("drop", Direction::Forward)
    else {
        panic!("not a start")
    };
    let retyped = Some("orders-prod".to_owned());
    ana.done(Intent::Start { step, attempt, direction, plan, retyped, reason: None, payload: None }).await;
    let (status, detail) = ana.over("drop").await;
    assert_eq!(status, Status::Failed);
    assert!(
        detail.contains("target answered `orders-test`") && detail.contains("nothing was run"),
        "{detail}"
    );
    assert!(!house.file("dropped").exists());
}

#[tokio::test]
async fn a_rehearsal_changes_nothing() {
    let mut house = House::prepared(SLOW, Mode::Drill);
    house.start().unwrap();
    let (_ana, mut ben) = house.declared().await;
    ben.start("slow").await;
    let (status, detail) = ben.over("slow").await;
    assert_eq!(status, Status::Succeeded);
    assert!(detail.starts_with("drill: not run; would have run"), "{detail}");
    assert_eq!(house.lines("log"), 0);
}

#[tokio::test]
async fn an_abort_offers_the_undo_and_runs_it_once() {
    let steps =
        "- {id: freeze, run: [touch, frozen], undo: [rm, frozen], timeout: 10s, role: sre, suspends: deploys}
- {id: next, run: [touch, next], timeout: 10s, role: sre}";
    let mut house = House::live(steps);
    let (mut ana, mut ben) = house.declared().await;
    ben.start("freeze").await;
    ben.over("freeze").await;
    ana.until("the suspension is noted", |i| i.open_suspensions().count() == 1).await;
    ana.done(Intent::Abort { reason: "no".to_owned() }).await;
    ben.until("it is aborted", |i| i.aborted.is_some()).await;
    let undo = ben.starting("freeze", Direction::Undo);
    ben.done(undo).await;
    ben.until("the suspension is lifted", |i| i.open_suspensions().count() == 0).await;
    assert!(!house.file("frozen").exists());
    let undone = recorded(&house.dir);
    let ends: Vec<Outcome> = undone
        .iter()
        .filter_map(|(_, e)| if let What::Undone(u) = e { Some(u.outcome) } else { None })
        .collect();
    assert_eq!(ends, [Outcome::Succeeded]);
}

#[tokio::test]
async fn moving_aside_is_recorded_with_both_names() {
    let mut house = House::prepared("- {id: aside, set_aside: data, role: sre}", Mode::Live);
    std::fs::write(house.file("data"), "12345").unwrap();
    house.start().unwrap();
    let (_ana, mut ben) = house.declared().await;
    ben.start("aside").await;
    let (status, detail) = ben.over("aside").await;
    assert_eq!(status, Status::Succeeded, "{detail}");
    assert!(detail.contains("data.set-aside.") && detail.contains("5 bytes"), "{detail}");
    assert!(!house.file("data").exists());
}

/// Steps on a host behind a real sshd: `config` is an ssh configuration in which it is called `box`.
fn far(place: &Place, config: &std::path::Path, steps: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let bin = place.folder("bin");
    let ssh = crate::support::need("ssh").expect("an sshd comes with its client");
    let script = format!("#!/bin/sh\nexec {} -F {} \"$@\"\n", ssh.display(), config.display());
    std::fs::write(bin.join("ssh"), script).unwrap();
    std::fs::set_permissions(bin.join("ssh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    steps.replace("HOST", &format!("host: box, env: {{PATH: \"{}:/usr/bin:/bin\"}}", bin.display()))
}

#[tokio::test]
async fn what_a_cut_line_leaves_behind_on_a_host_is_unknown() {
    let place = Place::new();
    let key = place.join("key");
    crate::support::ssh::make_key(&key, crate::support::KeyKind::Ed25519, "test");
    let Some(sshd) = crate::support::Sshd::start(&place, &key) else { return };
    let marks = place.folder("marks");
    let at = marks.display();
    let steps = format!(
        "- {{id: plain, run: [sh, -c, 'exit 3'], timeout: 30s, role: sre, on_failure: continue, HOST}}
- {{id: quoted, run: [touch, '{at}/it is $(here)'], timeout: 30s, role: sre, on_failure: continue, HOST}}
- {{id: cut, needs: [], run: [sh, -c, 'touch {at}/cut; kill -9 $PPID'], timeout: 30s, role: sre, HOST}}
- {{id: slow, needs: [], run: [sh, -c, 'touch {at}/begun; until test -e {at}/go; do sleep 0.1; done; touch {at}/ended'], timeout: 1s, role: sre, HOST}}"
    );
    let mut house = House::live(&far(&place, sshd.config(), &steps));
    let (_ana, mut ben) = house.declared().await;
    for (id, status, words) in [
        ("plain", Status::Failed, "exit code 3"),
        ("quoted", Status::Succeeded, "exit code 0"),
        ("cut", Status::Unknown, "may still run, or have run, on box"),
        ("slow", Status::Unknown, "no answer in time; the command may still run, or have run, on box"),
    ] {
        ben.start(id).await;
        let (found, detail) = ben.over(id).await;
        assert_eq!(found, status, "{id}: {detail}");
        assert!(detail.contains(words), "{id}: {detail}");
    }
    assert!(marks.join("it is $(here)").exists() && marks.join("cut").exists());
    assert!(marks.join("begun").exists() && !marks.join("ended").exists());
    std::fs::write(marks.join("go"), "").unwrap();
    wait_until("what runs on the host goes on to its end", PATIENCE, || marks.join("ended").exists());
}

#[tokio::test]
async fn rows_that_differ_are_kept_beside_the_record() {
    let steps = "- {id: before, measure: {run: [cat, table]}, as: before, role: sre}
- id: same
  await: {run: [sh, -c, 'sed s/,2/,3/ table'], expect: {same_as: {of: before, key: [id]}}, every: 50ms, within: 200ms}
  role: sre";
    let mut house = House::prepared(steps, Mode::Live);
    let table: String = (0..60).map(|n| format!("{n},2\n")).collect();
    std::fs::write(house.file("table"), format!("id,n\n{table}99,4\n")).unwrap();
    house.start().unwrap();
    let (_ana, mut ben) = house.declared().await;
    let (status, detail) = ben.over("same").await;
    assert_eq!(status, Status::TimedOut);
    assert!(detail.contains("60 rows differ"), "{detail}");
    let payloads = std::fs::read_to_string(house.dir.join("payloads.jsonl")).unwrap();
    let line = payloads.lines().last().unwrap();
    let part: serde_json::Value = serde_json::from_str(line).unwrap();
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.decode(part["data"].as_str().unwrap()).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("- 7,2\n+ 7,3"), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("- ")).count(), 50, "{text}");
    assert!(text.ends_with("… 60 rows differ in all"), "{text}");
}

#[tokio::test]
async fn a_line_that_drops_under_a_step_or_a_look_is_no_answer() {
    let place = Place::new();
    let key = place.join("key");
    crate::support::ssh::make_key(&key, crate::support::KeyKind::Ed25519, "test");
    let Some(sshd) = crate::support::Sshd::start(&place, &key) else { return };
    let marks = place.folder("marks");
    let at = marks.display();
    let steps = format!(
        "- {{id: act, needs: [], run: [sh, -c, 'echo $PPID > {at}/act; until test -e {at}/go; do sleep 0.1; done; touch {at}/ended'], timeout: 60s, role: sre, HOST}}
- {{id: look, needs: [], check: {{run: [sh, -c, 'echo ok; echo $PPID > {at}/look; sleep 1000'], expect: {{not: {{equals: never}}}}}}, timeout: 60s, role: sre, HOST}}
- {{id: absent, needs: [act], run: [touch, {at}/never], timeout: 60s, role: sre, HOST}}"
    );
    let mut house = House::live(&far(&place, sshd.config(), &steps));
    let (mut ana, mut ben) = house.declared().await;
    ben.start("act").await;
    for id in ["act", "look"] {
        let file = marks.join(id);
        let session = || std::fs::read_to_string(&file).ok()?.trim().parse().ok().and_then(Pid::from_raw);
        wait_until("the far side runs", PATIENCE, || session().is_some());
        kill_process(session().unwrap(), Signal::KILL).unwrap();
    }
    let (status, detail) = ben.over("act").await;
    assert_eq!(status, Status::Unknown, "{detail}");
    assert!(
        detail.contains("ssh ended with 255") && detail.contains("may still run, or have run, on box"),
        "{detail}"
    );
    let (status, detail) = ben.over("look").await;
    assert_eq!(status, Status::Failed, "{detail}");
    assert!(detail.contains("inconclusive") && detail.contains("exit status: 255"), "{detail}");
    std::fs::write(marks.join("go"), "").unwrap();
    wait_until("what runs there goes on to its end", PATIENCE, || marks.join("ended").exists());
    drop(sshd);
    ana.over("act").await;
    let (step, reason) = (step("act"), "its mark is there".to_owned());
    ana.done(Intent::Settle {
        step,
        attempt: 1,
        direction: Direction::Forward,
        verdict: Verdict::Succeeded,
        reason,
    })
    .await;
    ben.until("act is settled", |i| i.status("act") == Status::Succeeded).await;
    ben.start("absent").await;
    let (status, detail) = ben.over("absent").await;
    assert_eq!(status, Status::Unknown, "nobody there is no proof that nothing ran: {detail}");
    assert!(!marks.join("never").exists());
}
