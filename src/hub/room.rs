//! The one place where things become true: wishes in, sealed events out. Owns the incident and its record.
//!
//! A turn takes what waits, decides each wish against the state the ones before it lead to, adds what falls due, and
//! writes it all as one batch with one sync. Only then it answers, publishes and gives out orders. Never shows, sends
//! or acts on anything that is not on disk.

mod ahead;
mod draft;
mod news;
mod writer;

use crate::core::decide::decide;
use crate::core::due::{Due, due, next_wake, phase, waits_for_its_phase};
use crate::core::effect::Effect;
use crate::core::event::{Actor, Auth, Continued, Event, Leaving, What};
use crate::core::id::{Digest, PersonId, SessionId};
use crate::core::incident::{Incident, Stage};
use crate::core::intent::{By, Intent};
use crate::core::replay;
use crate::core::time::{DRIFT, Stamp};
use crate::hub::clock::Clock;
use crate::hub::layout;
use crate::hub::log::{self, Log};
use crate::hub::proof::{Judge, Proved};
use crate::hub::wish::{Observation, Order, Wish};
use crate::sanitize;
use crate::timeline::amended;
use crate::timeline::payload::Part;
use crate::wire::act::Act;
use crate::wire::message::{ActResult, WriterState};
use ahead::{Ahead, Early};
use draft::{Draft, Verdict};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

pub use news::{Herald, News, WAITING as NEWS};
pub use writer::{Trouble, Writer};

/// So many wishes share one batch at most.
const MOST_WISHES: usize = 256;
/// A batch that has grown this large (bytes) is written before more is taken.
const LARGE: usize = 512 * 1024;
/// More consequences than this in one turn can only be a defect; the rest waits for the next turn.
const MOST_DUE: usize = 1000;
/// How late a moved clock, a due time or room on a full disk may be noticed.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What is overdue and cannot be done yet, such as a retry whose approval has changed, is not asked for more often.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// So many answers that do not count are recorded for one person at one gate.
const MOST_REFUSALS: u32 = 8;
/// What an answer that is not proved to be theirs is recorded with.
const IN_THEIR_NAME: &str = "it came in their name and is not proved to be theirs: ";

/// How the room ended.
#[derive(Debug)]
pub enum Ended {
    /// The incident is closed.
    Closed(Writer),
    /// On request; steps go on.
    Stopped(Writer),
}

/// The room.
#[derive(Debug)]
pub struct Room {
    incident: Incident,
    writer: Writer,
    log: Arc<Log>,
    judge: Judge,
    clock: Clock,
    state: watch::Sender<WriterState>,
    news: mpsc::Sender<News>,
    /// Observations that could not be written for want of space: the first to be written when there is some.
    owed: VecDeque<Observation>,
    refusals: BTreeMap<String, u32>,
    /// Starts that wait for their turn.
    ahead: Ahead,
    /// When people of this room were last in another incident.
    rest: BTreeMap<PersonId, Stamp>,
}

/// What the room tells everybody else.
#[derive(Debug, Clone)]
pub struct Outlets {
    /// The sealed record.
    pub log: Arc<Log>,
    /// Whether it can write.
    pub state: watch::Sender<WriterState>,
    /// Every batch that is on disk, for a [`Herald`].
    pub news: mpsc::Sender<News>,
}

/// A changed runbook that came with an act.
struct Proposed {
    digest: Digest,
    bytes: Vec<u8>,
    /// Whether an earlier proposal brought it.
    known: bool,
}

impl Room {
    /// A room over an incident whose events are all in the log.
    pub fn new(incident: Incident, writer: Writer, judge: Judge, outlets: Outlets) -> Room {
        let Outlets { log, state, news } = outlets;
        Room {
            incident,
            writer,
            log,
            judge,
            clock: Clock::new(),
            state,
            news,
            owed: VecDeque::new(),
            refusals: BTreeMap::new(),
            ahead: Ahead::default(),
            rest: BTreeMap::new(),
        }
    }

    /// Knows from now on when people were last in another incident.
    #[must_use]
    pub fn rested(self, rest: BTreeMap<PersonId, Stamp>) -> Room {
        Room { rest, ..self }
    }

