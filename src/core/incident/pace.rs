//! How fast a step gets on, from what it reported. Never promises an end that no report bears out.

use super::{Run, Status};
use crate::core::time::{Stamp, spoken};
use crate::runbook::model::{Earlier, Throughput, rate_words, rounded};
use std::time::Duration;

/// So many reports of a try are kept; when there are more, every other one is let go, so that they still reach back
/// to its beginning.
const REPORTS: usize = 32;
/// The pace is that of so many reports before the newest: what was fast an hour ago says little about now.
const LATELY: usize = 8;

/// How fast a step gets on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Done in a second, by the newest reports.
    pub per_second: f64,
    /// What is left at this pace; only where the total is known and not reached.
    pub left: Option<Duration>,
}

impl Run {
    /// Takes a report. One that takes something back begins the history anew: nothing before it says how fast it is.
    pub(in crate::core) fn note_progress(
        &mut self,
        at: Stamp,
        done: u64,
        total: Option<u64>,
        unit: Option<&str>,
    ) {
        let another = self.progress_unit.as_deref() != unit;
        if self.reports.last().is_some_and(|(_, before)| another || done < *before) {
            self.went_back = self.went_back.saturating_add(1);
            self.reports.clear();
        }
        if self.reports.len() >= REPORTS {
            let mut n = 0_usize;
            self.reports.retain(|_| {
                n += 1;
                n % 2 == 1
            });
        }
        self.reports.push((at, done));
        self.progress = Some((done, total));
        self.progress_unit = unit.map(str::to_owned);
        self.progress_at = Some(at);
    }

    /// The pace up to the newest report. None before there is one that says anything.
    pub fn pace(&self, now: Stamp) -> Option<Pace> {
        let (done, total) = self.progress?;
        let (at, _) = *self.reports.last()?;
        let per_second = self.lately()?;
        let left = total.filter(|total| *total > done).and_then(|total| {
            let rest = Duration::try_from_secs_f64((total - done) as f64 / per_second).ok()?;
            Some(rest.saturating_sub(now.since(at)))
        });
        Some(Pace { per_second, left })
    }

    /// Done in a second by the newest reports; while there is only one, since the try began.
    fn lately(&self) -> Option<f64> {
        let from = self.reports.len().saturating_sub(LATELY + 1);
        let (newest, done) = *self.reports.last()?;
        let (since, before) = match self.reports.get(from) {
            Some((since, before)) if *since < newest => (*since, *before),
            Some(_) | None if self.went_back == 0 => (self.started_at?, 0),
            Some(_) | None => return None,
        };
        rate((since, before), (newest, done))
    }

    /// What was done in a second from report to report, the oldest first. Empty before there are two.
    pub fn paces(&self) -> Vec<f64> {
        self.reports.windows(2).filter_map(|pair| rate(*pair.first()?, *pair.last()?)).collect()
    }

    /// Time left: at the present pace; before there is one, at that of earlier runs; before the first report, in the
    /// time that they took.
    pub fn left(&self, now: Stamp, earlier: Option<&Earlier>) -> Option<Duration> {
        if self.status != Status::Running {
            return None;
        }
        if let Some(pace) = self.pace(now) {
            return pace.left;
        }
        let earlier = earlier?;
        let Some((done, total)) = self.progress else {
            return Some(earlier.took.saturating_sub(now.since(self.started_at?)));
        };
        let rest = total?.checked_sub(done).filter(|rest| *rest > 0 && self.is_like(earlier))?;
        let takes = Duration::try_from_secs_f64(rest as f64 / earlier.median.per_second()).ok()?;
        Some(takes.saturating_sub(now.since(self.progress_at?)))
    }

    /// Whether it reports in the unit that earlier runs reported in: files are no bytes.
    fn is_like(&self, earlier: &Earlier) -> bool {
        self.progress_unit == earlier.median.unit
    }

