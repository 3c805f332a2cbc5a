//! An incident as people have it: opened, worked and looked at through the program alone.
//! Never reaches past the command line, except to files a person could look at.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;

use super::{Backout, Outcome, Place, Team, head, wait_for, wait_until};

/// Longer than anything here takes on a busy machine; only a failing test waits so long.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A team, its incident, and the headless follower that opened it. Everything dies with it.
pub struct Incident {
    pub id: String,
    opener: Child,
    env: Vec<(String, String)>,
    pub team: Team,
    pub place: Place,
}

impl Incident {
    /// Opens an incident as `who` and waits until its hub serves; nothing when OpenSSH is missing.
    #[track_caller]
    pub fn open(place: Place, team: Team, who: &str, open: &[&str], env: &[(&str, &str)]) -> Incident {
        Incident::open_as(place, team, who, open, env, |command| command)
    }

    /// The same, the opening command changed: run under a tracer, for example.
    #[track_caller]
    pub fn open_as(
        place: Place,
        team: Team,
        who: &str,
        open: &[&str],
        env: &[(&str, &str)],
        how: impl FnOnce(Command) -> Command,
    ) -> Incident {
        let env: Vec<(String, String)> =
            env.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let backout = with(caller(&team, &place, who), &env);
        let (id, opener) = opened(&place, how(backout.command([&["open", "--headless"], open].concat())));
        let incident = Incident { id, opener, env, team, place };
        incident.until("the declaration is asked for", || {
            incident.opened_said("waiting for approval of declare")
        });
        incident
    }

    /// Opens one with these steps in its only phase; ana commands, ben sits as sre, and it is declared.
    #[track_caller]
    pub fn declared(steps: &str) -> Option<Incident> {
        Incident::declared_as(steps, &[])
    }

    /// The same with more arguments for `open`.
    #[track_caller]
    pub fn declared_as(steps: &str, open: &[&str]) -> Option<Incident> {
        let incident = Incident::undeclared(steps, open)?;
        incident.ok("ben", &["assume", "sre"]);
        incident.ok("ana", &["approve", "declare", "--yes"]);
        incident.until("it is declared", || incident.status()["stage"] == "declared");
        Some(incident)
    }

    /// The same, with ana in her seat and nothing else done.
    #[track_caller]
    pub fn undeclared(steps: &str, open: &[&str]) -> Option<Incident> {
        let place = Place::new();
        let team = Team::gather(&place)?;
        place.write("ws/runbooks/test.yaml", runbook(steps));
        let env = [("TEST_TOKEN", SECRET)];
        Some(Incident::open(place, team, "ana", &[&["runbooks/test.yaml"], open].concat(), &env))
    }

    /// After this one has ended: another one of the same runbook, declared like the first. It is this one from now on.
    #[track_caller]
    pub fn another(&mut self) {
        self.opener_ends();
        let command = self.backout("ana").command(["open", "--headless", "runbooks/test.yaml"]);
        (self.id, self.opener) = opened(&self.place, command);
        self.ok("ben", &["assume", "sre"]);
        self.until("its declaration is asked for", || self.opened_said("waiting for approval of declare"));
        self.ok("ana", &["approve", "declare", "--yes"]);
        self.until("it is declared", || self.status()["stage"] == "declared");
    }

    /// The program as this person calls it.
    pub fn backout(&self, who: &str) -> Backout {
        with(caller(&self.team, &self.place, who), &self.env)
    }

    /// Acts on the incident: the verb, then what follows the incident's id.
    #[track_caller]
    pub fn act(&self, who: &str, act: &[&str]) -> Outcome {
        let (verb, rest) = act.split_first().unwrap();
        self.backout(who).run([&[*verb, self.id.as_str()], rest].concat())
    }

    /// Acts, and it is recorded.
    #[track_caller]
    pub fn ok(&self, who: &str, act: &[&str]) -> Outcome {
        self.act(who, act).exits(0)
    }

