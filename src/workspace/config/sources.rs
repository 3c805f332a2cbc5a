//! Sources of metrics, as configured. Never asks one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{by_name, exactly_one};
use crate::metrics::source::{Config, Curve, DEFAULT_TIMEOUT, Endpoint, Kind};
use crate::runbook::decode::{Fields, Item};

/// One source.
pub(super) fn source(item: Item<'_>, folder: &Path) -> Option<Config> {
    let mut fields = Fields::of(item, "a source")?;
    let found: BTreeSet<&'static str> = ["prometheus", "http_json", "command", "simulated"]
        .into_iter()
        .filter(|kind| fields.has(kind))
        .collect();
    let single = exactly_one(item, &found, "this source", "prometheus, http_json, command, simulated");
    let timeout = fields.optional("timeout", Item::positive_duration).unwrap_or(DEFAULT_TIMEOUT);
    let kind = match found.first().copied() {
        Some("prometheus") => {
            let url = fields.required("prometheus", url);
            endpoint(&mut fields, url, folder).map(Kind::Prometheus)
        }
        Some("http_json") => {
            let url = fields.required("http_json", url);
            endpoint(&mut fields, url, folder).map(Kind::HttpJson)
        }
        Some("command") => {
            let argv = fields.required("command", |i| i.some(Item::any_text));
            let cwd = fields.optional("cwd", |i| path(i, folder));
            argv.map(|argv| Kind::Command { argv, cwd: Some(cwd.unwrap_or_else(|| folder.to_path_buf())) })
        }
        Some("simulated") => fields.required("simulated", simulated),
        Some(_) | None => None,
    };
    fields.finish();
    kind.filter(|_| single).map(|kind| Config { kind, timeout })
}

/// The keys beside an address: `headers_env` and `ca`.
pub(super) fn endpoint(fields: &mut Fields<'_>, url: Option<String>, folder: &Path) -> Option<Endpoint> {
    let headers_env = fields.optional("headers_env", headers).unwrap_or_default();
    let ca = fields.optional("ca", |i| path(i, folder));
    Some(Endpoint { url: url?, headers_env, ca })
}

/// Header names to names of environment variables.
pub(super) fn headers(item: Item<'_>) -> Option<BTreeMap<String, String>> {
    let entries = item.named(|key, value| {
        let token = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        if key.name.is_empty() || !key.name.bytes().all(token) {
            item.faults().error(
                "workspace-header",
                key.at,
                "this is not a header's name",
                "use letters and `-`",
            );
            return None;
        }
        Some((key.name.clone(), variable(value)?))
    })?;
    Some(entries.into_iter().collect())
}

/// The name of an environment variable. Something that looks like the secret itself is refused.
pub(super) fn variable(item: Item<'_>) -> Option<String> {
    let text = item.text()?;
    let fits = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !text.starts_with(|c: char| c.is_ascii_digit());
    if !fits {
        // The text is not repeated: it may be the secret.
        item.refuse(
            "workspace-variable",
            "this is not the name of an environment variable",
            "write the variable's name here and put the secret into the environment",
        );
        return None;
    }
    Some(text)
}

/// An `http://` or `https://` address.
pub(super) fn url(item: Item<'_>) -> Option<String> {
    let text = item.text()?;
    let web =
        reqwest::Url::parse(&text).is_ok_and(|u| matches!(u.scheme(), "http" | "https") && u.has_host());
    if !web {
        item.refuse("workspace-url", "this is not an address", "write it as https://host/path");
        return None;
    }
    Some(text)
}

/// A path; relative ones start at the workspace.
pub(super) fn path(item: Item<'_>, folder: &Path) -> Option<PathBuf> {
    item.text().map(|text| folder.join(text))
}

fn simulated(item: Item<'_>) -> Option<Kind> {
    let mut fields = Fields::of(item, "a simulated source")?;
    let curves = fields.required("curves", |i| by_name(i, curve));
    let seed = fields.optional("seed", |i| i.whole(0, u64::MAX)).unwrap_or(1);
    fields.finish();
    Some(Kind::Simulated { curves: curves?, seed })
}

fn curve(item: Item<'_>) -> Option<Curve> {
    let mut fields = Fields::of(item, "a curve")?;
    let points = fields.required("points", |i| i.some(point));
    let noise = fields.optional("noise", Item::number).unwrap_or(0.0);
    fields.finish();
    let points = points?;
    if points.windows(2).any(|pair| matches!(pair, [(a, _), (b, _)] if a >= b)) {
        item.refuse("workspace-curve", "the points are not in order of time", "begin with the earliest");
        return None;
    }
    Some(Curve { points, noise: noise.abs() })
}

/// `[30s, 0.3]`; `[30s, null]` is silence.
fn point(item: Item<'_>) -> Option<(Duration, Option<f64>)> {
    let (Some(at), Some(value), None) = (item.node().item(0), item.node().item(1), item.node().item(2))
    else {
        item.wrong("a time and a value such as [30s, 0.3]");
        return None;
    };
    let at = item.under(at, "time").duration()?;
    let value = if value.is_null() { None } else { Some(item.under(value, "value").number()?) };
    Some((at, value))
}
