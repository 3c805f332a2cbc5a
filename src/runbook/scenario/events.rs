//! What of an incident's record a scenario can wait for: the record's own kinds of events. Nothing that a person
//! would have to tick is among them.

/// What the second word of `event(kind, about)` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// There is no second word.
    Nothing,
    /// A seat.
    Role,
    /// A step of the runbook.
    Step,
    /// `declare`, or a step of the runbook.
    Gate,
    /// A phase's name.
    Phase,
    /// A measurement's name.
    Measurement,
    /// A trigger's id.
    Trigger,
    /// The name of something suspended.
    Suspension,
    /// The name of a counted backlog.
    Backlog,
    /// The name of a message's template.
    Template,
}

/// How a step ended.
const ENDS: &[&str] = &["succeeded", "failed", "timed_out", "unknown", "cancelled"];
/// How a look was judged.
const VERDICTS: &[&str] = &["pass", "fail", "inconclusive"];

/// Kind, what its second word names, and what its third may be.
pub const EVENTS: &[(&str, About, &[&str])] = &[
    ("incident.opened", About::Nothing, &[]),
    ("incident.declared", About::Nothing, &[]),
    ("incident.mitigated", About::Nothing, &[]),
    ("incident.resolved", About::Nothing, &[]),
    ("incident.closed", About::Nothing, &[]),
    ("incident.aborted", About::Nothing, &[]),
    ("runbook.amended", About::Nothing, &[]),
    ("role.assumed", About::Role, &[]),
    ("role.renounced", About::Role, &[]),
    ("command.handed_over", About::Nothing, &[]),
    ("phase.entered", About::Phase, &[]),
    ("step.started", About::Step, &[]),
    ("step.finished", About::Step, ENDS),
    ("step.skipped", About::Step, &[]),
    ("step.done_by_hand", About::Step, &[]),
    ("step.settled", About::Step, &[]),
    ("step.undone", About::Step, &[]),
    ("approval.requested", About::Gate, &[]),
    ("approval.granted", About::Gate, &[]),
    ("approval.denied", About::Gate, &[]),
    ("approval.expired", About::Gate, &[]),
    ("override.used", About::Gate, &[]),
    ("decision.made", About::Step, &[]),
    ("poll.opened", About::Nothing, &[]),
    ("poll.closed", About::Nothing, &[]),
    ("measurement.taken", About::Measurement, &[]),
    ("check.judged", About::Step, VERDICTS),
    ("trigger.fired", About::Trigger, &[]),
    ("trigger.cleared", About::Trigger, &[]),
    ("suspension.opened", About::Suspension, &[]),
    ("suspension.lifted", About::Suspension, &[]),
    ("backlog.added", About::Backlog, &[]),
    ("backlog.settled", About::Backlog, &[]),
    ("message.sent", About::Template, &[]),
    ("note.added", About::Nothing, &[]),
];

/// What is known about a kind.
pub fn of(kind: &str) -> Option<(About, &'static [&'static str])> {
    EVENTS.iter().find(|(word, ..)| *word == kind).map(|(_, about, ends)| (*about, *ends))
}
