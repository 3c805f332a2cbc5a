//! What was found, as data, as text and as JSON. Never decides anything but the verdict that follows from it.
//!
//! Parts of the text come from the record and are foreign: clean them before they reach a screen.

use serde::Serialize;

use crate::core::review::Item;
use crate::timeline::tree::Head;

/// More findings than this are only counted.
const MOST_FINDINGS: usize = 50;

/// Which check failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Bytes, canonical form, closed vocabulary.
    Form,
    /// `seq` is the place in the file.
    Sequence,
    /// The tree against every seal.
    Tree,
    /// The seals' own form and signatures.
    Seal,
    /// That each segment of the record follows the one before it.
    Segment,
    /// Bytes behind the last valid seal.
    Tail,
    /// The copies beside the record against the digests in event 0.
    Pinned,
    /// SSH signatures over statements, and that the statement says what was recorded.
    Statement,
    /// Session signatures over acts.
    Act,
    /// A head that somebody said they saw.
    Seen,
    /// Removable parts against their commitments.
    Payload,
    /// Whether the event was a legal move.
    Rules,
    /// A head known from elsewhere.
    Head,
    /// A witness's cosignature over a head.
    Witness,
}

impl Check {
    /// The word in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Check::Form => "bytes and form",
            Check::Sequence => "sequence",
            Check::Tree => "tree",
            Check::Seal => "seal",
            Check::Segment => "segment",
            Check::Tail => "tail",
            Check::Pinned => "pinned copies",
            Check::Statement => "statement",
            Check::Act => "act",
            Check::Seen => "seen head",
            Check::Payload => "payload",
            Check::Rules => "rules",
            Check::Head => "known head",
            Check::Witness => "cosignature",
        }
    }
}

/// One thing that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which check.
    pub check: Check,
    /// At which event.
    pub event: u64,
    /// What is wrong.
    pub why: String,
}

/// A part that was removed, and the event that says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Redacted {
    /// The event it belonged to.
    pub event: u64,
    /// Which of its parts.
    pub part: u32,
    /// The event that removed it.
    pub by: u64,
}

/// A witness that saw a head of this record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Witnessed {
    /// Its name.
    pub witness: String,
    /// How many events it had seen.
    pub events: u64,
    /// When, by its own clock.
    pub at: String,
    /// From where its key is known.
    pub key: RosterSource,
}

/// Whose list of keys the signatures were checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RosterSource {
    /// The asker's own.
    Auditor,
    /// The copy that came with the record: it says about itself who may sign.
    Bundled,
}

impl Witnessed {
    fn line(&self) -> String {
        let key = match self.key {
            RosterSource::Auditor => "its key is yours",
            RosterSource::Bundled => "its key is self-asserted: give your own with --witness",
        };
        format!("witnessed: the first {} events by {} at {}; {key}", self.events, self.witness, self.at)
    }
}

/// The answer in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything holds, and somebody outside vouches for its length.
    Verified,
    /// Something does not hold.
    DoesNotVerify,
    /// Everything holds, but it may have been longer.
    NotAnchored,
}

impl Verdict {
    /// The exit code of `backout verify`.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Verdict::Verified => 0,
            Verdict::DoesNotVerify => 1,
            Verdict::NotAnchored => 5,
        }
    }
}

/// What is known about the record after reading all of it.
#[derive(Debug, Clone)]
pub struct Report {
    /// Name of the log.
    pub log: Option<String>,
    /// The last valid seal's head.
    pub head: Option<Head>,
    /// How many events are sealed.
    pub events: u64,
    /// How many files the record is in: one, and one more for each disk that failed.
    pub segments: u64,
    /// How many seals.
    pub seals: u64,
    /// Statements whose SSH signature holds.
    pub statements: u64,
    /// Acts whose session signature holds.
    pub acts: u64,
    /// Removable parts that are there and fit.
    pub parts: u64,
    /// Parts that were removed in order.
    pub redacted: Vec<Redacted>,
    /// Whose keys counted.
    pub roster: RosterSource,
    /// Whether every event was also put to the rules.
    pub rules_checked: bool,
    /// The newest head that something outside the file vouches for, and what.
    pub anchored: Option<(u64, String)>,
    /// Who else saw which head, and when. It says that these events existed then, not that nothing came after.
    pub witnessed: Vec<Witnessed>,
    /// Whether the anchor is the close statement, which always stands a little before the end.
    pub closed: bool,
    /// What does not hold, the first ones.
    pub findings: Vec<Finding>,
    /// How many more there were.
    pub more: u64,
    /// Worth knowing, not wrong.
    pub notes: Vec<String>,
    /// What somebody has to look at again afterwards, when the rules could be replayed to the end.
    pub review: Vec<Item>,
}

