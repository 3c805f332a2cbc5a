//! The console under tmux, a real terminal with a mind of its own: sizes, poor terminals, no colours, plain ASCII, the
//! clipboard and the modes it may and may not ask for. Without tmux there is nothing to see, and that is said.

use super::PATIENCE;
use std::process::Command;
use std::time::{Duration, Instant};

/// A tmux server of our own.
pub(super) struct Tmux {
    socket: tempfile::TempDir,
}

impl Tmux {
    /// A server that runs nothing yet.
    pub(super) fn new() -> Option<Tmux> {
        if Command::new("tmux").arg("-V").output().is_err() {
            println!("SKIPPED: there is no tmux here");
            return None;
        }
        Some(Tmux { socket: tempfile::tempdir().unwrap() })
    }

    /// A console in a window of this size, in an environment that adds this to the usual one.
    fn with(columns: u16, rows: u16, env: &[(&str, &str)]) -> Option<Tmux> {
        let tmux = Tmux::new()?;
        let program = std::env::current_exe().unwrap();
        let mut words =
            vec!["env -i BO_TEST_CONSOLE=plain TMUX=\"$TMUX\" LANG=C.UTF-8 TERM=screen-256color".to_owned()];
        words.extend(env.iter().map(|(name, value)| format!("{name}='{value}'")));
        words.push(program.display().to_string());
        words.push("--exact terminal::child --nocapture --test-threads=1; sleep 600".to_owned());
        let (columns, rows) = (columns.to_string(), rows.to_string());
        tmux.tells(&["new-session", "-d", "-x", &columns, "-y", &rows, "sleep 600"]);
        tmux.tells(&["set", "-g", "set-clipboard", "on", ";", "set", "-g", "status", "off"]);
        tmux.tells(&["resize-window", "-x", &columns, "-y", &rows]);
        tmux.tells(&["respawn-pane", "-k", &words.join(" ")]);
        tmux.shows("PRODUCTION");
        Some(tmux)
    }

