//! One client: its hello, its acts, and everything it is told. Never trusts a frame, never waits for a client that
//! does not read, never lets one client's trouble reach another.

use crate::core::apply::session_id;
use crate::core::event::Direction;
use crate::core::id::{SessionId, StepId};
use crate::core::intent::Intent;
use crate::hub::output;
use crate::hub::shared::Shared;
use crate::hub::wish::{Try, Wish};
use crate::sanitize;
use crate::wire::act::Act;
use crate::wire::frame::{self, FrameError};
use crate::wire::message::{ActResult, FromClient, FromHub, PROTOCOL, Welcome};
use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio_util::bytes::BytesMut;
use tokio_util::codec::{Decoder as _, LengthDelimitedCodec};

/// Who does not say hello by then is let go.
const HELLO_WITHIN: Duration = Duration::from_secs(5);
/// So long a newcomer waits for a batch that is being written; on a disk that hangs, they shall see at least that.
const SETTLES_WITHIN: Duration = Duration::from_secs(1);
/// Who does not take a frame for so long is let go.
const TAKES_WITHIN: Duration = Duration::from_secs(15);
/// Lines of the record go out in pieces of about this many bytes.
const PIECE: usize = 64 * 1024;
/// Bytes read at once; an act usually fits.
const PIECE_IN: usize = 4 * 1024;
/// So many acts of one client wait for their answers. When there are more, nothing further is read from it.
const MOST_ACTS: usize = 128;
/// Messages of the watched step's output that wait. When it is full, the output is read more slowly.
const OUTPUTS: usize = 4;

/// Which client this is.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its number in this hub's life.
    pub number: u64,
    /// Who it is to the kernel: for attribution, never for authority.
    pub via: String,
    /// Told when somebody else needs its place.
    pub displaced: Arc<Notify>,
}

