//! What an event asks of the world outside, as data. Never does it.

use crate::core::event::{About, Choice, Direction, Event, What};
use crate::core::id::StepId;
use crate::core::incident::{Incident, Status};

/// Something to be done outside, once the event that asks for it is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Carry out a step, or its undo.
    RunStep {
        /// The step.
        step: StepId,
        /// Which try.
        attempt: u32,
        /// The step or its undo.
        direction: Direction,
    },
    /// End a step that is under way.
    StopStep {
        /// The step.
        step: StepId,
        /// Which try.
        attempt: u32,
        /// The step or its undo.
        direction: Direction,
        /// Politely or at once.
        how: Stop,
    },
    /// Count what a step leaves to reconcile.
    CountBacklog {
        /// The step.
        step: StepId,
    },
    /// Look with the step's `reconcile` probe how it really ended.
    Reconcile {
        /// The step.
        step: StepId,
        /// Which try.
        attempt: u32,
    },
    /// Nothing more will happen: let go of everything.
    ShutDown,
}

/// How a step is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// With time to clean up.
    Politely,
    /// At once.
    AtOnce,
}

/// What an event asks for, given the state after it.
pub fn effects(incident: &Incident, event: &Event) -> Vec<Effect> {
    match &event.what {
        What::Started(data) => vec![Effect::RunStep {
            step: data.step.clone(),
            attempt: data.attempt,
            direction: data.direction,
        }],
        What::Decided(data) => match (&data.about, &data.choice) {
            (About::Step(step), Choice::Cancel) => stop(incident, step, Stop::Politely),
            (About::Step(step), Choice::Kill) => stop(incident, step, Stop::AtOnce),
            _ => Vec::new(),
        },
        What::Finished(data) => {
            let step = incident.step(&data.step);
            let status = incident.status(data.step.as_str());
            let mut asked = Vec::new();
            if status == Status::Succeeded && step.is_some_and(|s| s.backlog.is_some()) {
                asked.push(Effect::CountBacklog { step: data.step.clone() });
            }
            if status == Status::Unknown && step.is_some_and(|s| s.reconcile.is_some()) {
                asked.push(Effect::Reconcile { step: data.step.clone(), attempt: data.attempt });
            }
            asked
        }
        What::Closed(_) => vec![Effect::ShutDown],
        _ => Vec::new(),
    }
}

fn stop(incident: &Incident, step: &StepId, how: Stop) -> Vec<Effect> {
    [Direction::Forward, Direction::Undo]
        .into_iter()
        .filter_map(|direction| incident.run_of(step, direction).map(|run| (direction, run)))
        .filter(|(_, run)| run.status == Status::Running)
        .map(|(direction, run)| Effect::StopStep { step: step.clone(), attempt: run.attempt, direction, how })
        .collect()
}