    pub(super) fn tells(&self, words: &[&str]) -> String {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(self.socket.path().join("s")).args(["-f", "/dev/null"]).args(words);
        let output = command.env_remove("TMUX").env("LANG", "C.UTF-8").output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn screen(&self) -> String {
        self.tells(&["capture-pane", "-p"])
    }

    /// With its colours, as escape sequences.
    fn colours(&self) -> String {
        self.tells(&["capture-pane", "-p", "-e"])
    }

    fn flags(&self) -> String {
        self.tells(&["display", "-p", "#{alternate_on} #{mouse_any_flag} #{cursor_flag}"]).trim().to_owned()
    }

    #[track_caller]
    fn until(&self, what: &str, holds: impl Fn(&str) -> bool) {
        let began = Instant::now();
        while !holds(&self.screen()) {
            assert!(began.elapsed() < PATIENCE, "waited for {what}:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[track_caller]
    fn shows(&self, text: &str) {
        self.until(text, |screen| screen.contains(text));
    }

    fn keys(&self, keys: &str) {
        self.tells(&["send-keys", keys]);
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let mut command = Command::new("tmux");
        let _ = command.arg("-S").arg(self.socket.path().join("s")).arg("kill-server").status();
    }
}

/// Every view: its key, and words that only it has.
const VIEWS: [(&str, &str); 7] = [
    ("o", "The ways"),
    ("m", "Metrics"),
    ("t", "Timeline"),
    ("p", "Between people"),
    ("c", "Messages"),
    ("l", "Points of no return"),
    ("b", "Plan and actual"),
];

#[test]
fn every_view_comes_up_at_every_usual_size_and_the_terminal_comes_back() {
    for (columns, rows) in [(80, 24), (120, 40), (200, 60)] {
        let Some(tmux) = Tmux::with(columns, rows, &[]) else { return };
        assert_eq!(tmux.flags(), "1 0 0", "an own screen, no mouse, no cursor");
        for (key, words) in VIEWS {
            tmux.keys(key);
            tmux.shows(words);
            let screen = tmux.screen();
            assert!(screen.contains("PRODUCTION"), "{key} at {columns}x{rows}:\n{screen}");
            assert!(screen.lines().all(|l| l.chars().count() <= usize::from(columns)), "{screen}");
        }
        tmux.keys("r");
        tmux.shows("1 Steps");
        tmux.keys("q");
        tmux.shows("left: Ok(Detached)");
        assert_eq!(tmux.flags(), "0 0 1");
    }
}

#[test]
fn growing_and_shrinking_ends_in_a_whole_screen() {
    let Some(tmux) = Tmux::with(80, 24, &[]) else { return };
    for (columns, rows) in [("200", "60"), ("30", "5"), ("61", "17"), ("120", "40")] {
        tmux.tells(&["resize-window", "-x", columns, "-y", rows]);
    }
    tmux.until("the whole width", |screen| {
        screen.contains("PRODUCTION") && screen.lines().any(|l| l.chars().count() == 120)
    });
    tmux.tells(&["resize-window", "-x", "40", "-y", "10"]);
    tmux.shows("needs 60x16, is 40x10");
}

#[test]
fn on_the_linux_console_all_is_ascii_in_sixteen_colours() {
    let Some(tmux) = Tmux::with(80, 25, &[("TERM", "linux")]) else { return };
    for (key, words) in VIEWS {
        tmux.keys(key);
        tmux.shows(words);
        let screen = tmux.colours();
        assert!(screen.is_ascii(), "{key}:\n{screen}");
        assert!(
            !screen.contains("38;5") && !screen.contains("48;5") && !screen.contains("38;2"),
            "{screen:?}"
        );
    }
}

#[test]
fn without_a_utf_8_locale_all_is_ascii_and_nothing_is_refused() {
    let Some(tmux) = Tmux::with(80, 24, &[("LANG", "C")]) else { return };
    for (key, words) in VIEWS {
        tmux.keys(key);
        tmux.shows(words);
        assert!(tmux.screen().is_ascii(), "{key}:\n{}", tmux.screen());
    }
}

#[test]
fn with_no_color_nothing_has_one_and_the_selection_is_seen() {
    let Some(tmux) = Tmux::with(120, 40, &[("NO_COLOR", "1")]) else { return };
    let sgr = regex::Regex::new(r"\x1b\[([0-9;]*)m").unwrap();
    for (key, words) in VIEWS {
        tmux.keys(key);
        tmux.shows(words);
        let screen = tmux.colours();
        for found in sgr.captures_iter(&screen) {
            for code in found[1].split(';').filter(|c| !c.is_empty()) {
                let code: u8 = code.parse().unwrap();
                assert!(code < 30 || code == 39 || code == 49, "{key}: {code}\n{screen:?}");
            }
        }
        assert!(
            screen.contains("\u{1b}[1;7m") || screen.contains("\u{1b}[7m") || screen.contains(";7m"),
            "{screen:?}"
        );
    }
}

#[test]
fn what_is_copied_is_in_the_terminals_clipboard() {
    let Some(tmux) = Tmux::with(120, 40, &[]) else { return };
    tmux.keys("o");
    tmux.shows("The ways");
    tmux.keys("y");
    tmux.shows("sent to the terminal's clipboard");
    let began = Instant::now();
    let shown = || {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(tmux.socket.path().join("s")).arg("show-buffer").output().unwrap()
    };
    while !String::from_utf8_lossy(&shown().stdout).contains("Do not roll back") {
        assert!(began.elapsed() < PATIENCE, "{:?}", shown());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_paste_on_the_bare_screen_does_nothing_at_all() {
    let Some(tmux) = Tmux::with(80, 24, &[]) else { return };
    let before = tmux.screen();
    tmux.tells(&["set-buffer", "q\nq\n:close\nyes\n"]);
    tmux.tells(&["paste-buffer", "-p"]);
    tmux.keys("?");
    tmux.shows("close one dialog");
    tmux.keys("q");
    tmux.until("the same screen as before", |screen| screen == before);
}
