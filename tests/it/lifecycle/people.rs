//! Hold points and keys.

use crate::support::Incident;
use crate::support::ssh::{KeyKind, make_key};

fn hold(expires: &str) -> String {
    format!(
        "- id: hold
  approve: {{require: [{{role: sre, count: 1}}], expires: {expires}, covers: [act]}}
- {{id: act, run: [touch, acted], timeout: 10s, role: operator}}"
    )
}

/// Cho does what ben approves.
fn held(expires: &str) -> Option<Incident> {
    let steps = hold(expires).replace("role: operator", "role: sre");
    let incident = Incident::declared(&steps)?;
    incident.ok("cho", &["assume", "sre"]);
    Some(incident)
}

#[test]
fn nothing_covered_starts_before_the_approval() {
    let Some(incident) = held("15m") else { return };
    incident.until_step("hold", "waiting");
    incident.refused("cho", &["start", "act"], "hold");
    incident.refused("ana", &["approve", "hold", "--yes"], "`ana` is none of these");
    incident.refused("ben", &["approve", "hold", "--yes", "--role", "commander"], "asks for no one");
    incident.ok("ben", &["approve", "hold", "--yes"]);
    incident.until_step("hold", "succeeded");
    incident.does("cho", "act");
}

#[test]
fn an_approval_that_comes_too_late_does_not_count() {
    let Some(incident) = held("1s") else { return };
    incident.until("the hold point has expired", || incident.recorded("approval.expired").len() == 1);
    incident.refused("ben", &["approve", "hold", "--yes"], "not open: it is expired");
    assert_eq!(incident.recorded("approval.refused").len(), 1, "what came late is kept");
    incident.refused("cho", &["start", "act"], "hold");
    incident.refused("ana", &["skip", "hold", "--reason", "x"], "hold point");
    assert!(!incident.file("acted").exists());
    incident.ok("ana", &["retry", "hold", "--reason", "ask again"]);
    incident.until("it is asked for again", || incident.recorded("approval.requested").len() == 3);
}

#[test]
fn who_denies_says_why_and_the_step_does_not_run() {
    let Some(incident) = held("15m") else { return };
    incident.until_step("hold", "waiting");
    incident.refused("ben", &["deny", "hold", "--yes"], "reason");
    incident.ok("ben", &["deny", "hold", "--yes", "--reason", "the backup is not done"]);
    assert!(incident.until_step("hold", "failed").contains("denied by ben"));
    incident.refused("ben", &["approve", "hold", "--yes"], "not");
    incident.refused("cho", &["start", "act"], "hold is failed");
}

#[test]
fn somebody_elses_name_or_key_opens_no_door() {
    let Some(incident) = held("15m") else { return };
    incident.until_step("hold", "waiting");
    let with_anas_keys = incident.backout("ana");
    let as_ben = ["--as", "ben", "approve", incident.id.as_str(), "hold", "--yes"];
    let outcome = with_anas_keys.run(as_ben).exits(3);
    assert!(outcome.stderr.contains("no key of yours can sign"), "{}", outcome.stderr);

    let stranger = incident.place.join("keys/stranger");
    make_key(&stranger, KeyKind::Ed25519, "stranger");
    let key = stranger.to_str().unwrap();
    let outcome = incident.backout("ana").env("SSH_AUTH_SOCK", "/nonexistent");
    let outcome =
        outcome.run(["--key", key, "--as", "ben", "approve", incident.id.as_str(), "hold", "--yes"]).exits(3);
    assert!(outcome.stderr.contains("ben"), "{}", outcome.stderr);
    assert_eq!(incident.recorded("approval.granted").len(), 1, "only the declaration");
}

#[test]
fn without_a_key_nothing_is_signed() {
    let Some(incident) = held("15m") else { return };
    incident.until_step("hold", "waiting");
    incident.team.ben.agent.forget_all();
    let outcome = incident.act("ben", &["approve", "hold", "--yes"]).exits(3);
    assert!(outcome.stderr.contains("ssh-add"), "{}", outcome.stderr);
    let key = incident.team.ben.key.to_str().unwrap();
    incident.backout("ben").run(["--key", key, "approve", incident.id.as_str(), "hold", "--yes"]).exits(0);
    incident.until_step("hold", "succeeded");
}

#[test]
fn a_key_past_its_day_is_no_key() {
    let Some(incident) = Incident::undeclared(&hold("15m").replace("operator", "sre"), &[]) else { return };
    let roster = incident.team.allowed_signers();
    let text = std::fs::read_to_string(&roster).unwrap();
    let expired = text.replace("ana ssh", "ana valid-before=\"20200101\" ssh");
    std::fs::write(&roster, expired).unwrap();
    let elsewhere = incident.place.folder("other");
    let open = ["--state", elsewhere.to_str().unwrap(), "open", "runbooks/test.yaml", "--headless"];
    let outcome = incident.backout("ana").run(open).exits(3);
    assert!(outcome.stderr.contains("expired") || outcome.stderr.contains("2020"), "{}", outcome.stderr);
    // What is pinned in the incident still counts there.
    incident.ok("ana", &["approve", "declare", "--yes"]);
}

#[test]
fn nobody_to_ask_is_no_consent() {
    let Some(incident) = held("15m") else { return };
    incident.until_step("hold", "waiting");
    let outcome = incident.act("ben", &["approve", "hold"]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(outcome.stderr.contains("--yes"), "{}", outcome.stderr);
    let outcome = incident.act("ana", &["close", "--reason", "x"]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert_eq!(incident.step("hold")["status"], "waiting");
}
