//! The complete list of what OpenSSH accepts and we do not. Everything else is the same verdict.

use backout::identity::certificate::Unfit;
use backout::identity::sshsig::APPROVE;
use backout::identity::{Reject, Signer};

use super::judge::{
    Question, TEXT, armor, blob, certify, dearmor, envelope, key, line_of, parts, public, stock_sign,
};
use super::soft::Token;
use crate::support::{Place, need};

/// OpenSSH says yes; we say no, and why.
fn only_we_refuse(place: &Place, signers: &str, signature: &str) -> Reject {
    let question = Question::new(signers, signature);
    assert!(question.stock(place.path()), "OpenSSH accepts this");
    question.ours().unwrap_err()
}

#[test]
fn a_person_listed_by_a_pattern_is_not_listed_by_name() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let alice = Signer::generate_memory([1; 32]);
    let signature = alice.sign(APPROVE, TEXT).unwrap();
    for pattern in ["*", "al?ce", "a*,!bob"] {
        let reject = only_we_refuse(&place, &format!("{pattern} {}\n", alice.public_openssh()), &signature);
        assert!(matches!(reject, Reject::Wildcard { line: 1, .. }) && reject.is_stricter_than_openssh());
    }
}

#[test]
fn weak_rsa_is_refused_with_its_size() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    for (bits, checked) in [("2048", true), ("1024", false)] {
        let file = key(place.path(), bits, "rsa", bits);
        let signature = stock_sign(&file, APPROVE, TEXT, &[]);
        let reject = only_we_refuse(&place, &format!("alice {}\n", public(&file)), &signature);
        assert_eq!(matches!(reject, Reject::WeakRsa { .. }), checked);
        assert!(reject.to_string().contains(bits) && reject.to_string().contains("3072"), "{reject}");
    }
}

#[test]
fn dsa_is_refused_by_name() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let file = key(place.path(), "dsa", "dsa", "");
    let signature = stock_sign(&file, APPROVE, TEXT, &[]);
    let reject = only_we_refuse(&place, &format!("alice {}\n", public(&file)), &signature);
    assert!(reject.to_string().contains("DSA"), "{reject}");
}

#[test]
fn an_envelope_of_version_0_is_refused() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let alice = Signer::generate_memory([1; 32]);
    let mut bytes = dearmor(&alice.sign(APPROVE, TEXT).unwrap());
    bytes[9] = 0;
    let reject = only_we_refuse(&place, &format!("alice {}\n", alice.public_openssh()), &armor(&bytes, 70));
    assert!(reject == Reject::Version(0) && reject.is_stricter_than_openssh());
}

#[test]
fn a_second_form_of_an_ed25519_signature_is_refused() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let alice = Signer::generate_memory([1; 32]);
    let [presented, _, _, _, mut value] = parts(&dearmor(&alice.sign(APPROVE, TEXT).unwrap()));
    // s + L: the group's order in little endian, added to the signature's second half.
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let start = value.len() - 32;
    let mut carry = 0u16;
    for (byte, add) in value[start..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    let twin = armor(&envelope(1, &presented, APPROVE, "sha512", &value), 70);
    let reject = only_we_refuse(&place, &format!("alice {}\n", alice.public_openssh()), &twin);
    assert_eq!(reject, Reject::Mismatch);
}

#[test]
fn a_certificate_under_conditions_does_not_count() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let authority = key(place.path(), "ca", "ed25519", "");
    let file = key(place.path(), "alice", "ed25519", "");
    let [_, _, _, _, value] = parts(&dearmor(&stock_sign(&file, APPROVE, TEXT, &[])));
    let signers = format!("alice cert-authority {}\n", public(&authority));
    for (option, name) in [
        ("force-command=/bin/true", "force-command"),
        ("source-address=10.0.0.0/8", "source-address"),
        ("critical:moon@example.com=full", "moon@example.com"),
    ] {
        let subject = file.with_added_extension("pub");
        let certificate =
            certify(place.path(), "limited", &authority, &subject, &["-n", "alice", "-O", option]);
        let signature = armor(&envelope(1, &blob(&certificate), APPROVE, "sha512", &value), 70);
        let reject = only_we_refuse(&place, &signers, &signature);
        assert_eq!(reject, Reject::Certificate { line: 1, reason: Unfit::CriticalOption(name.to_owned()) });
        assert!(reject.is_stricter_than_openssh());
    }
}

