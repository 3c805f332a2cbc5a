//! What takes a person's own SSH key: answers at gates, and closing. The text is made first, shown, and then signed
//! as it was shown. Never signs a text that it did not make itself.

use crate::client::mirror::Mirror;
use crate::client::session::{ActError, Session};
use crate::core::event::{Auth, Display, Seen};
use crate::core::id::{PersonId, RoleName, StepId};
use crate::core::intent::{GateAnswer, Intent};
use crate::core::statement::{self, Answering};
use crate::core::time::Stamp;
use crate::identity::signer::Signer;
use crate::wire::act::Act;
use std::time::Duration;

/// A statement that was made and can be shown, but is not signed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Who would sign.
    pub person: PersonId,
    /// What it would do.
    pub intent: Intent,
    /// Exactly the text that would be signed.
    pub text: String,
    /// In which namespace.
    pub namespace: &'static str,
    /// The head it names.
    pub seen: Seen,
}

/// Drafts an answer at a gate for the key that will sign it.
///
/// # Errors
/// When the gate has no open request, or the text would be too long to read.
pub fn at_gate(
    mirror: &Mirror,
    person: &PersonId,
    key: &str,
    gate: &StepId,
    role: &RoleName,
    how: Answering,
    reason: &str,
) -> Result<Draft, ActError> {
    let none = || ActError::NoRequest(gate.to_string());
    let pending = mirror.incident.gates.get(gate).ok_or_else(none)?;
    let answer = GateAnswer {
        gate: gate.clone(),
        attempt: pending.attempt,
        role: role.clone(),
        reason: reason.trim().to_owned(),
        nonce: pending.nonce.clone(),
        key: key.to_owned(),
    };
    let seen = mirror.seen();
    let text = statement::gate(&mirror.incident, person, &answer, how, &seen).ok_or_else(none)?;
    let intent = match how {
        Answering::Approve => Intent::Approve(answer),
        Answering::Deny => Intent::Deny(answer),
        Answering::Override => Intent::Override(answer),
    };
    checked(Draft { person: person.clone(), intent, text, namespace: how.namespace(), seen })
}

/// Drafts the statement that closes the record.
///
/// # Errors
/// When the text would be too long to read.
pub fn closing(mirror: &Mirror, person: &PersonId, key: &str, reason: &str) -> Result<Draft, ActError> {
    let seen = mirror.seen();
    let text = statement::close(&mirror.incident, person, reason, &seen);
    let intent = Intent::Close { reason: reason.to_owned(), key: key.to_owned() };
    checked(Draft { person: person.clone(), intent, text, namespace: statement::CLOSE, seen })
}

/// The namespace that a statement of this kind is signed in.
pub fn namespace_of(text: &str) -> Option<&'static str> {
    match text.lines().next()? {
        "backout approval v1" => Some(statement::APPROVE),
        "backout override v1" => Some(statement::OVERRIDE),
        "backout close v1" => Some(statement::CLOSE),
        "backout handover v1" => Some(statement::HANDOVER),
        "backout redaction v1" => Some(statement::REDACT),
        _ => None,
    }
}

/// Reads a statement back into what it would do, for the key that signed it. Nothing in it is believed: the hub renders
/// the text from its own state and compares.
pub fn read(text: &str, key: &str) -> Option<Draft> {
    let namespace = namespace_of(text)?;
    // Whoever hands command over signs as the one it is taken from.
    let signer = if namespace == statement::HANDOVER { "from" } else { "as" };
    let person = PersonId::parse(statement::field(text, signer)?).ok()?;
    let seen = statement::seen_of(text)?;
    let reason = statement::field(text, "reason").filter(|r| *r != "-").unwrap_or_default().to_owned();
    let key = key.to_owned();
    let intent = match namespace {
        statement::CLOSE => Intent::Close { reason, key },
        statement::HANDOVER => {
            let to = PersonId::parse(statement::field(text, "to")?).ok()?;
            Intent::Offer { to, seen: seen.clone(), expires: statement::expires_of(text)?, key }
        }
        statement::REDACT => removal(text, reason, &seen, key)?,
        _ => at_a_gate(text, reason, key)?,
    };
    Some(Draft { person, intent, text: text.to_owned(), namespace, seen })
}

