//! A hub on another machine: the record's lines come over `ssh`, and console and key stay here. Never forwards an
//! agent, and never lets an address become an option.

use crate::client::room::{Room, RoomError};
use crate::error::{Failure, Result};
use crate::sanitize;
use std::fmt;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

/// Of what `ssh` says, so much is kept.
const SAID: u64 = 16 * 1024;
/// So long somebody may look for a passphrase or compare a host's key.
const TYPING: Duration = Duration::from_secs(180);
/// So long a line may take where nobody is asked anything.
const REACHED: Duration = Duration::from_secs(20);
/// `ssh` ends so soon after the connection it carried.
const ENDS: Duration = Duration::from_secs(2);

/// A machine and what to look for there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    destination: String,
    port: Option<u16>,
    state: Option<String>,
    incident: Option<String>,
}

/// Whether `ssh` may ask for a passphrase or about a host's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// At the terminal, before the console has it.
    MayAsk,
    /// Not any more.
    Never,
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let incident = self.incident.as_deref().map(|id| format!("{id} ")).unwrap_or_default();
        let port = self.port.map(|p| format!(":{p}")).unwrap_or_default();
        write!(
            f,
            "{incident}--via ssh://{}{port}{}",
            self.destination,
            self.state.as_deref().unwrap_or_default()
        )
    }
}

impl Remote {
    /// Reads `ssh://[user@]host[:port][/state]`.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(address: &str, incident: Option<&str>) -> Result<Remote> {
        let wrong = |why: &str| {
            Failure::usage(format!("`{address}` is no address: {why}"))
                .hint("write ssh://[user@]host[:port][/folder/of/the/state]")
        };
        let rest = address.strip_prefix("ssh://").ok_or_else(|| wrong("it does not begin with ssh://"))?;
        let (place, state) = match rest.find('/') {
            Some(at) => rest.split_at_checked(at).ok_or_else(|| wrong("it cannot be read"))?,
            None => (rest, ""),
        };
        let (user, host) = place.rsplit_once('@').map_or((None, place), |(user, host)| (Some(user), host));
        let (host, port) = host_and_port(host).ok_or_else(|| wrong("its port is none"))?;
        let plain = |text: &str| {
            !text.is_empty()
                && !text.starts_with('-')
                && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-:%+".contains(c))
        };
        if !plain(&host) || user.is_some_and(|user| !plain(user)) {
            return Err(wrong("user and host are letters, digits and . _ - + : %"));
        }
        let destination = user.map_or_else(|| host.clone(), |user| format!("{user}@{host}"));
        Ok(Remote {
            destination,
            port,
            state: Some(state.to_owned()).filter(|s| s.len() > 1),
            incident: incident.map(str::to_owned),
        })
    }

    /// The machine, for messages.
    pub fn host(&self) -> &str {
        &self.destination
    }

    /// What the shell there is asked to run.
    fn command(&self) -> String {
        let state = self.state.as_deref().map(|s| format!(" --state {}", quoted(s))).unwrap_or_default();
        let incident = self.incident.as_deref().map(|i| format!(" {}", quoted(i))).unwrap_or_default();
        format!("backout{state} stdio{incident}")
    }

    /// Starts `ssh` and follows the hub that it reaches.
    ///
    /// # Errors
    /// What `ssh` says, or what is wrong with the hub.
    pub async fn attach(&self, asking: Asking) -> std::result::Result<Room, RoomError> {
        let cannot = |e: std::io::Error| RoomError::Ended(format!("ssh cannot be started: {e}"));
        let (ours, theirs) = StdStream::pair().map_err(cannot)?;
        ours.set_nonblocking(true).map_err(cannot)?;
        let out = theirs.try_clone().map_err(cannot)?;
        let mut command = Command::new("ssh");
        // A line that is dead without a word is noticed; what agents could sign is nobody's business there.
        command.args(["-T", "-a", "-x", "-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3"]);
        if asking == Asking::Never {
            command.args(["-o", "BatchMode=yes"]);
        }
        if let Some(port) = self.port {
            command.arg("-p").arg(port.to_string());
        }
        command.arg("--").arg(&self.destination).arg(self.command());
        command.stdin(OwnedFd::from(theirs)).stdout(OwnedFd::from(out)).stderr(Stdio::piped());
        let child = command.kill_on_drop(true).spawn().map_err(cannot)?;
        // The command holds the other end of our stream as long as it lives.
        drop(command);
        let said = said(child);
        let patience = if asking == Asking::MayAsk { TYPING } else { REACHED };
        let stream = UnixStream::from_std(ours).map_err(cannot)?;
        match Room::over_within(patience, stream).await {
            Ok(room) => Ok(room),
            Err(RoomError::Connect(crate::client::connection::ConnectError::Sorry(why))) => {
                Err(RoomError::Ended(why))
            }
            Err(other) => match tokio::time::timeout(ENDS, said).await {
                Ok(Ok(words)) if !words.is_empty() => Err(RoomError::Ended(words)),
                Ok(_) | Err(_) => Err(other),
            },
        }
    }
}

/// Waits for `ssh`, and gives its last words.
fn said(mut child: Child) -> oneshot::Receiver<String> {
    let (tx, words) = oneshot::channel();
    tokio::spawn(async move {
        let mut text = Vec::new();
        if let Some(stderr) = child.stderr.take() {
            let _ = stderr.take(SAID).read_to_end(&mut text).await;
        }
        let _ = child.wait().await;
        let text = sanitize::text(&text);
        let last: Vec<&str> = text.as_str().lines().map(str::trim).filter(|l| !l.is_empty()).collect();
        // Who followed without trouble asks for no last words.
        let _ = tx.send(last.get(last.len().saturating_sub(3)..).unwrap_or_default().join("; "));
    });
    words
}

/// Host and port; a host with colons of its own stands in brackets.
fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(inner) => inner.split_once(']')?,
        None => text.find(':').map_or(Some((text, "")), |at| text.split_at_checked(at))?,
    };
    let port = match rest.strip_prefix(':') {
        Some(port) => Some(port.parse().ok()?),
        None if rest.is_empty() => None,
        None => return None,
    };
    Some((host.to_owned(), port))
}

/// A word for a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(address: &str) -> Remote {
        Remote::parse(address, Some("01JD")).unwrap()
    }

    #[test]
    fn an_address_has_user_host_port_and_state() {
        let all = remote("ssh://ana@bastion.example:2222/srv/back out");
        assert_eq!((all.host(), all.port), ("ana@bastion.example", Some(2222)));
        assert_eq!(all.command(), "backout --state '/srv/back out' stdio '01JD'");
        assert_eq!(remote("ssh://box").command(), "backout stdio '01JD'");
        assert_eq!(remote("ssh://box/").command(), "backout stdio '01JD'");
        assert_eq!(remote("ssh://[::1]:22").host(), "::1");
        assert_eq!(all.to_string(), "01JD --via ssh://ana@bastion.example:2222/srv/back out");
    }

    #[test]
    fn no_address_becomes_an_option_or_a_command() {
        for bad in [
            "box",
            "ssh://",
            "ssh://-oProxyCommand=x",
            "ssh://-x@box",
            "ssh://a b",
            "ssh://box:x",
            "ssh://box;id",
        ] {
            assert!(Remote::parse(bad, None).is_err(), "{bad}");
        }
        let sly = Remote::parse("ssh://box/a'b;id", Some("x' y")).unwrap();
        assert_eq!(sly.command(), r"backout --state '/a'\''b;id' stdio 'x'\'' y'");
    }
}
