//! Silences in an Alertmanager (its API v2): made, read back, prolonged, ended. Never takes an answer for the deed:
//! what was asked for counts once it has been read back.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::endpoint::Endpoint;
use super::http::{Answer, Clients, excerpt, fetch};

/// How long one question may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Enough for thousands of silences (bytes).
const LIMIT: usize = 8 << 20;
/// Who made our silences, as far as Alertmanager knows.
const AUTHOR: &str = "backout";

/// Alerts that can be silenced, as configured in the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silencer {
    /// The Alertmanager.
    pub endpoint: Endpoint,
    /// Labels that the silenced alerts have, name to value; none stands for service and environment of the runbook.
    pub matching: BTreeMap<String, String>,
    /// How long a silence lasts when nobody prolongs it.
    pub lasts: Duration,
}

/// What a silence is made for. The text is how it is found again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purpose {
    /// The incident.
    pub incident: String,
    /// The suspension.
    pub name: String,
    /// The record's head when it was made.
    pub head: String,
    /// Labels of the alerts.
    pub matching: BTreeMap<String, String>,
}

impl Purpose {
    fn mark(&self) -> String {
        format!("backout incident {} suspends {}", self.incident, self.name)
    }

    fn comment(&self) -> String {
        format!("{} (record {})", self.mark(), self.head)
    }

    /// The labels, as people read them.
    pub fn labels(&self) -> String {
        let one = |(name, value): (&String, &String)| format!("{name}=\"{value}\"");
        self.matching.iter().map(one).collect::<Vec<_>>().join(", ")
    }
}

/// A silence that was read back and is active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// Its id.
    pub id: String,
    /// When it ends, microseconds since the Unix epoch.
    pub ends_micros: i64,
    /// When it began, in Alertmanager's own words: a silence is prolonged in place only when that stays the same.
    began: String,
}

impl Silence {
    /// When it ends, in UTC.
    pub fn ends(&self) -> String {
        stamp(self.ends_micros)
    }
}

#[derive(Deserialize)]
struct Found {
    id: String,
    #[serde(rename = "startsAt", default)]
    starts_at: String,
    #[serde(rename = "endsAt")]
    ends_at: String,
    #[serde(rename = "createdBy", default)]
    created_by: String,
    #[serde(default)]
    comment: String,
    status: State,
}

#[derive(Deserialize)]
struct State {
    state: String,
}

#[derive(Deserialize)]
struct Made {
    #[serde(rename = "silenceID")]
    id: String,
}

#[derive(Serialize)]
struct Matcher<'a> {
    name: &'a str,
    value: &'a str,
    #[serde(rename = "isRegex")]
    is_regex: bool,
    #[serde(rename = "isEqual")]
    is_equal: bool,
}

/// RFC 3339 with milliseconds.
fn stamp(micros: i64) -> String {
    DateTime::from_timestamp_micros(micros)
        .map_or_else(|| "?".to_owned(), |t| t.to_rfc3339_opts(SecondsFormat::Millis, true))
}

impl Silencer {
    /// An active silence for this purpose that lasts from now for as long as configured: the one that is there,
    /// prolonged, or a new one. Read back.
    ///
    /// # Errors
    /// In words; whether anything is silenced is then not known.
    pub async fn hold(
        &self,
        clients: &Clients,
        purpose: &Purpose,
        now_micros: i64,
    ) -> Result<Silence, String> {
        let there = self.find(clients, purpose).await?.into_iter().next();
        let lasts = i64::try_from(self.lasts.as_micros()).unwrap_or(i64::MAX);
        let until = now_micros.saturating_add(lasts);
        let matchers: Vec<Matcher<'_>> = purpose
            .matching
            .iter()
            .map(|(name, value)| Matcher { name, value, is_regex: false, is_equal: true })
            .collect();
        let mut body = json!({
            "matchers": matchers,
            "startsAt": stamp(now_micros),
            "endsAt": stamp(until),
            "createdBy": AUTHOR,
            "comment": purpose.comment(),
        });
        if let (Some(silence), Some(map)) = (&there, body.as_object_mut()) {
            map.insert("id".to_owned(), silence.id.clone().into());
            map.insert("startsAt".to_owned(), silence.began.clone().into());
        }
        let url = self.endpoint.below("api/v2/silences");
        let answer = self.ask(clients, Method::POST, &url, Some(body.to_string())).await?;
        let made: Made = serde_json::from_slice(&answer.body)
            .map_err(|_| format!("the answer to a new silence is not understood: {}", answer.excerpt()))?;
        let back = self.read(clients, &made.id).await?;
        if back.status.state != "active" {
            return Err(format!("the silence was taken and is {}", excerpt(&back.status.state)));
        }
        let silence = Silence { ends_micros: micros(&back.ends_at)?, id: back.id, began: back.starts_at };
        // Its clock counts, and ours may be a little off; a silence that is much shorter than asked for is not it.
        if silence.ends_micros.saturating_sub(now_micros) < lasts / 2 {
            return Err(format!("the silence was taken and ends already at {}", silence.ends()));
        }
        Ok(silence)
    }

