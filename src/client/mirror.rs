//! The record as a client receives it. Every batch's tree is recomputed and its seal checked before an event counts;
//! every event must be a legal move. Never shows what it could not check.

use crate::core::event::{Event, Pinned, Seen, What};
use crate::core::id::Digest;
use crate::core::incident::Incident;
use crate::core::replay;
use crate::timeline::codec;
use crate::timeline::seal::{self, Origin, Seal, SealVerifier};
use crate::timeline::segment::{self, Unfit};
use crate::timeline::tree::{Frontier, Head, leaf_hash};
use base64::Engine as _;

/// Why the received record cannot be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MirrorError {
    /// The hub's key or the log's name is unusable.
    #[error("the hub names an unusable log or key: {0}")]
    Identity(String),
    /// Something that is no event.
    #[error("event {seq} from the hub is not one: {why}")]
    Event {
        /// Where.
        seq: u64,
        /// Why.
        why: String,
    },
    /// A seal that does not fit.
    #[error("the hub's seal over {n} events does not hold: {why}. The record may have been tampered with")]
    Seal {
        /// How many events it claims.
        n: u64,
        /// Why.
        why: String,
    },
    /// A move that the rules do not allow.
    #[error("event {seq} (`{kind}`) breaks a rule: {why}. The hub is not to be trusted")]
    Illegal {
        /// Where.
        seq: u64,
        /// Its kind.
        kind: &'static str,
        /// Which rule.
        why: String,
    },
    /// A copy that is not what the record names.
    #[error("the {0} that the hub sent is not the one this record opened with")]
    OtherCopy(&'static str),
    /// Not the record that was followed before.
    #[error(
        "the record that was followed had {n} events, and this one does not begin with them: it was cut short or replaced"
    )]
    OtherRecord {
        /// How many were seen.
        n: u64,
    },
    /// A batch without its seal.
    #[error("the hub sent events without their seal")]
    Unsealed,
    /// A segment of the record that does not follow the one before.
    #[error(
        "event {seq} from the hub begins a segment that does not follow: {why}. The record may have been tampered with"
    )]
    Segment {
        /// Where.
        seq: u64,
        /// Why.
        why: Unfit,
    },
}

/// The record as received so far, and the incident folded from it.
#[derive(Debug)]
pub struct Mirror {
    /// The incident.
    pub incident: Incident,
    tree: Frontier,
    verifier: SealVerifier,
    head: Head,
    copies: Vec<(&'static str, Digest)>,
    before: Option<Head>,
}

impl Mirror {
    /// An empty mirror of a log.
    ///
    /// # Errors
    /// When name or key cannot be what they should be.
    pub fn new(log: &str, hub_key: &str, incident: Incident) -> Result<Mirror, MirrorError> {
        let bad = |why: String| MirrorError::Identity(why);
        let origin = Origin::parse(log).map_err(|e| bad(e.to_string()))?;
        let key = base64::engine::general_purpose::STANDARD.decode(hub_key).ok();
        let key: [u8; 32] =
            key.and_then(|k| k.try_into().ok()).ok_or_else(|| bad("the key is not 32 bytes".to_owned()))?;
        let verifier = SealVerifier::new(origin, &key).map_err(|e| bad(e.to_string()))?;
        Ok(Mirror {
            incident,
            tree: Frontier::new(),
            verifier,
            head: Head::empty(),
            copies: Vec::new(),
            before: None,
        })
    }

    /// Believes event 0 only if it names these copies of runbook, team and roster; one that is `None` was not sent.
    #[must_use]
    pub fn with_copies(mut self, runbook: &[u8], team: &[u8], roster: Option<&[u8]>) -> Mirror {
        self.copies = vec![("runbook.yaml", Digest::of(runbook)), ("team.yaml", Digest::of(team))];
        self.copies.extend(roster.map(|bytes| ("allowed_signers", Digest::of(bytes))));
        self
    }

