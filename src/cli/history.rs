//! What earlier incidents of a runbook took, from the records of this state folder. Never from one that is still
//! open, was aborted, or does not hold.

use crate::cli::record;
use crate::core::event::Mode;
use crate::core::incident::{Incident, Stage, Status};
use crate::core::time::Stamp;
use crate::error::Result;
use crate::runbook::plan::{History, Past};
use std::path::Path;

/// Of the runbook of this id.
///
/// # Errors
/// When the state folder cannot be read.
pub fn of(state: &Path, runbook: &str) -> Result<History> {
    let mut history = History::default();
    for dir in record::all(state)? {
        if record::runbook_id(&dir).as_deref() != Some(runbook) {
            continue;
        }
        let Ok(record) = record::load(&dir) else { continue };
        let incident = &record.incident;
        if record.broken.is_some() || incident.stage != Stage::Closed || incident.aborted.is_some() {
            continue;
        }
        match incident.opened.as_ref().map(|o| o.mode) {
            Some(Mode::Live) => add(&mut history.live, incident),
            Some(Mode::Drill | Mode::Tabletop) => add(&mut history.drills, incident),
            None => {}
        }
    }
    Ok(history)
}

fn add(past: &mut Past, incident: &Incident) {
    let mut first: Option<Stamp> = None;
    let mut last: Option<Stamp> = None;
    for step in incident.runbook.steps() {
        let Some(run) = incident.runs.get(step.id.as_str()) else { continue };
        let (Some(began), Some(ended)) = (run.started_at, run.ended_at) else { continue };
        if step.action.changes_something() {
            first = Some(first.map_or(began, |f| f.min(began)));
        }
        last = Some(last.map_or(ended, |l| l.max(ended)));
        if run.status == Status::Succeeded {
            past.steps.entry(step.id.clone()).or_default().push(ended.since(began));
        }
    }
    if let (Some(first), Some(last)) = (first, last) {
        past.whole.push(last.since(first));
    }
}
