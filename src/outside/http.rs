//! HTTP for everyone who asks or tells something over the network. Never follows a redirect and never reads
//! an answer without an end.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;

use crate::sanitize;

/// Why a request gave no usable answer. The texts are for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// Not an `http://` or `https://` address.
    #[error("`{address}` is not an http or https address")]
    Address {
        /// As configured.
        address: String,
    },
    /// The client could not be made: certificates are missing or broken.
    #[error("cannot prepare a secure connection: {why}")]
    Prepare {
        /// The reason.
        why: String,
    },
    /// Nothing, or not everything, came in time.
    #[error("no complete answer within {}", crate::outside::http::seconds(*after))]
    Timeout {
        /// The limit.
        after: Duration,
    },
    /// Nobody listens there, or the name is unknown.
    #[error("cannot connect: {why}")]
    Connect {
        /// The innermost reason.
        why: String,
    },
    /// The server points elsewhere; that address is not configured, so it is not asked.
    #[error("answers {status} and points to {to}; redirects are not followed, configure the final address")]
    Redirect {
        /// The status.
        status: u16,
        /// The `Location` header.
        to: String,
    },
    /// More than anyone needs.
    #[error("the answer is larger than {limit} bytes")]
    TooBig {
        /// The limit.
        limit: usize,
    },
    /// The connection broke or the other side does not speak HTTP.
    #[error("the answer broke off: {why}")]
    Broken {
        /// The innermost reason.
        why: String,
    },
}

/// An answer, read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`, lower case, empty if absent.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether this is a web page: usually a login form or a proxy's error instead of the API.
    pub fn is_html(&self) -> bool {
        let start = self.body.trim_ascii_start();
        self.content_type.starts_with("text/html") || start.starts_with(b"<!") || start.starts_with(b"<html")
    }

    /// The start of the body in one harmless line, for error texts.
    pub fn excerpt(&self) -> String {
        excerpt(&String::from_utf8_lossy(&self.body))
    }
}

/// At most 160 characters of foreign text in one harmless line.
pub fn excerpt(text: &str) -> String {
    const LONGEST: usize = 160;
    // Enough to find that many visible characters in, without cleaning megabytes.
    let start = text.as_bytes().get(..4096).unwrap_or(text.as_bytes());
    let clean = sanitize::line(start);
    let line = clean.as_str().split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST).and_then(|(at, _)| line.split_at_checked(at)) {
        Some((start, _)) => format!("{start}…"),
        None => line,
    }
}

/// A duration in seconds for a sentence: `2 s`, `0.5 s`.
fn seconds(d: Duration) -> String {
    format!("{} s", d.as_secs_f64())
}

/// Whom to believe over TLS, and as whom to appear.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tls {
    /// PEM file that replaces the system's certificates.
    pub ca: Option<PathBuf>,
    /// This side's own certificate.
    pub client: Option<ClientCertificate>,
}

/// A certificate and its key, for services that want to know who asks by one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientCertificate {
    /// PEM file with the certificate and what stands between it and the root.
    pub certificate: PathBuf,
    /// PEM file with its private key; may be the same file.
    pub key: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    loopback: bool,
    tls: Option<Tls>,
}

/// Keep-alive clients, made when first needed and shared by clones of this value.
///
/// Belongs to one tokio runtime: pooled connections end with it.
#[derive(Debug, Clone, Default)]
pub struct Clients {
    made: Arc<Mutex<BTreeMap<Kind, reqwest::Client>>>,
}

impl Clients {
    /// No client yet.
    pub fn new() -> Self {
        Clients::default()
    }

    /// The client for this address. `ca` is a PEM file that replaces the system's certificates.
    ///
    /// # Errors
    /// When the address is not http(s), or the certificates cannot be read.
    pub fn for_url(&self, url: &str, ca: Option<&Path>) -> Result<reqwest::Client, HttpError> {
        self.with_tls(url, &Tls { ca: ca.map(Path::to_path_buf), client: None })
    }

