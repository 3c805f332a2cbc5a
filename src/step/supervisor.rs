//! `backout __step DIR`: the small process around one command. It outlives the hub, ends the command when its time
//! is up or somebody asks, and writes down how it ended. Never talks to the hub, never starts a runtime.
//!
//! What it stands on (`prctl(2)`, `wait(2)`, `poll(2)`): it is the subreaper, so whatever the command leaves behind,
//! even in a session of its own, becomes its child and can be found, signalled and named.
//! It does not ask the kernel to kill the command when it dies itself: a half-done rollback is worse than one that
//! ran on unwatched, and the latter can be told from its files.

mod launch;
mod output;
mod signals;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, PipeReader, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};

use super::mask::Mask;
use super::process::{Identity, boot_id, own_children, own_descendants};
use super::record::{self, By, Exit, JobFile, Outcome, Started};
use output::Output;
use signals::{LOOK, Signals};

pub(crate) use launch::{HIDDEN, SET, WITHHELD};

/// How long background processes may keep the output open, or be there at all, after the command itself has ended.
const LINGER: Duration = Duration::from_millis(500);
/// How often the descendants are looked through while they are being ended.
const SWEEP: Duration = Duration::from_millis(20);
/// After this, a process that does not die even of KILL (stuck in the kernel) is left and named.
const GIVE_UP: Duration = Duration::from_secs(5);
/// What the supervisor says once its files tell how things stand. No sentence begins so.
pub(crate) const READY: u8 = b'+';
/// Exit code of a supervisor that was of no use (`EX_SOFTWARE` of sysexits.h).
const NO_USE: u8 = 70;

/// Entry of the hidden verb. Call it before anything else in `main`: it wants one thread and no runtime.
pub fn main(dir: Option<OsString>) -> ExitCode {
    let Some(dir) = dir else {
        complain(None, "no directory given");
        return ExitCode::from(NO_USE);
    };
    let dir = PathBuf::from(dir);
    let place = dir.clone();
    std::panic::set_hook(Box::new(move |panic| complain(Some(&place), &panic.to_string())));
    match run(&dir) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            complain(Some(&dir), &e.to_string());
            ExitCode::from(NO_USE)
        }
    }
}

/// Tells the hub, as long as it listens, and the attempt's log.
fn complain(dir: Option<&Path>, what: &str) {
    let _ = writeln!(io::stderr(), "{what}");
    let log =
        dir.map(|dir| File::options().create(true).append(true).mode(0o600).open(dir.join(record::LOG)));
    if let Some(Ok(mut log)) = log {
        let _ = writeln!(log, "{what}");
    }
}

fn run(dir: &Path) -> io::Result<()> {
    let mut signals = Signals::listen(dir)?;
    // Fails only for a group leader, which has left its terminal to somebody else already.
    let _ = rustix::process::setsid();
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let job: JobFile = record::read(dir, record::JOB)?.ok_or(io::ErrorKind::NotFound)?;
    let started = Started {
        boot_id: boot_id(),
        supervisor: Identity::own(),
        child: None,
        started_us: record::now_us(),
    };
    let Some(mut file) = record::claim(dir, record::STARTED, &started)? else {
        return Err(io::Error::other("this attempt was started before, or withdrawn"));
    };
    let hidden = std::env::var(launch::HIDDEN).unwrap_or_default();
    // Nothing is not a JSON list either.
    let mask = Mask::new(serde_json::from_str::<Vec<String>>(&hidden).unwrap_or_default());
    let mut output = Output::new(dir, job.output_cap, mask);
    let begun = Instant::now();
    let (outcome, left_behind) = match launch::spawn(&job) {
        Err(why) => (Outcome::CouldNotStart { why }, Vec::new()),
        Ok((pid, pipe)) => {
            // A command that is over already has no place in the process table to be found by.
            let child = Identity::of(pid.as_raw_pid());
            // It runs, so it is watched to its end whether or not that could be noted.
            if let Some(Err(e)) = child.map(|child| record::add_child(&mut file, &child)) {
                complain(Some(dir), &format!("the command's process could not be noted: {e}"));
            }
            say_ready();
            let mut watch = Watch::new(&job, begun, pid, pipe);
            watch.follow(&mut signals, &mut output)?;
            // Who has no children has no descendants.
            (watch.outcome(), if watch.childless { Vec::new() } else { own_descendants() })
        }
    };
    let exit = Exit {
        outcome,
        started_us: started.started_us,
        ended_us: record::now_us(),
        output: output.finish(),
        left_behind,
    };
    record::replace_durably(dir, record::EXIT, &exit)?;
    say_ready();
    Ok(())
}

