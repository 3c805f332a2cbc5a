//! A mapping as paths and values, so that a change is told at its key. Never looks at styles and places.

use crate::runbook::yaml::{Node, Value};
use std::collections::BTreeMap;

/// Every value of a mapping by its path, without these keys at the top.
pub fn flatten(node: &Node, without: &[&str]) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    if let Value::Map(entries) = &node.value {
        for (key, value) in entries.iter().filter(|(key, _)| !without.contains(&key.name.as_str())) {
            put(&key.name, value, &mut out);
        }
    }
    out
}

fn put(path: &str, node: &Node, out: &mut BTreeMap<String, String>) {
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => {
            entries.iter().for_each(|(key, value)| put(&format!("{path}.{}", key.name), value, out));
        }
        // A list of things with names is told thing by thing; any other is one value.
        Value::List(items) if !items.is_empty() && items.iter().all(|i| name(i).is_some()) => {
            for item in items {
                let name = name(item).unwrap_or_default();
                put(&format!("{path}[{name}]"), item, out);
            }
        }
        Value::Scalar(_) | Value::List(_) | Value::Map(_) => drop(out.insert(path.to_owned(), flow(node))),
    }
}

fn name(item: &Node) -> Option<&str> {
    let named = ["id", "name", "role", "title", "audience"].iter().find_map(|key| item.get(key))?;
    match &named.value {
        Value::Scalar(s) => Some(&s.text),
        Value::List(_) | Value::Map(_) => None,
    }
}

/// A value on one line, as YAML would write it in flow style.
fn flow(node: &Node) -> String {
    match &node.value {
        Value::Scalar(s) => s.text.clone(),
        Value::List(items) => format!("[{}]", items.iter().map(inner).collect::<Vec<_>>().join(", ")),
        Value::Map(entries) => {
            let each = entries.iter().map(|(key, value)| format!("{}: {}", key.name, inner(value)));
            format!("{{{}}}", each.collect::<Vec<_>>().join(", "))
        }
    }
}

/// Inside a list, text that could be read as something else is quoted.
fn inner(node: &Node) -> String {
    let text = flow(node);
    let plain = |c: char| c.is_alphanumeric() || "-_./=+@%".contains(c);
    match &node.value {
        Value::Scalar(_) if !text.chars().all(plain) || text.is_empty() => format!("{text:?}"),
        Value::Scalar(_) | Value::List(_) | Value::Map(_) => text,
    }
}
