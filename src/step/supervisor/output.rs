//! Where a command's output goes: a capped file, a count and a hash. Never blocks the command for long, never grows.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::step::mask::Mask;
use crate::step::record::{self, OutputFacts};

/// One pipe's worth (`pipe(7)`).
const BUFFER: usize = 64 * 1024;
/// Most commands print less, and to clear a large buffer for nothing takes longer than to read twice.
const FIRST: usize = 4 * 1024;

/// The sink of one command.
pub struct Output {
    attempt: PathBuf,
    /// Made when there is something to keep: most commands print nothing.
    file: Option<File>,
    cap: u64,
    total: u64,
    kept: u64,
    hash: Sha256,
    trouble: Option<String>,
    buffer: Vec<u8>,
    mask: Mask,
}

impl Output {
    /// Nothing printed yet. What it keeps, counts and hashes is without the secrets.
    pub fn new(attempt: &Path, cap: u64, mask: Mask) -> Output {
        Output {
            attempt: attempt.to_owned(),
            file: None,
            cap,
            total: 0,
            kept: 0,
            hash: Sha256::new(),
            trouble: None,
            buffer: vec![0; FIRST],
            mask,
        }
    }

    /// Takes one read's worth. `false` at the end of the stream.
    ///
    /// # Errors
    /// The pipe cannot be read.
    pub fn take_from(&mut self, pipe: &mut impl Read) -> io::Result<bool> {
        let read = match pipe.read(&mut self.buffer) {
            Ok(0) => return Ok(false),
            Ok(read) => read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return Ok(true),
            Err(e) => return Err(e),
        };
        if self.mask.is_empty() {
            let buffer = std::mem::take(&mut self.buffer);
            self.keep(buffer.get(..read).unwrap_or(&[]));
            self.buffer = buffer;
        } else {
            let shown = self.mask.feed(self.buffer.get(..read).unwrap_or(&[]));
            self.keep(&shown);
        }
        if read == self.buffer.len() {
            self.buffer.resize(BUFFER, 0);
        }
        Ok(true)
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        self.hash.update(bytes);
        let room = usize::try_from(self.cap - self.kept).unwrap_or(usize::MAX);
        let keep = bytes.get(..room.min(bytes.len())).unwrap_or(bytes);
        // After a full disk the command still runs on: only its output is lost, and that is said.
        if !keep.is_empty() && self.trouble.is_none() {
            match write(&self.attempt, &mut self.file, keep) {
                Ok(()) => self.kept += keep.len() as u64,
                Err(e) => self.trouble = Some(e.to_string()),
            }
        }
    }

    /// Makes what was kept durable and tells about it.
    pub fn finish(mut self) -> OutputFacts {
        let rest = self.mask.rest();
        self.keep(&rest);
        if let Some(file) = &self.file
            && let Err(e) = file.sync_data()
        {
            self.trouble.get_or_insert(e.to_string());
        }
        let sha256 = self.hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
        OutputFacts { total: self.total, kept: self.kept, sha256, trouble: self.trouble }
    }
}

/// Writes to the file, which is made if it was not needed before.
fn write(attempt: &Path, file: &mut Option<File>, bytes: &[u8]) -> io::Result<()> {
    let file = match file {
        Some(file) => file,
        None => file.insert(record::create(attempt, record::OUT)?),
    };
    file.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_cap_is_counted_and_hashed_but_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let mut output = Output::new(&dir.path().join("s.1"), 4, Mask::default());
        let mut pipe: &[u8] = b"abcdef";
        while output.take_from(&mut pipe).unwrap() {}
        let facts = output.finish();
        assert_eq!((facts.total, facts.kept), (6, 4));
        // printf abcdef | sha256sum
        assert_eq!(facts.sha256, "bef57ec7f53a6d40beb640a780a639c83bc29ac8a9816f1fc6c5c6dcd93c4721");
        assert_eq!(std::fs::read(dir.path().join("s.1.out")).unwrap(), b"abcd");
    }

    #[test]
    fn a_full_disk_is_said_and_the_rest_still_counted() {
        let dir = tempfile::tempdir().unwrap();
        let mut output = Output::new(&dir.path().join("s.1"), 100, Mask::default());
        output.file = Some(File::options().write(true).open("/dev/full").unwrap());
        let mut pipe: &[u8] = b"abcdef";
        while output.take_from(&mut pipe).unwrap() {}
        let facts = output.finish();
        assert_eq!((facts.total, facts.kept), (6, 0));
        assert!(facts.trouble.unwrap().contains("No space"));
    }
}
