//! What is written down about one attempt. Never runs anything, never interprets what it reads.
//!
//! An attempt is a place, `steps/STEP.N`, and its files are that place with an ending:
//!
//! ```text
//! jsonl           one line for each thing that happened to it; see below
//! out             output and errors of the command in their order, up to the cap; none when it printed nothing
//! cancel, kill    empty; asks the supervisor to end the command, with and without grace
//! progress        where the command may say how far it is
//! log             what the supervisor could not say elsewhere; none when all went well
//! ```
//!
//! ```text
//! {"job":…}       what to run; written by the hub before anybody is told to. Names of variables, never values
//! {"started":…}   who supervises; only one process ever gets to write it, under a lock on the file that it keeps until
//!                 the attempt is over. Withdrawn when it names nobody
//! {"child":…}     the command's process, once it runs
//! {"exit":…}      how it ended; durable (file and directory synced) before the supervisor goes or waits for long
//! ```
//!
//! Most attempts are this one file. Nothing here is removed or replaced while a step goes well, and every new file costs:
//! a file system that keeps a journal does not give a freed inode away again for a while, and looks past all of them at
//! every file it makes.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::process::{Identity, LeftBehind};

/// What happened to it.
pub const STORY: &str = "jsonl";
/// What it printed.
pub const OUT: &str = "out";
/// Ask for an end with grace.
pub const CANCEL: &str = "cancel";
/// Ask for an end at once.
pub const KILL: &str = "kill";
/// How far it says it is.
pub const PROGRESS: &str = "progress";
/// The supervisor's own words.
pub const LOG: &str = "log";

/// One of the attempt's files.
pub fn file(attempt: &Path, ending: &str) -> PathBuf {
    let mut name = attempt.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// What to run.
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

/// Who runs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// Boot of the machine.
    pub boot_id: String,
    /// The supervising process; `None` when the attempt was withdrawn before any began.
    pub supervisor: Option<Identity>,
    /// Microseconds since 1970, UTC.
    pub started_us: i64,
}

/// How it ended.
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

/// A line of the story.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Job(JobFile),
    Started(Started),
    Child(Identity),
    Exit(Exit),
}

/// What is known about an attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Story {
    /// What to run. `None` when even that is in pieces, as a power cut leaves it.
    pub job: Option<JobFile>,
    /// Who runs it.
    pub started: Option<Started>,
    /// The command, once it runs.
    pub child: Option<Identity>,
    /// How it ended.
    pub exit: Option<Exit>,
}

impl Story {
    /// A line without its end is being written, or a power cut left that much of it: it counts as not there.
    fn parse(bytes: &[u8]) -> io::Result<Story> {
        let mut story = Story::default();
        for line in whole(bytes).split_inclusive(|b| *b == b'\n') {
            match serde_json::from_slice(line)? {
                Line::Job(job) => story.job = Some(job),
                Line::Started(started) => story.started = Some(started),
                Line::Child(child) => story.child = Some(child),
                Line::Exit(exit) => story.exit = Some(exit),
            }
        }
        Ok(story)
    }
}

/// Its whole lines.
fn whole(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |last| last + 1);
    bytes.get(..end).unwrap_or_default()
}

