//! One step: its action and the keys beside it. Never decides whether the step is a good idea.

use super::{action, head, signals, subject};
use crate::runbook::decode::{Fields, Item};
use crate::runbook::model::{Action, Backlog, NoData, OnFailure, Retry, Step, Target};
use crate::runbook::template;
use crate::runbook::vocabulary;
use std::collections::BTreeMap;

/// Reads a step. A step that cannot be read in full is given back all the same, so that references to it hold;
/// its findings keep the file from being used.
pub fn step(item: Item<'_>) -> Option<Step> {
    let mut f = item.fields("step")?;
    let id = f.required("id", Item::id).unwrap_or_default();
    let title = f.optional("title", Item::text).unwrap_or_else(|| id.clone());
    let action = action::read(&mut f);
    let idempotent = f.optional("idempotent", Item::flag).unwrap_or(false);
    let step = Step {
        title,
        role: f.optional("role", Item::name_text),
        text: f.optional("text", Item::text),
        when: f.optional("when", Item::text),
        needs: f.optional("needs", |i| i.list(Item::id)).unwrap_or_default(),
        timeout: timeout(&mut f, &action),
        retry: retry(&mut f, idempotent),
        idempotent,
        on_failure: f.optional("on_failure", on_failure).unwrap_or(OnFailure::Pause),
        on_no_data: f.optional("on_no_data", signals::no_data).unwrap_or(NoData::Inconclusive),
        estimate: f.optional("estimate", Item::duration),
        host: f.optional("host", host),
        region: f.optional("region", Item::text),
        env: f.optional("env", env).unwrap_or_default(),
        cwd: f.optional("cwd", Item::text),
        irreversible: f.optional("irreversible", Item::flag).unwrap_or(false),
        target: f.optional("target", target),
        suspends: f.optional("suspends", Item::name_text),
        resumes: f.optional("resumes", Item::name_text),
        undo: f.optional("undo", subject::command),
        reconcile: f.optional("reconcile", subject::condition),
        progress: f.optional("progress", subject::command),
        backlog: f.optional("backlog", backlog),
        controls: f.optional("controls", head::controls).unwrap_or_default(),
        evidence_required: f.optional("evidence", evidence).unwrap_or(false),
        id,
        action,
    };
    f.finish();
    Some(step)
}

fn timeout(f: &mut Fields<'_>, action: &Action) -> Option<std::time::Duration> {
    let timeout = f.optional("timeout", Item::positive_duration);
    let wanted = matches!(action, Action::Run { .. }) && !f.has("timeout");
    if wanted {
        let at = f.key_at("run").unwrap_or(f.at());
        let help = "add `timeout: 60s`: a command without an end blocks everybody";
        f.item().faults().error("parse-missing-timeout", at, "a `run` step needs a `timeout`", help);
    }
    timeout
}

fn retry(f: &mut Fields<'_>, idempotent: bool) -> Option<Retry> {
    let retry = f.optional("retry", |item| {
        let mut f = item.fields("retry")?;
        let max_attempts =
            f.required("max_attempts", |i| i.whole(1, 100)).and_then(|n| u32::try_from(n).ok());
        let delay = f.optional("delay", Item::duration).unwrap_or_default();
        let backoff = f.optional("backoff", backoff).unwrap_or(1.0);
        f.finish();
        Some(Retry { max_attempts: max_attempts?, delay, backoff })
    });
    if retry.is_some() && !idempotent {
        let at = f.key_at("retry").unwrap_or(f.at());
        let message = "`retry` is only for steps that may run twice";
        f.item().faults().error(
            "parse-retry",
            at,
            message,
            "add `idempotent: true` if that is so, or remove `retry`",
        );
    }
    retry
}

fn backoff(item: Item<'_>) -> Option<f64> {
    let factor = item.number()?;
    if (1.0..=10.0).contains(&factor) {
        return Some(factor);
    }
    item.wrong("a factor from 1 to 10");
    None
}

fn on_failure(item: Item<'_>) -> Option<OnFailure> {
    if item.node().get("goto").is_some() {
        let mut f = item.fields("on_failure")?;
        let id = f.required("goto", Item::id);
        f.finish();
        return id.map(OnFailure::Goto);
    }
    item.one_of(&vocabulary::ON_FAILURE).cloned()
}

fn host(item: Item<'_>) -> Option<String> {
    let text = item.text()?;
    if text.contains("{{") || template::is_host(&text) {
        return Some(text);
    }
    let help = "use letters, digits, `.`, `-`, `_`, `:`, and `user@` in front";
    item.refuse("parse-host", "this cannot be given to ssh as a host", help);
    None
}

fn env(item: Item<'_>) -> Option<BTreeMap<String, String>> {
    let entries = item.named(|key, item| {
        if !is_variable(&key.name) {
            let message = format!("`{}` is not the name of an environment variable", key.name);
            item.faults().error(
                "parse-bad-name",
                key.at,
                &message,
                "use letters, digits and `_`, no digit in front",
            );
        }
        Some((key.name.clone(), item.any_text()?))
    })?;
    Some(entries.into_iter().collect())
}

/// The name of an environment variable.
pub fn variable_name(item: Item<'_>) -> Option<String> {
    let text = item.text()?;
    if !is_variable(&text) {
        item.wrong("the name of an environment variable");
        return None;
    }
    Some(text)
}

fn is_variable(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    !text.is_empty() && text.bytes().all(fits) && !text.starts_with(|c: char| c.is_ascii_digit())
}

fn target(item: Item<'_>) -> Option<Target> {
    let mut f = item.fields("target")?;
    let run = f.required("run", subject::command);
    let equals = f.required("equals", Item::text);
    f.finish();
    Some(Target { run: run?, equals: equals? })
}

fn backlog(item: Item<'_>) -> Option<Backlog> {
    let mut f = item.fields("backlog")?;
    let name = f.required("name", Item::label);
    let count = f.required("count", subject::command);
    let owner = f.optional("owner", Item::text);
    f.finish();
    Some(Backlog { name: name?, count: count?, owner })
}

fn evidence(item: Item<'_>) -> Option<bool> {
    item.one_of(&vocabulary::EVIDENCE)
}
