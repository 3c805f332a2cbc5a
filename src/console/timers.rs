//! What runs out or falls due by the clock, in one list: approvals, messages, tenures, windows, goals, running steps.
//! Never starts anything: the hub has its own list of what it must do.

use std::time::Duration;

use crate::core::comms::due_messages;
use crate::core::id::StepId;
use crate::core::incident::{InOrder, Incident, Stage, Standing, Status};
use crate::core::time::Stamp;
use crate::runbook::model::Action;

/// What a timer is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// An approval closes.
    Approval,
    /// Somebody is to be told something.
    Message,
    /// Somebody has sat in a seat long enough.
    Tenure,
    /// The way back ends.
    Window,
    /// The time the runbook promises.
    Goal,
    /// A running step.
    Step,
    /// Which way is gone.
    Decision,
}

/// Somebody says the time aloud every so long, while it is not decided which way is gone.
pub const MARK: Duration = Duration::from_secs(600);

/// The newest mark that has passed without a decision: how long after the opening it was.
pub fn mark(incident: &Incident, now: Stamp) -> Option<Duration> {
    let passed = now.since(incident.opened_at).as_secs() / MARK.as_secs();
    let at = Duration::from_secs(passed.saturating_mul(MARK.as_secs()));
    (passed > 0 && is_undecided(incident)).then_some(at)
}

/// How long until the next mark, while nothing is decided.
pub fn to_next_mark(incident: &Incident, now: Stamp) -> Option<Duration> {
    let since = now.since(incident.opened_at).as_secs() % MARK.as_secs();
    is_undecided(incident).then(|| MARK.saturating_sub(Duration::from_secs(since)))
}

/// Whether nobody has said yet that it goes back, or that it does not.
fn is_undecided(incident: &Incident) -> bool {
    let is_over =
        incident.aborted.is_some() || incident.mitigated_at.is_some() || incident.resolved_at.is_some();
    incident.stage == Stage::Open && !is_over && !incident.is_denied(&StepId::declare())
}

/// Something with a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timer {
    /// What kind of thing.
    pub about: About,
    /// In a few words; foreign text, to be cleaned by whoever shows it.
    pub what: String,
    /// When it is due.
    pub at: Stamp,
}

impl Timer {
    /// How long it still is; none when it is over.
    pub fn left(&self, now: Stamp) -> Option<Duration> {
        (self.at > now).then(|| self.at.since(now))
    }
}

/// Everything that runs now, the next first.
pub fn timers(incident: &Incident) -> Vec<Timer> {
    if matches!(incident.stage, Stage::Empty | Stage::Closed) {
        return Vec::new();
    }
    let mut all = approvals(incident);
    all.extend(messages(incident));
    let promises = incident.open_promises();
    all.extend(promises.map(|(seq, p)| Timer {
        about: About::Message,
        what: format!("promise #{seq} to {}", p.to),
        at: p.due,
    }));
    all.extend(tenures(incident));
    all.extend(steps(incident));
    if let Some(at) = incident.window_closes().filter(|_| incident.mitigated_at.is_none()) {
        all.push(Timer { about: About::Window, what: "the way back closes".into(), at });
    }
    if incident.mitigated_at.is_none() && !incident.runbook.objectives.rto.is_zero() {
        let at = incident.opened_at.plus(incident.runbook.objectives.rto);
        all.push(Timer { about: About::Goal, what: "the service should be back".into(), at });
    }
    if is_undecided(incident) {
        let what = "the decision: go back, or deny it and fix forward; escalate if neither";
        all.push(Timer { about: About::Decision, what: what.into(), at: incident.opened_at.plus(MARK) });
    }
    all.sort_by_key(|t| t.at);
    all
}

fn messages(incident: &Incident) -> Vec<Timer> {
    let due = due_messages(incident).into_iter();
    due.map(|m| {
        let what = match m.last {
            Some(_) => format!("tell {}", m.audience),
            None => format!("first word to {}", m.audience),
        };
        Timer { about: About::Message, what, at: m.due }
    })
    .collect()
}

fn approvals(incident: &Incident) -> Vec<Timer> {
    let waits = |id: &StepId| incident.awaits_answers(id);
    let open = incident.gates.iter().filter(|(id, gate)| gate.standing == Standing::Open && waits(id));
    open.map(|(id, gate)| Timer {
        about: About::Approval,
        what: format!("approval of {id} expires"),
        at: gate.expires,
    })
    .collect()
}

