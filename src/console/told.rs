//! What events add up to on a screen: the incident, a line for each, the newest of them whole. Never keeps more of them
//! whole than it has to.

use std::collections::VecDeque;

use super::feed::Feed;
use super::link::{Began, Recorded};
use super::said::Said;
use super::story::{self, Row};
use crate::core::apply::apply;
use crate::core::event::What;
use crate::core::incident::Incident;
use crate::core::time::Stamp;

/// Whole events kept; older ones stay in the record and in the list.
const EVENTS_KEPT: usize = 1_000;

/// What events add up to.
#[derive(Debug)]
pub struct Told {
    /// The incident.
    pub incident: Incident,
    /// A line for each event.
    pub story: Feed<Row>,
    /// The newest events whole, for whoever wants to see everything of one.
    pub events: VecDeque<Recorded>,
    /// Moments marked in the charts: the declaration, the phases, the end of the harm.
    pub marks: Vec<(Stamp, &'static str)>,
    /// What people noted about the harm.
    pub said: Said,
}

impl Told {
    /// The part that follows what was told before, or the beginning of an incident.
    pub fn part(before: Option<Told>, began: Began) -> Told {
        let first = began.events.first().map(|r| r.event.seq);
        let before = before.filter(|told| first.is_none_or(|first| first == told.incident.next_seq));
        let mut told = before.unwrap_or_else(|| Told {
            incident: Incident::new(began.runbook, began.team),
            story: Feed::default(),
            events: VecDeque::new(),
            marks: Vec::new(),
            said: Said::default(),
        });
        for recorded in began.events {
            told.said.hear(&recorded);
            take(&mut told.incident, &mut told.story, &mut told.events, &mut told.marks, recorded);
        }
        told
    }
}

/// Takes one more event.
pub fn take(
    incident: &mut Incident,
    story: &mut Feed<Row>,
    events: &mut VecDeque<Recorded>,
    marks: &mut Vec<(Stamp, &'static str)>,
    recorded: Recorded,
) {
    if let Some((digest, runbook)) = &recorded.proposed {
        incident.offer(*digest, runbook.clone());
    }
    apply(incident, &recorded.event);
    if let Some(letter) = mark(&recorded.event.what) {
        marks.push((recorded.event.at, letter));
    }
    story.push(story::row(&recorded, Some(incident)));
    if events.len() >= EVENTS_KEPT {
        events.pop_front();
    }
    events.push_back(recorded);
}

/// The letter under a chart for what splits time there.
fn mark(what: &What) -> Option<&'static str> {
    /// Phases beyond these share a sign.
    const DIGITS: [&str; 9] = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
    match what {
        What::Declared(_) => Some("D"),
        What::Mitigated(_) => Some("M"),
        What::Resolved(_) => Some("R"),
        What::Aborted(_) => Some("A"),
        What::PhaseEntered(d) => {
            Some(usize::try_from(d.phase).ok().and_then(|n| DIGITS.get(n)).copied().unwrap_or("+"))
        }
        _ => None,
    }
}
