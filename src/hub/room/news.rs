//! What a batch on disk means for everybody else, handed over in one piece. Never anything that is not on disk.
//!
//! The room has a thread of its own. To tell each who waits from there would wake the other thread once for every one
//! of them; so one task over there is woken, and it tells the others.

use super::draft::Verdict;
use crate::core::incident::Incident;
use crate::hub::log::Log;
use crate::hub::wish::Order;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// So many batches wait to be told at most. When it is full the room waits: telling is quicker than writing.
pub const WAITING: usize = 64;

/// A batch that is on disk and in the log.
#[derive(Debug)]
pub struct News {
    /// The incident right after.
    pub(super) incident: Arc<Incident>,
    /// What became of the acts in it.
    pub(super) verdicts: Vec<Verdict>,
    /// What is to be done now.
    pub(super) orders: Vec<Order>,
}

/// Tells everybody, on the thread where they wait.
#[derive(Debug)]
pub struct Herald {
    /// The sealed record.
    pub log: Arc<Log>,
    /// The incident as its record tells it, after every batch.
    pub incidents: watch::Sender<Arc<Incident>>,
    /// What is to be done.
    pub orders: mpsc::Sender<Order>,
}

impl Herald {
    /// Tells until the room is over and all of it is told.
    pub async fn tell(self, mut news: mpsc::Receiver<News>) {
        while let Some(batch) = news.recv().await {
            self.batch(batch).await;
        }
    }

    /// In this order and without a pause between the first two, so that whoever asked gets the lines with the answer.
    pub(super) async fn batch(&self, News { incident, verdicts, orders }: News) {
        self.log.announce();
        verdicts.into_iter().for_each(Verdict::tell);
        self.incidents.send_replace(incident);
        for order in orders {
            // Waits while the driver is busy handing out; it never waits for this task.
            let _ = self.orders.send(order).await;
        }
    }
}
