//! What happens to a hub when the person who started it logs out: `KillUserProcesses` of systemd-logind ends everything
//! in a session, `setsid` or not, and only what runs in a scope of the user's own manager lives on. Never changes a
//! setting.

use std::process::{Command, Stdio};

/// What a logout does to processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtLogout {
    /// Nothing.
    Lives,
    /// Nobody answers who could end them.
    Unknown,
    /// Ends them, except in a scope of the user's manager; and that manager ends too, unless it lingers.
    DiesUnlessScoped {
        /// Whether the user's manager stays.
        lingers: bool,
    },
    /// Ends them, and there is no such manager here.
    Dies,
}

/// Asks logind.
pub fn at_logout() -> AtLogout {
    let kills = property("/org/freedesktop/login1", "org.freedesktop.login1.Manager", "KillUserProcesses");
    match kills {
        None => AtLogout::Unknown,
        Some(false) => AtLogout::Lives,
        Some(true) if !manager_answers() => AtLogout::Dies,
        Some(true) => {
            let lingers =
                property("/org/freedesktop/login1/user/self", "org.freedesktop.login1.User", "Linger");
            AtLogout::DiesUnlessScoped { lingers: lingers == Some(true) }
        }
    }
}

/// The same for a process that is about to start a hub; outside of a session nobody needs to be asked.
pub fn at_logout_of_this_session() -> AtLogout {
    if std::env::var_os("XDG_SESSION_ID").is_some() { at_logout() } else { AtLogout::Lives }
}

fn property(path: &str, interface: &str, name: &str) -> Option<bool> {
    let output = Command::new("busctl")
        .args(["--timeout=2", "get-property", "org.freedesktop.login1", path, interface, name])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    match String::from_utf8_lossy(&output.stdout).trim() {
        "b true" => Some(true),
        "b false" => Some(false),
        _ => None,
    }
}

fn manager_answers() -> bool {
    std::env::var_os("XDG_RUNTIME_DIR").is_some() && quiet(&["--user", "--scope", "--collect", "-q", "true"])
}

fn quiet(words: &[&str]) -> bool {
    let mut command = Command::new("systemd-run");
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
