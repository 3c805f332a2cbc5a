//! The record and what it commits to, written in the one safe order: parts first, then the events that name them.
//! Never tries again what failed.

use super::draft::Draft;
use crate::core::event::Seen;
use crate::timeline::payload::{PayloadError, Payloads};
use crate::timeline::store::{OpenError, Store, WriteFailed};
use crate::timeline::tree::Head;

/// Writes batches.
#[derive(Debug)]
pub struct Writer {
    store: Store,
    payloads: Payloads,
    over: Option<String>,
}

/// Why a batch is not recorded.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The events.
    #[error(transparent)]
    Events(#[from] WriteFailed),
    /// What they commit to.
    #[error("what the events commit to cannot be kept: {0}")]
    Parts(#[from] PayloadError),
}

impl Trouble {
    /// Whether nothing can be written any more.
    pub fn is_final(&self) -> bool {
        match self {
            Trouble::Events(e) => e.is_final(),
            Trouble::Parts(_) => false,
        }
    }
}

/// A batch that is on disk.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) first: u64,
    /// Lines and seal, exactly as on disk.
    pub(super) text: String,
    pub(super) head: Seen,
}

impl Writer {
    /// Writes with these.
    pub fn new(store: Store, payloads: Payloads) -> Writer {
        Writer { store, payloads, over: None }
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Whether nothing can be written any more.
    pub fn is_over(&self) -> bool {
        self.over.is_some()
    }

    /// Why not; empty while it can be.
    pub fn why(&self) -> &str {
        self.over.as_deref().unwrap_or_default()
    }

    /// Says beside the record that nothing more can be written, if that is so and not said yet.
    pub(super) fn note(&mut self) {
        if self.is_over()
            && let Err(why) = self.store.note()
        {
            tracing::debug!(%why, "how the record ended is not noted yet");
        }
    }

    pub(super) fn append(&mut self, draft: &Draft) -> Result<Sealed, Trouble> {
        if let Some(cause) = self.over.clone() {
            return Err(WriteFailed::Over { last: self.store.head().n, cause }.into());
        }
        if let Err(e) = self.payloads.append(draft.parts()) {
            if e.is_lasting() {
                // What a sync said once it failed is worth nothing any more, here as in the record itself.
                let failed = self.store.fail(&format!("what the events commit to was not kept: {e}"));
                return self.sealed(draft, Err(failed));
            }
            self.take_back();
            return Err(e.into());
        }
        let written = self.store.append(draft.lines());
        if written.is_err() && !draft.parts().is_empty() {
            self.take_back();
        }
        self.sealed(draft, written)
    }

    /// Removes parts whose removal is recorded. Gives how many were still there.
    ///
    /// # Errors
    /// The file cannot be rewritten; it is unchanged then.
    pub fn remove(&mut self, gone: &[(u64, u32)]) -> Result<usize, PayloadError> {
        self.payloads.remove(self.store.folder(), gone)
    }

    /// Drops parts whose events were not written. When even that fails, nothing more can be kept.
    fn take_back(&mut self) {
        match Payloads::open(self.store.folder(), self.store.head().n) {
            Ok(payloads) => self.payloads = payloads,
            Err(e) => {
                let failed = self.store.fail(&format!("what the events commit to cannot be kept: {e}"));
                self.over = Some(failed.to_string());
            }
        }
    }

    /// With the space that is kept for the last events. Parts are left out: their files beside the step's story stay.
    pub(super) fn append_last(&mut self, draft: &Draft) -> Result<Sealed, Trouble> {
        let written = self.store.append_last(draft.lines());
        self.sealed(draft, written)
    }

    fn sealed(&mut self, draft: &Draft, written: Result<Head, WriteFailed>) -> Result<Sealed, Trouble> {
        let head = written.inspect_err(|e| {
            if e.is_final() {
                self.over = Some(e.to_string());
            }
        })?;
        let mut text = String::new();
        for line in draft.lines() {
            text.push_str(&String::from_utf8_lossy(line));
            text.push('\n');
        }
        text.push_str(&self.store.last_seal().line());
        text.push('\n');
        Ok(Sealed { first: draft.first(), text, head: Seen { n: head.n, root: head.root_b64() } })
    }

    /// The first event of a new segment is sealed; see [`Store::settle`].
    ///
    /// # Errors
    /// The new key cannot be put in its place.
    pub fn settle(&mut self) -> Result<(), OpenError> {
        self.store.settle()
    }

    /// Reads everything back once more and ends in order.
    ///
    /// # Errors
    /// The disk does not give back what was written, or the end cannot be noted.
    pub fn close(self) -> Result<Head, OpenError> {
        // After a failure the store has noted its end already, and what the disk says proves nothing.
        if !self.is_over() {
            self.store.read_back()?;
        }
        self.store.close()
    }
}
