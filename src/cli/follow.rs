//! One line an event, for people at plain terminals and for programs. Never approves, confirms or retypes anything.

use crate::cli::args::Open;
use crate::cli::room::Seat;
use crate::cli::{act, context, print, print_json, say};
use crate::client::room::{Room, Update};
use crate::core::event::{Direction, Event, Overridden, Progressed, Settled, What};
use crate::core::id::StepId;
use crate::core::incident::{self, InOrder, Status};
use crate::error::{Failure, Kind, Result};
use crate::runbook::model::Step;
use crate::sanitize;
use crate::timeline::codec;
use crate::wire::message::WriterState;
use std::collections::BTreeSet;
use std::io::IsTerminal as _;

/// Follows an incident until it is closed or its hub ends.
///
/// # Errors
/// When the hub cannot be followed, or the incident ended in an abort.
pub async fn headless(mut seat: Seat, verb: &Open) -> Result<()> {
    let mut asked = Asked::default();
    let mut said: BTreeSet<String> = BTreeSet::new();
    let mut news = true;
    loop {
        if news && verb.advance {
            advance(&mut seat, &mut asked).await?;
        }
        if news {
            tell_what_waits(&seat, &mut said);
        }
        let update = seat.room.next().await.map_err(context::lost)?;
        // Nothing else changes what there is to do.
        news = match &update {
            Update::Events(events) => !events.is_empty(),
            Update::Answer { id, .. } => asked.is_answered(*id),
            Update::CaughtUp
            | Update::Metrics { .. }
            | Update::Outside(_)
            | Update::Output(_)
            | Update::Writer(_)
            | Update::Bye(_) => false,
        };
        let last = match &update {
            Update::Events(events) if verb.json => {
                events.iter().for_each(as_json);
                events.iter().any(|e| matches!(e.what, What::Closed(_)))
            }
            other => ended(other),
        };
        if last {
            break;
        }
    }
    let incident = &seat.room.mirror.incident;
    match &incident.aborted {
        Some(why) => Err(Failure::new(Kind::No, "the rollback was aborted").because(why)),
        None => Ok(()),
    }
}

/// Follows as somebody who takes part, in line mode.
///
/// # Errors
/// When the hub cannot be followed.
pub async fn room(mut seat: Seat) -> Result<()> {
    let mut said = BTreeSet::new();
    loop {
        tell_what_waits(&seat, &mut said);
        let update = seat.room.next().await.map_err(context::lost)?;
        if ended(&update) {
            return Ok(());
        }
    }
}

/// Follows as somebody who only looks on, in line mode.
///
/// # Errors
/// When the hub cannot be followed.
pub async fn look_on(mut room: Room) -> Result<()> {
    loop {
        let update = room.next().await.map_err(context::lost)?;
        if ended(&update) {
            return Ok(());
        }
    }
}

/// Shows an update; whether it was the last.
fn ended(update: &Update) -> bool {
    match update {
        Update::Events(events) => {
            print(&events.iter().map(line).collect::<Vec<_>>().join("\n"));
            events.iter().any(|e| matches!(e.what, What::Closed(_)))
        }
        Update::Bye(why) => {
            say(&format!("the hub ended: {why}"));
            true
        }
        Update::Writer(WriterState::Stopped { why } | WriterState::Over { why }) => {
            say(&format!("the hub cannot write any more, and starts nothing new: {why}"));
            false
        }
        Update::Writer(WriterState::Writing)
        | Update::CaughtUp
        | Update::Answer { .. }
        | Update::Metrics { .. }
        | Update::Outside(_)
        | Update::Output(_) => false,
    }
}

/// What was asked for without anybody asking.
#[derive(Debug, Default)]
struct Asked {
    started: BTreeSet<(StepId, u32)>,
    tried_ahead: BTreeSet<(StepId, u32)>,
    /// The one start that waits at the hub for its turn.
    ahead: Option<(u64, StepId)>,
}

impl Asked {
    /// Whether this is the answer to the start that waits. If it was refused, the step is started in its turn.
    fn is_answered(&mut self, id: u64) -> bool {
        self.ahead.take_if(|(ahead, _)| *ahead == id).is_some()
    }
}

/// Starts what is ready and mine. Everything that needs a person's judgement is left alone.
async fn advance(seat: &mut Seat, asked: &mut Asked) -> Result<()> {
    loop {
        let incident = &seat.room.mirror.incident;
        let next = incident.ready().find_map(|InOrder { step, id, .. }| {
            let waits = asked.ahead.as_ref().is_some_and(|(_, ahead)| ahead == id);
            if waits || !is_mine(seat, step) {
                return None;
            }
            let which = (id.clone(), incident.next_attempt(id, Direction::Forward));
            (!asked.started.contains(&which)).then_some(which)
        });
        let Some((id, attempt)) = next else { break };
        asked.started.insert((id.clone(), attempt));
        let intent = act::start(seat, &id, Direction::Forward, None, None)?;
        match seat.act(intent).await {
            Ok(_) => {}
            Err(refused) if refused.kind == Kind::Refused => say(&format!("{id} was not started: {refused}")),
            Err(failure) => return Err(failure),
        }
    }
    if asked.ahead.is_none() {
        ahead(seat, asked).await?;
    }
    Ok(())
}

