//! What wakes the supervisor: a child's death, TERM, a nudge; and requests left as files. Never acts on any of them.
//!
//! TERM is for the supervisor itself, from whoever wants this process to end. Whoever wants a *command* to end leaves a
//! request beside its attempt and nudges with USR1: by the time the nudge comes the supervisor may be with another
//! command, which is not meant.
//!
//! The folder is not watched with inotify: taking a watch down at the end costs 20 ms of waiting for the kernel.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGCHLD, SIGTERM, SIGUSR1};
use signal_hook::{flag, low_level::pipe};

use crate::step::record;

/// How often requests are looked for. Who also nudges does not wait for it.
pub const LOOK: Duration = Duration::from_millis(500);

/// The supervisor's ears.
pub struct Signals {
    terminated: Arc<AtomicBool>,
    nudged: Arc<AtomicBool>,
    wake: UnixStream,
    attempt: PathBuf,
    looked: Instant,
    cancel_file: bool,
    kill_file: bool,
}

impl Signals {
    /// Takes over SIGTERM, SIGUSR1 and SIGCHLD.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn listen() -> io::Result<Signals> {
        let (terminated, nudged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (wake, write) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        // The flags first: by the time the pipe wakes, they are set.
        flag::register(SIGTERM, Arc::clone(&terminated))?;
        flag::register(SIGUSR1, Arc::clone(&nudged))?;
        for signal in [SIGTERM, SIGUSR1] {
            pipe::register(signal, write.try_clone()?)?;
        }
        pipe::register(SIGCHLD, write)?;
        let looked = Instant::now();
        let attempt = PathBuf::new();
        Ok(Signals { terminated, nudged, wake, attempt, looked, cancel_file: false, kill_file: false })
    }

    /// From now on requests about this attempt count, and none that came before.
    pub fn attend(&mut self, attempt: &Path, now: Instant) {
        attempt.clone_into(&mut self.attempt);
        (self.looked, self.cancel_file, self.kill_file) = (now, false, false);
        self.nudged.store(false, Ordering::SeqCst);
    }

    /// Readable when a signal came.
    pub fn wake(&self) -> &UnixStream {
        &self.wake
    }

    /// Takes what came, so that the next wait waits, and looks for requests if it is time to.
    pub fn drain(&mut self, now: Instant) {
        let mut buffer = [0; 64];
        while matches!((&self.wake).read(&mut buffer), Ok(n) if n == buffer.len()) {}
        let nudged = self.nudged.swap(false, Ordering::SeqCst);
        if nudged || now.duration_since(self.looked) >= LOOK {
            self.looked = now;
            self.cancel_file |= record::file(&self.attempt, record::CANCEL).exists();
            self.kill_file |= record::file(&self.attempt, record::KILL).exists();
        }
    }

    /// Somebody asked for the command's end with grace, or for this process to go, which is not done without the
    /// command.
    pub fn cancel_requested(&self) -> bool {
        self.cancel_file || self.asked_to_go()
    }

    /// Somebody asked for the command's end at once.
    pub fn kill_requested(&self) -> bool {
        self.kill_file
    }

    /// Somebody asked this process to end.
    pub fn asked_to_go(&self) -> bool {
        self.terminated.load(Ordering::SeqCst)
    }
}
