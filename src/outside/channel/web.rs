//! Messages as JSON over HTTP: bodies for Slack, Teams and free templates, and how their answers read.
//! Never builds JSON by joining text: what a person wrote stays a string whatever it contains.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Address, Message, TIMEOUT};
use crate::outside::http::{Answer, Clients, HttpError, fetch};

const LIMIT: usize = 64 << 10;
/// Slack refuses longer texts in one section block (characters).
const SLACK_SECTION: usize = 3000;
/// Slack refuses more blocks in one message.
const SLACK_BLOCKS: usize = 50;

/// What counts as accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Accepts {
    /// Any 2xx that is no web page.
    Success,
    /// 200 with the body `ok`; Slack says so and nothing else.
    SlackOk,
}

/// Posts a JSON body.
pub(super) async fn post(
    clients: &Clients,
    address: &Address,
    headers_env: &BTreeMap<String, String>,
    body: Result<String, String>,
    accepts: Accepts,
) -> Result<String, String> {
    let (url, body) = (address.read()?, body?);
    let client = clients.for_url(&url, None).map_err(|e| without_address(&e, address))?;
    let mut request = client.post(&url).header("Content-Type", "application/json").body(body);
    for (name, variable) in headers_env {
        let secret = std::env::var(variable)
            .map_err(|_| format!("environment variable {variable} for header {name} is not set"))?;
        let mut value = reqwest::header::HeaderValue::from_str(&secret)
            .map_err(|_| format!("environment variable {variable} does not fit into a header"))?;
        value.set_sensitive(true);
        request = request.header(name, value);
    }
    let answer = fetch(request, TIMEOUT, LIMIT).await.map_err(|e| without_address(&e, address))?;
    // An answer that repeats a secret must not bring it into the record.
    let secrets = headers_env.values().filter_map(|v| std::env::var(v).ok()).chain([url]);
    judge(&answer, accepts).map_err(|why| hide(why, secrets))
}

fn without_address(error: &HttpError, address: &Address) -> String {
    match error {
        HttpError::Address { .. } => format!("{} is not an http or https address", address.name()),
        HttpError::Prepare { .. }
        | HttpError::Timeout { .. }
        | HttpError::Connect { .. }
        | HttpError::Redirect { .. }
        | HttpError::TooBig { .. }
        | HttpError::Broken { .. } => error.to_string(),
    }
}

/// The text without these secrets.
fn hide(text: String, secrets: impl Iterator<Item = String>) -> String {
    secrets.filter(|s| s.len() > 3).fold(text, |text, secret| text.replace(&secret, "…"))
}

fn judge(answer: &Answer, accepts: Accepts) -> Result<String, String> {
    let accepted = match accepts {
        // A page is what proxies and logins answer; whoever takes messages does not.
        Accepts::Success => answer.is_success() && !answer.is_html(),
        Accepts::SlackOk => answer.is_success() && answer.body.trim_ascii() == b"ok",
    };
    if accepted {
        Ok(format!("accepted with HTTP {}", answer.status))
    } else if answer.is_html() {
        Err(format!("HTTP {}: a web page instead of an answer", answer.status))
    } else {
        Err(format!("HTTP {}: {}", answer.status, answer.excerpt()))
    }
}

/// The body for a webhook. The template's placeholders become JSON strings with their quotes.
///
/// # Errors
/// When what comes out is not JSON.
pub fn webhook_body(template: Option<&str>, message: &Message) -> Result<String, String> {
    let Some(template) = template else {
        return Ok(json!({"text": message.with_head()}).to_string());
    };
    // A template that has no place for the head gets it with the text.
    let places_head = template.split("{{").skip(1).any(|piece| piece.trim_start().starts_with("head"));
    let text = if places_head { message.text.as_str().to_owned() } else { message.with_head() };
    let known = [
        ("text", text.as_str()),
        ("audience", message.audience.as_str()),
        ("incident", message.incident.as_str()),
        ("head", message.head.as_str()),
    ];
    let mut body = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, tail) = after.split_once("}}").ok_or("`{{` without `}}` in the template")?;
        let (_, value) = known.iter().find(|(k, _)| *k == name.trim()).ok_or_else(|| {
            format!("`{}` is not known here: text, audience, incident or head", name.trim())
        })?;
        body.push_str(before);
        body.push_str(&Value::from(*value).to_string());
        rest = tail;
    }
    body.push_str(rest);
    match serde_json::from_str::<Value>(&body) {
        Ok(_) => Ok(body),
        Err(e) => Err(format!("the template does not give JSON ({e}); placeholders bring their own quotes")),
    }
}

/// Whether a template gives JSON, for checking a workspace before anything is sent.
///
/// # Errors
/// As [`webhook_body`].
pub fn check_template(template: &str) -> Result<(), String> {
    let sample = crate::sanitize::Clean::literal("sample");
    let message = Message {
        incident: sample.clone(),
        audience: sample.clone(),
        text: sample.clone(),
        head: sample,
        at_micros: 0,
    };
    webhook_body(Some(template), &message).map(|_| ())
}

