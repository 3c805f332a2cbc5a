use super::*;
use crate::identity::Signer;
use crate::identity::sshsig::{APPROVE, CLOSE};

const NOON: u64 = 1_795_176_000; // 2026-11-20T12:00:00Z
const TEXT: &[u8] = b"backout approval v1\n";

fn alice() -> Signer {
    Signer::generate_memory([1; 32])
}

fn verdict(file: &str, principal: &str, at: u64) -> Result<Signed, Reject> {
    let signature = alice().sign(APPROVE, TEXT).unwrap();
    AllowedSigners::parse(file.as_bytes()).verify(principal, APPROVE, TEXT, &signature, at, &Revoked::none())
}

fn line(before_key: &str) -> String {
    format!("{before_key} {} a comment\n", alice().public_openssh())
}

fn problem(text: &str) -> String {
    AllowedSigners::parse(text.as_bytes()).errors().iter().map(ToString::to_string).collect()
}

#[test]
fn a_listed_key_counts_and_says_how_it_signed() {
    let signed = verdict(&line("alice@example.com"), "alice@example.com", NOON).unwrap();
    assert_eq!(signed.fingerprint, alice().fingerprint());
    assert_eq!(signed.algorithm, "ssh-ed25519");
    assert_eq!(signed.presence, Presence::NotHardware);
    assert_eq!((signed.certificate, signed.line), (None, 1));
}

#[test]
fn another_persons_key_is_not_listed() {
    let rejected = verdict(&line("alice@example.com"), "bob@example.com", NOON).unwrap_err();
    assert!(matches!(rejected, Reject::NotListed { .. }));
    assert!(rejected.to_string().contains("bob@example.com"));
}

#[test]
fn a_changed_text_is_not_called_unlisted() {
    let signature = alice().sign(APPROVE, TEXT).unwrap();
    let signers = AllowedSigners::parse(line("alice").as_bytes());
    let rejected =
        signers.verify("alice", APPROVE, b"another text\n", &signature, NOON, &Revoked::none()).unwrap_err();
    assert_eq!(rejected, Reject::Mismatch);
}

#[test]
fn a_revoked_key_does_not_count() {
    let signature = alice().sign(APPROVE, TEXT).unwrap();
    let revoked = Revoked::parse(alice().public_openssh().as_bytes()).unwrap();
    let signers = AllowedSigners::parse(line("alice").as_bytes());
    let rejected = signers.verify("alice", APPROVE, TEXT, &signature, NOON, &revoked).unwrap_err();
    assert!(matches!(rejected, Reject::Revoked { .. }));
}

#[test]
fn a_line_for_other_purposes_does_not_count() {
    assert!(verdict(&line("alice namespaces=\"git,*@backout\""), "alice", NOON).is_ok());
    let rejected = verdict(&line("alice namespaces=\"git\""), "alice", NOON).unwrap_err();
    assert_eq!(rejected, Reject::OtherPurpose { line: 1, namespace: APPROVE.to_owned() });
    assert!(verdict(&line(&format!("alice namespaces=\"*,!{APPROVE}\"")), "alice", NOON).is_err());
    let signature = alice().sign(CLOSE, TEXT).unwrap();
    let signers = AllowedSigners::parse(line("alice").as_bytes());
    let rejected = signers.verify("alice", APPROVE, TEXT, &signature, NOON, &Revoked::none()).unwrap_err();
    assert!(matches!(rejected, Reject::Namespace { .. }));
}

#[test]
fn the_window_includes_both_of_its_ends() {
    let file = line("alice valid-after=\"20261120115959Z\",valid-before=\"20261120120001Z\"");
    assert_eq!(verdict(&file, "alice", NOON - 2).unwrap_err(), Reject::NotYetValid { line: 1 });
    assert!(verdict(&file, "alice", NOON - 1).is_ok());
    assert!(verdict(&file, "alice", NOON + 1).is_ok());
    assert_eq!(verdict(&file, "alice", NOON + 2).unwrap_err(), Reject::Expired { line: 1 });
}

#[test]
fn a_later_line_may_say_yes_where_an_earlier_one_said_no() {
    let file = format!("{}{}", line("alice namespaces=\"git\""), line("alice"));
    assert_eq!(verdict(&file, "alice", NOON).unwrap().line, 2);
}

