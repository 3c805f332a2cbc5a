//! Answers with every kind of key and certificate that count or do not: about something else, played again, or signed
//! with what is no key of theirs any more. What stock `ssh-keygen` says about each signature stands beside it. Each is
//! refused in words and recorded, and the room goes on.

use std::path::{Path, PathBuf};

use backout::client::answer::Draft;
use backout::core::event::{Mode, What};
use backout::core::statement::Answering;
use backout::identity::Signer;
use backout::identity::key::read_public;
use backout::identity::sshsig::{APPROVE, CLOSE};
use backout::wire::message::ActResult;

use super::house::{House, Seat, judged, recorded, runbook, signer, step};
use crate::identity::judge::{
    armor, blob, certify, dearmor, envelope, key, line_of, parts, public, stock_sign,
};
use crate::identity::soft::Token;
use crate::support::ssh::keygen_accepts;
use crate::support::{Agent, Place, need};

const HOLD: &str = "- id: hold
  approve: {require: [{role: sre, count: 1}], expires: 10m, covers: [act], separation_of_duties: []}
- {id: act, run: [touch, done], timeout: 10s, role: commander}";

/// What the test's own `ssh-keygen` says.
fn stock(house: &House, namespace: &str, text: &str, sshsig: &str) -> bool {
    let signature = house.place.write("judged.sig", sshsig);
    keygen_accepts(&house.dir.join("allowed_signers"), "ben", namespace, &signature, text.as_bytes())
}

fn refused(result: ActResult) -> String {
    match result {
        ActResult::Refused { why } => why,
        other => panic!("counted: {other:?}"),
    }
}

/// Why answers at the hold point did not count, as the record has it.
fn recorded_refusals(house: &House) -> Vec<String> {
    let all = recorded(&house.dir).into_iter();
    all.filter_map(|(_, what)| match what {
        What::Refused(r) if r.gate == step("hold") => Some(r.why),
        _ => None,
    })
    .collect()
}

/// The hold point is open, and ben has been asked.
async fn asked(house: &mut House) -> (Seat, Seat) {
    let (ana, mut ben) = house.declared().await;
    ben.until("the hold point opens", |i| i.gates.contains_key(&step("hold"))).await;
    (ana, ben)
}

/// The text with one of its lines replaced.
fn with(text: &str, line: &str, value: &str) -> String {
    let mut found = false;
    let lines = text.lines().map(|l| match l.split_once(": ") {
        Some((key, old)) if key == line => {
            found = true;
            let new = value.replace("{}", old);
            assert_ne!(new, old);
            format!("{key}: {new}\n")
        }
        _ => format!("{l}\n"),
    });
    let changed = lines.collect();
    assert!(found, "no `{line}` in {text}");
    changed
}

