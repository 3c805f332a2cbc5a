//! Who acted: SSH signatures over statements, session signatures over acts, and that both say what was recorded.
//!
//! Never takes a signature's word for what it signed: the statement is rendered anew from the state of the incident,
//! and the act is rebuilt from the event.

use std::collections::BTreeMap;

use super::heads::Heads;
use super::{Check, Report};
use crate::core::event::{Actor, Auth, Event, Joined, Seen, What};
use crate::core::id::{PersonId, SessionId};
use crate::core::incident::Incident;
use crate::core::intent::Intent;
use crate::core::replay;
use crate::core::statement::{self, Answering};
use crate::identity::{AllowedSigners, Presence, Revoked, Signed, session};
use crate::timeline::codec;
use crate::timeline::evidence::{Evidence, EvidenceError};
use crate::timeline::tree::Head;

/// Whose keys count.
#[derive(Debug)]
pub enum Roster {
    /// The asker's own lists.
    Auditor {
        /// Who may sign.
        signers: AllowedSigners,
        /// Keys that no longer count.
        revoked: Revoked,
    },
    /// The copies that came with the record.
    Bundled,
}

struct Session {
    person: PersonId,
    key: String,
}

pub(super) struct People {
    signers: AllowedSigners,
    revoked: Revoked,
    /// Why no signature can count, if the lists themselves cannot be read.
    unusable: Option<String>,
    sessions: BTreeMap<SessionId, Session>,
    log: String,
}

impl People {
    pub(super) fn new(roster: Roster, evidence: &Evidence) -> Result<Self, EvidenceError> {
        let (signers, revoked, unusable) = match roster {
            Roster::Auditor { signers, revoked } => (signers, revoked, None),
            Roster::Bundled => {
                let signers = AllowedSigners::parse(&evidence.bytes("allowed_signers")?.unwrap_or_default());
                match Revoked::parse(&evidence.bytes("revoked_keys")?.unwrap_or_default()) {
                    Ok(revoked) => (signers, revoked, None),
                    Err(e) => (signers, Revoked::none(), Some(format!("revoked_keys: {e}"))),
                }
            }
        };
        Ok(People { signers, revoked, unusable, sessions: BTreeMap::new(), log: String::new() })
    }

    /// Checks what an event says about who did it. Gives the head that its statement names, if that holds.
    pub(super) fn check(
        &mut self,
        event: &Event,
        incident: Option<&Incident>,
        heads: &mut Heads,
        report: &mut Report,
    ) -> Option<Head> {
        match &event.what {
            What::Opened(opened) => {
                self.log.clone_from(&opened.log);
                self.join(event, &opened.session, report);
            }
            What::Joined(joined) => self.join(event, joined, report),
            What::AnchorConfirmed(kept) => {
                let named = Seen { n: kept.n, root: kept.root.clone() };
                if let Err(why) = heads.check_seen(&named) {
                    report.fail(Check::Seen, event.seq, why);
                }
            }
            _ => {}
        }
        let (person, auth) = match (&event.actor, &event.auth) {
            (Actor::Person(person), Some(auth)) => (person, auth),
            (Actor::Hub, Some(_)) => {
                report.fail(Check::Act, event.seq, "the hub's own events carry no person's proof");
                return None;
            }
            // Whether a person's event may go without is up to the rules: it may not.
            (Actor::Person(_) | Actor::Hub, None) => return None,
        };
        if let Some(seen) = &auth.seen
            && let Err(why) = heads.check_seen(seen)
        {
            report.fail(Check::Seen, event.seq, why);
        }
        if auth.sig.is_some() || auth.session.is_some() {
            match self.act(event, person, auth) {
                Ok(()) => report.acts += 1,
                Err(why) => report.fail(Check::Act, event.seq, why),
            }
        }
        if auth.statement.is_none() && auth.sshsig.is_none() {
            return None;
        }
        match self.statement(event, person, auth, incident, heads) {
            Ok(head) => {
                report.statements += 1;
                head
            }
            Err(why) => {
                report.fail(Check::Statement, event.seq, why);
                None
            }
        }
    }

    fn join(&mut self, event: &Event, joined: &Joined, report: &mut Report) {
        let Some(person) = event.actor.person() else { return };
        match session::id_of(&joined.session_key).map(SessionId::parse) {
            Ok(Ok(id)) => {
                let session = Session { person: person.clone(), key: joined.session_key.clone() };
                self.sessions.insert(id, session);
            }
            Ok(Err(_)) | Err(_) => report.fail(Check::Act, event.seq, "the session key is not a key"),
        }
    }

