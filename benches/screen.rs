//! Bytes of our frames against what ratatui's own crossterm backend writes for the same drawings. Counted, not timed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::sync::Arc;
use std::time::Duration;

use backout::console::gate::Gate;
use backout::console::gate::level::{Glyphs, Level};
use backout::console::key::Key;
use backout::console::keymap::Keymap;
use backout::console::link::{Began, Head, Mark, Me, Pane, PaneState, Recorded, Stance, Update};
use backout::console::model::{Model, Moment};
use backout::console::terminal::Size;
use backout::console::terminal::screen::Screen;
use backout::console::update::{Msg, update};
use backout::console::{input::Input, view};
use backout::core::event::{Actor, Event, TriggerFired, What};
use backout::core::id::{Name, PersonId};
use backout::core::team::Team;
use backout::core::time::Stamp;
use backout::sanitize;
use backout::theme::{Theme, shipped};
use ratatui::backend::{Backend as _, CrosstermBackend};
use ratatui::buffer::Buffer;

const RUNBOOK: &str = include_str!("../runbooks/shop-deploy-rollback.yaml");
const SIZE: Size = Size { columns: 120, rows: 40 };
/// Seconds that are played.
const SECONDS: u64 = 300;

/// A console, its terminal as we write it and as crossterm would.
struct Bench {
    model: Model,
    theme: Theme,
    ours: Screen,
    theirs: Buffer,
    now: Duration,
    events: u64,
}

/// What a play wrote.
#[derive(Default)]
struct Bytes {
    ours: usize,
    theirs: usize,
    frames: usize,
}

impl Bench {
    fn new(keys: &str) -> Bench {
        let gate = Gate { level: Level::True, glyphs: Glyphs::Unicode };
        let me = Me {
            person: PersonId::parse("ana").unwrap(),
            session: None,
            key: None,
            stance: Stance::Observes,
        };
        let at = Moment { wall: Stamp(1_795_176_000_000_000), steady: Duration::ZERO };
        let model = Model::new(me, Keymap::default(), SIZE, at);
        let theirs = Screen::canvas(SIZE);
        let theme = shipped("default-dark").unwrap();
        let mut bench =
            Bench { model, theme, ours: Screen::new(gate), theirs, now: Duration::ZERO, events: 0 };
        let runbook = Arc::new(backout::runbook::load("runbook.yaml", RUNBOOK.as_bytes()).unwrap().runbook);
        let began =
            Began { runbook, team: Arc::new(Team::default()), events: Vec::new(), head: Head::default() };
        bench.tells(Msg::Hub(Update::Began(Box::new(began))));
        for key in keys.split_whitespace() {
            let key: Key = key.parse().unwrap();
            bench.tells(Msg::Input(Input::Key(key)));
        }
        bench.panes();
        bench.draws(&mut Bytes::default());
        bench
    }

    fn wall(&self) -> Stamp {
        Stamp(1_795_176_000_000_000).plus(self.now)
    }

    fn tells(&mut self, msg: Msg) {
        let now = Moment { wall: self.wall(), steady: self.now };
        update(&mut self.model, msg, now);
    }

    /// Four measurements as a hub sends them: a quarter of an hour, the worst of each five seconds.
    fn panes(&mut self) {
        let now = self.wall().seconds();
        let mark = |value: f64, text: &str| Mark { value, text: sanitize::line(text) };
        let walk = |seed: i64, slice: i64| 0.4 + 0.3 * ((slice * (seed + 3)) as f64 / 17.0).sin();
        let pane = |seed: i64| {
            let last = now.div_euclid(5);
            let points = (last - 179..=last).map(|s| (Stamp(s * 5_000_000), Some(walk(seed, s)))).collect();
            let latest = walk(seed, last) + (now % 5) as f64 / 100.0;
            Pane {
                name: sanitize::line(format!("m{seed}")),
                title: sanitize::line(format!("Measurement {seed}")),
                warn: Some(mark(0.6, "60 %")),
                critical: Some(mark(0.9, "90 %")),
                points,
                scale: vec![mark(0.0, "0 %"), mark(1.0, "100 %")],
                latest: sanitize::line(format!("{:.1} %", latest * 100.0)),
                state: PaneState::Fine,
                why: None,
                stale_for: None,
                compared: Default::default(),
            }
        };
        let panes = (0..4).map(pane).collect();
        self.tells(Msg::Hub(Update::Panes(panes)));
    }

    fn line(&mut self) {
        let value =
            format!("{}.{} % of checkouts failed for two minutes", self.events * 7 % 100, self.events % 10);
        let what = What::from(TriggerFired { trigger: Name::parse("errors").unwrap(), value });
        let event = Event {
            seq: self.events,
            at: self.wall(),
            actor: Actor::Hub,
            what,
            payload: Vec::new(),
            auth: None,
        };
        self.events += 1;
        self.tells(Msg::Hub(Update::Recorded(Box::new(Recorded {
            event,
            said: Vec::new(),
            proposed: None,
        }))));
    }

    /// Draws once; both sides write what they would.
    fn draws(&mut self, bytes: &mut Bytes) {
        let mut canvas = Screen::canvas(SIZE);
        let area = canvas.area;
        view::render(&self.model, &self.theme, area, &mut canvas);
        let mut written = Vec::new();
        {
            let mut backend = CrosstermBackend::new(&mut written);
            backend.draw(self.theirs.diff(&canvas).into_iter()).unwrap();
            ratatui::backend::Backend::flush(&mut backend).unwrap();
        }
        bytes.theirs += written.len();
        self.theirs = canvas.clone();
        if let Some(frame) = self.ours.frame(canvas, None) {
            bytes.ours += frame.len() + 3;
            bytes.frames += 1;
        }
    }
}

fn charts(keys: &str) -> Bytes {
    let mut bench = Bench::new(keys);
    let mut bytes = Bytes::default();
    for _ in 0..SECONDS {
        bench.now += Duration::from_secs(1);
        bench.tells(Msg::Tick);
        bench.panes();
        bench.draws(&mut bytes);
    }
    bytes
}

fn lines(a_second: u64, keys: &str) -> Bytes {
    let mut bench = Bench::new(keys);
    let mut bytes = Bytes::default();
    for _ in 0..SECONDS * 2 {
        bench.now += Duration::from_millis(500);
        for _ in 0..a_second / 2 {
            bench.line();
        }
        bench.draws(&mut bytes);
    }
    bytes
}

fn idle() -> Bytes {
    let mut bench = Bench::new("1");
    let mut bytes = Bytes::default();
    for _ in 0..SECONDS {
        bench.draws(&mut bytes);
    }
    bytes
}

fn report(what: &str, bytes: &Bytes) {
    let each = |n: usize| n as f64 / SECONDS as f64;
    let ratio = bytes.ours as f64 / bytes.theirs.max(1) as f64;
    println!(
        "{what:<44} {:>8.1} B/s in {:>4} frames, crossterm {:>8.1} B/s, ratio {ratio:.2}",
        each(bytes.ours),
        bytes.frames,
        each(bytes.theirs)
    );
}

fn main() {
    report("nothing changes", &idle());
    report("clock and four charts, usual screen", &charts("1"));
    report("clock and four charts, metrics", &charts("m"));
    report("ten lines a second, usual screen", &lines(10, "1"));
    report("a hundred lines a second, usual screen", &lines(100, "1"));
    report("ten lines a second, timeline", &lines(10, "t"));
    report("a hundred lines a second, timeline", &lines(100, "t"));
}
