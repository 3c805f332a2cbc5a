use super::*;
use crate::runbook::load;
use insta::assert_snapshot;

const SMALL: &str = include_str!("../../../tests/runbooks/small.yaml");
const FULL: &str = include_str!("../../../tests/runbooks/full.yaml");

fn planned(text: &str, given: &[(&str, &str)]) -> Plan {
    let runbook = load("r.yaml", text.as_bytes()).unwrap().runbook;
    let given = given.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    plan(&runbook, &scope_for_plan(&runbook, &given), &Known::default())
}

#[test]
fn the_small_runbook_as_a_plan() {
    let plan = planned(SMALL, &[("release", "1.4.1")]);
    assert!(plan.is_complete());
    assert_snapshot!(to_text(&plan), @r#"
    Point the web tier back at the last good release (web-link-rollback)
      class: deploy
      service: web in staging
      does not undo: Anything 1.5.0 wrote to the database.
      declared by: 1 of commander
      approved by: 1 of sre at two-pairs-of-eyes, within 10m, for switch
      estimate: none: nobody has said or seen what the 6 steps take; objective 10m
      points of no return: none
      suspends: deployments by freeze, until thaw
      unverifiable now: serves, still-serves

    Act
      * freeze [sre]
          run: deployctl pause
          timeout: 30s
          suspends: deployments
          undo: deployctl resume
      - two-pairs-of-eyes [any participant]
          require: 1 of sre
          covers: switch
          expires: 10m
      * switch [commander]
          run: ln -sfn releases/1.4.1 current
          timeout: 10s
          on failure: go to thaw
          approved by two-pairs-of-eyes: 1 of sre
      ? serves [sre, unverifiable now]
          look at: GET http://127.0.0.1:8080/version
          expect: equals "1.4.1"
          every: 1s
          within: 2m
      ? still-serves [sre, unverifiable now]
          look at: GET http://127.0.0.1:8080/version
          expect: equals "1.4.1"
          times: 5, 2s apart
      * thaw [sre]
          run: deployctl resume
          timeout: 30s
          resumes: deployments

    ! point of no return   * changes something   ? only looks   - people or time
    "#);
}

#[test]
fn what_follows_a_change_cannot_be_verified_before_it() {
    let plan = planned(FULL, &[("migration", "0042"), ("deployed_at", "2026-11-21T00:00:00Z")]);
    let outlook = |id: &str| plan.steps().find(|s| s.id == id).unwrap().outlook;
    assert_eq!(outlook("announce"), Outlook::Changes);
    assert_eq!(outlook("frozen"), Outlook::Unverifiable);
    assert_eq!(outlook("writable"), Outlook::Unverifiable);
    assert_eq!(outlook("watch"), Outlook::Waits);
    let first = SMALL
        .replace("run: [deployctl, pause]", "check: {run: [a], expect: {equals: b}}")
        .replace("        undo: [deployctl, resume]\n", "");
    assert_eq!(planned(&first, &[]).phases[0].steps[0].outlook, Outlook::CanBeProbed);
    let not_now =
        planned(&FULL.replace("!= 0000", "== 0000"), &[("migration", "0042"), ("deployed_at", "x")]);
    assert_eq!(not_now.steps().find(|s| s.id == "keep-dump").unwrap().outlook, Outlook::DoesNotApply);
}

#[test]
fn a_missing_answer_is_told_at_its_step_and_the_rest_is_planned() {
    let plan = planned(FULL, &[]);
    assert!(!plan.is_complete());
    let down = plan.steps().find(|s| s.id == "down").unwrap();
    assert_eq!(down.resolved, Err("`params.migration` has no value in this incident".to_owned()));
    assert!(plan.steps().find(|s| s.id == "frozen").unwrap().resolved.is_ok());
}

#[test]
fn a_plan_never_holds_a_secret() {
    let plan = planned(FULL, &[("migration", "0042"), ("dsn", "hunter2"), ("deployed_at", "x")]);
    for shown in [to_text(&plan), to_markdown(&plan), to_json(&plan), format!("{plan:?}")] {
        assert!(!shown.contains("hunter2"));
    }
    assert_eq!(plan.suspensions[0].lifted_by.as_deref(), Some("thaw"));
}

#[test]
fn the_json_is_json_and_names_every_step() {
    let plan = planned(FULL, &[("migration", "0042"), ("deployed_at", "x")]);
    let value: serde_json::Value = serde_json::from_str(&to_json(&plan)).unwrap();
    let ids: Vec<&str> =
        value["phases"][0]["steps"].as_array().unwrap().iter().map(|s| s["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["announce", "freeze-writes", "frozen", "baseline", "which-way"]);
    assert_eq!(value["estimate_seconds"], plan.estimate.as_secs_f64());
}

#[test]
fn what_was_measured_counts_before_what_the_author_thinks() {
    let runbook = load("r.yaml", FULL.as_bytes()).unwrap().runbook;
    let seconds = |all: &[u64]| all.iter().map(|s| Duration::from_secs(*s)).collect::<Vec<_>>();
    let mut known = Known::default();
    known.history.live.steps.insert("down".to_owned(), seconds(&[600, 60, 120]));
    known.history.live.whole = seconds(&[1500]);
    known.history.drills.steps.insert("frozen".to_owned(), seconds(&[1]));
    known.people = Some(vec![Person { id: "ana".to_owned(), roles: ["commander".to_owned()].into() }]);
    known.data_loss = Some(Duration::from_secs(600));
    let plan = plan(&runbook, &scope_for_plan(&runbook, &BTreeMap::new()), &known);
    let forecast = |id: &str| plan.steps().find(|s| s.id == id).unwrap().forecast;
    assert_eq!(forecast("down").p50(), Some(Duration::from_secs(120)));
    assert_eq!(forecast("down").p90(), Some(Duration::from_secs(600)));
    assert_eq!(forecast("frozen"), Forecast::Author(Duration::from_secs(60)), "a rehearsal proves nothing");
    let text = to_text(&plan);
    for part in [
        "took for real: p50 25m, p90 25m (n = 1)",
        "declared by: 1 of commander and 1 of dba (commander: ana; dba: nobody)",
        "data lost: everything of the last 10m; objective 5m, over the objective",
        "down [dba, p50 2m, p90 10m (n = 3), point of no return]",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn steps_side_by_side_count_once_for_the_longest_chain() {
    let text = SMALL.replace(
        "      - id: thaw\n",
        "      - id: left\n        needs: [switch]\n        check: {run: [a], expect: {max: 1}}\n        estimate: 5m\n\
         \x20     - id: right\n        needs: [switch]\n        check: {run: [a], expect: {max: 1}}\n        estimate: 2m\n\
         \x20     - id: thaw\n        needs: [left, right]\n        estimate: 1m\n",
    );
    let plan = planned(&text, &[]);
    assert_eq!(plan.groups, [vec!["serves", "left", "right"], vec!["still-serves", "thaw"]]);
    assert_eq!(plan.path.steps.last().map(String::as_str), Some("thaw"));
    assert!(plan.path.steps.iter().any(|s| s == "left") && !plan.path.steps.iter().any(|s| s == "right"));
    assert_eq!(plan.path.p50, Duration::from_secs(360));
    let suspended = |id: &str| plan.with_suspended().find(|(s, _)| s.id == id).unwrap().1;
    assert_eq!((suspended("freeze"), suspended("switch")), (vec![], vec!["deployments"]));
    assert_eq!(suspended("thaw"), Vec::<&str>::new());
}

#[test]
fn a_ticket_says_all_of_it_and_no_value_changes_its_shape() {
    let text = SMALL
        .replace("id: freeze\n", "id: freeze\n        estimate: 1m\n")
        .replace("pattern: '^\\d+\\.\\d+\\.\\d+$', ", "");
    let plan = planned(&text, &[("release", "1.4.1\n- [x] **done** <b> `c` | d # e")]);
    let ticket = to_markdown(&plan);
    for part in [
        "# Point the web tier back at the last good release\n",
        "- **does not undo**: Anything 1.5.0 wrote to the database.",
        "- **declared by**: 1 of commander",
        "- **approved by**: 1 of sre at two-pairs-of-eyes, within 10m, for switch",
        "- **estimate**: at least p50 1m, p90 1m, and 5 steps that nobody has an estimate for; objective 10m",
        "- **longest chain**: freeze",
        "- **points of no return**: none",
        "- **suspends**: deployments by freeze, until thaw",
        "- **unverifiable now**: serves, still-serves",
        "- [ ] freeze \\[sre, about 1m\\]",
        "  - run: deployctl pause",
        "  - approved by two-pairs-of-eyes: 1 of sre",
    ] {
        assert!(ticket.contains(part), "{part} is not in\n{ticket}");
    }
    assert!(!ticket.contains("- [x]") && !ticket.contains("<b>") && !ticket.contains("**done**"), "{ticket}");
    let boxes = ticket.lines().filter(|l| l.starts_with("- [ ] ")).count();
    assert_eq!(boxes, plan.steps().count(), "one box for each step");
    assert!(
        ticket.lines().all(|l| l.is_empty() || l.starts_with(['#', '-']) || l.starts_with("  - ")),
        "{ticket}"
    );
}

#[test]
fn what_takes_longer_than_the_objective_is_said_in_every_form() {
    let runbook = load("r.yaml", FULL.as_bytes()).unwrap().runbook;
    let mut known = Known::default();
    let took = [300, 400, 500, 600, 700, 800, 900, 1000, 5000, 9000].map(Duration::from_secs).to_vec();
    known.history.live.steps.insert("down".to_owned(), took);
    let scope = scope_for_plan(&runbook, &BTreeMap::new());
    let plan = super::plan(&runbook, &scope, &known);
    let down = plan.steps().find(|s| s.id == "down").unwrap().forecast;
    assert_eq!((down.p50(), down.p90()), (Some(Duration::from_secs(700)), Some(Duration::from_secs(5000))));
    assert!(plan.path.p90 > plan.rto && plan.path.steps.iter().any(|s| s == "down"));
    assert!(to_text(&plan).contains("objective 45m, over the objective"), "{}", to_text(&plan));
    assert!(to_markdown(&plan).contains("over the objective"));
    let json: serde_json::Value = serde_json::from_str(&to_json(&plan)).unwrap();
    assert_eq!(json["critical_path"]["within_rto"], false);
    assert_eq!(json["critical_path"]["p90_seconds"], plan.path.p90.as_secs_f64());
    let calm = super::plan(&runbook, &scope, &Known::default());
    assert!(calm.path.p90 <= calm.rto && !to_text(&calm).contains("over the objective"));
}

/// A runbook of so many steps, each of which switches something else off; the last ones switch the first ones on.
fn off(steps: usize, lifted: usize) -> Plan {
    let (head, _) = SMALL.split_once("phases:").unwrap();
    let mut text = format!("{head}phases:\n  - name: Off\n    steps:\n");
    for n in 0..steps {
        text.push_str(&format!("      - {{id: s{n}, run: [off], timeout: 1s, role: sre, suspends: n{n}}}\n"));
    }
    text.push_str("always:\n");
    for n in 0..lifted {
        text.push_str(&format!("  - {{id: r{n}, run: [on], timeout: 1s, role: sre, resumes: n{n}}}\n"));
    }
    planned(&text, &[("release", "1.4.1")])
}

#[test]
fn what_is_off_at_each_step_is_what_was_switched_off_and_not_on_again() {
    let plan = off(3, 2);
    let all: Vec<String> =
        plan.with_suspended().map(|(s, off)| format!("{}: {}", s.id, off.join(" "))).collect();
    assert_eq!(all, ["s0: ", "s1: n0", "s2: n0 n1", "r0: n1 n2", "r1: n2"]);
    let lifted: Vec<Option<&str>> = plan.suspensions.iter().map(|s| s.lifted_by.as_deref()).collect();
    assert_eq!(lifted, [Some("r0"), Some("r1"), None]);
}

#[test]
fn five_thousand_things_that_are_off_at_once_are_planned() {
    let plan = off(5_000, 1);
    assert_eq!(plan.suspensions.len(), 5_000);
    assert_eq!(plan.with_suspended().last().unwrap().1.len(), 4_999);
    assert!(to_text(&plan).contains("suspends: n4999 by s4999, until nothing"));
}