/// Why a client is let go.
#[derive(Debug, thiserror::Error)]
pub enum Gone {
    /// The connection.
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    /// A frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// It announced more than any client has to say.
    #[error("it announced a frame of more than {} bytes", frame::FROM_CLIENT)]
    TooLarge,
    /// No hello.
    #[error("no hello within {} s", HELLO_WITHIN.as_secs())]
    NoHello,
    /// It does not read.
    #[error("it took nothing for {} s", TAKES_WITHIN.as_secs())]
    Stalled,
    /// Too many were there, and it had shown no key.
    #[error("too many are attached, and whoever has shown no key makes room; attach again")]
    Displaced,
    /// It spoke out of turn.
    #[error("it did not keep to the protocol: {0}")]
    Protocol(&'static str),
}

/// Tells somebody why they cannot come in.
pub async fn turn_away(stream: UnixStream, why: &'static str) {
    let (_, mut writer) = stream.into_split();
    let _ = send(&mut writer, &FromHub::Sorry { why: why.to_owned() }).await;
}

/// Serves a client until it leaves or the hub ends.
///
/// # Errors
/// Why it was let go.
pub async fn serve(stream: UnixStream, peer: Peer, shared: Arc<Shared>) -> Result<(), Gone> {
    let (reader, writer) = stream.into_split();
    let reader = Frames { reader, buffer: BytesMut::new(), codec: frame::codec(frame::FROM_CLIENT) };
    let mut client = Client {
        reader,
        writer,
        place: 0,
        peer,
        shared,
        answers: VecDeque::new(),
        ahead: VecDeque::new(),
        watched: None,
    };
    let displaced = client.peer.displaced.clone();
    let served = tokio::select! {
        served = client.run() => served,
        () = displaced.notified() => Err(Gone::Displaced),
    };
    let lost = client.shared.unbind(client.peer.number);
    if !lost.is_empty() {
        // The room is gone only when the hub ends, and then nobody is lost.
        let _ = client.shared.wishes.0.send(Wish::Lost(lost)).await;
    }
    if let Err(
        why @ (Gone::Frame(_) | Gone::TooLarge | Gone::Protocol(_) | Gone::NoHello | Gone::Displaced),
    ) = &served
    {
        // Whoever is still there and reads learns why; nobody is waited for.
        let mut sorry = Vec::new();
        let said = FromHub::Sorry { why: format!("you are let go: {why}") };
        if frame::append(&mut sorry, &said, frame::FROM_HUB).is_ok() {
            let _ = client.writer.try_write(&sorry);
        }
    }
    match served {
        // Leaving is not a fault.
        Err(Gone::Io(e)) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
        other => other,
    }
}

/// Whole frames from a socket. Waiting for the next one can be dropped and taken up again.
#[derive(Debug)]
struct Frames {
    reader: OwnedReadHalf,
    buffer: BytesMut,
    codec: LengthDelimitedCodec,
}

impl Frames {
    async fn next(&mut self) -> Result<FromClient, Gone> {
        loop {
            let whole = self.codec.decode(&mut self.buffer).map_err(|e| match e.kind() {
                io::ErrorKind::InvalidData => Gone::TooLarge,
                _ => Gone::Io(e),
            })?;
            if let Some(content) = whole {
                return Ok(frame::read(&content)?);
            }
            // More than the length that the codec asks for: most frames come with one read then.
            self.buffer.reserve(PIECE_IN);
            if self.reader.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
    }
}

async fn send(writer: &mut OwnedWriteHalf, message: &FromHub) -> Result<(), Gone> {
    let mut frame = Vec::new();
    add(&mut frame, message)?;
    hand(writer, &frame).await
}

/// Adds a message to what is written at once: whoever waits for it wakes up once.
fn add(frames: &mut Vec<u8>, message: &FromHub) -> Result<(), Gone> {
    Ok(frame::append(frames, message, frame::FROM_HUB)?)
}

/// Most frames fit into the socket's buffer, and then there is nothing to wait for.
async fn hand(writer: &mut OwnedWriteHalf, frames: &[u8]) -> Result<(), Gone> {
    let written = match writer.try_write(frames) {
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => 0,
        written => written?,
    };
    let rest = frames.get(written..).unwrap_or_default();
    if rest.is_empty() {
        return Ok(());
    }
    match tokio::time::timeout(TAKES_WITHIN, writer.write_all(rest)).await {
        Ok(written) => Ok(written?),
        Err(_) => Err(Gone::Stalled),
    }
}

/// An act that waits for its answer.
#[derive(Debug)]
struct Asked {
    id: u64,
    session: Option<SessionId>,
    answer: oneshot::Receiver<ActResult>,
}

/// A step whose output is being sent.
#[derive(Debug)]
struct Watched {
    outputs: mpsc::Receiver<FromHub>,
    task: AbortHandle,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Client {
    reader: Frames,
    writer: OwnedWriteHalf,
    /// The next event it gets.
    place: u64,
    peer: Peer,
    shared: Arc<Shared>,
    answers: VecDeque<Asked>,
    /// Starts that wait for their turn. Apart, because nothing else shall wait for them.
    ahead: VecDeque<Asked>,
    watched: Option<Watched>,
}

impl Client {
    async fn run(&mut self) -> Result<(), Gone> {
        if !self.greet().await? {
            return Ok(());
        }
        let shared = self.shared.clone();
        let mut head = shared.log.watch();
        let mut state = shared.state.subscribe();
        let mut shown = shared.shown.subscribe();
        let mut outside = shared.outside.subscribe();
        if !outside.borrow().is_empty() {
            outside.mark_changed();
        }
        let mut bye = shared.bye.subscribe();
        head.mark_unchanged();
        state.mark_unchanged();
        shown.mark_changed();
        self.lines().await?;
        self.say(&FromHub::CaughtUp).await?;
        let ending = bye.borrow_and_update().clone();
        if let Some(why) = ending {
            return self.say(&FromHub::Bye { why }).await;
        }
        loop {
            tokio::select! {
                message = self.reader.next(), if self.answers.len() + self.ahead.len() < MOST_ACTS => {
                    self.heard(message?).await?;
                }
                (asked, result) = next_answer(&mut self.answers) => self.answer(asked, result).await?,
                (asked, result) = next_answer(&mut self.ahead) => self.answer(asked, result).await?,
                Ok(()) = head.changed() => match self.ready_answer() {
                    // With the lines that it is about.
                    Some((asked, result)) => self.answer(asked, result).await?,
                    None => self.lines().await?,
                },
                Ok(()) = state.changed() => {
                    let state = state.borrow_and_update().clone();
                    self.say(&FromHub::Writer(state)).await?;
                }
                Ok(()) = shown.changed() => {
                    let shown = shown.borrow_and_update().clone();
                    if !shown.panes.is_empty() || shown.score.is_some() {
                        let (panes, score) = (shown.panes.clone(), shown.score.clone());
                        self.say(&FromHub::Metrics { panes, score }).await?;
                    }
                }
                Ok(()) = outside.changed() => {
                    let lines = outside.borrow_and_update().clone();
                    self.say(&FromHub::Outside { lines }).await?;
                }
                output = next_output(&mut self.watched) => match output {
                    Some(message) => self.say(&message).await?,
                    None => self.watched = None,
                },
                Ok(()) = bye.changed() => {
                    let why = bye.borrow_and_update().clone().unwrap_or_default();
                    return self.farewell(why).await;
                }
            }
        }
    }

