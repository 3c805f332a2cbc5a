//! The incident as a trace: one span a try of a step or of its undo, one a phase, one for the whole. Never gives the same
//! thing two ids, whichever hub tells of it.

use crate::core::event::{Direction, Event, Outcome};
use crate::core::id::StepId;
use crate::core::incident::{Incident, Status};
use crate::hub::outside::tell::Facts;
use crate::hub::outside::turn::{Stage, Turn};
use crate::outside::tell::{Span, SpanStatus};
use std::collections::BTreeMap;

/// The key of the span around everything.
const WHOLE: &str = "incident";

/// Makes spans of events.
pub struct Tracer {
    facts: Facts,
    opened: i64,
    phase: Option<(u32, i64)>,
    /// The phase of each step.
    phase_of: BTreeMap<String, u32>,
    /// What runs: which try, and since when.
    running: BTreeMap<(String, Direction), (u32, i64)>,
}

impl Tracer {
    /// For an incident as it is when this hub begins to tell.
    pub fn new(facts: Facts, incident: &Incident) -> Tracer {
        let places = incident.runbook.phases.iter().enumerate().flat_map(|(i, phase)| {
            let i = u32::try_from(i).unwrap_or(u32::MAX);
            phase.steps.iter().map(move |step| (step.id.clone(), i))
        });
        let running = incident.runs.iter().filter(|(_, run)| run.status == Status::Running);
        let running = running.filter_map(|(id, run)| {
            Some(((id.to_string(), Direction::Forward), (run.attempt, run.started_at?.0)))
        });
        Tracer {
            opened: incident.opened_at.0,
            // A hub that came back begins the phase's span where it took over.
            phase: incident.phases_entered.last().map(|p| (*p, incident.last_at.0)),
            phase_of: places.collect(),
            running: running.collect(),
            facts,
        }
    }

    /// The spans that end with this event.
    pub fn spans_of(&mut self, event: &Event) -> Vec<Span> {
        let now = event.at.0;
        match Turn::of(&event.what) {
            Turn::Began(step, attempt, direction) => {
                self.running.insert((step.to_string(), direction), (attempt, now));
                Vec::new()
            }
            Turn::Ended(step, direction, outcome) => {
                self.step(step, direction, now, status(outcome)).into_iter().collect()
            }
            Turn::Stage(Stage::Phase(data)) => {
                let before = self.end_phase(now);
                self.phase = Some((data.phase, now));
                before.into_iter().collect()
            }
            Turn::Stage(Stage::Closed) => {
                let mut ended: Vec<Span> = self.end_phase(now).into_iter().collect();
                let name = format!("incident {}", self.facts.id);
                ended.push(self.span(WHOLE.to_owned(), None, name, (self.opened, now)));
                ended
            }
            Turn::Stage(
                Stage::Opened | Stage::Declared | Stage::Mitigated | Stage::Resolved | Stage::Aborted,
            )
            | Turn::Overridden
            | Turn::Inside => Vec::new(),
        }
    }

    fn step(&mut self, id: &StepId, direction: Direction, now: i64, status: SpanStatus) -> Option<Span> {
        let (attempt, from) = self.running.remove(&(id.to_string(), direction))?;
        let parent =
            self.phase_of.get(id.as_str()).map_or_else(|| WHOLE.to_owned(), |p| format!("phase/{p}"));
        let word = match direction {
            Direction::Forward => "step",
            Direction::Undo => "undo",
        };
        let key = format!("{word}/{id}/{attempt}");
        let mut span = self.span(key, Some(parent), format!("{word} {id}"), (from, now));
        span.attributes = vec![
            ("backout.step".to_owned(), id.to_string()),
            ("backout.attempt".to_owned(), attempt.to_string()),
            ("backout.direction".to_owned(), word.to_owned()),
        ];
        span.status = status;
        Some(span)
    }

    fn end_phase(&mut self, now: i64) -> Option<Span> {
        let (index, from) = self.phase.take()?;
        let name =
            usize::try_from(index).ok().and_then(|i| self.facts.phases.get(i)).cloned().unwrap_or_default();
        let key = format!("phase/{index}");
        Some(self.span(key, Some(WHOLE.to_owned()), format!("phase {name}"), (from, now)))
    }

    fn span(&self, key: String, parent: Option<String>, name: String, (from, to): (i64, i64)) -> Span {
        Span {
            trace: self.facts.id.clone(),
            key,
            parent,
            name,
            from_micros: from,
            to_micros: to.max(from),
            attributes: Vec::new(),
            status: SpanStatus::Unset,
        }
    }
}

fn status(outcome: Outcome) -> SpanStatus {
    let wrong = |word: &str| SpanStatus::Error(word.to_owned());
    match outcome {
        Outcome::Succeeded => SpanStatus::Ok,
        Outcome::Cancelled => SpanStatus::Unset,
        Outcome::Failed => wrong("failed"),
        Outcome::TimedOut => wrong("timed out"),
        Outcome::Unknown => wrong("unknown"),
    }
}
