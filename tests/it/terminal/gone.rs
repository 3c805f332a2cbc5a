//! The hub is killed while a console is on a real terminal: the console stays and says so, sends nothing later, and
//! gives the terminal back; with a new hub it goes on.

use super::Terminal;
use super::real::on_a_terminal;
use crate::support::Incident;
use backout::console::form::DEAF;
use rustix::process::Signal;
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

const STEPS: &str = "- {id: go, run: [/bin/true], timeout: 10s, role: sre, estimate: 5s}\n";

/// A dialog does not hear `enter` right after it came up.
fn is_no_longer_deaf() {
    std::thread::sleep(2 * DEAF);
}

/// An incident whose hub was killed, and a console that has said so.
fn killed() -> Option<(Incident, Terminal)> {
    let incident = Incident::declared(STEPS)?;
    let terminal = on_a_terminal(&incident, "ben", &["join"], &[]);
    terminal.shows("FOR YOU: start go");
    incident.end_hub(Signal::KILL);
    terminal.shows("no hub runs: backout resume");
    Some((incident, terminal))
}

#[test]
fn a_console_whose_hub_is_killed_says_so_sends_nothing_and_gives_the_terminal_back() {
    let Some((incident, mut terminal)) = killed() else { return };
    assert!(!terminal.is_cooked(), "the console stays");
    // What is wanted now is refused now: nobody wants it to happen later.
    terminal.types(b":note\r");
    terminal.shows("what         write something");
    is_no_longer_deaf();
    terminal.types(b"who is there\r");
    terminal.shows("▸ note");
    terminal.types(b"\r");
    terminal.shows("not sent: there is no line to the hub");
    terminal.types(b"\x1b");
    terminal.shows("cancelled, nothing was done");
    terminal.types(b"q");
    terminal.ends();
    assert!(terminal.is_cooked());
    terminal.was_given_back();
    incident.resume().exits(0);
    assert!(incident.recorded("note.added").iter().all(|e| e["actor"] == "hub"), "nothing came later");
}

#[test]
fn a_console_goes_on_with_the_hub_that_is_started_again() {
    let Some((incident, mut terminal)) = killed() else { return };
    incident.resume().exits(0);
    terminal.until("it is connected again", |seen| !seen.screen.screen().contents().contains("RECONNECTING"));
    terminal.types(b":start\r");
    terminal.shows("what         carry out the step");
    is_no_longer_deaf();
    terminal.types(b"\t\r");
    incident.until("the step has run", || incident.step("go")["status"] == "succeeded");
    // The hub lets go of sessions that nobody came back with; ben has a new one.
    assert!(incident.recorded("participant.joined").iter().filter(|e| e["actor"] == "ben").count() >= 2);
    terminal.types(b"q");
    terminal.ends();
    terminal.was_given_back();
    incident.close();
}

/// A line to the hub that can be cut, as a forwarded socket can.
struct CutLine {
    socket: std::path::PathBuf,
    open: Arc<Mutex<Vec<UnixStream>>>,
}

impl CutLine {
    fn to(hub: &Path, socket: &Path) -> CutLine {
        let listener = UnixListener::bind(socket).unwrap();
        let open = Arc::new(Mutex::new(Vec::new()));
        let (hub, lines) = (hub.to_owned(), open.clone());
        std::thread::spawn(move || {
            for near in listener.incoming() {
                let (Ok(near), Ok(far)) = (near, UnixStream::connect(&hub)) else { return };
                for (mut from, mut to) in [
                    (near.try_clone().unwrap(), far.try_clone().unwrap()),
                    (far.try_clone().unwrap(), near.try_clone().unwrap()),
                ] {
                    std::thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
                lines.lock().unwrap().extend([near, far]);
            }
        });
        CutLine { socket: socket.to_owned(), open }
    }

    fn cut(&self) {
        for line in self.open.lock().unwrap().drain(..) {
            let _ = line.shutdown(Shutdown::Both);
        }
    }
}

#[test]
fn a_console_whose_line_was_cut_comes_back_and_can_act() {
    let Some(incident) = Incident::declared(STEPS) else { return };
    let hub = backout::hub::layout::socket(&incident.dir()).unwrap();
    let line = CutLine::to(&hub, &incident.place.join("line"));
    let words = ["join", "--socket", line.socket.to_str().unwrap()];
    let mut terminal = on_a_terminal(&incident, "ben", &words, &[]);
    terminal.shows("FOR YOU: start go");
    let joined = || incident.recorded("participant.joined").iter().filter(|e| e["actor"] == "ben").count();
    let before = joined();
    line.cut();
    incident.until("ben is lost", || {
        incident.recorded("participant.left").iter().any(|e| e["data"]["how"] == "lost")
    });
    incident.until("ben is there again", || joined() > before);
    terminal.shows("FOR YOU: start go");
    terminal.types(b":start\r");
    terminal.shows("what         carry out the step");
    is_no_longer_deaf();
    terminal.types(b"\t\r");
    incident.until("the step has run", || incident.step("go")["status"] == "succeeded");
    terminal.types(b"q");
    terminal.ends();
    terminal.was_given_back();
}
