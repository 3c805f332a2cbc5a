//! What a console costs on its line and its machine, in one run with its peers: while nothing happens, with a clock and
//! four charts against `btm`, following a stream of lines against tmux, and from a key to its paint against `btm` and
//! a bare echo; on a usual line and on one of 3 KB a second.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]
#![allow(dead_code, reason = "each bench uses its part of what they share")]

mod common;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::noter::Noter;
use common::probe::{Spell, watch};
use common::room::Room;
use common::terminal::{Link, Terminal, USUAL};
use common::{absolute, compared, folder, peers, percentile, report};
use portable_pty::CommandBuilder;

/// How long bytes and CPU are counted.
const LONG: Duration = Duration::from_secs(20);
/// Keys of one side.
const KEYS: usize = 40;
/// Only a console that has read the record shows it.
const TITLE: &str = "Many steps";
/// Only the list of keys has it.
const HELP: &str = "close one dialog";
const WIDE: (u16, u16) = (200, 60);

fn console(room: &Room, more: &[&str]) -> CommandBuilder {
    let mut command = CommandBuilder::new(common::PROGRAM);
    command.args(["--state", room.state().to_str().unwrap(), "join", "--observe"]);
    command.args(more);
    command.env("LANG", "C.UTF-8");
    command
}

/// A console that shows a view, and has settled.
fn shown(room: &Room, more: &[&str], size: (u16, u16), view: &[u8]) -> Terminal {
    let terminal = Terminal::start_on(console(room, more), size, None);
    terminal.first_paint(TITLE);
    terminal.types(view);
    std::thread::sleep(Duration::from_secs(3));
    terminal
}

fn bottom(program: &Path, home: &Path) -> Terminal {
    let mut command = CommandBuilder::new(program);
    command.env("HOME", home);
    command.env("XDG_CONFIG_HOME", home);
    let terminal = Terminal::start(command);
    terminal.first_paint("CPU%");
    std::thread::sleep(Duration::from_secs(3));
    terminal
}

fn told(what: &str, spell: &Spell) {
    let seconds = LONG.as_secs_f64();
    println!(
        "{what:<44} {:>8.1} B/s, {:>5.1} frames/s, {:>6.0} B/frame, CPU {:.2} ms/s",
        spell.bytes as f64 / seconds,
        spell.frames as f64 / seconds,
        spell.bytes as f64 / spell.frames.max(1) as f64,
        spell.cpu
    );
}

fn at_rest(quiet: &Room) {
    let terminal = shown(quiet, &["--no-clock"], USUAL, b"");
    let spell = watch(&terminal, || std::thread::sleep(LONG));
    absolute("nothing changes: bytes", spell.bytes as f64, "B", 0.0);
    absolute("nothing changes: frames", spell.frames as f64, "", 0.0);
    println!("{:<44} {:.3} ms/s", "nothing changes: CPU", spell.cpu);
    terminal.end(b"q");
}

fn charts(room: &Room, btm: Option<&PathBuf>, home: &Path) {
    for (name, view) in [("usual screen", b"1"), ("metrics", b"m")] {
        let ours = shown(room, &[], USUAL, view);
        let spell = watch(&ours, || std::thread::sleep(LONG));
        told(&format!("clock and four charts, {name}"), &spell);
        absolute("  a frame", spell.bytes as f64 / spell.frames.max(1) as f64, "B", 600.0);
        report("  bytes / the least that shows it", vec![spell.bytes as f64 / spell.ideal as f64], 1.5);
        absolute("  memory", common::probe::resident(ours.pid()), "MiB", 20.0);
        ours.end(b"qq");
        let Some(program) = btm else { continue };
        let theirs = bottom(program, home);
        let peer = watch(&theirs, || std::thread::sleep(LONG));
        told("  btm", &peer);
        println!("{:<44} {:.1} MiB", "  memory of btm", common::probe::resident(theirs.pid()));
        theirs.end(b"q");
        report("  CPU / btm", vec![spell.cpu / peer.cpu], 0.2);
    }
}

/// A tmux with one client whose pane shows what is written into a pipe.
struct Tmux {
    place: tempfile::TempDir,
    client: Terminal,
    pipe: std::fs::File,
}

impl Tmux {
    fn on(size: (u16, u16)) -> Option<Tmux> {
        peers::find("tmux")?;
        let place = folder();
        let pipe = place.path().join("lines");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let mut command = CommandBuilder::new("tmux");
        command.args(["-S", place.path().join("s").to_str().unwrap(), "-f", "/dev/null", "new-session"]);
        command.arg(format!("echo a war room; cat {}", pipe.display()));
        command.env_remove("TMUX");
        let client = Terminal::start_on(command, size, None);
        client.first_paint("a war room");
        let pipe = std::fs::File::options().write(true).open(&pipe).unwrap();
        Some(Tmux { place, client, pipe })
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let socket = self.place.path().join("s");
        let mut command = Command::new("tmux");
        let _ = command.arg("-S").arg(socket).arg("kill-server").stderr(Stdio::null()).status();
    }
}

