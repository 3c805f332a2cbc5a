//! What the steps did, what stays as it is, and which controls that shows. Never calls a step done that nobody saw
//! end.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Told;
use crate::core::event::{About, Choice, Decided, Direction, Outcome, Verdict, What};
use crate::core::incident::{Incident, Status};
use crate::core::time::Stamp;

/// One try of a step, or of its undo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Try {
    /// The event that began it.
    pub event: u64,
    /// The step.
    pub step: String,
    /// From 1.
    pub attempt: u32,
    /// Whether it took the step back.
    pub undo: bool,
    /// Who started it.
    pub by: String,
    /// When.
    pub started: Stamp,
    /// When it ended; none for what nobody saw end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Stamp>,
    /// How, in a word.
    pub outcome: String,
    /// In one sentence.
    pub detail: String,
    /// What the author thought it takes, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate_seconds: Option<u64>,
}

/// Every try, in the order in which they began.
pub fn tries(incident: &Incident, events: &[Told]) -> Vec<Try> {
    let mut all: Vec<Try> = Vec::new();
    for told in events {
        let event = &told.event;
        match &event.what {
            What::Started(d) => all.push(Try {
                event: event.seq,
                step: d.step.to_string(),
                attempt: d.attempt,
                undo: d.direction == Direction::Undo,
                by: event.actor.to_string(),
                started: event.at,
                ended: None,
                outcome: "not seen to end".to_owned(),
                detail: d.reason.clone().unwrap_or_default(),
                estimate_seconds: incident.step(&d.step).and_then(|s| s.estimate).map(|e| e.as_secs()),
            }),
            What::Finished(d) => end(&mut all, (d.step.as_str(), false), event.at, d.outcome, &d.detail),
            What::Undone(d) => end(&mut all, (d.step.as_str(), true), event.at, d.outcome, &d.detail),
            What::Settled(d) => {
                let last = all.iter_mut().rev().find(|t| t.step == d.step.as_str() && t.attempt == d.attempt);
                if let Some(last) = last {
                    let verdict = match d.verdict {
                        Verdict::Succeeded => "succeeded",
                        Verdict::Failed => "failed",
                    };
                    last.outcome = format!("unknown, settled as {verdict}");
                    last.detail = format!("{}: {}", event.actor, d.reason);
                }
            }
            What::Decided(Decided { about: About::Step(step), choice: Choice::Option(name), reason }) => {
                let words = format!("{name}: {reason}");
                end(&mut all, (step.as_str(), false), event.at, Outcome::Succeeded, &words);
            }
            _ => {}
        }
    }
    all
}

fn end(all: &mut [Try], (step, undo): (&str, bool), at: Stamp, outcome: Outcome, detail: &str) {
    if let Some(last) = all.iter_mut().rev().find(|t| t.step == step && t.undo == undo) {
        last.ended = Some(at);
        last.outcome = Status::from(outcome).word().to_owned();
        detail.clone_into(&mut last.detail);
    }
}

/// What stays open or was left as it is, one sentence each.
pub fn left(incident: &Incident, events: &[Told]) -> Vec<String> {
    let mut left = Vec::new();
    for (name, suspension) in &incident.suspensions {
        match (&suspension.lifted, &suspension.inherited) {
            (Some(_), _) => {}
            (None, Some(owner)) => left.push(format!("{name} is still suspended; {owner} answers for it")),
            (None, None) => left.push(format!("{name} is still suspended")),
        }
    }
    for (name, debt) in &incident.backlog {
        let open = debt.added.saturating_sub(debt.settled);
        let owner = debt.owner.as_ref().map(|o| format!(", owned by {o}")).unwrap_or_default();
        if open > 0 {
            left.push(format!("{open} of {} {name} are not reconciled{owner}", debt.added));
        }
    }
    for step in incident.runbook.steps() {
        let status = incident.status(&step.id);
        if status == Status::Unknown {
            left.push(format!("nobody knows whether `{}` happened", step.id));
        }
        if step.irreversible && matches!(status, Status::Succeeded | Status::DoneByHand) {
            left.push(format!("`{}` is done and cannot be taken back", step.id));
        }
    }
    for told in events {
        if let What::Decided(Decided { about: About::Step(step), choice: Choice::Keep, reason }) =
            &told.event.what
        {
            left.push(format!("what `{step}` did stays, and its undo was not run: {reason}"));
        }
    }
    left
}

/// Framework, control, and where the record shows it: what the runbook says of itself and of its steps.
pub fn controls(incident: &Incident, tries: &[Try]) -> Vec<(String, String, String)> {
    let mut all: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let mut add = |controls: &BTreeMap<String, Vec<String>>, place: &str| {
        for (framework, names) in controls {
            for name in names {
                all.entry((framework.clone(), name.clone())).or_default().push(place.to_owned());
            }
        }
    };
    add(&incident.runbook.controls, "the whole record");
    for step in incident.runbook.steps() {
        let begun: Vec<String> =
            tries.iter().filter(|t| t.step == step.id).map(|t| format!("#{}", t.event)).collect();
        let place = match begun.is_empty() {
            true => format!("{} ({})", step.id, incident.word(step)),
            false => format!("{} ({})", step.id, begun.join(", ")),
        };
        add(&step.controls, &place);
    }
    all.into_iter().map(|((framework, name), places)| (framework, name, places.join("; "))).collect()
}

/// Whether a decision was about one step and what it was.
pub fn way_on(about: &About, choice: &Choice) -> Option<String> {
    let About::Step(step) = about else { return None };
    match choice {
        Choice::Continue => Some(format!("the way went on in spite of `{step}`")),
        Choice::Goto(to) => {
            Some(format!("the way went from `{step}` to `{to}`; what lies between was left out"))
        }
        Choice::Kill => Some(format!("`{step}` was ended without clean-up")),
        Choice::Keep => Some(format!("what `{step}` did was kept, and its undo not run")),
        Choice::Option(_)
        | Choice::Retry
        | Choice::Pause
        | Choice::GoOn
        | Choice::Cancel
        | Choice::RuleOut(_)
        | Choice::Amend(_) => None,
    }
}
