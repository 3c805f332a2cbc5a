//! The only writer of a timeline: append, seal, sync, and then only say it is recorded.
//!
//! One batch is one write of its lines and their seal, and one `fdatasync`. Never retries a write or a sync that
//! failed: what the system then says about the file is no longer worth anything, so the writer is over.

use std::io;

use super::evidence::Section;
use super::folder::{FileSystems, Folder, FolderError, HUB_KEY, LOCK, NEXT_KEY, RESERVE, TIMELINE};
use super::line::{self, NotCanonical};
use super::seal::{Origin, Seal, SealKey, SealVerifier};
use super::segment::{self, Chain};
use super::tree::{Frontier, Head, leaf_hash};
use crate::core::event::Continued;

mod disk;
mod open;
mod state;

pub use disk::{Disk, FileDisk};
pub use open::{OpenError, Opened, SetAside};
pub use state::{Ended, Failed};

/// Blocks are asked for in pieces of this size, so that most appends need no new ones.
const PIECE: u64 = 1 << 20;
/// Kept aside so that the last events fit on a full disk.
const RESERVE_BYTES: u64 = 1 << 20;

/// Why a batch is not recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteFailed {
    /// One of the lines is not an event line. Nothing was written.
    #[error("line {nth} of the batch is not an event: {why}")]
    Invalid {
        /// Which line, from 0.
        nth: usize,
        /// What is wrong.
        why: NotCanonical,
    },
    /// No room left. Nothing was written; only [`Store::append_last`] still has room.
    #[error("the disk is full: nothing more is recorded until there is room")]
    Full,
    /// The write or the sync failed, now or earlier. Nothing is written by this writer any more.
    #[error(
        "recording ended at event {last}: {cause}. `backout resume` goes on in a new segment, on a disk that works"
    )]
    Over {
        /// How many events are safely recorded.
        last: u64,
        /// The system's words.
        cause: String,
    },
}

impl WriteFailed {
    /// Whether this writer is over.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, WriteFailed::Over { .. })
    }
}

/// The writer of one segment. Holds the lock of its folder as long as it lives.
pub struct Store {
    folder: Folder,
    lock: state::Lock,
    disk: Box<dyn Disk>,
    origin: Origin,
    key: SealKey,
    /// The segment's file.
    file: String,
    tree: Frontier,
    /// Of the newest batch, if this writer wrote it: signing once is enough.
    seal: Option<Seal>,
    end: u64,
    reserved: u64,
    over: Option<String>,
    /// Whether the lock file says so too: the next hub cannot know it from the record.
    noted: bool,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({} {})", self.origin, self.tree.head())
    }
}

enum Room {
    /// Ordinary events leave the reserve alone.
    Ordinary,
    /// The last events may use it.
    WithReserve,
}

impl Store {
    /// Starts a timeline in a folder that has none yet; the folder is made if needed. The key is kept beside it.
    ///
    /// # Errors
    /// The folder is not safe to use, another writer has it, or there is a timeline already.
    pub fn create(folder: Folder, origin: Origin, key: SealKey) -> Result<Self, OpenError> {
        let lock = state::lock(&folder)?;
        if folder.has(HUB_KEY) || !segment::present(folder.path()).is_empty() {
            return Err(OpenError::Exists);
        }
        state::write(&folder, &lock, &Ended::Crashed)?;
        open::write_key(&folder, HUB_KEY, &key)?;
        folder.make(TIMELINE)?;
        let store = Store::at(folder, lock, origin, key, Frontier::new(), 0)?;
        store.folder.sync()?;
        Ok(store)
    }

    /// Begins the next segment behind a writer that is over: a new file and a new key, for which the old key signs. The
    /// event that comes back must be the first one appended, alone, and [`settle`](Self::settle) called after that.
    /// Until then whoever opens the folder finds it as it was.
    ///
    /// # Errors
    /// This writer is not over; or the disk takes no new file either.
    pub fn follow(self, key: SealKey, set_aside: Option<String>) -> Result<(Self, Continued), OpenError> {
        let Store { folder, lock, origin, key: old, tree, over, .. } = self;
        let cause = over.ok_or(OpenError::GoesOn)?;
        let next = origin.next_segment();
        if next.segment() > segment::MOST {
            return Err(OpenError::TooMany);
        }
        let first = segment::follow((&origin, &old), &tree.head(), &key.public(), &cause, set_aside);
        folder.remove(NEXT_KEY)?;
        open::write_key(&folder, NEXT_KEY, &key)?;
        folder.make(&segment::name(next.segment()))?;
        let store = Store::at(folder, lock, next, key, tree, 0)?;
        store.folder.sync()?;
        Ok((store, first))
    }

