//! What earlier incidents of a runbook took, from the records of this state folder. Never from one that is still
//! open, was aborted, or does not hold.

use crate::cli::record;
use crate::core::event::Mode;
use crate::core::incident::{Incident, Stage, Status};
use crate::core::readiness;
use crate::core::time::Stamp;
use crate::error::Result;
use crate::runbook::model::{Earlier, Runbook};
use crate::runbook::plan::{History, Past, Spread};
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
        let Some((incident, mode)) = closed(&dir) else { continue };
        if incident.aborted.is_some() {
            continue;
        }
        match mode {
            Mode::Live => add(&mut history.live, &incident),
            Mode::Drill | Mode::Tabletop => add(&mut history.drills, &incident),
        }
    }
    Ok(history)
}

/// What the choice between going back and fixing forward can rest on: earlier incidents of the same service.
///
/// # Errors
/// When the state folder cannot be read.
pub fn before(state: &Path, now: &Runbook) -> Result<readiness::History> {
    let mut known = readiness::History::default();
    let (mut back, mut forward) = (Past::default(), Vec::new());
    for dir in record::all(state)? {
        if record::service(&dir).as_deref() != Some(now.service.as_str()) {
            continue;
        }
        let Some((incident, mode)) = closed(&dir) else { continue };
        let same =
            incident.runbook.id == now.id && incident.declared_at.is_some() && incident.aborted.is_none();
        let newer = |old: Option<(Stamp, usize)>| match old {
            Some((at, n)) => Some((at.max(incident.opened_at), n + 1)),
            None => Some((incident.opened_at, 1)),
        };
        match mode {
            Mode::Live if same => {
                add(&mut back, &incident);
                known.carried_out = newer(known.carried_out);
            }
            // Never declared and yet over: somebody mended it where it was.
            Mode::Live if incident.declared_at.is_none() => {
                let fixed = incident.mitigated_at.or(incident.resolved_at);
                forward.extend(fixed.map(|at| at.since(incident.opened_at)));
            }
            Mode::Drill | Mode::Tabletop if same => known.drilled = newer(known.drilled),
            Mode::Live | Mode::Drill | Mode::Tabletop => {}
        }
    }
    let seen = |all: &[_]| Spread::of(all).map(|s| readiness::Seen { median: s.p50, p90: s.p90, n: s.n });
    known.rollback = seen(&back.whole);
    known.fix_forward = seen(&forward);
    let paces = back.pace.iter().filter_map(|(step, runs)| Some((step.clone(), Earlier::of(runs)?)));
    known.paces = paces.collect();
    Ok(known)
}

/// A record that holds and was brought to its end.
fn closed(dir: &Path) -> Option<(Incident, Mode)> {
    let record = record::load(dir).ok()?;
    let ended = record.broken.is_none() && record.incident.stage == Stage::Closed;
    let mode = record.incident.opened.as_ref().filter(|_| ended)?.mode;
    Some((record.incident, mode))
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
        if let Some(throughput) = run.throughput() {
            past.pace.entry(step.id.clone()).or_default().push(throughput);
        }
    }
    if let (Some(first), Some(last)) = (first, last) {
        past.whole.push(last.since(first));
    }
}