#[tokio::test]
async fn an_approval_of_anything_else_does_not_count_though_its_signature_is_good() {
    let Some(_) = need("ssh-keygen") else { return };
    let mut house = House::live(HOLD);
    let (mut ana, mut ben) = asked(&mut house).await;
    let ben_signs = signer("ben");
    let draft = ben.drafting("hold", "sre", &ben_signs.fingerprint());
    let other = draft.text.lines().find_map(|l| l.strip_prefix("plan: ")).unwrap().to_owned();
    let other: String = other.chars().rev().collect();
    let cases: [(&str, &str, &str, &str); 10] = [
        ("another incident", "log", "backout.test/01JD3K9W8ZQ4T6V2M7N5B1C0XB", "`log`"),
        ("another step", "step", "drop attempt 1", "`step`"),
        ("another attempt", "step", "hold attempt 2", "`step`"),
        ("another content", "plan", &other, "`plan`"),
        ("another role", "role", "commander", "`role`"),
        ("another person", "as", "ana", "`as`"),
        ("another decision", "decision", "deny", "`decision`"),
        ("another request", "nonce", "{}x", "`nonce`"),
        ("a longer time", "expires", "2099-01-01T00:00:00Z", "`expires`"),
        ("a head that never was", "seen", "1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "not this one"),
    ];
    for (what, line, value, says) in cases {
        let text = with(&draft.text, line, value);
        let sshsig = ben_signs.sign(APPROVE, text.as_bytes()).unwrap();
        assert!(stock(&house, APPROVE, &text, &sshsig), "{what}: it is ben's signature");
        let why = refused(ben.hands_in(&draft, &text, APPROVE, sshsig).await);
        assert!(why.contains(says), "{what}: {why}");
    }
    let all = recorded_refusals(&house);
    assert_eq!(all.len(), 8, "so many are kept of one name at one hold point: {all:?}");
    assert!(all.iter().all(|why| why.contains("not proved")), "{all:?}");
    assert!(all[0].contains("`log` line differs"), "{all:?}");

    // Nothing of this used up ben's own answer, and that counts once.
    let sshsig = ben_signs.sign(APPROVE, draft.text.as_bytes()).unwrap();
    let result = ben.hands_in(&draft, &draft.text, APPROVE, sshsig.clone()).await;
    assert!(matches!(result, ActResult::Recorded { .. }), "{result:?}");
    let why = refused(ben.hands_in(&draft, &draft.text, APPROVE, sshsig).await);
    assert!(why.contains("hold"), "{why}");
    ana.over("hold").await;
    ana.start("act").await;
    ana.over("act").await;
    assert_eq!(judged(&house).findings, []);
}

#[tokio::test]
async fn an_approval_of_the_attempt_before_is_none_of_the_next() {
    let Some(_) = need("ssh-keygen") else { return };
    let mut house = House::live(HOLD);
    let (mut ana, mut ben) = asked(&mut house).await;
    let ben_signs = signer("ben");
    let before = ben.drafting("hold", "sre", &ben_signs.fingerprint());
    let sshsig = ben_signs.sign(APPROVE, before.text.as_bytes()).unwrap();
    ana.until("the hold point opens", |i| i.gates.contains_key(&step("hold"))).await;
    ana.answer("hold", "sre", Answering::Deny).await;
    ana.over("hold").await;
    let again = backout::core::intent::Intent::DecideStep {
        step: step("hold"),
        choice: backout::core::event::Choice::Retry,
        reason: "asked again".to_owned(),
    };
    ana.done(again).await;
    ben.until("it is asked again", |i| i.gates[&step("hold")].attempt == 2).await;
    let why = refused(ben.hands_in(&before, &before.text, APPROVE, sshsig.clone()).await);
    assert!(why.contains("line differs") || why.contains("request"), "{why}");
    // Nor as an answer to the new request.
    let now = ben.drafting("hold", "sre", &ben_signs.fingerprint());
    let why = refused(ben.hands_in(&now, &before.text, APPROVE, sshsig).await);
    assert!(why.contains("line differs"), "{why}");
    assert_eq!(recorded_refusals(&house).len(), 2);
    ben.answer("hold", "sre", Answering::Approve).await;
    ana.over("hold").await;
}

/// Hands in the draft's text with this signature.
async fn offers(seat: &mut Seat, draft: &Draft, sshsig: &str) -> ActResult {
    seat.hands_in(draft, &draft.text, APPROVE, sshsig.to_owned()).await
}

fn fingerprint(public: &str) -> String {
    read_public(public.as_bytes()).unwrap().key().fingerprint()
}

/// An RSA signature with SHA-1, as an agent makes it for who does not ask for better.
fn with_sha1(place: &Place, file: &Path, text: &str) -> Option<String> {
    let agent = Agent::start(place, "sha1")?;
    agent.add(file);
    let presented = blob(&public(file));
    let value = crate::identity::judge::sha1_of_agent(agent.socket(), &presented, APPROVE, text.as_bytes());
    Some(armor(&envelope(1, &presented, APPROVE, "sha512", &value), 70))
}

#[tokio::test]
async fn a_key_that_is_expired_revoked_weak_or_for_something_else_does_not_count() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let folder = place.path();
    let [old, early, gone, git] =
        ["old", "early", "gone", "git"].map(|name| key(folder, name, "ed25519", ""));
    let (short, rsa) = (key(folder, "short", "rsa", "2048"), key(folder, "rsa", "rsa", "3072"));
    let stranger = key(folder, "stranger", "ed25519", "");
    let (listed, revoked) = (
        format!(
            "ben valid-before=\"20250101Z\" {}\nben valid-after=\"20990101Z\" {}\nben {}\nben namespaces=\"git\" {}\nben {}\nben {}\n",
            public(&old),
            public(&early),
            public(&gone),
            public(&git),
            public(&short),
            public(&rsa)
        ),
        format!("{}\n", public(&gone)),
    );
    let mut house = House::keyed(&runbook(HOLD), Mode::Live, b"sources: {}\n", &listed, &revoked);
    house.start().unwrap();
    let (mut ana, mut ben) = asked(&mut house).await;
    for (file, says, stock_says) in [
        (&old, "expired", false),
        (&early, "not valid yet", false),
        // Stock `ssh-keygen` was not given the list of what is revoked.
        (&gone, "revoked", true),
        (&git, "does not let", false),
        (&short, "2048", true),
        (&stranger, "has no line", false),
    ] {
        let draft = ben.drafting("hold", "sre", &fingerprint(&public(file)));
        let sshsig = stock_sign(file, APPROVE, draft.text.as_bytes(), &[]);
        assert_eq!(stock(&house, APPROVE, &draft.text, &sshsig), stock_says, "{says}");
        let why = refused(offers(&mut ben, &draft, &sshsig).await);
        assert!(why.contains(says), "{says}: {why}");
    }
    let draft = ben.drafting("hold", "sre", &fingerprint(&public(&rsa)));
    let Some(sha1) = with_sha1(&place, &rsa, &draft.text) else { return };
    assert!(!stock(&house, APPROVE, &draft.text, &sha1));
    let why = refused(offers(&mut ben, &draft, &sha1).await);
    assert!(why.contains("SHA-1"), "{why}");
    // Signed for another purpose, and called so, and called otherwise.
    let closes = stock_sign(&rsa, CLOSE, draft.text.as_bytes(), &[]);
    assert!(!stock(&house, APPROVE, &draft.text, &closes));
    let why = refused(offers(&mut ben, &draft, &closes).await);
    assert!(why.contains("was made for `close.v1@backout`"), "{why}");
    assert_eq!(recorded_refusals(&house).len(), 8);
    let why = refused(ben.hands_in(&draft, &draft.text, CLOSE, closes).await);
    assert!(why.contains("another purpose"), "{why}");

    let good = stock_sign(&rsa, APPROVE, draft.text.as_bytes(), &[]);
    assert!(stock(&house, APPROVE, &draft.text, &good));
    assert!(matches!(offers(&mut ben, &draft, &good).await, ActResult::Recorded { .. }));
    ana.over("hold").await;
}

