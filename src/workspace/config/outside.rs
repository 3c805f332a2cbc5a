//! What reaches outside by itself, as configured: silences, marks, traces, numbers, copies of the head. Never contacts
//! any of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::{Anchor, Telemetry, channels, exactly_one, sources};
use crate::identity::WitnessKey;
use crate::metrics::source::{Endpoint, Login, Secret};
use crate::outside::alertmanager::Silencer;
use crate::outside::keep::{Keeper, Witness};
use crate::runbook::decode::{Fields, Item};
use crate::runbook::yaml::Value;

/// How long a silence lasts when the workspace does not say.
const SILENCE: Duration = Duration::from_secs(30 * 60);
/// A shorter one could run out between two looks.
const LEAST_SILENCE: Duration = Duration::from_secs(20);

/// Alerts that the hub silences for a step that suspends them.
pub(super) fn suspend(item: Item<'_>, folder: &Path) -> Option<Silencer> {
    let mut fields = Fields::of(item, "a suspension")?;
    let url = fields.required("alertmanager", sources::url);
    let endpoint = sources::endpoint(&mut fields, url, folder);
    let matching = fields.optional("match", labels).unwrap_or_default();
    let lasts = fields.optional("lasts", |i| {
        let lasts = i.positive_duration()?;
        if lasts < LEAST_SILENCE {
            i.refuse(
                "workspace-silence",
                "a silence is prolonged at its half",
                "let it last for at least 20s",
            );
            return None;
        }
        Some(lasts)
    });
    fields.finish();
    Some(Silencer { endpoint: endpoint?, matching, lasts: lasts.unwrap_or(SILENCE) })
}

/// Names of labels and the values they have.
fn labels(item: Item<'_>) -> Option<BTreeMap<String, String>> {
    let entries = item.named(|key, value| {
        let fits = !key.name.starts_with(|c: char| c.is_ascii_digit())
            && key.name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if key.name.is_empty() || !fits {
            item.faults().error(
                "workspace-label",
                key.at,
                "this is not a label",
                "use letters, digits and `_`",
            );
            return None;
        }
        Some((key.name.clone(), value.text()?))
    })?;
    Some(entries.into_iter().collect())
}

/// `{grafana: {url, token_env}}`.
pub(super) fn annotations(item: Item<'_>, folder: &Path) -> Option<Endpoint> {
    let mut fields = Fields::of(item, "the annotations")?;
    let grafana = fields.required("grafana", |i| {
        let mut fields = Fields::of(i, "a Grafana")?;
        let url = fields.required("url", sources::url);
        let token = fields.optional("token_env", sources::variable);
        let endpoint = sources::endpoint(&mut fields, url, folder);
        fields.finish();
        let mut endpoint = endpoint?;
        if let Some(name) = token {
            endpoint.login = Login::Bearer(Secret::Env(name));
        }
        Some(endpoint)
    });
    fields.finish();
    grafana
}

/// `{otlp: URL}` or `{otlp: {url, …}}`, and `prometheus: ADDRESS:PORT`.
pub(super) fn telemetry(item: Item<'_>, folder: &Path) -> Option<Telemetry> {
    let mut fields = Fields::of(item, "the telemetry")?;
    let otlp = fields.optional("otlp", |i| match i.value() {
        Value::Scalar(_) => sources::url(i).map(Endpoint::new),
        Value::List(_) | Value::Map(_) => {
            let mut fields = Fields::of(i, "a collector")?;
            let url = fields.required("url", sources::url);
            let endpoint = sources::endpoint(&mut fields, url, folder);
            fields.finish();
            endpoint
        }
    });
    let prometheus = fields.optional("prometheus", |i| {
        let text = i.text()?;
        let address = text.parse::<SocketAddr>().ok();
        if address.is_none() {
            i.refuse(
                "workspace-address",
                "this is not an address to listen on",
                "write it as 127.0.0.1:9101",
            );
        }
        address
    });
    fields.finish();
    Some(Telemetry { otlp, prometheus })
}

/// Every anchor with a name of its own.
pub(super) fn anchors(item: Item<'_>, folder: &Path) -> Option<Vec<Anchor>> {
    let read = item.list(|i| anchor(i, folder))?;
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let mut named = Vec::new();
    for (given, kind, keeper) in read {
        let base = given.unwrap_or_else(|| kind.to_owned());
        let name = std::iter::once(base.clone()).chain((2..).map(|n| format!("{base}-{n}")));
        let Some(name) = name.take(1000).find(|name| !taken.contains(name)) else { continue };
        taken.insert(name.clone());
        named.push(Anchor { name, keeper });
    }
    Some(named)
}