    /// Ends every active silence for this purpose and reads back that there is none. Gives how many there were.
    ///
    /// # Errors
    /// In words; alerts may still be silenced then.
    pub async fn release(&self, clients: &Clients, purpose: &Purpose) -> Result<usize, String> {
        let there = self.find(clients, purpose).await?;
        for silence in &there {
            let url = self.endpoint.below(&format!("api/v2/silence/{}", silence.id));
            self.ask(clients, Method::DELETE, &url, None).await?;
        }
        let left = if there.is_empty() { Vec::new() } else { self.find(clients, purpose).await? };
        match left.first() {
            None => Ok(there.len()),
            Some(silence) => Err(format!("the silence {} was ended and is still active", silence.id)),
        }
    }

    /// The active silences for this purpose, the one that lasts longest first.
    ///
    /// # Errors
    /// In words.
    pub async fn find(&self, clients: &Clients, purpose: &Purpose) -> Result<Vec<Silence>, String> {
        let url = self.endpoint.below("api/v2/silences");
        let answer = self.ask(clients, Method::GET, &url, None).await?;
        let all: Vec<Found> = serde_json::from_slice(&answer.body)
            .map_err(|_| format!("the list of silences is not understood: {}", answer.excerpt()))?;
        let mark = format!("{} ", purpose.mark());
        let ours =
            |f: &Found| f.status.state == "active" && f.created_by == AUTHOR && f.comment.starts_with(&mark);
        let mut found = Vec::new();
        for silence in all.into_iter().filter(ours) {
            check_id(&silence.id)?;
            found.push(Silence {
                ends_micros: micros(&silence.ends_at)?,
                id: silence.id,
                began: silence.starts_at,
            });
        }
        found.sort_by_key(|s| std::cmp::Reverse(s.ends_micros));
        Ok(found)
    }

    async fn read(&self, clients: &Clients, id: &str) -> Result<Found, String> {
        check_id(id)?;
        let url = self.endpoint.below(&format!("api/v2/silence/{id}"));
        let answer = self.ask(clients, Method::GET, &url, None).await?;
        serde_json::from_slice(&answer.body)
            .map_err(|_| format!("the silence that was read back is not understood: {}", answer.excerpt()))
    }

    async fn ask(
        &self,
        clients: &Clients,
        method: Method,
        url: &str,
        body: Option<String>,
    ) -> Result<Answer, String> {
        let mut request = self.endpoint.request(clients, method, url)?;
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body);
        }
        let answer = fetch(request, TIMEOUT, LIMIT).await.map_err(|e| format!("Alertmanager: {e}"))?;
        if answer.is_html() {
            return Err(format!("Alertmanager answers {} with a web page", answer.status));
        }
        if answer.is_success() {
            Ok(answer)
        } else {
            let why = format!("Alertmanager answers {}: {}", answer.status, answer.excerpt());
            Err(self.endpoint.mask(&why))
        }
    }
}

/// An id becomes part of an address: only what ids are made of may be in it.
fn check_id(id: &str) -> Result<(), String> {
    let fine = !id.is_empty() && id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if fine { Ok(()) } else { Err(format!("`{}` is not the id of a silence", excerpt(id))) }
}

fn micros(text: &str) -> Result<i64, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|t| t.timestamp_micros())
        .map_err(|_| format!("`{}` is not a time", excerpt(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_would_lead_elsewhere_is_refused() {
        assert!(check_id("5f1a7c9e-0b3d-4d7e-9d57-0123456789ab").is_ok());
        for bad in ["", "../../-/reload", "a?b", "a b", &"a".repeat(65)] {
            assert!(check_id(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_purpose_says_what_it_is_about() {
        let purpose = Purpose {
            incident: "01M7".into(),
            name: "alerts".into(),
            head: "12-ABC".into(),
            matching: BTreeMap::from([("service".into(), "shop".into())]),
        };
        assert_eq!(purpose.comment(), "backout incident 01M7 suspends alerts (record 12-ABC)");
        assert_eq!(purpose.labels(), "service=\"shop\"");
    }
}
