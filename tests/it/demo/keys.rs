//! The demo with a person at its console, played by keys on a real pty.

use std::io::{Read as _, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{LONG, nothing_is_left};
use crate::support::{Place, wait_for};

const ROWS: u16 = 40;
const COLUMNS: u16 = 120;

/// A person's terminal with the demo in it.
struct Terminal {
    child: Box<dyn portable_pty::Child + Send + Sync>,
    screen: Arc<Mutex<vt100::Parser>>,
    keys: Arc<Mutex<Box<dyn Write + Send>>>,
    _pty: Box<dyn portable_pty::MasterPty + Send>,
}

impl Terminal {
    fn of_the_demo(place: &Place) -> Terminal {
        let size = portable_pty::PtySize { rows: ROWS, cols: COLUMNS, pixel_width: 0, pixel_height: 0 };
        let pty = portable_pty::native_pty_system().openpty(size).unwrap();
        let mut command = portable_pty::CommandBuilder::new(env!("CARGO_BIN_EXE_backout"));
        command.args(["demo", "--dir"]);
        command.arg(place.join("demo"));
        command.cwd("/");
        command.env_remove("HOME");
        command.env_remove("XDG_RUNTIME_DIR");
        command.env("TMPDIR", place.folder("tmp"));
        command.env("TERM", "xterm-256color");
        let child = pty.slave.spawn_command(command).unwrap();
        drop(pty.slave);
        let parser = vt100::Parser::new(ROWS.try_into().unwrap(), COLUMNS.try_into().unwrap(), 1000);
        let screen = Arc::new(Mutex::new(parser));
        let keys = Arc::new(Mutex::new(pty.master.take_writer().unwrap()));
        let (mut output, shown) = (pty.master.try_clone_reader().unwrap(), Arc::clone(&screen));
        let answers = Arc::clone(&keys);
        std::thread::spawn(move || {
            let (mut buffer, mut seen) = ([0; 4096], Vec::new());
            while let Ok(n @ 1..) = output.read(&mut buffer) {
                shown.lock().unwrap().process(&buffer[..n]);
                seen.extend_from_slice(&buffer[..n]);
                // Every frame ends in a question, and the next one waits for its answer.
                while let Some(at) = seen.windows(3).position(|w| w == b"\x1b[c") {
                    seen.drain(..at + 3);
                    let _ = answers.lock().unwrap().write_all(b"\x1b[?62;22c");
                }
                seen.drain(..seen.len().saturating_sub(2));
            }
        });
        Terminal { child, screen, keys, _pty: pty.master }
    }

    fn contents(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    #[track_caller]
    fn shows(&self, text: &str) {
        wait_for(&format!("the screen shows `{text}`"), LONG, || {
            let contents = self.contents();
            if contents.contains(text) { Ok(()) } else { Err(contents) }
        });
    }

    fn press(&self, keys: &str) {
        self.keys.lock().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    #[track_caller]
    fn ends(&mut self) -> portable_pty::ExitStatus {
        wait_for("it ends", LONG, || self.child.try_wait().unwrap().ok_or("it runs".to_owned()))
    }
}

/// What somebody presses who only follows the screen: what waits for them, its first offer, its dialog.
fn next_key(screen: &str, dialog_is_filled: &mut bool) -> Option<String> {
    const DEEDS: [&str; 8] =
        ["approve", "start", "send", "resolved", "close", "take-seat", "confirm", "mitigated"];
    let hints = screen.lines().last().unwrap_or_default();
    if hints.contains("esc cancel") {
        let asked = |label: &str| screen.lines().any(|l| l.contains(label));
        if !std::mem::replace(dialog_is_filled, true) && asked("reason") {
            let mut text = "as it should be\t".to_owned();
            if asked("type shop:") {
                text.push_str("shop\t");
            }
            return Some(text);
        }
        let on_the_button =
            screen.lines().any(|l| l.split_once("cancel").is_some_and(|(_, after)| after.contains('▸')));
        return Some(if on_the_button { "\r" } else { "\t" }.to_owned());
    }
    *dialog_is_filled = false;
    if hints.contains("enter open") {
        let chosen = |l: &str| DEEDS.iter().any(|deed| l.contains(&format!("▸ {deed}")));
        return Some(if screen.lines().any(chosen) { "\r" } else { "\x1b" }.to_owned());
    }
    screen.contains("FOR YOU:").then(|| ".".to_owned())
}

#[test]
fn somebody_who_follows_the_screen_leads_the_demo_to_a_verified_record() {
    let place = Place::new();
    let mut terminal = Terminal::of_the_demo(&place);
    terminal.shows("errors fired");
    let (begun, mut filled) = (Instant::now(), false);
    loop {
        let screen = terminal.contents();
        // The dialog goes a moment after the answer has come.
        if screen.contains("closed; nothing more is written") && screen.contains("q leave") {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(240), "it does not come to its end:\n{screen}");
        if let Some(keys) = next_key(&screen, &mut filled) {
            terminal.press(&keys);
        }
        // The next look is at another screen, or the same key is pressed once more: people do that too.
        let pressed = Instant::now();
        wait_for("it changes", LONG, || {
            let moved = terminal.contents() != screen || pressed.elapsed() > Duration::from_millis(400);
            if moved { Ok(()) } else { Err(String::new()) }
        });
    }
    terminal.press("q");
    terminal.shows("Verdict: verified");
    terminal.shows("Good \"approve.v1@backout\" signature for noor");
    assert!(terminal.ends().success());
    nothing_is_left(&place);
}

#[test]
fn whoever_leaves_the_console_ends_the_whole_demo() {
    let place = Place::new();
    let mut terminal = Terminal::of_the_demo(&place);
    terminal.shows("errors fired");
    terminal.shows("noor");
    terminal.press("q");
    terminal.shows("The demo has ended with you");
    let status = terminal.ends();
    assert!(status.success(), "{status:?}");
    nothing_is_left(&place);
}