/// Tells the hub, if it still listens, that the files say where things stand; then lets go of its pipe.
fn say_ready() {
    let _ = rustix::io::write(rustix::stdio::stdout(), &[READY]);
    // Standard input is the null device.
    let _ = rustix::stdio::dup2_stdout(rustix::stdio::stdin());
    let _ = rustix::stdio::dup2_stderr(rustix::stdio::stdin());
}

/// What is being done about the command.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// It runs.
    Running,
    /// It has ended; its leftovers get a moment.
    Lingering { until: Instant },
    /// TERM was sent.
    Terminating { until: Instant },
    /// KILL is sent until nothing is left.
    Killing { until: Instant },
    /// Nothing more to wait for.
    Over,
}

#[derive(Debug, Clone, Copy)]
enum Stop {
    Timeout,
    Cancel,
}

struct Watch {
    command: Pid,
    /// Its status once it was reaped. Until then its pid, and so its group's, cannot be reused.
    ended: Option<WaitStatus>,
    childless: bool,
    pipe: Option<PipeReader>,
    deadline: Instant,
    grace: Duration,
    phase: Phase,
    stop: Option<Stop>,
    killed: bool,
    /// Adopted processes that were sent TERM already.
    asked: Vec<Pid>,
}

impl Watch {
    fn new(job: &JobFile, begun: Instant, command: Pid, pipe: PipeReader) -> Watch {
        // A timeout beyond the clock's range is none: a century does.
        let far = Duration::from_secs(100 * 365 * 24 * 3600);
        let timeout = Duration::from_millis(job.timeout_ms).min(far);
        Watch {
            command,
            ended: None,
            childless: false,
            pipe: Some(pipe),
            deadline: begun + timeout,
            grace: Duration::from_millis(job.grace_ms).min(far),
            phase: Phase::Running,
            stop: None,
            killed: false,
            asked: Vec::new(),
        }
    }

    fn follow(&mut self, signals: &mut Signals, output: &mut Output) -> io::Result<()> {
        loop {
            self.reap();
            self.advance(Instant::now(), signals);
            if matches!(self.phase, Phase::Over) {
                break;
            }
            self.wait(signals, output)?;
        }
        // What was printed before the end and not read yet; whoever still prints is not waited for.
        for _ in 0..64 {
            if !self.read_if_ready(output)? {
                break;
            }
        }
        Ok(())
    }

