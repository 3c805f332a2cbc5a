//! A disk that fails at a chosen moment.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use backout::timeline::store::{Disk, Ended, Store, WriteFailed};

use super::{bytes, fresh, line, open};

/// What goes wrong, and when.
#[derive(Clone, Copy)]
enum Fault {
    /// The k-th sync fails.
    SyncFails(u64),
    /// Only this many bytes fit, and the file system cannot reserve.
    FullWithoutWarning(u64),
}

struct Faulty {
    real: Box<dyn Disk>,
    fault: Fault,
    written: u64,
    syncs: u64,
    calls: Arc<AtomicU64>,
}

impl Disk for Faulty {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let room = match self.fault {
            Fault::FullWithoutWarning(room) => room.saturating_sub(self.written),
            Fault::SyncFails(_) => u64::MAX,
        };
        if room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let n = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
        self.written += n as u64;
        self.real.append(&bytes[..n])
    }

    fn sync(&mut self) -> io::Result<()> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.syncs += 1;
        match self.fault {
            Fault::SyncFails(k) if k == self.syncs => Err(io::Error::from_raw_os_error(5)),
            _ => self.real.sync(),
        }
    }

    fn truncate(&mut self, bytes: u64) -> io::Result<()> {
        self.real.truncate(bytes)
    }

    fn reserve(&mut self, at: u64, bytes: u64) -> io::Result<()> {
        match self.fault {
            Fault::FullWithoutWarning(_) => Err(io::ErrorKind::Unsupported.into()),
            Fault::SyncFails(_) => self.real.reserve(at, bytes),
        }
    }
}

fn faulty(store: Store, fault: Fault) -> (Store, Arc<AtomicU64>) {
    let calls = Arc::new(AtomicU64::new(0));
    let counter = calls.clone();
    let store =
        store.with_disk(|real| Box::new(Faulty { real, fault, written: 0, syncs: 0, calls: counter }));
    (store, calls)
}

#[test]
fn a_failed_sync_ends_the_writer_whichever_one_it_is() {
    for k in 1..=6 {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("i");
        let (mut store, calls) = faulty(fresh(&path), Fault::SyncFails(k));
        for seq in 0..k - 1 {
            store.append(&[line(seq)]).unwrap();
        }
        let before = store.head();
        let failed = store.append(&[line(k - 1)]).unwrap_err();
        assert!(matches!(&failed, WriteFailed::Over { last, .. } if *last == k - 1), "{failed}");
        let touched = calls.load(Ordering::SeqCst);
        assert_eq!(store.append(&[line(k - 1)]).unwrap_err(), failed, "the answer stays the same");
        assert_eq!(calls.load(Ordering::SeqCst), touched, "nothing is tried again");
        assert_eq!(store.head(), before);
        store.close().unwrap();

        let opened = open(&path).unwrap();
        assert!(matches!(opened.ended, Ended::WriteFailed(_)));
        assert_eq!(opened.store.head(), before, "everything acknowledged is there, nothing else");
    }
}

/// A place whose syncs cost nothing: what fails here fails by our own hand.
fn quick() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

#[test]
fn a_disk_that_fills_up_at_any_byte_leaves_only_whole_batches() {
    let probe = quick();
    let mut store = fresh(&probe.path().join("i"));
    for seq in 0..2 {
        store.append(&[line(seq)]).unwrap();
    }
    let whole = bytes(&probe.path().join("i")).len() as u64;
    for room in 0..whole {
        let place = quick();
        let path = place.path().join("i");
        let (mut store, _) = faulty(fresh(&path), Fault::FullWithoutWarning(room));
        let failed = (0..2).find_map(|seq| store.append(&[line(seq)]).err()).unwrap();
        assert!(failed.is_final());
        let head = store.head();
        drop(store);
        let opened = open(&path).unwrap();
        assert_eq!(opened.store.head(), head, "room for {room} bytes");
        assert_eq!(opened.set_aside, None, "the torn batch was cut off at once");
    }
}

#[test]
fn a_full_disk_is_noticed_before_writing_and_the_last_words_still_fit() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("i");
    let room = Arc::new(Mutex::new(1_u64 << 21));
    struct Small(Box<dyn Disk>, Arc<Mutex<u64>>, std::path::PathBuf);
    impl Disk for Small {
        fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.append(bytes)
        }
        fn sync(&mut self) -> io::Result<()> {
            self.0.sync()
        }
        fn truncate(&mut self, bytes: u64) -> io::Result<()> {
            self.0.truncate(bytes)
        }
        fn reserve(&mut self, at: u64, bytes: u64) -> io::Result<()> {
            // The reserve file's space becomes free when it is given up.
            let kept = if self.2.exists() { 1 << 20 } else { 0 };
            if at + bytes + kept > *self.1.lock().unwrap() {
                return Err(io::ErrorKind::StorageFull.into());
            }
            Ok(())
        }
    }
    let (limit, reserve) = (room.clone(), path.join("reserve"));
    let mut store = fresh(&path).with_disk(|real| Box::new(Small(real, limit, reserve)));
    let big = |seq: u64| format!(r#"{{"data":"{}","seq":{seq}}}"#, "x".repeat(60_000)).into_bytes();
    let mut seq = 0;
    while store.append(&[big(seq)]).is_ok() {
        seq += 1;
    }
    assert!(seq > 10, "there was room for some");
    assert_eq!(store.append(&[big(seq)]).unwrap_err(), WriteFailed::Full);
    store.append_last(&[line(seq)]).unwrap();
    *room.lock().unwrap() = 1 << 24;
    store.append(&[line(seq + 1)]).expect("with room again it goes on: nothing had failed");
    assert_eq!(store.read_back().unwrap().n, seq + 2);
}
