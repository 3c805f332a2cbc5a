//! A hub that is killed at one moment after another of a step's life, and a supervisor that is killed between steps.

use backout::core::event::{Direction, Verdict};
use backout::core::incident::Status;
use backout::core::intent::Intent;
use backout::step::process::Identity;
use backout::step::record::{self, Story};
use rustix::process::{Signal, kill_process};
use std::fmt::Write as _;

use super::house::{House, PATIENCE, Seat, step};
use crate::support::wait_until;

const STEPS: usize = 12;

/// Each says once that it ran, and takes a moment.
fn chain() -> String {
    let mut steps = String::new();
    for n in 1..=STEPS {
        writeln!(
            steps,
            "- {{id: s{n}, run: 'echo s{n} >> log; sleep 0.0{}', timeout: 60s, role: sre}}",
            n % 4
        )
        .unwrap();
    }
    steps
}

fn supervisor(house: &House, id: &str) -> Option<Identity> {
    let story = record::read(&house.attempt(id, Direction::Forward)).unwrap();
    story.and_then(|story| story.started).and_then(|started| started.supervisor)
}

fn ran(house: &House, id: &str) -> usize {
    let log = std::fs::read_to_string(house.file("log")).unwrap_or_default();
    log.lines().filter(|line| *line == id).count()
}

/// The commander says that it was done, whatever it was.
async fn settle(ana: &mut Seat, id: &str) {
    let settle = Intent::Settle {
        step: step(id),
        attempt: 1,
        direction: Direction::Forward,
        verdict: Verdict::Succeeded,
        reason: "looked".to_owned(),
    };
    ana.done(settle).await;
}

#[tokio::test]
async fn a_hub_that_is_killed_at_any_moment_of_a_step_never_runs_it_twice() {
    let mut house = House::live(&chain());
    let (mut ana, _ben) = house.declared().await;
    let mut supervisors = Vec::new();
    for n in 1..=STEPS {
        let id = format!("s{n}");
        let place = house.attempt(&id, Direction::Forward);
        let tells =
            |what: fn(&Story) -> bool| matches!(record::read(&place), Ok(Some(story)) if what(&story));
        ana.start(&id).await;
        match n % 6 {
            // The start is on disk, and perhaps nothing else.
            0 => {}
            1 => wait_until("the job is written", PATIENCE, || tells(|s| s.job.is_some())),
            2 => wait_until("it is claimed", PATIENCE, || tells(|s| s.started.is_some())),
            3 => wait_until("the command runs", PATIENCE, || ran(&house, &id) == 1),
            4 => wait_until("its end is on disk", PATIENCE, || tells(|s| s.exit.is_some())),
            _ => assert_eq!(ana.over(&id).await.0, Status::Succeeded),
        }
        house.kill_hub();
        house.start().unwrap();
        ana = house.joined("ana").await;
        let (status, detail) = ana.over(&id).await;
        match status {
            Status::Succeeded => assert_eq!(ran(&house, &id), 1, "{id}: {detail}"),
            // Between the record and the command; it may not run later either.
            Status::Unknown => {
                // A hub that dies while it writes the job leaves what a power cut would leave, and says so.
                let honest = ["most likely not run", "in pieces"].iter().any(|words| detail.contains(words));
                assert!(honest, "{id}: {detail}");
                assert_eq!(ran(&house, &id), 0, "{id}: {detail}");
                settle(&mut ana, &id).await;
            }
            other => panic!("{id}: {other:?}: {detail}"),
        }
        supervisors.extend(supervisor(&house, &id));
    }
    for n in 1..=STEPS {
        assert!(ran(&house, &format!("s{n}")) <= 1, "s{n} ran twice");
    }
    house.kill_hub();
    wait_until("no supervisor is left", PATIENCE, || supervisors.iter().all(|s| !s.is_alive()));
}

#[tokio::test]
async fn steps_share_a_supervisor_and_go_on_without_one_that_died_between_them() {
    let mut house = House::live(&chain());
    let (mut ana, _ben) = house.declared().await;
    let mut before: Option<Identity> = None;
    for n in 1..=6 {
        let id = format!("s{n}");
        ana.start(&id).await;
        assert_eq!(ana.over(&id).await.0, Status::Succeeded);
        let now = supervisor(&house, &id).unwrap();
        match before {
            Some(before) if n == 4 => assert_ne!(before, now),
            Some(before) => assert_eq!(before, now, "{id}"),
            None => {}
        }
        before = Some(now);
        if n == 3 {
            kill_process(now.raw().unwrap(), Signal::KILL).unwrap();
        }
    }
    let log = std::fs::read_to_string(house.file("log")).unwrap();
    assert_eq!(log, "s1\ns2\ns3\ns4\ns5\ns6\n");
    let last = before.unwrap();
    house.end_hub();
    wait_until("the last one goes with the hub", PATIENCE, || !last.is_alive());
}
