use super::lint::{Context, lint, rules};
use super::model::{Cue, Expected, Mark, Origin, fits};
use super::when::{Event, Facts, Value, When};
use super::*;
use crate::runbook::finding::{Paint, to_text};
use crate::runbook::schema::check::{as_json, as_yaml, inside, objects, places, put, refuses, scalar};
use crate::runbook::yaml::{Node, Value as Yaml, parse};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

const SHOP: &str = include_str!("../../../runbooks/scenarios/shop-checkouts-fail.yaml");
const RUNBOOK: &str = include_str!("../../../runbooks/shop-deploy-rollback.yaml");

/// What the shipped scenario leaves out.
const WAYS: &str = r#"{schema: backout.scenario/1, id: ways, title: T, class: data, difficulty: "1", provenance: {kind: "recorded:01M7XK", refs: []},
  spoiler: open, clock: {mode: facilitator, duration: 10m}, roles: [commander, dba], absent: [dba],
  objectives: [{id: o, capability: c, target: x, tasks: [t-a]}],
  world: {state: {rows: 3, gone: true}, metrics: {m: {curve: [[0s, 1], [1m, "2", step]], stale_after: 5s, missing: [[1m, 2m]]}}, commands: [{match: "a*", rc: 1, set: {rows: 4}}]},
  injects: [{id: silent, at: 1m, set: {gone: false}}, {id: i-b, when: "rows > 3 || (gone && t < 90s)", to: [commander], channel: bridge, body: b}],
  decisions: [{id: d, ask: Which?, options: [{name: a, because: b}, {name: c, because: d}]}],
  expectations: [{id: e, task: t-a, kind: cadence, of: message.sent, every: 5m, until: gone},
    {id: f, task: t-a, kind: budget, from: silent, to: gone, within: 5m, basis: human},
    {id: g, task: t-a, kind: forbid, of: "rows == 4"},
    {id: h, task: t-a, kind: want, want: gone, within: 1m, basis: scenario, critical: true}],
  debrief: {truth: x, questions: [a, b]}}"#;

fn loaded(text: &str) -> Loaded {
    load("s.yaml", text.as_bytes()).unwrap_or_else(|f| panic!("{}", to_text(&f, Paint::Plain)))
}

/// Every finding after one text of the shipped scenario is replaced.
fn changed(from: &str, to: &str) -> Vec<Finding> {
    assert!(SHOP.contains(from), "{from}");
    let runbook = crate::runbook::load("r.yaml", RUNBOOK.as_bytes()).unwrap().runbook;
    match load("s.yaml", SHOP.replacen(from, to, 1).as_bytes()) {
        Ok(loaded) => lint(&loaded, Context { runbooks: Some(&[&runbook]) }),
        Err(findings) => findings,
    }
}

#[test]
fn the_shipped_scenario_has_nothing_to_complain_about() {
    let findings = changed("difficulty: 2", "difficulty: 3");
    assert!(findings.is_empty(), "{}", to_text(&findings, Paint::Plain));
    let scenario = loaded(SHOP).scenario;
    assert_eq!((scenario.injects.len(), scenario.expectations.len()), (7, 7));
    assert_eq!(scenario.injects[0].cue, Cue::At(Duration::ZERO));
    assert_eq!(loaded(WAYS).scenario.provenance.kind, Origin::Recorded("01M7XK".to_owned()));
}

