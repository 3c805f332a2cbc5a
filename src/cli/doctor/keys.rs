//! The agent and the keys in it, up to a signature that it really makes. Never signs anything that means something.

use super::Report;
use crate::cli::args::Args;
use crate::identity::agent::{self, Agent, AgentError};
use crate::identity::key::{Presented, PublicKey};
use crate::identity::signer::{SignError, Signer};
use crate::identity::{AllowedSigners, keyfile};
use crate::workspace::Workspace;

const AREA: &str = "keys";
/// A purpose that nothing accepts.
const NAMESPACE: &str = "doctor.v1@backout";
/// How to have a key that counts.
const NEW_KEY: &str = "make one that counts: ssh-keygen -t ed25519";

pub(super) fn look(args: &Args, workspace: Option<&Workspace>, report: &mut Report) {
    let signers = workspace.map(|w| AllowedSigners::parse(&w.files.allowed_signers));
    let held = from_agent(report);
    if let Some(path) = &args.key {
        match keyfile::public_part(path) {
            Some(key) => report.works(AREA, format!("{} holds {key}", path.display())),
            None => report.remark(
                AREA,
                format!("{} does not show its public key", path.display()),
                "put the .pub file beside it",
            ),
        }
    }
    let Some(signers) = signers else { return };
    let (weak, held): (Vec<Signer>, Vec<Signer>) =
        held.into_iter().partition(|s| short(s.presented()).is_some());
    let mut mine = held.into_iter().filter(|s| !signers.principals_of(s.presented()).is_empty()).peekable();
    let none = mine.peek().is_none();
    for signer in &weak {
        let presented = signer.presented();
        let bits = short(presented).unwrap_or_default();
        let what = format!("{presented} is RSA with {bits} bits; fewer than 3072 do not count");
        match none {
            true => report.broken(AREA, what, NEW_KEY),
            false => report.remark(AREA, what, NEW_KEY),
        }
    }
    if none && weak.is_empty() && args.key.is_none() {
        report.broken(
            AREA,
            "allowed_signers lists none of your keys: you can look on, and sign nothing",
            "its owner adds a line: your id, then what `ssh-add -L` prints; or name a key file with --key",
        );
    }
    for signer in mine {
        let people = signers.principals_of(signer.presented());
        let people: Vec<String> =
            people.iter().map(|p| crate::sanitize::unmistakable(p).into_string()).collect();
        let people = people.join(", ");
        try_it(&signer, &people, report);
    }
}

/// The agent's keys that this version can use.
fn from_agent(report: &mut Report) -> Vec<Signer> {
    let socket = match agent::socket_from_environment() {
        Ok(socket) => socket,
        Err(e) => {
            report.remark(AREA, e.to_string(), "or sign with a key file: --key ~/.ssh/id_ed25519");
            return Vec::new();
        }
    };
    let listed = Agent::connect(&socket).and_then(|mut agent| agent.list());
    let keys = match listed {
        Ok(keys) => keys,
        Err(e) => {
            report.broken(AREA, e.to_string(), "start an agent: eval $(ssh-agent) && ssh-add");
            return Vec::new();
        }
    };
    if keys.is_empty() {
        report.broken(
            AREA,
            "your ssh-agent holds no key, or is locked",
            "ssh-add, and type its passphrase; or ssh-add -X, if it is locked",
        );
    }
    let mut held = Vec::new();
    for key in keys {
        match key.presented {
            Ok(presented) => {
                held.push(Signer::Agent { socket: socket.clone(), presented, comment: key.comment })
            }
            Err(e) => report.remark(
                AREA,
                format!("the agent's key {} cannot be used: {e}", key.comment),
                "use an ed25519 key",
            ),
        }
    }
    held
}

/// Signs a text that means nothing: a key that asks for a confirmation asks for it now and not at 3 a.m.
fn try_it(signer: &Signer, people: &str, report: &mut Report) {
    let presented = signer.presented();
    if is_token(presented) {
        report.works(AREA, format!("{presented} signs for {people}; touch it when it blinks (not tried)"));
        return;
    }
    match signer.sign(NAMESPACE, b"backout doctor: this signature means nothing\n") {
        Ok(_) => report.works(AREA, format!("{presented} signs for {people}")),
        Err(SignError::Agent(e @ AgentError::Refused { .. })) => report.broken(
            AREA,
            format!("{presented} of {people} does not sign: {e}"),
            "unlock the agent, give it an askpass (SSH_ASKPASS) for keys of `ssh-add -c`, or add a key without -h",
        ),
        Err(e) => report.broken(AREA, format!("{presented} of {people} does not sign: {e}"), "ssh-add it again"),
    }
}

/// The bits of an RSA key that has too few.
fn short(presented: &Presented) -> Option<usize> {
    presented.key().rsa_bits().filter(|bits| *bits < 3072)
}

fn is_token(presented: &Presented) -> bool {
    matches!(presented.key(), PublicKey::SkEd25519 { .. } | PublicKey::SkEcdsa { .. })
}
