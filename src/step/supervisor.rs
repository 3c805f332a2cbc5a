//! `backout __step FOLDER`: the small process around a command. It outlives the hub, ends the command when its time
//! is up or somebody asks, and writes down how it ended. Never starts a runtime, and never has two commands.
//!
//! Its orders come through its standard input (see [`order`](super::order)); the folder is where its attempts lie, and
//! only tells people and tools whose it is. One attempt after another: when one is wholly over, with its end durable
//! and none of its processes left, it waits for the next order, and goes when there will be none. After anything out
//! of the ordinary it goes at once, and whatever comes next gets a fresh one.
//!
//! What it stands on (`prctl(2)`, `wait(2)`, `poll(2)`): it is the subreaper, so whatever the command leaves behind,
//! even in a session of its own, becomes its child and can be found, signalled and named.
//! It does not ask the kernel to kill the command when it dies itself: a half-done rollback is worse than one that
//! ran on unwatched, and the latter can be told from its files.

mod launch;
mod output;
mod post;
mod signals;

use std::fs::File;
use std::io::{self, PipeReader, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};

use super::mask::Mask;
use super::order::{FREE, Order, READY};
use super::process::{Identity, boot_id, own_children, own_descendants};
use super::record::{self, By, Exit, JobFile, Outcome, Started, Written};
use output::Output;
use post::Post;
use signals::{LOOK, Signals};

pub(crate) use launch::{SET, WITHHELD};

/// How long background processes may keep the output open, or be there at all, after the command itself has ended.
const LINGER: Duration = Duration::from_millis(500);
/// How often the descendants are looked through while they are being ended.
const SWEEP: Duration = Duration::from_millis(20);
/// After this, a process that does not die even of KILL (stuck in the kernel) is left and named.
const GIVE_UP: Duration = Duration::from_secs(5);
/// The hub hears only of the end of a command that is shorter, and wakes up once instead of twice.
const SHORT: Duration = Duration::from_millis(20);
/// Exit code of a supervisor that was of no use (`EX_SOFTWARE` of sysexits.h).
const NO_USE: u8 = 70;

/// Entry of the hidden verb. Call it before anything else in `main`: it wants one thread and no runtime.
pub fn main() -> ExitCode {
    let current = Current::default();
    let place = current.clone();
    std::panic::set_hook(Box::new(move |panic| place.complain(&panic.to_string())));
    match serve(&current) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            current.complain(&e.to_string());
            ExitCode::from(NO_USE)
        }
    }
}

/// The attempt that this process is with, for what it could not say elsewhere.
#[derive(Clone, Default)]
struct Current(Arc<Mutex<Option<PathBuf>>>);

impl Current {
    fn is(&self, attempt: Option<&Path>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = attempt.map(Path::to_owned);
    }

    /// Tells the hub, as long as it listens, and the attempt's log.
    fn complain(&self, what: &str) {
        let _ = writeln!(io::stderr(), "{what}");
        let attempt = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let log = attempt.map(|attempt| {
            let log = record::file(&attempt, record::LOG);
            File::options().create(true).append(true).mode(0o600).open(log)
        });
        if let Some(Ok(mut log)) = log {
            let _ = writeln!(log, "{what}");
        }
    }
}

fn serve(current: &Current) -> io::Result<()> {
    let mut signals = Signals::listen()?;
    // Fails only for a group leader, which has left its terminal to somebody else already.
    let _ = rustix::process::setsid();
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let own = Identity::own();
    let mut post = Post::default();
    let mut late = Late::default();
    while let Some(order) = post.next(&mut signals, &mut late)? {
        current.is(Some(&order.attempt));
        let After { said, next, mut end } = attempt(own, &order, &mut signals, current, &mut late)?;
        current.is(None);
        let ready: &[u8] = if said { &[] } else { &[READY] };
        match next {
            Next::Another if !signals.asked_to_go() => {
                late = end;
                say(&[ready, &[FREE]].concat());
            }
            Next::Another | Next::Nothing => {
                end.sync()?;
                say(ready);
                return Ok(());
            }
        }
    }
    late.sync()
}

/// The end of the last attempt, as long as it is not durable.
///
/// Of a command that ended by itself and printed nothing. While the hub listens it makes that end durable in its record
/// before anything else follows from it, and to do so twice is a fifth of what a short step costs. So this is left for
/// the first moment of rest, which comes at once when the hub is gone; only if the next order comes before that does it
/// stay with the file system, which writes it down within seconds.
#[derive(Default)]
struct Late(Option<Written>);

