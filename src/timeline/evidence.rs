//! Where a record is read from: an incident's folder, or one file that carries all of it.
//!
//! The one file is plain concatenation. First line `backout evidence 1`; then for each file the line
//! `file <name> <bytes> sha256:<hex>`, its bytes and a line feed; last line `end`. Every line ends in a line feed.
//! `dd`, `head -c` and `sha256sum` take it apart. Never reads a name outside the list of an incident's files.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::core::decide::amend;
use crate::core::id::Digest;
use sha2::{Digest as _, Sha256};

use super::amended;
use super::folder::{ANCHORS, PAYLOADS, TIMELINE};
use super::segment::{self, Chain};
use super::tree::parse_size;

/// The first line of an evidence file.
const MAGIC: &str = "backout evidence 1";
/// The files of an incident that evidence carries.
pub const FILES: [&str; 9] = [
    TIMELINE,
    PAYLOADS,
    "runbook.yaml",
    "team.yaml",
    "allowed_signers",
    "revoked_keys",
    "workspace.yaml",
    "metrics.jsonl",
    "narrative.md",
];
/// More files than this are refused.
const MOST_FILES: usize = 20_000;

/// Why evidence cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// A file cannot be read or written.
    #[error("{what}: {why}")]
    Io {
        /// Which.
        what: String,
        /// The system's words.
        why: io::Error,
    },
    /// Neither an incident's folder nor an evidence file.
    #[error("{what} is not evidence: {why}")]
    Form {
        /// Which file.
        what: String,
        /// What is wrong.
        why: &'static str,
    },
    /// The bytes of a carried file are not those that were put in.
    #[error("{name} in the evidence file is not what was put in")]
    Changed {
        /// Which.
        name: String,
    },
}

#[derive(Debug, Clone)]
struct Entry {
    name: String,
    at: u64,
    bytes: u64,
}

/// An incident's files, ready to be read.
#[derive(Debug, Clone)]
pub struct Evidence {
    path: PathBuf,
    // None: a folder.
    entries: Option<Vec<Entry>>,
}

/// A file of the evidence, read as if it stood alone.
#[derive(Debug)]
pub struct Section {
    file: File,
    start: u64,
    bytes: u64,
    at: u64,
}

impl Section {
    /// All of a file, as long as it is now.
    ///
    /// # Errors
    /// The system's.
    pub fn whole(file: File) -> io::Result<Section> {
        let bytes = file.metadata()?.len();
        Ok(Section { file, start: 0, bytes, at: 0 })
    }

    /// How long it is.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.bytes
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }
}

impl Read for Section {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.bytes.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let most = left.min(buf.len());
        let n = self.file.read(buf.get_mut(..most).unwrap_or_default())?;
        self.at += n as u64;
        Ok(n)
    }
}

impl Section {
    /// Goes on reading at this offset.
    ///
    /// # Errors
    /// The system's.
    pub fn go_to(&mut self, at: u64) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.start.saturating_add(at)))?;
        self.at = at;
        Ok(())
    }
}

fn failed(path: &Path, why: io::Error) -> EvidenceError {
    EvidenceError::Io { what: path.display().to_string(), why }
}

fn is_known(name: &str) -> bool {
    let anchor = name.strip_prefix("anchors/").is_some_and(|n| {
        !n.is_empty()
            && !n.starts_with('.')
            && n.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    });
    anchor || FILES.contains(&name) || amended::is_name(name) || segment::of_name(name).is_some()
}

