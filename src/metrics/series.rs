//! What one metric said, newest last, for about an hour. Never turns a missing answer into a number.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::runbook::model::Aggregate;

/// One answer of a source.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// A number, NaN and infinities included: they are answers, not silence.
    Value(f64),
    /// The source works and has nothing to say.
    NoData {
        /// Why not.
        why: String,
    },
    /// The source did not answer, or not sensibly.
    Failed {
        /// What went wrong.
        why: String,
    },
}

impl Reading {
    /// The number, when there is one that can be compared. Infinities can, NaN cannot.
    pub fn comparable(&self) -> Option<f64> {
        match self {
            Reading::Value(x) if !x.is_nan() => Some(*x),
            Reading::Value(_) | Reading::NoData { .. } | Reading::Failed { .. } => None,
        }
    }

    /// Why there is no comparable number; `None` when there is one.
    pub fn why_not(&self) -> Option<String> {
        match self {
            Reading::Value(x) if x.is_nan() => Some("the value is NaN".to_owned()),
            Reading::Value(_) => None,
            Reading::NoData { why } => Some(format!("no data: {why}")),
            Reading::Failed { why } => Some(why.clone()),
        }
    }
}

/// A reading and when it was taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Microseconds since the Unix epoch.
    pub at_micros: i64,
    /// What was answered.
    pub value: Reading,
}

/// The written form of a sample, one JSON line: numbers that JSON cannot hold are words.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    metric: String,
    at_micros: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_finite: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    no_data: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
}

impl Sample {
    /// One line of `metrics.jsonl`, without the newline.
    pub fn to_line(&self, metric: &str) -> String {
        let mut line = Line {
            metric: metric.to_owned(),
            at_micros: self.at_micros,
            value: None,
            not_finite: None,
            no_data: None,
            failed: None,
        };
        match &self.value {
            Reading::Value(x) if x.is_finite() => line.value = Some(*x),
            Reading::Value(x) => {
                line.not_finite = Some(super::format::value(*x, crate::runbook::model::Unit::Count))
            }
            Reading::NoData { why } => line.no_data = Some(why.clone()),
            Reading::Failed { why } => line.failed = Some(why.clone()),
        }
        // A struct of strings and finite numbers always has a JSON form.
        serde_json::to_string(&line).unwrap_or_default()
    }

    /// Reads a line of `metrics.jsonl`: the metric's name and the sample. `None` when it is not one.
    pub fn from_line(text: &str) -> Option<(String, Sample)> {
        let line: Line = serde_json::from_str(text).ok()?;
        let value = match (line.value, line.not_finite.as_deref(), line.no_data, line.failed) {
            (Some(x), None, None, None) => Reading::Value(x),
            (None, Some("NaN"), None, None) => Reading::Value(f64::NAN),
            (None, Some("+Inf"), None, None) => Reading::Value(f64::INFINITY),
            (None, Some("-Inf"), None, None) => Reading::Value(f64::NEG_INFINITY),
            (None, None, Some(why), None) => Reading::NoData { why },
            (None, None, None, Some(why)) => Reading::Failed { why },
            _ => return None,
        };
        Some((line.metric, Sample { at_micros: line.at_micros, value }))
    }
}

/// What several samples came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Aggregated {
    /// The aggregate over so many comparable samples.
    Value {
        /// The aggregate.
        value: f64,
        /// How many samples it rests on.
        samples: usize,
    },
    /// Nothing to aggregate.
    None {
        /// Why.
        why: String,
    },
}

/// A bounded history of one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    every: Duration,
    capacity: usize,
    samples: VecDeque<Sample>,
}

impl Series {
    /// How much history is kept at least, at any interval from 100 ms on.
    pub const HISTORY: Duration = Duration::from_secs(3900);
    /// Bounds memory for very short intervals; the oldest samples go first.
    const MOST_SAMPLES: u128 = 39_001;

