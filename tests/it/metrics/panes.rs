//! Twenty-four panes at once, some of them over sources that misbehave.

use std::time::Duration;

use backout::metrics::poller::Poller;
use backout::metrics::series::Reading;
use backout::runbook::model::Metric;

use super::hostile::{Server, ok, page};
use super::{LONG, json, metric, prometheus, until};

#[tokio::test]
async fn twenty_four_panes_share_a_screen_with_sources_that_misbehave() {
    let every = Duration::from_millis(100);
    let named = |i: usize| -> Metric { metric(&format!("m{i}"), "$.a", every) };
    let fine: Vec<Server> = (0..20).map(|_| Server::answering(|_| ok(r#"{"a":1}"#))).collect();
    let (hanging, trickling, flooding) = (Server::hanging(), Server::trickling(), Server::flooding());
    let lying = Server::answering(|n| {
        let series = r#"{"metric":{"i":"1"},"value":[1,"1"]}"#;
        match n % 3 {
            0 => page(200, "text/html", "<html>Sign in</html>"),
            1 => ok(&format!(
                r#"{{"status":"success","data":{{"resultType":"vector","result":[{}]}}}}"#,
                vec![series; 10_000].join(",")
            )),
            _ => page(500, "application/json", r#"{"status":"error","errorType":"internal","error":"boom"}"#),
        }
    });
    let good: Vec<Poller> =
        fine.iter().enumerate().map(|(i, s)| Poller::start(named(i), json(&s.url(), LONG))).collect();
    let short = Duration::from_millis(500);
    let bad = [
        Poller::start(named(20), json(&hanging.url(), LONG)),
        Poller::start(named(21), json(&trickling.url(), short)),
        Poller::start(named(22), json(&flooding.url(), short)),
        Poller::start(named(23), prometheus(&lying.url(), short)),
    ];
    for poller in &good {
        until(poller, "five answers", |w| w.series.len() >= 5).await;
    }
    until(&bad[3], "three lies", |w| w.series.len() >= 3).await;
    for (server, poller) in fine.iter().zip(&good) {
        assert_eq!(server.most_open(), 1, "one question in flight a pane");
        assert!(poller.watched().series.iter().all(|s| s.value == Reading::Value(1.0)));
    }
    assert!(bad[0].watched().series.is_empty() && hanging.open() <= 1);
    for poller in &bad[1..] {
        let watched = poller.watched();
        assert!(watched.series.iter().all(|s| s.value.comparable().is_none()), "{:?}", poller.metric().name);
    }
    assert_eq!((trickling.most_open().max(1), flooding.most_open().max(1), lying.most_open()), (1, 1, 1));
}
