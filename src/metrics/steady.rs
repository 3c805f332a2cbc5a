//! Criteria that begin and cease to hold, without the flutter. Never says of a criterion that it cleared before it has
//! been clear for a while, and the longer the more often it came back.

use std::collections::BTreeMap;
use std::time::Duration;

use super::series::age;
use super::trigger::TriggerState;

/// A criterion that fired for the first time must be clear for so long; each time it fired again doubles that.
const CLEAR_FOR: Duration = Duration::from_secs(5);
/// So often it is doubled at most: from then on a criterion that flutters is news once in five minutes.
const MOST_DOUBLED: u32 = 6;

/// What is new about a criterion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// It holds, and did not before.
    Fired,
    /// It has ceased to hold, for good as far as anyone can tell.
    Cleared,
}

#[derive(Debug, Clone, Copy, Default)]
struct Known {
    holds: bool,
    fired: u32,
    /// Since when it does not hold, microseconds since the Unix epoch.
    clear_since: Option<i64>,
}

/// What is known about every criterion.
#[derive(Debug, Clone, Default)]
pub struct Steady {
    known: BTreeMap<String, Known>,
}

impl Steady {
    /// With those that hold already.
    pub fn new<'a>(holding: impl IntoIterator<Item = &'a String>) -> Steady {
        let known = |id: &String| (id.clone(), Known { holds: true, fired: 1, clear_since: None });
        Steady { known: holding.into_iter().map(known).collect() }
    }

    /// What is new about this criterion, now that it is judged so.
    pub fn judge(&mut self, id: &str, state: &TriggerState, now_micros: i64) -> Option<News> {
        let known = self.known.entry(id.to_owned()).or_default();
        match state {
            TriggerState::Fired { .. } => {
                known.clear_since = None;
                if known.holds {
                    return None;
                }
                known.holds = true;
                known.fired = known.fired.saturating_add(1);
                Some(News::Fired)
            }
            TriggerState::Clear if known.holds => {
                let since = *known.clear_since.get_or_insert(now_micros);
                let doubled = known.fired.saturating_sub(1).min(MOST_DOUBLED);
                if age(since, now_micros) < CLEAR_FOR * 2_u32.pow(doubled) {
                    return None;
                }
                known.holds = false;
                known.clear_since = None;
                Some(News::Cleared)
            }
            // Where nobody can judge, and where it begins to hold again, it has not been clear for long.
            TriggerState::Pending { .. } | TriggerState::Inconclusive { .. } => {
                known.clear_since = None;
                None
            }
            TriggerState::Clear => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;
    const FIRED: TriggerState = TriggerState::Fired { since: 0 };

    #[test]
    fn what_fires_is_news_at_once_and_what_clears_after_a_while() {
        let mut steady = Steady::default();
        assert_eq!(steady.judge("a", &TriggerState::Clear, 0), None);
        assert_eq!(steady.judge("a", &FIRED, SECOND), Some(News::Fired));
        assert_eq!(steady.judge("a", &FIRED, 2 * SECOND), None);
        assert_eq!(steady.judge("a", &TriggerState::Clear, 3 * SECOND), None);
        assert_eq!(steady.judge("a", &TriggerState::Clear, 7 * SECOND), None);
        assert_eq!(steady.judge("a", &TriggerState::Clear, 8 * SECOND), Some(News::Cleared));
        assert_eq!(steady.judge("a", &TriggerState::Clear, 9 * SECOND), None);
    }

    #[test]
    fn silence_and_a_new_beginning_are_not_clear() {
        let mut steady = Steady::new([&"a".to_owned()]);
        for between in
            [TriggerState::Inconclusive { why: "x".into() }, TriggerState::Pending { since: 0 }, FIRED]
        {
            assert_eq!(steady.judge("a", &TriggerState::Clear, 0), None);
            assert_eq!(steady.judge("a", &between, 4 * SECOND), None);
            assert_eq!(steady.judge("a", &TriggerState::Clear, 6 * SECOND), None, "{between:?}");
        }
        assert_eq!(steady.judge("a", &TriggerState::Clear, 11 * SECOND), Some(News::Cleared));
    }

    #[test]
    fn a_criterion_that_flutters_for_a_day_is_news_a_few_hundred_times() {
        let mut steady = Steady::default();
        // Six seconds so, six seconds so.
        let states = (0..86_400).map(|s| (s, if s / 6 % 2 == 0 { FIRED } else { TriggerState::Clear }));
        let news = states.filter_map(|(s, state)| steady.judge("a", &state, s * SECOND)).count();
        assert_eq!(
            news, 3,
            "it fires, clears once, fires again, and from then on never stays clear for long"
        );
        // Ten minutes so, ten minutes so: each is worth knowing.
        let states =
            (100_000..186_400).map(|s| (s, if s / 600 % 2 == 0 { FIRED } else { TriggerState::Clear }));
        let news = states.filter_map(|(s, state)| steady.judge("b", &state, s * SECOND)).count();
        assert!((142..=145).contains(&news), "{news}");
    }
}
