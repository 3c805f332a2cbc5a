//! The keys above the steps: what the runbook is about. Never judges whether they are wise.

use crate::runbook::decode::{Fields, Item};
use crate::runbook::model::{
    Authority, Class, Comms, Cost, Link, Objectives, Param, RestorePoint, Runbook, Window,
};
use crate::runbook::vocabulary;
use regex::RegexBuilder;
use std::collections::BTreeMap;
use std::time::Duration;

/// A pattern may compile to this many bytes.
const PATTERN_SIZE: usize = 1 << 20;

/// Everything above params, roles and steps; the rest is empty.
pub fn read(f: &mut Fields<'_>) -> Runbook {
    f.required("backout", version);
    let objectives = f.required("objectives", objectives);
    Runbook {
        id: f.required("id", Item::id).unwrap_or_default(),
        title: f.required("title", Item::text).unwrap_or_default(),
        class: f.required("class", class).unwrap_or(Class::Deploy),
        service: f.required("service", Item::text).unwrap_or_default(),
        environment: f.required("environment", Item::text).unwrap_or_default(),
        region: f.optional("region", Item::text),
        owners: f.required("owners", |i| i.some(Item::text)).unwrap_or_default(),
        reviewed: f.optional("reviewed", date),
        tags: f.optional("tags", |i| i.list(Item::text)).unwrap_or_default(),
        links: f.optional("links", |i| i.list(link)).unwrap_or_default(),
        summary: f.required("summary", Item::text).unwrap_or_default(),
        does_not_undo: f.required("does_not_undo", Item::text).unwrap_or_default(),
        objectives: objectives.unwrap_or(Objectives { rto: Duration::ZERO, rpo: Duration::ZERO }),
        cost: f.optional("cost", cost),
        residency: f.optional("residency", residency).unwrap_or_default(),
        window: f.optional("window", window),
        controls: f.optional("controls", controls).unwrap_or_default(),
        params: Vec::new(),
        restore_point: None,
        roles: Vec::new(),
        declare: super::people::nobody(),
        authority: Authority::default(),
        metrics: Vec::new(),
        triggers: Vec::new(),
        comms: Comms::default(),
        phases: Vec::new(),
        always: Vec::new(),
    }
}

fn version(item: Item<'_>) -> Option<()> {
    let text = item.text()?;
    if text != "1" {
        item.refuse(
            "parse-version",
            &format!("this is format `{text}`; only format 1 is read"),
            "write `backout: 1`",
        );
        return None;
    }
    Some(())
}

fn class(item: Item<'_>) -> Option<Class> {
    item.one_of(&vocabulary::CLASSES)
}

fn objectives(item: Item<'_>) -> Option<Objectives> {
    let mut f = item.fields("objectives")?;
    let (rto, rpo) = (f.required("rto", Item::positive_duration), f.required("rpo", Item::duration));
    f.finish();
    Some(Objectives { rto: rto?, rpo: rpo? })
}

fn link(item: Item<'_>) -> Option<Link> {
    let mut f = item.fields("link")?;
    let (title, url) = (f.required("title", Item::text), f.required("url", web_address));
    f.finish();
    Some(Link { title: title?, url: url? })
}

/// A day such as `2026-11-21`.
fn date(item: Item<'_>) -> Option<chrono::NaiveDate> {
    let text = item.text()?;
    let read = chrono::NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok().filter(|_| text.len() == 10);
    if read.is_none() {
        item.wrong("a day such as 2026-11-21");
    }
    read
}

/// An address a browser opens; anything else could start a program when clicked.
fn web_address(item: Item<'_>) -> Option<String> {
    let text = item.text()?;
    if text.starts_with("http://") || text.starts_with("https://") {
        return Some(text);
    }
    item.refuse(
        "parse-address",
        &format!("`{}` must start with http:// or https://", item.name()),
        "write the whole address",
    );
    None
}

fn cost(item: Item<'_>) -> Option<Cost> {
    let mut f = item.fields("cost")?;
    let per_minute = f.required("per_minute", Item::number);
    let currency = f.required("currency", currency);
    f.finish();
    let per_minute = per_minute?;
    // Far above any business, far below where f64 loses cents.
    if !(0.0..=1e12).contains(&per_minute) {
        item.refuse("parse-range", "`per_minute` must be between 0 and 1e12", "write what one minute costs");
        return None;
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let per_minute_cents = (per_minute * 100.0).round() as u64;
    Some(Cost { per_minute_cents, currency: currency? })
}

fn currency(item: Item<'_>) -> Option<String> {
    let text = item.text()?;
    if text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase()) {
        return Some(text);
    }
    item.wrong("an ISO 4217 code such as USD");
    None
}