    /// Done, of how many, how fast now and in earlier incidents, and for how long still: one line. Nothing of a step
    /// that reported nothing, unless it runs and earlier runs say how long that takes.
    pub fn progress_words(&self, now: Stamp, earlier: Option<&Earlier>) -> Option<String> {
        let runs = self.status == Status::Running;
        let mut words = match self.progress {
            Some((done, total)) => self.done_words(done, total),
            None if runs && earlier.is_some() => "nothing reported yet".to_owned(),
            None => return None,
        };
        let same = |earlier: &&Earlier| self.progress.is_none() || self.is_like(earlier);
        let past = earlier.filter(same).filter(|_| runs).and_then(|e| e.rate_words().map(|rate| (rate, e.n)));
        let pace = self.pace(now).filter(|_| runs);
        let rate = pace.and_then(|pace| rate_words(pace.per_second, self.progress_unit.as_deref()));
        match (rate, past) {
            (Some(now), Some((before, n))) => {
                words.push_str(&format!(", now {now}, earlier {before} ({n} runs)"))
            }
            (Some(now), None) => words.push_str(&format!(", {now}")),
            (None, Some((before, n))) => words.push_str(&format!(", earlier {before} ({n} runs)")),
            (None, None) => {}
        }
        if let Some(left) = self.left(now, earlier) {
            words.push_str(&format!(", about {} left", spoken(left)));
            if pace.is_none() {
                words.push_str(" as earlier runs went");
            }
        }
        Some(words.replace("(1 runs)", "(1 run)"))
    }

    fn done_words(&self, done: u64, total: Option<u64>) -> String {
        let unit = self.progress_unit.as_deref().unwrap_or_default();
        let mut words = match total {
            Some(_) if unit == "%" => format!("{done} %"),
            Some(total) => format!("{done} of {total} {unit}").trim_end().to_owned(),
            None => format!("{done} {unit}").trim_end().to_owned(),
        };
        if total.is_some_and(|total| done > total) {
            words.push_str(", which is more than there were to do");
        }
        if self.went_back > 0 {
            words.push_str(&format!(", went back {}", times(self.went_back)));
        }
        words
    }

    /// What a run that is over got done in its time. None of one that took something back: what it said is no sum.
    pub fn throughput(&self) -> Option<Throughput> {
        let ended = self.ended_at.filter(|_| self.status == Status::Succeeded && self.went_back == 0)?;
        let (done, _) = self.progress?;
        Throughput::of(done, self.progress_unit.as_deref(), ended.since(self.started_at?))
    }

    /// How the pace went: the newest last, at most eight. None before there is something to compare.
    pub fn pace_words(&self) -> Option<String> {
        let all = self.paces();
        let shown = all.get(all.len().saturating_sub(LATELY)..).filter(|shown| shown.len() > 1)?;
        let unit = self.progress_unit.as_deref().unwrap_or_default();
        let numbers: Vec<String> = shown.iter().map(|n| rounded(*n)).collect();
        Some(format!("{} {unit} a second, newest last", numbers.join(", ")).replace("  ", " "))
    }
}

/// What was done in a second between two reports. None where nothing was, or no time passed.
fn rate((since, before): (Stamp, u64), (at, done): (Stamp, u64)) -> Option<f64> {
    let (took, did) = (at.since(since).as_secs_f64(), done.saturating_sub(before));
    (took > 0.0 && did > 0).then_some(did as f64 / took)
}

