//! A workspace and its people, each with a real key in a real agent. Never asks who runs the tests.

use std::path::{Path, PathBuf};

use super::ssh::{Agent, KeyKind, make_key};
use super::{Backout, Place};

/// One person.
pub struct Person {
    /// The id in `team.yaml` and the principal in `allowed_signers`.
    pub id: &'static str,
    /// The key file.
    pub key: PathBuf,
    /// The agent that holds the key.
    pub agent: Agent,
}

/// A workspace with `ana` (commander), `ben` (dba and sre) and `cho` (operator and communications).
pub struct Team {
    /// The workspace's folder.
    pub workspace: PathBuf,
    /// Commander; Ed25519.
    pub ana: Person,
    /// Database administrator; ECDSA.
    pub ben: Person,
    /// Operator and communications; RSA.
    pub cho: Person,
}

const PEOPLE: [(&str, &str, &str, KeyKind); 3] = [
    ("ana", "Ana Reyes", "commander, executive", KeyKind::Ed25519),
    ("ben", "Ben Okafor", "dba, sre", KeyKind::Ecdsa),
    ("cho", "Cho Min-ji", "operator, communications, sre", KeyKind::Rsa),
];

impl Team {
    /// Makes the workspace in `place/ws`; nothing when OpenSSH is missing.
    pub fn gather(place: &Place) -> Option<Team> {
        let workspace = place.folder("ws");
        let keys = place.folder("keys");
        let mut roster = String::from("people:\n");
        let mut signers = String::new();
        let mut people = Vec::new();
        for (id, name, roles, kind) in PEOPLE {
            let agent = Agent::start(place, id)?;
            let key = keys.join(id);
            make_key(&key, kind, id);
            agent.add(&key);
            let public = std::fs::read_to_string(key.with_added_extension("pub")).unwrap();
            let (algorithm, rest) = public.split_once(' ').unwrap();
            let blob = rest.split_whitespace().next().unwrap();
            signers.push_str(&format!("{id} {algorithm} {blob}\n"));
            roster.push_str(&format!(
                "  - {{id: {id}, name: {name}, roles: [{roles}], contact: {id}@example.com, time_zone: Europe/Berlin}}\n"
            ));
            people.push(Person { id, key, agent });
        }
        place.write("ws/team.yaml", roster);
        place.write("ws/allowed_signers", signers);
        place.write("ws/backout.yaml", "sources: {}\nchannels: {paper: {file: messages.txt}}\n");
        std::fs::create_dir_all(workspace.join("runbooks")).unwrap();
        let mut people = people.into_iter();
        let mut next = || people.next().expect("as many as PEOPLE has");
        Some(Team { workspace, ana: next(), ben: next(), cho: next() })
    }

    /// The roster of keys.
    pub fn allowed_signers(&self) -> PathBuf {
        self.workspace.join("allowed_signers")
    }

    /// Puts a file or a folder of the repository into the workspace under the same name.
    pub fn take_along(&self, name: &str) {
        copy(&repository().join(name), &self.workspace.join(name));
    }

    /// The program as this person would call it: in the workspace, with the person's own agent.
    pub fn backout(&self, place: &Place, person: &Person) -> Backout {
        Backout::new(place).inside(&self.workspace).env("SSH_AUTH_SOCK", person.agent.socket().as_os_str())
    }
}

/// The folder of this repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
    }
}
