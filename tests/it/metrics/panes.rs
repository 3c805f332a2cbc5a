//! Twenty-four panes at once, some of them over sources that misbehave.

use std::process::Command;
use std::time::Duration;

use backout::metrics::pane::{PaneState, pane};
use backout::metrics::poller::Poller;
use backout::metrics::series::Reading;
use backout::metrics::source::Source;
use backout::runbook::model::Metric;

use super::hostile::{Server, ok, page};
use super::{LONG, json, metric, now, prometheus, until};
use crate::support::incident::{SECRET, runbook};
use crate::support::{Incident, Place, Team};

const EVERY: Duration = Duration::from_millis(100);
const SHORT: Duration = Duration::from_millis(500);

/// A vector of one series with this value, as Prometheus writes it.
fn vector(value: &str) -> Vec<u8> {
    series(&format!(r#"{{"metric":{{}},"value":[1,"{value}"]}}"#))
}

fn series(all: &str) -> Vec<u8> {
    ok(&format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{all}]}}}}"#))
}

/// Fifty megabytes of nothing, compressed; nothing without `gzip`.
fn bomb() -> Vec<u8> {
    let packed =
        Command::new("sh").args(["-c", "head -c 50000000 /dev/zero | gzip -9"]).output().unwrap().stdout;
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n";
    [format!("{head}Content-Length: {}\r\n\r\n", packed.len()).as_bytes(), &packed].concat()
}

