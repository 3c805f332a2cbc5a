//! A machine with several real accounts, a workspace and an incident that one of them opened.

use std::os::unix::fs::chown;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use crate::support::{Accounts, Backout, Outcome, PATIENCE, Place, head, need, wait_for, wait_until};

/// A machine, its people, and ana's incident on it.
pub struct Bastion {
    pub id: String,
    pub state: PathBuf,
    pub dir: PathBuf,
    opener: Child,
    pub people: Accounts,
    pub place: Place,
}

const RUNBOOK: &str = concat!(
    head!("deploy"),
    "roles:
  commander: {required: true}
  sre: {min: 1}
declare:
  require: [{role: sre, count: 1}]
  expires: 15m
  override: {require: [{role: commander, count: 1}], reason: required}
phases:
  - name: Act
    steps:
      - {id: act, run: [touch, acted], timeout: 10s, role: sre}
"
);

/// How the state is kept.
pub enum State {
    /// In a folder that an administrator shares with the group.
    OfTheGroup,
    /// In ana's own folder outside her home, closed to everybody.
    AnasOwn,
}

impl Bastion {
    /// ana and bob share a group, eve is not in it; ana opens an incident.
    #[track_caller]
    pub fn open(state: State) -> Option<Bastion> {
        if matches!(state, State::AnasOwn) {
            // What invites somebody into a folder that is not a group's.
            need("setfacl")?;
        }
        let place = Place::new();
        let people = Accounts::make(&place, &["ana", "bob", "eve"], 2)?.with_agents()?;
        let state = match state {
            State::OfTheGroup => people.shared(&place, "srv"),
            State::AnasOwn => people.folder(&place, "own", "ana", 0o700),
        };
        let ws = people.folder(&place, "ws", "ana", 0o755);
        place.write("ws/runbooks/test.yaml", RUNBOOK);
        place.write(
            "ws/team.yaml",
            "people:\n  - {id: ana, name: Ana, roles: [commander]}\n  - {id: bob, name: Bob, roles: [sre]}\n",
        );
        place.write("ws/allowed_signers", people.line("ana") + &people.line("bob"));
        place.write("ws/backout.yaml", "sources: {}\nchannels: {}\n");
        chown(ws.join("runbooks"), Some(people.of("ana").uid), None).unwrap();
        let said = place.join("open.err");
        let mut command = people.backout(&place, "ana").inside(&ws).env("BACKOUT_STATE", &state).command([
            "open",
            "--headless",
            "runbooks/test.yaml",
        ]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(std::fs::File::create(&said).unwrap());
        let mut opener = command.spawn().unwrap();
        let id = wait_for("the incident is open", PATIENCE, || {
            let said = std::fs::read_to_string(&said).unwrap();
            assert!(opener.try_wait().unwrap().is_none(), "`open` ended: {said}");
            let id = said.split_once("incident ").and_then(|(_, rest)| rest.split_once(" is open"));
            id.map(|(id, _)| id.to_owned()).ok_or(said)
        });
        let dir = state.join("incidents").join(&id);
        let bastion = Bastion { id, state, dir, opener, people, place };
        bastion.until("the declaration is asked for", "approval.requested");
        Some(bastion)
    }

    /// The program as one of them calls it.
    pub fn backout(&self, who: &str) -> Backout {
        self.people.backout(&self.place, who).env("BACKOUT_STATE", &self.state)
    }

    /// Runs a verb on the incident as one of them.
    #[track_caller]
    pub fn act(&self, who: &str, act: &[&str]) -> Outcome {
        let (verb, rest) = act.split_first().unwrap();
        self.backout(who).run([&[*verb, self.id.as_str()], rest].concat())
    }

    /// The record, as root sees it.
    pub fn record(&self) -> String {
        std::fs::read_to_string(self.dir.join("timeline.jsonl")).unwrap()
    }

    /// Waits for words in the record.
    #[track_caller]
    pub fn until(&self, what: &str, words: &str) {
        wait_until(what, PATIENCE, || self.record().contains(words));
    }
}

impl Drop for Bastion {
    fn drop(&mut self) {
        let _ = self.opener.kill();
        let _ = self.opener.wait();
    }
}
