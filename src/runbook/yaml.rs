//! The one door for YAML: bytes become a tree that knows where everything stands. Never guesses a type.
//!
//! Scalars keep the text of the file (`1.10`, `010`, `no`, `22:30` stay what they are); what they mean is
//! the decoder's business ([`crate::runbook::decode`]). Files come from shared repositories, so everything
//! that makes a small file expensive (aliases, nesting, size) or ambiguous (duplicate keys, merge keys,
//! tags, several documents) is refused with its place.

mod build;
mod faults;

pub use faults::Faults;

use crate::runbook::finding::Finding;

/// Largest file that is read, in bytes.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Deepest nesting of lists and mappings.
pub const MAX_DEPTH: usize = 32;

/// A place in a file: 1-based line and column, and a length on that line, all in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// 1-based line.
    pub line: u32,
    /// 1-based column in characters.
    pub column: u32,
    /// Length in characters; 0 points between two characters.
    pub len: u32,
}

/// A value and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it stands. A block mapping stands at its first key, a block list at its first dash.
    pub at: Span,
    /// What it is.
    pub value: Value,
}

/// The three shapes of YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Text as written.
    Scalar(Scalar),
    /// `[a, b]` or dashes.
    List(Vec<Node>),
    /// `{a: b}` or keys on lines, in file order, without duplicates.
    Map(Vec<(Key, Node)>),
}

/// Text and how it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// The text after quotes, escapes and line folding.
    pub text: String,
    /// How it was written.
    pub style: Style,
}

/// How a scalar was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// In single or double quotes.
    Quoted,
    /// After `|` or `>`.
    Block,
}

/// A mapping key and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Where it stands.
    pub at: Span,
    /// Its text.
    pub name: String,
}

impl Node {
    /// The value under a key, when this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, node)| node)
    }

    /// Key and value, when this is a mapping that has it.
    pub fn entry(&self, key: &str) -> Option<(&Key, &Node)> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|(k, _)| k.name == key).map(|(k, n)| (k, n)),
            Value::Scalar(_) | Value::List(_) => None,
        }
    }

    /// The element at an index, when this is a list that has it.
    pub fn item(&self, index: usize) -> Option<&Node> {
        match &self.value {
            Value::List(items) => items.get(index),
            Value::Scalar(_) | Value::Map(_) => None,
        }
    }

    /// Whether nothing was written: an empty plain scalar, `~` or `null`.
    pub fn is_null(&self) -> bool {
        match &self.value {
            Value::Scalar(s) => {
                s.style == Style::Plain && matches!(s.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            Value::List(_) | Value::Map(_) => false,
        }
    }
}

/// Reads one YAML document from bytes as they were found on disk.
///
/// `path` is the label that findings carry; nothing is opened.
///
/// # Errors
///
/// All findings of the file at this level: encoding, size, syntax, duplicate keys, aliases, tags, depth.
pub fn parse_bytes(path: &str, bytes: &[u8]) -> Result<Node, Vec<Finding>> {
    if bytes.len() > MAX_BYTES {
        return Err(vec![faults::too_large(path, bytes.len())]);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => parse(path, text),
        Err(e) => Err(vec![faults::not_utf8(path, bytes, e.valid_up_to())]),
    }
}

/// Reads one YAML document from text. See [`parse_bytes`].
///
/// # Errors
///
/// As [`parse_bytes`], without the encoding.
pub fn parse(path: &str, text: &str) -> Result<Node, Vec<Finding>> {
    if text.len() > MAX_BYTES {
        return Err(vec![faults::too_large(path, text.len())]);
    }
    let faults = Faults::new(path);
    let root = build::tree(text, &faults);
    match (root, faults.any_error()) {
        (Some(root), false) => Ok(root),
        (None, false) => {
            faults.error(
                "yaml-empty",
                Span { line: 1, column: 1, len: 0 },
                "the file is empty",
                "write at least the required keys",
            );
            Err(faults.into_findings(text))
        }
        (_, true) => Err(faults.into_findings(text)),
    }
}

#[cfg(test)]
mod tests;
