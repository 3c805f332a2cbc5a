//! The scenario format as JSON Schema, for editors. Never stricter than the parser.

use super::FORMAT;
use super::parse::{MODES, ORIGINS, RATINGS, ROLL_UP, SPOILERS};
use super::people::{BASES, CHANNELS, KINDS};
use super::world::REACHES;
use crate::runbook::schema::shape::{
    self, Key, NAME, document, list, may, named, need, object, one_of, reference, some, whole,
};
use crate::runbook::vocabulary;
use serde_json::{Value, json};

/// The schema of a scenario.
pub fn scenario() -> Value {
    let keys = [
        need("schema", json!({"const": FORMAT}), "The format's version."),
        need("id", reference("id"), "Stable name."),
        need("title", reference("text"), "One line for people; players see it."),
        need("class", one_of(&vocabulary::CLASSES), "What kind of rollback it rehearses."),
        may("runbook", reference("id"), "The runbook it was written for; any of its class by default."),
        need("difficulty", whole(1, 5), "From 1 to 5."),
        need("provenance", provenance(), "Where the story comes from."),
        may("spoiler", one_of(&SPOILERS), "Whether truth and injects stay hidden; `sealed` by default."),
        need("clock", clock(), "How its time goes."),
        need("roles", some(reference("name")), "Seats that have to be filled."),
        may("absent", list(reference("name")), "Those of them that stay empty on purpose."),
        need("objectives", some(objective()), "What is practised."),
        may("world", world(), "What players see of the system."),
        need("injects", some(inject()), "What happens, and what people are told."),
        may("decisions", list(decision()), "Where they have to choose."),
        need("expectations", some(expectation()), "What is expected of them."),
        may("stop_when", list(reference("when")), "Ends the rehearsal at once."),
        may("scoring", scoring(), "How what was seen becomes a rating."),
        need("debrief", debrief(), "What is talked about afterwards."),
    ];
    let mut out = document("A backout scenario", &keys);
    let mut all = shape::definitions();
    let when = json!({"type": ["string", "number", "boolean"], "pattern": r"\S",
        "examples": ["event('message.sent') && t >= 8m && !frozen"]});
    let states = named(NAME, json!({"type": ["boolean", "number", "string"]}));
    for (name, schema) in [("when", when), ("states", states)] {
        shape::add(&mut all, name, schema);
    }
    shape::add(&mut out, "$defs", all);
    out
}

fn provenance() -> Value {
    let kind = format!("^(?:{}|recorded:.+)$", ORIGINS.join("|"));
    object(&[
        need("kind", shape::pattern(&kind), "real, composite, invented, or recorded: and an incident's id."),
        may("refs", list(reference("text")), "What it was made from."),
    ])
}

fn clock() -> Value {
    object(&[
        may("mode", one_of(&MODES), "Who moves it; `driven` by default."),
        may("speed", reference("number"), "While people are free to act; 1 is real time."),
        may("wait_speed", reference("number"), "While everybody only waits for a command."),
        need("duration", reference("duration"), "How long the rehearsal may take, in its own time."),
    ])
}

fn objective() -> Value {
    object(&[
        need("id", reference("id"), "Its name."),
        need("capability", reference("text"), "What is practised, in a word or two."),
        need("target", reference("text"), "What is to be reached."),
        may("tasks", list(reference("id")), "What people have to do for it."),
    ])
}

fn world() -> Value {
    object(&[
        may("state", reference("states"), "What the rest refers to, and how it begins."),
        may("metrics", named(NAME, curve()), "What sources answer, by metric of the runbook."),
        may("commands", list(stub()), "What commands and requests answer; the first that fits does."),
    ])
}

fn curve() -> Value {
    let noise = object(&[
        need("amp", reference("number"), "How far it shakes to either side."),
        may("seed", whole(0, u64::MAX), "The same seed gives the same noise."),
    ]);
    let point = json!({"type": "array", "minItems": 2, "maxItems": 3,
        "prefixItems": [reference("duration"), reference("number"), one_of(&REACHES)]});
    let span = json!({"type": "array", "minItems": 2, "maxItems": 2, "items": reference("duration")});
    let shift = object(&[
        need("when", reference("when"), "What begins it."),
        need("decay_to", reference("number"), "The value it goes to."),
        need("tau", reference("duration"), "In so long two thirds of the way are gone."),
    ]);
    object(&[
        may("unit", one_of(&vocabulary::UNITS), "Its unit."),
        may("noise", noise, "How much it shakes."),
        need("curve", some(point), "Time, value, and `linear` for a straight line from the point before."),
        may("shift", list(shift), "Where it goes when something happens."),
        may("stale_after", reference("duration"), "After so long the source repeats its last value."),
        may("missing", list(span), "From and until when there is no answer."),
    ])
}

