//! Every kind of channel: what it is sent, and what its answers can do to us.

use std::time::Duration;

use backout::outside::channel::{Address, Channel, Delivery, deliver, preview};
use backout::outside::endpoint::{Endpoint, Secret};
use backout::outside::http::Clients;
use backout::sanitize;
use serde_json::Value;

use super::message;
use crate::metrics::hostile::{Server, ok, page};
use crate::support::incident::{SECRET, runbook};
use crate::support::{Incident, Place, Team};

/// Every kind of channel that answers, all at one server.
fn channels(url: &str, key: &std::path::Path) -> Vec<Channel> {
    let address = || Address::Url(format!("{url}/in"));
    vec![
        Channel::Slack(address()),
        Channel::Teams(address()),
        Channel::Webhook { address: address(), template: None, headers_env: Default::default() },
        Channel::Statuspage { endpoint: Endpoint::new(url), page: "p1".into() },
        Channel::PagerDuty { endpoint: Endpoint::new(url), routing_key: Secret::File(key.to_owned()) },
    ]
}

#[tokio::test]
async fn whatever_a_channel_answers_only_harmless_words_come_back() {
    let place = Place::new();
    let key = place.write("key", "r0uting-key");
    let evil = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}<script>\u{9b}31m";
    let html = format!("<html><title>{evil}</title></html>");
    let answers: Vec<(&str, Vec<u8>)> = vec![
        ("HTTP 500", page(500, "text/plain", &format!("{evil}{}", "x".repeat(100_000)))),
        ("HTTP 500", page(500, "text/html", &html)),
        ("HTTP 200: a web page", page(200, "text/html; charset=utf-8", &html)),
        ("HTTP 200: a web page", page(200, "application/json", "<!doctype html><p>Sign in")),
        ("answers 302", b"HTTP/1.1 302 X\r\nLocation: /in\r\nContent-Length: 0\r\n\r\n".to_vec()),
        (
            "answers 308",
            b"HTTP/1.1 308 X\r\nLocation: http://\x1b[31m/\r\nContent-Length: 0\r\n\r\n".to_vec(),
        ),
        ("broke off", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort".to_vec()),
        ("broke off", b"\x16\x03\x01 no http\r\n\r\n".to_vec()),
    ];
    for (why, answer) in answers {
        let cut = why == "broke off";
        let server = Server::once_or_always(cut, answer);
        for channel in channels(&server.url(), &key) {
            let before = server.asked();
            let Delivery::Failed { why: said } = deliver(&channel, &message("x"), &Clients::new()).await
            else {
                panic!("{channel:?} believes {why}");
            };
            assert!(said.as_str().starts_with(why) || (why == "answers 308" || cut), "{channel:?}: {said}");
            assert!(said.as_str().chars().count() < 400 && !said.as_str().contains("r0uting"), "{said}");
            assert!(said.as_str().chars().all(|c| !c.is_control() && c != '\u{202e}'), "{said:?}");
            assert_eq!(server.asked(), before + 1, "asked once, and nowhere else");
        }
    }
}

#[tokio::test]
async fn a_channel_that_hangs_is_given_up() {
    let place = Place::new();
    let key = place.write("key", "r0uting-key");
    let server = Server::hanging();
    let all = channels(&server.url(), &key);
    let begun = std::time::Instant::now();
    let tried = all
        .into_iter()
        .map(|channel| tokio::spawn(async move { deliver(&channel, &message("x"), &Clients::new()).await }));
    for delivery in tried.collect::<Vec<_>>() {
        assert_eq!(
            delivery.await.unwrap(),
            Delivery::Failed { why: sanitize::line("no complete answer within 10 s") }
        );
    }
    assert!(begun.elapsed() < Duration::from_secs(25), "each within its own time");
}

#[test]
fn what_is_shown_before_is_what_arrives() {
    let file = Channel::File("/tmp/x".into());
    assert!(preview(&file, &message("a\nb")).unwrap().as_str().ends_with("a\nb\n\nrecord 12·abc"));
    let key = std::path::Path::new("/nowhere");
    for channel in channels("http://127.0.0.1:1", key) {
        let shown = preview(&channel, &message("All is \u{1b}[31mwell <!channel>")).unwrap();
        let shown = shown.as_str();
        assert!(shown.contains("12·abc") && !shown.contains('\u{1b}') && shown.contains("well"), "{shown}");
        assert!(!shown.contains("127.0.0.1"), "an address may be a secret: {shown}");
    }
}

const NAMES: [&str; 6] = ["slack", "teams", "hook", "page", "pager", "paper"];

