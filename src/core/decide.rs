//! May this happen now? One intent gives one event, or a refusal with its reason. Never changes the state, never
//! looks at a clock: the time is an argument.

pub mod amend;
pub mod command;
pub mod gate;
mod observe;
pub mod people;
pub mod poll;
mod promise;
mod redaction;
pub mod stage;
pub mod step;
mod way_on;

use crate::core::event::{ClockJumped, Noted, What};
use crate::core::id::PersonId;
use crate::core::incident::{Incident, Matter, Stage};
use crate::core::intent::{By, Intent};
use crate::core::refusal::Refusal;
use crate::core::time::Stamp;
use crate::runbook::model::Phase;

/// Judges an intent.
///
/// # Errors
/// The reason, as a type and a sentence. Nothing has changed then.
pub fn decide(incident: &Incident, by: &By, intent: &Intent, now: Stamp) -> Result<What, Refusal> {
    check_standing(incident, by, intent, now)?;
    more_than_looks_on(incident, by, intent)?;
    match intent {
        Intent::Open(opened) => people::open(incident, by, opened, now),
        Intent::Join(joined) => people::join(incident, by, joined, now),
        Intent::Leave { session, how } => people::leave(incident, by, session, *how),
        Intent::Assume { role } => people::assume(incident, by, role),
        Intent::Renounce { role } => people::renounce(incident, by, role),
        Intent::RevokeSession { session, reason } => people::revoke(incident, by, session, reason),
        Intent::Offer { .. }
        | Intent::EndOffer { .. }
        | Intent::TakeCommand { .. }
        | Intent::ExceedTenure { .. }
        | Intent::NoteShortShift { .. }
        | Intent::OpenPoll { .. }
        | Intent::AnswerPoll { .. }
        | Intent::ClosePoll { .. }
        | Intent::AnswerObjection { .. }
        | Intent::AskRedaction { .. }
        | Intent::Promise { .. }
        | Intent::SettlePromise { .. }
        | Intent::Tell { .. }
        | Intent::Redact { .. } => among_people(incident, by, intent, now),
        Intent::Approve(answer) => gate::approve(incident, by, answer, now),
        Intent::Deny(answer) => gate::deny(incident, by, answer, now),
        Intent::Override(answer) => gate::override_(incident, by, answer, now),
        Intent::Request { gate, attempt, nonce } => gate::request(incident, by, gate, *attempt, nonce, now),
        Intent::Expire { gate, attempt } => gate::expire(incident, by, gate, *attempt, now),
        Intent::Void { gate, attempt, why } => gate::void(incident, by, gate, *attempt, why),
        Intent::RecordRefusal { gate, person, why } => gate::refuse(by, gate, person, why),
        Intent::Declare { attempt } => gate::declare(incident, by, *attempt),
        Intent::Start { .. } => step::start(incident, by, intent, now),
        Intent::Confirm { step, attempt, evidence } => step::confirm(incident, by, step, *attempt, evidence),
        Intent::Skip { step, reason } => way_on::skip(incident, by, step, reason),
        Intent::MarkDone { step, reason } => way_on::mark_done(incident, by, step, reason),
        Intent::Settle { .. } => way_on::settle(incident, by, intent),
        Intent::DecideStep { step, choice, reason } => {
            way_on::decide_step(incident, by, step, choice, reason)
        }
        Intent::Finish { .. } => step::finish(incident, by, intent, now),
        Intent::Progress { .. } | Intent::Measure { .. } | Intent::Judge { .. } | Intent::MarkSent { .. } => {
            seen(incident, by, intent)
        }
        Intent::AskMessage { template, how, .. } => stage::ask_message(incident, by, template, *how),
        Intent::EnterPhase { phase } => observe::enter_phase(incident, by, *phase),
        Intent::DecideIncident { choice, reason } => stage::pause_or_go_on(incident, by, choice, reason),
        Intent::ProposeAmendment { runbook, reason, .. } => amend::propose(incident, by, *runbook, reason),
        Intent::Amend { attempt } => amend::adopt(incident, by, *attempt),
        Intent::Abort { reason } => stage::abort(incident, by, reason),
        Intent::Mitigate { reason } => stage::mitigate(incident, by, reason),
        Intent::Resolve { reason } => stage::resolve(incident, by, reason),
        Intent::Close { reason, key } => stage::close(incident, by, reason, key),
        Intent::Inherit { name, owner, reason } => stage::inherit(incident, by, name, owner, reason),
        Intent::SettleBacklog { name, count, reason } => {
            stage::settle_backlog(incident, by, name, *count, reason)
        }
        Intent::Suspend { step } => stage::suspend(incident, by, step),
        Intent::Lift { step } => stage::lift(incident, by, step),
        Intent::AddBacklog { step, count } => stage::add_backlog(incident, by, step, *count),
        Intent::Continue(data) => stage::go_on(incident, by, data),
        Intent::Resume { program, found } => stage::resume(by, program, found),
        Intent::FireTrigger { trigger, value } => stage::fire(incident, by, trigger, value),
        Intent::ClearTrigger { trigger, value } => stage::clear(incident, by, trigger, value),
        // Also the hub's: how the world outside the room does.
        Intent::Note { .. } => Ok(Noted {}.into()),
        Intent::RecordClockJump { micros } => hub(by).map(|()| ClockJumped { micros: *micros }.into()),
        Intent::ConfirmAnchor { n, root, anchor } => stage::anchor(incident, by, *n, root, anchor),
    }
}

