//! Everything the screen is drawn from. Never draws, never waits, never reads a clock.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::amended;
use super::deed::Ground;
use super::feed::{Feed, Look};
use super::keymap::Keymap;
use super::layer::Layer;
use super::link::{ActId, Head, Me, Pane, Readiness, Recorded, Room, RunId};
use super::offer::{Attention, Tone, attention};
use super::said::Said;
use super::story::Row;
use super::terminal::Size;
use super::timers;
use super::told::Told;
use crate::core::event::Direction;
use crate::core::id::StepId;
use crate::core::incident::{Incident, Stage};
use crate::core::readiness::History;
use crate::core::time::Stamp;
use crate::sanitize::Clean;
use crate::theme::Role;

/// A moment on both clocks: the wall's for what is shown, the steady one for how long something lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// By the wall.
    pub wall: Stamp,
    /// Since the console began; never jumps.
    pub steady: Duration,
}

/// A pane that can have the focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Focus {
    /// The steps.
    Checklist,
    /// The selected step and its output.
    Step,
    /// The measurements.
    Metrics,
    /// Seats, people, approvals.
    People,
    /// What happened.
    Timeline,
    /// A whole screen for one question; the panes are not seen then.
    Sheet(Sheet),
}

/// A whole screen for one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sheet {
    /// Which ways back there are.
    Options,
    /// What the numbers did.
    Metrics,
    /// What happened, one event in full.
    Timeline,
    /// Who does what.
    People,
    /// Who was told what.
    Comms,
    /// What is owed.
    Ledger,
    /// How long it takes.
    Gantt,
}

impl Sheet {
    /// In the order of `next-view`.
    pub const ALL: [Sheet; 7] = [
        Sheet::Options,
        Sheet::Metrics,
        Sheet::Timeline,
        Sheet::People,
        Sheet::Comms,
        Sheet::Ledger,
        Sheet::Gantt,
    ];

    /// Its heading.
    pub fn name(self) -> &'static str {
        match self {
            Sheet::Options => "Options",
            Sheet::Metrics => "Metrics",
            Sheet::Timeline => "Timeline",
            Sheet::People => "People",
            Sheet::Comms => "Messages",
            Sheet::Ledger => "Ledger",
            Sheet::Gantt => "Plan and actual",
        }
    }
}

impl Focus {
    /// In the order of `tab`.
    pub const ALL: [Focus; 5] =
        [Focus::Checklist, Focus::Step, Focus::Metrics, Focus::People, Focus::Timeline];
}

/// Whether long lines take several rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrap {
    /// They are cut.
    Cut,
    /// They go on below.
    Wrapped,
}

/// What a run wrote.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// Finished lines.
    pub lines: Feed<Clean>,
    /// When each of them came, as far as somebody was there to see it.
    pub came: Feed<Option<Stamp>>,
    /// The unfinished last line.
    pub partial: Clean,
    /// Lines left out.
    pub dropped: u64,
}

/// Whether lines of output say when they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// They do not: a narrow pane has no room for both.
    Hidden,
    /// They do.
    Shown,
}

/// A short message over the hint bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toast {
    /// The words.
    pub text: Clean,
    /// How they are coloured.
    pub role: Role,
    /// Steady time until which they are shown.
    pub until: Duration,
}

/// Everything the screen is drawn from.
#[derive(Debug)]
pub struct Model {
    /// Who sits here.
    pub me: Me,
    /// The incident; none before the hub has told it.
    pub incident: Option<Incident>,
    /// The first parts of a record that is still being read. Not shown.
    pub reading: Option<Told>,
    /// The newest sealed head.
    pub head: Head,
    /// What happened.
    pub story: Feed<Row>,
    /// The newest events whole, for whoever wants to see everything of one.
    pub events: VecDeque<Recorded>,
    /// The event that is looked at, by its place in the record; none is the newest.
    pub event: Option<u64>,
    /// Moments marked in the charts: the declaration, the phases, the end of the harm.
    pub marks: Vec<(Stamp, &'static str)>,
    /// What people noted about the harm.
    pub said: Said,
    /// What runs wrote.
    pub logs: BTreeMap<RunId, Log>,
    /// Which run's output is being sent.
    pub watching: Option<RunId>,
    /// Metric panes.
    pub panes: Vec<Pane>,
    /// The readiness score.
    pub readiness: Option<Readiness>,
    /// How long the ways took before; none before somebody has looked.
    pub past: Option<History>,
    /// The line and the writer.
    pub room: Room,
    /// Now.
    pub now: Moment,
    /// The terminal.
    pub size: Size,
    /// The pane with the focus.
    pub focus: Focus,
    /// The step a person selected; none follows what needs attention.
    pub picked: Option<StepId>,
    /// Where the output is looked into.
    pub output_look: Look,
    /// Where the timeline is looked into.
    pub story_look: Look,
    /// First row of what has the focus, where that is a text.
    pub scroll: usize,
    /// Whether long lines take several rows.
    pub wrap: Wrap,
    /// Whether lines of output say when they came.
    pub times: Times,
    /// Text that lines must have, and in which pane.
    pub filter: Option<(Focus, String)>,
    /// What lies over the screen.
    pub layers: Vec<Layer>,
    /// A short message.
    pub toast: Option<Toast>,
    /// What comes next.
    pub attention: Attention,
    /// The newest mark without a decision that was called out.
    pub mark: Option<Duration>,
    /// Keys in use.
    pub keymap: Keymap,
    /// Number of the next act.
    pub next_act: u64,
    /// Steady time of a first `ctrl-c`.
    pub leaving: Option<Duration>,
    /// Whether the window has the focus, as far as it said so.
    pub window: Window,
    /// Whose the mouse is.
    pub pointer: Pointer,
    /// Steady time of the last bell.
    pub rang: Option<Duration>,
    /// What the bell has rung for, or was seen without it.
    pub rung: BTreeSet<String>,
}

/// Whose the mouse is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pointer {
    /// The terminal's, which selects text with it.
    Terminals,
    /// This console's, because somebody asked.
    Ours,
}

