//! One recorded event as a line a person reads. Never leaves out who did it, and never shows foreign text raw.

use crate::core::event::{
    About, Choice, Direction, Handed, Judgement, Leaving, Left, Opinion, Outcome, PollEnd, PromiseEnd,
    Verdict, What,
};
use crate::core::incident::{self, Incident};
use crate::core::time::{Stamp, spoken};
use crate::sanitize::{self, Clean};
use crate::theme::Role;
use std::time::Duration;

use super::link::Recorded;

/// A line of the timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Place in the record.
    pub seq: u64,
    /// When.
    pub at: Stamp,
    /// Who.
    pub who: Clean,
    /// What, in a few words.
    pub what: Clean,
    /// How it is coloured.
    pub role: Role,
}

/// The line of an event, in an incident that knows of everything before it.
pub fn row(recorded: &Recorded, incident: Option<&Incident>) -> Row {
    let event = &recorded.event;
    let said = Clean::join(&recorded.said, " ");
    let (words, role) = match &event.what {
        // The hub says so, and the event names the session only.
        What::Left(Left { session, how: Leaving::Lost }) => {
            let whose = incident.and_then(|i| i.sessions.get(session));
            let whose = whose.map_or_else(|| format!("session {session}"), |s| s.person.to_string());
            (format!("the connection of {whose} ended"), Role::Muted)
        }
        what => words(what),
    };
    let mut what = sanitize::line(words);
    if !said.is_empty() {
        what.push(&Clean::literal(": "));
        what.push(&sanitize::line(said.as_str()));
    }
    Row { seq: event.seq, at: event.at, who: sanitize::visible_name(event.actor.to_string()), what, role }
}

/// The timeline's words for an event and their colour.
fn words(what: &What) -> (String, Role) {
    match what {
        What::Opened(_)
        | What::Declared(_)
        | What::Mitigated(_)
        | What::Resolved(_)
        | What::Closed(_)
        | What::Aborted(_)
        | What::Amended(_)
        | What::PhaseEntered(_) => of_incident(what),
        What::Joined(_)
        | What::Left(_)
        | What::Assumed(_)
        | What::Renounced(_)
        | What::Offered(_)
        | What::OfferEnded(_)
        | What::HandedOver(_)
        | What::TenureExceeded(_)
        | What::ShiftShort(_)
        | What::PollOpened(_)
        | What::PollAnswered(_)
        | What::PollClosed(_)
        | What::ObjectionAnswered(_)
        | What::RedactionAsked(_)
        | What::Redacted(_)
        | What::Noted(_)
        | What::Told(_)
        | What::Promised(_)
        | What::PromiseSettled(_)
        | What::SessionRevoked(_) => of_people(what),
        What::Requested(_)
        | What::Granted(_)
        | What::Denied(_)
        | What::Expired(_)
        | What::Voided(_)
        | What::Refused(_)
        | What::Overridden(_) => of_gates(what),
        What::Started(_)
        | What::Progressed(_)
        | What::Finished(_)
        | What::StepSkipped(_)
        | What::DoneByHand(_)
        | What::Settled(_)
        | What::Undone(_)
        | What::Decided(_)
        | What::Measured(_)
        | What::Judged(_)
        | What::Asked(_)
        | What::Sent(_) => of_steps(what),
        What::TriggerFired(_)
        | What::TriggerCleared(_)
        | What::Suspended(_)
        | What::Lifted(_)
        | What::Inherited(_)
        | What::BacklogAdded(_)
        | What::BacklogSettled(_)
        | What::Continued(_)
        | What::Resumed(_)
        | What::ClockJumped(_)
        | What::AnchorConfirmed(_) => of_ledger(what),
    }
}

fn of_incident(what: &What) -> (String, Role) {
    match what {
        What::Opened(d) => (format!("opened the incident ({})", d.mode.word()), Role::Title),
        What::Declared(_) => ("the rollback is declared".into(), Role::Title),
        What::Mitigated(d) => (format!("mitigated: {}", d.reason), Role::Ok),
        What::Resolved(d) => (format!("resolved: {}", d.reason), Role::Ok),
        What::Closed(d) => (format!("closed the record: {}", d.reason), Role::Title),
        What::Aborted(d) => (format!("ABORTED: {}", d.reason), Role::Fail),
        What::Amended(d) => (format!("the runbook is amended: {}", d.runbook), Role::Warn),
        What::PhaseEntered(d) => (format!("phase {}", d.name), Role::Title),
        other => (other.kind().to_owned(), Role::Base),
    }
}