/// Reads what is known; `None` if nothing was ever written down.
///
/// # Errors
/// It cannot be read or is not what it should be.
pub fn read(attempt: &Path) -> io::Result<Option<Story>> {
    match File::open(file(attempt, STORY)) {
        Ok(file) => Story::parse(&all_of(&file)?).map(Some),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// Few stories are longer than a page, and to ask first how long takes as long as to read one.
fn all_of(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(4096);
    file.take(u64::MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether the one who claimed the attempt is still at it: alive, and not gone on to something else.
///
/// # Errors
/// It cannot be asked.
pub fn is_held(attempt: &Path) -> io::Result<bool> {
    let file = File::open(file(attempt, STORY))?;
    // Let go of at once, by closing; shared, so that two who ask do not take each other for the claimant.
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(false),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
        Err(e) => Err(e.into()),
    }
}

/// Begins the story of an attempt that has none.
///
/// # Errors
/// It has one, or it cannot be written.
pub fn begin(attempt: &Path, job: &JobFile) -> io::Result<()> {
    create(attempt, STORY)?.write_all(&line_of("job", job)?)
}

/// Creates a file that was not there, for this user only.
///
/// # Errors
/// It is there already, or cannot be created.
pub fn create(attempt: &Path, ending: &str) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(file(attempt, ending))
}

/// The right to run an attempt, or to say that nobody will. Let go of when it is dropped or the process dies; nobody
/// gets it a second time.
#[derive(Debug)]
pub struct Claim {
    file: File,
    dir: PathBuf,
    /// Bytes that are whole lines.
    good: u64,
    /// Whether there may be half a line behind them.
    torn: bool,
}

/// Claims an attempt: `None` when somebody else was first, or is being so right now.
///
/// # Errors
/// Its story cannot be read, written or locked.
pub fn claim(attempt: &Path, started: &Started) -> io::Result<Option<Claim>> {
    let story = OpenOptions::new().read(true).append(true).open(file(attempt, STORY))?;
    match flock(&story, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
        Err(e) => return Err(e.into()),
    }
    let bytes = all_of(&story)?;
    if Story::parse(&bytes)?.started.is_some() {
        return Ok(None);
    }
    let good = whole(&bytes).len();
    let dir = attempt.parent().unwrap_or(attempt).to_owned();
    // Whoever left half a line is dead, or the lock would be theirs.
    let mut claim = Claim { file: story, dir, good: good as u64, torn: good < bytes.len() };
    claim.add(&line_of("started", started)?)?;
    Ok(Some(claim))
}

/// Says that nobody will run the attempt: false when somebody claimed it, or is doing so right now.
///
/// # Errors
/// As [`claim`].
pub fn withdraw(attempt: &Path, started_us: i64, boot_id: &str) -> io::Result<bool> {
    if let Some(dir) = attempt.parent() {
        std::fs::create_dir_all(dir)?;
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(file(attempt, STORY))?;
    let never = Started { boot_id: boot_id.to_owned(), supervisor: None, started_us };
    Ok(claim(attempt, &never)?.is_some())
}

impl Claim {
    /// Adds the command's process.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn add_child(&mut self, child: Identity) -> io::Result<()> {
        self.add(&line_of("child", &child)?)
    }

    /// Adds the end and lets go.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn end(mut self, exit: &Exit) -> io::Result<Written> {
        self.add(&line_of("exit", exit)?)?;
        flock(&self.file, FlockOperation::Unlock)?;
        Ok(Written { file: self.file, dir: self.dir })
    }

    /// A disk that was full for one line may have room for the next, which must not stand behind half of the other.
    fn add(&mut self, line: &[u8]) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.good)?;
        }
        self.torn = true;
        self.file.write_all(line)?;
        (self.good, self.torn) = (self.good + line.len() as u64, false);
        Ok(())
    }
}

/// An end that a power cut may still take back.
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

