//! A program on a terminal of its own that answers as terminals do and notes when bytes came. Draws nothing.

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// Rows of it.
pub const ROWS: u16 = 40;
/// Columns of it.
pub const COLUMNS: u16 = 120;
/// What it says about itself when it is asked.
const ANSWER: &[u8] = b"\x1b[?62;22c";
/// When nothing more comes for so long, a frame is complete.
const QUIET: Duration = Duration::from_millis(25);
/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came.
struct Seen {
    /// How many bytes.
    bytes: usize,
    /// When the newest of them came.
    last: Instant,
    screen: vt100::Parser,
    over: bool,
}

/// The terminal.
pub struct Terminal {
    seen: Arc<(Mutex<Seen>, Condvar)>,
    writer: Arc<Mutex<Box<dyn Write + Send>>>,
    begun: Instant,
    child: Box<dyn Child + Send + Sync>,
    _master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    /// Starts a program on it.
    pub fn start(mut command: CommandBuilder) -> Terminal {
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        let size = PtySize { rows: ROWS, cols: COLUMNS, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let writer = Arc::new(Mutex::new(pair.master.take_writer().unwrap()));
        let begun = Instant::now();
        let screen = vt100::Parser::new(ROWS.try_into().unwrap(), COLUMNS.try_into().unwrap(), 0);
        let seen = Seen { bytes: 0, last: begun, screen, over: false };
        let seen = Arc::new((Mutex::new(seen), Condvar::new()));
        listen(pair.master.try_clone_reader().unwrap(), seen.clone(), writer.clone());
        let begun = Instant::now();
        let child = pair.slave.spawn_command(command).unwrap();
        Terminal { seen, writer, begun, child, _master: pair.master }
    }

    /// How long it took from the start of the program to the end of the frame that shows this text.
    pub fn first_paint(&self, text: &str) -> Duration {
        let (lock, changed) = &*self.seen;
        let guard = lock.lock().unwrap();
        let holds = |seen: &Seen| seen.over || seen.screen.screen().contents().contains(text);
        let (guard, late) = changed.wait_timeout_while(guard, PATIENCE, |seen| !holds(seen)).unwrap();
        let shown = guard.screen.screen().contents();
        assert!(!late.timed_out() && !guard.over, "waited for `{text}`; on the screen:\n{shown}");
        drop(guard);
        self.quiet() - self.begun
    }

    /// Waits until a frame is complete; when its last byte came.
    pub fn quiet(&self) -> Instant {
        let (lock, changed) = &*self.seen;
        let mut guard = lock.lock().unwrap();
        loop {
            let left = (guard.last + QUIET).saturating_duration_since(Instant::now());
            if left.is_zero() {
                return guard.last;
            }
            guard = changed.wait_timeout(guard, left).unwrap().0;
        }
    }

    /// How long it took from this key to the end of the frame it led to.
    pub fn key(&self, key: &[u8]) -> Duration {
        self.quiet();
        let (lock, changed) = &*self.seen;
        let before = lock.lock().unwrap().bytes;
        let pressed = Instant::now();
        self.types(key);
        let guard = lock.lock().unwrap();
        let (guard, late) =
            changed.wait_timeout_while(guard, PATIENCE, |seen| seen.bytes == before && !seen.over).unwrap();
        assert!(!late.timed_out() && !guard.over, "a key that led to nothing");
        drop(guard);
        self.quiet() - pressed
    }

    /// Types.
    pub fn types(&self, bytes: &[u8]) {
        let mut writer = self.writer.lock().unwrap();
        writer.write_all(bytes).unwrap();
        writer.flush().unwrap();
    }

    /// How many bytes come while nobody does anything, once what the start brought has had two seconds to come.
    pub fn idle(&self, lasts: Duration) -> usize {
        std::thread::sleep(Duration::from_secs(2));
        let before = self.seen.0.lock().unwrap().bytes;
        std::thread::sleep(lasts);
        self.seen.0.lock().unwrap().bytes - before
    }

    /// Ends a program that no key ends.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends the program.
    pub fn end(mut self, keys: &[u8]) {
        self.types(keys);
        let until = Instant::now() + Duration::from_secs(5);
        while self.child.try_wait().unwrap().is_none() {
            if Instant::now() > until {
                self.child.kill().unwrap();
                self.child.wait().unwrap();
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Notes what comes, and answers every question.
fn listen(
    mut reader: Box<dyn Read + Send>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    writer: Arc<Mutex<Box<dyn Write + Send>>>,
) {
    std::thread::spawn(move || {
        let mut buffer = [0u8; 64 * 1024];
        let mut rest: Vec<u8> = Vec::new();
        loop {
            let n = reader.read(&mut buffer).unwrap_or(0);
            let came = Instant::now();
            // A question may be cut in two: the last two bytes are kept.
            rest.extend_from_slice(&buffer[..n]);
            for _ in rest.windows(3).filter(|w| w == b"\x1b[c") {
                let _ = writer.lock().unwrap().write_all(ANSWER);
            }
            rest.drain(..rest.len().saturating_sub(2));
            let (lock, changed) = &*seen;
            let mut guard = lock.lock().unwrap();
            guard.bytes += n;
            guard.last = came;
            guard.screen.process(&buffer[..n]);
            guard.over = n == 0;
            drop(guard);
            changed.notify_all();
            if n == 0 {
                return;
            }
        }
    });
}
