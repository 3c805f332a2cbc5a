//! Phases that look before the rollback is decided: they only look, stand first, and may be asked again. Never lets
//! anything that changes something run before people have decided.

use crate::runbook::model::{Action, Phase, Runbook, Step};
use crate::runbook::places::Places;
use crate::runbook::yaml::Faults;

/// Checks `preflight` and `recheck` of every phase; findings go to `faults`.
pub fn check(runbook: &Runbook, places: &Places, faults: &Faults) {
    let phases = &runbook.phases;
    for (p, phase) in phases.iter().enumerate() {
        let base = format!("phases[{p}]");
        if phase.preflight {
            let late = phases.iter().take(p).any(|before| !before.preflight);
            if late {
                let message = "a phase that looks ahead stands before all others";
                let help = "move it to the top, or remove `preflight`";
                faults.error("parse-preflight", places.value(&format!("{base}.preflight")), message, help);
            }
            looks(phases, phase, &base, places, faults);
        }
        asks_again(phases, phase, &base, places, faults);
    }
}

fn looks(phases: &[Phase], phase: &Phase, base: &str, places: &Places, faults: &Faults) {
    for (s, step) in phase.steps.iter().enumerate() {
        let at = format!("{base}.steps[{s}]");
        if !only_looks(step) {
            let message = format!("`{}` runs before anybody has decided, so it may only look", step.id);
            let help = "use `check`, `await` or `measure` here, without `undo`, `suspends` or `backlog`";
            faults.error("parse-preflight", places.value(&format!("{at}.id")), &message, help);
        }
        let ahead =
            |id: &String| phases.iter().filter(|p| p.preflight).any(|p| p.steps.iter().any(|s| &s.id == id));
        if step.needs.iter().any(|n| !ahead(n)) {
            let message = format!("`{}` needs a step that begins only after the decision", step.id);
            faults.error(
                "parse-preflight",
                places.value(&format!("{at}.needs")),
                &message,
                "need only steps that look ahead",
            );
        }
    }
}

fn only_looks(step: &Step) -> bool {
    let looks = match &step.action {
        Action::Await(_) | Action::Check(_) | Action::Measure { .. } => true,
        Action::Manual { .. }
        | Action::Run { .. }
        | Action::Approve(_)
        | Action::Decide { .. }
        | Action::Send { .. }
        | Action::SetAside { .. }
        | Action::Wait { .. } => false,
    };
    let leaves =
        step.undo.is_some() || step.suspends.is_some() || step.resumes.is_some() || step.backlog.is_some();
    looks && !leaves && !step.irreversible
}

fn asks_again(phases: &[Phase], phase: &Phase, base: &str, places: &Places, faults: &Faults) {
    for (i, id) in phase.recheck.iter().enumerate() {
        let found = phases.iter().filter(|p| p.preflight).flat_map(|p| &p.steps).find(|s| &s.id == id);
        let judges = found.is_some_and(|s| matches!(s.action, Action::Await(_) | Action::Check(_)));
        if !judges || phase.preflight {
            let message = format!("`{id}` cannot be looked at again here");
            let help = "name a `check` or `await` of a phase with `preflight: true`, in a phase after it";
            faults.error("parse-recheck", places.value(&format!("{base}.recheck[{i}]")), &message, help);
        }
    }
}
