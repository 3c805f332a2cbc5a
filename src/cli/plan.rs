//! `plan`: what would happen. Never runs anything.

use crate::cli::args::{Args, Plan, PlanFormat};
use crate::cli::context::Context;
use crate::cli::{params, print};
use crate::error::{Failure, Kind, Result};
use crate::runbook::finding::{self, Paint};
use crate::runbook::plan;
use crate::runbook::template::Field;

/// Runs the verb.
pub fn run(args: &Args, verb: &Plan) -> Result<()> {
    let workspace = Context::of(args)?.workspace(Some(&verb.runbook)).ok();
    let named = workspace.as_ref().and_then(|w| w.runbook(&verb.runbook.to_string_lossy()));
    let path = named.unwrap_or_else(|| verb.runbook.clone());
    let bytes = std::fs::read(&path)
        .map_err(|e| Failure::environment(format!("cannot read {}", path.display())).because(e))?;
    let label = path.display().to_string();
    let loaded = crate::runbook::load(&label, &bytes).map_err(|findings| {
        let text = finding::to_text(&findings, Paint::Plain);
        Failure::new(Kind::No, format!("{label} cannot be used")).because(format!("\n{text}"))
    })?;
    let given = params::given(&loaded.runbook, &verb.params)?;
    let mut scope = plan::scope_for_plan(&loaded.runbook, &given);
    if let Some(point) = &verb.params.restore_point {
        scope.incident.insert(Field::RestorePoint, point.clone());
    }
    let plan = plan::plan(&loaded.runbook, &scope);
    print(&match verb.format {
        PlanFormat::Text => plan::to_text(&plan),
        PlanFormat::Markdown => plan::to_markdown(&plan),
        PlanFormat::Json => plan::to_json(&plan),
    });
    Ok(())
}
