//! Taking hold of the record: making it, or finding it again after the hub before. Never goes on with a record that
//! does not hold.

use crate::core::apply::apply;
use crate::core::event::{Seen, What};
use crate::core::incident::{Incident, Stage};
use crate::core::intent::Intent;
use crate::error::{Failure, Result};
use crate::hub::clock;
use crate::hub::layout::{self, Opening};
use crate::hub::log::{Log, speaks};
use crate::hub::pinned::Pinned;
use crate::hub::room::{self, Writer};
use crate::timeline::folder::{FileSystems, Folder, FolderError, HUB_KEY, PAYLOADS, TIMELINE};
use crate::timeline::payload::{Parts, PayloadError, Payloads};
use crate::timeline::seal::{Origin, SealKey};
use crate::timeline::segment;
use crate::timeline::store::{Ended, OpenError, Opened, Store};
use crate::timeline::walk::{Item, Walk};
use crate::timeline::{amended, codec};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;
use std::collections::BTreeSet;
use std::io::BufReader;
use std::path::Path;

/// A record in hand.
#[derive(Debug)]
pub struct Hold {
    /// The incident as recorded.
    pub incident: Incident,
    /// Its only writer.
    pub writer: Writer,
    /// All that is sealed.
    pub log: Log,
    /// What was found, in a sentence, when this is not the first hub.
    pub found: Option<String>,
}

/// Makes the record of a prepared folder, or opens the one that is there.
///
/// # Errors
/// Another hub has it, it does not hold, or the opening act does not count.
pub fn take_hold(dir: &Path, pinned: &Pinned, opening: &Opening) -> Result<Hold> {
    let Intent::Open(opened) = &opening.act.intent else {
        return Err(Failure::environment(format!("{} opens nothing", dir.join(layout::OPENING).display())));
    };
    pinned.matches(&opened.pinned)?;
    layout::own_folders(dir)?;
    if opened.policies != pinned.config.policies.pinned(pinned.runbook.class) {
        return Err(Failure::refused("the opening names other policies than the workspace's copy has"));
    }
    let origin = Origin::parse(&opened.log)
        .map_err(|e| Failure::environment(format!("`{}` cannot be a log's name", opened.log)).because(e))?;
    let there = !segment::present(dir).is_empty() || std::fs::symlink_metadata(dir.join(TIMELINE)).is_ok();
    let Before { store, mut found, failed } = if there { again(dir, origin)? } else { first(dir, origin)? };
    // Known only to this process now; the next one is told who it is.
    layout::replace(&dir.join(layout::PID), format!("{}\n", std::process::id()).as_bytes())?;
    let mut incident = Incident::new(pinned.runbook.clone(), pinned.team.clone());
    amended::offer(&mut incident, |name| layout::read(dir, name).ok());
    let log = Log::new();
    if store.head().n > 0 {
        fold(dir, &store, &mut incident, &log)?;
    }
    if incident.stage == Stage::Closed {
        return Err(Failure::refused("the incident is closed; nothing more is written")
            .hint("`backout verify` says whether the record holds"));
    }
    let kept =
        |why: PayloadError| Failure::environment("what the events commit to cannot be kept").because(why);
    let payloads = Payloads::open(store.folder(), store.head().n).map_err(kept)?;
    let mut writer = match failed {
        Some(failed) => {
            let begun = store.head().n > 0;
            if !begun {
                return Err(Failure::environment("the disk failed before anything was recorded")
                    .because(failed.cause)
                    .hint("open the incident anew, on a disk that works"));
            }
            go_on(dir, (store, payloads), &mut incident, &log, failed)?
        }
        None => Writer::new(store, payloads),
    };
    // The hub before may have ended between recording a removal and doing it.
    let gone: Vec<(u64, u32)> = incident.redacted.keys().copied().collect();
    if !gone.is_empty() {
        gone.iter().for_each(|(seq, _)| log.forget(*seq));
        writer
            .remove(&gone)
            .map_err(|e| Failure::environment("what was to be removed cannot be removed").because(e))?;
    }
    if incident.stage == Stage::Empty {
        found = None;
        begin(&mut incident, &mut writer, &log, pinned, opening)?;
    }
    Ok(Hold { incident, writer, log, found })
}

/// The record as it was found.
struct Before {
    store: Store,
    found: Option<String>,
    failed: Option<Failing>,
}

/// A disk that failed under the hub before.
struct Failing {
    cause: String,
    set_aside: Option<String>,
}

/// A new segment behind the one that the disk failed under. Everything else carries over: state is what all segments
/// say together.
fn go_on(
    dir: &Path,
    held: (Store, Payloads),
    incident: &mut Incident,
    log: &Log,
    failed: Failing,
) -> Result<Writer> {
    let (store, mut payloads) = held;
    let broken = |why: String| {
        let failure = Failure::environment("the record cannot go on in a new segment").because(why);
        failure.hint(layout::elsewhere(dir))
    };
    // Of what the failed disk said it had kept, nothing is believed: all of it is written anew.
    payloads.remove(store.folder(), &[]).map_err(|e| broken(e.to_string()))?;
    let key = SealKey::random().map_err(|e| Failure::environment("no key can be made").because(e))?;
    let (store, first) = store.follow(key, failed.set_aside).map_err(|e| broken(e.to_string()))?;
    let mut writer = Writer::new(store, payloads);
    room::go_on(incident, &mut writer, log, first, clock::now()).map_err(broken)?;
    writer.settle().map_err(|e| broken(e.to_string()))?;
    tracing::warn!(
        cause = failed.cause,
        segment = incident.segment_log(),
        "the record goes on in a new segment"
    );
    Ok(writer)
}

