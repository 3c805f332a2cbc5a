//! JSONPath expectations (RFC 9535). Never passes for a path that finds nothing.

use super::{Judge, Judgement, all_of, shortened};
use crate::runbook::model::Expect;
use serde_json::Value;
use serde_json_path::JsonPath;

/// All paths must hold; a path that finds several values must hold for each.
pub fn judge(judge: Judge<'_>, paths: &[(String, Expect)], text: &str) -> Judgement {
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(e) => {
            return Judgement::inconclusive(format!("the output is not JSON ({e}): {}", shortened(text)));
        }
    };
    all_of(paths.iter().map(|(path, expect)| one(judge, path, expect, &value)))
}

fn one(judge: Judge<'_>, path: &str, expect: &Expect, value: &Value) -> Judgement {
    let Ok(compiled) = JsonPath::parse(path) else {
        return Judgement::inconclusive(format!("`{path}` cannot be used as a JSONPath"));
    };
    let found = compiled.query(value).all();
    if found.is_empty() {
        return Judgement::fail(format!("there is nothing at {path}"));
    }
    match all_of(found.into_iter().map(|node| judge.judge(expect, &as_text(node)))) {
        Judgement::Pass => Judgement::Pass,
        Judgement::Fail { why, rows, differing } => {
            Judgement::Fail { why: format!("{path}: {why}"), rows, differing }
        }
        Judgement::Inconclusive { why } => Judgement::inconclusive(format!("{path}: {why}")),
    }
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    }
}