#[test]
fn a_certificate_that_demands_a_pin_needs_one() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let authority = key(place.path(), "ca", "ed25519", "");
    let token = Token::ed25519();
    let subject = place.write("token.pub", line_of(&token.blob()));
    let options = ["-n", "alice", "-O", "verify-required"];
    let certificate = blob(&certify(place.path(), "pin", &authority, &subject, &options));
    let signers = format!("alice cert-authority {}\n", public(&authority));
    let touched = token.sign(&certificate, 0x01, APPROVE, TEXT);
    let reject = only_we_refuse(&place, &signers, &touched);
    assert!(matches!(reject, Reject::NotVerified { .. }) && reject.is_stricter_than_openssh());
    let with_pin = token.sign(&certificate, 0x05, APPROVE, TEXT);
    assert!(Question::new(&signers, &with_pin).ours().is_ok());
}

#[test]
fn an_authority_that_signs_with_sha1_or_too_short_is_refused() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let file = key(place.path(), "alice", "ed25519", "");
    let [_, _, _, _, value] = parts(&dearmor(&stock_sign(&file, APPROVE, TEXT, &[])));
    for (bits, options) in [("3072", &["-n", "alice", "-t", "ssh-rsa"][..]), ("2048", &["-n", "alice"][..])] {
        let authority = key(place.path(), bits, "rsa", bits);
        let subject = file.with_added_extension("pub");
        let certificate = certify(place.path(), "by-rsa", &authority, &subject, options);
        let signers = format!("alice cert-authority {}\n", public(&authority));
        let signature = armor(&envelope(1, &blob(&certificate), APPROVE, "sha512", &value), 70);
        let reject = only_we_refuse(&place, &signers, &signature);
        match bits {
            "3072" => assert!(reject.to_string().contains("SHA-1"), "{reject}"),
            _ => assert!(matches!(reject, Reject::WeakRsa { .. }), "{reject}"),
        }
    }
}

#[test]
fn a_certificate_listed_as_if_it_were_a_key_does_not_count() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let authority = key(place.path(), "ca", "ed25519", "");
    let file = key(place.path(), "alice", "ed25519", "");
    let [_, _, _, _, value] = parts(&dearmor(&stock_sign(&file, APPROVE, TEXT, &[])));
    let expired = ["-n", "alice", "-V", "20250101000000Z:20250102000000Z"];
    let subject = file.with_added_extension("pub");
    let certificate = certify(place.path(), "old", &authority, &subject, &expired);
    let signature = armor(&envelope(1, &blob(&certificate), APPROVE, "sha512", &value), 70);
    let reject = only_we_refuse(&place, &format!("alice {certificate}\n"), &signature);
    assert!(reject == Reject::CertificateAsKey { line: 1 } && reject.is_stricter_than_openssh());
}

#[test]
fn an_algorithm_from_the_future_is_unknown_and_not_forged() {
    let mut key = Vec::new();
    super::judge::put(&mut key, b"ssh-mldsa44-ed25519@openssh.com");
    super::judge::put(&mut key, &[1; 1344]);
    let mut value = Vec::new();
    super::judge::put(&mut value, b"ssh-mldsa44-ed25519@openssh.com");
    super::judge::put(&mut value, &[2; 2484]);
    let signature = armor(&envelope(1, &key, APPROVE, "sha512", &value), 70);
    let signers = format!("alice {}\n", line_of(&key));
    let reject = Question::new(&signers, &signature).ours().unwrap_err();
    assert!(matches!(reject, Reject::UnknownAlgorithm(_)));
    assert!(reject.to_string().contains("not checked") && !reject.to_string().contains("forged"), "{reject}");
}