impl Evidence {
    /// Looks at a path: a folder is an incident's folder, anything else an evidence file, whose own digests are
    /// checked here.
    ///
    /// # Errors
    /// Cannot be read, or is neither.
    pub fn open(path: &Path) -> Result<Self, EvidenceError> {
        let about = std::fs::metadata(path).map_err(|e| failed(path, e))?;
        if about.is_dir() {
            return Ok(Evidence { path: path.to_owned(), entries: None });
        }
        let file = File::open(path).map_err(|e| failed(path, e))?;
        let entries = index(path, BufReader::with_capacity(256 * 1024, file))?;
        Ok(Evidence { path: path.to_owned(), entries: Some(entries) })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens one of its files; `None` if it is not there.
    ///
    /// # Errors
    /// The system's.
    pub fn file(&self, name: &str) -> Result<Option<Section>, EvidenceError> {
        let (path, start, length) = match &self.entries {
            None => (self.path.join(name), 0, None),
            Some(entries) => match entries.iter().find(|e| e.name == name) {
                Some(entry) => (self.path.clone(), entry.at, Some(entry.bytes)),
                None => return Ok(None),
            },
        };
        // Asked before opening: a pipe put there would keep the reader waiting for ever.
        match std::fs::metadata(&path) {
            Ok(about) if about.is_file() => {}
            Ok(_) => {
                let why = "it has something else than a file in it";
                return Err(EvidenceError::Form { what: path.display().to_string(), why });
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(failed(&path, e)),
        }
        let mut file = File::open(&path).map_err(|e| failed(&path, e))?;
        let bytes = match length {
            Some(bytes) => bytes,
            None => file.metadata().map_err(|e| failed(&path, e))?.len(),
        };
        file.seek(SeekFrom::Start(start)).map_err(|e| failed(&path, e))?;
        Ok(Some(Section { file, start, bytes, at: 0 }))
    }

    /// Which segments of the record are here, in order; gaps show.
    #[must_use]
    pub fn segments(&self) -> Vec<u64> {
        match &self.entries {
            None => segment::present(&self.path),
            Some(entries) => {
                let mut found: Vec<u64> = entries.iter().filter_map(|e| segment::of_name(&e.name)).collect();
                found.sort_unstable();
                found
            }
        }
    }

    /// The record, from its first event to its last, in however many files it is; up to the first gap. `None` if there
    /// is no first one.
    ///
    /// # Errors
    /// The system's.
    pub fn record(&self) -> Result<Option<Chain>, EvidenceError> {
        let mut parts = Vec::new();
        for (k, there) in (0..).zip(self.segments()) {
            match self.file(&segment::name(k))? {
                Some(part) if k == there => parts.push(part),
                Some(_) | None => break,
            }
        }
        Ok((!parts.is_empty()).then(|| Chain::new(parts)))
    }

    /// The same for whoever cannot do without.
    ///
    /// # Errors
    /// The system's, or there is none.
    pub fn whole_record(&self) -> Result<Chain, EvidenceError> {
        let what = self.path.display().to_string();
        self.record()?.ok_or(EvidenceError::Form { what, why: "there is no timeline.jsonl in it" })
    }

    /// A whole small file, at most 4 MiB of it.
    ///
    /// # Errors
    /// The system's.
    pub fn bytes(&self, name: &str) -> Result<Option<Vec<u8>>, EvidenceError> {
        let Some(section) = self.file(name)? else { return Ok(None) };
        let mut bytes = Vec::new();
        section.take(4 << 20).read_to_end(&mut bytes).map_err(|e| failed(&self.path.join(name), e))?;
        Ok(Some(bytes))
    }

    /// The names of the checkpoints kept beside the record, in order.
    #[must_use]
    pub fn anchors(&self) -> Vec<String> {
        let mut names: Vec<String> = match &self.entries {
            Some(entries) => entries.iter().map(|e| e.name.clone()).collect(),
            None => std::fs::read_dir(self.path.join(ANCHORS))
                .map(|dir| {
                    dir.flatten().map(|e| format!("{ANCHORS}/{}", e.file_name().to_string_lossy())).collect()
                })
                .unwrap_or_default(),
        };
        names.retain(|n| n.starts_with("anchors/") && is_known(n));
        names.truncate(MOST_FILES);
        names.sort();
        names
    }

    /// Writes all of it as one evidence file.
    ///
    /// # Errors
    /// A file cannot be read or the target not written.
    pub fn pack(&self, mut target: impl Write) -> Result<(), EvidenceError> {
        let out = |e| failed(Path::new("the evidence file"), e);
        writeln!(target, "{MAGIC}").map_err(out)?;
        let proposed = (1..=amend::MOST).map(amended::name);
        let segments = self.segments().into_iter().filter(|k| *k > 0).map(segment::name);
        let names =
            FILES.iter().map(|n| (*n).to_owned()).chain(segments).chain(proposed).chain(self.anchors());
        for name in names {
            let Some(mut section) = self.file(&name)? else { continue };
            let path = self.path.join(&name);
            let (bytes, digest) = digest(&mut section).map_err(|e| failed(&path, e))?;
            section.go_to(0).map_err(|e| failed(&path, e))?;
            writeln!(target, "file {name} {bytes} {digest}").map_err(out)?;
            let copied = io::copy(&mut section.take(bytes), &mut target).map_err(out)?;
            if copied != bytes {
                return Err(EvidenceError::Changed { name });
            }
            writeln!(target).map_err(out)?;
        }
        writeln!(target, "end").and_then(|()| target.flush()).map_err(out)
    }
}

fn digest(input: &mut impl Read) -> io::Result<(u64, Digest)> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0u8; 64 * 1024];
    let mut bytes = 0;
    loop {
        let n = input.read(&mut buffer)?;
        if n == 0 {
            return Ok((bytes, Digest(hash.finalize().into())));
        }
        hash.update(buffer.get(..n).unwrap_or_default());
        bytes += n as u64;
    }
}

