//! Signals that concern a terminal program. Never acts on them.

use std::io;
use std::task::Poll;

use rustix::process::{Pid, getpgid, getpgrp, getppid, getsid, kill_process_group};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// Leave the screen.
    End,
    /// Stop until `fg`.
    Stop,
    /// It was stopped and goes on.
    Continued,
    /// Look at the terminal's size again.
    Resized,
}

/// The signals listened to.
pub(super) struct Signals {
    term: Stream,
    hangup: Stream,
    interrupt: Stream,
    stop: Stream,
    resized: Stream,
    continued: Stream,
}

impl Signals {
    pub(super) fn listen() -> io::Result<Signals> {
        Ok(Signals {
            term: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            stop: signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?,
            resized: signal(SignalKind::window_change())?,
            continued: signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
        })
    }

    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.term.recv() => Signal::End,
            _ = self.hangup.recv() => Signal::End,
            _ = self.interrupt.recv() => Signal::End,
            _ = self.stop.recv() => Signal::Stop,
            _ = self.resized.recv() => Signal::Resized,
            _ = self.continued.recv() => Signal::Continued,
        }
    }

    /// Stops this process and comes back when it goes on.
    ///
    /// The signal that stops a process of several threads need not stop the calling one first, so what must not be
    /// done before the stop waits for the signal that ends it.
    pub(super) async fn stop_and_wait(&mut self) -> io::Result<()> {
        // An older one must not end this wait.
        std::future::poll_fn(|cx| {
            let _ = self.continued.poll_recv(cx);
            Poll::Ready(())
        })
        .await;
        // Not SIGTSTP: our own handler would catch that one again. The whole group, as a terminal does it: a shell
        // watches whoever leads it, which may be a script around us.
        kill_process_group(getpgrp(), rustix::process::Signal::STOP)?;
        self.continued.recv().await;
        Ok(())
    }
}

/// Whether a shell is there that could let this process go on once it is stopped: somebody of the same session who is
/// not of this group, as the kernel asks before it lets a terminal stop one. What ssh, tmux or a container started by
/// itself has nobody, and would stay stopped for good.
pub(super) fn can_go_on_later() -> bool {
    let group = getpgrp();
    let parent = parent_of(group).or_else(getppid);
    let Some(parent) = parent else { return false };
    let (Ok(ours), Ok(theirs), Ok(outside)) = (getsid(None), getsid(Some(parent)), getpgid(Some(parent)))
    else {
        return false;
    };
    ours == theirs && outside != group
}

/// The parent of a process, as `/proc` tells; none when it is gone.
fn parent_of(pid: Pid) -> Option<Pid> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    // The name before the last bracket may hold anything: proc(5).
    let (_, fields) = stat.rsplit_once(')')?;
    Pid::from_raw(fields.split_whitespace().nth(1)?.parse().ok()?)
}
