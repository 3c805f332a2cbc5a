//! Questions at the terminal. Never echoes a passphrase, never asks where nobody can answer.

use crate::cli::say;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use std::fs::File;
use std::io::{BufRead as _, BufReader, IsTerminal as _};
use std::path::Path;

/// Asks for the passphrase of a key file, without echo. `None` where there is no terminal, or nothing was typed.
pub fn passphrase(path: &Path) -> Option<String> {
    let tty = File::open("/dev/tty").ok()?;
    let before = tcgetattr(&tty).ok()?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&tty, OptionalActions::Flush, &silent).ok()?;
    say(&format!("Passphrase of {}:", path.display()));
    let mut line = String::new();
    let read = BufReader::new(&tty).read_line(&mut line);
    // Echo comes back whatever happened.
    let _ = tcsetattr(&tty, OptionalActions::Flush, &before);
    read.ok()?;
    let typed = line.trim_end_matches(['\n', '\r']).to_owned();
    (!typed.is_empty()).then_some(typed)
}

/// Asks for one line. `None` where standard input is no terminal, or nothing was typed.
pub fn line(question: &str) -> Option<String> {
    if !std::io::stdin().is_terminal() {
        return None;
    }
    say(question);
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).ok()?;
    let typed = line.trim().to_owned();
    (!typed.is_empty()).then_some(typed)
}
