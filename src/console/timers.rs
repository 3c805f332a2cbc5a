//! What runs out or falls due by the clock, in one list: approvals, messages, tenures, windows, goals, running steps.
//! Never starts anything: the hub has its own list of what it must do.

use std::time::Duration;

use crate::core::id::StepId;
use crate::core::incident::{Incident, Stage, Standing, Status};
use crate::core::time::Stamp;
use crate::runbook::model::{Action, Cadence};

/// The first word to an audience is due this soon, however slow its rhythm is (PagerDuty's guide for liaisons: an
/// initial message within five minutes of the call).
pub const FIRST_WORD: Duration = Duration::from_secs(300);

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
    all.extend(incident.runbook.comms.cadence.iter().filter_map(|c| message(incident, c)));
    all.extend(tenures(incident));
    all.extend(steps(incident));
    if let Some(at) = incident.window_closes().filter(|_| incident.mitigated_at.is_none()) {
        all.push(Timer { about: About::Window, what: "the way back closes".into(), at });
    }
    if incident.mitigated_at.is_none() && !incident.runbook.objectives.rto.is_zero() {
        let at = incident.opened_at.plus(incident.runbook.objectives.rto);
        all.push(Timer { about: About::Goal, what: "the service should be back".into(), at });
    }
    all.sort_by_key(|t| t.at);
    all
}

/// When an audience last heard something that was sent for it.
pub fn last_said(incident: &Incident, audience: &str) -> Option<Stamp> {
    let of = |name: &str| incident.runbook.comms.templates.iter().find(|t| t.name == name);
    let sent = incident.sent.iter().filter(|m| of(&m.template).is_some_and(|t| t.audience == audience));
    sent.map(|m| m.at).max()
}

/// The next word to an audience. None once the service is whole and they were told after that.
pub fn message(incident: &Incident, cadence: &Cadence) -> Option<Timer> {
    let last = last_said(incident, &cadence.audience);
    if let (Some(whole), Some(last)) = (incident.resolved_at, last)
        && last >= whole
    {
        return None;
    }
    let at = match last {
        Some(last) => last.plus(cadence.every),
        None => incident.opened_at.plus(cadence.every.min(FIRST_WORD)),
    };
    let what = match last {
        Some(_) => format!("tell {}", cadence.audience),
        None => format!("first word to {}", cadence.audience),
    };
    Some(Timer { about: About::Message, what, at })
}

fn approvals(incident: &Incident) -> Vec<Timer> {
    let waits = |id: &StepId| {
        if id.is_declare() {
            incident.declared_at.is_none()
        } else {
            incident.status(id.as_str()) == Status::Waiting
        }
    };
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
            let what = format!("{} hands over {}", seat.person, role.name);
            all.push(Timer { about: About::Tenure, what, at: seat.since.plus(most) });
        }
    }
    all
}

fn steps(incident: &Incident) -> Vec<Timer> {
    let mut all = Vec::new();
    for step in incident.runbook.steps() {
        let Some(run) = incident.runs.get(step.id.as_str()).filter(|r| r.status == Status::Running) else {
            continue;
        };
        let Some(began) = run.started_at else { continue };
        let (lasts, word) = match &step.action {
            Action::Wait { lasts, .. } => (Some(*lasts), "has been held"),
            Action::Await(poll) => (Some(poll.within), "gives up"),
            _ => (step.timeout, "runs out of time"),
        };
        if let Some(lasts) = lasts {
            let what = format!("{} {word}", step.id);
            all.push(Timer { about: About::Step, what, at: began.plus(lasts) });
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
        assert_eq!((first.what.as_str(), first.at), ("first word to customers", T0.plus(FIRST_WORD)));
        play.minutes(2).told("first-word");
        let next = of(&play).into_iter().find(|t| t.what == "tell customers").unwrap();
        assert_eq!(next.at, T0.plus(Duration::from_secs(22 * 60)));
    }

    #[test]
    fn the_list_is_in_the_order_of_time_and_knows_what_is_over() {
        let mut play = Play::opened_on(80, 24);
        play.gathered().minutes(60);
        let all = of(&play);
        assert!(all.is_sorted_by_key(|t| t.at) && all.len() > 3, "{all:#?}");
        assert!(all.iter().any(|t| t.left(play.now().wall).is_none()));
        assert!(all.iter().any(|t| t.about == About::Tenure && t.what == "ana hands over commander"));
    }
}