#[tokio::test]
async fn a_certificate_counts_while_it_is_valid_for_the_person_and_its_authority_stands() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let folder = place.path();
    let [authority, fallen, mine] = ["ca", "fallen", "mine"].map(|name| key(folder, name, "ed25519", ""));
    let (listed, revoked) = (
        format!("ben cert-authority {}\nben cert-authority {}\n", public(&authority), public(&fallen)),
        format!("{}\n", public(&fallen)),
    );
    let mut house = House::keyed(&runbook(HOLD), Mode::Live, b"sources: {}\n", &listed, &revoked);
    house.start().unwrap();
    let (mut ana, mut ben) = asked(&mut house).await;
    let subject = mine.with_added_extension("pub");
    let draft = ben.drafting("hold", "sre", &fingerprint(&public(&mine)));
    let [_, _, _, _, value] = parts(&dearmor(&stock_sign(&mine, APPROVE, draft.text.as_bytes(), &[])));
    let presented = |name: &str, authority: &PathBuf, options: &[&str]| {
        let certificate = certify(folder, name, authority, &subject, options);
        armor(&envelope(1, &blob(&certificate), APPROVE, "sha512", &value), 70)
    };
    for (name, authority, options, says, stock_says) in [
        ("over", &authority, &["-n", "ben", "-V", "20250101000000Z:20260101000000Z"][..], "expired", false),
        ("others", &authority, &["-n", "ana"][..], "does not list ben", false),
        ("nobodys", &authority, &[][..], "lists no principal", false),
        ("fallen", &fallen, &["-n", "ben"][..], "revoked", true),
    ] {
        let sshsig = presented(name, authority, options);
        assert_eq!(stock(&house, APPROVE, &draft.text, &sshsig), stock_says, "{name}");
        let why = refused(offers(&mut ben, &draft, &sshsig).await);
        assert!(why.contains(says), "{name}: {why}");
    }
    assert_eq!(recorded_refusals(&house).len(), 4);
    let sshsig = presented("good", &authority, &["-n", "ben", "-V", "20260101000000Z:20990101000000Z"]);
    assert!(stock(&house, APPROVE, &draft.text, &sshsig));
    let result = offers(&mut ben, &draft, &sshsig).await;
    assert!(matches!(result, ActResult::Recorded { .. }), "{result:?}");
    ana.over("hold").await;
    assert_eq!(judged(&house).findings, []);
}

