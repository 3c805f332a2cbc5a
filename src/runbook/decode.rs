//! From tree to typed values: one reader for every YAML file of this program. Never stops at the first mistake.
//!
//! A decoder opens a mapping as [`Fields`], asks for each key it knows and calls [`Fields::finish`]; what was
//! never asked for is unknown, and what was asked for is the list of allowed keys. Every getter records its own
//! finding and answers `None`, so a whole file is read in one pass.
//!
//! ```
//! use backout::runbook::{decode::{Fields, Item}, yaml::{self, Faults}};
//! let node = yaml::parse("x.yaml", "name: a\ntimout: 5m\n").unwrap();
//! let faults = Faults::new("x.yaml");
//! let mut fields = Fields::of(Item::root(&node, &faults), "thing").unwrap();
//! let name = fields.required("name", Item::text);
//! let timeout = fields.optional("timeout", Item::duration);
//! fields.finish();
//! assert_eq!((name.as_deref(), timeout), (Some("a"), None));
//! assert_eq!(faults.into_findings("")[0].help, "did you mean `timeout`?");
//! ```

mod example;
mod item;
mod suggest;
mod text;

pub use example::of as example_of;
pub use item::Item;
pub use suggest::{Suggestion, list_of, nearest};
pub use text::{duration_from, is_id, is_name, number_from};

use crate::runbook::yaml::{Key, Node, Span, Value};

/// An opened mapping.
pub struct Fields<'n> {
    entries: &'n [(Key, Node)],
    asked: Vec<&'static str>,
    item: Item<'n>,
    what: &'static str,
}

impl<'n> Fields<'n> {
    /// Opens a mapping; `what` names it in messages (`step`, `role`). Anything else is a finding and `None`.
    pub fn of(item: Item<'n>, what: &'static str) -> Option<Self> {
        match &item.node().value {
            Value::Map(entries) => Some(Fields { entries, asked: Vec::with_capacity(32), item, what }),
            Value::Scalar(_) | Value::List(_) => {
                item.wrong(&format!("a mapping of {what} keys"));
                None
            }
        }
    }

    /// The mapping itself, for findings about it as a whole.
    pub fn item(&self) -> Item<'n> {
        self.item
    }

    /// Where the mapping stands.
    pub fn at(&self) -> Span {
        self.item.node().at
    }

    /// Whether the key is there. Counts as asking for it.
    pub fn has(&mut self, key: &'static str) -> bool {
        self.find(key).is_some()
    }

    /// Where the key itself stands.
    pub fn key_at(&mut self, key: &'static str) -> Option<Span> {
        self.find(key).map(|(k, _)| k.at)
    }

    /// A key that may be missing.
    pub fn optional<T>(&mut self, key: &'static str, read: impl FnOnce(Item<'n>) -> Option<T>) -> Option<T> {
        let (_, node) = self.find(key)?;
        read(self.item.under(node, key))
    }

    /// A key that must be there.
    pub fn required<T>(&mut self, key: &'static str, read: impl FnOnce(Item<'n>) -> Option<T>) -> Option<T> {
        match self.find(key) {
            Some((_, node)) => read(self.item.under(node, key)),
            None => {
                self.missing(key);
                None
            }
        }
    }

    /// Records that a key is missing; the finding stands at the mapping.
    pub fn missing(&self, key: &str) {
        let message = format!("{} has no `{key}`", self.what);
        self.item.faults().error(
            "parse-missing-key",
            self.at(),
            &message,
            &match example_of(key) {
                Some(example) => format!("add `{key}: {example}`"),
                None => format!("add `{key}:`"),
            },
        );
    }

    /// Every key that was not asked for is a finding.
    pub fn finish(self) {
        for (key, _) in self.entries {
            // The nearest word is looked for far away, and of the many that come now none would be kept.
            if self.item.faults().is_full() {
                break;
            }
            if !self.asked.contains(&key.name.as_str()) {
                let message = format!("unknown key `{}` in {}", key.name, self.what);
                let asked = || self.asked.iter().copied();
                let near = nearest(&key.name, asked()).or_else(|| example::elsewhere(&key.name, asked()));
                let help = match (near, example::inside(&key.name, self.what)) {
                    (_, Some(inside)) => inside.to_owned(),
                    (Some(near), None) => format!("did you mean `{near}`?"),
                    (None, None) => format!("allowed here: {}", list_of(self.asked.iter().copied())),
                };
                self.item.faults().error("parse-unknown-key", key.at, &message, &help);
            }
        }
    }

    fn find(&mut self, key: &'static str) -> Option<&'n (Key, Node)> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        self.entries.iter().find(|(k, _)| k.name == key)
    }
}

#[cfg(test)]
mod tests;
