//! Picks the key a person signs with. Never picks one that `allowed_signers` does not list.

use std::path::Path;

use super::{SignError, Signer};
use crate::identity::AllowedSigners;
use crate::identity::agent::{Agent, AgentError};
use crate::identity::key::Presented;
use crate::identity::keyfile::{self, AskPassphrase, KeyFile};

impl Signer {
    /// The signer of a principal: the key of the file if one is named, else the first key of the agent that is listed.
    ///
    /// A named key that the agent holds signs there. Plain keys come before certificates, which expire sooner. A locked key file is refused; see
    /// [`Signer::find_asking`].
    ///
    /// # Errors
    /// If there is no agent and no file, or no listed key in them.
    pub fn find(
        principal: &str,
        signers: &AllowedSigners,
        agent_socket: Option<&Path>,
        key_file: Option<&Path>,
    ) -> Result<Signer, SignError> {
        Self::find_asking(principal, signers, agent_socket, key_file, &mut |_| None)
    }

    /// As [`Signer::find`], asking for the passphrase of a locked key file.
    ///
    /// # Errors
    /// If there is no agent and no file, or no listed key in them.
    pub fn find_asking(
        principal: &str,
        signers: &AllowedSigners,
        agent_socket: Option<&Path>,
        key_file: Option<&Path>,
        ask: AskPassphrase<'_>,
    ) -> Result<Signer, SignError> {
        let available = available(agent_socket, key_file, ask)?;
        let held = describe(&available);
        let from_file = available.iter().find_map(|signer| match signer {
            Signer::File(file) => Some((file.path().to_owned(), signer.fingerprint())),
            Signer::Agent { .. } | Signer::Memory(_) => None,
        });
        let principal_owned = principal.to_owned();
        available.into_iter().find(|signer| signers.lists(principal, signer.presented())).ok_or(
            match (key_file, from_file) {
                (Some(_), Some((path, fingerprint))) => {
                    SignError::NotListed { principal: principal_owned, fingerprint, path }
                }
                (_, _) => SignError::NotInAgent { principal: principal_owned, held },
            },
        )
    }

    /// The signer of exactly this key in an agent.
    ///
    /// # Errors
    /// If the agent cannot be reached or does not hold it.
    pub fn of_agent(socket: &Path, wanted: &Presented) -> Result<Signer, SignError> {
        let held = from_agent(socket)?.into_iter().find(|signer| signer.presented() == wanted);
        held.ok_or_else(|| AgentError::NoSuchKey { fingerprint: wanted.key().fingerprint() }.into())
    }

    /// Everyone a person could sign as: each principal once, with the first key that is listed for them.
    ///
    /// # Errors
    /// If there is no agent and no file, or they cannot be used.
    pub fn who_am_i(
        signers: &AllowedSigners,
        agent_socket: Option<&Path>,
        key_file: Option<&Path>,
    ) -> Result<Vec<(String, Signer)>, SignError> {
        let mut people: Vec<(String, Signer)> = Vec::new();
        for signer in available(agent_socket, key_file, &mut |_| None)? {
            for principal in signers.principals_of(signer.presented()) {
                if !people.iter().any(|(known, _)| *known == principal) {
                    let found = Self::find(&principal, signers, agent_socket, key_file)?;
                    people.push((principal, found));
                }
            }
        }
        Ok(people)
    }
}

/// Everything that could sign, in the order of preference.
fn available(
    agent_socket: Option<&Path>,
    key_file: Option<&Path>,
    ask: AskPassphrase<'_>,
) -> Result<Vec<Signer>, SignError> {
    let mut held = match (key_file, agent_socket) {
        (None, None) => return Err(SignError::Nothing),
        (None, Some(socket)) => from_agent(socket)?,
        (Some(_), None) => Vec::new(),
        // As with ssh: a file says which key, and an agent that holds this key spares the passphrase.
        (Some(path), Some(socket)) => match keyfile::public_part(path) {
            Some(wanted) => {
                let mut held = from_agent(socket).unwrap_or_default();
                held.retain(|signer| *signer.presented() == wanted);
                held
            }
            None => Vec::new(),
        },
    };
    if let (Some(path), true) = (key_file, held.is_empty()) {
        held.push(Signer::File(KeyFile::load(path, ask)?));
    }
    held.sort_by_key(|signer| matches!(signer.presented(), Presented::Certificate(_)));
    Ok(held)
}

fn from_agent(socket: &Path) -> Result<Vec<Signer>, SignError> {
    let keys = Agent::connect(socket)?.list()?;
    let usable = keys.into_iter().filter_map(|key| {
        let presented = key.presented.ok()?;
        Some(Signer::Agent { socket: socket.to_owned(), presented, comment: key.comment })
    });
    Ok(usable.collect())
}

fn describe(available: &[Signer]) -> String {
    if available.is_empty() {
        return "no usable key (a locked agent shows none: ssh-add -X unlocks it)".to_owned();
    }
    let each: Vec<String> = available.iter().map(|signer| signer.presented().to_string()).collect();
    each.join(", ")
}
