//! What a running step reports about how far it is, sparsely into the record. Never more often than anybody can read.

use super::{Driver, Job};
use crate::core::intent::Intent;
use crate::hub::wish::Try;
use crate::runbook::model::{Command, Subject};
use crate::step::progress::{Report, newest, parse};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How often a step's reports are looked at.
pub(super) const EVERY: Duration = Duration::from_secs(1);
/// Two reports in the record are at least so far apart.
const APART: Duration = Duration::from_secs(2);
/// Little news is recorded all the same after so long.
const AT_LEAST: Duration = Duration::from_secs(30);
/// A probe costs more than a look at a file. One that takes longer than this has not answered.
const PROBE_EVERY: Duration = Duration::from_secs(5);

/// What was recorded last of one try.
#[derive(Debug, Default)]
pub(super) struct Reported(Mutex<Option<(Report, Instant)>>);

impl Reported {
    fn last(&self) -> Option<(Report, Instant)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, report: Report, now: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((report, now));
    }

    /// Whether this is worth a line of the record: the first, a twentieth of the whole, or some news after a while.
    fn is_news(&self, report: &Report, now: Instant) -> bool {
        let Some((last, at)) = self.last() else { return true };
        let since = now.duration_since(at);
        if &last == report || since < APART {
            return false;
        }
        let step = report.total.map_or(u64::MAX, |total| (total / 20).max(1));
        let far = report.done.abs_diff(last.done) >= step || report.total != last.total;
        far || since >= AT_LEAST
    }
}

impl Driver {
    /// Looks again and again how far the step is, and records what is news. Never ends by itself.
    pub(super) async fn watch_progress(&self, job: &Job, attempt: &Path, reported: &Reported) {
        let mut looks = tokio::time::interval(EVERY);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        looks.reset();
        let mut probed: Option<Instant> = None;
        loop {
            looks.tick().await;
            let now = Instant::now();
            let report = match (newest(attempt), &job.step.progress) {
                (None, Some(probe)) if probed.is_none_or(|at| now.duration_since(at) >= PROBE_EVERY) => {
                    probed = Some(now);
                    self.probe(job, probe).await
                }
                (report, _) => report,
            };
            let Some(report) = report.filter(|r| reported.is_news(r, now)) else { continue };
            self.report(job, &report).await;
            reported.note(report, now);
        }
    }

    /// Records the last report, however small the news, before the step's end is.
    pub(super) async fn last_progress(
        &self,
        job: &Job,
        attempt: &Path,
        reported: &Reported,
    ) -> Option<Report> {
        let (report, last) = (newest(attempt), reported.last().map(|(last, _)| last));
        if let Some(report) = report.as_ref().filter(|r| last.as_ref() != Some(r)) {
            self.report(job, report).await;
        }
        report.or(last)
    }

    async fn report(&self, job: &Job, report: &Report) {
        let Try { step, attempt, .. } = job.which.clone();
        let Report { done, total, unit } = report.clone();
        self.shared.wishes.observe(Intent::Progress { step, attempt, done, total, unit }).await;
    }

    async fn probe(&self, job: &Job, probe: &Command) -> Option<Report> {
        let scope = self.ground.scope(&job.incident);
        let saw = self.look_within(PROBE_EVERY, &job.step, &scope, &Subject::Run(probe.clone())).await;
        let text = String::from_utf8_lossy(&saw.bytes()).into_owned();
        text.lines().rev().find_map(parse)
    }
}

/// What was done in which time, for the sentence about the end.
pub(super) fn throughput(report: &Report, took: Duration) -> String {
    let unit = report.unit.as_deref().unwrap_or_default();
    let seconds = took.as_secs_f64();
    if unit == "%" || seconds <= 0.0 {
        return format!("reported {} {unit}", report.done);
    }
    let rate = report.done as f64 / seconds;
    format!("reported {} {unit}, {rate:.1} a second", report.done).replace(" ,", ",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(done: u64) -> Report {
        Report { done, total: Some(1000), unit: None }
    }

    #[test]
    fn the_record_gets_a_twentieth_at_a_time_or_some_news_after_a_while() {
        let begun = Instant::now();
        let after = |seconds| begun + Duration::from_secs(seconds);
        let reported = Reported::default();
        assert!(reported.is_news(&report(0), begun), "the first");
        reported.note(report(100), begun);
        assert!(!reported.is_news(&report(900), after(1)), "too soon");
        assert!(!reported.is_news(&report(149), after(3)), "too little");
        assert!(reported.is_news(&report(150), after(3)));
        assert!(reported.is_news(&report(101), after(30)));
        assert!(!reported.is_news(&report(100), after(3600)), "no news");
    }

    #[test]
    fn the_end_says_how_fast_it_was() {
        let rows = Report { done: 500, total: None, unit: Some("rows".to_owned()) };
        assert_eq!(throughput(&rows, Duration::from_secs(2)), "reported 500 rows, 250.0 a second");
        let percent = Report { done: 100, total: Some(100), unit: Some("%".to_owned()) };
        assert_eq!(throughput(&percent, Duration::from_secs(2)), "reported 100 %");
    }
}
