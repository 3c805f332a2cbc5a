//! Terminals that storm, vanish or come from odd places: the console goes on as long as there is one, and ends when
//! there is none.

use super::{PATIENCE, Terminal, console};
use portable_pty::{PtySize, native_pty_system};
use std::io::Read as _;
use std::time::Instant;

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

impl Terminal {
    /// What the console drew since it was asked to draw everything anew, on a screen of this size.
    fn redrawn(&self, columns: u16, rows: u16) -> String {
        self.settles();
        let from = self.seen.0.lock().unwrap().bytes.len();
        self.types(b"\x0c");
        self.until("a frame that draws everything", |seen| {
            String::from_utf8_lossy(&seen.bytes[from..]).contains("\x1b[2J")
        });
        self.settles();
        let mut screen = vt100::Parser::new(rows.try_into().unwrap(), columns.try_into().unwrap(), 0);
        screen.process(&self.seen.0.lock().unwrap().bytes[from..]);
        screen.screen().contents()
    }
}

#[test]
fn a_storm_of_sizes_ends_in_the_last_one() {
    let mut terminal = Terminal::with("plain");
    terminal.shows("PRODUCTION");
    for n in 0..200u16 {
        terminal.master.resize(size(n * 37 % 301, n * 91 % 121)).unwrap();
    }
    for (columns, rows) in [(1, 1), (0, 0), (500, 200), (2, 300), (120, 40)] {
        terminal.master.resize(size(columns, rows)).unwrap();
    }
    let shown = terminal.redrawn(120, 40);
    assert!(shown.contains("PRODUCTION") && shown.lines().count() == 40, "{shown}");
    terminal.master.resize(size(59, 15)).unwrap();
    let shown = terminal.redrawn(59, 15);
    assert!(shown.trim() == "needs 60x16, is 59x15", "{shown}");
    // A terminal that says nothing about its size is the classic one.
    terminal.master.resize(size(0, 0)).unwrap();
    let shown = terminal.redrawn(80, 24);
    assert!(shown.contains("PRODUCTION") && shown.lines().count() == 24, "{shown}");
    terminal.types(b"q");
    terminal.shows("left: Ok(Detached)");
    terminal.ends();
    terminal.was_given_back();
}

#[test]
fn a_line_that_breaks_in_the_middle_of_a_frame_ends_the_console_and_nothing_else() {
    let pair = native_pty_system().openpty(size(200, 60)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let left = dir.path().join("left");
    let command = console("plain", &[("BO_TEST_LEFT", left.to_str().unwrap())]);
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    // The first bytes of the first frame, and not the rest of it: then the line is gone.
    let mut reader = pair.master.try_clone_reader().unwrap();
    let mut first = Vec::new();
    while !first.windows(8).any(|w| w == b"\x1b[?2026h") {
        let mut some = [0; 64];
        let n = reader.read(&mut some).unwrap();
        assert!(n > 0, "{}", String::from_utf8_lossy(&first));
        first.extend_from_slice(&some[..n]);
    }
    drop((reader, pair.master));
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < PATIENCE, "it still runs");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    // After a panic there would be no such file.
    let left = std::fs::read_to_string(left).unwrap();
    assert!(left == "Ok(TerminalGone)" || left == "Ok(Signalled)", "{left}");
}

#[test]
fn a_hangup_ends_the_console() {
    let mut terminal = Terminal::with("plain");
    terminal.shows("PRODUCTION");
    terminal.signals(rustix::process::Signal::HUP);
    terminal.ends();
}

#[test]
fn odd_time_zones_and_locales_change_no_time_and_break_nothing() {
    let shown = |env: &[(&str, &str)]| {
        let mut terminal = Terminal::of(console("plain", env));
        terminal.shows("PRODUCTION");
        let shown = terminal.redrawn(80, 24);
        terminal.types(b"q");
        terminal.ends();
        shown
    };
    let usual = shown(&[]);
    for env in [
        [("TZ", "America/New_York"), ("LC_ALL", "tr_TR.UTF-8")],
        [("TZ", ":/no/such/zone"), ("LC_ALL", "xx_YY.utf8")],
        [("TZ", "UTC+25:61"), ("LC_ALL", "ar_EG.UTF-8@x")],
        // The hour that happens twice: what is shown is not the wall's time of anybody's town.
        [("TZ", "Europe/Berlin"), ("LC_TIME", "\u{202e}")],
    ] {
        assert_eq!(shown(&env), usual, "{env:?}");
    }
    // Not UTF-8, by the first variable that says something: letters and lines become plain ones.
    let plain = shown(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]);
    assert!(plain.is_ascii() && plain.contains("PRODUCTION"), "{plain}");
}

/// The console behind a line of shell, in which `"$0" "$@"` is the console.
fn behind(line: &str) -> Terminal {
    let console = console("plain", &[]);
    let mut shell = portable_pty::CommandBuilder::new("/bin/sh");
    shell.args(["-c", line]);
    shell.args(console.get_argv());
    shell.env_clear();
    for (name, value) in console.iter_full_env_as_str() {
        shell.env(name, value);
    }
    Terminal::of(shell)
}

#[test]
fn a_terminal_that_begins_with_one_cell_or_none_is_survived_and_grows() {
    for (rows, columns) in [(0, 0), (1, 1), (1, 500), (200, 1)] {
        let mut terminal = behind(&format!("stty rows {rows} cols {columns}; exec \"$0\" \"$@\""));
        // Whatever fits: the question that ends each frame is asked all the same.
        terminal.until("a frame", |seen| seen.bytes.windows(3).any(|w| w == b"\x1b[c"));
        terminal.types(b"jk");
        terminal.settles();
        terminal.master.resize(size(80, 24)).unwrap();
        terminal.shows("PRODUCTION");
        terminal.types(b"q");
        terminal.shows("left: Ok(Detached)");
        terminal.ends();
        terminal.was_given_back();
    }
}

#[test]
fn with_nothing_to_read_from_the_console_does_not_begin_and_says_so() {
    let mut terminal = behind("exec \"$0\" \"$@\" </dev/null");
    terminal.shows("left: Err(");
    terminal.ends();
}
