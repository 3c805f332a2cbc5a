//! Telling other systems what happens: marks on Grafana's charts and OpenTelemetry traces (OTLP over HTTP, JSON).
//! Never tells more than names, times and outcomes: no output of a step and no words of a person leave this way.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::endpoint::Endpoint;
use super::http::{Answer, Clients, HttpError, excerpt, fetch};

/// How long telling may take.
pub const TIMEOUT: Duration = Duration::from_secs(5);
const LIMIT: usize = 256 << 10;

/// Statuses after which OTLP lets the same be sent again; after any other it must not be.
const SPANS_AGAIN: [u16; 4] = [429, 502, 503, 504];
/// Statuses after which Grafana may take what it did not take before.
const MARKS_AGAIN: [u16; 6] = [408, 429, 500, 502, 503, 504];

/// Why something was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// In words, without any secret.
    pub why: String,
    /// What to do about it.
    pub hope: Hope,
}

/// Whether the same may be taken later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hope {
    /// It may: nobody was there, or they are busy.
    Later,
    /// It will not, however often it is sent.
    Never,
}

/// A mark on a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// When, microseconds since the Unix epoch.
    pub at_micros: i64,
    /// What it says.
    pub text: String,
    /// By what it is found.
    pub tags: Vec<String>,
}

impl Mark {
    /// The body for Grafana's `POST /api/annotations`.
    pub fn body(&self) -> Value {
        json!({"time": self.at_micros / 1_000, "tags": self.tags, "text": self.text})
    }
}

/// Whether something went well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpanStatus {
    /// Nobody says.
    Unset,
    /// It did.
    Ok,
    /// It did not, and why.
    Error(String),
}

/// Something that took time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The trace it belongs to: an incident.
    pub trace: String,
    /// Unique in the trace; the span's id is made of it.
    pub key: String,
    /// The key of the span around it.
    pub parent: Option<String>,
    /// Its name.
    pub name: String,
    /// From, microseconds since the Unix epoch.
    pub from_micros: i64,
    /// To.
    pub to_micros: i64,
    /// Facts about it.
    pub attributes: Vec<(String, String)>,
    /// How it went.
    pub status: SpanStatus,
}

/// The first bytes of a digest, in hex: 16 for a trace, 8 for a span. The same thing has the same id for every hub.
fn id(text: &str, bytes: usize) -> String {
    let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    digest.iter().take(bytes).map(|b| format!("{b:02x}")).collect()
}

fn attribute(name: &str, value: &str) -> Value {
    json!({"key": name, "value": {"stringValue": value}})
}

impl Span {
    fn id_of(&self, key: &str) -> String {
        id(&format!("{}/{key}", self.trace), 8)
    }

    fn body(&self) -> Value {
        let nanos = |micros: i64| (i128::from(micros) * 1_000).to_string();
        let attributes: Vec<Value> = self.attributes.iter().map(|(n, v)| attribute(n, v)).collect();
        let status = match &self.status {
            SpanStatus::Unset => json!({}),
            SpanStatus::Ok => json!({"code": 1}),
            SpanStatus::Error(why) => json!({"code": 2, "message": why}),
        };
        let mut span = json!({
            "traceId": id(&self.trace, 16),
            "spanId": self.id_of(&self.key),
            "name": self.name,
            "kind": 1,
            "startTimeUnixNano": nanos(self.from_micros),
            "endTimeUnixNano": nanos(self.to_micros),
            "attributes": attributes,
            "status": status,
        });
        if let (Some(parent), Some(map)) = (&self.parent, span.as_object_mut()) {
            map.insert("parentSpanId".to_owned(), self.id_of(parent).into());
        }
        span
    }
}

/// The body of `POST /v1/traces` (OTLP 1.x, JSON encoding: ids in hex, times as text).
pub fn traces(resource: &[(String, String)], spans: &[Span]) -> Value {
    let of: Vec<Value> = [("service.name".to_owned(), "backout".to_owned())]
        .iter()
        .chain(resource)
        .map(|(n, v)| attribute(n, v))
        .collect();
    let spans: Vec<Value> = spans.iter().map(Span::body).collect();
    json!({"resourceSpans": [{
        "resource": {"attributes": of},
        "scopeSpans": [{
            "scope": {"name": "backout", "version": env!("CARGO_PKG_VERSION")},
            "spans": spans,
        }],
    }]})
}

/// Puts a mark on Grafana's charts. When an answer is lost and it is sent again, the mark may stand there twice.
///
/// # Errors
/// Why it is not known to be there.
pub async fn mark(endpoint: &Endpoint, clients: &Clients, mark: &Mark) -> Result<(), Refusal> {
    post(endpoint, clients, &endpoint.below("api/annotations"), &mark.body(), &MARKS_AGAIN).await.map(|_| ())
}

