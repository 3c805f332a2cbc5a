//! What the codes of findings mean: the list, and one explained. Never judges.

use crate::cli::args::Format;
use crate::error::{Failure, Result};
use crate::runbook::decode::nearest;
use crate::runbook::finding::About;
use crate::runbook::lint::RULES;
use crate::runbook::scenario;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Every rule about runbooks, then those about scenarios, then those about the workspace around them.
pub fn all() -> Vec<About> {
    let runbooks = RULES.iter().map(|rule| rule.about());
    runbooks.chain(scenario::lint::rules()).chain(super::workspace::RULES.iter().copied()).collect()
}

/// What a code means.
///
/// # Errors
/// When there is no such rule.
pub fn explain(code: &str) -> Result<String> {
    let rules = all();
    if let Some(about) = rules.iter().find(|about| about.code == code) {
        let (word, doc, fix) = (about.severity.word(), about.doc, about.fix);
        return Ok(format!("{code} ({word})\n\n  why: {doc}\n  fix: {fix}\n"));
    }
    let of_scenarios = code.starts_with("scenario-");
    if code.starts_with("parse-") || code.starts_with("yaml-") || (of_scenarios && is_grammar(code)) {
        let text = "it breaks the grammar of the file; the finding itself says what to write";
        let schema = if of_scenarios { "scenario" } else { "runbook" };
        return Ok(format!(
            "{code} (error)\n\n  why: {text}\n  fix: see `backout schema {schema}` and the README\n"
        ));
    }
    let failure = Failure::usage(format!("there is no rule `{code}`"));
    Err(match nearest(code, rules.iter().map(|about| about.code)) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.hint("`backout lint --rules` lists them"),
    })
}

/// What the reader of scenarios says before any rule is asked.
fn is_grammar(code: &str) -> bool {
    let all = [
        "version",
        "cue",
        "channel",
        "endless",
        "order",
        "twice",
        "unknown-name",
        "too-late",
        "type",
        "when",
    ];
    code.strip_prefix("scenario-").is_some_and(|word| all.contains(&word))
}

/// The list.
pub fn list(format: Format) -> String {
    let rules = all();
    match format {
        Format::Json | Format::Sarif => {
            let list: Vec<Value> = rules
                .iter()
                .map(|a| json!({"code": a.code, "severity": a.severity.word(), "doc": a.doc, "fix": a.fix}))
                .collect();
            format!("{:#}\n", Value::Array(list))
        }
        Format::Text | Format::Github => {
            let mut out = String::from("| code | | why | fix |\n|---|---|---|---|\n");
            for a in &rules {
                let cell = |text: &str| text.replace('|', "\\|");
                let _ = writeln!(
                    out,
                    "| `{}` | {} | {} | {} |",
                    a.code,
                    a.severity.word(),
                    cell(a.doc),
                    cell(a.fix)
                );
            }
            out
        }
    }
}
