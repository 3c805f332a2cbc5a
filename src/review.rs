//! The review: what a record says afterwards, for people who were not there. It is computed from the record alone, so
//! two people who ask get the same answer. Never averages, never blames, and never fills in what nobody recorded.
//!
//! [`Review`] is the facts as data (and as JSON); [`page`] puts them into an order for reading; [`markdown`] and
//! [`html`] write that down.

mod chart;
mod gates;
pub mod html;
pub mod markdown;
mod metrics;
mod moments;
pub mod page;
mod people;
mod talk;
mod work;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::core::event::Event;
use crate::core::incident::Incident;
use crate::core::time::Stamp;
use crate::metrics::series::Sample;

pub use gates::{Answer, GateStory};
pub use metrics::{Curve, Window};
pub use moments::{Moment, Span};
pub use people::{Message, Tenure};
pub use talk::Point;
pub use work::Try;

/// One event with its sentence.
#[derive(Debug, Clone)]
pub struct Told {
    /// The event.
    pub event: Event,
    /// What happened, in words.
    pub words: String,
}

/// What a review is made from.
#[derive(Debug)]
pub struct Source<'a> {
    /// The incident as its record left it.
    pub incident: &'a Incident,
    /// Every sealed event, in order.
    pub events: &'a [Told],
    /// What the metrics said, oldest first.
    pub samples: &'a BTreeMap<String, Vec<Sample>>,
    /// The story that people wrote beside the record.
    pub narrative: Option<String>,
    /// What checking the record came to, and whether it holds.
    pub verdict: (String, bool),
    /// The short code of the newest head.
    pub head: String,
}

/// The facts of an incident. Texts are as recorded: clean them before they reach a screen or a page.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Review {
    /// What checking the record came to.
    pub verdict: String,
    /// Whether the record holds.
    pub holds: bool,
    /// The short code of the newest head.
    pub head: String,
    /// Name of the log.
    pub log: String,
    /// `LIVE`, `DRILL` or `TABLETOP`.
    pub mode: &'static str,
    /// 1 (worst) to 5.
    pub severity: u8,
    /// The runbook's title.
    pub title: String,
    /// Its id.
    pub runbook: String,
    /// What kind of thing was brought back.
    pub class: &'static str,
    /// The service.
    pub service: String,
    /// Where.
    pub environment: String,
    /// Its region, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// What this way back leaves as it is.
    pub does_not_undo: String,
    /// The point in time that was restored to, and what that loses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restored: Option<String>,
    /// Why it was aborted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aborted: Option<String>,
    /// When the things happened that reviews ask about.
    pub moments: Vec<Moment>,
    /// How long it was between them.
    pub spans: Vec<Span>,
    /// The recovery time objective, in seconds.
    pub rto_seconds: u64,
    /// Whether the service was back within it, counted from the opening; nothing when it never was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rto_met: Option<bool>,
    /// What it cost, with the assumption it rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<String>,
    /// Who sat where, and for how long.
    pub tenures: Vec<Tenure>,
    /// Every request for approval and its answers.
    pub approvals: Vec<GateStory>,
    /// Every try of every step and undo.
    pub tries: Vec<Try>,
    /// Where each step ended: id and word.
    pub steps: Vec<(String, String)>,
    /// What was sent.
    pub messages: Vec<Message>,
    /// What the metrics said before, during and after.
    pub metrics: Vec<Curve>,
    /// What stays open or was left as it is.
    pub left: Vec<String>,
    /// What should be talked about.
    pub points: Vec<Point>,
    /// Framework, control, and where this record shows it.
    pub controls: Vec<(String, String, String)>,
    /// Every event.
    pub timeline: Vec<Line>,
    /// The story that people wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub narrative: Option<String>,
}

/// One event as a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Its number.
    pub event: u64,
    /// When.
    pub at: Stamp,
    /// Who.
    pub who: String,
    /// What, in words.
    pub what: String,
}

/// The review of a record.
pub fn review(source: &Source<'_>) -> Review {
    let incident = source.incident;
    let runbook = &incident.runbook;
    let opened = incident.opened.as_ref();
    let moments = moments::moments(incident, source.events);
    let rto = runbook.objectives.rto;
    let back = moments::at(&moments, moments::RESOLVED).or(moments::at(&moments, moments::VALIDATED));
    let tries = work::tries(incident, source.events);
    Review {
        verdict: source.verdict.0.clone(),
        holds: source.verdict.1,
        head: source.head.clone(),
        log: incident.log().to_owned(),
        mode: opened.map_or("", |o| o.mode.word()),
        severity: opened.map_or(0, |o| o.severity),
        title: runbook.title.clone(),
        runbook: runbook.id.clone(),
        class: runbook.class.word(),
        service: runbook.service.clone(),
        environment: runbook.environment.clone(),
        region: runbook.region.clone(),
        does_not_undo: runbook.does_not_undo.clone(),
        restored: incident.restores_to().map(|r| r.words()),
        aborted: incident.aborted.clone(),
        spans: moments::spans(&moments),
        rto_seconds: rto.as_secs(),
        rto_met: back.map(|at| at.since(incident.opened_at) <= rto),
        cost: cost(incident),
        tenures: people::tenures(source.events, incident.last_at),
        approvals: gates::stories(incident, source.events),
        steps: runbook.steps().map(|s| (s.id.clone(), incident.word(s).to_owned())).collect(),
        messages: people::messages(source.events),
        metrics: metrics::curves(incident, source.samples, &moments),
        left: work::left(incident, source.events),
        points: talk::points(source, &moments),
        controls: work::controls(incident, &tries),
        timeline: source.events.iter().map(line).collect(),
        narrative: source.narrative.clone(),
        moments,
        tries,
    }
}

fn line(told: &Told) -> Line {
    let event = &told.event;
    Line { event: event.seq, at: event.at, who: event.actor.to_string(), what: told.words.clone() }
}

fn cost(incident: &Incident) -> Option<String> {
    let (cents, currency) = incident.cost_cents(incident.last_at)?;
    let rate = incident.runbook.cost.as_ref()?.per_minute_cents;
    let until = if incident.mitigated_at.is_some() {
        "the harm stopped"
    } else if incident.resolved_at.is_some() {
        "it was resolved"
    } else {
        "the end of the record"
    };
    let money = |cents: u64| format!("{}.{:02} {currency}", cents / 100, cents % 100);
    Some(format!("{} (at {} a minute, from the opening until {until})", money(cents), money(rate)))
}

#[cfg(test)]
mod tests;
