//! What people are told, where they choose, and what is expected of them. Never judges whether they did it.

use super::model::{Basis, Channel, Cue, Decision, Expectation, Expected, Inject, Mark};
use super::when::{event, when};
use super::world::states;
use crate::runbook::decode::{Fields, Item, is_id};

/// How an inject arrives.
pub const CHANNELS: [(&str, Channel); 7] = [
    ("page", Channel::Page),
    ("chat", Channel::Chat),
    ("call", Channel::Call),
    ("mail", Channel::Mail),
    ("bridge", Channel::Bridge),
    ("facilitator", Channel::Facilitator),
    ("silent", Channel::Silent),
];
/// Whose time counts.
pub const BASES: [(&str, Basis); 2] = [("human", Basis::Human), ("scenario", Basis::Scenario)];

/// What kinds of expectations there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something is done.
    Want,
    /// Something is not done.
    Forbid,
    /// Something is repeated.
    Cadence,
    /// A stretch does not take too long.
    Budget,
    /// A person judges.
    Judged,
}

/// Their words.
pub const KINDS: [(&str, Kind); 5] = [
    ("want", Kind::Want),
    ("forbid", Kind::Forbid),
    ("cadence", Kind::Cadence),
    ("budget", Kind::Budget),
    ("judged", Kind::Judged),
];

/// One of `injects`.
pub fn inject(item: Item<'_>) -> Option<Inject> {
    let mut f = item.fields("inject")?;
    let id = f.required("id", Item::id);
    let at = f.optional("at", Item::duration).map(Cue::At);
    let cue = at.or(f.optional("when", when).map(Cue::When));
    if f.has("at") == f.has("when") {
        let message = if f.has("at") { "this comes at two times" } else { "this never comes" };
        item.refuse("scenario-cue", message, "write `at: 5m` or `when: condition`, and not both");
    }
    let to = f.optional("to", |i| i.list(Item::name_text)).unwrap_or_default();
    let channel = f.optional("channel", |i| i.one_of(&CHANNELS)).unwrap_or(Channel::Silent);
    let from = f.optional("from", Item::text);
    let body = f.optional("body", Item::text);
    let red_herring = f.optional("red_herring", Item::flag).unwrap_or(false);
    let hint_for = f.optional("hint_for", Item::id);
    let purpose = f.optional("purpose", Item::text);
    let set = f.optional("set", states).unwrap_or_default();
    said_to_somebody(&mut f, channel);
    f.finish();
    let cue = cue?;
    Some(Inject { id: id?, cue, to, channel, from, body, red_herring, hint_for, purpose, set })
}

/// What is said has somebody to hear it, and what happens silently has an effect.
fn said_to_somebody(f: &mut Fields<'_>, channel: Channel) {
    let item = f.item();
    match channel {
        Channel::Silent => {
            if f.has("body") || f.has("to") {
                let help = "add `channel: page` or another, or remove `to` and `body`";
                item.refuse("scenario-channel", "nobody hears what comes silently", help);
            } else if !f.has("set") {
                let help = "add `set: {state: value}`, or a `channel`, `to` and `body`";
                item.refuse("scenario-channel", "this happens silently and changes nothing", help);
            }
        }
        Channel::Page
        | Channel::Chat
        | Channel::Call
        | Channel::Mail
        | Channel::Bridge
        | Channel::Facilitator => {
            for key in ["to", "body"] {
                if !f.has(key) {
                    f.missing(key);
                }
            }
        }
    }
}

/// One of `decisions`.
pub fn decision(item: Item<'_>) -> Option<Decision> {
    let mut f = item.fields("decision")?;
    let id = f.required("id", Item::id);
    let ask = f.required("ask", Item::text);
    let options = f.required("options", |i| {
        i.list(|i| {
            let mut f = i.fields("option")?;
            let (name, because) = (f.required("name", Item::text), f.required("because", Item::text));
            f.finish();
            Some((name?, because?))
        })
    });
    f.finish();
    Some(Decision { id: id?, ask: ask?, options: options? })
}

/// One of `expectations`.
pub fn expectation(item: Item<'_>) -> Option<Expectation> {
    let mut f = item.fields("expectation")?;
    let id = f.required("id", Item::id);
    let task = f.required("task", Item::id);
    let critical = f.optional("critical", Item::flag).unwrap_or(false);
    let kind = f.optional("kind", |i| i.one_of(&KINDS));
    // A kind that cannot be read leaves nothing to compare the other keys with.
    if kind.is_none() && f.has("kind") {
        return None;
    }
    let kind = match kind.unwrap_or(Kind::Want) {
        Kind::Want => want(&mut f),
        Kind::Forbid => {
            let (of, unless) = (f.required("of", when), f.optional("unless", when));
            of.map(|of| Expected::Forbid { of, unless })
        }
        Kind::Cadence => {
            let (of, every) = (f.required("of", event), f.required("every", Item::positive_duration));
            let until = f.optional("until", when);
            of.zip(every).map(|(of, every)| Expected::Cadence { of, every, until })
        }
        Kind::Budget => budget(&mut f),
        Kind::Judged => {
            let (ask, observe) = (f.required("ask", Item::text), f.required("observe", Item::text));
            ask.zip(observe).map(|(ask, observe)| Expected::Judged { ask, observe })
        }
    };
    f.finish();
    Some(Expectation { id: id?, task: task?, critical, kind: kind? })
}

fn want(f: &mut Fields<'_>) -> Option<Expected> {
    let want = f.required("want", when);
    let after = f.optional("after", Item::id);
    let within = f.optional("within", Item::positive_duration);
    let before = f.optional("before", when);
    let basis = f.optional("basis", |i| i.one_of(&BASES)).unwrap_or(Basis::Human);
    if !f.has("within") && !f.has("before") {
        let item = f.item();
        let help = "add `within: 5m`, or `before: condition`";
        item.refuse("scenario-endless", "this may be done at any time, and is never late", help);
    }
    Some(Expected::Want { want: want?, after, within, before, basis })
}

fn budget(f: &mut Fields<'_>) -> Option<Expected> {
    let (from, to) = (f.required("from", mark), f.required("to", mark));
    let within = f.required("within", Item::positive_duration);
    let basis = f.optional("basis", |i| i.one_of(&BASES)).unwrap_or(Basis::Scenario);
    Some(Expected::Budget { from: from?, to: to?, within: within?, basis })
}

/// An inject's id, or a condition. Which one a plain word is, only the whole file tells: see `refs`.
fn mark(item: Item<'_>) -> Option<Mark> {
    let text = item.text()?;
    if is_id(&text) { Some(Mark::Inject(text)) } else { when(item).map(Mark::When) }
}
