//! Looks that see nothing, of every kind of subject: none of them ever passes, whatever is expected.

use std::net::Ipv4Addr;

use backout::core::event::Mode;
use backout::core::incident::Status;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::house::{House, runbook};
use crate::support::free_port;

const METRICS: &str = "metrics:
  nowhere: {title: Lost, source: nowhere, query: x, unit: count, better: lower, every: 100ms}
  failing: {title: Failing, source: failing, query: x, unit: count, better: lower, every: 100ms}
  nan: {title: Not a number, source: nan, query: x, unit: count, better: lower, every: 100ms}
";

const SOURCES: &[u8] = b"sources:
  failing: {command: [cat, is-not-there]}
  nan: {command: [echo, NaN]}
channels: {}
";

/// A server that has an answer for everything, and none of them says what was asked.
async fn server() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, port));
        }
    });
    port
}

async fn answer(mut stream: TcpStream, port: u16) {
    let mut asked = vec![0; 4096];
    let n = stream.read(&mut asked).await.unwrap_or(0);
    let asked = String::from_utf8_lossy(&asked[..n]).into_owned();
    let path = asked.split_whitespace().nth(1).unwrap_or("/").to_owned();
    let (head, body): (String, &[u8]) = match path.as_str() {
        "/down" => ("500 Internal Server Error\r\nContent-Length: 2".into(), b"ok"),
        "/gone" => ("404 Not Found\r\nContent-Length: 2".into(), b"ok"),
        "/away" => {
            (format!("302 Found\r\nLocation: http://127.0.0.1:{port}/fine\r\nContent-Length: 2"), b"ok")
        }
        "/blank" => ("200 OK\r\nContent-Length: 1".into(), b"\n"),
        "/cut" => ("200 OK\r\nContent-Length: 100".into(), b"ok"),
        "/bytes" => ("200 OK\r\nContent-Length: 2".into(), b"\xff\xfe"),
        "/fine" => ("200 OK\r\nContent-Length: 2".into(), b"ok"),
        _ => return std::future::pending().await,
    };
    let _ = stream.write_all(format!("HTTP/1.1 {head}\r\nConnection: close\r\n\r\n").as_bytes()).await;
    let _ = stream.write_all(body).await;
}

/// What is looked at, and a part of the sentence that says why nothing was seen.
fn subjects(port: u16, closed: u16) -> Vec<(&'static str, String, &'static str)> {
    let http = |path: &str| format!("http: {{url: 'http://127.0.0.1:{port}/{path}'}}");
    let sql = format!("run: [psql, 'postgresql://127.0.0.1:{closed}/x', -Atc, select 1]");
    vec![
        ("command-missing", "run: [no-such-probe]".into(), "could not start no-such-probe"),
        ("command-failed", "run: 'echo ok; exit 3'".into(), "exit status: 3"),
        ("command-killed", "run: 'echo ok; kill -9 $$'".into(), "signal: 9"),
        ("command-hangs", "run: [sleep, '1000']".into(), "no answer within"),
        ("command-silent", "run: [sh, -c, 'exec >&-']".into(), "the output is empty"),
        ("sql-refused", sql, ""),
        ("file-missing", "run: [cat, is-not-there]".into(), "exit status: 1"),
        ("file-empty", "run: [cat, empty]".into(), "the output is empty"),
        ("file-locked", "run: [cat, .]".into(), "exit status: 1"),
        ("http-refused", format!("http: {{url: 'http://127.0.0.1:{closed}/'}}"), ""),
        ("http-down", http("down"), "answered 500"),
        ("http-gone", http("gone"), "answered 404"),
        ("http-away", http("away"), "302"),
        ("http-blank", http("blank"), "the output is empty"),
        ("http-cut", http("cut"), ""),
        ("http-bytes", http("bytes"), "not UTF-8"),
        ("http-hangs", http("never"), "no answer within"),
        ("metric-nowhere", "metric: nowhere".into(), "no source"),
        ("metric-failing", "metric: failing".into(), ""),
        ("metric-nan", "metric: nan".into(), ""),
        ("metric-over", "metric: failing, over: 1m, with: max".into(), ""),
    ]
}

#[tokio::test]
async fn what_shows_nothing_passes_nowhere() {
    let subjects = subjects(server().await, free_port());
    let mut steps = String::new();
    for (name, subject, _) in &subjects {
        // What is expected holds for nothing at all, if nothing is taken for something.
        let expect = if name.starts_with("metric") { "{not: {min: 5}}" } else { "{not: {equals: never}}" };
        let more = "needs: [], timeout: 1s, role: sre, on_failure: continue";
        steps.push_str(&format!("- {{id: check-{name}, check: {{{subject}, expect: {expect}}}, {more}}}\n"));
        let polled = "every: 100ms, within: 400ms";
        steps.push_str(&format!(
            "- {{id: await-{name}, await: {{{subject}, expect: {expect}, {polled}}}, {more}}}\n"
        ));
    }
    let text = runbook(&steps).replace("phases:\n", &format!("{METRICS}phases:\n"));
    let mut house = House::of(&text, Mode::Live, SOURCES);
    std::fs::write(house.file("empty"), "").unwrap();
    house.start().unwrap();
    let (_ana, mut ben) = house.declared().await;
    for (name, _, why) in &subjects {
        let (status, detail) = ben.over(&format!("check-{name}")).await;
        assert_eq!(status, Status::Failed, "{name}: {detail}");
        assert!(
            detail.starts_with("inconclusive at look 1 of 1: ") && detail.contains(why),
            "{name}: {detail}"
        );
        let (status, detail) = ben.over(&format!("await-{name}")).await;
        assert_eq!(status, Status::TimedOut, "{name}: {detail}");
        assert!(detail.contains(why), "{name}: {detail}");
    }
}
