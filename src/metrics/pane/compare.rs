//! How a measurement was before, during and after an incident, and what is normal for it. Never calls normal what
//! nobody measured.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::metrics::series::Series;

/// What came in this long before an incident says what is normal.
pub const BASELINE: Duration = Duration::from_secs(3600);
/// So many answers make a normal.
const ENOUGH: usize = 5;

/// The moments that split time, in microseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// The incident was opened.
    pub opened: i64,
    /// The harm stopped, if it has.
    pub better: Option<i64>,
}

/// The range of what is normal.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Normal {
    /// One answer in ten was lower.
    pub low: f64,
    /// The middle one.
    pub middle: f64,
    /// One answer in ten was higher.
    pub high: f64,
    /// How many answers it rests on.
    pub samples: usize,
}

/// A measurement against itself.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Compared {
    /// In the hour before the incident was opened.
    pub normal: Option<Normal>,
    /// The middle answer since the opening, until it got better.
    pub during: Option<f64>,
    /// The middle answer since it got better.
    pub after: Option<f64>,
}

impl Compared {
    /// What the series says. An hour later it has forgotten what was before: `known` is what was found out earlier, and
    /// stays unless there is now more to go by.
    pub fn of(series: &Series, times: Times, known: Option<Normal>) -> Compared {
        let baseline = i64::try_from(BASELINE.as_micros()).unwrap_or(i64::MAX);
        let before = between(series, times.opened.saturating_sub(baseline), times.opened);
        let normal = Normal::of(&before);
        let normal = match (normal, known) {
            (Some(now), Some(known)) if now.samples < known.samples => Some(known),
            (now, known) => now.or(known),
        };
        let until = times.better.unwrap_or(i64::MAX);
        let after = times.better.map(|at| between(series, at, i64::MAX)).unwrap_or_default();
        Compared { normal, during: rank(&between(series, times.opened, until), 50), after: rank(&after, 50) }
    }
}

impl Normal {
    fn of(sorted: &[f64]) -> Option<Normal> {
        if sorted.len() < ENOUGH {
            return None;
        }
        let at = |percent| rank(sorted, percent);
        Some(Normal { low: at(10)?, middle: at(50)?, high: at(90)?, samples: sorted.len() })
    }

    /// Whether a value is inside.
    pub fn holds(&self, value: f64) -> bool {
        value >= self.low && value <= self.high
    }
}

/// The middle one of the finite values; none of nothing.
pub fn middle(values: impl Iterator<Item = f64>) -> Option<f64> {
    rank(&in_order(values), 50)
}

/// The finite answers of a time, the lowest first.
fn between(series: &Series, from: i64, to: i64) -> Vec<f64> {
    let inside = series.iter().filter(|s| s.at_micros >= from && s.at_micros < to);
    in_order(inside.filter_map(|s| s.value.comparable()))
}

fn in_order(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut all: Vec<f64> = values.filter(|x| x.is_finite()).collect();
    all.sort_by(f64::total_cmp);
    all
}

/// The nearest rank: a value that really was.
fn rank(sorted: &[f64], percent: usize) -> Option<f64> {
    sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::series::{Reading, Sample};

    const SECOND: i64 = 1_000_000;

    fn series(values: &[(i64, f64)]) -> Series {
        let mut series = Series::new(Duration::from_secs(60));
        for (at, value) in values {
            series.push(Sample { at_micros: at * SECOND, value: Reading::Value(*value) });
        }
        series
    }

    fn an_hour(and: &[(i64, f64)]) -> Series {
        let quiet = (0..60i64).map(|n| (n * 60, 1.0 + (n % 10) as f64 / 10.0));
        series(&quiet.chain(and.iter().copied()).collect::<Vec<_>>())
    }

    #[test]
    fn before_during_and_after_are_told_apart() {
        let series = an_hour(&[(3600, 9.0), (3660, 9.5), (3720, 9.0), (3780, 2.0), (3840, 1.5)]);
        let times = Times { opened: 3600 * SECOND, better: Some(3780 * SECOND) };
        let compared = Compared::of(&series, times, None);
        let normal = compared.normal.unwrap();
        assert_eq!((normal.low, normal.high, normal.samples), (1.0, 1.8, 60));
        assert!(normal.holds(1.5) && !normal.holds(9.0));
        assert_eq!((compared.during, compared.after), (Some(9.0), Some(1.5)));
    }

    #[test]
    fn what_was_normal_is_remembered_when_the_series_has_forgotten_it() {
        let times = Times { opened: 3600 * SECOND, better: None };
        let known = Compared::of(&an_hour(&[]), times, None).normal;
        let later = series(&[(7300, 9.0), (7360, 9.0)]);
        assert_eq!(Compared::of(&later, times, None).normal, None);
        assert_eq!(Compared::of(&later, times, known).normal, known);
    }

    #[test]
    fn four_answers_and_nonsense_make_no_normal() {
        let few = series(&[(1, 1.0), (2, 1.0), (3, f64::NAN), (4, f64::INFINITY), (5, 1.0), (6, 1.0)]);
        let times = Times { opened: 10 * SECOND, better: None };
        assert_eq!(Compared::of(&few, times, None), Compared::default());
    }
}
