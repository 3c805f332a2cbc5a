//! A configured address with everything that is needed to be let in: headers, a login, certificates.
//! Never holds a secret, only where it is read from at each use, and never puts one into an error.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderValue};

use super::http::{Clients, HttpError, Tls};

/// More than this is no token (bytes).
const LONGEST_SECRET: u64 = 64 * 1024;

/// Where a secret is read from, at each use: what was rotated counts at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secret {
    /// The name of an environment variable.
    Env(String),
    /// A file; whitespace around its content does not count.
    File(PathBuf),
}

impl Secret {
    /// The secret. The error names the place and never the content.
    ///
    /// # Errors
    /// When it is not there, empty or not text.
    pub fn read(&self) -> Result<String, String> {
        match self {
            Secret::Env(name) => {
                let value =
                    std::env::var(name).map_err(|_| format!("environment variable {name} is not set"))?;
                if value.is_empty() {
                    Err(format!("environment variable {name} is empty"))
                } else {
                    Ok(value)
                }
            }
            Secret::File(path) => {
                let shown = path.display();
                let mut text = String::new();
                let file = std::fs::File::open(path)
                    .map_err(|e| format!("cannot read the secret in {shown}: {e}"))?;
                file.take(LONGEST_SECRET)
                    .read_to_string(&mut text)
                    .map_err(|_| format!("the secret in {shown} is not text"))?;
                let secret = text.trim();
                if secret.is_empty() {
                    Err(format!("{shown} holds no secret"))
                } else {
                    Ok(secret.to_owned())
                }
            }
        }
    }

    /// Where it comes from, for errors.
    fn place(&self) -> String {
        match self {
            Secret::Env(name) => format!("environment variable {name}"),
            Secret::File(path) => path.display().to_string(),
        }
    }
}

/// How one says who asks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Login {
    /// Not at all.
    #[default]
    None,
    /// `Authorization: Bearer …`.
    Bearer(Secret),
    /// `Authorization: Basic …` (RFC 7617).
    Basic {
        /// The user's name, no secret.
        user: String,
        /// The password.
        password: Secret,
    },
}

/// A configured address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `http://` or `https://`; a path in it is where the service begins.
    pub url: String,
    /// Headers that are no secret, such as a tenant.
    pub headers: BTreeMap<String, String>,
    /// Header name to the environment variable that holds its value, read at each use.
    pub headers_env: BTreeMap<String, String>,
    /// Who asks.
    pub login: Login,
    /// Certificates.
    pub tls: Tls,
}

impl Endpoint {
    /// An address without headers, judged by the system's certificates.
    pub fn new(url: impl Into<String>) -> Self {
        Endpoint {
            url: url.into(),
            headers: BTreeMap::new(),
            headers_env: BTreeMap::new(),
            login: Login::None,
            tls: Tls::default(),
        }
    }

    /// The address of something below this one.
    pub fn below(&self, path: &str) -> String {
        format!("{}/{}", self.url.trim_end_matches('/'), path.trim_start_matches('/'))
    }

    /// A text without the secrets of this address: what a service answers may repeat what it was sent.
    pub fn mask(&self, text: &str) -> String {
        let from_env = self.headers_env.values().filter_map(|variable| std::env::var(variable).ok());
        let login = match &self.login {
            Login::None => Vec::new(),
            Login::Bearer(secret) => secret.read().into_iter().collect(),
            Login::Basic { user, password } => match password.read() {
                Ok(password) => vec![B64.encode(format!("{user}:{password}")), password],
                Err(_) => Vec::new(),
            },
        };
        // Shorter than this it would only hide ordinary words.
        let secrets = from_env.chain(login).filter(|secret| secret.len() > 3);
        secrets.fold(text.to_owned(), |text, secret| text.replace(&secret, "…"))
    }

    /// A request to `url`, which lies at or below this address, with everything that lets it in.
    ///
    /// # Errors
    /// In words, when the address or certificates are wrong or a secret cannot be read.
    pub fn request(
        &self,
        clients: &Clients,
        method: Method,
        url: &str,
    ) -> Result<reqwest::RequestBuilder, String> {
        let client = clients.with_tls(url, &self.tls).map_err(|e: HttpError| e.to_string())?;
        let mut request = client.request(method, url);
        for (name, value) in &self.headers {
            let value = HeaderValue::from_str(value).map_err(|_| format!("header {name} cannot be sent"))?;
            request = request.header(name, value);
        }
        for (name, variable) in &self.headers_env {
            let secret = std::env::var(variable)
                .map_err(|_| format!("environment variable {variable} for header {name} is not set"))?;
            let value = hidden(&secret)
                .ok_or_else(|| format!("environment variable {variable} does not fit into a header"))?;
            request = request.header(name, value);
        }
        match &self.login {
            Login::None => Ok(request),
            Login::Bearer(secret) => {
                Ok(request.header(AUTHORIZATION, authorization("Bearer", &secret.read()?, secret)?))
            }
            Login::Basic { user, password } => {
                let both = B64.encode(format!("{user}:{}", password.read()?));
                Ok(request.header(AUTHORIZATION, authorization("Basic", &both, password)?))
            }
        }
    }
}

fn authorization(scheme: &str, value: &str, secret: &Secret) -> Result<HeaderValue, String> {
    hidden(&format!("{scheme} {value}"))
        .ok_or_else(|| format!("what is in {} does not fit into a header", secret.place()))
}

/// A header's value that no debug output shows.
pub(super) fn hidden(secret: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(secret).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_a_file_is_read_without_its_line_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "s3cret\n").unwrap();
        assert_eq!(Secret::File(path.clone()).read().unwrap(), "s3cret");
        std::fs::write(&path, "\n").unwrap();
        assert!(Secret::File(path.clone()).read().unwrap_err().ends_with("holds no secret"));
        let missing = Secret::File(dir.path().join("none")).read().unwrap_err();
        assert!(missing.contains("cannot read the secret"), "{missing}");
    }

    #[test]
    fn a_secret_that_is_no_header_is_refused_without_being_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "two\nlines").unwrap();
        let mut endpoint = Endpoint::new("http://127.0.0.1:1/");
        endpoint.login = Login::Bearer(Secret::File(path));
        let why = endpoint.request(&Clients::new(), Method::GET, &endpoint.url).unwrap_err();
        assert!(why.contains("does not fit into a header") && !why.contains("two"), "{why}");
    }

    #[test]
    fn a_password_goes_out_as_basic_and_is_hidden() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        std::fs::write(&path, "open sesame").unwrap();
        let mut endpoint = Endpoint::new("http://127.0.0.1:1/prefix/");
        endpoint.login = Login::Basic { user: "Aladdin".into(), password: Secret::File(path) };
        let url = endpoint.below("/api/v1/query");
        assert_eq!(url, "http://127.0.0.1:1/prefix/api/v1/query");
        let request = endpoint.request(&Clients::new(), Method::GET, &url).unwrap().build().unwrap();
        let header = &request.headers()["authorization"];
        // The example of RFC 7617, section 2.
        assert_eq!(header.to_str().unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(header.is_sensitive());
    }
}
