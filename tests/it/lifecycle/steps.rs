//! Kinds of step, and steps that are stopped.

use crate::support::incident::{SECRET, files_with, runbook};
use crate::support::{Incident, Place, Team};

const ENDLESS: &str = "- {id: slow, run: [sh, -c, 'trap \"echo asked >> log; exit 9\" TERM; echo began >> log; while :; do sleep 0.05; done'], timeout: 2m, role: sre}
- {id: next, run: [touch, next], timeout: 10s, role: sre}";

fn endless() -> Option<Incident> {
    let incident = Incident::declared(ENDLESS)?;
    incident.ok("ben", &["start", "slow"]);
    incident.until("the command has begun", || incident.lines("log") == 1);
    Some(incident)
}

#[test]
fn a_running_step_is_asked_to_end() {
    let Some(incident) = endless() else { return };
    incident.refused("ben", &["skip", "slow", "--reason", "x"], "running");
    incident.refused("cho", &["cancel", "slow", "--reason", "x"], "sre");
    incident.ok("ben", &["cancel", "slow", "--reason", "took too long"]);
    incident.until_step("slow", "cancelled");
    assert_eq!(incident.lines("log"), 2, "it could clean up");
    incident.refused("ben", &["start", "next"], "slow is cancelled");
}

#[test]
fn a_running_step_is_ended_at_once() {
    let Some(incident) = endless() else { return };
    incident.ok("ben", &["kill", "slow", "--reason", "does harm"]);
    incident.until("it is over", || incident.step("slow")["status"] != "running");
    assert_eq!(incident.step("slow")["status"], "cancelled");
    assert_eq!(incident.lines("log"), 1, "it could not clean up");
}

#[test]
fn a_paused_room_starts_nothing() {
    let Some(incident) = Incident::declared("- {id: act, run: [touch, acted], timeout: 10s, role: sre}")
    else {
        return;
    };
    incident.ok("ben", &["pause", "--reason", "wait for the vendor"]);
    incident.refused("ben", &["start", "act"], "paused (wait for the vendor)");
    incident.refused("ben", &["go-on", "--reason", "x"], "commander");
    incident.ok("ana", &["go-on", "--reason", "the vendor called"]);
    incident.does("ben", "act");
}

