//! What the metrics said before, during and after the rollback. Never bridges a gap, and never shows a middle without
//! the number of samples it stands on.

use std::collections::BTreeMap;

use serde::Serialize;

use super::moments::{self, Moment};
use crate::core::incident::Incident;
use crate::core::time::Stamp;
use crate::metrics::format;
use crate::metrics::series::Sample;
use crate::runbook::model::{Metric, Unit};

/// One metric over the whole record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curve {
    /// Its name in the runbook.
    pub metric: String,
    /// What stands above its pane.
    pub title: String,
    /// Before the first change, between it and the validation, and after.
    pub windows: Vec<Window>,
    /// Its samples, oldest first; none where there was no number.
    #[serde(skip)]
    pub points: Vec<(Stamp, Option<f64>)>,
    /// Its thresholds: warning, critical.
    #[serde(skip)]
    pub thresholds: (Option<f64>, Option<f64>),
    /// How its numbers are printed.
    #[serde(skip)]
    pub unit: Unit,
}

/// One part of the time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Window {
    /// `before`, `during` or `after`.
    pub name: &'static str,
    /// How many samples had a number.
    pub samples: usize,
    /// How many had none.
    pub silent: usize,
    /// The middle one, as people read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub median: Option<String>,
    /// The smallest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least: Option<String>,
    /// The largest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most: Option<String>,
}

/// Every metric of the runbook that has samples.
pub fn curves(incident: &Incident, samples: &BTreeMap<String, Vec<Sample>>, known: &[Moment]) -> Vec<Curve> {
    let of = |metric: &Metric| {
        let points: Vec<(Stamp, Option<f64>)> = samples
            .get(&metric.name)?
            .iter()
            .map(|s| (Stamp(s.at_micros), s.value.comparable().filter(|x| x.is_finite())))
            .collect();
        let begun = moments::at(known, moments::BEGUN);
        let validated = moments::at(known, moments::VALIDATED);
        let part = |name, from: Option<Stamp>, to: Option<Stamp>| {
            let inside = |at: Stamp| from.is_none_or(|f| at >= f) && to.is_none_or(|t| at < t);
            window(name, metric.unit, points.iter().filter(|(at, _)| inside(*at)).map(|(_, x)| *x))
        };
        let mut windows = vec![part("before", None, begun)];
        if begun.is_some() {
            windows.push(part("during", begun, validated));
        }
        if validated.is_some() {
            windows.push(part("after", validated, None));
        }
        Some(Curve {
            metric: metric.name.clone(),
            title: metric.title.clone(),
            windows,
            points,
            thresholds: (metric.warn, metric.critical),
            unit: metric.unit,
        })
    };
    incident.runbook.metrics.iter().filter_map(of).collect()
}

fn window(name: &'static str, unit: Unit, values: impl Iterator<Item = Option<f64>>) -> Window {
    let mut silent = 0;
    let mut numbers: Vec<f64> = Vec::new();
    for value in values {
        match value {
            Some(x) => numbers.push(x),
            None => silent += 1,
        }
    }
    numbers.sort_by(f64::total_cmp);
    let show = |x: Option<&f64>| x.map(|x| format::value(*x, unit));
    Window {
        name,
        samples: numbers.len(),
        silent,
        median: show(numbers.get(numbers.len().saturating_sub(1) / 2)),
        least: show(numbers.first()),
        most: show(numbers.last()),
    }
}
