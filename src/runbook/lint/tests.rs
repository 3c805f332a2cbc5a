use super::*;
use crate::runbook::finding::{Paint, any_error, to_text};
use crate::runbook::load;

mod examples;

const SMALL: &str = include_str!("../../../tests/runbooks/small.yaml");
const FULL: &str = include_str!("../../../tests/runbooks/full.yaml");

fn linted(text: &str, context: &Context) -> Vec<Finding> {
    match load("r.yaml", text.as_bytes()) {
        Ok(loaded) => lint(&loaded, context),
        Err(findings) => panic!("{}", to_text(&findings, Paint::Plain)),
    }
}

/// Codes and lines after one text of the full runbook is replaced.
fn changed(from: &str, to: &str) -> Vec<String> {
    assert!(FULL.contains(from), "{from}");
    let findings = linted(&FULL.replacen(from, to, 1), &Context::default());
    findings.iter().map(|f| format!("{}: {}", f.code, f.message)).collect()
}

#[track_caller]
fn finds(from: &str, to: &str, wanted: &str) {
    let found = changed(from, to);
    assert!(found.iter().any(|f| f == wanted), "{wanted}\nnot in\n{}", found.join("\n"));
}

fn person(id: &str, roles: &[&str]) -> Person {
    Person { id: id.to_owned(), roles: roles.iter().map(|r| (*r).to_owned()).collect() }
}

#[test]
fn the_small_runbook_has_warnings_and_no_errors() {
    let findings = linted(SMALL, &Context::default());
    assert!(!any_error(&findings), "{}", to_text(&findings, Paint::Plain));
    let codes: Vec<&str> = findings.iter().map(|f| f.code).collect();
    assert_eq!(
        codes,
        ["lint-no-estimate", "lint-change-not-verified", "lint-no-look-first", "lint-change-not-verified"]
    );
}

#[test]
fn the_full_runbook_has_nothing_to_complain_about() {
    let findings = linted(FULL, &Context::default());
    assert!(findings.is_empty(), "{}", to_text(&findings, Paint::Plain));
}

#[test]
fn there_are_more_rules_than_anybody_remembers() {
    assert!(RULES.len() >= 40, "{}", RULES.len());
}

#[test]
fn every_rule_has_its_own_code_and_words() {
    let mut codes: Vec<&str> = RULES.iter().map(|r| r.code).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), RULES.len());
    assert!(RULES.iter().all(|r| r.code.starts_with("lint-") && r.doc.len() > 20 && r.fix.len() > 10));
}

#[test]
fn points_of_no_return_are_covered_and_identified() {
    finds(
        "covers: [down]",
        "covers: [version]",
        "lint-irreversible-uncovered: irreversible step `down` is covered by no `approve`",
    );
    finds("covers: [down]", "covers: []", "lint-approve-covers-nothing: `approve-down` covers no step");
    finds(
        "covers: [down]",
        "covers: [down, baseline]",
        "lint-approve-too-late: `baseline` comes before the `approve` step that covers it",
    );
    finds(
        "        target: {run: [psql, -Atc, \"select current_database()\"], equals: orders}\n",
        "",
        "lint-irreversible-no-target: irreversible step `down` does not ask its target who it is",
    );
}

#[test]
fn suspensions_pair_up() {
    finds(
        "resumes: writes",
        "text: x",
        "lint-suspended-never-resumed: `writes` is suspended here and no later step resumes it",
    );
    finds(
        "suspends: writes",
        "text: x",
        "lint-resumed-never-suspended: `writes` is resumed here and no step suspends it",
    );
}

#[test]
fn commands_say_what_they_do() {
    finds(
        "[migrate, down, \"{{ params.migration }}\"]",
        "[migrate, down, \"{{ params.dsn }}\"]",
        "lint-secret-outside-env: secret `params.dsn` is used outside `env`",
    );
    finds(
        "run: [psql, -c, \"alter database orders set",
        "run: [psql, -c, \"DROP TABLE x; alter database orders set",
        "lint-destructive: `drop` destroys something, and `freeze-writes` is not irreversible",
    );
    finds(
        "set_aside: /var/tmp/orders.dump",
        "set_aside: /var/tmp/orders.dump\n        host: db1",
        "lint-not-supported: `set_aside` moves files of this machine; write it as a `run` step to do it on a host",
    );
    finds(
        "exit_codes: [0, 3]",
        "host: db1",
        "lint-host-unknown: when ssh is cut, nobody can tell what `down` did",
    );
    finds(
        "send: status",
        "send: status\n        timeout: 5s",
        "lint-no-effect: `timeout` does nothing in a `send` step",
    );
}

