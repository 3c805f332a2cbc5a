//! `lint` as people and pipelines call it.

use serde_json::Value;

use super::{inside, workspace};
use crate::support::incident::runbook;
use crate::support::{Backout, Place};

const STEPS: &str = "- {id: look, check: {run: [cat, x], expect: {equals: a}}, estimate: 1s}
- {id: act, run: [touch, acted], timeout: 10s, role: sre, estimate: 1s}
- {id: proof, check: {run: [cat, acted], expect: {equals: a}}, estimate: 1s}";

#[test]
fn a_workspace_is_judged_as_a_whole() {
    let place = workspace(&runbook(STEPS));
    place.write("ws/runbooks/copy.yaml", runbook(STEPS));
    place.write("ws/allowed_signers", "mallory ssh-ed25519 AAAA\n");
    place.write("ws/backout.yaml", "sources: {stars: {http_json: 'http://h/'}}\n");
    place.write(
        "ws/team.yaml",
        "people:\n  - {id: ana, name: Ana, roles: [comander, sre], contact: x}\n  - {id: ben, name: Ben}\n",
    );
    let outcome = inside(&place).run(["lint", "--format", "json"]).exits(1);
    let json: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let codes: Vec<&str> =
        json["findings"].as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap()).collect();
    for code in [
        "team-no-key",
        "team-no-contact",
        "team-role-unknown",
        "signers-unreadable",
        "workspace-unused",
        "workspace-same-id",
    ] {
        assert!(codes.contains(&code), "{code} is not in {codes:?}");
    }
    let same =
        json["findings"].as_array().unwrap().iter().find(|f| f["code"] == "workspace-same-id").unwrap();
    assert_eq!((same["path"].as_str(), same["line"].as_u64()), (Some("runbooks/test.yaml"), Some(2)));
}

#[test]
fn warnings_are_enough_when_it_is_strict() {
    let place = workspace(&runbook(STEPS));
    inside(&place).run(["lint"]).exits(0);
    let outcome = inside(&place).run(["lint", "--strict"]).exits(1);
    assert!(outcome.stdout.contains("team-no-key"), "{}", outcome.stdout);
}

#[test]
fn every_format_names_the_rule_and_the_place() {
    let place = workspace(&runbook(&STEPS.replace("touch, acted", "rm, -rf, acted")));
    let said = |format: &str| inside(&place).run(["lint", "--format", format]).exits(0).stdout;
    assert!(said("text").contains("warning[lint-destructive]"));
    assert!(said("github").contains("::warning file=runbooks/test.yaml,line="));
    let sarif: Value = serde_json::from_str(&said("sarif")).unwrap();
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    assert!(
        rules.iter().any(|r| r["id"] == "lint-destructive" && r["help"]["text"].is_string()),
        "{rules:?}"
    );
}

#[test]
fn every_code_can_be_explained() {
    let place = Place::new();
    let backout = Backout::new(&place);
    let listed: Value =
        serde_json::from_str(&backout.run(["lint", "--rules", "--format", "json"]).exits(0).stdout).unwrap();
    let listed = listed.as_array().unwrap();
    assert!(listed.len() >= 40, "{}", listed.len());
    let code = listed[0]["code"].as_str().unwrap();
    let explained = backout.run(["lint", "--explain", code]).exits(0).stdout;
    assert!(explained.contains(listed[0]["fix"].as_str().unwrap()), "{explained}");
    let table = backout.run(["lint", "--rules"]).exits(0).stdout;
    assert_eq!(table.lines().count(), listed.len() + 2);
    let outcome = backout.run(["lint", "--explain", "lint-destructiv"]).exits(2);
    assert!(outcome.stderr.contains("did you mean `lint-destructive`?"), "{}", outcome.stderr);
}

#[test]
fn a_new_workspace_has_nothing_but_its_missing_key_to_complain_about() {
    let place = Place::new();
    let backout = Backout::new(&place);
    backout.run(["init", "shop"]).exits(0);
    let outcome = Backout::new(&place).inside(&place.join("shop")).run(["lint", "--format", "json"]).exits(0);
    let json: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let codes: Vec<&str> =
        json["findings"].as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["team-no-key"]);
}