fn at_a_gate(text: &str, reason: String, key: String) -> Option<Intent> {
    let (gate, attempt) = statement::step_of(text)?;
    let role = RoleName::parse(statement::field(text, "role")?).ok()?;
    let nonce = statement::field(text, "nonce")?.to_owned();
    let answer = GateAnswer { gate, attempt, role, reason, nonce, key };
    match statement::field(text, "decision")? {
        "approve" => Some(Intent::Approve(answer)),
        "deny" => Some(Intent::Deny(answer)),
        "override" => Some(Intent::Override(answer)),
        _ => None,
    }
}

/// Asking for a removal, or agreeing to one that an event asked for.
fn removal(text: &str, reason: String, seen: &Seen, key: String) -> Option<Intent> {
    if let Some(asked) = statement::field(text, "asked") {
        let asked = asked.split_once(' ').map_or(asked, |(seq, _)| seq).parse().ok()?;
        return Some(Intent::Redact { asked, key });
    }
    let parts = statement::field(text, "parts")?.split(',').map(|p| p.parse().ok()).collect::<Option<_>>()?;
    Some(Intent::AskRedaction {
        event: statement::field(text, "event")?.parse().ok()?,
        parts,
        reason,
        seen: seen.clone(),
        expires: statement::expires_of(text)?,
        key,
    })
}

/// How long an offer of command is good for at least.
pub const OFFER: Duration = Duration::from_secs(10 * 60);
/// How long a removal waits for its second person at least.
pub const REMOVAL: Duration = Duration::from_secs(4 * 3600);

/// A whole multiple of `step` after `now` and `least`, so that a text on the screen does not change every second.
pub fn until(now: Stamp, least: Duration, step: Duration) -> Stamp {
    let step = i64::try_from(step.as_micros()).unwrap_or(i64::MAX).max(1);
    let at = now.plus(least).0;
    Stamp(at.saturating_add(step - 1).div_euclid(step).saturating_mul(step))
}

/// Drafts the statement that offers the command to somebody.
///
/// # Errors
/// When the text would be too long to read.
pub fn offer(
    mirror: &Mirror,
    person: &PersonId,
    key: &str,
    to: &PersonId,
    now: Stamp,
) -> Result<Draft, ActError> {
    let expires = until(now, OFFER, Duration::from_secs(300));
    of_intent(
        mirror,
        person,
        Intent::Offer { to: to.clone(), seen: mirror.seen(), expires, key: key.to_owned() },
    )
}

/// Drafts the statement for an intent about command or a removal.
///
/// # Errors
/// When it is about something that is not there, or the text would be too long to read.
pub fn of_intent(mirror: &Mirror, person: &PersonId, intent: Intent) -> Result<Draft, ActError> {
    let seen = mirror.seen();
    let (namespace, text, _) = statement::of_intent(&mirror.incident, person, &intent, &seen)
        .ok_or_else(|| ActError::Form("nothing like it is open".to_owned()))?;
    checked(Draft { person: person.clone(), intent, text, namespace, seen })
}

fn checked(draft: Draft) -> Result<Draft, ActError> {
    if draft.text.len() > statement::MAX { Err(ActError::TooLong) } else { Ok(draft) }
}

/// Signs a draft: with the person's SSH key and, when there is one, with the session too.
///
/// # Errors
/// When the key does not sign.
pub fn sign(
    draft: Draft,
    log: &str,
    signer: &Signer,
    session: Option<&mut Session>,
    display: Display,
) -> Result<Act, ActError> {
    let sshsig = signer.sign(draft.namespace, draft.text.as_bytes())?;
    let base = match session {
        Some(session) => session.sign(log, &draft.seen, &draft.intent)?,
        None => Auth::default(),
    };
    let auth = Auth {
        statement: Some(draft.text),
        sshsig: Some(sshsig),
        namespace: Some(draft.namespace.to_owned()),
        display: Some(display),
        ..base
    };
    Ok(Act { person: draft.person, intent: draft.intent, auth, payload: Vec::new() })
}
