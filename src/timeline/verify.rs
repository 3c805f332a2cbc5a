//! The judge: reads a whole record once and says which check failed at which event.
//!
//! Order of work for every event: bytes and form, sequence, tree, who signed it, what it commits to, and whether the
//! rules allowed it. Memory stays flat at any length. Never counts a line behind the last seal, and never says
//! "verified" of a record whose length nobody outside it vouches for.

use std::io::BufReader;

use super::amended;
use super::codec;
use super::evidence::{Evidence, EvidenceError};
use super::folder::TIMELINE;
use super::line::Parts;
use super::seal::{Checkpoint, Origin, Seal, SealError, SealVerifier};
use super::segment::{self, Chain};
use super::tree::{Frontier, Head};
use super::walk::{Break, Item, Sealed, Walk};
use crate::core::event::{Continued, Event, Policies, What};
use crate::core::incident::Incident;
use crate::core::time::Stamp;
use crate::core::{replay, review};
use crate::identity::WitnessKey;

mod heads;
mod parts;
mod people;
mod pinned;
mod report;
mod witnesses;

pub use heads::Expected;
pub use people::Roster;
pub use report::{Check, Finding, Redacted, Report, RosterSource, Verdict, Witnessed};

use heads::{Heads, Source};
use parts::Payloads;
use people::People;

/// Reading goes through a buffer of this size.
const BUFFER: usize = 256 * 1024;

/// Signatures of this many seals are all checked; of a longer record the last one, and those that people named. The
/// seals between stand on their roots, which the later ones confirm.
const EVERY_SEAL: u64 = 4096;

/// What is asked.
#[derive(Debug)]
pub struct Ask {
    /// The incident before its first event, under the runbook and team that came with the record. `None` leaves the
    /// rules unchecked, and then nothing is ever called verified.
    pub start: Option<Incident>,
    /// Whose keys count.
    pub roster: Roster,
    /// Heads that the asker knows from elsewhere.
    pub expected: Vec<Expected>,
    /// Checkpoints that the asker knows from elsewhere, signed by the log.
    pub anchors: Vec<Checkpoint>,
    /// An older checkpoint that must be the beginning of this record.
    pub since: Option<Checkpoint>,
    /// Witnesses whose keys are known, and from where.
    pub witnesses: Vec<(WitnessKey, RosterSource)>,
    /// What the workspace's copy says was agreed on. `None` when nobody could read it.
    pub policies: Option<Policies>,
}

impl Ask {
    /// Under the bundled roster, without any head from elsewhere.
    #[must_use]
    pub fn new(start: Incident) -> Self {
        Ask {
            start: Some(start),
            roster: Roster::Bundled,
            expected: Vec::new(),
            anchors: Vec::new(),
            since: None,
            witnesses: Vec::new(),
            policies: None,
        }
    }
}

/// Checks a record from its first byte to its last.
///
/// # Errors
/// It cannot be read at all. Everything that is wrong with what was read is in the report.
pub fn verify(evidence: &Evidence, ask: Ask) -> Result<Report, EvidenceError> {
    let file = evidence.whole_record()?;
    let (bytes, starts) = (file.len(), file.starts());
    let mut walk = Walk::new(BufReader::with_capacity(BUFFER, file));
    let mut judge = Judge::new(evidence, ask)?;
    judge.all_there(&starts, bytes, evidence);
    let broken = loop {
        let (at, sealed) = (walk.offset(), walk.sealed());
        match walk.next() {
            Ok(Some(Item::Event { seq, parts, .. })) => {
                let begins = starts.iter().rposition(|start| *start == at).filter(|k| *k > 0);
                judge.event(seq, &parts, &Place { begins, at, sealed })?;
            }
            Ok(Some(Item::Seal(seal))) => {
                judge.seal(seal, at);
                continue;
            }
            Ok(None) => break None,
            Err(Break::Io(why)) => {
                return Err(EvidenceError::Io { what: TIMELINE.to_owned(), why });
            }
            Err(why) => break Some(why),
        }
        judge.heads.reached(walk.tree(), judge.last_at, &mut judge.report);
    };
    let tail = bytes.saturating_sub(walk.sealed().end);
    judge.finish(walk.sealed().head, tail, broken)
}

/// Where an event stands.
struct Place {
    /// Which segment it is the first event of; the first segment is not asked.
    begins: Option<usize>,
    /// Its offset in the whole record.
    at: u64,
    /// The last seal before it.
    sealed: Sealed,
}

/// Everything that is known while the record streams past.
struct Judge {
    report: Report,
    /// `None` once an event was illegal: after that the state means nothing.
    incident: Option<Incident>,
    /// Who seals, of each segment so far.
    seals: Segments,
    heads: Heads,
    people: People,
    payloads: Payloads,
    evidence: Evidence,
    /// The newest seal whose signature was not looked at yet.
    last_seal: Option<Seal>,
    policies: Option<Policies>,
    /// When the newest event says that it happened.
    last_at: Option<Stamp>,
    witnesses: Vec<(WitnessKey, RosterSource)>,
}

