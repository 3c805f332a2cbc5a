//! Starts a step's supervisor and finds out, then or after any restart, how the attempt stands.
//!
//! Never keeps what it knows in memory: every answer comes from the attempt's story and the process table.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::crew::Crew;
use super::order::Order;
use super::process::{Identity, boot_id};
use super::record::{self, Exit, JobFile};
use super::ssh;
use crate::sanitize::{self, Clean};

/// Between TERM and KILL, unless a job says otherwise.
pub const GRACE: Duration = Duration::from_secs(10);

/// Bytes of output kept, unless a job says otherwise.
pub const OUTPUT_CAP: u64 = 8 * 1024 * 1024;

/// How often a supervisor that was not launched here is asked again: it may live on without this attempt.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How long somebody may take between getting the right to an attempt and saying so.
const CLAIMED_WITHIN: Duration = Duration::from_secs(5);

/// One attempt at a command.
#[derive(Clone)]
pub struct Job {
    pub(super) attempt: PathBuf,
    argv: Vec<String>,
    cwd: PathBuf,
    env: BTreeMap<String, String>,
    hidden: Vec<String>,
    timeout: Duration,
    grace: Duration,
    output_cap: u64,
    pub(super) exe: PathBuf,
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names of variables only: the values may be secrets.
        let names: Vec<&String> = self.env.keys().collect();
        let mut out = f.debug_struct("Job");
        out.field("attempt", &self.attempt)
            .field("argv", &self.argv)
            .field("cwd", &self.cwd)
            .field("env", &names);
        out.field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl Job {
    /// A command with its timeout. The place belongs to this one attempt; it must be absolute.
    pub fn new(attempt: impl Into<PathBuf>, argv: Vec<String>, timeout: Duration) -> Job {
        Job {
            attempt: attempt.into(),
            argv,
            cwd: PathBuf::from("/"),
            env: BTreeMap::new(),
            hidden: Vec::new(),
            timeout,
            grace: GRACE,
            output_cap: OUTPUT_CAP,
            // Still this program after the file was replaced by an upgrade.
            exe: PathBuf::from("/proc/self/exe"),
        }
    }

    /// Where the command runs, absolute; `/` if not said.
    #[must_use]
    pub fn in_directory(mut self, cwd: impl Into<PathBuf>) -> Job {
        self.cwd = cwd.into();
        self
    }

    /// Sets a variable. Its value is written to no file.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Job {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Keeps these texts out of what is kept of the output. They are written to no file.
    #[must_use]
    pub fn hide(mut self, secrets: Vec<String>) -> Job {
        self.hidden = secrets;
        self
    }

    /// Another timeout.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Job {
        self.timeout = timeout;
        self
    }

    /// Time between TERM and KILL.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Job {
        self.grace = grace;
        self
    }

    /// Bytes of output kept.
    #[must_use]
    pub fn output_cap(mut self, bytes: u64) -> Job {
        self.output_cap = bytes;
        self
    }

    /// Runs the same argv on another host through `ssh`.
    #[must_use]
    pub fn on_host(mut self, host: &str) -> Job {
        self.argv = ssh::remote_argv(host, &self.argv);
        self
    }

    /// Which program knows the hidden verb; this one if not said.
    #[must_use]
    pub fn supervised_by(mut self, exe: impl Into<PathBuf>) -> Job {
        self.exe = exe.into();
        self
    }

    fn order(&self) -> Order {
        let millis = |d: Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
        let job = JobFile {
            argv: self.argv.clone(),
            cwd: self.cwd.clone(),
            env: self.env.keys().cloned().collect(),
            timeout_ms: millis(self.timeout),
            grace_ms: millis(self.grace),
            output_cap: self.output_cap,
            boot_id: boot_id().to_owned(),
        };
        Order { attempt: self.attempt.clone(), job, env: self.env.clone(), hidden: self.hidden.clone() }
    }
}

/// A supervisor is at work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launched {
    /// The attempt's place: all that is needed to ask about it later.
    pub attempt: PathBuf,
    /// The supervisor's pid, for people.
    pub supervisor: u32,
}

/// How an attempt stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// No command was started. A supervisor may be about to; [`withdraw`] settles that.
    NotStarted,
    /// The supervisor is alive and at it.
    Running {
        /// The supervising process.
        supervisor: Identity,
        /// The command, once it runs.
        child: Option<Identity>,
    },
    /// It ended and the record says how.
    Ended(Exit),
    /// How it ended is not known and cannot be found out here.
    Lost {
        /// A sentence without a final period.
        why: Clean,
        /// The command, if it is still running with nobody watching it.
        child: Option<Identity>,
    },
}

