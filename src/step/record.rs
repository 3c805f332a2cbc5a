//! The files of one attempt. Never runs anything, never interprets what it reads.
//!
//! ```text
//! job.json        what to run; written by the hub before the supervisor starts. Names of variables, never values
//! started.json    who supervises; only one process ever gets to create it, and it holds a lock on it until the attempt
//!                 is over. Once it runs, the command's process is added as a second line
//! out             output and errors of the command in their order, up to the cap; none when it printed nothing
//! exit.json       how it ended; durable (file and directory synced) before the supervisor goes or waits for long
//! cancel, kill    empty; asks the supervisor to end the command, with and without grace
//! supervisor.log  what the supervisor could not say elsewhere; none when all went well
//! ```
//!
//! Nothing here is removed or replaced while a step goes well: a file system that keeps a journal does not give a
//! freed inode away again for a while, and looks past all of them at every file it makes.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::process::{Identity, LeftBehind};

/// What to run.
pub const JOB: &str = "job.json";
/// Who runs it.
pub const STARTED: &str = "started.json";
/// What it printed.
pub const OUT: &str = "out";
/// How it ended.
pub const EXIT: &str = "exit.json";
/// Ask for an end with grace.
pub const CANCEL: &str = "cancel";
/// Ask for an end at once.
pub const KILL: &str = "kill";
/// The supervisor's own words.
pub const LOG: &str = "supervisor.log";

/// `job.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFile {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Working directory.
    pub cwd: PathBuf,
    /// Names of the variables the runbook set; values come through the environment only.
    pub env: Vec<String>,
    /// Milliseconds until TERM.
    pub timeout_ms: u64,
    /// Milliseconds between TERM and KILL.
    pub grace_ms: u64,
    /// Bytes of output kept.
    pub output_cap: u64,
    /// Boot of the machine it was meant for.
    pub boot_id: String,
}

/// `started.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// Boot of the machine.
    pub boot_id: String,
    /// The supervising process; `None` when the attempt was withdrawn before any began.
    pub supervisor: Option<Identity>,
    /// The command; `None` until it runs. A line of its own in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub child: Option<Identity>,
    /// Microseconds since 1970, UTC.
    pub started_us: i64,
}

/// `exit.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// How it ended.
    pub outcome: Outcome,
    /// Microseconds since 1970, UTC.
    pub started_us: i64,
    /// Microseconds since 1970, UTC.
    pub ended_us: i64,
    /// What it printed.
    pub output: OutputFacts,
    /// Processes that were still there.
    pub left_behind: Vec<LeftBehind>,
}

/// About the command's output.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputFacts {
    /// Bytes printed.
    pub total: u64,
    /// Bytes in `out`; less than `total` when the cap was reached or the disk was full.
    pub kept: u64,
    /// SHA-256 of everything printed, in hex.
    pub sha256: String,
    /// Why not everything under the cap was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// By itself.
    Exited {
        /// The exit code.
        code: i32,
    },
    /// By a signal that was not ours.
    Signalled {
        /// Its number.
        signal: i32,
    },
    /// Time was up.
    TimedOut {
        /// What it took.
        by: By,
    },
    /// Somebody asked.
    Cancelled {
        /// What it took.
        by: By,
    },
    /// There was no command to end.
    CouldNotStart {
        /// A sentence without a final period.
        why: String,
    },
}

/// Which signal was needed to end a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum By {
    /// It went when asked.
    Term,
    /// Something of it had to be killed.
    Kill,
}

