//! Large things: tables of a million rows compared by key, against `sort` and `comm` over the same two files; and a
//! runbook of 10,000 steps, read, judged, planned and worked with, against the same console with a short one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]
#![allow(dead_code, reason = "each bench uses its part of what they share")]

mod common;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use backout::console::keymap::Keymap;
use backout::console::link::{Began, Head, Me, Recorded, Stance, Update};
use backout::console::model::{Model, Moment};
use backout::console::terminal::Size;
use backout::console::terminal::screen::Screen;
use backout::console::update::{Msg, update};
use backout::console::{input::Input, view};
use backout::core::id::PersonId;
use backout::core::time::Stamp;
use backout::runbook::condition::{Judgement, Measurements, Observed, SHOWN_ROWS, Seen, judge};
use backout::runbook::model::{Expect, Table};
use backout::runbook::{Loaded, lint, plan};
use backout::theme::shipped;
use common::history::{History, ID, LONG};
use common::terminal::Terminal;
use common::{absolute, compared, cpu, folder, median, percentile};
use portable_pty::CommandBuilder;

const ROWS: u64 = 1_000_000;
/// Rows that differ: one in so many.
const DIFFERS: u64 = 10_000;
const STEPS: usize = 10_000;
/// Pairs of the slow things.
const FEW: usize = 5;
const KEYS: usize = 50;
const SIZE: Size = Size { columns: 120, rows: 40 };
/// What only a console that has read and checked the record can show.
const TITLE: &str = "A long watch";

fn main() {
    tables();
    runbook();
    consoles();
}

/// A table as `psql --csv` would print it, in another order for another `stride`.
fn table(stride: u64, changed: bool) -> String {
    let mut text = String::from("id,customer,total,state\n");
    for n in 0..ROWS {
        let id = n * stride % ROWS;
        let state = if changed && id.is_multiple_of(DIFFERS) { "open" } else { "paid" };
        writeln!(text, "{id},customer-{},{}.{:02},{state}", id % 977, id * 7 % 9_999, id % 100).unwrap();
    }
    text
}

fn tables() {
    let root = folder();
    let (before, now) = (table(1, false), table(7, true));
    let megabytes = (before.len() + now.len()) as f64 / 1e6;
    println!(
        "{ROWS} rows on each side, {megabytes:.0} MB together, in another order, one in {DIFFERS} differs"
    );
    let files = [root.path().join("before.csv"), root.path().join("now.csv")];
    for (file, text) in files.iter().zip([&before, &now]) {
        std::fs::write(file, text).unwrap();
    }
    let measured = Measurements::from([("before".to_owned(), before)]);
    let ours = |key: &[&str]| {
        let key = key.iter().map(|k| (*k).to_owned()).collect();
        let table = Table { key, rows: None, same_as: Some("before".to_owned()), except: Vec::new() };
        let observed = Observed { seen: Seen::Output(now.as_bytes()), unchanged: Duration::ZERO };
        let (before, begun) = (cpu(), Instant::now());
        let judged = judge(&Expect::Csv(table), &observed, &measured);
        let took = (cpu() - before, begun.elapsed());
        let Judgement::Fail { rows, differing, .. } = judged else { panic!("it differs") };
        assert_eq!((rows.len(), differing), (SHOWN_ROWS, ROWS / DIFFERS));
        took
    };
    for (what, key) in [("one key column", &["id"][..]), ("two key columns", &["customer", "id"][..])] {
        let taken: Vec<_> = (0..FEW).map(|_| (peer(&files), ours(key))).collect();
        let seconds = taken.iter().map(|(_, (cpu, _))| cpu.as_secs_f64()).collect();
        absolute(&format!("compared by {what}, of one core"), median(seconds), "s", 3.0);
        let ratios = taken.iter().map(|(peer, (_, ours))| ours.as_secs_f64() / peer.as_secs_f64()).collect();
        compared("  / sort both, on all cores, then comm", ratios);
    }
    forget_peak();
    let resting = status("VmRSS:");
    ours(&["id"]);
    absolute("memory while comparing, beside the two texts", status("VmHWM:") - resting, "MiB", 160.0);
}

