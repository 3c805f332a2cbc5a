//! How fast a step gets on, from what it reported. Never promises an end that no report bears out.

use super::{Run, Status};
use crate::core::time::{Stamp, spoken};
use std::time::Duration;

/// How fast a step gets on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Done in a second, over the whole try.
    pub per_second: f64,
    /// What is left at this pace; only where the total is known.
    pub left: Option<Duration>,
}

impl Run {
    /// The pace up to the newest report. None before there is one that says anything.
    pub fn pace(&self, now: Stamp) -> Option<Pace> {
        let ((done, total), at, since) = (self.progress?, self.progress_at?, self.started_at?);
        let took = at.since(since).as_secs_f64();
        if done == 0 || took <= 0.0 {
            return None;
        }
        let per_second = done as f64 / took;
        let left = total.and_then(|total| {
            let rest = Duration::try_from_secs_f64(total.saturating_sub(done) as f64 / per_second).ok()?;
            Some(rest.saturating_sub(now.since(at)))
        });
        Some(Pace { per_second, left })
    }

    /// Done, of how many, how fast, and for how long still: one line.
    pub fn progress_words(&self, now: Stamp) -> Option<String> {
        let (done, total) = self.progress?;
        let unit = self.progress_unit.as_deref().unwrap_or_default();
        let percent = unit == "%";
        let mut words = match total {
            Some(_) if percent => format!("{done} %"),
            Some(total) => format!("{done} of {total} {unit}").trim_end().to_owned(),
            None => format!("{done} {unit}").trim_end().to_owned(),
        };
        if let Some(pace) = self.pace(now).filter(|_| self.status == Status::Running) {
            if !percent {
                words.push_str(&format!(", {} a second", short(pace.per_second)));
            }
            if let Some(left) = pace.left {
                words.push_str(&format!(", about {} left", spoken(left)));
            }
        }
        Some(words)
    }
}

/// Three digits that matter.
fn short(number: f64) -> String {
    let units = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    match units.into_iter().find(|(size, _)| number >= *size) {
        Some((size, letter)) => format!("{:.1} {letter}", number / size),
        None if number >= 10.0 => format!("{number:.0}"),
        None => format!("{number:.1}"),
    }
}