/// Now, in microseconds since 1970.
pub fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Reads one of the files; `None` if it is not there, or not whole: it is being written, or a power cut left nothing of
/// it.
///
/// # Errors
/// It cannot be read or is not what it should be.
pub fn read<T: DeserializeOwned>(dir: &Path, name: &str) -> io::Result<Option<T>> {
    match std::fs::read(dir.join(name)) {
        // The line feed is its last byte.
        Ok(bytes) if !bytes.ends_with(b"\n") => Ok(None),
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(io::Error::from),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// Reads `started.json`, with the command if its line is there.
///
/// # Errors
/// It cannot be read or is not what it should be.
pub fn started(dir: &Path) -> io::Result<Option<Started>> {
    let bytes = match std::fs::read(dir.join(STARTED)) {
        Ok(bytes) if bytes.is_empty() => return Ok(None),
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let mut lines = bytes.split_inclusive(|b| *b == b'\n');
    let mut started: Started = serde_json::from_slice(lines.next().unwrap_or_default())?;
    // A line without its end is still being written.
    if let Some(line) = lines.next().filter(|line| line.ends_with(b"\n")) {
        started.child = Some(serde_json::from_slice(line)?);
    }
    Ok(Some(started))
}

/// Whether the one who claimed this file is still at it: alive, and not gone on to something else.
///
/// # Errors
/// It cannot be asked.
pub fn is_held(dir: &Path, name: &str) -> io::Result<bool> {
    let file = File::open(dir.join(name))?;
    // Let go of at once, by closing; shared, so that two who ask do not take each other for the claimant.
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(false),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
        Err(e) => Err(e.into()),
    }
}

/// Adds the command to the `started.json` that [`claim`] gave.
///
/// # Errors
/// It cannot be written.
pub fn add_child(file: &mut File, child: &Identity) -> io::Result<()> {
    file.write_all(&line_of(child)?)
}

/// Writes a file that must not be there yet.
///
/// # Errors
/// It is there already, or cannot be written.
pub fn write_new<T: Serialize>(dir: &Path, name: &str, value: &T) -> io::Result<()> {
    create(dir, name)?.write_all(&line_of(value)?)
}

/// Creates a file that was not there, for this user only.
///
/// # Errors
/// It is there already, or cannot be created.
pub fn create(dir: &Path, name: &str) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(dir.join(name))
}

/// Writes a file that appears whole, and only if there is none yet: `None` when somebody else was first. Whoever gets it
/// holds the lock that [`is_held`] sees, until the file is dropped or the process dies.
///
/// # Errors
/// It cannot be written or locked.
pub fn claim<T: Serialize>(dir: &Path, name: &str, value: &T) -> io::Result<Option<File>> {
    // The pid keeps two claimants from writing the same draft.
    let draft = dir.join(format!("{name}.{}", std::process::id()));
    let file = write_draft(&draft, value)?;
    // Nobody else knows this file yet.
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    match renameat_with(CWD, &draft, CWD, dir.join(name), RenameFlags::NOREPLACE) {
        Ok(()) => Ok(Some(file)),
        Err(e) => {
            std::fs::remove_file(&draft)?;
            if e == rustix::io::Errno::EXIST { Ok(None) } else { Err(e.into()) }
        }
    }
}

/// Writes a file that must not be there yet and that nobody takes for one before it is whole.
///
/// # Errors
/// It is there already, or cannot be written.
pub fn write_last<T: Serialize>(dir: &Path, name: &str, value: &T) -> io::Result<Written> {
    let mut file = create(dir, name)?;
    file.write_all(&line_of(value)?)?;
    Ok(Written { file, dir: dir.to_owned() })
}

/// A file that a power cut may still take back. One may leave the name without the content, which [`read`] takes for no
/// file.
#[derive(Debug)]
#[must_use]
pub struct Written {
    file: File,
    dir: PathBuf,
}

impl Written {
    /// When this returns, it survives a power cut.
    ///
    /// # Errors
    /// The disk does not confirm it.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_all()?;
        File::open(&self.dir)?.sync_all()
    }
}

fn write_draft<T: Serialize>(draft: &Path, value: &T) -> io::Result<File> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(draft)?;
    file.write_all(&line_of(value)?)?;
    Ok(file)
}