    /// Says of whoever is here that they had too little rest, once.
    fn short_shifts(&mut self, draft: &mut Draft) {
        let Some(gap) = self.incident.policies().shift_gap.map(Duration::from_secs) else { return };
        let fresh = |(person, last): &(&PersonId, &Stamp)| {
            draft.now.since(**last) < gap
                && self.incident.is_present(person)
                && !self.incident.short_shifts.contains_key(*person)
        };
        let short: Vec<(PersonId, Stamp)> =
            self.rest.iter().filter(fresh).map(|(person, last)| (person.clone(), *last)).collect();
        for (person, last) in short {
            self.observed(draft, Observation::plain(Intent::NoteShortShift { person, last }));
        }
    }

    /// The incident as recorded.
    pub fn incident(&self) -> &Incident {
        &self.incident
    }

    /// Takes turns until the incident is closed or somebody asks for the end.
    pub async fn run(mut self, mut wishes: mpsc::Receiver<Wish>) -> Ended {
        let mut waiting = Vec::with_capacity(MOST_WISHES);
        loop {
            let stop = self.turn(&mut waiting).await;
            if self.incident.stage == Stage::Closed {
                return Ended::Closed(self.writer);
            }
            if stop {
                return Ended::Stopped(self.writer);
            }
            if waiting.is_empty() {
                let heard = tokio::time::timeout(self.pause(), wishes.recv_many(&mut waiting, MOST_WISHES));
                // All senders gone: nobody is left who could want anything.
                if heard.await == Ok(0) {
                    return Ended::Stopped(self.writer);
                }
            }
        }
    }

    /// How long nothing falls due.
    fn pause(&self) -> Duration {
        let now = crate::hub::clock::now();
        next_wake(&self.incident).map_or(LOOK_EVERY, |at| at.since(now).clamp(LOOK_AGAIN, LOOK_EVERY))
    }

    /// One turn. Leaves in `waiting` what did not fit. True when the end was asked for.
    async fn turn(&mut self, waiting: &mut Vec<Wish>) -> bool {
        let tick = self.clock.tick();
        let mut draft = Draft::new(tick.now);
        // Also one that was set back while no hub ran, or in steps too small to be seen.
        let back = (self.incident.last_at.since(tick.now) > DRIFT)
            .then(|| tick.now.0.saturating_sub(self.incident.last_at.0));
        if let Some(micros) = back.or(tick.jumped) {
            self.observed(&mut draft, Observation::plain(Intent::RecordClockJump { micros }));
        }
        for owed in std::mem::take(&mut self.owed) {
            self.observed(&mut draft, owed);
        }
        let mut stop = false;
        let mut taken = 0;
        for wish in waiting.iter_mut() {
            if draft.bytes() > LARGE {
                break;
            }
            taken += 1;
            match std::mem::replace(wish, Wish::Lost(Vec::new())) {
                Wish::Act { act, reply } => {
                    let result = self.acted(&mut draft, &act);
                    draft.answer(reply, result);
                }
                Wish::Ahead { act, reply } => {
                    if let Some(Early { act, reply }) = self.ahead.keep(Early { act, reply }) {
                        let result = self.acted(&mut draft, &act);
                        draft.answer(reply, result);
                    }
                }
                Wish::Observed(observation) => self.observed(&mut draft, observation),
                Wish::Lost(sessions) => self.lost(&mut draft, sessions),
                // The turn before this one has written what it had.
                Wish::Settled(told) => {
                    let _ = told.send(());
                }
                Wish::Stop => stop = true,
            }
        }
        waiting.drain(..taken);
        if !self.writer.is_over() {
            self.short_shifts(&mut draft);
            self.consequences(&mut draft);
            self.started_ahead(&mut draft);
        } else {
            self.writer.note();
        }
        self.commit(draft).await;
        stop
    }

    /// What was asked for ahead and need not wait any more, and what follows from that.
    fn started_ahead(&mut self, draft: &mut Draft) {
        if self.ahead.is_empty() {
            return;
        }
        let due = self.ahead.due(&self.incident);
        let some = !due.is_empty();
        for Early { act, reply } in due {
            let result = self.acted(draft, &act);
            draft.answer(reply, result);
        }
        if some {
            self.consequences(draft);
        }
    }

