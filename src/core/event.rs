//! What happened, in the past tense: the closed vocabulary of timeline 1. Never says what should happen.
//!
//! One event is one line of the record. Kinds and fields are fixed by the format; an unknown one is an error.

// Before the modules that use it: a macro's name counts from where it stands.
macro_rules! data {
    ($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident : $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$fdoc])* pub $field: $type,)* }
    };
}

mod command;
mod decision;
mod gate;
mod incident;
mod ledger;
mod observation;
mod people;
mod poll;
mod redaction;
mod step;

use crate::core::id::{BadName, PersonId, SessionId};
use crate::core::time::Stamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

pub use command::{HandedOver, OfferEnd, OfferEnded, Offered, ShiftShort, TenureExceeded};
pub use decision::{About, Choice, Decided};
pub use gate::{Denied, Expired, Granted, Overridden, Refused, Requested, Voided};
pub use incident::{
    Aborted, Amended, Answer, Authority, Closed, Declared, Mitigated, Mode, Opened, PhaseEntered, Pinned,
    Policies, Resolved,
};
pub use ledger::{
    Asked, BacklogAdded, BacklogSettled, Handed, Inherited, Lifted, PromiseEnd, PromiseSettled, Promised,
    Sent, Suspended, Told,
};
pub use observation::{
    AnchorConfirmed, ClockJumped, Continued, Judged, Judgement, Measured, Noted, Resumed, TriggerCleared,
    TriggerFired,
};
pub use people::{Assumed, Joined, Leaving, Left, Renounced, SessionRevoked};
pub use poll::{ObjectionAnswered, Opinion, PollAnswered, PollClosed, PollEnd, PollOpened};
pub use redaction::{Redacted, RedactionAsked};
pub use step::{
    Direction, DoneByHand, Finished, Outcome, Progressed, Settled, Started, StepSkipped, Undone, Verdict,
};

impl What {
    /// Whether its data may leave out more than empty lists and what is not there: a value that goes without saying.
    pub fn leaves_out(&self) -> bool {
        matches!(self, What::Opened(_) | What::Settled(_))
    }
}

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
    pub auth: Option<Box<Auth>>,
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
    /// Reads what stands in the record.
    ///
    /// # Errors
    /// It is neither `hub` nor a person's id.
    pub fn parse(text: &str) -> Result<Actor, BadName> {
        if text.as_bytes() == b"hub" { Ok(Actor::Hub) } else { PersonId::parse(text).map(Actor::Person) }
    }

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
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Actor::parse(&text)
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

/// The type that holds some data: itself, or the box it is said to be in.
macro_rules! held {
    ($variant:ident) => { $variant };
    ($variant:ident $place:ident) => { $place<$variant> };
}

/// The length of a kind's name and its last three letters: few are alike in both, and only they are compared.
const fn mark(name: &str) -> u32 {
    match name.as_bytes() {
        [.., a, b, c] => u32::from_le_bytes([name.len() as u8, *a, *b, *c]),
        _ => 0,
    }
}

macro_rules! kinds {
    ($($variant:ident $(in $place:ident)? = $kind:literal),* $(,)?) => {
        /// What happened, with its data. Every event of a record is moved as one of these several times, so what is
        /// much larger than the others stands in a box.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum What {
            $(#[doc = concat!("`", $kind, "`")] $variant(held!($variant $($place)?)),)*
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
                // A name of its own for each, so that they are found in one small loop.
                #[derive(Clone, Copy)]
                enum Kind { $($variant,)* }
                const NAMED: &[(u32, &str, Kind)] = &[$((mark($kind), $kind, Kind::$variant)),*];
                let wanted = mark(kind);
                let (_, _, kind) = NAMED.iter().find(|(mark, name, _)| *mark == wanted && *name == kind)?;
                match kind {
                    $(Kind::$variant => Some(<held!($variant $($place)?)>::deserialize(data).map(What::$variant)),)*
                }
            }
        }

        $(impl From<$variant> for What {
            fn from(data: $variant) -> What {
                What::$variant(data.into())
            }
        })*
    };
}

kinds! {
    Opened in Box = "incident.opened",
    Declared = "incident.declared",
    Mitigated = "incident.mitigated",
    Resolved = "incident.resolved",
    Closed = "incident.closed",
    Aborted = "incident.aborted",
    Amended = "runbook.amended",
    Joined in Box = "participant.joined",
    Left = "participant.left",
    Assumed = "role.assumed",
    Renounced = "role.renounced",
    Offered in Box = "command.offered",
    OfferEnded = "command.offer_ended",
    HandedOver = "command.handed_over",
    TenureExceeded = "tenure.exceeded",
    ShiftShort = "shift.short",
    Resumed = "hub.resumed",
    Continued in Box = "record.continued",
    PhaseEntered = "phase.entered",
    Started in Box = "step.started",
    Progressed = "step.progressed",
    Finished in Box = "step.finished",
    StepSkipped = "step.skipped",
    DoneByHand = "step.done_by_hand",
    Settled = "step.settled",
    Undone = "step.undone",
    Requested in Box = "approval.requested",
    Granted in Box = "approval.granted",
    Denied in Box = "approval.denied",
    Expired = "approval.expired",
    Voided = "approval.voided",
    Refused = "approval.refused",
    Overridden in Box = "override.used",
    Decided = "decision.made",
    PollOpened = "poll.opened",
    PollAnswered = "poll.answered",
    PollClosed = "poll.closed",
    ObjectionAnswered = "objection.answered",
    Measured in Box = "measurement.taken",
    Judged = "check.judged",
    TriggerFired = "trigger.fired",
    TriggerCleared = "trigger.cleared",
    Suspended = "suspension.opened",
    Lifted = "suspension.lifted",
    Inherited = "suspension.inherited",
    BacklogAdded = "backlog.added",
    BacklogSettled = "backlog.settled",
    Asked = "message.asked",
    Sent in Box = "message.sent",
    Told = "notice.given",
    Promised = "promise.made",
    PromiseSettled = "promise.settled",
    Noted = "note.added",
    RedactionAsked in Box = "redaction.asked",
    Redacted in Box = "payload.redacted",
    ClockJumped = "clock.jumped",
    AnchorConfirmed = "anchor.confirmed",
    SessionRevoked = "session.revoked",
}
