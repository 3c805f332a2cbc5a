//! Long or private parts that events only commit to: outputs, messages, tables. They can be removed later without
//! breaking the record.
//!
//! A part's commitment is keyed with its own random salt, so that nobody can guess a removed part from it. Never
//! writes a part after its event: an event on disk always finds what it commits to.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::folder::{Folder, FolderError, PAYLOADS};

/// The most bytes of one part; longer things are cut into several.
pub const MAX_PART: usize = 256 * 1024;
/// A line of the file holds one part in base64 and its place.
const MAX_LINE: u64 = (MAX_PART as u64).div_ceil(3) * 4 + 256;

/// What an event holds instead of a part.
pub type Commitment = [u8; 32];

/// The commitment to a part: `HMAC-SHA-256(salt, "backout/payload/v1\0" || data)`.
#[must_use]
pub fn commit(salt: &[u8; 32], data: &[u8]) -> Commitment {
    // HMAC takes keys of any length, so a fixed one cannot be refused.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(salt) else { return [0; 32] };
    mac.update(b"backout/payload/v1\0");
    mac.update(data);
    mac.finalize().into_bytes().into()
}

/// One removable part of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The event it belongs to.
    pub seq: u64,
    /// Which of its parts, from 0.
    pub i: u32,
    /// Random, of its own.
    pub salt: [u8; 32],
    /// The bytes.
    pub data: Vec<u8>,
}

