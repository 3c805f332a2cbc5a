//! The thread that reads the terminal. Never decodes, and never outlives its owner by more than one read.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;

use rustix::event::{PollFd, PollFlags, poll};
use tokio::sync::mpsc;

/// One read's bytes at most.
const CHUNK: usize = 4096;
/// Reads waiting for the console. When full the thread waits, and the kernel keeps what is typed.
const QUEUE: usize = 64;

/// Bytes from standard input as they come. The channel closes at end of input or when the terminal is gone.
pub struct Reader {
    chunks: mpsc::Receiver<Vec<u8>>,
    // Dropping this end wakes the thread out of its poll.
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    /// Starts reading standard input.
    ///
    /// # Errors
    /// When the process is out of descriptors or threads.
    pub fn stdin() -> io::Result<Reader> {
        let (stop, stopped) = UnixStream::pair()?;
        let (sender, chunks) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new().name("terminal-input".into()).spawn(move || {
            while let Some(chunk) = next(&stopped) {
                if sender.blocking_send(chunk).is_err() {
                    return;
                }
            }
        })?;
        Ok(Reader { chunks, stop: Some(stop), thread: Some(thread) })
    }

    /// The next bytes; `None` when the terminal is gone.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        self.chunks.recv().await
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.stop.take();
        self.chunks.close();
        if let Some(thread) = self.thread.take() {
            // It has nothing to say; a panic in it was already printed by the hook.
            let _ = thread.join();
        }
    }
}

fn next(stopped: &UnixStream) -> Option<Vec<u8>> {
    let stdin = rustix::stdio::stdin();
    loop {
        let mut fds = [
            PollFd::from_borrowed_fd(stdin, PollFlags::IN),
            PollFd::from_borrowed_fd(stopped.as_fd(), PollFlags::IN),
        ];
        match poll(&mut fds, None) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return None,
        }
        let [input, stop] = &fds;
        if !stop.revents().is_empty() {
            return None;
        }
        if input.revents().is_empty() {
            continue;
        }
        let mut buffer = vec![0u8; CHUNK];
        match rustix::io::read(stdin, &mut buffer) {
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
