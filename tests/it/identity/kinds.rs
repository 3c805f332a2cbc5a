//! Every kind of key and certificate: `ssh-keygen` signs and we agree, we sign and `ssh-keygen` agrees.

use backout::identity::sshsig::{APPROVE, CLOSE};
use backout::identity::{Presence, Reject, Signer};

use super::judge::{NOON, Question, TEXT, blob, certify, key, line_of, public, stock_sign};
use super::soft::Token;
use crate::support::{Place, need};

const KINDS: [(&str, &str, &str); 5] = [
    ("ed25519", "", "ssh-ed25519"),
    ("ecdsa", "256", "ecdsa-sha2-nistp256"),
    ("ecdsa", "384", "ecdsa-sha2-nistp384"),
    ("ecdsa", "521", "ecdsa-sha2-nistp521"),
    ("rsa", "3072", "rsa-sha2-512"),
];

#[test]
fn what_ssh_keygen_signs_counts_here_and_says_its_algorithm() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    for (kind, bits, algorithm) in KINDS {
        let file = key(place.path(), &format!("{kind}{bits}"), kind, bits);
        let signers = format!("alice {}\n", public(&file));
        for options in [&[][..], &["-Ohashalg=sha256"][..]] {
            let signature = stock_sign(&file, APPROVE, TEXT, options);
            let question = Question::new(&signers, &signature);
            assert!(question.stock(place.path()), "{kind}{bits}");
            let signed = question.ours().unwrap();
            assert_eq!((signed.algorithm.as_str(), signed.presence), (algorithm, Presence::NotHardware));
            for refused in [
                Question { text: b"other", ..question.clone() },
                Question { namespace: CLOSE, ..question.clone() },
                Question { principal: "bob", ..question.clone() },
            ] {
                assert!(!refused.stock(place.path()), "{kind}{bits}");
                assert!(refused.ours().is_err(), "{kind}{bits}");
            }
        }
    }
}

#[test]
fn what_key_files_sign_here_counts_for_ssh_keygen() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    for (kind, bits, algorithm) in KINDS {
        let file = key(place.path(), &format!("{kind}{bits}"), kind, bits);
        let signers = format!("alice {}\n", public(&file));
        let listed = backout::identity::AllowedSigners::parse(signers.as_bytes());
        let signer = Signer::find("alice", &listed, None, Some(&file)).unwrap();
        let signature = signer.sign(APPROVE, TEXT).unwrap();
        let question = Question::new(&signers, &signature);
        assert!(question.stock(place.path()), "{kind}{bits}");
        assert_eq!(question.ours().unwrap().algorithm, algorithm);
    }
}

#[test]
fn a_throw_away_key_written_to_a_file_is_an_ordinary_key() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let signer = Signer::generate_memory([9; 32]);
    let file = place.join("demo");
    signer.write_key_file(&file, "demo").unwrap();
    assert!(signer.write_key_file(&file, "demo").is_err(), "an existing file is never overwritten");
    let signature = stock_sign(&file, APPROVE, TEXT, &[]);
    let signers = format!("alice {}\n", signer.public_openssh());
    let question = Question::new(&signers, &signature);
    assert!(question.stock(place.path()));
    assert_eq!(question.ours().unwrap().fingerprint, signer.fingerprint());
}

#[test]
fn a_security_key_tells_whether_it_was_touched_and_untouched_ones_do_not_count() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    for token in [Token::ed25519(), Token::ecdsa()] {
        let signers = format!("alice {}\n", line_of(&token.blob()));
        for (flags, expected) in [
            (0x00, Presence::Absent),
            (0x01, Presence::Present),
            (0x04, Presence::Absent),
            (0x05, Presence::Verified),
        ] {
            let signature = token.sign(&token.blob(), flags, APPROVE, TEXT);
            let question = Question::new(&signers, &signature);
            assert!(question.stock(place.path()), "OpenSSH does not look at the flags");
            let signed = question.as_openssh().unwrap();
            assert_eq!((signed.presence, signed.counter), (expected, Some(7)));
            match expected {
                Presence::Absent => assert!(matches!(question.ours(), Err(Reject::NotTouched { .. }))),
                Presence::NotHardware | Presence::Present | Presence::Verified => {
                    assert_eq!(question.ours().unwrap().presence, expected);
                }
            }
        }
    }
}

