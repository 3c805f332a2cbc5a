//! What steps stand on: the workspace's folder, the answers, the fingerprints, where messages go and numbers come
//! from. Never prints a secret.

use crate::core::incident::Incident;
use crate::core::plan;
use crate::hub::meters::Meters;
use crate::hub::pinned::Pinned;
use crate::outside::http::Clients;
use crate::runbook::model::Step;
use crate::runbook::template::{self, ParamValue, Scope, TemplateError};
use crate::step::subject::Looker;
use crate::timeline::folder::{FileSystems, Folder, PAYLOADS};
use crate::timeline::payload::Parts;
use crate::workspace::config::Config;
use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// What steps stand on.
#[derive(Debug)]
pub struct Ground {
    workspace: PathBuf,
    secrets: Secrets,
    measured: Mutex<BTreeMap<String, String>>,
    pub(super) config: Config,
    pub(super) clients: Clients,
    pub(super) looker: Looker,
    pub(super) meters: Meters,
}

/// Answers that are never written down.
struct Secrets(BTreeMap<String, String>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Ground {
    /// Of one incident.
    pub fn new(
        workspace: PathBuf,
        secrets: BTreeMap<String, String>,
        pinned: &Pinned,
        meters: Meters,
    ) -> Ground {
        let clients = meters.clients().clone();
        Ground {
            workspace,
            secrets: Secrets(secrets),
            measured: Mutex::default(),
            config: pinned.config.clone(),
            looker: Looker::sharing(clients.clone()),
            clients,
            meters,
        }
    }

    /// Reads fingerprints taken earlier back from what their events commit to.
    pub(super) fn recall(&self, dir: &Path, incident: &Incident) {
        if incident.measurements.is_empty() {
            return;
        }
        let wanted: BTreeMap<u64, &String> =
            incident.measurements.iter().map(|(name, m)| (m.seq, name)).collect();
        let mut found: BTreeMap<&String, Vec<u8>> = BTreeMap::new();
        let file = Folder::open(dir, FileSystems::Any).and_then(|folder| folder.read(PAYLOADS));
        let Ok(file) = file else { return };
        let mut parts = Parts::new(BufReader::new(file));
        while let Ok(Some(part)) = parts.next() {
            if let Some(name) = wanted.get(&part.seq) {
                found.entry(name).or_default().extend(part.data);
            }
        }
        for (name, data) in found {
            let digest = incident.measurements.get(name).map(|m| m.digest);
            // One that was redacted, or whose file was touched, is not compared with.
            if digest == Some(crate::core::id::Digest::of(&data)) {
                self.keep(name, &data);
            }
        }
    }

    /// Keeps a fingerprint for later comparisons.
    pub(super) fn keep(&self, name: &str, data: &[u8]) {
        let text = String::from_utf8_lossy(data).into_owned();
        self.measured.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), text);
    }

    /// Every value that templates can use now: what the record knows, and what only this process does.
    pub(super) fn scope(&self, incident: &Incident) -> Scope {
        let mut scope = plan::scope(incident);
        for (name, value) in &mut scope.params {
            if let (ParamValue::SecretNotHere, Some(secret)) = (&*value, self.secrets.0.get(name)) {
                *value = ParamValue::Secret(secret.clone());
            }
        }
        let kept = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, text) in kept.iter().filter(|(name, _)| incident.measurements.contains_key(*name)) {
            scope.measurements.insert(name.clone(), text.clone());
        }
        scope
    }

    /// The secrets that a step's commands are given: they are kept out of its output.
    pub(super) fn secrets_of(&self, step: &Step) -> Vec<String> {
        let names = step.env.values().filter_map(|text| template::names(text).ok()).flatten();
        let given = names.filter_map(|name| match name {
            template::Name::Param(name) => self.secrets.0.get(&name).cloned(),
            template::Name::Measurement(_) | template::Name::Incident(_) => None,
        });
        given.collect()
    }

    /// Where a step's commands run.
    pub(super) fn directory(&self, step: &Step, scope: &Scope) -> Result<PathBuf, TemplateError> {
        let own = template::directory(step, scope)?;
        Ok(own.map_or_else(|| self.workspace.clone(), |cwd| self.workspace.join(cwd)))
    }

    /// A path of a step; relative ones start where its commands run.
    pub(super) fn path(&self, step: &Step, scope: &Scope, path: &str) -> Result<PathBuf, TemplateError> {
        let filled = template::set_aside_path(path, scope)?;
        Ok(self.directory(step, scope)?.join(filled))
    }
}
