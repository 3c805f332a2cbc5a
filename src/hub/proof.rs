//! Whether an act is really the person's: its session's signature, and for what takes more, their SSH signature over
//! the text that this hub renders itself. Never decides what the person may do: that is `core::decide`'s.

use crate::core::event::{Auth, Policies, Seen};
use crate::core::id::PersonId;
use crate::core::incident::Incident;
use crate::core::intent::{By, Intent};
use crate::core::statement::{self, Answering};
use crate::core::time::Stamp;
use crate::hub::log::Log;
use crate::identity::{AllowedSigners, Presence, Revoked, session};
use crate::timeline::{codec, payload};
use crate::wire::act::{Act, Part};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;

/// Why an act does not count, whoever sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotProved {
    /// A statement where none belongs, or none where one does.
    #[error("{0}")]
    Form(&'static str),
    /// The session is not known here, or has no power any more.
    #[error("the session that signed this is not known here; join first")]
    Session,
    /// The session's signature.
    #[error("{0}")]
    Act(session::ActError),
    /// It names a head that this record never had.
    #[error("this was signed over a record of {n} events that is not this one; refresh and look again")]
    NeverSeen {
        /// The size it names.
        n: u64,
    },
    /// The statement is not the one that the request makes.
    #[error(
        "what was signed is not what would happen now: the `{line}` line differs; refresh and sign what you see"
    )]
    OtherText {
        /// The first line that differs.
        line: String,
    },
    /// The SSH signature.
    #[error("{0}")]
    Ssh(String),
    /// Another key than the act says.
    #[error("the statement was signed with {signed}, the act names {named}")]
    OtherKey {
        /// By the signature.
        signed: String,
        /// By the act.
        named: String,
    },
    /// A security key that nobody touched.
    #[error("the security key signed without being touched; touch it when it blinks")]
    Untouched,
    /// A security key that did not ask who touches it.
    #[error(
        "the workspace wants security keys to verify who touches them; make one with `ssh-keygen -O verify-required`"
    )]
    Unverified,
    /// What goes with it is not what it commits to.
    #[error("what came with the act is not what it commits to")]
    Payload,
}

/// A proved act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    /// Who.
    pub by: By,
    /// Commitments, for the event.
    pub payload: Vec<String>,
    /// What they commit to: salt and content.
    pub parts: Vec<([u8; 32], Vec<u8>)>,
}

/// Everything signatures are judged by.
#[derive(Debug, Clone)]
pub struct Judge {
    signers: AllowedSigners,
    revoked: Revoked,
}

impl Judge {
    /// Judges by the pinned roster.
    pub fn new(signers: AllowedSigners, revoked: Revoked) -> Judge {
        Judge { signers, revoked }
    }

    /// Checks an act against the state it would act on.
    ///
    /// # Errors
    /// Why it does not count.
    pub fn check(&self, incident: &Incident, log: &Log, act: &Act, now: Stamp) -> Result<Proved, NotProved> {
        let auth = &act.auth;
        let session = signed_by_session(incident, &act.intent, auth)?;
        for seen in auth.seen.iter() {
            known_head(log, seen)?;
        }
        match needed(incident, &act.person, &act.intent, auth) {
            Needed::Nothing if auth.statement.is_some() || auth.sshsig.is_some() => {
                return Err(NotProved::Form("this act takes no statement"));
            }
            Needed::Nothing if session.is_none() => {
                return Err(NotProved::Form("this act must be signed by a session; join first"));
            }
            Needed::Nothing => {}
            Needed::NotDue => return Err(NotProved::Form("there is no open request that this would answer")),
            Needed::Statement(needed) => {
                if let Some(seen) = &needed.seen {
                    known_head(log, seen)?;
                }
                self.statement(&act.person, auth, &needed, incident.policies(), now)?;
            }
        }
        let (payload, parts) = committed(&act.intent, &act.payload)?;
        Ok(Proved { by: By::Person { id: act.person.clone(), session }, payload, parts })
    }

    /// Checks the opener's statement; there is no state and no head yet.
    ///
    /// # Errors
    /// Why it does not count.
    pub fn check_opening(&self, incident: &Incident, act: &Act, now: Stamp) -> Result<Proved, NotProved> {
        let Needed::Statement(needed) = needed(incident, &act.person, &act.intent, &act.auth) else {
            return Err(NotProved::Form("an incident begins with being opened"));
        };
        if act.auth.session.is_some() || !act.payload.is_empty() {
            return Err(NotProved::Form("the opening act carries a statement and nothing else"));
        }
        let policies = match &act.intent {
            Intent::Open(opened) => &opened.policies,
            _ => incident.policies(),
        };
        self.statement(&act.person, &act.auth, &needed, policies, now)?;
        Ok(Proved { by: By::statement(act.person.clone()), payload: Vec::new(), parts: Vec::new() })
    }

    fn statement(
        &self,
        person: &PersonId,
        auth: &Auth,
        needed: &Statement,
        policies: &Policies,
        now: Stamp,
    ) -> Result<(), NotProved> {
        let (Some(text), Some(sshsig)) = (&auth.statement, &auth.sshsig) else {
            return Err(NotProved::Form("this takes a statement signed with your SSH key"));
        };
        if auth.namespace.as_deref() != Some(needed.namespace) || auth.display.is_none() {
            return Err(NotProved::Form("the statement was signed for another purpose"));
        }
        if text.len() > statement::MAX {
            return Err(NotProved::Form("the statement is too long to be read"));
        }
        if text != &needed.text {
            return Err(NotProved::OtherText { line: first_difference(text, &needed.text) });
        }
        let seconds = u64::try_from(now.seconds()).unwrap_or(0);
        let signed = self
            .signers
            .verify(person.as_str(), needed.namespace, text.as_bytes(), sshsig, seconds, &self.revoked)
            .map_err(|e| NotProved::Ssh(e.to_string()))?;
        if signed.presence == Presence::Absent {
            return Err(NotProved::Untouched);
        }
        if policies.verify_required && signed.presence == Presence::Present {
            return Err(NotProved::Unverified);
        }
        if signed.fingerprint != needed.key {
            return Err(NotProved::OtherKey { signed: signed.fingerprint, named: needed.key.clone() });
        }
        Ok(())
    }
}

