//! One value with its name and the place findings go to. Never converts silently: `no` is text, not false.

use super::{Fields, duration_from, is_id, is_name, list_of, nearest};
use crate::runbook::yaml::{Faults, Key, Node, Span, Style, Value};
use std::time::Duration;

/// A value under a key, ready to be read as something.
#[derive(Clone, Copy)]
pub struct Item<'n> {
    node: &'n Node,
    name: &'n str,
    faults: &'n Faults,
}

impl<'n> Item<'n> {
    /// The whole file.
    pub fn root(node: &'n Node, faults: &'n Faults) -> Self {
        Item { node, name: "the file", faults }
    }

    /// The same findings, another value.
    pub fn under(self, node: &'n Node, name: &'n str) -> Self {
        Item { node, name, ..self }
    }

    /// The raw value.
    pub fn node(self) -> &'n Node {
        self.node
    }

    /// Where it stands.
    pub fn at(self) -> Span {
        self.node.at
    }

    /// Where findings go.
    pub fn faults(self) -> &'n Faults {
        self.faults
    }

    /// The key it stands under.
    pub fn name(self) -> &'n str {
        self.name
    }

    /// Records that this value is not what it should be.
    pub fn wrong(self, wanted: &str) {
        let found = match &self.node.value {
            _ if self.node.is_null() => "nothing".to_owned(),
            Value::Scalar(s) => format!("`{}`", shorten(&s.text)),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
        };
        let message = format!("`{}` must be {wanted}, found {found}", self.name);
        self.faults.error("parse-wrong-type", self.at(), &message, &self.instead(wanted));
    }

    /// What to write instead of this value: in the author's own words where only brackets are missing.
    fn instead(self, wanted: &str) -> String {
        match &self.node.value {
            Value::Scalar(s) if wanted == "a list" && !self.node.is_null() => {
                format!("write a list: `{}: [{}]`", self.name, shorten(&s.text))
            }
            Value::Map(_) if wanted == "a list" => format!("write a list: `{}: [{{…}}]`", self.name),
            Value::Scalar(_) | Value::List(_) | Value::Map(_) => match super::example_of(self.name) {
                Some(example) => format!("write {wanted}: `{}: {example}`", self.name),
                None => format!("write {wanted}"),
            },
        }
    }

    /// Records a finding about this value.
    pub fn refuse(self, code: &'static str, message: &str, help: &str) {
        self.faults.error(code, self.at(), message, help);
    }

    /// Any text that is there; empty quotes are text, nothing is not.
    pub fn any_text(self) -> Option<String> {
        match &self.node.value {
            Value::Scalar(s) if !self.node.is_null() => Some(s.text.clone()),
            Value::Scalar(_) | Value::List(_) | Value::Map(_) => {
                self.wrong("text");
                None
            }
        }
    }

    /// Text that is not blank.
    pub fn text(self) -> Option<String> {
        let text = self.any_text()?;
        if text.trim().is_empty() {
            let message = format!("`{}` is empty", self.name);
            self.refuse("parse-empty", &message, "write something, or remove the key where it is optional");
            return None;
        }
        Some(text)
    }

    /// An id: `[a-z0-9-]`, 1 to 64 characters, starting with a letter or digit.
    pub fn id(self) -> Option<String> {
        let text = self.text()?;
        if is_id(&text) {
            return Some(text);
        }
        let message = format!("`{}` is not an id", shorten(&text));
        self.refuse("parse-bad-id", &message, "use a-z, 0-9 and `-`, at most 64 characters, no `-` in front");
        None
    }

    /// A name that templates can use: `[A-Za-z0-9_-]`, 1 to 64 characters.
    pub fn name_text(self) -> Option<String> {
        let text = self.text()?;
        if is_name(&text) {
            return Some(text);
        }
        let message = format!("`{}` is not a name", shorten(&text));
        self.refuse("parse-bad-name", &message, "use letters, digits, `_` and `-`, at most 64 characters");
        None
    }

    /// A name in plain words: like a name, and with spaces and dots inside.
    pub fn label(self) -> Option<String> {
        let text = self.text()?;
        if is_name(&text.replace([' ', '.'], "_")) && text.trim() == text {
            return Some(text);
        }
        let message = format!("`{}` is not a name in plain words", shorten(&text));
        self.refuse(
            "parse-bad-name",
            &message,
            "use letters, digits, spaces, `.`, `_` and `-`, at most 64 characters",
        );
        None
    }

    /// A duration with a unit (`90s`, `15m`, `1h30m`, `500ms`, `2d`).
    pub fn duration(self) -> Option<Duration> {
        let text = self.text()?;
        let read = duration_from(&text);
        if read.is_none() {
            let bare = text.bytes().all(|b| b.is_ascii_digit());
            let help = if bare {
                format!("add a unit: `{text}s` or `{text}m`")
            } else {
                "write it as 90s, 15m, 4h, 2d or 1h30m".to_owned()
            };
            let message =
                format!("`{}` must be a duration with a unit, found `{}`", self.name, shorten(&text));
            self.refuse("parse-duration", &message, &help);
        }
        read
    }

    /// A duration longer than nothing.
    pub fn positive_duration(self) -> Option<Duration> {
        let duration = self.duration()?;
        if duration.is_zero() {
            self.refuse(
                "parse-duration",
                &format!("`{}` must be longer than nothing", self.name),
                "write it as 90s or 15m",
            );
            return None;
        }
        Some(duration)
    }

    /// A finite decimal number.
    pub fn number(self) -> Option<f64> {
        let text = self.text()?;
        let read = super::text::number_from(&text);
        if read.is_none() {
            self.wrong("a number");
        }
        read
    }

    /// A whole number from `least` to `most`.
    pub fn whole(self, least: u64, most: u64) -> Option<u64> {
        let text = self.text()?;
        // Octal to YAML 1.1, decimal to YAML 1.2: nobody knows which one was meant.
        let doubtful = text.len() > 1 && text.starts_with('0');
        let read = text
            .parse::<u64>()
            .ok()
            .filter(|n| !doubtful && (least..=most).contains(n) && !text.starts_with('+'));
        if read.is_none() {
            let least = if least == 0 { String::new() } else { format!(" of at least {least}") };
            let most = if most >= u64::from(u32::MAX) { String::new() } else { format!(" up to {most}") };
            self.wrong(&format!("a whole number{least}{most}"));
        }
        read
    }

    /// A whole number that fits `u32`.
    pub fn count(self) -> Option<u32> {
        self.whole(0, u64::from(u32::MAX)).and_then(|n| u32::try_from(n).ok())
    }

    /// A whole number of at least 1.
    pub fn positive_count(self) -> Option<u32> {
        self.whole(1, u64::from(u32::MAX)).and_then(|n| u32::try_from(n).ok())
    }

    /// `true` or `false`, unquoted. `yes`, `on` and the like are refused: YAML versions disagree about them.
    pub fn flag(self) -> Option<bool> {
        let word = match &self.node.value {
            Value::Scalar(s) if s.style == Style::Plain => s.text.as_str(),
            Value::Scalar(_) | Value::List(_) | Value::Map(_) => "",
        };
        match word {
            "true" => Some(true),
            "false" => Some(false),
            _ => {
                self.wrong("true or false");
                None
            }
        }
    }

    /// One of these words.
    pub fn one_of<T: Copy>(self, words: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        if let Some((_, value)) = words.iter().find(|(w, _)| *w == text) {
            return Some(*value);
        }
        let allowed = list_of(words.iter().map(|(w, _)| *w));
        let message = format!("`{}` cannot be `{}`", self.name, shorten(&text));
        let help = match nearest(&text, words.iter().map(|(w, _)| *w)) {
            Some(near) => format!("did you mean `{near}`? allowed: {allowed}"),
            None => format!("allowed: {allowed}"),
        };
        self.refuse("parse-unknown-word", &message, &help);
        None
    }

    /// The items of a list, each read by `read`; those that fail are left out (and are findings).
    pub fn list<T>(self, mut read: impl FnMut(Item<'n>) -> Option<T>) -> Option<Vec<T>> {
        match &self.node.value {
            Value::List(items) => Some(items.iter().filter_map(|n| read(self.under(n, self.name))).collect()),
            Value::Scalar(_) | Value::Map(_) => {
                self.wrong("a list");
                None
            }
        }
    }

    /// A list with at least one item.
    pub fn some<T>(self, read: impl FnMut(Item<'n>) -> Option<T>) -> Option<Vec<T>> {
        if matches!(&self.node.value, Value::List(items) if items.is_empty()) {
            self.refuse(
                "parse-empty",
                &format!("`{}` is an empty list", self.name),
                "write at least one item",
            );
            return None;
        }
        self.list(read)
    }

    /// The entries of a mapping whose keys are the author's own names, in file order.
    pub fn named<T>(self, mut read: impl FnMut(&'n Key, Item<'n>) -> Option<T>) -> Option<Vec<T>> {
        match &self.node.value {
            Value::Map(entries) => {
                Some(entries.iter().filter_map(|(k, n)| read(k, self.under(n, &k.name))).collect())
            }
            Value::Scalar(_) | Value::List(_) => {
                self.wrong("a mapping");
                None
            }
        }
    }

    /// A mapping of known keys.
    pub fn fields(self, what: &'static str) -> Option<Fields<'n>> {
        Fields::of(self, what)
    }

    /// Whether it is text, a list or a mapping, for keys that may be several.
    pub fn value(self) -> &'n Value {
        &self.node.value
    }
}

fn shorten(text: &str) -> String {
    let mut out: String = text.chars().take(60).collect();
    if out.len() < text.len() {
        out.push('…');
    }
    out
}