fn stub() -> Value {
    let mut out = object(&[
        need("match", reference("text"), "The line as `plan` shows it, with `*` for anything."),
        may("when", reference("when"), "Only then."),
        may("takes", reference("duration"), "So long, in the scenario's time."),
        may("rc", whole(0, 255), "Its exit code; 0 by default."),
        may("stdout", reference("any_text"), "What it prints."),
        may("else_stdout", reference("any_text"), "What it prints when `when` does not hold."),
        may("set", reference("states"), "What is so afterwards."),
    ]);
    shape::add(&mut out, "dependentRequired", json!({"else_stdout": ["when"]}));
    out
}

fn inject() -> Value {
    let mut out = object(&[
        need("id", reference("id"), "Its name."),
        may("at", reference("duration"), "It comes at this time of the scenario."),
        may("when", reference("when"), "It comes as soon as this holds."),
        may("to", list(reference("name")), "Seats it goes to."),
        may("channel", one_of(&CHANNELS), "How it arrives; `silent` by default."),
        may("from", reference("text"), "Who says it."),
        may("body", reference("text"), "What they say."),
        may("red_herring", reference("flag"), "It leads astray on purpose."),
        may("hint_for", reference("id"), "The task it helps with; its rating is capped."),
        may("purpose", reference("text"), "Why it is there, where no expectation refers to it."),
        may("set", reference("states"), "What is so from then on."),
    ]);
    shape::add(&mut out, "oneOf", json!([{"required": ["at"]}, {"required": ["when"]}]));
    let heard: Vec<&str> =
        vocabulary::words(&CHANNELS).into_iter().filter(|word| *word != "silent").collect();
    let loud = json!({"if": {"required": ["channel"], "properties": {"channel": {"enum": heard}}},
        "then": {"required": ["to", "body"]}});
    shape::add(&mut out, "allOf", json!([loud]));
    out
}

fn decision() -> Value {
    let option = object(&[
        need("name", reference("text"), "What is done."),
        need("because", reference("text"), "What speaks for it."),
    ]);
    object(&[
        need("id", reference("id"), "Its name."),
        need("ask", reference("text"), "What has to be decided."),
        need("options", list(option), "What can be chosen."),
    ])
}

/// One mapping for each kind; without `kind` it is `want`.
fn expectation() -> Value {
    let kind = |name: &'static str, mut keys: Vec<Key>| {
        let said = json!({"const": name});
        let doc = "What kind of expectation it is; `want` by default.";
        keys.push(if name == "want" { may("kind", said, doc) } else { need("kind", said, doc) });
        keys.extend([
            need("id", reference("id"), "Its name."),
            need("task", reference("id"), "The task it shows."),
            may("critical", reference("flag"), "Missing it fails the rehearsal."),
        ]);
        object(&keys)
    };
    let basis = || may("basis", one_of(&BASES), "Whose time counts.");
    let mut want = kind(
        "want",
        vec![
            need("want", reference("when"), "What is done."),
            may("after", reference("id"), "Counted from this inject."),
            may("within", reference("duration"), "In this time."),
            may("before", reference("when"), "Before this holds."),
            basis(),
        ],
    );
    shape::add(&mut want, "anyOf", json!([{"required": ["within"]}, {"required": ["before"]}]));
    let forbid = vec![
        need("of", reference("when"), "What is not done."),
        may("unless", reference("when"), "It is fine once this holds."),
    ];
    let cadence = vec![
        need("of", reference("text"), "The kind of event, or event(…)."),
        need("every", reference("duration"), "At least so often."),
        may("until", reference("when"), "Until this holds."),
    ];
    let budget = vec![
        need("from", reference("text"), "An inject or a condition: where it begins."),
        need("to", reference("text"), "An inject or a condition: where it ends."),
        need("within", reference("duration"), "How long it may take."),
        basis(),
    ];
    let judged = vec![
        need("ask", reference("text"), "The question."),
        need("observe", reference("text"), "What to look at."),
    ];
    debug_assert_eq!(vocabulary::words(&KINDS), ["want", "forbid", "cadence", "budget", "judged"]);
    json!({"anyOf": [
        want, kind("forbid", forbid), kind("cadence", cadence), kind("budget", budget), kind("judged", judged),
    ]})
}

fn scoring() -> Value {
    object(&[
        may("grace", shape::pattern(r"^[0-9.]+%$"), "What is late by at most this share is only late."),
        may("hint_caps_at", one_of(&RATINGS), "The best rating of a task that a hint was given for."),
        may("critical_fail", one_of(&RATINGS), "The rating of a task whose critical expectation was missed."),
        may("roll_up", one_of(&ROLL_UP), "How tasks become one rating."),
    ])
}

fn debrief() -> Value {
    object(&[
        need("truth", reference("text"), "What really was wrong."),
        may("questions", list(reference("text")), "What is asked."),
    ])
}
