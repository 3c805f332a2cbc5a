//! The messages, in order of appearance. Never carries a secret and never a person's key.

use crate::core::event::{Direction, Seen};
use crate::core::id::StepId;
use crate::metrics::pane::Pane;
use crate::wire::act::{Act, Part};
use serde::{Deserialize, Serialize};

/// Version of this protocol. A hub speaks exactly one; a client that speaks another says which side is older.
pub const PROTOCOL: u32 = 1;

/// What a client says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromClient {
    /// The first message.
    Hello {
        /// Which protocol it speaks.
        protocol: u32,
        /// Its version, for messages to people.
        program: String,
        /// The first event it does not have yet.
        from: u64,
    },
    /// An act; answered by [`FromHub::Answer`] with the same number.
    Act {
        /// Chosen by the client.
        id: u64,
        /// The act.
        act: Box<Act>,
    },
    /// The start of a step, for the moment when those it needs have ended well; answered like [`FromClient::Act`], but
    /// not before that is decided. It is judged then, over the record as it is then, and is forgotten with its client.
    Ahead {
        /// Chosen by the client.
        id: u64,
        /// The act.
        act: Box<Act>,
    },
    /// From now on, send this step's output (and no other's).
    Watch {
        /// The step.
        step: StepId,
        /// Which try.
        attempt: u32,
        /// The step or its undo.
        direction: Direction,
    },
}

/// What a hub says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromHub {
    /// The answer to a hello.
    Welcome(Box<Welcome>),
    /// The hub cannot serve this client.
    Sorry {
        /// Why, and what to do.
        why: String,
    },
    /// Whole batches of the record, seals included, exactly as on disk.
    Lines {
        /// Index of the first event in it.
        from: u64,
        /// The bytes.
        text: String,
    },
    /// What a note or a message says; sent before the lines of its event.
    Said {
        /// The event.
        seq: u64,
        /// The parts it commits to.
        parts: Vec<Part>,
    },
    /// Everything recorded when the client said hello has been sent.
    CaughtUp,
    /// The answer to an act.
    Answer {
        /// The act's number.
        id: u64,
        /// What became of it.
        result: ActResult,
    },
    /// The newest metrics. Older ones that were not sent yet are dropped.
    Metrics {
        /// Every pane, in the runbook's order.
        panes: Vec<Pane>,
        /// The readiness score.
        score: Option<ScoreView>,
    },
    /// How the world outside does: what is silenced, told and copied elsewhere. Always the whole list.
    Outside {
        /// One line a place.
        lines: Vec<OutsideLine>,
    },
    /// Output of the watched step.
    Output {
        /// The step.
        step: StepId,
        /// Which try.
        attempt: u32,
        /// The step or its undo.
        direction: Direction,
        /// Finished lines, made harmless.
        lines: Vec<String>,
        /// The unfinished last line.
        partial: String,
        /// How many bytes there were so far.
        bytes: u64,
    },
    /// Whether the hub can still write.
    Writer(WriterState),
    /// The hub ends.
    Bye {
        /// Why.
        why: String,
    },
}

/// Everything a client needs to follow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    /// The hub's version.
    pub program: String,
    /// Name of the log.
    pub log: String,
    /// Base64 of the key that seals it.
    pub hub_key: String,
    /// `runbook.yaml` as pinned.
    pub runbook: String,
    /// `team.yaml` as pinned.
    pub team: String,
    /// Base64 of `allowed_signers` as pinned: who acts is looked up there, and not everybody can read the folder.
    #[serde(default)]
    pub roster: String,
    /// The head right now.
    pub head: Seen,
    /// Whether the hub can write.
    pub writer: WriterState,
}

/// What became of an act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActResult {
    /// Sealed and on disk.
    Recorded {
        /// Its place in the record.
        seq: u64,
    },
    /// The rules say no.
    Refused {
        /// Why.
        why: String,
    },
    /// It could not be written.
    NotWritten {
        /// Why.
        why: String,
    },
}

/// Whether the hub can write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriterState {
    /// It can.
    Writing,
    /// It cannot, and starts nothing new.
    Stopped {
        /// Why.
        why: String,
    },
    /// The same, and this hub never will again: its disk failed. It goes on showing what is recorded.
    Over {
        /// Why, and what to do.
        why: String,
    },
}

/// How one place outside does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutsideLine {
    /// What it is: the name of a suspension, `grafana`, `otlp`, `prometheus`, an anchor.
    pub name: String,
    /// Whether it does as it should.
    pub state: OutsideState,
    /// In one sentence.
    pub text: String,
}

/// Whether a place outside does as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutsideState {
    /// It does.
    Fine,
    /// It does not.
    Trouble,
}

/// The readiness score for a screen: never the number without its parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoreView {
    /// Points reached.
    pub points: u32,
    /// Of how many.
    pub of: u32,
    /// The advice in one sentence.
    pub advice: String,
    /// Each trigger: name, points, reason.
    pub parts: Vec<(String, u32, String)>,
    /// What forbids it, whatever the points.
    pub gates: Vec<String>,
}
