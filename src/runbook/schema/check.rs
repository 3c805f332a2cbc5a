//! A JSON Schema judge for the part of draft 2020-12 that our schemas use, and YAML trees as JSON and back as text.
//! Only for tests; it fails on a keyword it does not know.

use crate::runbook::yaml::{Key, Node, Scalar, Span, Style, Value as Yaml};
use regex::Regex;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

/// Why a value does not fit, or nothing.
pub fn refuses(root: &Value, schema: &Value, value: &Value) -> Option<String> {
    judge(root, schema, value, "").err()
}

fn judge(root: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let wrong = |what: String| Err(format!("{at}: {what}"));
    let Value::Object(keywords) = schema else { return wrong(format!("no schema: {schema}")) };
    for (keyword, rule) in keywords {
        let fits = match keyword.as_str() {
            "$schema" | "title" | "description" | "examples" | "$defs" | "then" => true,
            "$ref" => {
                let target = root.pointer(rule.as_str().unwrap().strip_prefix('#').unwrap());
                judge(root, target.unwrap_or_else(|| panic!("{rule} leads nowhere")), value, at)?;
                true
            }
            "type" => types(rule).iter().any(|t| is(value, t)),
            "enum" => rule.as_array().unwrap().contains(value),
            "const" => rule == value,
            "pattern" => value.as_str().is_none_or(|text| matches(rule.as_str().unwrap(), text)),
            "minimum" => value.as_f64().is_none_or(|n| n >= rule.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|n| n <= rule.as_f64().unwrap()),
            "minItems" => value.as_array().is_none_or(|l| l.len() as u64 >= rule.as_u64().unwrap()),
            "maxItems" => value.as_array().is_none_or(|l| l.len() as u64 <= rule.as_u64().unwrap()),
            "maxProperties" => value.as_object().is_none_or(|m| m.len() as u64 <= rule.as_u64().unwrap()),
            "not" => judge(root, rule, value, at).is_err(),
            "minProperties" => value.as_object().is_none_or(|m| m.len() as u64 >= rule.as_u64().unwrap()),
            "required" => value.as_object().is_none_or(|map| has(map, rule)),
            "dependentRequired" => value.as_object().is_none_or(|map| {
                rule.as_object()
                    .unwrap()
                    .iter()
                    .all(|(key, needed)| !map.contains_key(key) || has(map, needed))
            }),
            "anyOf" => every(rule).any(|s| judge(root, s, value, at).is_ok()),
            "oneOf" => every(rule).filter(|s| judge(root, s, value, at).is_ok()).count() == 1,
            "allOf" => every(rule).all(|s| judge(root, s, value, at).is_ok()),
            "if" => judge(root, rule, value, at).is_err() || judge(root, &schema["then"], value, at).is_ok(),
            "items" => {
                let skipped = schema.get("prefixItems").map_or(0, |p| p.as_array().unwrap().len());
                for (i, item) in value.as_array().into_iter().flatten().enumerate().skip(skipped) {
                    judge(root, rule, item, &format!("{at}[{i}]"))?;
                }
                true
            }
            "prefixItems" => {
                for (i, (item, rule)) in value.as_array().into_iter().flatten().zip(every(rule)).enumerate() {
                    judge(root, rule, item, &format!("{at}[{i}]"))?;
                }
                true
            }
            "properties" => {
                for (key, rule) in rule.as_object().unwrap() {
                    if let Some(value) = value.get(key) {
                        judge(root, rule, value, &format!("{at}.{key}"))?;
                    }
                }
                true
            }
            "propertyNames" => value.as_object().is_none_or(|map| {
                map.keys().all(|key| judge(root, rule, &Value::String(key.clone()), at).is_ok())
            }),
            "additionalProperties" => others(root, schema, rule, value, at)?,
            unknown => panic!("the judge does not know `{unknown}`"),
        };
        if !fits {
            return wrong(format!("`{keyword}`: {rule} does not take {value}"));
        }
    }
    Ok(())
}

/// Compiling is what takes the time.
fn matches(pattern: &str, text: &str) -> bool {
    static COMPILED: LazyLock<Mutex<HashMap<String, Regex>>> = LazyLock::new(Mutex::default);
    let mut all = COMPILED.lock().unwrap();
    all.entry(pattern.to_owned()).or_insert_with(|| Regex::new(pattern).unwrap()).is_match(text)
}

fn others(root: &Value, schema: &Value, rule: &Value, value: &Value, at: &str) -> Result<bool, String> {
    for (key, value) in value.as_object().into_iter().flatten() {
        if schema.get("properties").is_some_and(|p| p.get(key).is_some()) {
            continue;
        }
        match rule {
            Value::Bool(false) => return Err(format!("{at}: unknown key {key}")),
            rule => judge(root, rule, value, &format!("{at}.{key}"))?,
        }
    }
    Ok(true)
}

fn every(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().unwrap().iter()
}

fn has(map: &Map<String, Value>, keys: &Value) -> bool {
    every(keys).all(|key| map.contains_key(key.as_str().unwrap()))
}

