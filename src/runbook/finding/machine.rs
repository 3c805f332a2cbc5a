//! Findings for other programs: JSON, GitHub annotations, SARIF 2.1.0. Never loses a code or a place.

use super::{About, Finding, Severity};
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

/// A SARIF 2.1.0 log with one run. `known` is what there is to say about codes; a code that nobody describes is
/// listed by its name alone.
pub fn to_sarif(findings: &[Finding], known: &[About]) -> String {
    let codes: Vec<&str> = findings.iter().map(|f| f.code).collect::<BTreeSet<_>>().into_iter().collect();
    let rules: Vec<Value> =
        codes.iter().map(|code| rule(code, known.iter().find(|about| about.code == *code))).collect();
    let results: Vec<Value> = findings.iter().map(|f| result(f, codes.binary_search(&f.code).ok())).collect();
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

fn rule(code: &str, about: Option<&About>) -> Value {
    match about {
        Some(about) => json!({
            "id": code,
            "shortDescription": {"text": about.doc},
            "help": {"text": about.fix},
            "defaultConfiguration": {"level": about.severity.word()},
        }),
        None => json!({"id": code}),
    }
}

fn result(f: &Finding, index: Option<usize>) -> Value {
    let text = if f.help.is_empty() {
        clean(&f.message)
    } else {
        format!("{}; {}", clean(&f.message), clean(&f.help))
    };
    json!({
        "ruleId": f.code,
        "ruleIndex": index,
        "level": f.severity.word(),
        "message": {"text": text},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": uri(&f.path)},
            "region": {"startLine": f.line.max(1), "startColumn": f.column.max(1), "endColumn": f.column.max(1) + f.len},
        }}],
    })
}

/// A relative reference, or a `file` URI for an absolute path: percent-encodes what a URI path may not hold.
fn uri(path: &str) -> String {
    let mut out = if path.starts_with('/') { "file://".to_owned() } else { String::new() };
    // What stands before a colon in the first part would be read as a scheme; encoding the colon prevents it.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runbook::yaml::Span;

    fn findings() -> Vec<Finding> {
        let at = |line, column, len| Span { line, column, len };
        vec![
            Finding::at(
                "lint-b",
                Severity::Warning,
                "run books/a%b:c,d.yaml",
                at(3, 7, 4),
                "100% wrong\nand: more, really",
            )
            .help("write\r\nsomething ::error::else"),
            Finding::at("lint-a", Severity::Error, "/abs/x.yaml", at(1, 1, 0), "\u{1b}[31mred"),
            Finding::at("lint-b", Severity::Warning, "x.yaml", at(9, 1, 2), "again"),
        ]
    }

    const KNOWN: [About; 1] =
        [About { code: "lint-b", severity: Severity::Warning, doc: "because", fix: "do it" }];

    /// What the published schema of SARIF 2.1.0 requires of the parts that are written here.
    #[test]
    fn sarif_has_what_its_schema_requires() {
        let log: Value = serde_json::from_str(&to_sarif(&findings(), &KNOWN)).unwrap();
        assert_eq!(log["version"], "2.1.0");
        assert!(log["$schema"].as_str().unwrap().ends_with("sarif-2.1.0.json"));
        let run = &log["runs"][0];
        assert_eq!(run["tool"]["driver"]["name"], "backout");
        assert!(["utf16CodeUnits", "unicodeCodePoints"].contains(&run["columnKind"].as_str().unwrap()));
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        let ids: BTreeSet<&str> = rules.iter().map(|r| r["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), rules.len(), "rules are unique");
        assert_eq!(rules[1]["shortDescription"]["text"], "because");
        assert_eq!(rules[1]["help"]["text"], "do it");
        for result in run["results"].as_array().unwrap() {
            assert!(!result["message"]["text"].as_str().unwrap().is_empty());
            assert!(["none", "note", "warning", "error"].contains(&result["level"].as_str().unwrap()));
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[index]["id"], result["ruleId"]);
            let place = &result["locations"][0]["physicalLocation"];
            let region = &place["region"];
            let number = |key: &str| region[key].as_u64().unwrap();
            assert!(number("startLine") >= 1 && number("startColumn") >= 1);
            assert!(number("endColumn") >= number("startColumn"));
            let uri = place["artifactLocation"]["uri"].as_str().unwrap();
            assert!(
                uri.bytes().all(|b| b.is_ascii_graphic()) && !uri.contains(['"', '<', '>', '\\']),
                "{uri}"
            );
        }
        let uri = |n: usize| {
            run["results"][n]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap()
        };
        assert_eq!(uri(0), "run%20books/a%25b%3Ac%2Cd.yaml");
        assert_eq!(uri(1), "file:///abs/x.yaml");
    }

    #[test]
    fn a_workflow_command_is_one_line_whatever_a_finding_says() {
        let text = to_github(&findings());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|l| l.starts_with("::warning file=") || l.starts_with("::error file=")));
        assert!(
            lines[0].contains("file=run books/a%25b%3Ac%2Cd.yaml,line=3,col=7,endColumn=11,title=lint-b::")
        );
        assert!(lines[0].contains("100%25 wrong"), "{text}");
        assert!(!text.contains('\u{1b}') && !text.contains('\r'), "{text:?}");
    }

    #[test]
    fn json_counts_and_keeps_every_place() {
        let json: Value = serde_json::from_str(&to_json(&findings())).unwrap();
        assert_eq!((&json["errors"], &json["warnings"]), (&json!(1), &json!(2)));
        assert_eq!(json["findings"][0]["column"], 7);
    }
}
