//! A real ssh-agent: what it signs, what it refuses, and whether we say why.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use backout::identity::agent::{Agent as Client, AgentError};
use backout::identity::sshsig::APPROVE;
use backout::identity::{AllowedSigners, Reject, SignError, Signer};

use super::judge::{Question, TEXT, armor, blob, certify, envelope, key, public, put, sha1_of_agent};
use crate::support::{Agent, Place, find, need};

fn add_with(agent: &Agent, options: &[&str], key: &Path) {
    let output = Command::new("ssh-add")
        .arg("-q")
        .args(options)
        .arg(key)
        .env("SSH_AUTH_SOCK", agent.socket())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_kind_of_key_and_certificate_in_an_agent_signs_for_both_judges() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let Some(agent) = Agent::start(&place, "a") else { return };
    let authority = key(place.path(), "ca", "ed25519", "");
    for (kind, bits) in
        [("ed25519", ""), ("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521"), ("rsa", "3072")]
    {
        let file = key(place.path(), &format!("{kind}{bits}"), kind, bits);
        // ssh-add takes NAME-cert.pub beside the key along.
        let subject = place.write("subject.pub", std::fs::read(file.with_added_extension("pub")).unwrap());
        certify(place.path(), &format!("{kind}{bits}"), &authority, &subject, &["-n", "alice"]);
        agent.add(&file);
        for signers in
            [format!("alice {}\n", public(&file)), format!("alice cert-authority {}\n", public(&authority))]
        {
            let listed = AllowedSigners::parse(signers.as_bytes());
            let signer = Signer::find("alice", &listed, Some(agent.socket()), None).unwrap();
            let signature = signer.sign(APPROVE, TEXT).unwrap();
            let question = Question::new(&signers, &signature);
            assert!(question.stock(place.path()), "{kind}{bits}: {signers}");
            let signed = question.ours().unwrap();
            assert_eq!(signed.certificate.is_some(), signers.contains("cert-authority"));
            assert!(kind != "rsa" || signed.algorithm == "rsa-sha2-512");
        }
        agent.forget_all();
    }
}

#[test]
fn the_listed_key_is_picked_and_a_person_can_be_told_from_the_agent() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let Some(agent) = Agent::start(&place, "a") else { return };
    let (home, work) = (key(place.path(), "home", "ed25519", ""), key(place.path(), "work", "ed25519", ""));
    agent.add(&home);
    agent.add(&work);
    let signers =
        AllowedSigners::parse(format!("alice {}\nbob {}\n", public(&work), public(&home)).as_bytes());
    let signer = Signer::find("alice", &signers, Some(agent.socket()), None).unwrap();
    assert_eq!(signer.public_openssh(), public(&work));
    let people = Signer::who_am_i(&signers, Some(agent.socket()), None).unwrap();
    let names: Vec<&str> = people.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["bob", "alice"], "in the agent's order");
    let error = Signer::find("carol", &signers, Some(agent.socket()), None).unwrap_err();
    assert!(error.to_string().contains(&signer.fingerprint()), "says what the agent holds: {error}");
}

#[test]
fn a_public_key_file_names_a_key_of_the_agent() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let Some(agent) = Agent::start(&place, "a") else { return };
    let file = key(place.path(), "alice", "ed25519", "");
    agent.add(&file);
    std::fs::remove_file(&file).unwrap();
    let signers = format!("alice {}\n", public(&file));
    let listed = AllowedSigners::parse(signers.as_bytes());
    let named = file.with_added_extension("pub");
    let signer = Signer::find("alice", &listed, Some(agent.socket()), Some(&named)).unwrap();
    let signature = signer.sign(APPROVE, TEXT).unwrap();
    assert!(Question::new(&signers, &signature).ours().is_ok());
}

