//! `team.yaml` and `backout.yaml` as JSON Schema, for editors. Never stricter than the readers of these files.

use crate::runbook::schema::shape::{
    self, NAME, document, list, may, named, need, object, reference, some, whole,
};
use serde_json::{Value, json};

/// The schema of `team.yaml`.
pub fn team() -> Value {
    let person = object(&[
        need("id", text("^[a-z0-9._@+][a-z0-9._@+-]*$"), "As in allowed_signers."),
        need("name", reference("text"), "For people."),
        may("roles", list(text("^[a-z0-9_-]+$")), "Seats this person may take."),
        may("contact", reference("text"), "How to reach this person."),
        may("time_zone", text("^(?:UTC|[A-Z][A-Za-z0-9_+/-]*)$"), "UTC, or a name such as Europe/Lisbon."),
    ]);
    let mut whole =
        document("The team of a backout workspace", &[need("people", some(person), "Who there is.")]);
    shape::add(&mut whole, "$defs", shape::definitions());
    whole
}

/// The schema of `backout.yaml`.
pub fn workspace() -> Value {
    // What reaches outside grows by kinds; an editor is told what is known and refuses nothing there.
    let open = || json!({"type": "object"});
    let keys = [
        may("sources", named(NAME, source()), "Where metrics come from, by the names runbooks use."),
        may("channels", named(NAME, channel()), "Where messages go, by the names runbooks use."),
        may(
            "suspend",
            named(NAME, open()),
            "What this program itself suspends, by the name of the suspension.",
        ),
        may("anchors", list(open()), "Where the head of a record is copied to."),
        may("engine", open(), "How incidents are kept."),
        may("policies", policies(), "What the team agreed on."),
        may("annotations", open(), "Where marks are drawn on charts."),
        may("telemetry", open(), "Where traces go."),
    ];
    let mut whole = document("A backout workspace", &keys);
    let mut all = shape::definitions();
    for (name, schema) in [("secret", secret()), ("url", text("^https?://"))] {
        shape::add(&mut all, name, schema);
    }
    shape::add(&mut whole, "$defs", all);
    whole
}

fn text(pattern: &str) -> Value {
    json!({"type": ["string", "number", "boolean"], "pattern": pattern})
}

fn policies() -> Value {
    // Policies are few and grow; a key that is not described here is the reader's to judge.
    let mut out = object(&[
        may("max_tenure", reference("duration"), "After so long the holder of a seat is asked to hand over."),
        may("shift_gap", reference("duration"), "How long people rest between shifts."),
        may("verify_required", reference("flag"), "Security keys must verify who touches them."),
    ]);
    shape::add(&mut out, "additionalProperties", json!(true));
    out
}

fn secret() -> Value {
    let mut out = object(&[
        may("env", reference("variable"), "The environment variable that holds it."),
        may("file", reference("text"), "The file that holds it."),
    ]);
    shape::add(&mut out, "minProperties", json!(1));
    out
}

fn source() -> Value {
    let client = object(&[
        need("certificate", reference("text"), "PEM file."),
        need("key", reference("text"), "PEM file."),
    ]);
    let basic = object(&[
        need("user", reference("text"), "The account."),
        need("password", reference("secret"), "Where its password is."),
    ]);
    let mut out = object(&[
        may("prometheus", reference("url"), "A Prometheus; queries are PromQL."),
        may("http_json", reference("url"), "Any JSON over HTTP; queries are JSONPaths."),
        may("exposition", reference("url"), "A page of metrics in Prometheus's text format."),
        may("command", some(reference("any_text")), "A command; the query is its last argument."),
        may("simulated", simulated(), "Curves for rehearsals; queries are their names."),
        may("timeout", reference("duration"), "How long one question may take."),
        may("headers", named(HEADER, reference("text")), "Headers in clear."),
        may("headers_env", named(HEADER, reference("variable")), "Headers from environment variables."),
        may("bearer", reference("secret"), "A token."),
        may("basic", basic, "An account and its password."),
        may("ca", reference("text"), "PEM file that replaces the system's certificates."),
        may("client", client, "A client certificate."),
        may("cwd", reference("text"), "Where the command runs; the workspace by default."),
        may("prints", json!({"enum": ["number", "json", "exposition"]}), "What the command prints."),
    ]);
    shape::add(
        &mut out,
        "oneOf",
        exactly_one(&["prometheus", "http_json", "exposition", "command", "simulated"]),
    );
    out
}

const HEADER: &str = "^[A-Za-z0-9_-]+$";

fn simulated() -> Value {
    let point = json!({
        "type": "array", "minItems": 2, "maxItems": 2,
        "prefixItems": [reference("duration"), {"type": ["number", "string", "null"]}],
    });
    let curve = object(&[
        need("points", some(point), "Time and value; no value is silence."),
        may("noise", reference("number"), "How much the value shakes."),
    ]);
    object(&[
        need("curves", named(NAME, curve), "By name."),
        may("seed", whole(0, u64::MAX), "The same seed gives the same noise."),
    ])
}

