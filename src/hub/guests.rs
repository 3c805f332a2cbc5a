//! Accounts that were let in one by one, where no group is shared: POSIX ACLs on the incident's folder and socket.
//! Never gives more than the way to the socket, and never touches what somebody else gave.

use crate::hub::layout;
use std::path::Path;
use std::process::{Command, Stdio};

/// Lets the account in at the socket now.
///
/// # Errors
/// What `setfacl` says.
pub fn grant(account: &str, rights: &str, path: &Path) -> Result<(), String> {
    setfacl(&["-m", &format!("u:{account}:{rights}")], path)
}

/// Takes back what [`grant`] gave. What was never given is taken back without a word.
///
/// # Errors
/// What `setfacl` says.
pub fn withdraw(account: &str, path: &Path) -> Result<(), String> {
    setfacl(&["-x", &format!("u:{account}")], path)
}

fn setfacl(what: &[&str], path: &Path) -> Result<(), String> {
    let output = Command::new("setfacl")
        .args(what)
        .arg("--")
        .arg(path)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("setfacl cannot be run: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

/// Everybody who was let in before is let in at a new socket too. Who cannot be stays outside, and the log says so.
pub(super) fn admit(dir: &Path, socket: &Path) {
    let Ok(text) = layout::read(dir, layout::GUESTS) else { return };
    for account in String::from_utf8_lossy(&text).lines() {
        if let Err(why) = grant(account, "rw", socket) {
            tracing::warn!(account, %why, "a guest stays outside");
        }
    }
}
