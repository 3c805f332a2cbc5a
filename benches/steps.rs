//! 200 steps of `/bin/true` under their supervisors, each with two sealed records, against the least that can be:
//! start it, read what it prints, wait for it, and two bare synced appends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]
#![allow(dead_code, reason = "each bench uses its part of what they share")]

mod common;

use std::process::{Command, Stdio};
use std::time::Duration;

use backout::step::runner::{self, Job};
use backout::timeline::folder::FileSystems;
use backout::timeline::seal::{Origin, SealKey};
use backout::timeline::store::{Store, create};
use common::{BareLog, cpu_of, folder, pairs, report};

const STEPS: u64 = 200;
const SIZE: usize = 500;

fn floor() -> Duration {
    let place = folder();
    let record = vec![b'x'; SIZE];
    let mut log = BareLog::new(place.path());
    let taken = cpu_of(|| {
        for _ in 0..STEPS {
            log.append(&record);
            let output = Command::new("/bin/true").stdin(Stdio::null()).output().unwrap();
            assert!(output.status.success());
            log.append(&record);
        }
    });
    assert_eq!(log.len(), STEPS * 2 * SIZE as u64);
    taken
}

fn record(store: &mut Store, kind: &str) {
    let seq = store.head().n;
    let empty = format!(r#"{{"data":{{"text":""}},"kind":"{kind}","seq":{seq},"v":1}}"#);
    let text = "x".repeat(SIZE - 1 - empty.len());
    let event = empty.replace(r#""text":"""#, &format!(r#""text":"{text}""#)).into_bytes();
    store.append(&[event]).expect("recorded");
}

/// The same with what the product adds: seals, a supervisor that outlives its parent, output kept on disk.
fn product() -> Duration {
    let place = folder();
    let origin = Origin::parse("backout.local/01JD3K9W8ZQ4T6V2M7N5B1C0XA").unwrap();
    let incident = place.path().join("incident");
    let mut store = create(&incident, FileSystems::Any, origin, SealKey::random().unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let taken = cpu_of(|| {
        for step in 0..STEPS {
            record(&mut store, "step.started");
            let dir = incident.join(format!("steps/s{step}.1"));
            let job = Job::new(&dir, vec!["/bin/true".to_owned()], Duration::from_secs(30))
                .supervised_by(env!("CARGO_BIN_EXE_backout"));
            runtime.block_on(async {
                runner::launch(&job).await.expect("started");
                runner::wait(&dir).await.expect("ended");
            });
            record(&mut store, "step.finished");
        }
        // The supervisors' time counts once they have been collected.
        runtime.block_on(async {
            while !backout::step::process::own_children().is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
    });
    assert_eq!(store.read_back().expect("the record reads back").n, STEPS * 2);
    let done = (0..STEPS).filter(|step| incident.join(format!("steps/s{step}.1")).is_dir()).count();
    assert_eq!(done as u64, STEPS);
    taken
}

fn main() {
    let taken = pairs(floor, product);
    let each = |side: fn(&(Duration, Duration)) -> Duration| {
        common::median(taken.iter().map(|pair| side(pair).as_secs_f64() * 1000.0 / STEPS as f64).collect())
    };
    println!(
        "{STEPS} steps of /bin/true; floor {:.2}, product {:.2} ms CPU a step",
        each(|p| p.0),
        each(|p| p.1)
    );
    let ratios = taken.iter().map(|(floor, product)| product.as_secs_f64() / floor.as_secs_f64()).collect();
    report("CPU of supervised, recorded steps / floor", ratios, 4.0);
}
