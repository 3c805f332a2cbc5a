//! What may run side by side, and the chain of steps that decides how long it takes. Never runs a step, and never
//! loops: what is in a circle of needs is left out.

use super::history::{Forecast, History};
use crate::runbook::model::Step;
use std::collections::HashMap;
use std::time::Duration;

/// The chain of steps that takes longest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Path {
    /// The steps, in order.
    pub steps: Vec<String>,
    /// Their medians together.
    pub p50: Duration,
    /// The longest chain of nine-out-of-ten values: more than any real run, unless everything goes slowly at once.
    pub p90: Duration,
    /// Steps nobody has a number for; they count as nothing.
    pub unknown: usize,
}

/// Indexes of the needs of each step.
fn needs(steps: &[&Step]) -> Vec<Vec<usize>> {
    let at: HashMap<&str, usize> = steps.iter().enumerate().map(|(i, s)| (s.id.as_str(), i)).collect();
    steps.iter().map(|s| s.needs.iter().filter_map(|id| at.get(id.as_str()).copied()).collect()).collect()
}

/// Steps in an order in which needs come first.
fn in_order(needs: &[Vec<usize>]) -> Vec<usize> {
    let mut waiting: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut waiters: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
    for (i, all) in needs.iter().enumerate() {
        for n in all {
            if let Some(list) = waiters.get_mut(*n) {
                list.push(i);
            }
        }
    }
    let mut order: Vec<usize> =
        waiting.iter().enumerate().filter(|(_, n)| **n == 0).map(|(i, _)| i).collect();
    let mut next = 0;
    while let Some(done) = order.get(next).copied() {
        next += 1;
        for i in waiters.get(done).into_iter().flatten() {
            if let Some(n) = waiting.get_mut(*i) {
                *n -= 1;
                if *n == 0 {
                    order.push(*i);
                }
            }
        }
    }
    order
}

/// Sets of steps that may run at the same time: equally far from the start, and more than one.
pub fn side_by_side(steps: &[&Step]) -> Vec<Vec<String>> {
    let needs = needs(steps);
    let mut depth = vec![0usize; steps.len()];
    for i in in_order(&needs) {
        let before =
            needs.get(i).into_iter().flatten().filter_map(|n| depth.get(*n)).max().map_or(0, |d| d + 1);
        if let Some(slot) = depth.get_mut(i) {
            *slot = before;
        }
    }
    let deepest = depth.iter().max().copied().unwrap_or(0);
    let mut levels: Vec<Vec<String>> = vec![Vec::new(); deepest + 1];
    for (step, d) in steps.iter().zip(&depth) {
        if let Some(level) = levels.get_mut(*d) {
            level.push(step.id.clone());
        }
    }
    levels.into_iter().filter(|level| level.len() > 1).collect()
}

/// The longest chain through the phases, then the longest through `always`.
pub fn longest(phases: &[&Step], always: &[&Step], history: &History) -> Path {
    let mut path = one(phases, history);
    let last = one(always, history);
    path.steps.extend(last.steps);
    path.p50 = path.p50.saturating_add(last.p50);
    path.p90 = path.p90.saturating_add(last.p90);
    path.unknown += last.unknown;
    path
}

fn one(steps: &[&Step], history: &History) -> Path {
    let forecasts: Vec<Forecast> = steps.iter().map(|s| Forecast::of(s, history)).collect();
    let needs = needs(steps);
    let order = in_order(&needs);
    let p50 = chains(&needs, &order, |i| forecasts.get(i).and_then(|f| f.p50()).unwrap_or_default());
    let p90 = chains(&needs, &order, |i| forecasts.get(i).and_then(|f| f.p90()).unwrap_or_default());
    let mut at = p50.iter().enumerate().max_by_key(|(_, (length, _))| *length).map(|(i, _)| i);
    let length = at.and_then(|i| p50.get(i)).map(|(length, _)| *length).unwrap_or_default();
    let mut chain = Vec::new();
    while let Some(i) = at {
        chain.extend(steps.get(i).map(|s| s.id.clone()));
        at = p50.get(i).and_then(|(_, before)| *before);
    }
    chain.reverse();
    Path {
        steps: chain,
        p50: length,
        p90: p90.iter().map(|(length, _)| *length).max().unwrap_or_default(),
        unknown: forecasts.iter().filter(|f| matches!(f, Forecast::Unknown)).count(),
    }
}

/// For each step the length of the longest chain that ends with it, and the step before.
fn chains(
    needs: &[Vec<usize>],
    order: &[usize],
    length: impl Fn(usize) -> Duration,
) -> Vec<(Duration, Option<usize>)> {
    let mut all: Vec<(Duration, Option<usize>)> = vec![(Duration::ZERO, None); needs.len()];
    for &i in order {
        let before =
            needs.get(i).into_iter().flatten().max_by_key(|n| all.get(**n).map(|(d, _)| *d)).copied();
        let begun = before.and_then(|n| all.get(n)).map_or(Duration::ZERO, |(d, _)| *d);
        if let Some(slot) = all.get_mut(i) {
            *slot = (begun.saturating_add(length(i)), before);
        }
    }
    all
}