impl Report {
    pub(super) fn new(roster: RosterSource) -> Self {
        Report {
            log: None,
            head: None,
            events: 0,
            segments: 0,
            seals: 0,
            statements: 0,
            acts: 0,
            parts: 0,
            redacted: Vec::new(),
            roster,
            rules_checked: false,
            anchored: None,
            witnessed: Vec::new(),
            closed: false,
            findings: Vec::new(),
            more: 0,
            notes: Vec::new(),
            review: Vec::new(),
        }
    }

    pub(super) fn fail(&mut self, check: Check, event: u64, why: impl ToString) {
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(Finding { check, event, why: why.to_string() });
        } else {
            self.more += 1;
        }
    }

    /// The answer. An anchor counts if it reaches the end, or is the statement that closed the record.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if !self.findings.is_empty() {
            return Verdict::DoesNotVerify;
        }
        let reaches = self.anchored.as_ref().is_some_and(|(n, _)| *n == self.events);
        if self.rules_checked && self.events > 0 && (reaches || self.closed) {
            Verdict::Verified
        } else {
            Verdict::NotAnchored
        }
    }

    /// Lines for a person. Foreign text inside: clean it before showing.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        lines.push(match self.verdict() {
            Verdict::Verified => "verified".to_owned(),
            Verdict::DoesNotVerify => "does not verify".to_owned(),
            Verdict::NotAnchored if !self.rules_checked => "consistent, rules not checked".to_owned(),
            Verdict::NotAnchored => "consistent, not anchored".to_owned(),
        });
        for f in &self.findings {
            lines.push(format!("  event {}: {}: {}", f.event, f.check.word(), f.why));
        }
        if self.more > 0 {
            lines.push(format!("  and {} more", self.more));
        }
        if let Some(log) = &self.log {
            lines.push(format!("log: {log}"));
        }
        if let Some(head) = &self.head {
            lines.push(format!("head: {} ({head})", head.short_code()));
        }
        let pieces = if self.segments > 1 { format!(", {} segments", self.segments) } else { String::new() };
        lines.push(format!("events: {} in {} seals{pieces}", self.events, self.seals));
        lines.push(format!("signatures: {} statements, {} acts", self.statements, self.acts));
        lines.push(match self.roster {
            RosterSource::Auditor => "roster: yours".to_owned(),
            RosterSource::Bundled => {
                "roster: self-asserted (give your own with --allowed-signers)".to_owned()
            }
        });
        lines.push(if self.rules_checked {
            "rules: every event replayed".to_owned()
        } else {
            "rules: not checked".to_owned()
        });
        lines.push(format!("payloads: {} present, {} redacted", self.parts, self.redacted.len()));
        for r in &self.redacted {
            lines.push(format!("  part {}/{}: redacted by #{}", r.event, r.part, r.by));
        }
        lines.push(self.anchor_line());
        lines.extend(self.witnessed.iter().map(Witnessed::line));
        lines.extend(self.review.iter().map(|item| format!("to review: {}", item.words)));
        lines.extend(self.notes.iter().map(|n| format!("note: {n}")));
        lines
    }

    fn anchor_line(&self) -> String {
        match &self.anchored {
            Some((n, by)) if *n == self.events => format!("anchored: all {n} events, by {by}"),
            Some((n, by)) => format!(
                "anchored: the first {n} events, by {by}; the {} after them rest on the hub's seal alone",
                self.events.saturating_sub(*n)
            ),
            None => {
                "anchored: no. Events cut off at the end would not show; give --head or --anchor".to_owned()
            }
        }
    }

    /// The same as JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        let head =
            self.head.map(|h| serde_json::json!({ "n": h.n, "root": h.root_b64(), "short": h.short_code() }));
        let anchored = self.anchored.as_ref().map(|(n, by)| serde_json::json!({ "n": n, "by": by }));
        serde_json::json!({
            "verdict": self.verdict(),
            "exit": self.verdict().exit_code(),
            "log": self.log,
            "head": head,
            "events": self.events,
            "segments": self.segments,
            "seals": self.seals,
            "statements": self.statements,
            "acts": self.acts,
            "payloads": { "present": self.parts, "redacted": self.redacted },
            "roster": self.roster,
            "rules_checked": self.rules_checked,
            "anchored": anchored,
            "witnessed": self.witnessed,
            "findings": self.findings,
            "more_findings": self.more,
            "notes": self.notes,
            "to_review": self.review,
        })
    }
}