impl Judge {
    fn new(evidence: &Evidence, ask: Ask) -> Result<Self, EvidenceError> {
        let mut report = Report::new(match ask.roster {
            Roster::Auditor { .. } => RosterSource::Auditor,
            Roster::Bundled => RosterSource::Bundled,
        });
        report.rules_checked = ask.start.is_some();
        let mut heads = Heads::new(evidence.record()?);
        for expected in ask.expected {
            heads.want(expected, Source::Head);
        }
        for checkpoint in ask.anchors {
            heads.want_signed(checkpoint, Source::Anchor);
        }
        if let Some(checkpoint) = ask.since {
            heads.want_signed(checkpoint, Source::Since);
        }
        for name in evidence.anchors() {
            let text = evidence.bytes(&name)?.and_then(|b| String::from_utf8(b).ok()).unwrap_or_default();
            match Checkpoint::parse(&text) {
                Ok(checkpoint) => heads.want_signed(checkpoint, Source::Beside(name)),
                Err(e) => report.notes.push(format!("{name} is left out: {e}")),
            }
        }
        let mut incident = ask.start;
        if let Some(incident) = &mut incident {
            amended::offer(incident, |name| evidence.bytes(name).ok().flatten());
        }
        Ok(Judge {
            report,
            incident,
            seals: Segments::default(),
            heads,
            people: People::new(ask.roster, evidence)?,
            payloads: Payloads::new(evidence)?,
            evidence: evidence.clone(),
            last_seal: None,
            policies: ask.policies,
            last_at: None,
            witnesses: ask.witnesses,
        })
    }

    /// Says what of the segments is missing or empty before a line is read.
    fn all_there(&mut self, starts: &[u64], bytes: u64, evidence: &Evidence) {
        self.report.segments = starts.len() as u64;
        if let Some(k) = segment::gap(&evidence.segments()) {
            let why = format!("{} is missing, and what comes after it is not read", segment::name(k));
            self.report.fail(Check::Segment, 0, why);
        }
        let ends = starts.iter().skip(1).chain([&bytes]);
        for (k, _) in (0..).zip(starts.iter().zip(ends)).filter(|(k, (start, end))| *k > 0 && start == end) {
            let why =
                format!("{} holds nothing: it was begun and nothing in it was sealed", segment::name(k));
            self.report.fail(Check::Segment, 0, why);
        }
    }

    fn event(&mut self, seq: u64, parts: &Parts<'_>, place: &Place) -> Result<(), EvidenceError> {
        let event = match codec::decode_parts(parts) {
            Ok(event) => event,
            Err(why) => {
                self.report.fail(Check::Form, seq, why);
                // An event that nobody can read leaves no state to judge the next ones by.
                self.incident = None;
                return Ok(());
            }
        };
        self.last_at = Some(event.at);
        if event.seq != seq {
            self.report.fail(Check::Sequence, seq, format!("it says it is event {}", event.seq));
        }
        match &event.what {
            What::Opened(opened) if seq == 0 => {
                self.open(&opened.log, &opened.hub_key, opened.incident.as_str());
                pinned::check(&self.evidence, &opened.pinned, &mut self.report)?;
                self.agreed(&opened.policies);
            }
            What::Continued(next) => self.follow(seq, next, place),
            _ if place.begins.is_some() => {
                let why = "it begins a file of the record and does not say what it follows";
                self.report.fail(Check::Segment, seq, why);
            }
            _ if seq == 0 => self.report.fail(Check::Rules, 0, "the first event must open the incident"),
            _ => {}
        }
        let proved = self.people.check(&event, self.incident.as_ref(), &mut self.heads, &mut self.report);
        if let (What::Closed(_), Some(head)) = (&event.what, proved) {
            self.heads.closed(head);
        }
        self.payloads.check(&event, &mut self.report)?;
        self.rules(&event);
        Ok(())
    }

    /// What event 0 says was agreed on is what the workspace's copy says: the rules are judged by it.
    fn agreed(&mut self, pinned: &Policies) {
        match &self.policies {
            Some(copy) if copy == pinned => {}
            Some(_) => {
                let why = "the policies in the first event are not those of workspace.yaml";
                self.report.fail(Check::Pinned, 0, why);
            }
            None => self.report.notes.push("the policies were not held against workspace.yaml".to_owned()),
        }
    }

    fn open(&mut self, log: &str, key: &str, incident: &str) {
        match verifier(log, key) {
            Ok(verifier) => {
                let base = log.rsplit_once("/seg").map_or(log, |(base, _)| base);
                if base.rsplit('/').next() != Some(incident) {
                    self.report.fail(Check::Form, 0, format!("log `{log}` is not of incident {incident}"));
                }
                self.heads.log_is(&verifier, &mut self.report);
                self.report.log = Some(log.to_owned());
                self.seals.begin(0, verifier);
            }
            Err(why) => self.report.fail(Check::Form, 0, why),
        }
    }