#[test]
fn flags_and_counter_of_a_security_key_are_part_of_what_is_signed() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let token = Token::ed25519();
    let signers = format!("alice {}\n", line_of(&token.blob()));
    let mut signature = token.signature(0x00, 7, APPROVE, TEXT);
    let flags = signature.len() - 5;
    signature[flags] = 0x01;
    let lying =
        super::judge::armor(&super::judge::envelope(1, &token.blob(), APPROVE, "sha512", &signature), 70);
    let question = Question::new(&signers, &lying);
    assert!(!question.stock(place.path()));
    assert_eq!(question.ours(), Err(Reject::Mismatch));
}

#[test]
fn certificates_count_exactly_when_they_do_for_ssh_keygen() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let folder = place.path();
    let authorities = [
        key(folder, "ca-ed", "ed25519", ""),
        key(folder, "ca-ec", "ecdsa", "384"),
        key(folder, "ca-rsa", "rsa", "3072"),
    ];
    let other = public(&key(folder, "ca-other", "ed25519", ""));
    let good = ["-n", "alice,dba", "-V", "20260101000000Z:20270101000000Z", "-z", "77"];
    let cases: [(&str, &[&str], bool); 6] = [
        ("good", &good, true),
        ("others", &["-n", "bob"], false),
        ("nobody", &[], false),
        ("host", &["-h", "-n", "alice"], false),
        ("over", &["-n", "alice", "-V", "20250101000000Z:20260101000000Z"], false),
        ("early", &["-n", "alice", "-V", "20270101000000Z:20280101000000Z"], false),
    ];
    for (kind, bits, _) in KINDS {
        let file = key(folder, &format!("{kind}{bits}"), kind, bits);
        let plain = public(&file);
        let signature = stock_sign(&file, APPROVE, TEXT, &[]);
        let [_, _, _, hash, value] = super::judge::parts(&super::judge::dearmor(&signature));
        for (number, authority) in authorities.iter().enumerate() {
            let trusted = format!("* cert-authority {}\n", public(authority));
            for (name, options, expected) in cases {
                let name = format!("{kind}{bits}-{number}-{name}");
                let subject = file.with_added_extension("pub");
                let certificate = certify(folder, &name, authority, &subject, options);
                let hash = String::from_utf8(hash.clone()).unwrap();
                let bytes = super::judge::envelope(1, &blob(&certificate), APPROVE, &hash, &value);
                let signature = super::judge::armor(&bytes, 70);
                let question = Question::new(&trusted, &signature);
                assert_eq!(question.stock(folder), expected, "{name}");
                let verdict = question.ours();
                assert_eq!(verdict.is_ok(), expected, "{name}: {verdict:?}");
                if let Ok(signed) = verdict {
                    let certificate = signed.certificate.unwrap();
                    assert_eq!((certificate.serial, certificate.key_id), (77, name.clone()));
                    assert!(plain_fingerprint(&plain) == signed.fingerprint, "of the certified key");
                }
                // Neither the key's own line, nor another authority's, nor the authority's key as a person's key.
                for line in [&plain, &format!("cert-authority {other}"), &public(authority)] {
                    let signers = format!("alice {line}\n");
                    let question = Question::new(&signers, &signature);
                    assert!(!question.stock(folder) && question.ours().is_err(), "{name}: {signers}");
                }
            }
        }
    }
}

fn plain_fingerprint(public: &str) -> String {
    backout::identity::key::read_public(public.as_bytes()).unwrap().key().fingerprint()
}

#[test]
fn a_certificate_file_signs_with_the_private_key_beside_it() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let authority = key(place.path(), "ca", "ed25519", "");
    for (kind, bits) in [("ed25519", ""), ("rsa", "3072")] {
        let file = key(place.path(), kind, kind, bits);
        let subject = file.with_added_extension("pub");
        certify(
            place.path(),
            kind,
            &authority,
            &place.write("copy.pub", std::fs::read(&subject).unwrap()),
            &["-n", "alice"],
        );
        let signers = format!("alice cert-authority {}\n", public(&authority));
        let listed = backout::identity::AllowedSigners::parse(signers.as_bytes());
        let named = place.join(format!("{kind}-cert.pub"));
        let signer = Signer::find("alice", &listed, None, Some(&named)).unwrap();
        let signature = signer.sign(APPROVE, TEXT).unwrap();
        let question = Question { at: NOON, ..Question::new(&signers, &signature) };
        assert!(question.stock(place.path()), "{kind}");
        assert!(question.ours().unwrap().certificate.is_some(), "{kind}");
    }
}
