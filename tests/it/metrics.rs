//! Sources that hang, lie, flood or point elsewhere: each is shown as what it is and disturbs nobody.

pub mod hostile;
mod logins;
mod panes;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use backout::metrics::poller::{Poller, Watched};
use backout::metrics::series::{Reading, Series};
use backout::metrics::source::{Config, Endpoint, Kind, Source};
use backout::outside::http::Clients;
use backout::runbook::model::{Aggregate, Better, Metric, Unit};

use crate::support::{Place, Prometheus};
use hostile::{Server, ok, page};

const LONG: Duration = Duration::from_secs(30);

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

fn prometheus(url: &str, timeout: Duration) -> Source {
    Source::new(Config { kind: Kind::Prometheus(Endpoint::new(url)), timeout }, Clients::new(), 0)
}

fn json(url: &str, timeout: Duration) -> Source {
    Source::new(Config { kind: Kind::HttpJson(Endpoint::new(url)), timeout }, Clients::new(), 0)
}

fn metric(name: &str, query: &str, every: Duration) -> Metric {
    Metric {
        name: name.into(),
        title: name.into(),
        source: "s".into(),
        query: query.into(),
        unit: Unit::Count,
        better: Better::Lower,
        warn: None,
        critical: None,
        every,
    }
}

async fn failure(source: &Source, query: &str) -> String {
    match source.query(query, now()).await.reading {
        Reading::Failed { why } => why,
        other => panic!("expected a failure, got {other:?}"),
    }
}

/// Waits until the poller knows what is asked for.
async fn until(poller: &Poller, what: &str, mut holds: impl FnMut(&Watched) -> bool) {
    let mut changes = poller.subscribe();
    let wait = changes.wait_for(|watched| holds(watched));
    tokio::time::timeout(LONG, wait).await.unwrap_or_else(|_| panic!("not in time: {what}")).unwrap();
}

#[tokio::test]
async fn a_page_instead_of_an_api_is_called_that() {
    let server = Server::answering(|_| page(200, "text/html", "<html><h1>Log in</h1></html>"));
    for source in [prometheus(&server.url(), LONG), json(&server.url(), LONG)] {
        let why = failure(&source, "$.up").await;
        assert!(why.contains("a web page instead of JSON"), "{why}");
    }
}

#[tokio::test]
async fn statuses_carry_the_servers_own_words() {
    let refusing = Server::answering(|_| {
        page(
            400,
            "application/json",
            r#"{"status":"error","errorType":"bad_data","error":"parse error at 1:4"}"#,
        )
    });
    let why = failure(&prometheus(&refusing.url(), LONG), "up{").await;
    assert_eq!(why, "HTTP 400: bad_data: parse error at 1:4");
    let broken = Server::answering(|_| page(500, "text/plain", "out of\u{1b}[31m memory\r\n"));
    let why = failure(&prometheus(&broken.url(), LONG), "up").await;
    assert_eq!(why, "HTTP 500: out of memory");
    let missing = Server::answering(|_| page(404, "text/plain", "404 page not found"));
    assert_eq!(failure(&json(&missing.url(), LONG), "$.a").await, "HTTP 404: 404 page not found");
}