    /// A new segment: behind the last seal of the one before, as the key of that one signed, at the start of a file.
    fn follow(&mut self, seq: u64, next: &Continued, place: &Place) {
        let mut unfit = |why: String| self.report.fail(Check::Segment, seq, why);
        if place.begins.is_none() {
            unfit("a segment begins in the middle of a file".to_owned());
        }
        if place.sealed.end != place.at {
            unfit("the segment before it has lines behind its last seal".to_owned());
        }
        let after = self.seals.last().map(|old| segment::next(old, &place.sealed.head, next));
        let fits = match after {
            Some(Ok(verifier)) => Ok(verifier),
            Some(Err(why)) => {
                unfit(why.to_string());
                verifier(&next.log, &next.hub_key)
            }
            None => verifier(&next.log, &next.hub_key),
        };
        // Of a long segment only the last seal is looked at, and here it ends.
        if let Some(seal) = self.last_seal.take() {
            self.signature(&seal);
        }
        if let Ok(verifier) = fits {
            self.heads.log_is(&verifier, &mut self.report);
            self.seals.begin(seq, verifier);
        }
        let note = format!("from event {seq} on it is {}, because the disk failed: {}", next.log, next.cause);
        self.report.notes.push(note);
    }

    fn rules(&mut self, event: &Event) {
        let Some(incident) = &mut self.incident else { return };
        if let Err(why) = replay::check(incident, event) {
            self.report.fail(Check::Rules, event.seq, why);
            self.report.notes.push(format!("the rules were not checked after event {}", event.seq));
            self.incident = None;
        }
    }

    fn seal(&mut self, seal: Seal, at: u64) {
        self.report.seals += 1;
        self.heads.sealed(seal.head.n, at);
        if self.report.seals <= EVERY_SEAL {
            self.signature(&seal);
            self.last_seal = None;
        } else {
            self.last_seal = Some(seal);
        }
    }

    fn signature(&mut self, seal: &Seal) {
        if let Some(Err(why)) = self.seals.of(seal.head.n).map(|v| v.check(seal)) {
            self.report.fail(Check::Seal, seal.head.n.saturating_sub(1), why);
        }
    }

    fn finish(mut self, head: Head, tail: u64, broken: Option<Break>) -> Result<Report, EvidenceError> {
        self.report.events = head.n;
        self.report.head = Some(head);
        if let Some(why) = broken {
            let (check, seq) = match &why {
                Break::Event { seq, .. } => (Check::Form, *seq),
                Break::Root { since, .. } => (Check::Tree, *since),
                Break::Size { found, .. } => (Check::Tree, found.saturating_sub(1)),
                Break::Seal { events, .. } => (Check::Seal, events.saturating_sub(1)),
                Break::SealedTwice(n) => (Check::Seal, n.saturating_sub(1)),
                Break::NoLineFeed | Break::Io(_) => (Check::Tail, head.n),
            };
            self.report.fail(check, seq, why);
        }
        if tail > 0 {
            let why = format!("{tail} bytes after the last valid seal are not part of the record");
            self.report.fail(Check::Tail, head.n, why);
        }
        if head.n == 0 {
            self.report.fail(Check::Seal, 0, "there is no sealed event");
        }
        if let Some(seal) = self.last_seal.take() {
            self.signature(&seal);
            let between = self.report.seals.saturating_sub(EVERY_SEAL + 1);
            self.report
                .notes
                .push(format!("{between} seals in the middle were checked by their roots alone"));
        }
        self.report.review = self.incident.as_ref().map(review::items).unwrap_or_default();
        self.payloads.finish(&mut self.report)?;
        for cosigned in self.heads.finish(head, &self.seals, &mut self.report) {
            witnesses::judge(&cosigned, &self.witnesses, &mut self.report);
        }
        Ok(self.report)
    }
}

/// Who seals, in segments.
#[derive(Debug, Default)]
struct Segments(Vec<(u64, SealVerifier)>);

impl Segments {
    /// From event `first` on it is this one.
    fn begin(&mut self, first: u64, verifier: SealVerifier) {
        self.0.push((first, verifier));
    }

    fn last(&self) -> Option<&SealVerifier> {
        self.0.last().map(|(_, verifier)| verifier)
    }

    /// Who must have sealed a head of `n` events.
    fn of(&self, n: u64) -> Option<&SealVerifier> {
        self.0.iter().rev().find(|(first, _)| *first < n).map(|(_, verifier)| verifier)
    }
}

fn verifier(log: &str, key: &str) -> Result<SealVerifier, SealError> {
    let origin = Origin::parse(log)?;
    SealVerifier::new(origin, &super::tree::parse_hash(key).ok_or(SealError::PublicKey)?)
}

/// The tree's root at its present size, if that is the size asked for.
fn root_at(tree: &Frontier, n: u64) -> Option<Head> {
    (tree.len() == n).then(|| tree.head())
}

/// The file of a record, for going back to an older seal.
type Back = Option<Chain>;
