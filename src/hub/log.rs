//! The sealed record in memory, for everybody who follows it. Never holds a batch that is not on disk.
//!
//! There is one log and no queue per client: each client has its place in it and is woken when there is more.

use crate::core::event::{Choice, Event, Seen, What};
use crate::timeline::{codec, seal};
use crate::wire::act::Part;
use crate::wire::frame::{self, FrameError};
use crate::wire::message::FromHub;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::sync::watch;

/// One sealed batch.
#[derive(Debug, Clone)]
struct Batch {
    /// Index of its first event.
    first: u64,
    /// Its lines and its seal, each with its line feed.
    text: Arc<str>,
    /// The head it seals.
    head: Seen,
}

/// Everything that is sealed.
#[derive(Debug)]
pub struct Log {
    batches: RwLock<Vec<Batch>>,
    said: RwLock<BTreeMap<u64, Vec<Part>>>,
    newest: Mutex<Option<Arc<Newest>>>,
    head: watch::Sender<u64>,
}

/// The newest batch, ready to be sent.
#[derive(Debug)]
pub struct Newest {
    /// Index of its first event.
    pub first: u64,
    /// Where to go on.
    pub next: u64,
    /// Its frames: what its events say, then its lines.
    pub frames: Vec<u8>,
}

/// A run of whole batches.
#[derive(Debug, PartialEq, Eq)]
pub struct Run {
    /// Index of the first event in it.
    pub first: u64,
    /// The bytes.
    pub text: String,
    /// Where to go on.
    pub next: u64,
}

/// Whether what an event commits to is words that people in the room may read: notes and messages, not output.
pub fn speaks(what: &What) -> bool {
    let proposes = matches!(what, What::Decided(d) if matches!(d.choice, Choice::Amend(_)));
    proposes || matches!(what, What::Noted(_) | What::Sent(_) | What::Started(_) | What::Asked(_))
}

impl Default for Log {
    fn default() -> Self {
        Log {
            batches: RwLock::default(),
            said: RwLock::default(),
            newest: Mutex::default(),
            head: watch::Sender::new(0),
        }
    }
}

impl Log {
    /// An empty log.
    pub fn new() -> Log {
        Log::default()
    }

    /// Adds a batch that is on disk, and wakes everybody.
    pub fn push(&self, first: u64, text: &str, head: Seen) {
        self.keep(first, text, head);
        self.announce();
    }

    /// Adds a batch that is on disk. Whoever waits is woken by [`announce`](Self::announce).
    pub fn keep(&self, first: u64, text: &str, head: Seen) {
        let mut batches = self.batches.write().unwrap_or_else(PoisonError::into_inner);
        batches.push(Batch { first, text: text.into(), head });
    }

    /// Wakes everybody who has not heard of the newest batch.
    pub fn announce(&self) {
        let n = self.head().map_or(0, |head| head.n);
        self.head.send_if_modified(|heard| std::mem::replace(heard, n) != n);
    }

    /// Keeps what an event says for those who follow. Before its batch is pushed.
    pub fn say(&self, seq: u64, part: Part) {
        let mut said = self.said.write().unwrap_or_else(PoisonError::into_inner);
        said.entry(seq).or_default().push(part);
    }

