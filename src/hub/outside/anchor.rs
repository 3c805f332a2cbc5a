//! The record's head, copied to places outside at every turn of the incident and at its close, so that nobody can make
//! the record shorter unnoticed. Never a reason to wait: what could not be copied is said and tried at the next turn.

use crate::core::event::{Event, What};
use crate::core::id::Name;
use crate::core::incident::Incident;
use crate::core::intent::Intent;
use crate::hub::outside::board::Board;
use crate::hub::outside::follow::Follower;
use crate::hub::shared::Shared;
use crate::outside::http::Clients;
use crate::outside::keep::{Checkpoint, Keeper, keep};
use crate::timeline::seal::{Origin, Seal};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::Arc;
use std::time::Duration;

/// The folder with what came back, inside the incident's.
const ANCHORS: &str = "anchors";
/// The last copy may hold up the end of a hub by so much.
const FAREWELL: Duration = Duration::from_secs(5);

/// The places that keep this record's head.
#[derive(Debug)]
pub struct Anchors {
    keepers: Vec<(String, Keeper)>,
    clients: Clients,
    shared: Arc<Shared>,
    board: Arc<Board>,
}

impl Anchors {
    /// Nothing is copied yet.
    pub fn new(
        keepers: Vec<(String, Keeper)>,
        clients: Clients,
        shared: Arc<Shared>,
        board: Arc<Board>,
    ) -> Anchors {
        Anchors { keepers, clients, shared, board }
    }

    /// Copies at every turn until the hub ends.
    pub async fn keep_up(self: Arc<Self>, incident: Arc<Incident>) {
        if self.keepers.is_empty() {
            return;
        }
        let mut follower = Follower::new(self.shared.log.clone(), incident.next_seq);
        // The opening, or what a hub before this one did not come to.
        self.copy().await;
        while let Some(events) = follower.more().await {
            if events.iter().any(turns) {
                self.copy().await;
            }
        }
    }

    /// The last copy, after the record was closed or the hub was asked to end. Nothing is recorded any more.
    pub async fn last(&self) {
        let Some(checkpoint) = self.newest() else { return };
        let all = async {
            for (name, keeper) in &self.keepers {
                match keep(keeper, &self.clients, &checkpoint).await {
                    Ok(()) => self.note_down(name, &checkpoint),
                    Err(why) => tracing::warn!(name, why, "the last head was not copied"),
                }
            }
        };
        if tokio::time::timeout(FAREWELL, all).await.is_err() {
            tracing::warn!("the last head was not copied everywhere in time");
        }
    }

    async fn copy(&self) {
        let Some(checkpoint) = self.newest() else { return };
        let head = self.shared.head();
        for (name, keeper) in &self.keepers {
            match keep(keeper, &self.clients, &checkpoint).await {
                Ok(()) => {
                    self.note_down(name, &checkpoint);
                    self.board.fine(name, &format!("keeps the head of {} events", checkpoint.n)).await;
                    let Ok(anchor) = Name::parse(name.clone()) else { continue };
                    let (n, root) = (checkpoint.n, head.root.clone());
                    if head.n == n {
                        self.shared.wishes.observe(Intent::ConfirmAnchor { n, root, anchor }).await;
                    }
                }
                Err(why) => self.board.trouble(name, &format!("the head was not copied: {why}")).await,
            }
        }
    }

    /// The newest seal as a checkpoint.
    fn newest(&self) -> Option<Checkpoint> {
        let head = self.shared.head();
        let run = self.shared.log.from(head.n.checked_sub(1)?, 1)?;
        let seal = run.text.lines().rev().find_map(|line| Seal::parse(line.as_bytes()).ok())?;
        let origin = Origin::parse(&self.shared.name).ok()?;
        Some(Checkpoint { log: self.shared.name.clone(), n: seal.head.n, text: seal.checkpoint(&origin) })
    }

    /// What is known to be kept elsewhere, for `verify` and whoever looks into the folder.
    fn note_down(&self, name: &str, checkpoint: &Checkpoint) {
        let dir = self.shared.dir.join(ANCHORS);
        let write = || -> std::io::Result<()> {
            std::fs::create_dir_all(&dir)?;
            let new = dir.join(format!(".{name}.new"));
            let mut file =
                std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
            file.write_all(checkpoint.text.as_bytes())?;
            std::fs::rename(&new, dir.join(format!("{name}.checkpoint")))
        };
        if let Err(why) = write() {
            tracing::warn!(%why, name, "the confirmed head is not noted down");
        }
    }
}

/// Whether the incident took a turn that a witness should know of.
fn turns(event: &Event) -> bool {
    matches!(
        &event.what,
        What::Declared(_)
            | What::PhaseEntered(_)
            | What::Mitigated(_)
            | What::Resolved(_)
            | What::Aborted(_)
            | What::Overridden(_)
    )
}