/// What one would do without this program.
fn peer(files: &[PathBuf; 2]) -> Duration {
    let script = "sort \"$1\" > \"$1.s\"; sort \"$2\" > \"$2.s\"; comm -3 \"$1.s\" \"$2.s\" | wc -l";
    let begun = Instant::now();
    let mut command = Command::new("/bin/sh");
    command.args(["-euc", script, "sh"]).args(files).env("LC_ALL", "C").stdin(Stdio::null());
    let said = command.output().unwrap();
    let took = begun.elapsed();
    assert_eq!(String::from_utf8_lossy(&said.stdout).trim(), (2 * ROWS / DIFFERS).to_string());
    took
}

/// A field of `/proc/self/status`, in MiB.
fn status(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

/// The peak is counted from now on (`proc(5)`, `clear_refs`).
fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

/// The usual one of the benches, with so many steps behind its check.
fn long(steps: usize) -> String {
    let mut text = LONG.to_owned();
    for n in 1..steps {
        if n % 100 == 0 {
            writeln!(text, "  - name: Part {}\n    steps:", n / 100).unwrap();
        }
        let step = match n % 4 {
            0 => format!(
                "id: s{n}, run: [touch, \"file-{n}\"], undo: [rm, \"file-{n}\"], timeout: 30s, role: sre"
            ),
            1 => format!("id: s{n}, run: 'deployctl step {n}', timeout: 30s, role: sre, estimate: 10s"),
            2 => format!(
                "id: s{n}, await: {{run: [cat, \"file-{n}\"], expect: {{equals: ok}}, every: 1s, within: 1m}}, role: sre"
            ),
            _ => format!("id: s{n}, check: {{run: [cat, \"file-{n}\"], expect: {{equals: ok}}}}, role: sre"),
        };
        writeln!(text, "      - {{{step}}}").unwrap();
    }
    text
}

fn load(text: &str) -> Loaded {
    backout::runbook::load("runbook.yaml", text.as_bytes()).unwrap_or_else(|e| panic!("{e:?}"))
}

fn runbook() {
    let text = long(STEPS);
    println!("a runbook of {STEPS} steps, {:.1} MB", text.len() as f64 / 1e6);
    // Of one core: what others do on the machine does not count.
    let seconds = |mut work: Box<dyn FnMut() + '_>| {
        median((0..FEW).map(|_| common::cpu_of(&mut work).as_secs_f64()).collect())
    };
    let judged = seconds(Box::new(|| {
        let loaded = load(&text);
        assert!(lint::lint(&loaded, &lint::Context::default()).len() < 10 * STEPS);
    }));
    absolute("parse and lint, of one core", judged, "s", 1.0);
    let loaded = load(&text);
    let planned = seconds(Box::new(|| {
        let scope = plan::scope_for_plan(&loaded.runbook, &Default::default());
        let planned = plan::plan(&loaded.runbook, &scope, &plan::Known::default());
        assert!(plan::to_text(&planned).len() > STEPS);
    }));
    absolute("plan as text, of one core", planned, "s", 1.0);
}

fn consoles() {
    let (small, large) = (Place::new(&long(20)), Place::new(&long(STEPS)));
    let people = [small.person(), large.person()];
    let milli = |d: Duration| d.as_secs_f64() * 1e3;
    let [mut small_keys, mut large_keys] = people.clone().map(|p| p.keys);
    absolute(
        "a person's key, worked out and drawn, p99",
        milli(percentile(&mut large_keys, 0.99)),
        "ms",
        16.0,
    );
    println!("  with 20 steps {:.2} ms", milli(percentile(&mut small_keys, 0.99)));
    let [mut small_news, mut large_news] = people.map(|p| p.news);
    absolute(
        "a person's news, worked out and drawn, p99",
        milli(percentile(&mut large_news, 0.99)),
        "ms",
        100.0,
    );
    println!("  with 20 steps {:.2} ms", milli(percentile(&mut small_news, 0.99)));
    small.serve();
    large.serve();
    let taken: Vec<_> = (0..FEW).map(|_| (small.side(), large.side())).collect();
    let paints = taken.iter().map(|(_, l)| l.0.as_secs_f64()).collect();
    absolute("start of a console to its first paint", median(paints), "s", 1.0);
    let keys = taken.iter().map(|(_, l)| milli(l.1)).collect();
    absolute("key to paint on a terminal, p50", median(keys), "ms", 33.0);
    let slower = taken.iter().map(|(s, l)| l.1.as_secs_f64() / s.1.as_secs_f64()).collect();
    compared("  / with 20 steps", slower);
}