    /// Acts, and the rules refuse it with these words.
    #[track_caller]
    pub fn refused(&self, who: &str, act: &[&str], why: &str) {
        let outcome = self.act(who, act).exits(4);
        assert!(outcome.stderr.contains(why), "{act:?} was refused with other words: {}", outcome.stderr);
    }

    /// Starts a step and waits until it has succeeded.
    #[track_caller]
    pub fn does(&self, who: &str, step: &str) {
        self.until_step(step, "ready");
        self.ok(who, &["start", step]);
        self.until_step(step, "succeeded");
    }

    /// What `status --json` says.
    #[track_caller]
    pub fn status(&self) -> Value {
        let outcome = self.backout("ana").run(["status", &self.id, "--json"]).exits(0);
        serde_json::from_str(&outcome.stdout).unwrap()
    }

    /// What `status --json` says about a step.
    #[track_caller]
    pub fn step(&self, id: &str) -> Value {
        let status = self.status();
        let found = status["steps"].as_array().unwrap().iter().find(|s| s["id"] == id).cloned();
        found.unwrap_or_else(|| panic!("no step {id}: {status}"))
    }

    /// Waits until a step is in this state, and gives its detail.
    #[track_caller]
    pub fn until_step(&self, id: &str, word: &str) -> String {
        wait_for(&format!("{id} is {word}"), PATIENCE, || {
            let status = self.status();
            let steps = status["steps"].as_array().unwrap();
            let step = steps.iter().find(|s| s["id"] == id).unwrap_or_else(|| panic!("no step {id}"));
            if step["status"] == word {
                return Ok(step["detail"].as_str().unwrap().to_owned());
            }
            let all = steps.iter().map(|s| format!("{} {} {}", s["id"], s["status"], s["detail"]));
            Err(all.collect::<Vec<_>>().join("\n"))
        })
    }

    /// Waits for something.
    #[track_caller]
    pub fn until(&self, what: &str, is: impl FnMut() -> bool) {
        wait_until(what, PATIENCE, is);
    }

    /// Whether the opener's terminal has shown this.
    pub fn opened_said(&self, words: &str) -> bool {
        let read = |name: &str| std::fs::read_to_string(self.place.join(name)).unwrap();
        read("open.out").contains(words) || read("open.err").contains(words)
    }

    /// Exit code of the follower that opened the incident.
    #[track_caller]
    pub fn opener_ends(&mut self) -> Option<i32> {
        let opener = &mut self.opener;
        wait_for("the opener's terminal ends", PATIENCE, || {
            opener.try_wait().unwrap().map(|s| s.code()).ok_or_else(|| "it runs".to_owned())
        })
    }

    /// Its terminal goes away: the signal that a dead terminal sends, to everything in it.
    pub fn hang_up_the_opener(&mut self) {
        kill_process_group(Pid::from_child(&self.opener), Signal::HUP).unwrap();
        self.opener.wait().unwrap();
    }

    /// The incident's folder.
    pub fn dir(&self) -> PathBuf {
        self.place.join("home/state/backout/incidents").join(&self.id)
    }

    /// A file of the workspace.
    pub fn file(&self, name: &str) -> PathBuf {
        self.team.workspace.join(name)
    }

    /// How many lines a file of the workspace has; none when it is not there.
    pub fn lines(&self, name: &str) -> usize {
        std::fs::read_to_string(self.file(name)).map_or(0, |text| text.lines().count())
    }

    /// The record's events of one kind.
    pub fn recorded(&self, kind: &str) -> Vec<Value> {
        let files = backout::timeline::segment::present(&self.dir()).into_iter();
        let files = files.map(|k| self.dir().join(backout::timeline::segment::name(k)));
        let text: String = files.map(|file| std::fs::read_to_string(file).unwrap()).collect();
        let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events.filter(|e| e["kind"] == kind).collect()
    }

