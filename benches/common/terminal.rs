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
/// Columns and rows of a usual one.
pub const USUAL: (u16, u16) = (COLUMNS, ROWS);
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
    /// All of it, with when it came.
    log: Log,
    over: bool,
}

/// Pieces in the order they came.
pub type Log = Vec<(Instant, Vec<u8>)>;

/// A line that is slow and far away.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// Bytes a second towards the person.
    pub rate: u32,
    /// There and back.
    pub round_trip: Duration,
}

/// The terminal.
pub struct Terminal {
    seen: Arc<(Mutex<Seen>, Condvar)>,
    writer: Writer,
    begun: Instant,
    size: (u16, u16),
    link: Option<Link>,
    child: Box<dyn Child + Send + Sync>,
    _master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    /// Starts a program on a usual one.
    pub fn start(command: CommandBuilder) -> Terminal {
        Terminal::start_on(command, USUAL, None)
    }

    /// Starts a program on one of this size, behind this line.
    pub fn start_on(mut command: CommandBuilder, size: (u16, u16), link: Option<Link>) -> Terminal {
        let (columns, rows) = size;
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        let cells = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(cells).unwrap();
        let writer: Writer = Arc::new(Mutex::new(pair.master.take_writer().unwrap()));
        let begun = Instant::now();
        let screen = vt100::Parser::new(rows.try_into().unwrap(), columns.try_into().unwrap(), 0);
        let seen = Seen { bytes: 0, last: begun, screen, log: Vec::new(), over: false };
        let seen = Arc::new((Mutex::new(seen), Condvar::new()));
        let reader = pair.master.try_clone_reader().unwrap();
        match link {
            None => listen(reader, seen.clone(), writer.clone()),
            Some(link) => listen_through(reader, seen.clone(), writer.clone(), link),
        }
        let begun = Instant::now();
        let child = pair.slave.spawn_command(command).unwrap();
        Terminal { seen, writer, begun, size, link, child, _master: pair.master }
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

    /// How long it took from this key until the screen holds what it should.
    pub fn key_until(&self, key: &[u8], mut holds: impl FnMut(&str) -> bool) -> Duration {
        let pressed = Instant::now();
        self.types(key);
        let (lock, changed) = &*self.seen;
        let guard = lock.lock().unwrap();
        let wait = |seen: &mut Seen| !seen.over && !holds(&seen.screen.screen().contents());
        let (guard, late) = changed.wait_timeout_while(guard, PATIENCE, wait).unwrap();
        let shown = guard.screen.screen().contents();
        assert!(!late.timed_out() && !guard.over, "a key that did not do what it should:\n{shown}");
        guard.last - pressed
    }

    /// What is on the screen.
    pub fn contents(&self) -> String {
        self.seen.0.lock().unwrap().screen.screen().contents()
    }

    /// The program's process.
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.process_id().unwrap()).unwrap()
    }

    /// Columns and rows.
    pub fn size(&self) -> (u16, u16) {
        self.size
    }

    /// Everything that came so far.
    pub fn log(&self) -> Log {
        self.seen.0.lock().unwrap().log.clone()
    }

    /// Types; on a slow line it takes its time to get there.
    pub fn types(&self, bytes: &[u8]) {
        if let Some(link) = self.link {
            later(link.round_trip / 2, self.writer.clone(), bytes.to_vec());
            return;
        }
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
fn listen(mut reader: Box<dyn Read + Send>, seen: Arc<(Mutex<Seen>, Condvar)>, writer: Writer) {
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
            lock.lock().unwrap().takes(came, &buffer[..n]);
            changed.notify_all();
            if n == 0 {
                return;
            }
        }
    });
}

impl Seen {
    fn takes(&mut self, came: Instant, bytes: &[u8]) {
        self.bytes += bytes.len();
        self.last = came;
        self.screen.process(bytes);
        self.over = bytes.is_empty();
        self.log.push((came, bytes.to_vec()));
    }
}

type Writer = Arc<Mutex<Box<dyn Write + Send>>>;

/// Writes after a while.
fn later(wait: Duration, writer: Writer, bytes: Vec<u8>) {
    std::thread::spawn(move || {
        std::thread::sleep(wait);
        // The program may be gone by then.
        let _ = writer.lock().unwrap().write_all(&bytes);
    });
}

/// As [`listen`], behind a slow line: what was written leaves at its rate and arrives half a round trip later, and so
/// do the answers. What is on the way waits in the line's buffers and not in the program, as with SSH.
fn listen_through(
    mut reader: Box<dyn Read + Send>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    writer: Writer,
    link: Link,
) {
    let (tx, rx) = std::sync::mpsc::channel::<(Instant, Vec<u8>)>();
    std::thread::spawn(move || {
        let mut buffer = [0u8; 64 * 1024];
        let mut free = Instant::now();
        loop {
            let n = reader.read(&mut buffer).unwrap_or(0);
            // In pieces as small as packets, so that what is first can be seen first.
            for piece in buffer[..n].chunks(64) {
                let takes = Duration::from_secs_f64(piece.len() as f64 / f64::from(link.rate));
                free = free.max(Instant::now()) + takes;
                let _ = tx.send((free + link.round_trip / 2, piece.to_vec()));
            }
            if n == 0 {
                let _ = tx.send((free, Vec::new()));
                return;
            }
        }
    });
    std::thread::spawn(move || {
        let mut rest: Vec<u8> = Vec::new();
        while let Ok((at, piece)) = rx.recv() {
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            rest.extend_from_slice(&piece);
            for _ in rest.windows(3).filter(|w| w == b"\x1b[c") {
                later(link.round_trip / 2, writer.clone(), ANSWER.to_vec());
            }
            rest.drain(..rest.len().saturating_sub(2));
            seen.0.lock().unwrap().takes(Instant::now(), &piece);
            seen.1.notify_all();
        }
    });
}
