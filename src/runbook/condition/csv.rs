//! Comma-separated tables (RFC 4180) without copying what can be borrowed. Never guesses a separator.

use std::borrow::Cow;

/// A table: its header and where its records stand.
#[derive(Debug)]
pub struct Csv<'a> {
    /// Column names.
    pub header: Vec<Cow<'a, str>>,
    records: &'a str,
}

/// One record.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// The record without its line end.
    pub raw: &'a str,
    quoted: bool,
}

impl<'a> Csv<'a> {
    /// Reads the header.
    pub fn new(text: &'a str) -> Csv<'a> {
        let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        let header = next_record(&mut rest).map(|r| r.cells().collect()).unwrap_or_default();
        Csv { header, records: rest }
    }

    /// Which column has this name.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|c| c == name)
    }

    /// The records after the header, empty lines left out.
    pub fn records(&self) -> impl Iterator<Item = Record<'a>> {
        let mut rest = self.records;
        std::iter::from_fn(move || next_record(&mut rest)).filter(|r| !r.raw.is_empty())
    }
}

impl<'a> Record<'a> {
    /// The cells, quotes removed.
    pub fn cells(self) -> impl Iterator<Item = Cow<'a, str>> {
        let mut rest = Some(self.raw);
        std::iter::from_fn(move || {
            let text = rest?;
            let (cell, tail) = if self.quoted { next_cell(text) } else { plain_cell(text) };
            rest = tail;
            Some(cell)
        })
    }

    /// How many cells.
    pub fn width(self) -> usize {
        if self.quoted { self.cells().count() } else { self.raw.bytes().filter(|b| *b == b',').count() + 1 }
    }
}

/// Takes one record off the front. A line end inside quotes belongs to the cell: then the number of quotes up to
/// it is odd (doubled quotes keep it even).
fn next_record<'a>(rest: &mut &'a str) -> Option<Record<'a>> {
    if rest.is_empty() {
        return None;
    }
    let (mut end, mut quotes) = (0, 0);
    loop {
        let tail = rest.get(end..).unwrap_or_default();
        // Found by whole words: a table of a million rows is gone through once, and nearly nothing else is done.
        let line = tail.find('\n').unwrap_or(tail.len());
        let text = tail.get(..line).unwrap_or_default();
        quotes += if text.contains('"') { text.matches('"').count() } else { 0 };
        end += line;
        if quotes % 2 == 0 || end >= rest.len() {
            break;
        }
        end += 1;
    }
    let (record, tail) = rest.split_at_checked(end)?;
    *rest = tail.strip_prefix('\n').unwrap_or(tail);
    let raw = record.strip_suffix('\r').unwrap_or(record);
    Some(Record { raw, quoted: quotes > 0 })
}

fn plain_cell(text: &str) -> (Cow<'_, str>, Option<&str>) {
    match text.split_once(',') {
        Some((cell, tail)) => (Cow::Borrowed(cell), Some(tail)),
        None => (Cow::Borrowed(text), None),
    }
}

fn next_cell(text: &str) -> (Cow<'_, str>, Option<&str>) {
    let Some(mut rest) = text.strip_prefix('"') else { return plain_cell(text) };
    let mut cell = String::new();
    loop {
        match rest.split_once('"') {
            None => {
                // Never closed: what is there is the cell.
                cell.push_str(rest);
                return (Cow::Owned(cell), None);
            }
            Some((part, tail)) => {
                cell.push_str(part);
                if let Some(after) = tail.strip_prefix('"') {
                    cell.push('"');
                    rest = after;
                    continue;
                }
                let (stray, tail) = plain_cell(tail);
                cell.push_str(&stray);
                return (Cow::Owned(cell), tail);
            }
        }
    }
}