/// Every way to misbehave, its server, and a source that asks it.
fn liars() -> Vec<(&'static str, Server, Source)> {
    let prom = |server: &Server| prometheus(&server.url(), SHORT);
    let list = vec![r#"{"metric":{"i":"1"},"value":[1,"1"]}"#; 10_000].join(",");
    let long =
        format!(r#"{{"metric":{{"l":"{}\u001b]0;x\u0007"}},"value":[1,"1"]}},"#, "x".repeat(1_000_000))
            .repeat(2);
    let itself = b"HTTP/1.1 301 X\r\nLocation: /api/v1/query\r\nContent-Length: 0\r\n\r\n".to_vec();
    let bomb = bomb();
    let servers: Vec<(&'static str, Server)> = vec![
        ("hangs", Server::hanging()),
        ("trickles", Server::trickling()),
        ("floods", Server::flooding()),
        ("has headers without end", Server::endless_headers()),
        ("says it is a page", Server::answering(|_| page(200, "text/html", r#"{"status":"success"}"#))),
        ("asks to sign in", Server::answering(|_| page(200, "application/json", "<html>Sign in</html>"))),
        ("has 10,000 series", Server::answering(move |_| series(&list))),
        ("has a label of a megabyte", Server::answering(move |_| series(long.trim_end_matches(',')))),
        ("leads to itself", Server::answering(move |_| itself.clone())),
        ("sends a bomb", Server::answering(move |_| bomb.clone())),
        (
            "is broken",
            Server::answering(|_| {
                page(500, "application/json", r#"{"status":"error","error":"\u001b[2Jboom"}"#)
            }),
        ),
        ("says NaN", Server::answering(|_| vector("NaN"))),
    ];
    let with_source = |(what, server)| {
        let source = prom(&server);
        (what, server, source)
    };
    servers.into_iter().map(with_source).collect()
}

#[tokio::test]
async fn twenty_four_panes_share_a_screen_with_twelve_that_misbehave() {
    let named = |i: usize| -> Metric { metric(&format!("m{i}"), "$.a", EVERY) };
    let fine: Vec<Server> = (0..12).map(|_| Server::answering(|_| ok(r#"{"a":1}"#))).collect();
    let good: Vec<Poller> =
        fine.iter().enumerate().map(|(i, s)| Poller::start(named(i), json(&s.url(), LONG))).collect();
    let liars = liars();
    assert_eq!(fine.len() + liars.len(), 24);
    let bad: Vec<(&str, &Server, Poller)> = liars
        .iter()
        .enumerate()
        .map(|(i, (what, server, source))| (*what, server, Poller::start(named(12 + i), source.clone())))
        .collect();
    for poller in &good {
        until(poller, "ten answers", |w| w.series.len() >= 10).await;
    }
    for (_, _, poller) in &bad {
        until(poller, "what became of it", |w| !w.series.is_empty()).await;
    }
    for (server, poller) in fine.iter().zip(&good) {
        assert_eq!(server.most_open(), 1, "one question in flight a pane");
        assert!(poller.watched().series.iter().all(|s| s.value == Reading::Value(1.0)));
    }
    for (what, server, poller) in &bad {
        let watched = poller.watched();
        // Who hangs does not notice that a question was given up, and others notice it late.
        assert!(*what == "hangs" || server.most_open() <= 2, "{what}: {}", server.most_open());
        let shown = pane(poller.metric(), &watched.series, now(), Duration::from_secs(60), 60);
        assert!(shown.points.iter().all(|(_, value)| value.is_none()), "{what}: {:?}", shown.points);
        let wanted = if *what == "says NaN" { PaneState::NotANumber } else { PaneState::Failed };
        assert!(shown.state == wanted || shown.state == PaneState::Stale, "{what}: {:?}", shown.state);
        let why = shown.why.unwrap_or_default();
        assert!(!why.is_empty() && why.chars().count() < 400, "{what}: {why}");
        assert!(why.chars().all(|c| !c.is_control()), "{what}: {why:?}");
    }
}

#[tokio::test]
async fn nothing_that_is_packed_is_unpacked_and_nobody_is_asked_for_it() {
    let bomb = bomb();
    let server = Server::answering(move |_| bomb.clone());
    let answered = prometheus(&server.url(), LONG).query("up", now()).await;
    assert!(matches!(answered.reading, Reading::Failed { .. }), "{answered:?}");
    assert!(!server.last_request().to_lowercase().contains("accept-encoding"), "{}", server.last_request());
}

#[tokio::test]
async fn an_infinite_value_is_an_answer_and_no_point_of_a_chart() {
    for (text, word) in [("+Inf", "+Inf"), ("-Inf", "-Inf")] {
        let server = Server::answering(move |_| vector(text));
        let poller = Poller::start(metric("m", "q", EVERY), prometheus(&server.url(), LONG));
        until(&poller, "an answer", |w| !w.series.is_empty()).await;
        let shown = pane(poller.metric(), &poller.watched().series, now(), Duration::from_secs(60), 60);
        assert!(shown.latest.contains(word) && shown.points.iter().all(|(_, v)| v.is_none()), "{shown:?}");
    }
}

#[test]
fn a_room_goes_on_beside_sources_that_misbehave() {
    let fine = Server::answering(|_| ok(r#"{"a":1}"#));
    let liars = liars();
    let place = Place::new();
    let Some(team) = Team::gather(&place) else { return };
    let mut sources = format!("  fine: {{http_json: \"{}\"}}\n", fine.url());
    let mut metrics = String::new();
    for i in 0..12 {
        metrics.push_str(&format!(
            "  good{i}: {{source: fine, query: $.a, unit: count, better: lower, every: 200ms}}\n"
        ));
    }
    for (i, (_, server, _)) in liars.iter().enumerate() {
        sources.push_str(&format!("  bad{i}: {{prometheus: \"{}\", timeout: 500ms}}\n", server.url()));
        metrics.push_str(&format!(
            "  bad{i}: {{source: bad{i}, query: q, unit: count, better: lower, every: 200ms}}\n"
        ));
    }
    let steps = "- {id: one, run: [\"true\"], timeout: 10s, role: sre}\n- {id: two, run: [\"true\"], timeout: 10s, role: sre}\n";
    place.write(
        "ws/runbooks/test.yaml",
        runbook(steps).replace("phases:\n", &format!("metrics:\n{metrics}phases:\n")),
    );
    place.write("ws/backout.yaml", format!("sources:\n{sources}"));
    let incident = Incident::open(place, team, "ana", &["runbooks/test.yaml"], &[("TEST_TOKEN", SECRET)]);
    incident.ok("ben", &["assume", "sre"]);
    incident.ok("ana", &["approve", "declare", "--yes"]);
    incident.does("ben", "one");
    let kept = || std::fs::read_to_string(incident.dir().join("metrics.jsonl")).unwrap_or_default();
    incident.until("every good metric has five numbers", || {
        let kept = kept();
        (0..12).all(|i| kept.matches(&format!("\"metric\":\"good{i}\",")).count() >= 5)
    });
    incident.until("and every bad one is known for it", || {
        let kept = kept();
        (0..12).all(|i| kept.contains(&format!("\"metric\":\"bad{i}\",")))
    });
    incident.does("ben", "two");
    for line in kept().lines() {
        let sample: serde_json::Value = serde_json::from_str(line).unwrap();
        let good = sample["metric"].as_str().unwrap().starts_with("good");
        assert_eq!(sample["value"] == 1.0, good, "{line}");
        assert!(line.len() < 1000, "{line}");
    }
    incident.close();
    incident.until("it is closed", || incident.status()["stage"] == "closed");
    incident.backout("ana").run(["verify", &incident.id]).exits(0);
}
