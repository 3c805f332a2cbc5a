//! Channels of messages, as configured. Never sends one.

use std::collections::BTreeSet;
use std::path::Path;

use super::{exactly_one, sources};
use crate::outside::channel::{Address, Channel, PAGERDUTY, check_template};
use crate::runbook::decode::{Fields, Item};

/// One channel.
pub(super) fn channel(item: Item<'_>, folder: &Path) -> Option<Channel> {
    let mut fields = Fields::of(item, "a channel")?;
    let found: BTreeSet<&'static str> = ["file", "webhook", "slack", "teams", "statuspage", "pagerduty"]
        .into_iter()
        .filter(|kind| fields.has(kind))
        .collect();
    let single =
        exactly_one(item, &found, "this channel", "file, webhook, slack, teams, statuspage, pagerduty");
    let channel = match found.first().copied() {
        Some("file") => fields.required("file", |i| sources::path(i, folder)).map(Channel::File),
        Some("webhook") => fields.required("webhook", webhook),
        Some("slack") => fields.required("slack", only_address).map(Channel::Slack),
        Some("statuspage") => fields.required("statuspage", |i| statuspage(i, folder)),
        Some("pagerduty") => fields.required("pagerduty", |i| pagerduty(i, folder)),
        Some("teams") => fields.required("teams", only_address).map(Channel::Teams),
        Some(_) | None => None,
    };
    fields.finish();
    channel.filter(|_| single)
}

fn webhook(item: Item<'_>) -> Option<Channel> {
    let mut fields = Fields::of(item, "a webhook")?;
    let address = address(&mut fields);
    let template = fields.optional("template", |i| {
        let text = i.text()?;
        if let Err(why) = check_template(&text) {
            i.refuse("workspace-template", &why, r#"write it as {"message": {{ text }}}"#);
            return None;
        }
        Some(text)
    });
    let headers_env = fields.optional("headers_env", sources::headers_from_env).unwrap_or_default();
    fields.finish();
    Some(Channel::Webhook { address: address?, template, headers_env })
}

fn statuspage(item: Item<'_>, folder: &Path) -> Option<Channel> {
    let mut fields = Fields::of(item, "a status page")?;
    let page = fields.required("page", |i| {
        let text = i.text()?;
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) {
            i.wrong("the id of a page");
            return None;
        }
        Some(text)
    });
    let url = fields.required("url", sources::url);
    let endpoint = sources::endpoint(&mut fields, url, folder);
    fields.finish();
    Some(Channel::Statuspage { endpoint: endpoint?, page: page? })
}

fn pagerduty(item: Item<'_>, folder: &Path) -> Option<Channel> {
    let mut fields = Fields::of(item, "PagerDuty")?;
    let routing_key = fields.required("routing_key", |i| sources::secret(i, folder));
    let url = fields.optional("url", sources::url).unwrap_or_else(|| PAGERDUTY.to_owned());
    let endpoint = sources::endpoint(&mut fields, Some(url), folder);
    fields.finish();
    Some(Channel::PagerDuty { endpoint: endpoint?, routing_key: routing_key? })
}

fn only_address(item: Item<'_>) -> Option<Address> {
    let mut fields = Fields::of(item, "an address")?;
    let address = address(&mut fields);
    fields.finish();
    address
}

/// `url` or `url_env`, not both.
pub(super) fn address(fields: &mut Fields<'_>) -> Option<Address> {
    let url = fields.optional("url", sources::url);
    let env = fields.optional("url_env", sources::variable);
    match (fields.has("url"), fields.has("url_env")) {
        (false, false) => {
            fields.missing("url_env");
            None
        }
        (true, true) => {
            let item = fields.item();
            item.refuse("workspace-kind", "there are two addresses", "write `url` or `url_env`, not both");
            None
        }
        (true, false) => url.map(Address::Url),
        (false, true) => env.map(Address::Env),
    }
}
