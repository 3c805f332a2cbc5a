//! The lock file: who may write, and how the last writer ended. Never deleted, or two writers could hold two of it.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};

use rustix::fs::OFlags;

use super::{Folder, FolderError, LOCK, OpenError};
use crate::timeline::tree::parse_size;

/// How the last writer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// In order.
    Clean,
    /// Without a word: killed, or the machine went down.
    Crashed,
    /// After a write or sync failed. Going on needs a new segment with a new key.
    WriteFailed(Failed),
}

/// How a write or a sync failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// In which segment.
    pub segment: u64,
    /// How many events were acknowledged until then. Whatever else the disk shows was told to nobody.
    pub last: u64,
    /// The system's words.
    pub cause: String,
}

/// The lock, held.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a child between fork and exec still has the same open file.
        let _ = self.0.unlock();
    }
}

/// Takes the lock or says that somebody has it.
pub(super) fn lock(folder: &Folder) -> Result<Lock, OpenError> {
    let file = folder.file(LOCK, OFlags::RDWR | OFlags::CREATE)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked),
        Err(TryLockError::Error(e)) => Err(folder.failed(LOCK, e).into()),
    }
}

/// What the last writer noted. Anything unreadable counts as a crash.
pub(super) fn read(lock: &Lock) -> Ended {
    let mut text = String::new();
    let mut lock = &lock.0;
    if lock.rewind().is_err() || lock.take(4096).read_to_string(&mut text).is_err() {
        return Ended::Crashed;
    }
    match text.trim_end().split_once(' ') {
        Some(("failed", how)) => failed(how).map_or(Ended::Crashed, Ended::WriteFailed),
        None if text.trim_end() == "closed" => Ended::Clean,
        _ => Ended::Crashed,
    }
}

fn failed(text: &str) -> Option<Failed> {
    let (segment, rest) = text.split_once(' ')?;
    let (last, cause) = rest.split_once(' ')?;
    Some(Failed { segment: parse_size(segment)?, last: parse_size(last)?, cause: cause.to_owned() })
}

/// Notes how it stands: `Crashed` while a writer works, so that dying needs no last act.
pub(super) fn write(folder: &Folder, lock: &Lock, ended: &Ended) -> Result<(), FolderError> {
    let mut lock = &lock.0;
    let text = match ended {
        Ended::Clean => "closed\n".to_owned(),
        Ended::Crashed => "open\n".to_owned(),
        Ended::WriteFailed(f) => format!("failed {} {} {}\n", f.segment, f.last, f.cause.replace('\n', " ")),
    };
    lock.set_len(0)
        .and_then(|()| lock.rewind())
        .and_then(|()| lock.write_all(text.as_bytes()))
        .and_then(|()| lock.sync_data())
        .map_err(|e| folder.failed(LOCK, e))
}

#[cfg(test)]
mod tests {
    use super::super::{Disk, FileSystems, SealKey, Store, WriteFailed, create};
    use super::*;
    use crate::timeline::seal::Origin;
    use std::io;

    /// A disk that fails at once.
    struct Broken;

    impl Disk for Broken {
        fn append(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::from_raw_os_error(5))
        }
        fn sync(&mut self) -> io::Result<()> {
            Err(io::Error::from_raw_os_error(5))
        }
        fn truncate(&mut self, _: u64) -> io::Result<()> {
            Err(io::Error::from_raw_os_error(5))
        }
        fn reserve(&mut self, _: u64, _: u64) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    #[test]
    fn a_note_that_the_failed_disk_did_not_take_is_said_and_written_as_soon_as_it_can_be() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("i");
        let origin = Origin::parse("backout.test/01JD3K9W8ZQ4T6V2M7N5B1C0XA").unwrap();
        let store = create(&path, FileSystems::Any, origin.clone(), SealKey::random().unwrap()).unwrap();
        let mut store = store.with_disk(|_| Box::new(Broken));
        // A file that is open for reading takes no note.
        let deaf = Lock(File::open(path.join(LOCK)).unwrap());
        let real = std::mem::replace(&mut store.lock, deaf);
        let failed = store.append(&[b"{\"seq\":0}".to_vec()]).unwrap_err();
        let WriteFailed::Over { last: 0, cause } = &failed else { panic!("{failed:?}") };
        assert!(cause.contains("nor can that be noted") && cause.contains("told to nobody"), "{cause}");
        assert!(store.note().is_err());
        assert_eq!(read(&real), Ended::Crashed, "the next hub would take it for a crash");
        store.lock = real;
        store.note().unwrap();
        let Ended::WriteFailed(noted) = read(&store.lock) else { panic!("{:?}", read(&store.lock)) };
        assert_eq!((noted.segment, noted.last), (0, 0));
        assert!(noted.cause.contains("os error 5") && !noted.cause.contains("noted"), "{}", noted.cause);
        store.close().unwrap();
        let opened = Store::open(&path, FileSystems::Any, origin, &[]).unwrap();
        assert!(matches!(opened.ended, Ended::WriteFailed(_)));
    }
}