/// Asks for the next step while the one before it runs: the hub begins it in its turn, if the rules allow it then, and
/// one batch records the end of the one and the start of the other.
async fn ahead(seat: &mut Seat, asked: &mut Asked) -> Result<()> {
    let incident = &seat.room.mirror.incident;
    let next = incident.next_up().find_map(|InOrder { step, id, .. }| {
        if !is_mine(seat, step) {
            return None;
        }
        let which = (id.clone(), incident.next_attempt(id, Direction::Forward));
        (!asked.tried_ahead.contains(&which)).then_some(which)
    });
    let Some((id, attempt)) = next else { return Ok(()) };
    asked.tried_ahead.insert((id.clone(), attempt));
    // What the step before has still to find out may be part of its command.
    let Ok(intent) = act::start(seat, &id, Direction::Forward, None, None) else { return Ok(()) };
    asked.ahead = seat.act_ahead(intent).await?.map(|number| (number, id));
    Ok(())
}

/// A step that a program may start for this person.
fn is_mine(seat: &Seat, step: &Step) -> bool {
    let incident = &seat.room.mirror.incident;
    let mine = step.role.as_ref().is_none_or(|role| incident.holds(&seat.person, role));
    step.action.changes_something() && !step.irreversible && mine
}

/// Says once what the room waits for, and how to give it from another terminal.
fn tell_what_waits(seat: &Seat, said: &mut BTreeSet<String>) {
    let incident = &seat.room.mirror.incident;
    let id = incident.opened.as_ref().map_or_else(String::new, |o| o.incident.to_string());
    let mut tell = |key: String, text: String| {
        if said.insert(key) {
            say(&text);
        }
    };
    for (gate, pending) in &incident.gates {
        if incident.awaits_answers(gate) {
            let key = format!("{gate} {}", pending.attempt);
            tell(key, format!("waiting for approval of {gate}: backout approve {id} {gate}"));
        }
    }
    for (step, run) in &incident.runs {
        let key = || format!("{step} {} {:?}", run.attempt, run.status);
        if run.status == Status::Unknown {
            tell(
                key(),
                format!(
                    "nobody knows how {step} ended: backout settle {id} {step} succeeded|failed --reason …"
                ),
            );
        } else if run.status.is_trouble() && !run.passed {
            tell(
                key(),
                format!(
                    "{step} {}: backout retry|skip|done|continue {id} {step} --reason …",
                    run.status.word()
                ),
            );
        }
    }
}

/// Prints an event as its line of the record: byte for byte to a program, harmless to a terminal.
fn as_json(event: &Event) {
    let Ok(line) = codec::encode(event) else { return };
    let line = String::from_utf8_lossy(&line);
    match std::io::stdout().is_terminal() {
        true => print_json(&line),
        false => print(&line),
    }
}

/// An event as one line for people.
pub fn line(event: &Event) -> String {
    let text = format!(
        "{} #{} {} {} {}",
        event.at.clock(),
        event.seq,
        event.actor,
        event.what.kind(),
        words(&event.what)
    );
    sanitize::line(text.trim_end()).as_str().to_owned()
}

