//! A person's seat in a running incident, for one act from a shell. Never keeps a key.

use crate::cli::args::Consent;
use crate::cli::context::Context;
use crate::cli::{context, say};
use crate::client::answer::{self, Draft};
use crate::client::room::Room;
use crate::client::session::{Asking, Session};
use crate::core::event::Leaving;
use crate::core::id::{PersonId, RoleName, StepId};
use crate::core::incident::Incident;
use crate::core::intent::Intent;
use crate::core::statement::Answering;
use crate::error::{Failure, Kind, Result};
use crate::identity::signer::Signer;
use crate::wire::act::{Act, Part};
use crate::wire::message::ActResult;
use std::io::{BufRead as _, IsTerminal as _};

/// A person, their signer, and the room they are in.
#[derive(Debug)]
pub struct Seat {
    /// The room.
    pub room: Room,
    /// Who.
    pub person: PersonId,
    /// Their SSH key.
    pub signer: Signer,
    session: Option<Session>,
}

impl Seat {
    /// Connects to an incident as the person whose key this is. Nothing is signed yet.
    ///
    /// # Errors
    /// When no hub runs, or no key fits.
    pub async fn take(context: &Context, incident: Option<&str>) -> Result<Seat> {
        let mut room = context::enter(&context.door(incident)?).await?;
        room.catch_up().await.map_err(context::lost)?;
        let (person, signer) = context.identify(&room)?;
        Ok(Seat::new(room, person, signer))
    }

    /// A seat without a session yet.
    pub fn new(room: Room, person: PersonId, signer: Signer) -> Seat {
        Seat { room, person, signer, session: None }
    }

    /// A seat whose session began with the incident.
    pub fn of_session(room: Room, person: PersonId, signer: Signer, session: Session) -> Seat {
        Seat { room, person, signer, session: Some(session) }
    }

    /// Joins the room if that was not done yet: the person's key vouches for a session key.
    ///
    /// # Errors
    /// When the key does not sign or the hub refuses.
    pub async fn join(&mut self, roles: Vec<RoleName>) -> Result<()> {
        if self.session.is_some() {
            return Ok(());
        }
        let asking =
            Asking { person: self.person.clone(), roles, via: context::via(), display: context::display() };
        let log = self.room.mirror.incident.log();
        let (session, act) = Session::enter(log, asking, &self.signer, context::now())
            .map_err(|e| Failure::environment("nothing was signed, so you have not joined").because(e))?;
        self.submit(act).await?;
        self.session = Some(session);
        Ok(())
    }

    /// Acts within a session; joins first when need be.
    ///
    /// # Errors
    /// When the rules refuse, or it could not be written.
    pub async fn act(&mut self, intent: Intent) -> Result<u64> {
        self.act_with(intent, Vec::new()).await
    }

    /// The same with parts kept outside the record.
    ///
    /// # Errors
    /// When the rules refuse, or it could not be written.
    pub async fn act_with(&mut self, intent: Intent, parts: Vec<Part>) -> Result<u64> {
        self.join(Vec::new()).await?;
        let Some(session) = self.session.as_mut() else {
            return Err(Failure::new(Kind::Internal, "there is no session"));
        };
        let act = session.act(&self.room.mirror, intent, parts).map_err(unsigned)?;
        self.submit(act).await
    }

    /// Hands in the start of a step ahead of its turn; see [`Room::send_ahead`]. `None` before the first other act.
    ///
    /// # Errors
    /// When the connection broke.
    pub async fn act_ahead(&mut self, intent: Intent) -> Result<Option<u64>> {
        let Some(session) = self.session.as_mut() else { return Ok(None) };
        let act = session.act(&self.room.mirror, intent, Vec::new()).map_err(unsigned)?;
        self.room.send_ahead(act).await.map(Some).map_err(crate::cli::context::lost)
    }

    /// Writes a note.
    ///
    /// # Errors
    /// As [`Seat::act`].
    pub async fn note(&mut self, text: &str) -> Result<u64> {
        let (part, payload) = crate::client::session::payload(text.as_bytes()).map_err(unsigned)?;
        self.act_with(Intent::Note { payload }, vec![part]).await
    }

    /// What it is made of, for somebody who goes on differently.
    ///
    /// # Errors
    /// When it has not joined.
    pub fn into_parts(self) -> Result<(Room, PersonId, Signer, Session)> {
        let none = || Failure::new(Kind::Internal, "there is no session");
        Ok((self.room, self.person, self.signer, self.session.ok_or_else(none)?))
    }

    /// Drafts an answer at a gate.
    ///
    /// # Errors
    /// When the gate has no open request.
    pub fn draft(&self, gate: &StepId, role: &RoleName, how: Answering, reason: &str) -> Result<Draft> {
        let key = self.signer.fingerprint();
        answer::at_gate(&self.room.mirror, &self.person, &key, gate, role, how, reason)
            .map_err(|e| Failure::refused("there is nothing to sign").because(e))
    }

    /// Drafts the close statement.
    ///
    /// # Errors
    /// When its text would be too long.
    pub fn draft_close(&self, reason: &str) -> Result<Draft> {
        let key = self.signer.fingerprint();
        answer::closing(&self.room.mirror, &self.person, &key, reason)
            .map_err(|e| Failure::refused("there is nothing to sign").because(e))
    }

