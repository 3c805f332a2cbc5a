//! Security keys behind OpenSSH's own middleware interface: `ssh-keygen` enrolls them, a real agent signs with them
//! through `ssh-sk-helper`, and whether anybody was present decides what counts. The token itself is software.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use backout::identity::sshsig::APPROVE;
use backout::identity::{AllowedSigners, Presence, Reject, SignError, Signer};

use super::judge::{Question, TEXT, public, public_of};
use crate::support::{Agent, Incident, Place, Team, incident, need, repository};

/// The token's library, and what the agent and `ssh-keygen` ask for a PIN.
struct Middleware {
    library: PathBuf,
    askpass: PathBuf,
}

/// How a key was made: what its owner must do at each signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    Untouched,
    Touched,
    Verified,
}

impl Made {
    fn option(self) -> &'static [&'static str] {
        match self {
            Made::Untouched => &["-O", "no-touch-required"],
            Made::Touched => &[],
            Made::Verified => &["-O", "verify-required"],
        }
    }
}

impl Middleware {
    /// Compiles it, and sees whether this OpenSSH takes it. Nothing, loudly, where it cannot be had.
    fn build(place: &Place) -> Option<Middleware> {
        let (cc, _) = (need("cc")?, need("ssh-keygen")?);
        let folder = place.path().canonicalize().unwrap();
        let library = folder.join("security_key.so");
        let source = repository().join("tests/it/identity/security_key.c");
        let mut build = Command::new(cc);
        build.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).arg("-lcrypto");
        let built = build.output().unwrap();
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        if !built.status.success() {
            eprintln!("SKIPPED: {test}: no headers of OpenSSL 3 (Debian: libssl-dev)");
            return None;
        }
        let askpass = place.write("askpass", "#!/bin/sh\necho 1234\n");
        std::fs::set_permissions(&askpass, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let middleware = Middleware { library, askpass };
        let Err(said) = middleware.enroll(&folder.join("probe"), "ecdsa-sk", Made::Touched) else {
            return Some(middleware);
        };
        let another = ["unsupported version", "unknown key type", "not supported", "ssh-sk-helper"];
        assert!(another.iter().any(|words| said.contains(words)), "{said}");
        eprintln!("SKIPPED: {test}: this OpenSSH takes other security keys: {said}");
        None
    }

    /// Makes a key; or what `ssh-keygen` said.
    fn enroll(&self, file: &Path, kind: &str, made: Made) -> Result<(), String> {
        let mut make = Command::new("ssh-keygen");
        make.args(["-q", "-N", "", "-C", "token", "-t", kind, "-w"]).arg(&self.library).args(made.option());
        make.arg("-f").arg(file).env("SSH_ASKPASS", &self.askpass).env("SSH_ASKPASS_REQUIRE", "force");
        let output = make.stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(()) } else { Err(said) }
    }

    fn key(&self, folder: &Path, name: &str, kind: &str, made: Made) -> PathBuf {
        let file = folder.join(name);
        assert_eq!(self.enroll(&file, kind, made), Ok(()));
        file
    }

    /// An agent that may load this library and no other.
    fn agent(&self, place: &Place, name: &str) -> Option<Agent> {
        let askpass = self.askpass.to_str().unwrap();
        let env = [("SSH_ASKPASS", askpass), ("SSH_ASKPASS_REQUIRE", "force")];
        Agent::start_allowing(place, name, &env, &["-P", self.library.to_str().unwrap()])
    }

    fn add(&self, agent: &Agent, key: &Path) -> bool {
        let mut add = Command::new("ssh-add");
        add.arg("-q").arg("-S").arg(&self.library).arg(key).env("SSH_AUTH_SOCK", agent.socket());
        add.stdin(Stdio::null()).output().unwrap().status.success()
    }
}

