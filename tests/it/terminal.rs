//! The console on a real terminal: how it enters, what it costs, and that it gives the terminal back on every way out.
//! The child is this same binary, told by its environment to be a console over a scripted hub.

mod calls;
mod gone;
mod mouse;
mod reader;
mod real;
mod rough;
mod slow;
mod tmux;

use backout::console::gate::Gate;
use backout::console::gate::level::{Glyphs, Level};
use backout::console::link::{Began, Head, Me, Stance, Update};
use backout::console::model::Pointer;
use backout::console::run::{Ends, Seconds, Setup, run};
use backout::core::id::PersonId;
use backout::core::team::Team;
use backout::theme::shipped;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

const RUNBOOK: &str = include_str!("../../runbooks/orders-schema-rollback.yaml");
/// What a terminal says about itself.
const ANSWER: &[u8] = b"\x1b[?62;22c";
/// Long enough for a loaded machine; a test that passes never waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Not a test of its own: the console that the tests below run on their terminals.
#[test]
fn child() {
    let Ok(role) = std::env::var("BO_TEST_CONSOLE") else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let left = runtime.block_on(async {
        let (news, updates) = tokio::sync::mpsc::channel(16);
        let (asked, mut wishes) = tokio::sync::mpsc::channel(16);
        let runbook = backout::runbook::load("runbook.yaml", RUNBOOK.as_bytes()).unwrap().runbook;
        let began = Began {
            runbook: Arc::new(runbook),
            team: Arc::new(Team::default()),
            events: Vec::new(),
            head: Head::default(),
        };
        news.send(Update::Began(Box::new(began))).await.unwrap();
        tokio::spawn(async move { while wishes.recv().await.is_some() {} });
        if role == "panics" {
            std::thread::spawn(|| {
                std::thread::sleep(Duration::from_millis(500));
                panic!("something broke elsewhere");
            });
        }
        let me = Me {
            person: PersonId::parse("ana").unwrap(),
            session: None,
            key: None,
            stance: Stance::Observes,
        };
        let env = |name: &str| std::env::var(name).ok();
        let gate = Gate { level: Level::choose(None, None, env), glyphs: Glyphs::choose(None, None, env) };
        let theme = shipped("default-dark").unwrap();
        let mut setup = Setup::new(me, theme, gate, env);
        setup.seconds = Seconds::Stand;
        if std::env::var_os("BO_TEST_MOUSE").is_some() {
            setup.pointer = Pointer::Ours;
        }
        let left = run(Ends { updates, asked }, setup).await;
        drop(news);
        left
    });
    if let Ok(file) = std::env::var("BO_TEST_LEFT") {
        std::fs::write(file, format!("{left:?}")).unwrap();
    }
    println!("left: {left:?}");
}

/// What the terminal received, and the screen it made of it.
struct Seen {
    sent: usize,
    bytes: Vec<u8>,
    screen: vt100::Parser,
    over: bool,
}

struct Terminal {
    seen: Arc<(Mutex<Seen>, Condvar)>,
    writer: Arc<Mutex<Box<dyn Write + Send>>>,
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
}

