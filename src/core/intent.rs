//! What somebody wants to happen, in the imperative. Never says whether it may.
//!
//! A person's intent is what their session key signs, so its written form can be rebuilt from the event it led to.

use crate::core::event::{
    Choice, Continued, Direction, Handed, Joined, Judgement, Leaving, OfferEnd, Opened, Opinion, Outcome,
    PollEnd, PromiseEnd, Seen, Verdict,
};
use crate::core::id::{Digest, Name, PersonId, RoleName, SessionId, StepId};
use crate::core::time::Stamp;
use serde::{Deserialize, Serialize};

/// An answer at a gate, as the signed statement says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateAnswer {
    /// The hold point, or `declare`.
    pub gate: StepId,
    /// Which request.
    pub attempt: u32,
    /// In which role.
    pub role: RoleName,
    /// Why.
    pub reason: String,
    /// The request's one-time value.
    pub nonce: String,
    /// Fingerprint of the signing key.
    pub key: String,
}

/// What somebody wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    // People.
    /// Opens the incident (event 0).
    Open(Box<Opened>),
    /// Joins the room.
    Join(Joined),
    /// Leaves it.
    Leave {
        /// The session that ends.
        session: SessionId,
        /// How.
        how: Leaving,
    },
    /// Takes a seat.
    Assume {
        /// The seat.
        role: RoleName,
    },
    /// Leaves a seat.
    Renounce {
        /// The seat.
        role: RoleName,
    },
    /// Offers the command to somebody.
    Offer {
        /// To whom.
        to: PersonId,
        /// The head the packet was made from.
        seen: Seen,
        /// Cannot be taken after this.
        expires: Stamp,
        /// Fingerprint of the signing key.
        key: String,
    },
    /// Ends an offer of command without a handover. Also the hub, when its time is over or the packet has changed.
    EndOffer {
        /// The event that offered it.
        offer: u64,
        /// How.
        how: OfferEnd,
        /// Why.
        reason: String,
    },
    /// Takes the command that was offered.
    TakeCommand {
        /// The event that offered it.
        offer: u64,
        /// What was understood.
        read_back: String,
        /// Fingerprint of the signing key.
        key: String,
    },
    /// Asks the room whether there are any strong objections.
    OpenPoll {
        /// What is proposed.
        question: String,
        /// How long the room has, in seconds.
        lasts: u64,
    },
    /// Says something to a proposal.
    AnswerPoll {
        /// The event that asked.
        poll: u64,
        /// What.
        opinion: Opinion,
        /// Why.
        reason: String,
    },
    /// Takes a question back. Also the hub, when its time is over or somebody objected.
    ClosePoll {
        /// The event that asked.
        poll: u64,
        /// How.
        how: PollEnd,
    },
    /// Answers an objection.
    AnswerObjection {
        /// The event that objected.
        objection: u64,
        /// What is said to it.
        words: String,
    },
    /// Asks for parts of an event to be removed.
    AskRedaction {
        /// The event whose parts they are.
        event: u64,
        /// Which.
        parts: Vec<u32>,
        /// Why.
        reason: String,
        /// The head they had seen.
        seen: Seen,
        /// Nobody can agree after this.
        expires: Stamp,
        /// Fingerprint of the signing key.
        key: String,
    },
    /// Agrees to what somebody else asked to be removed.
    Redact {
        /// The event that asked.
        asked: u64,
        /// Fingerprint of the signing key.
        key: String,
    },
    /// Approves at a gate.
    Approve(GateAnswer),
    /// Denies at a gate.
    Deny(GateAnswer),
    /// Goes on without the quorum.
    Override(GateAnswer),
    /// Starts a step or its undo. Also the hub, for steps that only look and for declared retries.
    Start {
        /// The step.
        step: StepId,
        /// Which try.
        attempt: u32,
        /// The step or its undo.
        direction: Direction,
        /// Digest of exactly what will be done.
        plan: Digest,
        /// What the operator typed to confirm.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retyped: Option<String>,
        /// Why undone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// The commitment (base64) to an edited message, for a step that sends one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payload: Option<String>,
    },
    /// Confirms a manual step.
    Confirm {
        /// The step.
        step: StepId,
        /// Which try.
        attempt: u32,
        /// Evidence, or what was done.
        evidence: String,
    },
    /// Leaves a step out.
    Skip {
        /// The step.
        step: StepId,
        /// Why.
        reason: String,
    },
    /// Marks a step as done outside this program.
    MarkDone {
        /// The step.
        step: StepId,
        /// What was done.
        reason: String,
    },
    /// Settles an unknown outcome. Also the hub, from the step's `reconcile` probe.
    Settle {
        /// The step.
        step: StepId,
        /// Which try.
        attempt: u32,
        /// The step or its undo.
        #[serde(default, skip_serializing_if = "Direction::is_forward")]
        direction: Direction,
        /// What it is taken for.
        verdict: Verdict,
        /// How they know.
        reason: String,
    },
    /// Decides about a step. Also the hub, for a declared `on_failure`.
    DecideStep {
        /// The step.
        step: StepId,
        /// What.
        choice: Choice,
        /// Why.
        reason: String,
    },
    /// Pauses the incident or lets it go on.
    DecideIncident {
        /// What.
        choice: Choice,
        /// Why.
        reason: String,
    },
    /// Proposes a changed runbook.
    ProposeAmendment {
        /// SHA-256 of its file.
        runbook: Digest,
        /// The commitment to the file, base64.
        payload: String,
        /// Why.
        reason: String,
    },
    /// Ends the way forward.
    Abort {
        /// Why.
        reason: String,
    },
    /// The harm has stopped.
    Mitigate {
        /// Why we think so.
        reason: String,
    },
    /// The service is whole again.
    Resolve {
        /// Why we think so.
        reason: String,
    },
    /// Closes the record.
    Close {
        /// Last words.
        reason: String,
        /// Fingerprint of the signing key.
        key: String,
    },
    /// Takes over what stays suspended.
    Inherit {
        /// What.
        name: Name,
        /// Who.
        owner: PersonId,
        /// Why it stays.
        reason: String,
    },
    /// Reconciles items of the backlog, or takes the rest over.
    SettleBacklog {
        /// What they are.
        name: Name,
        /// How many.
        count: u64,
        /// How.
        reason: String,
    },
    /// Writes a note; the text is committed to by `payload`.
    Note {
        /// The commitment, base64.
        payload: String,
    },
    /// Promises somebody outside the room something by a certain time.
    Promise {
        /// To whom.
        to: String,
        /// What.
        words: String,
        /// By when.
        due: Stamp,
    },
    /// Says what became of a promise.
    SettlePromise {
        /// The event that made it.
        promise: u64,
        /// What.
        how: PromiseEnd,
        /// How, or why not.
        words: String,
    },
    /// Says that somebody of the declaration's list has been told by hand.
    Tell {
        /// Who, as the runbook calls them.
        to: String,
        /// How, and what they said.
        words: String,
    },
    /// Wants a message to leave outside the steps.
    AskMessage {
        /// Which text.
        template: Name,
        /// Through its channel, or the person has passed it on already.
        how: Handed,
        /// The commitment (base64) to a text of their own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payload: Option<String>,
    },
    /// Takes a session's power away.
    RevokeSession {
        /// Which.
        session: SessionId,
        /// Why.
        reason: String,
    },

    // The hub.
    /// The record goes on in a new segment.
    Continue(Continued),
    /// The hub runs again.
    Resume {
        /// Version of the program.
        program: String,
        /// What was found.
        found: String,
    },
    /// Opens a gate.
    Request {
        /// The hold point, or `declare`.
        gate: StepId,
        /// Which request.
        attempt: u32,
        /// One-time value.
        nonce: String,
    },
    /// A gate's time is over.
    Expire {
        /// The gate.
        gate: StepId,
        /// Which request.
        attempt: u32,
    },
    /// What was approved has changed.
    Void {
        /// The gate.
        gate: StepId,
        /// Which request.
        attempt: u32,
        /// What changed.
        why: String,
    },
    /// Keeps an answer that does not count.
    RecordRefusal {
        /// The gate.
        gate: StepId,
        /// Who answered.
        person: PersonId,
        /// Why it does not count.
        why: String,
    },
    /// The quorum of `declare` is reached.
    Declare {
        /// Which request.
        attempt: u32,
    },
    /// The quorum of an amendment is reached.
    Amend {
        /// Which request.
        attempt: u32,
    },
    /// A phase begins.
    EnterPhase {
        /// Index, from 0.
        phase: u32,
    },
    /// A step ended.
    Finish {
        /// The step.
        step: StepId,
        /// Which try.
        attempt: u32,
        /// The step or its undo.
        direction: Direction,
        /// How.
        outcome: Outcome,
        /// In one sentence.
        detail: String,
        /// SHA-256 of its output.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<Digest>,
        /// Length of its output.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output_bytes: Option<u64>,
    },
    /// A step reports how far it is.
    Progress {
        /// The step.
        step: StepId,
        /// Which try.
        attempt: u32,
        /// Done so far.
        done: u64,
        /// Of how many.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total: Option<u64>,
        /// Of what.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unit: Option<String>,
    },
    /// A fingerprint was taken.
    Measure {
        /// The step.
        step: StepId,
        /// Which try.
        attempt: u32,
        /// Its digest.
        digest: Digest,
        /// Its length.
        bytes: u64,
        /// Itself when it is one short line.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// A check looked once.
    Judge {
        /// The step.
        step: StepId,
        /// Which try.
        attempt: u32,
        /// Which look.
        look: u32,
        /// How it was judged.
        judgement: Judgement,
        /// What was seen.
        why: String,
    },
    /// A criterion holds for its time.
    FireTrigger {
        /// Which one.
        trigger: Name,
        /// What was seen.
        value: String,
    },
    /// A criterion no longer holds.
    ClearTrigger {
        /// Which one.
        trigger: Name,
        /// What was seen.
        value: String,
    },
    /// A step switched something off.
    Suspend {
        /// The step.
        step: StepId,
    },
    /// A step switched it on again.
    Lift {
        /// The step.
        step: StepId,
    },
    /// A step left items to reconcile.
    AddBacklog {
        /// The step.
        step: StepId,
        /// How many.
        count: u64,
    },
    /// A message left; the text is committed to by `payload`.
    MarkSent {
        /// The step, when one sent it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<StepId>,
        /// Without a step: the event that asked for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asked: Option<u64>,
        /// How.
        how: Handed,
        /// What the channel answered.
        detail: String,
        /// The commitment, base64.
        payload: String,
    },
    /// Somebody has held a seat for longer than they should.
    ExceedTenure {
        /// The seat.
        role: RoleName,
        /// Who.
        person: PersonId,
    },
    /// Somebody joined too soon after their last incident.
    NoteShortShift {
        /// Who.
        person: PersonId,
        /// When they last took part in another one.
        last: Stamp,
    },
    /// The clock moved.
    RecordClockJump {
        /// In microseconds.
        micros: i64,
    },
    /// Somebody elsewhere keeps a head.
    ConfirmAnchor {
        /// Number of events.
        n: u64,
        /// Base64 root.
        root: String,
        /// Where.
        anchor: Name,
    },
}

/// Who wants it and how they proved it. The shell has checked the signatures; the core checks what they entitle to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// The hub itself.
    Hub,
    /// A person.
    Person {
        /// Who.
        id: PersonId,
        /// The session that signed the act and its running number.
        session: Option<(SessionId, u64)>,
    },
}

impl By {
    /// A person without a session, acting by a signed statement alone.
    pub fn statement(id: PersonId) -> By {
        By::Person { id, session: None }
    }
}
