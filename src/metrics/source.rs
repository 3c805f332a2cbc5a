//! Asks one question of one configured source. Never retries, and never gives a number that does not come from what
//! the source said.

pub mod command;
pub mod exposition;
pub mod http_json;
pub mod prometheus;
pub mod simulated;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::exposition::Memory;
use super::series::{Reading, Sample};
use crate::outside::http::{Answer, Clients, HttpError};

pub use crate::outside::endpoint::{Endpoint, Login, Secret};
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
    /// What an application shows to Prometheus, asked directly; a metric's `query` is an expression of
    /// [`exposition`](super::exposition).
    Exposition(Endpoint),
    /// A command that prints numbers.
    Command {
        /// The command without a shell.
        argv: Vec<String>,
        /// Where it runs.
        cwd: Option<PathBuf>,
        /// What it prints, and so what a metric's `query` is.
        prints: Prints,
    },
    /// Made-up curves for drills; a metric's `query` is a curve's name.
    Simulated {
        /// By name.
        curves: BTreeMap<String, Curve>,
        /// The same seed gives the same noise.
        seed: u64,
    },
}

/// What a command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Prints {
    /// One number; a metric's `query` is the command's last argument.
    #[default]
    Number,
    /// JSON; a metric's `query` is a JSONPath.
    Json,
    /// The text format of Prometheus; a metric's `query` is an expression.
    Exposition,
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

impl From<String> for Trouble {
    fn from(why: String) -> Self {
        Trouble(why)
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
    /// What was scraped before: a rate needs two looks. Bounded, see there.
    memory: Arc<Mutex<Memory>>,
}

impl Config {
    /// Whether this source could ever answer the query, without asking it. Of PromQL nothing is known here.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn check(&self, query: &str) -> Result<(), String> {
        match &self.kind {
            Kind::HttpJson(_) | Kind::Command { prints: Prints::Json, .. } => http_json::check(query),
            Kind::Exposition(_) | Kind::Command { prints: Prints::Exposition, .. } => {
                super::exposition::check(query)
            }
            Kind::Simulated { curves, .. } if !curves.contains_key(query) => {
                let known: Vec<&str> = curves.keys().map(String::as_str).collect();
                Err(format!("it has no curve `{query}`; it has {}", known.join(", ")))
            }
            Kind::Prometheus(_) | Kind::Command { prints: Prints::Number, .. } | Kind::Simulated { .. } => {
                Ok(())
            }
        }
    }
}

impl Source {
    /// `began_micros` is where simulated curves start: usually when the incident opened.
    pub fn new(config: Config, clients: Clients, began_micros: i64) -> Self {
        Source { config, clients, began_micros, memory: Arc::default() }
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
            Kind::Exposition(endpoint) => {
                let ask = exposition::Ask { endpoint, clients: &self.clients, timeout };
                exposition::query(&ask, &self.memory, query, now_micros).await
            }
            Kind::Command { argv, cwd, prints } => {
                let ask = command::Ask { argv, cwd: cwd.as_deref(), prints: *prints, timeout };
                command::query(&ask, &self.memory, query, now_micros).await
            }
            Kind::Simulated { curves, seed } => {
                simulated::query(curves, *seed, query, now_micros.saturating_sub(self.began_micros))
            }
        };
        answer.unwrap_or_else(|Trouble(why)| Answered {
            reading: Reading::Failed { why: self.masked(why) },
            warnings: Vec::new(),
        })
    }

    /// A source may repeat in its answer what it was sent to be let in.
    fn masked(&self, why: String) -> String {
        match &self.config.kind {
            Kind::Prometheus(endpoint) | Kind::HttpJson(endpoint) | Kind::Exposition(endpoint) => {
                endpoint.mask(&why)
            }
            Kind::Command { .. } | Kind::Simulated { .. } => why,
        }
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
            Kind::HttpJson(_) | Kind::Exposition(_) | Kind::Command { .. } | Kind::Simulated { .. } => {
                Ok(Vec::new())
            }
        }
    }
}

/// A request for `url` with everything that lets it in.
fn get(endpoint: &Endpoint, clients: &Clients, url: &str) -> Result<reqwest::RequestBuilder, Trouble> {
    Ok(endpoint.request(clients, reqwest::Method::GET, url)?)
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
