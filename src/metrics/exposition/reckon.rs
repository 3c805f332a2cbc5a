//! Expressions over looks. Never picks one of several series, and never takes a counter's restart for a fall.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::expr::{Between, Expr, Fold, Over, Selector};
use super::page::Series;
use super::{Look, Outcome};

type Labels = BTreeMap<String, String>;

/// What a part of an expression comes to.
enum Part {
    One(f64),
    Several(Vec<(Labels, f64)>),
    Nothing(String),
}

/// The one number of an expression.
pub(super) fn number(expr: &Expr, looks: &VecDeque<Look>) -> Result<Outcome, String> {
    one(part(expr, looks)?)
}

fn one(part: Part) -> Result<Outcome, String> {
    match part {
        Part::One(x) => Ok(Outcome::Value(x)),
        Part::Nothing(why) => Ok(Outcome::NoData(why)),
        Part::Several(found) => match found.as_slice() {
            [] => Ok(Outcome::NoData("nothing matches".to_owned())),
            [(_, x)] => Ok(Outcome::Value(*x)),
            more => {
                Err(format!("the query gives {} series, aggregate it, for example with sum()", more.len()))
            }
        },
    }
}

fn part(expr: &Expr, looks: &VecDeque<Look>) -> Result<Part, String> {
    match expr {
        Expr::Number(x) => Ok(Part::One(*x)),
        Expr::Now(selector) => Ok(now(selector, looks)),
        Expr::Over { how, of, window } => Ok(over(*how, of, *window, looks)),
        Expr::Fold { how, by, of } => Ok(fold(*how, by, part(of, looks)?)),
        Expr::Quantile { q, of } => quantile(*q, part(of, looks)?),
        Expr::Pair { between, left, right } => {
            let (left, right) = (one(part(left, looks)?)?, one(part(right, looks)?)?);
            Ok(match (left, right) {
                (Outcome::NoData(why), _) | (_, Outcome::NoData(why)) => Part::Nothing(why),
                (Outcome::Value(a), Outcome::Value(b)) => Part::One(match between {
                    Between::Plus => a + b,
                    Between::Minus => a - b,
                    Between::Times => a * b,
                    Between::By => a / b,
                }),
            })
        }
    }
}

fn chosen<'l>(selector: &'l Selector, look: &'l Look) -> impl Iterator<Item = (&'l Series, f64)> {
    look.values.iter().filter(|(series, _)| selector.matches(series)).map(|(series, x)| (series, *x))
}

fn now(selector: &Selector, looks: &VecDeque<Look>) -> Part {
    let Some(newest) = looks.back() else { return Part::Nothing("nothing was read yet".to_owned()) };
    let found: Vec<_> = chosen(selector, newest).map(|(s, x)| (s.labels.clone(), x)).collect();
    if found.is_empty() {
        return Part::Nothing(format!("the page has no matching {}", selector.name));
    }
    Part::Several(found)
}

/// How counters grew over the window, one by one. A value below the one before is a restart from zero.
fn over(how: Over, selector: &Selector, window: Duration, looks: &VecDeque<Look>) -> Part {
    let Some(newest) = looks.back() else { return Part::Nothing("nothing was read yet".to_owned()) };
    let reach = i64::try_from(window.as_micros()).unwrap_or(i64::MAX);
    let inside = looks.iter().filter(|l| newest.at_micros.saturating_sub(l.at_micros) <= reach);
    let inside: Vec<&Look> = inside.collect();
    let mut found = Vec::new();
    let mut any = false;
    for (series, _) in chosen(selector, newest) {
        any = true;
        let mut grown = 0.0;
        let mut first: Option<i64> = None;
        let mut last: Option<f64> = None;
        for look in &inside {
            let Some(x) = look.values.get(series) else { continue };
            match last {
                None => first = Some(look.at_micros),
                Some(before) if *x >= before => grown += x - before,
                Some(_) => grown += x,
            }
            last = Some(*x);
        }
        let took = first.map_or(0, |at| newest.at_micros.saturating_sub(at));
        if took > 0 {
            let value = match how {
                Over::Rate => grown / (took as f64 / 1e6),
                Over::Increase => grown,
            };
            found.push((series.labels.clone(), value));
        }
    }
    match (any, found.is_empty()) {
        (false, _) => Part::Nothing(format!("the page has no matching {}", selector.name)),
        (true, true) => Part::Nothing("a rate needs two looks, this was the first".to_owned()),
        (true, false) => Part::Several(found),
    }
}

fn fold(how: Fold, by: &[String], of: Part) -> Part {
    let found = match of {
        Part::One(x) => vec![(Labels::new(), x)],
        Part::Several(found) => found,
        Part::Nothing(why) => return Part::Nothing(why),
    };
    let mut groups: BTreeMap<Labels, Vec<f64>> = BTreeMap::new();
    for (labels, x) in found {
        let kept = by.iter().filter_map(|l| Some((l.clone(), labels.get(l)?.clone()))).collect();
        groups.entry(kept).or_default().push(x);
    }
    let folded = groups.into_iter().map(|(labels, all)| {
        let count = all.len() as f64;
        let x = match how {
            Fold::Sum => all.iter().sum(),
            Fold::Avg => all.iter().sum::<f64>() / count,
            Fold::Min => all.iter().copied().fold(f64::INFINITY, f64::min),
            Fold::Max => all.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Fold::Count => count,
        };
        (labels, x)
    });
    Part::Several(folded.collect())
}

/// As Prometheus does it: straight between the bounds of the bucket that holds the rank; what lies above the last
/// finite bound is given as that bound.
fn quantile(q: f64, of: Part) -> Result<Part, String> {
    let found = match of {
        Part::Several(found) => found,
        Part::One(_) => return Err("histogram_quantile wants buckets with the label `le`".to_owned()),
        Part::Nothing(why) => return Ok(Part::Nothing(why)),
    };
    let mut buckets: Vec<(f64, f64)> = Vec::new();
    for (labels, x) in found {
        let bound = labels.get("le").and_then(|le| le.parse::<f64>().ok());
        let bound = bound.ok_or("histogram_quantile wants buckets with the label `le`")?;
        match buckets.iter_mut().find(|(b, _)| *b == bound) {
            Some((_, sum)) => *sum += x,
            None => buckets.push((bound, x)),
        }
    }
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    let Some((last, total)) = buckets.last().copied() else {
        return Ok(Part::Nothing("there are no buckets".to_owned()));
    };
    if last != f64::INFINITY {
        return Err("the buckets have no `le=\"+Inf\"`".to_owned());
    }
    if total <= 0.0 {
        return Ok(Part::Nothing("nothing was counted in this time".to_owned()));
    }
    let rank = q * total;
    let (mut below, mut before) = (0.0, 0.0);
    for (bound, x) in &buckets {
        if *x >= rank {
            if *bound == f64::INFINITY {
                return Ok(Part::One(below));
            }
            // A first bucket that ends at or below zero has no lower bound to go from.
            if below == 0.0 && before == 0.0 && *bound <= 0.0 {
                return Ok(Part::One(*bound));
            }
            let inside = x - before;
            let share = if inside > 0.0 { (rank - before) / inside } else { 1.0 };
            return Ok(Part::One(below + (bound - below) * share));
        }
        (below, before) = (*bound, *x);
    }
    Ok(Part::One(below))
}
