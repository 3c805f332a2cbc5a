//! The schema of expectations. Never of what is looked at.

use super::shape::{self, list, may, need, object, reference, some, whole};
use serde_json::{Value, json};

pub fn expectation() -> Value {
    let mut out = object(&[
        may("equals", reference("any_text"), "The text is the same, apart from the last newline."),
        may("not_equals", reference("any_text"), "It is another."),
        may("matches", reference("text"), "A regular expression is found."),
        may("not_matches", reference("text"), "It is not found."),
        may("min", reference("number"), "A number of at least this."),
        may("max", reference("number"), "A number of at most this."),
        may("between", between(), "A number inside, ends included."),
        may("json", json_paths(), "JSONPath to value or expectation."),
        may("csv", csv(), "A table, by key columns."),
        may("same_as", same_as(), "What was measured before."),
        may("within", within(), "A number near what was measured."),
        may("unchanged_for", reference("duration"), "It stays the same so long; in `await` only."),
        may("any_of", some(reference("expectation")), "At least one holds."),
        may("all_of", some(reference("expectation")), "All hold."),
        may("not", reference("expectation"), "It does not hold."),
    ]);
    shape::add(&mut out, "minProperties", json!(1));
    out
}

fn between() -> Value {
    json!({"type": "array", "items": reference("number"), "minItems": 2, "maxItems": 2})
}

fn json_paths() -> Value {
    json!({
        "type": "object", "minProperties": 1,
        "additionalProperties": {"anyOf": [reference("any_text"), reference("expectation")]},
    })
}

fn csv() -> Value {
    let texts = json!({"anyOf": [reference("any_text"), list(reference("any_text"))]});
    let mut out = object(&[
        need("key", reference("texts"), "Key columns."),
        may("rows", whole(0, u64::MAX), "Exact number of rows."),
        may("same_as", reference("name"), "The same rows as this measurement."),
        may("except", texts, "Keys of rows that are left out."),
    ]);
    shape::add(&mut out, "anyOf", json!([{"required": ["rows"]}, {"required": ["same_as"]}]));
    out
}

fn same_as() -> Value {
    let by = |key: &'static str| {
        object(&[
            need(key, reference("name"), "The measurement."),
            may("key", reference("texts"), "Compare as tables by these columns."),
        ])
    };
    json!({"anyOf": [reference("name"), by("of"), by("measurement")]})
}

fn within() -> Value {
    let mut out = object(&[
        need("of", reference("name"), "The measurement."),
        may("percent", reference("number"), "So many percent of it."),
        may("absolute", reference("number"), "So much."),
    ]);
    shape::add(&mut out, "oneOf", json!([{"required": ["percent"]}, {"required": ["absolute"]}]));
    out
}
