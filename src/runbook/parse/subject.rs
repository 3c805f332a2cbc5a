//! What is looked at, and commands. Never runs them.

use crate::runbook::decode::{Fields, Item};
use crate::runbook::model::{Aggregate, Command, Condition, HttpRequest, Subject};
use crate::runbook::vocabulary;
use crate::runbook::yaml::Value;
use std::collections::BTreeMap;

/// A command: a list (no shell) or text (a shell line).
pub fn command(item: Item<'_>) -> Option<Command> {
    match item.value() {
        Value::Scalar(_) => item.text().map(Command::Shell),
        Value::List(_) => {
            let args = item.some(Item::any_text)?;
            if args.first().is_some_and(|program| program.trim().is_empty()) {
                item.refuse(
                    "parse-empty",
                    "the program's name is empty",
                    "write the program first, then its arguments",
                );
                return None;
            }
            Some(Command::Argv(args))
        }
        Value::Map(_) => {
            item.wrong("a list (program and arguments) or text (a shell line)");
            None
        }
    }
}

/// `subject + expect` in a mapping of its own.
pub fn condition(item: Item<'_>) -> Option<Condition> {
    let mut f = item.fields("condition")?;
    let subject = of(&mut f);
    let expect = f.required("expect", super::expect::expect);
    f.finish();
    Some(Condition { subject: subject?, expect: expect? })
}

/// Exactly one of `run`, `http` and `metric`.
pub fn of(f: &mut Fields<'_>) -> Option<Subject> {
    let given: Vec<&'static str> = vocabulary::SUBJECTS.into_iter().filter(|key| f.has(key)).collect();
    let beside = span_beside(f);
    match given.as_slice() {
        ["run"] => f.optional("run", command).map(Subject::Run),
        ["http"] => f.optional("http", http).map(Subject::Http),
        ["metric"] => f.optional("metric", |item| metric(item, beside)),
        [] => {
            let help = "add `run:` (its output), `http:` (the answer) or `metric:`";
            f.item().faults().error("parse-no-subject", f.at(), "nothing is looked at", help);
            None
        }
        [first, rest @ ..] => {
            for key in rest {
                let at = f.key_at(key).unwrap_or(f.at());
                let message = format!("one thing is looked at, and this has `{first}` already");
                f.item().faults().error("parse-two-subjects", at, &message, "make it a step of its own");
            }
            None
        }
    }
}

type Over = Option<(std::time::Duration, Aggregate)>;

/// `over` and `with` may stand beside `metric: name`, or inside `metric: {name, over, with}`.
fn span_beside(f: &mut Fields<'_>) -> Over {
    if !f.has("metric") {
        return None;
    }
    let over = f.optional("over", Item::positive_duration);
    let with = f.optional("with", aggregate);
    if over.is_none() && with.is_some() {
        f.missing("over");
    }
    over.map(|span| (span, with.unwrap_or(Aggregate::Avg)))
}

fn metric(item: Item<'_>, beside: Over) -> Option<Subject> {
    if matches!(item.value(), Value::Map(_)) {
        let mut f = item.fields("metric")?;
        let name = f.required("name", Item::name_text);
        let over = f.optional("over", Item::positive_duration);
        let with = f.optional("with", aggregate);
        if over.is_none() && with.is_some() {
            f.missing("over");
        }
        f.finish();
        let over = over.map(|span| (span, with.unwrap_or(Aggregate::Avg)));
        return Some(Subject::Metric { name: name?, over: over.or(beside) });
    }
    Some(Subject::Metric { name: item.name_text()?, over: beside })
}

fn aggregate(item: Item<'_>) -> Option<Aggregate> {
    item.one_of(&vocabulary::AGGREGATES)
}

fn http(item: Item<'_>) -> Option<HttpRequest> {
    let mut f = item.fields("http")?;
    let url = f.required("url", address);
    let method = f.optional("method", method).unwrap_or("GET");
    let headers = f.optional("headers", headers).unwrap_or_default();
    let body = f.optional("body", Item::any_text);
    let status = f.optional("status", |i| i.whole(100, 599)).and_then(|n| u16::try_from(n).ok());
    f.finish();
    Some(HttpRequest { url: url?, method: method.to_owned(), headers, body, status })
}

fn address(item: Item<'_>) -> Option<String> {
    let text = item.text()?;
    if ["http://", "https://", "{{"].iter().any(|start| text.starts_with(start)) {
        return Some(text);
    }
    item.refuse("parse-address", "an address must start with http:// or https://", "write the whole address");
    None
}

fn method(item: Item<'_>) -> Option<&'static str> {
    item.one_of(&vocabulary::METHODS)
}

fn headers(item: Item<'_>) -> Option<BTreeMap<String, String>> {
    let entries = item.named(|key, item| {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if key.name.is_empty() || !key.name.bytes().all(fits) {
            let message = format!("`{}` is not the name of a header", key.name);
            item.faults().error("parse-bad-name", key.at, &message, "use letters, digits and `-`");
        }
        Some((key.name.clone(), item.any_text()?))
    })?;
    Some(entries.into_iter().collect())
}
