//! `plan --probe`: runs what only looks, once. Never runs what changes something, nor what only seems to look.

use crate::cli::context;
use crate::error::Result;
use crate::metrics::series::Reading;
use crate::metrics::source::Source;
use crate::outside::http::Clients;
use crate::runbook::condition::{Judgement, Observed, Seen, judge};
use crate::runbook::lint::changing_word;
use crate::runbook::model::{Action, Expect, Runbook, Step, Subject};
use crate::runbook::plan::{Plan, Probe, Verdict};
use crate::runbook::template::{self, Name, ParamValue, ResolvedSubject, Scope, TemplateError};
use crate::sanitize;
use crate::step::mask::Mask;
use crate::step::subject::{self, HttpSubject, Looker, RunSubject};
use crate::workspace::Workspace;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// How long one look may take where the step does not say.
const LOOK_TIMEOUT: Duration = Duration::from_secs(30);
/// Of what was seen, so many characters go into the plan.
const SHOWN: usize = 160;

/// Runs every look of the plan that depends on nothing the plan skips, in order: later ones use what earlier ones
/// measured.
///
/// # Errors
/// When the system gives no event loop. What cannot be seen is in the answers.
pub fn run(
    runbook: &Runbook,
    plan: &Plan,
    scope: &Scope,
    workspace: Option<&Workspace>,
) -> Result<BTreeMap<String, Probe>> {
    let clients = Clients::default();
    let mut prober = Prober {
        runbook,
        workspace,
        scope: with_secrets(runbook, scope),
        looker: Looker::sharing(clients.clone()),
        clients,
    };
    let mut out = BTreeMap::new();
    let runtime = context::runtime()?;
    for planned in plan.probes() {
        if let Some(step) = runbook.step(&planned.id) {
            out.insert(step.id.clone(), runtime.block_on(prober.probe(step)));
        }
    }
    Ok(out)
}

/// Secrets come from the variables that the runbook names, and from nowhere else.
fn with_secrets(runbook: &Runbook, scope: &Scope) -> Scope {
    let mut scope = scope.clone();
    for param in runbook.params.iter().filter(|p| p.secret) {
        if let Some(secret) = param.env.as_ref().and_then(|name| std::env::var(name).ok()) {
            scope.params.insert(param.name.clone(), ParamValue::Secret(secret));
        }
    }
    scope
}

struct Prober<'a> {
    runbook: &'a Runbook,
    workspace: Option<&'a Workspace>,
    scope: Scope,
    looker: Looker,
    clients: Clients,
}

/// What one look gave.
enum Saw {
    Output(Vec<u8>),
    Value(f64),
    Nothing(String),
}

