//! A login that several people share, with the console as its only command; a real sshd says whose key came in.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::bastion::{Bastion, State};
use super::laptop::ssh;
use crate::support::{Outcome, PATIENCE, Sshd, wait_until};

/// bob's account is the shared one; ana and bob come in with their own keys.
struct Captive {
    bastion: Bastion,
    sshd: Sshd,
}

const CLOSED: &str = "AllowTcpForwarding no\n  AllowStreamLocalForwarding no\n  PermitUserRC no\n";

impl Captive {
    fn new(settings: &str) -> Option<Captive> {
        let bastion = Bastion::open(State::OfTheGroup)?;
        let war = bastion.people.of("bob");
        let keys: String = ["ana", "bob", "eve"]
            .map(|id| std::fs::read_to_string(bastion.people.of(id).key.with_added_extension("pub")).unwrap())
            .concat();
        let keys = bastion.place.write("war_keys", keys);
        let more = format!(
            "{settings}Match User {}\n  AuthorizedKeysFile {}\n  ForceCommand {} captive --state {}\n  {CLOSED}",
            war.name,
            keys.display(),
            bastion.people.program.display(),
            bastion.state.display(),
        );
        let sshd = Sshd::start_with(&bastion.place, &bastion.people.of("ana").key, &more)?;
        Some(Captive { bastion, sshd })
    }

    fn config(&self, who: &str) -> PathBuf {
        let text = std::fs::read_to_string(self.sshd.config()).unwrap();
        let ana = self.bastion.people.of("ana").key.display().to_string();
        let own = self.bastion.people.of(who).key.display().to_string();
        self.bastion.place.write(&format!("ssh_config.{who}"), text.replace(&ana, &own))
    }

    fn destination(&self) -> String {
        format!("{}@box", self.bastion.people.of("bob").name)
    }

    fn ssh(&self, who: &str, command: &str) -> Outcome {
        self.ssh_with(who, command, b"")
    }

    fn ssh_with(&self, who: &str, command: &str, input: &[u8]) -> Outcome {
        ssh(&self.config(who), &[&self.destination(), command], input)
    }

