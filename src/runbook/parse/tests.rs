use super::*;
use crate::runbook::finding::{Paint, to_text};
use crate::runbook::model::{Action, Command, Expect, OnFailure, Subject};
use insta::assert_snapshot;
use std::time::Duration;

const SMALL: &str = include_str!("../../../tests/runbooks/small.yaml");
const FULL: &str = include_str!("../../../tests/runbooks/full.yaml");

fn loaded(text: &str) -> Runbook {
    match load("r.yaml", text.as_bytes()) {
        Ok(loaded) => loaded.runbook,
        Err(findings) => panic!("{}", to_text(&findings, Paint::Plain)),
    }
}

/// What the small runbook is refused with after one text in it is replaced.
fn broken(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from}");
    match load("r.yaml", SMALL.replacen(from, to, 1).as_bytes()) {
        Ok(_) => "accepted".to_owned(),
        Err(findings) => {
            let line = |f: &Finding| format!("{}:{} {}: {}; {}", f.line, f.column, f.code, f.message, f.help);
            findings.iter().map(line).collect::<Vec<_>>().join("\n")
        }
    }
}

#[test]
fn the_small_runbook_reads_as_it_looks() {
    let runbook = loaded(SMALL);
    assert_eq!(runbook.id, "web-link-rollback");
    assert_eq!(runbook.objectives.rto, Duration::from_secs(600));
    let switch = runbook.step("switch").unwrap();
    let Action::Run { command: Command::Argv(argv), exit_codes } = &switch.action else {
        panic!("{switch:?}")
    };
    assert_eq!(argv, &["ln", "-sfn", "releases/{{ params.release }}", "current"]);
    assert_eq!(exit_codes, &[0]);
    assert_eq!(switch.on_failure, OnFailure::Goto("thaw".to_owned()));
    assert_eq!(switch.needs, ["two-pairs-of-eyes"]);
    assert_eq!(runbook.step("freeze").unwrap().needs, Vec::<String>::new());
    let Action::Await(serves) = &runbook.step("serves").unwrap().action else { panic!() };
    assert_eq!((serves.every, serves.within), (Duration::from_secs(1), Duration::from_secs(120)));
    assert_eq!(serves.condition.expect, Expect::Equals("{{ params.release }}".to_owned()));
    assert!(matches!(&serves.condition.subject, Subject::Http(h) if h.method == "GET"));
}

#[test]
fn every_key_of_the_format_is_read() {
    let runbook = loaded(FULL);
    assert_eq!(runbook.cost.as_ref().unwrap().per_minute_cents, 165_050);
    assert_eq!(runbook.step("thaw").unwrap().needs, Vec::<String>::new());
    assert_eq!(runbook.step("approve-down").unwrap().needs, ["which-way"]);
    let Action::Await(frozen) = &runbook.step("frozen").unwrap().action else { panic!() };
    let Expect::AnyOf(ways) = &frozen.condition.expect else { panic!("{frozen:?}") };
    assert_eq!(ways[0], Expect::Equals("0".to_owned()));
    assert!(matches!(&ways[1], Expect::AllOf(both) if both.len() == 2));
    assert!(runbook.params[0].required && !runbook.params[0].secret);
    assert!(runbook.params[2].secret);
    assert!(runbook.step("moved").unwrap().evidence_required);
}

#[test]
fn the_digest_is_over_the_bytes_of_the_file() {
    let digest = |t: &str| load("r.yaml", t.as_bytes()).unwrap().digest_hex;
    assert_eq!(digest(SMALL).len(), 64);
    assert_ne!(digest(SMALL), digest(&format!("{SMALL}\n")));
}

