//! When people were last in another incident of this state folder, for the prompt to rest. Never reads more than the
//! records that were written within the gap that matters, and never fails: what cannot be read says nothing.

use crate::core::event::Actor;
use crate::core::id::PersonId;
use crate::core::time::Stamp;
use crate::timeline::codec;
use crate::timeline::segment;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

/// So many bytes of one record are read at most.
const MOST_BYTES: u64 = 64 << 20;
/// So many records are looked at: a hub must not start late because a folder is full.
const MOST_RECORDS: usize = 64;

/// The newest act of everybody in the incidents beside this one, as far as it is not older than `gap`.
pub fn last_seen(dir: &Path, gap: Duration, now: Stamp) -> BTreeMap<PersonId, Stamp> {
    let mut last = BTreeMap::new();
    let beside = dir.parent().map(std::fs::read_dir).into_iter().flatten().flatten().flatten();
    let others = beside.map(|e| e.path()).filter(|path| path.file_name() != dir.file_name());
    let files = others.flat_map(|dir| {
        let segments = segment::present(&dir).into_iter().map(segment::name);
        segments.map(|name| dir.join(name)).collect::<Vec<_>>()
    });
    let recent = files.filter(|path| is_recent(path, gap, now));
    for path in recent.take(MOST_RECORDS) {
        read(&path, &mut last);
    }
    last.retain(|_, at| now.since(*at) < gap);
    last
}

fn is_recent(path: &Path, gap: Duration, now: Stamp) -> bool {
    let Ok(about) = std::fs::symlink_metadata(path) else { return false };
    let written = about.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let written = written.and_then(|at| i64::try_from(at.as_micros()).ok()).map(Stamp);
    about.is_file() && written.is_some_and(|at| now.since(at) < gap)
}

fn read(path: &Path, last: &mut BTreeMap<PersonId, Stamp>) {
    let Ok(file) = File::open(path) else { return };
    for line in BufReader::new(file.take(MOST_BYTES)).split(b'\n').map_while(Result::ok) {
        // Seals are no events, and neither is what somebody else wrote there.
        let Ok(event) = codec::decode(&line) else { continue };
        if let Actor::Person(person) = event.actor {
            let at = last.entry(person).or_insert(event.at);
            *at = (*at).max(event.at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::event::{Event, Noted};
    use crate::timeline::folder::TIMELINE;

    fn line(who: &str, at: Stamp) -> String {
        let event = Event {
            seq: 3,
            at,
            actor: Actor::Person(PersonId::parse(who).unwrap()),
            what: Noted {}.into(),
            payload: Vec::new(),
            auth: None,
        };
        String::from_utf8(codec::encode(&event).unwrap()).unwrap()
    }

    #[test]
    fn only_other_and_recent_incidents_count() {
        let place = tempfile::tempdir().unwrap();
        let now = crate::hub::clock::now();
        let an_hour_ago = Stamp(now.0 - 3_600_000_000);
        let long_ago = Stamp(now.0 - 90_000_000_000);
        for (incident, text) in [
            ("a", format!("{}\n{}\nnonsense\n", line("ana", long_ago), line("ana", an_hour_ago))),
            ("b", line("ben", long_ago)),
            ("this", line("cho", an_hour_ago)),
        ] {
            std::fs::create_dir(place.path().join(incident)).unwrap();
            std::fs::write(place.path().join(incident).join(TIMELINE), text).unwrap();
        }
        let gap = Duration::from_secs(10 * 3600);
        let seen = last_seen(&place.path().join("this"), gap, now);
        assert_eq!(seen, [(PersonId::parse("ana").unwrap(), an_hour_ago)].into());
    }
}
