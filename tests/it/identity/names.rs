//! Principals that a reader would take for somebody else: whom they are for both judges, and how they are shown.

use backout::identity::allowed_signers::Rule;
use backout::identity::sshsig::APPROVE;
use backout::identity::{AllowedSigners, Signer};

use super::judge::{Question, TEXT, armor, blob, certify, dearmor, envelope, key, parts, public, stock_sign};
use crate::support::{Place, need};

/// `alice` and `zoe`, nearly: other alphabets, composed and combining accents, invisible and reordering characters,
/// wide letters, quotes, a dash in front, and very long.
fn odd() -> Vec<String> {
    let mut all: Vec<String> = [
        "\u{430}lice",
        "\u{ff41}lice",
        "alice\u{200b}",
        "a\u{202e}lice",
        "al\u{ad}ice",
        "a\u{301}lice",
        "zo\u{eb}",
        "zoe\u{308}",
        "alice\u{1b}[2J",
        "Alice",
        "-alice",
        "ali\"ce",
        "al'ice",
        "\u{1d41a}lice",
        "alice\u{85}",
    ]
    .map(str::to_owned)
    .to_vec();
    all.push("alice".repeat(60));
    all
}

#[test]
fn an_odd_principal_is_nobody_else_for_either_judge_and_lint_tells_it_by_its_numbers() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let signer = Signer::generate_memory([3; 32]);
    let signature = signer.sign(APPROVE, TEXT).unwrap();
    for odd in odd() {
        let signers = format!("{odd} {}\n", signer.public_openssh());
        let asked = Question::new(&signers, &signature);
        let others = ["alice", "zoe", "zo\u{eb}", "zoe\u{308}", "ALICE"];
        for principal in others.into_iter().filter(|p| *p != odd) {
            let asked = Question { principal, ..asked.clone() };
            assert!(!asked.stock(place.path()), "{odd:?} as {principal:?}");
            assert!(asked.ours().is_err(), "{odd:?} as {principal:?}");
        }
        let itself = Question { principal: &odd, ..asked };
        assert_eq!(itself.ours().is_ok(), itself.stock(place.path()), "{odd:?}");
        let found = AllowedSigners::parse(signers.as_bytes()).lint();
        let told = found.iter().find(|f| matches!(f.rule, Rule::OddName | Rule::Unreadable));
        let told = &told.unwrap_or_else(|| panic!("{odd:?}: {found:?}")).message;
        assert!(told.chars().all(|c| matches!(c, ' '..='~' | '…')), "{told}");
        assert!(odd.is_ascii() || told.contains("\\u{"), "{told}");
    }
}

#[test]
fn a_certificate_for_somebody_who_looks_like_alice_does_not_speak_for_alice() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let folder = place.path();
    let authority = key(folder, "ca", "ed25519", "");
    let file = key(folder, "mine", "ed25519", "");
    let [_, _, _, _, value] = parts(&dearmor(&stock_sign(&file, APPROVE, TEXT, &[])));
    let odd = odd().into_iter().filter(|name| !name.starts_with('-'));
    for (n, odd) in odd.enumerate() {
        let subject = file.with_added_extension("pub");
        let certificate = certify(folder, &format!("cert{n}"), &authority, &subject, &["-n", &odd]);
        let presented = blob(&certificate);
        let signature = armor(&envelope(1, &presented, APPROVE, "sha512", &value), 70);
        for signers in ["alice", "*"].map(|who| format!("{who} cert-authority {}\n", public(&authority))) {
            let alice = Question::new(&signers, &signature);
            assert!(!alice.stock(folder) && alice.ours().is_err(), "{odd:?}: {signers}");
            let itself = Question { principal: &odd, ..alice };
            assert_eq!(itself.ours().is_ok(), itself.stock(folder), "{odd:?}: {signers}");
        }
    }
}