fn types(rule: &Value) -> Vec<&str> {
    match rule {
        Value::String(one) => vec![one],
        many => every(many).map(|t| t.as_str().unwrap()).collect(),
    }
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|n| n.fract() == 0.0),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type {other}"),
    }
}

/// What an editor's YAML reader (core schema of YAML 1.2) sees.
pub fn as_json(node: &Node) -> Value {
    match &node.value {
        Yaml::Map(entries) => {
            Value::Object(entries.iter().map(|(k, n)| (k.name.clone(), as_json(n))).collect())
        }
        Yaml::List(items) => Value::Array(items.iter().map(as_json).collect()),
        Yaml::Scalar(s) if s.style == Style::Plain => plain(node, &s.text),
        Yaml::Scalar(s) => Value::String(s.text.clone()),
    }
}

fn plain(node: &Node, text: &str) -> Value {
    if node.is_null() {
        return Value::Null;
    }
    match text {
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let number = matches(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", text);
    let read = number.then(|| text.trim_start_matches('+').parse::<f64>().ok()).flatten();
    match text.parse::<i64>() {
        Ok(whole) if number => Value::from(whole),
        _ => {
            read.and_then(serde_json::Number::from_f64).map_or(Value::String(text.to_owned()), Value::Number)
        }
    }
}

/// The tree as flow YAML that reads back as the same tree.
pub fn as_yaml(node: &Node) -> String {
    match &node.value {
        Yaml::Map(entries) => {
            let each = entries.iter().map(|(k, n)| format!("{}: {}", quoted(&k.name), as_yaml(n)));
            format!("{{{}}}", each.collect::<Vec<_>>().join(", "))
        }
        Yaml::List(items) => format!("[{}]", items.iter().map(as_yaml).collect::<Vec<_>>().join(", ")),
        Yaml::Scalar(s) => {
            let is_bare = s.style == Style::Plain && matches(r"^[A-Za-z0-9.+-]+$", &s.text);
            if node.is_null() {
                "null".to_owned()
            } else if is_bare {
                s.text.clone()
            } else {
                quoted(&s.text)
            }
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// A plain scalar.
pub fn scalar(text: &str) -> Node {
    let value = Yaml::Scalar(Scalar { text: text.to_owned(), style: Style::Plain });
    Node { at: Span::default(), value }
}

/// A node of the tree that can be changed: `steps` are indexes into mappings and lists.
pub fn inside<'n>(node: &'n mut Node, steps: &[usize]) -> &'n mut Node {
    let Some((first, rest)) = steps.split_first() else { return node };
    match &mut node.value {
        Yaml::Map(entries) => inside(&mut entries[*first].1, rest),
        Yaml::List(items) => inside(&mut items[*first], rest),
        Yaml::Scalar(_) => panic!("nothing inside a scalar"),
    }
}

/// The places of all nodes, the root first.
pub fn places(node: &Node) -> Vec<Vec<usize>> {
    let mut out = vec![Vec::new()];
    let children: Vec<&Node> = match &node.value {
        Yaml::Map(entries) => entries.iter().map(|(_, n)| n).collect(),
        Yaml::List(items) => items.iter().collect(),
        Yaml::Scalar(_) => Vec::new(),
    };
    for (i, child) in children.into_iter().enumerate() {
        out.extend(places(child).into_iter().map(|mut p| {
            p.insert(0, i);
            p
        }));
    }
    out
}

/// Puts a key into a mapping.
pub fn put(node: &mut Node, name: &str, value: Node) {
    if let Yaml::Map(entries) = &mut node.value {
        entries.retain(|(k, _)| k.name != name);
        entries.push((Key { at: Span::default(), name: name.to_owned() }, value));
    }
}

/// Every object schema with properties that a value meets on its way through a schema, with the value's place.
pub fn objects(
    root: &Value,
    schema: &Value,
    node: &Node,
    at: &[usize],
    out: &mut Vec<(Vec<usize>, Vec<String>)>,
) {
    if let Some(target) = schema.get("$ref") {
        let target = root.pointer(target.as_str().unwrap().strip_prefix('#').unwrap()).unwrap();
        return objects(root, target, node, at, out);
    }
    for branch in schema.get("anyOf").into_iter().flat_map(every) {
        if judge(root, branch, &as_json(node), "").is_ok() {
            objects(root, branch, node, at, out);
        }
    }
    let below = |i: usize| at.iter().copied().chain([i]).collect::<Vec<usize>>();
    match &node.value {
        Yaml::Map(entries) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            if let Some(properties) = properties {
                out.push((at.to_vec(), properties.keys().cloned().collect()));
            }
            for (i, (key, child)) in entries.iter().enumerate() {
                let own = properties.and_then(|p| p.get(&key.name));
                let rule = own.or_else(|| schema.get("additionalProperties").filter(|s| s.is_object()));
                if let Some(rule) = rule {
                    objects(root, rule, child, &below(i), out);
                }
            }
        }
        Yaml::List(items) => {
            for (i, child) in items.iter().enumerate() {
                if let Some(rule) = schema.get("items") {
                    objects(root, rule, child, &below(i), out);
                }
            }
        }
        Yaml::Scalar(_) => {}
    }
}