    /// What is still to be said when the hub ends: the last lines, the last answers.
    async fn farewell(&mut self, why: String) -> Result<(), Gone> {
        self.lines().await?;
        while let Some(Asked { id, answer, .. }) = self.answers.pop_front().or_else(|| self.ahead.pop_front())
        {
            let result = answer.await.unwrap_or_else(|_| ActResult::NotWritten { why: why.clone() });
            self.say(&FromHub::Answer { id, result }).await?;
        }
        self.say(&FromHub::Bye { why }).await
    }

    async fn say(&mut self, message: &FromHub) -> Result<(), Gone> {
        send(&mut self.writer, message).await
    }

    /// The hello and the welcome. False when the client was turned away.
    async fn greet(&mut self) -> Result<bool, Gone> {
        let hello =
            tokio::time::timeout(HELLO_WITHIN, self.reader.next()).await.map_err(|_| Gone::NoHello)?;
        let FromClient::Hello { protocol, program, from } = hello? else {
            return Err(Gone::Protocol("the first message is a hello"));
        };
        let ours = env!("CARGO_PKG_VERSION");
        // Whoever comes has perhaps read the files, and those can be a sync ahead of what is told.
        let _ = tokio::time::timeout(SETTLES_WITHIN, self.shared.wishes.settled()).await;
        let head = self.shared.head();
        let sorry = if protocol != PROTOCOL {
            let theirs = sanitize::visible_name(program);
            let older = if protocol < PROTOCOL {
                format!("your program is older: upgrade it to {ours} or newer")
            } else {
                format!(
                    "the hub is older: end it (SIGTERM; steps go on) and `backout resume` it with {theirs}, or use {ours} here"
                )
            };
            Some(format!(
                "the hub ({ours}) speaks protocol {PROTOCOL}, your program ({theirs}) {protocol}: {older}"
            ))
        } else if from > head.n {
            Some(format!(
                "this record has {} events, your console has seen {from}: it is not the same record, or it was cut short",
                head.n
            ))
        } else {
            None
        };
        if let Some(why) = sorry {
            self.say(&FromHub::Sorry { why }).await?;
            return Ok(false);
        }
        self.place = from;
        let shared = self.shared.clone();
        let writer = shared.state.borrow().clone();
        let welcome = Welcome {
            program: ours.to_owned(),
            log: shared.name.clone(),
            hub_key: shared.hub_key.clone(),
            runbook: shared.runbook.clone(),
            team: shared.team.clone(),
            roster: shared.roster.clone(),
            head,
            writer,
        };
        self.say(&FromHub::Welcome(Box::new(welcome))).await?;
        Ok(true)
    }

    /// Sends what it does not have yet.
    async fn lines(&mut self) -> Result<(), Gone> {
        if let Some(newest) = self.shared.log.newest(self.place)? {
            self.place = newest.next;
            return hand(&mut self.writer, &newest.frames).await;
        }
        let frames = self.unsent().await?;
        if frames.is_empty() { Ok(()) } else { hand(&mut self.writer, &frames).await }
    }