fn residency(item: Item<'_>) -> Option<Vec<String>> {
    let mut f = item.fields("residency")?;
    let allowed = f.required("allowed", |i| i.some(Item::text));
    f.finish();
    allowed
}

fn window(item: Item<'_>) -> Option<Window> {
    let mut f = item.fields("window")?;
    let opens_at = f.required("opens_at", Item::text);
    let lasts = f.required("lasts", Item::positive_duration);
    let because = f.required("because", Item::text);
    f.finish();
    Some(Window { opens_at: opens_at?, lasts: lasts?, because: because? })
}

/// Framework to control names.
pub fn controls(item: Item<'_>) -> Option<BTreeMap<String, Vec<String>>> {
    let entries = item.named(|key, item| Some((key.name.clone(), item.some(Item::text)?)))?;
    Some(entries.into_iter().collect())
}

/// `params`, in file order.
pub fn params(item: Item<'_>) -> Option<Vec<Param>> {
    item.named(|key, item| {
        super::people::named_well(key, item);
        param(&key.name, item)
    })
}

fn param(name: &str, item: Item<'_>) -> Option<Param> {
    let mut f = item.fields("parameter")?;
    let prompt = f.optional("prompt", Item::text).unwrap_or_else(|| name.to_owned());
    let pattern = f.optional("pattern", pattern);
    let default = f.optional("default", Item::any_text);
    let secret = f.optional("secret", Item::flag).unwrap_or(false);
    let env = f.optional("env", super::step::variable_name);
    let required = f.optional("required", Item::flag).unwrap_or(default.is_none());
    if secret && default.is_some() {
        let at = f.key_at("default").unwrap_or(item.at());
        let message = "a secret has its default written in the file";
        item.faults().error(
            "parse-secret-default",
            at,
            message,
            "remove `default`; use `env` to take it from a variable",
        );
    }
    if let (Some(pattern), Some(default)) = (&pattern, &default)
        && !whole_match(pattern, default)
    {
        let at = f.key_at("default").unwrap_or(item.at());
        let message = format!("the default `{default}` does not match the pattern");
        item.faults().error("parse-default-pattern", at, &message, "change one of them");
    }
    f.finish();
    Some(Param { name: name.to_owned(), prompt, pattern, required, default, secret, env })
}

/// A regular expression of this program's dialect (the `regex` crate's).
pub fn pattern(item: Item<'_>) -> Option<String> {
    let text = item.text()?;
    match RegexBuilder::new(&text).size_limit(PATTERN_SIZE).build() {
        Ok(_) => Some(text),
        Err(e) => {
            let why = e
                .to_string()
                .lines()
                .next_back()
                .unwrap_or_default()
                .trim_start_matches("error: ")
                .to_owned();
            let message = format!("`{}` is not a regular expression: {why}", item.name());
            item.refuse(
                "parse-pattern",
                &message,
                "escape special characters with `\\`, and quote the text with '…'",
            );
            None
        }
    }
}

/// Whether the whole of `text` matches `pattern`.
pub fn whole_match(pattern: &str, text: &str) -> bool {
    let whole = format!("^(?:{pattern})$");
    RegexBuilder::new(&whole).size_limit(2 * PATTERN_SIZE).build().is_ok_and(|r| r.is_match(text))
}

/// `restore_point`; required where rows or a whole store are brought back.
pub fn restore_point(f: &mut Fields<'_>, class: Class) -> Option<RestorePoint> {
    let read = |item: Item<'_>| {
        let mut f = item.fields("restore_point")?;
        let prompt = f.required("prompt", Item::text);
        f.optional("type", |i| i.one_of(&[("timestamp", ())]));
        f.finish();
        Some(RestorePoint { prompt: prompt? })
    };
    match class {
        Class::Data | Class::Restore => f.required("restore_point", read),
        Class::Deploy | Class::Schema => f.optional("restore_point", read),
    }
}
