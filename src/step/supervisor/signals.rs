//! What wakes the supervisor: a child's death and TERM; and requests left as files. Never acts on any of them.
//!
//! The directory is not watched with inotify: taking a watch down at the end costs 20 ms of waiting for the kernel.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGCHLD, SIGTERM};
use signal_hook::{flag, low_level::pipe};

use crate::step::record;

/// How often the directory is looked at for requests. Who also sends TERM does not wait for it.
pub const LOOK: Duration = Duration::from_millis(500);

/// The supervisor's ears.
pub struct Signals {
    dir: PathBuf,
    terminated: Arc<AtomicBool>,
    wake: UnixStream,
    looked: Instant,
    cancel_file: bool,
    kill_file: bool,
}

impl Signals {
    /// Takes over SIGTERM and SIGCHLD and remembers where requests come.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn listen(dir: &Path) -> io::Result<Signals> {
        let terminated = Arc::new(AtomicBool::new(false));
        let (wake, write) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        // The flag first: by the time the pipe wakes, it is set.
        flag::register(SIGTERM, Arc::clone(&terminated))?;
        pipe::register(SIGTERM, write.try_clone()?)?;
        pipe::register(SIGCHLD, write)?;
        let looked = Instant::now();
        Ok(Signals { dir: dir.to_owned(), terminated, wake, looked, cancel_file: false, kill_file: false })
    }

    /// Readable when a signal came.
    pub fn wake(&self) -> &UnixStream {
        &self.wake
    }

    /// Takes what came, so that the next wait waits, and looks for requests if it is time to.
    pub fn drain(&mut self, now: Instant) {
        let mut buffer = [0; 64];
        while matches!((&self.wake).read(&mut buffer), Ok(n) if n == buffer.len()) {}
        if self.terminated.load(Ordering::SeqCst) || now.duration_since(self.looked) >= LOOK {
            self.looked = now;
            self.cancel_file |= self.dir.join(record::CANCEL).exists();
            self.kill_file |= self.dir.join(record::KILL).exists();
        }
    }

    /// Somebody asked for an end with grace.
    pub fn cancel_requested(&self) -> bool {
        self.cancel_file || self.terminated.load(Ordering::SeqCst)
    }

    /// Somebody asked for an end at once.
    pub fn kill_requested(&self) -> bool {
        self.kill_file
    }
}
