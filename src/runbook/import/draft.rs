//! Writes a draft as YAML that people like to read. Never writes text that could be read as something else.

use super::step::{Deed, Phase, Sheet, Step};
use crate::runbook::template;
use std::fmt::Write as _;

/// The whole file.
pub fn write(sheet: &Sheet) -> String {
    let mut out = String::new();
    head(&mut out, sheet);
    let _ = writeln!(out, "\nphases:");
    sheet.phases.iter().for_each(|p| phase(&mut out, p));
    out
}

fn head(out: &mut String, sheet: &Sheet) {
    let stays = sheet.does_not_undo.as_deref();
    let summary = sheet.summary.as_deref().unwrap_or(&sheet.title);
    let lines = [
        "# A draft made from a checklist. Every `DECIDE:` waits for somebody who knows; `backout lint` finds the rest.".to_owned(),
        "backout: 1".to_owned(),
        format!("id: {}", sheet.id),
        format!("title: {}", quoted(&sheet.title)),
        "class: deploy           # DECIDE: deploy, schema, data or restore".to_owned(),
        format!("service: {}  # DECIDE: the service this is about", quoted(&sheet.id)),
        "environment: production # DECIDE: where".to_owned(),
        "owners: [nobody-yet]    # DECIDE: the team that answers for this runbook".to_owned(),
        format!("summary: {}", quoted(summary)),
    ];
    lines.iter().for_each(|line| {
        let _ = writeln!(out, "{line}");
    });
    match stays.filter(|text| !text.trim().is_empty()) {
        Some(text) => drop(writeln!(out, "does_not_undo: {}", quoted(text))),
        None => drop(writeln!(out, "does_not_undo: \"DECIDE: what stays as it is when this is done\"")),
    }
    let _ = writeln!(
        out,
        "objectives: {{rto: 1h, rpo: 0s}} # DECIDE: how long it may take, and how much data may be lost"
    );
    if !sheet.params.is_empty() {
        let _ = writeln!(out, "\nparams:");
        for name in &sheet.params {
            let _ = writeln!(
                out,
                "  {name}: {{prompt: {}}} # DECIDE: a `pattern` that every answer must match",
                quoted(&format!("Which {}?", name.replace('_', " ")))
            );
        }
    }
    let _ = writeln!(
        out,
        "\nroles: # DECIDE: who does what\n  commander: {{required: true}}\n  operator: {{min: 1}}"
    );
    let _ = writeln!(out, "declare:\n  require: [{{role: commander, count: 1}}]\n  expires: 15m");
}

fn phase(out: &mut String, phase: &Phase) {
    let _ = writeln!(out, "  - name: {}\n    steps:", quoted(&phase.name));
    phase.steps.iter().for_each(|s| step(out, s));
}

fn step(out: &mut String, step: &Step) {
    for question in &step.decide {
        let _ = writeln!(out, "      # DECIDE: {}", question.replace('\n', " "));
    }
    let _ = writeln!(out, "      - id: {}\n        title: {}", step.id, quoted(&step.title));
    match &step.deed {
        Deed::Manual(text) => {
            let _ = writeln!(out, "        manual: {}", prose(text));
            let _ = writeln!(out, "        role: operator");
        }
        Deed::Run(code) => {
            let _ = writeln!(out, "        run: {}", code_text(code));
            let _ = writeln!(out, "        timeout: 5m\n        role: operator");
        }
        Deed::Check(code) => {
            let _ = writeln!(out, "        check:\n          run: {}", nested(code));
            let _ = writeln!(out, "          expect: {{matches: DECIDE}}");
        }
        Deed::Await(code) => {
            let run = code.as_deref().map_or_else(|| "[DECIDE]".to_owned(), nested);
            let _ = writeln!(out, "        await:\n          run: {run}");
            let _ = writeln!(out, "          expect: {{matches: DECIDE}}\n          within: 10m");
        }
        Deed::Wait(duration) => drop(writeln!(out, "        wait: {duration}")),
        Deed::Approve(covers) => {
            let _ = writeln!(out, "        approve:\n          require: [{{role: commander, count: 1}}]");
            let _ = writeln!(out, "          expires: 15m\n          covers: [{}]", covers.join(", "));
        }
    }
    let _ = writeln!(out, "        estimate: 5m");
}

/// Text for people: braces stand for themselves.
fn prose(text: &str) -> String {
    let literal = text.replace("{{", "{{ '{{' }}");
    // A brace too many is no template; then the text is left without braces.
    let safe = if template::names(&literal).is_ok() {
        literal
    } else {
        text.replace("{{", "{ {").replace("}}", "} }")
    };
    block(&safe, 10)
}

fn code_text(code: &str) -> String {
    block(code, 10)
}

fn nested(code: &str) -> String {
    block(code, 12)
}

/// Several lines as a block, one as a quoted text.
fn block(text: &str, indent: usize) -> String {
    let fits =
        text.contains('\n') && !text.starts_with([' ', '\n']) && !text.lines().any(|l| l.ends_with(' '));
    if !fits {
        return quoted(text);
    }
    let gap = " ".repeat(indent);
    let lines =
        text.trim_end().lines().map(|l| if l.is_empty() { String::new() } else { format!("{gap}{l}") });
    format!("|-\n{}", lines.collect::<Vec<_>>().join("\n"))
}

/// In double quotes, as JSON and YAML both read them.
fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}
