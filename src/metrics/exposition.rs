//! A small calculator over the text format of Prometheus: `sum(rate(errors_total[1m])) / sum(rate(all_total[1m]))`.
//! Never invents a value before the first look: a counter's rate needs two.
//!
//! The words are PromQL's and mean the same: `rate`, `increase`, `sum`, `avg`, `min`, `max`, `count` (with
//! `by (label)`), `histogram_quantile`, `+ - * /`, selectors with `=`, `!=`, `=~`, `!~`. What looks back does so over
//! what this program has seen, not over a database.

mod expr;
mod page;
mod reckon;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::outside::http::excerpt;
use expr::{Expr, parse};

pub use page::Series;

/// More series than this in one look is a query that should be narrower.
const MOST_SERIES: usize = 2_000;
/// So many looks are kept at most; the oldest go first.
const MOST_LOOKS: usize = 1_000;
/// So many numbers are kept at most, over all looks.
const MOST_NUMBERS: usize = 200_000;

/// What an expression comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// A number.
    Value(f64),
    /// The page does not say.
    NoData(String),
}

/// One look at a page: the series that the expression asks for.
#[derive(Debug)]
struct Look {
    at_micros: i64,
    values: BTreeMap<Series, f64>,
}

/// An expression and the looks it needs. Belongs to one metric.
#[derive(Debug, Default)]
pub struct Memory {
    query: String,
    expr: Option<Expr>,
    looks: VecDeque<Look>,
}

impl Memory {
    /// Adds a page and reckons. Another query than before starts anew.
    ///
    /// # Errors
    /// In words, when the query is not one or does not give one number.
    pub fn look(&mut self, query: &str, page: &str, now_micros: i64) -> Result<Outcome, String> {
        if self.expr.is_none() || self.query != query {
            let expr = parse(query).map_err(|why| format!("`{}`: {why}", excerpt(query)))?;
            *self = Memory { query: query.to_owned(), expr: Some(expr), looks: VecDeque::new() };
        }
        let Memory { expr: Some(expr), looks, .. } = self else { return Err("no query".to_owned()) };
        let wanted = expr.selectors();
        let mut values = BTreeMap::new();
        for line in page.lines() {
            let Some((series, value)) = page::sample(line, |name| wanted.iter().any(|s| s.name == name))?
            else {
                continue;
            };
            if wanted.iter().any(|s| s.matches(&series)) {
                values.insert(series, value);
            }
            if values.len() > MOST_SERIES {
                return Err(format!("more than {MOST_SERIES} series match; narrow the selectors"));
            }
        }
        // A clock that was set back makes the looks before it useless.
        looks.retain(|look| look.at_micros < now_micros);
        let most = (MOST_NUMBERS / values.len().max(1)).clamp(2, MOST_LOOKS);
        looks.push_back(Look { at_micros: now_micros, values });
        while looks.len() > most || outdated(looks, expr.longest(), now_micros) {
            looks.pop_front();
        }
        reckon::number(expr, looks)
    }
}

/// Whether the second-oldest look already reaches as far back as anything asks.
fn outdated(looks: &VecDeque<Look>, longest: Duration, now_micros: i64) -> bool {
    let reach = i64::try_from(longest.as_micros()).unwrap_or(i64::MAX);
    looks.len() > 2 && looks.get(1).is_some_and(|look| now_micros.saturating_sub(look.at_micros) >= reach)
}

/// Whether this is an expression, for checking before anything is asked.
///
/// # Errors
/// What is wrong with it.
pub fn check(query: &str) -> Result<(), String> {
    parse(query).map(|_| ())
}

#[cfg(test)]
mod tests;
