//! The program itself on a terminal, at a real incident: line mode for those who cannot use a screen, and what the
//! screen knows from earlier records.

use super::Terminal;
use crate::support::Incident;
use portable_pty::CommandBuilder;

const STEPS: &str = "- {id: go, run: [/bin/true], timeout: 10s, role: sre, estimate: 5s}\n";

/// The program on a terminal, as this person calls it.
pub(super) fn on_a_terminal(
    incident: &Incident,
    who: &str,
    words: &[&str],
    env: &[(&str, &str)],
) -> Terminal {
    let called = incident.backout(who).command(words);
    let mut command = CommandBuilder::new(called.get_program());
    command.args(called.get_args());
    command.env_clear();
    for (name, value) in called.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    if let Some(folder) = called.get_current_dir() {
        command.cwd(folder);
    }
    for (name, value) in [("TERM", "xterm-256color"), ("LANG", "C.UTF-8")].iter().chain(env) {
        command.env(name, value);
    }
    Terminal::of(command)
}

fn notes(incident: &Incident) -> usize {
    incident.recorded("note.added").len()
}

#[test]
fn line_mode_joins_acts_and_leaves_without_one_escape_sequence() {
    let Some(incident) = Incident::declared(STEPS) else { return };
    // A terminal that calls itself dumb gets it unasked.
    for (written, words, env) in
        [(1, &["join", "--plain"][..], &[][..]), (2, &["join"][..], &[("TERM", "dumb")][..])]
    {
        let mut terminal = on_a_terminal(&incident, "ben", words, env);
        terminal.shows("Say ? for what can be said.");
        // Nobody acts before their joining is on record.
        terminal.shows("FOR YOU: start go.");
        terminal.types(b"note\r");
        terminal.shows("?");
        terminal.types(b"all is quiet\r");
        terminal.shows("Say yes to");
        terminal.types(b"yes\r");
        terminal.shows("Recorded:");
        incident.until("the note is recorded", || notes(&incident) == written);
        for (word, shows) in [
            ("steps", "go: ready"),
            ("people", "Approvals"),
            ("options", "Do not roll back"),
            ("plan", "All of it ends"),
        ] {
            terminal.types(format!("{word}\r").as_bytes());
            terminal.shows(shows);
        }
        terminal.types(b"leave\r");
        terminal.ends();
        let bytes = terminal.seen.0.lock().unwrap().bytes.clone();
        assert!(!bytes.contains(&0x1b), "{}", String::from_utf8_lossy(&bytes));
    }
    incident.until("both have left", || incident.recorded("participant.left").len() >= 2);
}

#[test]
fn the_screen_knows_what_earlier_records_say() {
    let Some(incident) = Incident::declared(STEPS) else { return };
    let mut terminal = on_a_terminal(&incident, "ben", &["join", "--observe"], &[]);
    terminal.shows("TEST");
    terminal.types(b"o");
    terminal.shows("The ways");
    terminal.types(b"/never\r");
    terminal.shows("never, as far as the records kept here go");
    // A view, and then the console: each `q` closes one thing.
    terminal.types(b"q");
    terminal.shows("1 Steps");
    terminal.types(b"q");
    terminal.ends();
    terminal.was_given_back();
    incident.does("ben", "go");
    incident.close();
    let history = incident.status()["readiness"]["history"].clone();
    assert_eq!(history["rollback"]["n"], 1, "{history}");
    assert_eq!(history["carried_out"]["n"], 1, "{history}");
    assert!(history["drilled"].is_null() && history["fix_forward"].is_null(), "{history}");
}