    /// With this person's agent forwarded.
    fn with_agent(&self, who: &str, command: &str) -> Outcome {
        let agent = self.bastion.people.of(who).home.join("agent");
        let output = Command::new("ssh")
            .arg("-A")
            .arg("-F")
            .arg(self.config(who))
            .args([&self.destination(), command])
            .env("SSH_AUTH_SOCK", agent)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Outcome {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

#[test]
fn whose_key_came_in_acts_and_nobody_else() {
    let Some(captive) = Captive::new("ExposeAuthInfo yes\n") else { return };
    let id = &captive.bastion.id;
    captive.with_agent("bob", &format!("backout assume {id} sre")).exits(0);
    captive.with_agent("bob", &format!("approve {id} declare --yes")).exits(0);
    let record = captive.bastion.record();
    assert!(record.contains(r#""display":"hub""#), "the record says that another machine did the display");
    let granted = record.lines().find(|l| l.contains("approval.granted")).unwrap();
    assert!(granted.contains(r#""actor":"bob""#), "{granted}");
    // Ana's key and ana's name, not the shared account's.
    captive.with_agent("ana", &format!("note {id} hello")).exits(0);
    let says = |outcome: Outcome, code: i32, words: &str| {
        let outcome = outcome.exits(code);
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    };
    says(captive.with_agent("ana", &format!("note {id} --as bob hello")), 4, "does not speak for bob");
    says(captive.with_agent("eve", &format!("note {id} hello")), 4, "does not speak for anybody");
    says(captive.ssh("ana", &format!("note {id} hello")), 3, "ssh -A");
    let spoofed =
        ["-o", "SetEnv=SSH_USER_AUTH=/etc/passwd", &captive.destination(), &format!("pending {id}")];
    says(ssh(&captive.config("ana"), &spoofed, b""), 4, "nothing waits for `ana`");
}

#[test]
fn there_is_no_shell_no_file_and_no_other_verb() {
    let Some(captive) = Captive::new("ExposeAuthInfo yes\n") else { return };
    let id = captive.bastion.id.clone();
    for (command, code) in [
        ("sh".to_owned(), 2),
        ("cat /etc/passwd".to_owned(), 2),
        (format!("join {id}; sh"), 4),
        (format!("note {id} $(id)"), 4),
        (format!("resume {id}"), 4),
        ("open /tmp/x.yaml".to_owned(), 4),
        ("demo".to_owned(), 4),
        ("captive".to_owned(), 4),
        (format!("verify {id}"), 4),
        (format!("note {id} x --key /etc/passwd"), 4),
        (format!("note {id} x --socket /tmp/x"), 4),
        (format!("note {id} x --via ssh://elsewhere"), 4),
        (format!("send {id} act --text /etc/passwd"), 4),
        (format!("message {id} status --text /etc/passwd"), 4),
        (format!("amend {id} /etc/passwd --reason x"), 4),
        (format!("pending /etc/{id}"), 3),
    ] {
        let outcome = captive.with_agent("ana", &command);
        assert_eq!(outcome.code, Some(code), "{command}: {outcome:?}");
        assert!(!outcome.stdout.contains("root:"), "{command}: {outcome:?}");
    }
    // Where incidents are is not theirs to say.
    captive.with_agent("ana", &format!("note {id} x --state /nowhere")).exits(0);
}

#[test]
fn the_shared_login_signs_with_stock_tools_too() {
    let Some(captive) = Captive::new("ExposeAuthInfo yes\n") else { return };
    let id = &captive.bastion.id;
    captive.with_agent("bob", &format!("assume {id} sre")).exits(0);
    let text = captive.ssh("bob", &format!("backout pending {id}")).exits(0).stdout;
    assert!(text.contains("\nas: bob\n"), "{text}");
    let file = captive.bastion.place.write("s", &text);
    let signed = Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", "approve.v1@backout", "-f"])
        .arg(&captive.bastion.people.of("bob").key)
        .arg(&file)
        .status()
        .unwrap();
    assert!(signed.success());
    let signature = std::fs::read(file.with_added_extension("sig")).unwrap();
    captive.ssh_with("bob", &format!("backout submit {id}"), &signature).exits(0);
    captive.bastion.until("it is declared", "incident.declared");
}

#[test]
fn the_console_comes_up_and_looks_on_without_an_agent() {
    let Some(captive) = Captive::new("ExposeAuthInfo yes\n") else { return };
    let seen = captive.bastion.place.join("seen");
    let mut console = Command::new("ssh")
        .arg("-tt")
        .arg("-F")
        .arg(captive.config("bob"))
        .arg(captive.destination())
        .env("TERM", "xterm-256color")
        .stdin(Stdio::piped())
        .stdout(std::fs::File::create(&seen).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("the console is painted", PATIENCE, || {
        String::from_utf8_lossy(&std::fs::read(&seen).unwrap()).contains("Steps")
    });
    console.kill().unwrap();
    console.wait().unwrap();
    let record = captive.bastion.record();
    assert!(!record.contains(r#""actor":"bob""#), "who looks on signs nothing");
}

#[test]
fn without_sshds_word_or_beside_the_hub_it_serves_nobody() {
    let Some(captive) = Captive::new("") else { return };
    let outcome = captive.with_agent("bob", &format!("pending {}", captive.bastion.id)).exits(3);
    assert!(outcome.stderr.contains("ExposeAuthInfo"), "{}", outcome.stderr);
    // The hub's own account as the shared login: refused, with the reason.
    let key =
        std::fs::read_to_string(captive.bastion.people.of("ana").key.with_added_extension("pub")).unwrap();
    let info = captive.bastion.place.write("info", format!("publickey {key}"));
    let ana = captive.bastion.backout("ana").env("SSH_USER_AUTH", &info);
    let ana = ana.env("SSH_ORIGINAL_COMMAND", format!("pending {}", captive.bastion.id));
    let outcome = ana.run(["captive"]).exits(4);
    assert!(outcome.stderr.contains("one account"), "{}", outcome.stderr);
}

#[test]
fn the_console_starts_no_program() {
    fn look(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                look(&path, found);
            } else if std::fs::read_to_string(&path).unwrap().contains("Command::new") {
                found.push(path.display().to_string());
            }
        }
    }
    let mut found = Vec::new();
    look(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console"), &mut found);
    assert!(found.is_empty(), "a captive console has no way out: {found:?}");
}
