//! A full room: how soon an event is on every screen, what that costs the hub, and what clients that are stopped, a
//! hundred of them, or a way through sshd change; against tmux with as many clients, in turn.
//!
//! Each part can be asked for alone by its name: `cargo bench --bench room -- approval`, `sshd`, `tmux`, `stopped`,
//! `memory`, `hundred`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]
#![allow(dead_code, reason = "each bench uses its part of what they share")]

mod common;

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use backout::client::room::Room as Attached;
use backout::client::session::{Session, payload};
use backout::core::intent::Intent;
use backout::identity::AllowedSigners;
use backout::identity::signer::Signer;
use backout::wire::frame;
use backout::wire::message::{ActResult, FromClient, PROTOCOL};
use common::noter::come_in;
use common::room::Room;
use common::screens::Screens;
use common::terminal::Terminal;
use common::{absolute, compared, folder, median, peers, percentile, report};
use portable_pty::CommandBuilder;
use tokio::runtime::Runtime;

/// Screens in the room; a machine that is busy with something else can only carry fewer.
fn clients() -> usize {
    std::env::var("ROOM_CLIENTS").ok().and_then(|n| n.parse().ok()).unwrap_or(50)
}

/// Events whose way to every screen is measured.
const EVENTS: usize = 30;
/// What can be asked for alone.
const PARTS: &[&str] = &["approval", "memory", "sshd", "tmux", "stopped", "hundred"];
/// How long CPU is counted.
const LONG: Duration = Duration::from_secs(10);
const TEN_A_SECOND: Duration = Duration::from_millis(100);

/// A word whose every letter differs from the one before it in time: a screen that writes only what changed writes all
/// of it.
fn mark(n: usize) -> String {
    (0..10).map(|i| char::from(b'a' + ((n * 7 + i * 3) % 26) as u8)).collect()
}

/// CPU time of a process, in milliseconds.
fn cpu_ms(pid: i32) -> f64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let nanos = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0)
    };
    tasks.map(|task| nanos(task.path())).sum::<f64>() / 1e6
}

fn resident_kib(pid: i32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// CPU of a process per second while somebody does something.
fn cpu_while(pid: i32, mut act: impl FnMut()) -> f64 {
    let (before, begun) = (cpu_ms(pid), Instant::now());
    while begun.elapsed() < LONG {
        act();
    }
    (cpu_ms(pid) - before) / begun.elapsed().as_secs_f64()
}

/// The middle time from an act to the last screen that shows it.
fn all_see(screens: &Screens, mut act: impl FnMut(&str)) -> Duration {
    let mut taken: Vec<Duration> = (0..EVENTS)
        .map(|n| {
            let word = mark(n);
            screens.look_for(&word);
            let begun = Instant::now();
            act(&word);
            let last = screens.all_have_seen(&word);
            std::thread::sleep(TEN_A_SECOND);
            last - begun
        })
        .collect();
    percentile(&mut taken, 0.5)
}

/// The hub and somebody who writes notes.
struct Hub {
    room: Room,
    runtime: Runtime,
    attached: Attached,
    session: Session,
    pid: i32,
}

impl Hub {
    fn new() -> Option<Hub> {
        let room = Room::new(1)?;
        let mut opener = room.open();
        opener.wait_for("approval.requested");
        let dir = room.incident();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (attached, session) = runtime.block_on(come_in(&room));
        let pid = std::fs::read_to_string(dir.join("hub.pid")).unwrap().trim().parse().unwrap();
        std::thread::spawn(move || opener.wait());
        Some(Hub { room, runtime, attached, session, pid })
    }

    fn note(&mut self, text: &str) {
        let (part, payload) = payload(text.as_bytes()).unwrap();
        let act = self.session.act(&self.attached.mirror, Intent::Note { payload }, vec![part]).unwrap();
        let result = self.runtime.block_on(self.attached.submit(act)).unwrap();
        assert!(matches!(result, ActResult::Recorded { .. }), "{result:?}");
        // What was received meanwhile is of no interest here.
        while let Ok(Ok(_)) =
            self.runtime.block_on(async { tokio::time::timeout(Duration::ZERO, self.attached.next()).await })
        {
        }
    }

    fn wire(&self) -> UnixStream {
        wire(&self.room.incident())
    }

    fn console(&self) -> CommandBuilder {
        let mut command = CommandBuilder::new(common::PROGRAM);
        command.args(["--state", self.room.state().to_str().unwrap(), "join", "--observe"]);
        command.env("LANG", "C.UTF-8");
        command
    }
}

/// A client that says hello, nothing else, and reads when it is told to.
fn wire(incident: &Path) -> UnixStream {
    let mut stream = UnixStream::connect(incident.join("hub.sock")).unwrap();
    let hello = FromClient::Hello { protocol: PROTOCOL, program: "bench".to_owned(), from: 0 };
    let mut framed = Vec::new();
    frame::append(&mut framed, &hello, frame::FROM_CLIENT).unwrap();
    stream.write_all(&framed).unwrap();
    // Only a bench that is wrong waits so long.
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// Reads frames until one holds these bytes.
fn reads_until(stream: &mut UnixStream, words: &[u8]) {
    reads(stream, words).unwrap();
}

fn reads(stream: &mut UnixStream, words: &[u8]) -> std::io::Result<()> {
    loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let mut content = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut content)?;
        if content.windows(words.len()).any(|w| w == words) {
            return Ok(());
        }
    }
}

