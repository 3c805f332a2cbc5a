//! Opening a timeline again: check everything, set aside what was never sealed, refuse what became shorter.
//!
//! Never adopts a line without a seal and never drops one silently.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;

use super::{Ended, FileSystems, Folder, FolderError, HUB_KEY, Store, TIMELINE, state};
use crate::timeline::folder::ANCHORS;
use crate::timeline::line::MAX_BYTES;
use crate::timeline::seal::{Checkpoint, Origin, Seal, SealError, SealKey, SealVerifier};
use crate::timeline::tree::{Frontier, Head};
use crate::timeline::walk::{Break, Item, Sealed, Walk};

/// Reading goes through a buffer of this size.
const BUFFER: usize = 256 * 1024;
/// More files than this among the anchors are not read.
const MOST_ANCHORS: usize = 10_000;

/// Why a timeline is not opened for writing.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or a file in it cannot be trusted or read.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Another process writes it.
    #[error("another hub has this incident open")]
    Locked,
    /// There is a timeline here already.
    #[error("there is a timeline here already")]
    Exists,
    /// The key file does not hold a key.
    #[error("hub.key is not a key")]
    Key,
    /// The system has no randomness.
    #[error("no randomness: {0}")]
    Random(#[from] getrandom::Error),
    /// The last seal was not made with this key, or a name is not valid.
    #[error("the last seal: {0}")]
    Seal(#[from] SealError),
    /// Shorter than it once was.
    #[error(
        "rollback: the file ends at event {found}, but a head of {known} events is known. Refusing to write"
    )]
    Rollback {
        /// How many events are here.
        found: u64,
        /// How many there were.
        known: u64,
    },
    /// Not the history that was seen elsewhere.
    #[error("fork: a head of {n} events is known that this file never had. Refusing to write")]
    Fork {
        /// Its size.
        n: u64,
    },
    /// Broken before batches that were sealed.
    #[error("damaged: {0}, and sealed events follow. Refusing to write")]
    Damaged(Break),
    /// What was read back is not what was written.
    #[error("the disk gives back {found} events of {wrote}")]
    ReadBack {
        /// In memory.
        wrote: u64,
        /// On disk.
        found: u64,
    },
}

/// What was behind the last seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// The file it was moved to.
    pub file: String,
    /// How much.
    pub bytes: u64,
}

/// An opened timeline and how it was found.
#[derive(Debug)]
pub struct Opened {
    /// The writer.
    pub store: Store,
    /// How the writer before ended. After [`Ended::WriteFailed`] the same key must not seal again: go on with
    /// [`Origin::next_segment`] and a new key.
    pub ended: Ended,
    /// What was not sealed, if anything.
    pub set_aside: Option<SetAside>,
}

pub(super) struct Scanned {
    pub(super) sealed: Sealed,
    tree: Frontier,
    last: Option<Seal>,
    length: u64,
    pub(super) broken: Option<Break>,
    /// Our own seals from the place where it broke on.
    seals_behind: usize,
}

/// Walks the file to its last fitting seal and checks that seal's signature and the known heads.
pub(super) fn scan(folder: &Folder, verifier: &SealVerifier, known: &[Head]) -> Result<Scanned, OpenError> {
    let file = folder.read(TIMELINE)?;
    let length = file.metadata().map_err(|e| folder.failed(TIMELINE, e))?.len();
    let mut walk = Walk::new(BufReader::with_capacity(BUFFER, file));
    let mut missing: Vec<Head> = known.iter().copied().filter(|h| h.n > 0).collect();
    let (mut tree, mut last) = (Frontier::new(), None);
    let broken = loop {
        let seal = match walk.next() {
            Ok(Some(Item::Seal(seal))) => seal,
            Ok(Some(Item::Event { .. })) => continue,
            Ok(None) => break None,
            Err(Break::Io(e)) => return Err(folder.failed(TIMELINE, e).into()),
            Err(why) => break Some(why),
        };
        tree = walk.tree().clone();
        last = Some(seal);
        missing.retain(|h| *h != seal.head);
    };
    let sealed = walk.sealed();
    if let Some(seal) = &last {
        verifier.check(seal)?;
    }
    let seals_behind = match &broken {
        None => 0,
        // Here the line that did not fit was a seal itself.
        Some(Break::Root { .. } | Break::Size { .. }) => 1 + seals_after(walk.into_inner(), verifier),
        Some(_) => seals_after(walk.into_inner(), verifier),
    };
    match missing.iter().max_by_key(|h| h.n) {
        Some(h) if h.n > sealed.head.n => Err(OpenError::Rollback { found: sealed.head.n, known: h.n }),
        Some(h) => Err(OpenError::Fork { n: h.n }),
        None => Ok(Scanned { sealed, tree, last, length, broken, seals_behind }),
    }
}