fn first(dir: &Path, origin: Origin) -> Result<Before> {
    let folder = Folder::open(dir, FileSystems::LocalOnly)
        .map_err(|e| Failure::environment("the incident's folder cannot be used").because(e))?;
    let key = SealKey::random().map_err(|e| Failure::environment("no key can be made").because(e))?;
    let store = Store::create(folder, origin, key).map_err(|e| cannot_open(dir, &e))?;
    Ok(Before { store, found: None, failed: None })
}

fn again(dir: &Path, origin: Origin) -> Result<Before> {
    // The hub that closes a record throws its key away: nothing can be sealed under it ever again.
    let is_file = |name| std::fs::symlink_metadata(dir.join(name)).is_ok_and(|m| m.is_file());
    if is_file(TIMELINE) && std::fs::symlink_metadata(dir.join(HUB_KEY)).is_err() {
        return Err(Failure::refused("the incident is closed; nothing more is written")
            .because("the key that sealed its record is gone")
            .hint("`backout verify` says whether the record holds"));
    }
    let Opened { store, ended, set_aside } =
        Store::open(dir, FileSystems::LocalOnly, origin, &[]).map_err(|e| cannot_open(dir, &e))?;
    let mut failed = None;
    let mut found = match ended {
        Ended::Clean => "the hub before ended in order".to_owned(),
        Ended::Crashed => "the hub before ended without a word".to_owned(),
        Ended::WriteFailed(f) => {
            let set_aside = set_aside.as_ref().map(|aside| aside.file.clone());
            failed = Some(Failing { cause: f.cause.clone(), set_aside });
            format!("the disk of the hub before failed ({}), and a new segment was begun", f.cause)
        }
    };
    if let Some(aside) = set_aside {
        found.push_str(&format!("; {} bytes that were never sealed are in {}", aside.bytes, aside.file));
    }
    Ok(Before { store, found: Some(found), failed })
}

fn cannot_open(dir: &Path, error: &OpenError) -> Failure {
    match error {
        OpenError::Locked => {
            let pid = layout::read(dir, layout::PID).unwrap_or_default();
            let pid = String::from_utf8_lossy(&pid).trim().parse::<u32>();
            let who = pid.map_or_else(|_| String::new(), |pid| format!(" (pid {pid})"));
            Failure::environment(format!("another hub holds this incident{who}"))
                .hint("`backout join` attaches to it")
        }
        other => {
            let failure = Failure::environment("the record cannot be opened").because(other);
            match other {
                OpenError::Folder(FolderError::Io { why, .. }) => layout::with_hint(failure, dir, why),
                _ => failure,
            }
        }
    }
}

/// Reads what is sealed into the log and folds it.
fn fold(dir: &Path, store: &Store, incident: &mut Incident, log: &Log) -> Result<()> {
    let broken = |why: String| Failure::environment("the record cannot be read").because(why);
    let record = store.record().map_err(|e| broken(e.to_string()))?;
    let mut walk = Walk::new(BufReader::new(record));
    let (mut text, mut first) = (String::new(), 0);
    let mut speaking = BTreeSet::new();
    while let Some(item) = walk.next().map_err(|e| broken(e.to_string()))? {
        match item {
            Item::Event { seq, line, parts, .. } => {
                let event = codec::decode_parts(&parts).map_err(|e| broken(format!("event {seq}: {e}")))?;
                if let What::Amended(amended) = &event.what
                    && !incident.library.contains_key(&amended.runbook)
                {
                    return Err(broken(format!(
                        "event {seq}: the amended runbook {} is missing",
                        amended.runbook
                    )));
                }
                apply(incident, &event);
                if speaks(&event.what) && !event.payload.is_empty() {
                    speaking.insert(seq);
                }
                text.push_str(&String::from_utf8_lossy(line));
                text.push('\n');
            }
            Item::Seal(seal) => {
                text.push_str(&seal.line());
                text.push('\n');
                let head = Seen { n: seal.head.n, root: seal.head.root_b64() };
                log.push(first, &text, head);
                first = seal.head.n;
                text.clear();
            }
        }
    }
    said_before(store, &speaking, log);
    if incident.hub_key() != B64.encode(store.public_key()) {
        return Err(broken(format!("the key in {} is not the one the record names", dir.display())));
    }
    Ok(())
}

/// What notes and messages said before this hub. A part that cannot be read is not shown; the verifier names it.
fn said_before(store: &Store, speaking: &BTreeSet<u64>, log: &Log) {
    let Ok(file) = store.folder().read(PAYLOADS) else { return };
    let mut parts = Parts::new(BufReader::new(file));
    while let Ok(Some(part)) = parts.next() {
        if speaking.contains(&part.seq) {
            log.say(part.seq, room::wire_part(&part));
        }
    }
}

/// The first event: the opener's act with this hub's key in it.
fn begin(
    incident: &mut Incident,
    writer: &mut Writer,
    log: &Log,
    pinned: &Pinned,
    opening: &Opening,
) -> Result<()> {
    let mut act = opening.act.clone();
    if let Intent::Open(opened) = &mut act.intent {
        opened.hub_key = B64.encode(writer.store().public_key());
        opened.program = env!("CARGO_PKG_VERSION").to_owned();
    }
    room::open(incident, writer, log, &pinned.judge, &act, clock::now())
        .map_err(|why| Failure::refused("the incident cannot be opened").because(why))
}
