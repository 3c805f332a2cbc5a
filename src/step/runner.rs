//! Starts a step's supervisor and finds out, then or after any restart, how the attempt stands.
//!
//! Never keeps what it knows in memory: every answer comes from the attempt's directory and the process table.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::crew::Crew;
use super::order::Order;
use super::process::{Identity, boot_id};
use super::record::{self, Exit, JobFile, Started};
use super::ssh;
use crate::sanitize::{self, Clean};

/// Between TERM and KILL, unless a job says otherwise.
pub const GRACE: Duration = Duration::from_secs(10);

/// Bytes of output kept, unless a job says otherwise.
pub const OUTPUT_CAP: u64 = 8 * 1024 * 1024;

/// How often a supervisor that was not launched here is asked again: it may live on without this attempt.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// One attempt at a command.
#[derive(Clone)]
pub struct Job {
    pub(super) dir: PathBuf,
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
        out.field("dir", &self.dir).field("argv", &self.argv).field("cwd", &self.cwd).field("env", &names);
        out.field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl Job {
    /// A command with its timeout. `dir` belongs to this one attempt and is created; it must be absolute.
    pub fn new(dir: impl Into<PathBuf>, argv: Vec<String>, timeout: Duration) -> Job {
        Job {
            dir: dir.into(),
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
        Order { dir: self.dir.clone(), job, env: self.env.clone(), hidden: self.hidden.clone() }
    }
}

/// A supervisor is at work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launched {
    /// The attempt's directory: all that is needed to ask about it later.
    pub dir: PathBuf,
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
    /// The directory has been used for an attempt before.
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

/// Makes the attempt's directory and the order for its supervisor.
pub(super) fn prepare(job: &Job) -> Result<Order, StepError> {
    for path in [&job.dir, &job.cwd] {
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
    make(&order).map_err(|e| match e.kind() {
        io::ErrorKind::AlreadyExists => StepError::Used(job.dir.clone()),
        _ => StepError::Files(job.dir.clone(), e),
    })?;
    Ok(order)
}

fn make(order: &Order) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&order.dir)?;
    record::write_new(&order.dir, record::JOB, &order.job)
}

/// How the attempt in `dir` stands now. Works from any process, after any restart.
pub fn inspect(dir: &Path) -> Standing {
    match look(dir) {
        Ok(standing) => standing,
        Err(e) => lost(format!("the record of the attempt cannot be read: {e}"), None),
    }
}

fn look(dir: &Path) -> io::Result<Standing> {
    if let Some(exit) = record::read::<Exit>(dir, record::EXIT)? {
        return Ok(Standing::Ended(exit));
    }
    let Some(started) = record::started(dir)? else {
        return not_started(dir);
    };
    let Some(supervisor) = started.supervisor else {
        return Ok(Standing::NotStarted);
    };
    if started.boot_id != boot_id() {
        let why = "the machine was restarted while the command ran; what it had done by then is not known";
        return Ok(lost(why.to_owned(), None));
    }
    // One that is alive may be with another attempt by now.
    if supervisor.is_alive() && record::is_held(dir, record::STARTED)? {
        return Ok(Standing::Running { supervisor, child: started.child });
    }
    // It may have ended between the two looks.
    if let Some(exit) = record::read::<Exit>(dir, record::EXIT)? {
        return Ok(Standing::Ended(exit));
    }
    Ok(match started.child {
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

fn not_started(dir: &Path) -> io::Result<Standing> {
    let silence = "whether the command had been started is not known";
    match record::read::<JobFile>(dir, record::JOB)? {
        // Nothing was synced before the start, so after a power cut silence proves nothing.
        Some(job) if job.boot_id != boot_id() => {
            Ok(lost(format!("the machine was restarted; {silence}"), None))
        }
        Some(_) => Ok(Standing::NotStarted),
        // Half a file, or an end without its order, is what a power cut leaves, too.
        None if holds(dir, record::JOB)? || holds(dir, record::EXIT)? => {
            Ok(lost(format!("the record of the attempt is in pieces and cannot be read; {silence}"), None))
        }
        None => Ok(Standing::NotStarted),
    }
}

fn holds(dir: &Path, name: &str) -> io::Result<bool> {
    dir.join(name).try_exists()
}

fn lost(why: String, child: Option<Identity>) -> Standing {
    Standing::Lost { why: sanitize::line(why), child }
}

/// Makes sure that an attempt which had not started never will, and tells how it really stands.
///
/// # Errors
/// The directory cannot be written.
pub fn withdraw(dir: &Path) -> Result<Standing, StepError> {
    let standing = inspect(dir);
    if standing != Standing::NotStarted {
        return Ok(standing);
    }
    let never = Started {
        boot_id: boot_id().to_owned(),
        supervisor: None,
        child: None,
        started_us: record::now_us(),
    };
    std::fs::create_dir_all(dir)
        .and_then(|()| record::claim(dir, record::STARTED, &never))
        .map_err(|e| StepError::Files(dir.to_owned(), e))?;
    Ok(inspect(dir))
}

/// Waits for the end of a command this or an earlier process launched.
///
/// # Errors
/// [`StepError::NotRunning`] if nothing was started, [`StepError::Lost`] if its end cannot be known.
pub async fn wait(dir: &Path) -> Result<Exit, StepError> {
    loop {
        match inspect(dir) {
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
pub fn cancel(dir: &Path) -> Result<(), StepError> {
    let Standing::Running { supervisor, .. } = inspect(dir) else {
        return Err(StepError::NotRunning);
    };
    request(dir, record::CANCEL)?;
    // The file alone would do, half a second later.
    let _ = signal(supervisor, Signal::USR1);
    Ok(())
}

/// Ends it at once, grace or not. Also ends a command that has lost its supervisor, which then stays `Lost`.
///
/// # Errors
/// [`StepError::NotRunning`], or it cannot be asked for.
pub fn kill(dir: &Path) -> Result<(), StepError> {
    match inspect(dir) {
        Standing::Running { supervisor, .. } => {
            request(dir, record::KILL)?;
            let _ = signal(supervisor, Signal::USR1);
            Ok(())
        }
        Standing::Lost { child: Some(child), .. } => {
            let Some(pid) = child.raw() else { return Err(StepError::NotRunning) };
            // While its leader lives the group's number is its own.
            rustix::process::kill_process_group(pid, Signal::KILL)
                .map_err(|e| StepError::Files(dir.to_owned(), e.into()))
        }
        Standing::Lost { child: None, .. } | Standing::NotStarted | Standing::Ended(_) => {
            Err(StepError::NotRunning)
        }
    }
}

fn request(dir: &Path, name: &str) -> Result<(), StepError> {
    match record::create(dir, name) {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(StepError::Files(dir.to_owned(), e)),
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
    use super::*;

    fn started(dir: &Path, started: &Started) {
        record::write_new(dir, record::STARTED, started).unwrap();
    }

    fn now(supervisor: Option<Identity>, child: Option<Identity>) -> Started {
        Started { boot_id: boot_id().to_owned(), supervisor, child, started_us: 1 }
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
    fn an_empty_directory_has_not_started() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(inspect(dir.path()), Standing::NotStarted);
        assert_eq!(inspect(&dir.path().join("none")), Standing::NotStarted);
    }

    #[test]
    fn a_pid_that_now_is_another_process_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        started(dir.path(), &now(Some(nobody()), Some(nobody())));
        assert!(why(inspect(dir.path())).contains("how the command ended is not known"));
    }

    #[test]
    fn a_command_without_its_supervisor_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let me = Identity::own().unwrap();
        started(dir.path(), &now(Some(nobody()), Some(me)));
        let standing = inspect(dir.path());
        assert!(matches!(standing, Standing::Lost { child: Some(child), .. } if child == me));
        assert!(why(standing).contains(&format!("process {}", me.pid)));
    }

    #[test]
    fn another_boot_is_lost_whatever_lives_now() {
        let dir = tempfile::tempdir().unwrap();
        let me = Identity::own();
        started(dir.path(), &Started { boot_id: "another".into(), ..now(me, me) });
        assert!(why(inspect(dir.path())).contains("restarted"));
    }

    #[test]
    fn a_job_from_another_boot_without_a_start_is_not_guessed_about() {
        let dir = tempfile::tempdir().unwrap();
        let job = serde_json::json!({"argv": ["x"], "cwd": "/", "env": [], "timeout_ms": 1, "grace_ms": 1,
            "output_cap": 1, "boot_id": "another"});
        let job = format!("{job}\n");
        std::fs::write(dir.path().join(record::JOB), &job).unwrap();
        assert!(why(inspect(dir.path())).contains("restarted; whether the command had been started"));
        for torn in ["", "{", job.trim()] {
            std::fs::write(dir.path().join(record::JOB), torn).unwrap();
            assert!(why(inspect(dir.path())).contains("in pieces"), "{torn}");
        }
    }

    #[test]
    fn an_unreadable_result_is_lost_and_not_started_again() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(record::EXIT), b"{").unwrap();
        assert!(why(inspect(dir.path())).contains("cannot be read"));
    }

    #[test]
    fn a_withdrawn_attempt_stays_not_started() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(withdraw(dir.path()).unwrap(), Standing::NotStarted);
        assert_eq!(withdraw(dir.path()).unwrap(), Standing::NotStarted);
        assert!(record::claim(dir.path(), record::STARTED, &now(None, None)).unwrap().is_none());
    }

    #[test]
    fn values_of_variables_are_not_in_the_debug_form() {
        let job = Job::new("/x", vec!["a".into()], GRACE).env("TOKEN", "hunter2");
        let shown = format!("{job:?}");
        assert!(shown.contains("TOKEN") && !shown.contains("hunter2"));
    }
}
