//! Opening a timeline again: check everything, set aside what was never sealed, refuse what became shorter.
//!
//! Never adopts a line without a seal and never drops one silently.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;

use super::{
    Ended, Failed, FileSystems, Folder, FolderError, HUB_KEY, NEXT_KEY, RESERVE, Store, chain, state,
};
use crate::core::event::What;
use crate::timeline::codec;
use crate::timeline::folder::ANCHORS;
use crate::timeline::line::{MAX_BYTES, Parts};
use crate::timeline::seal::{Checkpoint, Origin, Seal, SealError, SealKey, SealVerifier};
use crate::timeline::segment::{self, Chain};
use crate::timeline::tree::{Frontier, Head, parse_hash};
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
    /// A segment's file is not there, though later ones are.
    #[error("{} is missing: the record has a hole there. Refusing to write", segment::name(*.0))]
    Missing(u64),
    /// A segment does not follow the one before it.
    #[error("{}: {why}. Refusing to write", segment::name(*segment))]
    Segment {
        /// Which.
        segment: u64,
        /// Why.
        why: String,
    },
    /// The writer can go on where it is.
    #[error("the segment is not over: nothing failed in it")]
    GoesOn,
    /// No further segment has a name.
    #[error("there are {} segments already", segment::MOST)]
    TooMany,
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
    /// The writer. After [`Ended::WriteFailed`] it is over from the start: go on with [`Store::follow`].
    pub store: Store,
    /// How the writer before ended.
    pub ended: Ended,
    /// What was not sealed, if anything.
    pub set_aside: Option<SetAside>,
}

/// How far the segments hold.
pub(super) struct Scanned {
    pub(super) sealed: Sealed,
    tree: Frontier,
    last: Option<Seal>,
    /// Where each segment begins in the whole.
    starts: Vec<u64>,
    length: u64,
    pub(super) broken: Option<Break>,
    /// What follows the place where it broke.
    rest: Option<BufReader<Chain>>,
    /// Who seals each segment, as the record itself says.
    verifiers: Vec<SealVerifier>,
    /// The sealed heads of the sizes asked for.
    heads: BTreeMap<u64, Head>,
}

/// Walks segments 0 to `last` to the last fitting seal, or to the one of `until` events. Keeps the heads of these sizes.
pub(super) fn scan(
    folder: &Folder,
    last: u64,
    until: Option<u64>,
    sizes: &BTreeSet<u64>,
) -> Result<Scanned, OpenError> {
    let chain = chain(folder, last)?;
    let (starts, length) = (chain.starts(), chain.len());
    let mut walk = Walk::new(BufReader::with_capacity(BUFFER, chain));
    let (mut tree, mut seal, mut heads) = (Frontier::new(), None, BTreeMap::new());
    let mut verifiers = Vec::new();
    let broken = loop {
        let (at, before) = (walk.offset(), walk.sealed());
        if until.is_some_and(|n| before.head.n == n) {
            break None;
        }
        match walk.next() {
            Ok(Some(Item::Seal(here))) => {
                tree = walk.tree().clone();
                if sizes.contains(&here.head.n) {
                    heads.insert(here.head.n, here.head);
                }
                seal = Some(here);
            }
            Ok(Some(Item::Event { parts, .. })) => {
                if let Some(k) = starts.iter().rposition(|start| *start == at) {
                    begins(k, &parts, before, at, &mut verifiers)?;
                }
            }
            Ok(None) => break None,
            Err(Break::Io(e)) => return Err(folder.failed(&segment::name(last), e).into()),
            Err(why) => break Some(why),
        }
    };
    let sealed = walk.sealed();
    let rest = broken.is_some().then(|| walk.into_inner());
    Ok(Scanned { sealed, tree, last: seal, starts, length, broken, rest, verifiers, heads })
}