#[test]
fn a_locked_file_whose_key_is_in_the_agent_signs_there() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let Some(agent) = Agent::start(&place, "a") else { return };
    let file = key(place.path(), "alice", "ed25519", "");
    agent.add(&file);
    super::judge::keygen(&["-q", "-p", "-P", "", "-N", "open sesame", "-f", file.to_str().unwrap()]);
    let listed = AllowedSigners::parse(format!("alice {}\n", public(&file)).as_bytes());
    let signer = Signer::find("alice", &listed, Some(agent.socket()), Some(&file)).unwrap();
    assert!(matches!(signer, Signer::Agent { .. }));
    assert!(signer.sign(APPROVE, TEXT).is_ok());
}

#[test]
fn a_key_that_was_removed_meanwhile_is_said_to_be_missing() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let Some(agent) = Agent::start(&place, "a") else { return };
    let file = key(place.path(), "alice", "ed25519", "");
    agent.add(&file);
    let signers = AllowedSigners::parse(format!("alice {}\n", public(&file)).as_bytes());
    let signer = Signer::find("alice", &signers, Some(agent.socket()), None).unwrap();
    agent.forget_all();
    let error = signer.sign(APPROVE, TEXT).unwrap_err();
    assert!(matches!(error, SignError::Agent(AgentError::NoSuchKey { .. })), "{error}");
}

#[test]
fn a_key_that_asks_where_nobody_can_be_asked_is_explained() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let Some(agent) = Agent::start(&place, "a") else { return };
    let file = key(place.path(), "alice", "ed25519", "");
    add_with(&agent, &["-c"], &file);
    let signers = AllowedSigners::parse(format!("alice {}\n", public(&file)).as_bytes());
    let signer = Signer::find("alice", &signers, Some(agent.socket()), None).unwrap();
    let error = signer.sign(APPROVE, TEXT).unwrap_err();
    assert!(matches!(error, SignError::Agent(AgentError::Refused { .. })), "{error}");
    assert!(error.to_string().contains("ssh-add -c"), "{error}");
}

#[test]
fn a_key_bound_to_hosts_is_explained() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let Some(agent) = Agent::start(&place, "a") else { return };
    let file = key(place.path(), "alice", "ed25519", "");
    let host = key(place.path(), "host", "ed25519", "");
    let known = place.write("known_hosts", format!("box {}\n", public(&host)));
    add_with(&agent, &["-H", known.to_str().unwrap(), "-h", "box"], &file);
    let signers = AllowedSigners::parse(format!("alice {}\n", public(&file)).as_bytes());
    let signer = Signer::find("alice", &signers, Some(agent.socket()), None).unwrap();
    let error = signer.sign(APPROVE, TEXT).unwrap_err();
    assert!(matches!(error, SignError::Agent(AgentError::Refused { .. })), "{error}");
    assert!(error.to_string().contains("ssh-add -h"), "{error}");
}

#[test]
fn a_locked_agent_is_explained_and_signs_again_when_it_is_unlocked() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let Some(agent) = Agent::start(&place, "a") else { return };
    let file = key(place.path(), "alice", "ed25519", "");
    agent.add(&file);
    let signers = AllowedSigners::parse(format!("alice {}\n", public(&file)).as_bytes());
    let signer = Signer::find("alice", &signers, Some(agent.socket()), None).unwrap();
    // ssh-add asks for the word on a terminal; this is what it sends then.
    let asks = |number: u8| {
        let mut request = vec![number];
        put(&mut request, b"a word");
        let mut framed = Vec::new();
        put(&mut framed, &request);
        let mut stream = UnixStream::connect(agent.socket()).unwrap();
        stream.write_all(&framed).unwrap();
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer[4], 6, "it did");
    };
    asks(22);
    // A locked agent says that it holds nothing at all.
    let error = signer.sign(APPROVE, TEXT).unwrap_err();
    assert!(matches!(error, SignError::Agent(AgentError::NoSuchKey { .. })), "{error}");
    assert!(error.to_string().contains("ssh-add -X"), "{error}");
    let error = Signer::find("alice", &signers, Some(agent.socket()), None).unwrap_err();
    assert!(error.to_string().contains("ssh-add -X"), "{error}");
    asks(23);
    assert!(signer.sign(APPROVE, TEXT).is_ok());
}