fn of_people(what: &What) -> (String, Role) {
    match what {
        What::Joined(d) => (format!("joined ({})", d.via), Role::Muted),
        What::Left(_) => ("left".into(), Role::Muted),
        What::Assumed(d) if d.stand_in => (format!("sits as {} (stand-in)", d.role), Role::Base),
        What::Assumed(d) => (format!("sits as {}", d.role), Role::Base),
        What::Renounced(d) => (format!("left the seat {}", d.role), Role::Base),
        What::Noted(_) => ("note".into(), Role::Base),
        What::Told(d) => (format!("told {} that it is declared: {}", d.to, d.words), Role::Ok),
        What::Promised(d) => (format!("promised {} by {}: {}", d.to, d.due.clock(), d.words), Role::Waiting),
        What::PromiseSettled(d) => match d.how {
            PromiseEnd::Kept => (format!("promise #{} is kept: {}", d.promise, d.words), Role::Ok),
            PromiseEnd::TakenBack => {
                (format!("promise #{} is TAKEN BACK: {}", d.promise, d.words), Role::Warn)
            }
        },
        What::SessionRevoked(d) => (format!("session {} revoked: {}", d.session, d.reason), Role::Warn),
        other => of_command(other),
    }
}

fn of_command(what: &What) -> (String, Role) {
    match what {
        What::Offered(d) => (format!("offers the command to {}", d.to), Role::Waiting),
        What::OfferEnded(d) => {
            (format!("the offer of command is {}: {}", d.how.word(), d.reason), Role::Warn)
        }
        What::HandedOver(d) => {
            let stand_in = if d.stand_in { " as a stand-in" } else { "" };
            (format!("COMMANDS{stand_in}, taken over from {}: {}", d.from, d.read_back), Role::Title)
        }
        What::TenureExceeded(d) => {
            let long = spoken(Duration::from_secs(d.limit));
            (
                format!("{} has sat as {} for more than {long}: time to hand over", d.person, d.role),
                Role::Warn,
            )
        }
        What::ShiftShort(d) => {
            let gap = spoken(Duration::from_secs(d.gap));
            let last = d.last.to_second();
            (format!("{} was in an incident until {last}, less than {gap} ago", d.person), Role::Warn)
        }
        What::PollOpened(d) => (format!("asks, until {}: {}", d.expires.clock(), d.question), Role::Waiting),
        What::PollAnswered(d) => match d.opinion {
            Opinion::Fine => (format!("fine with #{} {}", d.poll, d.reason), Role::Ok),
            Opinion::Abstain => (format!("abstains from #{} {}", d.poll, d.reason), Role::Muted),
            Opinion::Object => (format!("OBJECTS to #{}: {}", d.poll, d.reason), Role::Fail),
        },
        What::PollClosed(d) => match d.how {
            PollEnd::NoObjections => (format!("#{}: hearing no objections, it proceeds", d.poll), Role::Ok),
            PollEnd::Objected => (format!("#{}: stopped by an objection", d.poll), Role::Warn),
            PollEnd::Withdrawn => (format!("#{}: withdrawn", d.poll), Role::Muted),
        },
        What::ObjectionAnswered(d) => (format!("to objection #{}: {}", d.objection, d.words), Role::Base),
        What::RedactionAsked(d) => {
            (format!("wants parts of #{} removed: {}", d.event, d.reason), Role::Waiting)
        }
        What::Redacted(d) => {
            (format!("parts of #{} are removed, as {} asked: {}", d.event, d.with, d.reason), Role::Warn)
        }
        other => (other.kind().to_owned(), Role::Base),
    }
}

fn of_gates(what: &What) -> (String, Role) {
    let reason = |text: &str| if text.is_empty() { String::new() } else { format!(": {text}") };
    match what {
        What::Requested(d) => (format!("approval of {} asked for", d.gate), Role::Waiting),
        What::Granted(d) => (format!("approved {} as {}{}", d.gate, d.role, reason(&d.reason)), Role::Ok),
        What::Denied(d) => (format!("DENIED {} as {}{}", d.gate, d.role, reason(&d.reason)), Role::Fail),
        What::Expired(d) => (format!("approval of {} expired without its quorum", d.gate), Role::Warn),
        What::Voided(d) => (format!("approval of {} is void: {}", d.gate, d.why), Role::Warn),
        What::Refused(d) => {
            (format!("answer of {} at {} does not count: {}", d.person, d.gate, d.why), Role::Warn)
        }
        What::Overridden(d) => {
            let over = incident::over(&d.denied_by);
            (format!("BROKE GLASS at {}{over} as {}: {}", d.gate, d.role, d.reason), Role::Fail)
        }
        other => (other.kind().to_owned(), Role::Base),
    }
}

