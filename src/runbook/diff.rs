//! What differs between two versions of a runbook, step by step. Never compares how a value was written, only what
//! it says.

mod flat;
mod render;

pub use render::{to_json, to_markdown, to_text};

use super::yaml::{Node, Value};
use flat::flatten;
use std::collections::{BTreeMap, BTreeSet};

/// One key that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Such as `roles.dba.min` or `timeout`.
    pub field: String,
    /// What it was; nothing when it is new.
    pub before: Option<String>,
    /// What it is; nothing when it is gone.
    pub after: Option<String>,
}

/// What happened to a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepChange {
    /// Its id.
    pub id: String,
    /// Its phase before; nothing when it is new.
    pub before: Option<String>,
    /// Its phase now; nothing when it is gone.
    pub after: Option<String>,
    /// Whether it changed its place among the steps that are in both.
    pub moved: bool,
    /// Keys that differ.
    pub fields: Vec<Change>,
}

impl StepChange {
    /// One word: `added`, `removed`, `moved` or `changed`.
    pub fn word(&self) -> &'static str {
        match (&self.before, &self.after) {
            (None, _) => "added",
            (_, None) => "removed",
            (Some(_), Some(_)) if self.fields.is_empty() => "moved",
            (Some(_), Some(_)) => "changed",
        }
    }
}

/// All that differs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// Outside the steps.
    pub head: Vec<Change>,
    /// Steps, in the order of the new version; those that are gone come last.
    pub steps: Vec<StepChange>,
}

impl Difference {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.head.is_empty() && self.steps.is_empty()
    }
}

/// A step and where it stands.
struct Placed<'a> {
    id: String,
    phase: String,
    node: &'a Node,
}

/// Compares two files that were read as runbooks.
pub fn diff(before: &Node, after: &Node) -> Difference {
    let (old, new) = (steps(before), steps(after));
    let was: BTreeMap<&str, &Placed<'_>> = old.iter().map(|p| (p.id.as_str(), p)).collect();
    let is: BTreeSet<&str> = new.iter().map(|p| p.id.as_str()).collect();
    let stayed = in_place(&old, &new);
    let mut out = Vec::new();
    for step in &new {
        let change = match was.get(step.id.as_str()) {
            None => StepChange {
                id: step.id.clone(),
                before: None,
                after: Some(step.phase.clone()),
                moved: false,
                fields: changes(&BTreeMap::new(), &flatten(step.node, &["id"])),
            },
            Some(earlier) => StepChange {
                id: step.id.clone(),
                before: Some(earlier.phase.clone()),
                after: Some(step.phase.clone()),
                moved: !stayed.contains(step.id.as_str()) || earlier.phase != step.phase,
                fields: changes(&flatten(earlier.node, &["id"]), &flatten(step.node, &["id"])),
            },
        };
        if change.before.is_none() || change.moved || !change.fields.is_empty() {
            out.push(change);
        }
    }
    out.extend(old.iter().filter(|p| !is.contains(p.id.as_str())).map(|step| StepChange {
        id: step.id.clone(),
        before: Some(step.phase.clone()),
        after: None,
        moved: false,
        fields: Vec::new(),
    }));
    Difference { head: changes(&head(before), &head(after)), steps: out }
}

/// What stands outside the steps, the keys of phases included.
fn head(root: &Node) -> BTreeMap<String, String> {
    let mut out = flatten(root, &["phases", "always"]);
    for phase in items(root.get("phases")) {
        let name = text(phase.get("name"));
        let keys = flatten(phase, &["name", "steps"]);
        out.extend(keys.into_iter().map(|(key, value)| (format!("phases[{name}].{key}"), value)));
    }
    out
}

fn changes(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<Change> {
    let fields: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    fields
        .into_iter()
        .filter(|field| before.get(*field) != after.get(*field))
        .map(|field| Change {
            field: field.clone(),
            before: before.get(field).cloned(),
            after: after.get(field).cloned(),
        })
        .collect()
}

fn steps(root: &Node) -> Vec<Placed<'_>> {
    let mut out = Vec::new();
    for phase in items(root.get("phases")) {
        let name = text(phase.get("name"));
        out.extend(items(phase.get("steps")).map(|step| placed(step, name)));
    }
    out.extend(items(root.get("always")).map(|step| placed(step, "always")));
    out
}

fn placed<'a>(node: &'a Node, phase: &str) -> Placed<'a> {
    Placed { id: text(node.get("id")).to_owned(), phase: phase.to_owned(), node }
}

fn text(node: Option<&Node>) -> &str {
    match node.map(|n| &n.value) {
        Some(Value::Scalar(s)) => &s.text,
        Some(Value::List(_) | Value::Map(_)) | None => "",
    }
}

fn items(node: Option<&Node>) -> impl Iterator<Item = &Node> {
    let list = match node.map(|n| &n.value) {
        Some(Value::List(items)) => items.as_slice(),
        Some(Value::Scalar(_) | Value::Map(_)) | None => &[],
    };
    list.iter()
}

/// The most steps that keep their order: the longest increasing run of old places, read in the new order.
fn in_place<'a>(old: &[Placed<'_>], new: &'a [Placed<'_>]) -> BTreeSet<&'a str> {
    let place: BTreeMap<&str, usize> = old.iter().enumerate().map(|(i, p)| (p.id.as_str(), i)).collect();
    let common: Vec<(&str, usize)> =
        new.iter().filter_map(|p| place.get(p.id.as_str()).map(|i| (p.id.as_str(), *i))).collect();
    // `ends[k]` is the step that ends the best run of length k + 1; `before` leads back through it.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(common.len());
    let old_place = |i: usize| common.get(i).map(|(_, place)| *place);
    for (i, (_, place)) in common.iter().enumerate() {
        let at = ends.partition_point(|end| old_place(*end).is_some_and(|p| p < *place));
        before.push(at.checked_sub(1).and_then(|k| ends.get(k).copied()));
        match ends.get_mut(at) {
            Some(slot) => *slot = i,
            None => ends.push(i),
        }
    }
    let mut out = BTreeSet::new();
    let mut at = ends.last().copied();
    while let Some(i) = at {
        out.extend(common.get(i).map(|(id, _)| *id));
        at = before.get(i).copied().flatten();
    }
    out
}

#[cfg(test)]
mod tests;
