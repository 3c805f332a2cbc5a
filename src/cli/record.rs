//! Incidents on disk: finding one by name, and folding its record without a hub. Never writes.

use crate::core::event::{Event, What};
use crate::core::id::Digest;
use crate::core::incident::Incident;
use crate::core::replay;
use crate::error::{Failure, Result};
use crate::hub::layout;
use crate::timeline::codec;
use crate::timeline::evidence::Evidence;
use crate::timeline::payload::Parts;
use crate::timeline::segment::Chain;
use crate::timeline::tree::Head;
use crate::timeline::walk::{Item, Walk};
use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A record as read from disk.
#[derive(Debug)]
pub struct Record {
    /// Its folder.
    pub dir: PathBuf,
    /// The incident folded from it.
    pub incident: Incident,
    /// Its last sealed head.
    pub head: Head,
    /// The first thing that did not hold; nothing after it counts.
    pub broken: Option<String>,
}

/// Every incident's folder, oldest first.
pub fn all(state: &Path) -> Result<Vec<PathBuf>> {
    let dir = state.join("incidents");
    let entries = match std::fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => return Err(layout::closed(&dir, e)),
        Err(e) => return Err(Failure::environment(format!("cannot read {}", dir.display())).because(e)),
    };
    let mut found: Vec<PathBuf> = entries
        .filter_map(|e| e.ok())
        .map(|e| e.path())
        .filter(|p| p.join("timeline.jsonl").is_file())
        .collect();
    // A ULID begins with its time, so names sort by age.
    found.sort();
    Ok(found)
}

/// The folder of the incident that a name means: a path, an id, the beginning of one, or nothing for the newest.
///
/// # Errors
/// When there is none, or several.
pub fn find(state: &Path, name: Option<&str>) -> Result<PathBuf> {
    if let Some(path) = name.map(Path::new) {
        match std::fs::metadata(path.join("timeline.jsonl")) {
            Ok(there) if there.is_file() => return Ok(path.to_owned()),
            Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {
                return Err(layout::closed(path, e));
            }
            Ok(_) | Err(_) => {}
        }
    }
    if let Some(name) = name.filter(|name| name.len() == 26 && !name.contains('/')) {
        // Somebody who was let in by name cannot list what else there is.
        let dir = state.join("incidents").join(name.to_ascii_uppercase());
        if std::fs::metadata(dir.join("timeline.jsonl")).is_ok_and(|m| m.is_file()) {
            return Ok(dir);
        }
    }
    let all = all(state)?;
    let id = |p: &PathBuf| p.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let none = |what: String| {
        Err(Failure::environment(what)
            .hint(format!("incidents are kept in {}; see `backout list`", state.join("incidents").display())))
    };
    let Some(name) = name else {
        return match all.last() {
            Some(newest) => Ok(newest.clone()),
            None => none("there is no incident".to_owned()),
        };
    };
    let wanted = name.to_ascii_uppercase();
    let fitting: Vec<&PathBuf> = all.iter().filter(|p| id(p).starts_with(&wanted)).collect();
    match fitting.as_slice() {
        [one] => Ok((*one).clone()),
        [] => none(format!("there is no incident `{name}`")),
        [_, _, ..] => Err(Failure::usage(format!("`{name}` could be any of {} incidents", fitting.len()))
            .hint("give more of its id")),
    }
}

/// The id of an incident's pinned runbook; cheaper than its record.
pub fn runbook_id(dir: &Path) -> Option<String> {
    of_runbook(dir, "id")
}

/// The service of an incident's pinned runbook; cheaper than its record.
pub fn service(dir: &Path) -> Option<String> {
    of_runbook(dir, "service")
}

fn of_runbook(dir: &Path, key: &str) -> Option<String> {
    let bytes = std::fs::read(dir.join("runbook.yaml")).ok()?;
    let root = crate::runbook::yaml::parse_bytes("runbook.yaml", &bytes).ok()?;
    match &root.get(key)?.value {
        crate::runbook::yaml::Value::Scalar(text) => Some(text.text.clone()),
        crate::runbook::yaml::Value::List(_) | crate::runbook::yaml::Value::Map(_) => None,
    }
}