/// Bytes of a console that follows so many lines a second, and those lines.
fn follows(
    room: &Room,
    noter: &mut Noter,
    size: (u16, u16),
    view: &[u8],
    rate: usize,
) -> (Spell, Vec<String>) {
    let terminal = shown(room, &[], size, view);
    // A screenful first: what is measured is a list that is full.
    noter.streams(100, Duration::from_secs(1));
    std::thread::sleep(Duration::from_secs(2));
    let mut lines = Vec::new();
    let spell = watch(&terminal, || lines = noter.streams(rate, LONG));
    terminal.end(b"qq");
    (spell, lines)
}

fn streams(room: &Room, noter: &mut Noter) {
    for (name, size) in [("120x40", USUAL), ("200x60", WIDE)] {
        for (view, keys) in [("usual screen", b"1"), ("timeline", b"t")] {
            let (ten, lines) = follows(room, noter, size, keys, 10);
            told(&format!("ten lines a second, {view} {name}"), &ten);
            let (hundred, _) = follows(room, noter, size, keys, 100);
            told(&format!("a hundred lines a second, {view} {name}"), &hundred);
            report("  a hundred / ten", vec![hundred.bytes as f64 / ten.bytes as f64], 1.0);
            let Some(mut tmux) = Tmux::on(size) else { continue };
            let peer = {
                let Tmux { client, pipe, .. } = &mut tmux;
                watch(client, || {
                    let begun = Instant::now();
                    for (n, line) in lines.iter().enumerate() {
                        let at = begun + Duration::from_millis(100) * u32::try_from(n).unwrap();
                        std::thread::sleep(at.saturating_duration_since(Instant::now()));
                        // As a row of the console has it: when, who, what.
                        writeln!(pipe, "12:00:00 me       note: {line}").unwrap();
                    }
                })
            };
            told("  tmux, the same lines", &peer);
            report("  bytes / tmux", vec![ten.bytes as f64 / peer.bytes as f64], 8.0);
        }
    }
}

/// The middle time from a key to its paint: the list of keys is opened and closed.
fn keys(terminal: &Terminal, open: &[u8], word: &str, close: &[u8]) -> Duration {
    let mut taken = Vec::new();
    for _ in 0..KEYS / 2 {
        taken.push(terminal.key_until(open, |shown| shown.contains(word)));
        std::thread::sleep(Duration::from_millis(117));
        taken.push(terminal.key_until(close, |shown| !shown.contains(word)));
        std::thread::sleep(Duration::from_millis(131));
    }
    percentile(&mut taken, 0.5)
}

/// The middle time from a key to its paint: the selection goes down the list of steps and up again. What else comes
/// onto the screen meanwhile is not taken for it.
fn moves(terminal: &Terminal) -> Duration {
    let selected = |shown: &str| shown.lines().position(|line| line.starts_with("▸ "));
    let mut taken = Vec::new();
    for n in 0..KEYS {
        let before = selected(&terminal.contents());
        let key: &[u8] = if n % 2 == 0 { b"j" } else { b"k" };
        taken.push(terminal.key_until(key, |shown| selected(shown) != before));
        std::thread::sleep(Duration::from_millis(117));
    }
    percentile(&mut taken, 0.5)
}

/// The same of the list that `btm` shows.
fn their_moves(terminal: &Terminal) -> Duration {
    let key = |n| terminal.key(if n % 2 == 0 { b"j" } else { b"k" });
    percentile(&mut (0..KEYS).map(key).collect::<Vec<_>>(), 0.5)
}

/// The least that a program on a terminal does: it says a word, and then each key.
fn echo() -> Duration {
    let mut command = CommandBuilder::new("/bin/sh");
    command.args(["-c", "stty raw -echo; printf ready; exec cat"]);
    let terminal = Terminal::start(command);
    terminal.first_paint("ready");
    let mut taken: Vec<Duration> = (0..KEYS)
        .map(|n| {
            std::thread::sleep(Duration::from_millis(50));
            let much = n + 1;
            terminal.key_until(b"x", |shown| shown.matches('x').count() >= much)
        })
        .collect();
    terminal.kill();
    percentile(&mut taken, 0.5)
}

