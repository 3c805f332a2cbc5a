//! Judges data-driven criteria and adds them up. Never reads a clock, and never gives the number without the
//! reasons for it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::format;
use super::series::{Reading, Series, age};
use crate::runbook::model::{Metric, NoData, Trigger};

/// What one criterion says now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TriggerState {
    /// The condition does not hold.
    Clear,
    /// It holds, not yet for long enough.
    Pending {
        /// Since when it holds, microseconds since the Unix epoch.
        since: i64,
    },
    /// It holds for long enough.
    Fired {
        /// Since when it holds, microseconds since the Unix epoch.
        since: i64,
    },
    /// Nobody can say.
    Inconclusive {
        /// Why not.
        why: String,
    },
}

impl TriggerState {
    /// One word for a screen.
    pub fn word(&self) -> &'static str {
        match self {
            TriggerState::Clear => "clear",
            TriggerState::Pending { .. } => "pending",
            TriggerState::Fired { .. } => "fired",
            TriggerState::Inconclusive { .. } => "inconclusive",
        }
    }
}

enum Verdict {
    Holds,
    Clear,
    Unknown(String),
}

fn judge(trigger: &Trigger, reading: &Reading) -> Verdict {
    if let Some(x) = reading.comparable() {
        return if trigger.condition.holds(x) { Verdict::Holds } else { Verdict::Clear };
    }
    match trigger.on_no_data {
        NoData::Pass => Verdict::Clear,
        NoData::Fail => Verdict::Holds,
        NoData::Inconclusive => Verdict::Unknown(reading.why_not().unwrap_or_default()),
    }
}

/// What `trigger` says about `series` at `now_micros`.
///
/// A sample without a number counts as `on_no_data` says; `inconclusive` ones neither extend nor end the time
/// the condition holds, but silence longer than the series' stale limit ends it: nobody watched then.
pub fn evaluate(trigger: &Trigger, series: &Series, now_micros: i64) -> TriggerState {
    let Some(latest) = series.latest() else {
        return TriggerState::Inconclusive { why: "nothing was answered yet".to_owned() };
    };
    let verdict = match series.stale_for(now_micros) {
        Some(_) => judge(trigger, &series.now(now_micros)),
        None => judge(trigger, &latest.value),
    };
    match verdict {
        Verdict::Clear => return TriggerState::Clear,
        Verdict::Unknown(why) => return TriggerState::Inconclusive { why },
        Verdict::Holds => {}
    }
    let mut since = latest.at_micros;
    for sample in series.iter().rev() {
        match judge(trigger, &sample.value) {
            Verdict::Clear => break,
            Verdict::Unknown(_) => continue,
            Verdict::Holds => {}
        }
        let unwatched = age(sample.at_micros, since) > series.stale_after();
        if unwatched && trigger.on_no_data != NoData::Fail {
            break;
        }
        since = sample.at_micros;
    }
    if age(since, now_micros) >= trigger.for_ {
        TriggerState::Fired { since }
    } else {
        TriggerState::Pending { since }
    }
}

/// A criterion with everything needed to explain it.
#[derive(Debug, Clone)]
pub struct Judged<'a> {
    /// The criterion.
    pub trigger: &'a Trigger,
    /// Its metric.
    pub metric: &'a Metric,
    /// What the metric says now ([`Series::now`]).
    pub reading: Reading,
    /// What [`evaluate`] said.
    pub state: TriggerState,
}

/// Something without which a number is no advice: an open window, a quorum within reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// A sentence: `the way back is open until 14:00`.
    pub what: String,
    /// Whether it lets through.
    pub open: bool,
}

/// One criterion's share of the score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The criterion's name.
    pub id: String,
    /// Points it gives now.
    pub points: u32,
    /// Points it could give.
    pub of: u32,
    /// `clear`, `pending`, `fired` or `inconclusive`.
    pub state: String,
    /// Why, in one sentence without a final period.
    pub reason: String,
}

/// What the criteria together advise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Advice {
    /// Nothing speaks for a rollback.
    Quiet,
    /// Something does, or nobody can say.
    Watch,
    /// At least half of the points do.
    RollBack,
    /// A gate is closed: rolling back is not possible as things are.
    NotPossible,
}

