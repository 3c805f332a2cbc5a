//! The schema of phases and steps. Never says which combinations are wise.

use super::shape::{self, VARIABLE, list, may, named, need, object, one_of, reference, some, whole};
use crate::runbook::vocabulary;
use serde_json::{Value, json};

pub fn phase() -> Value {
    object(&[
        need("name", reference("text"), "Its name."),
        may(
            "preflight",
            json!({"type": "boolean"}),
            "Looks ahead: its steps only look, begin when the incident opens, and must pass before the rollback is declared.",
        ),
        may(
            "recheck",
            list(reference("id")),
            "Steps of phases that look ahead, looked at again right before this one.",
        ),
        may("authority", reference("authority"), "Who decides what here, in place of the runbook's."),
        need("steps", some(reference("step")), "At most nine, so that people keep them in view."),
    ])
}

pub fn step() -> Value {
    let mut keys = vec![need("id", reference("id"), "Unique in the runbook.")];
    keys.extend(super::action::actions());
    keys.extend(beside());
    let mut out = object(&keys);
    let one: Vec<Value> = vocabulary::ACTIONS.iter().map(|action| json!({"required": [action]})).collect();
    shape::add(&mut out, "oneOf", Value::Array(one));
    let together = json!({"run": ["timeout"], "exit_codes": ["run"], "as": ["measure"], "measure": ["as"]});
    shape::add(&mut out, "dependentRequired", together);
    shape::add(&mut out, "if", json!({"required": ["retry"]}));
    shape::add(
        &mut out,
        "then",
        json!({"required": ["idempotent"], "properties": {"idempotent": {"const": true}}}),
    );
    out
}

fn beside() -> Vec<shape::Key> {
    vec![
        may("title", reference("text"), "One line for people; the id by default."),
        may("exit_codes", some(whole(0, 255)), "With `run`: codes that count as success."),
        may("as", reference("name"), "With `measure`: the measurement's name."),
        may("role", reference("name"), "The seat that acts."),
        may("text", reference("text"), "Instructions."),
        may("when", reference("text"), "`a == b`, `a != b` or one value; otherwise the step is skipped."),
        may("needs", list(reference("id")), "Steps that must be settled first; the step before by default."),
        may("timeout", reference("duration"), "Ends the whole process group; required for `run`."),
        may("retry", retry(), "Total tries; needs `idempotent: true`."),
        may("idempotent", reference("flag"), "Running it twice is the same as once."),
        may("on_failure", on_failure(), "What failing means; `pause` by default."),
        may("on_no_data", one_of(&vocabulary::NO_DATA), "What silence means; `inconclusive` by default."),
        may("estimate", reference("duration"), "How long it usually takes."),
        may("host", reference("text"), "Runs there through the system's ssh."),
        may("region", reference("text"), "Where data is handled."),
        may(
            "env",
            named(VARIABLE, reference("any_text")),
            "Environment of the command; the only way in for secrets.",
        ),
        may("cwd", reference("text"), "Working directory; relative paths start at the workspace."),
        may(
            "irreversible",
            reference("flag"),
            "A point of no return: needs an approval that covers it, and a target.",
        ),
        may("target", target(), "Asked for its name right before, and retyped by the operator."),
        may("suspends", reference("name"), "What is suspended from here on."),
        may("resumes", reference("name"), "What is lifted again."),
        may(
            "progress",
            reference("command"),
            "Prints `done/total unit` or `percent%`, for a `run` that cannot report it itself.",
        ),
        may("undo", reference("command"), "Takes the step back; offered after an abort, in reverse."),
        may("reconcile", reference("condition"), "Finds out what happened when the outcome is unknown."),
        may("backlog", backlog(), "What stays to be reconciled."),
        may("controls", reference("controls"), "Policy crosswalk."),
        may("evidence", one_of(&vocabulary::EVIDENCE), "Whether a person must attach evidence."),
    ]
}

fn retry() -> Value {
    object(&[
        need("max_attempts", whole(1, 100), "The first included."),
        may("delay", reference("duration"), "Before the second."),
        may("backoff", reference("number"), "Factor for each further pause, 1 to 10."),
    ])
}

fn on_failure() -> Value {
    let goto = object(&[need("goto", reference("id"), "A later step.")]);
    json!({"anyOf": [one_of(&vocabulary::ON_FAILURE), goto]})
}

fn target() -> Value {
    object(&[
        need("run", reference("command"), "Asks the target for its name."),
        need("equals", reference("text"), "What it must answer."),
    ])
}

fn backlog() -> Value {
    object(&[
        need("name", reference("label"), "What they are."),
        need("count", reference("command"), "Its output is the number."),
        may("owner", reference("text"), "Who looks after them."),
    ])
}
