//! Messages leave through the workspace's channels, with the record's head; what does not leave is there to be pasted.

use serde_json::json;

use crate::metrics::hostile::{Server, ok, page};
use crate::support::incident::{SECRET, files_with, runbook};
use crate::support::{Incident, Place, Team};
use backout::outside::channel::{Channel, Delivery, Message, deliver, preview};
use backout::outside::endpoint::{Endpoint, Login, Secret};
use backout::outside::http::Clients;
use backout::sanitize;

const COMMS: &str = "comms:
  templates:
    status: {audience: customers, channel: hook, text: \"We are on it: {{ incident.id }}\"}
    exec: {audience: executives, channel: paper, text: \"It costs money.\"}
  cadence: [{audience: customers, every: 20m, template: status}, {audience: executives, every: 30m, template: exec}]
";

fn incident(url: &str, open: &[&str]) -> Option<Incident> {
    let place = Place::new();
    let team = Team::gather(&place)?;
    let steps = "- {id: wait-for-it, manual: Wait, role: sre}\n";
    place.write("ws/runbooks/test.yaml", runbook(steps).replace("phases:\n", &format!("{COMMS}phases:\n")));
    place.write(
        "ws/backout.yaml",
        "channels:\n  hook: {webhook: {url_env: HOOK_URL, template: '{\"body\": {{ text }}, \"head\": {{ head }}}', \
         headers_env: {X-Token: HOOK_TOKEN}}}\n  paper: {file: sent.txt}\n",
    );
    let url = format!("{url}/services/path-is-secret-too");
    let env = [("TEST_TOKEN", SECRET), ("HOOK_URL", url.as_str()), ("HOOK_TOKEN", "hook-t0ken-is-nowhere")];
    Some(Incident::open(place, team, "ana", &[&["runbooks/test.yaml"], open].concat(), &env))
}

#[test]
fn a_due_message_is_shown_previewed_edited_and_sent_with_the_head() {
    let server = Server::answering(|_| ok("{}"));
    let Some(incident) = incident(&server.url(), &[]) else { return };
    let due = incident.status()["due_messages"].clone();
    assert_eq!((due[0]["template"].as_str(), due[0]["last"].is_null()), (Some("status"), true), "{due}");
    let shown = incident.act("ana", &["message", "status", "--preview"]).exits(0).stdout;
    assert!(shown.contains("to customers through hook") && shown.contains("We are on it"), "{shown}");
    assert_eq!(server.asked(), 0);
    let edited = incident.place.write("edited.txt", "All is well «head»\n");
    incident.ok("ana", &["message", "status", "--text", edited.to_str().unwrap()]);
    incident.until("it has left", || incident.recorded("message.sent").len() == 1);
    let request = server.requests()[0].clone();
    assert_eq!(request.what(), "POST /services/path-is-secret-too");
    assert_eq!(request.header("x-token").as_deref(), Some("hook-t0ken-is-nowhere"));
    let body = request.json();
    let head = body["head"].as_str().unwrap();
    assert!(head.contains('-') && body["body"] == format!("All is well {head}\n"), "{body}");
    let due = incident.status()["due_messages"].clone();
    let customers = due.as_array().unwrap().iter().find(|m| m["audience"] == "customers").unwrap().clone();
    assert!(customers["last"].is_string() && customers["overdue_s"].is_null(), "{due}");
    // Somebody passed the other one on by hand.
    incident.ok("ana", &["message", "exec", "--by-hand"]);
    incident.until("that is recorded", || incident.recorded("message.sent").len() == 2);
    assert_eq!(incident.recorded("message.sent")[1]["data"]["how"], "by_hand");
    assert_eq!(server.asked(), 1);
    for secret in ["hook-t0ken-is-nowhere", "path-is-secret-too"] {
        let found = files_with(incident.place.path(), secret.as_bytes());
        assert!(found.is_empty(), "{secret}: {found:?}");
    }
}

#[test]
fn a_message_that_a_channel_refuses_is_there_to_be_pasted() {
    let server = Server::answering(|n| match n {
        0 => page(500, "text/plain", "bad hook-t0ken-is-nowhere"),
        _ => b"HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n".to_vec(),
    });
    let Some(incident) = incident(&server.url(), &[]) else { return };
    for n in [1, 2] {
        incident.ok("ana", &["message", "status"]);
        incident.until("the room is told", || incident.recorded("note.added").len() == n);
    }
    let paper = std::fs::read_to_string(incident.dir().join("messages-to-pass-on.txt")).unwrap();
    assert_eq!(paper.matches(&format!("We are on it: {}", incident.id)).count(), 2, "{paper}");
    assert!(incident.recorded("message.sent").is_empty());
    let due = incident.status()["due_messages"].clone();
    assert!(due[0]["last"].is_null(), "what did not leave was not heard: {due}");
    let found = files_with(incident.place.path(), b"hook-t0ken-is-nowhere");
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn a_drill_sends_nothing_and_says_drill_at_both_ends() {
    let server = Server::answering(|_| ok("{}"));
    let Some(incident) = incident(&server.url(), &["--mode", "drill"]) else { return };
    incident.ok("ana", &["message", "status"]);
    incident.until("it is recorded", || incident.recorded("message.sent").len() == 1);
    assert_eq!(incident.recorded("message.sent")[0]["data"]["detail"], "drill: not sent");
    assert_eq!(server.asked(), 0);
    let payloads = std::fs::read_to_string(incident.dir().join("payloads.jsonl")).unwrap();
    let mut texts = payloads.lines().filter_map(|line| {
        let part: serde_json::Value = serde_json::from_str(line).ok()?;
        let data = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, part["data"].as_str()?);
        String::from_utf8(data.ok()?).ok()
    });
    let text = texts.rfind(|t| t.contains("We are on it")).unwrap();
    assert!(text.starts_with("DRILL ") && text.ends_with(" DRILL"), "{text}");
}

fn message(text: &str) -> Message {
    Message {
        incident: sanitize::line("01M7"),
        audience: sanitize::line("customers"),
        text: sanitize::text(text),
        head: sanitize::line("12-ABC"),
        at_micros: 0,
    }
}

#[tokio::test]
async fn a_status_page_has_one_incident_for_ours() {
    let place = Place::new();
    let server = Server::deciding(|request| match request.what().as_str() {
        "GET /api/v1/pages/p1/incidents/unresolved" if request.header("authorization").is_some() => {
            ok(r#"[{"id":"other","name":"Incident 01M8"}]"#)
        }
        "POST /api/v1/pages/p1/incidents" => page(201, "application/json", "{}"),
        _ => page(404, "text/plain", "no"),
    });
    let mut endpoint = Endpoint::new(format!("{}/api/", server.url()));
    endpoint.login = Login::Bearer(Secret::File(place.write("key", "page-key")));
    let channel = Channel::Statuspage { endpoint, page: "p1".into() };
    let how = deliver(&channel, &message("On it."), &Clients::new()).await;
    assert_eq!(
        how,
        Delivery::Delivered { how: sanitize::line("accepted with HTTP 201, a new incident there") }
    );
    let body = json!({"incident": {"name": "Incident 01M7", "status": "investigating", "body": "On it.\n\nrecord 12-ABC"}});
    assert_eq!(server.requests()[1].json(), body);

    let there = Server::deciding(|request| match request.what().as_str() {
        "GET /v1/pages/p1/incidents/unresolved" => ok(r#"[{"id":"x7","name":"Incident 01M7"}]"#),
        "PATCH /v1/pages/p1/incidents/x7" => ok("{}"),
        _ => page(404, "text/plain", "no"),
    });
    let channel = Channel::Statuspage { endpoint: Endpoint::new(there.url()), page: "p1".into() };
    let how = deliver(&channel, &message("Better."), &Clients::new()).await;
    assert_eq!(
        how,
        Delivery::Delivered { how: sanitize::line("accepted with HTTP 200, added to the incident there") }
    );
    assert_eq!(there.requests()[1].json(), json!({"incident": {"body": "Better.\n\nrecord 12-ABC"}}));
}

#[tokio::test]
async fn pagerduty_gets_one_alert_an_incident_and_its_key_stays_hidden() {
    let place = Place::new();
    let server = Server::answering(|n| match n {
        0 => page(202, "application/json", r#"{"status":"success"}"#),
        _ => page(400, "application/json", r#"{"errors":["key r0uting-key unknown"]}"#),
    });
    let channel = Channel::PagerDuty {
        endpoint: Endpoint::new(format!("{}/v2/enqueue", server.url())),
        routing_key: Secret::File(place.write("key", "r0uting-key\n")),
    };
    let delivery = deliver(&channel, &message("Two\nlines"), &Clients::new()).await;
    assert_eq!(delivery, Delivery::Delivered { how: sanitize::line("accepted with HTTP 202") });
    let sent = server.requests()[0].json();
    assert_eq!((&sent["routing_key"], &sent["dedup_key"]), (&json!("r0uting-key"), &json!("backout-01M7")));
    assert_eq!(sent["payload"]["summary"], "Two lines record 12-ABC");
    let Delivery::Failed { why } = deliver(&channel, &message("x"), &Clients::new()).await else { panic!() };
    assert_eq!(why.as_str(), r#"HTTP 400: {"errors":["key … unknown"]}"#);
    let shown = preview(&channel, &message("x")).unwrap();
    assert!(shown.as_str().contains("«routing key»") && !shown.as_str().contains("r0uting"), "{shown}");
}
