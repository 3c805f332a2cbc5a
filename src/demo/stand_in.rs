//! A stand-in teammate: a connection, a session and a key of their own, and the script. Never acts on anything but
//! what their own mirror of the record shows, and never does what the hub would not let a person do.

use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use crate::client::answer;
use crate::client::room::{Room, RoomError, Update};
use crate::client::session::{self, ActError, Asking, Session};
use crate::core::event::{Choice, Direction, Display};
use crate::core::id::{PersonId, RoleName, StepId};
use crate::core::incident::Stage;
use crate::core::intent::Intent;
use crate::core::plan;
use crate::core::statement::Answering;
use crate::core::time::Stamp;
use crate::demo::script::{self, Heard, Move, Part, Pause};
use crate::error::{Failure, Kind, Result};
use crate::identity::signer::Signer;
use crate::wire::act::{Act, Part as Payload};
use crate::wire::message::ActResult;

/// How long people take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// To read and decide.
    pub think: Duration,
    /// For an answer, before they go on without it.
    pub wait: Duration,
}

impl Patience {
    /// Beside a person at a console.
    pub const RELAXED: Patience = Patience { think: Duration::from_secs(4), wait: Duration::from_secs(40) };
    /// Among themselves.
    pub const BRISK: Patience =
        Patience { think: Duration::from_millis(1200), wait: Duration::from_secs(10) };

    fn of(self, pause: Pause) -> Duration {
        match pause {
            Pause::AtOnce => Duration::ZERO,
            Pause::Think => self.think,
            Pause::Wait => self.wait,
        }
    }
}

/// When the commander stops going forward, and how long the way out may take then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// So long forward.
    pub forward: Duration,
    /// So long out.
    pub out: Duration,
}

/// A move that was refused so often is not tried again.
const TRIES: u32 = 3;
/// A hub that takes longer to answer has stopped answering.
const ANSWERS_WITHIN: Duration = Duration::from_secs(20);

/// Somebody who is in the room by script.
#[derive(Debug)]
pub struct StandIn<S = tokio::net::UnixStream> {
    part: Part,
    person: PersonId,
    signer: Signer,
    room: Room<S>,
    session: Option<Session>,
    heard: Heard,
    patience: Patience,
    limit: Option<(Instant, Limit)>,
    refused: Vec<(Move, u32)>,
    notes: mpsc::Sender<String>,
    caught_up: bool,
    bye: Option<String>,
}

