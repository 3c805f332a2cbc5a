//! For how long an output has been the same. Never reads a clock: the time of each look is given.

use sha2::{Digest, Sha256};
use std::time::Duration;

/// Follows the looks of one step. Keeps a digest, not the output.
#[derive(Debug, Clone, Default)]
pub struct Unchanged {
    last: Option<([u8; 32], Duration)>,
}

impl Unchanged {
    /// Takes a look at `now` (time since the step started) and answers for how long the output has been the same,
    /// by its own looks. An output that could not be read breaks the row: pass `None`.
    pub fn look(&mut self, now: Duration, output: Option<&[u8]>) -> Duration {
        let Some(output) = output else {
            self.last = None;
            return Duration::ZERO;
        };
        let digest: [u8; 32] = Sha256::digest(output).into();
        match self.last {
            Some((same, since)) if same == digest => now.saturating_sub(since),
            Some(_) | None => {
                self.last = Some((digest, now));
                Duration::ZERO
            }
        }
    }
}
