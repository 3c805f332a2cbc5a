//! `team.yaml` and `backout.yaml` as JSON Schema, for editors. Never stricter than the readers of these files.

mod outside;

use crate::runbook::schema::shape::{
    self, NAME, document, list, may, named, need, object, reference, some, whole,
};
use crate::runbook::vocabulary::CLASSES;
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
    let keys = [
        may("sources", named(NAME, source()), "Where metrics come from, by the names runbooks use."),
        may("channels", named(NAME, channel()), "Where messages go, by the names runbooks use."),
        may(
            "suspend",
            named(NAME, outside::suspend()),
            "What this program itself suspends, by the name of the suspension.",
        ),
        may("anchors", list(outside::anchor()), "Where the head of a record is copied to."),
        may("engine", outside::engine(), "How incidents are kept."),
        may("policies", policies(), "What the team agreed on."),
        may("annotations", outside::annotations(), "Where marks are drawn on charts."),
        may("telemetry", outside::telemetry(), "Where traces go, and where numbers can be scraped."),
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
    object(&[
        may("max_tenure", reference("duration"), "After so long the holder of a seat is asked to hand over."),
        may("shift_gap", reference("duration"), "How long people rest between shifts."),
        may("verify_required", reference("flag"), "Security keys must verify who touches them."),
        may("authority", authority(), "Who decides what, by the class of the runbook."),
    ])
}

/// By class: who gives the rollback up, goes on in spite of a step, goes past a point of no return.
fn authority() -> Value {
    let roles = || json!({"type": "array", "items": reference("text"), "minItems": 1});
    let of_class = || {
        object(&[
            may("abort", roles(), "To give the rollback up: take back what was done, or mend forward."),
            may("go_on", roles(), "To go on in spite of a step that failed or is left out."),
            may("no_return", roles(), "To go past a point of no return: one of them approves it."),
        ])
    };
    object(&CLASSES.map(|(word, _)| may(word, of_class(), "Runbooks of this class.")))
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
    let mut keys = vec![
        may("prometheus", reference("url"), "A Prometheus; queries are PromQL."),
        may("http_json", reference("url"), "Any JSON over HTTP; queries are JSONPaths."),
        may("exposition", reference("url"), "A page of metrics in Prometheus's text format."),
        may("command", some(reference("any_text")), "A command; the query is its last argument."),
        may("simulated", simulated(), "Curves for rehearsals; queries are their names."),
        may("timeout", reference("duration"), "How long one question may take."),
        may("cwd", reference("text"), "Where the command runs; the workspace by default."),
        may("prints", json!({"enum": ["number", "json", "exposition"]}), "What the command prints."),
    ];
    keys.extend(endpoint());
    let mut out = object(&keys);
    not_both(&mut out, "bearer", "basic");
    shape::add(
        &mut out,
        "oneOf",
        exactly_one(&["prometheus", "http_json", "exposition", "command", "simulated"]),
    );
    out
}

/// The keys beside an address: headers, a login, certificates.
pub(super) fn endpoint() -> Vec<shape::Key> {
    let client = object(&[
        need("certificate", reference("text"), "PEM file."),
        need("key", reference("text"), "PEM file."),
    ]);
    let basic = object(&[
        need("user", reference("text"), "The account."),
        need("password", reference("secret"), "Where its password is."),
    ]);
    vec![
        may("headers", named(HEADER, reference("text")), "Headers in clear."),
        may("headers_env", named(HEADER, reference("variable")), "Headers from environment variables."),
        may("bearer", reference("secret"), "A token."),
        may("basic", basic, "An account and its password."),
        may("ca", reference("text"), "PEM file that replaces the system's certificates."),
        may("client", client, "A client certificate."),
    ]
}

/// A mapping with an address, a login and certificates beside these keys.
pub(super) fn reached(mut keys: Vec<shape::Key>) -> Value {
    keys.extend(endpoint());
    let mut out = object(&keys);
    not_both(&mut out, "bearer", "basic");
    out
}

