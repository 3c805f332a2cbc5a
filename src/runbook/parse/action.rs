//! The action of a step: exactly one of ten. Never picks one when there are two.

use super::{people, signals, subject};
use crate::runbook::decode::{Fields, Item, list_of};
use crate::runbook::model::{Action, Approve, Await, Check, Choice, Condition, Duty, Then};
use crate::runbook::vocabulary;
use crate::runbook::yaml::Value;
use std::time::Duration;

/// Pause between two looks of an `await` when the file names none.
const EVERY: Duration = Duration::from_secs(2);

/// Reads the action of an opened step.
pub fn read(f: &mut Fields<'_>) -> Action {
    let given: Vec<&'static str> = vocabulary::ACTIONS.into_iter().filter(|key| f.has(key)).collect();
    let exit_codes = beside(f, "exit_codes", "run", |i| i.some(exit_code));
    let as_name = beside(f, "as", "measure", Item::name_text);
    match given.as_slice() {
        [] => {
            let help = format!("add one of {}", list_of(vocabulary::ACTIONS.into_iter()));
            f.item().faults().error("parse-no-action", f.at(), "the step does nothing", &help);
        }
        [_] => {}
        [first, rest @ ..] => {
            for key in rest {
                let at = f.key_at(key).unwrap_or(f.at());
                let message = format!("a step has one action, and this one has `{first}` already");
                f.item().faults().error("parse-two-actions", at, &message, "make it a step of its own");
            }
        }
    }
    let key = given.first().copied().unwrap_or_default();
    one(f, key, exit_codes, as_name).unwrap_or(Action::Manual { text: String::new() })
}

fn one(
    f: &mut Fields<'_>,
    key: &'static str,
    exit_codes: Option<Vec<i32>>,
    as_name: Option<String>,
) -> Option<Action> {
    match key {
        "manual" => f.optional(key, Item::text).map(|text| Action::Manual { text }),
        "run" => {
            let exit_codes = exit_codes.unwrap_or_else(|| vec![0]);
            f.optional(key, subject::command).map(|command| Action::Run { command, exit_codes })
        }
        "await" => f.optional(key, await_).map(Action::Await),
        "check" => f.optional(key, check).map(Action::Check),
        "measure" => measure(f, as_name),
        "approve" => f.optional(key, approve).map(Action::Approve),
        "decide" => f.optional(key, decide),
        "send" => f.optional(key, Item::name_text).map(|template| Action::Send { template }),
        "set_aside" => f.optional(key, Item::text).map(|path| Action::SetAside { path }),
        "wait" => f.optional(key, wait),
        _ => None,
    }
}

/// A step-level key that belongs to one action.
fn beside<'n, T>(
    f: &mut Fields<'n>,
    key: &'static str,
    action: &'static str,
    read: impl FnOnce(Item<'n>) -> Option<T>,
) -> Option<T> {
    let value = f.optional(key, read);
    if f.has(key) && !f.has(action) {
        let at = f.key_at(key).unwrap_or(f.at());
        let message = format!("`{key}` goes with `{action}`, which this step does not have");
        f.item().faults().error("parse-stray-key", at, &message, "remove it");
    }
    value
}

fn exit_code(item: Item<'_>) -> Option<i32> {
    item.whole(0, 255).and_then(|n| i32::try_from(n).ok())
}

fn await_(item: Item<'_>) -> Option<Await> {
    let mut f = item.fields("await")?;
    let condition = condition(&mut f);
    let every = f.optional("every", Item::positive_duration).unwrap_or(EVERY);
    let within = f.required("within", Item::positive_duration);
    let hold_for = f.optional("hold_for", Item::positive_duration);
    let fail_on = f.optional("fail_on", super::expect::expect);
    f.finish();
    Some(Await { condition: condition?, every, within: within?, hold_for, fail_on })
}

fn check(item: Item<'_>) -> Option<Check> {
    let mut f = item.fields("check")?;
    let condition = condition(&mut f);
    let count = f.optional("count", Item::positive_count).unwrap_or(1);
    let interval = f.optional("interval", Item::duration).unwrap_or_default();
    f.finish();
    Some(Check { condition: condition?, count, interval })
}

fn condition(f: &mut Fields<'_>) -> Option<Condition> {
    let subject = subject::of(f);
    let expect = f.required("expect", super::expect::expect);
    Some(Condition { subject: subject?, expect: expect? })
}

fn measure(f: &mut Fields<'_>, as_name: Option<String>) -> Option<Action> {
    if !f.has("as") {
        f.missing("as");
    }
    let subject = f.optional("measure", |item| {
        let mut f = item.fields("measure")?;
        let subject = subject::of(&mut f);
        f.finish();
        subject
    });
    Some(Action::Measure { subject: subject?, as_name: as_name.unwrap_or_default() })
}

fn approve(item: Item<'_>) -> Option<Approve> {
    let mut f = item.fields("approve")?;
    let require = f.required("require", people::requirements);
    let deny_quorum = f.optional("deny_quorum", Item::positive_count).unwrap_or(1);
    let expires = f.required("expires", Item::positive_duration);
    let duties = f.optional("separation_of_duties", |i| i.list(duty));
    let covers = f.optional("covers", |i| i.list(Item::id)).unwrap_or_default();
    let message = f.optional("message", Item::text);
    f.finish();
    let separation_of_duties = duties.unwrap_or_else(|| vec![Duty::Initiator, Duty::Executor]);
    Some(Approve { require: require?, deny_quorum, expires: expires?, separation_of_duties, covers, message })
}

fn duty(item: Item<'_>) -> Option<Duty> {
    item.one_of(&vocabulary::DUTIES)
}

fn decide(item: Item<'_>) -> Option<Action> {
    let mut f = item.fields("decide")?;
    let message = f.optional("message", Item::text);
    let options = f.required("options", options);
    f.finish();
    let options = options?;
    for (i, choice) in options.iter().enumerate() {
        if options.iter().take(i).any(|o| o.name == choice.name) {
            let message = format!("option `{}` is offered twice", choice.name);
            item.refuse("parse-duplicate-option", &message, "give each option its own name");
        }
    }
    Some(Action::Decide { message, options })
}

/// A list of `{name, then}`, or a mapping from name to `{then}`.
fn options(item: Item<'_>) -> Option<Vec<Choice>> {
    match item.value() {
        Value::Map(_) => item.named(|key, item| {
            let mut f = item.fields("option")?;
            let then = f.required("then", then);
            f.finish();
            Some(Choice { name: key.name.clone(), then: then? })
        }),
        Value::List(_) | Value::Scalar(_) => item.some(|item| {
            let mut f = item.fields("option")?;
            let (name, then) = (f.required("name", Item::text), f.required("then", then));
            f.finish();
            Some(Choice { name: name?, then: then? })
        }),
    }
}

fn then(item: Item<'_>) -> Option<Then> {
    let id = item.id()?;
    Some(if id == "end" { Then::End } else { Then::Step(id) })
}

fn wait(item: Item<'_>) -> Option<Action> {
    match item.value() {
        Value::Map(_) => {
            let mut f = item.fields("wait")?;
            let lasts = f.required("for", Item::positive_duration);
            let unless = f.optional("unless", signals::metric_condition);
            f.finish();
            Some(Action::Wait { lasts: lasts?, unless })
        }
        Value::Scalar(_) | Value::List(_) => {
            item.positive_duration().map(|lasts| Action::Wait { lasts, unless: None })
        }
    }
}
