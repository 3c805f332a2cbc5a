//! Exactly what would be done, as text and as a digest. Approvals bind to it. Never does any of it.

use crate::core::amendment;
use crate::core::event::{Answer, Direction, Opened};
use crate::core::id::{Digest, StepId};
use crate::core::incident::{Incident, Measurement};
use crate::runbook::model::{Action, Step};
use crate::runbook::template::{self, Field, ParamValue, Scope};
use std::collections::BTreeMap;

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

/// The values that templates can use, as far as the record knows them. The same on the hub, on every console and for
/// the verifier: secrets and the moving head are not in it.
pub fn scope(incident: &Incident) -> Scope {
    let opened = incident.opened.as_ref();
    let params =
        opened.map(|o| o.params.iter().map(|(name, answer)| (name.clone(), value(answer))).collect());
    let short = |(name, m): (&String, &Measurement)| m.text.clone().map(|text| (name.clone(), text));
    Scope {
        params: params.unwrap_or_default(),
        measurements: incident.measurements.iter().filter_map(short).collect(),
        incident: opened.map(|o| facts(incident, o)).unwrap_or_default(),
    }
}

fn value(answer: &Answer) -> ParamValue {
    match answer {
        Answer::Text(text) => ParamValue::Plain(text.clone()),
        Answer::Secret(_) => ParamValue::SecretNotHere,
    }
}

fn facts(incident: &Incident, opened: &Opened) -> BTreeMap<Field, String> {
    let runbook = &incident.runbook;
    let mut facts = BTreeMap::from([
        (Field::Id, opened.incident.to_string()),
        // The head moves with every event, this one's included: a message gets the real one as it leaves.
        (Field::Head, HEAD.to_owned()),
        (Field::Mode, opened.mode.word().to_lowercase()),
        (Field::Environment, runbook.environment.clone()),
        (Field::Service, runbook.service.clone()),
        (Field::Title, runbook.title.clone()),
        (Field::Severity, opened.severity.to_string()),
        (Field::Started, incident.opened_at.to_second()),
    ]);
    if let Some(point) = &opened.restore_point {
        facts.insert(Field::RestorePoint, point.clone());
    }
    facts
}

/// Stands for the head's short code until a message leaves.
pub const HEAD: &str = "«head»";

/// What a step, or its undo, would do now.
///
/// # Errors
/// A sentence when a template names something that is not known (yet).
pub fn of_step(incident: &Incident, step: &Step, direction: Direction) -> Result<StepPlan, String> {
    let scope = scope(incident);
    let lines = match (direction, &step.undo) {
        (Direction::Forward, _) => {
            let resolved = template::resolve(step, &scope).map_err(|e| e.to_string())?;
            let mut lines = vec![("action".to_owned(), resolved.action.to_owned())];
            lines.extend(resolved.lines);
            lines.extend(message(incident, step, &scope)?);
            lines
        }
        (Direction::Undo, Some(undo)) => {
            let command = template::command(undo, &scope).map_err(|e| e.to_string())?;
            vec![("undo".to_owned(), template::shown_argv(&command.argv))]
        }
        (Direction::Undo, None) => return Err("it has no undo".to_owned()),
    };
    Ok(StepPlan { id: step.id.clone(), summary: summary(step, &lines), lines })
}

/// The message that a step sends: to whom, and its text line by line.
fn message(incident: &Incident, step: &Step, scope: &Scope) -> Result<Vec<(String, String)>, String> {
    let Action::Send { template: name } = &step.action else { return Ok(Vec::new()) };
    let found = incident.runbook.comms.templates.iter().find(|t| &t.name == name);
    let found = found.ok_or_else(|| format!("the runbook has no message template {name}"))?;
    let text = template::message(&found.text, scope).map_err(|e| e.to_string())?;
    let mut lines = vec![("to".to_owned(), format!("{} through {}", found.audience, found.channel))];
    lines.extend(text.lines().map(|line| (MESSAGE.to_owned(), template::one_line(line))));
    Ok(lines)
}