/// The first event of a segment says who seals it, and each but the first one what it follows.
fn begins(
    k: usize,
    parts: &Parts<'_>,
    before: Sealed,
    at: u64,
    verifiers: &mut Vec<SealVerifier>,
) -> Result<(), OpenError> {
    let what = codec::decode_parts(parts).map(|event| event.what);
    if k == 0 {
        // Its meaning is for whoever folds it; here it only says which checkpoints are of this log.
        if let Ok(What::Opened(opened)) = &what
            && let (Ok(origin), Some(key)) = (Origin::parse(&opened.log), parse_hash(&opened.hub_key))
        {
            verifiers.extend(SealVerifier::new(origin, &key));
        }
        return Ok(());
    }
    let unfit = |why: String| OpenError::Segment { segment: k as u64, why };
    let Ok(What::Continued(data)) = what else {
        return Err(unfit("it does not begin by saying what it follows".to_owned()));
    };
    if before.end != at {
        return Err(unfit("the segment before it has lines behind its last seal".to_owned()));
    }
    let old =
        verifiers.last().ok_or_else(|| unfit("nobody says who sealed the segment before".to_owned()))?;
    verifiers.push(segment::next(old, &before.head, &data).map_err(|e| unfit(e.to_string()))?);
    Ok(())
}

impl Scanned {
    /// In which segment the last seal stands.
    fn sealed_in(&self) -> u64 {
        self.starts.iter().rposition(|start| *start < self.sealed.end).unwrap_or(0) as u64
    }

    /// Where the last segment begins.
    fn start(&self) -> u64 {
        self.starts.last().copied().unwrap_or(0)
    }

    /// Whether the last seal is of this key and name.
    pub(super) fn check(&mut self, verifier: &SealVerifier) -> Result<(), SealError> {
        self.last.as_ref().map_or(Ok(()), |seal| verifier.check(seal))
    }

    /// How many seals of this key stand behind the place where the record broke.
    fn seals_behind(&mut self, verifier: &SealVerifier) -> usize {
        let Some(rest) = self.rest.take() else { return 0 };
        let ours = |seal: &Seal| verifier.check(seal).is_ok();
        match &self.broken {
            None => 0,
            // Here the line that did not fit was a seal itself.
            Some(Break::Root { .. } | Break::Size { .. }) => 1 + seals_after(rest, ours),
            Some(_) => seals_after(rest, ours),
        }
    }

    /// Whether all these heads, seen elsewhere, are of this history.
    fn had(&self, known: &[Head]) -> Result<(), OpenError> {
        let missing = known.iter().filter(|h| h.n > 0 && self.heads.get(&h.n) != Some(h));
        match missing.max_by_key(|h| h.n) {
            Some(h) if h.n > self.sealed.head.n => {
                Err(OpenError::Rollback { found: self.sealed.head.n, known: h.n })
            }
            Some(h) => Err(OpenError::Fork { n: h.n }),
            None => Ok(()),
        }
    }
}

/// How many seals of ours stand behind the place where the record broke.
fn seals_after(mut input: BufReader<Chain>, ours: impl Fn(&Seal) -> bool) -> usize {
    let (mut seals, mut line) = (0, Vec::new());
    loop {
        line.clear();
        match (&mut input).take(MAX_BYTES as u64 + 2).read_until(b'\n', &mut line) {
            Ok(n) if n > 0 => {}
            _ => return seals,
        }
        let whole = line.strip_suffix(b"\n").unwrap_or(&line);
        if Seal::parse(whole).is_ok_and(|s| ours(&s)) {
            seals += 1;
        }
    }
}

