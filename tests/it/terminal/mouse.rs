//! The mouse on a real terminal: taken only when asked for, and given back on every way out.

use super::{Terminal, console, in_a_shell};
use vt100::MouseProtocolMode;

fn asks_for_the_mouse(terminal: &Terminal) {
    terminal.until("the mouse is taken", |seen| {
        seen.screen.screen().mouse_protocol_mode() == MouseProtocolMode::PressRelease
    });
}

/// Clicks into this row and column, counted from 1.
fn clicks(terminal: &Terminal, column: u16, row: u16) {
    terminal.types(format!("\x1b[<0;{column};{row}M\x1b[<0;{column};{row}m").as_bytes());
}

#[test]
fn asked_for_by_name_a_click_selects_a_step_and_asked_again_it_is_given_back() {
    let mut terminal = Terminal::with("plain");
    terminal.shows("PRODUCTION");
    terminal.types(b"?\x1b[<0;40;12M");
    terminal.shows("close one dialog");
    terminal.types(b"q");
    terminal
        .until("the list is closed", |seen| !seen.screen.screen().contents().contains("close one dialog"));
    let before = String::from_utf8_lossy(&terminal.seen.0.lock().unwrap().bytes).into_owned();
    for mode in ["1000", "1002", "1003", "1006"] {
        assert!(!before.contains(&format!("\x1b[?{mode}")), "{mode} before anybody asked: {before:?}");
    }
    terminal.types(b":mouse\r");
    asks_for_the_mouse(&terminal);
    let contents = terminal.seen.0.lock().unwrap().screen.screen().contents();
    let (row, step) = contents
        .lines()
        .enumerate()
        .filter(|(row, _)| *row > 6)
        .find_map(|(row, line)| {
            let mut words = line.split_whitespace();
            (words.next() == Some("·")).then(|| (row, words.next().unwrap_or_default().to_owned()))
        })
        .unwrap();
    clicks(&terminal, 6, u16::try_from(row + 1).unwrap());
    terminal
        .until("the step is selected", |seen| seen.screen.screen().contents().contains(&format!("2 {step}")));
    terminal.types(b":mouse\r");
    terminal.until("it is given back", |seen| {
        seen.screen.screen().mouse_protocol_mode() == MouseProtocolMode::None
    });
    terminal.types(b"q");
    terminal.ends();
    terminal.was_given_back();
}

#[test]
fn on_every_way_out_the_mouse_is_the_terminals_again() {
    let mouse = [("BO_TEST_MOUSE", "1")];
    for way in ["q", "TERM", "HUP", "panics"] {
        let role = if way == "panics" { way } else { "plain" };
        let mut terminal = Terminal::of(console(role, &mouse));
        terminal.shows("PRODUCTION");
        terminal.until("the mouse was taken", |seen| {
            String::from_utf8_lossy(&seen.bytes).contains("\x1b[?1000h\x1b[?1006h")
        });
        match way {
            "q" => terminal.types(b"q"),
            "TERM" => terminal.signals(rustix::process::Signal::TERM),
            "HUP" => terminal.signals(rustix::process::Signal::HUP),
            _ => terminal.shows("something broke elsewhere"),
        }
        terminal.ends();
        assert!(terminal.is_cooked(), "{way}");
        terminal.was_given_back();
    }
}

#[test]
fn stopped_it_gives_the_mouse_back_and_going_on_it_takes_it_again() {
    let script = "set -m; sh -c '\"$@\"; echo after it' sh \"$@\"; echo in the shell; read go; fg";
    let mut terminal = Terminal::of(in_a_shell(console("plain", &[("BO_TEST_MOUSE", "1")]), script));
    terminal.shows("PRODUCTION");
    asks_for_the_mouse(&terminal);
    terminal.types(b"\x1a");
    terminal.shows("in the shell");
    let mode = terminal.seen.0.lock().unwrap().screen.screen().mouse_protocol_mode();
    assert_eq!(mode, MouseProtocolMode::None);
    terminal.types(b"\n");
    asks_for_the_mouse(&terminal);
    terminal.shows("PRODUCTION");
    terminal.types(b"q");
    terminal.shows("after it");
    terminal.ends();
    terminal.was_given_back();
}