impl<S: AsyncRead + AsyncWrite + Send + 'static> StandIn<S> {
    /// Somebody at the door. What goes wrong without ending anything is told to `notes`; when that is full it is not
    /// told at all: nobody waits for a remark.
    pub fn new(
        part: Part,
        (person, signer): (PersonId, Signer),
        room: Room<S>,
        patience: Patience,
        notes: mpsc::Sender<String>,
    ) -> StandIn<S> {
        StandIn {
            part,
            person,
            signer,
            room,
            session: None,
            heard: Heard::default(),
            patience,
            limit: None,
            refused: Vec::new(),
            notes,
            caught_up: false,
            bye: None,
        }
    }

    /// With the session that opened the incident.
    #[must_use]
    pub fn with_session(mut self, session: Session) -> StandIn<S> {
        self.session = Some(session);
        self
    }

    /// With an end to their patience, counted from now.
    #[must_use]
    pub fn with_limit(mut self, limit: Limit) -> StandIn<S> {
        self.limit = Some((Instant::now(), limit));
        self
    }

    /// Plays the part until the record is closed or the hub ends.
    ///
    /// # Errors
    /// The hub cannot be followed, or there was no way to an end.
    pub async fn play(mut self) -> Result<()> {
        let mut thinking: Option<(Move, Pause, Instant)> = None;
        loop {
            if self.room.mirror.incident.stage == Stage::Closed {
                return Ok(());
            }
            if let Some(why) = &self.bye {
                return Err(Failure::environment("the hub ended before the record was closed").because(why));
            }
            self.check_limit()?;
            thinking = match (self.wanted()?, thinking.take()) {
                (Some((wanted, pause)), Some((before, paused, since)))
                    if wanted == before && pause == paused =>
                {
                    Some((before, pause, since))
                }
                (Some((wanted, pause)), _) => Some((wanted, pause, Instant::now())),
                (None, _) => None,
            };
            let due = thinking.as_ref().map(|(_, pause, since)| *since + self.patience.of(*pause));
            let wake = due.into_iter().chain(self.next_limit()).min();
            let update = match wake {
                None => Some(self.room.next().await),
                Some(at) => tokio::time::timeout_at(at.into(), self.room.next()).await.ok(),
            };
            match update {
                Some(update) => self.take(update.map_err(lost)?),
                None => {
                    let now = Instant::now();
                    if due.is_some_and(|due| due <= now)
                        && let Some((wanted, ..)) = thinking.take()
                    {
                        self.perform(wanted).await?;
                    }
                }
            }
        }
    }

    fn take(&mut self, update: Update) {
        match update {
            Update::Events(events) => events.iter().for_each(|event| self.heard.event(event)),
            Update::CaughtUp => self.caught_up = true,
            Update::Bye(why) => self.bye = Some(why),
            Update::Answer { .. }
            | Update::Metrics { .. }
            | Update::Outside(_)
            | Update::Output(_)
            | Update::Writer(_) => {}
        }
    }

    /// When patience ends next.
    fn next_limit(&self) -> Option<Instant> {
        let (begun, limit) = self.limit?;
        let forward = begun + limit.forward;
        Some(if Instant::now() < forward { forward } else { forward + limit.out })
    }

    fn check_limit(&mut self) -> Result<()> {
        let Some((begun, limit)) = self.limit else { return Ok(()) };
        let passed = begun.elapsed();
        if passed >= limit.forward + limit.out {
            let why = self.room.mirror.incident.aborted.clone().unwrap_or_default();
            return Err(Failure::new(Kind::No, "the incident could not be brought to an end").because(why));
        }
        if passed >= limit.forward {
            self.heard.give_up(format!("this took longer than {} s", limit.forward.as_secs()));
        }
        Ok(())
    }

    fn wanted(&mut self) -> Result<Option<(Move, Pause)>> {
        if !self.caught_up {
            return Ok(None);
        }
        let incident = &self.room.mirror.incident;
        let Some((wanted, pause)) = script::next(self.part, &self.person, incident, &self.heard) else {
            return Ok(None);
        };
        let hopeless = self.refused.iter().any(|(m, n)| *m == wanted && *n >= TRIES);
        match (hopeless, self.part) {
            (false, _) => Ok(Some((wanted, pause))),
            (true, Part::Sre | Part::Operator) => Ok(None),
            (true, Part::Commander) if incident.aborted.is_some() => {
                Err(Failure::new(Kind::No, "the incident could not be brought to an end")
                    .because(incident.aborted.clone().unwrap_or_default()))
            }
            (true, Part::Commander) => {
                self.heard.give_up(format!("the rules refuse what comes next ({wanted:?})"));
                Ok(script::next(self.part, &self.person, &self.room.mirror.incident, &self.heard))
            }
        }
    }

    async fn perform(&mut self, wanted: Move) -> Result<()> {
        if self.session.is_none() {
            self.join().await?;
        }
        let why = match self.act(&wanted) {
            Ok(act) => match self.submit(act).await? {
                ActResult::Recorded { .. } => return Ok(()),
                ActResult::Refused { why } => why,
                ActResult::NotWritten { why } => {
                    return Err(Failure::environment("the hub cannot write any more").because(why));
                }
            },
            Err(why) => why.to_string(),
        };
        // Full: the remark is lost, and nothing else.
        let _ = self.notes.try_send(format!("{}: {why}", self.person));
        match self.refused.iter_mut().find(|(m, _)| *m == wanted) {
            Some((_, times)) => *times += 1,
            None => self.refused.push((wanted, 1)),
        }
        Ok(())
    }

    async fn join(&mut self) -> Result<()> {
        let asking = Asking {
            person: self.person.clone(),
            roles: self.role().into_iter().collect(),
            via: "a stand-in of the demo".to_owned(),
            display: Display::Local,
        };
        let log = self.room.mirror.incident.log();
        let (session, act) = Session::enter(log, asking, &self.signer, now()).map_err(|e| cannot(&e))?;
        match self.submit(act).await? {
            ActResult::Recorded { .. } => {
                self.session = Some(session);
                Ok(())
            }
            ActResult::Refused { why } | ActResult::NotWritten { why } => {
                Err(Failure::refused(format!("`{}` was not let in", self.person)).because(why))
            }
        }
    }

    async fn submit(&mut self, act: Act) -> Result<ActResult> {
        let answered = tokio::time::timeout(ANSWERS_WITHIN, self.room.submit(act)).await;
        answered.map_err(|_| Failure::environment("the hub does not answer"))?.map_err(lost)
    }

    fn role(&self) -> Option<RoleName> {
        RoleName::parse(self.part.role()).ok()
    }

    /// The move as a signed act.
    fn act(&mut self, wanted: &Move) -> std::result::Result<Act, ActError> {
        let form = |why: String| ActError::Form(why);
        let mirror = &self.room.mirror;
        let key = self.signer.fingerprint();
        let draft = match wanted {
            Move::Approve { gate, reason, .. } => {
                let role = self.role().ok_or_else(|| form("there is no such role".to_owned()))?;
                let how = Answering::Approve;
                Some(answer::at_gate(mirror, &self.person, &key, gate, &role, how, reason)?)
            }
            Move::Close(reason) => Some(answer::closing(mirror, &self.person, &key, reason)?),
            _ => None,
        };
        let log = mirror.incident.log().to_owned();
        if let Some(draft) = draft {
            return answer::sign(draft, &log, &self.signer, self.session.as_mut(), Display::Local);
        }
        let (intent, payload) = self.intent(wanted).map_err(form)?;
        let session = self.session.as_mut().ok_or_else(|| form("there is no session".to_owned()))?;
        session.act(&self.room.mirror, intent, payload)
    }

    fn intent(&self, wanted: &Move) -> std::result::Result<(Intent, Vec<Payload>), String> {
        let reason = || format!("part of the way out, by {}", self.person);
        let intent = match wanted {
            Move::Take(role) => Intent::Assume { role: role.clone() },
            Move::Note(text) => {
                let (part, payload) = session::payload(text.as_bytes()).map_err(|e| e.to_string())?;
                return Ok((Intent::Note { payload }, vec![part]));
            }
            Move::Start { step, attempt, direction } => self.start(step, *attempt, *direction)?,
            Move::Cancel(step) => {
                Intent::DecideStep { step: step.clone(), choice: Choice::Cancel, reason: reason() }
            }
            Move::Settle { step, attempt, verdict } => {
                let direction = Direction::Forward;
                Intent::Settle {
                    step: step.clone(),
                    attempt: *attempt,
                    direction,
                    verdict: *verdict,
                    reason: reason(),
                }
            }
            Move::Keep(step) => {
                Intent::DecideStep { step: step.clone(), choice: Choice::Keep, reason: reason() }
            }
            Move::Inherit(name) => {
                Intent::Inherit { name: name.clone(), owner: self.person.clone(), reason: reason() }
            }
            Move::Abort(why) => Intent::Abort { reason: shown(why) },
            Move::Mitigate(why) => Intent::Mitigate { reason: why.clone() },
            Move::Resolve(why) => Intent::Resolve { reason: why.clone() },
            Move::Approve { .. } | Move::Close(_) => return Err("this takes a statement".to_owned()),
        };
        Ok((intent, Vec::new()))
    }

    fn start(&self, id: &StepId, attempt: u32, direction: Direction) -> std::result::Result<Intent, String> {
        let incident = &self.room.mirror.incident;
        let step = incident.step(id).ok_or_else(|| format!("there is no step {id}"))?;
        let plan = plan::digest(&plan::of_step(incident, step, direction)?, attempt);
        let reason = match direction {
            Direction::Forward => None,
            Direction::Undo => Some("the incident was aborted".to_owned()),
        };
        Ok(Intent::Start { step: id.clone(), attempt, direction, plan, retyped: None, reason, payload: None })
    }
}

/// A reason that quotes what a step said: one line, and not too long.
fn shown(why: &str) -> String {
    crate::sanitize::line(why).as_str().chars().take(500).collect()
}

fn lost(why: RoomError) -> Failure {
    Failure::environment("the hub cannot be followed any more").because(why)
}

fn cannot(why: &ActError) -> Failure {
    Failure::environment("a stand-in cannot sign").because(why)
}

fn now() -> Stamp {
    crate::hub::clock::now()
}
