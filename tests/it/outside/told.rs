//! Marks on charts, traces, a page of numbers and copies of the head: compared as they arrive, and harmless when nobody
//! takes them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::net::TcpStream;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::metrics::hostile::{Server, ok, page};
use crate::support::incident::{SECRET, files_with, runbook};
use crate::support::prometheus::get;
use crate::support::{Incident, Place, Prometheus, Team, free_port};

const STEPS: &str = "- {id: good, run: [\"true\"], timeout: 10s, role: sre}\n\
                     - {id: bad, run: [\"false\"], timeout: 10s, role: sre}\n";

/// A declared incident of this workspace with a step that succeeds and one that does not.
pub fn incident(place: Place, config: &str, env: &[(&str, &str)]) -> Option<Incident> {
    with_steps(place, config, env, STEPS)
}

/// The same with these steps.
pub fn with_steps(place: Place, config: &str, env: &[(&str, &str)], steps: &str) -> Option<Incident> {
    let team = Team::gather(&place)?;
    place.write("ws/runbooks/test.yaml", runbook(steps));
    place.write("ws/backout.yaml", config);
    let env = [&[("TEST_TOKEN", SECRET)], env].concat();
    let incident = Incident::open(place, team, "ana", &["runbooks/test.yaml"], &env);
    incident.ok("ben", &["assume", "sre"]);
    incident.ok("ana", &["approve", "declare", "--yes"]);
    incident.until("it is declared", || incident.status()["stage"] == "declared");
    Some(incident)
}

/// Goes past the step that fails, and closes.
pub fn fail_and_close(incident: &Incident) {
    incident.until_step("bad", "ready");
    incident.ok("ben", &["start", "bad"]);
    incident.until_step("bad", "failed");
    incident.ok("ana", &["continue", "bad", "--reason", "it is a test"]);
    incident.ok("ana", &["close", "--reason", "over", "--yes"]);
    incident.until("it is closed", || incident.status()["stage"] == "closed");
}

#[test]
fn grafana_gets_a_mark_at_every_turn_and_a_collector_every_span() {
    let grafana = Server::answering(|_| ok("{\"id\":1}"));
    let collector = Server::answering(|_| ok("{}"));
    let config = format!(
        "annotations: {{grafana: {{url: \"{}/grafana\", token_env: GRAFANA_TOKEN}}}}\n\
         telemetry: {{otlp: {{url: \"{}\", headers_env: {{X-Key: OTLP_KEY}}}}}}\n",
        grafana.url(),
        collector.url()
    );
    let env = [("GRAFANA_TOKEN", "grafana-t0ken-is-nowhere"), ("OTLP_KEY", "otlp-key-is-nowhere")];
    let Some(incident) = incident(Place::new(), &config, &env) else { return };
    incident.does("ben", "good");
    incident.until("the step's span is there", || collector.asked() >= 1);
    incident.until("the marks are there", || grafana.asked() >= 2);
    let mark = grafana.requests()[0].clone();
    assert_eq!(mark.what(), "POST /grafana/api/annotations");
    assert_eq!(mark.header("authorization").as_deref(), Some("Bearer grafana-t0ken-is-nowhere"));
    let texts: Vec<String> =
        grafana.requests().iter().map(|r| r.json()["text"].as_str().unwrap().to_owned()).collect();
    assert!(
        texts[0].starts_with("rollback declared (incident ") && texts[1].starts_with("phase Act"),
        "{texts:?}"
    );
    let tags: BTreeSet<String> =
        mark.json()["tags"].as_array().unwrap().iter().map(|t| t.as_str().unwrap().to_owned()).collect();
    assert!(tags.contains("backout") && tags.contains("shop") && tags.contains(&incident.id), "{tags:?}");

    fail_and_close(&incident);
    incident.until("the whole trace is there", || {
        spans(&collector).contains_key(&format!("incident {}", incident.id))
    });
    let spans = spans(&collector);
    let (whole, phase) = (&spans[&format!("incident {}", incident.id)], &spans["phase Act"]);
    let (good, bad) = (&spans["step good"], &spans["step bad"]);
    assert_eq!((&phase["parentSpanId"], &good["parentSpanId"]), (&whole["spanId"], &phase["spanId"]));
    assert!([phase, good, bad].iter().all(|s| s["traceId"] == whole["traceId"]));
    assert_eq!((&good["status"]["code"], &bad["status"]["code"]), (&1.into(), &2.into()));
    let nano = |s: &Value, key: &str| s[key].as_str().unwrap().parse::<u64>().unwrap();
    assert!(nano(good, "startTimeUnixNano") <= nano(good, "endTimeUnixNano"));
    assert!(nano(whole, "startTimeUnixNano") <= nano(phase, "startTimeUnixNano"));
    let first = collector.requests()[0].clone();
    assert_eq!(
        (first.what().as_str(), first.header("x-key").as_deref()),
        ("POST /v1/traces", Some("otlp-key-is-nowhere"))
    );
    for secret in ["grafana-t0ken-is-nowhere", "otlp-key-is-nowhere"] {
        let found = files_with(incident.place.path(), secret.as_bytes());
        assert!(found.is_empty(), "{secret}: {found:?}");
    }
}

