//! Looks at something once, for await, check and measure. Never changes anything by itself and never judges.
//!
//! The difference that counts: an answer, whatever it says, is an [`Observation`]; no answer is a [`LookError`] and
//! means there is no data. A command that fails has not answered, whatever it printed before.
//!
//! Looks need no supervisor: they are repeated, and when the hub dies in the middle of one, nothing is lost.

mod command;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::outside::http::{Clients, HttpError, fetch};
use crate::sanitize::{Clean, line, visible_name};

use super::ssh;

/// The most of an answer that is taken, in bytes.
pub const ANSWER_CAP: usize = 64 * 1024 * 1024;

/// What is said of an answer beyond [`ANSWER_CAP`].
pub fn too_large() -> String {
    let most = ANSWER_CAP >> 20;
    format!(
        "the answer is too large to be compared: more than {most} MiB; have it print a count or a checksum"
    )
}

/// A subject with every template filled in. Metrics are read by the metrics room.
#[derive(Clone, PartialEq, Eq)]
pub enum ResolvedSubject {
    /// A command; its standard output is the answer.
    Run(RunSubject),
    /// An HTTP request; its body and status are the answer.
    Http(HttpSubject),
}

/// A command to look with.
#[derive(Clone, PartialEq, Eq)]
pub struct RunSubject {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Variables set for it; may hold secrets.
    pub env: BTreeMap<String, String>,
    /// Where it runs.
    pub cwd: PathBuf,
    /// Through `ssh` there, if named.
    pub host: Option<String>,
}

/// A request to look with.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpSubject {
    /// Method.
    pub method: String,
    /// Address.
    pub url: String,
    /// Headers; may hold secrets.
    pub headers: BTreeMap<String, String>,
    /// Body.
    pub body: Option<String>,
    /// The only status that counts as an answer; `None` means any 2xx.
    pub status: Option<u16>,
}

// Arguments and addresses are in the runbook; values of variables and headers may be secrets.
impl std::fmt::Debug for ResolvedSubject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ResolvedSubject::Run(run) => f.debug_tuple("Run").field(&run.argv).finish(),
            ResolvedSubject::Http(http) => {
                f.debug_tuple("Http").field(&http.method).field(&http.url).finish()
            }
        }
    }
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Standard output or body, as it came.
    pub text: Vec<u8>,
    /// A command's exit code; always 0, for another is no observation.
    pub exit: Option<i32>,
    /// The HTTP status.
    pub status: Option<u16>,
    /// Whether there was more than [`ANSWER_CAP`]. Then no comparison of the text proves anything.
    pub truncated: bool,
    /// When the answer was complete.
    pub at: SystemTime,
}

/// Why there is no data. The texts are for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookError {
    /// The command could not be started.
    #[error("could not start {0}: {1}")]
    NotStarted(Clean, Clean),
    /// It ended otherwise than with 0.
    #[error("{what}{}{stderr}", if stderr.is_empty() { "" } else { ": " })]
    Failed {
        /// How it ended.
        what: Clean,
        /// The start of what it said on standard error.
        stderr: Clean,
    },
    /// No answer in time.
    #[error("no answer within {} s", .0.as_secs_f64())]
    Timeout(Duration),
    /// The request failed.
    #[error("{0}")]
    Http(Clean),
    /// The server answered, but not as one who knows.
    #[error("answered {status}{}{body}", if body.is_empty() { "" } else { ": " })]
    Status {
        /// HTTP status.
        status: u16,
        /// The start of the body.
        body: Clean,
    },
}

/// Looks at subjects; holds the HTTP connections they share.
#[derive(Debug, Clone, Default)]
pub struct Looker {
    clients: Clients,
}

impl Looker {
    /// With connections of its own.
    pub fn new() -> Looker {
        Looker::default()
    }

    /// With connections shared with others.
    pub fn sharing(clients: Clients) -> Looker {
        Looker { clients }
    }

    /// Looks once. Dropping the future ends what it started.
    ///
    /// # Errors
    /// There is no answer: see [`LookError`].
    pub async fn look(&self, subject: &ResolvedSubject, timeout: Duration) -> Result<Observation, LookError> {
        match subject {
            ResolvedSubject::Run(run) => match &run.host {
                None => command::look(run, &run.argv, timeout).await,
                Some(host) => command::look(run, &ssh::remote_argv(host, &run.argv), timeout).await,
            },
            ResolvedSubject::Http(http) => self.ask(http, timeout).await,
        }
    }

