//! The sealed record as a stream of events, for those who act on it outside the room.
//! Never ahead of the disk, and never a reason for the room to wait.

use crate::core::event::Event;
use crate::hub::log::{Log, events};
use std::sync::Arc;
use tokio::sync::watch;

/// So many bytes are taken at once.
const MOST: usize = 1024 * 1024;

/// A place in the record.
#[derive(Debug)]
pub struct Follower {
    log: Arc<Log>,
    head: watch::Receiver<u64>,
    next: u64,
}

impl Follower {
    /// Whoever has the events before `next` and wants the rest.
    pub fn new(log: Arc<Log>, next: u64) -> Follower {
        let head = log.watch();
        Follower { log, head, next }
    }

    /// The next events, as soon as there are any. `None` when there will never be any.
    pub async fn more(&mut self) -> Option<Vec<Event>> {
        loop {
            self.head.borrow_and_update();
            if let Some(events) = self.now() {
                return Some(events);
            }
            self.head.changed().await.ok()?;
        }
    }

    /// The next events, when there are any already.
    pub fn now(&mut self) -> Option<Vec<Event>> {
        let run = self.log.from(self.next, MOST)?;
        let next = self.next;
        self.next = run.next;
        Some(events(&run.text).filter(|event| event.seq >= next).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::event::Seen;
    use std::time::Duration;

    #[tokio::test]
    async fn a_follower_waits_for_what_is_not_there_yet() {
        let log = Arc::new(Log::new());
        let mut follower = Follower::new(log.clone(), 0);
        let waiting = tokio::time::timeout(Duration::from_millis(20), follower.more()).await;
        assert!(waiting.is_err());
        let line = "{\"seal\":{}}\n";
        log.push(0, line, Seen { n: 1, root: String::new() });
        // A batch whose events cannot be read is passed over and not waited for again.
        assert_eq!(follower.more().await, Some(Vec::new()));
        let waiting = tokio::time::timeout(Duration::from_millis(20), follower.more()).await;
        assert!(waiting.is_err());
    }
}
