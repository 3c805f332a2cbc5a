//! Who was told what, who is to be told next, and the texts that are ready. Never calls a text sent that has not left.

use super::Rows;
use crate::console::model::Model;
use crate::core::comms::due_messages;
use crate::core::incident::{Incident, Status};
use crate::core::plan;
use crate::core::time::spoken;
use crate::runbook::model::{Action, MessageTemplate};
use crate::runbook::template;
use crate::theme::Role;

pub(super) fn write(model: &Model, incident: &Incident, rows: &mut Rows) {
    due(model, incident, rows);
    rows.heading("Sent");
    if incident.sent.is_empty() {
        rows.nothing("nothing was said yet");
    }
    for message in incident.sent.iter().rev() {
        let ago = spoken(model.now.wall.since(message.at));
        let step = message.step.as_ref().map(|step| format!(" ({step})")).unwrap_or_default();
        let text = format!("{} through {}, {ago} ago{step}", message.template, message.channel);
        rows.item(&message.at.clock(), &text, Role::Ok);
    }
    rows.heading("Texts");
    if incident.runbook.comms.templates.is_empty() {
        rows.nothing("the runbook has no texts");
    }
    for template in &incident.runbook.comms.templates {
        draft(incident, template, rows);
    }
}

fn due(model: &Model, incident: &Incident, rows: &mut Rows) {
    rows.heading("Due");
    let now = model.now.wall;
    let due = due_messages(incident);
    if incident.runbook.comms.cadence.is_empty() && due.is_empty() {
        rows.nothing("the runbook promises nobody a rhythm");
    }
    if due.is_empty() && !incident.runbook.comms.cadence.is_empty() {
        rows.nothing("nothing more is due");
    }
    for message in due {
        let last = match message.last {
            Some(at) => format!("last heard {} ago", spoken(now.since(at))),
            None => "has heard nothing".to_owned(),
        };
        let (next, color) = match message.overdue(now) {
            None => {
                (format!("due in {} with {}", spoken(message.due.since(now)), message.template), Role::Base)
            }
            Some(late) => (format!("OVERDUE by {}: {}", spoken(late), message.how()), Role::Warn),
        };
        let rhythm = if message.every.is_zero() {
            "that the rollback is declared".to_owned()
        } else {
            format!("every {}", spoken(message.every))
        };
        let text = format!("{next}; {last}; {rhythm}");
        rows.item(message.audience, &text, color);
    }
}

fn draft(incident: &Incident, text: &MessageTemplate, rows: &mut Rows) {
    let step = incident
        .runbook
        .steps()
        .find(|s| matches!(&s.action, Action::Send { template } if *template == text.name));
    let state = match step {
        Some(step) if incident.is_ready(step) => format!("step {} is ready to send it", step.id),
        Some(step) if incident.status(&step.id) == Status::Pending => format!("sent by step {}", step.id),
        Some(step) => format!("step {} {}", step.id, incident.status(&step.id).word()),
        None => "no step sends it: copy it with y".to_owned(),
    };
    rows.item(&text.name, &format!("to {} through {}; {state}", text.audience, text.channel), Role::Title);
    match template::message(&text.text, &plan::scope(incident)) {
        Ok(words) => rows.item("", words.trim_end(), Role::Base),
        Err(why) => {
            rows.item("", &format!("not complete yet: {why}"), Role::Warn);
            rows.item("", text.text.trim_end(), Role::Muted);
        }
    }
}
