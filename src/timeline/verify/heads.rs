//! Heads that somebody named: the asker, a checkpoint, a signed statement. Each must be one this record had.
//!
//! Never keeps all heads: an index of at most [`MOST_PLACES`] seals says where in the file to look again.

use std::io::{BufRead as _, BufReader, Read as _};

use super::{Back, Check, Report, Segments, root_at};
use crate::core::event::Seen;
use crate::core::time::Stamp;
use crate::timeline::line::MAX_BYTES;
use crate::timeline::seal::{Checkpoint, Seal, SealError, SealVerifier};
use crate::timeline::tree::{Frontier, Head, parse_hash, parse_size};

/// Places of seals kept in memory; when full, every second one is dropped.
const MOST_PLACES: usize = 1 << 16;

/// A head the asker knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Size and root.
    Full(Head),
    /// The short code from a screen or a message: 50 bits of the root.
    Short {
        /// Size.
        n: u64,
        /// The whole code, such as `812-AFGKQ2M7XB`.
        code: String,
    },
}

impl Expected {
    /// Reads `N·root`, `N root`, `N:root` or the short code. `None` if it is none of these.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(head) = Head::parse(text) {
            return Some(Expected::Full(head));
        }
        let code = text.trim().to_ascii_uppercase();
        let (n, letters) = code.split_once('-')?;
        let fine = letters.len() == 10 && letters.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7'));
        let n = parse_size(n).filter(|_| fine)?;
        Some(Expected::Short { n, code })
    }

    fn n(&self) -> u64 {
        match self {
            Expected::Full(head) => head.n,
            Expected::Short { n, .. } => *n,
        }
    }

    fn is(&self, head: &Head) -> bool {
        match self {
            Expected::Full(wanted) => wanted == head,
            Expected::Short { code, .. } => *code == head.short_code(),
        }
    }
}

/// Who named a head, and what follows if it fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// The asker typed it: it vouches for the length.
    Head,
    /// The asker's checkpoint file: likewise.
    Anchor,
    /// The asker's older checkpoint: must be a prefix, vouches for nothing more.
    Since,
    /// Kept beside the record: must be a prefix; whoever can change the record could change it too.
    Beside(String),
}

impl Source {
    fn words(&self) -> String {
        match self {
            Source::Head => "the head you gave".to_owned(),
            Source::Anchor => "the anchor you gave".to_owned(),
            Source::Since => "the older checkpoint".to_owned(),
            Source::Beside(name) => name.clone(),
        }
    }
}

struct Wanted {
    head: Expected,
    source: Source,
    checkpoint: Option<Checkpoint>,
    /// Whether a checkpoint's signature was found to be of this log; nothing else is compared before that.
    ours: bool,
    /// Whether the record came to its size.
    asked: bool,
    met: bool,
    /// When the last of its events says that it happened.
    at: Option<Stamp>,
}

/// A checkpoint that is one of this record's, for whoever looks at the other signatures on it.
pub(super) struct Met {
    /// Where it was found, in words.
    pub(super) place: String,
    pub(super) checkpoint: Checkpoint,
    /// When the last of its events says that it happened.
    pub(super) at: Option<Stamp>,
}

impl Wanted {
    fn leave_out(&self, why: &SealError, report: &mut Report) {
        match &self.source {
            Source::Beside(name) => report.notes.push(format!("{name} is left out: {why}")),
            Source::Head | Source::Anchor | Source::Since => {
                report.fail(Check::Head, 0, format!("{}: {why}", self.source.words()));
            }
        }
    }
}

pub(super) struct Heads {
    wanted: Vec<Wanted>,
    /// The smallest size still to come, so that most events cost one comparison.
    next: u64,
    places: Vec<(u64, u64)>,
    most: usize,
    every: u64,
    seals: u64,
    newest: u64,
    back: Back,
    closed: Option<Head>,
    checked: Option<Head>,
}

impl Heads {
    pub(super) fn new(back: Back) -> Self {
        Heads {
            wanted: Vec::new(),
            next: u64::MAX,
            places: Vec::new(),
            most: MOST_PLACES,
            every: 1,
            seals: 0,
            newest: 0,
            back,
            closed: None,
            checked: None,
        }
    }

    pub(super) fn want(&mut self, head: Expected, source: Source) {
        self.wanted.push(Wanted {
            head,
            source,
            checkpoint: None,
            ours: true,
            asked: false,
            met: false,
            at: None,
        });
        self.plan(0);
    }