/// How long a person's console takes to work out and draw.
#[derive(Clone)]
struct Person {
    keys: Vec<Duration>,
    news: Vec<Duration>,
}

/// The program and where its incident is.
struct Place {
    root: tempfile::TempDir,
}

impl Place {
    fn new(runbook: &str) -> Place {
        let place = Place { root: folder() };
        let dir = place.folder();
        std::fs::create_dir_all(dir.parent().unwrap()).unwrap();
        let mut history = History::of(&dir, 2, runbook);
        history.grow_to(200);
        place
    }

    fn state(&self) -> PathBuf {
        self.root.path().join("state")
    }

    fn folder(&self) -> PathBuf {
        self.state().join("incidents").join(ID)
    }

    /// Starts the hub in a process of its own.
    fn serve(&self) {
        let mut command = Command::new(common::PROGRAM);
        command.args(["resume", ID, "--headless"]).env("BACKOUT_STATE", self.state());
        command.env("XDG_RUNTIME_DIR", self.root.path()).env_remove("SSH_AUTH_SOCK").stdin(Stdio::null());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn side(&self) -> (Duration, Duration) {
        let mut command = CommandBuilder::new(common::PROGRAM);
        command.args(["join", ID, "--observe", "--no-clock"]);
        command.env("BACKOUT_STATE", self.state());
        command.env("XDG_RUNTIME_DIR", self.root.path());
        let terminal = Terminal::start(command);
        let first = terminal.first_paint(TITLE);
        let mut keys: Vec<Duration> =
            (0..KEYS).map(|n| terminal.key(if n % 2 == 0 { b"j" } else { b"k" })).collect();
        terminal.end(b"q");
        (first, percentile(&mut keys, 0.5))
    }

    /// The console of the commander, without a terminal.
    fn person(&self) -> Person {
        let dir = self.folder();
        let (began, rest) = began(&dir);
        let me =
            Me { person: PersonId::parse("ana").unwrap(), session: None, key: None, stance: Stance::Acts };
        let at = Moment { wall: Stamp(1_795_000_100_000_000), steady: Duration::ZERO };
        let mut model = Model::new(me, Keymap::default(), SIZE, at);
        let theme = shipped("default-dark").unwrap();
        update(&mut model, Msg::Hub(Update::Began(Box::new(began))), at);
        let drawn = |model: &mut Model, msg: Msg| {
            let begun = Instant::now();
            update(model, msg, at);
            let mut canvas = Screen::empty(SIZE);
            let area = canvas.area;
            view::render(model, &theme, area, &mut canvas);
            begun.elapsed()
        };
        let keys = (0..KEYS).map(|n| {
            let key = if n % 5 == 4 { "k" } else { "j" }.parse().unwrap();
            drawn(&mut model, Msg::Input(Input::Key(key)))
        });
        let keys = keys.collect();
        let news = rest.into_iter().map(|r| drawn(&mut model, Msg::Hub(Update::Recorded(Box::new(r)))));
        Person { news: news.collect(), keys }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(self.folder().join("hub.pid")).unwrap_or_default();
        let pid = pid.split_whitespace().next().and_then(|pid| pid.parse().ok());
        if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }
}

/// What a hub would say of this record: its beginning, and the last of it as news.
fn began(dir: &Path) -> (Began, Vec<Recorded>) {
    let text = std::fs::read_to_string(dir.join("timeline.jsonl")).unwrap();
    let lines = text.lines().filter(|l| !l.starts_with("{\"seal\""));
    let mut events: Vec<Recorded> = lines
        .map(|l| backout::timeline::codec::decode(l.as_bytes()).unwrap())
        .map(|event| Recorded { event, said: Vec::new(), proposed: None })
        .collect();
    let news = events.split_off(100);
    let runbook = std::fs::read(dir.join("runbook.yaml")).unwrap();
    let runbook = backout::runbook::load("runbook.yaml", &runbook).unwrap().runbook;
    let team = std::fs::read(dir.join("team.yaml")).unwrap();
    let team = backout::workspace::team::decode("team.yaml", &team).0.unwrap();
    (Began { runbook: runbook.into(), team: team.into(), events, head: Head::default() }, news)
}