/// The body for a Slack incoming webhook: plain text for notifications, sections for the channel.
///
/// # Errors
/// When the text is longer than a Slack message can be.
pub fn slack_body(message: &Message) -> Result<String, String> {
    // The three characters that are markup to Slack (api.slack.com/reference/surfaces/formatting).
    let escape = |s: &str| s.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let text = format!("{}\n\nincident {}, record {}", message.text, message.incident, message.head);
    let mut blocks: Vec<Value> = Vec::new();
    let mut section = String::new();
    let mut length = 0;
    for c in text.chars() {
        let mut buffer = [0_u8; 4];
        let piece = escape(c.encode_utf8(&mut buffer));
        if length + piece.len() > SLACK_SECTION {
            blocks.push(json!({"type": "section", "text": {"type": "mrkdwn", "text": section}}));
            (section, length) = (String::new(), 0);
        }
        length += piece.len();
        section.push_str(&piece);
    }
    blocks.push(json!({"type": "section", "text": {"type": "mrkdwn", "text": section}}));
    if blocks.len() > SLACK_BLOCKS {
        return Err("the text is longer than a Slack message can be".to_owned());
    }
    Ok(json!({"text": escape(message.text.as_str()), "blocks": blocks}).to_string())
}

/// The body for a Teams workflow webhook: one adaptive card.
///
/// # Errors
/// None today; the type is that of the other bodies.
pub fn teams_body(message: &Message) -> Result<String, String> {
    let block =
        |text: &str, weight: &str| json!({"type": "TextBlock", "text": text, "weight": weight, "wrap": true});
    let about = format!("Incident {}, record {}", message.incident, message.head);
    let body = json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.2",
                "body": [block(message.text.as_str(), "Default"), block(&about, "Lighter")],
                "msteams": {"width": "full"},
            },
        }],
    });
    Ok(body.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sanitize;

    fn message(text: &str) -> Message {
        Message {
            incident: sanitize::line("inc-1"),
            audience: sanitize::line("customers"),
            text: sanitize::text(text),
            head: sanitize::line("12·abc"),
            at_micros: 0,
        }
    }

    #[test]
    fn a_template_holds_strings_whatever_they_contain() {
        let template = r#"{"incident": {"body": {{ text }}, "to": {{audience}}}}"#;
        let body = webhook_body(Some(template), &message("\"}, {{ incident }}\n\\")).unwrap();
        let value: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(value["incident"]["body"], "\"}, {{ incident }}\n\\\n\nrecord 12·abc");
        let placed = webhook_body(Some(r#"[{{ text }}, {{ head }}]"#), &message("hi")).unwrap();
        assert_eq!(placed, r#"["hi", "12·abc"]"#);
        assert_eq!(value["incident"]["to"], "customers");
        assert_eq!(webhook_body(None, &message("hi")).unwrap(), r#"{"text":"hi\n\nrecord 12·abc"}"#);
        assert_eq!(webhook_body(None, &message("at 12·abc")).unwrap(), r#"{"text":"at 12·abc"}"#);
    }

    #[test]
    fn a_broken_template_is_found_before_anything_is_sent() {
        for (template, why) in [
            (r#"{"a": "{{ text }}"}"#, "bring their own quotes"),
            (r#"{"a": {{ txt }}}"#, "`txt` is not known"),
            (r#"{"a": {{ text"#, "without `}}`"),
            ("hello", "does not give JSON"),
        ] {
            let found = check_template(template).unwrap_err();
            assert!(found.contains(why), "{template}: {found}");
        }
    }

    #[test]
    fn slack_markup_is_escaped_and_long_texts_are_split() {
        let value: Value = serde_json::from_str(&slack_body(&message("<!channel> a & b")).unwrap()).unwrap();
        assert_eq!(value["text"], "&lt;!channel&gt; a &amp; b");
        let long: Value = serde_json::from_str(&slack_body(&message(&"é<".repeat(4000))).unwrap()).unwrap();
        let blocks = long["blocks"].as_array().unwrap();
        assert!(blocks.len() > 4);
        assert!(blocks.iter().all(|b| b["text"]["text"].as_str().unwrap().len() <= SLACK_SECTION));
        assert!(slack_body(&message(&"x".repeat(200_000))).is_err());
    }

    #[test]
    fn a_teams_card_holds_the_text() {
        let value: Value = serde_json::from_str(&teams_body(&message("all clear")).unwrap()).unwrap();
        assert_eq!(value["attachments"][0]["content"]["body"][0]["text"], "all clear");
    }

    #[test]
    fn slack_says_ok_and_nothing_else_is() {
        let answer = |status, body: &str| Answer {
            status,
            content_type: "text/plain".into(),
            body: body.as_bytes().to_vec(),
        };
        assert!(judge(&answer(200, "ok\n"), Accepts::SlackOk).is_ok());
        let why = judge(&answer(200, "<html>login</html>"), Accepts::SlackOk).unwrap_err();
        assert!(why.contains("web page"), "{why}");
        assert_eq!(
            judge(&answer(404, "channel_not_found"), Accepts::SlackOk).unwrap_err(),
            "HTTP 404: channel_not_found"
        );
        assert!(judge(&answer(202, ""), Accepts::Success).is_ok());
    }
}