fn known_head(log: &Log, seen: &Seen) -> Result<(), NotProved> {
    if log.had(seen) { Ok(()) } else { Err(NotProved::NeverSeen { n: seen.n }) }
}

/// The session that signed the act, if one did, and the act's number in it.
fn signed_by_session(
    incident: &Incident,
    intent: &Intent,
    auth: &Auth,
) -> Result<Option<(crate::core::id::SessionId, u64)>, NotProved> {
    let Some(id) = &auth.session else {
        let nothing = auth.client_seq.is_none() && auth.sig.is_none();
        return if nothing { Ok(None) } else { Err(NotProved::Form("a signature without its session")) };
    };
    let (Some(number), Some(seen), Some(sig)) = (auth.client_seq, &auth.seen, &auth.sig) else {
        return Err(NotProved::Form("an act carries its number, the head it saw and its signature"));
    };
    let session = incident.sessions.get(id).ok_or(NotProved::Session)?;
    let bytes = codec::act(incident.log(), number, seen, intent)
        .map_err(|_| NotProved::Form("the act has no canonical form"))?;
    session::verify_act(&session.key, &bytes, sig).map_err(NotProved::Act)?;
    Ok(Some((id.clone(), number)))
}

/// What an intent needs beside a session.
enum Needed {
    Nothing,
    /// A statement about something that is not there.
    NotDue,
    Statement(Statement),
}

struct Statement {
    namespace: &'static str,
    text: String,
    key: String,
    /// The head it names, if it names one.
    seen: Option<Seen>,
}

fn needed(incident: &Incident, person: &PersonId, intent: &Intent, auth: &Auth) -> Needed {
    let seen = || auth.statement.as_deref().and_then(statement::seen_of);
    let session = |log: &str, joined: &crate::core::event::Joined| {
        Needed::Statement(Statement {
            namespace: statement::SESSION,
            text: statement::session(log, person, joined),
            key: joined.key.clone(),
            seen: None,
        })
    };
    let (answer, how) = match intent {
        Intent::Open(opened) => return session(&opened.log, &opened.session),
        Intent::Join(joined) => return session(incident.log(), joined),
        Intent::Close { reason, key } => {
            let Some(seen) = seen() else { return Needed::NotDue };
            return Needed::Statement(Statement {
                namespace: statement::CLOSE,
                text: statement::close(incident, person, reason, &seen),
                key: key.clone(),
                seen: Some(seen),
            });
        }
        Intent::Approve(answer) => (answer, Answering::Approve),
        Intent::Deny(answer) => (answer, Answering::Deny),
        Intent::Override(answer) => (answer, Answering::Override),
        Intent::Offer { .. }
        | Intent::TakeCommand { .. }
        | Intent::AskRedaction { .. }
        | Intent::Redact { .. } => {
            let Some(seen) = seen() else { return Needed::NotDue };
            return match statement::of_intent(incident, person, intent, &seen) {
                Some((namespace, text, key)) => {
                    Needed::Statement(Statement { namespace, text, key, seen: Some(seen) })
                }
                None => Needed::NotDue,
            };
        }
        _ => return Needed::Nothing,
    };
    let Some(seen) = seen() else { return Needed::NotDue };
    match statement::gate(incident, person, answer, how, &seen) {
        Some(text) => Needed::Statement(Statement {
            namespace: how.namespace(),
            text,
            key: answer.key.clone(),
            seen: Some(seen),
        }),
        None => Needed::NotDue,
    }
}

/// The key of the first line that is not the same.
fn first_difference(signed: &str, expected: &str) -> String {
    let mut ours = expected.lines();
    for line in signed.lines() {
        if ours.next() != Some(line) {
            return line.split(':').next().unwrap_or_default().chars().take(40).collect();
        }
    }
    ours.next().and_then(|l| l.split(':').next()).unwrap_or("last").to_owned()
}

/// Commitments of the intent, which must be exactly those of the parts that came with it.
#[allow(clippy::type_complexity)]
fn committed(intent: &Intent, came: &[Part]) -> Result<(Vec<String>, Vec<([u8; 32], Vec<u8>)>), NotProved> {
    let promised: Vec<&String> = match intent {
        Intent::Note { payload } | Intent::ProposeAmendment { payload, .. } => vec![payload],
        Intent::Start { payload, .. } | Intent::AskMessage { payload, .. } => payload.iter().collect(),
        _ => Vec::new(),
    };
    if promised.len() != came.len() {
        return Err(NotProved::Payload);
    }
    let mut parts = Vec::new();
    for (promise, part) in promised.iter().zip(came) {
        let salt = B64.decode(&part.salt).ok().and_then(|s| <[u8; 32]>::try_from(s).ok());
        let (Some(salt), Ok(data)) = (salt, B64.decode(&part.data)) else { return Err(NotProved::Payload) };
        if data.len() > payload::MAX_PART || &&B64.encode(payload::commit(&salt, &data)) != promise {
            return Err(NotProved::Payload);
        }
        parts.push((salt, data));
    }
    Ok((promised.into_iter().cloned().collect(), parts))
}
