//! Who decides what: the seats exist, and a point of no return is approved by somebody who may decide it. Never leaves
//! that to be found out in the middle of an incident.

use crate::runbook::model::{Action, Authority, Runbook, Step};
use crate::runbook::places::Places;
use crate::runbook::yaml::Faults;

/// Checks every `authority`; findings go to `faults`.
pub fn check(runbook: &Runbook, places: &Places, faults: &Faults) {
    let mut known: Vec<&str> = runbook.roles.iter().map(|r| r.name.as_str()).collect();
    // Without a list of seats nothing can be said about them, and that is a finding already.
    if known.is_empty() {
        return;
    }
    known.sort_unstable();
    exist(&runbook.authority, "authority", &known, places, faults);
    for (p, phase) in runbook.phases.iter().enumerate() {
        let base = format!("phases[{p}]");
        exist(&phase.authority, &format!("{base}.authority"), &known, places, faults);
        let own = !phase.authority.no_return.is_empty();
        let roles = if own { &phase.authority.no_return } else { &runbook.authority.no_return };
        for (s, step) in phase.steps.iter().enumerate().filter(|(_, s)| s.irreversible && !roles.is_empty()) {
            if !approved_by(runbook, step, roles) {
                let message = format!(
                    "no hold point of `{}` asks for {}, who decide this",
                    step.id,
                    roles.join(" or ")
                );
                let help = "name one of them in the `require` of a hold point that covers the step";
                let at = places.value(&format!("{base}.steps[{s}].id"));
                faults.error("parse-authority", at, &message, help);
            }
        }
    }
}

fn exist(authority: &Authority, base: &str, known: &[&str], places: &Places, faults: &Faults) {
    for (key, roles) in authority.lists() {
        for (i, role) in roles.iter().enumerate().filter(|(_, r)| !known.contains(&r.as_str())) {
            let at = places.value(&format!("{base}.{key}[{i}]"));
            let help = format!("the runbook's seats are {}", known.join(", "));
            faults.error("parse-authority", at, &format!("there is no role `{role}`"), &help);
        }
    }
}

fn approved_by(runbook: &Runbook, step: &Step, roles: &[String]) -> bool {
    // A step that nothing covers is refused for that.
    let mut holds = runbook.covers(&step.id).peekable();
    holds.peek().is_none()
        || holds.any(|hold| match &hold.action {
            Action::Approve(approve) => approve.require.iter().any(|r| roles.contains(&r.role)),
            Action::Manual { .. }
            | Action::Run { .. }
            | Action::Await(_)
            | Action::Check(_)
            | Action::Measure { .. }
            | Action::Decide { .. }
            | Action::Send { .. }
            | Action::SetAside { .. }
            | Action::Wait { .. } => false,
        })
}
