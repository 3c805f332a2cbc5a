//! This machine: where incidents are kept, what happens to processes at logout, clock and disk. Never changes any of it.

use super::Report;
use crate::cli::{context, record};
use crate::hub::logind::{self, AtLogout};
use crate::workspace::Workspace;
use rustix::fs::{Access, access};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;
use std::time::UNIX_EPOCH;

/// Below this an incident may run out of room.
const LITTLE: u64 = 256 * 1024 * 1024;
/// Below this it will.
const TOO_LITTLE: u64 = 32 * 1024 * 1024;

pub(super) fn look(state: &Path, workspace: Option<&Workspace>, report: &mut Report) {
    permissions(state, workspace, report);
    logout(report);
    clock(state, report);
    disk(state, report);
    programs(report);
}

fn permissions(state: &Path, workspace: Option<&Workspace>, report: &mut Report) {
    const AREA: &str = "state";
    match nearest(state) {
        None => report.broken(AREA, format!("{} cannot be reached", state.display()), "say --state DIR"),
        Some(place) if !place.is_dir() => report.broken(
            AREA,
            format!("{} is no folder", place.display()),
            "say --state DIR, or move it away",
        ),
        Some(place) => {
            let shown = state.display();
            let mode = std::fs::metadata(place).map_or(0, |m| m.mode());
            if access(place, Access::WRITE_OK | Access::EXEC_OK).is_err() {
                report.broken(
                    AREA,
                    format!("{} cannot be written", place.display()),
                    "say --state DIR, or be put into its group",
                );
            } else if place == state && mode & 0o002 != 0 {
                report.broken(AREA, format!("everybody may write to {shown}"), format!("chmod o-w {shown}"));
            } else if place == state && mode & 0o2000 != 0 {
                report.works(AREA, format!("{shown}, shared with a group (mode {:04o})", mode & 0o7777));
            } else {
                report.works(AREA, shown.to_string());
            }
        }
    }
    let Some(workspace) = workspace else { return };
    let open: Vec<String> = ["backout.yaml", "team.yaml", "allowed_signers", "revoked_keys", "runbooks"]
        .iter()
        .filter(|name| std::fs::metadata(workspace.root.join(name)).is_ok_and(|m| m.mode() & 0o002 != 0))
        .map(|name| (*name).to_owned())
        .collect();
    if open.is_empty() {
        report.works("files", "nobody else may write to the workspace's files");
    } else {
        report.broken(
            "files",
            format!("everybody may write to {}", open.join(", ")),
            format!("chmod -R o-w {}", workspace.root.display()),
        );
    }
}

/// The folder, or the nearest thing above it that is there.
fn nearest(path: &Path) -> Option<&Path> {
    path.ancestors().find(|p| std::fs::symlink_metadata(p).is_ok())
}

fn logout(report: &mut Report) {
    const AREA: &str = "logout";
    match logind::at_logout() {
        AtLogout::Lives => report.works(AREA, "a hub lives on when you log out"),
        AtLogout::Unknown => report.works(AREA, "no logind answers here, so nothing ends processes at logout"),
        AtLogout::DiesUnlessScoped { lingers: true } => {
            report.works(AREA, "this machine ends processes at logout (KillUserProcesses); hubs are started in a scope of their own and live on");
        }
        AtLogout::DiesUnlessScoped { lingers: false } => report.broken(
            AREA,
            "this machine ends processes at logout (KillUserProcesses), and soon after the last logout those in scopes of their own too",
            "loginctl enable-linger",
        ),
        AtLogout::Dies => report.broken(
            AREA,
            "this machine ends processes at logout (KillUserProcesses), and there is no user manager to start hubs under",
            "log in through sshd or a console with pam_systemd, then loginctl enable-linger; or set KillUserProcesses=no",
        ),
    }
}

fn clock(state: &Path, report: &mut Report) {
    const AREA: &str = "clock";
    let now = context::now();
    let built = std::env::current_exe().and_then(std::fs::metadata).and_then(|m| m.modified()).ok();
    let built = built.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).map_or(0, |d| d.as_secs());
    let newest =
        record::all(state).ok().and_then(|all| all.last().cloned()).and_then(|dir| record::load(&dir).ok());
    let last = newest.map(|r| r.incident.last_at).filter(|at| *at > now);
    if u64::try_from(now.seconds()).unwrap_or(0) < built {
        report.broken(
            AREA,
            format!("it is {now} here, earlier than this program was put here"),
            "set the clock: signatures and requests expire by it",
        );
    } else if let Some(last) = last {
        report.broken(
            AREA,
            format!("it is {now} here, and the newest record ends at {last}"),
            "set the clock: it ran ahead before, or runs behind now",
        );
    } else {
        match synchronised().as_deref() {
            Some("yes") => report.works(AREA, "synchronised"),
            Some(_) => report.remark(
                AREA,
                "not synchronised: times in the record will be this machine's opinion",
                "timedatectl set-ntp true, or chrony",
            ),
            None => report.remark(
                AREA,
                format!("nothing here says whether it is synchronised; it is {now}"),
                "compare with another clock",
            ),
        }
    }
}

fn synchronised() -> Option<String> {
    let output =
        Command::new("timedatectl").args(["show", "-p", "NTPSynchronized", "--value"]).output().ok()?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !said.is_empty()).then_some(said)
}

fn disk(state: &Path, report: &mut Report) {
    const AREA: &str = "disk";
    let Some(place) = nearest(state) else { return };
    match rustix::fs::statvfs(place) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let said = format!("{} MiB are free for the state", free / 1024 / 1024);
            match free {
                0..TOO_LITTLE => report.broken(AREA, said, "make room: nothing new starts on a full disk"),
                TOO_LITTLE..LITTLE => report.remark(AREA, said, "make room before a long incident"),
                LITTLE.. => report.works(AREA, said),
            }
        }
        Err(e) => report.remark(AREA, format!("free room cannot be asked for: {e}"), "look with df"),
    }
}

/// What other programs are called for.
fn programs(report: &mut Report) {
    for (name, why) in [
        ("ssh", "--via and steps with `host`"),
        ("ssh-keygen", "checking an export"),
        ("setfacl", "`backout invite`"),
    ] {
        let path = std::env::var_os("PATH").unwrap_or_default();
        if !std::env::split_paths(&path).any(|dir| dir.join(name).is_file()) {
            report.remark(
                "programs",
                format!("{name} is missing; it is needed for {why}"),
                format!("install {name}, if you want that"),
            );
        }
    }
}
