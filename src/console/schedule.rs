//! The plan as bars on a time axis: what was estimated, what it took, which chain of steps decides when it ends. Never
//! shows an estimate that nobody made: a step without one counts as no time, and is counted.

use std::collections::HashMap;
use std::time::Duration;

use crate::core::incident::{Incident, Status};
use crate::core::time::Stamp;
use crate::runbook::model::{Action, Step};

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// The step's id.
    pub step: String,
    /// From and to, as it would be from the declaration on if every estimate were right.
    pub planned: (Stamp, Stamp),
    /// When it began and, if it has, ended.
    pub actual: Option<(Stamp, Option<Stamp>)>,
    /// The estimate, where there is one.
    pub estimate: Option<Duration>,
    /// Whether the end of everything waits for this step.
    pub critical: bool,
    /// A point of no return.
    pub irreversible: bool,
    /// Where it stands.
    pub status: Status,
}

/// The whole plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// In file order.
    pub bars: Vec<Bar>,
    /// Where the axis begins: the opening.
    pub from: Stamp,
    /// When everything will have ended, from what is known now.
    pub ends: Stamp,
    /// When it would have ended after the plan.
    pub planned_end: Stamp,
    /// When the service should be back.
    pub goal: Option<Stamp>,
    /// Steps without an estimate.
    pub unguessed: usize,
}

/// What the author of a runbook thinks a step takes.
pub fn estimate(step: &Step) -> Option<Duration> {
    step.estimate.or(match &step.action {
        Action::Wait { lasts, .. } => Some(*lasts),
        Action::Check(check) => Some(check.interval.saturating_mul(check.count.saturating_sub(1))),
        _ => None,
    })
}

/// What is known of the steps before one.
#[derive(Default)]
struct Before<'a> {
    places: HashMap<&'a str, usize>,
    /// When each ends, as planned and as it looks, and which one it waits for.
    ends: Vec<(Stamp, Stamp, Option<usize>)>,
    /// The last of them to end, as planned and as it looks.
    last: Option<(Stamp, Latest<'a>)>,
}

/// An end, whose it is, and its place. Of two ends at once the name decides, so that the same one is shown each time.
type Latest<'a> = (Stamp, &'a str, usize);

impl<'a> Before<'a> {
    /// When what this step needs has ended as planned, and what of it ends last as it looks.
    fn of(&self, step: &'a Step, always: bool) -> (Option<Stamp>, Option<Latest<'a>>) {
        if always {
            return (self.last.map(|(planned, _)| planned), self.last.map(|(_, latest)| latest));
        }
        let needs = step.needs.iter().filter_map(|need| {
            let place = *self.places.get(need.as_str())?;
            self.ends.get(place).map(|(planned, end, _)| (*planned, (*end, need.as_str(), place)))
        });
        needs.fold((None, None), |(planned, latest), (p, l)| (planned.max(Some(p)), latest.max(Some(l))))
    }

    fn add(&mut self, id: &'a str, planned: Stamp, end: Stamp, waits_for: Option<usize>) {
        let place = self.ends.len();
        self.places.insert(id, place);
        self.ends.push((planned, end, waits_for));
        let this = (planned, (end, id, place));
        self.last = Some(self.last.map_or(this, |last| (last.0.max(this.0), last.1.max(this.1))));
    }
}

/// The bars as of now.
pub fn schedule(incident: &Incident, now: Stamp) -> Schedule {
    let from = incident.opened_at;
    let begin = incident.declared_at.unwrap_or(now);
    let mut all = Before::default();
    let mut bars = Vec::new();
    for step in incident.runbook.steps() {
        let takes = estimate(step).unwrap_or_default();
        let (planned, before) = all.of(step, incident.is_always(&step.id));
        let start = planned.unwrap_or(begin);
        let free = before.map_or(begin, |(end, ..)| end);
        let run = incident.runs.get(step.id.as_str());
        let (began, ended) = run.map_or((None, None), |r| (r.started_at, r.ended_at));
        let status = run.map_or(Status::Pending, |r| r.status);
        let end = match (began, ended) {
            _ if status.is_over() && began.is_none() => free,
            (_, Some(end)) if status.is_over() => end,
            (Some(began), _) => began.plus(takes).max(now),
            (None, _) => free.max(now).plus(takes),
        };
        all.add(&step.id, start.plus(takes), end, before.map(|(.., place)| place));
        bars.push(Bar {
            step: step.id.clone(),
            planned: (start, start.plus(takes)),
            actual: began.map(|began| (began, ended.filter(|_| status.is_over()))),
            estimate: estimate(step),
            critical: false,
            irreversible: step.irreversible,
            status,
        });
    }
    let mut at = all.last.map(|(_, (.., place))| place);
    // Each waits for one before it, so this comes to an end.
    while let Some((bar, place)) = at.and_then(|place| Some((bars.get_mut(place)?, place))) {
        bar.critical = true;
        at = all.ends.get(place).and_then(|(.., waits_for)| *waits_for);
    }
    let rto = incident.runbook.objectives.rto;
    Schedule {
        unguessed: bars.iter().filter(|b| b.estimate.is_none()).count(),
        bars,
        from,
        ends: all.last.map_or(begin, |(_, (end, ..))| end),
        planned_end: all.last.map_or(begin, |(planned, _)| planned),
        goal: (!rto.is_zero()).then(|| from.plus(rto)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::fixture::{Play, T0};

    fn of(play: &Play) -> Schedule {
        schedule(play.model.incident.as_ref().unwrap(), play.now().wall)
    }

    #[test]
    fn before_the_decision_the_plan_begins_now() {
        let mut play = Play::opened_on(80, 24);
        play.minutes(2);
        let plan = of(&play);
        let first = plan.bars.first().unwrap();
        assert_eq!((first.step.as_str(), first.planned.0), ("freeze", T0.plus(Duration::from_secs(120))));
        assert_eq!(plan.goal, Some(T0.plus(Duration::from_secs(600))));
        assert!(plan.unguessed > 0 && plan.unguessed < plan.bars.len());
    }

    #[test]
    fn a_step_that_runs_over_moves_the_end_and_not_the_plan() {
        let mut play = Play::opened_on(80, 24);
        play.approved().starts("ana", "switch");
        let before = of(&play);
        play.minutes(10);
        let after = of(&play);
        assert_eq!(before.planned_end, after.planned_end);
        assert!(after.ends > before.ends);
        let switch = after.bars.iter().find(|b| b.step == "switch").unwrap();
        assert!(switch.critical && switch.actual.is_some_and(|(_, end)| end.is_none()));
    }
}
