//! A record for somebody who only wants to see where it stands: from its files, or from its hub where the files are not
//! theirs to read. Never waits long for a hub.

use crate::cli::context;
use crate::cli::door::Door;
use crate::cli::record::{self, Record};
use crate::error::{Failure, Result};
use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

/// So long a hub may take to show its record.
const PATIENCE: Duration = Duration::from_secs(10);

/// A record, and whether somebody goes on writing it.
pub(super) struct Seen {
    pub(super) record: Record,
    pub(super) hub_runs: bool,
}

/// The record of this folder.
///
/// # Errors
/// When its files cannot be read, and no hub shows it either.
pub(super) fn at(dir: &Path) -> Result<Seen> {
    match File::open(dir.join("timeline.jsonl")) {
        Err(e) if e.kind() == ErrorKind::PermissionDenied => through_hub(dir),
        Ok(_) | Err(_) => Ok(Seen { record: record::load(dir)?, hub_runs: hub_runs(dir) }),
    }
}

fn through_hub(dir: &Path) -> Result<Seen> {
    let seen = context::runtime()?.block_on(async {
        let room = async {
            let mut room = context::enter(&Door::Folder(dir.to_owned())).await?;
            room.catch_up().await.map_err(context::lost)?;
            Ok::<_, Failure>(room.mirror)
        };
        tokio::time::timeout(PATIENCE, room).await
    });
    let mirror = seen.map_err(|_| {
        Failure::environment(format!("the hub of {} does not show its record", dir.display()))
            .hint("ask whoever opened it; its files are theirs alone")
    })??;
    let head = mirror.head();
    let record = Record { dir: dir.to_owned(), incident: mirror.incident, head, broken: None };
    Ok(Seen { record, hub_runs: true })
}

/// A hub holds the lock of its folder for as long as it lives.
fn hub_runs(dir: &Path) -> bool {
    let Ok(file) = File::open(dir.join("lock")) else { return false };
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockShared).is_err()
}
