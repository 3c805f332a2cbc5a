//! A page of numbers about the incident, for a Prometheus to scrape. Off unless the workspace names an address. Never
//! answers anything but that page, never holds more than a few connections, never reads what it is not asked to.

use crate::core::incident::{Incident, Stage};
use crate::hub::outside::board::Board;
use crate::hub::shared::Shared;
use crate::wire::message::OutsideState;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

/// So many connections at once; when there are more, they wait to be accepted.
const CONNECTIONS: usize = 8;
/// A scrape that takes longer is let go.
const PATIENCE: Duration = Duration::from_secs(5);
/// The head of a request may have so many bytes.
const LONGEST: usize = 8 * 1024;

/// Serves the page until the hub ends.
pub async fn serve(
    address: SocketAddr,
    shared: Arc<Shared>,
    incidents: watch::Receiver<Arc<Incident>>,
    board: Arc<Board>,
) {
    let listener = match TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(e) => return board.trouble("prometheus", &format!("cannot listen on {address}: {e}")).await,
    };
    let at = listener.local_addr().unwrap_or(address);
    board.fine("prometheus", &format!("can be scraped at http://{at}/metrics")).await;
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = room.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, for example: it gets better or it does not.
            tokio::time::sleep(Duration::from_millis(200)).await;
            continue;
        };
        let (shared, incident) = (shared.clone(), incidents.borrow().clone());
        tokio::spawn(async move {
            let _ = tokio::time::timeout(PATIENCE, answer(stream, &shared, &incident)).await;
            drop(place);
        });
    }
}

async fn answer(mut stream: TcpStream, shared: &Shared, incident: &Incident) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut piece = [0u8; 1024];
    while !head.windows(4).any(|w| w == b"\r\n\r\n") {
        let read = stream.read(&mut piece).await?;
        if read == 0 || head.len() > LONGEST {
            return Ok(());
        }
        head.extend(piece.iter().take(read));
    }
    let line = head.split(|b| *b == b'\r').next().unwrap_or_default();
    let (status, body) = if line.starts_with(b"GET /metrics ") {
        ("200 OK", page(shared, incident))
    } else {
        ("404 Not Found", "only GET /metrics\n".to_owned())
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

fn page(shared: &Shared, incident: &Incident) -> String {
    let mut page = Page { text: String::new(), labels: labels(incident) };
    page.gauge("backout_incident_info", "What is going on here.", &[("stage", stage(incident))], 1.0);
    page.gauge("backout_incident_opened_seconds", "When it was opened.", &[], seconds(incident.opened_at.0));
    if let Some(at) = incident.declared_at {
        page.gauge(
            "backout_incident_declared_seconds",
            "When the rollback was declared.",
            &[],
            seconds(at.0),
        );
    }
    page.gauge("backout_timeline_events", "Sealed events of the record.", &[], shared.log.len() as f64);
    let mut steps: BTreeMap<&str, u32> = BTreeMap::new();
    for step in incident.runbook.steps() {
        *steps.entry(incident.word(step)).or_default() += 1;
    }
    page.head("backout_steps", "Steps by where they stand.");
    for (status, count) in steps {
        page.line("backout_steps", &[("status", status)], f64::from(count));
    }
    page.gauge(
        "backout_suspensions_open",
        "What is suspended.",
        &[],
        incident.open_suspensions().count() as f64,
    );
    let owed: u64 = incident.open_backlog().map(|(_, left)| left).sum();
    page.gauge("backout_backlog_open", "What is still to be reconciled.", &[], owed as f64);
    page.gauge("backout_messages_sent", "Messages that left.", &[], incident.sent.len() as f64);
    page.head("backout_trigger_fired", "Whether a criterion holds.");
    for trigger in &incident.runbook.triggers {
        let fired = incident.fired.contains_key(&trigger.id);
        page.line("backout_trigger_fired", &[("trigger", &trigger.id)], f64::from(u8::from(fired)));
    }
    if let Some(score) = &shared.shown.borrow().score {
        page.gauge("backout_score_points", "Points for a rollback.", &[], f64::from(score.points));
        page.gauge("backout_score_points_possible", "Points there could be.", &[], f64::from(score.of));
    }
    page.head("backout_outside_up", "Whether a place outside does as it should.");
    for line in shared.outside.borrow().iter() {
        let up = line.state == OutsideState::Fine;
        page.line("backout_outside_up", &[("place", &line.name)], f64::from(u8::from(up)));
    }
    page.text
}

fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

fn stage(incident: &Incident) -> &'static str {
    match incident.stage {
        Stage::Empty => "empty",
        Stage::Closed => "closed",
        Stage::Open | Stage::Declared if incident.aborted.is_some() => "aborted",
        Stage::Open => "open",
        Stage::Declared => "declared",
    }
}

fn labels(incident: &Incident) -> String {
    let opened = incident.opened.as_ref();
    let all = [
        ("incident", opened.map_or("", |o| o.incident.as_str())),
        ("service", incident.runbook.service.as_str()),
        ("environment", incident.runbook.environment.as_str()),
        ("mode", opened.map_or("", |o| o.mode.word())),
    ];
    all.map(|(name, value)| label(name, value)).join(",")
}

/// Escaped as the text format wants it.
fn label(name: &str, value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("{name}=\"{value}\"")
}

struct Page {
    text: String,
    labels: String,
}

impl Page {
    fn head(&mut self, name: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} gauge");
    }

    fn line(&mut self, name: &str, more: &[(&str, &str)], value: f64) {
        let more: String = more.iter().map(|(name, value)| format!(",{}", label(name, value))).collect();
        let _ = writeln!(self.text, "{name}{{{}{more}}} {value}", self.labels);
    }

    fn gauge(&mut self, name: &str, help: &str, more: &[(&str, &str)], value: f64) {
        self.head(name, help);
        self.line(name, more, value);
    }
}