#[tokio::test]
async fn ten_thousand_series_are_counted_and_refused() {
    let item = r#"{"metric":{"instance":"a-rather-long-name:9100"},"value":[1795180224.469,"1"]}"#;
    let items = vec![item; 10_000].join(",");
    let body = format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{items}]}}}}"#);
    let server = Server::answering(move |_| ok(&body));
    let why = failure(&prometheus(&server.url(), LONG), "up").await;
    assert_eq!(why, "the query gives 10000 series, aggregate it, for example with sum()");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::answering(|_| ok(r#"{"a":1}"#));
    let to = elsewhere.url();
    let server = Server::answering(move |_| {
        format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n").into_bytes()
    });
    let why = failure(&json(&server.url(), LONG), "$.a").await;
    assert!(why.starts_with("answers 302 and points to http://127.0.0.1:"), "{why}");
    assert_eq!(elsewhere.asked(), 0);
}

#[tokio::test]
async fn a_body_without_an_end_is_cut_off() {
    let server = Server::flooding();
    let why = failure(&json(&server.url(), LONG), "$.a").await;
    assert!(why.contains("larger than"), "{why}");
    let why = failure(&prometheus(&server.url(), LONG), "up").await;
    assert!(why.contains("aggregate the query"), "{why}");
}

#[tokio::test]
async fn nobody_there_and_silence_are_told_apart() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let why = failure(&json(&format!("http://{closed}/"), LONG), "$.a").await;
    assert!(why.starts_with("cannot connect: ") && why.contains("refused"), "{why}");
    let hanging = Server::hanging();
    let started = Instant::now();
    let why = failure(&json(&hanging.url(), Duration::from_millis(300)), "$.a").await;
    assert_eq!(why, "no complete answer within 0.3 s");
    assert!(started.elapsed() < LONG);
}

#[tokio::test]
async fn an_answer_that_trickles_does_not_outlive_the_timeout() {
    let server = Server::trickling();
    let why = failure(&json(&server.url(), Duration::from_millis(500)), "$.a").await;
    assert_eq!(why, "no complete answer within 0.5 s");
}

#[tokio::test]
async fn garbage_is_an_error_and_not_a_number() {
    for body in ["", "NaN", "{\"a\":", "\u{0}\u{1}", "[[[[[[", "{\"a\":1e999}"] {
        let server = Server::answering(move |_| ok(body));
        failure(&json(&server.url(), LONG), "$.a").await;
        failure(&prometheus(&server.url(), LONG), "a").await;
    }
    let server = Server::answering(|_| b"\x16\x03\x01 what is this\r\n\r\n".to_vec());
    failure(&json(&server.url(), LONG), "$.a").await;
    assert!(failure(&json("http://127.0.0.1:1/", LONG), "a b").await.contains("is not a JSONPath"));
}