    /// Says nothing any more of an event whose parts were removed.
    pub fn forget(&self, seq: u64) {
        let mut said = self.said.write().unwrap_or_else(PoisonError::into_inner);
        said.remove(&seq);
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The newest batch for a reader who has everything before it: written once, whoever asks first, for all of them.
    ///
    /// # Errors
    /// When it does not fit a frame.
    pub fn newest(&self, from: u64) -> Result<Option<Arc<Newest>>, FrameError> {
        // Held while it is made, so that fifty readers do not make it fifty times.
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if self.len() == from {
            return Ok(None);
        }
        if let Some(made) = newest.as_ref().filter(|n| n.first == from && n.next == self.len()) {
            return Ok(Some(made.clone()));
        }
        let batches = self.batches.read().unwrap_or_else(PoisonError::into_inner);
        let Some(last) = batches.last().filter(|b| b.first == from) else { return Ok(None) };
        let (text, next) = (last.text.to_string(), last.head.n);
        drop(batches);
        let mut frames = Vec::new();
        for (seq, parts) in self.said(from..next) {
            frame::append(&mut frames, &FromHub::Said { seq, parts }, frame::FROM_HUB)?;
        }
        frame::append(&mut frames, &FromHub::Lines { from, text }, frame::FROM_HUB)?;
        let made = Arc::new(Newest { first: from, next, frames });
        *newest = Some(made.clone());
        Ok(Some(made))
    }

    /// What the events of this range say.
    pub fn said(&self, events: Range<u64>) -> Vec<(u64, Vec<Part>)> {
        let said = self.said.read().unwrap_or_else(PoisonError::into_inner);
        said.range(events).map(|(seq, parts)| (*seq, parts.clone())).collect()
    }

    /// Wakes up at every new batch; its value is the number of events.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    /// The number of events.
    pub fn len(&self) -> u64 {
        *self.head.borrow()
    }

    /// Whether nothing is sealed yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The newest head; `None` while nothing is sealed.
    pub fn head(&self) -> Option<Seen> {
        let batches = self.batches.read().unwrap_or_else(PoisonError::into_inner);
        batches.last().map(|b| b.head.clone())
    }

    /// Whether this record ever had this head.
    pub fn had(&self, seen: &Seen) -> bool {
        let batches = self.batches.read().unwrap_or_else(PoisonError::into_inner);
        let found = batches.binary_search_by_key(&seen.n, |b| b.head.n).ok();
        found.and_then(|i| batches.get(i)).is_some_and(|b| &b.head == seen)
    }

    /// Whole batches from the one that holds event `from` on: as many as fit into `most` bytes, and at least one.
    pub fn from(&self, from: u64, most: usize) -> Option<Run> {
        let batches = self.batches.read().unwrap_or_else(PoisonError::into_inner);
        let start = batches.partition_point(|b| b.head.n <= from);
        let first = batches.get(start)?;
        let mut run = Run { first: first.first, text: String::new(), next: from };
        for batch in batches.iter().skip(start) {
            if !run.text.is_empty() && run.text.len() + batch.text.len() > most {
                break;
            }
            run.text.push_str(&batch.text);
            run.next = batch.head.n;
        }
        Some(run)
    }

    /// Every batch's text, oldest first.
    pub fn texts(&self) -> Vec<Arc<str>> {
        let batches = self.batches.read().unwrap_or_else(PoisonError::into_inner);
        batches.iter().map(|b| b.text.clone()).collect()
    }
}

/// The events of a sealed batch's text.
pub fn events(text: &str) -> impl Iterator<Item = Event> {
    text.lines()
        .map(str::as_bytes)
        .filter(|line| !seal::begins(line))
        // Every line was written by us or read back and checked.
        .filter_map(|line| codec::decode(line).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> Log {
        let log = Log::new();
        for (first, n) in [(0, 1), (1, 3), (3, 4)] {
            log.push(first, &format!("batch {n};"), Seen { n, root: format!("root {n}") });
        }
        log
    }

    #[test]
    fn a_reader_gets_whole_batches_from_its_place_on() {
        let log = log();
        assert_eq!(log.from(1, 1000), Some(Run { first: 1, text: "batch 3;batch 4;".to_owned(), next: 4 }));
        assert_eq!(log.from(2, 1000).unwrap().first, 1, "inside a batch the whole batch comes again");
        assert_eq!(log.from(0, 1), Some(Run { first: 0, text: "batch 1;".to_owned(), next: 1 }));
        assert_eq!(log.from(4, 1000), None);
    }

    #[test]
    fn the_newest_batch_is_written_once_for_all_who_are_up_to_date() {
        let log = log();
        let newest = log.newest(3).unwrap().unwrap();
        assert_eq!((newest.first, newest.next), (3, 4));
        assert!(String::from_utf8_lossy(&newest.frames).contains("batch 4;"));
        assert!(Arc::ptr_eq(&newest, &log.newest(3).unwrap().unwrap()));
        assert!(log.newest(1).unwrap().is_none(), "who is behind is served from the whole log");
        assert!(log.newest(4).unwrap().is_none(), "there is no more");
        log.say(3, Part { salt: "salt".to_owned(), data: "words".to_owned() });
        log.forget(3);
        let again = log.newest(3).unwrap().unwrap();
        assert!(!Arc::ptr_eq(&newest, &again), "what was removed is not sent from memory");
        log.push(4, "batch 5;", Seen { n: 5, root: "root 5".to_owned() });
        assert!(log.newest(3).unwrap().is_none());
        assert_eq!(log.newest(4).unwrap().unwrap().next, 5);
    }

    #[test]
    fn only_sealed_heads_are_known() {
        let log = log();
        let seen = |n: u64, root: &str| Seen { n, root: root.to_owned() };
        assert!(log.had(&seen(3, "root 3")));
        assert!(!log.had(&seen(3, "root 4")), "another root");
        assert!(!log.had(&seen(2, "root 2")), "not a seal");
        assert!(!log.had(&seen(9, "root 9")), "not yet");
        assert_eq!(log.head(), Some(seen(4, "root 4")));
    }
}
