//! Sources of metrics and channels for messages. Asks sources what the runbooks will ask them; never sends a message.

use super::Report;
use crate::cli::{context, lint};
use crate::metrics::series::Reading;
use crate::metrics::source::{Config, Kind, Source};
use crate::outside::channel::{Address, Channel};
use crate::outside::endpoint::Endpoint;
use crate::outside::http::Clients;
use crate::workspace::Workspace;
use rustix::fs::{Access, access};
use std::collections::BTreeMap;

pub(super) fn look(workspace: &Workspace, report: &mut Report) {
    let queries = queries(workspace);
    match context::runtime() {
        Ok(runtime) => runtime.block_on(async {
            for (name, config) in &workspace.config.sources {
                source(name, config, queries.get(name), report).await;
            }
        }),
        Err(failure) => {
            report.broken("sources", failure.to_string(), "see the limits of this account (ulimit -a)")
        }
    }
    for (name, channel) in &workspace.config.channels {
        match unusable(channel) {
            None => report.works("channels", format!("{name} is set up (nothing was sent)")),
            Some((why, to_do)) => report.broken("channels", format!("{name}: {why}"), to_do),
        }
    }
}

/// For each source, the first question that a runbook asks it.
fn queries(workspace: &Workspace) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for path in lint::files(&[], Some(workspace)).unwrap_or_default() {
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let Ok(loaded) = crate::runbook::load("runbook.yaml", &bytes) else { continue };
        for metric in loaded.runbook.metrics {
            found.entry(metric.source).or_insert(metric.query);
        }
    }
    found
}

async fn source(name: &str, config: &Config, query: Option<&String>, report: &mut Report) {
    const AREA: &str = "sources";
    let always = match &config.kind {
        Kind::Prometheus(_) => Some("vector(1)".to_owned()),
        Kind::HttpJson(_) | Kind::Exposition(_) | Kind::Command { .. } | Kind::Simulated { .. } => None,
    };
    let Some(query) = query.cloned().or(always) else {
        report.remark(
            AREA,
            format!("{name}: no runbook asks it anything, so it was not asked"),
            "remove it, or use it in a runbook's metrics",
        );
        return;
    };
    let now = context::now().0;
    let answered = Source::new(config.clone(), Clients::new(), now).query(&query, now).await;
    match answered.reading {
        Reading::Value(_) => report.works(AREA, format!("{name} answers `{query}`")),
        Reading::NoData { why } => {
            report.remark(
                AREA,
                format!("{name} answers, and has no data for `{query}`: {why}"),
                "look at the query, or wait until there is data",
            );
        }
        Reading::Failed { why } => report.broken(
            AREA,
            format!("{name} does not answer `{query}`: {why}"),
            "look at its address in backout.yaml, its credentials' variables, and the way there",
        ),
    }
}

/// Why a channel could not be used, and what to do.
fn unusable(channel: &Channel) -> Option<(String, String)> {
    let unset = |variable: &str| {
        let set = std::env::var_os(variable).is_some_and(|v| !v.is_empty());
        (!set).then(|| {
            (format!("{variable} is not set"), format!("export {variable} where incidents are opened"))
        })
    };
    let address = |address: &Address| match address {
        Address::Url(_) => None,
        Address::Env(variable) => unset(variable),
    };
    match channel {
        Channel::File(path) => {
            let beside = path.parent().filter(|p| !p.as_os_str().is_empty());
            let place = if path.exists() { Some(path.as_path()) } else { beside };
            let why = place.and_then(|p| access(p, Access::WRITE_OK).err())?;
            Some((
                format!("{} cannot be written: {why}", path.display()),
                "make the folder, or name another file".to_owned(),
            ))
        }
        Channel::Webhook { address: at, headers_env, .. } => {
            address(at).or_else(|| headers_env.values().find_map(|v| unset(v)))
        }
        Channel::Slack(at) | Channel::Teams(at) => address(at),
        Channel::Statuspage { endpoint, .. } => unready(endpoint, None),
        Channel::PagerDuty { endpoint, routing_key } => unready(endpoint, routing_key.read().err()),
    }
}

/// Why a request could not even be made: a secret that is not there, certificates that cannot be read.
fn unready(endpoint: &Endpoint, missing: Option<String>) -> Option<(String, String)> {
    let made = endpoint.request(&Clients::new(), reqwest::Method::GET, &endpoint.url);
    let why = missing.or_else(|| made.err())?;
    Some((why, "give it where incidents are opened".to_owned()))
}
