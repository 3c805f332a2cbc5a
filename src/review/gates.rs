//! Every request for approval: what it asked for, who answered what, and how it ended. Never counts an answer that did
//! not count when it was given.

use serde::Serialize;

use super::Told;
use crate::core::event::{Event, What};
use crate::core::id::StepId;
use crate::core::incident::Incident;
use crate::core::time::Stamp;

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The event.
    pub event: u64,
    /// When.
    pub at: Stamp,
    /// Who.
    pub person: String,
    /// In which role; none for an answer that did not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// `approved`, `denied`, `broke glass` or `does not count`.
    pub answer: &'static str,
    /// Why.
    pub reason: String,
    /// Fingerprint of the key that signed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GateStory {
    /// The hold point, or `declare`.
    pub gate: String,
    /// Which request, from 1.
    pub attempt: u32,
    /// The event that opened it.
    pub event: u64,
    /// When.
    pub asked: Stamp,
    /// Closed after this.
    pub expires: Stamp,
    /// What it takes, in words.
    pub needs: String,
    /// Every answer, in order.
    pub answers: Vec<Answer>,
    /// When the quorum was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reached: Option<Stamp>,
    /// `approved`, `denied`, `expired`, `void: …`, `by break-glass`, `by break-glass over the denial of …` or `open`.
    pub end: String,
}

/// Every request of the record.
pub fn stories(incident: &Incident, events: &[Told]) -> Vec<GateStory> {
    let mut all: Vec<GateStory> = Vec::new();
    for told in events {
        take(incident, &mut all, &told.event);
    }
    all
}

fn take(incident: &Incident, all: &mut Vec<GateStory>, event: &Event) {
    let person = event.actor.to_string();
    let answer = |role: Option<&str>, answer, reason: &str, key: Option<&str>| Answer {
        event: event.seq,
        at: event.at,
        person: person.clone(),
        role: role.map(str::to_owned),
        answer,
        reason: reason.to_owned(),
        key: key.map(str::to_owned),
    };
    match &event.what {
        What::Requested(d) => all.push(GateStory {
            gate: d.gate.to_string(),
            attempt: d.attempt,
            event: event.seq,
            asked: event.at,
            expires: d.expires,
            needs: needs(incident, &d.gate),
            answers: Vec::new(),
            reached: None,
            end: "open".to_owned(),
        }),
        What::Granted(d) => {
            let given = answer(Some(d.role.as_str()), "approved", &d.reason, Some(&d.key));
            with(all, &d.gate, |story| {
                story.answers.push(given);
                if story.end == "open" && complete(incident, &d.gate, story) {
                    story.reached = Some(event.at);
                    "approved".clone_into(&mut story.end);
                }
            });
        }
        What::Denied(d) => {
            let given = answer(Some(d.role.as_str()), "denied", &d.reason, Some(&d.key));
            with(all, &d.gate, |story| {
                story.answers.push(given);
                let denials = story.answers.iter().filter(|a| a.answer == "denied").count();
                let enough = incident.gate_rule(&d.gate).map_or(1, |rule| rule.deny_quorum.max(1));
                if denials >= enough as usize {
                    "denied".clone_into(&mut story.end);
                }
            });
        }
        What::Overridden(d) => {
            let given = answer(Some(d.role.as_str()), "broke glass", &d.reason, Some(&d.key));
            with(all, &d.gate, |story| {
                story.answers.push(given);
                story.reached.get_or_insert(event.at);
                story.end = format!("by break-glass{}", crate::core::incident::over(&d.denied_by));
            });
        }
        What::Refused(d) => {
            let mut given = answer(None, "does not count", &d.why, None);
            given.person = d.person.to_string();
            with(all, &d.gate, |story| story.answers.push(given));
        }
        What::Expired(d) => with(all, &d.gate, |story| "expired".clone_into(&mut story.end)),
        What::Voided(d) => with(all, &d.gate, |story| story.end = format!("void: {}", d.why)),
        _ => {}
    }
}

fn with(all: &mut [GateStory], gate: &StepId, change: impl FnOnce(&mut GateStory)) {
    if let Some(story) = all.iter_mut().rev().find(|story| story.gate == gate.as_str()) {
        change(story);
    }
}

fn needs(incident: &Incident, gate: &StepId) -> String {
    let rule = incident.gate_rule(gate);
    let words = |r: &crate::runbook::model::Requirement| format!("{} of {}", r.count, r.role);
    let all: Vec<String> = rule.iter().flat_map(|rule| rule.require.iter().map(words)).collect();
    all.join(" and ")
}

fn complete(incident: &Incident, gate: &StepId, story: &GateStory) -> bool {
    let given = |role: &str| {
        story.answers.iter().filter(|a| a.answer == "approved" && a.role.as_deref() == Some(role)).count()
    };
    incident
        .gate_rule(gate)
        .is_some_and(|rule| rule.require.iter().all(|r| given(&r.role) >= r.count as usize))
}
