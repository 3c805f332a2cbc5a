//! Does what the record asks for, and says how it went. Never starts anything that is not sealed on disk, never
//! guesses an outcome, never runs anything twice.

mod ground;
mod look;
mod outside;
mod probe;
mod progress;
mod run;
mod send;

use crate::core::effect::{Effect, Stop};
use crate::core::event::{Direction, Handed, Mode, Outcome};
use crate::core::id::{Digest, StepId};
use crate::core::incident::Incident;
use crate::core::intent::Intent;
use crate::core::plan;
use crate::hub::outside::suspend::Suspenders;
use crate::hub::process;
use crate::hub::shared::Shared;
use crate::hub::wish::{Observation, Order, Try};
use crate::runbook::model::{Action, Step};
use crate::sanitize;
use crate::step::crew::Crew;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, watch};

pub use ground::Ground;

/// The longest sentence about an outcome, in bytes.
const LONGEST: usize = 2000;

/// Carries out steps.
#[derive(Debug)]
pub struct Driver {
    shared: Arc<Shared>,
    ground: Ground,
    suspenders: Arc<Suspenders>,
    crew: Arc<Crew>,
    busy: Mutex<BTreeMap<Try, watch::Sender<Option<Stop>>>>,
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    outcome: Outcome,
    detail: String,
    output: Option<(Digest, u64)>,
    parts: Vec<Vec<u8>>,
}

impl End {
    fn new(outcome: Outcome, detail: impl AsRef<[u8]>) -> End {
        let clean = sanitize::line(detail);
        End { outcome, detail: cut(clean.as_str(), LONGEST).to_owned(), output: None, parts: Vec::new() }
    }

    fn failed(detail: impl AsRef<[u8]>) -> End {
        End::new(Outcome::Failed, detail)
    }
}

/// At most so many bytes, at a character's border.
fn cut(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// One try and everything around it.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    which: Try,
    step: Step,
    incident: Arc<Incident>,
    edited: Option<String>,
    stop: watch::Receiver<Option<Stop>>,
}

impl Driver {
    /// A driver with nothing to do yet.
    pub fn new(shared: Arc<Shared>, ground: Ground, suspenders: Arc<Suspenders>) -> Driver {
        Driver { shared, ground, suspenders, crew: Crew::new(), busy: Mutex::default() }
    }

    /// Takes up what was under way when the hub before ended.
    pub async fn begin(self: &Arc<Self>, incident: &Arc<Incident>, under_way: Vec<(StepId, u32, Direction)>) {
        self.ground.recall(&self.shared.dir, incident);
        for (step, attempt, direction) in under_way {
            let which = Try { step, attempt, direction };
            self.spawn(which, incident.clone(), None, How::TakenUp);
        }
        for (step, direction) in incident.unknowns() {
            if let (Direction::Forward, Some(run)) = (direction, incident.run(step)) {
                self.reconcile(step.clone(), run.attempt, incident.clone());
            }
        }
        for (template, how) in incident.asked.values() {
            if *how == Handed::Delivered {
                self.lost_message(template).await;
            }
        }
        // Counting may have been what the hub before did not come to.
        for step in incident.uncounted() {
            self.count(step.clone(), incident.clone());
        }
    }

    /// Takes orders until the hub ends.
    pub async fn run(self: Arc<Self>, mut orders: mpsc::Receiver<Order>) {
        while let Some(Order { effect, incident, edited }) = orders.recv().await {
            match effect {
                Effect::RunStep { step, attempt, direction } => {
                    self.spawn(Try { step, attempt, direction }, incident, edited, How::Begun);
                }
                Effect::StopStep { step, attempt, direction, how } => {
                    self.stop(&Try { step, attempt, direction }, how);
                }
                Effect::CountBacklog { step } => self.count(step, incident),
                Effect::SendMessage { asked, template, how } => {
                    let wanted = send::Wanted { asked, template: template.to_string(), how, edited };
                    let driver = self.clone();
                    tokio::spawn(async move { driver.message(&incident, wanted).await });
                }
                Effect::Reconcile { step, attempt } => self.reconcile(step, attempt, incident),
                // The room ends by itself, and takes the hub with it; it alone writes beside the record.
                Effect::ShutDown | Effect::RemoveParts { .. } => {}
            }
        }
    }

