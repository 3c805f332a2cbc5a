//! A plan as text, Markdown and JSON. Never adds what the plan does not hold.

use super::{Outlook, Plan, PlannedStep};
use crate::runbook::words;
use crate::sanitize;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// For a terminal without colours.
pub fn to_text(plan: &Plan) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{} ({})", clean(&plan.title), clean(&plan.id));
    for (key, text) in facts(plan) {
        let _ = writeln!(out, "  {key}: {text}");
    }
    for (name, steps) in sections(plan) {
        let _ = writeln!(out, "\n{name}");
        for step in steps {
            let _ = writeln!(out, "  {} {}", mark(step), headline(step));
            for line in details(step) {
                let _ = writeln!(out, "      {line}");
            }
        }
    }
    let _ = writeln!(out, "\n! point of no return   * changes something   ? only looks   - people or time");
    out
}

/// For a document.
pub fn to_markdown(plan: &Plan) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "# {}\n", escaped(&clean(&plan.title)));
    for (key, text) in facts(plan) {
        let _ = writeln!(out, "- **{key}**: {}", escaped(&text));
    }
    for (name, steps) in sections(plan) {
        let _ = writeln!(out, "\n## {}\n", escaped(&name));
        for step in steps {
            let _ = writeln!(out, "- {}", escaped(&headline(step)));
            for line in details(step) {
                let _ = writeln!(out, "  - {}", escaped(&line));
            }
        }
    }
    out
}

/// One object; durations in seconds.
pub fn to_json(plan: &Plan) -> String {
    let phases: Vec<Value> = plan
        .phases
        .iter()
        .map(|p| json!({"name": p.name, "steps": p.steps.iter().map(step_json).collect::<Vec<_>>()}))
        .collect();
    let suspensions: Vec<Value> = plan
        .suspensions
        .iter()
        .map(|s| json!({"name": s.name, "opened_by": s.opened_by, "lifted_by": s.lifted_by}))
        .collect();
    let window = plan.window.as_ref().map(|w| {
        json!({"opens_at": w.opens_at.as_ref().ok(), "problem": w.opens_at.as_ref().err(),
               "lasts_seconds": w.lasts.as_secs_f64(), "because": w.because})
    });
    let whole = json!({
        "id": plan.id, "title": plan.title, "class": plan.class, "service": plan.service,
        "environment": plan.environment, "does_not_undo": plan.does_not_undo, "declare": plan.declare,
        "window": window, "phases": phases, "always": plan.always.iter().map(step_json).collect::<Vec<_>>(),
        "suspensions": suspensions, "complete": plan.is_complete(),
        "estimate_seconds": plan.estimate.as_secs_f64(), "steps_without_estimate": plan.without_estimate,
        "rto_seconds": plan.rto.as_secs_f64(), "rpo_seconds": plan.rpo.as_secs_f64(),
    });
    format!("{whole:#}\n")
}

fn step_json(step: &PlannedStep) -> Value {
    let lines = step
        .resolved
        .as_ref()
        .ok()
        .map(|r| r.lines.iter().map(|(key, text)| json!({"key": key, "text": text})).collect::<Vec<_>>());
    json!({
        "id": step.id, "action": step.resolved.as_ref().ok().map(|r| r.action), "lines": lines,
        "problem": step.resolved.as_ref().err(), "role": step.role, "needs": step.needs,
        "approvals": step.approvals, "irreversible": step.irreversible,
        "estimate_seconds": step.estimate.map(|d| d.as_secs_f64()), "outlook": step.outlook.word(),
    })
}

fn facts(plan: &Plan) -> Vec<(&'static str, String)> {
    let mut out = vec![
        ("class", plan.class.to_owned()),
        ("service", clean(&format!("{} in {}", plan.service, plan.environment))),
        ("does not undo", clean(&plan.does_not_undo)),
        ("declared by", clean(&plan.declare)),
    ];
    let over = if plan.estimate > plan.rto { ", over the objective" } else { "" };
    let missing = match plan.without_estimate {
        0 => String::new(),
        n => format!(", {n} steps without"),
    };
    let (sum, rto) = (words::duration(plan.estimate), words::duration(plan.rto));
    out.push(("estimate", format!("{sum}{missing}; objective {rto}{over}")));
    if let Some(window) = &plan.window {
        let opens = match &window.opens_at {
            Ok(at) => format!("from {at}"),
            Err(why) => format!("start not known ({why})"),
        };
        let text = format!("{} {opens}, because {}", words::duration(window.lasts), window.because);
        out.push(("window", clean(&text)));
    }
    let ids = |wanted: fn(&PlannedStep) -> bool| {
        let ids: Vec<&str> = plan.steps().filter(|s| wanted(s)).map(|s| s.id.as_str()).collect();
        if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }
    };
    out.push(("points of no return", ids(|s| s.irreversible)));
    for s in &plan.suspensions {
        let lifted = s.lifted_by.as_deref().unwrap_or("nothing");
        out.push(("suspends", clean(&format!("{} by {}, until {lifted}", s.name, s.opened_by))));
    }
    out.push(("unverifiable now", ids(|s| s.outlook == Outlook::Unverifiable)));
    out
}

fn sections(plan: &Plan) -> Vec<(String, &[PlannedStep])> {
    let mut out: Vec<(String, &[PlannedStep])> =
        plan.phases.iter().map(|p| (clean(&p.name), p.steps.as_slice())).collect();
    if !plan.always.is_empty() {
        out.push(("On every way out".to_owned(), plan.always.as_slice()));
    }
    out
}

fn mark(step: &PlannedStep) -> char {
    match step.outlook {
        _ if step.irreversible => '!',
        Outlook::Changes => '*',
        Outlook::CanBeProbed | Outlook::Unverifiable => '?',
        Outlook::Waits | Outlook::DoesNotApply => '-',
    }
}

fn headline(step: &PlannedStep) -> String {
    let who = step.role.as_deref().unwrap_or("any participant");
    let estimate = step.estimate.map(|d| format!(", about {}", words::duration(d))).unwrap_or_default();
    let outlook = match step.outlook {
        Outlook::Unverifiable => ", unverifiable now",
        Outlook::DoesNotApply => ", does not apply",
        Outlook::Changes | Outlook::CanBeProbed | Outlook::Waits => "",
    };
    let last = if step.irreversible { ", point of no return" } else { "" };
    clean(&format!("{} [{who}{estimate}{outlook}{last}]", step.id))
}

fn details(step: &PlannedStep) -> Vec<String> {
    let mut out = Vec::new();
    match &step.resolved {
        Ok(resolved) => {
            let told = |key: &str, text: &str| (key == "title" && text == step.id) || key == "role";
            let lines = resolved.lines.iter().filter(|(key, text)| !told(key, text));
            out.extend(lines.map(|(key, text)| clean(&format!("{key}: {text}"))));
        }
        Err(why) => out.push(clean(&format!("cannot be told: {why}"))),
    }
    out.extend(step.approvals.iter().map(|a| clean(&format!("approved by {a}"))));
    out
}

fn clean(text: &str) -> String {
    sanitize::line(text).to_string()
}

/// Markdown's own characters, so that a command reads as it is.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if "\\`*_{}[]<>#|~$&".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