#[tokio::test]
async fn a_security_key_must_be_touched_and_verified_where_the_workspace_says_so() {
    let Some(_) = need("ssh-keygen") else { return };
    for (verify_required, cases) in [
        (false, [(0x00, Some("touched")), (0x04, Some("touched")), (0x01, None)]),
        (true, [(0x00, Some("touched")), (0x01, Some("verify-required")), (0x05, None)]),
    ] {
        for token in [Token::ed25519(), Token::ecdsa()] {
            let line = line_of(&token.blob());
            let config = format!("policies: {{verify_required: {verify_required}}}\n");
            let listed = format!("ben {line}\n");
            let mut house = House::keyed(&runbook(HOLD), Mode::Live, config.as_bytes(), &listed, "");
            house.start().unwrap();
            let (mut ana, mut ben) = asked(&mut house).await;
            let draft = ben.drafting("hold", "sre", &fingerprint(&line));
            for (flags, says) in cases {
                let sshsig = token.sign(&token.blob(), flags, APPROVE, draft.text.as_bytes());
                assert!(stock(&house, APPROVE, &draft.text, &sshsig), "OpenSSH does not look at the flags");
                let result = offers(&mut ben, &draft, &sshsig).await;
                match says {
                    Some(says) => {
                        let why = refused(result);
                        assert!(why.contains(says), "{flags:#x}: {why}");
                    }
                    None => assert!(matches!(result, ActResult::Recorded { .. }), "{flags:#x}: {result:?}"),
                }
            }
            assert_eq!(recorded_refusals(&house).len(), 2);
            ana.over("hold").await;
            assert_eq!(judged(&house).findings, []);
        }
    }
}

#[tokio::test]
async fn somebody_who_uses_anothers_name_does_not_use_up_their_answers() {
    let mut house = House::live(HOLD);
    let (mut ana, mut ben) = asked(&mut house).await;
    let draft = ben.drafting("hold", "sre", &signer("ben").fingerprint());
    let mallory = Signer::generate_memory([66; 32]);
    for _ in 0..20 {
        let sshsig = mallory.sign(APPROVE, draft.text.as_bytes()).unwrap();
        refused(offers(&mut ben, &draft, &sshsig).await);
    }
    assert_eq!(recorded_refusals(&house).len(), 8, "bounded");
    ben.answer("hold", "sre", Answering::Approve).await;
    let again = ben.hands_in(
        &draft,
        &draft.text,
        APPROVE,
        signer("ben").sign(APPROVE, draft.text.as_bytes()).unwrap(),
    );
    refused(again.await);
    let all = recorded_refusals(&house);
    assert_eq!(all.len(), 9, "ben's own second answer is recorded all the same: {all:?}");
    assert!(!all[8].contains("not proved"), "{all:?}");
    ana.over("hold").await;
}
