//! A real Prometheus and a real Alertmanager. Never a server somebody else runs: the start fails when a port is taken.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::{Daemon, Place, Postgres, free_port, need, wait_for};

/// A running Prometheus that scrapes the targets it was given every second.
pub struct Prometheus {
    daemon: Daemon,
    port: u16,
}

impl Prometheus {
    /// Starts one that scrapes `targets` (`host:port`, path `/metrics`) as job `it`; nothing when it is missing.
    pub fn start(place: &Place, targets: &[String]) -> Option<Prometheus> {
        let server = need("prometheus")?;
        let listed = targets.iter().map(|t| format!("'{t}'")).collect::<Vec<_>>().join(", ");
        let config = place.write(
            "prom/prometheus.yml",
            format!(
                "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
                 scrape_configs:\n- job_name: it\n  static_configs: [{{targets: [{listed}]}}]\n"
            ),
        );
        let port = free_port();
        let mut run = Daemon::command(server, None);
        run.arg(format!("--config.file={}", config.display()));
        run.arg(format!("--storage.tsdb.path={}", place.folder("prom/data").display()));
        run.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        run.args(["--query.timeout=2s", "--log.level=warn"]);
        let daemon = Daemon::start("prometheus", run, &place.join("prom/log"));
        let mut prometheus = Prometheus { daemon, port };
        prometheus.daemon.wait_ready(port, "/-/ready");
        Some(prometheus)
    }

    /// Its address, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits until every target has been scraped at least twice: before that a rate has no value.
    pub fn wait_scraped(&mut self, targets: usize) {
        let path = "/api/v1/query?query=count(count_over_time(up%7Bjob%3D%22it%22%7D%5B1m%5D)%20%3E%3D%202)";
        let want = format!("\"{targets}\"]");
        wait_for("Prometheus has scraped twice", Duration::from_secs(30), || {
            let answer = get(self.port, path)?;
            if answer.contains(&want) { Ok(()) } else { Err(format!("{answer}; {}", self.daemon.state())) }
        });
    }
}

/// A running Alertmanager.
pub struct Alertmanager {
    _daemon: Daemon,
    port: u16,
}

impl Alertmanager {
    /// Starts one; nothing when it is missing.
    pub fn start(place: &Place) -> Option<Alertmanager> {
        let server = need("prometheus-alertmanager")?;
        let config = place.write("am/am.yml", "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n");
        let port = free_port();
        let mut run = Daemon::command(server, None);
        run.arg(format!("--config.file={}", config.display()));
        run.arg(format!("--storage.path={}", place.folder("am/data").display()));
        run.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        // An empty address: no gossip port that a second one would fight over.
        run.arg("--cluster.listen-address=");
        let mut daemon = Daemon::start("alertmanager", run, &place.join("am/log"));
        daemon.wait_ready(port, "/-/ready");
        Some(Alertmanager { _daemon: daemon, port })
    }

    /// Its address, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// The exporter that shows a PostgreSQL's own counters to Prometheus.
pub struct PostgresExporter {
    _daemon: Daemon,
    port: u16,
}

impl PostgresExporter {
    /// Starts one beside a PostgreSQL; nothing when it is missing.
    pub fn start(place: &Place, postgres: &Postgres) -> Option<PostgresExporter> {
        let server = need("prometheus-postgres-exporter")?;
        let port = free_port();
        let mut run = Daemon::command(server, None);
        run.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        let source = format!("postgresql://postgres@127.0.0.1:{}/postgres?sslmode=disable", postgres.port());
        run.env("DATA_SOURCE_NAME", source);
        let mut daemon = Daemon::start("postgres exporter", run, &place.join("exporter.log"));
        daemon.wait_ready(port, "/metrics");
        Some(PostgresExporter { _daemon: daemon, port })
    }

    /// `host:port`, as Prometheus wants its targets.
    pub fn target(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Daemon {
    /// Waits until a GET of `path` answers 200, and fails at once when the server has ended.
    pub fn wait_ready(&mut self, port: u16, path: &str) {
        wait_for("the server is ready", Duration::from_secs(30), || {
            assert!(self.is_alive(), "{}", self.state());
            let answer = get(port, path)?;
            if answer.starts_with("HTTP/1.0 200") || answer.starts_with("HTTP/1.1 200") {
                Ok(())
            } else {
                Err(answer)
            }
        });
    }
}

/// One plain HTTP/1.0 GET of 127.0.0.1: status line, headers and body as text.
pub fn get(port: u16, path: &str) -> Result<String, String> {
    let why = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(why)?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).map_err(why)?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").map_err(why)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(why)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