/// What the folder's anchors hold, whosever it is.
fn anchored(folder: &Folder) -> Vec<Checkpoint> {
    let Ok(entries) = std::fs::read_dir(folder.path().join(ANCHORS)) else { return Vec::new() };
    entries
        .take(MOST_ANCHORS)
        .filter_map(|entry| {
            let mut text = String::new();
            File::open(entry.ok()?.path()).ok()?.take(65_536).read_to_string(&mut text).ok()?;
            Checkpoint::parse(&text).ok()
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
    /// See [`OpenError`]; nothing of the record was changed then.
    pub fn open(
        path: &Path,
        systems: FileSystems,
        origin: Origin,
        known: &[Head],
    ) -> Result<Opened, OpenError> {
        let folder = Folder::open(path, systems)?;
        let lock = state::lock(&folder)?;
        let present = segment::present(folder.path());
        if let Some(k) = segment::gap(&present) {
            return Err(OpenError::Missing(k));
        }
        let last = present.last().copied().unwrap_or(0);
        let noted = match state::read(&lock) {
            Ended::WriteFailed(f) if f.segment < last => begun_since(&folder, f, last)?,
            other => other,
        };
        let until = match &noted {
            Ended::WriteFailed(f) => Some(f.last),
            Ended::Clean | Ended::Crashed => None,
        };
        let mut anchors = anchored(&folder);
        let sizes = known.iter().chain(anchors.iter().map(|a| &a.head)).map(|head| head.n).collect();
        let mut found = scan(&folder, last, until, &sizes)?;
        if let Some(known) = until.filter(|n| *n > found.sealed.head.n) {
            return Err(OpenError::Rollback { found: found.sealed.head.n, known });
        }
        refuse_old_damage(&mut found, &noted, last)?;
        let (key, verifier) = sealed_by(&folder, &origin, &mut found, last)?;
        // Only those that carry a signature of this record count; anybody can put a file there.
        let ours =
            |a: &Checkpoint| found.verifiers.iter().chain([&verifier]).any(|v| v.check_checkpoint(a).is_ok());
        anchors.retain(ours);
        let heads: Vec<Head> = anchors.iter().map(|a| a.head).chain(known.iter().copied()).collect();
        found.had(&heads)?;
        refuse_damage(&mut found, &verifier, &noted)?;
        take_up(folder, lock, (origin, key), found, noted, last)
    }
}

/// A note about a failure is an old one if a segment behind it was sealed since.
fn begun_since(folder: &Folder, failed: Failed, last: u64) -> Result<Ended, OpenError> {
    let mut found = scan(folder, last, None, &BTreeSet::new())?;
    if found.sealed_in() == last {
        return Ok(Ended::Crashed);
    }
    let behind = found.rest.take().map_or(0, |rest| seals_after(rest, |_| true));
    match found.broken {
        // The batch that begins a segment has one seal: more were acknowledged, whatever broke before them.
        Some(why) if behind > 1 => Err(OpenError::Damaged(why)),
        Some(_) | None => Ok(Ended::WriteFailed(failed)),
    }
}

/// Whose seal is the last one. A hub that ended between sealing the first event of a segment and putting its key in
/// place left that for us.
fn sealed_by(
    folder: &Folder,
    origin: &Origin,
    found: &mut Scanned,
    last: u64,
) -> Result<(SealKey, SealVerifier), OpenError> {
    let k = found.sealed_in();
    let key = read_key(folder, HUB_KEY)?;
    let verifier = SealVerifier::new(origin.of_segment(k), &key.public())?;
    let Err(wrong) = found.check(&verifier) else { return Ok((key, verifier)) };
    if k == 0 || k != last || !folder.has(NEXT_KEY) {
        return Err(wrong.into());
    }
    let next = read_key(folder, NEXT_KEY)?;
    let verifier = SealVerifier::new(origin.of_segment(k), &next.public())?;
    found.check(&verifier)?;
    folder.rename(NEXT_KEY, HUB_KEY)?;
    Ok((next, verifier))
}

/// Only the newest segment was being written: whatever is wrong in an older one, no crash left it.
fn refuse_old_damage(found: &mut Scanned, noted: &Ended, last: u64) -> Result<(), OpenError> {
    if last == 0 || found.sealed.end >= found.start() {
        return Ok(());
    }
    if let Some(why) = found.broken.take() {
        return Err(OpenError::Damaged(why));
    }
    match noted {
        // The writer before was over at an older seal; what follows that never counted.
        Ended::WriteFailed(_) => Ok(()),
        Ended::Clean | Ended::Crashed => {
            let why = "the segment before it has lines behind its last seal".to_owned();
            Err(OpenError::Segment { segment: last, why })
        }
    }
}

/// A crash tears at most the batch being written, and leaves at most that one seal behind.
fn refuse_damage(found: &mut Scanned, verifier: &SealVerifier, noted: &Ended) -> Result<(), OpenError> {
    let torn = if *noted == Ended::Clean { 0 } else { 1 };
    if found.seals_behind(verifier) > torn
        && let Some(why) = found.broken.take()
    {
        return Err(OpenError::Damaged(why));
    }
    Ok(())
}

/// Sets aside what does not count, and hands out the writer.
fn take_up(
    folder: Folder,
    lock: state::Lock,
    whose: (Origin, SealKey),
    found: Scanned,
    noted: Ended,
    last: u64,
) -> Result<Opened, OpenError> {
    let n = found.sealed.head.n;
    // A segment without a seal was never begun: nobody was told of it.
    let unbegun = last > 0 && found.sealed.end <= found.start();
    let ended = match noted {
        Ended::Clean | Ended::Crashed if unbegun => {
            let cause = "the disk failed; how is not noted".to_owned();
            Ended::WriteFailed(Failed { segment: last, last: n, cause })
        }
        other => other,
    };
    if !matches!(ended, Ended::WriteFailed(_)) {
        state::write(&folder, &lock, &Ended::Crashed)?;
    }
    let end = found.sealed.end.saturating_sub(found.start());
    let name = segment::name(last);
    let mut set_aside = match found.length.saturating_sub(found.start() + end) {
        0 => None,
        bytes => Some(aside(&folder, &name, n, (end, bytes))?),
    };
    let (last, end) = if unbegun {
        folder.remove(&name)?;
        folder.sync()?;
        let before = found.starts.iter().rev().nth(1).copied().unwrap_or(0);
        (last - 1, found.sealed.end.saturating_sub(before))
    } else {
        (last, end)
    };
    let name = segment::name(last);
    let there = folder.read(&name)?.metadata().map_err(|e| folder.failed(&name, e))?.len();
    if unbegun && there > end {
        set_aside = Some(aside(&folder, &name, n, (end, there - end))?);
    }
    if folder.has(NEXT_KEY) {
        folder.remove(NEXT_KEY)?;
    }
    if ended != Ended::Clean || set_aside.is_some() {
        // On a full disk this is what the reserve is for; it is made anew below where there is room again.
        folder.remove(RESERVE)?;
        onto_fresh_inode(&folder, &name, end)?;
    }
    let (origin, key) = whose;
    let mut store = Store::at(folder, lock, origin.of_segment(last), key, found.tree, end)?;
    if let Ended::WriteFailed(f) = &ended {
        store.over = Some(f.cause.clone());
    }
    Ok(Opened { store, ended, set_aside })
}

/// Copies what does not count to a file of its own, synced before the original is touched.
fn aside(folder: &Folder, name: &str, n: u64, what: (u64, u64)) -> Result<SetAside, OpenError> {
    let (from, bytes) = what;
    let target = (0..)
        .map(|k: u32| if k == 0 { format!("unsealed.{n}") } else { format!("unsealed.{n}.{k}") })
        .find(|name| !folder.has(name))
        .unwrap_or_default();
    let mut source = folder.read(name)?;
    let mut file = folder.make(&target)?;
    source
        .seek(SeekFrom::Start(from))
        .and_then(|_| io::copy(&mut source, &mut file))
        .and_then(|_| file.sync_all())
        .map_err(|e| folder.failed(&target, e))?;
    folder.sync()?;
    Ok(SetAside { file: target, bytes })
}

/// After an unclean end the kernel may hold pages as clean that never reached the disk; a copy in a new file gets
/// them there for certain.
fn onto_fresh_inode(folder: &Folder, name: &str, end: u64) -> Result<(), OpenError> {
    let source = folder.read(name)?;
    folder.replace(name, |target| {
        let copied = io::copy(&mut source.take(end), target)?;
        target.flush()?;
        if copied == end { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    })?;
    Ok(())
}

/// Keeps the key beside the timeline, for a hub that comes back.
pub(super) fn write_key(folder: &Folder, name: &str, key: &SealKey) -> Result<(), OpenError> {
    let mut seed = key.seed();
    let mut text = B64.encode(seed).into_bytes();
    text.push(b'\n');
    let written = folder.make_text(name, &text);
    std::hint::black_box(&mut text).fill(0);
    std::hint::black_box(&mut seed).fill(0);
    Ok(written?)
}

fn read_key(folder: &Folder, name: &str) -> Result<SealKey, OpenError> {
    let mut text = folder.text(name)?.into_bytes();
    let decoded = B64.decode(text.trim_ascii_end());
    std::hint::black_box(&mut text).fill(0);
    let mut bytes = decoded.map_err(|_| OpenError::Key)?;
    let seed = <[u8; 32]>::try_from(bytes.as_slice());
    std::hint::black_box(&mut bytes).fill(0);
    Ok(SealKey::from_seed(&mut seed.map_err(|_| OpenError::Key)?))
}
