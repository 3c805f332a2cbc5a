//! What the hub says. Never doubts it: the client has checked every seal before it comes here.

use super::Effect;
use std::time::Duration;

use crate::console::form::Progress;
use crate::console::layer::Layer;
use crate::console::link::{ActId, Began, Line, Output, Recorded, Update};
use crate::console::model::Model;
use crate::console::told::{self, Told};
use crate::sanitize::Clean;
use crate::theme::Role;

/// Logs of more runs than these are let go, the oldest first.
const RUNS_KEPT: usize = 16;

pub(super) fn update(model: &mut Model, update: Update) -> Vec<Effect> {
    match update {
        Update::Earlier(part) => model.reading = Some(Told::part(model.reading.take(), *part)),
        Update::Began(began) => began_(model, *began),
        Update::Recorded(recorded) => {
            record(model, *recorded);
            model.reconsider();
        }
        Update::Head(head) => model.head = head,
        Update::Output(output) => log(model, output),
        Update::Panes(panes) => model.panes = panes,
        Update::Readiness(readiness) => model.readiness = Some(readiness),
        Update::Past(past) => model.past = Some(past),
        Update::Room(room) => {
            if room.line == Line::Up && model.room.line != Line::Up {
                model.say(Role::Ok, Clean::literal("connected again; nothing was missed"));
                // The new line sends output only when asked.
                model.watching = None;
            }
            model.room = room;
        }
        Update::Answered { act, how } => answered(model, act, how),
        Update::Me(me) => {
            model.me = me;
            model.reconsider();
        }
    }
    Vec::new()
}

/// Parts of a record that is still being read change nothing that is shown: it would be a state of long ago.
fn began_(model: &mut Model, began: Began) {
    let head = began.head.clone();
    let Told { incident, story, events, marks, said } = Told::part(model.reading.take(), began);
    model.incident = Some(incident);
    (model.story, model.events, model.marks, model.said) = (story, events, marks, said);
    model.event = None;
    model.head = head;
    model.reconsider();
}

fn record(model: &mut Model, recorded: Recorded) {
    if let Some(incident) = &mut model.incident {
        model.said.hear(&recorded);
        told::take(incident, &mut model.story, &mut model.events, &mut model.marks, recorded);
    }
}

/// A run that began so short a time ago has written what it wrote just now.
const YOUNG: Duration = Duration::from_secs(2);

fn log(model: &mut Model, output: Output) {
    let began =
        model.incident.as_ref().and_then(|i| i.run_of(&output.run.step, output.run.direction)?.started_at);
    let young = began.is_some_and(|at| model.now.wall.since(at) < YOUNG);
    let log = model.logs.entry(output.run.clone()).or_default();
    // What was there before anybody looked has come at a time that nobody here knows.
    let seen = !log.lines.is_empty() || !log.partial.is_empty() || young;
    for line in output.lines {
        log.lines.push(line);
        log.came.push(seen.then_some(model.now.wall));
    }
    log.partial = output.partial;
    log.dropped = log.dropped.saturating_add(output.dropped);
    while model.logs.len() > RUNS_KEPT {
        let old = model.logs.keys().find(|run| Some(*run) != model.watching.as_ref()).cloned();
        let Some(old) = old else { break };
        model.logs.remove(&old);
    }
}

fn answered(model: &mut Model, act: ActId, how: Result<(), Clean>) {
    let at = model
        .layers
        .iter()
        .position(|layer| matches!(layer, Layer::Form(form) if form.progress == Progress::Sent(act)));
    match (how, at) {
        (Ok(()), Some(at)) => {
            let layer = model.layers.remove(at);
            if let Layer::Form(form) = layer {
                let mut text = Clean::literal("recorded: ");
                text.push(&crate::sanitize::line(form.verb()));
                model.say(Role::Ok, text);
            }
        }
        (Ok(()), None) => {}
        (Err(why), Some(at)) => {
            if let Some(Layer::Form(form)) = model.layers.get_mut(at) {
                form.progress = Progress::Open;
                form.problem = Some(why);
            }
        }
        (Err(why), None) => model.say(Role::Fail, why),
    }
}
