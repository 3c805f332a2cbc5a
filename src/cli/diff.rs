//! `diff`: what changed in a runbook since it was last used. Never judges which version is right.

use crate::cli::args::{Args, Diff, PlanFormat};
use crate::cli::context::Context;
use crate::cli::plan::read;
use crate::cli::{print, record, say};
use crate::error::{Failure, Kind, Result};
use crate::runbook::diff;
use crate::runbook::yaml::{self, Node};
use crate::sanitize;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Runs the verb.
pub fn run(args: &Args, verb: &Diff) -> Result<()> {
    let context = Context::of(args)?;
    let workspace = context.workspace(Some(&verb.runbook)).ok();
    let (path, loaded) = read(&verb.runbook, workspace.as_ref())?;
    let id = &loaded.runbook.id;
    let (name, earlier) = match &verb.against {
        Some(against) => named(&context.state, against)?,
        None => last_used(&context.state, id)?,
    };
    let difference = diff::diff(&tree(&earlier)?, &tree(&path)?);
    print(&match verb.format {
        PlanFormat::Text => diff::to_text(&difference),
        PlanFormat::Markdown => diff::to_markdown(&difference),
        PlanFormat::Json => {
            let mut whole = diff::to_json(&difference);
            if let Some(map) = whole.as_object_mut() {
                map.insert("runbook".to_owned(), json!(id));
                map.insert("against".to_owned(), json!(name));
            }
            sanitize::json(&format!("{whole:#}\n"))
        }
    });
    if difference.is_empty() {
        say(&format!("{id} is what {name} used"));
        return Ok(());
    }
    let (head, steps) = (difference.head.len(), difference.steps.len());
    Err(Failure::new(
        Kind::No,
        format!("{id} differs from what {name} used: {steps} steps, {head} other keys"),
    ))
}

/// The pinned copy of an incident, or a file.
fn named(state: &Path, against: &str) -> Result<(String, PathBuf)> {
    let path = PathBuf::from(against);
    if path.is_file() {
        return Ok((against.to_owned(), path));
    }
    let dir = record::find(state, Some(against))?;
    Ok((incident(&dir), record::last_runbook(&dir)))
}

/// The pinned copy in the newest incident of this runbook.
fn last_used(state: &Path, id: &str) -> Result<(String, PathBuf)> {
    let all = record::all(state)?;
    let last = all.iter().rev().find(|dir| record::runbook_id(dir).as_deref() == Some(id));
    let dir = last.ok_or_else(|| {
        Failure::environment(format!("no incident in {} used {id}", state.display()))
            .hint("--against compares with another incident or file")
    })?;
    Ok((incident(dir), record::last_runbook(dir)))
}

fn incident(dir: &Path) -> String {
    format!("incident {}", dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default())
}

fn tree(path: &Path) -> Result<Node> {
    let bytes = crate::cli::given::bytes(path)?;
    yaml::parse_bytes(&path.display().to_string(), &bytes).map_err(|findings| {
        let why = findings.first().map(|f| f.message.clone()).unwrap_or_default();
        Failure::new(Kind::No, format!("{} is no runbook", path.display())).because(why)
    })
}
