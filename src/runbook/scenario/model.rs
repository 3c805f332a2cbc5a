//! The typed scenario. Never holds a place in a file.

use super::when::{Event, Value, When};
use crate::runbook::model::{Class, Unit};
use std::time::Duration;

/// One rehearsal.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Stable name, `[a-z0-9-]`.
    pub id: String,
    /// One line for people; players see it.
    pub title: String,
    /// What kind of rollback it rehearses.
    pub class: Class,
    /// The runbook it was written for; nothing means any of its class.
    pub runbook: Option<String>,
    /// 1 to 5.
    pub difficulty: u32,
    /// Where the story comes from.
    pub provenance: Provenance,
    /// Whether players may read the truth before the end.
    pub spoiler: Spoiler,
    /// How its time goes.
    pub clock: Clock,
    /// Seats that have to be filled.
    pub roles: Vec<String>,
    /// Those of them that stay empty on purpose.
    pub absent: Vec<String>,
    /// What is practised.
    pub objectives: Vec<Objective>,
    /// What the players see of the system.
    pub world: World,
    /// What they are told.
    pub injects: Vec<Inject>,
    /// Where they have to choose.
    pub decisions: Vec<Decision>,
    /// What is expected of them.
    pub expectations: Vec<Expectation>,
    /// Ends the rehearsal at once.
    pub stop_when: Vec<When>,
    /// How what was seen becomes a rating.
    pub scoring: Scoring,
    /// What is talked about afterwards.
    pub debrief: Debrief,
}

/// Where a story comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// What kind of story it is.
    pub kind: Origin,
    /// What it was made from.
    pub refs: Vec<String>,
}

/// What kind of story it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// It happened like this somewhere.
    Real,
    /// Put together from several.
    Composite,
    /// Made up.
    Invented,
    /// Made from the record of this incident.
    Recorded(String),
}

/// Whether players may read the truth before the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoiler {
    /// Truth and injects stay hidden until the end.
    Sealed,
    /// Everything may be read.
    Open,
}

/// How the scenario's time goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clock {
    /// Who moves it.
    pub mode: ClockMode,
    /// While people are free to act; 1 is real time.
    pub speed: f64,
    /// While everybody only waits for a command.
    pub wait_speed: f64,
    /// How long the rehearsal may take, in its own time.
    pub duration: Duration,
}

/// Who moves the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockMode {
    /// It moves by itself.
    Driven,
    /// Somebody who leads the rehearsal.
    Facilitator,
}

/// Something that is practised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objective {
    /// Its id.
    pub id: String,
    /// What is practised, in a word or two.
    pub capability: String,
    /// What is to be reached.
    pub target: String,
    /// What people have to do for it.
    pub tasks: Vec<String>,
}

/// What the players see of the system.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct World {
    /// What the rest refers to, and how it begins.
    pub state: Vec<(String, Value)>,
    /// What metric sources answer, by metric of the runbook.
    pub metrics: Vec<Curve>,
    /// What commands and requests answer; the first that fits does.
    pub commands: Vec<Stub>,
}

/// What a metric does.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// A metric of the runbook.
    pub metric: String,
    /// Its unit.
    pub unit: Option<Unit>,
    /// How much it shakes, and the seed of that.
    pub noise: Option<(f64, u64)>,
    /// In order of time.
    pub points: Vec<Point>,
    /// Where it goes when something happens.
    pub shifts: Vec<Shift>,
    /// After so long the source repeats its last value.
    pub stale_after: Option<Duration>,
    /// From and until when there is no answer.
    pub missing: Vec<(Duration, Duration)>,
}

/// One point of a curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// When, in the scenario's time.
    pub at: Duration,
    /// The value from then on.
    pub value: f64,
    /// How it comes there from the point before.
    pub by: Reach,
}

/// How a curve comes to a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// In one step.
    Step,
    /// In a straight line.
    Linear,
}

/// A way to another value, begun by something that happens.
#[derive(Debug, Clone, PartialEq)]
pub struct Shift {
    /// What begins it.
    pub when: When,
    /// The value it goes to.
    pub decay_to: f64,
    /// In so long two thirds of the way are gone.
    pub tau: Duration,
}

