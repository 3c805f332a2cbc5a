//! Key files: locked, readable by others, of another person, revoked.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use backout::identity::keyfile::KeyFileError;
use backout::identity::sshsig::APPROVE;
use backout::identity::{AllowedSigners, Reject, Revoked, SignError, Signer};

use super::judge::{NOON, Question, TEXT, key, keygen, public, stock_sign};
use crate::support::{Place, need};

#[test]
fn a_locked_file_signs_with_its_passphrase_and_not_with_another() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    for (kind, bits) in [("ed25519", ""), ("ecdsa", "521")] {
        let file = key(place.path(), kind, kind, bits);
        keygen(&["-q", "-p", "-P", "", "-N", "open sesame", "-f", file.to_str().unwrap()]);
        let signers = format!("alice {}\n", public(&file));
        let listed = AllowedSigners::parse(signers.as_bytes());
        let error = Signer::find("alice", &listed, None, Some(&file)).unwrap_err();
        assert!(error.to_string().contains("ssh-add"), "{error}");
        let mut asked = Vec::new();
        let wrong = Signer::find_asking("alice", &listed, None, Some(&file), &mut |path| {
            asked.push(path.to_owned());
            Some("close sesame".to_owned())
        });
        assert!(matches!(wrong, Err(SignError::KeyFile(KeyFileError::Locked { .. }))));
        assert_eq!(asked, std::slice::from_ref(&file));
        let mut answer = |_: &std::path::Path| Some("open sesame".to_owned());
        let signer = Signer::find_asking("alice", &listed, None, Some(&file), &mut answer).unwrap();
        let signature = signer.sign(APPROVE, TEXT).unwrap();
        let question = Question::new(&signers, &signature);
        assert!(question.stock(place.path()) && question.ours().is_ok());
    }
}

#[test]
fn a_file_that_others_can_read_is_not_used() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let file = key(place.path(), "alice", "ed25519", "");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    let listed = AllowedSigners::parse(format!("alice {}\n", public(&file)).as_bytes());
    let error = Signer::find("alice", &listed, None, Some(&file)).unwrap_err();
    assert!(matches!(error, SignError::KeyFile(KeyFileError::TooOpen { mode: 0o640, .. })));
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

#[test]
fn a_file_of_another_persons_key_is_refused_with_its_fingerprint() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let file = key(place.path(), "alice", "ed25519", "");
    let other = Signer::generate_memory([3; 32]);
    let listed = AllowedSigners::parse(format!("alice {}\n", other.public_openssh()).as_bytes());
    let error = Signer::find("alice", &listed, None, Some(&file)).unwrap_err();
    assert!(matches!(error, SignError::NotListed { .. }), "{error}");
    assert!(error.to_string().contains("SHA256:"), "{error}");
}

#[test]
fn what_is_not_a_key_file_is_said_to_be_none() {
    let place = Place::new();
    let file = place.write("notes", "not a key\n");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let error = Signer::find("alice", &AllowedSigners::default(), None, Some(&file)).unwrap_err();
    assert!(matches!(error, SignError::KeyFile(KeyFileError::NotAKey { .. })), "{error}");
    let error =
        Signer::find("alice", &AllowedSigners::default(), None, Some(&place.join("none"))).unwrap_err();
    assert!(matches!(error, SignError::KeyFile(KeyFileError::Unreadable { .. })), "{error}");
}

#[test]
fn an_old_pem_file_signs_through_ssh_keygen() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let file = place.join("old");
    keygen(&["-q", "-N", "", "-m", "PEM", "-t", "rsa", "-b", "3072", "-f", file.to_str().unwrap()]);
    let signers = format!("alice {}\n", public(&file));
    let listed = AllowedSigners::parse(signers.as_bytes());
    let signer = Signer::find("alice", &listed, None, Some(&file)).unwrap();
    let signature = signer.sign(APPROVE, TEXT).unwrap();
    let question = Question::new(&signers, &signature);
    assert!(question.stock(place.path()) && question.ours().is_ok());
}

#[test]
fn a_revocation_list_means_the_same_to_both_judges() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let (gone, stays) =
        (key(place.path(), "gone", "ed25519", ""), key(place.path(), "stays", "ecdsa", "256"));
    let list = place.write("revoked_keys", format!("# lost\n\n{} laptop\n", public(&gone)));
    let revoked = Revoked::parse(&std::fs::read(&list).unwrap()).unwrap();
    let text = place.write("text", TEXT);
    for (file, counts) in [(&gone, false), (&stays, true)] {
        let signers = place.write("signers", format!("alice {}\n", public(file)));
        let signature = stock_sign(file, APPROVE, TEXT, &[]);
        let written = place.write("sig", &signature);
        let stock = Command::new("ssh-keygen")
            .args(["-q", "-Y", "verify", "-I", "alice", "-n", APPROVE, "-f"])
            .arg(&signers)
            .arg("-s")
            .arg(&written)
            .arg("-r")
            .arg(&list)
            .stdin(std::fs::File::open(&text).unwrap())
            .output()
            .unwrap();
        assert_eq!(stock.status.success(), counts);
        let listed = AllowedSigners::parse(&std::fs::read(&signers).unwrap());
        let verdict = listed.verify("alice", APPROVE, TEXT, &signature, NOON, &revoked);
        assert_eq!(verdict.is_ok(), counts);
        assert!(counts || matches!(verdict, Err(Reject::Revoked { .. })));
    }
}

#[test]
fn a_binary_revocation_list_is_refused_not_ignored() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let file = key(place.path(), "gone", "ed25519", "");
    let list = place.join("revoked.krl");
    keygen(&["-q", "-k", "-f", list.to_str().unwrap(), file.with_added_extension("pub").to_str().unwrap()]);
    let error = Revoked::parse(&std::fs::read(&list).unwrap()).unwrap_err();
    assert!(error.to_string().contains("KRL"), "{error}");
}