fn channel() -> Value {
    let address = || {
        vec![
            may("url", reference("url"), "The address."),
            may("url_env", reference("variable"), "The environment variable that holds the address."),
        ]
    };
    let with_address = |mut keys: Vec<shape::Key>| {
        keys.extend(address());
        let mut out = object(&keys);
        shape::add(&mut out, "oneOf", exactly_one(&["url", "url_env"]));
        out
    };
    let webhook = with_address(vec![
        may("template", reference("text"), "JSON in which the message stands for its name in braces."),
        may("headers_env", named(HEADER, reference("variable")), "Headers from environment variables."),
    ]);
    let mut out = object(&[
        may("file", reference("text"), "Appends to a file, for what is sent by hand."),
        may("webhook", webhook, "Posts JSON."),
        may("slack", with_address(Vec::new()), "An incoming webhook of Slack."),
        may("teams", with_address(Vec::new()), "An incoming webhook of Teams."),
        may("statuspage", json!({"type": "object"}), "A status page: url, page, and what lets one in."),
        may("pagerduty", json!({"type": "object"}), "PagerDuty's events: routing_key."),
    ]);
    shape::add(
        &mut out,
        "oneOf",
        exactly_one(&["file", "webhook", "slack", "teams", "statuspage", "pagerduty"]),
    );
    out
}

fn exactly_one(keys: &[&str]) -> Value {
    Value::Array(keys.iter().map(|key| json!({"required": [key]})).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runbook::finding::{Finding, any_error};
    use crate::runbook::schema::check::{as_json, as_yaml, inside, objects, places, put, refuses, scalar};
    use crate::runbook::yaml::{Node, Value as Yaml, parse};
    use std::collections::BTreeSet;
    use std::path::Path;

    const TEAM: &str = "people:\n  - {id: ana, name: Ana, roles: [commander], contact: '+351 1', time_zone: Europe/Lisbon}\n  - {id: ben, name: Ben}\n";
    const WORKSPACE: &str = r#"
sources:
  prod: {prometheus: "https://prom.example:9090/", headers: {X-Scope: a}, headers_env: {Authorization: PROM_AUTH}, ca: tls/ca.pem, timeout: 2s}
  shop: {http_json: "http://127.0.0.1:8080/stats", bearer: {env: TOKEN}, client: {certificate: c.pem, key: k.pem}}
  page: {exposition: "http://127.0.0.1:8080/metrics", basic: {user: u, password: {file: pw}}}
  backlog: {command: [./count, --json], cwd: tools, prints: json}
  drill: {simulated: {seed: 7, curves: {errors: {points: [[0s, 0.01], [30s, 0.3], [2m, null]], noise: 0.005}}}}
channels:
  statuspage: {webhook: {url_env: STATUSPAGE_URL, template: '{"incident": {{ text }}}', headers_env: {Authorization: KEY}}}
  internal: {slack: {url_env: SLACK_URL}}
  bridge: {teams: {url: "https://example.org/hook"}}
  paper: {file: out/messages.txt}
engine: {file: {}}
policies: {max_tenure: 4h, shift_gap: 10h, verify_required: true}
"#;

    type Reader = fn(&Node) -> Vec<Finding>;

    fn errors(findings: Vec<Finding>) -> Vec<Finding> {
        if any_error(&findings) { findings } else { Vec::new() }
    }

    fn cases() -> [(Node, Value, Reader); 2] {
        let tree = |text: &str| parse("x.yaml", text).unwrap_or_else(|f| panic!("{f:?}"));
        let of_team: Reader = |node| errors(super::super::team::decode("t", as_yaml(node).as_bytes()).1);
        let of_config: Reader =
            |node| errors(super::super::config::decode("c", as_yaml(node).as_bytes(), Path::new("/w")).1);
        [(tree(TEAM), team(), of_team), (tree(WORKSPACE), workspace(), of_config)]
    }

    #[test]
    fn what_the_readers_take_the_schemas_take() {
        for (node, schema, read) in cases() {
            assert_eq!(read(&node), []);
            assert_eq!(refuses(&schema, &schema, &as_json(&node)), None);
        }
    }

    #[test]
    fn the_schemas_know_every_key_the_readers_ask_for() {
        for (node, schema, read) in cases() {
            let mut all = Vec::new();
            objects(&schema, &schema, &node, &[], &mut all);
            for (place, keys) in all {
                let mut broken = node.clone();
                put(inside(&mut broken, &place), "zzzzzzzzzzzzzzzz", scalar("1"));
                let findings = read(&broken);
                let unknown = findings.iter().find(|f| f.message.contains("unknown key `zzzz"));
                let help = unknown.map(|f| f.help.clone()).unwrap_or_default();
                let asked: BTreeSet<&str> = help.split('`').skip(1).step_by(2).collect();
                let missing: Vec<&&str> =
                    asked.iter().filter(|k| !keys.iter().any(|key| key == *k)).collect();
                assert!(missing.is_empty(), "the schema does not know {missing:?} beside {keys:?}");
            }
        }
    }

    #[test]
    fn the_schemas_are_never_stricter() {
        for (node, schema, read) in cases() {
            for place in places(&node) {
                for word in ["", "5m", "3", "true", "null", "x y", "https://h/"] {
                    let mut broken = node.clone();
                    *inside(&mut broken, &place) = scalar(word);
                    let why = refuses(&schema, &schema, &as_json(&broken));
                    assert!(why.is_none() || !read(&broken).is_empty(), "{why:?}\n{}", as_yaml(&broken));
                }
                let mut broken = node.clone();
                if let Yaml::Map(entries) = &mut inside(&mut broken, &place).value {
                    entries.pop();
                    let why = refuses(&schema, &schema, &as_json(&broken));
                    assert!(why.is_none() || !read(&broken).is_empty(), "{why:?}\n{}", as_yaml(&broken));
                }
            }
        }
    }
}