/// What happens while notes stream in.
fn while_streaming<T>(noter: &mut Noter, act: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                noter.streams(10, Duration::from_millis(200));
            }
        });
        let out = act();
        over.store(true, Ordering::Relaxed);
        out
    })
}

fn key_to_paint(room: &Room, noter: &mut Noter, btm: Option<&PathBuf>, home: &Path) {
    let [mut to_btm, mut to_echo, mut dialog_to_btm, mut dialog_to_echo] = [const { Vec::new() }; 4];
    for _ in 0..3 {
        let ours = shown(room, &[], USUAL, b"1");
        let (moved, opened) = while_streaming(noter, || {
            let took = (moves(&ours), keys(&ours, b"?", HELP, b"q"));
            ours.end(b"qq");
            took
        });
        let floor = echo();
        println!(
            "backout: a move {:.2} ms, a dialog {:.2} ms; echo {:.2} ms",
            ms(moved),
            ms(opened),
            ms(floor)
        );
        to_echo.push(ms(moved) / ms(floor));
        dialog_to_echo.push(ms(opened) / ms(floor));
        let Some(program) = btm else { continue };
        let theirs = bottom(program, home);
        let (their_move, their_dialog) = (their_moves(&theirs), keys(&theirs, b"?", BOTTOM_HELP, b"\x1b"));
        theirs.end(b"q");
        println!("btm:     a move {:.2} ms, a dialog {:.2} ms", ms(their_move), ms(their_dialog));
        to_btm.push(ms(moved) / ms(their_move));
        dialog_to_btm.push(ms(opened) / ms(their_dialog));
    }
    if !to_btm.is_empty() {
        report("key to paint with the feed, p50 / btm", to_btm, 1.2);
        report("  a dialog over all of it / btm", dialog_to_btm, 1.2);
    }
    report("key to paint with the feed, p50 / echo", to_echo, 8.0);
    report("  a dialog over all of it / echo", dialog_to_echo, 8.0);
}

/// What only btm's own list of keys has.
const BOTTOM_HELP: &str = "Esc to close";

fn slow_line(room: &Room, noter: &mut Noter) {
    let link = Link { rate: 3_000, round_trip: Duration::from_millis(600) };
    let terminal = Terminal::start_on(console(room, &[]), USUAL, Some(link));
    println!("{:<44} {:.1} s", "at 3 KB/s, 600 ms: first paint", terminal.first_paint(TITLE).as_secs_f64());
    std::thread::sleep(Duration::from_secs(3));
    let mut taken = while_streaming(noter, || {
        let mut taken = Vec::new();
        for _ in 0..3 {
            for (key, word) in
                [(b"?", HELP), (b"o", "The ways"), (b"p", "Between people"), (b"l", "Switched off")]
            {
                taken.push(terminal.key_until(key, |shown| shown.contains(word)));
                std::thread::sleep(Duration::from_secs(2));
                let back: &[u8] = if key == b"?" { b"q" } else { b"r" };
                taken.push(terminal.key_until(back, |shown| !shown.contains(word)));
                std::thread::sleep(Duration::from_secs(2));
            }
        }
        taken
    });
    let worst = taken.iter().max().copied().unwrap_or_default();
    let middle = percentile(&mut taken, 0.5);
    absolute("at 3 KB/s, 600 ms: key to paint, p50", middle.as_secs_f64(), "s", 2.0);
    absolute("at 3 KB/s, 600 ms: key to paint, worst", worst.as_secs_f64(), "s", 2.0);
    terminal.kill();
    compared("  of which the line itself", vec![0.6]);
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// What can be asked for alone.
const PARTS: &[&str] = &["rest", "charts", "streams", "keys", "slow"];

fn main() {
    let wanted = common::asked(PARTS);
    let (Some(quiet), Some(room)) = (Room::new(1), Room::measured()) else {
        println!("SKIPPED: this needs ssh-keygen");
        return;
    };
    let home = folder();
    let btm = peers::find("btm");
    let open = |room: &Room| {
        let mut opener = room.open_still();
        opener.wait_for("approval.requested");
        std::thread::spawn(move || opener.wait());
    };
    open(&quiet);
    open(&room);
    if wanted("rest") {
        at_rest(&quiet);
    }
    if wanted("charts") {
        charts(&room, btm.as_ref(), home.path());
    }
    if wanted("streams") {
        streams(&quiet, &mut Noter::join(&quiet));
    }
    if wanted("keys") {
        key_to_paint(&room, &mut Noter::join(&room), btm.as_ref(), home.path());
    }
    if wanted("slow") {
        slow_line(&room, &mut Noter::join(&room));
    }
    for room in [&quiet, &room] {
        room.act("close", &["--reason", "done"]);
    }
}