/// Rule or error, text of the shipped scenario, and what takes its place to break it.
#[rustfmt::skip]
const BAD: &[(&str, &str, &str)] = &[
    ("scenario-version", "backout.scenario/1", "backout.scenario/2"),
    ("scenario-cue", "    at: 3m\n", "    at: 3m\n    when: back\n"),
    ("scenario-cue", "    at: 3m\n", ""),
    ("scenario-channel", "    channel: page\n", ""),
    ("scenario-channel", "    channel: page\n    from: monitor\n", "    channel: silent\n"),
    ("parse-missing-key", "    to: [commander, sre]\n", ""),
    ("scenario-endless", ", after: page, within: 3m", ""),
    ("scenario-order", "[[0s, 40], [6m, 34, linear]]", "[[6m, 40], [0s, 34]]"),
    ("scenario-order", "[[6m, 7m]]", "[[7m, 6m]]"),
    ("parse-stray-key", "      when: paused\n", ""),
    ("parse-wrong-type", "[[0s, 40], [6m, 34, linear]]", "[[0s]]"),
    ("parse-unknown-word", "34, linear", "34, curved"),
    ("parse-wrong-type", "grace: 50%", "grace: 50"),
    ("parse-wrong-type", "wait_speed: 60", "wait_speed: 0"),
    ("parse-wrong-type", "difficulty: 2", "difficulty: 6"),
    ("parse-bad-name", "state: {paused: false", "state: {t: 1, paused: false"),
    ("scenario-twice", "id: support", "id: page"),
    ("scenario-twice", "id: support", "id: paused"),
    ("scenario-unknown-name", "    to: [sre]\n", "    to: [dba]\n"),
    ("scenario-unknown-name", "task: tell,", "task: tel,"),
    ("scenario-unknown-name", "hint_for: suspend-first", "hint_for: suspend"),
    ("scenario-unknown-name", "from: page, to:", "from: pager, to:"),
    ("scenario-unknown-name", "    when: reverted\n", "    when: reversed\n"),
    ("scenario-unknown-name", "set: {reverted: true}", "set: {revert: true}"),
    ("scenario-too-late", "    at: 3m\n", "    at: 31m\n"),
    ("scenario-type", "set: {reverted: true}", "set: {reverted: 1}"),
    ("scenario-type", "    when: reverted\n", "    when: reverted > 1\n"),
    ("scenario-when", "event('incident.aborted')", "event('incident.abortet')"),
    ("scenario-when", "    when: reverted\n", "    when: reverted &\n"),
    ("scenario-when", "t >= 8m", "t >= 8"),
    ("scenario-when", "'orders-kept', 'pass')\", before", "'orders-kept', 'passed')\", before"),
    ("scenario-objective-empty", "objectives:\n", "objectives:\n  - {id: none, capability: x, target: y}\n"),
    ("scenario-task-unseen", "tasks: [suspend-first]", "tasks: [suspend-first, breathe]"),
    ("scenario-inject-pointless", "    purpose: Pressure while the decision is open.\n", ""),
    ("scenario-unreachable", ", set: {reverted: true}", ""),
    ("scenario-unreachable", "t >= 12m", "t >= 40m"),
    ("scenario-no-decision", "      - {name: forward, because: the cause may be one line that somebody has already found}\n", ""),
    ("scenario-too-busy", "    at: 3m\n", "    at: 1m\n"),
    ("scenario-herring-alone", "    at: 4m\n    to: [sre]", "    at: 20m\n    to: [sre]"),
    ("scenario-fast-people", "speed: 1,", "speed: 10,"),
    ("scenario-nothing-at-stake", "kind: budget, from: page, to: \"event('check.judged', 'calms-down', 'pass')\"", "want: back"),
    ("scenario-unused", "state: {paused: false", "state: {other: false, paused: false"),
    ("scenario-hint-elsewhere", "channel: facilitator", "channel: chat"),
    ("scenario-stub-hidden", "    - {match: \"* __shopctl * pause\"", "    - {match: \"* __shopctl *\"}\n    - {match: \"* __shopctl * pause\""),
    ("scenario-debrief-thin", "    - At which moment could you have let the deployments go on, and how did you know?\n    - Who could have declared this if the commander had not answered the page?\n", "    - What did you learn?\n"),
    ("scenario-runbook-unknown", "runbook: shop-deploy-rollback", "runbook: shop-deploy"),
    ("scenario-class-differs", "class: deploy", "class: data"),
    ("scenario-role-unknown", "roles: [commander, sre, operator]", "roles: [commander, sre, operator, legal]"),
    ("scenario-event-never", "'orders-kept', 'pass')\", before", "'orders-keep', 'pass')\", before"),
    ("scenario-event-never", "event('message.sent', 'resolved')", "event('message.sent', 'status')"),
    ("scenario-event-never", "event('suspension.lifted', 'deployments')", "event('suspension.lifted', 'writes')"),
    ("scenario-event-never", "event('role.assumed', 'commander')", "event('role.assumed', 'dba')"),
    ("scenario-metric-unknown", "    latency:\n", "    latency_p99:\n"),
    ("scenario-command-unanswered", "    - {match: \"* __shopctl * orders count\", stdout: \"970\"}\n", ""),
    ("scenario-stub-idle", "* __shopctl * orders count", "* __shopctl * orders counted"),
];