#[test]
fn people_do_steps_decide_and_bring_evidence() {
    let steps = "- {id: call, manual: Call the vendor, role: sre, evidence: required}
- id: which
  decide: {options: {back: {then: back}, stay: {then: end}}}
  role: commander
- {id: back, set_aside: data, role: sre}";
    let Some(incident) = Incident::declared(steps) else { return };
    std::fs::write(incident.file("data"), "12345").unwrap();
    incident.until_step("call", "running");
    incident.refused("ben", &["confirm", "call"], "evidence is required");
    incident.refused("cho", &["confirm", "call", "--evidence", "x"], "sre");
    incident.refused("ben", &["confirm", "call", "--evidence", "confirmed by ben"], "evidence is required");
    incident.ok("ben", &["confirm", "call", "--evidence", "ticket 4711"]);
    assert!(incident.until_step("call", "succeeded").contains("ticket 4711"));

    incident.until("a choice is asked for", || {
        incident.step("which")["status"] == "running" || incident.step("which")["status"] == "waiting"
    });
    incident.refused("ana", &["decide", "which", "sideways", "--reason", "x"], "not `sideways`");
    incident.refused("ben", &["decide", "which", "back", "--reason", "x"], "commander");
    incident.ok("ana", &["decide", "which", "back", "--reason", "the numbers say so"]);
    incident.does("ben", "back");
    let detail = incident.step("back")["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("data.set-aside.") && detail.contains("5 bytes"), "{detail}");
    assert!(!incident.file("data").exists());
    incident.close();
}

#[test]
fn a_drill_says_so_and_changes_nothing() {
    let steps = "- {id: act, run: [touch, acted], timeout: 10s, role: sre}
- {id: aside, set_aside: data, role: sre}";
    let Some(incident) = Incident::declared_as(steps, &["--mode", "drill"]) else { return };
    std::fs::write(incident.file("data"), "").unwrap();
    incident.does("ben", "act");
    incident.does("ben", "aside");
    assert!(!incident.file("acted").exists());
    assert!(incident.file("data").exists());
    let shown = incident.backout("ana").run(["status"]).exits(0).stdout;
    assert!(shown.lines().next().unwrap().contains("DRILL"), "{shown}");
    incident.close();
    let timeline = std::fs::read_to_string(incident.dir().join("timeline.jsonl")).unwrap();
    assert!(timeline.contains("mode: drill") || timeline.contains("\"mode\":\"drill\""), "{timeline}");
}

#[test]
fn a_secret_reaches_the_command_and_no_file() {
    let steps = format!(
        "- {{id: act, run: [sh, -c, 'test \"$T\" = {SECRET}'], env: {{T: '{{{{ params.token }}}}'}}, timeout: 10s, role: sre}}"
    )
    .replace(&format!("= {SECRET}"), "= \"$(printf hunter2-; printf is-nowhere-to-be-found)\"");
    let Some(incident) = Incident::declared(&steps) else { return };
    incident.does("ben", "act");
    incident.close();
    let found = files_with(incident.place.path(), SECRET.as_bytes());
    assert!(found.is_empty(), "the secret is in {found:?}");
}

#[test]
fn a_command_that_prints_a_secret_does_not_write_it_down() {
    let steps = "- {id: look, check: {run: [sh, -c, 'echo \"saw $T\"'], expect: {equals: other}}, env: {T: '{{ params.token }}'}, role: sre, on_failure: continue}
- {id: broken, check: {run: [sh, -c, 'echo \"no $T\" >&2; exit 1'], expect: {equals: x}}, env: {T: '{{ params.token }}'}, role: sre, on_failure: continue}
- {id: kept, measure: {run: [sh, -c, 'echo \"ab$T\"']}, as: kept, env: {T: '{{ params.token }}'}, role: sre}
- {id: act, run: [sh, -c, 'echo \"token=$T\"; echo \"again $T\" >&2; exit 7'], env: {T: 'x{{ params.token }}'}, timeout: 10s, role: sre}";
    let Some(incident) = Incident::declared(steps) else { return };
    incident.until_step("act", "ready");
    incident.ok("ben", &["start", "act"]);
    assert!(incident.until_step("act", "failed").contains("exit code 7"));
    let out = std::fs::read_to_string(incident.dir().join("steps/act.1.out")).unwrap();
    assert_eq!(out, "token=x«secret»\nagain x«secret»\n");
    // What is kept beside the record is written in base 64, which looks different at each of three places.
    for ahead in ["", "x", "xy"] {
        use base64::Engine as _;
        let coded = base64::engine::general_purpose::STANDARD.encode(format!("{ahead}{SECRET}"));
        let middle = &coded[4..coded.len() - 4];
        let found = files_with(incident.place.path(), middle.as_bytes());
        assert!(found.is_empty(), "the secret is in {found:?}");
    }
    let found = files_with(incident.place.path(), SECRET.as_bytes());
    assert!(found.is_empty(), "the secret is in {found:?}");
}

#[test]
fn what_goes_on_running_is_always_said() {
    let endless = "timeout: 10m, role: sre";
    let steps = format!(
        "- {{id: freeze, run: [touch, frozen], undo: [rm, frozen], timeout: 10s, role: sre, suspends: deploys}}
- {{id: one, needs: [freeze], run: [sh, -c, 'echo one >> log; sleep 1000'], {endless}}}
- {{id: two, needs: [freeze], run: [sh, -c, 'echo two >> log; sleep 1000'], {endless}}}
- {{id: thaw, needs: [one, two], run: [rm, frozen], timeout: 10s, role: sre, resumes: deploys}}"
    );
    let Some(incident) = Incident::declared(&steps) else { return };
    incident.does("ben", "freeze");
    for step in ["one", "two"] {
        incident.until_step(step, "ready");
        incident.ok("ben", &["start", step]);
    }
    incident.until("both have begun", || incident.lines("log") == 2);
    let says = |who: &str, act: &[&str], words: &str| {
        let said = incident.ok(who, &[act, &["--reason", "because"]].concat()).stdout;
        assert!(said.contains(words), "{act:?}: {said}");
    };
    says("ben", &["pause"], "one, two go on running until they end or are stopped; still suspended: deploys");
    says(
        "ben",
        &["cancel", "one"],
        "two goes on running until it ends or is stopped; still suspended: deploys",
    );
    incident.until_step("one", "cancelled");
    says("ben", &["kill", "two"], "nothing else is under way; still suspended: deploys");
    incident.until_step("two", "cancelled");
    says("ana", &["abort"], "nothing else is under way; still suspended: deploys");
}

#[test]
fn a_value_reaches_the_command_as_it_was_given() {
    let place = Place::new();
    let Some(team) = Team::gather(&place) else { return };
    let values = [
        "-rf",
        "--",
        "a\nb; touch pwned",
        "it's \"x\"",
        "$(touch pwned) `touch pwned`",
        "*",
        "{{ params.word }}",
    ];
    let names: Vec<String> = (0..values.len()).map(|n| format!("v{n}")).collect();
    let asked: String = names.iter().map(|n| format!("  {n}: {{prompt: Value, required: true}}\n")).collect();
    let list: String = names.iter().map(|n| format!(", '{{{{ params.{n} }}}}'")).collect();
    let line: String = names.iter().map(|n| format!(" {{{{ params.{n} }}}}")).collect();
    let steps = format!(
        "- {{id: list, run: [./told, list{list}], timeout: 30s, role: sre}}\n- {{id: line, run: \"./told line{line}\", timeout: 30s, role: sre}}"
    );
    let text = runbook(&steps).replace("params:\n", &format!("params:\n{asked}"));
    place.write("ws/runbooks/test.yaml", text);
    let given: Vec<String> = names.iter().zip(values).map(|(n, v)| format!("{n}={v}")).collect();
    let open: Vec<&str> = given.iter().flat_map(|g| ["-p", g.as_str()]).collect();
    let env = [("TEST_TOKEN", SECRET)];
    let incident = Incident::open(place, team, "ana", &[&["runbooks/test.yaml"], &open[..]].concat(), &env);
    std::fs::write(incident.file("told"), "#!/bin/sh\nto=$1; shift; printf '%s\\0' \"$@\" > \"to.$to\"\n")
        .unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(incident.file("told"), mode).unwrap();
    incident.ok("ben", &["assume", "sre"]);
    incident.ok("ana", &["approve", "declare", "--yes"]);
    for step in ["list", "line"] {
        incident.does("ben", step);
        let told = std::fs::read_to_string(incident.file(&format!("to.{step}"))).unwrap();
        assert_eq!(told.split_terminator('\0').collect::<Vec<_>>(), values, "{step}");
    }
    assert!(!incident.file("pwned").exists());
}

/// Every command a runbook can hold, each leaving its own line in `ran`.
const EVERYTHING: &str = "- {id: measured, measure: {run: [./trace, measured]}, as: before, role: sre}
- id: act
  run: [./trace, act, '{{ params.word }}']
  undo: [./trace, undo-of-act]
  progress: [./trace, progress-of-act]
  backlog: {name: rows, count: [./trace, count-of-act], owner: ben}
  timeout: 30s
  role: sre
- {id: polled, await: {run: [./trace, polled], expect: {matches: '.'}, fail_on: {equals: x}, every: 100ms, within: 30s}, role: sre}
- {id: looked, check: {run: './trace looked {{ params.word }}', expect: {matches: '.'}, count: 2, interval: 50ms}, role: sre}
- {id: eyes, approve: {require: [{role: sre, count: 1}], expires: 10m, covers: [drop]}}
- id: drop
  run: [./trace, drop]
  irreversible: true
  target: {run: [./trace, target-of-drop], equals: '5'}
  reconcile: {run: [./trace, probe-of-drop], expect: {matches: '.'}}
  timeout: 30s
  role: sre";

#[test]
fn nothing_runs_that_the_plan_did_not_show() {
    let word = "it's $(touch pwned) \"x\"";
    let Some(incident) = Incident::undeclared(EVERYTHING, &["-p", &format!("word={word}")]) else { return };
    // Says what it was called with, and how far it is.
    std::fs::write(incident.file("trace"), "#!/bin/sh\nprintf '%s\\n' \"$*\" >> ran\nsleep 1.2\necho 5\n")
        .unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(incident.file("trace"), mode).unwrap();
    let plan =
        incident.backout("ana").run(["plan", "runbooks/test.yaml", "-p", &format!("word={word}")]).exits(0);
    incident.ok("ben", &["assume", "sre"]);
    incident.ok("ana", &["approve", "declare", "--yes"]);
    incident.until_step("measured", "succeeded");
    incident.does("ben", "act");
    incident.until_step("looked", "succeeded");
    incident.until_step("eyes", "waiting");
    incident.ok("ben", &["approve", "eyes", "--yes"]);
    incident.ok("cho", &["assume", "sre"]);
    incident.until_step("drop", "ready");
    incident.ok("cho", &["start", "drop", "--target", "5"]);
    incident.until_step("drop", "succeeded");
    incident.ok("ana", &["abort", "--reason", "for the undo"]);
    incident.ok("ben", &["undo", "act", "--reason", "for the undo"]);
    incident.until("it is undone", || {
        std::fs::read_to_string(incident.file("ran")).unwrap().contains("undo-of-act")
    });
    let ran = std::fs::read_to_string(incident.file("ran")).unwrap();
    for line in ran.lines() {
        let verb = line.split(' ').next().unwrap();
        assert!(
            plan.stdout.contains(&format!("./trace {verb}")),
            "{line} is not in the plan:\n{}",
            plan.stdout
        );
        assert!(line.split_once(' ').is_none_or(|(_, rest)| rest == word), "{line}");
    }
    for verb in [
        "measured",
        "act",
        "undo-of-act",
        "progress-of-act",
        "count-of-act",
        "polled",
        "looked",
        "target-of-drop",
        "drop",
    ] {
        assert!(ran.lines().any(|l| l.split(' ').next() == Some(verb)), "{verb} has not run:\n{ran}");
    }
    assert!(plan.stdout.contains("probe-of-drop"), "{}", plan.stdout);
    assert!(!incident.file("pwned").exists());
}