fn times(n: u32) -> String {
    if n == 1 { "once".to_owned() } else { format!("{n} times") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Stamp {
        Stamp(1_000_000_000 + seconds * 1_000_000)
    }

    fn run(reports: &[(i64, u64)], total: Option<u64>) -> Run {
        let mut run = Run { status: Status::Running, started_at: Some(at(0)), ..Run::default() };
        for (seconds, done) in reports {
            run.note_progress(at(*seconds), *done, total, Some("rows"));
        }
        run
    }

    #[test]
    fn rate_and_time_left_come_from_what_was_reported() {
        let run = run(&[(10, 100), (20, 300)], Some(1000));
        let words = run.progress_words(at(20), None).unwrap();
        assert_eq!(words, "300 of 1000 rows, 20 rows/s, about 35s left");
        assert_eq!(run.progress_words(at(30), None).unwrap(), "300 of 1000 rows, 20 rows/s, about 25s left");
        assert_eq!(run.progress_words(at(300), None).unwrap(), "300 of 1000 rows, 20 rows/s, about 0s left");
        assert_eq!(run.pace_words(), None, "one pace is no history");
    }

    #[test]
    fn one_that_slows_down_is_not_said_to_be_done_soon() {
        let fast: Vec<(i64, u64)> = (1..=20).map(|n| (n, n as u64 * 1000)).collect();
        let slow: Vec<(i64, u64)> = (1..=20).map(|n| (20 + n * 10, 20_000 + n as u64)).collect();
        let run = run(&[fast, slow].concat(), Some(20_100));
        let pace = run.pace(at(220)).unwrap();
        assert!((pace.per_second - 0.1).abs() < 0.001, "{pace:?}");
        assert_eq!(pace.left, Some(Duration::from_secs(800)));
        assert_eq!(
            run.pace_words().unwrap(),
            format!("{} rows a second, newest last", ["0.1"; 8].join(", "))
        );
    }

    #[test]
    fn the_history_stays_short_and_reaches_back() {
        let all: Vec<(i64, u64)> = (1..=1000).map(|n| (n, n as u64)).collect();
        let run = run(&all, None);
        assert!(run.reports.len() <= REPORTS);
        assert_eq!((run.reports.first().unwrap().1, run.reports.last().unwrap().1), (1, 1000));
    }

    #[test]
    fn more_than_everything_and_less_than_before_are_said_and_promise_nothing() {
        let too_much = run(&[(10, 10), (20, 30)], Some(20));
        let words = too_much.progress_words(at(20), None).unwrap();
        assert_eq!(words, "30 of 20 rows, which is more than there were to do, 2.0 rows/s");
        let back = run(&[(10, 500), (20, 100)], Some(1000));
        assert_eq!(back.progress_words(at(20), None).unwrap(), "100 of 1000 rows, went back once");
        let again = run(&[(10, 500), (20, 100), (30, 150)], Some(1000));
        let words = again.progress_words(at(30), None).unwrap();
        assert_eq!(words, "150 of 1000 rows, went back once, 5.0 rows/s, about 2m 50s left");
        for still in [run(&[(10, 0)], Some(5)), run(&[(0, 7)], Some(9)), run(&[(5, 3), (5, 3)], None)] {
            assert!(still.pace(at(60)).is_none_or(|p| p.per_second.is_finite()), "{still:?}");
        }
        assert_eq!(run(&[(1, u64::MAX)], Some(u64::MAX)).pace(at(9)).unwrap().left, None);
    }

    fn before(done: u64, seconds: u64, unit: &str) -> Earlier {
        let one = Throughput::of(done, Some(unit), Duration::from_secs(seconds)).unwrap();
        Earlier::of(&[one.clone(), one.clone(), one]).unwrap()
    }

    #[test]
    fn earlier_runs_stand_beside_the_pace_and_say_what_is_left_before_there_is_one() {
        let earlier = before(4000, 100, "rows");
        let words = |run: &Run, now: i64| run.progress_words(at(now), Some(&earlier)).unwrap();
        let silent = Run { status: Status::Running, started_at: Some(at(0)), ..Run::default() };
        assert_eq!(
            words(&silent, 30),
            "nothing reported yet, earlier 40 rows/s (3 runs), about 1m 10s left as earlier runs went"
        );
        let begun = run(&[(10, 0)], Some(4000));
        assert_eq!(
            words(&begun, 20),
            "0 of 4000 rows, earlier 40 rows/s (3 runs), about 1m 30s left as earlier runs went"
        );
        let slow = run(&[(10, 0), (20, 100)], Some(4000));
        assert_eq!(
            words(&slow, 20),
            "100 of 4000 rows, now 10 rows/s, earlier 40 rows/s (3 runs), about 6m 30s left"
        );
    }

    #[test]
    fn another_unit_is_compared_with_nothing() {
        let files = before(40, 10, "files");
        let rows = run(&[(10, 100), (20, 300)], Some(1000));
        assert_eq!(rows.progress_words(at(20), Some(&files)), rows.progress_words(at(20), None));
        let none = run(&[(10, 0)], Some(1000));
        assert_eq!(none.progress_words(at(20), Some(&files)).unwrap(), "0 of 1000 rows");
        let silent = Run { started_at: Some(at(0)), ..Run::default() };
        assert_eq!(silent.progress_words(at(9), Some(&files)), None, "it does not run");
    }

    #[test]
    fn only_a_run_that_succeeded_and_took_nothing_back_is_a_throughput() {
        let ended = |reports: &[(i64, u64)], status| {
            Run { status, ended_at: Some(at(50)), ..run(reports, None) }.throughput()
        };
        let whole = ended(&[(10, 100), (20, 500)], Status::Succeeded).unwrap();
        assert_eq!((whole.done, whole.took), (500, Duration::from_secs(50)));
        assert_eq!(ended(&[(10, 100)], Status::Failed), None);
        assert_eq!(ended(&[(10, 100), (20, 50)], Status::Succeeded), None);
        assert_eq!(ended(&[], Status::Succeeded), None);
    }
}
