//! Starts that were asked for before their turn, so that a step can begin in the batch that records the end of the one
//! before. Never starts anything: when its turn comes each is an act like any other, judged over the record of that
//! moment.

use crate::core::event::Direction;
use crate::core::incident::Incident;
use crate::core::intent::Intent;
use crate::wire::act::Act;
use crate::wire::message::ActResult;
use tokio::sync::oneshot;

/// So many wait at most. One more is judged at once, and refused because it is not its turn.
const MOST: usize = 32;

/// One that waits.
#[derive(Debug)]
pub(super) struct Early {
    pub(super) act: Box<Act>,
    pub(super) reply: oneshot::Sender<ActResult>,
}

impl Early {
    /// Whether it can become its turn without anybody doing anything.
    fn waits(&self, incident: &Incident) -> bool {
        let Intent::Start { step, direction: Direction::Forward, .. } = &self.act.intent else {
            return false;
        };
        incident.step(step).is_some_and(|step| incident.is_next(step))
    }
}

/// All that wait.
#[derive(Debug, Default)]
pub(super) struct Ahead(Vec<Early>);

impl Ahead {
    /// Keeps one. Gives it back when there are too many.
    pub(super) fn keep(&mut self, early: Early) -> Option<Early> {
        if self.0.len() < MOST {
            self.0.push(early);
            return None;
        }
        Some(early)
    }

    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that wait no more, to be judged now. Whose client has left are forgotten.
    pub(super) fn due(&mut self, incident: &Incident) -> Vec<Early> {
        self.0.retain(|early| !early.reply.is_closed());
        let (waiting, due) = std::mem::take(&mut self.0).into_iter().partition(|early| early.waits(incident));
        self.0 = waiting;
        due
    }
}
