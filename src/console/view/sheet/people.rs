//! Who sits where and for how long, what was asked and answered, who is in the room. Empty required seats come first.

use super::Rows;
use crate::console::model::Model;
use crate::console::offer;
use crate::console::view::header::until;
use crate::core::event::Opinion;
use crate::core::incident::{Incident, Stage, Standing};
use crate::core::time::{Stamp, spoken};
use crate::runbook::model::Role as Seat;
use crate::theme::Role;

pub(super) fn write(model: &Model, incident: &Incident, rows: &mut Rows) {
    rows.heading("Seats");
    let empty = incident.empty_seats();
    for (name, missing) in &empty {
        let could: Vec<&str> = incident
            .team
            .people
            .iter()
            .filter(|p| incident.team.may_take(&p.id, name))
            .map(|p| p.id.as_str())
            .collect();
        let who = if could.is_empty() { "nobody in the team may".to_owned() } else { could.join(", ") };
        rows.item(name, &format!("EMPTY, {missing} needed; could be taken by {who}"), Role::Warn);
    }
    for role in &incident.runbook.roles {
        seat(model, incident, role, rows);
    }
    between(model, incident, rows);
    approvals(model, incident, rows);
    room(model, incident, rows);
}

fn seat(model: &Model, incident: &Incident, role: &Seat, rows: &mut Rows) {
    for held in incident.seats.get(&role.name).into_iter().flatten() {
        let sits = until(incident, model).since(held.since);
        let mut text = format!("{} for {}", held.person, spoken(sits));
        let mut color = Role::Base;
        if held.stand_in {
            text.push_str(", stand-in");
        }
        if !incident.is_present(&held.person) {
            text.push_str(", NOT IN THE ROOM");
            color = Role::Warn;
        }
        match role.max_tenure {
            Some(most) if sits >= most => {
                text.push_str(&format!(", should have handed over {} ago", spoken(sits - most)));
                color = Role::Warn;
            }
            Some(_) if incident.stage == Stage::Closed => {}
            Some(most) => text.push_str(&format!(", should hand over in {}", spoken(most - sits))),
            None => {}
        }
        rows.item(&role.name, &text, color);
    }
}

/// What is open between people: an offer of command, questions, objections, removals, and what is to be looked at later.
fn between(model: &Model, incident: &Incident, rows: &mut Rows) {
    rows.heading("Between people");
    let before = rows.rows.len();
    let left = |at: Stamp| spoken(at.since(model.now.wall));
    if let Some(offer) = &incident.offer {
        let text = format!(
            "{} offers it to {}, {} left; {} commands until they have read it back and signed",
            offer.from,
            offer.to,
            left(offer.expires),
            offer.from
        );
        rows.item("command", &text, Role::Waiting);
    }
    for (seq, poll) in incident.polls.iter().rev() {
        let (state, color) = match poll.end {
            None => (format!("{} left", left(poll.expires)), Role::Waiting),
            Some(end) => (end.word().to_owned(), Role::Muted),
        };
        let asked = format!("{} at {}: {} ({state})", poll.by, poll.asked_at.clock(), poll.question);
        rows.item(&format!("objections? #{seq}"), &asked, color);
        for answer in &poll.answers {
            let color = if answer.opinion == Opinion::Object { Role::Fail } else { Role::Base };
            let text = format!("{}: {} {}", answer.person, answer.opinion.word(), answer.reason);
            rows.item("", text.trim_end(), color);
        }
    }
    for (seq, objection) in &incident.objections {
        let text = format!("{} to {}: {}", objection.person, objection.about, objection.reason);
        let open = objection.answer.is_none();
        rows.item(&format!("objection #{seq}"), &text, if open { Role::Warn } else { Role::Base });
        match &objection.answer {
            Some((who, words, at)) => rows.item("", &format!("{who} at {}: {words}", at.clock()), Role::Base),
            None => rows.item("", "HAS NO ANSWER", Role::Warn),
        }
    }
    if let Some((_, ask)) = incident.open_redaction(model.now.wall) {
        let text = format!("of #{}, says {}: {}; a second person must agree", ask.event, ask.by, ask.reason);
        rows.item("removal", &text, Role::Waiting);
    }
    for broken in &incident.overrides {
        rows.item("to review", &format!("{}: {}", broken.words(), broken.reason), Role::Fail);
    }
    for (person, last) in &incident.short_shifts {
        let text = format!("{person} was in an incident until {}", last.to_second());
        rows.item("short rest", &text, Role::Warn);
    }
    if rows.rows.len() == before {
        rows.nothing("nothing is asked, offered or objected to");
    }
}

fn approvals(model: &Model, incident: &Incident, rows: &mut Rows) {
    rows.heading("Approvals");
    let Some(ground) = model.ground() else { return };
    if incident.gates.is_empty() {
        rows.nothing("nothing was asked for yet");
    }
    let mut gates: Vec<_> = incident.gates.iter().collect();
    gates.sort_by_key(|(_, gate)| std::cmp::Reverse(gate.requested_at));
    for (id, gate) in gates {
        let reached = incident.quorum_reached(id);
        let (words, color) = match gate.standing {
            Standing::Open if reached && incident.override_reached(id) => {
                ("gone past by break-glass".to_owned(), Role::Fail)
            }
            _ if incident.is_denied(id) => ("denied".to_owned(), Role::Fail),
            Standing::Open if reached => ("given".to_owned(), Role::Ok),
            Standing::Open => {
                let left = spoken(gate.expires.since(model.now.wall));
                (format!("{}, {left} left", offer::missing(&ground, id)), Role::Waiting)
            }
            Standing::Expired | Standing::Voided => (offer::missing(&ground, id), Role::Warn),
        };
        rows.item(id.as_str(), &format!("{words}; asked for at {}", gate.requested_at.clock()), color);
        for vote in &gate.answers {
            let (word, color) = if vote.approves { ("yes", Role::Ok) } else { ("no", Role::Fail) };
            let text =
                format!("{word}: {} as {} at {} {}", vote.person, vote.role, vote.at.clock(), vote.reason);
            rows.item("", text.trim_end(), color);
        }
        for vote in &gate.overrides {
            let text = format!(
                "BROKE GLASS: {} as {} at {}: {}",
                vote.person,
                vote.role,
                vote.at.clock(),
                vote.reason
            );
            rows.item("", &text, Role::Fail);
        }
    }
}

fn room(model: &Model, incident: &Incident, rows: &mut Rows) {
    rows.heading("People");
    for person in &incident.team.people {
        let mut sessions = incident.sessions.values().filter(|s| s.person == person.id);
        let here = sessions.clone().find(|s| s.left.is_none() && !s.revoked);
        let (text, color) = match (here, sessions.next_back()) {
            (Some(s), _) => {
                let since = spoken(until(incident, model).since(s.joined_at));
                (format!("here for {since}, {}", s.via), Role::Base)
            }
            (None, Some(s)) if s.revoked => ("shut out: the session was revoked".to_owned(), Role::Warn),
            (None, Some(s)) => {
                let at = s.left.as_ref().map(|(at, _)| at.clock()).unwrap_or_default();
                (format!("left at {at}"), Role::Muted)
            }
            (None, None) => ("not here".to_owned(), Role::Muted),
        };
        let roles: Vec<&str> = person.roles.iter().map(|r| r.as_str()).collect();
        let mut text = format!("{} · {text} · may be {}", person.name, roles.join(", "));
        if let Some(contact) = &person.contact {
            text.push_str(&format!(" · {contact}"));
        }
        rows.item(person.id.as_str(), &text, color);
    }
}
