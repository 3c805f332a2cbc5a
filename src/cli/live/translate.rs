//! From what the hub sends to what the console shows. All foreign text becomes harmless here. Never drops a fact.

use crate::client::mirror::Mirror;
use crate::client::room::{Output as WireOutput, Room};
use crate::console::link::{Began, Head, Mark, Output, Pane, Readiness, Recorded, RunId};
use crate::core::event::{Choice, Event, What};
use crate::core::time::Stamp;
use crate::metrics::pane;
use crate::sanitize::{self, Clean};
use crate::wire::message::{OutsideLine, OutsideState, ScoreView, WriterState};
use std::time::Duration;

/// The record so far, or the next part of it.
pub fn began(room: &mut Room, events: Vec<Event>) -> Began {
    let events = events.into_iter().map(|e| recorded(room, e)).collect();
    let mirror = &room.mirror;
    Began {
        runbook: mirror.incident.opened_with.clone(),
        team: mirror.incident.team.clone(),
        events,
        head: head(mirror),
    }
}

/// One event, with its words: the console keeps them from here on.
pub fn recorded(room: &mut Room, event: Event) -> Recorded {
    let said = room.take_said(event.seq).iter().map(sanitize::text).collect();
    let proposed = match &event.what {
        What::Decided(d) => match &d.choice {
            Choice::Amend(digest) => {
                room.mirror.incident.library.get(digest).cloned().map(|runbook| (*digest, runbook))
            }
            _ => None,
        },
        _ => None,
    };
    Recorded { event, said, proposed }
}

/// The newest checked head.
pub fn head(mirror: &Mirror) -> Head {
    let head = mirror.head();
    Head { n: head.n, root: head.root_b64(), code: head.short_code() }
}

/// Why the hub writes no more.
pub fn stopped(state: &WriterState) -> Option<Clean> {
    match state {
        WriterState::Writing => None,
        WriterState::Stopped { why } | WriterState::Over { why } => Some(sanitize::line(why)),
    }
}

/// Output of a step.
pub fn output(output: &WireOutput) -> Output {
    Output {
        run: RunId { step: output.step.clone(), attempt: output.attempt, direction: output.direction },
        lines: output.lines.iter().map(sanitize::line).collect(),
        partial: sanitize::line(&output.partial),
        dropped: 0,
    }
}

/// A metric pane.
pub fn pane(pane: &pane::Pane) -> Pane {
    let mark = |m: &pane::Mark| Mark { value: m.value, text: sanitize::line(&m.text) };
    Pane {
        name: sanitize::line(&pane.name),
        title: sanitize::line(&pane.title),
        warn: pane.warn.as_ref().map(mark),
        critical: pane.critical.as_ref().map(mark),
        points: pane.points.iter().map(|(at, value)| (Stamp(*at), *value)).collect(),
        scale: pane.scale.iter().map(mark).collect(),
        latest: sanitize::line(&pane.latest),
        state: pane.state,
        why: pane.why.as_deref().map(sanitize::line),
        stale_for: pane.stale_for_ms.map(Duration::from_millis),
        compared: pane.compared,
    }
}

/// The readiness score.
pub fn readiness(score: &ScoreView) -> Readiness {
    let gates = score.gates.iter().map(|g| (Clean::literal("closed"), sanitize::line(g)));
    let parts = score
        .parts
        .iter()
        .map(|(name, points, reason)| (sanitize::line(format!("{name} {points}")), sanitize::line(reason)));
    Readiness {
        points: score.points,
        of: score.of,
        unknown: 0,
        advice: sanitize::line(&score.advice),
        parts: gates.chain(parts).collect(),
    }
}

/// How the world outside does.
pub(super) fn outside(lines: &[OutsideLine]) -> Vec<(Clean, bool, Clean)> {
    let one = |line: &OutsideLine| {
        (sanitize::line(&line.name), line.state == OutsideState::Fine, sanitize::line(&line.text))
    };
    lines.iter().map(one).collect()
}
