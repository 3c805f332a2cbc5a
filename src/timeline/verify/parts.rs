//! Removable parts against the commitments in the events, both streaming in the same order.
//!
//! Never lets a part be missing without an event that removed it.

use std::collections::BTreeMap;
use std::io::BufReader;

use super::{Check, Redacted, Report};
use crate::core::event::{Event, What};
use crate::timeline::codec;
use crate::timeline::evidence::{Evidence, EvidenceError, Section};
use crate::timeline::folder::PAYLOADS;
use crate::timeline::payload::{Part, Parts, PayloadError};

/// More missing parts than this are only counted; each of them is a failure unless removed in order.
const MOST_MISSING: usize = 100_000;

pub(super) struct Payloads {
    parts: Option<Parts<BufReader<Section>>>,
    next: Option<Part>,
    missing: BTreeMap<(u64, u32), ()>,
    uncounted: u64,
    removed: BTreeMap<(u64, u32), u64>,
    failed: Option<String>,
    present: u64,
}

impl Payloads {
    pub(super) fn new(evidence: &Evidence) -> Result<Self, EvidenceError> {
        let parts = evidence.file(PAYLOADS)?.map(|f| Parts::new(BufReader::with_capacity(super::BUFFER, f)));
        let mut all = Payloads {
            parts,
            next: None,
            missing: BTreeMap::new(),
            uncounted: 0,
            removed: BTreeMap::new(),
            failed: None,
            present: 0,
        };
        all.advance()?;
        Ok(all)
    }

    fn advance(&mut self) -> Result<(), EvidenceError> {
        self.next = match self.parts.as_mut().map(Parts::next) {
            None => None,
            Some(Ok(part)) => part,
            Some(Err(PayloadError::Io(why))) => {
                return Err(EvidenceError::Io { what: PAYLOADS.to_owned(), why });
            }
            Some(Err(why)) => {
                self.failed = Some(why.to_string());
                self.parts = None;
                None
            }
        };
        Ok(())
    }

    pub(super) fn check(&mut self, event: &Event, report: &mut Report) -> Result<(), EvidenceError> {
        if let What::Redacted(data) = &event.what {
            // Whether two people had signed for it, the rules say.
            for part in &data.parts {
                let place = (data.event, *part);
                if !self.missing.contains_key(&place) && self.uncounted == 0 {
                    let (of, by) = (data.event, event.seq);
                    let note = format!("part {of}/{part} is still there, though #{by} had it removed");
                    report.notes.push(note);
                }
                self.removed.insert(place, event.seq);
            }
        }
        for (i, commitment) in (0u32..).zip(&event.payload) {
            let place = (event.seq, i);
            while self.next.as_ref().is_some_and(|p| (p.seq, p.i) < place) {
                self.stray(report);
                self.advance()?;
            }
            match self.next.take_if(|p| (p.seq, p.i) == place) {
                Some(part) => {
                    if codec::commitment(commitment) == Some(part.commitment()) {
                        self.present += 1;
                    } else {
                        let why = format!("part {i} is not what the event commits to");
                        report.fail(Check::Payload, event.seq, why);
                    }
                    self.advance()?;
                }
                None if self.missing.len() < MOST_MISSING => {
                    self.missing.insert(place, ());
                }
                None => self.uncounted += 1,
            }
        }
        Ok(())
    }

    fn stray(&self, report: &mut Report) {
        if let Some(part) = &self.next {
            let why = format!("payloads.jsonl has part {} that the event does not commit to", part.i);
            report.fail(Check::Payload, part.seq, why);
        }
    }

    pub(super) fn finish(mut self, report: &mut Report) -> Result<(), EvidenceError> {
        let mut unsealed = 0;
        while let Some(part) = &self.next {
            // Written, but its event never sealed: a hub drops these when it comes back.
            if part.seq < report.events {
                self.stray(report);
            } else {
                unsealed += 1;
            }
            self.advance()?;
        }
        if unsealed > 0 {
            let note = format!(
                "{unsealed} parts in {PAYLOADS} are of events that were never sealed and count for nothing"
            );
            report.notes.push(note);
        }
        if let Some(why) = self.failed {
            report.fail(Check::Payload, 0, why);
        }
        for (seq, part) in self.missing.into_keys() {
            match self.removed.get(&(seq, part)) {
                Some(by) => report.redacted.push(Redacted { event: seq, part, by: *by }),
                None => report.fail(Check::Payload, seq, format!("part {part} is MISSING")),
            }
        }
        if self.uncounted > 0 {
            report.fail(Check::Payload, report.events, format!("{} more parts are MISSING", self.uncounted));
        }
        report.parts = self.present;
        Ok(())
    }
}
