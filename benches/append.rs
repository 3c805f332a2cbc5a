//! An acknowledged event against a bare write and `fdatasync` of as many bytes in the same folder.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]
#![allow(dead_code, reason = "each bench uses its part of what they share")]

mod common;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use backout::timeline::folder::FileSystems;
use backout::timeline::seal::{Origin, SealKey};
use backout::timeline::store::{Disk, Store, create};
use common::{BareLog, folder, pairs, percentile, report, times};

/// Events a side of a pair appends one by one.
const EVENTS: usize = 300;
/// Bytes of an event: what a started step usually takes.
const SIZE: usize = 500;

/// Counts what reaches the disk.
struct Counted(Box<dyn Disk>, Arc<AtomicU64>);

impl Disk for Counted {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.append(bytes)
    }
    fn sync(&mut self) -> io::Result<()> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.sync()
    }
    fn truncate(&mut self, bytes: u64) -> io::Result<()> {
        self.0.truncate(bytes)
    }
    fn reserve(&mut self, at: u64, bytes: u64) -> io::Result<()> {
        self.0.reserve(at, bytes)
    }
}

fn event(seq: u64) -> Vec<u8> {
    let empty = format!(r#"{{"data":{{"text":""}},"kind":"note.added","seq":{seq},"v":1}}"#);
    let text = "x".repeat(SIZE - 1 - empty.len());
    empty.replace(r#""text":"""#, &format!(r#""text":"{text}""#)).into_bytes()
}

fn append(store: &mut Store, events: u64) {
    let from = store.head().n;
    let batch: Vec<Vec<u8>> = (from..from + events).map(event).collect();
    let head = store.append(&batch).expect("recorded");
    assert_eq!(head.n, from + events);
}

fn main() {
    let place = folder();
    let origin = Origin::parse("backout.local/01JD3K9W8ZQ4T6V2M7N5B1C0XA").unwrap();
    let syncs = Arc::new(AtomicU64::new(0));
    let mut store =
        create(&place.path().join("incident"), FileSystems::Any, origin, SealKey::random().unwrap())
            .unwrap()
            .with_disk(|disk| Box::new(Counted(disk, Arc::clone(&syncs))));
    let mut bare = BareLog::new(place.path());
    let record = vec![b'x'; SIZE];

    let taken = pairs(|| times(EVENTS, || bare.append(&record)), || times(EVENTS, || append(&mut store, 1)));
    let ratios = |share: f64| {
        let of = |(floor, product): &(Vec<Duration>, Vec<Duration>)| {
            percentile(&mut product.clone(), share).as_secs_f64()
                / percentile(&mut floor.clone(), share).as_secs_f64()
        };
        taken.iter().map(of).collect()
    };
    println!("{EVENTS} events of {SIZE} bytes a side, one by one");
    report("acknowledged event, p50 / bare append p50", ratios(0.50), 1.5);
    report("acknowledged event, p99 / bare append p99", ratios(0.99), 2.0);

    let before = syncs.load(Ordering::Relaxed);
    append(&mut store, 100);
    let shared = syncs.load(Ordering::Relaxed) - before;
    println!("100 events in one batch: {shared} sync");
    assert_eq!(shared, 1, "a batch is one sync");

    // Nothing above counts if the record is not really there.
    let head = store.head();
    assert_eq!(store.read_back().expect("the record reads back"), head);
    assert_eq!(head.n, ((common::PAIRS + 1) * EVENTS + 100) as u64);
    assert_eq!(bare.len(), ((common::PAIRS + 1) * EVENTS * SIZE) as u64);
}
