//! Sources of metrics, as configured. Never asks one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{by_name, exactly_one};
use crate::metrics::source::{Config, Curve, DEFAULT_TIMEOUT, Endpoint, Kind, Login, Prints, Secret};
use crate::outside::http::{ClientCertificate, Tls};
use crate::runbook::decode::{Fields, Item};
use crate::runbook::yaml::{Key, Value};

/// One source.
pub(super) fn source(item: Item<'_>, folder: &Path) -> Option<Config> {
    let mut fields = Fields::of(item, "a source")?;
    let found: BTreeSet<&'static str> = ["prometheus", "http_json", "exposition", "command", "simulated"]
        .into_iter()
        .filter(|kind| fields.has(kind))
        .collect();
    let single =
        exactly_one(item, &found, "this source", "prometheus, http_json, exposition, command, simulated");
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
        Some("exposition") => {
            let url = fields.required("exposition", url);
            endpoint(&mut fields, url, folder).map(Kind::Exposition)
        }
        Some("command") => {
            let argv = fields.required("command", |i| i.some(Item::any_text));
            let cwd = fields.optional("cwd", |i| path(i, folder)).unwrap_or_else(|| folder.to_path_buf());
            let words =
                [("number", Prints::Number), ("json", Prints::Json), ("exposition", Prints::Exposition)];
            let prints = fields.optional("prints", |i| i.one_of(&words)).unwrap_or_default();
            argv.map(|argv| Kind::Command { argv, cwd: Some(cwd), prints })
        }
        Some("simulated") => fields.required("simulated", simulated),
        Some(_) | None => None,
    };
    fields.finish();
    kind.filter(|_| single).map(|kind| Config { kind, timeout })
}

/// The keys beside an address: headers, a login, certificates.
pub(super) fn endpoint(fields: &mut Fields<'_>, url: Option<String>, folder: &Path) -> Option<Endpoint> {
    let headers = fields.optional("headers", plain_headers).unwrap_or_default();
    let headers_env = fields.optional("headers_env", headers_from_env).unwrap_or_default();
    let login = login(fields, folder);
    let ca = fields.optional("ca", |i| path(i, folder));
    let client = fields.optional("client", |i| client(i, folder));
    Some(Endpoint { url: url?, headers, headers_env, login, tls: Tls { ca, client } })
}

/// `bearer` or `basic`, not both.
fn login(fields: &mut Fields<'_>, folder: &Path) -> Login {
    let bearer = fields.optional("bearer", |i| secret(i, folder)).map(Login::Bearer);
    let basic = fields.optional("basic", |i| {
        let mut fields = Fields::of(i, "a login")?;
        let user = fields.required("user", Item::text);
        let password = fields.required("password", |i| secret(i, folder));
        fields.finish();
        Some(Login::Basic { user: user?, password: password? })
    });
    if fields.has("bearer") && fields.has("basic") {
        let item = fields.item();
        item.refuse("workspace-kind", "there are two logins", "write `bearer` or `basic`, not both");
    }
    bearer.or(basic).unwrap_or_default()
}

/// Where a secret is: `{env: NAME}` or `{file: PATH}`.
pub(super) fn secret(item: Item<'_>, folder: &Path) -> Option<Secret> {
    if let Value::Scalar(_) = item.value() {
        // The text is not repeated: it may be the secret.
        item.refuse(
            "workspace-variable",
            "a secret is not written here",
            "write `{env: NAME}` or `{file: PATH}`, where the secret can be read",
        );
        return None;
    }
    let mut fields = Fields::of(item, "a secret")?;
    let found: BTreeSet<&'static str> = ["env", "file"].into_iter().filter(|k| fields.has(k)).collect();
    let single = exactly_one(item, &found, "this secret", "env, file");
    let env = fields.optional("env", variable).map(Secret::Env);
    let file = fields.optional("file", |i| path(i, folder)).map(Secret::File);
    fields.finish();
    env.or(file).filter(|_| single)
}

fn client(item: Item<'_>, folder: &Path) -> Option<ClientCertificate> {
    let mut fields = Fields::of(item, "a certificate")?;
    let certificate = fields.required("certificate", |i| path(i, folder));
    let key = fields.required("key", |i| path(i, folder));
    fields.finish();
    Some(ClientCertificate { certificate: certificate?, key: key? })
}

/// Headers in clear. Those that are there to hold secrets are refused.
fn plain_headers(item: Item<'_>) -> Option<BTreeMap<String, String>> {
    let entries = item.named(|key, value| {
        let name = header_name(item, key)?;
        let lower = name.to_ascii_lowercase();
        if ["authorization", "cookie", "token", "key", "secret", "password"].iter().any(|w| lower.contains(w))
        {
            value.refuse(
                "workspace-variable",
                &format!("header {name} holds a secret"),
                "write it under `headers_env`, as the name of an environment variable",
            );
            return None;
        }
        let text = value.text()?;
        if !text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            value.wrong("printable ASCII");
            return None;
        }
        Some((name, text))
    })?;
    Some(entries.into_iter().collect())
}

fn header_name(item: Item<'_>, key: &Key) -> Option<String> {
    let token = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if key.name.is_empty() || !key.name.bytes().all(token) {
        item.faults().error("workspace-header", key.at, "this is not a header's name", "use letters and `-`");
        return None;
    }
    Some(key.name.clone())
}

/// Header names to names of environment variables.
pub(super) fn headers_from_env(item: Item<'_>) -> Option<BTreeMap<String, String>> {
    let entries = item.named(|key, value| Some((header_name(item, key)?, variable(value)?)))?;
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
    let parsed = reqwest::Url::parse(&text).ok();
    if parsed.as_ref().is_some_and(|u| u.password().is_some() || !u.username().is_empty()) {
        // The text is not repeated: it holds a secret.
        item.refuse(
            "workspace-variable",
            "this address holds a login",
            "write the login under `basic: {user, password: {env: NAME}}`",
        );
        return None;
    }
    let web = parsed.is_some_and(|u| matches!(u.scheme(), "http" | "https") && u.has_host());
    if !web {
        item.refuse(
            "workspace-url",
            "this is not an address",
            "write it as https://host/path; letters beyond ASCII in a host as its xn-- form",
        );
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
