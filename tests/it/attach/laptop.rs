//! From a laptop: the console and the key stay there, and the record's lines come over a real ssh.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{Backout, Daemon, Incident, Outcome, PATIENCE, Place, Sshd, need, wait_for};

/// Somebody's own machine: another home, no state, and an `ssh` that knows the bastion as `box`.
pub struct Laptop {
    pub place: Place,
    sshd: Sshd,
}

impl Laptop {
    pub fn new(incident: &Incident) -> Option<Laptop> {
        let place = Place::new();
        let state = incident.place.join("home/state/backout");
        let there = format!(
            "SetEnv PATH={}:/usr/bin:/bin XDG_STATE_HOME={} BACKOUT_STATE={}\n",
            PathBuf::from(env!("CARGO_BIN_EXE_backout")).parent().unwrap().display(),
            incident.place.join("home/state").display(),
            state.display()
        );
        let sshd = Sshd::start_with(&place, &incident.team.ana.key, &there)?;
        let ssh = need("ssh")?;
        let wrapper = format!("#!/bin/sh\nexec {} -F {} \"$@\"\n", ssh.display(), sshd.config().display());
        let script = place.write("bin/ssh", wrapper);
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        Some(Laptop { place, sshd })
    }

    /// Stock ssh to the bastion.
    pub fn ssh(&self, command: &str, input: &[u8]) -> Outcome {
        ssh(self.sshd.config(), &["box", command], input)
    }

    fn backout(&self, incident: &Incident, who: &str) -> Backout {
        let person = [&incident.team.ana, &incident.team.ben].into_iter().find(|p| p.id == who).unwrap();
        let path = format!("{}:/usr/bin:/bin", self.place.join("bin").display());
        Backout::new(&self.place).env("PATH", path).env("SSH_AUTH_SOCK", person.agent.socket())
    }
}

/// Stock ssh with this configuration.
pub fn ssh(config: &Path, words: &[&str], input: &[u8]) -> Outcome {
    let mut command = Command::new("ssh");
    command.arg("-F").arg(config).args(words);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // What ends without reading its input is no failure.
    let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), input);
    let output = child.wait_with_output().unwrap();
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn over_ssh_the_record_comes_here_and_the_key_stays_here() {
    let Some(incident) = Incident::undeclared("- {id: act, run: [touch, acted], timeout: 10s}", &[]) else {
        return;
    };
    let Some(laptop) = Laptop::new(&incident) else { return };
    let ana = laptop.backout(&incident, "ana");
    ana.run(["--via", "ssh://box", "approve", &incident.id, "declare", "--yes"]).exits(0);
    incident.until("it is declared", || incident.status()["stage"] == "declared");
    let granted = &incident.recorded("approval.granted")[0];
    assert_eq!(granted["auth"]["display"], "local", "{granted}");
    // An observer sees it live and needs no key.
    let seen = laptop.place.join("seen");
    let mut observer = laptop
        .backout(&incident, "ana")
        .env("SSH_AUTH_SOCK", "/nonexistent")
        .command(["--via", "ssh://box", "join", "--observe", "--plain", &incident.id])
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(&seen).unwrap())
        .spawn()
        .unwrap();
    incident.ok("ben", &["note", "written on the bastion"]);
    wait_for("the note crosses the wire", PATIENCE, || {
        let seen = std::fs::read_to_string(&seen).unwrap();
        if seen.contains("ben note.added") { Ok(()) } else { Err(seen) }
    });
    observer.kill().unwrap();
    observer.wait().unwrap();
}

#[test]
fn over_ssh_every_trouble_has_its_words() {
    let Some(incident) = Incident::undeclared("- {id: act, run: [touch, acted], timeout: 10s}", &[]) else {
        return;
    };
    let Some(laptop) = Laptop::new(&incident) else { return };
    let says = |args: &[&str], words: &str| {
        let outcome = laptop.backout(&incident, "ana").run(args).exits(3);
        assert!(outcome.stderr.contains(words), "{args:?}: {}", outcome.stderr);
    };
    says(&["--via", "ssh://box", "note", "7ZZZZ", "x"], "there is no incident `7ZZZZ`");
    says(&["--via", "ssh://box/nowhere", "note", &incident.id, "x"], "there is no incident");
    says(&["--via", "ssh://127.0.0.1:1", "note", &incident.id, "x"], "Connection refused");
    incident.end_hub(rustix::process::Signal::KILL);
    says(&["--via", "ssh://box", "note", &incident.id, "x"], "no hub runs");
}

#[test]
fn a_forwarded_socket_is_a_way_in() {
    let Some(incident) = Incident::undeclared("- {id: act, run: [touch, acted], timeout: 10s}", &[]) else {
        return;
    };
    let Some(laptop) = Laptop::new(&incident) else { return };
    let here = laptop.place.join("hub");
    let forward = format!("{}:{}", here.display(), incident.dir().join("hub.sock").display());
    let mut ssh = Daemon::command(need("ssh").unwrap(), None);
    ssh.arg("-F").arg(laptop.sshd.config()).args(["-N", "-L", &forward, "box"]);
    let mut ssh = Daemon::start("ssh -L", ssh, &laptop.place.join("forward.log"));
    wait_for("the socket is forwarded", PATIENCE, || if here.exists() { Ok(()) } else { Err(ssh.state()) });
    let here = here.to_str().unwrap();
    let ana = laptop.backout(&incident, "ana");
    ana.run(["approve", here, "declare", "--yes"]).exits(0);
    ana.run(["--socket", here, "note", "-", "by name"]).exits(0);
    incident.until("it is declared", || incident.status()["stage"] == "declared");
    drop(ssh);
    let outcome = ana.run(["approve", here, "declare", "--yes"]).exits(3);
    assert!(outcome.stderr.contains("ssh -L"), "{}", outcome.stderr);
}

#[test]
fn what_ssh_runs_there_carries_bytes_and_nothing_else() {
    let Some(incident) = Incident::undeclared("- {id: act, run: [touch, acted], timeout: 10s}", &[]) else {
        return;
    };
    // Garbage in gets the hub's own answer: the connection ends, and the room goes on.
    let mut command: Command = incident.backout("ana").command(["stdio", &incident.id]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), &[0xff; 64]).unwrap();
    let mut said = Vec::new();
    std::io::Read::read_to_end(child.stdout.as_mut().unwrap(), &mut said).unwrap();
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("you are let go: it announced a frame of more than"), "{said:?}");
    assert!(!said.contains("runbook"), "and nothing of the room: {said:?}");
    child.wait().unwrap();
    incident.ok("ana", &["note", "still here"]);
}
