//! Metrics, triggers and messages. Never asks a source.

use super::people::named_well;
use crate::runbook::decode::Item;
use crate::runbook::model::{
    Better, Cadence, Comms, MessageTemplate, Metric, MetricCondition, NoData, Op, Threshold, Trigger, Unit,
};
use crate::runbook::vocabulary;
use std::time::Duration;

/// Pause between two looks at a metric when the file names none.
const EVERY: Duration = Duration::from_secs(5);

/// `metrics`, in file order.
pub fn metrics(item: Item<'_>) -> Option<Vec<Metric>> {
    item.named(|key, item| {
        named_well(key, item);
        metric(&key.name, item)
    })
}

fn metric(name: &str, item: Item<'_>) -> Option<Metric> {
    let mut f = item.fields("metric")?;
    let source = f.required("source", Item::name_text);
    let query = f.required("query", Item::text);
    let metric = Metric {
        name: name.to_owned(),
        title: f.optional("title", Item::text).unwrap_or_else(|| name.to_owned()),
        source: source.unwrap_or_default(),
        query: query.unwrap_or_default(),
        unit: f.optional("unit", unit).unwrap_or(Unit::Count),
        better: f.optional("better", |i| i.one_of(&vocabulary::BETTER)).unwrap_or(Better::Lower),
        warn: f.optional("warn", Item::number),
        critical: f.optional("critical", Item::number),
        every: f.optional("every", Item::positive_duration).unwrap_or(EVERY),
    };
    f.finish();
    Some(metric)
}

fn unit(item: Item<'_>) -> Option<Unit> {
    item.one_of(&vocabulary::UNITS)
}

/// One of `triggers`.
pub fn trigger(item: Item<'_>) -> Option<Trigger> {
    let mut f = item.fields("trigger")?;
    let id = f.required("id", Item::id);
    let metric = f.required("metric", Item::name_text);
    let condition = f.required("condition", threshold);
    let for_ = f.optional("for", Item::duration).unwrap_or_default();
    let weight = f.optional("weight", Item::positive_count).unwrap_or(1);
    let on_no_data = f.optional("on_no_data", no_data).unwrap_or(NoData::Inconclusive);
    f.finish();
    Some(Trigger { id: id?, metric: metric?, condition: condition?, for_, weight, on_no_data })
}

/// `pass`, `fail` or `inconclusive`.
pub fn no_data(item: Item<'_>) -> Option<NoData> {
    item.one_of(&vocabulary::NO_DATA)
}

/// A comparison such as `> 0.05`.
pub fn threshold(item: Item<'_>) -> Option<Threshold> {
    let text = item.text()?;
    let read = threshold_from(&text);
    if read.is_none() {
        let message = format!("`{}` must be a comparison such as \"> 0.05\", found `{text}`", item.name());
        item.refuse("parse-threshold", &message, "write one of < <= > >= == != and a number, in quotes");
    }
    read
}

fn threshold_from(text: &str) -> Option<Threshold> {
    // Two-character operators first: `>` is the start of `>=`.
    let all = [Op::LessOrEqual, Op::GreaterOrEqual, Op::Equal, Op::NotEqual, Op::Less, Op::Greater];
    all.into_iter().find_map(|op| {
        let number = text.trim().strip_prefix(op.word())?.trim();
        let value = crate::runbook::decode::number_from(number)?;
        Some(Threshold { op, value })
    })
}

/// `{metric, condition}`.
pub fn metric_condition(item: Item<'_>) -> Option<MetricCondition> {
    let mut f = item.fields("metric condition")?;
    let metric = f.required("metric", Item::name_text);
    let condition = f.required("condition", threshold);
    f.finish();
    Some(MetricCondition { metric: metric?, condition: condition? })
}

/// `comms`.
pub fn comms(item: Item<'_>) -> Option<Comms> {
    let mut f = item.fields("comms")?;
    let cadence = f.optional("cadence", |i| i.list(cadence)).unwrap_or_default();
    let templates = f.optional("templates", templates).unwrap_or_default();
    f.finish();
    Some(Comms { cadence, templates })
}

fn cadence(item: Item<'_>) -> Option<Cadence> {
    let mut f = item.fields("cadence")?;
    let audience = f.required("audience", Item::text);
    let every = f.required("every", Item::positive_duration);
    let template = f.required("template", Item::name_text);
    f.finish();
    Some(Cadence { audience: audience?, every: every?, template: template? })
}

fn templates(item: Item<'_>) -> Option<Vec<MessageTemplate>> {
    item.named(|key, item| {
        named_well(key, item);
        let mut f = item.fields("message template")?;
        let audience = f.required("audience", Item::text);
        let channel = f.required("channel", Item::name_text);
        let text = f.required("text", Item::text);
        f.finish();
        Some(MessageTemplate { name: key.name.clone(), audience: audience?, channel: channel?, text: text? })
    })
}
