use super::check::{as_json, as_yaml, inside, objects, places, put, refuses, scalar};
use crate::runbook::finding::Finding;
use crate::runbook::load;
use crate::runbook::yaml::{Node, Value as Yaml, parse};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::LazyLock;

const SMALL: &str = include_str!("../../../tests/runbooks/small.yaml");
const FULL: &str = include_str!("../../../tests/runbooks/full.yaml");

/// Every way to write what can be written in several, for completeness of the walk through the schema.
const WAYS: &str = r#"{backout: 1, id: ways, title: T, class: restore, service: s, environment: e, owners: [o], summary: S,
  does_not_undo: everything else in the world, objectives: {rto: 5m, rpo: 0s}, restore_point: {prompt: When, type: timestamp},
  roles: {commander: , dba: {required: false, min: 0, max_tenure: 1h, stand_in: [commander], excludes: [executor]}}, declare: {require: [{role: commander}], expires: 5m, notify: [the duty manager]},
  metrics: {m: {source: s, query: q, unit: bytes, better: higher, warn: "2", critical: 1, every: 5s}},
  phases: [{name: P, steps: [
    {id: a, measure: {metric: {name: m, over: 5m, with: max}}, as: was},
    {id: b, check: {metric: m, over: 5m, with: last, expect: {within: {of: was, percent: 5}}}},
    {id: c, check: {run: cat x, expect: {same_as: {of: was, key: [id]}, not: {between: [1, 2]}}}},
    {id: d, check: {run: [cat, x], expect: {same_as: {measurement: was, key: id}, all_of: [{min: 1}, {not_equals: "", not_matches: x}]}}},
    {id: e, await: {http: {url: "http://h/", method: POST, body: "{}"}, expect: {json: {"$.a": 1, "$.b": {max: 3}}}, within: 5m}},
    {id: f, decide: {options: {one: {then: g}, two: {then: end}}}},
    {id: g, wait: {for: 5m, unless: {metric: m, condition: "< 3"}}},
    {id: h, wait: 5m},
    {id: i, run: "true", timeout: 5s, on_failure: {goto: j}, title: T, text: x, when: "1", retry: {max_attempts: 2}, idempotent: true},
    {id: j, check: {run: x, expect: {csv: {key: id, rows: 5, except: a}}}},
    {id: k, check: {run: x, expect: {within: {of: was, absolute: "1.5"}}}},
  ]}]}"#;

fn tree(text: &str) -> Node {
    parse("r.yaml", text).unwrap_or_else(|f| panic!("{f:?}"))
}

fn refused_by_schema(node: &Node) -> Option<String> {
    static SCHEMA: LazyLock<serde_json::Value> = LazyLock::new(super::runbook);
    refuses(&SCHEMA, &SCHEMA, &as_json(node))
}

fn refused_by_parser(node: &Node) -> Vec<Finding> {
    load("r.yaml", as_yaml(node).as_bytes()).err().unwrap_or_default()
}

#[test]
fn what_the_examples_say_is_taken_by_both() {
    for text in [SMALL, FULL, WAYS] {
        let node = tree(text);
        assert_eq!(refused_by_schema(&node), None);
        assert_eq!(refused_by_parser(&node), []);
    }
}