    /// The new segment's first event is sealed: its key takes the place of the old one, which is gone for good.
    ///
    /// # Errors
    /// The key cannot be put there. The record is sound; opening it again does this first.
    pub fn settle(&mut self) -> Result<(), OpenError> {
        if self.seal.is_some() && self.folder.has(NEXT_KEY) {
            self.folder.rename(NEXT_KEY, HUB_KEY)?;
            state::write(&self.folder, &self.lock, &Ended::Crashed)?;
        }
        Ok(())
    }

    /// Every sealed line so far, of all segments, to be read from the beginning.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn record(&self) -> Result<Chain, FolderError> {
        chain(&self.folder, self.origin.segment())
    }

    /// Ends the writer because something else that the record needs failed on this disk.
    pub fn fail(&mut self, cause: &str) -> WriteFailed {
        match &self.over {
            Some(cause) => WriteFailed::Over { last: self.tree.len(), cause: cause.clone() },
            None => self.give_up(cause),
        }
    }

    /// A writer at the end of a checked file.
    fn at(
        folder: Folder,
        lock: state::Lock,
        origin: Origin,
        key: SealKey,
        tree: Frontier,
        end: u64,
    ) -> Result<Self, OpenError> {
        let name = segment::name(origin.segment());
        let file = folder.file(&name, rustix::fs::OFlags::RDWR | rustix::fs::OFlags::APPEND)?;
        keep_reserve(&folder)?;
        let disk = Box::new(FileDisk::new(file));
        let (seal, reserved, file) = (None, end, name);
        Ok(Store {
            folder,
            lock,
            disk,
            origin,
            key,
            file,
            tree,
            seal,
            end,
            reserved,
            over: None,
            noted: true,
        })
    }

    /// Puts another disk under the writer; for tests that make it fail.
    #[must_use]
    pub fn with_disk(mut self, wrap: impl FnOnce(Box<dyn Disk>) -> Box<dyn Disk>) -> Self {
        self.disk = wrap(self.disk);
        self
    }

    /// What is safely recorded.
    #[must_use]
    pub fn head(&self) -> Head {
        self.tree.head()
    }

    /// The name of this log.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The public half of the sealing key, for event 0.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.key.public()
    }

    /// The checked folder.
    #[must_use]
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The seal of the newest batch, as it stands in the file: the same key over the same head gives the same bytes.
    #[must_use]
    pub fn last_seal(&self) -> Seal {
        self.seal.unwrap_or_else(|| self.key.seal(&self.origin, &self.head()))
    }

    /// The current head as a C2SP checkpoint, to be kept elsewhere.
    #[must_use]
    pub fn checkpoint(&self) -> String {
        self.key.seal(&self.origin, &self.head()).checkpoint(&self.origin)
    }

    /// Appends event lines (without line feeds) as one batch, seals and syncs them. When this returns a head, and
    /// not before, the events are recorded.
    ///
    /// # Errors
    /// See [`WriteFailed`]. A final failure stays: every later call gives it again without touching the disk.
    pub fn append(&mut self, events: &[Vec<u8>]) -> Result<Head, WriteFailed> {
        self.write(events, &Room::Ordinary)
    }

    /// As [`append`](Self::append), for the events that say why nothing more can be recorded: on a full disk it
    /// gives up the reserve for them.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn append_last(&mut self, events: &[Vec<u8>]) -> Result<Head, WriteFailed> {
        self.write(events, &Room::WithReserve)
    }

    fn write(&mut self, events: &[Vec<u8>], room: &Room) -> Result<Head, WriteFailed> {
        if let Some(cause) = &self.over {
            return Err(WriteFailed::Over { last: self.tree.len(), cause: cause.clone() });
        }
        if events.is_empty() {
            return Ok(self.head());
        }
        let mut tree = self.tree.clone();
        let mut batch = Vec::with_capacity(events.iter().map(|e| e.len() + 1).sum::<usize>() + 256);
        for (nth, event) in events.iter().enumerate() {
            line::parts(event).map_err(|why| WriteFailed::Invalid { nth, why })?;
            tree.push(leaf_hash(event));
            batch.extend_from_slice(event);
            batch.push(b'\n');
        }
        let head = tree.head();
        let seal = self.key.seal(&self.origin, &head);
        batch.extend_from_slice(seal.line().as_bytes());
        batch.push(b'\n');

        self.make_room(batch.len() as u64, room)?;
        match self.disk.append(&batch) {
            Ok(n) if n == batch.len() => {}
            Ok(n) => return Err(self.give_up(&format!("only {n} of {} bytes were written", batch.len()))),
            Err(e) => return Err(self.give_up(&e.to_string())),
        }
        if let Err(e) = self.disk.sync() {
            return Err(self.give_up(&format!("the disk did not confirm the write: {e}")));
        }
        self.tree = tree;
        self.seal = Some(seal);
        self.end += batch.len() as u64;
        Ok(head)
    }

    /// Asks for blocks before anything is written, so that a full disk shows while the writer is still sound.
    fn make_room(&mut self, bytes: u64, room: &Room) -> Result<(), WriteFailed> {
        let wanted = self.end + bytes;
        if wanted <= self.reserved {
            return Ok(());
        }
        let piece = wanted.div_ceil(PIECE) * PIECE;
        let full = |e: &io::Error| {
            matches!(
                e.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
            )
        };
        for end in [piece, wanted] {
            match self.disk.reserve(self.end, end - self.end) {
                Ok(()) => {
                    self.reserved = end;
                    return Ok(());
                }
                Err(e) if full(&e) => {}
                // The file system cannot reserve: then the write itself tells.
                Err(_) => return Ok(()),
            }
        }
        match room {
            Room::Ordinary => Err(WriteFailed::Full),
            Room::WithReserve => {
                let _ = self.folder.remove(RESERVE);
                match self.disk.reserve(self.end, bytes) {
                    Ok(()) => {
                        self.reserved = wanted;
                        Ok(())
                    }
                    Err(e) if full(&e) => Err(WriteFailed::Full),
                    Err(_) => Ok(()),
                }
            }
        }
    }

    fn give_up(&mut self, cause: &str) -> WriteFailed {
        // Each of these is best effort: opening again checks everything anyway.
        let _ = self.disk.truncate(self.end);
        let _ = self.folder.remove(RESERVE);
        (self.over, self.noted) = (Some(cause.to_owned()), false);
        let last = self.tree.len();
        let cause = match self.note() {
            Ok(()) => cause.to_owned(),
            Err(why) => format!(
                "{cause}; nor can that be noted ({why}), so a hub that comes after this one does not know that what \
                 follows event {last} was told to nobody"
            ),
        };
        WriteFailed::Over { last, cause }
    }

    /// Notes beside the record that this writer is over, if that could not be done when it ended. Unlike the record,
    /// the note may be tried again: it is written anew as a whole, and whoever reads it looks at every byte.
    ///
    /// # Errors
    /// It cannot be written this time either.
    pub fn note(&mut self) -> Result<(), FolderError> {
        let Some(cause) = self.over.as_ref().filter(|_| !self.noted) else { return Ok(()) };
        let failed = Failed { segment: self.origin.segment(), last: self.tree.len(), cause: cause.clone() };
        state::write(&self.folder, &self.lock, &Ended::WriteFailed(failed))?;
        self.noted = true;
        Ok(())
    }

    /// Reads the whole file back from the disk and compares it with what was sealed in memory. Done before a head is
    /// given to people who keep it for long: a flipped bit in memory or on disk shows here.
    ///
    /// # Errors
    /// The file does not give the same head, or cannot be read.
    pub fn read_back(&self) -> Result<Head, OpenError> {
        let verifier = SealVerifier::new(self.origin.clone(), &self.key.public())?;
        let mut found = open::scan(&self.folder, self.origin.segment(), None, &Default::default())?;
        found.check(&verifier)?;
        if found.sealed.head == self.head() && found.broken.is_none() {
            Ok(self.head())
        } else {
            Err(OpenError::ReadBack { wrote: self.head().n, found: found.sealed.head.n })
        }
    }

    /// Ends the writer in order: gives unused blocks back and notes that nothing is left open.
    ///
    /// # Errors
    /// The note cannot be written; the record is safe all the same.
    pub fn close(mut self) -> Result<Head, OpenError> {
        let head = self.head();
        if self.over.is_none() {
            self.disk.truncate(self.end).map_err(|e| self.folder.failed(&self.file, e))?;
            self.disk.sync().map_err(|e| self.folder.failed(&self.file, e))?;
            state::write(&self.folder, &self.lock, &Ended::Clean)?;
        }
        self.note()?;
        Ok(head)
    }
}

/// The files of segments 0 to `last`, opened safely, as one.
fn chain(folder: &Folder, last: u64) -> Result<Chain, FolderError> {
    let one = |k| {
        let name = segment::name(k);
        Section::whole(folder.read(&name)?).map_err(|e| folder.failed(&name, e))
    };
    Ok(Chain::new((0..=last).map(one).collect::<Result<_, _>>()?))
}

/// Makes the reserve if it is not there. Without room for it there is none, which is no reason to stop.
fn keep_reserve(folder: &Folder) -> Result<(), FolderError> {
    if folder.has(RESERVE) {
        return Ok(());
    }
    let file = folder.make(RESERVE)?;
    let kept = rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, RESERVE_BYTES);
    if kept.is_err() {
        folder.remove(RESERVE)?;
    }
    Ok(())
}

/// Opens or makes the folder and starts a timeline in it.
///
/// # Errors
/// As [`Store::create`].
pub fn create(
    path: &std::path::Path,
    systems: FileSystems,
    origin: Origin,
    key: SealKey,
) -> Result<Store, OpenError> {
    Store::create(Folder::create(path, systems)?, origin, key)
}
