//! Why something may not happen, as a type and as a sentence. Never an internal error.

use crate::core::id::{PersonId, SessionId, StepId};

/// Why an intent was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // Every variant is its own sentence.
pub enum Refusal {
    #[error("the incident is not open yet")]
    NotOpen,
    #[error("the incident is already open")]
    AlreadyOpen,
    #[error("the incident is closed; nothing more is written")]
    IncidentClosed,
    #[error("the rollback is not declared yet: the quorum of `declare` comes first")]
    NotDeclared,
    #[error("the rollback is already declared")]
    AlreadyDeclared,
    #[error("the incident was aborted ({0}); only undo, `always` steps and closing are left")]
    Aborted(String),
    #[error("the incident is paused ({0}); nothing new starts until somebody lets it go on")]
    Paused(String),
    #[error("the incident is not paused")]
    NotPaused,
    #[error("only the hub records this")]
    HubOnly,
    #[error("the hub does not act as a person")]
    PersonOnly,
    #[error("`{0}` is not in the team of this incident")]
    NotInTeam(PersonId),
    #[error("`{0}` acts without a session or a statement; join first")]
    NoSession(PersonId),
    #[error("the session `{0}` is not known here")]
    UnknownSession(SessionId),
    #[error("the session `{0}` is over: it ended, expired or was revoked; join again")]
    SessionOver(SessionId),
    #[error("the session `{0}` belongs to `{1}`")]
    SessionOfSomebodyElse(SessionId, PersonId),
    #[error("act number {got} of session `{session}` was already used; the last one was {last}")]
    Replayed { session: SessionId, got: u64, last: u64 },
    #[error("a session lasts at most 24 hours and not into the past")]
    SessionTooLong,
    #[error("this session key has already joined")]
    SessionKnown,
    #[error("this takes a statement signed with the person's own SSH key")]
    StatementNeeded,
    #[error("the runbook has no role `{0}`")]
    NoSuchRole(String),
    #[error("`{person}` may not take the seat `{role}`: the team lists other roles for them")]
    MayNotTake { person: PersonId, role: String },
    #[error("`{person}` may not stand in as `{role}`: somebody of that role is in the room")]
    StandInNotNeeded { person: PersonId, role: String },
    #[error("`{person}` already sits as `{role}`")]
    AlreadySeated { person: PersonId, role: String },
    #[error("`{person}` does not sit as `{role}`")]
    NotSeated { person: PersonId, role: String },
    #[error("the seat `{role}` is taken by `{holder}`; they must leave it first")]
    SeatTaken { role: String, holder: PersonId },
    #[error("this is for whoever sits as `{role}`; `{person}` does not")]
    WrongRole { person: PersonId, role: String },
    #[error("observers look on; take a seat to act")]
    Observer,
    #[error("the runbook has no step `{0}`")]
    NoSuchStep(StepId),
    #[error("`{step}` cannot start: it is {word}, not ready{why}")]
    NotReady { step: StepId, word: &'static str, why: String },
    #[error(
        "`{step}` is in the phase `{phase}`, which was not entered; the hub enters a phase before anything in it"
    )]
    PhaseNotEntered { step: StepId, phase: String },
    #[error("`{step}` is on attempt {expected}, not {got}")]
    WrongAttempt { step: StepId, expected: u32, got: u32 },
    #[error("`{step}` changed since it was shown: what would be done now is not what was asked for")]
    PlanChanged { step: StepId },
    #[error("`{step}` cannot be worked out: {why}")]
    Unresolvable { step: StepId, why: String },
    #[error("`{step}` changes something, so a person starts it")]
    NeedsAPerson { step: StepId },
    #[error("`{step}` starts by itself as soon as it is ready")]
    StartsByItself { step: StepId },
    #[error("`{step}` is not under way")]
    NotRunning { step: StepId },
    #[error("`{step}` is not unknown; there is nothing to settle")]
    NotUnknown { step: StepId },
    #[error("`{step}` has an outcome nobody knows; settle it first")]
    UnsettledBefore { step: StepId },
    #[error("`{step}` is covered by the hold point `{gate}`, which is {word}")]
    NotApproved { step: StepId, gate: StepId, word: &'static str },
    #[error("`{person}` approved `{gate}` and may not also carry out `{step}`")]
    ApproverExecutes { person: PersonId, gate: StepId, step: StepId },
    #[error("`{step}` cannot be taken back and is not covered by any hold point")]
    NotCovered { step: StepId },
    #[error("type `{expected}` to confirm `{step}`")]
    RetypeTarget { step: StepId, expected: String },
    #[error("`{step}` has not failed; there is nothing to decide")]
    NothingToDecide { step: StepId },
    #[error("`{step}` offers {offered}, not `{got}`")]
    NoSuchOption { step: StepId, offered: String, got: String },
    #[error("`{step}` cannot be skipped, marked or confirmed while it is {word}")]
    WrongState { step: StepId, word: &'static str },
    #[error("`{to}` does not come after `{from}`, or has already begun; nothing runs twice by a jump")]
    BadJump { from: StepId, to: StepId },
    #[error("this needs a reason")]
    ReasonNeeded,
    #[error("evidence is required for `{step}`")]
    EvidenceNeeded { step: StepId },
    #[error("this evidence says nothing: say what was done, or leave it empty")]
    EmptyEvidence,
    #[error("a reason is at most 2,000 bytes and has no control characters but line feeds")]
    BadText,
    #[error("`{0}` is not a hold point")]
    NotAGate(StepId),
    #[error("the hold point `{gate}` is not open: it is {word}")]
    GateNotOpen { gate: StepId, word: &'static str },
    #[error("this answers request {got} of `{gate}`; the open one is {expected}")]
    WrongRequest { gate: StepId, expected: u32, got: u32 },
    #[error("this answer does not repeat the request's one-time value")]
    WrongNonce,
    #[error("another request had this one-time value already")]
    UsedNonce,
    #[error("the request for `{gate}` expired at {at}; a late answer does not count")]
    TooLate { gate: StepId, at: String },
    #[error("`{gate}` asks for no one in the role `{role}`")]
    RoleNotAsked { gate: StepId, role: String },
    #[error("`{person}` has already answered `{gate}`; a person counts once")]
    AnsweredAlready { person: PersonId, gate: StepId },
    #[error("this key has already answered `{gate}`; a key counts once")]
    KeyUsed { gate: StepId },
    #[error("`{person}` opened the incident; duties are separated for `{gate}`")]
    InitiatorApproves { person: PersonId, gate: StepId },
    #[error("`{person}` carries out `{step}`, which `{gate}` covers; duties are separated")]
    ExecutorApproves { person: PersonId, gate: StepId, step: StepId },
    #[error("`{0}` has no break-glass rule")]
    NoOverride(StepId),
    #[error("the request for `{gate}` is still good: {why}")]
    NothingDue { gate: StepId, why: &'static str },
    #[error("the incident cannot close: {0}")]
    CannotClose(String),
    #[error("nothing called `{0}` is suspended")]
    NotSuspended(String),
    #[error("the backlog has no `{0}` left to settle")]
    NoBacklog(String),
    #[error("`{step}` has no undo")]
    NoUndo { step: StepId },
    #[error("`{step}` is being taken back, or nobody knows how that ended; that comes first")]
    BeingUndone { step: StepId },
    #[error("`{step}` has nothing to take back; only what an abort offers to undo can be said to stay")]
    NothingToKeep { step: StepId },
    #[error("undo is offered after an abort or for a step that failed, newest first; next is {next}")]
    UndoOrder { next: String },
    #[error("the runbook cannot be amended: {0}")]
    NoAmendment(String),
    #[error("the point to restore to cannot be used: {0}")]
    RestorePoint(String),
    #[error("this way back closed at {at} ({because}); only break-glass can still declare it")]
    WindowClosed { at: String, because: String },
    #[error("this does not fit what the step is: {0}")]
    DoesNotFit(String),
    #[error("`{to}` was offered the command already; withdraw that first")]
    OfferOpen { to: PersonId },
    #[error("no command is offered, or that offer is over")]
    NoOffer,
    #[error("this offer of command is not yours to be {word}")]
    NotYourOffer { word: &'static str },
    #[error("this offer of command is over: {why}; it has to be made anew")]
    OfferOver { why: &'static str },
    #[error("the two signatures must be of two keys")]
    OneKeyForTwo,
    #[error("this was signed over an older state of the record; look again and sign anew")]
    Outdated,
    #[error("the room is already being asked: {0}")]
    PollOpen(String),
    #[error("event {0} asks nothing")]
    NoPoll(u64),
    #[error("the question is {0}; an answer no longer counts")]
    PollOver(&'static str),
    #[error("`{0}` has answered already; one may still object after having agreed")]
    SaidAlready(PersonId),
    #[error("event {0} is no objection")]
    NoObjection(u64),
    #[error("event {event} has no such parts to remove; left are: {left}")]
    NoSuchParts { event: u64, left: String },
    #[error("event {0} asks for no removal that could still be agreed to")]
    NoRedaction(u64),
    #[error("a removal takes a second person")]
    SecondPerson,
    #[error("`{person}` sits as `{held}`, and the runbook keeps `{role}` apart from that")]
    KeptApart { person: PersonId, held: String, role: String },
    #[error("`{person}` sits as `{held}`, and the runbook says that they carry nothing out")]
    CarriesNothingOut { person: PersonId, held: String },
    #[error("session `{0}` has left already")]
    AlreadyLeft(SessionId),
    #[error("to {what} is decided by {roles}, and `{person}` has no such seat here")]
    NoAuthority { person: PersonId, what: &'static str, roles: String },
    #[error("`{step}` is a point of no return; {roles} must be among those who approved it")]
    NotAuthorised { step: StepId, roles: String },
    #[error("event {0} promises nothing")]
    NoPromise(u64),
    #[error("`{0}` is not on the list of who is told when the rollback is declared")]
    NotOnTheList(String),
}
