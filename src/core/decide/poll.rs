//! "Any strong objections?": hearing none proceeds, one objection stops it. Never takes silence for consent before
//! the time is over, and never hears an answer after it.

use super::{commands, hub, person, reason, takes_part};
use crate::core::event::{ObjectionAnswered, Opinion, PollAnswered, PollClosed, PollEnd, PollOpened, What};
use crate::core::incident::{Incident, Poll};
use crate::core::intent::By;
use crate::core::refusal::Refusal;
use crate::core::time::Stamp;
use std::time::Duration;

/// How long a question may stay open, in seconds: time enough to speak, and short enough to still be about now.
pub const LASTS: std::ops::RangeInclusive<u64> = 5..=3600;

pub(super) fn open(
    incident: &Incident,
    by: &By,
    question: &str,
    lasts: u64,
    now: Stamp,
) -> Result<What, Refusal> {
    takes_part(incident, person(by)?)?;
    if let Some((_, open)) = incident.open_poll() {
        return Err(Refusal::PollOpen(open.question.clone()));
    }
    if !LASTS.contains(&lasts) {
        return Err(Refusal::DoesNotFit("a question stays open for 5 seconds to an hour".to_owned()));
    }
    let expires = now.plus(Duration::from_secs(lasts));
    Ok(PollOpened { question: reason(question)?, lasts, expires }.into())
}

fn asked(incident: &Incident, seq: u64) -> Result<&Poll, Refusal> {
    let poll = incident.polls.get(&seq).ok_or(Refusal::NoPoll(seq))?;
    match poll.end {
        None => Ok(poll),
        Some(end) => Err(Refusal::PollOver(end.word())),
    }
}

pub(super) fn answer(
    incident: &Incident,
    by: &By,
    seq: u64,
    opinion: Opinion,
    why: &str,
    now: Stamp,
) -> Result<What, Refusal> {
    let id = person(by)?;
    takes_part(incident, id)?;
    let poll = asked(incident, seq)?;
    if now >= poll.expires {
        return Err(Refusal::PollOver("over"));
    }
    // Whoever said yes may still find a reason to say no; anything else is said once.
    let mut said = poll.answers.iter().filter(|a| &a.person == id);
    let twice = match opinion {
        Opinion::Object => said.any(|a| a.opinion == Opinion::Object),
        Opinion::Fine | Opinion::Abstain => said.next().is_some(),
    };
    if twice {
        return Err(Refusal::SaidAlready(id.clone()));
    }
    let reason = match opinion {
        Opinion::Object => reason(why)?,
        Opinion::Fine | Opinion::Abstain if why.is_empty() => String::new(),
        Opinion::Fine | Opinion::Abstain => reason(why)?,
    };
    Ok(PollAnswered { poll: seq, opinion, reason }.into())
}

/// How an open question has to end now, if it has to.
pub fn end_of(poll: &Poll, now: Stamp) -> Option<PollEnd> {
    if poll.end.is_some() {
        return None;
    }
    if poll.answers.iter().any(|a| a.opinion == Opinion::Object) {
        return Some(PollEnd::Objected);
    }
    (now >= poll.expires).then_some(PollEnd::NoObjections)
}

pub(super) fn close(
    incident: &Incident,
    by: &By,
    seq: u64,
    how: PollEnd,
    now: Stamp,
) -> Result<What, Refusal> {
    let poll = asked(incident, seq)?;
    match how {
        PollEnd::NoObjections | PollEnd::Objected => {
            hub(by)?;
            if end_of(poll, now) != Some(how) {
                return Err(Refusal::DoesNotFit(format!("the question is not {}", how.word())));
            }
        }
        PollEnd::Withdrawn => {
            let id = person(by)?;
            if &poll.by != id {
                commands(incident, id)?;
            }
            // An objection is not made undone by taking the question back.
            if end_of(poll, now).is_some() {
                return Err(Refusal::PollOver("over"));
            }
        }
    }
    Ok(PollClosed { poll: seq, how }.into())
}

pub(super) fn answer_objection(
    incident: &Incident,
    by: &By,
    objection: u64,
    words: &str,
) -> Result<What, Refusal> {
    let id = person(by)?;
    takes_part(incident, id)?;
    let found = incident.objections.get(&objection).ok_or(Refusal::NoObjection(objection))?;
    if &found.person == id {
        return Err(Refusal::DoesNotFit("somebody else answers an objection".to_owned()));
    }
    if found.answer.is_some() {
        return Err(Refusal::DoesNotFit(format!("objection #{objection} has its answer")));
    }
    Ok(ObjectionAnswered { objection, words: reason(words)? }.into())
}
