//! What the hub tells other systems as it happens: marks on Grafana's charts, OpenTelemetry spans. Never waited for
//! while there is work, and never a reason for anything to fail: what nobody takes is tried again for a while, and then
//! left out and counted.

use crate::core::event::Event;
use crate::core::incident::Incident;
use crate::hub::log::Log;
use crate::hub::outside::board::Board;
use crate::hub::outside::follow::Follower;
use crate::hub::outside::trace::Tracer;
use crate::hub::outside::turn::{Stage, Turn};
use crate::outside::endpoint::Endpoint;
use crate::outside::http::Clients;
use crate::outside::tell::{Hope, Mark, Refusal, Rejected, Span, mark, spans};
use crate::sanitize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// So much waits to be told at most. When it is full, the newest is left out and counted: the record has it all.
const WAITING: usize = 256;
/// So many spans go out together.
const TOGETHER: usize = 64;
/// The longest text of a mark or an attribute, in characters.
const LONGEST: usize = 300;
/// After a failure it is tried again so much later, then after twice as long, and so on.
const AGAIN: Duration = Duration::from_secs(1);
/// The longest pause between two tries.
const PAUSE: Duration = Duration::from_secs(60);
/// After so long nobody tries again.
const PATIENCE: Duration = Duration::from_secs(600);
/// What is still to be told may hold up the end of a hub by so much.
const FAREWELL: Duration = Duration::from_secs(5);

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

/// Those who tell, until the hub ends.
#[derive(Debug, Default)]
pub struct Tellers {
    over: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Tellers {
    /// Nobody is told anything.
    pub fn new() -> Tellers {
        Tellers::default()
    }

    /// Starts telling, as far as somebody is configured to be told.
    pub fn start(&self, listeners: Listeners, means: &Means, log: &Arc<Log>, incident: &Arc<Incident>) {
        let facts = Facts::of(incident);
        let follower = || Follower::new(log.clone(), incident.next_seq);
        if let Some(endpoint) = listeners.grafana {
            let listener = Grafana { endpoint, clients: means.clients.clone() };
            let facts = facts.clone();
            self.tell(listener, means, follower(), move |e| mark_of(&facts, e).into_iter().collect());
        }
        if let Some(endpoint) = listeners.otlp {
            let resource = facts.resource.clone();
            let listener = Collector { endpoint, clients: means.clients.clone(), resource };
            let mut tracer = Tracer::new(facts, incident);
            self.tell(listener, means, follower(), move |e| tracer.spans_of(e));
        }
    }

    fn tell<L: Listener>(
        &self,
        listener: L,
        means: &Means,
        follower: Follower,
        of: impl FnMut(&Event) -> Vec<L::News> + Send + 'static,
    ) {
        let (sender, waiting) = mpsc::channel(WAITING);
        let lost = Arc::new(AtomicUsize::new(0));
        tokio::spawn(watch(follower, sender, lost.clone(), self.over.subscribe(), of));
        let teller =
            Teller { listener, board: means.board.clone(), over: self.over.subscribe(), told: 0, lost };
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.push(tokio::spawn(teller.run(waiting)));
    }

    /// Tells what is still to be told, once, as far as there is time for it.
    pub async fn last(&self) {
        self.over.send_replace(true);
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        let all = async {
            for task in tasks {
                // Whoever broke down tells nothing any more, which is no reason to stay.
                let _ = task.await;
            }
        };
        if tokio::time::timeout(FAREWELL, all).await.is_err() {
            tracing::warn!("not everything was told before the end");
        }
    }
}

/// Somebody who is told.
trait Listener: Send + Sync + 'static {
    /// What they are told.
    type News: Send + Sync;
    /// What they are called.
    const NAME: &'static str;
    /// What it means when they do not take it.
    const NOT_TAKEN: &'static str;
    /// How many at once.
    const TOGETHER: usize;
    /// What it means that they took so many.
    fn taken(count: usize) -> String;
    /// Tells them.
    fn take(&self, news: &[Self::News]) -> impl Future<Output = Result<Rejected, Refusal>> + Send;
}

struct Grafana {
    endpoint: Endpoint,
    clients: Clients,
}

impl Listener for Grafana {
    type News = Mark;
    const NAME: &'static str = "grafana";
    const NOT_TAKEN: &'static str = "a mark was not made";
    const TOGETHER: usize = 1;

    fn taken(count: usize) -> String {
        format!("{count} marks on the charts")
    }

    async fn take(&self, news: &[Mark]) -> Result<Rejected, Refusal> {
        for next in news {
            mark(&self.endpoint, &self.clients, next).await?;
        }
        Ok(Rejected::default())
    }
}

