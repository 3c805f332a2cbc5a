//! What a metric pane shows, ready to be sent to a screen that knows nothing about sources.
//! Never lets a gap, a NaN or an old value look like a fresh number.

pub mod compare;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::compare::Compared;
use super::format;
/// A value with its unit, for whoever shows panes.
pub use super::format::value as words;
use super::series::{Reading, Series, age};
use crate::runbook::model::{Better, Metric, Op, Threshold};

/// What the newest answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaneState {
    /// Nothing was answered yet.
    Waiting,
    /// A number on the good side of the thresholds.
    Fine,
    /// Past the warning threshold.
    Warning,
    /// Past the critical threshold.
    Critical,
    /// The answer is NaN.
    NotANumber,
    /// The source has nothing to say.
    NoData,
    /// The source does not answer.
    Failed,
    /// The last answer is too old.
    Stale,
}

impl PaneState {
    /// One or two words for a screen.
    pub fn words(self) -> &'static str {
        match self {
            PaneState::Waiting => "waiting",
            PaneState::Fine => "ok",
            PaneState::Warning => "WARNING",
            PaneState::Critical => "CRITICAL",
            PaneState::NotANumber => "not a number",
            PaneState::NoData => "no data",
            PaneState::Failed => "no answer",
            PaneState::Stale => "stale",
        }
    }
}

/// A threshold as a value and as text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// Where on the scale.
    pub value: f64,
    /// With its unit.
    pub text: String,
}

/// A pane, complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pane {
    /// The metric's name in the runbook.
    pub name: String,
    /// Its title.
    pub title: String,
    /// The unit's word.
    pub unit: String,
    /// `lower` or `higher`.
    pub better: String,
    /// Warning threshold.
    pub warn: Option<Mark>,
    /// Critical threshold.
    pub critical: Option<Mark>,
    /// Microseconds since the Unix epoch and the value; `None` is a gap.
    pub points: Vec<(i64, Option<f64>)>,
    /// Round marks of the vertical scale, lowest first; the first and the last are its ends.
    pub scale: Vec<Mark>,
    /// The newest answer with its unit, or what there is instead.
    pub latest: String,
    /// What it means.
    pub state: PaneState,
    /// Why there is no fresh number.
    pub why: Option<String>,
    /// Milliseconds since the newest answer, when that is too long ago.
    pub stale_for_ms: Option<u64>,
    /// Against what it was before.
    #[serde(default)]
    pub compared: Compared,
}

/// Builds the pane of `metric` for the last `window`, with at most `most` points.
///
/// Where several samples fall on one point the worst is shown: a peak must not vanish on a narrow screen.
pub fn pane(metric: &Metric, series: &Series, now_micros: i64, window: Duration, most: usize) -> Pane {
    let points = thin(metric.better, series, now_micros, window, most.max(1));
    let mark = |value: f64| Mark { value, text: format::value(value, metric.unit) };
    let shown = points.iter().filter_map(|(_, x)| *x).chain(metric.warn).chain(metric.critical);
    let scale = format::scale(shown, 4).marks.into_iter().map(mark).collect();
    let stale = series.stale_for(now_micros);
    let reading = series.now(now_micros);
    let state = state(metric, series, &reading, stale);
    let latest = match (series.latest().map(|s| &s.value), &reading) {
        // An old number is still worth reading, beside the word that says it is old.
        (Some(Reading::Value(x)), _) | (_, Reading::Value(x)) => format::value(*x, metric.unit),
        (Some(_) | None, Reading::NoData { .. } | Reading::Failed { .. }) => "–".to_owned(),
    };
    Pane {
        name: metric.name.clone(),
        title: metric.title.clone(),
        unit: format::unit_word(metric.unit).to_owned(),
        better: format::better_word(metric.better).to_owned(),
        warn: metric.warn.map(mark),
        critical: metric.critical.map(mark),
        points,
        scale,
        latest,
        state,
        why: reading.why_not(),
        stale_for_ms: stale.map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
        compared: Compared::default(),
    }
}

fn state(metric: &Metric, series: &Series, reading: &Reading, stale: Option<Duration>) -> PaneState {
    if series.is_empty() {
        return PaneState::Waiting;
    }
    if stale.is_some() {
        return PaneState::Stale;
    }
    let past = |bound: Option<f64>, x: f64| {
        let op = match metric.better {
            Better::Lower => Op::GreaterOrEqual,
            Better::Higher => Op::LessOrEqual,
        };
        bound.is_some_and(|value| Threshold { op, value }.holds(x))
    };
    match reading {
        Reading::Value(x) if x.is_nan() => PaneState::NotANumber,
        Reading::Value(x) if past(metric.critical, *x) => PaneState::Critical,
        Reading::Value(x) if past(metric.warn, *x) => PaneState::Warning,
        Reading::Value(_) => PaneState::Fine,
        Reading::NoData { .. } => PaneState::NoData,
        Reading::Failed { .. } => PaneState::Failed,
    }
}