/// What a command or a request answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Stub {
    /// The line as `plan` shows it, with `*` for anything.
    pub matches: String,
    /// Only then.
    pub when: Option<When>,
    /// So long, in the scenario's time.
    pub takes: Duration,
    /// Its exit code; 0 to 255.
    pub rc: u32,
    /// What it prints.
    pub stdout: String,
    /// What it prints when `when` does not hold; without it another stub is asked.
    pub else_stdout: Option<String>,
    /// What is so afterwards.
    pub set: Vec<(String, Value)>,
}

/// Something that happens, and mostly something that people are told.
#[derive(Debug, Clone, PartialEq)]
pub struct Inject {
    /// Its id.
    pub id: String,
    /// When it comes.
    pub cue: Cue,
    /// Seats it goes to; nobody for what happens silently.
    pub to: Vec<String>,
    /// How it arrives.
    pub channel: Channel,
    /// Who says it.
    pub from: Option<String>,
    /// What they say.
    pub body: Option<String>,
    /// It leads astray on purpose.
    pub red_herring: bool,
    /// The task it helps with; that task's rating is capped.
    pub hint_for: Option<String>,
    /// Why it is there, where no expectation refers to it.
    pub purpose: Option<String>,
    /// What is so from then on.
    pub set: Vec<(String, Value)>,
}

/// When an inject comes; each comes once.
#[derive(Debug, Clone, PartialEq)]
pub enum Cue {
    /// At this time of the scenario.
    At(Duration),
    /// As soon as this holds.
    When(When),
}

/// How an inject arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Channel {
    Page,
    Chat,
    Call,
    Mail,
    Bridge,
    Facilitator,
    Silent,
}

/// A choice with more than one defensible answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Its id.
    pub id: String,
    /// What has to be decided.
    pub ask: String,
    /// What can be chosen, and what speaks for it.
    pub options: Vec<(String, String)>,
}

/// What is expected of the people.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// Its id.
    pub id: String,
    /// The task it shows.
    pub task: String,
    /// Missing it fails the rehearsal.
    pub critical: bool,
    /// What exactly.
    pub kind: Expected,
}

/// What exactly is expected.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    /// Something is done.
    Want {
        /// This holds.
        want: When,
        /// Counted from this inject; from the begin when there is none.
        after: Option<String>,
        /// In this time.
        within: Option<Duration>,
        /// Before this holds.
        before: Option<When>,
        /// Whose time counts.
        basis: Basis,
    },
    /// Something is not done.
    Forbid {
        /// What.
        of: When,
        /// It is fine once this holds.
        unless: Option<When>,
    },
    /// Something is repeated.
    Cadence {
        /// What.
        of: Event,
        /// At least so often.
        every: Duration,
        /// Until this holds.
        until: Option<When>,
    },
    /// A stretch does not take too long.
    Budget {
        /// Its begin.
        from: Mark,
        /// Its end.
        to: Mark,
        /// How long it may take.
        within: Duration,
        /// Whose time counts.
        basis: Basis,
    },
    /// A person watches and judges.
    Judged {
        /// The question.
        ask: String,
        /// What to look at.
        observe: String,
    },
}

/// Whose time counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// Time in which people were free to act.
    Human,
    /// The scenario's time, waits included.
    Scenario,
}

/// A moment.
#[derive(Debug, Clone, PartialEq)]
pub enum Mark {
    /// When this inject came.
    Inject(String),
    /// When this first held.
    When(When),
}

/// How what was seen becomes a rating.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scoring {
    /// What is late by at most this share of its time is only late; 0.5 is half as long again.
    pub grace: f64,
    /// The best rating of a task that a hint was given for.
    pub hint_caps_at: Rating,
    /// The rating of a task whose critical expectation was missed.
    pub critical_fail: Rating,
}

/// Best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Rating {
    Performed,
    Some,
    Major,
    Unable,
}

/// What is talked about afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Debrief {
    /// What really was wrong.
    pub truth: String,
    /// What is asked.
    pub questions: Vec<String>,
}