    pub(super) fn want_signed(&mut self, checkpoint: Checkpoint, source: Source) {
        let head = Expected::Full(checkpoint.head);
        self.wanted.push(Wanted {
            head,
            source,
            checkpoint: Some(checkpoint),
            ours: false,
            asked: false,
            met: false,
            at: None,
        });
        self.plan(0);
    }

    fn plan(&mut self, from: u64) {
        self.next = self.wanted.iter().map(|w| w.head.n()).filter(|n| *n > from).min().unwrap_or(u64::MAX);
    }

    /// Once the record says who seals a segment: the checkpoints of it must carry that signature. Those beside the
    /// record that do not are left out; those the asker gave are failures.
    pub(super) fn log_is(&mut self, verifier: &SealVerifier, report: &mut Report) {
        self.wanted.retain_mut(|w| {
            let of_it = w.checkpoint.as_ref().filter(|c| c.origin == *verifier.origin());
            match of_it.map(|c| verifier.check_checkpoint(c)) {
                Some(Ok(())) => w.ours = true,
                Some(Err(why)) => {
                    w.leave_out(&why, report);
                    return false;
                }
                None => {}
            }
            true
        });
    }

    /// Called after every event with the tree that now includes it.
    pub(super) fn reached(&mut self, tree: &Frontier, at: Option<Stamp>, report: &mut Report) {
        if tree.len() < self.next {
            return;
        }
        for wanted in self.wanted.iter_mut().filter(|w| w.ours && w.head.n() == tree.len()) {
            let Some(head) = root_at(tree, wanted.head.n()) else { continue };
            (wanted.asked, wanted.at) = (true, at);
            if wanted.head.is(&head) {
                wanted.met = true;
            } else {
                let why = format!("{} names another history of {} events", wanted.source.words(), head.n);
                report.fail(Check::Head, head.n.saturating_sub(1), why);
            }
        }
        self.plan(tree.len());
    }

    /// A fitting seal stands at this offset.
    pub(super) fn sealed(&mut self, n: u64, at: u64) {
        self.newest = n;
        if self.seals.is_multiple_of(self.every) {
            if self.places.len() == self.most {
                let mut keep = false;
                self.places.retain(|_| {
                    keep = !keep;
                    keep
                });
                self.every *= 2;
            }
            if self.seals.is_multiple_of(self.every) {
                self.places.push((n, at));
            }
        }
        self.seals += 1;
    }

    /// The head that a closing statement names and its signer vouches for.
    pub(super) fn closed(&mut self, head: Head) {
        self.closed = Some(head);
    }

    /// Whether this is a head the record had before; says why not.
    pub(super) fn check_seen(&mut self, seen: &Seen) -> Result<Head, String> {
        let root = parse_hash(&seen.root).ok_or("the head it names is not one")?;
        let head = Head { n: seen.n, root };
        if head == Head::empty() || self.checked == Some(head) {
            return Ok(head);
        }
        if head.n > self.newest {
            return Err(format!(
                "it names a head of {} events, of which only {} were sealed",
                head.n, self.newest
            ));
        }
        match self.find(head.n) {
            Some(seal) if seal.head == head => {
                self.checked = Some(head);
                Ok(head)
            }
            Some(_) => Err(format!("it names another history of {} events", head.n)),
            None => Err(format!("the record was never sealed at {} events", head.n)),
        }
    }

