//! What steps change and whether it comes back. Never judges how.

use super::case::{Case, Report};
use crate::runbook::model::Action;

pub fn suspended_is_resumed(case: &Case<'_>, report: &mut Report<'_>) {
    for (i, placed) in case.steps.iter().enumerate() {
        let Some(name) = &placed.step.suspends else { continue };
        let later = case.steps.iter().skip(i + 1);
        if !later.into_iter().any(|p| p.step.resumes.as_ref() == Some(name)) {
            report.at(
                &format!("{}.suspends", placed.path),
                &format!("`{name}` is suspended here and no later step resumes it"),
            );
        }
    }
}

pub fn resumed_was_suspended(case: &Case<'_>, report: &mut Report<'_>) {
    for placed in &case.steps {
        let Some(name) = &placed.step.resumes else { continue };
        if !case.steps.iter().any(|p| p.step.suspends.as_ref() == Some(name)) {
            report.at(
                &format!("{}.resumes", placed.path),
                &format!("`{name}` is resumed here and no step suspends it"),
            );
        }
    }
}

pub fn changes_are_verified(case: &Case<'_>, report: &mut Report<'_>) {
    // From the end: whether somebody looks between here and the next hold point. The steps of `always` are for
    // every way out; they do not verify what stands in the phases.
    let mut looked = false;
    let mut in_always = true;
    for placed in case.steps.iter().rev() {
        if in_always != placed.phase.is_none() {
            (in_always, looked) = (placed.phase.is_none(), false);
        }
        match &placed.step.action {
            Action::Await(_) | Action::Check(_) => looked = true,
            Action::Approve(_) => looked = false,
            Action::Run { .. } if !looked => {
                let message = format!("nothing looks at what `{}` did", placed.step.id);
                report.at_key(&format!("{}.run", placed.path), &message);
            }
            Action::Run { .. }
            | Action::Manual { .. }
            | Action::Measure { .. }
            | Action::Decide { .. }
            | Action::Send { .. }
            | Action::SetAside { .. }
            | Action::Wait { .. } => {}
        }
    }
}
