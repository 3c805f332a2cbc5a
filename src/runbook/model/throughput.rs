//! What a step got done in which time, now and in earlier incidents. Never a rate without how many runs it was made
//! from, and never one unit compared with another.

use std::time::Duration;

/// What one run of a step got done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Throughput {
    /// So much.
    pub done: u64,
    /// Of this.
    pub unit: Option<String>,
    /// In this time; never none.
    pub took: Duration,
}

impl Throughput {
    /// Of a run that did something and took time; other runs say nothing.
    pub fn of(done: u64, unit: Option<&str>, took: Duration) -> Option<Throughput> {
        (done > 0 && !took.is_zero()).then(|| Throughput { done, unit: unit.map(str::to_owned), took })
    }

    /// Done in a second.
    pub fn per_second(&self) -> f64 {
        self.done as f64 / self.took.as_secs_f64()
    }
}

/// What earlier runs of a step got done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// Half of them were at least as slow as this one: a run that really was.
    pub median: Throughput,
    /// Half of them took at most this.
    pub took: Duration,
    /// How many they were.
    pub n: usize,
}

impl Earlier {
    /// Of these runs, the oldest first. Only those count that reported in the unit of the newest.
    pub fn of(runs: &[Throughput]) -> Option<Earlier> {
        let unit = &runs.last()?.unit;
        let mut same: Vec<&Throughput> = runs.iter().filter(|run| run.unit == *unit).collect();
        let middle = same.len().div_ceil(2).saturating_sub(1);
        same.sort_by(|a, b| a.per_second().total_cmp(&b.per_second()));
        let median = (*same.get(middle)?).clone();
        same.sort_by_key(|run| run.took);
        let took = same.get(middle)?.took;
        Some(Earlier { median, took, n: same.len() })
    }

    /// `38 MB/s`, or nothing where percents a second would say nothing.
    pub fn rate_words(&self) -> Option<String> {
        rate_words(self.median.per_second(), self.median.unit.as_deref())
    }
}

/// `38 MB/s`, `20 rows/s`, `20/s`; nothing of percents.
pub fn rate_words(per_second: f64, unit: Option<&str>) -> Option<String> {
    let number = rounded(per_second);
    match unit {
        Some("%") => None,
        // `38 M` and `38` both become one number and one unit.
        Some("bytes") if number.ends_with(char::is_alphabetic) => Some(format!("{number}B/s")),
        Some("bytes") => Some(format!("{number} B/s")),
        Some(unit) => Some(format!("{number} {unit}/s")),
        None => Some(format!("{number}/s")),
    }
}

/// Digits that matter, with the letter of a thousand, a million and so on.
pub fn rounded(number: f64) -> String {
    let units = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    match units.into_iter().find(|(size, _)| number >= *size) {
        Some((size, letter)) if number >= 10.0 * size => format!("{:.0} {letter}", number / size),
        Some((size, letter)) => format!("{:.1} {letter}", number / size),
        None if number >= 10.0 => format!("{number:.0}"),
        None => format!("{number:.1}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(done: u64, unit: &str, seconds: u64) -> Throughput {
        Throughput::of(done, Some(unit), Duration::from_secs(seconds)).unwrap()
    }

    #[test]
    fn the_middle_is_a_run_that_was_in_the_unit_of_the_newest() {
        assert_eq!(Earlier::of(&[]), None);
        let runs = [
            run(9_000_000_000, "rows", 1),
            run(380, "bytes", 10),
            run(1_000, "bytes", 10),
            run(90, "bytes", 30),
        ];
        let earlier = Earlier::of(&runs).unwrap();
        assert_eq!((earlier.median.done, earlier.took, earlier.n), (380, Duration::from_secs(10), 3));
        assert_eq!(earlier.rate_words().unwrap(), "38 B/s");
    }

    #[test]
    fn what_did_nothing_or_took_no_time_is_no_throughput() {
        assert_eq!(Throughput::of(0, None, Duration::from_secs(1)), None);
        assert_eq!(Throughput::of(1, None, Duration::ZERO), None);
    }

    #[test]
    fn a_rate_is_told_in_its_unit() {
        let words = |n, unit| rate_words(n, unit);
        assert_eq!(words(38_400_000.0, Some("bytes")).unwrap(), "38 MB/s");
        assert_eq!(words(1_240.0, Some("bytes")).unwrap(), "1.2 kB/s");
        assert_eq!(words(20.0, Some("rows")).unwrap(), "20 rows/s");
        assert_eq!(words(0.25, None).unwrap(), "0.2/s");
        assert_eq!(words(3.0, Some("%")), None);
    }
}