#[test]
fn every_shipped_runbook_is_taken_by_both() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("runbooks");
    let files = std::fs::read_dir(folder).unwrap().flatten().map(|e| e.path());
    let mut seen = 0;
    for path in files.filter(|p| p.extension().is_some_and(|e| e == "yaml")) {
        // Beside runbooks there are files about them.
        let text = std::fs::read_to_string(&path).unwrap();
        if text.lines().any(|line| line.starts_with("backout:")) {
            let node = tree(&text);
            assert_eq!(refused_by_schema(&node), None, "{}", path.display());
            assert_eq!(refused_by_parser(&node), [], "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 2, "{seen}");
}

#[test]
fn every_mapping_has_the_keys_that_the_parser_asks_for_and_no_others() {
    let schema = super::runbook();
    let mut seen = 0;
    for text in [SMALL, FULL, WAYS] {
        let node = tree(text);
        let mut all = Vec::new();
        objects(&schema, &schema, &node, &[], &mut all);
        for (place, keys) in all {
            let mut broken = node.clone();
            put(inside(&mut broken, &place), "zzzzzzzzzzzzzzzz", scalar("1"));
            let findings = refused_by_parser(&broken);
            let unknown = findings.iter().find(|f| f.message.contains("zzzzzzzzzzzzzzzz"));
            let help = unknown.unwrap_or_else(|| panic!("{keys:?} takes any key: {findings:?}")).help.clone();
            let asked: BTreeSet<String> = help.split('`').skip(1).step_by(2).map(str::to_owned).collect();
            let said: BTreeSet<String> = keys.into_iter().collect();
            // `over`, `with` and `of` are only asked for where their partner stands.
            let beside = ["over", "with", "of", "measurement"].map(str::to_owned);
            let missing: Vec<&String> = asked.difference(&said).filter(|k| !beside.contains(k)).collect();
            let invented: Vec<&String> = said.difference(&asked).filter(|k| !beside.contains(k)).collect();
            assert!(missing.is_empty(), "the schema does not know {missing:?} beside {said:?}");
            assert!(invented.is_empty(), "the parser does not know {invented:?} beside {asked:?}");
            seen += 1;
        }
    }
    assert!(seen > 120, "only {seen} mappings were compared");
}

#[test]
fn every_key_has_a_description_for_editors() {
    fn walk(value: &serde_json::Value, at: &str) {
        for (key, property) in value.get("properties").and_then(|p| p.as_object()).into_iter().flatten() {
            let doc = property.get("description").and_then(|d| d.as_str()).unwrap_or_default();
            assert!(doc.ends_with(['.', ';']) && doc.len() > 3, "{at}.{key}: {doc:?}");
        }
        match value {
            serde_json::Value::Object(map) => {
                let all = map.iter().filter(|(key, _)| *key != "then" && *key != "if");
                all.for_each(|(key, child)| walk(child, &format!("{at}/{key}")))
            }
            serde_json::Value::Array(list) => list.iter().for_each(|child| walk(child, at)),
            _ => {}
        }
    }
    walk(&super::runbook(), "");
}

/// What both must agree about: the schema may be looser than the parser, and never stricter.
fn never_stricter(node: &Node) {
    let parser = refused_by_parser(node);
    if let Some(why) = refused_by_schema(node) {
        assert!(!parser.is_empty(), "only the schema refuses ({why}):\n{}", as_yaml(node));
    }
}

/// Findings that are about the shape of the file. The schema must see those too.
fn about_shape(findings: &[Finding]) -> Option<&Finding> {
    let codes = [
        "parse-unknown-key",
        "parse-missing-key",
        "parse-no-action",
        "parse-two-actions",
        "parse-stray-key",
        "parse-unknown-word",
        "parse-missing-timeout",
        "parse-no-subject",
        "parse-two-subjects",
    ];
    findings.iter().find(|f| codes.contains(&f.code))
}

#[test]
fn a_missing_key_is_missed_by_both() {
    for text in [SMALL, FULL, WAYS] {
        let node = tree(text);
        for place in places(&node) {
            let Yaml::Map(entries) = &inside(&mut node.clone(), &place).value.clone() else { continue };
            for (key, _) in entries {
                let mut broken = node.clone();
                let Yaml::Map(left) = &mut inside(&mut broken, &place).value else { continue };
                left.retain(|(k, _)| k.name != key.name);
                let (schema, parser) = (refused_by_schema(&broken), refused_by_parser(&broken));
                if let Some(finding) = about_shape(&parser) {
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
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn what_the_schema_refuses_the_parser_refuses(
        which in 0usize..3,
        at in any::<prop::sample::Index>(),
        kind in 0usize..6,
        word in prop_oneof![
            "[a-z0-9-]{1,6}", "[0-9]{1,4}(ms|s|m|h|d)?", "[-+]?[0-9.]{1,4}", "(true|false|null|~|yes)", "[<>=!]{1,2} ?[0-9.]{1,3}",
            "(pause|abort|fail|GET|data|restore|ratio|required|initiator|avg)", "[ A-Za-z_.{}:/-]{0,12}",
        ],
        key in prop_oneof![
            "(run|http|metric|expect|over|with|timeout|retry|as|exit_codes|goto|then|for|name|of|count|key|rows|role|id)", "[a-z_-]{1,8}"
        ],
    ) {
        let mut node = tree([SMALL, FULL, WAYS][which]);
        let all = places(&node);
        let place = &all[at.index(all.len())];
        let target = inside(&mut node, place);
        match kind {
            0 => *target = scalar(&word),
            1 => target.value = Yaml::List(vec![scalar(&word)]),
            2 => target.value = Yaml::List(Vec::new()),
            3 => put(target, &key, scalar(&word)),
            4 => {
                let moved = target.clone();
                target.value = Yaml::Map(Vec::new());
                put(target, &key, moved);
            }
            _ => match &mut target.value {
                Yaml::Map(entries) => drop(entries.pop()),
                Yaml::List(items) => drop(items.pop()),
                Yaml::Scalar(s) => s.style = crate::runbook::yaml::Style::Quoted,
            },
        }
        never_stricter(&node);
    }
}
