//! The record's head, copied to places outside at every turn of the incident and at its close, so that nobody can make
//! the record shorter unnoticed. Never a reason to wait: what could not be copied is said, and tried again later and
//! at every turn.

use crate::core::event::Event;
use crate::core::id::Name;
use crate::core::incident::Incident;
use crate::core::intent::Intent;
use crate::hub::outside::board::Board;
use crate::hub::outside::follow::Follower;
use crate::hub::outside::turn::{Stage, Turn};
use crate::hub::shared::Shared;
use crate::outside::http::Clients;
use crate::outside::keep::{Checkpoint, Growth, Keeper, keep};
use crate::timeline::evidence::Evidence;
use crate::timeline::proof::prove_consistency;
use crate::timeline::seal::{Origin, Seal, SealVerifier};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The folder with what came back, inside the incident's.
const ANCHORS: &str = "anchors";
/// What could not be copied is tried again so much later, then after twice as long, and so on.
const AGAIN: Duration = Duration::from_secs(5);
/// The longest pause between two tries.
const PAUSE: Duration = Duration::from_secs(300);
/// The last copy may hold up the end of a hub by so much.
const FAREWELL: Duration = Duration::from_secs(5);

/// The places that keep this record's head.
#[derive(Debug)]
pub struct Anchors {
    keepers: Vec<(String, Keeper)>,
    clients: Clients,
    shared: Arc<Shared>,
    board: Arc<Board>,
    /// How many events each is known to have seen. A place that is not in here is asked.
    known: Mutex<BTreeMap<String, u64>>,
}

impl Anchors {
    /// Nothing is copied yet.
    pub fn new(
        keepers: Vec<(String, Keeper)>,
        clients: Clients,
        shared: Arc<Shared>,
        board: Arc<Board>,
    ) -> Anchors {
        Anchors { keepers, clients, shared, board, known: Mutex::default() }
    }

    /// Copies at every turn until the hub ends.
    pub async fn keep_up(self: Arc<Self>, incident: Arc<Incident>) {
        if self.keepers.is_empty() {
            return;
        }
        let mut follower = Follower::new(self.shared.log.clone(), incident.next_seq);
        // The opening, or what a hub before this one did not come to.
        let mut behind = self.copy(|_| true).await;
        let mut pause = AGAIN;
        loop {
            if behind.is_empty() {
                pause = AGAIN;
                if !turned(&mut follower).await {
                    return;
                }
                behind = self.copy(|_| true).await;
                continue;
            }
            match tokio::time::timeout(pause, turned(&mut follower)).await {
                Ok(true) => behind = self.copy(|_| true).await,
                Ok(false) => return,
                Err(_) => {
                    behind = self.copy(|name| behind.contains(name)).await;
                    pause = (pause * 2).min(PAUSE);
                }
            }
        }
    }

    /// The last copy, after the record was closed or the hub was asked to end. Nothing is recorded any more.
    pub async fn last(&self) {
        let Some(checkpoint) = self.newest() else { return };
        let all = async {
            for (name, keeper) in &self.keepers {
                match keep(keeper, &self.clients, &checkpoint, &self.growth(name)).await {
                    Ok(kept) => self.note_down(name, &kept),
                    Err(why) => tracing::warn!(name, why, "the last head was not copied"),
                }
            }
        };
        if tokio::time::timeout(FAREWELL, all).await.is_err() {
            tracing::warn!("the last head was not copied everywhere in time");
        }
    }

    /// Copies the newest head to these places, and gives those that do not have it.
    async fn copy(&self, to: impl Fn(&str) -> bool) -> BTreeSet<String> {
        let mut behind = BTreeSet::new();
        let Some(checkpoint) = self.newest() else { return behind };
        let head = self.shared.head();
        for (name, keeper) in self.keepers.iter().filter(|(name, _)| to(name)) {
            match keep(keeper, &self.clients, &checkpoint, &self.growth(name)).await {
                Ok(kept) => {
                    self.note_down(name, &kept);
                    self.known().insert(name.clone(), checkpoint.n);
                    self.board.fine(name, &format!("keeps the head of {} events", checkpoint.n)).await;
                    let Ok(anchor) = Name::parse(name.clone()) else { continue };
                    let (n, root) = (checkpoint.n, head.root.clone());
                    if head.n == n {
                        self.shared.wishes.observe(Intent::ConfirmAnchor { n, root, anchor }).await;
                    }
                }
                Err(why) => {
                    behind.insert(name.clone());
                    self.board.trouble(name, &format!("the head was not copied: {why}")).await;
                }
            }
        }
        behind
    }

    /// The newest seal as a checkpoint.
    fn newest(&self) -> Option<Checkpoint> {
        let head = self.shared.head();
        let run = self.shared.log.from(head.n.checked_sub(1)?, 1)?;
        let seal = run.text.lines().rev().find_map(|line| Seal::parse(line.as_bytes()).ok())?;
        let origin = Origin::parse(&self.shared.segment).ok()?;
        Some(Checkpoint { log: self.shared.segment.clone(), n: seal.head.n, text: seal.checkpoint(&origin) })
    }

    /// What a witness wants to know beside the checkpoint.
    fn growth(&self, name: &str) -> Growth {
        let key = || {
            let public: [u8; 32] = B64.decode(&self.shared.segment_key).ok()?.try_into().ok()?;
            Some(SealVerifier::new(Origin::parse(&self.shared.segment).ok()?, &public).ok()?.vkey())
        };
        let dir = self.shared.dir.clone();
        let prove = move |older: u64, newer: u64| {
            let record = Evidence::open(&dir).and_then(|evidence| evidence.whole_record());
            let record = record.map_err(|e| format!("cannot read the record: {e}"))?;
            prove_consistency(BufReader::new(record), older, newer).map_err(|e| e.to_string())
        };
        Growth {
            vkey: key().unwrap_or_default(),
            known: self.known().get(name).copied().unwrap_or(0),
            prove: Arc::new(prove),
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, u64>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known to be kept elsewhere, for `verify` and whoever looks into the folder.
    fn note_down(&self, name: &str, kept: &str) {
        let dir = self.shared.dir.join(ANCHORS);
        let write = || -> std::io::Result<()> {
            std::fs::create_dir_all(&dir)?;
            let new = dir.join(format!(".{name}.new"));
            // Whatever has that name is not written through.
            let _ = std::fs::remove_file(&new);
            let mut file = std::fs::File::options().write(true).create_new(true).mode(0o600).open(&new)?;
            file.write_all(kept.as_bytes())?;
            std::fs::rename(&new, dir.join(format!("{name}.checkpoint")))
        };
        if let Err(why) = write() {
            tracing::warn!(%why, name, "the confirmed head is not noted down");
        }
    }
}

/// Waits for a turn. `false` when there will be none any more. A turn that was waited for in vain is not lost: what is
/// copied is always the newest head.
async fn turned(follower: &mut Follower) -> bool {
    while let Some(events) = follower.more().await {
        if events.iter().any(turns) {
            return true;
        }
    }
    false
}

/// Whether the incident took a turn that a witness should know of.
fn turns(event: &Event) -> bool {
    match Turn::of(&event.what) {
        // The close is copied when the hub ends.
        Turn::Stage(Stage::Opened | Stage::Closed) => false,
        Turn::Stage(
            Stage::Declared | Stage::Phase(_) | Stage::Mitigated | Stage::Resolved | Stage::Aborted,
        )
        | Turn::Overridden => true,
        Turn::Began(..) | Turn::Ended(..) | Turn::Inside => false,
    }
}