    /// Drafts the offer of command.
    ///
    /// # Errors
    /// When its text would be too long.
    pub fn draft_offer(&self, to: &PersonId) -> Result<Draft> {
        let key = self.signer.fingerprint();
        answer::offer(&self.room.mirror, &self.person, &key, to, context::now())
            .map_err(|e| Failure::refused("there is nothing to sign").because(e))
    }

    /// Drafts the statement for an intent about command or a removal.
    ///
    /// # Errors
    /// When it is about something that is not there.
    pub fn draft_of(&self, intent: Intent) -> Result<Draft> {
        answer::of_intent(&self.room.mirror, &self.person, intent)
            .map_err(|e| Failure::refused("there is nothing to sign").because(e))
    }

    /// Shows a draft, asks unless told not to, signs exactly what was shown, and hands it in.
    ///
    /// # Errors
    /// When the person says no or cannot be asked, the key does not sign, or the rules refuse.
    pub async fn sign_shown(&mut self, draft: Draft, consent: Consent) -> Result<u64> {
        say(&format!("You sign this text with {}:\n\n{}", self.signer.fingerprint(), draft.text));
        if !consent.yes {
            // Silence is no consent: a script says that nobody is to be asked.
            if !std::io::stdin().is_terminal() {
                return Err(Failure::usage("nothing was signed: nobody can be asked here")
                    .hint("read the text above, then say --yes"));
            }
            say("Type `sign` to sign it, anything else to leave it:");
            let mut line = String::new();
            let read = std::io::stdin().lock().read_line(&mut line);
            if read.is_err() || line.trim() != "sign" {
                return Err(Failure::new(Kind::No, "nothing was signed"));
            }
        }
        let log = self.room.mirror.incident.log().to_owned();
        let session = self.session.as_mut();
        let act = answer::sign(draft, &log, &self.signer, session, context::display()).map_err(unsigned)?;
        self.submit(act).await
    }

    /// The one role a gate asks for that this person has.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub fn role_for(&self, gate: &StepId, how: Answering) -> Result<RoleName> {
        role_for(&self.room.mirror.incident, &self.person, gate, how)
    }

    /// Takes the seats asked for, as far as the rules allow; says which were refused.
    ///
    /// # Errors
    /// When nothing can be recorded any more.
    pub async fn assume(&mut self, roles: &[RoleName]) -> Result<()> {
        for role in roles {
            if self.room.mirror.incident.holds(&self.person, role.as_str()) {
                continue;
            }
            match self.act(Intent::Assume { role: role.clone() }).await {
                Ok(_) => {}
                Err(refused) if refused.kind == Kind::Refused => say(&refused.to_string()),
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }

    /// Leaves the room.
    pub async fn leave(&mut self) {
        let Some(id) = self.session.as_ref().map(|s| s.id().clone()) else { return };
        // The hub notes a lost connection by itself: leaving politely is a courtesy that may fail.
        let _ = self.act(Intent::Leave { session: id, how: Leaving::Left }).await;
    }

    async fn submit(&mut self, act: Act) -> Result<u64> {
        handed_in(&mut self.room, act).await
    }
}

/// The one role a gate asks for that this person has.
///
/// # Errors
/// When there is none, or more than one.
pub fn role_for(incident: &Incident, person: &PersonId, gate: &StepId, how: Answering) -> Result<RoleName> {
    let rule = incident
        .gate_rule(gate)
        .ok_or_else(|| Failure::usage(format!("`{gate}` is not a hold point of this runbook")))?;
    let override_ = incident.runbook.declare.override_.as_ref();
    let require = match how {
        Answering::Override => override_.map_or(&[][..], |o| o.require.as_slice()),
        Answering::Approve | Answering::Deny => rule.require,
    };
    let mut roles: Vec<&str> = require.iter().map(|r| r.role.as_str()).collect();
    roles.dedup();
    let fits = |role: &&&str| incident.holds(person, role) || incident.team.may_take(person, role);
    let mine: Vec<&&str> = roles.iter().filter(fits).collect();
    match mine.as_slice() {
        [one] => RoleName::parse(**one).map_err(|e| Failure::usage(e.to_string())),
        [] => Err(Failure::refused(format!(
            "`{gate}` asks for {}; `{}` is none of these",
            roles.join(", "),
            person
        ))),
        [_, _, ..] => Err(Failure::usage(format!("`{gate}` asks for several of your roles")).hint(format!(
            "say which with --role: {}",
            mine.iter().map(|r| **r).collect::<Vec<_>>().join(", ")
        ))),
    }
}

/// Hands an act in; the number of its event.
///
/// # Errors
/// When the rules refuse, or it could not be written.
pub async fn handed_in(room: &mut Room, act: Act) -> Result<u64> {
    match room.submit(act).await.map_err(context::lost)? {
        ActResult::Recorded { seq } => Ok(seq),
        ActResult::Refused { why } => Err(Failure::refused(why)),
        ActResult::NotWritten { why } => {
            Err(Failure::environment("it could not be written, so it did not happen").because(why))
        }
    }
}

fn unsigned(why: impl std::fmt::Display) -> Failure {
    Failure::environment("nothing was signed").because(why)
}
