//! A seat at the table: connection, mirror and session together. Never blocks on anything but the hub.

use crate::client::connection::{ConnectError, Reader, Writer, blame, connect_to, greet, greet_within};
use crate::client::mirror::{Mirror, MirrorError};
use crate::client::session;
use crate::core::event::{Direction, Event, What};
use crate::core::id::StepId;
use crate::core::incident::Incident;
use crate::identity::AllowedSigners;
use crate::metrics::pane::Pane;
use crate::timeline::amended;
use crate::wire::act::{Act, Part};
use crate::wire::message::{ActResult, FromClient, FromHub, OutsideLine, ScoreView, Welcome, WriterState};
use base64::Engine as _;
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

/// Why a room cannot be followed any more.
#[derive(Debug, thiserror::Error)]
pub enum RoomError {
    /// The connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The record.
    #[error(transparent)]
    Mirror(#[from] MirrorError),
    /// The pinned files.
    #[error("the hub's {what} cannot be read: {why}")]
    Pinned {
        /// Which file.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// Words that are not what the event commits to.
    #[error("what the hub sent as the words of event {0} is not what the event commits to")]
    OtherWords(u64),
    /// A hub, but not the one that was looked for.
    #[error("{0}")]
    OtherHub(String),
    /// The hub ended while an answer was due.
    #[error("the hub ended: {0}")]
    Ended(String),
}

/// What a hub tells a client that follows.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// Events that now count.
    Events(Vec<Event>),
    /// Everything recorded before we came has been received.
    CaughtUp,
    /// What became of an act.
    Answer {
        /// The act's number.
        id: u64,
        /// What became of it.
        result: ActResult,
    },
    /// The newest metrics.
    Metrics {
        /// Every pane.
        panes: Vec<Pane>,
        /// The readiness score.
        score: Option<ScoreView>,
    },
    /// How the world outside does, one line a place.
    Outside(Vec<OutsideLine>),
    /// Output of the watched step.
    Output(Output),
    /// Whether the hub can write.
    Writer(WriterState),
    /// The hub ends.
    Bye(String),
}

/// Output of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// The step.
    pub step: StepId,
    /// Which try.
    pub attempt: u32,
    /// The step or its undo.
    pub direction: Direction,
    /// Finished lines.
    pub lines: Vec<String>,
    /// The unfinished last line.
    pub partial: String,
    /// How many bytes there were so far.
    pub bytes: u64,
}

/// A room that is being followed.
#[derive(Debug)]
pub struct Room<S = UnixStream> {
    /// The record as received.
    pub mirror: Mirror,
    /// What the hub said first.
    pub welcome: Welcome,
    inbox: mpsc::Receiver<Result<FromHub, ConnectError>>,
    writer: Writer<S>,
    next_act: u64,
    early: VecDeque<Update>,
    caught_up: bool,
    parts: BTreeMap<u64, Vec<Part>>,
    said: BTreeMap<u64, Vec<String>>,
}

impl Room<UnixStream> {
    /// Connects to a hub's socket. Only a hub of one of these accounts is spoken to.
    ///
    /// # Errors
    /// When there is no hub, it is somebody else's, or it says something this client cannot follow.
    pub async fn attach(socket: &Path, of: &[u32]) -> Result<Room, RoomError> {
        let (reader, writer, welcome) = connect_to(socket, of, 0).await?;
        Room::new(reader, writer, welcome)
    }
}

/// The roster that came with the welcome. A hub of an older version sends none.
fn roster(welcome: &Welcome) -> Result<Option<Vec<u8>>, RoomError> {
    use base64::Engine as _;
    if welcome.roster.is_empty() {
        return Ok(None);
    }
    let bytes = base64::engine::general_purpose::STANDARD.decode(&welcome.roster);
    bytes.map(Some).map_err(|e| RoomError::Pinned { what: "allowed_signers", why: e.to_string() })
}

/// How many messages wait between socket and room. Full: the socket is left alone, and the hub keeps the rest. Few,
/// because each may hold a quarter of a megabyte of a long record.
const INBOX: usize = 4;

