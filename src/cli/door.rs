//! Ways to a hub: the folder of its incident, a socket that somebody forwarded, or `ssh`. Never speaks to a process
//! that is not the hub it was sent to.

use crate::client::connection::ConnectError;
use crate::client::room::{Room, RoomError};
use crate::core::event::What;
use crate::error::{Failure, Result};
use crate::hub::layout;
use crate::timeline::codec;
use crate::timeline::tree::Head;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

pub mod remote;

pub use remote::Remote;

/// The longest first line of a record, in bytes.
const FIRST: u64 = 65_536;

/// A way to a hub.
#[derive(Debug, Clone)]
pub enum Door {
    /// The incident's folder on this machine.
    Folder(PathBuf),
    /// A socket, such as one that `ssh -L` forwards.
    Socket(PathBuf),
    /// Another machine, over `ssh`.
    Ssh(Remote),
}

/// What is known of a hub that was followed before.
#[derive(Debug, Clone)]
pub struct Before {
    /// Name of its log.
    pub log: String,
    /// Its key, in base64.
    pub hub_key: String,
    /// The newest head that was checked.
    pub head: Head,
}

impl Before {
    /// What a room knows now.
    pub fn of(room: &Room) -> Before {
        let welcome = &room.welcome;
        Before { log: welcome.log.clone(), hub_key: welcome.hub_key.clone(), head: room.mirror.head() }
    }
}

impl Door {
    /// Goes in for the first time. `ssh` may ask for a passphrase.
    ///
    /// # Errors
    /// When there is no hub behind it, or not the one that was looked for.
    pub async fn open(&self) -> std::result::Result<Room, RoomError> {
        match self {
            Door::Folder(dir) => folder(dir).await,
            Door::Socket(path) => socket(path).await,
            Door::Ssh(remote) => remote.attach(remote::Asking::MayAsk).await,
        }
    }

    /// Goes in again after the connection was lost: the same hub, and a record that begins with what was followed.
    /// Asks nobody anything.
    ///
    /// # Errors
    /// As [`Door::open`], or it is another record.
    pub async fn again(&self, before: &Before) -> std::result::Result<Room, RoomError> {
        let mut room = match self {
            Door::Folder(_) | Door::Socket(_) => self.open().await?,
            Door::Ssh(remote) => remote.attach(remote::Asking::Never).await?,
        };
        if room.welcome.log != before.log || room.welcome.hub_key != before.hub_key {
            return Err(RoomError::OtherHub(format!(
                "another hub answers now: it serves {}, and {} was followed before",
                room.welcome.log, before.log
            )));
        }
        room.mirror.must_begin_with(before.head);
        Ok(room)
    }

    /// What `backout join` wants to hear to come back here.
    pub fn name(&self) -> String {
        let last =
            |path: &Path| path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        match self {
            Door::Folder(dir) => last(dir),
            Door::Socket(path) => path.display().to_string(),
            Door::Ssh(remote) => remote.to_string(),
        }
    }

    /// For a person: why there is no way in.
    pub fn shut(&self, why: RoomError) -> Failure {
        let name = self.name();
        match (self, why) {
            (Door::Folder(_), RoomError::Connect(e @ ConnectError::NoHub { .. })) => {
                Failure::environment(format!("no hub runs for incident {name}"))
                    .because(e)
                    .hint(format!("`backout resume {name}` starts it again; a closed incident needs none"))
            }
            (Door::Socket(_), RoomError::Connect(e @ ConnectError::NoHub { .. })) => {
                Failure::environment("nobody answers at this socket").because(e).hint(
                    "is the `ssh -L` that forwards it still there, and does the hub run on the other side?",
                )
            }
            (_, RoomError::Connect(e @ ConnectError::Stranger { .. })) => {
                Failure::environment("this is not the incident's hub")
                    .because(e)
                    .hint("tell whoever looks after this machine; nothing was signed")
            }
            (_, RoomError::OtherHub(why)) => {
                Failure::environment("this is not the hub you asked for").because(why)
            }
            (Door::Ssh(remote), RoomError::Ended(why)) => {
                Failure::environment(format!("{} cannot be reached", remote.host())).because(why).hint(
                    "try `ssh` there by itself; `backout` must be in the PATH of a command that ssh runs",
                )
            }
            (_, other) => crate::cli::context::lost(other),
        }
    }
}

async fn folder(dir: &Path) -> std::result::Result<Room, RoomError> {
    let socket = layout::socket(dir).map_err(|e| RoomError::Ended(e.to_string()))?;
    let owner = std::fs::metadata(dir).map_err(ConnectError::Broken)?.uid();
    let room = Room::attach(&socket, &[owner]).await?;
    let id = dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let named = room.welcome.log.split('/').any(|part| part == id);
    // A folder that was copied under another name is still recognised by its first line.
    let known = first_event(dir);
    let same = known.as_ref().map(|(log, key)| *log != room.welcome.log || *key == room.welcome.hub_key);
    match (named, same) {
        (_, Some(false)) => Err(RoomError::OtherHub(format!(
            "the hub at {} has another key than the record in {} names",
            socket.display(),
            dir.display()
        ))),
        (false, None) => Err(RoomError::OtherHub(format!(
            "the hub at {} serves {}, not {id}",
            socket.display(),
            room.welcome.log
        ))),
        (_, Some(true)) | (true, None) => Ok(room),
    }
}

/// The log's name and the hub's key as the record itself names them, where this account can read it.
fn first_event(dir: &Path) -> Option<(String, String)> {
    let file = std::fs::File::open(dir.join("timeline.jsonl")).ok()?;
    let mut line = Vec::new();
    BufReader::new(file.take(FIRST)).read_until(b'\n', &mut line).ok()?;
    let event = codec::decode(line.strip_suffix(b"\n")?).ok()?;
    match event.what {
        What::Opened(opened) => Some((opened.log.clone(), opened.hub_key.clone())),
        _ => None,
    }
}

/// A forwarded socket is held by one's own `ssh`; a hub's own by whoever owns its folder.
async fn socket(path: &Path) -> std::result::Result<Room, RoomError> {
    let me = rustix::process::getuid().as_raw();
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside = std::fs::metadata(folder).map(|m| m.uid()).ok();
    let of: Vec<u32> = std::iter::once(me).chain(beside.filter(|uid| *uid != me)).collect();
    Room::attach(path, &of).await
}

/// Whether this names a socket.
pub fn is_socket(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    std::fs::metadata(path).is_ok_and(|m| m.file_type().is_socket())
}

/// The door that the command line names.
///
/// # Errors
/// When there is no such incident, or the address of a machine is none.
pub fn find(state: &Path, incident: Option<&str>, socket: Option<&Path>, via: Option<&str>) -> Result<Door> {
    if let Some(via) = via {
        return Ok(Door::Ssh(Remote::parse(via, incident)?));
    }
    let named = socket.or_else(|| incident.map(Path::new).filter(|p| is_socket(p)));
    match named {
        Some(path) => Ok(Door::Socket(path.to_owned())),
        None => Ok(Door::Folder(crate::cli::record::find(state, incident)?)),
    }
}
