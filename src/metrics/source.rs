//! Asks one question of one configured source. Never retries, never remembers, and never gives a number the
//! source did not give.

pub mod command;
pub mod http_json;
pub mod prometheus;
pub mod simulated;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::series::{Reading, Sample};
use crate::outside::http::{Answer, Clients, HttpError};

pub use simulated::Curve;

/// How a source is asked when the workspace does not say.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// A source as configured in the workspace.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// What it is.
    pub kind: Kind,
    /// How long one question may take.
    pub timeout: Duration,
}

/// The kinds of sources.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// The Prometheus HTTP API; a metric's `query` is PromQL.
    Prometheus(Endpoint),
    /// Any JSON over HTTP; a metric's `query` is a JSONPath (RFC 9535) that finds one number.
    HttpJson(Endpoint),
    /// A command that prints one number; a metric's `query` is its last argument.
    Command {
        /// The command without a shell.
        argv: Vec<String>,
        /// Where it runs.
        cwd: Option<PathBuf>,
    },
    /// Made-up curves for drills; a metric's `query` is a curve's name.
    Simulated {
        /// By name.
        curves: BTreeMap<String, Curve>,
        /// The same seed gives the same noise.
        seed: u64,
    },
}

/// A configured address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `http://` or `https://`.
    pub url: String,
    /// Header name to the environment variable that holds its value, read at each use.
    pub headers_env: BTreeMap<String, String>,
    /// PEM file that replaces the system's certificates.
    pub ca: Option<PathBuf>,
}

impl Endpoint {
    /// An address without headers, judged by the system's certificates.
    pub fn new(url: impl Into<String>) -> Self {
        Endpoint { url: url.into(), headers_env: BTreeMap::new(), ca: None }
    }

    /// A GET request with the configured headers.
    fn get(&self, clients: &Clients, url: &str) -> Result<reqwest::RequestBuilder, Trouble> {
        let mut request = clients.for_url(url, self.ca.as_deref())?.get(url);
        for (name, variable) in &self.headers_env {
            let secret = std::env::var(variable).map_err(|_| {
                Trouble(format!("environment variable {variable} for header {name} is not set"))
            })?;
            let mut value = reqwest::header::HeaderValue::from_str(&secret).map_err(|_| {
                Trouble(format!("environment variable {variable} does not fit into a header"))
            })?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        Ok(request)
    }
}

/// Why a source gave no number, in words for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Trouble(pub String);

impl From<HttpError> for Trouble {
    fn from(e: HttpError) -> Self {
        Trouble(e.to_string())
    }
}

/// A reading, and what the source remarked about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// What was answered.
    pub reading: Reading,
    /// The source's own warnings.
    pub warnings: Vec<String>,
}

impl Answered {
    fn value(x: f64) -> Self {
        Answered { reading: Reading::Value(x), warnings: Vec::new() }
    }

    fn no_data(why: impl Into<String>) -> Self {
        Answered { reading: Reading::NoData { why: why.into() }, warnings: Vec::new() }
    }
}

/// A source ready to be asked.
#[derive(Debug, Clone)]
pub struct Source {
    config: Config,
    clients: Clients,
    began_micros: i64,
}

impl Source {
    /// `began_micros` is where simulated curves start: usually when the incident opened.
    pub fn new(config: Config, clients: Clients, began_micros: i64) -> Self {
        Source { config, clients, began_micros }
    }

    /// How long one question may take.
    pub fn timeout(&self) -> Duration {
        self.config.timeout
    }

    /// Asks once. Takes at most the source's timeout.
    pub async fn query(&self, query: &str, now_micros: i64) -> Answered {
        let timeout = self.config.timeout;
        let answer = match &self.config.kind {
            Kind::Prometheus(endpoint) => prometheus::query(endpoint, &self.clients, query, timeout).await,
            Kind::HttpJson(endpoint) => http_json::query(endpoint, &self.clients, query, timeout).await,
            Kind::Command { argv, cwd } => command::query(argv, cwd.as_deref(), query, timeout).await,
            Kind::Simulated { curves, seed } => {
                simulated::query(curves, *seed, query, now_micros.saturating_sub(self.began_micros))
            }
        };
        answer.unwrap_or_else(|Trouble(why)| Answered {
            reading: Reading::Failed { why },
            warnings: Vec::new(),
        })
    }

    /// What the source remembers from `from_micros` to `to_micros`; empty for sources without a memory.
    ///
    /// # Errors
    /// When the source cannot be asked.
    pub async fn backfill(
        &self,
        query: &str,
        from_micros: i64,
        to_micros: i64,
        step: Duration,
    ) -> Result<Vec<Sample>, Trouble> {
        match &self.config.kind {
            Kind::Prometheus(endpoint) => {
                let span = prometheus::Span { from_micros, to_micros, step };
                prometheus::query_range(endpoint, &self.clients, query, span, self.config.timeout).await
            }
            Kind::HttpJson(_) | Kind::Command { .. } | Kind::Simulated { .. } => Ok(Vec::new()),
        }
    }
}

/// The answer if it can be JSON, else what it is instead.
fn expect_json(answer: Answer) -> Result<Answer, Trouble> {
    if answer.is_html() {
        let status = answer.status;
        return Err(Trouble(format!(
            "answers {status} with a web page instead of JSON; is this the right address, and is a login needed?"
        )));
    }
    Ok(answer)
}

/// A number as sources write it: `NaN`, `+Inf` and `-Inf` included.
fn parse_number(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}
