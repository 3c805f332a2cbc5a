//! 200 steps of `/bin/true` through the whole program, against the least that can be.
//!
//! The product's side: open headless, approve, every step under its supervisor with its two sealed records, close;
//! counted is the CPU of every process that takes part. The floor: start the command, read what it prints, wait for
//! it, and two bare synced appends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]
#![allow(dead_code, reason = "each bench uses its part of what they share")]

mod common;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::peers::{Ansible, GoTask};
use common::room::{Room, events};
use common::{BareLog, compared, cpu_of, folder, median, pairs, report};

const STEPS: usize = 200;
const SIZE: usize = 500;
/// Of ansible's `command` module, which takes a third of a second each.
const FEW: usize = 20;

fn floor(place: &Path) -> Duration {
    let record = vec![b'x'; SIZE];
    let mut log = BareLog::new(place);
    let taken = cpu_of(|| {
        for _ in 0..STEPS {
            log.append(&record);
            let output = Command::new("/bin/true").stdin(Stdio::null()).output().unwrap();
            assert!(output.status.success());
            log.append(&record);
        }
    });
    assert_eq!(log.len(), (STEPS * 2 * SIZE) as u64);
    taken
}

fn product(room: &Room) -> Duration {
    let taken = cpu_of(|| {
        let mut follower = room.open();
        follower.wait_for("approval.requested");
        room.act("approve", &["declare"]);
        follower.wait_for(&format!(" s{STEPS} succeeded"));
        room.act("close", &["--reason", "done"]);
        follower.wait();
        collect();
    });
    really_done(room);
    taken
}

/// Waits for the hub, which became a child of this process when the one who opened the incident left. Its time, and
/// that of the supervisors it waited for, counts from then on.
fn collect() {
    use rustix::io::Errno;
    use rustix::process::{WaitOptions, wait};
    loop {
        match wait(WaitOptions::empty()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(Errno::CHILD) => return,
            Err(e) => panic!("{e}"),
        }
    }
}

/// No number counts if the steps were not run or are not on record.
fn really_done(room: &Room) {
    let incident = room.incident();
    assert_eq!(events(&incident, "step.started"), STEPS);
    assert_eq!(events(&incident, "step.finished"), STEPS);
    let ran = |n: &usize| {
        let story = std::fs::read_to_string(incident.join(format!("steps/s{n}.1.jsonl")));
        story.is_ok_and(|text| text.contains(r#""exited":{"code":0}"#))
    };
    assert_eq!((1..=STEPS).filter(ran).count(), STEPS);
    let checked = room.backout().arg("verify").arg(&incident).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

fn main() {
    // Whatever the program leaves behind is waited for and counted here.
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).unwrap();
    if Room::new(1).is_none() {
        return eprintln!("SKIPPED: there is no ssh-keygen to make a key with");
    }
    // All stay until the end: what was just removed makes a file system that keeps a journal slow for a while, and
    // one pair would pay for the tidying of the one before.
    let mut places = Vec::new();
    let mut rooms = Vec::new();
    let peers = folder();
    let task = GoTask::new(peers.path(), STEPS);
    let mut of_task = Vec::new();
    let floor_in_new_place = || {
        places.push(folder());
        // In turn with the others, so that it meets the same conditions.
        of_task.extend(task.as_ref().map(|task| {
            [("commands", false), ("named", false), ("commands", true)]
                .map(|(which, bare)| task.run(which, bare))
        }));
        floor(places.last().unwrap().path())
    };
    let product_in_new_room = || {
        rooms.push(Room::new(STEPS).unwrap());
        product(rooms.last().unwrap())
    };
    let taken = pairs(floor_in_new_place, product_in_new_room);
    let each = |side: fn(&(Duration, Duration)) -> Duration| {
        median(taken.iter().map(|pair| side(pair).as_secs_f64() * 1000.0 / STEPS as f64).collect())
    };
    let (floor, product) = (each(|p| p.0), each(|p| p.1));
    println!(
        "{STEPS} steps of /bin/true, open and close included; CPU a step: floor {floor:.2}, product {product:.2} ms"
    );
    let ratios = taken.iter().map(|(floor, product)| product.as_secs_f64() / floor.as_secs_f64()).collect();
    report("CPU of a whole incident of 200 steps / floor", ratios, 4.0);
    if task.is_some() {
        // The first of each is of the pair that does not count.
        let against = |which: usize| {
            let of_product = taken.iter().map(|(_, product)| product.as_secs_f64());
            of_product.zip(of_task.iter().skip(1)).map(|(p, task)| p / task[which].as_secs_f64()).collect()
        };
        println!("{} variables in the environment", std::env::vars_os().count());
        report("the same / go-task, 200 commands of one task", against(0), 1.0);
        report("the same / go-task, 200 tasks by name", against(1), 1.0);
        compared("the same / go-task in an environment of two variables", against(2));
    }
    ansible(peers.path(), product / 1000.0);
}

/// `step` is what one of ours took, in seconds of CPU.
fn ansible(dir: &Path, step: f64) {
    let each = |play: &Ansible, steps: usize| {
        (0..3).map(|_| step / (play.run().as_secs_f64() / steps as f64)).collect::<Vec<f64>>()
    };
    if let Some(play) = Ansible::new(dir, "raw", STEPS) {
        report("the same / ansible raw", each(&play, STEPS), 0.2);
    }
    if let Some(play) = Ansible::new(dir, "command", FEW) {
        let ratios = each(&play, FEW);
        println!("one step of ansible command costs {:.0} of ours", 1.0 / median(ratios.clone()));
        compared("a step / a step of ansible command", ratios);
    }
}
