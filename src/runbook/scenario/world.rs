//! What players see of the system: states, curves, and what commands answer. Never starts one of those commands.

use super::model::{Curve, Point, Reach, Shift, Stub, World};
use super::parse::between;
use super::when::{Value, when};
use crate::runbook::decode::{Item, is_name};
use crate::runbook::vocabulary;
use crate::runbook::yaml::Value as Yaml;
use std::time::Duration;

/// How a curve comes to a point.
pub const REACHES: [(&str, Reach); 2] = [("step", Reach::Step), ("linear", Reach::Linear)];
/// Names that conditions read as something else.
pub const TAKEN: [&str; 4] = ["t", "event", "true", "false"];

/// `world`.
pub fn world(item: Item<'_>) -> Option<World> {
    let mut f = item.fields("world")?;
    let state = f.optional("state", states).unwrap_or_default();
    let metrics = f.optional("metrics", metrics).unwrap_or_default();
    let commands = f.optional("commands", |i| i.list(stub)).unwrap_or_default();
    f.finish();
    Some(World { state, metrics, commands })
}

/// Names and what they are: true, false or a number.
pub fn states(item: Item<'_>) -> Option<Vec<(String, Value)>> {
    item.named(|key, item| {
        let taken = TAKEN.contains(&key.name.as_str());
        if !is_name(&key.name) || taken {
            let message = format!("`{}` is no name for a state", key.name);
            let help =
                "use letters, digits, `_` and `-`; `t`, `event`, `true` and `false` mean something else";
            item.faults().error("parse-bad-name", key.at, &message, help);
        }
        Some((key.name.clone(), value(item)?))
    })
}

fn value(item: Item<'_>) -> Option<Value> {
    let text = item.text()?;
    match text.as_str() {
        "true" => Some(Value::Flag(true)),
        "false" => Some(Value::Flag(false)),
        number => match crate::runbook::decode::number_from(number) {
            Some(number) => Some(Value::Number(number)),
            None => {
                item.wrong("true, false or a number");
                None
            }
        },
    }
}

fn metrics(item: Item<'_>) -> Option<Vec<Curve>> {
    item.named(|key, item| {
        if !is_name(&key.name) {
            let message = format!("`{}` is not a name", key.name);
            item.faults().error("parse-bad-name", key.at, &message, "use the metric's name in the runbook");
        }
        curve(&key.name, item)
    })
}

fn curve(metric: &str, item: Item<'_>) -> Option<Curve> {
    let mut f = item.fields("metric of the world")?;
    let unit = f.optional("unit", |i| i.one_of(&vocabulary::UNITS));
    let noise = f.optional("noise", noise);
    let points = f.required("curve", |i| {
        let points = i.some(point)?;
        if points.windows(2).any(|pair| matches!(pair, [a, b] if a.at >= b.at)) {
            i.refuse("scenario-order", "the points are not in order of time", "begin with the earliest");
        }
        Some(points)
    });
    let shifts = f.optional("shift", |i| i.list(shift)).unwrap_or_default();
    let stale_after = f.optional("stale_after", Item::duration);
    let missing = f.optional("missing", |i| i.list(span)).unwrap_or_default();
    f.finish();
    Some(Curve { metric: metric.to_owned(), unit, noise, points: points?, shifts, stale_after, missing })
}

fn noise(item: Item<'_>) -> Option<(f64, u64)> {
    let mut f = item.fields("noise")?;
    let amp = f.required("amp", |i| between(i, 0.0, 1e12));
    let seed = f.optional("seed", |i| i.whole(0, u64::MAX)).unwrap_or(1);
    f.finish();
    Some((amp?, seed))
}

/// `[9m, 0.31, linear]`.
fn point(item: Item<'_>) -> Option<Point> {
    let parts = match item.value() {
        Yaml::List(parts) if (2..=3).contains(&parts.len()) => parts,
        Yaml::Scalar(_) | Yaml::List(_) | Yaml::Map(_) => {
            item.wrong("a time and a value such as [3m, 0.2] or [9m, 0.3, linear]");
            return None;
        }
    };
    let at = parts.first().map(|n| item.under(n, "time")).and_then(Item::duration);
    let value = parts.get(1).map(|n| item.under(n, "value")).and_then(Item::number);
    let by = match parts.get(2) {
        Some(node) => item.under(node, "way").one_of(&REACHES)?,
        None => Reach::Step,
    };
    Some(Point { at: at?, value: value?, by })
}

fn shift(item: Item<'_>) -> Option<Shift> {
    let mut f = item.fields("shift")?;
    let when = f.required("when", when);
    let decay_to = f.required("decay_to", Item::number);
    let tau = f.required("tau", Item::positive_duration);
    f.finish();
    Some(Shift { when: when?, decay_to: decay_to?, tau: tau? })
}

/// `[12m, 15m]`.
fn span(item: Item<'_>) -> Option<(Duration, Duration)> {
    let (Some(from), Some(to), None) = (item.node().item(0), item.node().item(1), item.node().item(2)) else {
        item.wrong("a begin and an end such as [12m, 15m]");
        return None;
    };
    let (from, to) = (item.under(from, "begin").duration(), item.under(to, "end").duration());
    let (from, to) = (from?, to?);
    if from >= to {
        item.refuse("scenario-order", "it ends before it begins", "write the earlier time first");
        return None;
    }
    Some((from, to))
}

fn stub(item: Item<'_>) -> Option<Stub> {
    let mut f = item.fields("command of the world")?;
    let matches = f.required("match", Item::text);
    let when = f.optional("when", when);
    let takes = f.optional("takes", Item::duration).unwrap_or_default();
    let rc = f.optional("rc", |i| i.whole(0, 255)).unwrap_or(0);
    let stdout = f.optional("stdout", Item::any_text).unwrap_or_default();
    let else_stdout = f.optional("else_stdout", Item::any_text);
    let set = f.optional("set", states).unwrap_or_default();
    if else_stdout.is_some() && !f.has("when") {
        let at = f.key_at("else_stdout").unwrap_or(item.at());
        let help = "add `when`, or write it under `stdout`";
        item.faults().error("parse-stray-key", at, "`else_stdout` is said when `when` does not hold", help);
    }
    f.finish();
    let rc = u32::try_from(rc).unwrap_or(255);
    Some(Stub { matches: matches?, when, takes, rc, stdout, else_stdout, set })
}
