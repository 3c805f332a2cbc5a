//! Opening, ending, coming back.

use backout::core::event::{Leaving, Mode, What};
use backout::core::incident::{Stage, Status};
use backout::core::intent::Intent;
use backout::hub::layout;
use backout::timeline::verify::Verdict;
use backout::wire::message::{ActResult, FromHub};

use super::house::{House, PATIENCE, Seat, assume, judged, recorded};
use crate::support::wait_until;

const TOUCH: &str = "- {id: act, run: [touch, done], timeout: 10s, role: sre}";

#[tokio::test]
async fn an_incident_opens_and_is_worked_through_to_its_end() {
    let mut house = House::live(TOUCH);
    let (mut ana, mut ben) = house.declared().await;
    ben.start("act").await;
    let (status, detail) = ben.over("act").await;
    assert_eq!(status, Status::Succeeded, "{detail}");
    assert!(house.file("done").exists());
    ana.over("act").await;
    let act = ana.closing("all is well");
    let ActResult::Recorded { seq } = ana.submit(act).await else { panic!("not closed") };
    assert_eq!(ana.mirror.incident.stage, Stage::Closed);
    while !matches!(ana.hear().await, FromHub::Bye { .. }) {}
    house.gone();
    assert_eq!(recorded(&house.dir).len() as u64, seq + 1, "nothing is written after the close");
    assert!(!house.socket().exists(), "the socket is gone");
    let report = judged(&house);
    assert_eq!(report.verdict(), Verdict::Verified, "{:?}", report.lines());
    let failure = house.start().unwrap_err().to_string();
    assert!(failure.contains("closed"), "{failure}");
}

#[tokio::test]
async fn of_two_hubs_that_race_exactly_one_serves() {
    let house = House::prepared(TOUCH, Mode::Live);
    let starts: Vec<_> = (0..6)
        .map(|_| {
            let launch = house.launch();
            std::thread::spawn(move || launch.start())
        })
        .collect();
    let results: Vec<_> = starts.into_iter().map(|start| start.join().unwrap()).collect();
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1, "{results:?}");
    for failure in results.into_iter().filter_map(Result::err) {
        assert!(failure.to_string().contains("another hub holds this incident"), "{failure}");
    }
    Seat::attach(&house.socket(), "ana").await;
}

#[tokio::test]
async fn a_hub_that_was_killed_comes_back_with_everything_acknowledged() {
    let mut house = House::live(TOUCH);
    let (ana, _ben) = house.declared().await;
    let head = ana.mirror.seen();
    house.kill_hub();
    house.start().unwrap();
    let again = house.joined("ben").await;
    assert!(again.mirror.head().n > head.n);
    assert!(again.mirror.incident.declared_at.is_some());
    let events = recorded(&house.dir);
    let resumed =
        events.iter().any(|(_, e)| matches!(e, What::Resumed(r) if r.found.contains("without a word")));
    assert!(resumed, "{events:?}");
}

#[tokio::test]
async fn what_was_never_sealed_is_set_aside_and_said() {
    let mut house = House::live(TOUCH);
    house.ana().await.done(assume("commander")).await;
    house.kill_hub();
    let path = house.dir.join("timeline.jsonl");
    let before = std::fs::read(&path).unwrap();
    let end = before.iter().rposition(|b| *b == b'\n').unwrap() + 1;
    let torn = [&before[..end], b"{\"half\":"].concat();
    std::fs::write(&path, torn).unwrap();
    house.start().unwrap();
    let seat = Seat::attach(&house.socket(), "ben").await;
    assert!(seat.mirror.head().n >= 2);
    let events = recorded(&house.dir);
    assert!(events.iter().any(|(_, e)| matches!(e, What::Resumed(r) if r.found.contains("never sealed"))));
}

#[tokio::test]
async fn asked_to_end_it_says_goodbye_and_leaves_no_socket() {
    let mut house = House::live(TOUCH);
    let mut ana = house.ana().await;
    house.end_hub();
    loop {
        if let FromHub::Bye { why } = ana.hear().await {
            assert!(why.contains("backout resume"), "{why}");
            break;
        }
    }
    wait_until("the socket is removed", PATIENCE, || !house.socket().exists());
    house.start().unwrap();
    let events = recorded(&house.dir);
    assert!(events.iter().any(|(_, e)| matches!(e, What::Resumed(r) if r.found.contains("in order"))));
}

#[tokio::test]
async fn a_lost_connection_ends_the_sessions_that_acted_over_it() {
    let mut house = House::live(TOUCH);
    let mut ana = house.ana().await;
    ana.done(assume("commander")).await;
    let session = ana.session.as_ref().unwrap().id().clone();
    let mut ben = house.joined("ben").await;
    ana.hang_up();
    ben.until("the session is noted as lost", |i| {
        i.sessions[&session].left.is_some_and(|(_, how)| how == Leaving::Lost)
    })
    .await;
}

#[tokio::test]
async fn a_forged_opening_opens_nothing() {
    let house = House::prepared(TOUCH, Mode::Live);
    let mut opening = layout::opening(&house.dir).unwrap();
    if let Intent::Open(opened) = &mut opening.act.intent {
        opened.session.roles = vec![backout::core::id::RoleName::parse("executive").unwrap()];
    }
    std::fs::write(house.dir.join(layout::OPENING), serde_json::to_vec(&opening).unwrap()).unwrap();
    let failure = house.start().unwrap_err().to_string();
    assert!(failure.contains("cannot be opened") && failure.contains("roles"), "{failure}");
}

#[tokio::test]
async fn a_runbook_that_was_changed_behind_its_back_is_refused() {
    let mut house = House::live(TOUCH);
    house.ana().await.done(assume("commander")).await;
    house.kill_hub();
    let path = house.dir.join(layout::RUNBOOK);
    let text = std::fs::read_to_string(&path).unwrap().replace("touch", "rm");
    std::fs::write(&path, text).unwrap();
    let failure = house.start().unwrap_err().to_string();
    assert!(failure.contains("not the file this incident opened with"), "{failure}");
}

#[tokio::test]
async fn a_secret_is_in_the_step_and_nowhere_on_disk() {
    let steps = "- id: act
  run: 'test \"${#TOKEN}\" -eq 19 && touch done'
  env: {TOKEN: '{{ params.token }}'}
  timeout: 10s
  role: sre";
    let mut house = House::prepared(steps, Mode::Live);
    let secrets = [("token".to_owned(), "hunter2-very-secret".to_owned())].into();
    house.launch().secrets(secrets).start().unwrap();
    let (_ana, mut ben) = house.declared().await;
    ben.start("act").await;
    let (status, detail) = ben.over("act").await;
    assert_eq!(status, Status::Succeeded, "{detail}");
    assert!(house.file("done").exists());
    let mut files = vec![house.dir.clone()];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
        } else {
            let bytes = std::fs::read(&path).unwrap_or_default();
            assert!(!String::from_utf8_lossy(&bytes).contains("hunter2-very-secret"), "{}", path.display());
        }
    }
}
