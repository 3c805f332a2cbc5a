//! What is told and not taken is told again, within bounds, and said once. The collector reads what it gets by the
//! letter of the protocol.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Deserialize;

use super::told::{fail_and_close, incident};
use crate::metrics::hostile::{Server, ok, page};
use crate::support::Place;

/// `ExportTraceServiceRequest` in the JSON encoding of OTLP 1.x: any other field is a mistake.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Export {
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ResourceSpans {
    resource: Resource,
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resource {
    attributes: Vec<KeyValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScopeSpans {
    scope: Scope,
    spans: Vec<Span>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scope {
    name: String,
    version: String,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct KeyValue {
    key: String,
    value: AnyValue,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct AnyValue {
    string_value: String,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Span {
    trace_id: String,
    span_id: String,
    #[serde(default)]
    parent_span_id: String,
    name: String,
    kind: i32,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    attributes: Vec<KeyValue>,
    status: Status,
}

#[derive(Deserialize, Clone, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
struct Status {
    #[serde(default)]
    code: i32,
    #[serde(default)]
    message: String,
}

fn hex(text: &str, bytes: usize) -> bool {
    text.len() == bytes * 2 && text.bytes().all(|b| b.is_ascii_hexdigit()) && text.bytes().any(|b| b != b'0')
}

impl Export {
    fn read(body: &str) -> Export {
        let export: Export = serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {body}"));
        for span in export.spans() {
            assert!(hex(&span.trace_id, 16) && hex(&span.span_id, 8), "{} {}", span.trace_id, span.span_id);
            assert!(span.parent_span_id.is_empty() || hex(&span.parent_span_id, 8));
            let nanos = |text: &str| text.parse::<u64>().unwrap();
            assert!(nanos(&span.start_time_unix_nano) <= nanos(&span.end_time_unix_nano));
            assert_eq!(span.kind, 1, "internal");
        }
        export
    }

    fn spans(&self) -> impl Iterator<Item = &Span> {
        self.resource_spans.iter().flat_map(|r| r.scope_spans.iter().flat_map(|s| &s.spans))
    }
}

#[test]
fn what_was_not_taken_at_first_arrives_when_they_are_back() {
    let taken = Arc::new(Mutex::new(Vec::new()));
    let back = Arc::new(AtomicBool::new(false));
    let (kept, up) = (taken.clone(), back.clone());
    let collector = Server::deciding(move |request| {
        if !up.load(Ordering::SeqCst) {
            return page(503, "text/html", "<html>starting\u{1b}[31m</html>");
        }
        assert_eq!(request.header("content-type").as_deref(), Some("application/json"));
        kept.lock().unwrap().push(Export::read(&request.body));
        ok(r#"{"partialSuccess":{}}"#)
    });
    let up = back.clone();
    let grafana = Server::answering(move |_| match up.load(Ordering::SeqCst) {
        false => page(502, "text/plain", "bad gateway"),
        true => ok("{\"id\":1}"),
    });
    let config = format!(
        "annotations: {{grafana: {{url: \"{}\"}}}}\ntelemetry: {{otlp: \"{}/v1/traces\"}}\n",
        grafana.url(),
        collector.url()
    );
    let Some(incident) = incident(Place::new(), &config, &[]) else { return };
    incident.does("ben", "good");
    incident.until("each is tried more than once", || grafana.asked() >= 2 && collector.asked() >= 2);
    let said = incident.notes();
    assert_eq!(said.len(), 2, "once each, however often it is tried: {said:?}");
    let said = said.join("; ");
    assert!(said.contains("a mark was not made, and it is tried again: HTTP 502"), "{said}");
    assert!(said.contains("HTTP 503: a web page") && !said.contains('\u{1b}'), "{said}");
    back.store(true, Ordering::SeqCst);
    incident.until("both work again", || incident.notes().len() == 4);
    assert!(
        incident.notes().iter().filter(|n| n.contains("works again")).count() == 2,
        "{:?}",
        incident.notes()
    );
    fail_and_close(&incident);
    incident.until("the whole is told", || {
        taken.lock().unwrap().iter().flat_map(Export::spans).any(|s| s.name.starts_with("incident "))
    });
    let taken = taken.lock().unwrap();
    let spans: Vec<&Span> = taken.iter().flat_map(Export::spans).collect();
    let mut ids: BTreeMap<&str, &str> = BTreeMap::new();
    for span in &spans {
        assert!(ids.insert(&span.span_id, &span.name).is_none(), "{} came twice", span.name);
    }
    let named =
        |name: &str| *spans.iter().find(|s| s.name == name).unwrap_or_else(|| panic!("no {name}: {ids:?}"));
    let (good, bad, phase) = (named("step good"), named("step bad"), named("phase Act"));
    assert_eq!(good.status, Status { code: 1, message: String::new() });
    assert_eq!(bad.status, Status { code: 2, message: "failed".into() });
    assert_eq!((&good.parent_span_id, &good.trace_id), (&phase.span_id, &phase.trace_id));
    let attribute =
        |of: &[KeyValue], key: &str| of.iter().find(|a| a.key == key).map(|a| a.value.string_value.clone());
    assert_eq!(attribute(&good.attributes, "backout.step").as_deref(), Some("good"));
    let first = &taken[0].resource_spans[0];
    assert_eq!(attribute(&first.resource.attributes, "service.name").as_deref(), Some("backout"));
    assert_eq!(attribute(&first.resource.attributes, "service.namespace").as_deref(), Some("shop"));
    let scope = &first.scope_spans[0].scope;
    assert_eq!((scope.name.as_str(), scope.version.is_empty()), ("backout", false));
    // Marks in order, none left out, none twice.
    let marks: Vec<String> =
        grafana.requests().iter().map(|r| r.json()["text"].as_str().unwrap().to_owned()).collect();
    let mut once = marks.clone();
    once.dedup();
    let heads: Vec<&str> = once.iter().map(|m| m.split(" (").next().unwrap()).collect();
    assert_eq!(heads, ["rollback declared", "phase Act", "incident closed"], "{marks:?}");
}

#[test]
fn what_will_never_be_taken_is_sent_once_and_the_next_goes_on() {
    let collector = Server::answering(|n| match n {
        0 => ok(r#"{"partialSuccess":{"rejectedSpans":"1","errorMessage":"too \u001b[31mold"}}"#),
        1 => page(400, "application/json", r#"{"code":3,"message":"bad"}"#),
        _ => ok("{}"),
    });
    let config = format!("telemetry: {{otlp: \"{}\"}}\n", collector.url());
    let Some(incident) = incident(Place::new(), &config, &[]) else { return };
    incident.does("ben", "good");
    incident.until("what was left out is noted", || {
        incident.notes() == ["otlp: spans were not taken: 1 of 1: too old"]
    });
    incident.until_step("bad", "ready");
    incident.ok("ben", &["start", "bad"]);
    incident.until_step("bad", "failed");
    incident.until("the second was refused", || collector.asked() == 2);
    incident.ok("ana", &["continue", "bad", "--reason", "it is a test"]);
    incident.ok("ana", &["close", "--reason", "over", "--yes"]);
    incident.until("the rest is told at the end", || collector.asked() >= 3);
    let names: Vec<String> = collector
        .requests()
        .iter()
        .flat_map(|r| Export::read(&r.body).spans().map(|s| s.name.clone()).collect::<Vec<_>>())
        .collect();
    assert_eq!(names.iter().filter(|n| *n == "step good").count(), 1, "{names:?}");
    assert!(names.iter().any(|n| n.starts_with("incident ")), "{names:?}");
}

#[test]
fn what_is_taken_back_has_a_span_of_its_own() {
    let collector = Server::answering(|_| ok("{}"));
    let config = format!("telemetry: {{otlp: \"{}\"}}\n", collector.url());
    let steps = "- {id: bad, run: [\"false\"], timeout: 10s, role: sre, undo: [\"true\"]}\n\
                 - {id: wait-for-it, manual: Wait, role: sre}\n";
    let Some(incident) = super::told::with_steps(Place::new(), &config, &[], steps) else { return };
    incident.until_step("bad", "ready");
    incident.ok("ben", &["start", "bad"]);
    incident.until_step("bad", "failed");
    incident.ok("ben", &["undo", "bad", "--reason", "a test"]);
    incident.until("both spans are there", || {
        let all = collector.requests();
        let names: Vec<String> = all
            .iter()
            .flat_map(|r| Export::read(&r.body).spans().map(|s| s.name.clone()).collect::<Vec<_>>())
            .collect();
        names.contains(&"step bad".to_owned()) && names.contains(&"undo bad".to_owned())
    });
    let all = collector.requests();
    let ids: std::collections::BTreeSet<String> = all
        .iter()
        .flat_map(|r| Export::read(&r.body).spans().map(|s| s.span_id.clone()).collect::<Vec<_>>())
        .collect();
    assert_eq!(ids.len(), 2);
}