/// `url` or `url_env` beside these keys.
pub(super) fn addressed(mut keys: Vec<shape::Key>) -> Value {
    keys.extend([
        may("url", reference("url"), "The address."),
        may("url_env", reference("variable"), "The environment variable that holds the address."),
    ]);
    let mut out = object(&keys);
    shape::add(&mut out, "oneOf", exactly_one(&["url", "url_env"]));
    out
}

fn not_both(schema: &mut Value, one: &str, other: &str) {
    shape::add(schema, "not", json!({"required": [one, other]}));
}

pub(super) const HEADER: &str = "^[A-Za-z0-9_-]+$";

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
    let webhook = addressed(vec![
        may("template", reference("text"), "JSON in which the message stands for its name in braces."),
        may("headers_env", named(HEADER, reference("variable")), "Headers from environment variables."),
    ]);
    let mut out = object(&[
        may("file", reference("text"), "Appends to a file, for what is sent by hand."),
        may("webhook", webhook, "Posts JSON."),
        may("slack", addressed(Vec::new()), "An incoming webhook of Slack."),
        may("teams", addressed(Vec::new()), "An incoming webhook of Teams."),
        may("statuspage", outside::statuspage(), "A status page."),
        may("pagerduty", outside::pagerduty(), "PagerDuty's events."),
    ]);
    shape::add(
        &mut out,
        "oneOf",
        exactly_one(&["file", "webhook", "slack", "teams", "statuspage", "pagerduty"]),
    );
    out
}

