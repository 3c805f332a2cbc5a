//! The socket: who may knock, and how many at once. Never reads what they say.

use crate::error::{Failure, Result};
use crate::hub::shared::Shared;
use crate::hub::{guests, layout, session};
use crate::sanitize;
use std::collections::VecDeque;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener as StdListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::sync::{Notify, Semaphore};

/// So many clients at once. One more takes the place of whoever has looked on longest without having shown a key; where
/// all have, it is told so and turned away.
const MOST_CLIENTS: usize = 256;
/// Longest path a socket can have on Linux (`sun_path` without its end).
const LONGEST: usize = 107;

/// Binds the incident's socket. The caller holds the incident's lock, so a socket that is already there is stale.
///
/// # Errors
/// No place for it is short and safe enough, or it cannot be bound.
pub fn bind(dir: &Path) -> Result<(StdListener, PathBuf)> {
    let meta = std::fs::metadata(dir)
        .map_err(|e| Failure::environment(format!("cannot read {}", dir.display())).because(e))?;
    let shared = meta.mode() & 0o2010 == 0o2010;
    let elsewhere = || if shared { None } else { private_place(dir) };
    let path = short(dir.join(layout::HUB_SOCKET)).or_else(elsewhere).ok_or_else(|| {
        Failure::environment(format!("no place for a socket of {} is short enough", dir.display()))
            .hint("use a shorter path for the state (--state)")
    })?;
    let cannot = |what: &str, e: std::io::Error| {
        Failure::environment(format!("cannot {what} the socket {}", path.display())).because(e)
    };
    match std::fs::remove_file(&path) {
        Ok(()) => {}
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        Err(e) => return Err(cannot("replace", e)),
    }
    let listener = StdListener::bind(&path).map_err(|e| cannot("bind", e))?;
    let mode = if shared { 0o660 } else { 0o600 };
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).map_err(|e| cannot("open", e))?;
    guests::admit(dir, &path);
    listener.set_nonblocking(true).map_err(|e| cannot("use", e))?;
    layout::replace(&dir.join(layout::SOCKET), format!("{}\n", path.display()).as_bytes())?;
    Ok((listener, path))
}

fn short(path: PathBuf) -> Option<PathBuf> {
    (path.as_os_str().len() <= LONGEST).then_some(path)
}

/// The first place that is ours alone and short enough, for incidents in folders with long paths.
fn private_place(dir: &Path) -> Option<PathBuf> {
    let name = format!("{}.sock", dir.file_name()?.to_string_lossy());
    let runtime = std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|p| p.is_absolute() && ours_alone(p))
        .map(|p| p.join("backout"));
    let beside = dir.parent().and_then(Path::parent).map(|state| state.join("run"));
    let uid = rustix::process::geteuid().as_raw();
    let last = std::env::temp_dir().join(format!("backout-{uid}"));
    runtime.into_iter().chain(beside).chain([last]).find_map(|place| {
        let path = short(place.join(&name))?;
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&place);
        (made.is_ok() && ours_alone(&place)).then_some(path)
    })
}

/// A directory of ours that nobody else can enter, and no link.
fn ours_alone(place: &Path) -> bool {
    std::fs::symlink_metadata(place)
        .is_ok_and(|m| m.is_dir() && m.uid() == rustix::process::geteuid().as_raw() && m.mode() & 0o077 == 0)
}

/// Lets clients in until the task is dropped.
pub async fn listen(listener: UnixListener, shared: Arc<Shared>) {
    let seats = Arc::new(Semaphore::new(MOST_CLIENTS));
    let mut number = 0u64;
    // Everybody who is in, oldest first. Those who have left are forgotten when their place is needed.
    let mut inside: VecDeque<(u64, Weak<Notify>)> = VecDeque::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors, most likely: those who are in stay in.
                tracing::warn!(%error, "a client could not be let in");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        number += 1;
        let shared = shared.clone();
        let seat = match seats.clone().try_acquire_owned() {
            Ok(seat) => Some(seat),
            Err(_) if displace(&mut inside, &shared) => seats.clone().acquire_owned().await.ok(),
            Err(_) => None,
        };
        match seat {
            Some(seat) => {
                let via =
                    stream.peer_cred().map_or_else(|_| "unknown".to_owned(), |c| format!("uid {}", c.uid()));
                let displaced = Arc::new(Notify::new());
                inside.push_back((number, Arc::downgrade(&displaced)));
                tokio::spawn(async move {
                    let peer = session::Peer { number, via, displaced };
                    if let Err(why) = session::serve(stream, peer, shared).await {
                        tracing::info!(client = number, why = %sanitize::line(why.to_string()), "let go");
                    }
                    drop(seat);
                });
            }
            None => {
                tokio::spawn(session::turn_away(stream, "too many consoles are attached; close one"));
            }
        }
    }
}

/// Asks the one who has been in longest, and acts for nobody, to leave. False when there is no such client.
fn displace(inside: &mut VecDeque<(u64, Weak<Notify>)>, shared: &Shared) -> bool {
    inside.retain(|(_, client)| client.strong_count() > 0);
    let proven = shared.proven();
    let Some(at) = inside.iter().position(|(number, _)| !proven.contains(number)) else { return false };
    let Some((number, client)) = inside.remove(at) else { return false };
    tracing::info!(client = number, "displaced");
    if let Some(client) = client.upgrade() {
        client.notify_one();
    }
    true
}