    /// Believes the record only if it begins with what was followed before.
    pub fn must_begin_with(&mut self, before: Head) {
        self.before = Some(before).filter(|h| h.n > 0);
    }

    /// Whether what was followed before has come again; true when nothing was.
    pub fn has_begun_again(&self) -> bool {
        self.before.is_none_or(|before| self.head.n >= before.n)
    }

    /// The newest checked head.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The newest checked head, as acts name it.
    pub fn seen(&self) -> Seen {
        Seen { n: self.head.n, root: self.head.root_b64() }
    }

    /// The first event not yet received.
    pub fn next(&self) -> u64 {
        self.tree.len()
    }

    /// Takes whole batches; gives the events that now count.
    ///
    /// Only the last seal's signature is checked: the seals before it are covered by the tree it signs.
    ///
    /// # Errors
    /// When anything does not hold. The mirror must not be used any further then.
    pub fn feed(&mut self, text: &str) -> Result<Vec<Event>, MirrorError> {
        let mut events = Vec::new();
        let mut last = None;
        let mut open = false;
        for line in text.split_terminator('\n') {
            if seal::begins(line.as_bytes()) {
                last = Some(self.seal(line)?);
                open = false;
            } else {
                let event = self.event(line)?;
                if let What::Continued(next) = &event.what {
                    // From here on another key seals. The one before signed which head this follows, and with it all
                    // its seals.
                    let sealed = last.take().map_or(self.head, |seal: Seal| seal.head);
                    self.verifier = segment::next(&self.verifier, &sealed, next)
                        .map_err(|why| MirrorError::Segment { seq: event.seq, why })?;
                }
                events.push(event);
                open = true;
            }
        }
        if open {
            return Err(MirrorError::Unsealed);
        }
        if let Some(seal) = last {
            self.verifier
                .check(&seal)
                .map_err(|e| MirrorError::Seal { n: seal.head.n, why: e.to_string() })?;
            self.head = seal.head;
        }
        Ok(events)
    }

    fn seal(&self, line: &str) -> Result<Seal, MirrorError> {
        let n = self.tree.len();
        let wrong = |why: String| MirrorError::Seal { n, why };
        let seal = Seal::parse(line.as_bytes()).map_err(|e| wrong(e.to_string()))?;
        if seal.head != self.tree.head() {
            return Err(wrong("its root is not that of the events received".to_owned()));
        }
        Ok(seal)
    }

    fn event(&mut self, line: &str) -> Result<Event, MirrorError> {
        let seq = self.tree.len();
        let event =
            codec::decode(line.as_bytes()).map_err(|e| MirrorError::Event { seq, why: e.to_string() })?;
        replay::check(&mut self.incident, &event).map_err(|e| MirrorError::Illegal {
            seq,
            kind: event.what.kind(),
            why: e.to_string(),
        })?;
        if let What::Opened(opened) = &event.what
            && opened.log != self.verifier.origin().as_str()
        {
            return Err(MirrorError::Identity(format!("event 0 belongs to the log {}", opened.log)));
        }
        if let What::Opened(opened) = &event.what {
            self.same_copies(&opened.pinned)?;
        }
        self.tree.push(leaf_hash(line.as_bytes()));
        if let Some(before) = self.before.filter(|h| h.n == self.tree.len())
            && before != self.tree.head()
        {
            return Err(MirrorError::OtherRecord { n: before.n });
        }
        Ok(event)
    }

    fn same_copies(&self, pinned: &Pinned) -> Result<(), MirrorError> {
        let named = |name: &str| match name {
            "runbook.yaml" => &pinned.runbook,
            "team.yaml" => &pinned.team,
            _ => &pinned.allowed_signers,
        };
        let other = self.copies.iter().find(|(name, digest)| digest != named(name));
        other.map_or(Ok(()), |(name, _)| Err(MirrorError::OtherCopy(name)))
    }
}
