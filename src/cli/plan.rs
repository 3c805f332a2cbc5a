//! `plan`: what would happen. Never runs what changes something, and without `--probe` nothing at all.

use crate::cli::args::{Args, Plan, PlanFormat};
use crate::cli::context::{self, Context};
use crate::cli::{history, lint, params, print, probe, say};
use crate::error::{Failure, Kind, Result};
use crate::runbook::parse::Loaded;
use crate::runbook::plan::{self, Known, Verdict};
use crate::runbook::template::Field;
use crate::sanitize;
use crate::workspace::Workspace;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Runs the verb.
pub fn run(args: &Args, verb: &Plan) -> Result<()> {
    let context = Context::of(args)?;
    let workspace = context.workspace(Some(&verb.runbook)).ok();
    let (path, loaded) = read(&verb.runbook, workspace.as_ref())?;
    let runbook = &loaded.runbook;
    let given = params::given(runbook, &verb.params)?;
    let mut scope = plan::scope_for_plan(runbook, &given);
    let mut known = Known {
        history: history::of(&context.state, &runbook.id)?,
        people: workspace.as_ref().map(lint::people),
        authority: workspace.as_ref().map(|w| w.config.policies.authority(runbook.class)).unwrap_or_default(),
        ..Known::default()
    };
    if let Some(point) = &verb.params.restore_point {
        known.data_loss = Some(age(point)?);
        scope.incident.insert(Field::RestorePoint, point.clone());
    }
    let mut planned = plan::plan(runbook, &scope, &known);
    if verb.probe {
        known.probes = probe::run(runbook, &planned, &scope, workspace.as_ref())?;
        planned = plan::plan(runbook, &scope, &known);
    }
    print(&match verb.format {
        PlanFormat::Text => plan::to_text(&planned),
        PlanFormat::Markdown => plan::to_markdown(&planned),
        PlanFormat::Json => sanitize::json(&plan::to_json(&planned)),
    });
    let failed: Vec<&str> =
        known.probes.iter().filter(|(_, p)| p.verdict == Verdict::Fail).map(|(id, _)| id.as_str()).collect();
    if verb.probe {
        say(&format!("probed: {}, failed: {}", known.probes.len(), failed.len()));
    }
    if !failed.is_empty() {
        let what = format!("what is needed is not there: {}", failed.join(", "));
        return Err(Failure::new(Kind::No, what));
    }
    // What is shown above cannot come to pass as long as `open` refuses it.
    lint::fit(&path, &loaded, workspace.as_ref())
}

/// A runbook by path or by its name in the workspace, and where it was found.
///
/// # Errors
/// When it cannot be read, or is none.
pub fn read(name: &Path, workspace: Option<&Workspace>) -> Result<(PathBuf, Loaded)> {
    let named = workspace.and_then(|w| w.runbook(&name.to_string_lossy()));
    let path = named.unwrap_or_else(|| name.to_owned());
    let (_, loaded) = lint::load(&path)?;
    Ok((path, loaded))
}

/// How long ago a point in time was; nothing when it is still to come.
fn age(point: &str) -> Result<Duration> {
    let at = chrono::DateTime::parse_from_rfc3339(point).map_err(|e| {
        Failure::usage(format!("`{point}` is no time such as 2026-11-20T12:00:00Z")).because(e)
    })?;
    let micros = context::now().0.saturating_sub(at.timestamp_micros());
    Ok(Duration::from_micros(u64::try_from(micros).unwrap_or(0)))
}
