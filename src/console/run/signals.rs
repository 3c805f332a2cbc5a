//! Signals that concern a terminal program. Never acts on them.

use std::io;
use std::task::Poll;

use rustix::process::{getpid, kill_process};
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
        // Not SIGTSTP: our own handler would catch that one again.
        kill_process(getpid(), rustix::process::Signal::STOP)?;
        self.continued.recv().await;
        Ok(())
    }
}
