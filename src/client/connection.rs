//! A connection to a hub. Never interprets the record.

use crate::wire::frame::{self, FrameError};
use crate::wire::message::{FromClient, FromHub, PROTOCOL, Welcome};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, ReadHalf, WriteHalf};
use tokio::net::UnixStream;

/// How long a hub may take to answer the hello.
const GREETING: Duration = Duration::from_secs(10);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody listens.
    #[error("no hub answers at {path}: {why}")]
    NoHub {
        /// The socket.
        path: PathBuf,
        /// The system's reason.
        why: std::io::Error,
    },
    /// Somebody else listens there.
    #[error(
        "{path} is held by {uid}, but the incident is {owner}'s: this is not its hub, and nothing was said to it"
    )]
    Stranger {
        /// The socket.
        path: PathBuf,
        /// Who listens.
        uid: String,
        /// Who should.
        owner: String,
    },
    /// It hung up.
    #[error("the hub closed the connection")]
    Closed,
    /// It does not speak.
    #[error("the hub did not answer within {0} s")]
    Silent(u64),
    /// It does not want us.
    #[error("{0}")]
    Sorry(String),
    /// It speaks something else.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The connection broke.
    #[error("the connection to the hub broke: {0}")]
    Broken(#[from] std::io::Error),
    /// It claims a frame larger than allowed.
    #[error("the hub announced a frame of {0} bytes; this is no hub of ours")]
    TooLarge(usize),
}

/// The reading half. What comes together is taken with one call.
#[derive(Debug)]
pub struct Reader<S>(BufReader<ReadHalf<S>>);

/// The writing half.
#[derive(Debug)]
pub struct Writer<S>(WriteHalf<S>);

/// Connects to a hub's socket and says hello.
///
/// # Errors
/// When nobody listens there, or it is not a hub that speaks this protocol.
pub async fn connect(
    socket: &Path,
    from: u64,
) -> Result<(Reader<UnixStream>, Writer<UnixStream>, Welcome), ConnectError> {
    let no_hub = |why| ConnectError::NoHub { path: socket.to_owned(), why };
    let stream = UnixStream::connect(socket).await.map_err(no_hub)?;
    greet(stream, from).await
}

/// The same, but only to a process of one of these accounts: whoever can put a socket in the hub's place could otherwise
/// play the hub.
///
/// # Errors
/// As [`connect`], and when somebody else listens there.
pub async fn connect_to(
    socket: &Path,
    of: &[u32],
    from: u64,
) -> Result<(Reader<UnixStream>, Writer<UnixStream>, Welcome), ConnectError> {
    let no_hub = |why| ConnectError::NoHub { path: socket.to_owned(), why };
    let stream = UnixStream::connect(socket).await.map_err(no_hub)?;
    let uid = stream.peer_cred()?.uid();
    if !of.contains(&uid) {
        let owner = of.iter().map(|uid| format!("uid {uid}")).collect::<Vec<_>>().join(" or ");
        return Err(ConnectError::Stranger { path: socket.to_owned(), uid: format!("uid {uid}"), owner });
    }
    greet(stream, from).await
}

/// Says hello over any stream, such as one that `ssh` carries.
///
/// # Errors
/// When the other side is not a hub that speaks this protocol.
pub async fn greet<S: AsyncRead + AsyncWrite>(
    stream: S,
    from: u64,
) -> Result<(Reader<S>, Writer<S>, Welcome), ConnectError> {
    greet_within(GREETING, stream, from).await
}

/// The same where somebody may first have to type a passphrase.
///
/// # Errors
/// As [`greet`].
pub async fn greet_within<S: AsyncRead + AsyncWrite>(
    patience: Duration,
    stream: S,
    from: u64,
) -> Result<(Reader<S>, Writer<S>, Welcome), ConnectError> {
    let (read, write) = tokio::io::split(stream);
    let (mut reader, mut writer) = (Reader(BufReader::new(read)), Writer(write));
    let program = env!("CARGO_PKG_VERSION").to_owned();
    let greeted = writer.send(&FromClient::Hello { protocol: PROTOCOL, program, from }).await;
    let first = tokio::time::timeout(patience, reader.next()).await;
    let first = first.map_err(|_| ConnectError::Silent(patience.as_secs()))?;
    // Somebody turned away at the door is told why even where the hello came too late.
    let first = match (first, greeted) {
        (Err(_), Err(broken)) => return Err(broken),
        (first, _) => first,
    };
    match first.map_err(not_a_welcome)? {
        FromHub::Welcome(welcome) => Ok((reader, writer, *welcome)),
        FromHub::Sorry { why } | FromHub::Bye { why } => Err(ConnectError::Sorry(why)),
        _ => Err(ConnectError::Sorry(
            "the hub did not begin with a welcome; upgrade the older side".to_owned(),
        )),
    }
}

/// What answers with something else than a welcome is another program, or a hub of a version that greets differently.
fn not_a_welcome(why: ConnectError) -> ConnectError {
    let ours = env!("CARGO_PKG_VERSION");
    match why {
        ConnectError::Frame(FrameError::NotUnderstood(why)) => ConnectError::Sorry(format!(
            "what answers is no hub, or one that greets differently than {ours} expects ({why}); upgrade the older side"
        )),
        other => other,
    }
}

/// Says which side is older, when a hub of another version said something that this one does not know.
pub fn blame(why: ConnectError, hub: &str) -> ConnectError {
    let ours = env!("CARGO_PKG_VERSION");
    let ConnectError::Frame(FrameError::NotUnderstood(said)) = why else { return why };
    let number = |version: &str| -> Vec<u64> {
        version.split(['.', '-', '+']).map_while(|n| n.parse().ok()).collect()
    };
    let what_to_do = match number(hub).cmp(&number(ours)) {
        std::cmp::Ordering::Greater => "upgrade this program",
        std::cmp::Ordering::Less => {
            "upgrade the hub: end it (steps go on) and `backout resume` it with this version"
        }
        std::cmp::Ordering::Equal => "this is a defect of one of them",
    };
    let hub = crate::sanitize::visible_name(hub);
    ConnectError::Sorry(format!(
        "the hub ({hub}) said something that this program ({ours}) does not understand: {said}; {what_to_do}"
    ))
}

impl<S: AsyncRead> Reader<S> {
    /// The next message.
    ///
    /// # Errors
    /// When the hub hung up or sent something else.
    pub async fn next(&mut self) -> Result<FromHub, ConnectError> {
        let length = match self.0.read_u32().await {
            Ok(length) => usize::try_from(length).unwrap_or(usize::MAX),
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => return Err(ConnectError::Closed),
            Err(e) => return Err(e.into()),
        };
        if length > frame::FROM_HUB {
            return Err(ConnectError::TooLarge(length));
        }
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes).await?;
        Ok(frame::read(&bytes)?)
    }
}

impl<S: AsyncWrite> Writer<S> {
    /// Sends a message.
    ///
    /// # Errors
    /// When it does not fit a frame or the connection broke.
    pub async fn send(&mut self, message: &FromClient) -> Result<(), ConnectError> {
        let mut bytes = Vec::new();
        frame::append(&mut bytes, message, frame::FROM_CLIENT)?;
        self.0.write_all(&bytes).await?;
        Ok(self.0.flush().await?)
    }
}