/// The middle time until the last of these has the next event.
fn all_hear(hub: &mut Hub, clients: &mut [UnixStream]) -> f64 {
    let mut taken: Vec<Duration> = (0..EVENTS)
        .map(|n| {
            let begun = Instant::now();
            hub.note(&mark(n));
            for client in clients.iter_mut() {
                reads_until(client, b"note.added");
            }
            begun.elapsed()
        })
        .collect();
    percentile(&mut taken, 0.5).as_secs_f64()
}

struct Tmux {
    place: tempfile::TempDir,
    pid: i32,
}

impl Tmux {
    fn new() -> Option<Tmux> {
        peers::find("tmux")?;
        let place = folder();
        let mut tmux = Tmux { place, pid: 0 };
        tmux.tells(&["new-session", "-d", "-x", "120", "-y", "40", "echo a war room; stty -echo; cat"]);
        tmux.tells(&["set", "-g", "status-interval", "1", ";", "set", "-g", "status-right", "%H:%M:%S"]);
        tmux.pid = tmux.tells(&["display", "-p", "#{pid}"]).trim().parse().unwrap();
        Some(tmux)
    }

    fn words(&self) -> Vec<String> {
        let socket = self.place.path().join("s");
        ["tmux", "-S", socket.to_str().unwrap(), "-f", "/dev/null"].map(str::to_owned).to_vec()
    }

    fn tells(&self, more: &[&str]) -> String {
        let words = self.words();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(more).env("LANG", "C.UTF-8").env_remove("TMUX").stdin(Stdio::null());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn client(&self) -> CommandBuilder {
        let words = self.words();
        let mut command = CommandBuilder::new(&words[0]);
        command.args(&words[1..]);
        command.arg("attach");
        command.env("LANG", "C.UTF-8");
        command.env_remove("TMUX");
        command
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let words = self.words();
        let _ = Command::new(&words[0]).args(&words[1..]).arg("kill-server").status();
    }
}

/// Fifty screens at work and at rest.
fn room_against_tmux(hub: &mut Hub, tmux: &Tmux) -> Duration {
    let theirs = Screens::start(clients(), || tmux.client(), "a war room");
    let theirs_all = all_see(&theirs, |word| theirs.types(format!("{word}\r").as_bytes()));
    let mut n = 0;
    let line = "host-17 GET /checkout/payments/confirm status=500 upstream=eu-west-1 dur=17ms trace=abcdef17";
    let theirs_busy = cpu_while(tmux.pid, || {
        n += 1;
        theirs.types(format!("{n} {line}\r").as_bytes());
        std::thread::sleep(TEN_A_SECOND);
    });
    let theirs_idle = cpu_while(tmux.pid, || std::thread::sleep(TEN_A_SECOND));
    drop(theirs);

    let ours = Screens::start(clients(), || hub.console(), "Many steps");
    let ours_all = all_see(&ours, |word| hub.note(word));
    let pid = hub.pid;
    let ours_busy = cpu_while(pid, || {
        n += 1;
        hub.note(&format!("{n} {line}"));
        std::thread::sleep(TEN_A_SECOND);
    });
    let ours_idle = cpu_while(pid, || std::thread::sleep(TEN_A_SECOND));
    drop(ours);

    let ms = |d: Duration| d.as_secs_f64() * 1e3;
    println!("{} screens: tmux {:.1} ms, backout {:.1} ms", clients(), ms(theirs_all), ms(ours_all));
    report("an event on every screen, against tmux", vec![ms(ours_all) / ms(theirs_all)], 1.0);
    println!("10 a second: tmux {theirs_busy:.2} ms/s, hub {ours_busy:.2} ms/s");
    report("CPU of the hub at 10 events a second", vec![ours_busy / theirs_busy], 1.0);
    println!("at rest: tmux {theirs_idle:.3} ms/s, hub {ours_idle:.3} ms/s");
    report("CPU of the hub at rest", vec![ours_idle / theirs_idle], 0.2);
    theirs_all
}

/// So many clients that have everything there is.
fn attached(hub: &Hub, count: usize) -> Vec<UnixStream> {
    let mut clients: Vec<UnixStream> = (0..count).map(|_| hub.wire()).collect();
    for client in &mut clients {
        reads_until(client, b"caught_up");
    }
    clients
}

/// Clients that do not read change nothing for those who do.
fn stopped(hub: &mut Hub, theirs: Option<Duration>) {
    let mut clients = attached(hub, clients());
    let (mut ratios, mut heard) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let alone = all_hear(hub, &mut clients);
        let stopped: Vec<UnixStream> = (0..10).map(|_| hub.wire()).collect();
        let beside = all_hear(hub, &mut clients);
        drop(stopped);
        ratios.push(beside / alone);
        heard.extend(theirs.map(|theirs| alone / theirs.as_secs_f64()));
    }
    if !heard.is_empty() {
        compared("an event durable and at every client, unpainted", heard);
    }
    report("ten clients that do not read", ratios, 1.2);
}

