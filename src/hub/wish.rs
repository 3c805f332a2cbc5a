//! What reaches the room: acts of people and observations of the hub. Never anything that is already decided.

use crate::core::effect::Effect;
use crate::core::event::Direction;
use crate::core::id::{SessionId, StepId};
use crate::core::incident::Incident;
use crate::core::intent::Intent;
use crate::wire::act::Act;
use crate::wire::message::ActResult;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// So many wishes wait at most. A sender waits when it is full: a client's socket is then simply not read for a
/// moment, and an observation keeps until there is room.
pub const WAITING: usize = 1024;

/// Something somebody wants recorded.
#[derive(Debug)]
pub enum Wish {
    /// A person's act, not checked yet.
    Act {
        /// The act.
        act: Box<Act>,
        /// What became of it. Nobody may be listening any more.
        reply: oneshot::Sender<ActResult>,
    },
    /// The start of a step, for when it is its turn.
    Ahead {
        /// The act, not checked yet.
        act: Box<Act>,
        /// What became of it. Closed when whoever asked has left, and then nothing becomes of it.
        reply: oneshot::Sender<ActResult>,
    },
    /// Something the hub saw or did.
    Observed(Observation),
    /// Sessions whose connection is gone.
    Lost(Vec<SessionId>),
    /// Say when all that was being recorded is, or is not.
    Settled(oneshot::Sender<()>),
    /// End in order; steps go on.
    Stop,
}

/// Something the hub saw or did, with what is kept outside the record.
#[derive(Debug, Clone)]
pub struct Observation {
    /// What it comes to.
    pub intent: Intent,
    /// Parts that the event commits to.
    pub parts: Vec<Vec<u8>>,
}

impl Observation {
    /// Without parts.
    pub fn plain(intent: Intent) -> Observation {
        Observation { intent, parts: Vec::new() }
    }
}

/// Something to be done, given out once the event that asks for it is on disk.
#[derive(Debug, Clone)]
pub struct Order {
    /// What.
    pub effect: Effect,
    /// The incident right after.
    pub incident: Arc<Incident>,
    /// A message as a person edited it.
    pub edited: Option<String>,
}

/// One try of a step or of its undo.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Try {
    /// The step.
    pub step: StepId,
    /// Which try.
    pub attempt: u32,
    /// The step or its undo.
    pub direction: Direction,
}

/// Where wishes go.
#[derive(Debug, Clone)]
pub struct Wishes(pub mpsc::Sender<Wish>);

impl Wishes {
    /// Says what was seen. Waits while the room is full; when the room is gone the observation is made again by the
    /// next hub.
    pub async fn observe(&self, intent: Intent) {
        self.observe_with(Observation::plain(intent)).await;
    }

    /// The same with parts.
    pub async fn observe_with(&self, observation: Observation) {
        let _ = self.0.send(Wish::Observed(observation)).await;
    }

    /// Sends an act and gives where its answer will come from. `None` when the room is gone.
    pub async fn act(&self, act: Box<Act>) -> Option<oneshot::Receiver<ActResult>> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Wish::Act { act, reply }).await.ok()?;
        Some(answer)
    }

    /// Waits until all that is being recorded right now is on disk and told, or has failed.
    pub async fn settled(&self) {
        let (told, settled) = oneshot::channel();
        if self.0.send(Wish::Settled(told)).await.is_ok() {
            // A room that is gone records nothing any more.
            let _ = settled.await;
        }
    }

    /// The same as [`Wishes::act`] for a start that waits for its turn.
    pub async fn ahead(&self, act: Box<Act>) -> Option<oneshot::Receiver<ActResult>> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Wish::Ahead { act, reply }).await.ok()?;
        Some(answer)
    }
}
