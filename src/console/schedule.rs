//! The plan as bars on a time axis: what was estimated, what it took, which chain of steps decides when it ends. Never
//! shows an estimate that nobody made: a step without one counts as no time, and is counted.

use std::collections::{BTreeMap, BTreeSet};
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

/// The bars as of now.
pub fn schedule(incident: &Incident, now: Stamp) -> Schedule {
    let from = incident.opened_at;
    let begin = incident.declared_at.unwrap_or(now);
    let mut planned: BTreeMap<&str, Stamp> = BTreeMap::new();
    let mut forecast: BTreeMap<&str, (Stamp, Option<&str>)> = BTreeMap::new();
    let mut bars = Vec::new();
    let latest = |ends: &BTreeMap<&str, Stamp>| ends.values().max().copied();
    for step in incident.runbook.steps() {
        let takes = estimate(step).unwrap_or_default();
        let start = match incident.is_always(&step.id) {
            true => latest(&planned).unwrap_or(begin),
            false => {
                step.needs.iter().filter_map(|n| planned.get(n.as_str())).max().copied().unwrap_or(begin)
            }
        };
        planned.insert(&step.id, start.plus(takes));
        let run = incident.runs.get(step.id.as_str());
        let (began, ended) = run.map_or((None, None), |r| (r.started_at, r.ended_at));
        let status = run.map_or(Status::Pending, |r| r.status);
        let before = if incident.is_always(&step.id) {
            forecast.iter().map(|(id, (end, _))| (*end, *id)).max()
        } else {
            step.needs
                .iter()
                .filter_map(|n| forecast.get_key_value(n.as_str()))
                .map(|(id, (end, _))| (*end, *id))
                .max()
        };
        let end = match (began, ended) {
            _ if status.is_over() && began.is_none() => before.map_or(begin, |(end, _)| end),
            (_, Some(end)) if status.is_over() => end,
            (Some(began), _) => began.plus(takes).max(now),
            (None, _) => before.map_or(begin, |(end, _)| end).max(now).plus(takes),
        };
        forecast.insert(&step.id, (end, before.map(|(_, id)| id)));
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
    let last = forecast.iter().max_by_key(|(_, (end, _))| *end).map(|(id, (end, _))| (*id, *end));
    let mut at = last.map(|(id, _)| id);
    let mut chain = BTreeSet::new();
    // File order makes a circle impossible; were there one, it would end where it began.
    while let Some(id) = at.filter(|id| chain.insert(*id)) {
        at = forecast.get(id).and_then(|(_, before)| *before);
    }
    for bar in &mut bars {
        bar.critical = chain.contains(bar.step.as_str());
    }
    let rto = incident.runbook.objectives.rto;
    Schedule {
        unguessed: bars.iter().filter(|b| b.estimate.is_none()).count(),
        bars,
        from,
        ends: last.map_or(begin, |(_, end)| end),
        planned_end: latest(&planned).unwrap_or(begin),
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
