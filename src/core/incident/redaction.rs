//! What is kept beside the record, as far as its rules need to know: how many parts each event has, which somebody
//! wants removed, and which are. Never holds a part.

use super::Incident;
use crate::core::id::PersonId;
use crate::core::time::Stamp;

/// A removal that one person asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedactionAsk {
    /// Who.
    pub by: PersonId,
    /// The event whose parts they are.
    pub event: u64,
    /// Which.
    pub parts: Vec<u32>,
    /// Why.
    pub reason: String,
    /// Nobody can agree after this.
    pub expires: Stamp,
    /// Fingerprint of the key that signed it.
    pub key: String,
}

impl Incident {
    /// The removal that was asked for last and can still be agreed to.
    pub fn open_redaction(&self, now: Stamp) -> Option<(u64, &RedactionAsk)> {
        self.redaction_asks.iter().rev().find(|(_, a)| now < a.expires).map(|(seq, a)| (*seq, a))
    }

    /// The parts of an event that are still there.
    pub fn parts_left(&self, event: u64) -> Vec<u32> {
        let count = self.parts.get(&event).copied().unwrap_or(0);
        (0..count).filter(|i| !self.redacted.contains_key(&(event, *i))).collect()
    }
}
