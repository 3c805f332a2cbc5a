//! A workspace of one person whose runbook does nothing many times, and the program that runs it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// Where one incident is played.
pub struct Room {
    place: tempfile::TempDir,
}

impl Room {
    /// A workspace whose runbook has so many steps of `/bin/true`. `None` without `ssh-keygen`, which makes the key.
    pub fn new(steps: usize) -> Option<Room> {
        Room::with(&runbook(steps, ""), "sources: {}\n")
    }

    /// A workspace whose runbook has so many hold points, each before a step of `/bin/true`.
    pub fn of_hold_points(count: usize) -> Option<Room> {
        let one = |n| {
            format!(
                "      - id: h{n}
        approve: {{require: [{{role: sre, count: 1}}], expires: 1h, covers: [s{n}], separation_of_duties: []}}
      - {{id: s{n}, run: [/bin/true], timeout: 30s, role: sre}}\n"
            )
        };
        let all: String = (1..=count).map(one).collect();
        Room::with(&format!("{}{all}", runbook(0, "")), "sources: {}\n")
    }

    /// The same with four measurements that move every second.
    pub fn measured() -> Option<Room> {
        let curve =
            |n| format!("m{n}: {{points: [[0s, 0.{n}], [2m, 0.9], [4m, 0.{n}], [10m, 0.7]], noise: 0.05}}");
        let curves: Vec<String> = (1..=4).map(curve).collect();
        let sources =
            format!("sources:\n  drill: {{simulated: {{seed: 7, curves: {{{}}}}}}}\n", curves.join(", "));
        let metric = |n| {
            format!(
                "  m{n}: {{title: Measurement {n}, source: drill, query: m{n}, unit: ratio, better: lower, \
                 warn: 0.6, critical: 0.95, every: 1s}}\n"
            )
        };
        let metrics: String = (1..=4).map(metric).collect();
        Room::with(&runbook(3, &format!("metrics:\n{metrics}")), &sources)
    }

    fn with(runbook: &str, workspace: &str) -> Option<Room> {
        let place = super::folder();
        let key = place.path().join("id");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "me", "-f"])
            .arg(&key)
            .status();
        if !made.is_ok_and(|status| status.success()) {
            return None;
        }
        let room = Room { place };
        std::fs::create_dir_all(room.workspace().join("runbooks")).unwrap();
        let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
        room.write("backout.yaml", workspace);
        room.write("team.yaml", "people:\n  - {id: me, name: Me, roles: [commander, sre]}\n");
        room.write("allowed_signers", &format!("me {public}"));
        room.write("runbooks/many.yaml", runbook);
        Some(room)
    }

    fn workspace(&self) -> PathBuf {
        self.place.path().join("workspace")
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.workspace().join(name), text).unwrap();
    }

    /// The one person's key file.
    pub fn key(&self) -> PathBuf {
        self.place.path().join("id")
    }

    /// Where its incident is.
    pub fn state(&self) -> PathBuf {
        self.place.path().join("state")
    }

    /// The program, as the one person.
    pub fn backout(&self) -> Command {
        let mut command = Command::new(super::PROGRAM);
        command.current_dir(self.workspace()).env("BACKOUT_STATE", self.place.path().join("state"));
        command.env("XDG_RUNTIME_DIR", self.place.path()).env_remove("SSH_AUTH_SOCK");
        command.arg("--key").arg(self.place.path().join("id")).stdin(Stdio::null());
        command
    }

    /// Opens the incident, headless, starting by itself what is ready.
    pub fn open(&self) -> Follower {
        self.opened(&["--advance"])
    }

    /// Opens the incident, headless; nothing starts by itself.
    pub fn open_still(&self) -> Follower {
        self.opened(&[])
    }

    fn opened(&self, more: &[&str]) -> Follower {
        let mut command = self.backout();
        command.args(["open", "runbooks/many.yaml", "--headless"]).args(more);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Follower { child, lines }
    }

    /// The one incident's folder.
    pub fn incident(&self) -> PathBuf {
        let mut all = std::fs::read_dir(self.place.path().join("state/incidents")).unwrap();
        all.next().unwrap().unwrap().path()
    }

    /// Acts on the one incident.
    pub fn act(&self, verb: &str, rest: &[&str]) {
        let incident = self.incident();
        let id = incident.file_name().unwrap();
        let mut command = self.backout();
        command.arg(verb).arg(id).args(rest).arg("--yes").stdout(Stdio::null()).stderr(Stdio::piped());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{verb}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Whoever follows the incident headless.
pub struct Follower {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Follower {
    /// Reads on until a line holds this.
    pub fn wait_for(&mut self, text: &str) {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "the incident ended without `{text}`");
        }
    }

    /// Waits for its own end, after the incident was closed.
    pub fn wait(mut self) {
        std::io::copy(&mut self.lines, &mut std::io::sink()).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

/// How many lines of the incident's record are events of this kind.
pub fn events(incident: &Path, kind: &str) -> usize {
    let text = std::fs::read_to_string(incident.join("timeline.jsonl")).unwrap();
    text.lines().filter(|line| line.contains(&format!(r#""kind":"{kind}""#))).count()
}

fn runbook(steps: usize, metrics: &str) -> String {
    let head = "backout: 1
id: many
title: Many steps
class: deploy
service: web
environment: staging
owners: [team-web]
summary: Steps that do nothing.
does_not_undo: Nothing.
objectives: {rto: 10m, rpo: 0s}
roles:
  commander: {required: true}
  sre: {min: 1}
declare:
  require: [{role: commander, count: 1}]
  expires: 15m
phases:
  - name: Act
    steps:
";
    let step = |n| format!("      - {{id: s{n}, run: [/bin/true], timeout: 30s, role: sre}}\n");
    let all: String = (1..=steps).map(step).collect();
    let (before, after) = head.split_once("declare:").unwrap();
    format!("{before}{metrics}declare:{after}{all}")
}