    fn act(&self, event: &Event, person: &PersonId, auth: &Auth) -> Result<(), String> {
        let (Some(id), Some(number), Some(seen), Some(sig)) =
            (&auth.session, auth.client_seq, &auth.seen, &auth.sig)
        else {
            return Err("an act needs session, number, seen head and signature".to_owned());
        };
        let session = self.sessions.get(id).ok_or_else(|| format!("there is no session {id}"))?;
        if session.person != *person {
            return Err(format!("session {id} belongs to {}", session.person));
        }
        let act =
            codec::act(&self.log, number, seen, &replay::intent_of(event)).map_err(|e| e.to_string())?;
        session::verify_act(&session.key, &act, sig).map_err(|e| e.to_string())
    }

    fn statement(
        &self,
        event: &Event,
        person: &PersonId,
        auth: &Auth,
        incident: Option<&Incident>,
        heads: &mut Heads,
    ) -> Result<Option<Head>, String> {
        let (Some(text), Some(armored)) = (&auth.statement, &auth.sshsig) else {
            return Err("a statement needs its text and its signature".to_owned());
        };
        if let Some(why) = &self.unusable {
            return Err(why.clone());
        }
        if auth.display.is_none() {
            return Err("it does not say where the text was shown".to_owned());
        }
        let namespace = replay::statement_namespace(&event.what)
            .ok_or_else(|| format!("a `{}` is not signed as a statement", event.what.kind()))?;
        let at = u64::try_from(event.at.seconds()).map_err(|_| "its time is before 1970")?;
        let signed = self
            .signers
            .verify(person.as_str(), namespace, text.as_bytes(), armored, at, &self.revoked)
            .map_err(|e| e.to_string())?;
        let verified = match &event.what {
            What::Opened(opened) => opened.policies.verify_required,
            _ => incident.is_some_and(|i| i.policies().verify_required),
        };
        if verified && signed.presence == Presence::Present {
            return Err("the security key did not verify who touched it".to_owned());
        }
        same_key(event, &signed)?;
        let seen = statement::seen_of(text);
        // Whatever was taken from elsewhere names another head too: what else is wrong with it says more.
        // Once the rules are broken there is no state to render from; the signature itself was checked above.
        if let Some(incident) = incident {
            let expected =
                render(event, person, incident, seen.as_ref()).ok_or("nothing here asked for it")?;
            if expected != *text {
                return Err(format!(
                    "the statement does not say what was recorded: {}",
                    differs(&expected, text)
                ));
            }
        }
        seen.as_ref().map(|s| heads.check_seen(s)).transpose()
    }
}

/// The fingerprint in the event is the one of the key that signed.
fn same_key(event: &Event, signed: &Signed) -> Result<(), String> {
    let named = match &event.what {
        What::Opened(d) => &d.session.key,
        What::Joined(d) => &d.key,
        What::Granted(d) => &d.key,
        What::Denied(d) => &d.key,
        What::Overridden(d) => &d.key,
        What::Closed(d) => &d.key,
        What::Offered(d) => &d.key,
        What::HandedOver(d) => &d.key,
        What::RedactionAsked(d) => &d.key,
        What::Redacted(d) => &d.key,
        _ => return Ok(()),
    };
    if *named == signed.fingerprint {
        Ok(())
    } else {
        Err(format!("the event names key {named}, the signature is of {}", signed.fingerprint))
    }
}

/// The statement that belongs to this event, as every client shows it.
fn render(event: &Event, person: &PersonId, incident: &Incident, seen: Option<&Seen>) -> Option<String> {
    let gate = |answer, how| statement::gate(incident, person, answer, how, seen?);
    match (&event.what, replay::intent_of(event)) {
        (What::Opened(d), _) => Some(statement::session(&d.log, person, &d.session)),
        (What::Joined(d), _) => Some(statement::session(incident.log(), person, d)),
        (_, Intent::Approve(answer)) => gate(&answer, Answering::Approve),
        (_, Intent::Deny(answer)) => gate(&answer, Answering::Deny),
        (_, Intent::Override(answer)) => gate(&answer, Answering::Override),
        (What::Closed(d), _) => Some(statement::close(incident, person, &d.reason, seen?)),
        (_, intent) => statement::of_intent(incident, person, &intent, seen?).map(|(_, text, _)| text),
    }
}

/// The first line in which two texts differ, by its key alone.
fn differs(expected: &str, text: &str) -> String {
    let pair = expected.lines().zip(text.lines()).find(|(a, b)| a != b);
    let line = pair.map_or("its length", |(a, _)| a.split_once(": ").map_or(a, |(key, _)| key));
    format!("`{line}` differs")
}