    /// An empty series of a metric polled at this interval.
    pub fn new(every: Duration) -> Self {
        let needed = Self::HISTORY.as_micros() / every.as_micros().max(1) + 1;
        let capacity = usize::try_from(needed.clamp(60, Self::MOST_SAMPLES)).unwrap_or(60);
        Series { every, capacity, samples: VecDeque::new() }
    }

    /// The polling interval.
    pub fn every(&self) -> Duration {
        self.every
    }

    /// Adds a sample. Samples that are not older than it go: they were dated by a clock that has since been set
    /// back, and would look fresh until it caught up. Returns how many went.
    pub fn push(&mut self, sample: Sample) -> usize {
        let before = self.samples.len();
        while self.samples.back().is_some_and(|last| last.at_micros >= sample.at_micros) {
            self.samples.pop_back();
        }
        let gone = before - self.samples.len();
        if self.samples.len() >= self.capacity {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
        gone
    }

    /// Oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Sample> + ExactSizeIterator {
        self.samples.iter()
    }

    /// The newest sample.
    pub fn latest(&self) -> Option<&Sample> {
        self.samples.back()
    }

    /// How many samples are held.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether nothing was ever answered.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// After how much silence the newest sample says nothing about now: three intervals, at least two seconds.
    pub fn stale_after(&self) -> Duration {
        (self.every * 3).max(Duration::from_secs(2))
    }

    /// For how long the newest sample has been out of date; `None` while it is fresh or when there is none.
    pub fn stale_for(&self, now_micros: i64) -> Option<Duration> {
        let age = age(self.latest()?.at_micros, now_micros);
        if age > self.stale_after() { Some(age) } else { None }
    }

    /// One value for the window that ends now. `Last` takes the newest comparable sample of the window.
    pub fn aggregate(&self, over: Duration, how: Aggregate, now_micros: i64) -> Aggregated {
        let mut samples = 0_usize;
        let mut why = None;
        let mut sum = 0.0_f64;
        let (mut least, mut most, mut last) = (f64::INFINITY, f64::NEG_INFINITY, f64::NAN);
        for sample in self.iter().filter(|s| age(s.at_micros, now_micros) <= over) {
            match sample.value.comparable() {
                Some(x) => {
                    samples += 1;
                    sum += x;
                    least = least.min(x);
                    most = most.max(x);
                    last = x;
                }
                None => why = sample.value.why_not(),
            }
        }
        if samples == 0 {
            let why = why.unwrap_or_else(|| "no sample in the window".to_owned());
            return Aggregated::None { why };
        }
        let value = match how {
            Aggregate::Avg => sum / samples as f64,
            Aggregate::Min => least,
            Aggregate::Max => most,
            Aggregate::Last => last,
        };
        Aggregated::Value { value, samples }
    }

    /// What the metric says now: the newest sample if it is fresh, otherwise why nothing can be said.
    pub fn now(&self, now_micros: i64) -> Reading {
        match (self.latest(), self.stale_for(now_micros)) {
            (None, _) => Reading::NoData { why: "nothing was answered yet".to_owned() },
            (Some(_), Some(age)) => {
                Reading::NoData { why: format!("the last sample is {} s old", age.as_secs()) }
            }
            (Some(sample), None) => sample.value.clone(),
        }
    }
}