    fn acted(&mut self, draft: &mut Draft, act: &Act) -> Result<u64, ActResult> {
        let refused = |why: String| ActResult::Refused { why: sanitize::line(why).into_string() };
        let mut act = act.clone();
        if self.writer.is_over() {
            return Err(ActResult::NotWritten { why: self.writer.why().to_owned() });
        }
        let proved = self.judge.check(&self.incident, &self.log, &act, draft.now);
        let Proved { by, payload, parts } = proved.map_err(|e| {
            // Whose it was is not proved; that it came, in whose name and what was wrong with it, is kept.
            self.record_refusal(draft, &act, &format!("{IN_THEIR_NAME}{e}"));
            refused(e.to_string())
        })?;
        let proposed = self.proposed(&act.intent, &parts).map_err(refused)?;
        if waits_for_its_phase(&act.intent) {
            self.enter_phases(draft);
        }
        let what = match decide(&self.incident, &by, &act.intent, draft.now) {
            Ok(what) => what,
            Err(refusal) => {
                // A proposal of before may have brought the same one.
                if let Some(Proposed { digest, known: false, .. }) = proposed {
                    self.incident.library.remove(&digest);
                }
                self.record_refusal(draft, &act, &refusal.to_string());
                return Err(refused(refusal.to_string()));
            }
        };
        if !rebuilds(&act, &what, &payload, draft.now) {
            return Err(refused("what would be recorded is not word for word what was signed".to_owned()));
        }
        if let Some(proposed) = proposed {
            self.lay_beside(&proposed).map_err(refused)?;
        }
        let auth: Auth = std::mem::take(&mut act.auth);
        let actor = Actor::Person(act.person);
        draft
            .add(&mut self.incident, actor, what, Some(auth), draft::Kept { payload, parts })
            .map_err(refused)
    }

    /// A proposed runbook that is not known yet, made known for the rules to look at.
    fn proposed(
        &mut self,
        intent: &Intent,
        parts: &[([u8; 32], Vec<u8>)],
    ) -> Result<Option<Proposed>, String> {
        let Intent::ProposeAmendment { runbook: digest, .. } = intent else { return Ok(None) };
        let Some((_, bytes)) = parts.first() else {
            return Err("the changed runbook did not come".to_owned());
        };
        let (found, runbook) =
            amended::read(bytes).map_err(|why| format!("the changed runbook cannot be used: {why}"))?;
        if found != *digest {
            return Err("the changed runbook is not the one that was signed".to_owned());
        }
        let known = self.incident.library.contains_key(digest);
        self.incident.offer(*digest, runbook);
        Ok(Some(Proposed { digest: *digest, bytes: bytes.clone(), known }))
    }

    /// Lays a proposed runbook beside the record, before any event names it. One that was refused leaves nothing.
    fn lay_beside(&self, proposed: &Proposed) -> Result<(), String> {
        let folder = self.writer.store().folder().path();
        let path = folder.join(amended::name(self.incident.proposals + 1));
        layout::replace(&path, &proposed.bytes).map_err(|e| e.to_string())?;
        let folder = std::fs::File::open(folder).and_then(|dir| dir.sync_all());
        folder.map_err(|e| format!("the changed runbook cannot be kept: {e}"))
    }

    /// Keeps an answer at a gate that does not count: late, double, of the wrong person, or not signed as it must be.
    fn record_refusal(&mut self, draft: &mut Draft, act: &Act, why: &str) {
        let (Intent::Approve(answer) | Intent::Deny(answer) | Intent::Override(answer)) = &act.intent else {
            return;
        };
        // Nobody fills the record with gates and people that do not exist.
        let known = self.incident.gates.contains_key(&answer.gate);
        if !known || self.incident.team.person(&act.person).is_none() {
            return;
        }
        // What anybody can send in a person's name does not use up what is kept of the person's own answers.
        let own = !why.starts_with(IN_THEIR_NAME);
        let count = self.refusals.entry(format!("{} {} {own}", answer.gate, act.person)).or_default();
        *count += 1;
        if *count > MOST_REFUSALS {
            return;
        }
        let (gate, person, why) =
            (answer.gate.clone(), act.person.clone(), sanitize::line(why).into_string());
        self.observed(draft, Observation::plain(Intent::RecordRefusal { gate, person, why }));
    }

