//! Made-up curves for drills. Never random: the same seed, curve and moment give the same number.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Answered, Trouble};
use crate::outside::http::excerpt;

/// A curve through points, straight between them, flat before the first and after the last.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Time since the start and value, in order of time; `None` is silence up to the next point.
    pub points: Vec<(Duration, Option<f64>)>,
    /// The value moves up and down by at most this.
    pub noise: f64,
}

impl Curve {
    /// The value so long after the start, without noise.
    pub fn at(&self, elapsed: Duration) -> Option<f64> {
        let next = self.points.partition_point(|(t, _)| *t <= elapsed);
        let before = next.checked_sub(1).and_then(|i| self.points.get(i));
        match (before, self.points.get(next)) {
            (None, None) => None,
            (None, Some((_, value))) | (Some((_, value)), None) => *value,
            (Some((_, a)), Some((_, None))) => *a,
            (Some((_, None)), Some((_, Some(_)))) => None,
            (Some((t0, Some(a))), Some((t1, Some(b)))) => {
                let span = t1.saturating_sub(*t0).as_secs_f64();
                let share = elapsed.saturating_sub(*t0).as_secs_f64() / span.max(f64::MIN_POSITIVE);
                Some(a + (b - a) * share)
            }
        }
    }
}

pub(super) fn query(
    curves: &BTreeMap<String, Curve>,
    seed: u64,
    name: &str,
    elapsed_micros: i64,
) -> Result<Answered, Trouble> {
    let curve = curves.get(name).ok_or_else(|| {
        let known: Vec<&str> = curves.keys().map(String::as_str).collect();
        Trouble(format!("there is no curve `{}`, only {}", excerpt(name), known.join(", ")))
    })?;
    let elapsed = Duration::from_micros(u64::try_from(elapsed_micros).unwrap_or(0));
    Ok(match curve.at(elapsed) {
        None => Answered::no_data("the curve is silent here"),
        Some(x) if curve.noise == 0.0 => Answered::value(x),
        Some(x) => {
            let tick = u64::try_from(elapsed.as_millis() / 100).unwrap_or(u64::MAX);
            let salt = name.bytes().fold(seed, |h, b| mix(h ^ u64::from(b)));
            Answered::value(x + curve.noise * unit(mix(salt ^ tick)))
        }
    })
}

/// SplitMix64's mixing function: every input bit changes about half of the output bits.
fn mix(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// From -1 to 1.
fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::series::Reading;

    fn curve(points: &[(u64, Option<f64>)], noise: f64) -> Curve {
        Curve { points: points.iter().map(|(t, v)| (Duration::from_secs(*t), *v)).collect(), noise }
    }

    #[test]
    fn a_curve_is_straight_between_points_and_flat_outside() {
        let c = curve(&[(10, Some(0.0)), (20, Some(1.0))], 0.0);
        let at = |s: f64| c.at(Duration::from_secs_f64(s));
        assert_eq!(
            (at(0.0), at(10.0), at(15.0), at(20.0), at(99.0)),
            (Some(0.0), Some(0.0), Some(0.5), Some(1.0), Some(1.0))
        );
        assert_eq!(curve(&[], 0.0).at(Duration::ZERO), None);
    }

    #[test]
    fn a_silent_point_is_silence_until_the_next() {
        let c = curve(&[(0, Some(1.0)), (10, None), (20, Some(2.0))], 0.0);
        assert_eq!(c.at(Duration::from_secs(5)), Some(1.0));
        assert_eq!(c.at(Duration::from_secs(15)), None);
        assert_eq!(c.at(Duration::from_secs(20)), Some(2.0));
    }

    #[test]
    fn noise_repeats_itself_and_keeps_its_bounds() {
        let curves = BTreeMap::from([("a".to_owned(), curve(&[(0, Some(10.0))], 0.5))]);
        let mut different = std::collections::BTreeSet::new();
        for i in 0..100 {
            let at = i * 100_000;
            let first = query(&curves, 7, "a", at).unwrap();
            assert_eq!(first, query(&curves, 7, "a", at).unwrap());
            let Reading::Value(x) = first.reading else { panic!("a number") };
            assert!((9.5..=10.5).contains(&x));
            different.insert(x.to_bits());
        }
        assert!(different.len() > 90);
        assert_ne!(query(&curves, 7, "a", 0).unwrap(), query(&curves, 8, "a", 0).unwrap());
    }

    #[test]
    fn an_unknown_curve_names_the_known_ones() {
        let curves = BTreeMap::from([("errors".to_owned(), curve(&[], 0.0))]);
        assert_eq!(query(&curves, 1, "eror", 0).unwrap_err().0, "there is no curve `eror`, only errors");
    }
}