fn tenures(incident: &Incident) -> Vec<Timer> {
    let mut all = Vec::new();
    for role in &incident.runbook.roles {
        let Some(most) = role.max_tenure else { continue };
        for seat in incident.seats.get(&role.name).into_iter().flatten() {
            let what = format!("{} should hand over {}", seat.person, role.name);
            all.push(Timer { about: About::Tenure, what, at: seat.since.plus(most) });
        }
    }
    all
}

/// When the running steps end at the latest.
pub fn steps(incident: &Incident) -> Vec<Timer> {
    let mut all = Vec::new();
    for InOrder { step, run, .. } in incident.in_order().filter(|found| found.run.status == Status::Running) {
        let Some(began) = run.started_at else { continue };
        let (at, word) = match &step.action {
            Action::Wait { .. } => (incident.held_until(step), "has been held"),
            Action::Await(poll) => (Some(began.plus(poll.within)), "gives up"),
            _ => (step.timeout.map(|lasts| began.plus(lasts)), "runs out of time"),
        };
        if let Some(at) = at {
            all.push(Timer { about: About::Step, what: format!("{} {word}", step.id), at });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::fixture::{Play, T0};

    fn of(play: &Play) -> Vec<Timer> {
        timers(play.model.incident.as_ref().unwrap())
    }

    #[test]
    fn the_first_word_is_due_within_five_minutes_and_then_by_its_rhythm() {
        let mut play = Play::opened_on(80, 24);
        let first = of(&play).into_iter().find(|t| t.about == About::Message).unwrap();
        assert_eq!(
            (first.what.as_str(), first.at),
            ("first word to customers", T0.plus(crate::core::comms::FIRST))
        );
        play.minutes(2).told("first-word");
        let next = of(&play).into_iter().find(|t| t.what == "tell customers").unwrap();
        assert_eq!(next.at, T0.plus(Duration::from_secs(22 * 60)));
    }

    #[test]
    fn every_ten_minutes_without_a_decision_are_a_mark_until_it_is_decided() {
        let mut play = Play::opened_on(80, 24);
        play.gathered();
        let marks = |play: &Play, minutes: u64| {
            mark(play.model.incident.as_ref().unwrap(), T0.plus(Duration::from_secs(60 * minutes)))
        };
        let ten = Duration::from_secs(600);
        assert_eq!([marks(&play, 9), marks(&play, 10), marks(&play, 19)], [None, Some(ten), Some(ten)]);
        assert_eq!(marks(&play, 20), Some(2 * ten));
        let due = of(&play).into_iter().find(|t| t.about == About::Decision).unwrap();
        assert_eq!(due.at, T0.plus(ten));
        let left = to_next_mark(play.model.incident.as_ref().unwrap(), T0.plus(Duration::from_secs(599)));
        assert_eq!(left, Some(Duration::from_secs(1)));
        play.grants("ana", "declare", "commander");
        assert_eq!(marks(&play, 10), Some(ten), "one answer of two decides nothing");
        play.grants("bob", "declare", "sre").does("hub", crate::core::event::Declared { attempt: 1 });
        assert_eq!(marks(&play, 10), None);
        assert!(!of(&play).iter().any(|t| t.about == About::Decision));
    }

    #[test]
    fn not_going_back_is_a_decision_too() {
        let mut play = Play::opened_on(80, 24);
        play.gathered().denies("ana", "declare", "commander").minutes(20);
        assert_eq!(mark(play.model.incident.as_ref().unwrap(), play.now().wall), None);
    }

    #[test]
    fn the_way_back_closes_by_the_clock() {
        let mut play = Play::with_window();
        play.minutes(30);
        let closes = of(&play).into_iter().find(|t| t.about == About::Window).unwrap();
        assert_eq!(closes.what, "the way back closes");
        assert_eq!(closes.left(play.now().wall), Some(Duration::from_secs(90 * 60)));
        assert!(!of(&Play::opened_on(80, 24)).iter().any(|t| t.about == About::Window), "nobody stated one");
    }

    #[test]
    fn the_list_is_in_the_order_of_time_and_knows_what_is_over() {
        let mut play = Play::opened_on(80, 24);
        play.gathered().minutes(60);
        let all = of(&play);
        assert!(all.is_sorted_by_key(|t| t.at) && all.len() > 3, "{all:#?}");
        assert!(all.iter().any(|t| t.left(play.now().wall).is_none()));
        assert!(all.iter().any(|t| t.about == About::Tenure && t.what == "ana should hand over commander"));
    }
}