fn anchor(item: Item<'_>, folder: &Path) -> Option<(Option<String>, &'static str, Keeper)> {
    let mut fields = Fields::of(item, "an anchor")?;
    let kinds = ["directory", "webhook", "ssh", "tlog_witness"];
    let found: BTreeSet<&'static str> = kinds.into_iter().filter(|kind| fields.has(kind)).collect();
    let single = exactly_one(item, &found, "this anchor", "directory, webhook, ssh, tlog_witness");
    let name = fields.optional("name", Item::id);
    let directory = fields.optional("directory", |i| sources::path(i, folder)).map(Keeper::Directory);
    let webhook = fields.optional("webhook", |i| {
        let mut fields = Fields::of(i, "a webhook")?;
        let address = channels::address(&mut fields);
        let headers_env = fields.optional("headers_env", sources::headers_from_env).unwrap_or_default();
        fields.finish();
        Some(Keeper::Webhook { address: address?, headers_env })
    });
    let ssh = fields.optional("ssh", |i| {
        let host = i.text()?;
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'@' | b':');
        if host.starts_with('-') || !host.bytes().all(fits) {
            i.wrong("a host, as in `ssh HOST`");
            return None;
        }
        Some(Keeper::Ssh { host })
    });
    let witness = fields.optional("tlog_witness", |i| witness(i, folder));
    fields.finish();
    let kind = found.first().copied()?;
    directory.or(webhook).or(ssh).or(witness).filter(|_| single).map(|keeper| (name, kind, keeper))
}

/// `{url, vkey}`: where the witness takes checkpoints, and its verifier key.
fn witness(item: Item<'_>, folder: &Path) -> Option<Keeper> {
    let mut fields = Fields::of(item, "a witness")?;
    let url = fields.required("url", sources::url);
    let key = fields.required("vkey", |i| match WitnessKey::parse(&i.text()?) {
        Ok(key) => Some(key),
        Err(why) => {
            i.refuse(
                "workspace-witness",
                &why,
                "write the witness's verifier key, as whoever runs it gives it",
            );
            None
        }
    });
    let endpoint = sources::endpoint(&mut fields, url, folder);
    fields.finish();
    Some(Keeper::Witness(Box::new(Witness { endpoint: endpoint?, key: key? })))
}

#[cfg(test)]
mod tests {
    use super::super::decode;
    use super::*;

    fn read(text: &str) -> super::super::Config {
        let (config, findings) = decode("backout.yaml", text.as_bytes(), Path::new("/w"));
        config.unwrap_or_else(|| panic!("{findings:?}"))
    }

    #[test]
    fn anchors_have_names_of_their_own() {
        let config = read(
            "anchors: [{directory: kept}, {directory: /b}, {ssh: w@witness, name: legal}, {webhook: {url_env: A}}]\n",
        );
        let names: Vec<&str> = config.anchors.iter().map(|a| a.name.as_str()).collect();
        assert_eq!(names, ["directory", "directory-2", "legal", "webhook"]);
        assert_eq!(config.anchors[0].keeper, Keeper::Directory("/w/kept".into()));
        for bad in [
            "anchors: [{ssh: '-oProxyCommand=x'}]\n",
            "anchors: [{ssh: a, directory: b}]\n",
            "anchors: [{}]\n",
            "anchors: [{tlog_witness: x}]\n",
        ] {
            assert!(decode("b", bad.as_bytes(), Path::new("/w")).0.is_none(), "{bad}");
        }
    }

    #[test]
    fn marks_and_traces_say_where_and_never_with_what_token() {
        let config = read(
            "annotations: {grafana: {url: 'https://g/', token_env: G}}\ntelemetry: {otlp: 'http://c:4318', prometheus: '127.0.0.1:9101'}\n",
        );
        assert_eq!(config.annotations.unwrap().login, Login::Bearer(Secret::Env("G".into())));
        assert_eq!(config.telemetry.prometheus, Some("127.0.0.1:9101".parse().unwrap()));
        let whole =
            read("telemetry: {otlp: {url: 'http://c/', headers_env: {X-Key: K}}}\n").telemetry.otlp.unwrap();
        assert_eq!(whole.headers_env["X-Key"], "K");
        for bad in ["telemetry: {prometheus: 9101}\n", "telemetry: {otel: x}\n", "annotations: {}\n"] {
            assert!(decode("b", bad.as_bytes(), Path::new("/w")).0.is_none(), "{bad}");
        }
    }
}
