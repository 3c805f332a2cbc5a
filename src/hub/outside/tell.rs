//! What the hub tells other systems as it happens: marks on Grafana's charts, OpenTelemetry spans. Never waited for,
//! never told twice, and never a reason for anything to fail.

use crate::core::event::{Event, Outcome, What};
use crate::core::incident::Incident;
use crate::hub::log::Log;
use crate::hub::outside::board::Board;
use crate::hub::outside::follow::Follower;
use crate::outside::endpoint::Endpoint;
use crate::outside::http::Clients;
use crate::outside::tell::{Mark, Span, SpanStatus, mark, spans};
use crate::sanitize;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::mpsc;

/// So much waits to be told at most. When it is full, the newest is dropped: the record has it all.
const WAITING: usize = 256;
/// So many spans go out together.
const TOGETHER: usize = 64;
/// The longest text of a mark or an attribute, in characters.
const LONGEST: usize = 300;

/// Who is told.
#[derive(Debug, Clone, Default)]
pub struct Listeners {
    /// Marks on charts.
    pub grafana: Option<Endpoint>,
    /// Traces.
    pub otlp: Option<Endpoint>,
}

/// What tellers work with.
#[derive(Debug, Clone)]
pub struct Means {
    /// Connections.
    pub clients: Clients,
    /// Where it is said how it goes.
    pub board: Arc<Board>,
}

/// Starts telling, as far as somebody is configured to be told.
pub fn start(listeners: Listeners, means: &Means, log: &Arc<Log>, incident: &Arc<Incident>) {
    let facts = Facts::of(incident);
    if let Some(endpoint) = listeners.grafana {
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(tell_marks(endpoint, means.clone(), receiver));
        let (facts, follower) = (facts.clone(), Follower::new(log.clone(), incident.next_seq));
        tokio::spawn(watch(follower, sender, move |event| mark_of(&facts, event).into_iter().collect()));
    }
    if let Some(endpoint) = listeners.otlp {
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(tell_spans(endpoint, means.clone(), facts.resource.clone(), receiver));
        let follower = Follower::new(log.clone(), incident.next_seq);
        let mut tracer = Tracer::new(facts, incident);
        tokio::spawn(watch(follower, sender, move |event| tracer.spans_of(event)));
    }
}

/// What is said about every incident.
#[derive(Debug, Clone)]
struct Facts {
    id: String,
    tags: Vec<String>,
    resource: Vec<(String, String)>,
    phases: Vec<String>,
}

impl Facts {
    fn of(incident: &Incident) -> Facts {
        let opened = incident.opened.as_ref();
        let id = opened.map_or_else(String::new, |o| o.incident.to_string());
        let mode = opened.map_or("", |o| o.mode.word()).to_lowercase();
        let book = &incident.runbook;
        let clean = |text: &str| short(sanitize::line(text).as_str());
        let tags = vec![
            "backout".to_owned(),
            clean(&book.service),
            clean(&book.environment),
            mode.clone(),
            id.clone(),
        ];
        let resource = vec![
            ("service.namespace".to_owned(), clean(&book.service)),
            ("deployment.environment.name".to_owned(), clean(&book.environment)),
            ("backout.incident".to_owned(), id.clone()),
            ("backout.runbook".to_owned(), clean(&book.id)),
            ("backout.mode".to_owned(), mode),
        ];
        let phases = book.phases.iter().map(|p| clean(&p.name)).collect();
        Facts { id, tags, resource, phases }
    }
}

