//! Carries between hub and console: checked events one way, signed acts the other. Never decides, never keeps a key
//! longer than the console lives.

use super::translate;
use crate::cli::context;
use crate::cli::door::{Before, Door};
use crate::cli::history;
use crate::client::answer::{self, Draft};
use crate::client::connection::ConnectError;
use crate::client::room::{Room, RoomError, Update};
use crate::client::session::{ActError, Asking, Session, payload};
use crate::console::link::{Act, ActId, Asked, Line, Me, Room as RoomState, Stance, Update as Shown};
use crate::core::event::Leaving;
use crate::core::id::{PersonId, RoleName};
use crate::core::incident::Stage;
use crate::core::intent::Intent;
use crate::core::statement;
use crate::core::time::Stamp;
use crate::identity::signer::Signer;
use crate::sanitize::{self, Clean};
use crate::wire;
use crate::wire::message::ActResult;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::mpsc;

/// What makes acts: a person's key and session.
#[derive(Debug)]
pub struct Hands {
    /// Who.
    pub person: PersonId,
    /// Their SSH key.
    pub signer: Signer,
    /// Their session.
    pub session: Session,
    /// Seats to take as soon as the record is here.
    pub wanted: Vec<RoleName>,
}

/// How often a lost hub is looked for.
const AGAIN: Duration = Duration::from_secs(1);

/// So long a hub may take to note that somebody leaves.
const POLITELY: Duration = Duration::from_secs(2);

/// The number of no act: consoles count from 1.
const NOBODYS: ActId = ActId(0);

/// What is said of an act whose answer never came.
const UNANSWERED: &str = "the line was lost before the answer: look in the timeline whether it is there";

/// Why a hub that came back is not followed.
const SHORTER: &str = "the hub that came back has a shorter record than the one before: do not trust it";

/// The carrier.
#[derive(Debug)]
pub struct Bridge {
    room: Room,
    door: Door,
    /// Where earlier records are, if that is known.
    records: Option<PathBuf>,
    hands: Option<Hands>,
    updates: mpsc::Sender<Shown>,
    asked: mpsc::Receiver<Asked>,
    waiting: BTreeMap<u64, ActId>,
    state: RoomState,
}

/// Why carrying ended.
enum End {
    /// The console is gone.
    Console,
    /// The hub is gone for good.
    Hub(Clean),
}

impl Bridge {
    /// A carrier between this room and a console.
    pub fn new(
        room: Room,
        (door, records): (Door, Option<PathBuf>),
        hands: Option<Hands>,
        updates: mpsc::Sender<Shown>,
        asked: mpsc::Receiver<Asked>,
    ) -> Bridge {
        let (waiting, state) = (BTreeMap::new(), RoomState::default());
        Bridge { room, door, records, hands, updates, asked, waiting, state }
    }

    /// Carries until one side ends. Gives where the incident stood then.
    pub async fn carry(mut self) -> Stage {
        match self.carry_on().await {
            End::Hub(why) => {
                self.state.line = Line::Gone(why);
                // The console may have gone in the meantime: then nobody needs to know.
                let _ = self.updates.send(Shown::Room(self.state.clone())).await;
            }
            End::Console => self.leave().await,
        }
        self.room.mirror.incident.stage
    }

    /// Leaving is said, so that the record tells it from a lost connection.
    async fn leave(&mut self) {
        // Nothing is written into a closed record any more.
        if self.room.mirror.incident.stage == Stage::Closed {
            return;
        }
        let Some(hands) = self.hands.as_mut() else { return };
        let intent = Intent::Leave { session: hands.session.id().clone(), how: Leaving::Left };
        if let Ok(act) = hands.session.act(&self.room.mirror, intent, Vec::new()) {
            // A hub that does not answer will note the lost connection by itself.
            let _ = tokio::time::timeout(POLITELY, self.room.submit(act)).await;
        }
    }