    /// Collects the dead, so that nothing stays a zombie however long the command runs.
    fn reap(&mut self) {
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == self.command => self.ended = Some(status),
                Ok(Some((pid, _))) => self.asked.retain(|asked| *asked != pid),
                Ok(None) => {
                    self.childless = false;
                    return;
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => {
                    self.childless = true;
                    return;
                }
            }
        }
    }

    fn advance(&mut self, now: Instant, signals: &Signals) {
        if signals.kill_requested() && matches!(self.phase, Phase::Running | Phase::Terminating { .. }) {
            self.stop.get_or_insert(Stop::Cancel);
            self.phase = Phase::Killing { until: now + GIVE_UP };
        }
        match self.phase {
            Phase::Running if self.ended.is_some() => {
                self.phase = Phase::Lingering { until: now + LINGER };
                self.advance(now, signals);
            }
            Phase::Running if signals.cancel_requested() => self.terminate(Stop::Cancel, now),
            Phase::Running if now >= self.deadline => self.terminate(Stop::Timeout, now),
            Phase::Running => {}
            Phase::Lingering { until } => {
                if (self.childless && self.pipe.is_none()) || now >= until {
                    self.phase = Phase::Over;
                }
            }
            Phase::Terminating { .. } | Phase::Killing { .. } if self.childless => self.phase = Phase::Over,
            Phase::Terminating { until } if now >= until => {
                self.phase = Phase::Killing { until: now + GIVE_UP };
                self.kill_all();
            }
            Phase::Terminating { .. } => self.ask_the_adopted(),
            Phase::Killing { until } if now >= until => self.phase = Phase::Over,
            Phase::Killing { .. } => self.kill_all(),
            Phase::Over => {}
        }
    }

    fn terminate(&mut self, why: Stop, now: Instant) {
        self.stop = Some(why);
        self.phase = Phase::Terminating { until: now + self.grace };
        let _ = rustix::process::kill_process_group(self.command, Signal::TERM);
    }

    /// TERM, once, to those who left the group and have become ours.
    fn ask_the_adopted(&mut self) {
        for pid in own_children() {
            let in_group = rustix::process::getpgid(Some(pid)).is_ok_and(|group| group == self.command);
            if !in_group && !self.asked.contains(&pid) {
                self.asked.push(pid);
                let _ = rustix::process::kill_process(pid, Signal::TERM);
            }
        }
    }

    /// KILL to the group and to every child. Whoever these leave behind is a child at the next sweep.
    fn kill_all(&mut self) {
        self.killed = true;
        if self.ended.is_none() {
            let _ = rustix::process::kill_process_group(self.command, Signal::KILL);
        }
        for pid in own_children() {
            // Not reaped yet, so the pid still means this child.
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
    }

    fn wait(&mut self, signals: &mut Signals, output: &mut Output) -> io::Result<()> {
        let now = Instant::now();
        let until = match self.phase {
            Phase::Running => self.deadline.min(now + LOOK),
            Phase::Lingering { until } => until,
            Phase::Terminating { until } | Phase::Killing { until } => until.min(now + SWEEP),
            Phase::Over => now,
        };
        let ready = {
            let mut fds = vec![PollFd::new(signals.wake(), PollFlags::IN)];
            fds.extend(self.pipe.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
            match poll(&mut fds, Some(&timespec(until.saturating_duration_since(now)))) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
            fds.get(1).is_some_and(|fd| !fd.revents().is_empty())
        };
        signals.drain(Instant::now());
        if ready {
            self.read(output)?;
        }
        Ok(())
    }

    fn read(&mut self, output: &mut Output) -> io::Result<()> {
        if let Some(pipe) = &mut self.pipe
            && !output.take_from(pipe)?
        {
            self.pipe = None;
        }
        Ok(())
    }

    fn read_if_ready(&mut self, output: &mut Output) -> io::Result<bool> {
        let Some(pipe) = &self.pipe else { return Ok(false) };
        let ready = poll(
            &mut [PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN)],
            Some(&timespec(Duration::ZERO)),
        );
        if ready.is_ok_and(|n| n > 0) {
            self.read(output)?;
            return Ok(true);
        }
        Ok(false)
    }

    fn outcome(&self) -> Outcome {
        let by = if self.killed { By::Kill } else { By::Term };
        match (self.stop, self.ended) {
            (Some(Stop::Timeout), _) => Outcome::TimedOut { by },
            (Some(Stop::Cancel), _) => Outcome::Cancelled { by },
            (None, Some(status)) => match status.terminating_signal() {
                Some(signal) => Outcome::Signalled { signal },
                None => Outcome::Exited { code: status.exit_status().unwrap_or(-1) },
            },
            // Not reached: without a stop, only the command's end leads here.
            (None, None) => Outcome::Cancelled { by },
        }
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}