/// A command that is the console, in an environment that says nothing but this.
fn console(role: &str, env: &[(&str, &str)]) -> CommandBuilder {
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args(["--exact", "terminal::child", "--nocapture", "--test-threads=1"]);
    command.env_clear();
    let usual =
        [("BO_TEST_CONSOLE", role), ("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("BO_SYNC", "1")];
    for (name, value) in usual.iter().chain(env) {
        command.env(name, value);
    }
    command
}

/// The same as `"$@"` of a script.
fn in_a_shell(mut command: CommandBuilder, script: &str) -> CommandBuilder {
    command.get_argv_mut().splice(0..0, ["sh", "-c", script, "sh"].map(Into::into));
    command.env("PATH", "/usr/bin:/bin");
    command
}

impl Terminal {
    fn with(role: &str) -> Terminal {
        Terminal::of(console(role, &[]))
    }

    fn of(command: CommandBuilder) -> Terminal {
        let pair = native_pty_system()
            .openpty(PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 })
            .unwrap();
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let writer = Arc::new(Mutex::new(pair.master.take_writer().unwrap()));
        let screen = vt100::Parser::new(24.try_into().unwrap(), 80.try_into().unwrap(), 0);
        let seen =
            Arc::new((Mutex::new(Seen { sent: 0, bytes: Vec::new(), screen, over: false }), Condvar::new()));
        let reader = pair.master.try_clone_reader().unwrap();
        listen(reader, seen.clone(), writer.clone());
        Terminal { seen, writer, master: pair.master, child }
    }

    fn types(&self, bytes: &[u8]) {
        self.seen.0.lock().unwrap().sent += bytes.len();
        self.writer.lock().unwrap().write_all(bytes).unwrap();
    }

    /// Waits until everything that was sent has been painted.
    fn settles(&self) {
        self.until("all input is painted", |seen| {
            let marker = format!("\x1b]2;bo:{}\x1b", seen.sent);
            seen.bytes.windows(marker.len()).any(|w| w == marker.as_bytes())
        });
    }

    /// Waits until the terminal has seen something.
    #[track_caller]
    fn until(&self, what: &str, mut holds: impl FnMut(&Seen) -> bool) {
        let (lock, changed) = &*self.seen;
        let guard = lock.lock().unwrap();
        let (guard, late) = changed.wait_timeout_while(guard, PATIENCE, |seen| !holds(seen)).unwrap();
        assert!(!late.timed_out(), "waited for {what}; on the screen:\n{}", guard.screen.screen().contents());
    }

    fn shows(&self, text: &'static str) {
        self.until(text, |seen| seen.screen.screen().contents().contains(text));
    }

    fn ends(&mut self) {
        self.until("the end", |seen| seen.over);
        self.child.wait().unwrap();
    }

    fn signals(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.child.process_id().unwrap()).unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Whether lines are edited and echoed by the terminal, as a shell needs it.
    fn is_cooked(&self) -> bool {
        let flags = format!("{:?}", self.master.get_termios().unwrap().local_flags);
        flags.contains("ICANON") && flags.contains("ECHO") && flags.contains("ISIG")
    }

    #[track_caller]
    fn was_given_back(&self) {
        let seen = self.seen.0.lock().unwrap();
        let screen = seen.screen.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste());
        let text = String::from_utf8_lossy(&seen.bytes).into_owned();
        let last = |code: &str| text.rfind(code).unwrap_or(0);
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        for mode in ["2004", "1004", "1049", "2026", "1000", "1006"] {
            let (on, off) = (last(&format!("\x1b[?{mode}h")), last(&format!("\x1b[?{mode}l")));
            assert!(off > on, "mode {mode} was left on");
        }
        assert!(last("\x1b[0m") > last("\x1b[?1049h"));
    }
}

/// Reads what the child writes, as a terminal does: shows it, and answers the question after each frame.
fn listen(
    mut reader: Box<dyn Read + Send>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    writer: Arc<Mutex<Box<dyn Write + Send>>>,
) {
    std::thread::spawn(move || {
        let mut buffer = [0u8; 8192];
        loop {
            let n = reader.read(&mut buffer).unwrap_or(0);
            let (lock, changed) = &*seen;
            let mut guard = lock.lock().unwrap();
            let before = guard.bytes.windows(3).filter(|w| w == b"\x1b[c").count();
            guard.bytes.extend_from_slice(&buffer[..n]);
            guard.screen.process(&buffer[..n]);
            guard.over = n == 0;
            let questions = guard.bytes.windows(3).filter(|w| w == b"\x1b[c").count() - before;
            guard.sent += questions * ANSWER.len();
            drop(guard);
            changed.notify_all();
            for _ in 0..questions {
                // The child may be gone by now; then nobody needs the answer.
                let _ = writer.lock().unwrap().write_all(ANSWER);
            }
            if n == 0 {
                return;
            }
        }
    });
}

#[test]
fn leaving_gives_the_terminal_back() {
    let mut terminal = Terminal::with("plain");
    assert!(terminal.is_cooked());
    terminal.shows("PRODUCTION");
    assert!(!terminal.is_cooked());
    terminal.types(b"q");
    terminal.shows("left: Ok(Detached)");
    assert!(terminal.is_cooked());
    terminal.ends();
    terminal.was_given_back();
}

#[test]
fn a_signal_ends_it_and_gives_the_terminal_back() {
    for signal in [rustix::process::Signal::TERM, rustix::process::Signal::INT] {
        let mut terminal = Terminal::with("plain");
        terminal.shows("PRODUCTION");
        terminal.signals(signal);
        terminal.shows("left: Ok(Signalled)");
        assert!(terminal.is_cooked());
        terminal.ends();
        terminal.was_given_back();
    }
}

#[test]
fn a_panic_elsewhere_gives_the_terminal_back_and_can_be_read() {
    let mut terminal = Terminal::with("panics");
    terminal.shows("PRODUCTION");
    terminal.shows("something broke elsewhere");
    terminal.shows("left: Ok(TerminalGone)");
    assert!(terminal.is_cooked());
    terminal.ends();
    terminal.was_given_back();
}

#[test]
fn stopping_gives_the_terminal_to_the_shell_and_going_on_takes_it_again() {
    // A script around it, which the shell has to get back too.
    let script = "set -m; sh -c '\"$@\"; echo after it' sh \"$@\"; echo in the shell; read go; fg";
    let mut terminal = Terminal::of(in_a_shell(console("plain", &[]), script));
    terminal.shows("PRODUCTION");
    terminal.types(b"\x1a");
    terminal.shows("in the shell");
    let seen = terminal.seen.0.lock().unwrap().screen.screen().contents();
    assert!(!seen.contains("after it"), "the script went on: {seen}");
    assert!(terminal.is_cooked());
    terminal.types(b"\n");
    terminal.until("its own screen", |seen| seen.screen.screen().alternate_screen());
    terminal.shows("PRODUCTION");
    terminal.types(b"q");
    terminal.shows("after it");
    terminal.ends();
    terminal.was_given_back();
}