/// Whether somebody looks at the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// It never said.
    Unsaid,
    /// It has the focus.
    Focused,
    /// It has not.
    Away,
}

impl Model {
    /// How long until somebody is called because nothing is decided.
    pub fn to_next_mark(&self) -> Option<Duration> {
        self.incident.as_ref().and_then(|incident| timers::to_next_mark(incident, self.now.wall))
    }

    /// A console before the first word of the hub.
    pub fn new(me: Me, keymap: Keymap, size: Size, now: Moment) -> Model {
        Model {
            me,
            incident: None,
            reading: None,
            head: Head::default(),
            story: Feed::default(),
            events: VecDeque::new(),
            event: None,
            marks: Vec::new(),
            said: Said::default(),
            logs: BTreeMap::new(),
            watching: None,
            panes: Vec::new(),
            readiness: None,
            past: None,
            room: Room::default(),
            now,
            size,
            focus: Focus::Checklist,
            picked: None,
            output_look: Look::Follow,
            story_look: Look::Follow,
            scroll: 0,
            wrap: Wrap::Cut,
            times: Times::Hidden,
            filter: None,
            layers: Vec::new(),
            toast: None,
            attention: Attention {
                tone: Tone::Quiet,
                words: "waiting for the hub".into(),
                step: None,
                deed: None,
                thing: None,
            },
            mark: None,
            keymap,
            next_act: 1,
            leaving: None,
            window: Window::Unsaid,
            pointer: Pointer::Terminals,
            rang: None,
            rung: BTreeSet::new(),
        }
    }

    /// What deeds are judged by.
    pub fn ground(&self) -> Option<Ground<'_>> {
        let incident = self.incident.as_ref()?;
        Some(Ground { incident, me: &self.me, head: &self.head, now: self.now.wall })
    }

    /// The rows of the checklist in order: the declaration, the steps, `always`.
    pub fn rows(&self) -> Vec<StepId> {
        let Some(incident) = &self.incident else { return Vec::new() };
        let amended = amended::waits(incident).then(StepId::amend);
        let steps = incident.runbook.steps().filter_map(|s| StepId::parse(s.id.clone()).ok());
        std::iter::once(StepId::declare()).chain(amended).chain(steps).collect()
    }

    /// The selected step: the one picked, else the one that needs attention, else the first that is not over.
    pub fn selected(&self) -> StepId {
        if let Some(step) = self.picked.as_ref().or(self.attention.step.as_ref()) {
            return step.clone();
        }
        let Some(incident) = &self.incident else { return StepId::declare() };
        if incident.stage < Stage::Declared {
            return StepId::declare();
        }
        let open = incident.runbook.steps().find(|s| !incident.status(&s.id).is_over());
        let step = open.or_else(|| incident.runbook.steps().last());
        step.and_then(|s| StepId::parse(s.id.clone()).ok()).unwrap_or_else(StepId::declare)
    }

    /// The newest run of the selected step, its undo included.
    pub fn selected_run(&self) -> Option<RunId> {
        let incident = self.incident.as_ref()?;
        let step = self.selected();
        let newest = [Direction::Undo, Direction::Forward]
            .into_iter()
            .filter_map(|direction| incident.run_of(&step, direction).map(|run| (direction, run)))
            .find(|(_, run)| run.attempt > 0)?;
        Some(RunId { step, attempt: newest.1.attempt, direction: newest.0 })
    }

    /// The output of the selected step.
    pub fn selected_log(&self) -> Option<&Log> {
        self.logs.get(&self.selected_run()?)
    }

    /// The event that is looked at, if it is among those kept whole.
    pub fn selected_event(&self) -> Option<&Recorded> {
        match self.event {
            Some(seq) => self.events.iter().find(|r| r.event.seq == seq),
            None => self.events.back(),
        }
    }

    /// The filter of a pane.
    pub fn filter_of(&self, pane: Focus) -> Option<&str> {
        self.filter
            .as_ref()
            .filter(|(at, text)| *at == pane && !text.is_empty())
            .map(|(_, text)| text.as_str())
    }

    /// Works out anew what comes next.
    pub fn reconsider(&mut self) {
        if let Some(attention) = self.ground().map(|g| attention(&g)) {
            self.attention = attention;
        }
    }

    /// Says something for a few seconds.
    pub fn say(&mut self, role: Role, text: Clean) {
        self.toast = Some(Toast { text, role, until: self.now.steady + Duration::from_secs(6) });
    }

    /// The number of a new act.
    pub fn new_act(&mut self) -> ActId {
        self.next_act += 1;
        ActId(self.next_act - 1)
    }
}

/// Numbers of the lines of a feed that hold the filter's text, capitals or not.
pub fn matching<T>(feed: &Feed<T>, filter: Option<&str>, text: impl Fn(&T) -> String) -> Vec<u64> {
    let Some(filter) = filter.map(str::to_lowercase) else { return feed.iter().map(|(n, _)| n).collect() };
    feed.iter().filter(|(_, line)| text(line).to_lowercase().contains(&filter)).map(|(n, _)| n).collect()
}