/// How long ago; a time in the future is not ago at all.
pub(super) fn age(at_micros: i64, now_micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(now_micros.saturating_sub(at_micros)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn series(values: &[(i64, Reading)]) -> Series {
        let mut series = Series::new(Duration::from_secs(1));
        for (at, value) in values {
            assert_eq!(series.push(Sample { at_micros: at * SECOND, value: value.clone() }), 0);
        }
        series
    }

    fn no_data() -> Reading {
        Reading::NoData { why: "empty".into() }
    }

    #[test]
    fn an_hour_is_kept_and_no_more_than_bounded_memory() {
        for every in [Duration::from_millis(100), Duration::from_secs(5), Duration::from_secs(60)] {
            let mut series = Series::new(every);
            let step = i64::try_from(every.as_micros()).unwrap();
            let count = 5 * 3600 * SECOND / step;
            for i in 0..count {
                series.push(Sample { at_micros: i * step, value: Reading::Value(1.0) });
            }
            let held = series.latest().unwrap().at_micros - series.iter().next().unwrap().at_micros;
            assert!(held >= 3600 * SECOND, "{every:?} holds {held} µs");
            assert!(series.len() <= 39_001, "{every:?} holds {} samples", series.len());
        }
    }

    #[test]
    fn a_clock_that_is_set_back_freezes_nothing() {
        let mut series =
            series(&[(8, Reading::Value(1.0)), (100, Reading::Value(2.0)), (101, Reading::Value(3.0))]);
        let gone = series.push(Sample { at_micros: 10 * SECOND, value: Reading::Value(4.0) });
        assert_eq!(gone, 2);
        assert_eq!(series.now(10 * SECOND), Reading::Value(4.0));
        let times: Vec<i64> = series.iter().map(|s| s.at_micros / SECOND).collect();
        assert_eq!(times, [8, 10]);
    }

    #[test]
    fn aggregates_leave_out_what_is_no_number() {
        let series = series(&[
            (1, Reading::Value(100.0)),
            (8, Reading::Value(2.0)),
            (9, Reading::Value(f64::NAN)),
            (10, Reading::Value(4.0)),
            (11, no_data()),
        ]);
        let over = Duration::from_secs(5);
        let now = 11 * SECOND;
        let is = |how, value| {
            assert_eq!(series.aggregate(over, how, now), Aggregated::Value { value, samples: 2 }, "{how:?}");
        };
        is(Aggregate::Avg, 3.0);
        is(Aggregate::Min, 2.0);
        is(Aggregate::Max, 4.0);
        is(Aggregate::Last, 4.0);
    }

    #[test]
    fn an_empty_window_says_why() {
        let series = series(&[(1, Reading::Value(1.0)), (50, no_data())]);
        let Aggregated::None { why } = series.aggregate(Duration::from_secs(5), Aggregate::Avg, 51 * SECOND)
        else {
            panic!("there is nothing to aggregate");
        };
        assert_eq!(why, "no data: empty");
        let Aggregated::None { why } = series.aggregate(Duration::from_secs(5), Aggregate::Avg, 99 * SECOND)
        else {
            panic!("there is nothing to aggregate");
        };
        assert_eq!(why, "no sample in the window");
    }

    #[test]
    fn an_old_sample_says_nothing_about_now() {
        let series = series(&[(10, Reading::Value(1.0))]);
        assert_eq!(series.now(12 * SECOND), Reading::Value(1.0));
        assert_eq!(series.now(20 * SECOND), Reading::NoData { why: "the last sample is 10 s old".into() });
        assert_eq!(series.stale_for(20 * SECOND), Some(Duration::from_secs(10)));
        assert_eq!(series.stale_for(5 * SECOND), None, "a clock that jumped back makes nothing stale");
    }

    #[test]
    fn a_line_brings_back_the_sample_it_was_written_from() {
        let readings = [
            Reading::Value(0.31),
            Reading::Value(f64::INFINITY),
            no_data(),
            Reading::Failed { why: "x\"\n".into() },
        ];
        for value in readings {
            let sample = Sample { at_micros: 7, value };
            let line = sample.to_line("errors");
            assert!(!line.contains('\n'));
            assert_eq!(Sample::from_line(&line), Some(("errors".to_owned(), sample)));
        }
        let nan = Sample { at_micros: 7, value: Reading::Value(f64::NAN) }.to_line("m");
        let (_, back) = Sample::from_line(&nan).unwrap();
        assert!(matches!(back.value, Reading::Value(x) if x.is_nan()));
        assert_eq!(Sample::from_line("{\"metric\":\"m\",\"at_micros\":1}"), None);
        assert_eq!(Sample::from_line("garbage"), None);
    }
}
