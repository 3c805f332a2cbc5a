//! The evaluation window after a deployment, as a pipeline sees it: lines, an exit code, no terminal.

use serde_json::Value;

use crate::metrics::hostile::Server;
use crate::support::{Backout, Outcome, Place};

/// Watches `errors` from this source for a moment.
fn watch(source: &str, arguments: &[&str]) -> Outcome {
    let place = Place::new();
    place.folder("ws/runbooks");
    place.write("ws/team.yaml", "people:\n  - {id: ana, name: Ana, roles: [commander, sre]}\n");
    place.write("ws/allowed_signers", "");
    place.write("ws/backout.yaml", format!("sources: {{s: {source}}}\n"));
    let steps = "- {id: a, manual: do it, role: commander}\n";
    let signals = "metrics: {errors: {source: s, query: errors, unit: ratio, better: lower, every: 100ms}}\n\
                   triggers: [{id: too-many, metric: errors, condition: \"> 0.05\", for: 300ms, weight: 10, on_no_data: inconclusive}]\n";
    let runbook = crate::support::incident::runbook(steps);
    let runbook = runbook.replace("phases:\n", &format!("{signals}phases:\n"));
    place.write("ws/runbooks/test.yaml", runbook);
    Backout::new(&place).inside(&place.join("ws")).run([&["watch", "test", "--for"], arguments].concat())
}

fn curve(points: &str) -> String {
    format!("{{simulated: {{curves: {{errors: {{points: [{points}]}}}}}}}}")
}

#[test]
fn a_quiet_deployment_ends_in_zero_with_a_line_a_change() {
    let outcome = watch(&curve("[0s, 0.01]"), &["1s"]).exits(0);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert!(lines[0].contains("watching test for") && lines[0].contains("1 criteria"), "{lines:?}");
    assert!(lines.iter().any(|l| l.contains("too-many clear")), "{lines:?}");
    assert!(lines.last().unwrap().contains("quiet after"), "{lines:?}");
    assert!(!outcome.stdout.contains('\u{1b}') && lines.len() <= 5, "{lines:?}");
}

#[test]
fn errors_advise_a_rollback_at_once() {
    let outcome = watch(&curve("[0s, 0.5]"), &["10m", "--json"]).exits(10);
    let lines: Vec<Value> = outcome.stdout.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines[0]["kind"], "begin");
    let states: Vec<&str> =
        lines.iter().filter(|l| l["kind"] == "trigger").map(|l| l["state"].as_str().unwrap()).collect();
    assert_eq!(states.last(), Some(&"fired"), "{states:?}");
    let end = lines.last().unwrap();
    assert_eq!(
        (&end["kind"], &end["verdict"], &end["points"]),
        (&"end".into(), &"roll_back".into(), &10.into())
    );
    assert!(outcome.stderr.contains("a rollback is advised") && outcome.stderr.contains("backout open test"));
}

#[test]
fn what_could_not_be_seen_is_not_quiet() {
    let hanging = Server::hanging();
    for source in [
        format!("{{http_json: \"{}\", timeout: 200ms}}", hanging.url()),
        curve("[0s, null]"),
        "{command: [\"false\"]}".to_owned(),
    ] {
        let outcome = watch(&source, &["1s"]).exits(3);
        assert!(outcome.stderr.contains("nobody can say"), "{}", outcome.stderr);
        assert!(outcome.stdout.lines().last().unwrap().contains("cannot see after"), "{}", outcome.stdout);
    }
}

#[test]
fn what_makes_no_sense_is_said_before_anything_is_asked() {
    assert!(watch(&curve("[0s, 1]"), &["soon"]).exits(2).stderr.contains("not a duration"));
    assert!(watch(&curve("[0s, 1]"), &["1s", "--open"]).exits(2).stderr.contains("no terminal"));
}