pub(super) fn exactly_one(keys: &[&str]) -> Value {
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
  customers: {statuspage: {url: "https://api.example/v1", page: kctbh9vrtdwd, bearer: {env: PAGE_TOKEN}, headers: {X-Team: shop}, headers_env: {X-Key: K}, ca: ca.pem, client: {certificate: c.pem, key: k.pem}}}
  duty: {pagerduty: {routing_key: {env: PD_KEY}, url: "https://events.example/v2/enqueue", basic: {user: u, password: {env: P}}}}
suspend:
  alerts: {alertmanager: "http://am:9093", match: {service: shop, severity: page}, lasts: 30m, basic: {user: u, password: {file: pw}}}
anchors:
  - {directory: /mnt/worm, name: worm}
  - {webhook: {url_env: ANCHOR_URL, headers_env: {Authorization: A}}}
  - {ssh: witness@example.org}
  - {tlog_witness: {url: "https://witness.example/w1", vkey: "witness.example/w1+eb762cc2+BNdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea", bearer: {env: W}}}
annotations: {grafana: {url: "https://grafana.example", token_env: GRAFANA_TOKEN, headers: {X-Scope: a}}}
telemetry: {otlp: {url: "http://collector:4318", headers_env: {X-Key: K}}, prometheus: "127.0.0.1:9101"}
engine: {file: {}}
policies: {max_tenure: 4h, shift_gap: 10h, verify_required: true}
"#;
    const SHORT: &str =
        "telemetry: {otlp: 'http://collector:4318'}\nanchors: [{webhook: {url: 'https://a/'}}]\n";

    type Reader = fn(&Node) -> Vec<Finding>;

    fn errors(findings: Vec<Finding>) -> Vec<Finding> {
        if any_error(&findings) { findings } else { Vec::new() }
    }

    fn cases() -> [(Node, Value, Reader); 3] {
        let tree = |text: &str| parse("x.yaml", text).unwrap_or_else(|f| panic!("{f:?}"));
        let of_team: Reader = |node| errors(super::super::team::decode("t", as_yaml(node).as_bytes()).1);
        let of_config: Reader =
            |node| errors(super::super::config::decode("c", as_yaml(node).as_bytes(), Path::new("/w")).1);
        [
            (tree(TEAM), team(), of_team),
            (tree(WORKSPACE), workspace(), of_config),
            (tree(SHORT), workspace(), of_config),
        ]
    }

    #[test]
    fn what_the_readers_take_the_schemas_take() {
        for (node, schema, read) in cases() {
            assert_eq!(read(&node), []);
            assert_eq!(refuses(&schema, &schema, &as_json(&node)), None);
        }
    }

    #[test]
    fn the_schemas_have_the_keys_the_readers_ask_for_and_no_others() {
        let mut seen = 0;
        for (node, schema, read) in cases() {
            let mut all = Vec::new();
            objects(&schema, &schema, &node, &[], &mut all);
            for (place, keys) in all {
                let mut broken = node.clone();
                put(inside(&mut broken, &place), "zzzzzzzzzzzzzzzz", scalar("1"));
                let findings = read(&broken);
                let unknown = findings.iter().find(|f| f.message.contains("unknown key `zzzz"));
                let help = unknown.map(|f| f.help.clone());
                let help =
                    help.unwrap_or_else(|| panic!("the reader takes any key beside {keys:?}: {findings:?}"));
                let asked: BTreeSet<&str> = help.split('`').skip(1).step_by(2).collect();
                // `etcd` is known and refused: an editor need not offer it.
                let known = |k: &str| k == "etcd" || keys.iter().any(|key| key == k);
                let missing: Vec<&&str> = asked.iter().filter(|k| !known(k)).collect();
                assert!(missing.is_empty(), "the schema does not know {missing:?} beside {keys:?}");
                // A source, a channel and an anchor ask for the keys of their own kind only.
                let kinds = ["prometheus", "file", "directory", "env"];
                let of_a_kind = keys.iter().any(|key| kinds.contains(&key.as_str()));
                let invented: Vec<&String> =
                    keys.iter().filter(|key| !of_a_kind && !asked.contains(key.as_str())).collect();
                assert!(invented.is_empty(), "the reader does not know {invented:?} beside {asked:?}");
                seen += 1;
            }
        }
        assert!(seen > 40, "only {seen} mappings were compared");
    }

    #[test]
    fn no_mapping_of_a_schema_takes_a_key_it_does_not_know() {
        for (node, schema, _) in cases() {
            let mut all = Vec::new();
            objects(&schema, &schema, &node, &[], &mut all);
            for (place, keys) in all {
                let mut broken = node.clone();
                put(inside(&mut broken, &place), "zzzzzzzzzzzzzzzz", scalar("1"));
                let why = refuses(&schema, &schema, &as_json(&broken));
                assert!(why.is_some(), "the schema takes any key beside {keys:?}");
            }
        }
    }

    #[test]
    fn what_is_two_things_at_once_is_refused_by_both() {
        let schema = workspace();
        for bad in [
            "suspend: {a: {alertmanager: 'http://a/', bearer: {env: A}, basic: {user: u, password: {env: B}}}}\n",
            "anchors: [{ssh: a, directory: b}]\n",
            "anchors: [{name: a}]\n",
            "anchors: [{webhook: {url: 'http://a/', url_env: A}}]\n",
            "engine: {}\n",
            "annotations: {}\n",
            "annotations: {grafana: {token_env: A}}\n",
            "telemetry: {otlp: {headers: {a: b}}}\n",
            "channels: {a: {statuspage: {url: 'http://a/'}}}\n",
            "channels: {a: {pagerduty: {}}}\n",
            "channels: {a: {pagerduty: {routing_key: abc}}}\n",
            "sources: {a: {http_json: 'http://a/', bearer: {env: A}, basic: {user: u, password: {env: B}}}}\n",
            "policies: {max_tenur: 4h}\n",
        ] {
            let node = parse("x.yaml", bad).unwrap();
            assert!(super::super::config::decode("c", bad.as_bytes(), Path::new("/w")).0.is_none(), "{bad}");
            assert!(refuses(&schema, &schema, &as_json(&node)).is_some(), "{bad}");
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
