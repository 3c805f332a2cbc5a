//! The parts every schema of this program is made of. Never knows what they are used for.

use crate::runbook::vocabulary;
use serde_json::{Map, Value, json};

/// One key of a mapping.
pub struct Key {
    name: &'static str,
    schema: Value,
    doc: &'static str,
    needed: bool,
}

/// A key that must be there.
pub fn need(name: &'static str, schema: Value, doc: &'static str) -> Key {
    Key { name, schema, doc, needed: true }
}

/// A key that may be missing.
pub fn may(name: &'static str, schema: Value, doc: &'static str) -> Key {
    Key { name, schema, doc, needed: false }
}

/// A mapping of these keys and no others.
pub fn object(keys: &[Key]) -> Value {
    let mut properties = Map::new();
    for key in keys {
        let mut schema = key.schema.clone();
        add(&mut schema, "description", json!(key.doc));
        properties.insert(key.name.to_owned(), schema);
    }
    let required: Vec<&str> = keys.iter().filter(|k| k.needed).map(|k| k.name).collect();
    let mut out = json!({"type": "object", "properties": properties, "additionalProperties": false});
    if !required.is_empty() {
        add(&mut out, "required", json!(required));
    }
    out
}

/// The root of a schema.
pub fn document(title: &str, keys: &[Key]) -> Value {
    let mut out = object(keys);
    add(&mut out, "$schema", json!("https://json-schema.org/draft/2020-12/schema"));
    add(&mut out, "title", json!(title));
    out
}

/// A mapping whose keys the author chooses.
pub fn named(pattern: &str, schema: Value) -> Value {
    json!({"type": "object", "propertyNames": {"pattern": pattern}, "additionalProperties": schema})
}

/// A list.
pub fn list(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

/// A list with at least one item.
pub fn some(items: Value) -> Value {
    json!({"type": "array", "items": items, "minItems": 1})
}

/// One of these words.
pub fn one_of<T: Copy>(table: &[(&'static str, T)]) -> Value {
    json!({"enum": vocabulary::words(table)})
}

/// Text of this shape.
pub fn pattern(pattern: &str) -> Value {
    json!({"type": "string", "pattern": pattern})
}

/// A definition of this name.
pub fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}

/// A whole number between these; quotes are no obstacle to the parser.
pub fn whole(least: u64, most: u64) -> Value {
    json!({"type": ["integer", "string"], "pattern": "^[0-9]+$", "minimum": least, "maximum": most})
}

/// Puts a key into a schema that is a mapping.
pub fn add(schema: &mut Value, key: &str, value: Value) {
    if let Some(map) = schema.as_object_mut() {
        map.insert(key.to_owned(), value);
    }
}

/// Names that templates can use.
pub const NAME: &str = "^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$";

/// Names of environment variables.
pub const VARIABLE: &str = "^[A-Za-z_][A-Za-z0-9_]*$";

/// Simple values. YAML readers of editors see numbers and truth values where the author wrote text such as `5432`,
/// so these are text too.
pub fn definitions() -> Value {
    let scalar = |pattern: &str| json!({"type": ["string", "number", "boolean"], "pattern": pattern});
    json!({
        "text": scalar(r"\S"),
        "any_text": {"type": ["string", "number", "boolean"]},
        "id": scalar("^[a-z0-9][a-z0-9-]{0,63}$"),
        "name": scalar(NAME),
        "label": scalar("^[A-Za-z0-9_.](?:[A-Za-z0-9_ .-]{0,62}[A-Za-z0-9_.-])?$"),
        "variable": scalar(VARIABLE),
        "duration": {
            "type": "string", "pattern": "^(?:[0-9]+(?:ms|s|m|h|d))+$",
            "examples": ["30s", "5m", "1h30m", "2d"],
        },
        "number": {
            "type": ["number", "string"],
            "pattern": r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$",
        },
        "flag": {"type": "boolean"},
        "texts": {"anyOf": [{"$ref": "#/$defs/text"}, {"type": "array", "items": {"$ref": "#/$defs/text"}, "minItems": 1}]},
    })
}