/// What a client costs the hub.
fn memory(hub: &mut Hub) {
    let before = resident_kib(hub.pid);
    let more = attached(hub, 100);
    hub.note("a hundred more");
    absolute("memory of a client", (resident_kib(hub.pid) - before) / more.len() as f64, "KiB", 64.0);
}

/// A hundred consoles, and each shows what happens.
fn hundred(hub: &mut Hub) {
    let screens = Screens::start(100, || hub.console(), "Many steps");
    let taken = all_see(&screens, |word| hub.note(word));
    println!("100 consoles show an event after {:.1} ms", taken.as_secs_f64() * 1e3);
}

/// From the start of `ssh` to the first paint behind it.
fn through_sshd(hub: &Hub, tmux: &Tmux) {
    let Some(sshd) = common::sshd::Sshd::start(&hub.room.key()) else { return };
    let far = |words: &[String]| {
        let mut command = CommandBuilder::new("ssh");
        command.args(["-tt", "-F", sshd.config().to_str().unwrap(), "box", &words.join(" ")]);
        command
    };
    let theirs: Vec<String> = tmux.words().into_iter().chain(["attach".to_owned()]).collect();
    let state = hub.room.state().display().to_string();
    let ours = [common::PROGRAM, "--state", &state, "join", "--observe"].map(str::to_owned);
    let paint = |words: &[String], text: &str| {
        let terminal = Terminal::start(far(&[&["LANG=C.UTF-8".to_owned()], words].concat()));
        let taken = terminal.first_paint(text);
        terminal.kill();
        taken
    };
    let pairs = common::pairs(|| paint(&theirs, "a war room"), || paint(&ours, "Many steps"));
    let ratios: Vec<f64> = pairs.iter().map(|(t, o)| o.as_secs_f64() / t.as_secs_f64()).collect();
    let of = |side: Vec<f64>| median(side) * 1e3;
    println!(
        "through sshd: tmux {:.0} ms, backout {:.0} ms",
        of(pairs.iter().map(|p| p.0.as_secs_f64()).collect()),
        of(pairs.iter().map(|p| p.1.as_secs_f64()).collect())
    );
    report("join through sshd, first paint", ratios, 1.1);
}