fn of_steps(what: &What) -> (String, Role) {
    match what {
        What::Started(d) => {
            let verb = match d.direction {
                Direction::Forward => "started",
                Direction::Undo => "started the undo of",
            };
            let again = if d.attempt > 1 { format!(" (attempt {})", d.attempt) } else { String::new() };
            (format!("{verb} {}{again}", d.step), Role::Running)
        }
        What::Progressed(d) => {
            let unit = d.unit.as_deref().unwrap_or_default();
            let total = d.total.map(|total| format!(" of {total}")).unwrap_or_default();
            (format!("{}: {}{total} {unit}", d.step, d.done).trim_end().to_owned(), Role::Muted)
        }
        What::Finished(d) => ended(d.step.as_str(), d.outcome, &d.detail),
        What::Undone(d) => ended(&format!("undo of {}", d.step), d.outcome, &d.detail),
        What::StepSkipped(d) => (format!("skipped {}: {}", d.step, d.reason), Role::Base),
        What::DoneByHand(d) => (format!("{} was done by hand: {}", d.step, d.reason), Role::Base),
        What::Settled(d) => {
            let word = match d.verdict {
                Verdict::Succeeded => "succeeded",
                Verdict::Failed => "failed",
            };
            let of = if d.direction.is_forward() { "" } else { "the undo of " };
            (format!("settled {of}{} as {word}: {}", d.step, d.reason), Role::Base)
        }
        What::Decided(d) => (decided(&d.about, &d.choice, &d.reason), Role::Base),
        What::Measured(d) => {
            let value = d.text.clone().unwrap_or_else(|| format!("{} bytes", d.bytes));
            (format!("{} measured {}: {value}", d.step, d.name), Role::Base)
        }
        What::Judged(d) => judged(d.step.as_str(), d.judgement, &d.why),
        What::Asked(d) => (format!("asks for the message {}", d.template), Role::Base),
        What::Sent(d) => {
            let how = match d.how {
                Handed::Delivered => "sent",
                Handed::ByHand => "passed on by hand:",
            };
            (format!("{how} {} through {}", d.template, d.channel), Role::Ok)
        }
        other => (other.kind().to_owned(), Role::Base),
    }
}

fn ended(step: &str, outcome: Outcome, detail: &str) -> (String, Role) {
    let (word, role) = match outcome {
        Outcome::Succeeded => ("succeeded", Role::Ok),
        Outcome::Failed => ("FAILED", Role::Fail),
        Outcome::TimedOut => ("TIMED OUT", Role::Fail),
        Outcome::Cancelled => ("cancelled", Role::Warn),
        Outcome::Unknown => ("UNKNOWN", Role::Unknown),
    };
    (format!("{step} {word}: {detail}"), role)
}

fn judged(step: &str, judgement: Judgement, why: &str) -> (String, Role) {
    match judgement {
        Judgement::Pass => (format!("{step} passes: {why}"), Role::Ok),
        Judgement::Fail => (format!("{step} does not pass: {why}"), Role::Fail),
        Judgement::Inconclusive => (format!("{step} is inconclusive: {why}"), Role::Warn),
    }
}

fn decided(about: &About, choice: &Choice, reason: &str) -> String {
    let what = match choice {
        Choice::Option(name) => format!("chose {name}"),
        Choice::Retry => "again".into(),
        Choice::Continue => "go on in spite of it".into(),
        Choice::Goto(to) => format!("go on at {to}"),
        Choice::Pause => "paused".into(),
        Choice::GoOn => "goes on".into(),
        Choice::Cancel => "cancel".into(),
        Choice::Kill => "kill".into(),
        Choice::Amend(digest) => format!("proposed the runbook {digest}"),
        Choice::Keep => "stays as it is, without undo".into(),
        Choice::RuleOut(way) => format!("RULED OUT {way}"),
    };
    match about {
        About::Incident => format!("{what}: {reason}"),
        About::Step(step) => format!("{step}: {what}: {reason}"),
    }
}

fn of_ledger(what: &What) -> (String, Role) {
    match what {
        What::TriggerFired(d) => (format!("trigger {} fired: {}", d.trigger, d.value), Role::Warn),
        What::TriggerCleared(d) => (format!("trigger {} cleared: {}", d.trigger, d.value), Role::Ok),
        What::Suspended(d) if d.certain => (format!("{} suspended", d.name), Role::Warn),
        What::Suspended(d) => (format!("{} may be suspended", d.name), Role::Warn),
        What::Lifted(d) => (format!("{} resumed", d.name), Role::Ok),
        What::Inherited(d) => (format!("{} answers for {}: {}", d.owner, d.name, d.reason), Role::Base),
        What::BacklogAdded(d) => (format!("{} of {} to reconcile", d.count, d.name), Role::Warn),
        What::BacklogSettled(d) => (format!("{} of {} reconciled: {}", d.count, d.name, d.reason), Role::Ok),
        What::Continued(d) => {
            (format!("the disk failed ({}); the record goes on as {}", d.cause, d.log), Role::Fail)
        }
        What::Resumed(d) => (format!("the hub runs again: {}", d.found), Role::Warn),
        What::ClockJumped(d) => {
            let way = if d.micros < 0 { "back" } else { "forward" };
            let span = Duration::from_micros(d.micros.unsigned_abs());
            (format!("the clock jumped {way} by {}", spoken(span)), Role::Warn)
        }
        What::AnchorConfirmed(d) => (format!("{} keeps head {}", d.anchor, d.n), Role::Muted),
        other => (other.kind().to_owned(), Role::Base),
    }
}