struct Collector {
    endpoint: Endpoint,
    clients: Clients,
    resource: Vec<(String, String)>,
}

impl Listener for Collector {
    type News = Span;
    const NAME: &'static str = "otlp";
    const NOT_TAKEN: &'static str = "spans were not taken";
    const TOGETHER: usize = TOGETHER;

    fn taken(count: usize) -> String {
        format!("{count} spans handed over")
    }

    async fn take(&self, news: &[Span]) -> Result<Rejected, Refusal> {
        spans(&self.endpoint, &self.clients, &self.resource, news).await
    }
}

/// Tells one of them.
struct Teller<L> {
    listener: L,
    board: Arc<Board>,
    over: watch::Receiver<bool>,
    told: usize,
    /// What was left out, here or because too much waited.
    lost: Arc<AtomicUsize>,
}

impl<L: Listener> Teller<L> {
    async fn run(mut self, mut waiting: mpsc::Receiver<L::News>) {
        let mut batch = Vec::with_capacity(L::TOGETHER);
        while waiting.recv_many(&mut batch, L::TOGETHER).await > 0 {
            match self.patiently(&batch).await {
                Ok(rejected) => {
                    self.told += batch.len().saturating_sub(rejected.count);
                    let lost = self.lost.fetch_add(rejected.count, Ordering::Relaxed) + rejected.count;
                    let left_out = if lost > 0 { format!(", {lost} left out") } else { String::new() };
                    let text = format!("{}{left_out}", L::taken(self.told));
                    if rejected.count > 0 {
                        let why = format!(
                            "{}: {} of {}: {}",
                            L::NOT_TAKEN,
                            rejected.count,
                            batch.len(),
                            rejected.why
                        );
                        self.board.trouble(L::NAME, &why).await;
                    } else {
                        self.board.fine(L::NAME, &text).await;
                    }
                }
                Err(why) => {
                    self.lost.fetch_add(batch.len(), Ordering::Relaxed);
                    self.board.trouble(L::NAME, &format!("{}: {why}", L::NOT_TAKEN)).await;
                }
            }
            batch.clear();
        }
    }

    /// Tries until it is taken, hopeless, or too late.
    async fn patiently(&mut self, news: &[L::News]) -> Result<Rejected, String> {
        let begun = Instant::now();
        let mut pause = AGAIN;
        loop {
            let refusal = match self.listener.take(news).await {
                Ok(rejected) => return Ok(rejected),
                Err(refusal) => refusal,
            };
            let late = *self.over.borrow() || begun.elapsed() + pause > PATIENCE;
            if refusal.hope == Hope::Never || late {
                return Err(refusal.why);
            }
            let text = format!("{}, and it is tried again: {}", L::NOT_TAKEN, refusal.why);
            self.board.trouble(L::NAME, &text).await;
            let _ = tokio::time::timeout(pause, self.over.wait_for(|over| *over)).await;
            pause = (pause * 2).min(PAUSE);
        }
    }
}

/// What is said about every incident.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Its id.
    pub id: String,
    /// The names of its phases.
    pub phases: Vec<String>,
    tags: Vec<String>,
    resource: Vec<(String, String)>,
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
    lost: Arc<AtomicUsize>,
    mut over: watch::Receiver<bool>,
    mut of: impl FnMut(&Event) -> Vec<T> + Send,
) {
    loop {
        let events = tokio::select! {
            more = follower.more() => more,
            _ = over.wait_for(|over| *over) => follower.now(),
        };
        let Some(events) = events else { return };
        for told in events.iter().flat_map(&mut of) {
            if sender.try_send(told).is_err() {
                lost.fetch_add(1, Ordering::Relaxed);
                tracing::warn!("too much waits to be told; what is newest is left out");
            }
        }
    }
}

/// The mark of an event, where it is one that a chart's reader looks for.
fn mark_of(facts: &Facts, event: &Event) -> Option<Mark> {
    let stage = match Turn::of(&event.what) {
        Turn::Stage(stage) => stage,
        Turn::Overridden | Turn::Began(..) | Turn::Ended(..) | Turn::Inside => return None,
    };
    let text = match stage {
        Stage::Opened => "incident opened".to_owned(),
        Stage::Declared => "rollback declared".to_owned(),
        Stage::Phase(data) => format!("phase {}", sanitize::line(&data.name)),
        Stage::Mitigated => "mitigated".to_owned(),
        Stage::Resolved => "resolved".to_owned(),
        Stage::Aborted => "aborted".to_owned(),
        Stage::Closed => "incident closed".to_owned(),
    };
    Some(Mark {
        at_micros: event.at.0,
        text: short(&format!("{text} (incident {}, record #{})", facts.id, event.seq)),
        tags: facts.tags.clone(),
    })
}
