//! Signing with nothing but stock ssh and ssh-keygen on one's own machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::laptop::Laptop;
use crate::support::incident::{SECRET, runbook};
use crate::support::ssh::keygen_accepts;
use crate::support::{Incident, Place, Team};

const HOLD: &str = "- id: hold
  approve: {require: [{role: sre, count: 1}], expires: 15m, covers: [act]}
- {id: act, run: [touch, acted], timeout: 10s, role: sre}";

/// `ssh host backout pending …` into a file.
fn pending(incident: &Incident, laptop: &Laptop, words: &str) -> PathBuf {
    let outcome = laptop.ssh(&format!("backout pending {} {words}", incident.id), b"").exits(0);
    laptop.place.write("s", outcome.stdout)
}

/// `ssh-keygen -Y sign`, the signature beside the text.
fn sign(text: &Path, key: &Path, namespace: &str) -> Vec<u8> {
    let signature = text.with_added_extension("sig");
    let _ = std::fs::remove_file(&signature);
    let output = Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", namespace, "-f"])
        .arg(key)
        .arg(text)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    std::fs::read(signature).unwrap()
}

fn submit(incident: &Incident, laptop: &Laptop, input: &[u8]) -> crate::support::Outcome {
    laptop.ssh(&format!("backout submit {}", incident.id), input)
}

#[test]
fn declaring_approving_and_closing_with_ssh_and_ssh_keygen_alone() {
    let Some(incident) = Incident::undeclared(HOLD, &[]) else { return };
    let Some(laptop) = Laptop::new(&incident) else { return };
    let (ana, ben) = (incident.team.ana.key.clone(), incident.team.ben.key.clone());

    let text = pending(&incident, &laptop, "--as ana");
    let signature = sign(&text, &ana, "approve.v1@backout");
    let said = submit(&incident, &laptop, &signature).exits(0).stdout;
    assert!(said.starts_with("recorded as event "), "{said}");
    incident.until_step("hold", "waiting");
    incident.ok("cho", &["assume", "sre"]);

    // Text and signature together, as somebody hands them in from another account.
    let text = pending(&incident, &laptop, "hold --as ben --reason 'lag 0, snapshot taken'");
    let signature = sign(&text, &ben, "approve.v1@backout");
    let words = std::fs::read_to_string(&text).unwrap();
    assert!(words.contains("\nreason: lag 0, snapshot taken\n"), "{words}");
    assert!(keygen_accepts(
        &incident.team.allowed_signers(),
        "ben",
        "approve.v1@backout",
        &text.with_added_extension("sig"),
        words.as_bytes()
    ));
    submit(&incident, &laptop, &[words.as_bytes(), &signature].concat()).exits(0);
    incident.until_step("hold", "succeeded");
    let granted = incident.recorded("approval.granted");
    assert_eq!(granted[1]["auth"]["statement"], words.as_str());
    assert_eq!(granted[1]["auth"]["display"], "local");

    incident.does("cho", "act");
    incident.ok("ana", &["resolve", "--reason", "whole again"]);
    let text = pending(&incident, &laptop, "close --as ana --reason done");
    submit(&incident, &laptop, &sign(&text, &ana, "close.v1@backout")).exits(0);
    incident.until("it is closed", || incident.status()["stage"] == "closed");
    let signers = incident.team.allowed_signers();
    let verify = ["verify", &incident.id, "--allowed-signers", signers.to_str().unwrap()];
    incident.backout("ana").run(verify).exits(0);
}

#[test]
fn denying_and_breaking_the_glass_with_ssh_keygen() {
    let place = Place::new();
    let Some(team) = Team::gather(&place) else { return };
    let glass = "declare:\n  override: {require: [{role: executive, count: 1}], reason: required}\n";
    let text = runbook(HOLD)
        .replace("declare:\n", glass)
        .replace("  sre: {min: 1}\n", "  sre: {min: 1}\n  executive: {}\n");
    place.write("ws/runbooks/test.yaml", text);
    let incident = Incident::open(place, team, "ana", &["runbooks/test.yaml"], &[("TEST_TOKEN", SECRET)]);
    let Some(laptop) = Laptop::new(&incident) else { return };
    let cho = incident.team.cho.key.clone();
    let text = pending(
        &incident,
        &laptop,
        "declare --override --as ana --role executive --reason 'nobody is awake'",
    );
    let key = incident.team.ana.key.clone();
    submit(&incident, &laptop, &sign(&text, &key, "override.v1@backout")).exits(0);
    assert_eq!(incident.recorded("override.used").len(), 1);
    incident.until_step("hold", "waiting");
    let text = pending(&incident, &laptop, "hold --deny --as cho --reason no");
    submit(&incident, &laptop, &sign(&text, &cho, "approve.v1@backout")).exits(0);
    assert!(incident.until_step("hold", "failed").contains("denied by cho"));
}

#[test]
fn what_was_not_shown_or_not_signed_so_is_refused_in_words() {
    let Some(incident) = Incident::undeclared(HOLD, &[]) else { return };
    let Some(laptop) = Laptop::new(&incident) else { return };
    let (ana, ben) = (incident.team.ana.key.clone(), incident.team.ben.key.clone());
    let says = |input: &[u8], code: i32, words: &str| {
        let outcome = submit(&incident, &laptop, input).exits(code);
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    };
    let text = pending(&incident, &laptop, "--as ana");
    let shown = std::fs::read_to_string(&text).unwrap();
    says(b"", 2, "no SSH signature");
    says(shown.as_bytes(), 2, "no SSH signature");
    says(&sign(&text, &ana, "file"), 4, "fits the signature");
    // Another's key over the text, and a text that was changed before it was signed.
    says(&sign(&text, &ben, "approve.v1@backout"), 4, "ana");
    let changed = laptop.place.write("t", shown.replace("decision: approve", "decision: deny"));
    let signature = sign(&changed, &ana, "approve.v1@backout");
    says(&signature, 4, "no statement that this account was shown");
    says(&[&std::fs::read(&changed).unwrap()[..], &signature].concat(), 4, "reason");
    assert!(incident.recorded("approval.granted").is_empty());
    // Twice is once.
    let signature = sign(&text, &ana, "approve.v1@backout");
    submit(&incident, &laptop, &signature).exits(0);
    says(&signature, 4, "");
    assert_eq!(incident.recorded("approval.granted").len(), 1);
    let outcome = laptop.ssh(&format!("backout pending {} --as ana", incident.id), b"").exits(4);
    assert!(outcome.stderr.contains("nothing waits for `ana`"), "{}", outcome.stderr);
}