/// How many of our seals stand behind the place where the file broke.
fn seals_after(mut input: BufReader<File>, verifier: &SealVerifier) -> usize {
    let (mut seals, mut line) = (0, Vec::new());
    loop {
        line.clear();
        match (&mut input).take(MAX_BYTES as u64 + 2).read_until(b'\n', &mut line) {
            Ok(n) if n > 0 => {}
            _ => return seals,
        }
        let whole = line.strip_suffix(b"\n").unwrap_or(&line);
        if Seal::parse(whole).is_ok_and(|s| verifier.check(&s).is_ok()) {
            seals += 1;
        }
    }
}

/// Heads of this log among the folder's anchors that carry our own signature; anything else there is ignored.
fn anchored(folder: &Folder, verifier: &SealVerifier) -> Vec<Head> {
    let Ok(entries) = std::fs::read_dir(folder.path().join(ANCHORS)) else { return Vec::new() };
    entries
        .take(MOST_ANCHORS)
        .filter_map(|entry| {
            let mut text = String::new();
            File::open(entry.ok()?.path()).ok()?.take(65_536).read_to_string(&mut text).ok()?;
            let checkpoint = Checkpoint::parse(&text).ok()?;
            verifier.check_checkpoint(&checkpoint).ok().map(|()| checkpoint.head)
        })
        .collect()
}

impl Store {
    /// Opens a timeline to go on with it.
    ///
    /// `known` are heads that somebody has seen: of consoles, approvals, other machines. Anchors in the folder are
    /// read in any case.
    ///
    /// # Errors
    /// See [`OpenError`]; nothing was changed then.
    pub fn open(
        path: &Path,
        systems: FileSystems,
        origin: Origin,
        known: &[Head],
    ) -> Result<Opened, OpenError> {
        let folder = Folder::open(path, systems)?;
        let lock = state::lock(&folder)?;
        let ended = state::read(&lock);
        let key = read_key(&folder)?;
        let verifier = SealVerifier::new(origin.clone(), &key.public())?;
        let mut heads = anchored(&folder, &verifier);
        heads.extend_from_slice(known);
        let mut found = scan(&folder, &verifier, &heads)?;
        // A crash tears at most the batch being written, and leaves at most that one seal behind.
        let torn = if ended == Ended::Clean { 0 } else { 1 };
        if found.seals_behind > torn
            && let Some(why) = found.broken.take()
        {
            return Err(OpenError::Damaged(why));
        }
        state::write(&folder, &lock, &Ended::Crashed)?;
        let end = found.sealed.end;
        let set_aside = match found.length.saturating_sub(end) {
            0 => None,
            bytes => Some(set_aside(&folder, &found, bytes)?),
        };
        if ended != Ended::Clean || set_aside.is_some() {
            onto_fresh_inode(&folder, end)?;
        }
        let store = Store::at(folder, lock, origin, key, found.tree, end)?;
        Ok(Opened { store, ended, set_aside })
    }
}

/// Copies what follows the last seal to a file of its own, synced before the original is touched.
fn set_aside(folder: &Folder, found: &Scanned, bytes: u64) -> Result<SetAside, OpenError> {
    let n = found.last.map_or(0, |s| s.head.n);
    let name = (0..)
        .map(|k: u32| if k == 0 { format!("unsealed.{n}") } else { format!("unsealed.{n}.{k}") })
        .find(|name| !folder.has(name))
        .unwrap_or_default();
    let mut source = folder.read(TIMELINE)?;
    let mut target = folder.make(&name)?;
    source
        .seek(SeekFrom::Start(found.sealed.end))
        .and_then(|_| io::copy(&mut source, &mut target))
        .and_then(|_| target.sync_all())
        .map_err(|e| folder.failed(&name, e))?;
    folder.sync()?;
    Ok(SetAside { file: name, bytes })
}

/// After an unclean end the kernel may hold pages as clean that never reached the disk; a copy in a new file gets
/// them there for certain.
fn onto_fresh_inode(folder: &Folder, end: u64) -> Result<(), OpenError> {
    let source = folder.read(TIMELINE)?;
    folder.replace(TIMELINE, |target| {
        let copied = io::copy(&mut source.take(end), target)?;
        target.flush()?;
        if copied == end { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    })?;
    Ok(())
}

/// Keeps the key beside the timeline, for a hub that comes back.
pub(super) fn write_key(folder: &Folder, key: &SealKey) -> Result<(), OpenError> {
    let mut seed = key.seed();
    let mut text = B64.encode(seed).into_bytes();
    text.push(b'\n');
    let written = folder.make_text(HUB_KEY, &text);
    std::hint::black_box(&mut text).fill(0);
    std::hint::black_box(&mut seed).fill(0);
    Ok(written?)
}

fn read_key(folder: &Folder) -> Result<SealKey, OpenError> {
    let mut text = folder.text(HUB_KEY)?.into_bytes();
    let decoded = B64.decode(text.trim_ascii_end());
    std::hint::black_box(&mut text).fill(0);
    let mut bytes = decoded.map_err(|_| OpenError::Key)?;
    let seed = <[u8; 32]>::try_from(bytes.as_slice());
    std::hint::black_box(&mut bytes).fill(0);
    Ok(SealKey::from_seed(&mut seed.map_err(|_| OpenError::Key)?))
}