impl Advice {
    /// For a screen.
    pub fn words(self) -> &'static str {
        match self {
            Advice::Quiet => "quiet",
            Advice::Watch => "watch",
            Advice::RollBack => "roll back",
            Advice::NotPossible => "cannot roll back",
        }
    }
}

/// The rollback-readiness score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Points of the criteria that fired.
    pub points: u32,
    /// Points of all criteria.
    pub of: u32,
    /// Points of the criteria nobody can judge.
    pub unknown: u32,
    /// Every criterion, in file order.
    pub parts: Vec<Part>,
    /// Every gate.
    pub gates: Vec<Gate>,
}

impl Score {
    /// What it comes to. Closed gates come first: no number makes up for them.
    pub fn advice(&self) -> Advice {
        let pending = self.parts.iter().any(|p| p.state == "pending");
        if self.gates.iter().any(|g| !g.open) {
            Advice::NotPossible
        } else if self.points > 0 && self.points.saturating_mul(2) >= self.of {
            Advice::RollBack
        } else if self.points > 0 || self.unknown > 0 || pending {
            Advice::Watch
        } else {
            Advice::Quiet
        }
    }

    /// Score, advice and the strongest reason in one line.
    pub fn sentence(&self) -> String {
        let reason = self
            .gates
            .iter()
            .find(|g| !g.open)
            .map(|g| g.what.as_str())
            .or_else(|| {
                self.parts.iter().max_by_key(|p| (p.points, p.state != "clear")).map(|p| p.reason.as_str())
            })
            .unwrap_or("there are no criteria");
        let unknown = if self.unknown > 0 { format!(" ({} unknown)", self.unknown) } else { String::new() };
        format!("{} of {}{unknown}, {}: {reason}", self.points, self.of, self.advice().words())
    }
}

/// Adds up the criteria. Only one that fired gives points, all of its weight.
pub fn score(judged: &[Judged<'_>], gates: Vec<Gate>, now_micros: i64) -> Score {
    let mut score = Score { points: 0, of: 0, unknown: 0, parts: Vec::new(), gates };
    for j in judged {
        let weight = j.trigger.weight;
        let points = match &j.state {
            TriggerState::Fired { .. } => weight,
            TriggerState::Clear | TriggerState::Pending { .. } => 0,
            TriggerState::Inconclusive { .. } => {
                score.unknown = score.unknown.saturating_add(weight);
                0
            }
        };
        score.points = score.points.saturating_add(points);
        score.of = score.of.saturating_add(weight);
        score.parts.push(Part {
            id: j.trigger.id.clone(),
            points,
            of: weight,
            state: j.state.word().to_owned(),
            reason: reason(j, now_micros),
        });
    }
    score
}

fn reason(j: &Judged<'_>, now_micros: i64) -> String {
    let title = &j.metric.title;
    let words = format::threshold_words(j.trigger.condition, j.metric.unit);
    let is = match j.reading.comparable() {
        Some(x) => format!("{title} is {}", format::value(x, j.metric.unit)),
        None => format!("{title} gives no number, which counts as bad"),
    };
    match &j.state {
        TriggerState::Clear => match j.reading.comparable() {
            Some(_) => format!("{is}, not {words}"),
            None => format!("{title} gives no number, which counts as good"),
        },
        TriggerState::Pending { since } => {
            let held = span(age(*since, now_micros));
            format!("{is}, {words} for {held} of {}", span(j.trigger.for_))
        }
        TriggerState::Fired { since } => format!("{is}, {words} for {}", span(age(*since, now_micros))),
        TriggerState::Inconclusive { why } => format!("{title}: cannot be judged, {why}"),
    }
}

/// `45s`, `2m 05s`, `1h 03m`: as every other duration on the screen.
fn span(d: Duration) -> String {
    let s = d.as_secs();
    match s {
        0..=59 => format!("{s}s"),
        60..=3599 => format!("{}m {:02}s", s / 60, s % 60),
        _ => format!("{}h {:02}m", s / 3600, s % 3600 / 60),
    }
}

#[cfg(test)]
mod tests;