/// Finds the files in an evidence file and compares each with its digest.
fn index(path: &Path, mut input: BufReader<File>) -> Result<Vec<Entry>, EvidenceError> {
    let form = |why| EvidenceError::Form { what: path.display().to_string(), why };
    let mut entries: Vec<Entry> = Vec::new();
    let mut at = 0u64;
    let line = |input: &mut BufReader<File>, at: &mut u64| -> Result<String, EvidenceError> {
        let mut text = Vec::new();
        let n = input.take(1024).read_until(b'\n', &mut text).map_err(|e| failed(path, e))?;
        *at += n as u64;
        let whole = text.strip_suffix(b"\n").ok_or(form("a line without an end"))?;
        String::from_utf8(whole.to_vec()).map_err(|_| form("a line that is not text"))
    };
    if line(&mut input, &mut at)? != MAGIC {
        return Err(form("it does not begin like an evidence file"));
    }
    loop {
        let head = line(&mut input, &mut at)?;
        if head == "end" {
            return Ok(entries);
        }
        let parts: Vec<&str> = head.split(' ').collect();
        let ["file", name, bytes, sum] = parts.as_slice() else {
            return Err(form("a line that names no file"));
        };
        let bytes = parse_size(bytes).ok_or(form("a size that is no number"))?;
        let taken = entries.iter().any(|e| e.name == *name);
        if !is_known(name) || taken || entries.len() >= MOST_FILES {
            return Err(form("a file that does not belong there"));
        }
        let (found, digest) = digest(&mut (&mut input).take(bytes)).map_err(|e| failed(path, e))?;
        if found != bytes || digest.to_string() != *sum {
            return Err(EvidenceError::Changed { name: (*name).to_owned() });
        }
        entries.push(Entry { name: (*name).to_owned(), at, bytes });
        at += bytes;
        if !line(&mut input, &mut at)?.is_empty() {
            return Err(form("bytes between files"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_carries_a_folder_and_every_changed_byte_shows() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("i");
        std::fs::create_dir_all(folder.join("anchors")).unwrap();
        std::fs::write(folder.join(TIMELINE), "{}\nlines\n").unwrap();
        std::fs::write(folder.join("team.yaml"), "").unwrap();
        std::fs::write(folder.join("anchors/1.note"), "note").unwrap();
        std::fs::write(folder.join("hub.key"), "secret").unwrap();
        let evidence = Evidence::open(&folder).unwrap();
        let packed = place.path().join("packed");
        evidence.pack(File::create(&packed).unwrap()).unwrap();
        let read = Evidence::open(&packed).unwrap();
        for name in [TIMELINE, "team.yaml", "anchors/1.note"] {
            assert_eq!(read.bytes(name).unwrap(), evidence.bytes(name).unwrap(), "{name}");
            assert!(read.bytes(name).unwrap().is_some());
        }
        assert_eq!(read.anchors(), ["anchors/1.note"]);
        assert!(read.file("hub.key").unwrap().is_none());
        // An anchor's file name means nothing, so only contents count.
        let contents = |e: &Evidence| -> Vec<Option<Vec<u8>>> {
            let names = FILES.iter().map(|n| (*n).to_owned()).chain(e.anchors());
            names.map(|n| e.bytes(&n).unwrap()).collect()
        };
        let bytes = std::fs::read(&packed).unwrap();
        assert!(!bytes.windows(6).any(|w| w == b"secret"), "the key stays at home");
        for at in 0..bytes.len() {
            let mut bent = bytes.clone();
            bent[at] ^= 1;
            std::fs::write(&packed, &bent).unwrap();
            let other = Evidence::open(&packed).is_ok_and(|e| contents(&e) != contents(&evidence));
            assert!(!other, "byte {at}");
        }
    }

    #[test]
    fn a_folder_in_the_place_of_a_file_is_refused() {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir(place.path().join(TIMELINE)).unwrap();
        let evidence = Evidence::open(place.path()).unwrap();
        assert!(matches!(evidence.file(TIMELINE), Err(EvidenceError::Form { .. })));
        assert!(evidence.file("team.yaml").unwrap().is_none());
    }

    #[test]
    fn a_section_reads_no_further_than_its_end_and_goes_back() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join(TIMELINE), "abcdef").unwrap();
        std::fs::write(place.path().join("team.yaml"), "people").unwrap();
        let packed = place.path().join("packed");
        Evidence::open(place.path()).unwrap().pack(File::create(&packed).unwrap()).unwrap();
        let mut section = Evidence::open(&packed).unwrap().file(TIMELINE).unwrap().unwrap();
        let mut text = String::new();
        section.read_to_string(&mut text).unwrap();
        section.go_to(4).unwrap();
        section.read_to_string(&mut text).unwrap();
        assert_eq!(text, "abcdefef");
    }
}
