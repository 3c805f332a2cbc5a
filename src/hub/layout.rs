//! The folder of one incident as a hub finds it: what lies where, and how it is made. Never writes the record itself.

use crate::core::event::Direction;
use crate::core::id::{Digest, IncidentId};
use crate::error::{Failure, Result};
use crate::hub::wish::Try;
use crate::timeline::folder::ANCHORS;
use crate::wire::act::Act;
use crate::wire::frame;
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The pinned runbook.
pub const RUNBOOK: &str = "runbook.yaml";
/// The pinned team.
pub const TEAM: &str = "team.yaml";
/// The pinned roster of keys.
pub const ALLOWED_SIGNERS: &str = "allowed_signers";
/// The pinned list of keys that no longer count.
pub const REVOKED_KEYS: &str = "revoked_keys";
/// The pinned workspace.
pub const WORKSPACE: &str = "workspace.yaml";
/// How the incident was opened: the first act, on its way to the first hub.
pub const OPENING: &str = "opening.json";
/// Where the hub listens, if its path is short enough for a socket.
pub const HUB_SOCKET: &str = "hub.sock";
/// Where the hub can be reached: one line with a path.
pub const SOCKET: &str = "socket";
/// Accounts of this machine that were let in one by one, a name a line.
pub const GUESTS: &str = "guests";
/// The hub's process id, for people.
pub const PID: &str = "hub.pid";
/// What the hub had to say.
pub const LOG: &str = "hub.log";
/// Where the attempts at steps are.
pub const STEPS: &str = "steps";
/// Samples for the report's charts.
pub const METRICS: &str = "metrics.jsonl";

/// Larger files are not read.
const MOST: u64 = 8 * 1024 * 1024;

/// The files that are pinned when an incident opens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Copies {
    /// `runbook.yaml`
    pub runbook: Vec<u8>,
    /// `team.yaml`
    pub team: Vec<u8>,
    /// `allowed_signers`
    pub allowed_signers: Vec<u8>,
    /// `revoked_keys`; empty when the workspace has none.
    pub revoked_keys: Vec<u8>,
    /// `backout.yaml` of the workspace.
    pub workspace: Vec<u8>,
}

impl Copies {
    /// Each with its name in the folder.
    pub fn named(&self) -> [(&'static str, &[u8]); 5] {
        [
            (RUNBOOK, &self.runbook),
            (TEAM, &self.team),
            (ALLOWED_SIGNERS, &self.allowed_signers),
            (REVOKED_KEYS, &self.revoked_keys),
            (WORKSPACE, &self.workspace),
        ]
    }

    /// Their digests, for event 0.
    pub fn pinned(&self) -> crate::core::event::Pinned {
        crate::core::event::Pinned {
            runbook: Digest::of(&self.runbook),
            team: Digest::of(&self.team),
            allowed_signers: Digest::of(&self.allowed_signers),
            revoked_keys: Digest::of(&self.revoked_keys),
            workspace: Digest::of(&self.workspace),
        }
    }

    /// Reads them back from an incident's folder.
    ///
    /// # Errors
    /// One of them is missing, a link, or too large.
    pub fn read(dir: &Path) -> Result<Copies> {
        Ok(Copies {
            runbook: read(dir, RUNBOOK)?,
            team: read(dir, TEAM)?,
            allowed_signers: read(dir, ALLOWED_SIGNERS)?,
            revoked_keys: read(dir, REVOKED_KEYS)?,
            workspace: read(dir, WORKSPACE)?,
        })
    }
}

/// How an incident is opened. Secrets are not in it: they travel through the hub's standard input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// The opener's act. Its `Opened` has no `hub_key` yet: the hub makes that key.
    pub act: Act,
    /// The workspace's folder, absolute: relative paths of steps start there.
    pub workspace: PathBuf,
}

/// The folder of an incident below the state.
pub fn folder(state: &Path, incident: &IncidentId) -> PathBuf {
    state.join("incidents").join(incident.as_str())
}

/// Makes the folder (0700; 2710 where the state passes its group on) with the copies and the opening act.
///
/// # Errors
/// The folder exists already, or something cannot be written.
pub fn prepare(state: &Path, incident: &IncidentId, copies: &Copies, opening: &Opening) -> Result<PathBuf> {
    let text = serde_json::to_vec_pretty(opening).map_err(|e| {
        let words = format!("the opening act cannot be written for {}", opening.workspace.display());
        Failure::environment(words).because(e).hint("a workspace's path must be UTF-8: give it another name")
    })?;
    let incidents = incidents(state)?;
    let dir = folder(state, incident);
    DirBuilder::new().mode(0o700).create(&dir).map_err(|e| cannot("make", &dir, e))?;
    let shared = std::fs::metadata(&incidents).is_ok_and(|m| m.mode() & 0o2000 != 0);
    if shared {
        // The group may pass through to the socket, and nothing else.
        std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o2710))
            .map_err(|e| cannot("share", &dir, e))?;
    }
    for (name, bytes) in copies.named() {
        write_new(&dir.join(name), bytes)?;
    }
    write_new(&dir.join(OPENING), &text)?;
    Ok(dir)
}

/// The folder of the incidents, made when there is none. In a state that passes its group on, the group may list them
/// and, where it may write there, add its own; the sticky bit keeps everybody's hands off the others' folders.
fn incidents(state: &Path) -> Result<PathBuf> {
    let path = state.join("incidents");
    if path.is_dir() {
        return Ok(path);
    }
    DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(|e| cannot("make", &path, e))?;
    let of_group = std::fs::metadata(state).map_or(0, |m| m.mode());
    if of_group & 0o2010 == 0o2010 {
        let mode = if of_group & 0o020 != 0 { 0o3770 } else { 0o2750 };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))
            .map_err(|e| cannot("share", &path, e))?;
    }
    Ok(path)
}