impl Scenario {
    /// Every condition, with its place in the file.
    pub fn conditions(&self) -> Vec<(String, &When)> {
        let mut out = Vec::new();
        for curve in &self.world.metrics {
            for (i, shift) in curve.shifts.iter().enumerate() {
                out.push((format!("world.metrics.{}.shift[{i}].when", curve.metric), &shift.when));
            }
        }
        for (i, stub) in self.world.commands.iter().enumerate() {
            out.extend(stub.when.iter().map(|when| (format!("world.commands[{i}].when"), when)));
        }
        for (i, inject) in self.injects.iter().enumerate() {
            if let Cue::When(when) = &inject.cue {
                out.push((format!("injects[{i}].when"), when));
            }
        }
        for (i, expectation) in self.expectations.iter().enumerate() {
            let at = |key: &str| format!("expectations[{i}].{key}");
            out.extend(expectation.kind.conditions().into_iter().map(|(key, when)| (at(key), when)));
        }
        out.extend(self.stop_when.iter().enumerate().map(|(i, when)| (format!("stop_when[{i}]"), when)));
        out
    }

    /// Every event it waits for, with its place in the file.
    pub fn events(&self) -> Vec<(String, &Event)> {
        let mut out: Vec<(String, &Event)> = Vec::new();
        for (path, when) in self.conditions() {
            out.extend(when.events().into_iter().map(|event| (path.clone(), event)));
        }
        for (i, expectation) in self.expectations.iter().enumerate() {
            if let Expected::Cadence { of, .. } = &expectation.kind {
                out.push((format!("expectations[{i}].of"), of));
            }
        }
        out
    }

    /// Every task of every objective.
    pub fn tasks(&self) -> impl Iterator<Item = &str> {
        self.objectives.iter().flat_map(|o| &o.tasks).map(String::as_str)
    }

    /// What a line answers in a world in which `holds` tells what is so: the stub, and what it prints. The line is a
    /// command or `GET address`, as a plan shows it.
    pub fn answer<'s>(&'s self, line: &str, holds: &dyn Fn(&When) -> bool) -> Option<(&'s Stub, &'s str)> {
        self.world.commands.iter().filter(|stub| fits(&stub.matches, line)).find_map(|stub| {
            let is_so = stub.when.as_ref().is_none_or(holds);
            let says = if is_so { Some(&stub.stdout) } else { stub.else_stdout.as_ref() };
            says.map(|text| (stub, text.as_str()))
        })
    }
}

impl Expected {
    /// Its conditions, by the key they stand under.
    pub fn conditions(&self) -> Vec<(&'static str, &When)> {
        match self {
            Expected::Want { want, before, .. } => {
                std::iter::once(("want", want)).chain(before.iter().map(|b| ("before", b))).collect()
            }
            Expected::Forbid { of, unless } => {
                std::iter::once(("of", of)).chain(unless.iter().map(|u| ("unless", u))).collect()
            }
            Expected::Cadence { until, .. } => until.iter().map(|u| ("until", u)).collect(),
            Expected::Budget { from, to, .. } => [("from", from), ("to", to)]
                .into_iter()
                .filter_map(|(key, mark)| match mark {
                    Mark::When(when) => Some((key, when)),
                    Mark::Inject(_) => None,
                })
                .collect(),
            Expected::Judged { .. } => Vec::new(),
        }
    }
}

/// Whether a line is what a pattern with `*` says. Goes back to the last star only, so a hostile pattern costs no more
/// than its length times the line's.
pub fn fits(pattern: &str, line: &str) -> bool {
    let (pattern, line): (Vec<char>, Vec<char>) = (pattern.chars().collect(), line.chars().collect());
    let (mut p, mut l) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while l < line.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, l));
                p += 1;
            }
            Some(c) if line.get(l) == Some(c) => {
                p += 1;
                l += 1;
            }
            Some(_) | None => {
                let Some((at, from)) = star else { return false };
                star = Some((at, from + 1));
                p = at + 1;
                l = from + 1;
            }
        }
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}
