//! What happened, in the past tense: the closed vocabulary of timeline 1. Never says what should happen.
//!
//! One event is one line of the record. Kinds and fields are fixed by the format; an unknown one is an error.

use crate::core::id::{Digest, IncidentId, Name, PersonId, RoleName, SessionId, StepId};
use crate::core::time::Stamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;

/// One recorded event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Place in the record, which is also the leaf index.
    pub seq: u64,
    /// The hub's clock. Order is `seq`, never this.
    pub at: Stamp,
    /// Who did it.
    pub actor: Actor,
    /// What happened.
    pub what: What,
    /// Commitments to parts kept outside the record (base64).
    pub payload: Vec<String>,
    /// How the person proved it was them. The hub's own observations have none.
    pub auth: Option<Auth>,
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Actor {
    /// The hub: observations, timers and consequences.
    Hub,
    /// A person.
    Person(PersonId),
}

impl Actor {
    /// The person, unless it is the hub.
    pub fn person(&self) -> Option<&PersonId> {
        match self {
            Actor::Hub => None,
            Actor::Person(id) => Some(id),
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actor::Hub => f.write_str("hub"),
            Actor::Person(id) => id.fmt(f),
        }
    }
}

impl From<Actor> for String {
    fn from(actor: Actor) -> String {
        actor.to_string()
    }
}

impl TryFrom<String> for Actor {
    type Error = crate::core::id::BadName;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == "hub" { Ok(Actor::Hub) } else { PersonId::parse(text).map(Actor::Person) }
    }
}

/// A head somebody had seen: the record's size and root at that moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// Number of events.
    pub n: u64,
    /// Base64 of the tree's root.
    pub root: String,
}

/// How a person proved an act: by their session key, by their SSH key over a statement, or both.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// The session whose key signed the act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Grows with every act of a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_seq: Option<u64>,
    /// The head the person's console showed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
    /// Base64 Ed25519 signature of the session key over the act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sig: Option<String>,
    /// The text the person read and signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// Armored SSH signature over the statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sshsig: Option<String>,
    /// Its namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Where the statement was shown to the signer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display: Option<Display>,
}

/// Where a statement was shown to its signer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Display {
    /// By the signer's own client.
    Local,
    /// By a program on the hub's side, such as a forwarded agent on a shared account.
    Hub,
}

macro_rules! kinds {
    ($($variant:ident = $kind:literal),* $(,)?) => {
        /// What happened, with its data.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum What {
            $(#[doc = concat!("`", $kind, "`")] $variant($variant),)*
        }

        impl What {
            /// The kind as written in the record.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(What::$variant(_) => $kind,)*
                }
            }

            /// Every kind, in the order of this file.
            pub const KINDS: &'static [&'static str] = &[$($kind),*];

            /// Writes the data alone.
            pub fn serialize_data<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(What::$variant(data) => data.serialize(serializer),)*
                }
            }

            /// Reads the data of a kind. `None` when the kind is unknown.
            pub fn deserialize_data<'de, D: Deserializer<'de>>(kind: &str, data: D) -> Option<Result<What, D::Error>> {
                match kind {
                    $($kind => Some($variant::deserialize(data).map(What::$variant)),)*
                    _ => None,
                }
            }
        }

        $(impl From<$variant> for What {
            fn from(data: $variant) -> What {
                What::$variant(data)
            }
        })*
    };
}

kinds! {
    Opened = "incident.opened",
    Declared = "incident.declared",
    Mitigated = "incident.mitigated",
    Resolved = "incident.resolved",
    Closed = "incident.closed",
    Aborted = "incident.aborted",
    Joined = "participant.joined",
    Left = "participant.left",
    Assumed = "role.assumed",
    Renounced = "role.renounced",
    Resumed = "hub.resumed",
    PhaseEntered = "phase.entered",
    Started = "step.started",
    Progressed = "step.progressed",
    Finished = "step.finished",
    StepSkipped = "step.skipped",
    DoneByHand = "step.done_by_hand",
    Settled = "step.settled",
    Undone = "step.undone",
    Requested = "approval.requested",
    Granted = "approval.granted",
    Denied = "approval.denied",
    Expired = "approval.expired",
    Voided = "approval.voided",
    Refused = "approval.refused",
    Overridden = "override.used",
    Decided = "decision.made",
    Measured = "measurement.taken",
    Judged = "check.judged",
    TriggerFired = "trigger.fired",
    TriggerCleared = "trigger.cleared",
    Suspended = "suspension.opened",
    Lifted = "suspension.lifted",
    Inherited = "suspension.inherited",
    BacklogAdded = "backlog.added",
    BacklogSettled = "backlog.settled",
    Sent = "message.sent",
    Noted = "note.added",
    ClockJumped = "clock.jumped",
    AnchorConfirmed = "anchor.confirmed",
    SessionRevoked = "session.revoked",
}