/// What can go wrong around an attempt, as opposed to in it.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The place has been used for an attempt before.
    #[error("{0} was used for an attempt before")]
    Used(PathBuf),
    /// A path that must be absolute is not.
    #[error("{0} is not an absolute path")]
    Relative(PathBuf),
    /// A variable's name or value cannot be in an environment.
    #[error("{0} cannot be an environment variable")]
    BadVariable(Clean),
    /// Files of the attempt.
    #[error("{0}: {1}")]
    Files(PathBuf, #[source] io::Error),
    /// The supervisor could not be started, or ended before it began.
    #[error("the step's supervisor did not start: {0}")]
    NoSupervisor(Clean),
    /// There is nothing to wait for, signal or read.
    #[error("the command is not running")]
    NotRunning,
    /// How it ended is not known.
    #[error("{0}")]
    Lost(Clean),
}

/// Has the job supervised by a process that does nothing else. When this returns, the command runs or the record says
/// why it does not.
///
/// # Errors
/// [`StepError::NoSupervisor`] means that whether the command was started must be asked with [`inspect`]; every other
/// error means it was not.
pub async fn launch(job: &Job) -> Result<Launched, StepError> {
    Ok(Crew::of_none().launch(job).await?.launched())
}

/// Begins the attempt's story and makes the order for its supervisor.
pub(super) fn prepare(job: &Job) -> Result<Order, StepError> {
    for path in [&job.attempt, &job.cwd] {
        if path.is_relative() {
            return Err(StepError::Relative(path.clone()));
        }
    }
    for (name, value) in &job.env {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            return Err(StepError::BadVariable(sanitize::visible_name(name)));
        }
    }
    let order = job.order();
    begin(&order).map_err(|e| match e.kind() {
        io::ErrorKind::AlreadyExists => StepError::Used(job.attempt.clone()),
        _ => StepError::Files(job.attempt.clone(), e),
    })?;
    Ok(order)
}

fn begin(order: &Order) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    match record::begin(&order.attempt, &order.job) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let dir = order.attempt.parent().unwrap_or(&order.attempt);
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
            record::begin(&order.attempt, &order.job)
        }
        other => other,
    }
}

/// How the attempt stands now. Works from any process, after any restart.
pub fn inspect(attempt: &Path) -> Standing {
    match look(attempt) {
        Ok(standing) => standing,
        Err(e) => lost(format!("the record of the attempt cannot be read: {e}"), None),
    }
}

fn look(attempt: &Path) -> io::Result<Standing> {
    let Some(story) = record::read(attempt)? else { return Ok(Standing::NotStarted) };
    if let Some(exit) = story.exit {
        return Ok(Standing::Ended(exit));
    }
    let Some(started) = story.started else { return Ok(not_started(story.job.as_ref())) };
    let Some(supervisor) = started.supervisor else {
        return Ok(Standing::NotStarted);
    };
    if started.boot_id != boot_id() {
        let why = "the machine was restarted while the command ran; what it had done by then is not known";
        return Ok(lost(why.to_owned(), None));
    }
    // One that is alive may be with another attempt by now.
    if supervisor.is_alive() && record::is_held(attempt)? {
        return Ok(Standing::Running { supervisor, child: story.child });
    }
    // It may have ended between the two looks.
    if let Some(exit) = record::read(attempt)?.and_then(|story| story.exit) {
        return Ok(Standing::Ended(exit));
    }
    Ok(match story.child {
        Some(child) if child.is_alive() => {
            let pid = child.pid;
            let why = format!(
                "the step's supervisor is gone, and its command (process {pid}) is still running unwatched"
            );
            lost(why, Some(child))
        }
        Some(_) => lost(
            "the step's supervisor is gone without a word; how the command ended is not known".into(),
            None,
        ),
        None => {
            let why =
                "the step's supervisor is gone; whether it had started the command by then is not known";
            lost(why.to_owned(), None)
        }
    })
}

fn not_started(job: Option<&JobFile>) -> Standing {
    let silence = "whether the command had been started is not known";
    match job {
        // Nothing was synced before the start, so after a power cut silence proves nothing.
        Some(job) if job.boot_id != boot_id() => lost(format!("the machine was restarted; {silence}"), None),
        Some(_) => Standing::NotStarted,
        // Half a line is what a power cut leaves, too.
        None => lost(format!("the record of the attempt is in pieces and cannot be read; {silence}"), None),
    }
}

fn lost(why: String, child: Option<Identity>) -> Standing {
    Standing::Lost { why: sanitize::line(why), child }
}