#[test]
fn every_channel_carries_the_head_and_the_text_is_in_the_record() {
    let server = Server::deciding(|request| match request.what().as_str() {
        "POST /slack" => page(200, "text/plain", "ok"),
        "GET /page/v1/pages/p1/incidents/unresolved" => ok("[]"),
        "POST /teams" | "POST /hook" | "POST /page/v1/pages/p1/incidents" | "POST /pager" => ok("{}"),
        _ => page(404, "text/plain", "no"),
    });
    let place = Place::new();
    let Some(team) = Team::gather(&place) else { return };
    let text = "{{ incident.service }} in {{ incident.environment }}: {{ params.word }}";
    let templates: String = NAMES
        .iter()
        .map(|n| format!("    {n}: {{audience: {n}-people, channel: {n}, text: \"{text}\"}}\n"))
        .collect();
    let steps = "- {id: wait-for-it, manual: Wait, role: sre}\n";
    let book = runbook(steps).replace("phases:\n", &format!("comms:\n  templates:\n{templates}phases:\n"));
    place.write("ws/runbooks/test.yaml", book);
    let url = server.url();
    place.write(
        "ws/backout.yaml",
        format!(
            "channels:\n  slack: {{slack: {{url: \"{url}/slack\"}}}}\n  teams: {{teams: {{url: \"{url}/teams\"}}}}\n  \
             hook: {{webhook: {{url: \"{url}/hook\"}}}}\n  page: {{statuspage: {{url: \"{url}/page\", page: p1}}}}\n  \
             pager: {{pagerduty: {{routing_key: {{env: PD_KEY}}, url: \"{url}/pager\"}}}}\n  paper: {{file: sent.txt}}\n"
        ),
    );
    let env = [("TEST_TOKEN", SECRET), ("PD_KEY", "r0uting-key-is-nowhere")];
    let incident = Incident::open(place, team, "ana", &["runbooks/test.yaml"], &env);
    for (n, name) in NAMES.iter().enumerate() {
        let shown = incident.ok("ana", &["message", name, "--preview"]).stdout;
        assert!(shown.contains("shop in test: plain"), "{name}: {shown}");
        incident.ok("ana", &["message", name]);
        incident.until("it has left", || incident.recorded("message.sent").len() == n + 1);
    }
    let head = regex::Regex::new("[0-9]+-[A-Z2-7]{10}").unwrap();
    let bodies: Vec<String> =
        server.requests().into_iter().filter(|r| !r.body.is_empty()).map(|r| r.body).collect();
    assert_eq!(bodies.len(), 5);
    let paper = std::fs::read_to_string(incident.file("sent.txt")).unwrap();
    for body in bodies.iter().chain([&paper]) {
        assert!(body.contains("shop in test: plain") && head.is_match(body), "{body}");
    }
    let payloads = std::fs::read_to_string(incident.dir().join("payloads.jsonl")).unwrap();
    let parts: Vec<Value> = payloads.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    for sent in incident.recorded("message.sent") {
        let part =
            parts.iter().find(|p| p["seq"] == sent["seq"]).expect("the text is kept beside the record");
        let bytes = base64::Engine::decode(
            &base64::engine::general_purpose::STANDARD,
            part["data"].as_str().unwrap(),
        );
        assert_eq!(String::from_utf8(bytes.unwrap()).unwrap(), "shop in test: plain");
    }
    assert!(
        crate::support::incident::files_with(incident.place.path(), b"r0uting-key-is-nowhere").is_empty()
    );
}

#[test]
fn a_channel_that_hangs_holds_up_nobody_and_the_text_is_there_to_be_pasted() {
    let server = Server::hanging();
    let place = Place::new();
    let Some(team) = Team::gather(&place) else { return };
    let comms = "comms:\n  templates:\n    status: {audience: customers, channel: hook, text: \"We are on it\"}\n    \
                 exec: {audience: executives, channel: hook, text: Soon}\n  \
                 cadence: [{audience: customers, every: 1s, template: status}, {audience: executives, every: 1h, template: exec}]\n";
    let steps =
        "- {id: good, run: [\"true\"], timeout: 10s, role: sre}\n- {id: last, manual: Wait, role: sre}\n";
    place.write("ws/runbooks/test.yaml", runbook(steps).replace("phases:\n", &format!("{comms}phases:\n")));
    place.write(
        "ws/backout.yaml",
        format!("channels: {{hook: {{webhook: {{url: \"{}\"}}}}}}\n", server.url()),
    );
    let incident = Incident::open(place, team, "ana", &["runbooks/test.yaml"], &[("TEST_TOKEN", SECRET)]);
    let due = |audience: &str| {
        let all = incident.status()["due_messages"].clone();
        all.as_array().unwrap().iter().find(|m| m["audience"] == audience).unwrap().clone()
    };
    incident.until("customers have waited too long", || due("customers")["overdue_s"].is_u64());
    assert!(due("executives")["overdue_s"].is_null(), "each audience has its own time");
    incident.ok("ana", &["message", "status"]);
    incident.until("it is under way", || server.open() == 1);
    incident.ok("ben", &["assume", "sre"]);
    incident.ok("ana", &["approve", "declare", "--yes"]);
    incident.does("ben", "good");
    assert!(server.open() == 1 || !incident.notes().is_empty(), "all that went on beside it");
    let paper = incident.dir().join("messages-to-pass-on.txt");
    incident.until("it is on paper", || {
        std::fs::read_to_string(&paper).is_ok_and(|t| t.contains("We are on it"))
    });
    incident.until("the room is told", || {
        incident.notes().iter().any(|n| n.contains("did not reach customers") && n.contains("We are on it"))
    });
    assert!(incident.recorded("message.sent").is_empty());
    assert!(due("customers")["overdue_s"].is_u64(), "what did not leave was not heard");
    incident.ok("ana", &["message", "status", "--by-hand"]);
    incident.until("it counts once somebody has passed it on", || due("customers")["last"].is_string());
}
