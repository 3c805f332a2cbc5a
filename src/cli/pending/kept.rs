//! The statements that this account was shown: a signature comes back without the text it is over. Never trusted: the
//! hub renders the text itself.

use crate::workspace::paths;
use sha2::{Digest as _, Sha256};
use std::fs::{DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// What nobody signed for so long is forgotten.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// So many texts are looked at.
const MOST: usize = 512;

/// A place of this account alone: what is shared with a group is no place for it.
fn place() -> Result<PathBuf, String> {
    let own = |name: &str| if name == "BACKOUT_STATE" { None } else { paths::environment(name) };
    let place = paths::state(None, &own).map_err(|e| e.to_string())?.join("pending");
    DirBuilder::new().recursive(true).mode(0o700).create(&place).map_err(|e| e.to_string())?;
    let meta = std::fs::symlink_metadata(&place).map_err(|e| e.to_string())?;
    let mine = meta.is_dir() && meta.uid() == rustix::process::geteuid().as_raw() && meta.mode() & 0o022 == 0;
    if mine { Ok(place) } else { Err(format!("{} is not this account's own", place.display())) }
}

/// Keeps a text until its signature comes, and forgets old ones.
pub(super) fn keep(text: &str) -> Result<(), String> {
    let place = place()?;
    forget_old(&place);
    let name: String = Sha256::digest(text).iter().take(16).map(|b| format!("{b:02x}")).collect();
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(place.join(name))
        .map_err(|e| e.to_string())?;
    file.write_all(text.as_bytes()).map_err(|e| e.to_string())
}

/// Every text that is kept.
pub(super) fn all() -> Vec<String> {
    let Ok(entries) = place().and_then(|p| std::fs::read_dir(p).map_err(|e| e.to_string())) else {
        return Vec::new();
    };
    entries.flatten().take(MOST).filter_map(|e| std::fs::read_to_string(e.path()).ok()).collect()
}

fn forget_old(place: &std::path::Path) {
    let Ok(entries) = std::fs::read_dir(place) else { return };
    for entry in entries.flatten() {
        let written = entry.metadata().and_then(|m| m.modified());
        let age = written.ok().and_then(|at| SystemTime::now().duration_since(at).ok());
        if age.is_some_and(|age| age > KEPT) {
            // One that cannot be removed is only looked at once more.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}