#[test]
fn a_token_behind_an_agent_counts_when_somebody_was_there_and_says_so() {
    let place = Place::new();
    let Some(middleware) = Middleware::build(&place) else { return };
    let Some(agent) = middleware.agent(&place, "tokens") else { return };
    for kind in ["ecdsa-sk", "ed25519-sk"] {
        for (made, presence) in [
            (Made::Untouched, Presence::Absent),
            (Made::Touched, Presence::Present),
            (Made::Verified, Presence::Verified),
        ] {
            let key = middleware.key(place.path(), &format!("{kind}-{made:?}"), kind, made);
            assert!(middleware.add(&agent, &key));
            let signers = format!("alice {}\n", public(&key));
            let listed = AllowedSigners::parse(signers.as_bytes());
            // What stock ssh-keygen makes of it, through the same agent.
            let stock = stock_sign(&agent, &key);
            let question = Question::new(&signers, &stock);
            assert!(question.stock(place.path()), "OpenSSH does not look at the flags");
            let signed = question.as_openssh().unwrap();
            assert_eq!((signed.presence, signed.counter), (presence, Some(7)), "{kind} {made:?}");
            assert!(matches!(question.ours(), Err(Reject::NotTouched { .. })) == (made == Made::Untouched));
            // What we make of it.
            let signer = Signer::find("alice", &listed, Some(agent.socket()), None).unwrap();
            let signature = signer.sign(APPROVE, TEXT).unwrap();
            let question = Question::new(&signers, &signature);
            assert!(question.stock(place.path()));
            match question.ours() {
                Ok(signed) => assert_eq!((made == Made::Untouched, signed.presence), (false, presence)),
                Err(why) => {
                    assert!(made == Made::Untouched && matches!(why, Reject::NotTouched { .. }), "{why}");
                }
            }
        }
    }
}

#[test]
fn an_agent_that_may_not_load_the_tokens_library_has_no_such_key_and_that_is_said() {
    let place = Place::new();
    let Some(middleware) = Middleware::build(&place) else { return };
    let Some(agent) = Agent::start_allowing(&place, "other", &[], &["-P", "/nowhere/*"]) else { return };
    let key = middleware.key(place.path(), "key", "ecdsa-sk", Made::Touched);
    assert!(!middleware.add(&agent, &key));
    let listed = AllowedSigners::parse(format!("alice {}\n", public(&key)).as_bytes());
    let error = Signer::find("alice", &listed, Some(agent.socket()), None).unwrap_err();
    assert!(matches!(error, SignError::NotInAgent { .. }), "{error}");
}

#[test]
fn an_approval_through_the_program_counts_with_a_touched_token_and_not_with_an_untouched_one() {
    let place = Place::new();
    let Some(middleware) = Middleware::build(&place) else { return };
    let Some(mut team) = Team::gather(&place) else { return };
    let keys = [("untouched", Made::Untouched), ("touched", Made::Touched)]
        .map(|(name, made)| middleware.key(place.path(), name, "ecdsa-sk", made));
    let others = std::fs::read_to_string(team.allowed_signers()).unwrap();
    let others: String =
        others.lines().filter(|l| !l.starts_with("ana ")).map(|l| format!("{l}\n")).collect();
    let mine = keys.each_ref().map(|key| format!("ana {}\n", public_of(&key.with_added_extension("pub"))));
    place.write("ws/allowed_signers", format!("{others}{}", mine.concat()));
    place.write(
        "ws/runbooks/test.yaml",
        incident::runbook("- {id: act, run: [touch, done], timeout: 10s, role: sre}"),
    );
    let Some(touched) = middleware.agent(&place, "touched") else { return };
    assert!(middleware.add(&touched, &keys[1]));
    team.ana.agent = touched;
    let env = [("TEST_TOKEN", incident::SECRET)];
    let mut incident = Incident::open(place, team, "ana", &["runbooks/test.yaml"], &env);

    let untouched = middleware.agent(&incident.place, "untouched").unwrap();
    assert!(middleware.add(&untouched, &keys[0]));
    let touched = std::mem::replace(&mut incident.team.ana.agent, untouched);
    let outcome = incident.act("ana", &["approve", "declare", "--yes"]);
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(outcome.code != Some(0) && said.contains("without being touched"), "{said}");
    assert_eq!(incident.recorded("approval.granted").len(), 0);

    incident.team.ana.agent = touched;
    incident.ok("ana", &["approve", "declare", "--yes"]);
    incident.until("it is declared", || incident.status()["stage"] == "declared");
    incident.backout("ana").run(["verify", &incident.id]).exits(5);
}

/// A signature as `ssh-keygen -Y sign` gets it from the agent.
fn stock_sign(agent: &Agent, key: &Path) -> String {
    let text = key.with_added_extension("text");
    std::fs::write(&text, TEXT).unwrap();
    let mut sign = Command::new("ssh-keygen");
    sign.args(["-q", "-Y", "sign", "-n", APPROVE, "-f"]).arg(key.with_added_extension("pub")).arg(&text);
    let output = sign.env("SSH_AUTH_SOCK", agent.socket()).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read_to_string(text.with_added_extension("sig")).unwrap()
}
