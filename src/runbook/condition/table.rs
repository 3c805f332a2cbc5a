//! Tables compared by key columns, in one pass over each. Never compares by line number.

use super::csv::{Csv, Record};
use super::{Judgement, same_text, shortened};
use crate::runbook::model::Table;
use std::borrow::Cow;
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
        None => match Keyed::read(&table.key, text, "now") {
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
pub fn same_rows(key: &[String], except: &[String], before: &str, now: &str) -> Judgement {
    let (before, now) = match (Keyed::read(key, before, "before"), Keyed::read(key, now, "now")) {
        (Ok(before), Ok(now)) => (before, now),
        (Err(judgement), _) | (_, Err(judgement)) => return judgement,
    };
    let order = match before.columns_in(&now) {
        Ok(order) => order,
        Err(why) => return Judgement::fail(why),
    };
    let except: HashSet<&str> = except.iter().map(|k| k.trim()).collect();
    let mut found = Differences::default();
    for (key, old) in &before.rows {
        if except.contains(key.as_ref()) {
            continue;
        }
        match now.row(key) {
            None => found.add(key, || Change::Missing { before: old.raw.to_owned() }),
            Some(row) if same_record(*old, row, order.as_deref()) => {}
            Some(row) => {
                found.add(key, || Change::Changed { before: old.raw.to_owned(), now: row.raw.to_owned() });
            }
        }
    }
    for (key, row) in &now.rows {
        if !before.by_key.contains_key(key.as_ref()) && !except.contains(key.as_ref()) {
            found.add(key, || Change::Added { now: row.raw.to_owned() });
        }
    }
    found.judgement()
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
            self.rows.push(RowDifference { key: key.to_owned(), change: change() });
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

/// A table with its rows by key.
struct Keyed<'a> {
    csv: Csv<'a>,
    by_key: HashMap<Cow<'a, str>, usize>,
    rows: Vec<(Cow<'a, str>, Record<'a>)>,
}

impl<'a> Keyed<'a> {
    fn read(key: &[String], text: &'a str, which: &str) -> Result<Self, Judgement> {
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
        let width = csv.header.len();
        // Growing a map of a million rows costs as much as comparing them.
        let lines = text.bytes().filter(|b| *b == b'\n').count();
        let mut by_key = HashMap::with_capacity(lines);
        let mut rows: Vec<(Cow<'a, str>, Record<'a>)> = Vec::with_capacity(lines);
        for (n, record) in csv.records().enumerate() {
            if record.width() != width {
                let why = format!(
                    "row {} of the table ({which}) has {} cells instead of {width}",
                    n + 1,
                    record.width()
                );
                return Err(Judgement::inconclusive(why));
            }
            let key = key_of(record, &columns);
            if by_key.insert(key.clone(), n).is_some() {
                let why = format!("two rows of the table ({which}) have the key {}", shortened(&key));
                return Err(Judgement::fail(why));
            }
            rows.push((key, record));
        }
        Ok(Keyed { csv, by_key, rows })
    }

    fn row(&self, key: &str) -> Option<Record<'a>> {
        self.by_key.get(key).and_then(|n| self.rows.get(*n)).map(|(_, record)| *record)
    }

    /// Where this table's columns stand in the other; `Ok(None)` when both have the same header.
    fn columns_in(&self, other: &Keyed<'_>) -> Result<Option<Vec<usize>>, String> {
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

fn key_of<'a>(record: Record<'a>, columns: &[usize]) -> Cow<'a, str> {
    if let [column] = columns {
        return record.cells().nth(*column).unwrap_or_default();
    }
    let cells: Vec<Cow<'_, str>> = record.cells().collect();
    let cell = |i: &usize| cells.get(*i).map_or("", |c| c.as_ref());
    Cow::Owned(columns.iter().map(cell).collect::<Vec<_>>().join(","))
}
