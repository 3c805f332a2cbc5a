//! Acts about people, from a shell: handing over command, questions to the room, removals, sessions. Never signs what
//! it did not show.

use crate::cli::args::{Handover, Note, OpinionArg, Redact};
use crate::cli::context;
use crate::cli::room::Seat;
use crate::client::answer;
use crate::client::mirror::Mirror;
use crate::core::event::{OfferEnd, Opinion, PollEnd, PromiseEnd};
use crate::core::id::{PersonId, SessionId};
use crate::core::intent::Intent;
use crate::core::time::Stamp;
use crate::error::{Failure, Result};
use crate::runbook::decode::duration_from;
use std::time::Duration;

/// `backout handover`
///
/// # Errors
/// When there is no such offer, the person does not sign, or the rules refuse.
pub(super) async fn handover(seat: &mut Seat, verb: &Handover) -> Result<u64> {
    if let Some(to) = &verb.to {
        let to = PersonId::parse(to.clone()).map_err(|e| Failure::usage(e.to_string()))?;
        let draft = seat.draft_offer(&to)?;
        return seat.sign_shown(draft, verb.consent).await;
    }
    let offer = seat.room.mirror.incident.offer.as_ref().map(|o| o.seq);
    let offer = offer.ok_or_else(|| {
        Failure::refused("no command is offered now")
            .hint("`backout handover INCIDENT --to PERSON` offers it; an offer ends when the packet changes")
    })?;
    if verb.accept {
        let read_back = verb.read_back.clone().unwrap_or_default();
        // The session holds the read-back, which is not in the text that both sign.
        seat.join(Vec::new()).await?;
        let key = seat.signer.fingerprint();
        let draft = seat.draft_of(Intent::TakeCommand { offer, read_back, key })?;
        return seat.sign_shown(draft, verb.consent).await;
    }
    let how = if verb.decline { OfferEnd::Declined } else { OfferEnd::Withdrawn };
    seat.act(Intent::EndOffer { offer, how, reason: verb.reason.clone() }).await
}

/// `backout redact`
///
/// # Errors
/// When there is nothing to remove or to agree to, the person does not sign, or the rules refuse.
pub(super) async fn redact(seat: &mut Seat, verb: &Redact) -> Result<u64> {
    let key = seat.signer.fingerprint();
    let now = context::now();
    let intent = match (&verb.place, verb.agree) {
        (Some(place), _) => {
            removal(&seat.room.mirror, place, verb.reason.as_deref().unwrap_or_default(), &key, now)?
        }
        (None, _) => consent(&seat.room.mirror, &key, now)?,
    };
    let draft = seat.draft_of(intent)?;
    seat.sign_shown(draft, verb.consent).await
}

/// The removal of an event's parts: `SEQ`, or `SEQ:PART`.
///
/// # Errors
/// When the place is none.
pub(in crate::cli) fn removal(
    mirror: &Mirror,
    place: &str,
    reason: &str,
    key: &str,
    now: Stamp,
) -> Result<Intent> {
    let (event, part) = place.split_once(':').map_or((place, None), |(e, p)| (e, Some(p)));
    let bad = || {
        Failure::usage(format!("`{place}` is no event's number"))
            .hint("write SEQ for all its parts, or SEQ:PART for one")
    };
    let event: u64 = event.parse().map_err(|_| bad())?;
    let parts = match part {
        Some(part) => vec![part.parse().map_err(|_| bad())?],
        None => mirror.incident.parts_left(event),
    };
    let expires = answer::until(now, answer::REMOVAL, Duration::from_secs(3600));
    let (reason, key) = (reason.to_owned(), key.to_owned());
    Ok(Intent::AskRedaction { event, parts, reason, seen: mirror.seen(), expires, key })
}

/// Agreeing to the removal that somebody else asked for.
///
/// # Errors
/// When nobody asks.
pub(in crate::cli) fn consent(mirror: &Mirror, key: &str, now: Stamp) -> Result<Intent> {
    let asked = mirror.incident.open_redaction(now).map(|(seq, _)| seq);
    let asked = asked.ok_or_else(|| Failure::refused("nobody asks for a removal now"))?;
    Ok(Intent::Redact { asked, key: key.to_owned() })
}

/// `backout note`, where it is more than a note.
///
/// # Errors
/// When the time is no duration.
pub(super) fn noted(verb: &Note) -> Result<Option<Intent>> {
    let words = verb.text.clone();
    if let (Some(to), Some(due)) = (&verb.promise, &verb.due) {
        let due = context::now().plus(length(due)?);
        return Ok(Some(Intent::Promise { to: to.clone(), words, due }));
    }
    let ended = verb.kept.map(|seq| (seq, PromiseEnd::Kept));
    if let Some((promise, how)) = ended.or(verb.taken_back.map(|seq| (seq, PromiseEnd::TakenBack))) {
        return Ok(Some(Intent::SettlePromise { promise, how, words }));
    }
    Ok(verb.told.clone().map(|to| Intent::Tell { to, words }))
}

fn length(text: &str) -> Result<Duration> {
    duration_from(text)
        .ok_or_else(|| Failure::usage(format!("`{text}` is no length of time")).hint("write a unit: 30s, 2m"))
}

/// `backout poll`
///
/// # Errors
/// When the time is no duration, or there is no question to take back.
pub(super) fn ask(seat: &Seat, question: Option<&str>, lasts: &str) -> Result<Intent> {
    let Some(question) = question else {
        let (poll, _) = open_poll(seat)?;
        return Ok(Intent::ClosePoll { poll, how: PollEnd::Withdrawn });
    };
    Ok(Intent::OpenPoll { question: question.to_owned(), lasts: length(lasts)?.as_secs() })
}

/// `backout answer`
///
/// # Errors
/// When the room is not asked anything.
pub(super) fn answer(seat: &Seat, opinion: OpinionArg, reason: &str) -> Result<Intent> {
    let (poll, _) = open_poll(seat)?;
    let opinion = match opinion {
        OpinionArg::Fine => Opinion::Fine,
        OpinionArg::Object => Opinion::Object,
        OpinionArg::Abstain => Opinion::Abstain,
    };
    Ok(Intent::AnswerPoll { poll, opinion, reason: reason.to_owned() })
}

fn open_poll(seat: &Seat) -> Result<(u64, &crate::core::incident::Poll)> {
    seat.room
        .mirror
        .incident
        .open_poll()
        .ok_or_else(|| Failure::refused("the room is not asked anything now"))
}

/// `backout revoke`
///
/// # Errors
/// When nobody has such a session, or a person has several.
pub(super) fn revoke(seat: &Seat, session: &str, reason: &str) -> Result<Intent> {
    let sessions = &seat.room.mirror.incident.sessions;
    let live = sessions.iter().filter(|(_, s)| s.left.is_none() && !s.revoked);
    let mine: Vec<&SessionId> = live
        .filter(|(id, s)| id.as_str() == session || s.person.as_str() == session)
        .map(|(id, _)| id)
        .collect();
    match mine.as_slice() {
        [one] => Ok(Intent::RevokeSession { session: (*one).clone(), reason: reason.to_owned() }),
        [] => Err(Failure::usage(format!("`{session}` is no live session, and nobody here who has one"))),
        several => {
            let ids: Vec<&str> = several.iter().map(|id| id.as_str()).collect();
            Err(Failure::usage(format!("`{session}` has several sessions"))
                .hint(format!("say which: {}", ids.join(", "))))
        }
    }
}
