//! Tables compared by key columns, in one pass over each. Never compares by line number.

use super::csv::{Csv, Record};
use super::{Judgement, same_text, shortened};
use crate::runbook::model::Table;
use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

/// So many differing rows are kept for showing.
pub const SHOWN_ROWS: usize = 50;

/// One row that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowDifference {
    /// Its key cells, joined by `,`.
    pub key: String,
    /// How.
    pub change: Change,
}

/// How a row differs from the one measured before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is gone; this was it.
    Missing {
        /// The row before.
        before: String,
    },
    /// It is new.
    Added {
        /// The row now.
        now: String,
    },
    /// A cell differs.
    Changed {
        /// The row before.
        before: String,
        /// The row now.
        now: String,
    },
}

/// Judges a table; `before` is the measured one to compare with.
pub fn judge(table: &Table, text: &str, before: Option<&str>) -> Judgement {
    if let Some(wanted) = table.rows {
        let found = Csv::new(text).records().count() as u64;
        if found != wanted {
            return Judgement::fail(format!("{found} rows instead of {wanted}"));
        }
    }
    match before {
        Some(before) => same_rows(&table.key, &table.except, before, text),
        // The key must hold even where only rows are counted.
        None => match Keyed::read(&table.key, text, NOW) {
            Ok(_) => Judgement::Pass,
            Err(judgement) => judgement,
        },
    }
}

/// Compares two texts as they are, line ends at the end aside.
pub fn same_text_as(before: &str, now: &str, name: &str) -> Judgement {
    if same_text(before, now) {
        return Judgement::Pass;
    }
    let lines = before.lines().map(Some).chain(std::iter::repeat(None));
    let differs = now.lines().map(Some).chain([None]).zip(lines).position(|(now, before)| now != before);
    let line = differs.unwrap_or(0);
    let show = |text: &str| text.lines().nth(line).map_or_else(|| "nothing".to_owned(), shortened);
    Judgement::fail(format!("line {} is {} instead of {} ({name})", line + 1, show(now), show(before)))
}

/// Compares two tables row by row, by key; rows whose key is in `except` are left out.
///
/// Only the table of before is kept by key, in about 100 bytes a row beside its text; the other is gone through once.
pub fn same_rows(key: &[String], except: &[String], before: &str, now: &str) -> Judgement {
    let before = match Keyed::read(key, before, BEFORE) {
        Ok(before) => before,
        Err(judgement) => return judgement,
    };
    let now = match Reading::new(key, now, NOW) {
        Ok(now) => now,
        Err(judgement) => return judgement,
    };
    let order = match before.reading.columns_in(&now) {
        Ok(order) => order,
        Err(why) => return Judgement::fail(why),
    };
    match compared(&before, &now, order.as_deref(), except) {
        Ok(found) => found.judgement(),
        Err(judgement) => judgement,
    }
}

fn compared(
    before: &Keyed<'_>,
    now: &Reading<'_>,
    order: Option<&[usize]>,
    except: &[String],
) -> Result<Differences, Judgement> {
    let except: HashSet<&str> = except.iter().map(|k| k.trim()).collect();
    let left_out = |key: &str| !except.is_empty() && except.contains(shown_key(key).as_ref());
    let mut found = Differences::default();
    let mut seen = vec![false; before.rows.len()];
    let mut added = HashSet::new();
    for (n, record) in now.csv.records().enumerate() {
        let key = now.key_of(n, record)?;
        match before.row(&key) {
            Some((at, old)) => {
                if seen.get_mut(at).is_some_and(|seen| std::mem::replace(seen, true)) {
                    return Err(now.twice(&key));
                }
                if !left_out(&key) && !same_record(old, record, order) {
                    found.add(&key, || Change::Changed {
                        before: old.raw.to_owned(),
                        now: record.raw.to_owned(),
                    });
                }
            }
            None if added.contains(key.as_ref()) => return Err(now.twice(&key)),
            None => {
                if !left_out(&key) {
                    found.add(&key, || Change::Added { now: record.raw.to_owned() });
                }
                added.insert(key.into_owned());
            }
        }
    }
    for (n, (old, _)) in before.rows.iter().zip(&seen).enumerate().filter(|(_, (_, seen))| !**seen) {
        let key = before.reading.key_of(n, *old)?;
        if !left_out(&key) {
            found.add(&key, || Change::Missing { before: old.raw.to_owned() });
        }
    }
    Ok(found)
}

/// `order` gives for each column of `before` its index in `now`; `None` when they are the same.
fn same_record(before: Record<'_>, now: Record<'_>, order: Option<&[usize]>) -> bool {
    match order {
        None => before.raw == now.raw || before.cells().eq(now.cells()),
        Some(order) => {
            let cells: Vec<Cow<'_, str>> = now.cells().collect();
            before.cells().zip(order).all(|(cell, i)| cells.get(*i) == Some(&cell))
        }
    }
}