    async fn carry_on(&mut self) -> End {
        if let Err(end) = self.begin().await {
            return end;
        }
        loop {
            let step = tokio::select! {
                update = self.room.next() => match update {
                    Ok(update) => self.show(update).await,
                    Err(RoomError::Connect(_)) => self.reconnect().await,
                    Err(other) => Err(End::Hub(sanitize::line(other.to_string()))),
                },
                asked = self.asked.recv() => match asked {
                    Some(Asked::Act(id, act)) => self.act(id, *act).await,
                    Some(Asked::Watch(run)) => {
                        // A lost connection shows itself on the reading side.
                        let _ = self.room.watch(run.step, run.attempt, run.direction).await;
                        Ok(())
                    }
                    None => Err(End::Console),
                },
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    /// The record from its beginning, then the seats that were asked for.
    async fn begin(&mut self) -> Result<(), End> {
        let mut events = Vec::new();
        loop {
            match self.room.next().await {
                Ok(Update::Events(more)) => {
                    events.extend(more);
                    // What was followed before comes again as a whole, or not at all.
                    if self.room.mirror.has_begun_again() && !events.is_empty() {
                        let part = translate::began(&mut self.room, std::mem::take(&mut events));
                        self.send(Shown::Earlier(Box::new(part))).await?;
                        // The console takes it before the next is read, so that nobody has to keep both.
                        tokio::task::yield_now().await;
                    }
                }
                Ok(Update::CaughtUp) if self.room.mirror.has_begun_again() => break,
                Ok(Update::CaughtUp) => return Err(End::Hub(Clean::literal(SHORTER))),
                Ok(Update::Bye(why)) => return Err(End::Hub(sanitize::line(&why))),
                Ok(other) => self.show(other).await?,
                Err(e) => return Err(End::Hub(sanitize::line(e.to_string()))),
            }
        }
        let began = translate::began(&mut self.room, events);
        self.send(Shown::Began(Box::new(began))).await?;
        self.state.line = Line::Up;
        self.state.writer_stopped = translate::stopped(&self.room.welcome.writer);
        self.send(Shown::Room(self.state.clone())).await?;
        self.look_back();
        self.take_seats().await;
        Ok(())
    }

    /// Looks through earlier records for how long things took, beside everything else: nobody waits for it.
    fn look_back(&self) {
        let Some(records) = self.records.clone() else { return };
        let updates = self.updates.clone();
        let runbook = self.room.mirror.incident.opened_with.clone();
        // A thread of its own and not of the runtime, which would wait for it when the person leaves.
        std::thread::spawn(move || {
            if let Ok(past) = history::before(&records, &runbook) {
                // The console may be gone by now.
                let _ = updates.blocking_send(Shown::Past(past));
            }
        });
    }

    async fn take_seats(&mut self) {
        let Some(hands) = self.hands.as_mut() else { return };
        for role in std::mem::take(&mut hands.wanted) {
            if self.room.mirror.incident.holds(&hands.person, role.as_str()) {
                continue;
            }
            if let Ok(act) = hands.session.act(&self.room.mirror, Intent::Assume { role }, Vec::new()) {
                // A refusal comes back as an answer nobody waits for: the empty seat is on the screen.
                let _ = self.room.send(act).await;
            }
        }
    }

    async fn send(&self, update: Shown) -> Result<(), End> {
        self.updates.send(update).await.map_err(|_| End::Console)
    }

    async fn show(&mut self, update: Update) -> Result<(), End> {
        match update {
            // Words come before their event: nothing to show yet, and a frame is not free.
            Update::Events(events) if events.is_empty() => Ok(()),
            Update::Events(events) => {
                for event in events {
                    let recorded = translate::recorded(&mut self.room, event);
                    self.send(Shown::Recorded(Box::new(recorded))).await?;
                }
                self.send(Shown::Head(translate::head(&self.room.mirror))).await
            }
            Update::CaughtUp => Ok(()),
            Update::Answer { id, result } => {
                let Some(act) = self.waiting.remove(&id) else { return Ok(()) };
                let how = match result {
                    ActResult::Recorded { .. } => Ok(()),
                    ActResult::Refused { why } => Err(sanitize::line(&why)),
                    ActResult::NotWritten { why } => {
                        Err(sanitize::line(format!("not written, so it did not happen: {why}")))
                    }
                };
                self.send(Shown::Answered { act, how }).await
            }
            Update::Metrics { panes, score } => {
                self.send(Shown::Panes(panes.iter().map(translate::pane).collect())).await?;
                match score {
                    Some(score) => self.send(Shown::Readiness(translate::readiness(&score))).await,
                    None => Ok(()),
                }
            }
            Update::Outside(lines) => {
                self.state.outside = translate::outside(&lines);
                self.send(Shown::Room(self.state.clone())).await
            }
            Update::Output(output) => self.send(Shown::Output(translate::output(&output))).await,
            Update::Writer(state) => {
                self.state.writer_stopped = translate::stopped(&state);
                self.send(Shown::Room(self.state.clone())).await
            }
            Update::Bye(why) => Err(End::Hub(sanitize::line(&why))),
        }
    }

    /// The hub is gone: say so, and look for it until it is back or the console is gone.
    async fn reconnect(&mut self) -> Result<(), End> {
        let (before, door, since) = (Before::of(&self.room), self.door.clone(), context::now());
        self.says_lost(since, Clean::literal("the line to the hub is lost")).await?;
        for (_, act) in std::mem::take(&mut self.waiting) {
            let how = Err(Clean::literal(UNANSWERED));
            self.send(Shown::Answered { act, how }).await?;
        }
        loop {
            let again = door.again(&before);
            tokio::pin!(again);
            let found = loop {
                tokio::select! {
                    found = &mut again => break found,
                    asked = self.asked.recv() => self.unsent(asked).await?,
                }
            };
            match found {
                Ok(room) => {
                    self.room = room;
                    self.begin().await?;
                    return self.come_back().await;
                }
                // While a hub is started anew, its folder has no socket; while a line is down, ssh says so.
                Err(e @ (RoomError::Connect(_) | RoomError::Ended(_))) => {
                    self.says_lost(since, no_line(&door, &e)).await?;
                }
                Err(other) => return Err(End::Hub(sanitize::line(other.to_string()))),
            }
            let later = tokio::time::sleep(AGAIN);
            tokio::pin!(later);
            loop {
                tokio::select! {
                    () = &mut later => break,
                    asked = self.asked.recv() => self.unsent(asked).await?,
                }
            }
        }
    }

    /// A session ends with its line: whoever comes back needs a new one before they can act.
    async fn come_back(&mut self) -> Result<(), End> {
        let incident = &self.room.mirror.incident;
        let Some(hands) = self.hands.as_mut().filter(|_| incident.stage != Stage::Closed) else {
            return Ok(());
        };
        let (via, display) = (context::via(), context::display());
        let asking = Asking { person: hands.person.clone(), roles: Vec::new(), via, display };
        let how = match Session::enter(incident.log(), asking, &hands.signer, context::now()) {
            Err(e) => Err(e.to_string()),
            Ok((session, act)) => match self.room.submit(act).await {
                Ok(ActResult::Recorded { .. }) => {
                    hands.session = session;
                    Ok(())
                }
                Ok(ActResult::Refused { why } | ActResult::NotWritten { why }) => Err(why),
                // Lost again: the next look at the line shows it.
                Err(_) => return Ok(()),
            },
        };
        let (session, stance) = match &how {
            Ok(()) => (Some(hands.session.id().clone()), Stance::Acts),
            Err(_) => (None, Stance::Observes),
        };
        let key = Some(hands.signer.fingerprint());
        let me = Me { person: hands.person.clone(), session, key, stance };
        self.send(Shown::Me(me)).await?;
        match how {
            Ok(()) => Ok(()),
            Err(why) => {
                let text = format!("you look on, but cannot act: {why}; leave and join again");
                self.send(Shown::Answered { act: NOBODYS, how: Err(sanitize::line(text)) }).await
            }
        }
    }

    /// Says why there is no line, once for each reason.
    async fn says_lost(&mut self, since: Stamp, why: Clean) -> Result<(), End> {
        let line = Line::Reconnecting { since, why };
        if self.state.line == line {
            return Ok(());
        }
        self.state.line = line;
        self.send(Shown::Room(self.state.clone())).await
    }

    /// What is wanted while there is no line is refused at once: done later, it would surprise everybody.
    async fn unsent(&mut self, asked: Option<Asked>) -> Result<(), End> {
        match asked {
            Some(Asked::Act(act, _)) => {
                let how = Err(Clean::literal("not sent: there is no line to the hub"));
                self.send(Shown::Answered { act, how }).await
            }
            Some(Asked::Watch(_)) => Ok(()),
            None => Err(End::Console),
        }
    }

    async fn act(&mut self, id: ActId, act: Act) -> Result<(), End> {
        let refused = |why: String| Shown::Answered { act: id, how: Err(sanitize::line(&why)) };
        let Some(hands) = self.hands.as_mut() else {
            return self.send(refused("observers look on; join to act".to_owned())).await;
        };
        match signed(hands, &self.room, act) {
            Err(e) => self.send(refused(e.to_string())).await,
            Ok(act) => match self.room.send(act).await {
                Ok(number) => {
                    self.waiting.insert(number, id);
                    Ok(())
                }
                Err(e) => self.send(refused(format!("it did not reach the hub: {e}"))).await,
            },
        }
    }
}

/// Why there is no line, in a few words, and what to do about it.
fn no_line(door: &Door, error: &RoomError) -> Clean {
    match (door, error) {
        (Door::Folder(_), RoomError::Connect(ConnectError::NoHub { .. })) => {
            sanitize::line(format!("no hub runs: backout resume {}", door.name()))
        }
        (Door::Socket(_), RoomError::Connect(ConnectError::NoHub { .. })) => {
            Clean::literal("nobody answers at the socket")
        }
        (_, other) => sanitize::line(other.to_string()),
    }
}

/// Makes the signed act. What was shown is what is signed: the texts come from the console as the person saw them.
fn signed(hands: &mut Hands, room: &Room, act: Act) -> Result<wire::act::Act, ActError> {
    let log = room.mirror.incident.log().to_owned();
    let person = hands.person.clone();
    let draft = match act {
        Act::Wish(intent) => return hands.session.act(&room.mirror, intent, Vec::new()),
        Act::Note(text) => {
            let (part, payload) = payload(text.as_bytes())?;
            return hands.session.act(&room.mirror, Intent::Note { payload }, vec![part]);
        }
        Act::Send { start, edited } => {
            let (mut start, mut parts) = (start, Vec::new());
            if let (Some(text), Intent::Start { payload: commitment, .. }) = (edited, &mut start) {
                let (part, made) = payload(text.as_bytes())?;
                *commitment = Some(made);
                parts.push(part);
            }
            return hands.session.act(&room.mirror, start, parts);
        }
        Act::Sign { how, answer, seen, statement } => {
            let intent = match how {
                statement::Answering::Approve => Intent::Approve(answer),
                statement::Answering::Deny => Intent::Deny(answer),
                statement::Answering::Override => Intent::Override(answer),
            };
            Draft { person, intent, text: statement, namespace: how.namespace(), seen }
        }
        Act::State { intent, namespace, seen, statement } => {
            Draft { person, intent, text: statement, namespace, seen }
        }
        Act::Close { reason, seen, statement } => {
            let intent = Intent::Close { reason, key: hands.signer.fingerprint() };
            Draft { person, intent, text: statement, namespace: statement::CLOSE, seen }
        }
    };
    answer::sign(draft, &log, &hands.signer, Some(&mut hands.session), context::display())
}
