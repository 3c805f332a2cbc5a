//! What people should talk about afterwards: where the rules were bent, the plan was left, or nobody knew. Never says
//! whether it was right.

use serde::Serialize;

use super::{Moment, Source, moments, work};
use crate::core::event::{Direction, Opinion, Outcome, What};
use crate::core::incident::Incident;
use crate::core::review::{self, Kind};
use crate::core::time::spoken;

/// One thing to talk about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Point {
    /// The event that shows it; none for what follows from the whole record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<u64>,
    /// What, in a sentence.
    pub what: String,
}

/// Everything that a review should not pass over, in the order of the record.
pub fn points(source: &Source<'_>, known: &[Moment]) -> Vec<Point> {
    let incident = source.incident;
    let mut points = Vec::new();
    if !source.verdict.1 {
        let what = format!("the record does not hold: {}", source.verdict.0);
        points.push(Point { event: None, what });
    }
    for told in source.events {
        if let Some(what) = of_event(incident, &told.event.what, &told.event.actor.to_string(), &told.words) {
            points.push(Point { event: Some(told.event.seq), what });
        }
    }
    points.extend(of_whole(incident, known).into_iter().map(|what| Point { event: None, what }));
    points
}

fn of_event(incident: &Incident, what: &What, who: &str, words: &str) -> Option<String> {
    let said = || Some(format!("{who} {words}"));
    match what {
        What::Overridden(d) => {
            let over = crate::core::incident::over(&d.denied_by);
            Some(format!("{who} went past `{}` without its quorum{over} (break-glass): {}", d.gate, d.reason))
        }
        What::Denied(d) => Some(format!("{who} denied `{}`: {}", d.gate, d.reason)),
        What::Expired(d) => Some(format!("`{}` expired without its quorum", d.gate)),
        What::Voided(d) => Some(format!("approvals of `{}` became void: {}", d.gate, d.why)),
        What::Refused(d) => {
            Some(format!("an answer of {} at `{}` did not count: {}", d.person, d.gate, d.why))
        }
        What::Finished(d) if d.outcome != Outcome::Succeeded => Some(words.to_owned()),
        What::Undone(d) if d.outcome != Outcome::Succeeded => Some(words.to_owned()),
        What::Started(d) if d.direction == Direction::Forward && d.attempt > 1 => {
            Some(format!("`{}` was tried again (attempt {})", d.step, d.attempt))
        }
        What::StepSkipped(d) if incident.step(&d.step).is_none_or(|s| s.when.is_none()) => said(),
        What::DoneByHand(_) | What::Settled(_) | What::Inherited(_) | What::Redacted(_) => said(),
        What::SessionRevoked(_) | What::Amended(_) | What::Aborted(_) => said(),
        What::Decided(d) => {
            work::way_on(&d.about, &d.choice).map(|way| format!("{way}, decided by {who}: {}", d.reason))
        }
        What::PollAnswered(d) if d.opinion == Opinion::Object => {
            Some(format!("{who} objected to #{}: {}", d.poll, d.reason))
        }
        What::TenureExceeded(_) | What::ShiftShort(_) | What::Resumed(_) | What::ClockJumped(_) => {
            Some(words.to_owned())
        }
        _ => None,
    }
}

fn of_whole(incident: &Incident, known: &[Moment]) -> Vec<String> {
    let mut all = Vec::new();
    let at = |name| moments::at(known, name);
    if at(moments::CHANGED).is_some() && at(moments::VALIDATED).is_none() {
        all.push("nothing looked at the result of the last change".to_owned());
    }
    if at(moments::BEGUN).is_some() && at(moments::MESSAGE).is_none() {
        all.push("something was changed, and no message was sent".to_owned());
    }
    let rto = incident.runbook.objectives.rto;
    match at(moments::RESOLVED).or(at(moments::VALIDATED)) {
        Some(back) if back.since(incident.opened_at) > rto => all.push(format!(
            "the service was back after {}; the objective was {}",
            spoken(back.since(incident.opened_at)),
            spoken(rto)
        )),
        Some(_) => {}
        None => all.push("the record does not say that the service is whole again".to_owned()),
    }
    all.extend(review::items(incident).into_iter().filter(|item| is_left(item.kind)).map(|item| item.words));
    if at(moments::CLOSED).is_none() {
        all.push("the record is not closed: more may follow".to_owned());
    }
    all
}

/// Whether this shows only in what is left at the end; the rest is told with the event that shows it.
fn is_left(kind: Kind) -> bool {
    match kind {
        Kind::Objection | Kind::Promise | Kind::Kept => true,
        Kind::Override | Kind::Inherited | Kind::Tenure | Kind::Rest => false,
    }
}