/// The opening act of an incident.
///
/// # Errors
/// It is missing or damaged.
pub fn opening(dir: &Path) -> Result<Opening> {
    let text = read(dir, OPENING)?;
    frame::text(&text)
        .map_err(|e| Failure::environment(format!("{} is damaged", dir.join(OPENING).display())).because(e))
}

/// Where the hub of this incident listens, or listened last.
///
/// # Errors
/// No hub has listened yet, or the folder is closed to this account.
pub fn socket(dir: &Path) -> Result<PathBuf> {
    use std::os::unix::fs::FileTypeExt as _;
    let inside = dir.join(HUB_SOCKET);
    match std::fs::symlink_metadata(&inside) {
        Ok(there) if there.file_type().is_socket() => return Ok(inside),
        Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => return Err(closed(dir, e)),
        Ok(_) | Err(_) => {}
    }
    let text = read(dir, SOCKET)?;
    let path = String::from_utf8_lossy(&text).trim_end().to_owned();
    Ok(PathBuf::from(path))
}

/// What to say to somebody whose account may not pass a folder.
pub fn closed(dir: &Path, why: std::io::Error) -> Failure {
    let outermost = dir.ancestors().filter(|p| std::fs::metadata(p).is_err()).last().and_then(Path::parent);
    let shut = outermost.unwrap_or(dir);
    // A group that may not enter either is no way in, and nobody is to be put into root's.
    let opens = |m: &std::fs::Metadata| m.mode() & 0o010 != 0 && m.gid() != 0;
    let group = std::fs::metadata(shut).ok().filter(opens).map(|m| m.gid());
    let name = group.map(|gid| group_name(gid).unwrap_or_else(|| format!("gid {gid}")));
    let hint = match name {
        Some(group) => format!("its owner can put you into the group {group}, or let in your account alone"),
        None => "its owner can let in your account".to_owned(),
    };
    Failure::environment(format!("your account may not enter {}", shut.display()))
        .because(why)
        .hint(format!("{hint}: backout invite ACCOUNT INCIDENT"))
}

/// A group's name, as `/etc/group` has it.
fn group_name(gid: u32) -> Option<String> {
    let groups = std::fs::read_to_string("/etc/group").ok()?;
    let line = groups.lines().find(|l| l.split(':').nth(2) == Some(&gid.to_string()))?;
    line.split(':').next().map(str::to_owned)
}

/// The attempt's place: its files begin with this name (see [`record`](crate::step::record)).
pub fn attempt(dir: &Path, which: &Try) -> PathBuf {
    let suffix = match which.direction {
        Direction::Forward => "",
        Direction::Undo => ".undo",
    };
    dir.join(STEPS).join(format!("{}.{}{suffix}", which.step, which.attempt))
}

/// What the hub writes below the folder stays below it: its own folders are no links.
///
/// # Errors
/// Which one is.
pub(super) fn own_folders(dir: &Path) -> Result<()> {
    for name in [STEPS, ANCHORS] {
        let path = dir.join(name);
        match std::fs::symlink_metadata(&path) {
            Ok(there) if !there.is_dir() => {
                return Err(Failure::environment(format!("{} is a link or no folder", path.display()))
                    .hint("move it away; the hub makes its own"));
            }
            Ok(_) => {}
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(cannot("look at", &path, e)),
        }
    }
    Ok(())
}

/// Reads a file of the folder, never through a link.
pub(super) fn read(dir: &Path, name: &str) -> Result<Vec<u8>> {
    let path = dir.join(name);
    let mut bytes = Vec::new();
    open(&path)
        .and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes))
        .map_err(|e| cannot("read", &path, e))?;
    if bytes.len() as u64 > MOST {
        return Err(Failure::environment(format!("{} is too large", path.display())));
    }
    Ok(bytes)
}

fn open(path: &Path) -> std::io::Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW.bits();
    OpenOptions::new().read(true).custom_flags(i32::try_from(flags).unwrap_or(0)).open(path)
}

/// Writes a small file of the folder anew, never through a link.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        Err(e) => return Err(cannot("replace", path, e)),
    }
    write_new(path, bytes)
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<()> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .map_err(|e| cannot("write", path, e))
}

fn cannot(what: &str, path: &Path, why: std::io::Error) -> Failure {
    let failure = Failure::environment(format!("cannot {what} {}", path.display()));
    with_hint(failure, path.parent().unwrap_or(path), &why).because(why)
}

/// What to do where the disk itself is what is wrong.
pub fn with_hint(failure: Failure, dir: &Path, why: &std::io::Error) -> Failure {
    use std::io::ErrorKind;
    let broken = why.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error());
    match why.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            failure.hint(format!("make room on the disk of {}; nothing is lost", dir.display()))
        }
        ErrorKind::ReadOnlyFilesystem => failure
            .hint("the disk can only be read: systems do that to a disk that fails")
            .hint(elsewhere(dir)),
        _ if broken => failure.hint(elsewhere(dir)),
        _ => failure,
    }
}

/// How an incident moves to a disk that works.
pub(super) fn elsewhere(dir: &Path) -> String {
    let id = dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    format!(
        "on a disk that works: mkdir -p NEW/incidents; cp -a {} NEW/incidents/; backout --state NEW resume {id}",
        dir.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_may_not_enter_is_not_offered_as_a_way_in() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let said = closed(dir.path(), std::io::ErrorKind::PermissionDenied.into()).to_string();
        assert!(said.contains("your account may not enter") && !said.contains("the group"), "{said}");
    }
}
