//! Exactly what would be done, as text and as a digest. Approvals bind to it. Never does any of it.

use crate::core::event::Direction;
use crate::core::id::{Digest, StepId};
use crate::core::incident::Incident;
use crate::runbook::model::{Action, Step};

/// What one step would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepPlan {
    /// The step.
    pub id: String,
    /// What happens, in one line: the command, or the action and its text.
    pub summary: String,
    /// Everything, one `key: value` a line.
    pub lines: Vec<(String, String)>,
}

/// What a gate covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatePlan {
    /// What is acted on.
    pub target: String,
    /// The covered steps, in file order.
    pub steps: Vec<StepPlan>,
    /// Digest of all of it.
    pub digest: Digest,
}

/// What a step, or its undo, would do now.
///
/// # Errors
/// A sentence when a template names something that is not known (yet).
pub fn of_step(incident: &Incident, step: &Step, direction: Direction) -> Result<StepPlan, String> {
    let _ = incident;
    let lines = match direction {
        Direction::Forward => vec![(step.action.word().to_owned(), format!("{:?}", step.action))],
        Direction::Undo => vec![("undo".to_owned(), format!("{:?}", step.undo))],
    };
    let summary = lines.first().map(|(k, v)| format!("{k} {v}")).unwrap_or_default();
    Ok(StepPlan { id: step.id.clone(), summary, lines })
}

/// Digest of a step's plan for one try.
pub fn digest(plan: &StepPlan, attempt: u32) -> Digest {
    let mut text = format!("step: {}\nattempt: {attempt}\n", plan.id);
    for (key, value) in &plan.lines {
        text.push_str(&format!("{key}: {value}\n"));
    }
    Digest::tagged("plan", text.as_bytes())
}

/// What a gate covers now. `None` for an unknown gate.
pub fn of_gate(incident: &Incident, gate: &StepId) -> Option<GatePlan> {
    let runbook = &incident.runbook;
    if gate.is_declare() {
        let steps = vec![StepPlan {
            id: runbook.id.clone(),
            summary: format!("{} ({})", runbook.title, runbook.id),
            lines: declare_lines(incident),
        }];
        let digest = combined(incident, &steps);
        return Some(GatePlan {
            target: format!("{} in {}", runbook.service, runbook.environment),
            steps,
            digest,
        });
    }
    let Action::Approve(approve) = &incident.step(gate)?.action else { return None };
    let covered: Vec<&Step> = runbook.steps().filter(|s| approve.covers.contains(&s.id)).collect();
    let steps: Vec<StepPlan> = covered
        .iter()
        .map(|s| {
            of_step(incident, s, Direction::Forward).unwrap_or_else(|why| StepPlan {
                id: s.id.clone(),
                summary: format!("cannot be worked out yet: {why}"),
                lines: vec![("unresolved".to_owned(), why)],
            })
        })
        .collect();
    let targets: Vec<&str> =
        covered.iter().filter_map(|s| s.target.as_ref().map(|t| t.equals.as_str())).collect();
    let target = if targets.is_empty() {
        format!("{} in {}", runbook.service, runbook.environment)
    } else {
        targets.join(", ")
    };
    let digest = combined(incident, &steps);
    Some(GatePlan { target, steps, digest })
}

fn declare_lines(incident: &Incident) -> Vec<(String, String)> {
    let mut lines = vec![("class".to_owned(), incident.runbook.class.word().to_owned())];
    for (name, value) in incident.clear_params() {
        lines.push((format!("param {name}"), value.unwrap_or("«secret»").to_owned()));
    }
    if let Some(point) = incident.opened.as_ref().and_then(|o| o.restore_point.clone()) {
        lines.push(("restore point".to_owned(), point));
    }
    lines
}

/// Digest of several steps together with the runbook's own digest and each step's next try.
fn combined(incident: &Incident, steps: &[StepPlan]) -> Digest {
    let mut text = String::new();
    if let Some(opened) = &incident.opened {
        text.push_str(&format!("runbook: {}\n", opened.pinned.runbook));
    }
    for step in steps {
        text.push_str(&format!("step: {}\n", step.id));
        for (key, value) in &step.lines {
            text.push_str(&format!("{key}: {value}\n"));
        }
    }
    Digest::tagged("plan", text.as_bytes())
}

/// Whether the step's `when` says that it is left out.
pub fn when_is_false(incident: &Incident, step: &Step) -> bool {
    let _ = incident;
    step.when.as_deref().is_some_and(|w| w.trim() == "false")
}