/// A token made of software behind PKCS#11, and its provider's library.
fn soft_token(place: &Place) -> Option<(String, PathBuf)> {
    let library = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"]
        .map(PathBuf::from)
        .into_iter()
        .find(|path| path.is_file());
    let (Some(library), Some(tool)) = (library, find("softhsm2-util")) else {
        eprintln!("SKIPPED: PKCS#11: softhsm2 is not installed");
        return None;
    };
    let tokens = place.folder("tokens");
    let config = place.write("softhsm2.conf", format!("directories.tokendir = {}\n", tokens.display()));
    let file = key(place.path(), "token", "rsa", "3072");
    let pkcs8 = Command::new("openssl")
        .args(["pkcs8", "-topk8", "-nocrypt", "-out"])
        .arg(place.join("token.p8"))
        .arg("-in")
        .arg(pem_of(place, &file))
        .output();
    if !pkcs8.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: PKCS#11: openssl is missing");
        return None;
    }
    let ran = |words: &[&str]| {
        let output = Command::new(&tool).args(words).env("SOFTHSM2_CONF", &config).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    ran(&["--init-token", "--free", "--label", "alice", "--pin", "1234", "--so-pin", "4321"]);
    let import = place.join("token.p8");
    let import = import.to_str().unwrap();
    ran(&["--import", import, "--token", "alice", "--label", "alice", "--id", "01", "--pin", "1234"]);
    Some((public(&file), library))
}

/// The same key in the form that openssl reads.
fn pem_of(place: &Place, file: &Path) -> PathBuf {
    let pem = place.join("token.pem");
    std::fs::copy(file, &pem).unwrap();
    super::judge::keygen(&["-q", "-p", "-P", "", "-N", "", "-m", "PEM", "-f", pem.to_str().unwrap()]);
    pem
}

#[test]
fn a_key_behind_pkcs11_signs_through_the_agent() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let Some((line, library)) = soft_token(&place) else { return };
    let config = place.join("softhsm2.conf");
    let Some(agent) = Agent::start_with(&place, "a", &[("SOFTHSM2_CONF", config.to_str().unwrap())]) else {
        return;
    };
    // The agent asks for the PIN of the token.
    let askpass = place.write("askpass", "#!/bin/sh\necho 1234\n");
    std::fs::set_permissions(&askpass, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let added = Command::new("ssh-add")
        .arg("-s")
        .arg(&library)
        .env("SSH_AUTH_SOCK", agent.socket())
        .env("SSH_ASKPASS", &askpass)
        .env("SSH_ASKPASS_REQUIRE", "force")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let signers = format!("alice {line}\n");
    let listed = AllowedSigners::parse(signers.as_bytes());
    let signer = Signer::find("alice", &listed, Some(agent.socket()), None).unwrap();
    let signature = signer.sign(APPROVE, TEXT).unwrap();
    let question = Question::new(&signers, &signature);
    assert!(question.stock(place.path()));
    assert_eq!(question.ours().unwrap().algorithm, "rsa-sha2-512");
}

#[test]
fn an_agent_that_is_gone_is_named_by_its_socket() {
    let place = Place::new();
    let error = Client::connect(&place.join("nobody")).unwrap_err();
    assert!(error.to_string().contains("nobody"), "{error}");
    let error = Signer::find("alice", &AllowedSigners::default(), None, None).unwrap_err();
    assert!(error.to_string().contains("SSH_AUTH_SOCK"), "{error}");
}

#[test]
fn an_rsa_signature_with_sha1_has_its_own_reason() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let Some(agent) = Agent::start(&place, "a") else { return };
    let file = key(place.path(), "alice", "rsa", "3072");
    agent.add(&file);
    let presented = blob(&public(&file));
    let value = sha1_of_agent(agent.socket(), &presented, APPROVE, TEXT);
    let signature = armor(&envelope(1, &presented, APPROVE, "sha512", &value), 70);
    let signers = format!("alice {}\n", public(&file));
    let question = Question::new(&signers, &signature);
    assert!(!question.stock(place.path()));
    assert_eq!(question.ours(), Err(Reject::Sha1));
}
