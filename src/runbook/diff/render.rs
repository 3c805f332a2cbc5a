//! Differences for people, tickets and programs. Never lets a runbook's text steer a terminal.

use super::{Change, Difference, StepChange};
use crate::sanitize;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// For a terminal.
pub fn to_text(difference: &Difference) -> String {
    let mut out = String::new();
    for change in &difference.head {
        field(&mut out, change, "");
    }
    for step in &difference.steps {
        let _ = writeln!(out, "{} step {}", mark(step), headline(step));
        for change in &step.fields {
            field(&mut out, change, "    ");
        }
    }
    out
}

fn mark(step: &StepChange) -> char {
    match step.word() {
        "added" => '+',
        "removed" => '-',
        _ => '~',
    }
}

fn headline(step: &StepChange) -> String {
    let place = match (&step.before, &step.after) {
        (None, Some(phase)) => format!(", new in {phase}"),
        (Some(phase), None) => format!(", gone from {phase}"),
        (Some(before), Some(after)) if before != after => format!(", moved from {before} to {after}"),
        (Some(_), Some(phase)) if step.moved => format!(", moved within {phase}"),
        (Some(phase), Some(_)) => format!(" in {phase}"),
        (None, None) => String::new(),
    };
    clean(&format!("{}{place}", step.id))
}

fn field(out: &mut String, change: &Change, indent: &str) {
    let name = clean(&change.field);
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => {
            let _ = writeln!(out, "{indent}~ {name}");
            lines(out, before, &format!("{indent}    - "));
            lines(out, after, &format!("{indent}    + "));
        }
        (None, Some(after)) => lines(out, after, &format!("{indent}+ {name}: ")),
        (Some(before), None) => lines(out, before, &format!("{indent}- {name}: ")),
        (None, None) => {}
    }
}

fn lines(out: &mut String, text: &str, before: &str) {
    for line in text.trim_end().split('\n') {
        let _ = writeln!(out, "{before}{}", clean(line));
    }
}

/// For a ticket: a list, and the values as a diff block.
pub fn to_markdown(difference: &Difference) -> String {
    let mut out = String::new();
    let fence = fence(difference);
    if !difference.head.is_empty() {
        let _ = writeln!(out, "**About the runbook**\n\n{fence}diff");
        difference.head.iter().for_each(|c| block(&mut out, c));
        let _ = writeln!(out, "{fence}\n");
    }
    for step in &difference.steps {
        let _ = writeln!(
            out,
            "**{}**: {}\n",
            step.word(),
            headline(step).replace('*', "\\*").replace('`', "\\`")
        );
        if !step.fields.is_empty() {
            let _ = writeln!(out, "{fence}diff");
            step.fields.iter().for_each(|c| block(&mut out, c));
            let _ = writeln!(out, "{fence}\n");
        }
    }
    out
}

/// A fence longer than any that stands in a value.
fn fence(difference: &Difference) -> String {
    let all = difference.head.iter().chain(difference.steps.iter().flat_map(|s| &s.fields));
    let texts = all.flat_map(|c| c.before.iter().chain(&c.after));
    let longest = texts.map(|t| t.split(|c| c != '`').map(str::len).max().unwrap_or(0)).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

fn block(out: &mut String, change: &Change) {
    let name = clean(&change.field);
    if let Some(before) = &change.before {
        lines(out, before, &format!("- {name}: "));
    }
    if let Some(after) = &change.after {
        lines(out, after, &format!("+ {name}: "));
    }
}

/// For programs.
pub fn to_json(difference: &Difference) -> Value {
    let one = |c: &Change| json!({"field": c.field, "before": c.before, "after": c.after});
    let head: Vec<Value> = difference.head.iter().map(one).collect();
    let steps: Vec<Value> = difference
        .steps
        .iter()
        .map(|s| {
            json!({"id": s.id, "change": s.word(), "phase_before": s.before, "phase_after": s.after,
                   "moved": s.moved, "fields": s.fields.iter().map(one).collect::<Vec<_>>()})
        })
        .collect();
    json!({"same": difference.is_empty(), "head": head, "steps": steps})
}

fn clean(text: &str) -> String {
    sanitize::line(text).to_string()
}