#[test]
fn a_pattern_lets_openssh_in_but_not_us() {
    let file = line("*@example.com");
    let signature = alice().sign(APPROVE, TEXT).unwrap();
    let signers = AllowedSigners::parse(file.as_bytes());
    let none = Revoked::none();
    let name = "alice@example.com";
    assert!(signers.verify_as_openssh(name, APPROVE, TEXT, &signature, NOON, &none).is_ok());
    let rejected = signers.verify(name, APPROVE, TEXT, &signature, NOON, &none).unwrap_err();
    assert!(rejected.is_stricter_than_openssh(), "{rejected}");
}

#[test]
fn quoted_principals_and_comments_and_line_ends_are_read_like_openssh_does() {
    for file in [
        format!("# team\r\n\r\n{}", line("\"alice\"").replace('\n', "\r\n")),
        format!("\n \t\n  {}", line("bob,alice")),
        line("alice CERT-authority").replace("CERT-authority ", ""),
        line("alice ,namespaces=\"a,approve.v1@backout\""),
        line("alice").trim_end().to_owned(),
    ] {
        assert!(verdict(&file, "alice", NOON).is_ok(), "{file:?}");
    }
}

#[test]
fn every_unreadable_line_has_its_number_and_reason() {
    for (text, expected) in [
        ("\nalice\n", "line 2: a key is missing"),
        ("alice ssh-ed25519\n", "line 1: a key is missing"),
        ("alice ssh-ed25519 AAAA=\n", "line 1: the key is not base64"),
        ("\"alice ssh-ed25519 AAAA\n", "line 1: a quote is not closed"),
        (&line("alice touch-required"), "line 1: `touch-required` is not an option"),
        (&line("alice cert-authorityx"), "`cert-authorityx` is not an option"),
        (&line("alice namespaces=git"), "the value of `namespaces` must be in double quotes"),
        (&line("alice namespaces=\"a\",namespaces=\"b\""), "`namespaces` is given twice"),
        (&line("alice valid-after=\"tomorrow\""), "`valid-after` must be YYYYMMDD"),
        (&line("alice cert-authority,"), "the options end in a comma"),
        (
            &line("alice valid-after=\"20260102Z\",valid-before=\"20260101Z\""),
            "valid-before is not after valid-after",
        ),
        ("alice ssh-mldsa44-ed25519@openssh.com AAAA x\n", "`ssh-mldsa44-ed25519@openssh.com` are not known"),
    ] {
        let found = problem(text);
        assert!(found.contains(expected), "{text:?}: {found:?}");
    }
}

#[test]
fn an_unreadable_line_lets_nobody_in() {
    assert!(verdict(&line("alice touch-required"), "alice", NOON).is_err());
}

#[test]
fn lint_names_what_the_file_hides() {
    let bob = Signer::generate_memory([2; 32]).public_openssh();
    let file = format!(
        "alice {alice}\ncarol {alice}\n*@example.com {bob}\nca cert-authority {bob}\nalice valid-after=\"20260101\" {alice}\nx\n",
        alice = alice().public_openssh(),
    );
    let rules: Vec<(usize, Rule)> = AllowedSigners::parse(file.as_bytes())
        .lint()
        .into_iter()
        .map(|finding| (finding.line, finding.rule))
        .collect();
    assert_eq!(
        rules,
        [
            (2, Rule::SharedKey),
            (3, Rule::Wildcard),
            (4, Rule::AuthorityAndPerson),
            (5, Rule::LocalTime),
            (6, Rule::Unreadable)
        ]
    );
}

#[test]
fn a_clean_file_has_no_findings() {
    let file = format!("# team\n{}", line("alice namespaces=\"*@backout\",valid-before=\"20990101Z\""));
    assert_eq!(AllowedSigners::parse(file.as_bytes()).lint(), []);
}

#[test]
fn keys_of_a_person_and_people_of_a_key_agree() {
    let file = line("alice,bob");
    let signers = AllowedSigners::parse(file.as_bytes());
    assert_eq!(signers.keys_of("alice").len(), 1);
    assert_eq!(signers.keys_of("carol").len(), 0);
    assert_eq!(signers.principals_of(alice().presented()), ["alice", "bob"]);
    let git_only = AllowedSigners::parse(line("alice namespaces=\"git\"").as_bytes());
    assert_eq!(git_only.principals_of(alice().presented()), Vec::<String>::new());
}
