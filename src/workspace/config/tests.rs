use super::*;
use crate::metrics::source::Kind;
use crate::outside::channel::Address;

const WHOLE: &str = r#"
sources:
  prod: {prometheus: "https://prom.example:9090/", headers_env: {Authorization: PROM_AUTH}, ca: tls/ca.pem, timeout: 2s}
  shop: {http_json: "http://127.0.0.1:8080/stats"}
  backlog: {command: [./count, --json], cwd: tools}
  drill: {simulated: {seed: 7, curves: {errors: {points: [[0s, 0.01], [30s, 0.3], [2m, null]], noise: 0.005}}}}
channels:
  statuspage: {webhook: {url_env: STATUSPAGE_URL, template: '{"incident": {"body": {{ text }}}}', headers_env: {Authorization: STATUSPAGE_KEY}}}
  internal: {slack: {url_env: SLACK_URL}}
  bridge: {teams: {url: "https://example.org/hook"}}
  paper: {file: out/messages.txt}
suspend: {alerts: {alertmanager: "http://am:9093", match: {service: shop}, lasts: 10m}}
anchors: [{directory: /mnt/witness}]
engine: {file: {}}
policies: {max_tenure: 4h, shift_gap: 10h}
"#;

fn read(text: &str) -> (Option<Config>, Vec<Finding>) {
    decode("backout.yaml", text.as_bytes(), Path::new("/w"))
}