/// What the hub saw of a step, or of a message.
fn seen(incident: &Incident, by: &By, intent: &Intent) -> Result<What, Refusal> {
    match intent {
        Intent::Progress { .. } => observe::progress(incident, by, intent),
        Intent::Measure { step, attempt, digest, bytes, text } => {
            observe::measure(incident, by, step, *attempt, *digest, *bytes, text.as_deref())
        }
        Intent::Judge { step, attempt, look, judgement, why } => {
            observe::judge(incident, by, step, *attempt, *look, *judgement, why)
        }
        Intent::MarkSent { step, asked, how, detail, .. } => {
            observe::left(incident, by, (step.as_ref(), *asked), *how, detail)
        }
        other => Err(Refusal::DoesNotFit(format!("{other:?} is not about a look"))),
    }
}

/// Command, questions, removals, promises.
fn among_people(incident: &Incident, by: &By, intent: &Intent, now: Stamp) -> Result<What, Refusal> {
    match intent {
        Intent::Offer { to, seen, expires, key } => {
            command::offer(incident, by, to, seen, *expires, key, now)
        }
        Intent::EndOffer { offer, how, reason } => command::end(incident, by, *offer, *how, reason, now),
        Intent::TakeCommand { offer, read_back, key } => {
            command::take(incident, by, *offer, read_back, key, now)
        }
        Intent::ExceedTenure { role, person } => command::exceed(incident, by, role, person, now),
        Intent::NoteShortShift { person, last } => command::short_shift(incident, by, person, *last, now),
        Intent::OpenPoll { question, lasts } => poll::open(incident, by, question, *lasts, now),
        Intent::AnswerPoll { poll, opinion, reason } => {
            poll::answer(incident, by, *poll, *opinion, reason, now)
        }
        Intent::ClosePoll { poll, how } => poll::close(incident, by, *poll, *how, now),
        Intent::AnswerObjection { objection, words } => {
            poll::answer_objection(incident, by, *objection, words)
        }
        Intent::AskRedaction { .. } => redaction::ask(incident, by, intent, now),
        Intent::Redact { asked, key } => redaction::agree(incident, by, *asked, key, now),
        Intent::Promise { to, words, due } => promise::make(incident, by, to, words, *due, now),
        Intent::SettlePromise { promise, how, words } => promise::settle(incident, by, *promise, *how, words),
        Intent::Tell { to, words } => promise::tell(incident, by, to, words),
        other => Err(Refusal::DoesNotFit(format!("{other:?} is not about people"))),
    }
}

