//! Suspensions that the hub carries out itself: silences in an Alertmanager, for as long as the record says that they
//! are suspended. Never in a rehearsal, and never against somebody who ended a silence by hand.

use crate::core::incident::{Incident, Stage, Suspension};
use crate::hub::clock;
use crate::hub::outside::board::Board;
use crate::hub::outside::is_live;
use crate::hub::shared::Shared;
use crate::outside::alertmanager::{Purpose, Silence, Silencer};
use crate::outside::http::Clients;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How often it is looked whether a silence still stands, at least; a short one is looked at eight times in its life.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// After a failure it is tried again so much later.
const AGAIN: Duration = Duration::from_secs(5);

/// What this hub has suspended.
#[derive(Debug, Clone)]
struct Held {
    silence: Silence,
    /// The record's next event when it began.
    since: u64,
    /// Somebody ended it: that is respected, and said.
    gone: bool,
    /// It should be over, could not be ended, and that was said.
    overdue: bool,
}

/// The suspensions that the workspace lets the hub carry out.
#[derive(Debug)]
pub struct Suspenders {
    silencers: BTreeMap<String, Silencer>,
    clients: Clients,
    shared: Arc<Shared>,
    board: Arc<Board>,
    held: Mutex<BTreeMap<String, Held>>,
    /// The record's next event when a step ended a suspension: the record says so only a moment later.
    released: Mutex<BTreeMap<String, u64>>,
    /// One question at a time: two at once could make two silences.
    turn: tokio::sync::Mutex<()>,
}

