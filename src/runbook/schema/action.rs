//! The schema of commands, subjects and actions. Never of the keys beside them.

use super::shape::{self, list, may, named, need, object, one_of, reference, some, whole};
use crate::runbook::vocabulary;
use serde_json::{Value, json};

pub fn command() -> Value {
    json!({"anyOf": [
        {"$ref": "#/$defs/text", "description": "A line for /bin/sh -eu; templates are quoted."},
        {
            "type": "array", "items": reference("any_text"), "prefixItems": [reference("text")], "minItems": 1,
            "description": "Program and arguments without a shell; each template stays one argument.",
        },
    ]})
}

pub fn http() -> Value {
    object(&[
        need(
            "url",
            json!({"type": "string", "pattern": r"^(?:https?://|\{\{)"}),
            "The address; templates are encoded.",
        ),
        may("method", one_of(&vocabulary::METHODS), "GET by default."),
        may("headers", named(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", reference("any_text")), "Headers by name."),
        may("body", reference("any_text"), "The body."),
        may("status", whole(100, 599), "The only status that is an answer; any 2xx by default."),
    ])
}

pub fn metric() -> Value {
    let whole = object(&[
        need("name", reference("name"), "A metric of this runbook."),
        may("over", reference("duration"), "Aggregated over so long; the last value by default."),
        may("with", one_of(&vocabulary::AGGREGATES), "How; `avg` by default."),
    ]);
    let mut whole = whole;
    shape::add(&mut whole, "dependentRequired", json!({"with": ["over"]}));
    json!({"anyOf": [reference("name"), whole]})
}

/// A mapping that looks at exactly one thing, with more keys beside it.
fn looking(beside: Vec<shape::Key>) -> Value {
    let mut keys = vec![
        may("run", reference("command"), "A command; its standard output is the answer."),
        may("http", reference("http"), "A request; its body is the answer."),
        may("metric", reference("metric"), "A metric of this runbook."),
        may("over", reference("duration"), "With `metric`: aggregated over so long."),
        may("with", one_of(&vocabulary::AGGREGATES), "With `over`: how."),
    ];
    keys.extend(beside);
    let mut out = object(&keys);
    let one: Vec<Value> = vocabulary::SUBJECTS.iter().map(|subject| json!({"required": [subject]})).collect();
    shape::add(&mut out, "oneOf", Value::Array(one));
    shape::add(&mut out, "dependentRequired", json!({"over": ["metric"], "with": ["metric", "over"]}));
    out
}

fn expected() -> shape::Key {
    need("expect", reference("expectation"), "What it should be.")
}

pub fn condition() -> Value {
    looking(vec![expected()])
}

/// Every action with its schema and its meaning.
pub fn actions() -> Vec<shape::Key> {
    vec![
        may("manual", reference("text"), "A person does it and confirms."),
        may(
            "run",
            reference("command"),
            "Starts a command that changes something; needs `timeout`. Its exit code never proves the effect.",
        ),
        may("await", await_(), "Looks until it holds, at most `within`."),
        may("check", check(), "Looks and judges."),
        may("measure", looking(Vec::new()), "Takes a fingerprint to compare with later; needs `as`."),
        may("approve", approve(), "A hold point."),
        may("decide", decide(), "A choice between ways on."),
        may("send", reference("name"), "Sends the message template of this name, after showing it."),
        may(
            "set_aside",
            reference("text"),
            "Moves a file or folder to a new name beside it; nothing is overwritten.",
        ),
        may("wait", wait(), "A hold phase."),
    ]
}

fn await_() -> Value {
    looking(vec![
        expected(),
        may("every", reference("duration"), "Pause between looks; 2s by default."),
        need("within", reference("duration"), "The deadline."),
        may("hold_for", reference("duration"), "It must hold so long."),
        may("fail_on", reference("expectation"), "Ends it at once as failed."),
    ])
}

fn check() -> Value {
    looking(vec![
        expected(),
        may("count", whole(1, u64::from(u32::MAX)), "How many looks; all must pass."),
        may("interval", reference("duration"), "Pause between looks."),
    ])
}

fn approve() -> Value {
    object(&[
        need("require", reference("requirements"), "All of these."),
        may("deny_quorum", whole(1, u64::from(u32::MAX)), "So many denials close it; 1 by default."),
        need("expires", reference("duration"), "Fails closed after this."),
        may(
            "separation_of_duties",
            list(one_of(&vocabulary::DUTIES)),
            "Who may not approve; both by default.",
        ),
        may("covers", list(reference("id")), "Steps it is about."),
        may("message", reference("text"), "Shown to the approver."),
    ])
}

fn decide() -> Value {
    let then = || need("then", reference("id"), "A later step, or `end`.");
    let listed = object(&[need("name", reference("text"), "What is chosen."), then()]);
    let options = json!({"anyOf": [
        some(listed),
        {"type": "object", "additionalProperties": object(&[then()])},
    ]});
    object(&[may("message", reference("text"), "The question."), need("options", options, "The ways on.")])
}

fn wait() -> Value {
    let long = object(&[
        need("for", reference("duration"), "How long."),
        may("unless", reference("metric_condition"), "Ends it as failed."),
    ]);
    json!({"anyOf": [reference("duration"), long]})
}