/// Samples of the window, the worst of each of `most` equal slices. Samples without a finite number, and
/// silence, become a gap.
fn thin(
    better: Better,
    series: &Series,
    now_micros: i64,
    window: Duration,
    most: usize,
) -> Vec<(i64, Option<f64>)> {
    let slice = i64::try_from(window.as_micros() / most as u128).unwrap_or(i64::MAX).max(1);
    let mut points: Vec<(i64, Option<f64>)> = Vec::new();
    let mut last_at: Option<i64> = None;
    for sample in series.iter().filter(|s| age(s.at_micros, now_micros) <= window) {
        let at = sample.at_micros;
        if let Some(last) = last_at
            && age(last, at) > series.stale_after()
        {
            points.push((last.saturating_add(1), None));
        }
        last_at = Some(at);
        let value = sample.value.comparable().filter(|x| x.is_finite());
        match points.last_mut() {
            Some((then, worst)) if *then / slice == at / slice => {
                *worst = match (*worst, value) {
                    (Some(a), Some(b)) => Some(worse(better, a, b)),
                    (a, b) => a.or(b),
                };
            }
            Some(_) | None => points.push((at, value)),
        }
    }
    points
}

fn worse(better: Better, a: f64, b: f64) -> f64 {
    match better {
        Better::Lower => a.max(b),
        Better::Higher => a.min(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::series::Sample;
    use crate::runbook::model::Unit;

    const SECOND: i64 = 1_000_000;

    fn metric() -> Metric {
        Metric {
            name: "errors".into(),
            title: "Checkout errors".into(),
            source: "shop".into(),
            query: "q".into(),
            unit: Unit::Ratio,
            better: Better::Lower,
            warn: Some(0.01),
            critical: Some(0.05),
            every: Duration::from_secs(1),
        }
    }

    fn of(values: &[(i64, Reading)], now: i64, most: usize) -> Pane {
        let mut series = Series::new(Duration::from_secs(1));
        for (at, value) in values {
            series.push(Sample { at_micros: at * SECOND, value: value.clone() });
        }
        pane(&metric(), &series, now * SECOND, Duration::from_secs(60), most)
    }

    fn value(x: f64) -> Reading {
        Reading::Value(x)
    }

    #[test]
    fn thresholds_colour_the_state() {
        for (x, expected) in [
            (0.001, PaneState::Fine),
            (0.01, PaneState::Warning),
            (0.05, PaneState::Critical),
            (f64::INFINITY, PaneState::Critical),
        ] {
            assert_eq!(of(&[(9, value(x))], 9, 60).state, expected, "{x}");
        }
    }

    #[test]
    fn what_is_no_number_never_looks_like_one() {
        let nan = of(&[(9, value(f64::NAN))], 9, 60);
        assert_eq!((nan.latest.as_str(), nan.state), ("NaN", PaneState::NotANumber));
        assert_eq!(nan.points, [(9 * SECOND, None)]);
        let none = of(&[(9, Reading::NoData { why: "empty".into() })], 9, 60);
        assert_eq!((none.latest.as_str(), none.state), ("–", PaneState::NoData));
        assert_eq!(none.why.as_deref(), Some("no data: empty"));
        let failed = of(&[(9, Reading::Failed { why: "HTTP 500".into() })], 9, 60);
        assert_eq!((failed.latest.as_str(), failed.state), ("–", PaneState::Failed));
        let waiting = of(&[], 9, 60);
        assert_eq!((waiting.latest.as_str(), waiting.state), ("–", PaneState::Waiting));
    }

    #[test]
    fn an_old_value_is_called_stale() {
        let old = of(&[(9, value(0.2))], 40, 60);
        assert_eq!(
            (old.latest.as_str(), old.state, old.stale_for_ms),
            ("20 %", PaneState::Stale, Some(31_000))
        );
    }

    #[test]
    fn a_peak_survives_a_narrow_screen() {
        let mut values: Vec<_> = (1..60).map(|t| (t, value(0.01))).collect();
        values[30].1 = value(0.9);
        let narrow = of(&values, 59, 6);
        assert!(narrow.points.len() <= 7, "{:?}", narrow.points);
        assert!(narrow.points.iter().any(|p| p.1 == Some(0.9)));
    }

    #[test]
    fn silence_is_a_gap() {
        let silent = of(&[(1, value(0.1)), (30, value(0.2))], 30, 60);
        assert_eq!(silent.points, [(SECOND, Some(0.1)), (SECOND + 1, None), (30 * SECOND, Some(0.2))]);
    }

    #[test]
    fn the_scale_holds_the_thresholds_and_a_pane_survives_the_wire() {
        let p = of(&[(9, value(0.002))], 9, 60);
        assert!(p.scale.last().unwrap().value >= 0.05);
        let back: Pane = serde_json::from_str(&serde_json::to_string(&p).unwrap()).unwrap();
        assert_eq!(back, p);
    }
}