/// One write each, so that whoever reads meanwhile finds all of a line or nothing of it.
fn line_of<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_claim_counts() {
        let dir = tempfile::tempdir().unwrap();
        assert!(claim(dir.path(), STARTED, &1).unwrap().is_some());
        assert!(claim(dir.path(), STARTED, &2).unwrap().is_none());
        assert_eq!(read::<i32>(dir.path(), STARTED).unwrap(), Some(1));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no draft stays");
    }

    #[test]
    fn a_claim_is_held_until_it_is_let_go_of() {
        let dir = tempfile::tempdir().unwrap();
        assert!(is_held(dir.path(), STARTED).is_err(), "nobody claimed it");
        let claim = claim(dir.path(), STARTED, &1).unwrap();
        assert!(is_held(dir.path(), STARTED).unwrap());
        assert!(is_held(dir.path(), STARTED).unwrap(), "asking takes nothing away");
        drop(claim);
        assert!(!is_held(dir.path(), STARTED).unwrap());
    }

    #[test]
    fn a_file_that_is_not_whole_is_not_there_yet() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read::<Exit>(dir.path(), EXIT).unwrap(), None);
        let exit = Exit {
            outcome: Outcome::Exited { code: 3 },
            started_us: 1,
            ended_us: 2,
            output: OutputFacts::default(),
            left_behind: Vec::new(),
        };
        write_last(dir.path(), EXIT, &exit).unwrap().sync().unwrap();
        let whole = std::fs::read(dir.path().join(EXIT)).unwrap();
        for cut in 0..whole.len() {
            std::fs::write(dir.path().join(EXIT), whole.get(..cut).unwrap()).unwrap();
            assert_eq!(read::<Exit>(dir.path(), EXIT).unwrap(), None, "{cut} bytes");
        }
        std::fs::write(dir.path().join(EXIT), &whole).unwrap();
        assert_eq!(read::<Exit>(dir.path(), EXIT).unwrap(), Some(exit));
        std::fs::write(dir.path().join(EXIT), b"{\"outcome\":{\"exi\n").unwrap();
        assert!(
            read::<Exit>(dir.path(), EXIT).is_err(),
            "what is whole and nonsense is not taken for nothing"
        );
    }

    #[test]
    fn the_command_is_known_once_its_whole_line_is_there() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(started(dir.path()).unwrap(), None);
        let first = Started { boot_id: "b".to_owned(), supervisor: None, child: None, started_us: 1 };
        let mut file = claim(dir.path(), STARTED, &first).unwrap().unwrap();
        assert_eq!(started(dir.path()).unwrap(), Some(first.clone()));
        let child = Identity { pid: 7, start: 4711 };
        let whole = std::fs::read(dir.path().join(STARTED)).unwrap();
        add_child(&mut file, &child).unwrap();
        let text = std::fs::read(dir.path().join(STARTED)).unwrap();
        for cut in whole.len()..text.len() {
            std::fs::write(dir.path().join(STARTED), text.get(..cut).unwrap()).unwrap();
            assert_eq!(started(dir.path()).unwrap(), Some(first.clone()), "{cut} bytes");
        }
        std::fs::write(dir.path().join(STARTED), &text).unwrap();
        assert_eq!(started(dir.path()).unwrap(), Some(Started { child: Some(child), ..first }));
        std::fs::write(dir.path().join(STARTED), [whole, b"{\n".to_vec()].concat()).unwrap();
        assert!(started(dir.path()).is_err(), "a line that is none is not taken for no line");
    }

    #[test]
    fn the_files_are_for_this_user_only() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        write_last(dir.path(), EXIT, &1).unwrap().sync().unwrap();
        let mode = std::fs::metadata(dir.path().join(EXIT)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn outcomes_read_as_words_in_the_file() {
        let word = |o: Outcome| serde_json::to_string(&o).unwrap();
        assert_eq!(word(Outcome::Exited { code: 3 }), r#"{"exited":{"code":3}}"#);
        assert_eq!(word(Outcome::TimedOut { by: By::Kill }), r#"{"timed_out":{"by":"KILL"}}"#);
    }
}