fn spans(collector: &Server) -> BTreeMap<String, Value> {
    let all = collector.requests();
    let bodies = all.iter().map(|r| r.json());
    let spans =
        bodies.flat_map(|b| b["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone());
    spans.map(|s| (s["name"].as_str().unwrap().to_owned(), s)).collect()
}

#[test]
fn who_does_not_take_it_is_named_once_and_holds_up_nothing() {
    let hanging = Server::hanging();
    let refusing = Server::answering(|_| page(401, "text/plain", "who is otlp-key-is-nowhere?"));
    let config = format!(
        "annotations: {{grafana: {{url: \"{}\"}}}}\ntelemetry: {{otlp: {{url: \"{}\", bearer: {{env: OTLP_KEY}}}}}}\n\
         anchors: [{{directory: /nowhere/at/all}}]\n",
        hanging.url(),
        refusing.url()
    );
    let Some(incident) = incident(Place::new(), &config, &[("OTLP_KEY", "otlp-key-is-nowhere")]) else {
        return;
    };
    incident.does("ben", "good");
    incident.until("three places are named", || incident.recorded("note.added").len() == 3);
    fail_and_close(&incident);
    assert_eq!(incident.recorded("note.added").len(), 3, "once each, whatever else was not taken");
    let found = files_with(incident.place.path(), b"otlp-key-is-nowhere");
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn a_real_prometheus_scrapes_the_hub() {
    let port = free_port();
    let scraper = Place::new();
    let Some(mut prometheus) = Prometheus::start(&scraper, &[format!("127.0.0.1:{port}")]) else { return };
    let config = format!("telemetry: {{prometheus: \"127.0.0.1:{port}\"}}\n");
    let Some(incident) = incident(Place::new(), &config, &[]) else { return };
    incident.does("ben", "good");
    prometheus.wait_scraped(1);
    let asks = |query: &str| {
        let url = format!(
            "/api/v1/query?query={}",
            query.replace('{', "%7B").replace('}', "%7D").replace('"', "%22")
        );
        let answer = get(prometheus.port(), &url).unwrap_or_default();
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, b)| b);
        let value: Value = serde_json::from_str(body).unwrap_or_default();
        value["data"]["result"][0].clone()
    };
    incident.until("it has seen the step", || {
        asks(r#"backout_steps{status="succeeded"}"#)["value"][1] == "1" && asks("up")["value"][1] == "1"
    });
    let seen = asks(r#"backout_incident_info{stage="declared"}"#);
    assert_eq!(
        (&seen["metric"]["incident"], &seen["metric"]["service"]),
        (&incident.id.clone().into(), &"shop".into())
    );
    assert!(asks("backout_timeline_events")["value"][1].as_str().unwrap().parse::<u64>().unwrap() > 3);
    for query in ["backout_suspensions_open", "backout_backlog_open", "backout_messages_sent"] {
        assert_eq!(asks(query)["value"][1], "0", "{query}");
    }
    if let Some(promtool) = crate::support::need("promtool") {
        let page = get(port, "/metrics").unwrap();
        let mut lint = Command::new(promtool);
        lint.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut lint = lint.spawn().unwrap();
        let body = page.split_once("\r\n\r\n").unwrap().1;
        lint.stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
        let said = lint.wait_with_output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    }
}

#[test]
fn the_page_of_numbers_is_all_that_is_served() {
    let port = free_port();
    let config = format!("telemetry: {{prometheus: \"127.0.0.1:{port}\"}}\n");
    let Some(incident) = incident(Place::new(), &config, &[]) else { return };
    // More callers than there is room for, none of whom says anything: nobody in the incident notices.
    let silent: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
    incident.does("ben", "good");
    drop(silent);
    let wanted = "backout_steps{incident=";
    incident.until("the page shows the step", || {
        get(port, "/metrics").is_ok_and(|p| p.contains(wanted) && p.contains("status=\"succeeded\"} 1"))
    });
    let page = get(port, "/metrics").unwrap();
    let labels =
        format!("{{incident=\"{}\",service=\"shop\",environment=\"test\",mode=\"LIVE\"", incident.id);
    assert!(page.contains(&format!("backout_incident_info{labels},stage=\"declared\"}} 1")), "{page}");
    assert!(get(port, "/").unwrap().starts_with("HTTP/1.1 404"));
    assert_eq!(incident.step("good")["status"], "succeeded");
}

#[test]
fn the_head_is_copied_at_every_turn_and_the_copy_vouches_for_the_record() {
    let witness = Server::answering(|_| ok(""));
    let place = Place::new();
    let kept = place.folder("kept");
    let config = format!(
        "anchors: [{{directory: {}}}, {{webhook: {{url_env: WITNESS}}, name: legal}}]\n",
        kept.display()
    );
    let url = format!("{}/secret-path", witness.url());
    let Some(incident) = incident(place, &config, &[("WITNESS", url.as_str())]) else { return };
    incident.does("ben", "good");
    incident.until("both have confirmed the phase", || {
        let all = incident.recorded("anchor.confirmed");
        ["directory", "legal"]
            .iter()
            .all(|name| all.iter().filter(|e| e["data"]["anchor"] == *name).count() >= 2)
    });
    let status = incident.status();
    assert_eq!(status["anchored"].as_array().unwrap().len(), 2, "{status}");
    let shown = incident.backout("ana").run(["status", &incident.id]).exits(0).stdout;
    assert!(shown.contains("anchored to #") && shown.contains("by directory"), "{shown}");
    assert_eq!(witness.requests()[0].what(), "POST /secret-path");
    fail_and_close(&incident);
    let name = std::fs::read_dir(&kept).unwrap().next().unwrap().unwrap().path();
    let events = incident.status()["events"].as_u64().unwrap();
    incident.until("the last head is there too", || {
        std::fs::read_to_string(&name).unwrap().lines().nth(1) == Some(&events.to_string())
    });
    let verified = incident.backout("ana").run(["verify", &incident.id, "--anchor", name.to_str().unwrap()]);
    verified.exits(0);
    let found = files_with(&incident.dir(), b"secret-path");
    assert!(found.is_empty(), "{found:?}");
}