/// Keys until the dialog of this approval stands with the focus on its button: what waits, its offer, a reason.
fn to_the_button(terminal: &Terminal, gate: &str) {
    let mut filled = false;
    // What waited before may still be on the screen: the key goes where this one is asked for, and nowhere else.
    let asked = format!("FOR YOU: your approval of {gate} ");
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        terminal.quiet();
        assert!(Instant::now() < until, "the dialog never came; on the screen:\n{}", terminal.contents());
        let screen = terminal.contents();
        let hints = screen.lines().last().unwrap_or_default();
        let on_the_button =
            screen.lines().any(|l| l.split_once("cancel").is_some_and(|(_, after)| after.contains('▸')));
        match () {
            () if hints.contains("esc cancel") && on_the_button => {
                // Nor does a dialog hear `enter` right after it opened: no person reads so fast.
                std::thread::sleep(Duration::from_millis(400));
                return;
            }
            () if hints.contains("esc cancel") && !filled => {
                filled = true;
                terminal.types(b"as it should be\t");
            }
            () if hints.contains("esc cancel") => terminal.types(b"\t"),
            () if hints.contains("enter open") => terminal.types(b"\r"),
            () if screen.contains(&asked) => terminal.types(b"."),
            () => {}
        }
        // What a key leads to is looked at before the next one: a list that has just opened is deaf for a moment.
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// From the key that approves, on a real console with a real agent, until the approval is durable and another client
/// has it; and how long the agent alone takes for such a text.
fn approvals() {
    const HOLD_POINTS: usize = 11;
    let Some(room) = Room::of_hold_points(HOLD_POINTS) else { return };
    let agent = folder();
    let socket = agent.path().join("agent");
    let mut daemon = Command::new("ssh-agent");
    daemon.arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).stderr(Stdio::null());
    let mut daemon = daemon.spawn().unwrap();
    while UnixStream::connect(&socket).is_err() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let added = Command::new("ssh-add").arg("-q").arg(room.key()).env("SSH_AUTH_SOCK", &socket).status();
    assert!(added.unwrap().success());
    let public = std::fs::read_to_string(room.key().with_extension("pub")).unwrap();
    let signers = AllowedSigners::parse(format!("me {public}").as_bytes());
    let mut opener = room.open();
    opener.wait_for("approval.requested");
    room.act("approve", &["declare"]);
    let mut command = CommandBuilder::new(common::PROGRAM);
    command.args(["--state", room.state().to_str().unwrap(), "join", "--role", "sre", "--role", "commander"]);
    command.env("SSH_AUTH_SOCK", &socket);
    let terminal = Terminal::start(command);
    terminal.first_paint("Many steps");
    let (mut whole, mut alone) = (Vec::new(), Vec::new());
    for n in 1..=HOLD_POINTS {
        to_the_button(&terminal, &format!("h{n}"));
        let mut other = wire(&room.incident());
        reads_until(&mut other, b"caught_up");
        let pressed = Instant::now();
        terminal.types(b"\r");
        let heard = reads(&mut other, b"approval.granted");
        whole.push(pressed.elapsed());
        heard.unwrap_or_else(|e| panic!("no approval: {e}; on the screen:\n{}", terminal.contents()));
        let until = Instant::now() + Duration::from_secs(60);
        while terminal.contents().contains("esc cancel") {
            assert!(Instant::now() < until, "the dialog stays:\n{}", terminal.contents());
            std::thread::sleep(Duration::from_millis(5));
        }
        // What a client asks of the agent: which keys it has, and a signature.
        let begun = Instant::now();
        let signer = Signer::find("me", &signers, Some(&socket), None).unwrap();
        signer.sign("approve.v1@backout", &[b'x'; 900]).unwrap();
        alone.push(begun.elapsed());
    }
    let ms = |mut all: Vec<Duration>| percentile(&mut all, 0.5).as_secs_f64() * 1e3;
    let (whole, alone) = (ms(whole), ms(alone));
    println!("an approval: {whole:.1} ms from the key to durable; the agent alone {alone:.1} ms");
    absolute("an approval beside its agent", whole - alone, "ms", 20.0);
    terminal.kill();
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    room.act("close", &["--reason", "done"]);
    opener.wait();
}

fn main() {
    let wanted = common::asked(PARTS);
    let (Some(mut hub), Some(tmux)) = (Hub::new(), Tmux::new()) else {
        println!("SKIPPED: this needs ssh-keygen and tmux");
        return;
    };
    // What costs least to know comes first; memory before there were many clients to leave any behind.
    if wanted("approval") {
        approvals();
    }
    if wanted("memory") {
        memory(&mut hub);
    }
    if wanted("sshd") {
        through_sshd(&hub, &tmux);
    }
    let theirs = wanted("tmux").then(|| room_against_tmux(&mut hub, &tmux));
    if wanted("stopped") {
        stopped(&mut hub, theirs);
    }
    if wanted("hundred") {
        hundred(&mut hub);
    }
    hub.room.act("close", &["--reason", "done"]);
    assert!(Path::new(&hub.room.incident()).exists());
}
