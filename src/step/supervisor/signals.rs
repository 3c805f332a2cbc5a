//! What wakes the supervisor: a child's death, TERM, and requests left as files. Never acts on any of them.

use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use signal_hook::consts::{SIGCHLD, SIGTERM};
use signal_hook::{flag, low_level::pipe};

use crate::step::record;

/// The supervisor's ears.
pub struct Signals {
    dir: PathBuf,
    terminated: Arc<AtomicBool>,
    wake: UnixStream,
    requests: OwnedFd,
    cancel_file: bool,
    kill_file: bool,
}

impl Signals {
    /// Takes over SIGTERM and SIGCHLD and watches the directory for requests.
    ///
    /// # Errors
    /// The directory is not there, or the kernel refuses.
    pub fn listen(dir: &Path) -> io::Result<Signals> {
        let terminated = Arc::new(AtomicBool::new(false));
        let (wake, write) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        // The flag first: by the time the pipe wakes, it is set.
        flag::register(SIGTERM, Arc::clone(&terminated))?;
        pipe::register(SIGTERM, write.try_clone()?)?;
        pipe::register(SIGCHLD, write)?;
        let requests = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        inotify::add_watch(&requests, dir, WatchFlags::CREATE | WatchFlags::MOVED_TO)?;
        let mut signals =
            Signals { dir: dir.to_owned(), terminated, wake, requests, cancel_file: false, kill_file: false };
        signals.look();
        Ok(signals)
    }

    /// Readable when a signal came.
    pub fn wake(&self) -> &UnixStream {
        &self.wake
    }

    /// Readable when a file came.
    pub fn requests(&self) -> &OwnedFd {
        &self.requests
    }

    /// Empties both, so that the next wait waits, and looks what was asked for.
    pub fn drain(&mut self) {
        let mut buffer = [0; 4096];
        while matches!((&self.wake).read(&mut buffer), Ok(n) if n > 0) {}
        let mut any = false;
        while matches!(rustix::io::read(&self.requests, &mut buffer), Ok(n) if n > 0) {
            any = true;
        }
        if any {
            self.look();
        }
    }

    fn look(&mut self) {
        self.cancel_file |= self.dir.join(record::CANCEL).exists();
        self.kill_file |= self.dir.join(record::KILL).exists();
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
