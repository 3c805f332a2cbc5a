//! Questions, answers, objections and what was said to them. Never counts.

use crate::core::event::{ObjectionAnswered, Opinion, PollAnswered, PollClosed, PollOpened};
use crate::core::id::PersonId;
use crate::core::incident::{Incident, Objection, Poll, PollAnswer, Ruling};
use crate::core::time::Stamp;

pub(super) fn opened(
    incident: &mut Incident,
    data: &PollOpened,
    person: Option<&PersonId>,
    seq: u64,
    at: Stamp,
) {
    let Some(by) = person.cloned() else { return };
    let poll = Poll {
        by,
        question: data.question.clone(),
        asked_at: at,
        expires: data.expires,
        answers: Vec::new(),
        end: None,
    };
    incident.polls.insert(seq, poll);
}

pub(super) fn answered(
    incident: &mut Incident,
    data: &PollAnswered,
    person: Option<&PersonId>,
    seq: u64,
    at: Stamp,
) {
    let (Some(poll), Some(person)) = (incident.polls.get_mut(&data.poll), person) else { return };
    poll.answers.push(PollAnswer {
        seq,
        person: person.clone(),
        opinion: data.opinion,
        reason: data.reason.clone(),
    });
    if data.opinion != Opinion::Object {
        return;
    }
    let about = poll.question.clone();
    object(incident, seq, person, &about, &data.reason, at);
}

/// Keeps an objection, and what it rules out for the time being.
pub(super) fn object(
    incident: &mut Incident,
    seq: u64,
    person: &PersonId,
    about: &str,
    reason: &str,
    at: Stamp,
) {
    let words = format!("{person} objects to {about}: {reason}");
    incident.rulings.push(Ruling { seq, person: Some(person.clone()), words });
    let objection = Objection {
        person: person.clone(),
        about: about.to_owned(),
        reason: reason.to_owned(),
        at,
        answer: None,
    };
    incident.objections.insert(seq, objection);
}

pub(super) fn closed(incident: &mut Incident, data: &PollClosed) {
    if let Some(poll) = incident.polls.get_mut(&data.poll) {
        poll.end = Some(data.how);
    }
}

pub(super) fn objection_answered(
    incident: &mut Incident,
    data: &ObjectionAnswered,
    person: Option<&PersonId>,
    at: Stamp,
) {
    if let (Some(objection), Some(person)) = (incident.objections.get_mut(&data.objection), person) {
        objection.answer = Some((person.clone(), data.words.clone(), at));
    }
}