macro_rules! data {
    ($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident : $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$fdoc])* pub $field: $type,)* }
    };
}

/// Live, drill or tabletop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// For real.
    Live,
    /// Rehearsal with simulated effects.
    Drill,
    /// Rehearsal around a table.
    Tabletop,
}

impl Mode {
    /// The word on screens and in messages.
    pub fn word(self) -> &'static str {
        match self {
            Mode::Live => "LIVE",
            Mode::Drill => "DRILL",
            Mode::Tabletop => "TABLETOP",
        }
    }
}

/// The answer to a runbook's question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// As given.
    Text(String),
    /// Only a salted commitment (base64); the answer itself is never written.
    Secret(String),
}

data! {
    /// SHA-256 digests of the copies beside the record.
    Pinned {
        /// `runbook.yaml`
        runbook: Digest,
        /// `team.yaml`
        team: Digest,
        /// `allowed_signers`
        allowed_signers: Digest,
        /// `revoked_keys`
        revoked_keys: Digest,
        /// `workspace.yaml`
        workspace: Digest,
    }
}

data! {
    /// The first event: what this record is about and which key seals it.
    Opened {
        /// Name of this log.
        log: String,
        /// ULID.
        incident: IncidentId,
        /// Live, drill or tabletop.
        mode: Mode,
        /// Version of the program that wrote it.
        program: String,
        /// Base64 of the Ed25519 key that signs the seals.
        hub_key: String,
        /// Digests of the copies.
        pinned: Pinned,
        /// Answers to the runbook's questions.
        params: BTreeMap<String, Answer>,
        /// The point in time to restore to (RFC 3339), for data and restore runbooks.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        restore_point: Option<String>,
        /// 1 (worst) to 5.
        severity: u8,
        /// The opener's session: they are in the room from the start.
        session: Joined,
    }
}

data! {
    /// A person's session: their SSH key vouches for a session key.
    Joined {
        /// Base64 of the session's Ed25519 key.
        session_key: String,
        /// Fingerprint of the SSH key that signed for it.
        key: String,
        /// Roles asked for.
        roles: Vec<RoleName>,
        /// Acts after this are refused.
        expires: Stamp,
        /// How they reached the hub, for attribution only.
        via: String,
    }
}

data! {
    /// The quorum of `declare` was reached.
    Declared {
        /// Which request.
        attempt: u32,
    }
}
data! {
    /// The harm has stopped.
    Mitigated {
        /// Why we think so.
        reason: String,
    }
}
data! {
    /// The service is whole again.
    Resolved {
        /// Why we think so.
        reason: String,
    }
}
data! {
    /// Nothing more is written after this.
    Closed {
        /// Last words.
        reason: String,
        /// Fingerprint of the key that signed the close statement.
        key: String,
    }
}
data! {
    /// Nothing new starts; undo and `always` are offered.
    Aborted {
        /// Why.
        reason: String,
    }
}
data! {
    /// A session ended.
    Left {
        /// Which one.
        session: SessionId,
        /// How.
        how: Leaving,
    }
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leaving {
    /// By leaving.
    Left,
    /// The connection was lost.
    Lost,
}

data! {
    /// A person took a seat.
    Assumed {
        /// The seat.
        role: RoleName,
        /// As a stand-in, because nobody of the role itself is in the room.
        stand_in: bool,
    }
}
data! {
    /// A person left a seat.
    Renounced {
        /// The seat.
        role: RoleName,
    }
}
data! {
    /// The hub runs again after it was gone.
    Resumed {
        /// Version of the program.
        program: String,
        /// What was found, in a sentence.
        found: String,
    }
}
data! {
    /// The first step of a phase became due.
    PhaseEntered {
        /// Index of the phase, from 0.
        phase: u32,
        /// Its name.
        name: String,
    }
}

/// A step's run forward, or the undo of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The step itself.
    Forward,
    /// Its `undo`.
    Undo,
}

