//! Where each step is in the runbook, where its run is, in the order of the file, and those of the steps it needs. Never
//! says that a step may begin: it only knows quickly which ones may not.
//!
//! Which steps are ready is asked at every turn and about every step; to look all of them and what they need up by name
//! was a twelfth of a hub's time.

use super::{Incident, Run, Runs, Status};
use crate::core::id::StepId;
use crate::runbook::model::{Action, Runbook, Step};
use std::collections::HashMap;
use std::sync::Arc;

/// The places of one runbook's steps among their runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Order {
    /// Steps by id: the phase, `always` after the last, and which of its steps.
    named: Arc<HashMap<String, (usize, usize)>>,
    places: Arc<Vec<Place>>,
    /// Which of the steps are hold points.
    holds: Arc<Vec<(usize, usize)>>,
    /// What the runbook has none of is not asked about every step at every turn.
    has: Has,
    /// How many runs there were. With another number, the places are no longer good.
    runs: usize,
}

/// What there is in a runbook at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Has {
    /// Steps that wait for a time or are tried again after one.
    pub timed: bool,
    /// Steps that switch something off or on again.
    pub switches: bool,
    /// Steps that are looked at again before a phase.
    pub rechecks: bool,
}

impl Has {
    fn of(runbook: &Runbook) -> Has {
        let timed = |s: &Step| matches!(s.action, Action::Wait { .. }) || s.retry.is_some();
        let switches = |s: &Step| s.suspends.is_some() || s.resumes.is_some();
        Has {
            timed: runbook.steps().any(timed),
            switches: runbook.steps().any(switches),
            rechecks: runbook.phases.iter().any(|phase| !phase.recheck.is_empty()),
        }
    }
}

#[derive(Debug, PartialEq)]
struct Place {
    /// `None` for a name that is no step.
    own: Option<usize>,
    needs: Vec<Option<usize>>,
    /// Whether it waits for the end of everything instead.
    always: bool,
}

/// A step in its place.
#[derive(Debug, Clone, Copy)]
pub struct InOrder<'a> {
    /// The step.
    pub step: &'a Step,
    /// Its id.
    pub id: &'a StepId,
    /// Its run.
    pub run: &'a Run,
    /// False when it is surely not ready: it has begun, or needs one that has not ended well.
    pub may_be_ready: bool,
    /// False when it surely waits for more than steps under way, or for none of them.
    pub may_be_next: bool,
}

impl Order {
    /// Of a runbook all of whose steps have a run.
    pub fn of(runbook: &Runbook, runs: &Runs) -> Order {
        let mut named = HashMap::new();
        let mut places = Vec::new();
        let mut holds = Vec::new();
        for (phase, steps) in runbook.phases.iter().map(|p| &p.steps).chain([&runbook.always]).enumerate() {
            for (n, step) in steps.iter().enumerate() {
                named.insert(step.id.clone(), (phase, n));
                if matches!(step.action, Action::Approve(_)) {
                    holds.push((phase, n));
                }
                places.push(Place {
                    own: runs.place(step.id.as_str()).ok(),
                    needs: step.needs.iter().map(|need| runs.place(need.as_str()).ok()).collect(),
                    always: phase == runbook.phases.len(),
                });
            }
        }
        Order {
            named: Arc::new(named),
            places: Arc::new(places),
            holds: Arc::new(holds),
            has: Has::of(runbook),
            runs: runs.len(),
        }
    }

    /// Where the runbook has the step: the phase, `always` after the last, and which of its steps.
    pub fn place(&self, step: &str) -> Option<(usize, usize)> {
        self.named.get(step).copied()
    }

    /// What there is in the runbook at all.
    pub fn has(&self) -> Has {
        self.has
    }
}

impl Incident {
    /// The hold points that cover a step.
    pub fn holds_over<'a>(&'a self, step: &'a str) -> impl Iterator<Item = &'a Step> {
        self.order.holds.iter().filter_map(|place| self.step_at(*place)).filter(|hold| hold.covers(step))
    }

