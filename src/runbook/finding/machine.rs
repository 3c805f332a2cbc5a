//! Findings for other programs: JSON, GitHub annotations, SARIF 2.1.0. Never loses a code or a place.

use super::{Finding, Severity};
use crate::sanitize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// One JSON object: `{"findings": […], "errors": n, "warnings": n}`.
pub fn to_json(findings: &[Finding]) -> String {
    let errors = findings.iter().filter(|f| f.severity == Severity::Error).count();
    let list: Vec<Value> = findings.iter().map(one).collect();
    let whole = json!({"findings": list, "errors": errors, "warnings": findings.len() - errors});
    format!("{whole:#}\n")
}

fn one(f: &Finding) -> Value {
    json!({
        "code": f.code, "severity": f.severity.word(), "path": f.path,
        "line": f.line, "column": f.column, "length": f.len,
        "message": clean(&f.message), "help": clean(&f.help),
    })
}

/// One workflow command a line (`::error file=…,line=…::…`), as GitHub Actions reads them.
pub fn to_github(findings: &[Finding]) -> String {
    let mut out = String::new();
    for f in findings {
        let text = if f.help.is_empty() {
            clean(&f.message)
        } else {
            format!("{}\n{}", clean(&f.message), clean(&f.help))
        };
        let _ = writeln!(
            out,
            "::{} file={},line={},col={},endColumn={},title={}::{}",
            f.severity.word(),
            property(&clean(&f.path)),
            f.line,
            f.column,
            f.column + f.len,
            f.code,
            data(&text)
        );
    }
    out
}

/// Escapes a workflow command's message.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a workflow command's property, which also ends at `:` and `,`.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// A SARIF 2.1.0 log with one run.
pub fn to_sarif(findings: &[Finding]) -> String {
    let codes: BTreeSet<&str> = findings.iter().map(|f| f.code).collect();
    let rules: Vec<Value> = codes.iter().map(|c| json!({"id": c})).collect();
    let results: Vec<Value> = findings.iter().map(result).collect();
    let whole = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "backout", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{whole:#}\n")
}

fn result(f: &Finding) -> Value {
    let text = if f.help.is_empty() {
        clean(&f.message)
    } else {
        format!("{}; {}", clean(&f.message), clean(&f.help))
    };
    json!({
        "ruleId": f.code,
        "level": f.severity.word(),
        "message": {"text": text},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": uri(&f.path)},
            "region": {"startLine": f.line.max(1), "startColumn": f.column.max(1), "endColumn": f.column.max(1) + f.len},
        }}],
    })
}

/// A relative reference: percent-encodes what a URI path may not hold.
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn clean(text: &str) -> String {
    sanitize::line(text).to_string()
}
