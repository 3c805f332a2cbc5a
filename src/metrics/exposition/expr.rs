//! The expressions, parsed. Never goes deeper than a person would write.

use std::time::Duration;

use regex::Regex;

use super::page::{Series, quoted};
use crate::runbook::decode::duration_from;

/// Parentheses inside parentheses.
const DEEPEST: usize = 16;
/// How far back `rate` looks when it does not say.
const WINDOW: Duration = Duration::from_secs(60);

/// Which series are meant.
#[derive(Debug, Clone)]
pub(super) struct Selector {
    pub(super) name: String,
    rules: Vec<(String, Rule)>,
}

#[derive(Debug, Clone)]
enum Rule {
    Is(String),
    IsNot(String),
    Fits(Regex),
    FitsNot(Regex),
}

impl Selector {
    /// Whether a series is meant. A label that is missing is empty, as in PromQL.
    pub(super) fn matches(&self, series: &Series) -> bool {
        self.name == series.name
            && self.rules.iter().all(|(label, rule)| {
                let value = series.labels.get(label).map_or("", String::as_str);
                match rule {
                    Rule::Is(text) => value == text,
                    Rule::IsNot(text) => value != text,
                    Rule::Fits(regex) => regex.is_match(value),
                    Rule::FitsNot(regex) => !regex.is_match(value),
                }
            })
    }
}

/// What is done with a counter over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// A second.
    Rate,
    /// In all.
    Increase,
}

/// How several series become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fold {
    Sum,
    Avg,
    Min,
    Max,
    Count,
}

/// What stands between two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Between {
    Plus,
    Minus,
    Times,
    By,
}

/// An expression.
#[derive(Debug, Clone)]
pub(super) enum Expr {
    Number(f64),
    Now(Selector),
    Over { how: Over, of: Selector, window: Duration },
    Fold { how: Fold, by: Vec<String>, of: Box<Expr> },
    Quantile { q: f64, of: Box<Expr> },
    Pair { between: Between, left: Box<Expr>, right: Box<Expr> },
}

impl Expr {
    /// Every selector in it.
    pub(super) fn selectors(&self) -> Vec<&Selector> {
        match self {
            Expr::Number(_) => Vec::new(),
            Expr::Now(selector) | Expr::Over { of: selector, .. } => vec![selector],
            Expr::Fold { of, .. } | Expr::Quantile { of, .. } => of.selectors(),
            Expr::Pair { left, right, .. } => [left.selectors(), right.selectors()].concat(),
        }
    }

    /// How far it looks back.
    pub(super) fn longest(&self) -> Duration {
        match self {
            Expr::Number(_) | Expr::Now(_) => Duration::ZERO,
            Expr::Over { window, .. } => *window,
            Expr::Fold { of, .. } | Expr::Quantile { of, .. } => of.longest(),
            Expr::Pair { left, right, .. } => left.longest().max(right.longest()),
        }
    }
}

/// Reads an expression.
pub(super) fn parse(text: &str) -> Result<Expr, String> {
    let mut reader = Reader { rest: text.trim_start(), depth: 0 };
    let expr = reader.sum()?;
    if reader.rest.is_empty() {
        Ok(expr)
    } else {
        Err(format!("cannot read from `{}` on", short(reader.rest)))
    }
}

fn short(text: &str) -> String {
    text.chars().take(20).collect()
}

struct Reader<'t> {
    rest: &'t str,
    depth: usize,
}

impl<'t> Reader<'t> {
    fn take(&mut self, piece: &str) -> bool {
        match self.rest.strip_prefix(piece) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn need(&mut self, piece: &str) -> Result<(), String> {
        if self.take(piece) {
            return Ok(());
        }
        let found =
            if self.rest.is_empty() { "the end".to_owned() } else { format!("`{}`", short(self.rest)) };
        Err(format!("expected `{piece}`, found {found}"))
    }

    fn while_(&mut self, fits: impl Fn(char) -> bool) -> &'t str {
        let end = self.rest.find(|c| !fits(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or(("", self.rest));
        self.rest = rest.trim_start();
        taken
    }

    fn word(&mut self) -> &'t str {
        self.while_(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
    }

    fn sum(&mut self) -> Result<Expr, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("this goes too deep".to_owned());
        }
        let mut left = self.product()?;
        loop {
            let between = if self.take("+") {
                Between::Plus
            } else if self.take("-") {
                Between::Minus
            } else {
                self.depth -= 1;
                return Ok(left);
            };
            left = Expr::Pair { between, left: Box::new(left), right: Box::new(self.product()?) };
        }
    }

    fn product(&mut self) -> Result<Expr, String> {
        let mut left = self.one()?;
        loop {
            let between = if self.take("*") {
                Between::Times
            } else if self.take("/") {
                Between::By
            } else {
                return Ok(left);
            };
            left = Expr::Pair { between, left: Box::new(left), right: Box::new(self.one()?) };
        }
    }