#[test]
fn the_flow_goes_forward() {
    finds("then: end}", "then: frozen}", "lint-goto-backward: `which-way` would go back to `frozen`");
    finds(
        "then: end}",
        "then: thaw}",
        "lint-goto-backward: `thaw` stands in `always`, which follows every way out; use `end` or `abort`",
    );
    finds(
        "needs: []",
        "needs: [frozen]",
        "lint-needs-cycle: `announce` waits for itself through its `needs`",
    );
}

#[test]
fn data_rules() {
    finds(
        "region: eu-west-1\n        cwd",
        "region: us-east-1\n        cwd",
        "lint-region: region `us-east-1` is outside the residency eu-west-1, eu-central-1",
    );
    finds(
        "as: orders_before",
        "as: orders_after\n      - id: x\n        check: {run: [a], expect: {same_as: orders_before}}\n      - id: late\n        measure: {run: [a]}\n        as: orders_before",
        "lint-measured-later: measurement `orders_before` is not taken before `x`",
    );
    finds(
        "does_not_undo: E-mails already sent; rows quarantined by step split-rows.",
        "does_not_undo: nothing",
        "lint-does-not-undo: `nothing` says hardly what stays as it is",
    );
    finds(
        "expect: {csv: {key: [id], same_as: orders_before, except: [\"17\"]}}",
        "expect: {csv: {key: [id], rows: 3}}",
        "lint-unused: measurement `orders_before` is compared with nothing",
    );
}

#[test]
fn time_rules() {
    finds("within: 2m", "within: 5s", "lint-await-never: `within: 5s` is over before `hold_for` can be");
    finds(
        "expect: {max: 0.01}",
        "expect: {unchanged_for: 5s}",
        "lint-unchanged-in-check: `unchanged_for` needs more than one look",
    );
    finds(
        "within: 2m",
        "within: 2h",
        "lint-longer-than-rto: `frozen` may take 2h, and the recovery objective is 45m",
    );
    finds("warn: 0.01", "warn: 0.5", "lint-threshold-order: `error_rate` is critical before it warns");
}

#[test]
fn an_empty_output_is_not_to_be_waited_for() {
    for expect in ["{equals: ''}", "{any_of: [{equals: ''}]}", "{all_of: [{max: 1}, {equals: ' '}]}"] {
        finds(
            "expect: {max: 0.01}",
            &format!("expect: {expect}"),
            "lint-silence-expected: this is met by an empty output only, and an empty output is inconclusive",
        );
    }
    let fine = changed("expect: {max: 0.01}", "expect: {any_of: [{equals: ''}, {max: 1}]}");
    assert!(!fine.iter().any(|f| f.starts_with("lint-silence")), "{fine:?}");
}

#[test]
fn what_the_workspace_does_not_have_is_found_when_it_is_known() {
    let context = Context {
        people: Some(vec![person("ann", &["commander"]), person("bo", &["dba"]), person("cy", &["sre"])]),
        channels: Some(["paper".to_owned()].into()),
        sources: Some(["prod".to_owned()].into()),
        today: None,
    };
    let codes: Vec<&str> = linted(FULL, &context).iter().map(|f| f.code).collect();
    assert_eq!(codes, ["lint-role-vacant", "lint-unknown-channel", "lint-quorum-unreachable"]);
}

#[test]
fn who_executes_does_not_count_for_the_quorum() {
    let team = |dbas: usize| {
        let mut people = vec![person("ann", &["commander", "communications"])];
        people.extend((0..dbas).map(|n| person(&format!("dba{n}"), &["dba"])));
        Context { people: Some(people), ..Context::default() }
    };
    let messages = |n| linted(FULL, &team(n)).iter().map(|f| f.message.clone()).collect::<Vec<_>>();
    assert_eq!(messages(3), Vec::<String>::new());
    assert_eq!(messages(2).len(), 1);
    assert!(messages(2)[0].starts_with("whoever starts `down` may not approve it"));
}

#[test]
fn ten_thousand_steps_are_read_and_judged() {
    let (head, _) = SMALL.split_once("phases:").unwrap();
    let mut text = format!("{head}phases:\n");
    for phase in 0..1250 {
        text.push_str(&format!("  - name: phase {phase}\n    steps:\n"));
        for step in 0..8 {
            text.push_str(&format!(
                "      - id: s-{phase}-{step}\n        run: [\"true\", \"{{{{ params.release }}}}\"]\n        timeout: 5s\n        role: sre\n        estimate: 1ms\n"
            ));
        }
    }
    let start = std::time::Instant::now();
    let findings = linted(&text, &Context::default());
    println!("{} bytes, 10 000 steps: {:?}", text.len(), start.elapsed());
    assert_eq!(findings.iter().filter(|f| f.code == "lint-change-not-verified").count(), 10_000);
}