impl Suspenders {
    /// Nothing is suspended yet, as far as this hub knows.
    pub fn new(
        silencers: BTreeMap<String, Silencer>,
        clients: Clients,
        shared: Arc<Shared>,
        board: Arc<Board>,
    ) -> Suspenders {
        Suspenders {
            silencers,
            clients,
            shared,
            board,
            held: Mutex::default(),
            released: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// Where it is said how the world outside does.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// Whether the hub carries this suspension out.
    pub fn knows(&self, name: &str) -> bool {
        self.silencers.contains_key(name)
    }

    /// Suspends, or prolongs what is suspended already, and gives a sentence about it. `None`: not the hub's business.
    ///
    /// # Errors
    /// Why it is not known to be suspended.
    pub async fn hold(&self, incident: &Incident, name: &str) -> Option<Result<String, String>> {
        let silencer = self.silencers.get(name)?;
        let _turn = self.turn.lock().await;
        let purpose = self.purpose(silencer, incident, name);
        let now = clock::now();
        Some(match silencer.hold(&self.clients, &purpose, now.0).await {
            Ok(silence) => {
                let text = format!("silenced until {}, alerts with {}", silence.ends(), purpose.labels());
                let held = self.held(name).map(|held| held.since);
                let since = held.filter(|since| !lifted_after(incident, name, *since));
                let since = since.unwrap_or(incident.next_seq);
                self.keep(name, Held { silence: silence.clone(), since, gone: false, overdue: false });
                self.board.fine(name, &text).await;
                Ok(format!("{name} {text} (silence {}, read back)", silence.id))
            }
            Err(why) => Err(format!("{name} could not be silenced: {why}")),
        })
    }

    /// Ends the suspension, and gives a sentence about it. `None`: not the hub's business.
    ///
    /// # Errors
    /// Why it is not known to be over.
    pub async fn release(&self, incident: &Incident, name: &str) -> Option<Result<String, String>> {
        let silencer = self.silencers.get(name)?;
        let _turn = self.turn.lock().await;
        let purpose = self.purpose(silencer, incident, name);
        Some(match silencer.release(&self.clients, &purpose).await {
            Ok(count) => {
                self.all().remove(name);
                let mut released = self.released.lock().unwrap_or_else(PoisonError::into_inner);
                released.insert(name.to_owned(), incident.next_seq);
                drop(released);
                self.board.forget(name);
                Ok(match count {
                    0 => format!("{name} had no silence any more"),
                    _ => format!("{name} no longer silenced (read back)"),
                })
            }
            Err(why) => Err(format!("{name} may still be silenced: {why}")),
        })
    }

    /// Sees to it that what the record says about suspensions is so, until the hub ends.
    pub async fn keep_up(self: Arc<Self>, mut incidents: watch::Receiver<Arc<Incident>>) {
        if self.silencers.is_empty() || !is_live(&incidents.borrow()) {
            return;
        }
        let first = incidents.borrow_and_update().clone();
        let mut left: BTreeSet<String> = first.suspensions.keys().cloned().collect();
        let shortest = self.silencers.values().map(|s| s.lasts).min().unwrap_or(LOOK_EVERY);
        let look_every = LOOK_EVERY.min(shortest / 8);
        loop {
            let incident = incidents.borrow_and_update().clone();
            if incident.stage == Stage::Closed {
                return;
            }
            let mut pause = look_every;
            left = self.sweep(&incident, left).await;
            if !left.is_empty() {
                pause = AGAIN.min(look_every);
            }
            for name in self.silencers.keys() {
                if self.see_to(&incident, name).await.is_err() {
                    pause = AGAIN.min(look_every);
                }
            }
            if let Ok(Err(_)) = tokio::time::timeout(pause, incidents.changed()).await {
                return;
            }
        }
    }

    /// Ends what an earlier hub of this incident suspended and could not end any more; gives what is still left.
    async fn sweep(&self, incident: &Incident, names: BTreeSet<String>) -> BTreeSet<String> {
        let mut left = BTreeSet::new();
        for name in names {
            let lifted = incident.suspensions.get(&name).is_some_and(|s| s.lifted.is_some());
            if lifted && let Some(Err(why)) = self.release(incident, &name).await {
                self.board.trouble(&name, &why).await;
                left.insert(name);
            }
        }
        left
    }

    async fn see_to(&self, incident: &Incident, name: &str) -> Result<(), ()> {
        let Some(suspension) = incident.suspensions.get(name) else { return Ok(()) };
        let held = self.held(name);
        match (wanted(suspension), held) {
            (Wanted::On, None) if self.released_after(name, suspension) => Ok(()),
            (Wanted::On, None) => {
                let done = self.hold(incident, name).await;
                self.tell(name, done).await
            }
            (Wanted::On, Some(held)) => self.look(incident, name, held).await,
            (Wanted::Off, Some(held)) if lifted_after(incident, name, held.since) => {
                let done = self.release(incident, name).await;
                if let (Some(Err(why)), false) = (&done, held.overdue) {
                    self.keep(name, Held { overdue: true, ..held });
                    self.board.new_trouble(name, why).await;
                }
                self.tell(name, done).await
            }
            // Suspended again by a step that is about to end, or nobody can say.
            (Wanted::Off | Wanted::Unclear, _) => Ok(()),
        }
    }

    async fn tell(&self, name: &str, done: Option<Result<String, String>>) -> Result<(), ()> {
        match done {
            Some(Ok(sentence)) => {
                self.board.note(name, &sentence).await;
                Ok(())
            }
            Some(Err(why)) => {
                self.board.trouble(name, &why).await;
                Err(())
            }
            None => Ok(()),
        }
    }

    /// Prolongs a silence that is half over, and notices one that somebody ended.
    async fn look(&self, incident: &Incident, name: &str, held: Held) -> Result<(), ()> {
        let Some(silencer) = self.silencers.get(name) else { return Ok(()) };
        if held.gone {
            return Ok(());
        }
        let purpose = self.purpose(silencer, incident, name);
        let found = silencer.find(&self.clients, &purpose).await;
        let now = clock::now();
        match found {
            Err(why) => {
                let ends = held.silence.ends();
                self.board.trouble(name, &format!("silenced until {ends}, but: {why}")).await;
                Err(())
            }
            Ok(found) if found.is_empty() => {
                let why = if held.silence.ends_micros <= now.0 {
                    "the silence ran out before it could be prolonged; the alerts ring again"
                } else {
                    "somebody ended the silence; the alerts ring again, and it is not made anew"
                };
                self.keep(name, Held { gone: held.silence.ends_micros > now.0, ..held.clone() });
                self.board.trouble(name, why).await;
                if held.silence.ends_micros <= now.0 {
                    self.all().remove(name);
                    return Err(());
                }
                Ok(())
            }
            Ok(found) => {
                let ends = found.first().map_or(held.silence.ends_micros, |s| s.ends_micros);
                let left = ends.saturating_sub(now.0);
                let half = i64::try_from(silencer.lasts.as_micros() / 2).unwrap_or(i64::MAX);
                if left > half {
                    let text =
                        format!("silenced until {}, alerts with {}", held.silence.ends(), purpose.labels());
                    self.board.fine(name, &text).await;
                    return Ok(());
                }
                match self.hold(incident, name).await {
                    Some(Err(why)) => {
                        self.board.trouble(name, &why).await;
                        Err(())
                    }
                    Some(Ok(_)) | None => Ok(()),
                }
            }
        }
    }

    fn purpose(&self, silencer: &Silencer, incident: &Incident, name: &str) -> Purpose {
        let runbook = &incident.runbook;
        let matching = if silencer.matching.is_empty() {
            BTreeMap::from([
                ("service".to_owned(), runbook.service.clone()),
                ("environment".to_owned(), runbook.environment.clone()),
            ])
        } else {
            silencer.matching.clone()
        };
        Purpose {
            incident: incident.opened.as_ref().map_or_else(String::new, |o| o.incident.to_string()),
            name: name.to_owned(),
            head: self.shared.head_code(),
            matching,
        }
    }

    fn released_after(&self, name: &str, suspension: &Suspension) -> bool {
        let released = self.released.lock().unwrap_or_else(PoisonError::into_inner);
        released.get(name).is_some_and(|event| *event > suspension.switched)
    }

    fn all(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self, name: &str) -> Option<Held> {
        self.all().get(name).cloned()
    }

    fn keep(&self, name: &str, held: Held) {
        self.all().insert(name.to_owned(), held);
    }
}

/// Whether a suspension ended after this event: not by the clock, which may have been set back meanwhile.
fn lifted_after(incident: &Incident, name: &str, event: u64) -> bool {
    incident.suspensions.get(name).is_some_and(|s| s.lifted.is_some() && s.switched >= event)
}

/// What the record says about a suspension.
enum Wanted {
    On,
    Off,
    /// The step that suspends failed: whether anything is suspended is for people to settle.
    Unclear,
}

fn wanted(suspension: &Suspension) -> Wanted {
    match (suspension.lifted, suspension.certain) {
        (Some(_), _) => Wanted::Off,
        (None, true) => Wanted::On,
        (None, false) => Wanted::Unclear,
    }
}