/// Hands spans over, and gives what the collector did not want of them. An address that already ends in `/v1/traces`
/// is taken as it is. The same spans sent again have the same ids.
///
/// # Errors
/// Why they were not taken.
pub async fn spans(
    endpoint: &Endpoint,
    clients: &Clients,
    resource: &[(String, String)],
    spans: &[Span],
) -> Result<Rejected, Refusal> {
    let whole = endpoint.url.trim_end_matches('/').ends_with("/v1/traces");
    let url = if whole { endpoint.url.clone() } else { endpoint.below("v1/traces") };
    let answer = post(endpoint, clients, &url, &traces(resource, spans), &SPANS_AGAIN).await?;
    Ok(Rejected::of(&answer, endpoint, spans.len()))
}

/// What a collector left out of what it took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rejected {
    /// So many spans.
    pub count: usize,
    /// Why, as it says.
    pub why: String,
}

impl Rejected {
    /// An answer that says nothing of this kind is a yes: that is how OTLP has it.
    fn of(answer: &Answer, endpoint: &Endpoint, sent: usize) -> Rejected {
        let Ok(said) = serde_json::from_slice::<Value>(&answer.body) else { return Rejected::default() };
        let Some(part) = said.get("partialSuccess") else { return Rejected::default() };
        // A 64 bit number is text in the protocol's JSON, and some write it as a number.
        let count = part.get("rejectedSpans").and_then(|n| n.as_u64().or_else(|| n.as_str()?.parse().ok()));
        let count = usize::try_from(count.unwrap_or(0)).unwrap_or(sent).min(sent);
        let why = part.get("errorMessage").and_then(Value::as_str).unwrap_or_default();
        Rejected { count, why: endpoint.mask(&excerpt(why)) }
    }
}

async fn post(
    endpoint: &Endpoint,
    clients: &Clients,
    url: &str,
    body: &Value,
    again: &[u16],
) -> Result<Answer, Refusal> {
    let later = |why: String| Refusal { why: endpoint.mask(&why), hope: Hope::Later };
    let never = |why: String| Refusal { why: endpoint.mask(&why), hope: Hope::Never };
    // A secret that is not there may be put there.
    let request = endpoint.request(clients, Method::POST, url).map_err(later)?;
    let request = request.header("Content-Type", "application/json").body(body.to_string());
    let answer = fetch(request, TIMEOUT, LIMIT).await.map_err(|e| match &e {
        HttpError::Timeout { .. }
        | HttpError::Connect { .. }
        | HttpError::Broken { .. }
        | HttpError::Prepare { .. } => later(e.to_string()),
        HttpError::Address { .. } | HttpError::Redirect { .. } | HttpError::TooBig { .. } => {
            never(e.to_string())
        }
    })?;
    if answer.is_success() && !answer.is_html() {
        return Ok(answer);
    }
    let said = if answer.is_html() { "a web page instead of an answer".to_owned() } else { answer.excerpt() };
    let why = format!("HTTP {}: {said}", answer.status);
    Err(if again.contains(&answer.status) { later(why) } else { never(why) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_the_ids_and_times_that_the_protocol_wants() {
        let span = Span {
            trace: "01M7".into(),
            key: "step/a/1".into(),
            parent: Some("phase/0".into()),
            name: "a".into(),
            from_micros: 1_795_226_400_000_001,
            to_micros: 1_795_226_401_000_000,
            attributes: vec![("backout.step".into(), "a".into())],
            status: SpanStatus::Error("exit code 1".into()),
        };
        let parent = Span { key: "phase/0".into(), parent: None, status: SpanStatus::Ok, ..span.clone() };
        let body = traces(&[("deployment.environment.name".into(), "test".into())], &[span, parent]);
        let spans = &body["resourceSpans"][0]["scopeSpans"][0]["spans"];
        let (a, b) = (&spans[0], &spans[1]);
        assert_eq!(a["traceId"].as_str().unwrap().len(), 32);
        assert_eq!(a["spanId"].as_str().unwrap().len(), 16);
        assert_eq!((&a["traceId"], &a["parentSpanId"]), (&b["traceId"], &b["spanId"]));
        assert_eq!(a["startTimeUnixNano"], "1795226400000001000");
        assert_eq!(a["status"], json!({"code": 2, "message": "exit code 1"}));
        assert_eq!(b["status"], json!({"code": 1}));
        assert!(b.get("parentSpanId").is_none());
        assert_eq!(body["resourceSpans"][0]["resource"]["attributes"][0]["value"]["stringValue"], "backout");
    }

    #[test]
    fn a_mark_is_in_milliseconds() {
        let mark = Mark { at_micros: 1_999, text: "phase Act".into(), tags: vec!["backout".into()] };
        assert_eq!(mark.body(), json!({"time": 1, "tags": ["backout"], "text": "phase Act"}));
    }
}