    /// Reads the seal of exactly `n` events again, from the nearest known place before it.
    fn find(&mut self, n: u64) -> Option<Seal> {
        let before = self.places.partition_point(|(size, _)| *size <= n).checked_sub(1)?;
        let (_, at) = *self.places.get(before)?;
        let file = self.back.as_mut()?;
        file.go_to(at).ok()?;
        let mut input = BufReader::with_capacity(4096, file);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = (&mut input).take(MAX_BYTES as u64 + 2).read_until(b'\n', &mut line).ok()?;
            if read == 0 {
                return None;
            }
            let Ok(seal) = Seal::parse(line.strip_suffix(b"\n").unwrap_or(&line)) else { continue };
            if seal.head.n >= n {
                return (seal.head.n == n).then_some(seal);
            }
        }
    }

    pub(super) fn finish(&mut self, end: Head, seals: &Segments, report: &mut Report) -> Vec<Met> {
        for wanted in &self.wanted {
            let (n, words) = (wanted.head.n(), wanted.source.words());
            if !wanted.ours {
                wanted.leave_out(&SealError::OtherLog, report);
            } else if n > end.n {
                let why =
                    format!("{words} has {n} events, the record only {}: it was cut or rolled back", end.n);
                report.fail(Check::Head, end.n, why);
            } else if n == 0 && !wanted.head.is(&Head::empty()) {
                report.fail(Check::Head, 0, format!("{words} is not a head of an empty record"));
            } else if n > 0 && !wanted.asked {
                let why = format!("{words} is of a segment that begins behind its {n} events");
                report.fail(Check::Head, n.saturating_sub(1), why);
            } else if wanted.met && matches!(wanted.source, Source::Head | Source::Anchor) {
                anchor(report, n, words);
            } else if wanted.met {
                report.notes.push(format!("{words}: the first {n} events are its history"));
            }
        }
        if let Some(head) = self.closed {
            // A person's signature stands on this seal, so it is checked by itself.
            let sound =
                self.find(head.n).is_some_and(|s| seals.of(s.head.n).is_some_and(|v| v.check(&s).is_ok()));
            if sound {
                report.closed = true;
                anchor(report, head.n, "the signed close statement".to_owned());
            } else {
                report.fail(Check::Seal, head.n.saturating_sub(1), "the seal that was closed is not sound");
            }
        }
        let met = self.wanted.drain(..).filter(|wanted| wanted.met);
        met.filter_map(|w| Some(Met { place: w.source.words(), checkpoint: w.checkpoint?, at: w.at }))
            .collect()
    }
}

fn anchor(report: &mut Report, n: u64, by: String) {
    if report.anchored.as_ref().is_none_or(|(best, _)| *best < n) {
        report.anchored = Some((n, by));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::evidence::Evidence;
    use crate::timeline::folder::TIMELINE;
    use crate::timeline::seal::{Origin, SealKey};
    use crate::timeline::tree::leaf_hash;

    fn seen(head: &Head) -> Seen {
        Seen { n: head.n, root: head.root_b64() }
    }

    #[test]
    fn every_old_head_is_found_again_however_few_places_are_kept() {
        let key = SealKey::from_seed(&mut [8; 32]);
        let origin = Origin::parse("backout.local/x").unwrap();
        let place = tempfile::tempdir().unwrap();
        let (mut tree, mut file, mut seals) = (Frontier::new(), String::new(), Vec::new());
        for batch in 0..60u64 {
            for _ in 0..=batch % 3 {
                let line = format!("{{\"seq\":{}}}", tree.len());
                tree.push(leaf_hash(line.as_bytes()));
                file.push_str(&(line + "\n"));
            }
            seals.push((tree.head(), file.len() as u64));
            file.push_str(&(key.seal(&origin, &tree.head()).line() + "\n"));
        }
        std::fs::write(place.path().join(TIMELINE), file).unwrap();
        let mut heads = Heads::new(Evidence::open(place.path()).unwrap().record().unwrap());
        heads.most = 4;
        for (head, at) in &seals {
            heads.sealed(head.n, *at);
        }
        assert!(heads.places.len() <= 4);
        for (head, _) in &seals {
            assert_eq!(heads.check_seen(&seen(head)), Ok(*head));
            let other = Head { root: [9; 32], ..*head };
            assert!(heads.check_seen(&seen(&other)).is_err());
        }
        let never_sealed = Head { n: 2, root: [1; 32] };
        assert!(heads.check_seen(&seen(&never_sealed)).is_err());
        let future = Head { n: tree.len() + 1, root: tree.root() };
        assert!(heads.check_seen(&seen(&future)).unwrap_err().contains("only"));
        assert_eq!(heads.check_seen(&seen(&Head::empty())), Ok(Head::empty()));
    }

    #[test]
    fn a_known_head_is_read_in_every_form_people_write_it() {
        let head = Head { n: 12, root: [7; 32] };
        for text in [head.to_string(), format!("12 {}", head.root_b64()), head.short_code().to_lowercase()] {
            assert!(Expected::parse(&text).unwrap().is(&head), "{text}");
        }
        for text in ["", "12", "12-AFGK", "x-AFGKQ2M7XB", "12-AFGKQ2M7X1"] {
            assert_eq!(Expected::parse(text), None, "{text}");
        }
    }
}
