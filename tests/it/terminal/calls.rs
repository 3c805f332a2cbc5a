//! How the console calls somebody who looks elsewhere, and keeps a pane's text for them: at a real incident, in tmux
//! and on a pty.

use super::real::on_a_terminal;
use super::tmux::Tmux;
use crate::support::incident::PATIENCE;
use crate::support::{Incident, wait_for};

const STEPS: &str = "- {id: go, run: [/bin/true], timeout: 10s, role: sre, estimate: 5s}\n";

/// An incident in which the next thing waits for ben as soon as ana has declared it.
fn undeclared() -> Option<Incident> {
    let incident = Incident::undeclared(STEPS, &[])?;
    incident.ok("ben", &["assume", "sre"]);
    Some(incident)
}

#[test]
fn a_window_that_nobody_looks_at_is_marked_when_something_waits_for_its_person() {
    let Some(incident) = undeclared() else { return };
    let Some(tmux) = Tmux::new() else { return };
    let called = incident.backout("ben").command(["join"]);
    let mut line = String::from("env -i TERM=screen-256color LANG=C.UTF-8 TMUX=\"$TMUX\"");
    for (name, value) in called.get_envs().filter_map(|(n, v)| Some((n, v?))) {
        line.push_str(&format!(" {}='{}'", name.display(), value.display()));
    }
    let folder = called.get_current_dir().unwrap().display();
    let line = format!("cd '{folder}' && {line} '{}' join; sleep 600", called.get_program().display());
    tmux.tells(&["new-session", "-d", "-x", "120", "-y", "40", &line]);
    // Another window is looked at from now on.
    tmux.tells(&["new-window", "sleep 600"]);
    let screen = || tmux.tells(&["capture-pane", "-p", "-t", ":0"]);
    let flag = || tmux.tells(&["display", "-p", "-t", ":0", "#{window_bell_flag}"]).trim().to_owned();
    let shows = |text: &str| {
        wait_for(&format!("the screen shows {text}"), PATIENCE, || {
            let screen = screen();
            if screen.contains(text) { Ok(()) } else { Err(screen) }
        });
    };
    shows("waits for 1 commander");
    assert_eq!(flag(), "0", "nobody is called for what waits for others:\n{}", screen());
    incident.ok("ana", &["approve", "declare", "--yes"]);
    shows("FOR YOU: start go");
    wait_for("the window is marked", PATIENCE, || if flag() == "1" { Ok(()) } else { Err(flag()) });
}

#[test]
fn a_notification_is_only_for_who_asked_and_a_pane_is_kept_in_a_file() {
    let Some(incident) = undeclared() else { return };
    incident.place.write("config/backout/config.yaml", "notify: desktop\n");
    let config = incident.place.join("config");
    let asked = [("XDG_CONFIG_HOME", config.to_str().unwrap())];
    let mut calls = on_a_terminal(&incident, "ben", &["join"], &asked);
    let mut plain = on_a_terminal(&incident, "ben", &["join"], &[("TERM", "linux")]);
    for terminal in [&mut calls, &mut plain] {
        terminal.shows("waits for 1 commander");
    }
    calls.types(b"p");
    calls.shows("Between people");
    calls.types(b"Y");
    calls.shows("written to");
    let kept = incident.team.workspace.join(format!("backout-{}-people.txt", incident.id.to_lowercase()));
    let other = incident.team.workspace.join(format!("backout-{}-people.txt", incident.id));
    let text = std::fs::read_to_string(&kept).or_else(|_| std::fs::read_to_string(&other)).unwrap();
    assert!(text.contains("Seats") && text.contains("ben"), "{text}");
    incident.ok("ana", &["approve", "declare", "--yes"]);
    for terminal in [&mut calls, &mut plain] {
        terminal.shows("FOR YOU: start go");
    }
    let bytes = |terminal: &super::Terminal| {
        String::from_utf8_lossy(&terminal.seen.0.lock().unwrap().bytes).into_owned()
    };
    wait_for("both rang", PATIENCE, || {
        let (first, second) = (bytes(&calls), bytes(&plain));
        let rang = first.contains("\x1b]9;backout: start go") && second.contains('\x07');
        if rang { Ok(()) } else { Err(format!("{first:?}\n{second:?}")) }
    });
    assert!(!bytes(&plain).contains("\x1b]9"), "nobody asked for it there");
    plain.types(b"q");
    plain.ends();
    let last = bytes(&plain);
    let (_, left) = last.rsplit_once("\x1b[2J").expect("a terminal without a second screen is emptied");
    assert!(left.contains("\x1b[?1049l"), "{left:?}");
}
