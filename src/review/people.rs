//! Who sat where and for how long, and what was said to whom. Never says how well.

use serde::Serialize;

use super::Told;
use crate::core::event::{Handed, What};
use crate::core::time::Stamp;

/// A person in a seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tenure {
    /// The seat.
    pub role: String,
    /// Who.
    pub person: String,
    /// As a stand-in.
    pub stand_in: bool,
    /// Since when.
    pub from: Stamp,
    /// Until when; the end of the record when they never left it.
    pub to: Stamp,
}

/// A message that left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// The event.
    pub event: u64,
    /// When.
    pub at: Stamp,
    /// Which text.
    pub template: String,
    /// Through which channel.
    pub channel: String,
    /// Whether a person passed it on.
    pub by_hand: bool,
    /// The event in words, with the text that left.
    pub words: String,
}

/// The seat that a handover of command is about.
const COMMANDER: &str = "commander";

/// Every time somebody sat.
pub fn tenures(events: &[Told], end: Stamp) -> Vec<Tenure> {
    let mut over: Vec<Tenure> = Vec::new();
    let mut open: Vec<Tenure> = Vec::new();
    for told in events {
        let at = told.event.at;
        let who = told.event.actor.to_string();
        let sit = |person: String, role: &str, stand_in| Tenure {
            role: role.to_owned(),
            person,
            stand_in,
            from: at,
            to: end,
        };
        match &told.event.what {
            What::Assumed(d) => open.push(sit(who, d.role.as_str(), d.stand_in)),
            What::Renounced(d) => stand(&mut open, &mut over, &who, d.role.as_str(), at),
            What::HandedOver(d) => {
                stand(&mut open, &mut over, d.from.as_str(), COMMANDER, at);
                open.push(sit(who, COMMANDER, d.stand_in));
            }
            _ => {}
        }
    }
    over.extend(open);
    over.sort_by_key(|t| t.from);
    over
}

fn stand(open: &mut Vec<Tenure>, over: &mut Vec<Tenure>, person: &str, role: &str, at: Stamp) {
    if let Some(place) = open.iter().position(|t| t.person == person && t.role == role) {
        let mut tenure = open.swap_remove(place);
        tenure.to = at;
        over.push(tenure);
    }
}

/// Every message that left.
pub fn messages(events: &[Told]) -> Vec<Message> {
    let sent = events.iter().filter_map(|told| match &told.event.what {
        What::Sent(d) => Some(Message {
            event: told.event.seq,
            at: told.event.at,
            template: d.template.to_string(),
            channel: d.channel.to_string(),
            by_hand: d.how == Handed::ByHand,
            words: told.words.clone(),
        }),
        _ => None,
    });
    sent.collect()
}
