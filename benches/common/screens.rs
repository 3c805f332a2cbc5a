//! Many terminals at once, each with a program on it: when the last of them shows a word. Draws nothing.

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::terminal::{COLUMNS, ROWS};

/// What a terminal says about itself when it is asked.
const ANSWER: &[u8] = b"\x1b[?62;22c";
/// Of what came, so much is searched: a screenful.
const KEPT: usize = 32 * 1024;
/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

type Writer = Arc<Mutex<Box<dyn Write + Send>>>;

/// The terminals.
pub struct Screens {
    wanted: Arc<Mutex<String>>,
    seen: Receiver<(usize, String, Instant)>,
    writers: Vec<Writer>,
    children: Vec<Box<dyn Child + Send + Sync>>,
    _masters: Vec<Box<dyn MasterPty + Send>>,
}

impl Screens {
    /// Starts so many, and waits until each has shown this.
    pub fn start(count: usize, command: impl Fn() -> CommandBuilder, first: &str) -> Screens {
        let wanted = Arc::new(Mutex::new(first.to_owned()));
        let (tx, seen) = channel();
        let mut screens =
            Screens { wanted, seen, writers: Vec::new(), children: Vec::new(), _masters: Vec::new() };
        for number in 0..count {
            let size = PtySize { rows: ROWS, cols: COLUMNS, pixel_width: 0, pixel_height: 0 };
            let pair = native_pty_system().openpty(size).unwrap();
            let writer: Writer = Arc::new(Mutex::new(pair.master.take_writer().unwrap()));
            let reader = pair.master.try_clone_reader().unwrap();
            listen(number, reader, writer.clone(), screens.wanted.clone(), tx.clone());
            let mut command = command();
            command.env("TERM", "xterm-256color");
            screens.children.push(pair.slave.spawn_command(command).unwrap());
            screens.writers.push(writer);
            screens._masters.push(pair.master);
        }
        screens.all_have_seen(first);
        // First frames may come in pieces.
        std::thread::sleep(Duration::from_secs(1));
        screens
    }

    /// From now on this word is looked for.
    pub fn look_for(&self, word: &str) {
        word.clone_into(&mut self.wanted.lock().unwrap());
    }

    /// Waits until every one has shown the word; when the last one did.
    pub fn all_have_seen(&self, word: &str) -> Instant {
        let mut waiting: std::collections::BTreeSet<usize> = (0..self.writers.len()).collect();
        let mut last = Instant::now();
        while !waiting.is_empty() {
            let (number, seen, at) = self
                .seen
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|_| panic!("{waiting:?} never showed `{word}`"));
            if seen == word && waiting.remove(&number) {
                last = at;
            }
        }
        last
    }

    /// Types on the first of them.
    pub fn types(&self, bytes: &[u8]) {
        let mut writer = self.writers[0].lock().unwrap();
        writer.write_all(bytes).unwrap();
        writer.flush().unwrap();
    }
}

impl Drop for Screens {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Notes when the wanted word came, and answers every question.
fn listen(
    number: usize,
    mut reader: Box<dyn Read + Send>,
    writer: Writer,
    wanted: Arc<Mutex<String>>,
    tx: Sender<(usize, String, Instant)>,
) {
    std::thread::spawn(move || {
        let mut buffer = [0u8; 64 * 1024];
        let (mut kept, mut told) = (Vec::new(), String::new());
        loop {
            let n = reader.read(&mut buffer).unwrap_or(0);
            let came = Instant::now();
            if n == 0 {
                return;
            }
            let from = kept.len().saturating_sub(2);
            kept.extend_from_slice(&buffer[..n]);
            for _ in kept[from..].windows(3).filter(|w| w == b"\x1b[c") {
                let _ = writer.lock().unwrap().write_all(ANSWER);
            }
            let word = wanted.lock().unwrap().clone();
            if word != told && kept.windows(word.len()).any(|w| w == word.as_bytes()) {
                told.clone_from(&word);
                kept.clear();
                if tx.send((number, word, came)).is_err() {
                    return;
                }
            }
            kept.drain(..kept.len().saturating_sub(KEPT));
        }
    });
}