    fn one(&mut self) -> Result<Expr, String> {
        if self.take("(") {
            let inner = self.sum()?;
            self.need(")")?;
            return Ok(inner);
        }
        if self.rest.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return self.number().map(Expr::Number);
        }
        let before = self.rest;
        let word = self.word();
        if word.is_empty() {
            let found = if before.is_empty() { "the end".to_owned() } else { format!("`{}`", short(before)) };
            return Err(format!("expected a metric or a function, found {found}"));
        }
        match word {
            "rate" => self.over(Over::Rate),
            "increase" => self.over(Over::Increase),
            "sum" => self.fold(Fold::Sum),
            "avg" => self.fold(Fold::Avg),
            "min" => self.fold(Fold::Min),
            "max" => self.fold(Fold::Max),
            "count" => self.fold(Fold::Count),
            "histogram_quantile" => self.quantile(),
            name if self.rest.starts_with('(') => Err(format!(
                "there is no function `{name}` here, only rate, increase, sum, avg, min, max, count and histogram_quantile"
            )),
            name => self.selector(name).map(Expr::Now),
        }
    }

    fn number(&mut self) -> Result<f64, String> {
        let text = self.while_(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E'));
        text.parse().map_err(|_| format!("`{}` is not a number", short(text)))
    }

    fn over(&mut self, how: Over) -> Result<Expr, String> {
        self.need("(")?;
        let name = self.word();
        if name.is_empty() || self.rest.starts_with('(') {
            return Err("rate and increase take one metric, such as rate(requests_total[1m])".to_owned());
        }
        let of = self.selector(name)?;
        let mut window = WINDOW;
        if self.take("[") {
            let text = self.while_(|c| c.is_ascii_alphanumeric());
            window = duration_from(text)
                .filter(|d| !d.is_zero())
                .ok_or_else(|| format!("`{}` is not a duration such as 1m", short(text)))?;
            self.need("]")?;
        }
        self.need(")")?;
        Ok(Expr::Over { how, of, window })
    }

    fn fold(&mut self, how: Fold) -> Result<Expr, String> {
        let mut by = self.by()?;
        self.need("(")?;
        let of = Box::new(self.sum()?);
        self.need(")")?;
        if by.is_empty() {
            by = self.by()?;
        }
        Ok(Expr::Fold { how, by, of })
    }

    fn by(&mut self) -> Result<Vec<String>, String> {
        let mut labels = Vec::new();
        let Some(after) = self.rest.strip_prefix("by") else { return Ok(labels) };
        if !after.trim_start().starts_with('(') {
            return Ok(labels);
        }
        self.rest = after.trim_start();
        self.need("(")?;
        while !self.take(")") {
            let label = self.word();
            if label.is_empty() {
                return Err("expected a label after `by (`".to_owned());
            }
            labels.push(label.to_owned());
            let _ = self.take(",");
        }
        Ok(labels)
    }

    fn quantile(&mut self) -> Result<Expr, String> {
        self.need("(")?;
        let q = self.number()?;
        if !(0.0..=1.0).contains(&q) {
            return Err("a quantile lies between 0 and 1".to_owned());
        }
        self.need(",")?;
        let of = Box::new(self.sum()?);
        self.need(")")?;
        Ok(Expr::Quantile { q, of })
    }

    fn selector(&mut self, name: &str) -> Result<Selector, String> {
        let mut rules = Vec::new();
        if self.take("{") {
            while !self.take("}") {
                let label = self.word();
                if label.is_empty() {
                    return Err(format!("expected a label in the selector of `{}`", short(name)));
                }
                rules.push((label.to_owned(), self.rule()?));
                let _ = self.take(",");
            }
        }
        Ok(Selector { name: name.to_owned(), rules })
    }

    fn rule(&mut self) -> Result<Rule, String> {
        let kind = ["=~", "!~", "!=", "="].into_iter().find(|kind| self.take(kind));
        let kind = kind.ok_or("expected =, !=, =~ or !~ after a label")?;
        let (value, rest) = quoted(self.rest).ok_or("expected a value in double quotes")?;
        self.rest = rest.trim_start();
        let regex = |value: &str| {
            // Anchored on both sides, as PromQL does it.
            Regex::new(&format!("^(?s:{value})$"))
                .map_err(|_| format!("`{}` is not a regular expression", short(value)))
        };
        Ok(match kind {
            "=~" => Rule::Fits(regex(&value)?),
            "!~" => Rule::FitsNot(regex(&value)?),
            "!=" => Rule::IsNot(value),
            _ => Rule::Is(value),
        })
    }
}
