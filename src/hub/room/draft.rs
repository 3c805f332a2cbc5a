//! A batch before it is written: decided, applied in memory, told to nobody. Never outlives its turn.

use crate::core::apply::apply;
use crate::core::effect::{Effect, effects};
use crate::core::event::{Actor, Auth, Event, What};
use crate::core::incident::Incident;
use crate::core::time::Stamp;
use crate::hub::log::speaks;
use crate::hub::wish::Observation;
use crate::timeline::codec;
use crate::timeline::payload::Part;
use crate::wire::message::ActResult;
use std::collections::BTreeSet;
use tokio::sync::oneshot;

/// What an event commits to.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The commitments.
    pub(super) payload: Vec<String>,
    /// Salt and content of each.
    pub(super) parts: Vec<([u8; 32], Vec<u8>)>,
}

/// What became of an act, and who asked.
#[derive(Debug)]
pub(super) struct Verdict {
    reply: oneshot::Sender<ActResult>,
    result: ActResult,
}

impl Verdict {
    /// Whoever asked may be gone; the record is what counts.
    pub(super) fn tell(self) {
        let _ = self.reply.send(self.result);
    }
}

/// A batch in the making.
#[derive(Debug)]
pub(super) struct Draft {
    /// The time of all its events.
    pub(super) now: Stamp,
    first: Option<u64>,
    lines: Vec<Vec<u8>>,
    parts: Vec<Part>,
    speaking: BTreeSet<u64>,
    bytes: usize,
    answers: Vec<(oneshot::Sender<ActResult>, Result<u64, ActResult>)>,
    effects: Vec<(Effect, Option<String>)>,
    observations: Vec<Observation>,
}

impl Draft {
    pub(super) fn new(now: Stamp) -> Draft {
        Draft {
            now,
            first: None,
            lines: Vec::new(),
            parts: Vec::new(),
            speaking: BTreeSet::new(),
            bytes: 0,
            answers: Vec::new(),
            effects: Vec::new(),
            observations: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Size of its lines and parts in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Index of its first event.
    pub(super) fn first(&self) -> u64 {
        self.first.unwrap_or(0)
    }

    pub(super) fn lines(&self) -> &[Vec<u8>] {
        &self.lines
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The parts that people in the room may read.
    pub(super) fn said(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| self.speaking.contains(&part.seq))
    }

    /// Adds an event and applies it. Gives its place in the record.
    pub(super) fn add(
        &mut self,
        incident: &mut Incident,
        actor: Actor,
        what: What,
        auth: Option<Auth>,
        kept: Kept,
    ) -> Result<u64, String> {
        let seq = incident.next_seq;
        let event = Event { seq, at: self.now, actor, what, payload: kept.payload, auth: auth.map(Box::new) };
        let line = codec::encode(&event).map_err(|e| format!("this does not fit into one event: {e}"))?;
        let edited = match (&event.what, kept.parts.first()) {
            (What::Started(_) | What::Asked(_), Some((_, text))) => {
                Some(String::from_utf8_lossy(text).into_owned())
            }
            _ => None,
        };
        self.bytes += line.len() + kept.parts.iter().map(|(_, data)| data.len()).sum::<usize>();
        self.first.get_or_insert(seq);
        self.lines.push(line);
        for (i, (salt, data)) in (0u32..).zip(kept.parts) {
            self.parts.push(Part { seq, i, salt, data });
        }
        if speaks(&event.what) {
            self.speaking.insert(seq);
        }
        apply(incident, &event);
        self.effects.extend(effects(incident, &event).into_iter().map(|e| (e, edited.clone())));
        Ok(seq)
    }

    /// Adds an event of the hub's own.
    pub(super) fn add_observed(
        &mut self,
        incident: &mut Incident,
        what: What,
        observation: Observation,
    ) -> Result<u64, String> {
        let mut kept = Kept::default();
        for (i, data) in (0u32..).zip(&observation.parts) {
            let part = Part::new(incident.next_seq, i, data.clone()).map_err(|e| e.to_string())?;
            kept.payload.push(part.commitment_b64());
            kept.parts.push((part.salt, part.data));
        }
        let seq = self.add(incident, Actor::Hub, what, None, kept)?;
        self.observations.push(observation);
        Ok(seq)
    }

    /// Remembers whom to answer once it is known what became of the batch.
    pub(super) fn answer(&mut self, reply: oneshot::Sender<ActResult>, result: Result<u64, ActResult>) {
        self.answers.push((reply, result));
    }

    /// What everybody is to be answered: as decided, or that nothing was written.
    pub(super) fn verdicts(&mut self, failed: Option<&str>) -> Vec<Verdict> {
        let verdict = |(reply, result)| {
            let result = match (result, failed) {
                (Err(refused), _) => refused,
                (Ok(_), Some(why)) => ActResult::NotWritten { why: why.to_owned() },
                (Ok(seq), None) => ActResult::Recorded { seq },
            };
            Verdict { reply, result }
        };
        self.answers.drain(..).map(verdict).collect()
    }

    /// Answers everybody at once, because nothing of it is written.
    pub(super) fn settle(&mut self, failed: Option<&str>) {
        self.verdicts(failed).into_iter().for_each(Verdict::tell);
    }

    /// What its events ask of the world, in their order.
    pub(super) fn effects(&mut self) -> Vec<(Effect, Option<String>)> {
        std::mem::take(&mut self.effects)
    }

    /// The observations in it, to be made again.
    pub(super) fn into_observations(self) -> Vec<Observation> {
        self.observations
    }
}