    async fn ask(&self, http: &HttpSubject, timeout: Duration) -> Result<Observation, LookError> {
        let method = reqwest::Method::from_bytes(http.method.as_bytes()).map_err(|_| {
            LookError::Http(line(format!("`{}` is no HTTP method", visible_name(&http.method))))
        })?;
        let mut request =
            self.clients.for_url(&http.url, None).map_err(|e| http_error(&e))?.request(method, &http.url);
        for (name, value) in &http.headers {
            request = request.header(name, value);
        }
        if let Some(body) = &http.body {
            request = request.body(body.clone());
        }
        let answer = match fetch(request, timeout, ANSWER_CAP).await {
            Ok(answer) => answer,
            Err(HttpError::Timeout { after }) => return Err(LookError::Timeout(after)),
            // Asked for by name, the redirect itself is the answer; it is not followed.
            Err(HttpError::Redirect { status, .. }) if http.status == Some(status) => {
                return Ok(seen(Vec::new(), Some(status)));
            }
            Err(e) => return Err(http_error(&e)),
        };
        let good = http.status.map_or(answer.is_success(), |status| status == answer.status);
        if !good {
            return Err(LookError::Status { status: answer.status, body: line(answer.excerpt()) });
        }
        Ok(seen(answer.body, Some(answer.status)))
    }
}

fn seen(text: Vec<u8>, status: Option<u16>) -> Observation {
    Observation { text, exit: None, status, truncated: false, at: SystemTime::now() }
}

fn http_error(e: &HttpError) -> LookError {
    LookError::Http(line(e.to_string()))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// A server that gives one answer, whatever is asked, and tells what was asked.
    fn server(answer: &'static str) -> (String, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/version", listener.local_addr().unwrap());
        let asked = std::thread::spawn(move || {
            let (mut peer, _) = listener.accept().unwrap();
            let mut asked = Vec::new();
            let mut buffer = [0; 1024];
            while !asked.ends_with(b"\r\n\r\n") && !asked.ends_with(b"body") {
                let n = peer.read(&mut buffer).unwrap();
                asked.extend_from_slice(&buffer[..n]);
            }
            peer.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(asked).unwrap()
        });
        (url, asked)
    }

    fn get(url: String) -> HttpSubject {
        HttpSubject { method: "GET".into(), url, headers: BTreeMap::new(), body: None, status: None }
    }

    async fn ask(http: HttpSubject) -> Result<Observation, LookError> {
        Looker::new().look(&ResolvedSubject::Http(http), LONG).await
    }

    #[tokio::test]
    async fn the_body_and_the_status_are_the_answer() {
        let (url, asked) = server("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n1.4.2");
        let mut http = get(url);
        http.method = "POST".into();
        http.headers.insert("x-probe".into(), "yes".into());
        http.body = Some("the body".into());
        let seen = ask(http).await.unwrap();
        assert_eq!((seen.text.as_slice(), seen.status), (&b"1.4.2"[..], Some(200)));
        let asked = asked.join().unwrap();
        assert!(asked.starts_with("POST /version") && asked.contains("x-probe: yes"), "{asked}");
    }

    #[tokio::test]
    async fn an_error_page_is_no_data_unless_asked_for() {
        let answer = "HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\ngone";
        assert_eq!(ask(get(server(answer).0)).await.unwrap_err().to_string(), "answered 503: gone");
        let expected = HttpSubject { status: Some(503), ..get(server(answer).0) };
        assert_eq!(ask(expected).await.unwrap().status, Some(503));
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let answer = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n";
        assert!(matches!(ask(get(server(answer).0)).await, Err(LookError::Http(_))));
        let expected = HttpSubject { status: Some(302), ..get(server(answer).0) };
        assert_eq!(ask(expected).await.unwrap().status, Some(302));
    }

    #[tokio::test]
    async fn nobody_there_and_a_broken_answer_are_no_data() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        assert!(matches!(ask(get(format!("http://127.0.0.1:{port}/"))).await, Err(LookError::Http(_))));
        let cut = server("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhalf").0;
        assert!(matches!(ask(get(cut)).await, Err(LookError::Http(_))));
        assert!(matches!(ask(get("file:///etc/passwd".into())).await, Err(LookError::Http(_))));
    }

    #[tokio::test]
    async fn silence_ends_with_the_timeout() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let subject = ResolvedSubject::Http(get(format!("http://{}/", silent.local_addr().unwrap())));
        let limit = Duration::from_millis(50);
        assert_eq!(Looker::new().look(&subject, limit).await, Err(LookError::Timeout(limit)));
    }

    #[test]
    fn secrets_are_not_in_the_debug_form() {
        let mut http = get("http://x/".into());
        http.headers.insert("authorization".into(), "hunter2".into());
        assert!(!format!("{:?}", ResolvedSubject::Http(http)).contains("hunter2"));
    }
}
