//! Bytes from the terminal as they come. Never decodes, and never waits inside a read.

use std::io::{self, Stdin};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// One read's bytes at most.
const CHUNK: usize = 4096;

/// Standard input, waited for by the loop itself: a key that had to pass through another thread first would wait for two.
pub struct Reader {
    stdin: AsyncFd<Stdin>,
}

impl Reader {
    /// Listens to standard input.
    ///
    /// # Errors
    /// When it is nothing that can be waited for, or without a runtime.
    #[expect(
        deprecated,
        reason = "what replaces it is unsafe; nobody closes standard input while this lives"
    )]
    pub fn stdin() -> io::Result<Reader> {
        Ok(Reader { stdin: AsyncFd::with_interest(io::stdin(), Interest::READABLE)? })
    }

    /// The next bytes; `None` when the terminal is gone. Nothing is lost when the future is dropped while it waits.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            let mut ready = self.stdin.readable().await.ok()?;
            // The descriptor is shared with whoever started us and stays as it was: a read may only begin when there is
            // something to read.
            if !holds_something() {
                ready.clear_ready();
                continue;
            }
            let mut buffer = vec![0u8; CHUNK];
            match rustix::io::read(rustix::stdio::stdin(), &mut buffer) {
                Ok(0) => return None,
                Ok(n) => {
                    buffer.truncate(n);
                    return Some(buffer);
                }
                Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
                // EIO is a terminal that is gone: the line dropped. That is an end, not an error.
                Err(_) => return None,
            }
        }
    }
}

/// Whether a read would come back at once: with bytes, or because there will be none any more.
fn holds_something() -> bool {
    let stdin = rustix::stdio::stdin();
    let mut fds = [PollFd::from_borrowed_fd(stdin, PollFlags::IN)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    loop {
        match poll(&mut fds, Some(&at_once)) {
            Ok(ready) => return ready > 0,
            Err(rustix::io::Errno::INTR) => {}
            // What cannot even be asked about is gone, and the read says so.
            Err(_) => return true,
        }
    }
}