impl Prober<'_> {
    async fn probe(&mut self, step: &Step) -> Probe {
        let (subject, expect) = match &step.action {
            Action::Await(a) => (&a.condition.subject, Some(&a.condition.expect)),
            Action::Check(c) => (&c.condition.subject, Some(&c.condition.expect)),
            Action::Measure { subject, .. } => (subject, None),
            Action::Manual { .. }
            | Action::Run { .. }
            | Action::Approve(_)
            | Action::Decide { .. }
            | Action::Send { .. }
            | Action::SetAside { .. }
            | Action::Wait { .. } => return Probe::new(Verdict::NotRun, "it is no look"),
        };
        let resolved = match template::subject(subject, &self.scope) {
            Ok(resolved) => resolved,
            Err(e) => return unresolved(&e),
        };
        if let ResolvedSubject::Run(command) = &resolved
            && let Some(word) = changing_word(&command.argv.join(" "))
        {
            return Probe::new(Verdict::NotRun, format!("`{word}` may change something"));
        }
        let expect = match expect.map(|e| template::expect(e, &self.scope)).transpose() {
            Ok(expect) => expect,
            Err(e) => return unresolved(&e),
        };
        let saw = self.look(step, subject, resolved).await;
        match (&step.action, expect) {
            (Action::Measure { as_name, .. }, _) => self.taken(as_name, saw),
            (Action::Await(_), Some(expect)) => self.judged(step, &expect, &saw, Verdict::NotYet),
            (_, Some(expect)) => self.judged(step, &expect, &saw, Verdict::Fail),
            (_, None) => Probe::new(Verdict::NotRun, "nothing is expected"),
        }
    }

    fn taken(&mut self, name: &str, saw: Saw) -> Probe {
        let text = match &saw {
            Saw::Output(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Saw::Value(value) => value.to_string(),
            Saw::Nothing(why) => return Probe::new(Verdict::Inconclusive, why.clone()),
        };
        if text.trim().is_empty() {
            return Probe::new(Verdict::Inconclusive, "the output is empty");
        }
        let probe = Probe::new(Verdict::Taken, words(&saw));
        self.scope.measurements.insert(name.to_owned(), text);
        probe
    }

    fn judged(&self, step: &Step, expect: &Expect, saw: &Saw, otherwise: Verdict) -> Probe {
        let seen = match saw {
            Saw::Output(bytes) => Seen::Output(bytes),
            Saw::Value(value) => Seen::Value(*value),
            Saw::Nothing(why) => Seen::Nothing(why),
        };
        let observed = Observed { seen, unchanged: Duration::ZERO };
        match judge(expect, &observed, &self.scope.measurements).settled(step.on_no_data) {
            Judgement::Pass => Probe::new(Verdict::Pass, words(saw)),
            Judgement::Fail { why, .. } => Probe::new(otherwise, why),
            Judgement::Inconclusive { why } => Probe::new(Verdict::Inconclusive, why),
        }
    }

    /// Looks once; secrets that the command was given are taken out of what it printed.
    async fn look(&self, step: &Step, subject: &Subject, resolved: ResolvedSubject) -> Saw {
        let ready = match resolved {
            ResolvedSubject::Metric { name, .. } => return self.metric(&name).await,
            ResolvedSubject::Run(command) => self.command(step, command.argv),
            ResolvedSubject::Http(http) => Ok(subject::ResolvedSubject::Http(HttpSubject {
                method: http.method,
                url: http.url,
                headers: http.headers.into_iter().collect(),
                body: http.body,
                status: http.status,
            })),
        };
        let ready = match ready {
            Ok(ready) => ready,
            Err(e) => return Saw::Nothing(e.to_string()),
        };
        let mask = if matches!(subject, Subject::Run(_)) { self.mask(step) } else { Mask::default() };
        match self.looker.look(&ready, step.timeout.unwrap_or(LOOK_TIMEOUT)).await {
            Ok(seen) if seen.truncated => Saw::Nothing(subject::too_large()),
            Ok(seen) => Saw::Output(mask.over(&seen.text)),
            Err(e) => {
                Saw::Nothing(String::from_utf8_lossy(&mask.over(e.to_string().as_bytes())).into_owned())
            }
        }
    }

    fn mask(&self, step: &Step) -> Mask {
        let names = step.env.values().filter_map(|text| template::names(text).ok()).flatten();
        Mask::new(names.filter_map(|name| match name {
            Name::Param(name) => match self.scope.params.get(&name) {
                Some(ParamValue::Secret(secret)) => Some(secret.clone()),
                Some(ParamValue::Plain(_) | ParamValue::SecretNotHere) | None => None,
            },
            Name::Measurement(_) | Name::Incident(_) => None,
        }))
    }

    fn command(
        &self,
        step: &Step,
        argv: Vec<String>,
    ) -> std::result::Result<subject::ResolvedSubject, TemplateError> {
        let root = self.workspace.map_or_else(|| Path::new(".").to_path_buf(), |w| w.root.clone());
        let cwd = template::directory(step, &self.scope)?;
        let env = template::environment(step, &self.scope)?;
        Ok(subject::ResolvedSubject::Run(RunSubject {
            argv,
            env: env.into_iter().map(|(name, value)| (name, value.reveal().to_owned())).collect(),
            cwd: cwd.map_or(root.clone(), |cwd| root.join(cwd)),
            host: template::host(step, &self.scope)?,
        }))
    }

    /// The value of this moment, also where the step aggregates over a time: there is no history before an incident.
    async fn metric(&self, name: &str) -> Saw {
        let metric = self.runbook.metric(name);
        let source = metric.and_then(|m| self.workspace?.config.sources.get(&m.source));
        let (Some(metric), Some(config)) = (metric, source) else {
            return Saw::Nothing(format!("{name} has no source in this workspace"));
        };
        let now = context::now().0;
        let source = Source::new(config.clone(), self.clients.clone(), now);
        match source.query(&metric.query, now).await.reading {
            Reading::Value(value) => Saw::Value(value),
            Reading::NoData { why } | Reading::Failed { why } => Saw::Nothing(why),
        }
    }
}

/// A measurement that a plan could not take makes everything that needs it unverifiable; anything else is a question
/// without an answer.
fn unresolved(why: &TemplateError) -> Probe {
    let verdict = match why {
        TemplateError::NotYet(_) => Verdict::Unverifiable,
        _ => Verdict::Inconclusive,
    };
    Probe::new(verdict, why.to_string())
}

fn words(saw: &Saw) -> String {
    match saw {
        Saw::Output(bytes) => {
            let clean = sanitize::line(bytes.trim_ascii()).into_string();
            let shown: String = clean.chars().take(SHOWN).collect();
            let more = if shown.len() < clean.len() { "…" } else { "" };
            format!("saw `{shown}{more}`")
        }
        Saw::Value(value) => format!("saw {value}"),
        Saw::Nothing(why) => why.clone(),
    }
}