/// Folds a record from disk, as far as it holds.
///
/// # Errors
/// When its files cannot be read at all.
pub fn load(dir: &Path) -> Result<Record> {
    let read = |name: &str| {
        let path = dir.join(name);
        std::fs::read(&path)
            .map_err(|e| Failure::environment(format!("cannot read {}", path.display())).because(e))
    };
    let runbook = crate::runbook::load("runbook.yaml", &read("runbook.yaml")?).map_err(|findings| {
        let first = findings.first().map(|f| f.message.clone()).unwrap_or_default();
        Failure::environment(format!("the pinned runbook of {} cannot be read", dir.display())).because(first)
    })?;
    let (team, findings) = crate::workspace::team::decode("team.yaml", &read("team.yaml")?);
    let team = team.ok_or_else(|| {
        let first = findings.first().map(|f| f.message.clone()).unwrap_or_default();
        Failure::environment(format!("the pinned team of {} cannot be read", dir.display())).because(first)
    })?;
    let mut incident = Incident::new(Arc::new(runbook.runbook), Arc::new(team));
    crate::timeline::amended::offer(&mut incident, |name| std::fs::read(dir.join(name)).ok());
    let record = Evidence::open(dir).and_then(|evidence| evidence.whole_record());
    let record = record.map_err(|e| {
        Failure::environment(format!("cannot read the record in {}", dir.display())).because(e)
    })?;
    let (head, broken) = fold(&mut incident, BufReader::new(record));
    Ok(Record { dir: dir.to_owned(), incident, head, broken })
}

/// Shows every sealed event of a record, in order, without putting it to the rules.
pub fn each_event(dir: &Path, show: &mut impl FnMut(&Event)) {
    let Ok(record) = Evidence::open(dir).and_then(|evidence| evidence.whole_record()) else { return };
    let mut walk = Walk::new(BufReader::new(record));
    let mut batch: Vec<Event> = Vec::new();
    while let Ok(Some(item)) = walk.next() {
        match item {
            Item::Event { parts, .. } => match codec::decode_parts(&parts) {
                Ok(event) => batch.push(event),
                Err(_) => return,
            },
            Item::Seal(_) => batch.drain(..).for_each(|event| show(&event)),
        }
    }
}

/// What was written beside the record, as text, by event.
pub fn texts(dir: &Path) -> BTreeMap<u64, String> {
    let Ok(file) = std::fs::File::open(dir.join("payloads.jsonl")) else { return BTreeMap::new() };
    let mut parts = Parts::new(BufReader::new(file));
    let mut out: BTreeMap<u64, String> = BTreeMap::new();
    while let Ok(Some(part)) = parts.next() {
        out.entry(part.seq).or_default().push_str(&String::from_utf8_lossy(&part.data));
    }
    out
}

/// The runbook that counted last: the pinned one, or the last amendment.
pub fn last_runbook(dir: &Path) -> PathBuf {
    let mut amended: Option<Digest> = None;
    each_event(dir, &mut |event| {
        if let What::Amended(a) = &event.what {
            amended = Some(a.runbook);
        }
    });
    let named = |digest: Digest| {
        let files =
            (1..).map(|n| dir.join(crate::timeline::amended::name(n))).take_while(|path| path.is_file());
        files.into_iter().find(|path| std::fs::read(path).is_ok_and(|bytes| Digest::of(&bytes) == digest))
    };
    amended.and_then(named).unwrap_or_else(|| dir.join("runbook.yaml"))
}

/// Applies what is sealed; what is not sealed does not count.
fn fold(incident: &mut Incident, input: BufReader<Chain>) -> (Head, Option<String>) {
    let mut walk = Walk::new(input);
    let mut batch: Vec<Event> = Vec::new();
    let broken = loop {
        match walk.next() {
            Ok(None) => break None,
            Err(e) => break Some(e.to_string()),
            Ok(Some(Item::Event { parts, seq, .. })) => match codec::decode_parts(&parts) {
                Ok(event) => batch.push(event),
                Err(e) => break Some(format!("event {seq}: {e}")),
            },
            Ok(Some(Item::Seal(_))) => {
                let illegal = batch.drain(..).find_map(|event| {
                    let wrong = replay::check(incident, &event).err()?;
                    Some(format!("event {} (`{}`): {wrong}", event.seq, event.what.kind()))
                });
                if illegal.is_some() {
                    break illegal;
                }
            }
        }
    };
    (walk.sealed().head, broken)
}