#[test]
fn mistakes_in_a_step_name_their_place_and_the_way_out() {
    assert_snapshot!(broken("timeout: 30s", "timout: 30s"), @r#"
    22:9 parse-missing-timeout: a `run` step needs a `timeout`; add `timeout: 60s`: a command without an end blocks everybody
    23:9 parse-unknown-key: unknown key `timout` in step; did you mean `timeout`?
    "#);
    assert_snapshot!(broken("timeout: 30s", "timeout: 30"), @r#"23:18 parse-duration: `timeout` must be a duration with a unit, found `30`; add a unit: `30s` or `30m`"#);
    assert_snapshot!(broken("- id: freeze\n        run", "- run"), @r#"21:9 parse-missing-key: step has no `id`; add `id:`"#);
    assert_snapshot!(broken("run: [deployctl, pause]", "run: {cmd: x}"), @r#"22:14 parse-wrong-type: `run` must be a list (program and arguments) or text (a shell line), found a mapping; write a list (program and arguments) or text (a shell line)"#);
    assert_snapshot!(broken("run: [deployctl, pause]", "manual: x\n        run: [a]"), @r#"23:9 parse-two-actions: a step has one action, and this one has `manual` already; make it a step of its own"#);
    assert_snapshot!(broken("run: [deployctl, pause]\n        timeout: 30s\n        role", "role"), @r#"21:9 parse-no-action: the step does nothing; add one of `manual`, `run`, `await`, `check`, `measure`, `approve`, `decide`, `send`, `set_aside`, `wait`"#);
    assert_snapshot!(broken("role: commander\n        on_failure: {goto: thaw}", "role: comander\n        on_failure: {goto: thw}"), @r#"
    32:15 parse-unknown-reference: there is no role `comander`; did you mean `commander`?
    33:28 parse-unknown-reference: there is no step `thw`; did you mean `thaw`?
    "#);
    assert_snapshot!(broken("on_failure: {goto: thaw}", "retry: {max_attempts: three}"), @r#"33:31 parse-wrong-type: `max_attempts` must be a whole number of at least 1 up to 100, found `three`; write a whole number of at least 1 up to 100"#);
    assert_snapshot!(broken("on_failure: {goto: thaw}", "on_failure: retry"), @r#"33:21 parse-unknown-word: `on_failure` cannot be `retry`; allowed: `pause`, `abort`, `continue`"#);
    assert_snapshot!(broken("on_failure: {goto: thaw}", "exit_codes: [256]\n        as: x"), @r#"
    33:22 parse-wrong-type: `exit_codes` must be a whole number up to 255, found `256`; write a whole number up to 255
    34:9 parse-stray-key: `as` goes with `measure`, which this step does not have; remove it
    "#);
    assert_snapshot!(broken("on_failure: {goto: thaw}", "host: -oProxyCommand=x"), @r#"33:15 parse-host: this cannot be given to ssh as a host; use letters, digits, `.`, `-`, `_`, `:`, and `user@` in front"#);
    assert_snapshot!(broken("on_failure: {goto: thaw}", "irreversible: yes"), @r#"33:23 parse-wrong-type: `irreversible` must be true or false, found `yes`; write true or false"#);
    assert_snapshot!(broken("- id: thaw", "- id: close"), @r#"
    33:28 parse-unknown-reference: there is no step `thaw`; known: `close`, `freeze`, `serves`, `still-serves`, `switch`, `two-pairs-of-eyes`
    40:13 parse-reserved-id: `close` is reserved; choose another id
    "#);
    assert_snapshot!(broken("- id: thaw", "- id: serves"), @r#"
    33:28 parse-unknown-reference: there is no step `thaw`; known: `freeze`, `serves`, `still-serves`, `switch`, `two-pairs-of-eyes`
    40:13 parse-duplicate-id: step id `serves` is used twice; the first is on line 34; give it another name
    "#);
}

#[test]
fn mistakes_in_templates_and_expectations() {
    assert_snapshot!(broken("releases/{{ params.release }}", "releases/{{ params.relase }}"), @r#"30:25 parse-unknown-reference: there is no parameter `relase`; did you mean `release`?"#);
    assert_snapshot!(broken("releases/{{ params.release }}", "releases/{{ release }}"), @r#"30:25 parse-template: `{{ release }}` is not known; write params.…, measurements.… or incident.…, or {{ '{{' }} for two braces; write `{{ params.release }}`"#);
    assert_snapshot!(broken("releases/{{ params.release }}", "releases/{{ incident.sevrity }}"), @r#"30:25 parse-template: `{{ incident.sevrity }}` is not known; did you mean `incident.severity`?; correct what stands in the braces"#);
    assert_snapshot!(broken("releases/{{ params.release }}", "{{ measurements.x }}"), @r#"30:25 parse-unknown-reference: there is no measurement `x`; there are none yet; take it first: `measure: {run: […]}` with `as: x`"#);
    assert_snapshot!(broken("releases/{{ params.release }}", "releases/{{ params.release"), @r#"30:25 parse-template: `{{` is never closed; correct what stands in the braces"#);
    assert_snapshot!(broken("[deployctl, resume]\n", "echo \"{{ params.release }}\"\n"), @r#"26:15 parse-shell-template: `params.release` stands inside double quotes, where its value could be read as shell text; leave the quotes out: a value is quoted by itself; a list needs no quoting at all; what is to run on another machine names it in `host:`"#);
    assert_snapshot!(broken("expect: {equals: \"{{ params.release }}\"}, every", "expect: ok, every"), @r#"35:71 parse-wrong-type: `expect` must be a mapping, found `ok`; write `expect: {equals: …}` (or `matches`, `min`, `max`, …)"#);
    assert_snapshot!(broken("expect: {equals: \"{{ params.release }}\"}, every", "expect: {matches: 'a(b'}, every"), @r#"35:81 parse-pattern: `matches` is not a regular expression: unclosed group; escape special characters with `\`, and quote the text with '…'"#);
    assert_snapshot!(broken("expect: {equals: \"{{ params.release }}\"}, every", "expect: {json: {\"$[\": x}}, every"), @r#"35:79 parse-jsonpath: `$[` is not a JSONPath: parser error; write it as "$.status" or "$.items[0].name""#);
    assert_snapshot!(broken("expect: {equals: \"{{ params.release }}\"}, every", "expect: {between: [3, 1]}, every"), @r#"35:81 parse-wrong-type: `between` must be two numbers, the smaller one first, found a list; write two numbers, the smaller one first"#);
    assert_snapshot!(broken("expect: {equals: \"{{ params.release }}\"}, every", "expect: {same_as: nothing}, every"), @r#"35:81 parse-unknown-reference: there is no measurement `nothing`; there are none yet; take it first: `measure: {run: […]}` with `as: nothing`"#);
    assert_snapshot!(broken("every: 1s, within: 2m", "every: 0s"), @r#"
    35:16 parse-missing-key: await has no `within`; add `within: 2m`
    35:112 parse-duration: `every` must be longer than nothing; write it as 90s or 15m
    "#);
}

#[test]
fn mistakes_in_the_head() {
    assert_snapshot!(broken("backout: 1", "backout: 2"), @r#"1:10 parse-version: this is format `2`; only format 1 is read; write `backout: 1`"#);
    assert_snapshot!(broken("id: web-link-rollback", "id: Web_Link"), @r#"2:5 parse-bad-id: `Web_Link` is not an id; use a-z, 0-9 and `-`, at most 64 characters, no `-` in front"#);
    assert_snapshot!(broken("class: deploy", "class: restore"), @r#"1:1 parse-missing-key: runbook has no `restore_point`; add `restore_point: {prompt: Restore to which point in time?, type: timestamp}`"#);
    assert_snapshot!(broken("class: deploy", "class: deployment"), @r#"4:8 parse-unknown-word: `class` cannot be `deployment`; allowed: `deploy`, `schema`, `data`, `restore`"#);
    assert_snapshot!(broken("owners: [team-web]\n", ""), @r#"1:1 parse-missing-key: runbook has no `owners`; add `owners: [team-name]`"#);
    assert_snapshot!(broken("default: \"1.4.2\"", "default: latest"), @r#"11:79 parse-default-pattern: the default `latest` does not match the pattern; change one of them"#);
    assert_snapshot!(broken("default: \"1.4.2\"", "default: \"1.4.2\", secret: true"), @r#"11:79 parse-secret-default: a secret has its default written in the file; remove `default`; use `env` to take it from a variable"#);
    assert_snapshot!(broken("sre: {min: 1}", "sre: {min: one}"), @r#"14:14 parse-wrong-type: `min` must be a whole number, found `one`; write a whole number"#);
    assert_snapshot!(broken("expires: 15m", "expires: 15"), @r#"17:12 parse-duration: `expires` must be a duration with a unit, found `15`; add a unit: `15s` or `15m`"#);
    assert_snapshot!(broken("require: [{role: commander, count: 1}]", "require: []"), @r#"16:12 parse-empty: `require` is an empty list; write at least one item"#);
}

#[test]
fn several_mistakes_come_together() {
    let text = SMALL.replace("timeout:", "timout:").replace("role: sre", "role: srx");
    let findings = load("r.yaml", text.as_bytes()).unwrap_err();
    assert_eq!(findings.iter().filter(|f| f.code == "parse-unknown-key").count(), 3);
    assert_eq!(findings.iter().filter(|f| f.code == "parse-missing-timeout").count(), 3);
    assert_eq!(findings.iter().filter(|f| f.code == "parse-unknown-reference").count(), 5);
}

#[test]
fn a_finding_shows_the_line_with_a_caret() {
    let text = SMALL.replace("role: commander\n        on_failure", "role: comander\n        on_failure");
    let findings = load("runbooks/web.yaml", text.as_bytes()).unwrap_err();
    assert_snapshot!(to_text(&findings, Paint::Plain), @r#"
    error[parse-unknown-reference]: there is no role `comander`
      --> runbooks/web.yaml:32:15
       |
    32 |         role: comander
       |               ^^^^^^^^
       |
       = help: did you mean `commander`?

    1 error, 0 warnings
    "#);
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn a_mutilated_runbook_is_accepted_or_explained(at in 0..FULL.len(), len in 0usize..40, put in "[ \\n:{}\\[\\]a-z0-9\"'|#-]{0,6}") {
            let mut bytes = FULL.as_bytes().to_vec();
            let end = (at + len).min(bytes.len());
            bytes.splice(at..end, put.bytes());
            if let Err(findings) = load("r.yaml", &bytes) {
                prop_assert!(crate::runbook::finding::any_error(&findings));
                prop_assert!(findings.iter().all(|f| f.line > 0 && f.column > 0));
            }
        }
    }
}