fn is_not_stopped(mut terminal: Terminal) {
    terminal.shows("PRODUCTION");
    terminal.types(b"\x1a");
    terminal.shows("no shell is here that could continue this program");
    terminal.types(b"q");
    terminal.shows("left: Ok(Detached)");
    terminal.ends();
    terminal.was_given_back();
}

#[test]
fn where_nobody_could_continue_it_nothing_stops_it() {
    is_not_stopped(Terminal::with("plain"));
}

#[test]
fn in_a_container_whose_shell_is_outside_nothing_stops_it_either() {
    let may =
        std::process::Command::new("unshare").args(["--pid", "--fork", "--mount-proc", "true"]).status();
    if !may.is_ok_and(|may| may.success()) {
        eprintln!("SKIPPED: ctrl-z in a container: nobody may make one here");
        return;
    }
    let script = r#"exec unshare --pid --fork --mount-proc -- "$@""#;
    is_not_stopped(Terminal::of(in_a_shell(console("plain", &[]), script)));
}

#[test]
fn an_idle_screen_costs_nothing_and_every_frame_is_whole() {
    let mut terminal = Terminal::with("plain");
    terminal.shows("PRODUCTION");
    terminal.types(b"?");
    terminal.shows("close one dialog");
    terminal.types(b"\x1b");
    terminal
        .until("the dialog is gone", |seen| !seen.screen.screen().contents().contains("close one dialog"));
    terminal.settles();
    // Nothing to wait for: the point is that nothing comes.
    let before = terminal.seen.0.lock().unwrap().bytes.len();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(terminal.seen.0.lock().unwrap().bytes.len(), before);
    terminal.types(b"q");
    terminal.ends();
    let bytes = terminal.seen.0.lock().unwrap().bytes.clone();
    let text = String::from_utf8_lossy(&bytes);
    let frames: Vec<&str> = text.split("\x1b[?2026h").skip(1).collect();
    assert!(frames.len() >= 3, "{}", frames.len());
    assert!(frames.iter().all(|f| f.contains("\x1b[?2026l")));
    let clearing =
        frames.iter().filter(|f| f.split("\x1b[?2026l").next().is_some_and(|f| f.contains("\x1b[2J")));
    assert_eq!(clearing.count(), 1, "only the first frame clears");
}

#[test]
fn an_arrow_split_anywhere_on_a_slow_line_is_still_one_arrow() {
    // Nearly as long as the console waits on this machine, and over SSH.
    for (env, pause) in [(&[][..], 50), (&[("SSH_TTY", "/dev/pts/9")][..], 90)] {
        for (first, second) in [(&b"\x1b"[..], &b"[B"[..]), (b"\x1b[", b"B"), (b"\x1b", b"OB")] {
            let mut terminal = Terminal::of(console("plain", env));
            terminal.shows("PRODUCTION");
            terminal.types(b"?");
            terminal.shows("close one dialog");
            terminal.settles();
            // Were the ESC taken alone, it would close the list, and what follows would be typed.
            terminal.types(first);
            std::thread::sleep(Duration::from_millis(pause));
            terminal.types(second);
            terminal.until("the list has moved by one", |seen| {
                let text = seen.screen.screen().contents();
                text.contains("close one dialog")
                    && text.contains("go to what waits for you")
                    && !text.contains("what can be done with the selected step")
            });
            terminal.types(b"q");
            terminal.until("the list is closed", |seen| {
                !seen.screen.screen().contents().contains("close one dialog")
            });
            terminal.types(b"q");
            terminal.ends();
        }
    }
}

#[test]
fn a_lone_escape_acts_within_a_moment() {
    for env in [&[][..], &[("SSH_TTY", "/dev/pts/9")][..]] {
        let mut terminal = Terminal::of(console("plain", env));
        terminal.shows("PRODUCTION");
        terminal.types(b"?");
        terminal.shows("close one dialog");
        terminal.settles();
        let began = std::time::Instant::now();
        terminal.types(b"\x1b");
        terminal.until("the list is closed", |seen| {
            !seen.screen.screen().contents().contains("close one dialog")
        });
        let took = began.elapsed();
        println!("a lone ESC took {took:?}");
        // The wait is 75 ms here and 120 ms over SSH; the rest is a busy machine.
        assert!(took < Duration::from_millis(1500), "{took:?}");
        terminal.types(b"q");
        terminal.ends();
    }
}
