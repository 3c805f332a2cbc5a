//! Asks one metric again and again in a task of its own. Never has two questions open, never waits for another
//! metric, never blocks who looks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};

use super::series::{Sample, Series};
use super::source::Source;
use crate::runbook::model::Metric;

/// Shorter intervals than this are stretched: nobody reads faster, and the source has other guests.
pub const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

/// What a poller knows. Readers borrow it; only the newest state exists, so nothing queues up.
#[derive(Debug, Clone, PartialEq)]
pub struct Watched {
    /// The history.
    pub series: Series,
    /// The source's remarks on the newest answer.
    pub warnings: Vec<String>,
    /// Why there is no history from before the start, when the source should have had some.
    pub backfill_failed: Option<String>,
    /// How many questions were asked.
    pub asked: u64,
}

/// A running poller; ends when dropped.
#[derive(Debug)]
pub struct Poller {
    metric: Metric,
    watched: watch::Receiver<Watched>,
    task: JoinHandle<()>,
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Poller {
    /// Starts polling on the current tokio runtime.
    pub fn start(metric: Metric, source: Source) -> Self {
        let every = metric.every.max(SHORTEST_INTERVAL);
        let watched =
            Watched { series: Series::new(every), warnings: Vec::new(), backfill_failed: None, asked: 0 };
        let (sender, receiver) = watch::channel(watched);
        let query = metric.query.clone();
        let task = tokio::spawn(run(sender, source, query, every));
        Poller { metric, watched: receiver, task }
    }

    /// What is polled.
    pub fn metric(&self) -> &Metric {
        &self.metric
    }

    /// The newest state. Short to hold: the task waits for it when it has something to add.
    pub fn watched(&self) -> watch::Ref<'_, Watched> {
        self.watched.borrow()
    }

    /// A receiver that wakes up at each new sample.
    pub fn subscribe(&self) -> watch::Receiver<Watched> {
        self.watched.clone()
    }
}

async fn run(sender: watch::Sender<Watched>, source: Source, query: String, every: Duration) {
    backfill(&sender, &source, &query, every).await;
    let mut interval = tokio::time::interval_at(Instant::now(), every);
    // After a slow answer the next question comes at the next regular moment, not in a burst.
    interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while !sender.is_closed() {
        interval.tick().await;
        let answered = source.query(&query, now_micros()).await;
        let at_micros = now_micros();
        sender.send_modify(|watched| {
            watched.series.push(Sample { at_micros, value: answered.reading });
            watched.warnings = answered.warnings;
            watched.asked += 1;
        });
    }
}

async fn backfill(sender: &watch::Sender<Watched>, source: &Source, query: &str, every: Duration) {
    let to = now_micros();
    let past = i64::try_from(Series::HISTORY.as_micros()).unwrap_or(0);
    match source.backfill(query, to.saturating_sub(past), to, every).await {
        Ok(samples) => sender.send_modify(|watched| {
            for sample in samples {
                watched.series.push(sample);
            }
        }),
        Err(trouble) => sender.send_modify(|watched| watched.backfill_failed = Some(trouble.0)),
    }
}

/// Microseconds since the Unix epoch.
fn now_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
