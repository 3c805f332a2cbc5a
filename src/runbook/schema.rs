//! The format as JSON Schema, draft 2020-12, so that editors complete and other programs check. Never stricter than
//! the parser: what the parser takes, the schema takes.
//!
//! It says what the shape of a file is. Whether names exist, durations fit and people can be found is the parser's
//! and the linter's business.

mod action;
mod expect;
mod head;
pub mod shape;
mod step;

use serde_json::{Value, json};
use shape::{document, may, need, reference};

/// The schema of a runbook.
pub fn runbook() -> Value {
    let keys = [
        need("backout", json!({"enum": [1, "1"]}), "The format's version: 1."),
        need("id", reference("id"), "Stable name; statistics hang on it."),
        need("title", reference("text"), "One line for people."),
        need("class", head::class(), "What kind of thing is brought back."),
        need("service", reference("text"), "The service it is about; one live incident at a time."),
        need("environment", reference("text"), "Where, in words; shown on every screen."),
        may("region", reference("text"), "Where the service runs."),
        need("owners", shape::some(reference("text")), "Teams that answer for this runbook."),
        may(
            "reviewed",
            shape::pattern(r"^\d{4}-\d{2}-\d{2}$"),
            "The day somebody last read it from end to end.",
        ),
        may("tags", shape::list(reference("text")), "Free labels."),
        may("links", shape::list(head::link()), "Dashboards and documents."),
        need("summary", reference("text"), "One paragraph."),
        need(
            "does_not_undo",
            reference("text"),
            "What stays as it is; shown before the decision and sent to customers.",
        ),
        need("objectives", head::objectives(), "Recovery objectives."),
        may("cost", head::cost(), "What a minute of trouble costs."),
        may("residency", head::residency(), "Regions that data may be handled in."),
        may("window", head::window(), "How long this way back exists."),
        may("controls", reference("controls"), "Policy crosswalk: framework to control names."),
        may("params", head::params(), "Questions asked when the incident opens."),
        may(
            "restore_point",
            head::restore_point(),
            "Asks which point in time to restore to; required for data and restore.",
        ),
        need("roles", head::roles(), "Seats of this incident."),
        need("declare", head::declare(), "Who may decide to start this rollback."),
        may("authority", reference("authority"), "Who decides what after that."),
        may("metrics", head::metrics(), "Metric panes."),
        may(
            "triggers",
            shape::list(head::trigger()),
            "Data-driven criteria; together they make the readiness score.",
        ),
        may("comms", head::comms(), "Messages: texts and their rhythm."),
        need("phases", shape::some(step::phase()), "The checklist."),
        may("always", shape::list(reference("step")), "Steps offered on every way out."),
    ];
    let mut whole = document("A backout runbook", &keys);
    shape::add(
        &mut whole,
        "allOf",
        json!([{
            "if": {"properties": {"class": {"enum": ["data", "restore"]}}, "required": ["class"]},
            "then": {"required": ["restore_point"]},
        }]),
    );
    shape::add(&mut whole, "$defs", definitions());
    whole
}

fn definitions() -> Value {
    let mut all = shape::definitions();
    for (name, schema) in [
        ("controls", head::controls()),
        ("requirements", head::requirements()),
        ("authority", head::authority()),
        ("metric_condition", head::metric_condition()),
        ("threshold", head::threshold()),
        ("command", action::command()),
        ("http", action::http()),
        ("metric", action::metric()),
        ("condition", action::condition()),
        ("expectation", expect::expectation()),
        ("step", step::step()),
    ] {
        shape::add(&mut all, name, schema);
    }
    all
}

#[cfg(test)]
pub mod check;

#[cfg(test)]
mod tests;