data! {
    /// About to be started: sealed before anything happens.
    Started {
        /// The step.
        step: StepId,
        /// From 1.
        attempt: u32,
        /// The step or its undo.
        direction: Direction,
        /// Digest of exactly what will be done.
        plan: Digest,
        /// What the operator typed to confirm, where something must be retyped.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retyped: Option<String>,
        /// Why again, or why undone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    }
}
data! {
    /// A step reports how far it is.
    Progressed {
        /// The step.
        step: StepId,
        /// Which try.
        attempt: u32,
        /// Done so far.
        done: u64,
        /// Of how many, when known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total: Option<u64>,
    }
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As it should.
    Succeeded,
    /// Not as it should.
    Failed,
    /// Its time was over.
    TimedOut,
    /// Somebody stopped it.
    Cancelled,
    /// Nobody knows: it must be settled.
    Unknown,
}

data! {
    /// A step ended, or its supervisor is gone.
    Finished {
        /// The step.
        step: StepId,
        /// Which try.
        attempt: u32,
        /// How it ended.
        outcome: Outcome,
        /// In one sentence: exit code, what was found, who confirmed.
        detail: String,
        /// SHA-256 of its whole output.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<Digest>,
        /// Length of its whole output in bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output_bytes: Option<u64>,
    }
}
data! {
    /// A step is left out.
    StepSkipped {
        /// The step.
        step: StepId,
        /// Why.
        reason: String,
    }
}
data! {
    /// A person did it outside this program.
    DoneByHand {
        /// The step.
        step: StepId,
        /// What they did.
        reason: String,
    }
}

/// What an unknown outcome is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It happened.
    Succeeded,
    /// It did not happen, or only in part.
    Failed,
}

data! {
    /// An unknown outcome was settled by a person, or by the step's `reconcile` probe.
    Settled {
        /// The step.
        step: StepId,
        /// Which try.
        attempt: u32,
        /// What it is taken for.
        verdict: Verdict,
        /// How they know.
        reason: String,
    }
}
data! {
    /// The undo of a step ended.
    Undone {
        /// The step.
        step: StepId,
        /// Which try of the undo.
        attempt: u32,
        /// How it ended.
        outcome: Outcome,
        /// In one sentence.
        detail: String,
    }
}
data! {
    /// A hold point opened.
    Requested {
        /// The hold point, or `declare`.
        gate: StepId,
        /// From 1.
        attempt: u32,
        /// One-time value every answer repeats: 32 hex digits.
        nonce: String,
        /// Digest of everything it covers.
        plan: Digest,
        /// Closed after this.
        expires: Stamp,
    }
}
data! {
    /// A person approved.
    Granted {
        /// The hold point.
        gate: StepId,
        /// Which request.
        attempt: u32,
        /// In which role.
        role: RoleName,
        /// Why.
        reason: String,
        /// The request's one-time value.
        nonce: String,
        /// Fingerprint of the signing key.
        key: String,
    }
}
data! {
    /// A person denied.
    Denied {
        /// The hold point.
        gate: StepId,
        /// Which request.
        attempt: u32,
        /// In which role.
        role: RoleName,
        /// The objection.
        reason: String,
        /// The request's one-time value.
        nonce: String,
        /// Fingerprint of the signing key.
        key: String,
    }
}
data! {
    /// Time was over before the quorum. Fails closed.
    Expired {
        /// The hold point.
        gate: StepId,
        /// Which request.
        attempt: u32,
    }
}
data! {
    /// What was approved is no longer what would happen.
    Voided {
        /// The hold point.
        gate: StepId,
        /// Which request.
        attempt: u32,
        /// What changed.
        why: String,
    }
}
data! {
    /// An answer that does not count, kept for the record.
    Refused {
        /// The hold point.
        gate: StepId,
        /// Who answered.
        person: PersonId,
        /// Why it does not count.
        why: String,
    }
}
data! {
    /// Break-glass: gone on without the quorum.
    Overridden {
        /// The gate.
        gate: StepId,
        /// Which request.
        attempt: u32,
        /// In which role.
        role: RoleName,
        /// Why.
        reason: String,
        /// The request's one-time value.
        nonce: String,
        /// Fingerprint of the signing key.
        key: String,
    }
}