    /// What the hub noted, oldest first.
    pub fn notes(&self) -> Vec<String> {
        use base64::Engine as _;
        let noted = self.recorded("note.added");
        let noted: Vec<&Value> = noted.iter().filter(|e| e["actor"] == "hub").collect();
        let text = std::fs::read_to_string(self.dir().join("payloads.jsonl")).unwrap_or_default();
        let parts: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let said = noted.iter().filter_map(|e| {
            let part = parts.iter().find(|p| p["seq"] == e["seq"])?;
            let bytes = base64::engine::general_purpose::STANDARD.decode(part["data"].as_str()?).ok()?;
            String::from_utf8(bytes).ok()
        });
        said.collect()
    }

    /// The hub's process.
    pub fn hub(&self) -> Pid {
        let text = std::fs::read_to_string(self.dir().join("hub.pid")).unwrap();
        Pid::from_raw(text.trim().parse().unwrap()).unwrap()
    }

    /// Sends the hub a signal and waits until `status` says that it is gone.
    #[track_caller]
    pub fn end_hub(&self, signal: Signal) {
        kill_process(self.hub(), signal).unwrap();
        self.until("the hub is gone", || self.status()["hub"] == "not running");
    }

    /// Starts its hub again.
    #[track_caller]
    pub fn resume(&self) -> Outcome {
        self.backout("ana").run(["resume", &self.id, "--headless"])
    }

    /// Closes the incident as ana.
    #[track_caller]
    pub fn close(&self) {
        self.ok("ana", &["close", "--reason", "done", "--yes"]);
    }
}

impl Drop for Incident {
    fn drop(&mut self) {
        let _ = self.opener.kill();
        let _ = self.opener.wait();
    }
}

/// Runs `open` and waits until its hub serves.
#[track_caller]
fn opened(place: &Place, mut command: Command) -> (String, Child) {
    let out = File::create(place.join("open.out")).unwrap();
    let err = File::create(place.join("open.err")).unwrap();
    command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0);
    let mut opener = command.spawn().unwrap();
    let said = || std::fs::read_to_string(place.join("open.err")).unwrap();
    let id = wait_for("the incident is open", PATIENCE, || {
        let said = said();
        assert!(opener.try_wait().unwrap().is_none(), "`open` ended: {said}");
        let id = said.split_once("incident ").and_then(|(_, rest)| rest.split_once(" is open"));
        id.map(|(id, _)| id.to_owned()).ok_or(said)
    });
    (id, opener)
}

fn caller(team: &Team, place: &Place, who: &str) -> Backout {
    let person = [&team.ana, &team.ben, &team.cho].into_iter().find(|p| p.id == who);
    team.backout(place, person.unwrap_or_else(|| panic!("nobody is called {who}")))
}

fn with(backout: Backout, env: &[(String, String)]) -> Backout {
    env.iter().fold(backout, |backout, (name, value)| backout.env(name.as_str(), value))
}

/// What the secret of [`runbook`] is answered with.
pub const SECRET: &str = "hunter2-is-nowhere-to-be-found";

/// A runbook with these steps in one phase.
pub fn runbook(steps: &str) -> String {
    let indented: String = steps.lines().map(|line| format!("      {line}\n")).collect();
    [
        concat!(
            head!("deploy"),
            "params:
  token: {secret: true, prompt: Token, env: TEST_TOKEN, required: true}
  word: {prompt: Word, default: plain}
roles:
  commander: {required: true}
  sre: {min: 1}
declare:
  require: [{role: commander, count: 1}]
  expires: 15m
phases:
  - name: Act
    steps:
"
        ),
        &indented,
    ]
    .concat()
}

/// Every regular file below that holds these bytes.
pub fn files_with(below: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(below).unwrap().flatten() {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(files_with(&entry.path(), bytes));
        } else if kind.is_file() {
            let text = std::fs::read(entry.path()).unwrap_or_default();
            if text.windows(bytes.len()).any(|window| window == bytes) {
                found.push(entry.path());
            }
        }
    }
    found
}
