//! `invite`: lets one account of this machine in where no group is shared, and out again. Never gives more than the way
//! to the socket.

use crate::cli::args::{Args, Invite};
use crate::cli::context::Context;
use crate::cli::{print, record, say};
use crate::error::{Failure, Result};
use crate::hub::{guests, layout};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Runs the verb.
pub fn run(args: &Args, verb: &Invite) -> Result<()> {
    let context = Context::of(args)?;
    let dir = record::find(&context.state, Some(&verb.incident))?;
    let dir = std::path::absolute(&dir)
        .map_err(|e| Failure::environment(format!("cannot find {}", dir.display())).because(e))?;
    let guest = Guest::of(&verb.account)?;
    let me = rustix::process::geteuid().as_raw();
    let owner = seen(&dir)?.uid();
    if owner != me && me != 0 {
        return Err(Failure::refused(format!("the incident is uid {owner}'s"))
            .hint("whoever opened it can let others in"));
    }
    if verb.undo {
        return undo(&guest, &dir);
    }
    if layout::socket(&dir)?.parent() != Some(dir.as_path()) {
        return Err(Failure::environment("the hub's socket lies in a folder that is only its owner's")
            .because(format!("the path of {} is too long for a socket", dir.display()))
            .hint("open incidents under a shorter path (--state)"));
    }
    for folder in open_way(&guest, &dir, &context.state, verb.through)? {
        guests::grant(&guest.name, "x", &folder).map_err(|why| refused(&folder, &why))?;
        say(&format!("{} may now pass through {}", guest.name, folder.display()));
    }
    let socket = dir.join(layout::HUB_SOCKET);
    if socket.exists() {
        guests::grant(&guest.name, "rw", &socket).map_err(|why| refused(&socket, &why))?;
    }
    remember(&dir, &guest.name)?;
    let id = dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    print(&format!("{} can come in: backout --state {} join {id}", guest.name, context.state.display()));
    say(
        "Who they are is told by their key: people whom the incident's allowed_signers does not list look on with --observe.",
    );
    Ok(())
}

/// Takes the way in back. The folder is shut first: whoever cannot pass it does not reach the socket.
fn undo(guest: &Guest, dir: &Path) -> Result<()> {
    let known = forget(dir, &guest.name)?;
    for path in [dir.to_owned(), dir.join(layout::HUB_SOCKET)] {
        if path.exists() {
            guests::withdraw(&guest.name, &path).map_err(|why| {
                Failure::environment(format!("{} cannot be shut to them", path.display())).because(why)
            })?;
        }
    }
    let id = dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    match known {
        true => print(&format!("{} does not come in any more", guest.name)),
        false => print(&format!("{} had not been let in", guest.name)),
    }
    if guest.passes(&seen(dir)?) {
        say("The folder's group lets them in all the same: take them out of it.");
    }
    say(&format!(
        "Whoever is in the room already stays until they leave: `backout revoke {id}` ends a session. Folders above the incident are left as they are."
    ));
    Ok(())
}

/// An account of this machine.
struct Guest {
    name: String,
    uid: u32,
    groups: Vec<u32>,
}

impl Guest {
    fn of(name: &str) -> Result<Guest> {
        let known = |flag: &str| -> Option<String> {
            // What begins with a dash would be an option.
            let fit = !name.is_empty() && !name.starts_with('-');
            let output = Command::new("id").args([flag, "--", name]).stdin(Stdio::null()).output().ok()?;
            (fit && output.status.success())
                .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        let none = || {
            Failure::usage(format!("this machine has no account `{name}`")).hint(
                "name the account they log in with, as `getent passwd` lists it, not the id in team.yaml",
            )
        };
        let uid = known("-u").and_then(|uid| uid.parse().ok()).ok_or_else(none)?;
        let groups = known("-G").unwrap_or_default();
        let groups = groups.split_whitespace().filter_map(|gid| gid.parse().ok()).collect();
        Ok(Guest { name: name.to_owned(), uid, groups })
    }

    /// Whether the mode bits let them pass. An ACL is not looked at: giving it again harms nobody.
    fn passes(&self, meta: &std::fs::Metadata) -> bool {
        let mode = meta.mode();
        if meta.uid() == self.uid {
            mode & 0o100 != 0
        } else if self.groups.contains(&meta.gid()) {
            mode & 0o010 != 0
        } else {
            mode & 0o001 != 0
        }
    }
}

fn seen(path: &Path) -> Result<std::fs::Metadata> {
    std::fs::metadata(path)
        .map_err(|e| Failure::environment(format!("cannot see {}", path.display())).because(e))
}

/// The folders on the way to the socket that have to be opened. Those above the state belong to something else too, a
/// home for example, and are only opened when that was said.
fn open_way(guest: &Guest, dir: &Path, state: &Path, through: bool) -> Result<Vec<PathBuf>> {
    let mut shut = Vec::new();
    for folder in dir.ancestors() {
        if !guest.passes(&seen(folder)?) {
            shut.push(folder.to_owned());
        }
    }
    shut.reverse();
    let above: Vec<String> =
        shut.iter().filter(|f| !f.starts_with(state)).map(|f| f.display().to_string()).collect();
    if above.is_empty() || through {
        return Ok(shut);
    }
    Err(Failure::refused(format!("{} cannot pass through {}", guest.name, above.join(", ")))
        .hint("say --through to let them pass there (they can reach what they know the name of and may read, and list nothing)")
        .hint("or keep incidents where others can come: --state /var/tmp/… or /srv/…"))
}

fn refused(path: &Path, why: &str) -> Failure {
    Failure::environment(format!("{} cannot be opened to them", path.display()))
        .because(why)
        .hint("this needs setfacl (Debian's package `acl`) and a file system that has ACLs")
        .hint("or share the state with a group: install -d -m 2770 -g GROUP /srv/backout")
}

/// The next hub of this incident lets them in again.
fn remember(dir: &Path, account: &str) -> Result<()> {
    let path = dir.join(layout::GUESTS);
    let cannot =
        |e: std::io::Error| Failure::environment(format!("cannot write {}", path.display())).because(e);
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    if known.lines().any(|line| line == account) {
        return Ok(());
    }
    let mut file =
        std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(&path).map_err(cannot)?;
    file.write_all(format!("{account}\n").as_bytes()).map_err(cannot)
}

/// The next hub of this incident lets them in no more. Whether it would have.
fn forget(dir: &Path, account: &str) -> Result<bool> {
    let path = dir.join(layout::GUESTS);
    let Ok(known) = std::fs::read_to_string(&path) else { return Ok(false) };
    if !known.lines().any(|line| line == account) {
        return Ok(false);
    }
    let stay: String =
        known.lines().filter(|line| *line != account).map(|line| format!("{line}\n")).collect();
    layout::replace(&path, stay.as_bytes())?;
    Ok(true)
}