fn refused(text: &str) -> String {
    let (config, findings) = read(text);
    assert!(config.is_none(), "accepted: {text}");
    findings
        .into_iter()
        .map(|f| format!("{}:{} {}: {}; {}", f.line, f.column, f.code, f.message, f.help))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn everything_the_file_can_hold_is_read() {
    let (config, findings) = read(WHOLE);
    assert!(!crate::runbook::finding::any_error(&findings), "{findings:?}");
    let config = config.unwrap();
    let Kind::Prometheus(prod) = &config.sources["prod"].kind else { panic!("{:?}", config.sources["prod"]) };
    assert_eq!(prod.headers_env["Authorization"], "PROM_AUTH");
    assert_eq!(prod.tls.ca.as_deref(), Some(Path::new("/w/tls/ca.pem")));
    assert_eq!(config.sources["prod"].timeout, Duration::from_secs(2));
    assert_eq!(config.sources["shop"].timeout, source::DEFAULT_TIMEOUT);
    let Kind::Command { argv, cwd, prints: _ } = &config.sources["backlog"].kind else { panic!("a command") };
    assert_eq!((argv.len(), cwd.as_deref()), (2, Some(Path::new("/w/tools"))));
    let Kind::Simulated { curves, seed: 7 } = &config.sources["drill"].kind else { panic!("a simulation") };
    assert_eq!(curves["errors"].points[2], (Duration::from_secs(120), None));
    assert_eq!(config.channels["paper"], Channel::File("/w/out/messages.txt".into()));
    assert_eq!(config.channels["internal"], Channel::Slack(Address::Env("SLACK_URL".into())));
    let alerts = &config.suspend["alerts"];
    assert_eq!(alerts.endpoint.url, "http://am:9093");
    assert_eq!((alerts.matching["service"].as_str(), alerts.lasts), ("shop", Duration::from_secs(600)));
    assert_eq!(config.anchors[0].name, "directory");
    assert_eq!(config.policies.max_tenure, Some(Duration::from_secs(4 * 3600)));
}

#[test]
fn an_empty_workspace_is_a_workspace() {
    let (config, findings) = read("{}\n");
    assert_eq!((config, findings.len()), (Some(Config::default()), 0));
}

#[test]
fn unknown_keys_are_errors_at_every_depth() {
    for (text, help) in [
        ("source: {}\n", "did you mean `sources`?"),
        ("sources: {a: {http_json: 'http://h/', timout: 5s}}\n", "did you mean `timeout`?"),
        ("channels: {a: {slack: {url_evn: X}}}\n", "did you mean `url_env`?"),
        ("policies: {max_tenur: 4h}\n", "did you mean `max_tenure`?"),
        ("engine: {file: {sync: never}}\n", "unknown key `sync`"),
    ] {
        assert!(refused(text).contains(help), "{text}: {}", refused(text));
    }
}

#[test]
fn what_this_version_does_not_do_is_refused_and_not_passed_over() {
    let said = refused("engine: {etcd: {endpoints: [a]}}\n");
    assert!(said.contains("the etcd engine does not exist in this version"), "{said}");
}

#[test]
fn a_source_or_channel_is_exactly_one_thing() {
    for text in [
        "sources: {a: {}}\n",
        "sources: {a: {http_json: 'http://h/', prometheus: 'http://h/'}}\n",
        "channels: {a: {}}\n",
        "channels: {a: {file: x, slack: {url_env: X}}}\n",
    ] {
        assert!(refused(text).contains("exactly one of"), "{text}: {}", refused(text));
    }
    assert!(refused("channels: {a: {slack: {url_env: X, url: 'http://h/'}}}\n").contains("not both"));
    assert!(refused("channels: {a: {slack: {}}}\n").contains("add `url_env:`"));
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_repeated() {
    let text =
        refused("sources: {a: {http_json: 'http://h/', headers_env: {Authorization: Bearer s3cret}}}\n");
    assert!(text.contains("put the secret into the environment"), "{text}");
    assert!(!text.contains("s3cret"), "{text}");
}

#[test]
fn bad_values_are_named() {
    for (text, part) in [
        ("sources: {a: {prometheus: localhost}}\n", "this is not an address"),
        ("sources: {a: {prometheus: 'http://m\u{fc}nchen.example/'}}\n", "this is not an address"),
        ("sources: {a: {prometheus: 'http://h/', timeout: 5}}\n", "add a unit"),
        ("sources: {'a b': {http_json: 'http://h/'}}\n", "`a b` is not a name"),
        ("sources: {a: {command: []}}\n", "empty list"),
        ("sources: {a: {simulated: {curves: {c: {points: [[5s, 1], [2s, 2]]}}}}}\n", "not in order of time"),
        ("sources: {a: {simulated: {curves: {c: {points: [[5s]]}}}}}\n", "a time and a value"),
        (
            "channels: {a: {webhook: {url_env: X, template: '{\"a\": \"{{ text }}\"}'}}}\n",
            "bring their own quotes",
        ),
        ("- a\n", "must be a mapping"),
    ] {
        assert!(refused(text).contains(part), "{text}: {}", refused(text));
    }
}

#[test]
fn what_lets_one_in_is_named_and_never_written() {
    let text = "sources:\n  a: {prometheus: 'https://h/prom', bearer: {file: token}, headers: {X-Scope-OrgID: shop}, \
                client: {certificate: c.pem, key: k.pem}}\n  b: {exposition: 'http://h/metrics', basic: {user: ana, password: {env: PW}}}\n  \
                c: {command: [x], prints: json}\n";
    let config = read(text).0.unwrap();
    let Kind::Prometheus(a) = &config.sources["a"].kind else { panic!("a prometheus") };
    assert_eq!(a.login, source::Login::Bearer(source::Secret::File("/w/token".into())));
    assert_eq!(a.headers["X-Scope-OrgID"], "shop");
    assert_eq!(a.tls.client.as_ref().unwrap().key, Path::new("/w/k.pem"));
    let Kind::Exposition(b) = &config.sources["b"].kind else { panic!("an exposition") };
    assert!(
        matches!(&b.login, source::Login::Basic { user, password: source::Secret::Env(pw) } if user == "ana" && pw == "PW")
    );
    for (text, part) in [
        ("sources: {a: {prometheus: 'http://h/', bearer: s3cret}}\n", "a secret is not written here"),
        ("sources: {a: {prometheus: 'http://u:s3cret@h/'}}\n", "this address holds a login"),
        (
            "sources: {a: {prometheus: 'http://h/', headers: {X-Api-Key: s3cret}}}\n",
            "write it under `headers_env`",
        ),
        (
            "sources: {a: {prometheus: 'http://h/', bearer: {env: A}, basic: {user: b, password: {env: C}}}}\n",
            "two logins",
        ),
        ("sources: {a: {prometheus: 'http://h/', bearer: {}}}\n", "exactly one of env, file"),
        ("sources: {a: {command: [x], prints: xml}}\n", "allowed: `number`, `json`, `exposition`"),
    ] {
        let said = refused(text);
        assert!(said.contains(part), "{text}: {said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
}