#[tokio::test]
async fn a_secret_header_comes_from_the_environment_and_stays_there() {
    let server = Server::answering(|_| ok(r#"{"a":1}"#));
    let mut endpoint = Endpoint::new(server.url());
    endpoint.headers_env.insert("X-Home".into(), "HOME".into());
    let source = |endpoint: &Endpoint| {
        Source::new(Config { kind: Kind::HttpJson(endpoint.clone()), timeout: LONG }, Clients::new(), 0)
    };
    assert_eq!(source(&endpoint).query("$.a", now()).await.reading, Reading::Value(1.0));
    let head = server.last_request();
    let home = std::env::var("HOME").unwrap();
    assert!(head.to_lowercase().contains(&format!("x-home: {}", home.to_lowercase())), "{head}");
    endpoint.headers_env.insert("Authorization".into(), "BACKOUT_NO_SUCH_VARIABLE".into());
    let why = failure(&source(&endpoint), "$.a").await;
    assert_eq!(why, "environment variable BACKOUT_NO_SUCH_VARIABLE for header Authorization is not set");
}

#[tokio::test]
async fn a_hanging_source_disturbs_no_other() {
    let hanging = Server::hanging();
    let fine = Server::answering(|_| ok(r#"{"a":1}"#));
    let every = Duration::from_millis(100);
    let stuck = Poller::start(metric("stuck", "$.a", every), json(&hanging.url(), LONG));
    let good = Poller::start(metric("good", "$.a", every), json(&fine.url(), LONG));
    until(&good, "ten answers", |w| w.series.len() >= 10).await;
    assert_eq!(stuck.watched().series.len(), 0);
    assert!(hanging.open() <= 1, "one question at a time, not {}", hanging.open());
}

#[tokio::test]
async fn a_slow_source_has_one_question_open_and_misses_no_answer() {
    let server = Server::slow(Duration::from_millis(250), r#"{"a":1}"#);
    let poller = Poller::start(metric("slow", "$.a", Duration::from_millis(100)), json(&server.url(), LONG));
    until(&poller, "three answers", |w| w.series.len() >= 3).await;
    assert_eq!(server.most_open(), 1);
    assert!(poller.watched().series.iter().all(|s| s.value == Reading::Value(1.0)));
}

#[tokio::test]
async fn connections_are_kept_for_the_next_question() {
    let server = Server::answering(|_| ok(r#"{"a":1}"#));
    let poller = Poller::start(metric("m", "$.a", Duration::from_millis(100)), json(&server.url(), LONG));
    until(&poller, "five answers", |w| w.series.len() >= 5).await;
    assert!(server.asked() >= 5);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_poller_stops_asking_when_it_is_dropped() {
    let server = Server::slow(Duration::from_millis(20), r#"{"a":1}"#);
    let poller = Poller::start(metric("m", "$.a", Duration::from_millis(100)), json(&server.url(), LONG));
    until(&poller, "an answer", |w| !w.series.is_empty()).await;
    let mut changes = poller.subscribe();
    drop(poller);
    let closed = async { while changes.changed().await.is_ok() {} };
    tokio::time::timeout(LONG, closed).await.expect("the task ends");
}

#[tokio::test]
async fn a_source_that_comes_back_is_heard_again() {
    let server =
        Server::answering(|n| if n < 2 { page(503, "text/plain", "restarting") } else { ok(r#"{"a":4}"#) });
    let poller = Poller::start(metric("m", "$.a", Duration::from_millis(100)), json(&server.url(), LONG));
    until(&poller, "the number", |w| w.series.now(now()) == Reading::Value(4.0)).await;
    let watched = poller.watched();
    let first = watched.series.iter().next().unwrap();
    assert_eq!(first.value, Reading::Failed { why: "HTTP 503: restarting".into() });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_answers_now_and_for_the_past() {
    let place = Place::new();
    let Some(target) = Prometheus::start(&place, &[]) else { return };
    let second = Place::new();
    let address = target.url().trim_start_matches("http://").to_owned();
    let Some(mut server) = Prometheus::start(&second, &[address]) else { return };
    server.wait_scraped(1);

    let source = prometheus(&server.url(), LONG);
    let read = async |query: &str| source.query(query, now()).await.reading;
    assert_eq!(read("sum(up)").await, Reading::Value(1.0));
    assert_eq!(read("vector(1) / 0").await, Reading::Value(f64::INFINITY));
    assert!(matches!(read("vector(0) / 0").await, Reading::Value(x) if x.is_nan()));
    assert_eq!(read("scalar(vector(3))").await, Reading::Value(3.0));
    assert!(matches!(read("no_such_metric").await, Reading::NoData { .. }));
    assert!(failure(&source, "up{").await.starts_with("HTTP 400: bad_data: "));
    assert!(failure(&source, "up[1m]").await.contains("gives a range"));
    assert!(failure(&source, "prometheus_http_requests_total").await.contains("series, aggregate it"));

    let to = now();
    let past = source.backfill("sum(up)", to - 10_000_000, to, Duration::from_secs(1)).await.unwrap();
    assert!(past.len() >= 2, "{past:?}");
    let poller = Poller::start(metric("up", "sum(up)", Duration::from_secs(1)), source);
    until(&poller, "the past and the present", |w| w.series.len() >= 3 && w.asked >= 1).await;
    let watched = poller.watched();
    assert_eq!(watched.backfill_failed, None);
    let over = Duration::from_secs(60);
    let all = watched.series.aggregate(over, Aggregate::Min, now());
    assert!(matches!(all, backout::metrics::series::Aggregated::Value { value: 1.0, .. }), "{all:?}");
    assert!(Series::HISTORY >= Duration::from_secs(3600));
}