    fn observed(&mut self, draft: &mut Draft, observation: Observation) {
        match decide(&self.incident, &By::Hub, &observation.intent, draft.now) {
            Ok(what) => {
                if let Err(why) = draft.add_observed(&mut self.incident, what, observation) {
                    tracing::error!(%why, "an observation cannot be written down");
                }
            }
            // A step that was stopped while it ended, a look that came too late.
            Err(refusal) => tracing::info!(%refusal, "an observation came to nothing"),
        }
    }

    fn lost(&mut self, draft: &mut Draft, sessions: Vec<SessionId>) {
        for session in sessions {
            let gone = self.incident.sessions.get(&session).is_none_or(|s| s.left.is_some());
            if !gone {
                self.observed(draft, Observation::plain(Intent::Leave { session, how: Leaving::Lost }));
            }
        }
    }

    /// Phases whose turn has come earlier in this very batch, before somebody acts in them.
    fn enter_phases(&mut self, draft: &mut Draft) {
        for _ in 0..self.incident.runbook.phases.len() {
            let Some(enter) = phase(&self.incident) else { return };
            self.observed(draft, Observation::plain(enter));
        }
    }

    /// What follows by itself from what was decided, in the same batch.
    fn consequences(&mut self, draft: &mut Draft) {
        for _ in 0..MOST_DUE {
            let Some(due) = due(&self.incident, draft.now) else { return };
            let intent = match due {
                Due::Wish(intent) => intent,
                Due::OpenGate { gate, attempt } => match nonce() {
                    Some(nonce) => Intent::Request { gate, attempt, nonce },
                    None => return tracing::error!("the system gives no random bytes; no gate can open"),
                },
            };
            let events = self.incident.next_seq;
            self.observed(draft, Observation::plain(intent));
            if self.incident.next_seq == events {
                return;
            }
        }
    }

    /// Writes the batch; then, and only then, the world hears of it.
    async fn commit(&mut self, mut draft: Draft) {
        if draft.is_empty() {
            return draft.settle(None);
        }
        let written = self.writer.append(&draft);
        match written {
            Ok(sealed) => {
                draft.said().for_each(|part| self.log.say(part.seq, wire_part(part)));
                self.log.keep(sealed.first, &sealed.text, sealed.head);
                self.say(WriterState::Writing);
                let (verdicts, effects) = (draft.verdicts(None), draft.effects());
                self.remove_parts(&effects);
                self.publish(verdicts, effects).await;
            }
            Err(trouble) => {
                if self.not_written(draft, trouble) {
                    self.publish(Vec::new(), Vec::new()).await;
                }
            }
        }
    }

    /// What two people signed for is gone from now on; the next hub tries again where this one could not.
    fn remove_parts(&mut self, effects: &[(Effect, Option<String>)]) {
        for (effect, _) in effects {
            let Effect::RemoveParts { event, parts } = effect else { continue };
            let gone: Vec<(u64, u32)> = parts.iter().map(|part| (*event, *part)).collect();
            self.log.forget(*event);
            if let Err(why) = self.writer.remove(&gone) {
                tracing::error!(%why, event, "parts could not be removed yet");
            }
        }
    }

    /// For those who act on what is recorded. Waits while the herald is behind; it never waits for this room.
    async fn publish(&self, verdicts: Vec<Verdict>, effects: Vec<(Effect, Option<String>)>) {
        let incident = Arc::new(self.incident.clone());
        let order = |(effect, edited)| Order { effect, incident: incident.clone(), edited };
        let orders = effects.into_iter().map(order).collect();
        let _ = self.news.send(News { incident, verdicts, orders }).await;
    }

