//! Services with an API of their own: status pages and PagerDuty. Never opens a second incident there for one of ours.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Message, TIMEOUT};
use crate::outside::endpoint::{Endpoint, Secret};
use crate::outside::http::{Answer, Clients, excerpt, fetch};

const LIMIT: usize = 1 << 20;
/// PagerDuty cuts summaries after so many characters.
const SUMMARY: usize = 1024;
/// Where PagerDuty takes events (version 2).
pub const PAGERDUTY: &str = "https://events.pagerduty.com/v2/enqueue";

#[derive(Deserialize)]
struct There {
    id: String,
    #[serde(default)]
    name: String,
}

/// What a status page is told: a new incident, or news of the one that is there.
pub fn statuspage_body(message: &Message, name: Option<&str>) -> Value {
    let text = message.with_head();
    match name {
        Some(name) => json!({"incident": {"name": name, "status": "investigating", "body": text}}),
        None => json!({"incident": {"body": text}}),
    }
}

/// The name under which our incident stands on a status page.
pub fn statuspage_name(message: &Message) -> String {
    format!("Incident {}", message.incident)
}

/// Tells a status page: news of the incident that is there, else a new one.
pub(super) async fn statuspage(
    clients: &Clients,
    endpoint: &Endpoint,
    page: &str,
    message: &Message,
) -> Result<String, String> {
    let base = format!("v1/pages/{page}/incidents");
    let list = ask(clients, endpoint, Method::GET, &format!("{base}/unresolved"), None).await?;
    let there: Vec<There> = serde_json::from_slice(&list.body)
        .map_err(|_| format!("the list of incidents is not understood: {}", list.excerpt()))?;
    let name = statuspage_name(message);
    let ours = there.into_iter().find(|i| i.name == name);
    let answer = match &ours {
        Some(found) => {
            let plain = found.id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
            if found.id.is_empty() || !plain {
                return Err(format!("`{}` is not the id of an incident", excerpt(&found.id)));
            }
            let body = statuspage_body(message, None);
            ask(clients, endpoint, Method::PATCH, &format!("{base}/{}", found.id), Some(body)).await?
        }
        None => {
            let body = statuspage_body(message, Some(&name));
            ask(clients, endpoint, Method::POST, &base, Some(body)).await?
        }
    };
    let what = if ours.is_some() { "added to the incident there" } else { "a new incident there" };
    Ok(format!("accepted with HTTP {}, {what}", answer.status))
}

/// What PagerDuty is sent. One incident of ours is one alert there, whatever the number of messages.
pub fn pagerduty_body(message: &Message, routing_key: &str) -> Value {
    let text = message.with_head();
    let summary: String =
        text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SUMMARY).collect();
    json!({
        "routing_key": routing_key,
        "event_action": "trigger",
        "dedup_key": format!("backout-{}", message.incident),
        "payload": {
            "summary": summary,
            "source": "backout",
            "severity": "critical",
            "custom_details": {
                "audience": message.audience.as_str(),
                "text": message.text.as_str(),
                "record": message.head.as_str(),
            },
        },
    })
}

/// Tells PagerDuty.
pub(super) async fn pagerduty(
    clients: &Clients,
    endpoint: &Endpoint,
    routing_key: &Secret,
    message: &Message,
) -> Result<String, String> {
    let key = routing_key.read()?;
    let request = endpoint
        .request(clients, Method::POST, &endpoint.url)?
        .header("Content-Type", "application/json")
        .body(pagerduty_body(message, &key).to_string());
    let answer = fetch(request, TIMEOUT, LIMIT).await.map_err(|e| e.to_string())?;
    // An answer that repeats the key must not bring it into the record.
    judge(answer).map(|a| format!("accepted with HTTP {}", a.status)).map_err(|why| why.replace(&key, "…"))
}

async fn ask(
    clients: &Clients,
    endpoint: &Endpoint,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> Result<Answer, String> {
    let mut request = endpoint.request(clients, method, &endpoint.below(path))?;
    if let Some(body) = body {
        request = request.header("Content-Type", "application/json").body(body.to_string());
    }
    let answer = fetch(request, TIMEOUT, LIMIT).await.map_err(|e| endpoint.mask(&e.to_string()))?;
    judge(answer).map_err(|why| endpoint.mask(&why))
}

fn judge(answer: Answer) -> Result<Answer, String> {
    if answer.is_html() {
        Err(format!("HTTP {}: a web page instead of an answer", answer.status))
    } else if answer.is_success() {
        Ok(answer)
    } else {
        Err(format!("HTTP {}: {}", answer.status, answer.excerpt()))
    }
}