    /// Every step with its run, in the order of the file.
    pub fn in_order(&self) -> impl Iterator<Item = InOrder<'_>> {
        let good = self.order.runs == self.runs.len();
        self.runbook.steps().zip(self.order.places.iter()).filter_map(move |(step, place)| {
            if !good {
                let (id, run) = self.runs.get_key_value(step.id.as_str())?;
                return Some(InOrder { step, id, run, may_be_ready: true, may_be_next: true });
            }
            let (id, run) = self.runs.at(place.own?)?;
            let met = |need: &Option<usize>| {
                need.and_then(|need| self.runs.at(need)).is_some_and(|(_, run)| run.lets_go_on())
            };
            let pending = run.status == Status::Pending;
            let may_be_ready = pending && (place.always || place.needs.iter().all(met));
            let runs = |need: &Option<usize>| {
                need.and_then(|need| self.runs.at(need)).is_some_and(|(_, run)| run.status == Status::Running)
            };
            let may_be_next = pending && !place.always && place.needs.iter().any(runs);
            Some(InOrder { step, id, run, may_be_ready, may_be_next })
        })
    }

    /// The steps that may begin now as far as order is concerned, in the order of the file.
    pub fn ready(&self) -> impl Iterator<Item = InOrder<'_>> {
        self.in_order().filter(|found| found.may_be_ready && self.is_ready(found.step))
    }

    /// The steps that nothing but steps under way keeps from being ready, in the order of the file.
    pub fn next_up(&self) -> impl Iterator<Item = InOrder<'_>> {
        self.in_order().filter(|found| found.may_be_next && self.is_next(found.step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::incident::Stage;
    use crate::core::team::Team;

    const RUNBOOK: &str = "backout: 1
id: t
title: T
class: deploy
service: s
environment: e
owners: [o]
summary: S.
does_not_undo: Nothing.
objectives: {rto: 1m, rpo: 0s}
roles: {commander: {required: true}}
declare: {require: [{role: commander, count: 1}], expires: 15m}
phases:
  - name: A
    steps:
      - {id: z, run: [true], timeout: 1s}
      - {id: y, run: [true], timeout: 1s}
      - {id: x, needs: [], run: [true], timeout: 1s}
      - {id: w, needs: [z, x], run: [true], timeout: 1s}
always:
  - {id: v, run: [true], timeout: 1s}
";

    fn incident() -> Incident {
        let runbook = crate::runbook::load("r", RUNBOOK.as_bytes()).unwrap().runbook;
        let mut incident = Incident::new(Arc::new(runbook), Arc::new(Team::default()));
        incident.stage = Stage::Declared;
        incident
    }

    fn ids<'a>(found: impl Iterator<Item = InOrder<'a>>) -> Vec<&'a str> {
        found.map(|found| found.id.as_str()).collect()
    }

    fn by_name(incident: &Incident, is: impl Fn(&Step) -> bool) -> Vec<&str> {
        incident.runbook.steps().filter(|step| is(step)).map(|step| step.id.as_str()).collect()
    }

    #[test]
    fn the_ready_and_the_next_ones_are_those_that_a_look_at_every_step_finds() {
        let all = ["z", "y", "x", "w", "v"];
        let kinds = [Status::Pending, Status::Running, Status::Succeeded, Status::Failed];
        let mut seen = std::collections::BTreeSet::new();
        for number in 0..kinds.len().pow(5) {
            let mut incident = incident();
            for (n, id) in (0u32..).zip(all) {
                incident.runs.get_mut(id).unwrap().status = kinds[number / kinds.len().pow(n) % kinds.len()];
            }
            let found = (ids(incident.ready()), ids(incident.next_up()));
            assert_eq!(found.0, by_name(&incident, |step| incident.is_ready(step)));
            assert_eq!(found.1, by_name(&incident, |step| incident.is_next(step)));
            seen.insert((found.0.join(" "), found.1.join(" ")));
        }
        assert!(seen.len() > 10 && seen.iter().any(|(_, next)| next == "y w"), "{seen:?}");
    }

    #[test]
    fn the_hold_points_over_a_step_are_those_that_the_runbook_finds() {
        let hold = |id: &str, covers: &str| {
            format!(
                "      - {{id: {id}, approve: {{require: [{{role: commander, count: 1}}], expires: 15m, covers: [{covers}]}}}}\n"
            )
        };
        let holds = format!("{}{}always:", hold("h", "z, w"), hold("g", "w"));
        let runbook =
            crate::runbook::load("r", RUNBOOK.replace("always:", &holds).as_bytes()).unwrap().runbook;
        let incident = Incident::new(Arc::new(runbook), Arc::new(Team::default()));
        for (step, expected) in [("w", vec!["h", "g"]), ("z", vec!["h"]), ("y", vec![])] {
            let found: Vec<&str> = incident.holds_over(step).map(|hold| hold.id.as_str()).collect();
            assert_eq!(found, expected);
            assert_eq!(found, incident.runbook.covers(step).map(|hold| hold.id.as_str()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_file_gives_the_order() {
        let incident = incident();
        let order: Vec<&str> = incident.in_order().map(|found| found.id.as_str()).collect();
        assert_eq!(order, ["z", "y", "x", "w", "v"]);
        assert!(incident.in_order().all(|found| found.id.as_str() == found.step.id));
        let places: Vec<_> = ["z", "w", "v", "u"].map(|id| incident.order.place(id)).into();
        assert_eq!(places, [Some((0, 0)), Some((0, 3)), Some((1, 0)), None]);
    }

    #[test]
    fn one_run_more_than_there_were_steps_confuses_nobody() {
        let mut incident = incident();
        incident.runs.update(&StepId::parse("a").unwrap(), |_| {});
        assert!(incident.in_order().all(|found| found.id.as_str() == found.step.id));
        assert_eq!(ids(incident.ready()), by_name(&incident, |step| incident.is_ready(step)));
    }
}