/// Key of the lines that hold a message's text.
pub const MESSAGE: &str = "message";

/// The one line that says it: the command, or the action's own text.
fn summary(step: &Step, lines: &[(String, String)]) -> String {
    let word = step.action.word();
    let of = |key: &str| lines.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str());
    match (of("undo").filter(|_| lines.len() == 1), of(word)) {
        (Some(undo), _) => undo.to_owned(),
        (None, Some(text)) => {
            let rest = lines.iter().filter(|(k, _)| k == word).skip(1).map(|(_, v)| v.as_str());
            let whole = std::iter::once(text).chain(rest).collect::<Vec<_>>().join("; ");
            if word == "run" { whole } else { format!("{word}: {whole}") }
        }
        (None, None) => {
            let shown = lines.iter().filter(|(k, _)| !matches!(k.as_str(), "action" | "title"));
            let shown: Vec<String> = shown.take(4).map(|(k, v)| format!("{k} {v}")).collect();
            format!("{word}: {}", shown.join(", "))
        }
    }
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
            target: leading_back(incident, format!("{} in {}", runbook.service, runbook.environment)),
            steps,
            digest,
        });
    }
    if gate.is_amend() {
        let proposal = incident.proposal.as_ref()?;
        let steps = amendment::changes(incident, proposal.runbook, &proposal.reason);
        let digest = combined(incident, &steps);
        let target = format!("{} in {}", runbook.service, runbook.environment);
        return Some(GatePlan { target, steps, digest });
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
    let targets: Vec<String> = covered.iter().filter_map(|s| target(incident, s)).collect();
    let target = if targets.is_empty() {
        format!("{} in {}", runbook.service, runbook.environment)
    } else {
        targets.join(", ")
    };
    let digest = combined(incident, &steps);
    Some(GatePlan { target: leading_back(incident, target), steps, digest })
}

/// A target with the point in time it is brought back to and what that loses: whoever approves signs it.
fn leading_back(incident: &Incident, target: String) -> String {
    match incident.restores_to() {
        Some(to) => format!("{target}; {}", to.words()),
        None => target,
    }
}

/// What the step's target must answer, with everything filled in that is known. `None` without a target.
pub fn target(incident: &Incident, step: &Step) -> Option<String> {
    let target = step.target.as_ref()?;
    Some(template::target_answer(target, &scope(incident)).unwrap_or_else(|_| target.equals.clone()))
}

fn declare_lines(incident: &Incident) -> Vec<(String, String)> {
    let mut lines = vec![("class".to_owned(), incident.runbook.class.word().to_owned())];
    for (name, value) in incident.clear_params() {
        lines.push((format!("param {name}"), value.unwrap_or("«secret»").to_owned()));
    }
    if let Some(point) = incident.opened.as_ref().and_then(|o| o.restore_point.clone()) {
        lines.push(("restore point".to_owned(), point));
    }
    if let Some(to) = incident.restores_to() {
        lines.push(("data loss".to_owned(), to.words()));
    }
    if let (Some(closes), Some(window)) = (incident.window_closes(), &incident.runbook.window) {
        let because = template::one_line(&window.because);
        lines.push(("window".to_owned(), format!("closes at {}: {because}", closes.to_second())));
    }
    lines
}

/// Digest of several steps together with the runbook's own digest and each step's next try.
fn combined(incident: &Incident, steps: &[StepPlan]) -> Digest {
    let mut text = String::new();
    if let Some(runbook) = incident.runbook_digest() {
        text.push_str(&format!("runbook: {runbook}\n"));
    }
    for step in steps {
        text.push_str(&format!("step: {}\n", step.id));
        for (key, value) in &step.lines {
            text.push_str(&format!("{key}: {value}\n"));
        }
    }
    Digest::tagged("plan", text.as_bytes())
}

/// Whether the step's `when` says that it is left out. What cannot be told yet leaves nothing out.
pub fn when_is_false(incident: &Incident, step: &Step) -> bool {
    step.when.as_deref().is_some_and(|when| template::when(when, &scope(incident)) == Ok(false))
}