/// Why payloads cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// The file cannot be trusted, read or written.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The system has no randomness.
    #[error("no randomness: {0}")]
    Random(#[from] getrandom::Error),
    /// A part of more than [`MAX_PART`] bytes.
    #[error("a part of {0} bytes is too long")]
    TooLong(usize),
    /// A line that is not a part.
    #[error("line {line} of payloads.jsonl is not a part")]
    Line {
        /// From 1.
        line: u64,
    },
    /// A line out of order.
    #[error("line {line} of payloads.jsonl is out of order")]
    Order {
        /// From 1.
        line: u64,
    },
    /// Reading failed.
    #[error("payloads.jsonl: {0}")]
    Io(#[from] io::Error),
}

impl PayloadError {
    /// Whether the disk failed, so that nothing it says about the file counts any more. A full disk has not failed.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        let failed = |why: &io::Error| {
            !matches!(
                why.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
            )
        };
        match self {
            PayloadError::Io(why) | PayloadError::Folder(FolderError::Io { why, .. }) => failed(why),
            PayloadError::Folder(_)
            | PayloadError::Random(_)
            | PayloadError::TooLong(_)
            | PayloadError::Line { .. }
            | PayloadError::Order { .. } => false,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<'a> {
    seq: u64,
    i: u32,
    salt: &'a str,
    data: &'a str,
}

impl Part {
    /// A part with a fresh salt.
    ///
    /// # Errors
    /// Too long, or no randomness.
    pub fn new(seq: u64, i: u32, data: Vec<u8>) -> Result<Self, PayloadError> {
        if data.len() > MAX_PART {
            return Err(PayloadError::TooLong(data.len()));
        }
        let mut salt = [0u8; 32];
        getrandom::fill(&mut salt)?;
        Ok(Part { seq, i, salt, data })
    }

    /// What the event holds.
    #[must_use]
    pub fn commitment(&self) -> Commitment {
        commit(&self.salt, &self.data)
    }

    /// The same as text, for the event's `payload` list.
    #[must_use]
    pub fn commitment_b64(&self) -> String {
        B64.encode(self.commitment())
    }

    fn line(&self) -> String {
        let (salt, data) = (B64.encode(self.salt), B64.encode(&self.data));
        format!(r#"{{"seq":{},"i":{},"salt":"{salt}","data":"{data}"}}"#, self.seq, self.i)
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let written: Written<'_> = serde_json::from_slice(line).ok()?;
        let data = B64.decode(written.data).ok()?;
        let salt = B64.decode(written.salt).ok()?.try_into().ok()?;
        Some(Part { seq: written.seq, i: written.i, salt, data })
    }
}

/// Reads parts front to back; memory stays at one part.
#[derive(Debug)]
pub struct Parts<R> {
    input: R,
    line: Vec<u8>,
    number: u64,
    last: Option<(u64, u32)>,
    end: u64,
}

impl<R: BufRead> Parts<R> {
    /// From the beginning of a file.
    pub fn new(input: R) -> Self {
        Parts { input, line: Vec::new(), number: 0, last: None, end: 0 }
    }

    /// The next part, in the order of events; `None` at the end.
    ///
    /// # Errors
    /// A line that is no part or out of order.
    // An iterator could not say how far it read.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Part>, PayloadError> {
        self.line.clear();
        let read = (&mut self.input).take(MAX_LINE).read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        let line = self.number;
        let whole = self.line.strip_suffix(b"\n");
        let part = whole.and_then(Part::parse).ok_or(PayloadError::Line { line })?;
        let place = (part.seq, part.i);
        if self.last.is_some_and(|last| last >= place) {
            return Err(PayloadError::Order { line });
        }
        self.last = Some(place);
        self.end += read as u64;
        Ok(Some(part))
    }
}

/// The payloads of one incident, for its writer. Lives inside the lock of the timeline's writer.
#[derive(Debug)]
pub struct Payloads {
    file: File,
}

impl Payloads {
    /// Opens or makes the file. Parts of events that were never sealed (`seq` of `events` or more) are dropped, and
    /// so is a torn last line: their events do not exist.
    ///
    /// # Errors
    /// The file cannot be trusted, or is damaged before its end.
    pub fn open(folder: &Folder, events: u64) -> Result<Self, PayloadError> {
        let file = folder.file(PAYLOADS, OFlags::RDWR | OFlags::CREATE | OFlags::APPEND)?;
        let length = file.metadata()?.len();
        let mut parts = Parts::new(BufReader::new(folder.read(PAYLOADS)?));
        let keep = loop {
            let before = parts.end;
            match parts.next() {
                Ok(Some(part)) if part.seq < events => {}
                Ok(_) => break before,
                // Only the last line can be torn; anything else was not us.
                Err(PayloadError::Line { .. }) if before + parts.line.len() as u64 == length => break before,
                Err(e) => return Err(e),
            }
        };
        if keep != length {
            file.set_len(keep)?;
            file.sync_data()?;
        }
        folder.sync()?;
        Ok(Payloads { file })
    }

    /// Writes and syncs parts, in order, before the event that commits to them is appended.
    ///
    /// # Errors
    /// The write or the sync failed. Then the event must not be written.
    pub fn append(&mut self, parts: &[Part]) -> Result<(), PayloadError> {
        if parts.is_empty() {
            return Ok(());
        }
        let lines: String = parts.iter().map(|p| p.line() + "\n").collect();
        self.file.write_all(lines.as_bytes())?;
        self.file.sync_data()?;
        Ok(())
    }

    /// Removes parts, salt and data, once the event that says so is recorded. Gives how many were there.
    ///
    /// # Errors
    /// The file cannot be rewritten; the old one is then unchanged.
    pub fn remove(&mut self, folder: &Folder, gone: &[(u64, u32)]) -> Result<usize, PayloadError> {
        let mut parts = Parts::new(BufReader::new(folder.read(PAYLOADS)?));
        let mut removed = 0;
        let mut failed = None;
        folder
            .replace(PAYLOADS, |target| {
                let mut target = io::BufWriter::new(target);
                loop {
                    match parts.next() {
                        Ok(Some(part)) if gone.contains(&(part.seq, part.i)) => removed += 1,
                        Ok(Some(part)) => writeln!(target, "{}", part.line())?,
                        Ok(None) => return target.flush(),
                        Err(e) => {
                            failed = Some(e);
                            return Err(io::ErrorKind::InvalidData.into());
                        }
                    }
                }
            })
            .map_err(|e| failed.unwrap_or(PayloadError::Folder(e)))?;
        self.file = folder.file(PAYLOADS, OFlags::RDWR | OFlags::APPEND)?;
        Ok(removed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::folder::FileSystems;

    fn folder() -> (tempfile::TempDir, Folder) {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::create(&place.path().join("i"), FileSystems::Any).unwrap();
        (place, folder)
    }

    fn all(folder: &Folder) -> Vec<(u64, u32)> {
        let mut parts = Parts::new(BufReader::new(folder.read(PAYLOADS).unwrap()));
        std::iter::from_fn(|| parts.next().unwrap()).map(|p| (p.seq, p.i)).collect()
    }

    #[test]
    fn the_published_commitment_is_ours() {
        let data = br#"{"stdout":"token=hunter2\n"}"#;
        assert_eq!(B64.encode(commit(&[7; 32], data)), "qwy+asgwRuHItYv07R7ERHCiPddZo7riMPHPCEskimM=");
    }

    #[test]
    fn equal_parts_have_different_commitments() {
        let one = Part::new(1, 0, b"yes".to_vec()).unwrap();
        let two = Part::new(1, 1, b"yes".to_vec()).unwrap();
        assert_ne!(one.commitment(), two.commitment());
        assert!(matches!(Part::new(1, 0, vec![0; MAX_PART + 1]), Err(PayloadError::TooLong(_))));
    }

    #[test]
    fn parts_read_back_and_removed_ones_are_gone_with_their_salt() {
        let (_place, folder) = folder();
        let mut payloads = Payloads::open(&folder, 0).unwrap();
        let parts: Vec<Part> = [(1, 0), (1, 1), (4, 0)]
            .into_iter()
            .map(|(seq, i)| Part::new(seq, i, format!("secret {seq} {i}").into_bytes()).unwrap())
            .collect();
        payloads.append(&parts).unwrap();
        assert_eq!(all(&folder), [(1, 0), (1, 1), (4, 0)]);
        assert_eq!(payloads.remove(&folder, &[(1, 1), (9, 0)]).unwrap(), 1);
        assert_eq!(all(&folder), [(1, 0), (4, 0)]);
        let text = folder.text(PAYLOADS).unwrap();
        assert!(!text.contains(&B64.encode(parts[1].salt)) && !text.contains(&B64.encode(&parts[1].data)));
        payloads.append(&[Part::new(5, 0, Vec::new()).unwrap()]).unwrap();
        assert_eq!(all(&folder), [(1, 0), (4, 0), (5, 0)], "writing goes on in the new file");
    }

    #[test]
    fn parts_of_events_that_were_never_sealed_are_dropped_at_opening() {
        let (_place, folder) = folder();
        let mut payloads = Payloads::open(&folder, 0).unwrap();
        payloads
            .append(&[Part::new(0, 0, b"a".to_vec()).unwrap(), Part::new(3, 0, b"b".to_vec()).unwrap()])
            .unwrap();
        payloads.file.write_all(b"{\"seq\":3,\"i\":1,\"sa").unwrap();
        Payloads::open(&folder, 4).unwrap();
        assert_eq!(all(&folder), [(0, 0), (3, 0)]);
        Payloads::open(&folder, 3).unwrap();
        assert_eq!(all(&folder), [(0, 0)]);
    }

    #[test]
    fn lines_out_of_order_or_of_another_form_are_refused() {
        let line = |seq: u64, i: u32| Part::new(seq, i, vec![]).unwrap().line() + "\n";
        let read = |text: String| {
            let mut parts = Parts::new(io::Cursor::new(text));
            std::iter::from_fn(|| parts.next().transpose()).find_map(Result::err)
        };
        assert!(read(line(1, 0) + &line(1, 1)).is_none());
        assert!(matches!(read(line(1, 1) + &line(1, 0)), Some(PayloadError::Order { line: 2 })));
        assert!(matches!(read(line(1, 0) + &line(1, 0)), Some(PayloadError::Order { line: 2 })));
        assert!(matches!(read(line(1, 0).replace("\"i\"", "\"j\"")), Some(PayloadError::Line { line: 1 })));
        assert!(matches!(read(line(1, 0).trim_end().to_owned()), Some(PayloadError::Line { line: 1 })));
    }
}