    /// The batch did not happen: back to what is recorded. True when how steps ended was recorded all the same.
    fn not_written(&mut self, mut draft: Draft, trouble: Trouble) -> bool {
        let why = trouble.to_string();
        let over = trouble.is_final() || self.writer.is_over();
        let state = if over {
            WriterState::Over { why: why.clone() }
        } else {
            WriterState::Stopped { why: why.clone() }
        };
        if self.say(state) {
            tracing::error!(%why, events = draft.len(), "not recorded");
        }
        draft.settle(Some(&why));
        self.incident = rebuild(&self.incident, &self.log);
        if over {
            return false;
        }
        // How steps ended must not be lost: it may use the space kept for it.
        let now = draft.now;
        let ends = draft.into_observations();
        let mut last = Draft::new(now);
        for observation in &ends {
            if matches!(observation.intent, Intent::Finish { .. }) {
                self.observed(&mut last, Observation::plain(observation.intent.clone()));
            }
        }
        if last.is_empty() {
            self.owed = ends.into();
            return false;
        }
        match self.writer.append_last(&last) {
            Ok(sealed) => {
                self.log.keep(sealed.first, &sealed.text, sealed.head);
                true
            }
            Err(_) => {
                self.incident = rebuild(&self.incident, &self.log);
                self.owed = ends.into();
                false
            }
        }
    }

    /// Tells every screen. True when it is news.
    fn say(&self, state: WriterState) -> bool {
        self.state.send_if_modified(|before| {
            let news = *before != state;
            *before = state;
            news
        })
    }
}

/// A part as it travels.
pub fn wire_part(part: &Part) -> crate::wire::act::Part {
    use base64::Engine as _;
    let b64 = base64::engine::general_purpose::STANDARD;
    crate::wire::act::Part { salt: b64.encode(part.salt), data: b64.encode(&part.data) }
}

/// The incident folded from what is sealed.
fn rebuild(broken: &Incident, log: &Log) -> Incident {
    let mut incident = broken.from_the_beginning();
    for text in log.texts() {
        for event in log::events(&text) {
            crate::core::apply::apply(&mut incident, &event);
        }
    }
    incident
}

/// Whether an act that a session signed can be told from its event alone: else nobody could check the signature.
fn rebuilds(act: &Act, what: &What, payload: &[String], now: Stamp) -> bool {
    let actor = Actor::Person(act.person.clone());
    let event = Event { seq: 0, at: now, actor, what: what.clone(), payload: payload.to_vec(), auth: None };
    act.auth.sig.is_none() || replay::intent_of(&event) == act.intent
}

/// 32 hex digits nobody can guess.
fn nonce() -> Option<String> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).ok()?;
    Some(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

/// Opens the record: the first event, alone in its batch.
///
/// # Errors
/// The opener's statement does not count, the rules refuse it, or it cannot be written.
pub fn open(
    incident: &mut Incident,
    writer: &mut Writer,
    log: &Log,
    judge: &Judge,
    act: &Act,
    now: Stamp,
) -> Result<(), String> {
    let proved = judge.check_opening(incident, act, now).map_err(|e| e.to_string())?;
    let what = decide(incident, &proved.by, &act.intent, now).map_err(|e| e.to_string())?;
    let mut draft = Draft::new(now);
    let actor = Actor::Person(act.person.clone());
    draft.add(incident, actor, what, Some(act.auth.clone()), draft::Kept::default())?;
    let sealed = writer.append(&draft).map_err(|e| e.to_string())?;
    log.push(sealed.first, &sealed.text, sealed.head);
    Ok(())
}

/// Begins a new segment of the record: the event that says what it follows, alone in its batch.
///
/// # Errors
/// The rules refuse it, or it cannot be written.
pub fn go_on(
    incident: &mut Incident,
    writer: &mut Writer,
    log: &Log,
    first: Continued,
    now: Stamp,
) -> Result<(), String> {
    let what = decide(incident, &By::Hub, &Intent::Continue(first), now).map_err(|e| e.to_string())?;
    let mut draft = Draft::new(now);
    draft.add(incident, Actor::Hub, what, None, draft::Kept::default())?;
    let sealed = writer.append(&draft).map_err(|e| e.to_string())?;
    log.push(sealed.first, &sealed.text, sealed.head);
    Ok(())
}

#[cfg(test)]
mod tests;
