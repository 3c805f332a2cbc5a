//! The schema of what stands above the steps. Never mentions a step.

use super::shape::{NAME, list, may, named, need, object, one_of, pattern, reference, some, whole};
use crate::runbook::vocabulary;
use serde_json::{Value, json};

pub fn class() -> Value {
    one_of(&vocabulary::CLASSES)
}

pub fn link() -> Value {
    object(&[
        need("title", reference("text"), "What it leads to."),
        need("url", pattern("^https?://"), "The address."),
    ])
}

pub fn objectives() -> Value {
    object(&[
        need("rto", reference("duration"), "How long the recovery may take."),
        need("rpo", reference("duration"), "How much data may be lost, in time."),
    ])
}

pub fn cost() -> Value {
    object(&[
        need("per_minute", reference("number"), "In units of the currency."),
        need("currency", pattern("^[A-Z]{3}$"), "ISO 4217 code."),
    ])
}

pub fn residency() -> Value {
    object(&[need("allowed", some(reference("text")), "Steps with another `region` are refused.")])
}

pub fn window() -> Value {
    object(&[
        need("opens_at", reference("text"), "Template that gives an RFC 3339 time."),
        need("lasts", reference("duration"), "How long the way back exists from then on."),
        need("because", reference("text"), "Why it closes."),
    ])
}

pub fn controls() -> Value {
    json!({"type": "object", "additionalProperties": some(reference("text"))})
}

pub fn params() -> Value {
    named(
        NAME,
        object(&[
            may("prompt", reference("text"), "The question; the name by default."),
            may("pattern", reference("text"), "Regular expression that the whole answer must match."),
            may("default", reference("any_text"), "Used when no answer is given."),
            may(
                "required",
                reference("flag"),
                "Whether an answer must be given; true unless there is a default.",
            ),
            may("secret", reference("flag"), "Never written anywhere in clear; may only be used in `env`."),
            may("env", reference("variable"), "Environment variable the answer is taken from."),
        ]),
    )
}

pub fn restore_point() -> Value {
    object(&[
        need("prompt", reference("text"), "The question."),
        may("type", json!({"enum": ["timestamp"]}), "What the answer is."),
    ])
}

pub fn roles() -> Value {
    let mut role = object(&[
        may("required", reference("flag"), "The rollback cannot be declared while this seat is empty."),
        may("min", whole(0, u64::from(u32::MAX)), "How many people at least."),
        may("max_tenure", reference("duration"), "After so long the holder is asked to hand over."),
        may("stand_in", list(reference("name")), "Roles whose holders may sit here."),
        may(
            "excludes",
            list(reference("name")),
            "Roles nobody has beside this one; `executor`: whoever sits here carries out no step.",
        ),
    ]);
    super::shape::add(&mut role, "type", json!(["object", "null"]));
    named(NAME, role)
}

pub fn requirements() -> Value {
    some(object(&[
        need("role", reference("name"), "The role they act in."),
        may("count", whole(1, u64::from(u32::MAX)), "How many different people; 1 by default."),
    ]))
}

pub fn authority() -> Value {
    let roles = || some(reference("name"));
    object(&[
        may("abort", roles(), "To give the rollback up: take back what was done, or mend forward."),
        may("go_on", roles(), "To go on in spite of a step that failed or is left out."),
        may("no_return", roles(), "To go past a point of no return: one of them approves it."),
    ])
}

pub fn declare() -> Value {
    let over = object(&[
        need("require", reference("requirements"), "Whose word is enough."),
        may("reason", json!({"enum": ["required"]}), "A reason is always required."),
    ]);
    object(&[
        need("require", reference("requirements"), "All of these."),
        need("expires", reference("duration"), "How long the request stays open."),
        may("override", over, "Break-glass: loud, with a reason, and reviewed afterwards."),
        may("notify", list(reference("text")), "Who is to be told when it is declared."),
    ])
}

pub fn metrics() -> Value {
    named(
        NAME,
        object(&[
            may("title", reference("text"), "Shown above the pane."),
            need("source", reference("name"), "A name in the workspace's `sources`."),
            need("query", reference("text"), "In the source's own language."),
            may("unit", one_of(&vocabulary::UNITS), "How values are printed; `count` by default."),
            may("better", one_of(&vocabulary::BETTER), "Which way is good; `lower` by default."),
            may("warn", reference("number"), "Warning threshold."),
            may("critical", reference("number"), "Critical threshold."),
            may("every", reference("duration"), "Polling interval; 5s by default."),
        ]),
    )
}

pub fn threshold() -> Value {
    json!({
        "type": "string", "pattern": r"^\s*(?:<=|>=|==|!=|<|>)\s*[+-]?[0-9.][0-9.eE+-]*\s*$",
        "examples": ["> 0.05", "<= 200"],
    })
}

pub fn trigger() -> Value {
    object(&[
        need("id", reference("id"), "Its name."),
        need("metric", reference("name"), "A metric of this runbook."),
        need("condition", reference("threshold"), "Comparison that must hold."),
        may("for", reference("duration"), "For how long."),
        may("weight", whole(1, u64::from(u32::MAX)), "Points of the readiness score."),
        may("on_no_data", one_of(&vocabulary::NO_DATA), "What silence means."),
    ])
}

pub fn metric_condition() -> Value {
    object(&[
        need("metric", reference("name"), "A metric of this runbook."),
        need("condition", reference("threshold"), "The comparison."),
    ])
}

pub fn comms() -> Value {
    let cadence = object(&[
        need("audience", reference("text"), "Who hears."),
        need("every", reference("duration"), "How often at least."),
        need("template", reference("name"), "Which text."),
    ]);
    let template = object(&[
        need("audience", reference("text"), "Who hears."),
        need("channel", reference("name"), "A name in the workspace's `channels`."),
        need("text", reference("text"), "The text with its templates."),
    ]);
    object(&[
        may("cadence", list(cadence), "Who hears how often."),
        may("templates", named(NAME, template), "Texts by name."),
    ])
}
