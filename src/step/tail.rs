//! Follows a command's output while it grows. Never reads what was read before, never interprets it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::record;
use super::runner::{Standing, StepError, ended, inspect};

/// Bytes handed over at once, at most.
const CHUNK: usize = 64 * 1024;

/// How late a reader may be. One small read each time; the end of the command is noticed at once all the same.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A reader's place in one command's output.
#[derive(Debug)]
pub struct Tail {
    attempt: PathBuf,
    file: Option<File>,
    offset: u64,
    last_look: bool,
}

/// Follows the output of an attempt, from a byte offset on.
pub fn tail(attempt: &Path, from_offset: u64) -> Tail {
    Tail { attempt: attempt.to_owned(), file: None, offset: from_offset, last_look: false }
}

impl Tail {
    /// The next bytes; `None` when the attempt has ended, or is lost, and all was read. Cancelling loses nothing.
    ///
    /// # Errors
    /// The output cannot be read.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, StepError> {
        loop {
            let bytes = self.read().map_err(|e| StepError::Files(self.out(), e))?;
            if !bytes.is_empty() {
                self.offset += bytes.len() as u64;
                return Ok(Some(bytes));
            }
            if self.last_look {
                return Ok(None);
            }
            match inspect(&self.attempt) {
                Standing::Running { supervisor, .. } => {
                    tokio::select! {
                        () = ended(supervisor) => {}
                        () = self.grown() => {}
                    }
                }
                // Once more: something may have been written before the end was.
                Standing::NotStarted | Standing::Ended(_) | Standing::Lost { .. } => self.last_look = true,
            }
        }
    }

    /// Where the next bytes start.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// There is more, or there will be no more: the supervisor may live on for another attempt.
    async fn grown(&self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if record::read(&self.attempt).is_ok_and(|story| story.is_none_or(|story| story.exit.is_some())) {
                return;
            }
            let length = self.file.as_ref().and_then(|file| file.metadata().ok()).map(|m| m.len());
            if length.is_none_or(|length| length > self.offset) {
                return;
            }
        }
    }

    fn out(&self) -> PathBuf {
        record::file(&self.attempt, record::OUT)
    }

    fn read(&mut self) -> io::Result<Vec<u8>> {
        if self.file.is_none() {
            match File::open(self.out()) {
                Ok(file) => self.file = Some(file),
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                Err(e) => return Err(e),
            }
        }
        let Some(file) = &self.file else { return Ok(Vec::new()) };
        let mut bytes = vec![0; CHUNK];
        let read = file.read_at(&mut bytes, self.offset)?;
        bytes.truncate(read);
        Ok(bytes)
    }
}