/// What holds for every intent: the record is open, and a person is who they say and acts within a live session.
fn check_standing(incident: &Incident, by: &By, intent: &Intent, now: Stamp) -> Result<(), Refusal> {
    let opening = matches!(intent, Intent::Open(_));
    match incident.stage {
        Stage::Empty if !opening => return Err(Refusal::NotOpen),
        Stage::Closed => return Err(Refusal::IncidentClosed),
        Stage::Empty | Stage::Open | Stage::Declared => {}
    }
    let By::Person { id, session } = by else { return Ok(()) };
    if incident.team.person(id).is_none() {
        return Err(Refusal::NotInTeam(id.clone()));
    }
    let Some((session_id, number)) = session else {
        return if signs_a_statement(intent) { Ok(()) } else { Err(Refusal::NoSession(id.clone())) };
    };
    let session =
        incident.sessions.get(session_id).ok_or_else(|| Refusal::UnknownSession(session_id.clone()))?;
    if &session.person != id {
        return Err(Refusal::SessionOfSomebodyElse(session_id.clone(), session.person.clone()));
    }
    if session.revoked || session.left.is_some() || now >= session.expires {
        return Err(Refusal::SessionOver(session_id.clone()));
    }
    match session.last_client_seq {
        Some(last) if *number <= last => {
            Err(Refusal::Replayed { session: session_id.clone(), got: *number, last })
        }
        Some(_) | None => Ok(()),
    }
}

/// Whoever sits among the observers and nowhere else looks on. What is left to them is about themselves: to come and
/// go, to take a seat or leave one, and to end a session of their own.
fn more_than_looks_on(incident: &Incident, by: &By, intent: &Intent) -> Result<(), Refusal> {
    let By::Person { id, .. } = by else { return Ok(()) };
    let own = match intent {
        Intent::RevokeSession { session, .. } => {
            incident.sessions.get(session).is_some_and(|s| &s.person == id)
        }
        other => matches!(
            other,
            Intent::Open(_)
                | Intent::Join(_)
                | Intent::Leave { .. }
                | Intent::Assume { .. }
                | Intent::Renounce { .. }
        ),
    };
    if own || !incident.holds(id, "observer") { Ok(()) } else { takes_part(incident, id) }
}

/// Whether the act stands on a statement signed by the person's own SSH key, so that no session is needed.
pub fn signs_a_statement(intent: &Intent) -> bool {
    matches!(
        intent,
        Intent::Open(_)
            | Intent::Join(_)
            | Intent::Approve(_)
            | Intent::Deny(_)
            | Intent::Override(_)
            | Intent::Close { .. }
            | Intent::Offer { .. }
            | Intent::AskRedaction { .. }
            | Intent::Redact { .. }
    )
}

fn hub(by: &By) -> Result<(), Refusal> {
    match by {
        By::Hub => Ok(()),
        By::Person { .. } => Err(Refusal::HubOnly),
    }
}

fn person(by: &By) -> Result<&PersonId, Refusal> {
    match by {
        By::Hub => Err(Refusal::PersonOnly),
        By::Person { id, .. } => Ok(id),
    }
}

/// Longest reason in bytes.
const LONGEST_REASON: usize = 2_000;

/// A reason must say something, fit, and be printable.
fn reason(text: &str) -> Result<String, Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::ReasonNeeded);
    }
    if text.len() > LONGEST_REASON || text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(Refusal::BadText);
    }
    Ok(text.to_owned())
}

/// The person must sit in this seat.
fn seated(incident: &Incident, id: &PersonId, role: &str) -> Result<(), Refusal> {
    if incident.holds(id, role) {
        return Ok(());
    }
    Err(Refusal::WrongRole { person: id.clone(), role: role.to_owned() })
}

/// Whether lists of roles say who decides this; if they do, the person must sit in a seat of each.
fn authorised(
    incident: &Incident,
    id: &PersonId,
    matter: Matter,
    phase: Option<&Phase>,
) -> Result<bool, Refusal> {
    let lists = incident.authority(matter, phase);
    match incident.lacks(id, &lists) {
        None => Ok(!lists.is_empty()),
        Some(roles) => {
            let (person, what) = (id.clone(), matter.words());
            Err(Refusal::NoAuthority { person, what, roles: roles.join(" or ") })
        }
    }
}

/// The person must sit somewhere other than among the observers.
fn takes_part(incident: &Incident, id: &PersonId) -> Result<(), Refusal> {
    if incident.seats_of(id).any(|role| role != "observer") { Ok(()) } else { Err(Refusal::Observer) }
}

/// The person must command. Without a commander's seat in the runbook, anybody who takes part may.
fn commands(incident: &Incident, id: &PersonId) -> Result<(), Refusal> {
    if incident.runbook.roles.iter().any(|r| r.name == "commander") {
        seated(incident, id, "commander")
    } else {
        takes_part(incident, id)
    }
}