impl Late {
    fn is_due(&self) -> bool {
        self.0.is_some()
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.take().map_or(Ok(()), |end| end.sync())
    }
}

/// After an attempt.
struct After {
    /// Whether the hub knows that it had begun.
    said: bool,
    next: Next,
    end: Late,
}

/// What may come next.
enum Next {
    Another,
    /// Something was out of the ordinary, or there are secrets in this process.
    Nothing,
}

fn attempt(
    own: Option<Identity>,
    order: &Order,
    signals: &mut Signals,
    current: &Current,
    late: &mut Late,
) -> io::Result<After> {
    let Order { attempt, job, .. } = order;
    let begun = Instant::now();
    signals.attend(attempt, begun);
    let started = Started { boot_id: boot_id().to_owned(), supervisor: own, started_us: record::now_us() };
    let Some(mut claim) = record::claim(attempt, &started)? else {
        return Err(io::Error::other("this attempt was started before, or withdrawn"));
    };
    let mut output = Output::new(attempt, job.output_cap, Mask::new(order.hidden.iter().cloned()));
    let (mut said, mut ordinary, mut noted) = (false, false, true);
    let (outcome, left_behind) = match launch::spawn(order) {
        Err(why) => (Outcome::CouldNotStart { why }, Vec::new()),
        Ok((pid, pipe)) => {
            // A command that is over already has no place in the process table to be found by.
            let child = Identity::of(pid.as_raw_pid());
            // It runs, so it is watched to its end whether or not that could be noted.
            if let Some(Err(e)) = child.map(|child| claim.add_child(child)) {
                current.complain(&format!("the command's process could not be noted: {e}"));
                noted = false;
            }
            let mut watch = Watch::new(job, begun, pid, pipe);
            watch.follow(signals, &mut output, late)?;
            (said, ordinary) = (watch.said, watch.is_wholly_over());
            // Who has no children has no descendants.
            (watch.outcome(), if watch.childless { Vec::new() } else { own_descendants() })
        }
    };
    let ended_us = record::now_us();
    let exit =
        Exit { outcome, started_us: started.started_us, ended_us, output: output.finish(), left_behind };
    let mut end = Late(Some(claim.end(&exit)?));
    ordinary &=
        noted && order.hidden.is_empty() && exit.output.trouble.is_none() && exit.left_behind.is_empty();
    let next = match exit.outcome {
        Outcome::Exited { .. } if ordinary => Next::Another,
        _ => Next::Nothing,
    };
    if exit.output.total > 0 || matches!(next, Next::Nothing) {
        end.sync()?;
    }
    Ok(After { said, next, end })
}

/// Tells the hub, if it still listens.
fn say(what: &[u8]) {
    let _ = rustix::io::write(rustix::stdio::stdout(), what);
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
    /// When the hub hears that it runs, unless it is over by then.
    short: Instant,
    /// Whether the hub has heard.
    said: bool,
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
            short: begun + SHORT,
            said: false,
        }
    }

    /// Whether nothing of it is left: no process, and nobody who still holds its output.
    fn is_wholly_over(&self) -> bool {
        self.stop.is_none() && self.childless && self.pipe.is_none()
    }

    fn follow(&mut self, signals: &mut Signals, output: &mut Output, late: &mut Late) -> io::Result<()> {
        loop {
            self.reap();
            let now = Instant::now();
            self.advance(now, signals);
            if matches!(self.phase, Phase::Over) {
                break;
            }
            if !self.said && now >= self.short {
                self.said = true;
                say(&[READY]);
                // A longer command is a moment of rest. It is watched to its end whatever the disk says about the last.
                let _ = late.sync();
            }
            self.wait(now, signals, output)?;
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
        // A stopped process hears TERM only once it goes on; without this it would wait out its grace.
        let _ = rustix::process::kill_process_group(self.command, Signal::CONT);
    }

    /// TERM and CONT, once, to those who left the group and have become ours.
    fn ask_the_adopted(&mut self) {
        for pid in own_children() {
            let in_group = rustix::process::getpgid(Some(pid)).is_ok_and(|group| group == self.command);
            if !in_group && !self.asked.contains(&pid) {
                self.asked.push(pid);
                let _ = rustix::process::kill_process(pid, Signal::TERM);
                let _ = rustix::process::kill_process(pid, Signal::CONT);
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

    fn wait(&mut self, now: Instant, signals: &mut Signals, output: &mut Output) -> io::Result<()> {
        let until = match self.phase {
            Phase::Running if !self.said => self.deadline.min(self.short),
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
