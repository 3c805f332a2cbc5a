//! What the tasks of one hub share. Never the incident itself: that is the room's alone.

use crate::core::event::Seen;
use crate::core::id::SessionId;
use crate::hub::log::Log;
use crate::hub::wish::{Try, Wishes};
use crate::metrics::pane::Pane;
use crate::wire::message::{OutsideLine, ScoreView, WriterState};
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// Newest metrics, for every client alike.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shown {
    /// Every pane, in the runbook's order.
    pub panes: Vec<Pane>,
    /// The readiness score.
    pub score: Option<ScoreView>,
}

/// What every task of a hub may use.
#[derive(Debug)]
pub struct Shared {
    /// The incident's folder.
    pub dir: PathBuf,
    /// The sealed record.
    pub log: Arc<Log>,
    /// Name of the log.
    pub name: String,
    /// Name of the segment that this hub writes.
    pub segment: String,
    /// Base64 of the key that seals it.
    pub segment_key: String,
    /// Base64 of the key that sealed the first segment.
    pub hub_key: String,
    /// The pinned `runbook.yaml`.
    pub runbook: String,
    /// The pinned `team.yaml`.
    pub team: String,
    /// Base64 of the pinned `allowed_signers`.
    pub roster: String,
    /// Where acts and observations go.
    pub wishes: Wishes,
    /// Whether the room can write.
    pub state: watch::Sender<WriterState>,
    /// The newest metrics.
    pub shown: watch::Sender<Arc<Shown>>,
    /// How the world outside does, one line a place.
    pub outside: watch::Sender<Vec<OutsideLine>>,
    /// Why the hub ends, once it does.
    pub bye: watch::Sender<Option<String>>,
    looks: Mutex<BTreeMap<Try, watch::Sender<String>>>,
    sessions: Mutex<BTreeMap<SessionId, u64>>,
}

/// What a hub is called and what it serves.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The incident's folder.
    pub dir: PathBuf,
    /// Name of the log.
    pub name: String,
    /// Name of the segment that this hub writes.
    pub segment: String,
    /// Base64 of the key that seals it.
    pub segment_key: String,
    /// Base64 of the key that sealed the first segment.
    pub hub_key: String,
    /// The pinned `runbook.yaml`.
    pub runbook: String,
    /// The pinned `team.yaml`.
    pub team: String,
    /// Base64 of the pinned `allowed_signers`.
    pub roster: String,
}

impl Shared {
    /// A hub that has just begun.
    pub fn new(identity: Identity, log: Arc<Log>, wishes: Wishes) -> Shared {
        Shared {
            dir: identity.dir,
            log,
            name: identity.name,
            segment: identity.segment,
            segment_key: identity.segment_key,
            hub_key: identity.hub_key,
            runbook: identity.runbook,
            team: identity.team,
            roster: identity.roster,
            wishes,
            state: watch::Sender::new(WriterState::Writing),
            shown: watch::Sender::new(Arc::new(Shown::default())),
            outside: watch::Sender::new(Vec::new()),
            bye: watch::Sender::new(None),
            looks: Mutex::default(),
            sessions: Mutex::default(),
        }
    }

    /// The newest head.
    pub fn head(&self) -> Seen {
        self.log
            .head()
            .unwrap_or_else(|| Seen { n: 0, root: crate::timeline::tree::Head::empty().root_b64() })
    }

    /// The short code of the head, which makes everybody who reads it a witness.
    pub fn head_code(&self) -> String {
        let seen = self.head();
        match crate::timeline::tree::parse_hash(&seen.root) {
            Some(root) => crate::timeline::tree::Head { n: seen.n, root }.short_code(),
            None => String::new(),
        }
    }

    /// Says what a step that only looks sees right now.
    pub fn saw(&self, which: &Try, what: String) {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        match looks.get(which) {
            Some(sender) => {
                sender.send_replace(what);
            }
            None => {
                looks.insert(which.clone(), watch::Sender::new(what));
            }
        }
    }

    /// What a step that only looks sees; `None` when it has not looked.
    pub fn looking(&self, which: &Try) -> Option<watch::Receiver<String>> {
        let looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.get(which).map(watch::Sender::subscribe)
    }

    /// Remembers over which connection a session acts.
    pub fn bind(&self, session: SessionId, connection: u64) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.insert(session, connection);
    }

    /// The connections over which somebody acts who has shown their key.
    pub fn proven(&self) -> HashSet<u64> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.values().copied().collect()
    }

    /// Those of these sessions that no connection acts for.
    pub fn unbound(&self, mut of: Vec<SessionId>) -> Vec<SessionId> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        of.retain(|session| !sessions.contains_key(session));
        of
    }

    /// Forgets a connection, and gives the sessions that acted over it and over none since.
    pub fn unbind(&self, connection: u64) -> Vec<SessionId> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let gone: Vec<SessionId> =
            sessions.iter().filter(|(_, c)| **c == connection).map(|(s, _)| s.clone()).collect();
        sessions.retain(|_, c| *c != connection);
        gone
    }
}
