//! Who sits where, who is in the room, what waits for whom, and what is still owed. Empty seats come first.

use ratatui::text::Line;

use super::draw::{Has, Page, wrapped};
use crate::console::model::{Focus, Model};
use crate::console::offer;
use crate::core::incident::{Incident, Standing};
use crate::core::time::spoken;
use crate::sanitize;
use crate::theme::Role;

/// A line: label, text, colour.
type Entry = (String, String, Role);

pub(super) fn render(model: &Model, page: &mut Page<'_>) {
    let Some(incident) = &model.incident else { return };
    let present = incident.team.people.iter().filter(|p| incident.is_present(&p.id)).count();
    page.title("4 People", &format!("{present} in the room"), Has::when(model.focus == Focus::People));
    let lines = rows(model, page.width());
    let rows = page.height().saturating_sub(1);
    let scroll = if model.focus == Focus::People { model.scroll } else { 0 };
    for (n, (label, text, role)) in lines.iter().skip(scroll).take(rows).enumerate() {
        let label = page.span(Role::Muted, format!(" {label:<14} "));
        let text = page.span(*role, text.clone());
        page.line(n + 1, Line::from(vec![label, text]));
    }
}

/// Column at which the texts begin.
const INDENT: usize = 16;

/// What is said, on as many rows as it takes.
pub(super) fn rows(model: &Model, width: usize) -> Vec<Entry> {
    let mut rows = Vec::new();
    for (label, text, role) in lines(model) {
        let mut label = label;
        for line in wrapped(&text, width.saturating_sub(INDENT + 1)) {
            rows.push((std::mem::take(&mut label), line, role));
        }
    }
    rows
}

fn lines(model: &Model) -> Vec<Entry> {
    let Some(incident) = &model.incident else { return Vec::new() };
    let mut lines = seats(model, incident);
    lines.extend(asked(model, incident));
    lines.extend(gates(model, incident));
    lines.extend(owed(model, incident));
    let here = incident.team.people.iter().filter(|p| incident.is_present(&p.id));
    for person in here {
        let via = incident.sessions.values().find(|s| s.person == person.id && s.left.is_none());
        let via = via.map(|s| sanitize::line(&s.via).into_string()).unwrap_or_default();
        let name = sanitize::line(&person.name);
        lines.push(("in the room".into(), format!("{} ({name}) {via}", person.id), Role::Base));
    }
    lines
}

fn seats(model: &Model, incident: &Incident) -> Vec<Entry> {
    let empty = incident.empty_seats();
    let mut lines: Vec<Entry> = empty
        .iter()
        .map(|(role, n)| ((*role).to_owned(), format!("EMPTY, {n} needed"), Role::Warn))
        .collect();
    for role in &incident.runbook.roles {
        for seat in incident.seats.get(&role.name).into_iter().flatten() {
            let sits = super::header::until(incident, model).since(seat.since);
            let stand_in = if seat.stand_in { ", stand-in" } else { "" };
            let here = if incident.is_present(&seat.person) { "" } else { ", NOT IN THE ROOM" };
            let late = incident.tenure_of(&role.name).is_some_and(|most| sits > most);
            let tired = if late { ", time to hand over" } else { "" };
            let color = if late || !here.is_empty() { Role::Warn } else { Role::Base };
            let text = format!("{} for {}{stand_in}{here}{tired}", seat.person, spoken(sits));
            lines.push((role.name.clone(), text, color));
        }
    }
    lines
}

/// What the room is asked: a question and its countdown, an offer of command, objections without an answer.
fn asked(model: &Model, incident: &Incident) -> Vec<Entry> {
    let mut lines: Vec<Entry> = Vec::new();
    let left = |at: crate::core::time::Stamp| spoken(at.since(model.now.wall));
    if let Some(offer) = &incident.offer {
        let text = format!("{} to {}, {} left", offer.from, offer.to, left(offer.expires));
        lines.push(("command".to_owned(), text, Role::Waiting));
    }
    if let Some((seq, poll)) = incident.open_poll() {
        let question = sanitize::line(&poll.question);
        let said = poll.answers.len();
        let text = format!("#{seq} {question}: {said} answered, {} left", left(poll.expires));
        lines.push(("objections?".to_owned(), text, Role::Waiting));
    }
    for (seq, objection) in incident.open_objections() {
        let about = sanitize::line(&objection.about);
        let text = format!("#{seq} of {} to {about} has no answer", objection.person);
        lines.push(("objection".to_owned(), text, Role::Warn));
    }
    for broken in &incident.overrides {
        lines.push(("to review".to_owned(), broken.words(), Role::Fail));
    }
    for (seq, promise) in incident.open_promises() {
        let words = sanitize::line(&promise.words);
        let (when, role) = if model.now.wall >= promise.due {
            (format!("LATE {}", spoken(model.now.wall.since(promise.due))), Role::Warn)
        } else {
            (format!("{} left", left(promise.due)), Role::Waiting)
        };
        let text = format!("#{seq} to {}: {words}, {when}", sanitize::line(&promise.to));
        lines.push(("promise".to_owned(), text, role));
    }
    for (person, last) in &incident.short_shifts {
        let text = format!("{person} was in an incident until {}", last.to_second());
        lines.push(("short rest".to_owned(), text, Role::Warn));
    }
    lines
}

fn gates(model: &Model, incident: &Incident) -> Vec<Entry> {
    let Some(ground) = model.ground() else { return Vec::new() };
    let open = incident
        .gates
        .iter()
        .filter(|(id, gate)| incident.awaits_answers(id) && gate.standing == Standing::Open);
    open.map(|(id, gate)| {
        let left = spoken(gate.expires.since(model.now.wall));
        ("approval".to_owned(), format!("{id}: {}, {left} left", offer::missing(&ground, id)), Role::Waiting)
    })
    .collect()
}

fn owed(model: &Model, incident: &Incident) -> Vec<Entry> {
    let suspended = incident.open_suspensions().map(|(name, s)| {
        let since = spoken(model.now.wall.since(s.since));
        let maybe = if s.certain { "" } else { " (not certain)" };
        ("suspended".to_owned(), format!("{name} for {since}{maybe}"), Role::Warn)
    });
    let backlog = incident
        .open_backlog()
        .map(|(name, left)| ("to reconcile".to_owned(), format!("{left} of {name}"), Role::Warn));
    suspended.chain(backlog).collect()
}