fn short(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

/// Passes on what events come to, without ever waiting for who is told.
async fn watch<T>(
    mut follower: Follower,
    sender: mpsc::Sender<T>,
    mut of: impl FnMut(&Event) -> Vec<T> + Send,
) {
    while let Some(events) = follower.more().await {
        for told in events.iter().flat_map(&mut of) {
            if sender.try_send(told).is_err() {
                tracing::warn!("too much waits to be told; what is newest is left out");
            }
        }
    }
}

/// The mark of an event, where it is one that a chart's reader looks for.
fn mark_of(facts: &Facts, event: &Event) -> Option<Mark> {
    let text = match &event.what {
        What::Opened(_) => "incident opened".to_owned(),
        What::Declared(_) => "rollback declared".to_owned(),
        What::PhaseEntered(data) => format!("phase {}", sanitize::line(&data.name)),
        What::Mitigated(_) => "mitigated".to_owned(),
        What::Resolved(_) => "resolved".to_owned(),
        What::Aborted(_) => "aborted".to_owned(),
        What::Closed(_) => "incident closed".to_owned(),
        _ => return None,
    };
    Some(Mark {
        at_micros: event.at.0,
        text: short(&format!("{text} (incident {}, record #{})", facts.id, event.seq)),
        tags: facts.tags.clone(),
    })
}

async fn tell_marks(endpoint: Endpoint, means: Means, mut waiting: mpsc::Receiver<Mark>) {
    let mut told = 0u64;
    while let Some(next) = waiting.recv().await {
        match mark(&endpoint, &means.clients, &next).await {
            Ok(()) => {
                told += 1;
                means.board.fine("grafana", &format!("{told} marks on the charts")).await;
            }
            Err(why) => means.board.trouble("grafana", &format!("a mark was not made: {why}")).await,
        }
    }
}

async fn tell_spans(
    endpoint: Endpoint,
    means: Means,
    resource: Vec<(String, String)>,
    mut waiting: mpsc::Receiver<Span>,
) {
    let mut told = 0usize;
    let mut batch = Vec::with_capacity(TOGETHER);
    while waiting.recv_many(&mut batch, TOGETHER).await > 0 {
        match spans(&endpoint, &means.clients, &resource, &batch).await {
            Ok(()) => {
                told += batch.len();
                means.board.fine("otlp", &format!("{told} spans handed over")).await;
            }
            Err(why) => means.board.trouble("otlp", &format!("spans were not taken: {why}")).await,
        }
        batch.clear();
    }
}

/// Makes spans of events: one a try of a step, one a phase, one for the incident.
struct Tracer {
    facts: Facts,
    opened: i64,
    phase: Option<(u32, i64)>,
    /// The phase of each step.
    phase_of: BTreeMap<String, u32>,
    running: BTreeMap<String, (u32, i64)>,
}

const WHOLE: &str = "incident";

impl Tracer {
    fn new(facts: Facts, incident: &Incident) -> Tracer {
        let places = incident.runbook.phases.iter().enumerate().flat_map(|(i, phase)| {
            let i = u32::try_from(i).unwrap_or(u32::MAX);
            phase.steps.iter().map(move |step| (step.id.clone(), i))
        });
        let begun = |id: &crate::core::id::StepId| incident.runs.get(id);
        let running = incident.runs.keys().filter_map(|id| {
            let run = begun(id).filter(|r| r.status == crate::core::incident::Status::Running)?;
            Some((id.to_string(), (run.attempt, run.started_at?.0)))
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

    fn spans_of(&mut self, event: &Event) -> Vec<Span> {
        let now = event.at.0;
        match &event.what {
            What::Started(data) => {
                self.running.insert(data.step.to_string(), (data.attempt, now));
                Vec::new()
            }
            What::Finished(data) => {
                let wrong = |word: &str| SpanStatus::Error(word.to_owned());
                let status = match data.outcome {
                    Outcome::Succeeded => SpanStatus::Ok,
                    Outcome::Cancelled => SpanStatus::Unset,
                    Outcome::Failed => wrong("failed"),
                    Outcome::TimedOut => wrong("timed out"),
                    Outcome::Unknown => wrong("unknown"),
                };
                self.step(data.step.as_str(), now, status).into_iter().collect()
            }
            What::PhaseEntered(data) => {
                let before = self.end_phase(now);
                self.phase = Some((data.phase, now));
                before.into_iter().collect()
            }
            What::Closed(_) => {
                let mut ended: Vec<Span> = self.end_phase(now).into_iter().collect();
                ended.push(self.span(
                    WHOLE.to_owned(),
                    None,
                    format!("incident {}", self.facts.id),
                    (self.opened, now),
                ));
                ended
            }
            _ => Vec::new(),
        }
    }

    fn step(&mut self, id: &str, now: i64, status: SpanStatus) -> Option<Span> {
        let (attempt, from) = self.running.remove(id)?;
        let parent = self.phase_of.get(id).map_or_else(|| WHOLE.to_owned(), |p| format!("phase/{p}"));
        let mut span =
            self.span(format!("step/{id}/{attempt}"), Some(parent), format!("step {id}"), (from, now));
        span.attributes = vec![
            ("backout.step".to_owned(), id.to_owned()),
            ("backout.attempt".to_owned(), attempt.to_string()),
        ];
        span.status = status;
        Some(span)
    }

    fn end_phase(&mut self, now: i64) -> Option<Span> {
        let (index, from) = self.phase.take()?;
        let name =
            usize::try_from(index).ok().and_then(|i| self.facts.phases.get(i)).cloned().unwrap_or_default();
        Some(self.span(
            format!("phase/{index}"),
            Some(WHOLE.to_owned()),
            format!("phase {name}"),
            (from, now),
        ))
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
