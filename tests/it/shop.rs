//! The demo's shop: it really fails, and going back really helps.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use backout::demo::shop::{self, BAD, GOOD, Shop, control};
use backout::demo::traffic;
use backout::metrics::poller::Poller;
use backout::metrics::series::Series;
use backout::metrics::source::{Config, Endpoint, Kind, Source};
use backout::metrics::trigger::{TriggerState, evaluate};
use backout::outside::http::{Clients, fetch};
use backout::runbook::model::{Better, Metric, NoData, Op, Threshold, Trigger, Unit};

use std::process::{Child, Command, Stdio};

use crate::support::{Place, wait_for, wait_until};

const LONG: Duration = Duration::from_secs(60);

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

fn ctl(dir: &Path, line: &str) -> String {
    let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    control::run(dir, &words).unwrap()
}

/// Waits until the shop has opened its port.
async fn address(shop: &Shop) -> String {
    let open = async {
        loop {
            if let Some(port) = shop.port() {
                return format!("http://127.0.0.1:{port}");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LONG, open).await.expect("the shop opens")
}

async fn get(url: &str) -> (u16, String) {
    let client = Clients::new().for_url(url, None).unwrap();
    let answer = fetch(client.get(url), LONG, 1 << 20).await.unwrap();
    (answer.status, String::from_utf8(answer.body).unwrap())
}

fn errors(url: &str) -> Poller {
    let metric = Metric {
        name: "error_share".into(),
        title: "Failed checkouts".into(),
        source: "shop".into(),
        query: "$.error_share".into(),
        unit: Unit::Ratio,
        better: Better::Lower,
        warn: None,
        critical: None,
        every: Duration::from_millis(250),
    };
    let kind = Kind::HttpJson(Endpoint::new(format!("{url}/stats")));
    Poller::start(metric, Source::new(Config { kind, timeout: LONG }, Clients::new(), 0))
}

async fn until(poller: &Poller, what: &str, mut holds: impl FnMut(&Series) -> bool) {
    let mut changes = poller.subscribe();
    let wait = changes.wait_for(|watched| holds(&watched.series));
    tokio::time::timeout(LONG, wait).await.unwrap_or_else(|_| panic!("not in time: {what}")).unwrap();
}

fn latest(series: &Series) -> Option<f64> {
    series.latest().and_then(|s| s.value.comparable())
}

#[tokio::test]
async fn the_bad_release_fails_checkouts_and_the_good_one_does_not() {
    let place = Place::new();
    let dir = place.folder("shop");
    shop::lay_out(&dir).unwrap();
    let shop = Shop::at(&dir);
    let service = tokio::spawn(shop::run(shop.clone()));
    let visitors = tokio::spawn(traffic::run(shop.clone()));
    let url = address(&shop).await;
    assert_eq!(get(&format!("{url}/version")).await, (200, BAD.to_owned()));
    let errors = errors(&url);

    let trigger = Trigger {
        id: "errors".into(),
        metric: "error_share".into(),
        condition: Threshold { op: Op::Greater, value: 0.05 },
        for_: Duration::from_secs(1),
        weight: 70,
        on_no_data: NoData::Inconclusive,
    };
    until(&errors, "the trigger fires", |s| {
        matches!(evaluate(&trigger, s, now()), TriggerState::Fired { .. })
    })
    .await;

    ctl(&dir, "pause");
    let before = ctl(&dir, "orders count");
    let fingerprint = ctl(&dir, &format!("orders first {}", before.trim()));
    let catalog = ctl(&dir, "catalog");
    ctl(&dir, "release 1.4.2");
    until(&errors, "checkouts stop failing", |s| latest(s) == Some(0.0)).await;
    assert_eq!(get(&format!("{url}/version")).await, (200, GOOD.to_owned()));
    assert_eq!(evaluate(&trigger, &errors.watched().series, now()), TriggerState::Clear);

    let after: u64 = ctl(&dir, "orders count").trim().parse().unwrap();
    assert!(after > before.trim().parse().unwrap(), "orders keep coming");
    assert_eq!(ctl(&dir, &format!("orders first {}", before.trim())), fingerprint);
    assert_eq!(ctl(&dir, "catalog"), catalog);
    ctl(&dir, "resume");
    let exposition = get(&format!("{url}/metrics")).await.1;
    assert!(exposition.contains("http_requests_total{path=\"/checkout\",code=\"500\"}"), "{exposition}");
    visitors.abort();
    service.abort();
}

#[tokio::test]
async fn without_a_freeze_the_deployer_takes_the_rollback_back() {
    let place = Place::new();
    let dir = place.folder("shop");
    shop::lay_out(&dir).unwrap();
    let shop = Shop::at(&dir);
    let service = tokio::spawn(shop::run(shop.clone()));
    let url = address(&shop).await;
    ctl(&dir, "release 1.4.2");
    let back = async {
        while std::fs::read_link(dir.join("current")).unwrap().file_name().unwrap() != BAD {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG, back).await.expect("the deployer puts it back");
    assert_eq!(get(&format!("{url}/health")).await.0, 200);
    assert_eq!(get(&format!("{url}/nothing")).await.0, 404);
    assert_eq!(get(&format!("{url}/checkout")).await.0, 405);
    service.abort();
}

fn hidden(verb: &str, dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_backout"));
    command.arg(verb).arg(dir).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn is_gone(child: &mut Child) -> bool {
    child.try_wait().unwrap().is_some()
}

#[test]
fn shop_and_traffic_end_with_their_parent() {
    let place = Place::new();
    let dir = place.folder("shop");
    shop::lay_out(&dir).unwrap();
    let mut service = hidden("__shop", &dir).spawn().unwrap();
    let mut visitors = hidden("__traffic", &dir).spawn().unwrap();
    let orders = || -> u64 {
        let answer = hidden("__shopctl", &dir).args(["orders", "count"]).output().unwrap();
        assert!(answer.status.success(), "{answer:?}");
        String::from_utf8(answer.stdout).unwrap().trim().parse().unwrap()
    };
    wait_until("orders are sold", LONG, || orders() >= 3);
    assert!(!is_gone(&mut service) && !is_gone(&mut visitors));
    drop((service.stdin.take(), visitors.stdin.take()));
    wait_until("both have ended", LONG, || is_gone(&mut service) && is_gone(&mut visitors));
    assert!(service.wait().unwrap().success() && visitors.wait().unwrap().success());
}

#[test]
fn shop_and_traffic_end_with_their_folder() {
    let place = Place::new();
    let dir = place.folder("shop");
    shop::lay_out(&dir).unwrap();
    let mut service = hidden("__shop", &dir).spawn().unwrap();
    let mut visitors = hidden("__traffic", &dir).spawn().unwrap();
    wait_for("the shop opens", LONG, || Shop::at(&dir).port().ok_or_else(|| "closed".to_owned()));
    std::fs::remove_dir_all(&dir).unwrap();
    wait_until("both have ended", LONG, || is_gone(&mut service) && is_gone(&mut visitors));
}

#[test]
fn the_operating_tool_tells_by_its_exit_code() {
    let place = Place::new();
    let dir = place.folder("shop");
    shop::lay_out(&dir).unwrap();
    let code = |words: &[&str]| hidden("__shopctl", &dir).args(words).output().unwrap().status.code();
    assert_eq!(code(&["status"]), Some(0));
    assert_eq!(code(&["release", "9.9.9"]), Some(2));
    assert_eq!(code(&["orders", "first", "5"]), Some(1));
    let nowhere = hidden("__shopctl", Path::new("/no/such/shop")).arg("catalog").output().unwrap();
    assert_eq!(nowhere.status.code(), Some(3));
}
