//! What a key, a paste, a word of the hub or the passing of time changes. Never does I/O: what is to be done comes back
//! as effects.

mod hub;
mod keys;
mod layers;
mod lists;
mod mouse;

use std::time::Duration;

use super::input::Input;
use super::link::{Asked, Update};
use super::model::{Model, Moment, Window};
use super::terminal::Size;
use super::timers;

/// Something that happened.
#[derive(Debug)]
pub enum Msg {
    /// At the keyboard.
    Input(Input),
    /// At the hub.
    Hub(Update),
    /// Time passed.
    Tick,
    /// The terminal has another size.
    Resized(Size),
}

/// Something to be done outside the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// To the client.
    Ask(Asked),
    /// Leave the screen; the incident goes on.
    Detach,
    /// Stop this program until `fg`.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// Into the terminal's clipboard.
    Clipboard(String),
    /// Into a new file: its name without an ending, and the text.
    File(String, String),
    /// Ring the bell.
    Bell,
    /// Take the mouse, or leave it to the terminal, as the model says.
    Mouse,
}

/// Bells are at least this far apart.
const BETWEEN_BELLS: Duration = Duration::from_secs(10);

/// Folds a message into the model.
pub fn update(model: &mut Model, msg: Msg, now: Moment) -> Vec<Effect> {
    model.now = now;
    let joined = model.incident.is_some();
    let mut effects = match msg {
        Msg::Input(input) => match input {
            Input::Key(key) => keys::key(model, key),
            Input::Paste(text) => {
                layers::paste(model, &text);
                Vec::new()
            }
            Input::FocusIn => window(model, Window::Focused),
            Input::FocusOut => window(model, Window::Away),
            Input::Mouse(it) => mouse::mouse(model, it),
            Input::Ack => Vec::new(),
        },
        Msg::Hub(update) => hub::update(model, update),
        Msg::Tick => {
            layers::expire(model);
            Vec::new()
        }
        Msg::Resized(size) => {
            model.size = size;
            vec![Effect::Redraw]
        }
    };
    forget_old(model);
    call_out(model);
    effects.extend(bell(model, joined));
    effects.extend(watch(model));
    effects
}

fn window(model: &mut Model, window: Window) -> Vec<Effect> {
    model.window = window;
    Vec::new()
}

fn forget_old(model: &mut Model) {
    let now = model.now.steady;
    if model.toast.as_ref().is_some_and(|t| now >= t.until) {
        model.toast = None;
    }
    if model.leaving.is_some_and(|at| now.saturating_sub(at) > Duration::from_secs(3)) {
        model.leaving = None;
    }
}

/// Time alone makes this wait for somebody.
fn call_out(model: &mut Model) {
    let mark = model.incident.as_ref().and_then(|incident| timers::mark(incident, model.now.wall));
    if mark != model.mark {
        model.mark = mark;
        model.reconsider();
    }
}

/// One bell for each thing that waits for a person who looks elsewhere, however often it comes and goes. What waited
/// when they came was seen by coming; what comes too soon after another bell gets its own a little later.
fn bell(model: &mut Model, joined: bool) -> Option<Effect> {
    let thing = model.attention.thing.clone().filter(|thing| !model.rung.contains(thing))?;
    let now = model.now.steady;
    if model.window == Window::Focused || !joined {
        model.rung.insert(thing);
        return None;
    }
    if model.rang.is_some_and(|at| now.saturating_sub(at) < BETWEEN_BELLS) {
        return None;
    }
    model.rung.insert(thing);
    model.rang = Some(now);
    Some(Effect::Bell)
}

/// The output of the selected run is asked for when the selection moves to it.
fn watch(model: &mut Model) -> Option<Effect> {
    let run = model.selected_run()?;
    if model.watching.as_ref() == Some(&run) {
        return None;
    }
    // What is kept of a run is sent again from its beginning, so the old copy goes.
    model.logs.remove(&run);
    model.output_look = super::feed::Look::Follow;
    model.watching = Some(run.clone());
    Some(Effect::Ask(Asked::Watch(run)))
}