    /// The client for this address with these certificates. They are read once and kept.
    ///
    /// # Errors
    /// When the address is not http(s), or the certificates cannot be read.
    pub fn with_tls(&self, url: &str, tls: &Tls) -> Result<reqwest::Client, HttpError> {
        let wrong = || HttpError::Address { address: excerpt(url) };
        let parsed = reqwest::Url::parse(url).map_err(|_| wrong())?;
        let tls = match parsed.scheme() {
            "http" => None,
            "https" => Some(tls.clone()),
            _ => return Err(wrong()),
        };
        let host = parsed.host_str().ok_or_else(wrong)?;
        let kind = Kind { loopback: is_loopback(host), tls };
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = made.get(&kind) {
            return Ok(client.clone());
        }
        let client = make(&kind)?;
        made.insert(kind, client.clone());
        Ok(client)
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Makes ring the process's TLS provider; reqwest is built without one and refuses to make clients otherwise.
fn install_provider() {
    static DONE: Once = Once::new();
    // Losing the race against another installation is fine: there is a provider then.
    DONE.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
}

fn make(kind: &Kind) -> Result<reqwest::Client, HttpError> {
    install_provider();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("backout/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .pool_idle_timeout(Duration::from_secs(60))
        // One for each of as many panes as a screen holds: more would be opened anew at every look.
        .pool_max_idle_per_host(24);
    if kind.loopback {
        // A proxy configured for the outside cannot reach this machine's own services.
        builder = builder.no_proxy();
    }
    builder = match &kind.tls {
        // Plain HTTP needs no certificates, and a machine without any must still reach its own services.
        None => builder.tls_certs_only(std::iter::empty()),
        Some(Tls { ca: None, .. }) => builder,
        Some(Tls { ca: Some(ca), .. }) => builder.tls_certs_only(read_ca(ca)?),
    };
    if let Some(Tls { client: Some(own), .. }) = &kind.tls {
        builder = builder.identity(read_identity(own)?);
    }
    builder.build().map_err(|e| HttpError::Prepare { why: innermost(&e) })
}

fn read_ca(path: &Path) -> Result<Vec<reqwest::Certificate>, HttpError> {
    let fail = |why: String| HttpError::Prepare { why: format!("{}: {why}", path.display()) };
    let pem = std::fs::read(path).map_err(|e| fail(e.to_string()))?;
    let certs = reqwest::Certificate::from_pem_bundle(&pem).map_err(|e| fail(innermost(&e)))?;
    if certs.is_empty() { Err(fail("holds no certificate".to_owned())) } else { Ok(certs) }
}

fn read_identity(own: &ClientCertificate) -> Result<reqwest::Identity, HttpError> {
    let fail = |path: &Path, why: String| HttpError::Prepare { why: format!("{}: {why}", path.display()) };
    let read = |path: &Path| std::fs::read(path).map_err(|e| fail(path, e.to_string()));
    let mut pem = read(&own.key)?;
    if own.certificate != own.key {
        pem.push(b'\n');
        pem.extend(read(&own.certificate)?);
    }
    let identity = reqwest::Identity::from_pem(&pem);
    std::hint::black_box(&mut pem).fill(0);
    // What is wrong with a key is not said: the words could hold a part of it.
    identity.map_err(|_| fail(&own.certificate, "with its key this is no usable certificate".to_owned()))
}

/// Sends a request and reads the answer, all within `timeout` and `limit` bytes; of a refusal only what fits is read.
/// The status is not judged, except that 3xx is an error: it names an address nobody configured.
///
/// # Errors
/// See [`HttpError`].
pub async fn fetch(
    request: reqwest::RequestBuilder,
    timeout: Duration,
    limit: usize,
) -> Result<Answer, HttpError> {
    match tokio::time::timeout(timeout, send_and_read(request, limit)).await {
        Ok(Err(e)) => Err(e),
        Ok(Ok(answer)) => Ok(answer),
        Err(_) => Err(HttpError::Timeout { after: timeout }),
    }
}

async fn send_and_read(request: reqwest::RequestBuilder, limit: usize) -> Result<Answer, HttpError> {
    let mut response = request.send().await.map_err(|e| explain(&e))?;
    let status = response.status().as_u16();
    if response.status().is_redirection() {
        let to = header(&response, reqwest::header::LOCATION);
        return Err(HttpError::Redirect { status, to: excerpt(&to) });
    }
    let content_type = header(&response, reqwest::header::CONTENT_TYPE).to_ascii_lowercase();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| explain(&e))? {
        if body.len().saturating_add(chunk.len()) > limit {
            if (200..300).contains(&status) {
                return Err(HttpError::TooBig { limit });
            }
            // What was refused is known by its status; the rest of the words is not needed.
            break;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, content_type, body })
}

fn header(response: &reqwest::Response, name: reqwest::header::HeaderName) -> String {
    response
        .headers()
        .get(name)
        .map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned())
        .unwrap_or_default()
}

fn explain(e: &reqwest::Error) -> HttpError {
    let why = innermost(e);
    if e.is_connect() { HttpError::Connect { why } } else { HttpError::Broken { why } }
}

/// The innermost reason: the outer layers only repeat the address, which may hold a secret.
fn innermost(e: &reqwest::Error) -> String {
    let mut last: Option<&dyn std::error::Error> = e.source();
    while let Some(inner) = last.and_then(std::error::Error::source) {
        last = Some(inner);
    }
    match last {
        Some(inner) => excerpt(&inner.to_string()),
        None => excerpt(&e.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_one_short_line_without_escapes() {
        let text = excerpt("a\x1b[31mb\n\n\tc");
        assert_eq!(text, "ab c");
        let long = excerpt(&"é".repeat(1000));
        assert_eq!(long.chars().count(), 161);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn an_address_that_is_not_http_is_refused() {
        let clients = Clients::new();
        for bad in ["file:///etc/passwd", "not an address", "ftp://x/", ""] {
            assert!(matches!(clients.for_url(bad, None), Err(HttpError::Address { .. })), "{bad}");
        }
        assert!(clients.for_url("http://[::1]:1/", None).is_ok());
    }

    #[test]
    fn a_missing_ca_file_is_named() {
        let error =
            Clients::new().for_url("https://example.org", Some(Path::new("/no/such.pem"))).unwrap_err();
        assert!(error.to_string().contains("/no/such.pem"), "{error}");
    }
}
