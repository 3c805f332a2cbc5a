//! Delivers one message through one channel, once. Never retries: a message that arrives twice is worse than a
//! person who is asked whether to send it again. Never puts an address or a token into an error.

mod file;
mod services;
mod web;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::endpoint::{Endpoint, Secret};
use super::http::Clients;
use crate::sanitize::{self, Clean};

pub use services::{PAGERDUTY, pagerduty_body, statuspage_body, statuspage_name};
pub use web::{check_template, slack_body, teams_body, webhook_body};

/// How long one delivery may take.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// A channel as configured in the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Channel {
    /// Appends to a file: for those who carry messages by hand.
    File(PathBuf),
    /// Posts JSON to an address.
    Webhook {
        /// Where to.
        address: Address,
        /// JSON in which `{{ text }}`, `{{ audience }}`, `{{ incident }}` and `{{ head }}` stand for JSON strings,
        /// quotes included. Without one the body is `{"text": …}`.
        template: Option<String>,
        /// Header name to the environment variable that holds its value, read at each use.
        headers_env: BTreeMap<String, String>,
    },
    /// A Slack incoming webhook.
    Slack(Address),
    /// A Teams workflow webhook that takes adaptive cards.
    Teams(Address),
    /// A status page with an API like Statuspage's.
    Statuspage {
        /// Where the API begins, with its key.
        endpoint: Endpoint,
        /// The page's id.
        page: String,
    },
    /// PagerDuty's events, version 2.
    PagerDuty {
        /// Where events are taken.
        endpoint: Endpoint,
        /// The key of the integration.
        routing_key: Secret,
    },
}

/// Where to post. Addresses of incoming webhooks are secrets, so they usually come from the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// Written in the workspace.
    Url(String),
    /// The name of the environment variable that holds it, read at each use.
    Env(String),
}

impl Address {
    /// The address. Never shown to anybody.
    pub(super) fn read(&self) -> Result<String, String> {
        match self {
            Address::Url(url) => Ok(url.clone()),
            Address::Env(name) => {
                std::env::var(name).map_err(|_| format!("environment variable {name} is not set"))
            }
        }
    }

    /// How to call it in an error: never the address itself.
    fn name(&self) -> String {
        match self {
            Address::Url(_) => "the channel's url".to_owned(),
            Address::Env(name) => format!("the address in environment variable {name}"),
        }
    }
}

/// What is delivered. All text is harmless already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The incident it is about.
    pub incident: Clean,
    /// Who it is for.
    pub audience: Clean,
    /// The text a person saw and may have edited.
    pub text: Clean,
    /// The short code of the timeline's head, so that readers are witnesses.
    pub head: Clean,
    /// When it was sent, microseconds since the Unix epoch.
    pub at_micros: i64,
}

impl Message {
    /// The text with the record's head in it, added where it does not stand there already: whoever reads it is a
    /// witness.
    pub fn with_head(&self) -> String {
        let (text, head) = (self.text.as_str(), self.head.as_str());
        if head.is_empty() || text.contains(head) {
            text.to_owned()
        } else {
            format!("{text}\n\nrecord {head}")
        }
    }
}

/// What a channel would get, as text that a person can read and paste.
///
/// # Errors
/// When the message does not fit into the channel.
pub fn preview(channel: &Channel, message: &Message) -> Result<Clean, String> {
    let pretty = |body: &serde_json::Value| serde_json::to_string_pretty(body).unwrap_or_default();
    let json = |body: String| serde_json::from_str(&body).map(|v| pretty(&v)).unwrap_or(body);
    let (what, body) = match channel {
        Channel::File(path) => (format!("appended to {}", path.display()), message.with_head()),
        Channel::Webhook { template, .. } => {
            ("posted as JSON".to_owned(), json(webhook_body(template.as_deref(), message)?))
        }
        Channel::Slack(_) => ("posted to Slack".to_owned(), json(slack_body(message)?)),
        Channel::Teams(_) => ("posted to Teams".to_owned(), json(teams_body(message)?)),
        Channel::Statuspage { page, .. } => {
            let name = statuspage_name(message);
            (format!("told to status page {page}"), pretty(&statuspage_body(message, Some(&name))))
        }
        Channel::PagerDuty { .. } => {
            ("sent to PagerDuty".to_owned(), pretty(&pagerduty_body(message, "«routing key»")))
        }
    };
    Ok(sanitize::text(format!("{what}:\n{body}")))
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// It arrived, as far as the other side says.
    Delivered {
        /// Where and how, for the record.
        how: Clean,
    },
    /// It did not, as far as anyone can tell.
    Failed {
        /// Why.
        why: Clean,
    },
}

/// Delivers a message. Takes at most [`TIMEOUT`].
pub async fn deliver(channel: &Channel, message: &Message, clients: &Clients) -> Delivery {
    let result = match channel {
        Channel::File(path) => file::append(path, message).await,
        Channel::Webhook { address, template, headers_env } => {
            let body = webhook_body(template.as_deref(), message);
            web::post(clients, address, headers_env, body, web::Accepts::Success).await
        }
        Channel::Slack(address) => {
            web::post(clients, address, &BTreeMap::new(), slack_body(message), web::Accepts::SlackOk).await
        }
        Channel::Teams(address) => {
            web::post(clients, address, &BTreeMap::new(), teams_body(message), web::Accepts::Success).await
        }
        Channel::Statuspage { endpoint, page } => {
            services::statuspage(clients, endpoint, page, message).await
        }
        Channel::PagerDuty { endpoint, routing_key } => {
            services::pagerduty(clients, endpoint, routing_key, message).await
        }
    };
    match result {
        Ok(how) => Delivery::Delivered { how: sanitize::line(how) },
        Err(why) => Delivery::Failed { why: sanitize::line(why) },
    }
}