    /// Frames with what it does not have yet: at most about a piece, what was before that is sent.
    async fn unsent(&mut self) -> Result<Vec<u8>, Gone> {
        if let Some(newest) = self.shared.log.newest(self.place)? {
            self.place = newest.next;
            return Ok(newest.frames.clone());
        }
        let mut frames = Vec::new();
        while let Some(run) = self.shared.log.from(self.place, PIECE) {
            if !frames.is_empty() {
                hand(&mut self.writer, &frames).await?;
                frames.clear();
            }
            for (seq, parts) in self.shared.log.said(run.first..run.next) {
                add(&mut frames, &FromHub::Said { seq, parts })?;
                if frames.len() > PIECE {
                    hand(&mut self.writer, &frames).await?;
                    frames.clear();
                }
            }
            self.place = run.next;
            add(&mut frames, &FromHub::Lines { from: run.first, text: run.text })?;
        }
        Ok(frames)
    }

    async fn heard(&mut self, message: FromClient) -> Result<(), Gone> {
        match message {
            FromClient::Hello { .. } => Err(Gone::Protocol("a second hello")),
            FromClient::Act { id, mut act } => {
                self.attribute(&mut act);
                let session = acting_session(&act);
                match self.shared.wishes.act(act).await {
                    Some(answer) => self.answers.push_back(Asked { id, session, answer }),
                    None => {
                        let result = ActResult::NotWritten { why: "the hub is ending".to_owned() };
                        self.say(&FromHub::Answer { id, result }).await?;
                    }
                }
                Ok(())
            }
            FromClient::Ahead { id, act } => {
                let session = acting_session(&act);
                match self.shared.wishes.ahead(act).await {
                    Some(answer) => self.ahead.push_back(Asked { id, session, answer }),
                    None => {
                        let result = ActResult::NotWritten { why: "the hub is ending".to_owned() };
                        self.say(&FromHub::Answer { id, result }).await?;
                    }
                }
                Ok(())
            }
            FromClient::Watch { step, attempt, direction } => {
                self.watch(step, attempt, direction);
                Ok(())
            }
        }
    }

    fn ready_answer(&mut self) -> Option<(Asked, ActResult)> {
        first_ready(&mut self.answers).or_else(|| first_ready(&mut self.ahead))
    }

    /// How somebody came is the kernel's word, then their own.
    fn attribute(&self, act: &mut Act) {
        if let Intent::Join(joined) = &mut act.intent {
            let own: String = sanitize::line(&joined.via).as_str().chars().take(100).collect();
            joined.via =
                if own.is_empty() { self.peer.via.clone() } else { format!("{}; {own}", self.peer.via) };
        }
    }

    fn watch(&mut self, step: StepId, attempt: u32, direction: Direction) {
        let (sender, outputs) = mpsc::channel(OUTPUTS);
        let which = Try { step, attempt, direction };
        let task = tokio::spawn(output::follow(self.shared.clone(), which, sender)).abort_handle();
        self.watched = Some(Watched { outputs, task });
    }

    /// The lines first: whoever hears `recorded` has what was recorded.
    async fn answer(&mut self, asked: Asked, result: ActResult) -> Result<(), Gone> {
        if let (ActResult::Recorded { .. }, Some(session)) = (&result, asked.session) {
            self.shared.bind(session, self.peer.number);
        }
        let mut frames = self.unsent().await?;
        add(&mut frames, &FromHub::Answer { id: asked.id, result })?;
        hand(&mut self.writer, &frames).await
    }
}

/// The session that this act uses or begins. One that leaves is nobody's any more.
fn acting_session(act: &Act) -> Option<SessionId> {
    match &act.intent {
        Intent::Join(joined) => session_id(&joined.session_key),
        Intent::Leave { .. } => None,
        _ => act.auth.session.clone(),
    }
}

/// The first answer that is due. Waits for ever when none is.
async fn next_answer(answers: &mut VecDeque<Asked>) -> (Asked, ActResult) {
    let result = match answers.front_mut() {
        Some(asked) => (&mut asked.answer).await,
        None => pending().await,
    };
    let result = result.unwrap_or_else(|_| ActResult::NotWritten { why: "the hub is ending".to_owned() });
    match answers.pop_front() {
        Some(asked) => (asked, result),
        None => pending().await,
    }
}

/// The first answer, if it is there.
fn first_ready(answers: &mut VecDeque<Asked>) -> Option<(Asked, ActResult)> {
    let result = answers.front_mut()?.answer.try_recv().ok()?;
    Some((answers.pop_front()?, result))
}

async fn next_output(watched: &mut Option<Watched>) -> Option<FromHub> {
    match watched {
        Some(watched) => watched.outputs.recv().await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests;
