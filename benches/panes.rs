//! Twelve panes of sixty points, refreshed each second from a real Prometheus: how long a refresh takes against the plain
//! loop of twelve range queries over four kept connections, what it costs against twelve `curl`s, and what the keys of a
//! console feel of a Prometheus that is stopped.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]
#![allow(dead_code, reason = "each bench uses its part of what they share")]

mod common;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use backout::metrics::pane::{Pane, pane};
use backout::metrics::series::{Reading, Sample, Series};
use backout::metrics::source::{Config, Endpoint, Kind, Source};
use backout::outside::http::Clients;
use backout::runbook::model::{Better, Metric, Unit};
use common::room::Room;
use common::terminal::Terminal;
use common::{cpu_of, folder, pairs, peers, percentile, report};
use portable_pty::CommandBuilder;
use rustix::process::{Pid, Signal, kill_process};

const QUERIES: [&str; 12] = [
    "up",
    "prometheus_tsdb_head_series",
    "prometheus_tsdb_head_chunks",
    "go_goroutines",
    "process_resident_memory_bytes",
    "go_memstats_alloc_bytes",
    "sum(scrape_duration_seconds)",
    "rate(process_cpu_seconds_total[10s])",
    "sum(rate(prometheus_http_requests_total[10s]))",
    "sum(rate(prometheus_tsdb_head_samples_appended_total[10s]))",
    "histogram_quantile(0.95, sum by (le) (rate(prometheus_http_request_duration_seconds_bucket[10s])))",
    "count(up)",
];
const POINTS: usize = 60;
const CONNECTIONS: usize = 4;
/// Refreshes that are one side of a pair.
const REFRESHES: usize = 20;
/// Keys pressed while it runs, and while it is stopped.
const KEYS: usize = 20;
const STOPPED: Duration = Duration::from_secs(2);

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

fn micros() -> i64 {
    i64::try_from(now().as_micros()).unwrap()
}