    fn spawn(self: &Arc<Self>, which: Try, incident: Arc<Incident>, edited: Option<String>, how: How) {
        let Some(step) = incident.step(&which.step).cloned() else { return };
        let (sender, stop) = watch::channel(None);
        self.busy().insert(which.clone(), sender);
        let driver = self.clone();
        tokio::spawn(async move {
            let job = Job { which: which.clone(), step, incident, edited, stop };
            // Large, because any kind of step may be in it, and moved about less in a place of its own.
            let end = Box::pin(driver.carry_out(&job, how)).await;
            if let Some(end) = end {
                let end = driver.with_suspension(&job, end).await;
                driver.finish(which.clone(), end).await;
            }
            driver.busy().remove(&which);
        });
    }

    fn busy(&self) -> std::sync::MutexGuard<'_, BTreeMap<Try, watch::Sender<Option<Stop>>>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop(self: &Arc<Self>, which: &Try, how: Stop) {
        let busy = self.busy();
        match busy.get(which) {
            Some(sender) => {
                sender.send_replace(Some(how));
            }
            // Nobody works on it: it waits for a person or for the clock.
            None => {
                self.clone().spawn_finish(which.clone(), End::new(Outcome::Cancelled, "stopped on request"))
            }
        }
    }

    fn spawn_finish(self: Arc<Self>, which: Try, end: End) {
        tokio::spawn(async move { self.finish(which, end).await });
    }

    /// `None` when somebody else says how it ends: a person, or the clock.
    async fn carry_out(&self, job: &Job, how: How) -> Option<End> {
        if job.which.direction == Direction::Undo {
            return Some(self.undo(job, how).await);
        }
        match &job.step.action {
            Action::Manual { .. } | Action::Decide { .. } | Action::Approve(_) => None,
            Action::Run { command, exit_codes } => {
                Some(self.run_command(job, command, exit_codes, how).await)
            }
            Action::SetAside { path } => Some(self.set_aside(job, path, how)),
            Action::Send { template } => Some(self.send(job, template, how).await),
            Action::Await(rule) => Some(self.await_(job, rule).await),
            Action::Check(rule) => self.check(job, rule).await,
            Action::Measure { subject, as_name } => self.measure(job, subject, as_name).await,
            Action::Wait { unless, .. } => self.wait(job, unless.as_ref()).await,
        }
    }

    async fn finish(&self, which: Try, end: End) {
        let Try { step, attempt, direction } = which;
        let intent = Intent::Finish {
            step,
            attempt,
            direction,
            outcome: end.outcome,
            detail: end.detail,
            output: end.output.map(|(digest, _)| digest),
            output_bytes: end.output.map(|(_, bytes)| bytes),
        };
        self.shared.wishes.observe_with(Observation { intent, parts: end.parts }).await;
    }

    /// Whether this incident changes anything in the world.
    fn is_live(&self, job: &Job) -> bool {
        match process::mode(&job.incident) {
            Mode::Live => true,
            Mode::Drill | Mode::Tabletop => false,
        }
    }

    /// How a step that changes something ends where nothing is changed.
    fn rehearsed(&self, job: &Job, would: &str) -> End {
        let word = process::mode(&job.incident).word().to_lowercase();
        End::new(Outcome::Succeeded, format!("{word}: not run; would have run {would}"))
    }

    /// What was approved and sealed must still be what would be done now.
    fn unchanged(&self, job: &Job) -> Result<(), End> {
        let run = job.incident.run_of(&job.which.step, job.which.direction);
        let sealed = run.and_then(|r| r.plan);
        let now = plan::of_step(&job.incident, &job.step, job.which.direction)
            .map(|p| plan::digest(&p, job.which.attempt));
        match (sealed, now) {
            (Some(sealed), Ok(now)) if sealed == now => Ok(()),
            (_, Ok(_)) => Err(End::failed("what would be done is not what was started; nothing was run")),
            (_, Err(why)) => Err(End::failed(format!("it cannot be worked out: {why}; nothing was run"))),
        }
    }
}

/// Whether a try begins here or was begun by the hub before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Begun,
    TakenUp,
}

/// Waits until somebody wants the step to end.
pub(crate) async fn wanted(stop: &mut watch::Receiver<Option<Stop>>) -> Stop {
    loop {
        if let Some(how) = *stop.borrow_and_update() {
            return how;
        }
        if stop.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}
