//! From the start of an attached console to its first paint over a record of 10,000 events, from a key to its paint,
//! and what it writes while nothing happens; against `btm`, in turn, on terminals of the same size.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]
#![allow(dead_code, reason = "each bench uses its part of what they share")]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use common::history::{History, ID};
use common::probe::resident;
use common::room::Room;
use common::terminal::Terminal;
use common::{absolute, compared, folder, pairs, percentile, report};
use portable_pty::CommandBuilder;

const EVENTS: u64 = 10_000;
/// Events that share a seal: what a room at work writes at once.
const BATCH: u64 = 2;
/// Steps of a runbook that nobody should write.
const STEPS: usize = 10_000;
/// Steps that somebody may well write.
const FEW_STEPS: usize = 100;
/// Keys that are pressed on one terminal.
const KEYS: usize = 50;
/// What only a console that has read and checked the record can show.
const TITLE: &str = "A long watch";

/// First paint, and the middle one of the times from a key to its paint.
type Side = (Duration, Duration);

/// The program and where its incident is.
struct Place {
    root: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let place = Place { root: folder() };
        let dir = place.state().join("incidents").join(ID);
        std::fs::create_dir_all(dir.parent().unwrap()).unwrap();
        let mut history = History::sealing(&dir, BATCH);
        history.grow_to(EVENTS);
        history.come_to_rest();
        place
    }

    fn state(&self) -> PathBuf {
        self.root.path().join("state")
    }

    fn folder(&self) -> PathBuf {
        self.state().join("incidents").join(ID)
    }

    /// Starts the hub in a process of its own.
    fn serve(&self) {
        let mut command = Command::new(common::PROGRAM);
        command.args(["resume", ID, "--headless"]).env("BACKOUT_STATE", self.state());
        command.env("XDG_RUNTIME_DIR", self.root.path()).env_remove("SSH_AUTH_SOCK").stdin(Stdio::null());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn console(&self) -> CommandBuilder {
        let mut command = CommandBuilder::new(common::PROGRAM);
        command.args(["join", ID, "--observe", "--no-clock"]);
        command.env("BACKOUT_STATE", self.state());
        command.env("XDG_RUNTIME_DIR", self.root.path());
        command
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(self.folder().join("hub.pid")).unwrap_or_default();
        let pid = pid.split_whitespace().next().and_then(|pid| pid.parse().ok());
        if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }
}

/// One start, and keys that move a list down and up again.
fn side(command: CommandBuilder, shows: &str, list: &[u8]) -> Side {
    let terminal = Terminal::start(command);
    let first = terminal.first_paint(shows);
    if !list.is_empty() {
        terminal.types(list);
    }
    let mut keys: Vec<Duration> =
        (0..KEYS).map(|n| terminal.key(if n % 2 == 0 { b"j" } else { b"k" })).collect();
    terminal.end(b"q");
    (first, percentile(&mut keys, 0.5))
}

fn bottom(program: &Path, home: &Path) -> Side {
    let mut command = CommandBuilder::new(program);
    command.env("HOME", home);
    command.env("XDG_CONFIG_HOME", home);
    side(command, "CPU%", b"")
}

/// The least that a program on a terminal does: it says a word, and then each key.
fn echo() -> Side {
    let mut command = CommandBuilder::new("/bin/sh");
    command.args(["-c", "stty raw -echo; printf ready; exec cat"]);
    let terminal = Terminal::start(command);
    let first = terminal.first_paint("ready");
    let mut keys: Vec<Duration> = (0..KEYS).map(|_| terminal.key(b"j")).collect();
    let key = percentile(&mut keys, 0.5);
    terminal.kill();
    (first, key)
}

fn main() {
    let place = Place::new();
    place.serve();
    let home = folder();
    // `5` opens what happened: a list as long as the record.
    let product = || side(place.console(), TITLE, b"5");
    let each = |taken: &[(Side, Side)], of: fn(&Side) -> Duration| -> Vec<f64> {
        taken.iter().map(|(peer, ours)| of(ours).as_secs_f64() / of(peer).as_secs_f64()).collect()
    };
    println!("a record of {EVENTS} events, {BATCH} to a seal; {KEYS} keys a side");
    match common::peers::find("btm") {
        Some(program) => {
            let taken = pairs(|| bottom(&program, home.path()), product);
            report("start to first paint / btm", each(&taken, |s| s.0), 0.5);
            report("key to paint, p50 / btm", each(&taken, |s| s.1), 1.2);
        }
        None => {
            let taken = pairs(echo, product);
            compared("start to first paint / a shell that echoes", each(&taken, |s| s.0));
            compared("key to paint, p50 / a shell that echoes", each(&taken, |s| s.1));
        }
    }
    let terminal = Terminal::start(place.console());
    terminal.first_paint(TITLE);
    let bytes = terminal.idle(Duration::from_secs(10));
    absolute("written in 10 s while nothing happens", bytes as f64, "bytes", 0.0);
    absolute("memory of a console", resident(terminal.pid()), "MiB", 20.0);
    terminal.end(b"q");
    many_steps();
}

/// A runbook of ten thousand steps against one of a hundred, which fills a screen so that there is something to move:
/// a key is painted as soon.
fn many_steps() {
    let (Some(few), Some(many)) = (Room::new(FEW_STEPS), Room::new(STEPS)) else {
        println!("SKIPPED: this needs ssh-keygen");
        return;
    };
    let keys = |room: &Room, list: &[u8]| {
        let mut command = CommandBuilder::new(common::PROGRAM);
        command.args(["--state", room.state().to_str().unwrap(), "join", "--observe", "--no-clock"]);
        let terminal = Terminal::start(command);
        let first = terminal.first_paint("Many steps");
        terminal.types(list);
        std::thread::sleep(Duration::from_secs(1));
        let mut keys: Vec<Duration> =
            (0..KEYS).map(|n| terminal.key(if n % 2 == 0 { b"j" } else { b"k" })).collect();
        let memory = resident(terminal.pid());
        terminal.end(b"qq");
        (first, percentile(&mut keys, 0.5), memory)
    };
    for room in [&few, &many] {
        let mut opener = room.open_still();
        opener.wait_for("approval.requested");
        std::thread::spawn(move || opener.wait());
    }
    for (view, list) in [("steps", b"1"), ("plan and actual", b"b"), ("timeline", b"t")] {
        let (_, of_few, _) = keys(&few, list);
        let (first, lot, memory) = keys(&many, list);
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        println!(
            "{STEPS} steps, {view}: first paint {:.0} ms, key {:.2} ms ({FEW_STEPS} steps: {:.2} ms)",
            ms(first),
            ms(lot),
            ms(of_few)
        );
        compared("  key to paint / with a hundred steps", vec![ms(lot) / ms(of_few)]);
        absolute("  memory", memory, "MiB", 40.0);
    }
    for room in [&few, &many] {
        room.act("close", &["--reason", "done"]);
    }
}
