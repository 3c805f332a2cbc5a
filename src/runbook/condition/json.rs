//! JSONPath expectations (RFC 9535). Never passes for a path that finds nothing.

use super::{Judge, Judgement, PATTERN_SIZE, all_of, shortened};
use crate::runbook::model::Expect;
use regex::RegexBuilder;
use serde_json::Value;
use serde_json_path::JsonPath;
use serde_json_path::functions::{LogicalType, ValueType};

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

/// `match(text, pattern)`, RFC 9535 2.4.6: the whole text is as the pattern says.
#[serde_json_path::function(name = "match")]
fn whole(text: ValueType, pattern: ValueType) -> LogicalType {
    fits(&text, &pattern, |pattern| format!("^(?:{pattern})$"))
}

/// `search(text, pattern)`, RFC 9535 2.4.7: a part of the text is.
#[serde_json_path::function(name = "search")]
fn part(text: ValueType, pattern: ValueType) -> LogicalType {
    fits(&text, &pattern, str::to_owned)
}

/// What is no text, and a pattern that cannot be used, fit nothing. A dot is neither CR nor LF (RFC 9485).
fn fits(text: &ValueType, pattern: &ValueType, whole: impl Fn(&str) -> String) -> LogicalType {
    let (Some(Value::String(text)), Some(Value::String(pattern))) = (text.as_value(), pattern.as_value())
    else {
        return LogicalType::False;
    };
    let regex = RegexBuilder::new(&whole(pattern)).crlf(true).size_limit(PATTERN_SIZE).build();
    regex.is_ok_and(|regex| regex.is_match(text)).into()
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    }
}