#[derive(Default)]
struct Differences {
    rows: Vec<RowDifference>,
    count: u64,
}

impl Differences {
    fn add(&mut self, key: &str, change: impl FnOnce() -> Change) {
        self.count += 1;
        if self.rows.len() < SHOWN_ROWS {
            self.rows.push(RowDifference { key: shown_key(key).into_owned(), change: change() });
        }
    }

    fn judgement(self) -> Judgement {
        match self.count {
            0 => Judgement::Pass,
            1 => Judgement::Fail { why: "1 row differs".to_owned(), rows: self.rows, differing: 1 },
            n => Judgement::Fail { why: format!("{n} rows differ"), rows: self.rows, differing: n },
        }
    }
}

/// Which of two tables, for sentences.
const BEFORE: &str = "before";
const NOW: &str = "now";
/// Between the cells of a key: a comma may stand in a cell, and then two keys would look alike.
const BETWEEN: char = '\u{1f}';

fn shown_key(key: &str) -> Cow<'_, str> {
    if key.contains(BETWEEN) { Cow::Owned(key.replace(BETWEEN, ",")) } else { Cow::Borrowed(key) }
}

/// A table and where its key stands.
struct Reading<'a> {
    csv: Csv<'a>,
    columns: Vec<usize>,
    which: &'static str,
}

impl<'a> Reading<'a> {
    fn new(key: &[String], text: &'a str, which: &'static str) -> Result<Self, Judgement> {
        let csv = Csv::new(text);
        let mut columns = Vec::new();
        for name in key {
            let Some(column) = csv.column(name) else {
                let all = csv.header.join(", ");
                let why = format!("the table ({which}) has no column `{name}`; it has {}", shortened(&all));
                return Err(Judgement::inconclusive(why));
            };
            columns.push(column);
        }
        Ok(Reading { csv, columns, which })
    }

    /// The key of a record that has as many cells as there are columns.
    fn key_of(&self, n: usize, record: Record<'a>) -> Result<Cow<'a, str>, Judgement> {
        let (width, cells) = (self.csv.header.len(), record.width());
        if cells != width {
            let why =
                format!("row {} of the table ({}) has {cells} cells instead of {width}", n + 1, self.which);
            return Err(Judgement::inconclusive(why));
        }
        if let [column] = self.columns.as_slice() {
            return Ok(record.cells().nth(*column).unwrap_or_default());
        }
        let cells: Vec<Cow<'_, str>> = record.cells().collect();
        let mut key = String::new();
        for (i, column) in self.columns.iter().enumerate() {
            if i > 0 {
                key.push(BETWEEN);
            }
            key.push_str(cells.get(*column).map_or("", |cell| cell.as_ref()));
        }
        Ok(Cow::Owned(key))
    }

    fn twice(&self, key: &str) -> Judgement {
        let key = shortened(&shown_key(key));
        Judgement::fail(format!("two rows of the table ({}) have the key {key}", self.which))
    }

    /// Where this table's columns stand in the other; `Ok(None)` when both have the same header.
    fn columns_in(&self, other: &Reading<'_>) -> Result<Option<Vec<usize>>, String> {
        if self.csv.header == other.csv.header {
            return Ok(None);
        }
        let mut order = Vec::new();
        for name in &self.csv.header {
            order.push(other.csv.column(name).ok_or_else(|| format!("column `{name}` is gone"))?);
        }
        match other.csv.header.iter().find(|name| self.csv.column(name).is_none()) {
            Some(name) => Err(format!("column `{name}` is new")),
            None => Ok(Some(order)),
        }
    }
}

/// A table with its rows by key.
struct Keyed<'a> {
    reading: Reading<'a>,
    by_key: HashMap<Cow<'a, str>, u32>,
    rows: Vec<Record<'a>>,
}

impl<'a> Keyed<'a> {
    fn read(key: &[String], text: &'a str, which: &'static str) -> Result<Self, Judgement> {
        let reading = Reading::new(key, text, which)?;
        // Growing a map of a million rows costs as much as comparing them.
        let lines = text.matches('\n').count();
        let mut by_key = HashMap::with_capacity(lines);
        let mut rows = Vec::with_capacity(lines);
        for (n, record) in reading.csv.records().enumerate() {
            let key = reading.key_of(n, record)?;
            let place =
                u32::try_from(n).map_err(|_| Judgement::inconclusive("the table has too many rows"))?;
            match by_key.entry(key) {
                Entry::Occupied(taken) => return Err(reading.twice(taken.key())),
                Entry::Vacant(free) => free.insert(place),
            };
            rows.push(record);
        }
        Ok(Keyed { reading, by_key, rows })
    }

    fn row(&self, key: &str) -> Option<(usize, Record<'a>)> {
        let n = usize::try_from(*self.by_key.get(key)?).ok()?;
        self.rows.get(n).map(|record| (n, *record))
    }
}
