//! Expectations: the grammar of what a subject should be. Never compares anything.

use super::head;
use crate::runbook::decode::{Fields, Item};
use crate::runbook::model::{Expect, Table, Tolerance};
use crate::runbook::template::{self, Piece};
use crate::runbook::yaml::{Node, Scalar, Style, Value};
use serde_json_path::JsonPath;

/// A mapping of one or more expectations; several keys mean all of them.
pub fn expect(item: Item<'_>) -> Option<Expect> {
    if let Value::Scalar(s) = item.value() {
        let help = format!("write `{}: {{equals: …}}` (or `matches`, `min`, `max`, …)", item.name());
        let message = format!("`{}` must be a mapping, found `{}`", item.name(), s.text);
        item.refuse("parse-wrong-type", &message, &help);
        return None;
    }
    let mut f = item.fields("expectation")?;
    let mut all = Vec::new();
    texts(&mut f, &mut all);
    numbers(&mut f, &mut all);
    structures(&mut f, &mut all);
    combinations(&mut f, &mut all);
    f.finish();
    if all.is_empty() {
        if !item.faults().any_error() {
            let help = "write at least one of equals, matches, min, max, between, json, csv, same_as, …";
            item.refuse("parse-empty", "nothing is expected", help);
        }
        return None;
    }
    let first = all.pop()?;
    if all.is_empty() {
        return Some(first);
    }
    all.push(first);
    Some(Expect::AllOf(all))
}

fn texts(f: &mut Fields<'_>, all: &mut Vec<Expect>) {
    all.extend(f.optional("equals", Item::any_text).map(Expect::Equals));
    all.extend(f.optional("not_equals", Item::any_text).map(Expect::NotEquals));
    all.extend(f.optional("matches", pattern).map(Expect::Matches));
    all.extend(f.optional("not_matches", pattern).map(Expect::NotMatches));
    all.extend(f.optional("unchanged_for", Item::positive_duration).map(Expect::UnchangedFor));
}

/// A pattern with a template is compiled when it is filled; values are matched literally, so only the author's
/// part can be wrong, and a stand-in shows that now.
fn pattern(item: Item<'_>) -> Option<String> {
    let text = item.text()?;
    if !text.contains("{{") {
        return head::pattern(item);
    }
    let Ok(pieces) = template::pieces(&text) else { return Some(text) };
    let stand_in = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Name(_) => "x".to_owned(),
    };
    let scalar = Scalar { text: pieces.iter().map(stand_in).collect(), style: Style::Quoted };
    let node = Node { at: item.at(), value: Value::Scalar(scalar) };
    head::pattern(item.under(&node, item.name())).map(|_| text)
}

fn numbers(f: &mut Fields<'_>, all: &mut Vec<Expect>) {
    all.extend(f.optional("min", Item::number).map(Expect::Min));
    all.extend(f.optional("max", Item::number).map(Expect::Max));
    all.extend(f.optional("between", between));
    all.extend(f.optional("within", within));
}

fn between(item: Item<'_>) -> Option<Expect> {
    let ends = item.list(Item::number)?;
    match ends.as_slice() {
        [a, b] if a <= b => Some(Expect::Between(*a, *b)),
        _ => {
            item.wrong("two numbers, the smaller one first");
            None
        }
    }
}

fn within(item: Item<'_>) -> Option<Expect> {
    let mut f = item.fields("within")?;
    let of = f.required("of", Item::name_text);
    let percent = f.optional("percent", not_negative).map(Tolerance::Percent);
    let absolute = f.optional("absolute", not_negative).map(Tolerance::Absolute);
    let both = f.has("percent") && f.has("absolute");
    let none = !f.has("percent") && !f.has("absolute");
    if both || none {
        item.refuse(
            "parse-within",
            "`within` needs `percent` or `absolute`, and only one of them",
            "keep or add one",
        );
    }
    f.finish();
    Some(Expect::Within { of: of?, tolerance: percent.or(absolute)? })
}

fn not_negative(item: Item<'_>) -> Option<f64> {
    let n = item.number()?;
    if n < 0.0 {
        item.wrong("a number that is not negative");
        return None;
    }
    Some(n)
}

fn structures(f: &mut Fields<'_>, all: &mut Vec<Expect>) {
    all.extend(f.optional("json", json));
    all.extend(f.optional("csv", csv));
    all.extend(f.optional("same_as", same_as));
}

fn json(item: Item<'_>) -> Option<Expect> {
    let paths = item.named(|key, item| {
        if let Err(e) = JsonPath::parse(&key.name) {
            let message = format!("`{}` is not a JSONPath: {}", key.name, e.message());
            item.faults().error(
                "parse-jsonpath",
                key.at,
                &message,
                "write it as \"$.status\" or \"$.items[0].name\"",
            );
        }
        // A plain value is the commonest expectation by far.
        let expected = match item.value() {
            Value::Scalar(_) => item.any_text().map(Expect::Equals),
            Value::Map(_) | Value::List(_) => expect(item),
        };
        Some((key.name.clone(), expected?))
    })?;
    if paths.is_empty() && !item.faults().any_error() {
        item.refuse("parse-empty", "`json` names no path", "write `json: {\"$.status\": {equals: …}}`");
    }
    Some(Expect::Json(paths))
}

fn csv(item: Item<'_>) -> Option<Expect> {
    let mut f = item.fields("csv")?;
    let key = f.required("key", columns);
    let rows = f.optional("rows", |i| i.whole(0, u64::MAX));
    let same_as = f.optional("same_as", Item::name_text);
    let except = f.optional("except", |i| match i.value() {
        Value::List(_) => i.list(Item::any_text),
        Value::Scalar(_) | Value::Map(_) => i.any_text().map(|t| vec![t]),
    });
    if rows.is_none() && same_as.is_none() && !(f.has("rows") || f.has("same_as")) {
        item.refuse("parse-empty", "`csv` expects nothing of the table", "add `rows` or `same_as`");
    }
    f.finish();
    Some(Expect::Csv(Table { key: key?, rows, same_as, except: except.unwrap_or_default() }))
}

fn columns(item: Item<'_>) -> Option<Vec<String>> {
    match item.value() {
        Value::List(_) => item.some(Item::text),
        Value::Scalar(_) | Value::Map(_) => item.text().map(|t| vec![t]),
    }
}

/// `same_as: name`, or `{of: name, key: [columns]}` (also `measurement` for `of`).
fn same_as(item: Item<'_>) -> Option<Expect> {
    if matches!(item.value(), Value::Scalar(_)) {
        return item.name_text().map(|measurement| Expect::SameAs { measurement, key: Vec::new() });
    }
    let mut f = item.fields("same_as")?;
    let measurement = if f.has("measurement") {
        f.optional("measurement", Item::name_text)
    } else {
        f.required("of", Item::name_text)
    };
    let key = f.optional("key", columns).unwrap_or_default();
    f.finish();
    Some(Expect::SameAs { measurement: measurement?, key })
}

fn combinations(f: &mut Fields<'_>, all: &mut Vec<Expect>) {
    all.extend(f.optional("any_of", |i| i.some(expect)).map(Expect::AnyOf));
    all.extend(f.optional("all_of", |i| i.some(expect)).map(Expect::AllOf));
    all.extend(f.optional("not", expect).map(|e| Expect::Not(Box::new(e))));
}
