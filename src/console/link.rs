//! What passes between the console and whoever follows the incident for it. Never says how it travels.

use std::sync::Arc;
use std::time::Duration;

use crate::core::event::{Direction, Event, Seen};
use crate::core::id::{Digest, PersonId, SessionId, StepId};
use crate::core::intent::{GateAnswer, Intent};
use crate::core::readiness::History;
use crate::core::statement::Answering;
use crate::core::team::Team;
use crate::core::time::Stamp;
/// What the newest answer of a metric means.
pub use crate::metrics::pane::PaneState;
use crate::metrics::pane::compare::Compared;
use crate::runbook::model::Runbook;
use crate::sanitize::Clean;

/// How many updates wait for the console. When full the follower waits; it is the one that coalesces output.
pub const UPDATES: usize = 256;
/// How many acts wait for the client. A person is never faster; when full the act is refused with a sentence.
pub const ACTS: usize = 16;

/// Who sits at this console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Me {
    /// The person.
    pub person: PersonId,
    /// Their session in this incident; none while only looking on.
    pub session: Option<SessionId>,
    /// Fingerprint of the key they sign with.
    pub key: Option<String>,
    /// Whether this console may act at all.
    pub stance: Stance,
}

/// Whether a console may act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stance {
    /// It acts as far as the rules let its person.
    Acts,
    /// It only shows.
    Observes,
}

/// Something new to show.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// A first part of the incident, from its first event on, or the next part of it. Nothing of it is shown before
    /// [`Update::Began`] has brought the last.
    Earlier(Box<Began>),
    /// The incident from its first event on, or the last part of it. Replaces everything before, also after a
    /// reconnection.
    Began(Box<Began>),
    /// One more sealed event.
    Recorded(Box<Recorded>),
    /// The newest sealed head.
    Head(Head),
    /// Lines a step wrote.
    Output(Output),
    /// The metric panes as they are now.
    Panes(Vec<Pane>),
    /// The rollback-readiness score.
    Readiness(Readiness),
    /// How long the ways took before.
    Past(History),
    /// The state of the line and of the writer.
    Room(Room),
    /// What became of an act.
    Answered {
        /// Which act.
        act: ActId,
        /// Recorded, or the sentence why not.
        how: Result<(), Clean>,
    },
    /// Who the person at this console is now: a session may begin or end while it looks on.
    Me(Me),
}

/// The beginning of an incident.
#[derive(Debug, Clone, PartialEq)]
pub struct Began {
    /// The pinned runbook.
    pub runbook: Arc<Runbook>,
    /// The pinned team.
    pub team: Arc<Team>,
    /// Its events in order: all, or those behind the part before.
    pub events: Vec<Recorded>,
    /// The head after them.
    pub head: Head,
}

/// A sealed event and the parts kept outside the record that this console may show.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// The event.
    pub event: Event,
    /// Text of its payloads: a note, a message.
    pub said: Vec<Clean>,
    /// The changed runbook that it proposes, with the digest of its file.
    pub proposed: Option<(Digest, Arc<Runbook>)>,
}

/// A sealed head of the record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// Number of events.
    pub n: u64,
    /// Base64 of the root.
    pub root: String,
    /// Size and the first letters of the root, to be read aloud.
    pub code: String,
}

impl Head {
    /// The head as acts and statements name it.
    pub fn seen(&self) -> Seen {
        Seen { n: self.n, root: self.root.clone() }
    }
}

/// Which run of a step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunId {
    /// The step.
    pub step: StepId,
    /// Which try.
    pub attempt: u32,
    /// The step or its undo.
    pub direction: Direction,
}

/// Lines a step wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The run.
    pub run: RunId,
    /// Finished lines, oldest first.
    pub lines: Vec<Clean>,
    /// The unfinished last line.
    pub partial: Clean,
    /// Lines left out because there were too many too fast.
    pub dropped: u64,
}

/// A value on a scale, with its text.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Where.
    pub value: f64,
    /// With its unit.
    pub text: Clean,
}

/// A metric pane.
#[derive(Debug, Clone, PartialEq)]
pub struct Pane {
    /// The metric's name.
    pub name: Clean,
    /// Its title.
    pub title: Clean,
    /// Warning threshold.
    pub warn: Option<Mark>,
    /// Critical threshold.
    pub critical: Option<Mark>,
    /// Time and value, oldest first; `None` is a gap.
    pub points: Vec<(Stamp, Option<f64>)>,
    /// Round marks of the vertical scale, lowest first.
    pub scale: Vec<Mark>,
    /// The newest answer with its unit.
    pub latest: Clean,
    /// What it means.
    pub state: PaneState,
    /// Why there is no fresh number.
    pub why: Option<Clean>,
    /// How old the newest answer is, when that is too old.
    pub stale_for: Option<Duration>,
    /// Against what it was before.
    pub compared: Compared,
}

/// The rollback-readiness score with its reasons.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Readiness {
    /// Points of the criteria that fired.
    pub points: u32,
    /// Points of all.
    pub of: u32,
    /// Points nobody can judge.
    pub unknown: u32,
    /// What it comes to, in a word or two.
    pub advice: Clean,
    /// One line per criterion and closed gate: state, reason.
    pub parts: Vec<(Clean, Clean)>,
}

/// The line to the hub and the hub's writer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Room {
    /// The line.
    pub line: Line,
    /// Why the hub writes no more; nothing new starts then.
    pub writer_stopped: Option<Clean>,
    /// What is silenced, told and copied elsewhere: its name, whether it does as it should, a sentence.
    pub outside: Vec<(Clean, bool, Clean)>,
}

/// The line to the hub.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Line {
    /// Up.
    #[default]
    Up,
    /// Down, and being made again.
    Reconnecting {
        /// Since when.
        since: Stamp,
        /// Why, and what to do, as far as that is known.
        why: Clean,
    },
    /// Down for good, and why.
    Gone(Clean),
}

/// An act's running number at this console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActId(pub u64);

/// Something the person wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Stands on the session's signature.
    Wish(Intent),
    /// An answer at a gate. The person signs exactly this text with their own key.
    Sign {
        /// Approve, deny or override.
        how: Answering,
        /// The answer.
        answer: GateAnswer,
        /// The head the text names.
        seen: Seen,
        /// The text that was shown.
        statement: String,
    },
    /// Closes the record; signed like an answer.
    Close {
        /// Last words.
        reason: String,
        /// The head the text names.
        seen: Seen,
        /// The text that was shown.
        statement: String,
    },
    /// Command or a removal; the person signs exactly this text with their own key.
    State {
        /// What it does.
        intent: Intent,
        /// In which namespace.
        namespace: &'static str,
        /// The head that is shown.
        seen: Seen,
        /// The text that was shown.
        statement: String,
    },
    /// Starts a step that sends a message; the client commits to the text when it was edited.
    Send {
        /// The start.
        start: Intent,
        /// The text, when it differs from what the runbook makes of it.
        edited: Option<String>,
    },
    /// A note; the client commits to its text.
    Note(String),
}

/// What leaves the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// An act; answered by [`Update::Answered`].
    Act(ActId, Box<Act>),
    /// From now on, the output of this run and of no other.
    Watch(RunId),
}
