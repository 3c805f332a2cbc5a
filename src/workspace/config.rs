//! `backout.yaml`: sources, channels, suspensions, anchors, policies. Never holds a secret, only the name of the
//! environment variable that does, and never passes over a key it does not know.

mod channels;
mod outside;
mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use crate::metrics::source;
use crate::outside::alertmanager::Silencer;
use crate::outside::channel::Channel;
use crate::outside::endpoint::Endpoint;
use crate::outside::keep::Keeper;
use crate::runbook::decode::{Fields, Item, is_name};
use crate::runbook::finding::Finding;
use crate::runbook::model::{Authority, Class};
use crate::runbook::parse::authority_of;
use crate::runbook::vocabulary::{CLASSES, words};
use crate::runbook::yaml::{Faults, parse_bytes};

/// What a workspace configures.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Config {
    /// Where metrics come from, by the name runbooks use.
    pub sources: BTreeMap<String, source::Config>,
    /// Where messages go, by the name runbooks use.
    pub channels: BTreeMap<String, Channel>,
    /// What can be suspended by this program itself, by the name of the suspension.
    pub suspend: BTreeMap<String, Silencer>,
    /// Where checkpoints of the record are copied to.
    pub anchors: Vec<Anchor>,
    /// Where marks are put on charts.
    pub annotations: Option<Endpoint>,
    /// Who is told numbers and traces.
    pub telemetry: Telemetry,
    /// How incidents are kept.
    pub engine: Engine,
    /// What the team agreed on.
    pub policies: Policies,
}

/// A place outside the incident's folder that learns the record's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// What it is called in the record.
    pub name: String,
    /// What it is.
    pub keeper: Keeper,
}

/// Who is told numbers and traces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Telemetry {
    /// An OpenTelemetry collector (OTLP over HTTP).
    pub otlp: Option<Endpoint>,
    /// Where a Prometheus may scrape the hub.
    pub prometheus: Option<SocketAddr>,
}

/// How incidents are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Engine {
    /// In files of one machine.
    #[default]
    File,
}

/// What the team agreed on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policies {
    /// After how long the holder of a seat is asked to hand over, where the runbook does not say.
    pub max_tenure: Option<Duration>,
    /// How long people rest between shifts.
    pub shift_gap: Option<Duration>,
    /// Whether a security key must have verified its holder, by PIN or fingerprint, for a statement to count.
    pub verify_required: bool,
    /// Who decides what, by the class of the runbook; beside what the runbook itself says.
    pub authority: BTreeMap<String, Authority>,
}

impl Policies {
    /// Who decides what in runbooks of this class.
    pub fn authority(&self, class: Class) -> Authority {
        self.authority.get(class.word()).cloned().unwrap_or_default()
    }

    /// As the first event of an incident with a runbook of this class holds them.
    pub fn pinned(&self, class: Class) -> crate::core::event::Policies {
        let Authority { abort, go_on, no_return } = self.authority(class);
        crate::core::event::Policies {
            authority: crate::core::event::Authority { abort, go_on, no_return },
            max_tenure: self.max_tenure.map(|d| d.as_secs()),
            shift_gap: self.shift_gap.map(|d| d.as_secs()),
            verify_required: self.verify_required,
        }
    }
}

/// Reads the file. `path` is the label findings carry; relative paths inside start at `root`.
/// The configuration is there when no finding is an error.
pub fn decode(path: &str, bytes: &[u8], root: &Path) -> (Option<Config>, Vec<Finding>) {
    let node = match parse_bytes(path, bytes) {
        Ok(node) => node,
        Err(findings) => return (None, findings),
    };
    let faults = Faults::new(path);
    let config = file(Item::root(&node, &faults), root);
    let usable = !faults.any_error();
    let findings = faults.into_findings(&String::from_utf8_lossy(bytes));
    (config.filter(|_| usable), findings)
}

fn file(root: Item<'_>, folder: &Path) -> Option<Config> {
    let mut fields = Fields::of(root, "the workspace")?;
    let config = Config {
        sources: fields
            .optional("sources", |i| by_name(i, |i| sources::source(i, folder)))
            .unwrap_or_default(),
        channels: fields
            .optional("channels", |i| by_name(i, |i| channels::channel(i, folder)))
            .unwrap_or_default(),
        suspend: fields
            .optional("suspend", |i| by_name(i, |i| outside::suspend(i, folder)))
            .unwrap_or_default(),
        anchors: fields.optional("anchors", |i| outside::anchors(i, folder)).unwrap_or_default(),
        annotations: fields.optional("annotations", |i| outside::annotations(i, folder)),
        telemetry: fields.optional("telemetry", |i| outside::telemetry(i, folder)).unwrap_or_default(),
        engine: fields.optional("engine", engine).unwrap_or_default(),
        policies: fields.optional("policies", policies).unwrap_or_default(),
    };
    fields.finish();
    Some(config)
}

/// Named entries; a name that templates and runbooks could not use is a finding.
fn by_name<T>(item: Item<'_>, mut read: impl FnMut(Item<'_>) -> Option<T>) -> Option<BTreeMap<String, T>> {
    let entries = item.named(|key, entry| {
        if !is_name(&key.name) {
            item.faults().error(
                "parse-bad-name",
                key.at,
                &format!("`{}` is not a name", key.name),
                "use letters, digits, `_` and `-`, at most 64 characters",
            );
        }
        Some((key.name.clone(), read(entry)?))
    })?;
    Some(entries.into_iter().collect())
}

fn engine(item: Item<'_>) -> Option<Engine> {
    let mut fields = Fields::of(item, "the engine")?;
    let file = fields.has("file");
    let _: Option<()> = fields.optional("file", |i| i.fields("the file engine").map(Fields::finish));
    let etcd: Option<()> = fields.optional("etcd", |i| {
        let help = "remove `engine`, or write `engine: {file: {}}`: every hub then runs on one machine";
        i.refuse("workspace-engine", "the etcd engine does not exist in this version", help);
        Some(())
    });
    if !file && etcd.is_none() {
        fields.missing("file");
    }
    fields.finish();
    Some(Engine::File)
}

fn policies(item: Item<'_>) -> Option<Policies> {
    let mut fields = Fields::of(item, "the policies")?;
    let policies = Policies {
        max_tenure: fields.optional("max_tenure", Item::positive_duration),
        shift_gap: fields.optional("shift_gap", Item::positive_duration),
        verify_required: fields.optional("verify_required", Item::flag).unwrap_or(false),
        authority: fields.optional("authority", by_class).unwrap_or_default(),
    };
    fields.finish();
    Some(policies)
}

/// Who decides what, by class.
fn by_class(item: Item<'_>) -> Option<BTreeMap<String, Authority>> {
    let entries = item.named(|key, entry| {
        if !CLASSES.iter().any(|(word, _)| *word == key.name) {
            let message = format!("there is no class `{}`", key.name);
            let help = format!("classes are {}", words(&CLASSES).join(", "));
            item.faults().error("workspace-class", key.at, &message, &help);
        }
        Some((key.name.clone(), authority_of(entry)?))
    })?;
    Some(entries.into_iter().collect())
}

/// Whether an entry holds exactly one of the keys that say what kind of thing it is.
fn exactly_one(item: Item<'_>, found: &BTreeSet<&'static str>, what: &str, kinds: &str) -> bool {
    let message = match found.len() {
        1 => return true,
        0 => format!("{what} does not say what it is"),
        _ => format!("{what} is several things at once"),
    };
    item.refuse("workspace-kind", &message, &format!("write exactly one of {kinds}"));
    false
}

#[cfg(test)]
mod tests;