impl<S: AsyncRead + AsyncWrite + Send + 'static> Room<S> {
    /// Follows a hub over any stream.
    ///
    /// # Errors
    /// As [`Room::attach`].
    pub async fn over(stream: S) -> Result<Room<S>, RoomError> {
        let (reader, writer, welcome) = greet(stream, 0).await?;
        Room::new(reader, writer, welcome)
    }

    /// The same over a stream that may take a while to be there.
    ///
    /// # Errors
    /// As [`Room::attach`].
    pub async fn over_within(patience: Duration, stream: S) -> Result<Room<S>, RoomError> {
        let (reader, writer, welcome) = greet_within(patience, stream, 0).await?;
        Room::new(reader, writer, welcome)
    }

    fn new(reader: Reader<S>, writer: Writer<S>, welcome: Welcome) -> Result<Room<S>, RoomError> {
        let incident = empty_incident(&welcome)?;
        let roster = roster(&welcome)?;
        let mirror = Mirror::new(&welcome.log, &welcome.hub_key, incident)?.with_copies(
            welcome.runbook.as_bytes(),
            welcome.team.as_bytes(),
            roster.as_deref(),
        );
        let inbox = receive_from(reader);
        Ok(Room {
            mirror,
            welcome,
            inbox,
            writer,
            next_act: 1,
            early: VecDeque::new(),
            caught_up: false,
            parts: BTreeMap::new(),
            said: BTreeMap::new(),
        })
    }

    /// Whose keys are whose in this incident, as far as the hub said. To be believed once event 0 is here, which names
    /// its digest.
    pub fn roster(&self) -> AllowedSigners {
        let bytes = roster(&self.welcome).ok().flatten();
        AllowedSigners::parse(bytes.as_deref().unwrap_or_default())
    }

    /// The next update. Nothing is lost when the future is dropped while it waits.
    ///
    /// # Errors
    /// When the connection broke or the hub cannot be believed.
    pub async fn next(&mut self) -> Result<Update, RoomError> {
        if let Some(update) = self.early.pop_front() {
            return Ok(update);
        }
        self.receive().await
    }

    async fn receive(&mut self) -> Result<Update, RoomError> {
        let message = self.inbox.recv().await.unwrap_or(Err(ConnectError::Closed));
        let message = message.map_err(|why| blame(why, &self.welcome.program))?;
        Ok(match message {
            FromHub::Lines { text, .. } => Update::Events(self.events(&text)?),
            FromHub::Said { seq, parts } => {
                self.parts.insert(seq, parts);
                return Ok(Update::Events(Vec::new()));
            }
            FromHub::CaughtUp => {
                self.caught_up = true;
                Update::CaughtUp
            }
            FromHub::Answer { id, result } => Update::Answer { id, result },
            FromHub::Metrics { panes, score } => Update::Metrics { panes, score },
            FromHub::Outside { lines } => Update::Outside(lines),
            FromHub::Output { step, attempt, direction, lines, partial, bytes } => {
                Update::Output(Output { step, attempt, direction, lines, partial, bytes })
            }
            FromHub::Writer(state) => Update::Writer(state),
            FromHub::Bye { why } | FromHub::Sorry { why } => Update::Bye(why),
            FromHub::Welcome(_) => {
                return Err(ConnectError::Sorry("the hub welcomed us twice".to_owned()).into());
            }
        })
    }

    /// What a note or a message of the record says, as far as the hub sent it and it is what the event commits to.
    pub fn said(&self, seq: u64) -> &[String] {
        self.said.get(&seq).map_or(&[], Vec::as_slice)
    }

    /// The same for whoever asks once and keeps them.
    pub fn take_said(&mut self, seq: u64) -> Vec<String> {
        self.said.remove(&seq).unwrap_or_default()
    }

    fn events(&mut self, text: &str) -> Result<Vec<Event>, RoomError> {
        self.proposals(text);
        let events = self.mirror.feed(text)?;
        for event in &events {
            if let Some(parts) = self.parts.remove(&event.seq) {
                let texts =
                    session::opened(&parts, &event.payload).ok_or(RoomError::OtherWords(event.seq))?;
                // A proposed runbook is no line of talk.
                if !matches!(event.what, What::Decided(_)) {
                    self.said.insert(event.seq, texts);
                }
            }
        }
        Ok(events)
    }

    /// Makes changed runbooks known before the events that propose them are judged. Each goes by its own digest, so
    /// one that no event names changes nothing.
    fn proposals(&mut self, text: &str) {
        if !text.contains("\"amend\"") {
            return;
        }
        let b64 = base64::engine::general_purpose::STANDARD;
        for part in self.parts.values().flatten() {
            let bytes = b64.decode(&part.data).unwrap_or_default();
            if let Ok((digest, runbook)) = amended::read(&bytes) {
                self.mirror.incident.offer(digest, runbook);
            }
        }
    }

    /// Reads until everything recorded before we came is here. The events are kept for [`Room::next`].
    ///
    /// # Errors
    /// As [`Room::next`].
    pub async fn catch_up(&mut self) -> Result<(), RoomError> {
        // The hub says it once; whoever asks again would wait for ever.
        while !self.caught_up {
            match self.receive().await? {
                Update::Bye(why) => return Err(RoomError::Ended(why)),
                Update::Answer { .. } => {}
                // Whoever goes on with `next` hears of it too, that it has caught up last.
                later => self.early.push_back(later),
            }
        }
        Ok(())
    }

    /// Sends an act; its answer comes as an update with the returned number.
    ///
    /// # Errors
    /// When the connection broke.
    pub async fn send(&mut self, act: Act) -> Result<u64, RoomError> {
        let id = self.next_act;
        self.next_act += 1;
        self.writer.send(&FromClient::Act { id, act: Box::new(act) }).await?;
        Ok(id)
    }

    /// Sends the start of a step, for the moment when those it needs have ended well. Its answer comes as an update with
    /// the returned number, not before that.
    ///
    /// # Errors
    /// When the connection broke.
    pub async fn send_ahead(&mut self, act: Act) -> Result<u64, RoomError> {
        let id = self.next_act;
        self.next_act += 1;
        self.writer.send(&FromClient::Ahead { id, act: Box::new(act) }).await?;
        Ok(id)
    }

    /// Sends an act and waits for its answer. Updates that come meanwhile are kept for [`Room::next`].
    ///
    /// When it was recorded, the mirror has already received it.
    ///
    /// # Errors
    /// When the connection broke or the hub ended.
    pub async fn submit(&mut self, act: Act) -> Result<ActResult, RoomError> {
        let wanted = self.send(act).await?;
        let mut answer = None;
        loop {
            match (&answer, self.mirror.next()) {
                (Some(ActResult::Recorded { seq }), next) if next <= *seq => {}
                (Some(result), _) => return Ok(result.clone()),
                (None, _) => {}
            }
            match self.receive().await? {
                Update::Answer { id, result } if id == wanted => answer = Some(result),
                Update::Bye(why) => {
                    return answer.ok_or(RoomError::Ended(why));
                }
                later => self.early.push_back(later),
            }
        }
    }

    /// Asks for a step's output from now on.
    ///
    /// # Errors
    /// When the connection broke.
    pub async fn watch(&mut self, step: StepId, attempt: u32, direction: Direction) -> Result<(), RoomError> {
        Ok(self.writer.send(&FromClient::Watch { step, attempt, direction }).await?)
    }
}

/// Reads frames in a task of its own, so that waiting for the next one can be given up without losing half of it.
fn receive_from<S: AsyncRead + Send + 'static>(
    mut reader: Reader<S>,
) -> mpsc::Receiver<Result<FromHub, ConnectError>> {
    let (tx, inbox) = mpsc::channel(INBOX);
    tokio::spawn(async move {
        loop {
            let message = reader.next().await;
            let last = message.is_err();
            if tx.send(message).await.is_err() || last {
                return;
            }
        }
    });
    inbox
}

fn empty_incident(welcome: &Welcome) -> Result<Incident, RoomError> {
    let unreadable = |what, why| RoomError::Pinned { what, why };
    let loaded = crate::runbook::load("runbook.yaml", welcome.runbook.as_bytes()).map_err(|findings| {
        let first = findings.first().map(|f| f.message.clone()).unwrap_or_default();
        unreadable("runbook.yaml", first)
    })?;
    let (team, findings) = crate::workspace::team::decode("team.yaml", welcome.team.as_bytes());
    let team = team.ok_or_else(|| {
        unreadable("team.yaml", findings.first().map(|f| f.message.clone()).unwrap_or_default())
    })?;
    Ok(Incident::new(Arc::new(loaded.runbook), Arc::new(team)))
}
