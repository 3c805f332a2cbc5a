//! Scenarios as `lint` and `schema` know them.

use backout::core::event::What;
use backout::runbook::scenario::events::EVENTS;
use serde_json::Value;

use super::{inside, workspace};
use crate::support::{Backout, Place, repository};

const SCENARIO: &str = "runbooks/scenarios/shop-checkouts-fail.yaml";
const RUNBOOK: &str = "runbooks/shop-deploy-rollback.yaml";

fn shipped(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).unwrap()
}

/// A workspace with the shop's runbook, and this scenario.
fn with(scenario: &str) -> Place {
    let place = workspace(&shipped(RUNBOOK));
    place.write(
        "ws/backout.yaml",
        "sources: {shop: {http_json: 'http://127.0.0.1:1/'}}\nchannels: {paper: {file: sent.txt}}\n",
    );
    place.write("ws/team.yaml", "people:\n  - {id: ana, name: Ana, roles: [commander, sre, operator]}\n  - {id: ben, name: Ben, roles: [commander, sre, operator]}\n  - {id: cho, name: Cho, roles: [sre]}\n");
    place.write("ws/runbooks/scenarios/fail.yaml", scenario);
    place
}

fn findings(place: &Place, more: &[&str], exit: i32) -> Vec<Value> {
    let outcome = inside(place).run([&["lint", "--format", "json"], more].concat()).exits(exit);
    let json: Value = serde_json::from_str(&outcome.stdout).unwrap();
    json["findings"].as_array().unwrap().clone()
}

#[test]
fn what_a_scenario_can_wait_for_is_in_every_record() {
    for (kind, ..) in EVENTS {
        assert!(What::KINDS.contains(kind), "the record has no `{kind}`");
    }
}

#[test]
fn a_scenario_is_judged_with_its_workspace() {
    let place = with(&shipped(SCENARIO));
    let outcome = inside(&place).run(["lint"]).exits(0);
    assert!(outcome.stderr.contains("runbooks: 1, scenarios: 1, errors: 0"), "{}", outcome.stderr);
    assert!(!outcome.stdout.contains("scenario"), "{}", outcome.stdout);

    let place = with(
        &shipped(SCENARIO).replace("'orders-kept', 'pass')\", before", "'orders-keep', 'pass')\", before"),
    );
    let found = findings(&place, &[], 1);
    let never = found.iter().find(|f| f["code"] == "scenario-event-never").unwrap();
    assert_eq!(never["path"], "runbooks/scenarios/fail.yaml");
    let line = shipped(SCENARIO).lines().position(|l| l.contains("id: compared")).unwrap() + 1;
    assert_eq!(never["line"], line);
    // Named alone it is judged beside the workspace's runbooks all the same.
    let alone = findings(&place, &["runbooks/scenarios/fail.yaml"], 1);
    assert!(alone.iter().any(|f| f["code"] == "scenario-event-never"), "{alone:?}");
    let folder = findings(&place, &["runbooks"], 1);
    assert!(folder.iter().any(|f| f["code"] == "scenario-event-never"), "{folder:?}");
}

#[test]
fn a_broken_scenario_is_pointed_at_in_every_format() {
    let place = with(&shipped(SCENARIO).replace("t >= 8m", "t >= 8"));
    let text = inside(&place).run(["lint"]).exits(1).stdout;
    assert!(text.contains("runbooks/scenarios/fail.yaml:") && text.contains("^"), "{text}");
    assert!(text.contains("`8` is no duration") && text.contains("write it with a unit: 90s, 8m"), "{text}");
    let github = inside(&place).run(["lint", "--format", "github"]).exits(1).stdout;
    assert!(github.contains("::error file=runbooks/scenarios/fail.yaml,line="), "{github}");
    let sarif = inside(&place).run(["lint", "--format", "sarif"]).exits(1).stdout;
    assert!(sarif.contains("scenario-when"), "{sarif}");
    for code in ["scenario-when", "scenario-no-decision"] {
        inside(&place).run(["lint", "--explain", code]).exits(0);
    }
    inside(&place).run(["lint", "--explain", "scenario-wen"]).exits(2);
}

#[test]
fn a_scenario_by_its_folder_is_one_whatever_it_holds() {
    let place = with("nothing: here\n");
    let found = findings(&place, &[], 1);
    assert!(
        found.iter().any(|f| f["code"] == "parse-missing-key" && f["message"] == "scenario has no `schema`")
    );
}

#[test]
fn outside_of_a_workspace_the_runbook_named_beside_it_counts() {
    let place = Place::new();
    place.write("a.yaml", shipped(SCENARIO));
    place.write("b.yaml", shipped(RUNBOOK));
    let judged = |paths: &[&str]| Backout::new(&place).run([&["lint", "--strict"], paths].concat());
    judged(&["a.yaml"]).exits(0);
    judged(&["a.yaml", "b.yaml"]).exits(0);
    place.write("b.yaml", shipped(RUNBOOK).replace("id: shop-deploy-rollback", "id: other"));
    judged(&["a.yaml", "b.yaml"]).exits(1);
}