/// What a decision is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// The whole incident.
    Incident,
    /// One step.
    Step(StepId),
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// An option of a `decide` step.
    Option(String),
    /// Try the failed step again.
    Retry,
    /// Go on in spite of the failure.
    Continue,
    /// Go on at another step; those between are left out.
    Goto(StepId),
    /// Nothing new starts.
    Pause,
    /// Steps may start again.
    GoOn,
    /// Signal the running step.
    Cancel,
    /// End the running step at once, without clean-up.
    Kill,
}

data! {
    /// Somebody decided, or a declared `on_failure` applied.
    Decided {
        /// About what.
        about: About,
        /// What.
        choice: Choice,
        /// Why.
        reason: String,
    }
}
data! {
    /// A fingerprint to compare with later.
    Measured {
        /// The step that took it.
        step: StepId,
        /// Which try.
        attempt: u32,
        /// Its name.
        name: Name,
        /// SHA-256 of it.
        digest: Digest,
        /// Its length in bytes.
        bytes: u64,
        /// The measurement itself when it is one short line.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    }
}

/// How a look was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// As expected.
    Pass,
    /// Not as expected.
    Fail,
    /// Cannot be told.
    Inconclusive,
}

data! {
    /// A check looked once.
    Judged {
        /// The step.
        step: StepId,
        /// Which try.
        attempt: u32,
        /// Which look, from 1.
        look: u32,
        /// How it was judged.
        judgement: Judgement,
        /// What was seen.
        why: String,
    }
}
data! {
    /// A criterion holds for its time.
    TriggerFired {
        /// Which one.
        trigger: Name,
        /// What was seen.
        value: String,
    }
}
data! {
    /// A criterion no longer holds.
    TriggerCleared {
        /// Which one.
        trigger: Name,
        /// What was seen.
        value: String,
    }
}
data! {
    /// Something is switched off until it is resumed.
    Suspended {
        /// What.
        name: Name,
        /// By which step.
        step: StepId,
        /// False when the step's outcome leaves it open.
        certain: bool,
    }
}
data! {
    /// It is on again.
    Lifted {
        /// What.
        name: Name,
        /// By which step.
        step: StepId,
    }
}
data! {
    /// A named owner takes over what stays suspended.
    Inherited {
        /// What.
        name: Name,
        /// Who.
        owner: PersonId,
        /// Why it stays.
        reason: String,
    }
}
data! {
    /// Items that stay to be reconciled.
    BacklogAdded {
        /// What they are.
        name: Name,
        /// By which step.
        step: StepId,
        /// How many.
        count: u64,
        /// Who looks after them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<String>,
    }
}
data! {
    /// Items were reconciled, or a named owner takes the rest.
    BacklogSettled {
        /// What they are.
        name: Name,
        /// How many.
        count: u64,
        /// How, or who takes them over.
        reason: String,
    }
}

/// How a message left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Handed {
    /// The channel took it.
    Delivered,
    /// A person passed it on.
    ByHand,
}

data! {
    /// A message left; its text is the payload.
    Sent {
        /// The step that sent it.
        step: StepId,
        /// Which text.
        template: Name,
        /// Which channel.
        channel: Name,
        /// How.
        how: Handed,
        /// What the channel answered.
        detail: String,
    }
}
data! {
    /// A note; its text is the payload.
    Noted {}
}
data! {
    /// The hub's clock moved against its monotonic one.
    ClockJumped {
        /// Forwards (positive) or backwards, in microseconds.
        micros: i64,
    }
}
data! {
    /// Somebody elsewhere keeps this head.
    AnchorConfirmed {
        /// Number of events.
        n: u64,
        /// Base64 root.
        root: String,
        /// Where.
        anchor: Name,
    }
}
data! {
    /// A session key no longer counts.
    SessionRevoked {
        /// Which.
        session: SessionId,
        /// Why.
        reason: String,
    }
}