/// What an event is about, in a few words.
pub fn words(what: &What) -> String {
    match what {
        What::Opened(d) => format!("{} {}", d.mode.word(), d.incident),
        What::Declared(d) => format!("attempt {}", d.attempt),
        What::Mitigated(d) => d.reason.clone(),
        What::Resolved(d) => d.reason.clone(),
        What::Closed(d) => d.reason.clone(),
        What::Aborted(d) => d.reason.clone(),
        What::Joined(d) => d.via.clone(),
        What::Left(d) => format!("{:?}", d.how).to_lowercase(),
        What::Assumed(d) => {
            if d.stand_in {
                format!("{} as a stand-in", d.role)
            } else {
                d.role.to_string()
            }
        }
        What::Renounced(d) => d.role.to_string(),
        What::Continued(d) => format!("as {} because the disk failed: {}", d.log, d.cause),
        What::Resumed(d) => d.found.clone(),
        What::PhaseEntered(d) => d.name.clone(),
        What::Started(d) => format!("{} attempt {}{}", d.step, d.attempt, undo(d.direction)),
        What::Progressed(d) => progressed(d),
        What::Finished(d) => format!("{} {}: {}", d.step, Status::from(d.outcome).word(), d.detail),
        What::StepSkipped(d) => format!("{}: {}", d.step, d.reason),
        What::DoneByHand(d) => format!("{}: {}", d.step, d.reason),
        What::Settled(d) => settled(d),
        What::Undone(d) => format!("{} {}: {}", d.step, Status::from(d.outcome).word(), d.detail),
        What::Requested(d) => format!("{} attempt {} until {}", d.gate, d.attempt, d.expires.clock()),
        What::Granted(d) => format!("{} as {} {}", d.gate, d.role, d.reason),
        What::Denied(d) => format!("{} as {}: {}", d.gate, d.role, d.reason),
        What::Expired(d) => d.gate.to_string(),
        What::Voided(d) => format!("{}: {}", d.gate, d.why),
        What::Refused(d) => format!("{} by {}: {}", d.gate, d.person, d.why),
        What::Overridden(d) => overridden(d),
        What::Decided(d) => format!("{:?}: {:?}: {}", d.about, d.choice, d.reason),
        What::Measured(d) => {
            format!("{} {}", d.name, d.text.clone().unwrap_or_else(|| format!("{} bytes", d.bytes)))
        }
        What::Judged(d) => format!("{} look {} {:?}: {}", d.step, d.look, d.judgement, d.why),
        What::TriggerFired(d) => format!("{} at {}", d.trigger, d.value),
        What::TriggerCleared(d) => format!("{} at {}", d.trigger, d.value),
        What::Suspended(d) => format!("{}{}", d.name, if d.certain { "" } else { " (perhaps)" }),
        What::Lifted(d) => d.name.to_string(),
        What::Inherited(d) => format!("{} by {}: {}", d.name, d.owner, d.reason),
        What::BacklogAdded(d) => format!("{} {}", d.count, d.name),
        What::BacklogSettled(d) => format!("{} {}: {}", d.count, d.name, d.reason),
        What::Asked(d) => d.template.to_string(),
        What::Sent(d) => format!("{} to {}: {}", d.template, d.channel, d.detail),
        What::Amended(d) => format!("goes on with {}", d.runbook),
        What::Noted(_) => String::new(),
        What::Told(d) => format!("{}: {}", d.to, d.words),
        What::Promised(d) => format!("to {} by {}: {}", d.to, d.due.to_second(), d.words),
        What::PromiseSettled(d) => format!("#{} {}: {}", d.promise, d.how.word(), d.words),
        What::ClockJumped(d) => format!("{} ms", d.micros / 1_000),
        What::AnchorConfirmed(d) => format!("{} keeps {}", d.anchor, d.n),
        What::Offered(_)
        | What::OfferEnded(_)
        | What::HandedOver(_)
        | What::TenureExceeded(_)
        | What::ShiftShort(_)
        | What::PollOpened(_)
        | What::PollAnswered(_)
        | What::PollClosed(_)
        | What::ObjectionAnswered(_)
        | What::RedactionAsked(_)
        | What::Redacted(_) => of_people(what),
        What::SessionRevoked(d) => format!("{}: {}", d.session, d.reason),
    }
}

/// The same for command, questions and removals.
fn of_people(what: &What) -> String {
    match what {
        What::Offered(d) => format!("to {} until {}", d.to, d.expires.clock()),
        What::OfferEnded(d) => format!("#{} {}: {}", d.offer, d.how.word(), d.reason),
        What::HandedOver(d) => {
            let stand_in = if d.stand_in { " as a stand-in" } else { "" };
            format!("from {}{stand_in}: {}", d.from, d.read_back)
        }
        What::TenureExceeded(d) => format!("{} has sat as {} since {}", d.person, d.role, d.since.clock()),
        What::ShiftShort(d) => format!("{}, last in an incident at {}", d.person, d.last.to_second()),
        What::PollOpened(d) => format!("until {}: {}", d.expires.clock(), d.question),
        What::PollAnswered(d) => format!("#{} {} {}", d.poll, d.opinion.word(), d.reason),
        What::PollClosed(d) => format!("#{} {}", d.poll, d.how.word()),
        What::ObjectionAnswered(d) => format!("#{}: {}", d.objection, d.words),
        What::RedactionAsked(d) => format!("{}:{}: {}", d.event, parts(&d.parts), d.reason),
        What::Redacted(d) => format!("{}:{} with {}: {}", d.event, parts(&d.parts), d.with, d.reason),
        other => other.kind().to_owned(),
    }
}

fn parts(parts: &[u32]) -> String {
    parts.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

fn progressed(report: &Progressed) -> String {
    let total = report.total.map(|total| format!("/{total}")).unwrap_or_default();
    let unit = report.unit.as_deref().unwrap_or_default();
    format!("{} {}{total} {unit}", report.step, report.done).trim_end().to_owned()
}

fn overridden(d: &Overridden) -> String {
    format!("{}{} as {}: {}", d.gate, incident::over(&d.denied_by), d.role, d.reason)
}

fn settled(settled: &Settled) -> String {
    let Settled { step, direction, verdict, reason, .. } = settled;
    format!("{step}{} {verdict:?}: {reason}", undo(*direction)).to_lowercase()
}

fn undo(direction: Direction) -> &'static str {
    match direction {
        Direction::Forward => "",
        Direction::Undo => " (undo)",
    }
}