/// A Prometheus that scrapes itself every second.
struct Prometheus {
    child: Child,
    port: u16,
    _place: tempfile::TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    fn start(program: &Path) -> Prometheus {
        let place = folder();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = place.path().join("prometheus.yml");
        let text = format!(
            "global: {{scrape_interval: 1s}}\nscrape_configs:\n- {{job_name: self, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n"
        );
        std::fs::write(&config, text).unwrap();
        let child = Command::new(program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", place.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(["--log.level=error"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let prometheus = Prometheus { child, port, _place: place };
        // A minute of its own history, or the plain loop would have less to carry than a pane shows.
        let until = Instant::now() + Duration::from_secs(180);
        loop {
            assert!(Instant::now() < until, "Prometheus did not come to {POINTS} points");
            std::thread::sleep(Duration::from_secs(1));
            let Ok(mut plain) = Plain::connect(port) else { continue };
            if plain.get("up").matches("\"1\"").count() >= POINTS - 1 {
                return prometheus;
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// A kept connection and nothing more.
struct Plain(BufReader<TcpStream>);

impl Plain {
    fn connect(port: u16) -> std::io::Result<Plain> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        Ok(Plain(BufReader::new(stream)))
    }

    /// One range query over the last minute, in steps of a second.
    fn get(&mut self, query: &str) -> String {
        let path = range(query);
        write!(self.0.get_mut(), "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let (mut length, mut chunked) = (0, false);
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap() == 0 || line == "\r\n" {
                break;
            }
            let line = line.to_ascii_lowercase();
            if let Some(n) = line.strip_prefix("content-length:") {
                length = n.trim().parse().unwrap();
            }
            chunked |= line.starts_with("transfer-encoding: chunked");
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        while chunked {
            let mut size = String::new();
            self.0.read_line(&mut size).unwrap();
            let size = usize::from_str_radix(size.trim(), 16).unwrap();
            let mut chunk = vec![0; size + 2];
            self.0.read_exact(&mut chunk).unwrap();
            body.extend_from_slice(&chunk[..size]);
            chunked = size > 0;
        }
        String::from_utf8(body).unwrap()
    }
}

fn range(query: &str) -> String {
    let end = now().as_secs();
    let start = end - POINTS as u64 + 1;
    let query: String = query.bytes().map(|b| format!("%{b:02X}")).collect();
    format!("/api/v1/query_range?query={query}&start={start}&end={end}&step=1")
}

/// The plain loop: every connection takes the next query until there is none.
fn plain(connections: &mut [Plain]) -> Duration {
    let next = AtomicUsize::new(0);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for connection in connections {
            scope.spawn(|| {
                while let Some(query) = QUERIES.get(next.fetch_add(1, Ordering::Relaxed)) {
                    assert!(connection.get(query).contains("success"));
                }
            });
        }
    });
    begun.elapsed()
}

/// What a hub does each second: one question a pane, all at once, and the panes for the screens.
struct Ours {
    runtime: tokio::runtime::Runtime,
    metrics: Vec<Metric>,
    sources: Vec<Source>,
    series: Vec<Series>,
}

impl Ours {
    fn new(url: &str) -> Ours {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (clients, second) = (Clients::new(), Duration::from_secs(1));
        let metric = |(i, query): (usize, &&str)| Metric {
            name: format!("m{i}"),
            title: format!("Measurement {i}"),
            source: "prod".into(),
            query: (*query).to_owned(),
            unit: Unit::Count,
            better: Better::Lower,
            warn: None,
            critical: None,
            every: second,
        };
        let metrics: Vec<Metric> = QUERIES.iter().enumerate().map(metric).collect();
        let kind = || Kind::Prometheus(Endpoint::new(url));
        let sources: Vec<Source> = metrics
            .iter()
            .map(|_| {
                Source::new(Config { kind: kind(), timeout: Duration::from_secs(5) }, clients.clone(), 0)
            })
            .collect();
        let mut ours =
            Ours { runtime, series: metrics.iter().map(|_| Series::new(second)).collect(), metrics, sources };
        let to = micros();
        for (i, series) in ours.series.iter_mut().enumerate() {
            let past = ours.sources[i].backfill(&ours.metrics[i].query, to - 60_000_000, to, second);
            for sample in ours.runtime.block_on(past).unwrap() {
                series.push(sample);
            }
        }
        ours
    }

    fn refresh(&mut self) -> Duration {
        let begun = Instant::now();
        let at = micros();
        let asked: Vec<_> =
            self.sources.iter().zip(&self.metrics).map(|(s, m)| (s.clone(), m.query.clone())).collect();
        let answers = self.runtime.block_on(async {
            let tasks: Vec<_> =
                asked.into_iter().map(|(s, q)| tokio::spawn(async move { s.query(&q, at).await })).collect();
            let mut answers = Vec::new();
            for task in tasks {
                answers.push(task.await.unwrap().reading);
            }
            answers
        });
        for (series, value) in self.series.iter_mut().zip(answers) {
            assert!(matches!(value, Reading::Value(_)), "{value:?}");
            series.push(Sample { at_micros: micros(), value });
        }
        let panes: Vec<Pane> = self
            .metrics
            .iter()
            .zip(&self.series)
            .map(|(m, s)| pane(m, s, micros(), Duration::from_secs(60), POINTS))
            .collect();
        assert_eq!(panes.len(), QUERIES.len());
        begun.elapsed()
    }
}

fn middle(mut times: Vec<Duration>) -> f64 {
    percentile(&mut times, 0.5).as_secs_f64()
}

fn refreshes(prometheus: &Prometheus) {
    let mut ours = Ours::new(&prometheus.url());
    let mut kept: Vec<Plain> = (0..CONNECTIONS).map(|_| Plain::connect(prometheus.port).unwrap()).collect();
    let taken = pairs(
        || {
            let times = (0..REFRESHES).map(|_| plain(&mut kept)).collect();
            (middle(times), 0.0)
        },
        || {
            let mut times = Vec::new();
            let cpu = cpu_of(|| times = (0..REFRESHES).map(|_| ours.refresh()).collect());
            (middle(times), cpu.as_secs_f64() / REFRESHES as f64)
        },
    );
    let (plain, own): (Vec<f64>, Vec<f64>) = taken.iter().map(|(p, o)| (p.0 * 1e3, o.0 * 1e3)).unzip();
    println!(
        "12 panes of {POINTS} points: plain loop {:.2} ms, ours {:.2} ms",
        common::median(plain),
        common::median(own)
    );
    report("refresh / 12 queries, 4 kept connections", taken.iter().map(|(p, o)| o.0 / p.0).collect(), 1.3);
    let Some(curl) = peers::find("curl") else { return };
    let curls = || {
        cpu_of(|| {
            for query in QUERIES {
                let url = format!("{}{}", prometheus.url(), range(query));
                let mut command = Command::new(&curl);
                assert!(command.args(["-s", "-o", "/dev/null", &url]).status().unwrap().success());
            }
        })
    };
    let theirs: Duration = (0..5).map(|_| curls()).sum::<Duration>() / 5;
    let ours: Vec<f64> = taken.iter().map(|(_, o)| o.1 / theirs.as_secs_f64()).collect();
    report("CPU of a refresh / 12 curl processes", ours, 0.1);
}

/// An incident with twelve metrics of this Prometheus, on a terminal.
fn keys(prometheus: &Prometheus) {
    let Some(room) = Room::new(2) else {
        return println!("PEER MISSING: no ssh-keygen makes a key; keys not measured");
    };
    let workspace = room.key().with_file_name("workspace");
    std::fs::write(
        workspace.join("backout.yaml"),
        format!("sources: {{prod: {{prometheus: \"{}\", timeout: 1s}}}}\n", prometheus.url()),
    )
    .unwrap();
    let book = workspace.join("runbooks/many.yaml");
    let metrics: String = QUERIES
        .iter()
        .enumerate()
        .map(|(i, q)| {
            format!("  m{i}: {{source: prod, query: '{q}', unit: count, better: lower, every: 1s}}\n")
        })
        .collect();
    let text = std::fs::read_to_string(&book)
        .unwrap()
        .replace("phases:\n", &format!("metrics:\n{metrics}phases:\n"));
    std::fs::write(&book, text).unwrap();
    let mut command = CommandBuilder::new(common::PROGRAM);
    command.arg("--key");
    command.arg(room.key());
    command.args(["open", "runbooks/many.yaml", "--no-clock"]);
    command.cwd(&workspace);
    command.env("BACKOUT_STATE", room.state());
    command.env("XDG_RUNTIME_DIR", room.key().parent().unwrap());
    command.env_remove("SSH_AUTH_SOCK");
    let terminal = Terminal::start(command);
    terminal.first_paint("Many steps");
    std::thread::sleep(Duration::from_secs(3));
    let press =
        || -> f64 { middle((0..KEYS).map(|n| terminal.key(if n % 2 == 0 { b"m" } else { b"1" })).collect()) };
    press();
    let ratios: Vec<f64> = (0..common::PAIRS)
        .map(|_| {
            let before = press();
            let begun = Instant::now();
            prometheus.signal(Signal::STOP);
            let during = press();
            std::thread::sleep(STOPPED.saturating_sub(begun.elapsed()));
            prometheus.signal(Signal::CONT);
            std::thread::sleep(Duration::from_millis(1500));
            println!("  a key before {:.2} ms, while it is stopped {:.2} ms", before * 1e3, during * 1e3);
            during / before
        })
        .collect();
    report("key to paint, Prometheus stopped / before", ratios, 1.2);
    let pid = std::fs::read_to_string(room.incident().join("hub.pid")).unwrap();
    terminal.end(b"q");
    let hub = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    let _ = kill_process(hub, Signal::TERM);
}

fn main() {
    let Some(program) = peers::find("prometheus") else { return };
    let prometheus = Prometheus::start(&program);
    refreshes(&prometheus);
    keys(&prometheus);
}
