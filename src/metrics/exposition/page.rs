//! One line of the text format: name, labels, value. Never keeps what nobody asked for.

use std::collections::BTreeMap;

use crate::outside::http::excerpt;

/// A line longer than this (bytes) is none of an application's own.
const LONGEST_LINE: usize = 64 * 1024;

/// A series: a name and its labels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series {
    /// The metric's name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// The sample of a line whose name is wanted. Comments, blank lines and other names are nothing.
pub(super) fn sample(line: &str, wanted: impl Fn(&str) -> bool) -> Result<Option<(Series, f64)>, String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let end = line.find(|c: char| c == '{' || c.is_whitespace()).unwrap_or(line.len());
    let Some((name, rest)) = line.split_at_checked(end) else { return Ok(None) };
    if !wanted(name) {
        return Ok(None);
    }
    let unreadable = || format!("the page has an unreadable line: `{}`", excerpt(line));
    if line.len() > LONGEST_LINE {
        return Err(format!("the page has a line of {} bytes", line.len()));
    }
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(inside) => labels(inside).ok_or_else(unreadable)?,
        None => (BTreeMap::new(), rest),
    };
    // A timestamp may follow; when we looked counts here.
    let value = rest.split_whitespace().next().ok_or_else(unreadable)?;
    let value: f64 = value.parse().map_err(|_| unreadable())?;
    Ok(Some((Series { name: name.to_owned(), labels }, value)))
}

/// `a="b",c="d"}` and what comes after it.
fn labels(text: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut found = BTreeMap::new();
    let mut rest = text.trim_start();
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Some((found, after));
        }
        let (name, after) = rest.split_once('=')?;
        let (value, after) = quoted(after.trim_start())?;
        found.insert(name.trim().to_owned(), value);
        rest = after.trim_start();
        rest = rest.strip_prefix(',').map_or(rest, str::trim_start);
    }
}

/// Text in double quotes with `\\`, `\"` and `\n`, and what comes after it.
pub(super) fn quoted(text: &str) -> Option<(String, &str)> {
    let inside = text.strip_prefix('"')?;
    let mut value = String::new();
    let mut chars = inside.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, inside.get(at + 1..)?)),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                '\\' => value.push('\\'),
                '"' => value.push('"'),
                // Not an escape of the format: the backslash belongs to the value, as in regular expressions.
                other => value.extend(['\\', other]),
            },
            c => value.push(c),
        }
    }
    None
}
