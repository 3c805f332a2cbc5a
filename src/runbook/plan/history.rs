//! How long it took before, and what that says about next time. Never mixes rehearsals with the real thing, and never
//! gives a number without how many it was made from.

use crate::runbook::model::{Step, Throughput};
use std::collections::BTreeMap;
use std::time::Duration;

/// What earlier incidents of a runbook took.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// For real.
    pub live: Past,
    /// Rehearsals: commands were not run, so these say something about people only.
    pub drills: Past,
}

/// Durations of one kind of incident.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Past {
    /// From the first change to the end of the last step, one for each closed incident.
    pub whole: Vec<Duration>,
    /// What each step took where it succeeded.
    pub steps: BTreeMap<String, Vec<Duration>>,
    /// What each step got done where it reported that, the oldest first.
    pub pace: BTreeMap<String, Vec<Throughput>>,
}

/// Median and nine out of ten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread {
    /// Half took at most this.
    pub p50: Duration,
    /// Nine of ten took at most this.
    pub p90: Duration,
    /// How many it is made from.
    pub n: usize,
}

impl Spread {
    /// Of these durations; nothing of none. The nearest rank: a value that really was.
    pub fn of(durations: &[Duration]) -> Option<Spread> {
        let mut sorted = durations.to_vec();
        sorted.sort_unstable();
        let rank =
            |percent: usize| sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1)).copied();
        Some(Spread { p50: rank(50)?, p90: rank(90)?, n: sorted.len() })
    }
}

/// What a step is expected to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forecast {
    /// As measured in live incidents.
    Measured(Spread),
    /// As its author thinks.
    Author(Duration),
    /// Nobody knows.
    Unknown,
}

impl Forecast {
    /// Of one step.
    pub fn of(step: &Step, history: &History) -> Forecast {
        let measured = history.live.steps.get(&step.id).and_then(|all| Spread::of(all));
        match (measured, step.estimate) {
            (Some(spread), _) => Forecast::Measured(spread),
            (None, Some(estimate)) => Forecast::Author(estimate),
            (None, None) => Forecast::Unknown,
        }
    }

    /// The middle.
    pub fn p50(self) -> Option<Duration> {
        match self {
            Forecast::Measured(spread) => Some(spread.p50),
            Forecast::Author(estimate) => Some(estimate),
            Forecast::Unknown => None,
        }
    }

    /// Nine out of ten; an author gives one number.
    pub fn p90(self) -> Option<Duration> {
        match self {
            Forecast::Measured(spread) => Some(spread.p90),
            Forecast::Author(estimate) => Some(estimate),
            Forecast::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_made_of_values_that_were() {
        let seconds =
            |all: &[u64]| Spread::of(&all.iter().map(|s| Duration::from_secs(*s)).collect::<Vec<_>>());
        assert_eq!(seconds(&[]), None);
        let told = |all: &[u64]| seconds(all).map(|s| (s.p50.as_secs(), s.p90.as_secs(), s.n));
        assert_eq!(told(&[7]), Some((7, 7, 1)));
        assert_eq!(told(&[9, 1]), Some((1, 9, 2)));
        assert_eq!(told(&[10, 1, 2, 3, 4, 5, 6, 7, 8, 9]), Some((5, 9, 10)));
    }
}