/// Makes sure that an attempt which had not started never will, and tells how it really stands.
///
/// # Errors
/// Its story cannot be written, or somebody holds on to it without saying that they have begun.
pub fn withdraw(attempt: &Path) -> Result<Standing, StepError> {
    let files = |e: io::Error| StepError::Files(attempt.to_owned(), e);
    let until = Instant::now() + CLAIMED_WITHIN;
    loop {
        let standing = inspect(attempt);
        if standing != Standing::NotStarted {
            return Ok(standing);
        }
        if record::withdraw(attempt, record::now_us(), boot_id()).map_err(files)? {
            return Ok(Standing::NotStarted);
        }
        // Withdrawn before, or claimed: between the lock and the words lies one write.
        if record::read(attempt).map_err(files)?.is_some_and(|story| story.started.is_some()) {
            return Ok(inspect(attempt));
        }
        if Instant::now() >= until {
            return Err(files(io::Error::other("somebody holds it and does not say that they have begun")));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Waits for the end of a command this or an earlier process launched.
///
/// # Errors
/// [`StepError::NotRunning`] if nothing was started, [`StepError::Lost`] if its end cannot be known.
pub async fn wait(attempt: &Path) -> Result<Exit, StepError> {
    loop {
        match inspect(attempt) {
            Standing::Ended(exit) => return Ok(exit),
            Standing::Lost { why, .. } => return Err(StepError::Lost(why)),
            Standing::NotStarted => return Err(StepError::NotRunning),
            Standing::Running { supervisor, .. } => tokio::select! {
                () = ended(supervisor) => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            },
        }
    }
}

/// Returns when this process is dead; sooner, never later, if that cannot be told.
pub(super) async fn ended(process: Identity) {
    let unsure = async |pause| tokio::time::sleep(pause).await;
    let Some(pid) = process.raw() else { return };
    match pidfd_open(pid, PidfdFlags::NONBLOCK) {
        // Opened first, checked second: only then does the handle surely mean this process.
        Ok(handle) if process.is_alive() => match watch(handle) {
            Ok(handle) => drop(handle.readable().await),
            Err(_) => unsure(Duration::from_millis(200)).await,
        },
        Ok(_) | Err(rustix::io::Errno::SRCH) => {}
        Err(_) => unsure(Duration::from_millis(200)).await,
    }
}

// The deprecation is about types that lie about their descriptor; an `OwnedFd` cannot. The successor is unsafe to call.
#[expect(deprecated)]
fn watch(handle: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(handle, Interest::READABLE)
}

/// Asks for an end: TERM, grace, KILL. The outcome will be `cancelled`, unless the command was faster.
///
/// # Errors
/// [`StepError::NotRunning`], or the request cannot be written.
pub fn cancel(attempt: &Path) -> Result<(), StepError> {
    let Standing::Running { supervisor, .. } = inspect(attempt) else {
        return Err(StepError::NotRunning);
    };
    request(attempt, record::CANCEL)?;
    // The file alone would do, half a second later.
    let _ = signal(supervisor, Signal::USR1);
    Ok(())
}

/// Ends it at once, grace or not. Also ends a command that has lost its supervisor, which then stays `Lost`.
///
/// # Errors
/// [`StepError::NotRunning`], or it cannot be asked for.
pub fn kill(attempt: &Path) -> Result<(), StepError> {
    match inspect(attempt) {
        Standing::Running { supervisor, .. } => {
            request(attempt, record::KILL)?;
            let _ = signal(supervisor, Signal::USR1);
            Ok(())
        }
        Standing::Lost { child: Some(child), .. } => {
            let Some(pid) = child.raw() else { return Err(StepError::NotRunning) };
            // While its leader lives the group's number is its own.
            rustix::process::kill_process_group(pid, Signal::KILL)
                .map_err(|e| StepError::Files(attempt.to_owned(), e.into()))
        }
        Standing::Lost { child: None, .. } | Standing::NotStarted | Standing::Ended(_) => {
            Err(StepError::NotRunning)
        }
    }
}

fn request(attempt: &Path, name: &str) -> Result<(), StepError> {
    match record::create(attempt, name) {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(StepError::Files(attempt.to_owned(), e)),
    }
}

fn signal(process: Identity, signal: Signal) -> rustix::io::Result<()> {
    let pid = process.raw().ok_or(rustix::io::Errno::SRCH)?;
    let handle = pidfd_open(pid, PidfdFlags::empty())?;
    if !process.is_alive() {
        return Err(rustix::io::Errno::SRCH);
    }
    pidfd_send_signal(handle, signal)
}

#[cfg(test)]
mod tests {
    use super::super::record::Started;
    use super::*;

    fn place(dir: &tempfile::TempDir) -> PathBuf {
        dir.path().join("s.1")
    }

    fn job(boot_id: &str) -> JobFile {
        let argv = vec!["x".to_owned()];
        let boot_id = boot_id.to_owned();
        JobFile { argv, cwd: "/".into(), env: vec![], timeout_ms: 1, grace_ms: 1, output_cap: 1, boot_id }
    }

    /// An attempt that was claimed so, by somebody who is gone or done.
    fn claimed(dir: &tempfile::TempDir, started: &Started, child: Option<Identity>) -> PathBuf {
        let attempt = place(dir);
        record::begin(&attempt, &job(boot_id())).unwrap();
        let mut claim = record::claim(&attempt, started).unwrap().unwrap();
        if let Some(child) = child {
            claim.add_child(child).unwrap();
        }
        attempt
    }

    fn now(supervisor: Option<Identity>) -> Started {
        Started { boot_id: boot_id().to_owned(), supervisor, started_us: 1 }
    }

    fn nobody() -> Identity {
        let me = Identity::own().unwrap();
        Identity { start: me.start + 1, ..me }
    }

    fn why(standing: Standing) -> String {
        match standing {
            Standing::Lost { why, .. } => why.into_string(),
            other => panic!("not lost: {other:?}"),
        }
    }

    #[test]
    fn an_attempt_without_a_story_has_not_started() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(inspect(&place(&dir)), Standing::NotStarted);
        assert_eq!(inspect(&dir.path().join("none/s.1")), Standing::NotStarted);
    }

    #[test]
    fn a_pid_that_now_is_another_process_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        let attempt = claimed(&dir, &now(Some(nobody())), Some(nobody()));
        assert!(why(inspect(&attempt)).contains("how the command ended is not known"));
    }

    #[test]
    fn a_command_without_its_supervisor_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let me = Identity::own().unwrap();
        let standing = inspect(&claimed(&dir, &now(Some(nobody())), Some(me)));
        assert!(matches!(standing, Standing::Lost { child: Some(child), .. } if child == me));
        assert!(why(standing).contains(&format!("process {}", me.pid)));
    }

    #[test]
    fn another_boot_is_lost_whatever_lives_now() {
        let dir = tempfile::tempdir().unwrap();
        let me = Identity::own();
        let attempt = claimed(&dir, &Started { boot_id: "another".into(), ..now(me) }, me);
        assert!(why(inspect(&attempt)).contains("restarted"));
    }

    #[test]
    fn a_job_from_another_boot_without_a_start_is_not_guessed_about() {
        let dir = tempfile::tempdir().unwrap();
        let attempt = place(&dir);
        record::begin(&attempt, &job("another")).unwrap();
        assert!(why(inspect(&attempt)).contains("restarted; whether the command had been started"));
        let story = record::file(&attempt, record::STORY);
        let whole = std::fs::read_to_string(&story).unwrap();
        for torn in ["", "{", whole.trim()] {
            std::fs::write(&story, torn).unwrap();
            assert!(why(inspect(&attempt)).contains("in pieces"), "{torn}");
            assert!(why(withdraw(&attempt).unwrap()).contains("in pieces"), "{torn}");
        }
    }

    #[test]
    fn an_unreadable_story_is_lost_and_not_started_again() {
        let dir = tempfile::tempdir().unwrap();
        let attempt = claimed(&dir, &now(Identity::own()), None);
        let story = record::file(&attempt, record::STORY);
        std::fs::write(&story, "{}\n").unwrap();
        assert!(why(inspect(&attempt)).contains("cannot be read"));
        assert!(why(withdraw(&attempt).unwrap()).contains("cannot be read"));
    }

    #[test]
    fn a_withdrawn_attempt_stays_not_started() {
        let dir = tempfile::tempdir().unwrap();
        let begun = dir.path().join("t.1");
        record::begin(&begun, &job(boot_id())).unwrap();
        for attempt in [place(&dir), begun] {
            assert_eq!(withdraw(&attempt).unwrap(), Standing::NotStarted);
            assert_eq!(withdraw(&attempt).unwrap(), Standing::NotStarted);
            assert!(record::claim(&attempt, &now(None)).unwrap().is_none());
        }
    }

    #[test]
    fn who_claims_while_it_is_withdrawn_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let attempt = place(&dir);
        record::begin(&attempt, &job(boot_id())).unwrap();
        // Somebody has the lock and has not said so yet.
        let file = std::fs::File::open(record::file(&attempt, record::STORY)).unwrap();
        rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
        let standing = std::thread::scope(|scope| {
            let withdrawn = scope.spawn(|| withdraw(&attempt));
            let line = serde_json::json!({"started": now(Identity::own())});
            let mut story =
                std::fs::File::options().append(true).open(record::file(&attempt, record::STORY)).unwrap();
            std::io::Write::write_all(&mut story, format!("{line}\n").as_bytes()).unwrap();
            withdrawn.join().unwrap().unwrap()
        });
        assert!(matches!(standing, Standing::Running { .. }), "{standing:?}");
    }

    #[test]
    fn values_of_variables_are_not_in_the_debug_form() {
        let job = Job::new("/x", vec!["a".into()], GRACE).env("TOKEN", "hunter2");
        let shown = format!("{job:?}");
        assert!(shown.contains("TOKEN") && !shown.contains("hunter2"));
    }
}
