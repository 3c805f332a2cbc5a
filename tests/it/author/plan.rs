//! `plan --probe` looks, and touches nothing.

use serde_json::Value;

use super::{inside, workspace};
use crate::support::incident::{SECRET, runbook};
use crate::support::{Backout, Outcome, Place};

const STEPS: &str = "- {id: there, check: {run: [cat, state], expect: {equals: bad}}, estimate: 1m}
- {id: before, measure: {run: [cat, state]}, as: before, estimate: 1m}
- {id: same, check: {run: [cat, state], expect: {same_as: before}}, estimate: 1m}
- {id: soon, await: {run: [cat, state], expect: {equals: good}, within: 5m}, estimate: 1m}
- {id: sneaky, check: {run: 'touch probed; kill -0 1; echo ok', expect: {equals: ok}}, estimate: 1m}
- {id: told, check: {run: 'echo \"$T\"', expect: {not_equals: x}}, env: {T: '{{ params.token }}'}, estimate: 1m}
- {id: act, run: [touch, acted], timeout: 10s, role: sre, estimate: 2m}
- {id: after, check: {run: [cat, acted], expect: {equals: done}}, estimate: 1m}";

fn probed(place: &Place, more: &[&str]) -> Outcome {
    let backout: Backout = inside(place).env("TEST_TOKEN", SECRET);
    backout.run([&["plan", "runbooks/test.yaml", "--probe"], more].concat())
}

#[test]
fn a_probe_runs_what_looks_and_nothing_else() {
    let place = workspace(&runbook(STEPS));
    place.write("ws/state", "bad\n");
    let outcome = probed(&place, &["--format", "json"]).exits(0);
    let json: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let steps = json["phases"][0]["steps"].as_array().unwrap();
    let said: Vec<(&str, &str)> = steps
        .iter()
        .map(|s| (s["id"].as_str().unwrap(), s["probe"]["verdict"].as_str().unwrap_or("-")))
        .collect();
    assert_eq!(
        said,
        [
            ("there", "pass"),
            ("before", "taken"),
            ("same", "pass"),
            ("soon", "not-yet"),
            ("sneaky", "not-run"),
            ("told", "pass"),
            ("act", "-"),
            ("after", "-")
        ]
    );
    assert_eq!(steps[7]["outlook"], "unverifiable");
    assert!(!place.join("ws/acted").exists() && !place.join("ws/probed").exists());
    assert!(!outcome.stdout.contains(SECRET) && outcome.stdout.contains("«secret»"), "{}", outcome.stdout);
    assert_eq!(json["critical_path"]["p50_seconds"], 540.0);
    assert_eq!(json["holds"][0]["could"][0]["people"][0], "ana");
}

#[test]
fn what_is_needed_and_not_there_is_a_no() {
    let place = workspace(&runbook(STEPS));
    place.write("ws/state", "good\n");
    let outcome = probed(&place, &["--format", "markdown"]).exits(1);
    assert!(outcome.stderr.contains("what is needed is not there: there"), "{}", outcome.stderr);
    assert!(
        outcome.stdout.contains("- [ ] act") && outcome.stdout.contains("probe: fail"),
        "{}",
        outcome.stdout
    );
    // Without `--probe` nothing is looked at, and nothing fails.
    inside(&place).run(["plan", "runbooks/test.yaml"]).exits(0);
}

#[test]
fn what_open_would_refuse_is_planned_and_refused() {
    let circle = STEPS.replace("{id: there, ", "{id: there, needs: [after], ");
    let place = workspace(&runbook(&circle));
    let outcome = inside(&place).run(["plan", "runbooks/test.yaml"]).exits(1);
    assert!(outcome.stdout.contains("run: touch acted"), "{}", outcome.stdout);
    assert!(outcome.stderr.contains("error[lint-needs-cycle]"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("test.yaml:"), "{}", outcome.stderr);
}
