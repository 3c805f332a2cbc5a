//! Seats, requirements and who may declare. Never knows who sits where.

use crate::runbook::decode::{Item, is_name};
use crate::runbook::model::{Authority, Declare, Override, Requirement, Role};
use crate::runbook::yaml::Key;
use std::time::Duration;

/// A declaration nobody can give, for a file that is refused anyway.
pub fn nobody() -> Declare {
    Declare { require: Vec::new(), expires: Duration::ZERO, override_: None, notify: Vec::new() }
}

/// Records a finding when a key that the author chose cannot be used as a name.
pub fn named_well(key: &Key, item: Item<'_>) {
    if !is_name(&key.name) {
        let message = format!("`{}` is not a name", key.name);
        let help = "use letters, digits, `_` and `-`, at most 64 characters";
        item.faults().error("parse-bad-name", key.at, &message, help);
    }
}

/// `roles`, in file order.
pub fn roles(item: Item<'_>) -> Option<Vec<Role>> {
    item.named(|key, item| {
        named_well(key, item);
        role(&key.name, item)
    })
}

fn role(name: &str, item: Item<'_>) -> Option<Role> {
    if item.node().is_null() {
        return Some(Role {
            name: name.to_owned(),
            required: false,
            min: 0,
            max_tenure: None,
            stand_in: Vec::new(),
            excludes: Vec::new(),
        });
    }
    let mut f = item.fields("role")?;
    let required = f.optional("required", Item::flag).unwrap_or(false);
    let min = f.optional("min", Item::count).unwrap_or(u32::from(required));
    let max_tenure = f.optional("max_tenure", Item::positive_duration);
    let stand_in = f.optional("stand_in", |i| i.list(Item::name_text)).unwrap_or_default();
    let excludes = f.optional("excludes", |i| i.list(Item::name_text)).unwrap_or_default();
    f.finish();
    Some(Role { name: name.to_owned(), required, min, max_tenure, stand_in, excludes })
}

/// `declare`.
pub fn declare(item: Item<'_>) -> Option<Declare> {
    let mut f = item.fields("declare")?;
    let require = f.required("require", requirements);
    let expires = f.required("expires", Item::positive_duration);
    let override_ = f.optional("override", override_);
    let notify = f.optional("notify", |i| i.list(Item::text)).unwrap_or_default();
    f.finish();
    Some(Declare { require: require?, expires: expires?, override_, notify })
}

/// `authority`: of the runbook, of a phase, or of a class in the workspace.
pub fn authority(item: Item<'_>) -> Option<Authority> {
    let mut f = item.fields("authority")?;
    let mut roles = |key: &'static str| f.optional(key, |i| i.some(Item::name_text)).unwrap_or_default();
    let authority = Authority { abort: roles("abort"), go_on: roles("go_on"), no_return: roles("no_return") };
    f.finish();
    Some(authority)
}

fn override_(item: Item<'_>) -> Option<Override> {
    let mut f = item.fields("override")?;
    let require = f.required("require", requirements);
    f.optional("reason", |i| i.one_of(&[("required", ())]));
    f.finish();
    Some(Override { require: require? })
}

/// `require`: so many people of each role.
pub fn requirements(item: Item<'_>) -> Option<Vec<Requirement>> {
    let require = item.some(|item| {
        let mut f = item.fields("requirement")?;
        let role = f.required("role", Item::name_text);
        let count = f.optional("count", Item::positive_count).unwrap_or(1);
        f.finish();
        Some((Requirement { role: role?, count }, item))
    })?;
    for (i, (this, item)) in require.iter().enumerate() {
        if require.iter().take(i).any(|(other, _)| other.role == this.role) {
            let message = format!("role `{}` is required twice", this.role);
            item.refuse("parse-duplicate-role", &message, "write one entry with the whole count");
        }
    }
    Some(require.into_iter().map(|(r, _)| r).collect())
}
