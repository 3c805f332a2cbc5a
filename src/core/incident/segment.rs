//! The pieces a record is written in: one, unless a disk failed. Never knows files or keys, only their names.

use super::Incident;
use crate::core::event::Continued;

/// Where the record went on after a disk failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its name, which its seals sign.
    pub log: String,
    /// Base64 of the key that seals it.
    pub hub_key: String,
    /// Its first event.
    pub first: u64,
    /// Why the one before ended.
    pub cause: String,
}

impl Incident {
    /// The record goes on in a segment that begins with event `first`.
    pub(in crate::core) fn go_on(&mut self, data: &Continued, first: u64) {
        let Continued { log, hub_key, cause, .. } = data.clone();
        self.segments.push(Segment { log, hub_key, first, cause });
    }

    /// The name under which the newest segment is sealed. What people sign names [`log`](Self::log), whichever it is.
    pub fn segment_log(&self) -> &str {
        self.segments.last().map_or(self.log(), |s| s.log.as_str())
    }

    /// Base64 of the key that seals the newest segment; empty before the first event.
    pub fn hub_key(&self) -> &str {
        let first = self.opened.as_ref().map_or("", |o| o.hub_key.as_str());
        self.segments.last().map_or(first, |s| s.hub_key.as_str())
    }

    /// The name of the segment that would come next.
    pub fn next_segment_log(&self) -> String {
        format!("{}/seg{}", self.log(), self.segments.len() + 1)
    }

    /// Every key that ever sealed this record, oldest first.
    pub fn sealing_keys(&self) -> impl Iterator<Item = &str> {
        let first = self.opened.iter().map(|o| o.hub_key.as_str());
        first.chain(self.segments.iter().map(|s| s.hub_key.as_str()))
    }
}
