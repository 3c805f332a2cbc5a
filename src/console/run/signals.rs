//! Signals that concern a terminal program. Never acts on them.

use std::io;
use std::task::Poll;

use rustix::process::kill_current_process_group;
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
        kill_current_process_group(rustix::process::Signal::STOP)?;
        self.continued.recv().await;
        Ok(())
    }
}

/// Whether a shell is there that could let this process go on once it is stopped: somebody of the same session who is
/// not of this group, as the kernel asks before it lets a terminal stop one. What ssh, tmux or a container started by
/// itself has nobody, and would stay stopped for good.
pub(super) fn can_go_on_later() -> bool {
    let Some(us) = Place::of("self") else { return false };
    let leader = Place::of(&us.group).unwrap_or_else(|| us.clone());
    Place::of(&leader.parent).is_some_and(|shell| shell.session == us.session && shell.group != us.group)
}

/// Where a process stands among the others, as `/proc` tells. Not by system calls: inside a container whoever leads
/// the group or the session may be outside and is told as 0, which is no process.
#[derive(Clone)]
struct Place {
    parent: String,
    group: String,
    session: String,
}

impl Place {
    /// None when it is gone, or outside this container.
    fn of(pid: &str) -> Option<Place> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name before the last bracket may hold anything: proc(5).
        let (_, fields) = stat.rsplit_once(')')?;
        let mut fields = fields.split_whitespace().skip(1).map(String::from);
        Some(Place { parent: fields.next()?, group: fields.next()?, session: fields.next()? })
    }
}