/// One write each, so that whoever reads meanwhile finds all of a line or nothing of it.
fn line_of<T: Serialize>(what: &str, value: &T) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(&BTreeMap::from([(what, value)]))?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> JobFile {
        JobFile {
            argv: vec!["true".to_owned()],
            cwd: "/".into(),
            env: vec![],
            timeout_ms: 1,
            grace_ms: 1,
            output_cap: 1,
            boot_id: "b".to_owned(),
        }
    }

    fn started() -> Started {
        Started { boot_id: "b".to_owned(), supervisor: Some(Identity { pid: 7, start: 4711 }), started_us: 1 }
    }

    fn exit() -> Exit {
        Exit {
            outcome: Outcome::Exited { code: 3 },
            started_us: 1,
            ended_us: 2,
            output: OutputFacts::default(),
            left_behind: Vec::new(),
        }
    }

    /// A folder, and the place of an attempt that has begun in it.
    fn begun() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let attempt = dir.path().join("s.1");
        begin(&attempt, &job()).unwrap();
        (dir, attempt)
    }

    fn told(attempt: &Path) -> Story {
        read(attempt).unwrap().unwrap()
    }

    #[test]
    fn an_attempt_is_one_file_that_tells_all_of_it() {
        let (dir, attempt) = begun();
        assert_eq!(told(&attempt), Story { job: Some(job()), ..Story::default() });
        assert!(begin(&attempt, &job()).is_err(), "it is begun once");
        let mut claim = claim(&attempt, &started()).unwrap().unwrap();
        claim.add_child(Identity { pid: 8, start: 1 }).unwrap();
        claim.end(&exit()).unwrap().sync().unwrap();
        let story = told(&attempt);
        assert_eq!((story.started, story.exit), (Some(started()), Some(exit())));
        assert_eq!(story.child, Some(Identity { pid: 8, start: 1 }));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(read(&dir.path().join("other.1")).unwrap(), None);
    }

    #[test]
    fn only_the_first_claim_counts_even_when_it_was_let_go_of() {
        let (_dir, attempt) = begun();
        let first = claim(&attempt, &started()).unwrap();
        assert!(first.is_some());
        assert!(claim(&attempt, &started()).unwrap().is_none());
        assert!(!withdraw(&attempt, 2, "b").unwrap());
        drop(first);
        assert!(claim(&attempt, &started()).unwrap().is_none());
        assert_eq!(told(&attempt).started, Some(started()));
    }

    #[test]
    fn of_many_who_claim_at_once_one_gets_it() {
        for _ in 0..50 {
            let (_dir, attempt) = begun();
            let all: Vec<bool> = std::thread::scope(|scope| {
                let one = |n| {
                    let attempt = &attempt;
                    scope.spawn(move || match n % 2 {
                        0 => claim(attempt, &started()).unwrap().is_some(),
                        _ => withdraw(attempt, 2, "b").unwrap(),
                    })
                };
                let threads: Vec<_> = (0..4).map(one).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!(all.iter().filter(|got| **got).count(), 1, "{all:?}");
            assert!(told(&attempt).started.is_some());
        }
    }

    #[test]
    fn a_claim_is_held_until_it_is_let_go_of() {
        let (_dir, attempt) = begun();
        assert!(!is_held(&attempt).unwrap(), "nobody claimed it");
        let first = claim(&attempt, &started()).unwrap().unwrap();
        assert!(is_held(&attempt).unwrap());
        assert!(is_held(&attempt).unwrap(), "asking takes nothing away");
        let end = first.end(&exit()).unwrap();
        assert!(!is_held(&attempt).unwrap(), "not even until the end is durable");
        drop(end);
    }

    #[test]
    fn half_a_line_is_not_there_yet_and_is_written_over_by_a_claim() {
        let (_dir, attempt) = begun();
        let story = file(&attempt, STORY);
        let before = std::fs::read(&story).unwrap();
        drop(claim(&attempt, &started()).unwrap().unwrap());
        let after = std::fs::read(&story).unwrap();
        for cut in 0..after.len() {
            std::fs::write(&story, after.get(..cut).unwrap()).unwrap();
            let expected = (cut >= before.len()).then(job);
            assert_eq!(told(&attempt), Story { job: expected, ..Story::default() }, "{cut} bytes");
        }
        drop(claim(&attempt, &started()).unwrap().unwrap());
        assert_eq!(std::fs::read(&story).unwrap(), after);
    }

    #[test]
    fn a_line_that_was_written_in_half_does_not_spoil_the_next() {
        let (_dir, attempt) = begun();
        let mut claim = claim(&attempt, &started()).unwrap().unwrap();
        // As a full disk leaves it.
        let mut story = OpenOptions::new().append(true).open(file(&attempt, STORY)).unwrap();
        story.write_all(b"{\"child\":{\"pi").unwrap();
        claim.torn = true;
        claim.end(&exit()).unwrap().sync().unwrap();
        let expected = Story { job: Some(job()), started: Some(started()), child: None, exit: Some(exit()) };
        assert_eq!(told(&attempt), expected);
    }

    #[test]
    fn what_is_whole_and_nonsense_is_not_taken_for_nothing() {
        let (_dir, attempt) = begun();
        let story = file(&attempt, STORY);
        let good = std::fs::read(&story).unwrap();
        for bad in ["{\"outcome\":{\"exi\n", "{\"later\":1}\n", "\0\0\0\n", "\n"] {
            std::fs::write(&story, [&good, bad.as_bytes()].concat()).unwrap();
            assert!(read(&attempt).is_err(), "{bad:?}");
            assert!(claim(&attempt, &started()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_files_are_for_this_user_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let (dir, attempt) = begun();
        let other = dir.path().join("t.1");
        assert!(withdraw(&other, 1, "b").unwrap(), "nothing of it was written before");
        for attempt in [attempt, other] {
            let mode = std::fs::metadata(file(&attempt, STORY)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn outcomes_read_as_words_in_the_file() {
        let word = |o: Outcome| serde_json::to_string(&o).unwrap();
        assert_eq!(word(Outcome::Exited { code: 3 }), r#"{"exited":{"code":3}}"#);
        assert_eq!(word(Outcome::TimedOut { by: By::Kill }), r#"{"timed_out":{"by":"KILL"}}"#);
    }
}