#[test]
fn every_rule_and_every_error_has_an_example_that_breaks_it() {
    let mut missed = Vec::new();
    for (code, from, to) in BAD {
        let mut found = changed(from, to);
        if *code == "scenario-nothing-at-stake" {
            let text = SHOP.replacen(from, to, 1).replace(", critical: true", "");
            found = lint(&loaded(&text), Context::default());
        }
        if !found.iter().any(|f| f.code == *code) {
            missed.push(format!("{code}: {to}:\n{}", to_text(&found, Paint::Plain)));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    let unproved: Vec<&str> =
        rules().map(|r| r.code).filter(|code| !BAD.iter().any(|(bad, ..)| bad == code)).collect();
    assert!(unproved.is_empty(), "no example breaks {unproved:?}");
    assert!(rules().all(|r| r.code.starts_with("scenario-") && r.doc.len() > 20 && r.fix.len() > 10));
}

#[test]
fn every_finding_has_its_place_its_line_and_what_to_write() {
    for (code, from, to) in BAD {
        for f in changed(from, to) {
            assert!(f.line > 0 && f.column > 0 && !f.help.is_empty(), "{code}: {f:?}");
            assert!(f.source.is_some(), "{code}: {f:?}");
        }
    }
}

#[test]
fn a_slip_inside_a_condition_is_pointed_at() {
    let text =
        SHOP.replace("t >= 8m && !event('incident.declared')", "t >= 8m && !event('incident.declard')");
    let findings = load("s.yaml", text.as_bytes()).unwrap_err();
    let (row, line) = text.lines().enumerate().find(|(_, line)| line.contains("declard")).unwrap();
    let column = line.find("'incident.declard'").unwrap();
    let one = &findings[0];
    assert_eq!((one.line as usize, one.column as usize), (row + 1, column + 1));
    assert_eq!(one.message, "`when`: the record has no event `incident.declard`");
    assert_eq!(one.help, "did you mean `incident.declared`?");
    let shown = to_text(&findings, Paint::Plain);
    let caret = shown.lines().find(|l| l.trim_end().ends_with('^')).unwrap();
    let above = shown.lines().find(|l| l.contains("declard') ") || l.ends_with("declard')")).unwrap();
    assert_eq!(caret.find('^'), above.find("'incident.declard'"), "{shown}");
}

#[test]
fn names_are_suggested() {
    let help = |from, to| changed(from, to).into_iter().map(|f| f.help).collect::<Vec<_>>().join("; ");
    assert!(help("task: tell,", "task: tel,").contains("did you mean `tell`?"));
    assert!(help("injects:\n", "inject:\n").contains("did you mean `injects`?"));
    assert!(help("kind: judged", "kind: judge").contains("did you mean `judged`?"));
}

#[test]
fn a_file_that_is_no_scenario_is_told_apart() {
    assert!(is_one(SHOP.as_bytes()) && is_one(b"schema: backout.scenario/9\n"));
    assert!(!is_one(RUNBOOK.as_bytes()) && !is_one(b"{") && !is_one(b""));
    assert!(load("r.yaml", RUNBOOK.as_bytes()).is_err());
}

#[test]
fn marks_are_injects_or_states() {
    let scenario = loaded(WAYS).scenario;
    let Expected::Budget { from, to, .. } = &scenario.expectations[1].kind else { panic!("a budget") };
    assert_eq!(*from, Mark::Inject("silent".to_owned()));
    assert!(matches!(to, Mark::When(When::State(name, ..)) if name == "gone"));
}

struct Now {
    rows: f64,
    gone: bool,
    seconds: u64,
}

impl Facts for Now {
    fn happened(&self, event: &Event) -> bool {
        event.kind == "message.sent" && event.about.as_deref().is_none_or(|about| about == "status")
    }

    fn state(&self, name: &str) -> Option<Value> {
        match name {
            "rows" => Some(Value::Number(self.rows)),
            "gone" => Some(Value::Flag(self.gone)),
            _ => None,
        }
    }

    fn time(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

#[test]
fn conditions_hold_when_they_say_so() {
    let now = Now { rows: 4.0, gone: true, seconds: 90 };
    for (condition, holds) in [
        ("gone", true),
        ("!gone", false),
        ("gone == false", false),
        ("gone != false", true),
        ("rows > 3 && rows <= 4", true),
        ("rows == 3 || t >= 90s", true),
        ("t > 90s", false),
        ("t < 1m30s || !(gone && rows != 4)", true),
        ("event('message.sent')", true),
        ("event('message.sent', 'status')", true),
        ("event('message.sent', \"other\")", false),
        ("  !!gone  ", true),
        // `&&` binds closer than `||`.
        ("gone || gone && !gone", true),
        ("rows < 0 && gone || gone", true),
    ] {
        let text = WAYS.replace("rows > 3 || (gone && t < 90s)", &condition.replace('"', "\\\""));
        let scenario = loaded(&text).scenario;
        let Cue::When(when) = &scenario.injects[1].cue else { panic!("a condition") };
        assert_eq!(when.holds(&now), holds, "{condition}");
    }
}

#[test]
fn what_is_no_condition_is_refused_and_never_panics() {
    for bad in [
        "gone &&",
        "&& gone",
        "gone gone",
        "(gone",
        "gone)",
        "!",
        "t",
        "t >=",
        "t >= 5",
        "t > gone",
        "rows >",
        "rows >= true",
        "event",
        "event(",
        "event()",
        "event('x')",
        "event('message.sent'",
        "event('message.sent',)",
        "event('message.sent', 'a', 'b')",
        "event('incident.closed', 'x')",
        "event('step.finished', 'a', 'done')",
        "event('a', 'b', 'c', 'd')",
        "é",
        "gone === true",
        "1",
        "gone == 'x'",
    ] {
        let text = WAYS.replace("rows > 3 || (gone && t < 90s)", bad);
        let codes: Vec<&str> = load("s.yaml", text.as_bytes()).unwrap_err().iter().map(|f| f.code).collect();
        assert!(codes.iter().all(|c| c.starts_with("scenario-")), "{bad}: {codes:?}");
    }
    let deep = format!("{}gone{}", "(".repeat(10_000), ")".repeat(10_000));
    assert!(load("s.yaml", WAYS.replace("rows > 3 || (gone && t < 90s)", &deep).as_bytes()).is_err());
    let nots = format!("{}gone", "!".repeat(100_000));
    assert!(load("s.yaml", WAYS.replace("rows > 3 || (gone && t < 90s)", &nots).as_bytes()).is_err());
}

#[test]
fn a_command_is_answered_by_the_first_that_fits() {
    let scenario = loaded(SHOP).scenario;
    let says = |line: &str, paused: bool| {
        let holds = |when: &When| matches!(when, When::State(name, ..) if name == "paused") && paused;
        scenario.answer(line, &holds).map(|(stub, text)| (text.to_owned(), stub.set.clone()))
    };
    let reverted = vec![("reverted".to_owned(), Value::Flag(true))];
    let back = vec![("back".to_owned(), Value::Flag(true))];
    let release = "/bin/backout __shopctl /shop release 1.4.2";
    assert_eq!(says(release, false), Some(("current is now 1.4.2".to_owned(), reverted)));
    assert_eq!(says(release, true), Some(("current is now 1.4.2".to_owned(), back)));
    assert_eq!(says("GET http://127.0.0.1:8080/version", false), Some(("1.5.0".to_owned(), vec![])));
    assert_eq!(says("rm -rf /", false), None);
}

#[test]
fn a_star_stands_for_anything() {
    for (pattern, line, is) in [
        ("a*c", "abbbc", true),
        ("a*c", "ac", true),
        ("a*c", "acx", false),
        ("*", "", true),
        ("", "", true),
        ("", "a", false),
        ("*a*a*a*", "aa", false),
        ("a", "a*", false),
        ("é*", "éà", true),
        ("**x", "yx", true),
    ] {
        assert_eq!(fits(pattern, line), is, "{pattern} {line}");
    }
    assert!(!fits(&format!("{}b", "*a".repeat(200)), &"a".repeat(20_000)));
}

fn tree(text: &str) -> Node {
    parse("s.yaml", text).unwrap_or_else(|f| panic!("{f:?}"))
}

fn refused_by_schema(node: &Node) -> Option<String> {
    static SCHEMA: LazyLock<serde_json::Value> = LazyLock::new(schema::scenario);
    refuses(&SCHEMA, &SCHEMA, &as_json(node))
}

fn refused_by_parser(node: &Node) -> Vec<Finding> {
    load("s.yaml", as_yaml(node).as_bytes()).err().unwrap_or_default()
}

#[test]
fn what_the_examples_say_is_taken_by_schema_and_parser() {
    for text in [SHOP, WAYS] {
        let node = tree(text);
        assert_eq!(refused_by_parser(&node), []);
        assert_eq!(refused_by_schema(&node), None);
    }
}

#[test]
fn every_mapping_has_the_keys_that_the_parser_asks_for_and_no_others() {
    let schema = schema::scenario();
    let mut seen = 0;
    for text in [SHOP, WAYS] {
        let node = tree(text);
        let mut all = Vec::new();
        objects(&schema, &schema, &node, &[], &mut all);
        for (place, keys) in all {
            let mut broken = node.clone();
            put(inside(&mut broken, &place), "zzzzzzzzzzzzzzzz", scalar("1"));
            let findings = refused_by_parser(&broken);
            let unknown = findings.iter().find(|f| f.message.contains("zzzzzzzzzzzzzzzz"));
            let help = unknown.unwrap_or_else(|| panic!("{keys:?} takes any key: {findings:?}")).help.clone();
            let asked: BTreeSet<&str> = help.split('`').skip(1).step_by(2).collect();
            let said: BTreeSet<&str> = keys.iter().map(String::as_str).collect();
            assert_eq!(asked, said);
            assert!(refused_by_schema(&broken).is_some(), "the schema takes any key beside {keys:?}");
            seen += 1;
        }
    }
    assert!(seen > 50, "only {seen} mappings were compared");
}

#[test]
fn a_missing_key_is_missed_by_both() {
    for text in [SHOP, WAYS] {
        let node = tree(text);
        for place in places(&node) {
            let Yaml::Map(entries) = &inside(&mut node.clone(), &place).value.clone() else { continue };
            for (key, _) in entries {
                let mut broken = node.clone();
                let Yaml::Map(left) = &mut inside(&mut broken, &place).value else { continue };
                left.retain(|(k, _)| k.name != key.name);
                let (schema, parser) = (refused_by_schema(&broken), refused_by_parser(&broken));
                let shape =
                    parser.iter().find(|f| f.code == "parse-missing-key" || f.code == "parse-unknown-key");
                if let Some(finding) = shape {
                    assert!(schema.is_some(), "without `{}` only the parser minds: {finding:?}", key.name);
                }
                if let Some(why) = schema {
                    assert!(!parser.is_empty(), "without `{}` only the schema minds: {why}", key.name);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn what_the_schema_refuses_the_parser_refuses(
        which in 0usize..2,
        at in any::<prop::sample::Index>(),
        kind in 0usize..5,
        word in prop_oneof![
            "[a-z0-9-]{1,6}", "[0-9]{1,4}(ms|s|m|h|d|%)?", "[-+]?[0-9.]{1,4}", "(true|false|null|~)",
            "(want|forbid|budget|page|chat|silent|driven|P|U|worst|real|gone|t > 3m)", "[ A-Za-z_.(){}:!&|'/-]{0,14}",
        ],
        key in "(at|when|to|body|channel|set|kind|of|within|basis|rc|match|stdout|else_stdout|id|tasks)",
    ) {
        let mut node = tree([SHOP, WAYS][which]);
        let all = places(&node);
        let target = inside(&mut node, &all[at.index(all.len())]);
        match kind {
            0 => *target = scalar(&word),
            1 => target.value = Yaml::List(vec![scalar(&word)]),
            2 => put(target, &key, scalar(&word)),
            3 => target.value = Yaml::List(Vec::new()),
            _ => match &mut target.value {
                Yaml::Map(entries) => drop(entries.pop()),
                Yaml::List(items) => drop(items.pop()),
                Yaml::Scalar(s) => s.style = crate::runbook::yaml::Style::Quoted,
            },
        }
        let parser = refused_by_parser(&node);
        if let Some(why) = refused_by_schema(&node) {
            prop_assert!(!parser.is_empty(), "only the schema refuses ({why}):\n{}", as_yaml(&node));
        }
    }

    #[test]
    fn any_condition_is_read_or_refused(text in "[ a-z!&|()<>=',.0-9é\"]{0,40}") {
        let quoted = serde_json::to_string(&text).unwrap();
        let whole = WAYS.replace("\"rows > 3 || (gone && t < 90s)\"", &quoted);
        if let Err(findings) = load("s.yaml", whole.as_bytes()) {
            prop_assert!(!findings.is_empty());
        }
    }
}
