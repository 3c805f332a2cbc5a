//! Keys and pastes for what lies over the screen. Never closes more than one thing at a time.

use std::time::Duration;

use super::{Effect, keys};
use crate::console::action::Action;
use crate::console::deed::{Deed, Words};
use crate::console::form::{DEAF, Form, Outcome, Progress};
use crate::console::key::{Code, Key};
use crate::console::layer::{Layer, Match, Menu};
use crate::console::link::Asked;
use crate::console::model::Model;
use crate::console::offer::{self, Offer};
use crate::sanitize::{self, Clean};
use crate::theme::Role;

/// Closes the topmost layer. False when there is none, or when it waits for an answer.
pub(super) fn close(model: &mut Model) -> bool {
    match model.layers.pop() {
        Some(Layer::Form(form)) if form.progress != Progress::Open => {
            model.layers.push(Layer::Form(form));
            model.say(Role::Warn, Clean::literal("sent; this dialog closes when the answer comes"));
            true
        }
        Some(Layer::Filter(_)) => {
            model.filter = None;
            true
        }
        Some(Layer::Form(form)) => {
            cancelled(model, &form);
            true
        }
        Some(Layer::Help { .. } | Layer::Palette(_) | Layer::Menu(_)) => true,
        None => false,
    }
}

/// Who took the wrong button for the right one must not believe that it is done.
fn cancelled(model: &mut Model, form: &Form) {
    model.say(Role::Muted, sanitize::line(format!("cancelled, nothing was done: {}", form.verb())));
}

pub(super) fn key(model: &mut Model, key: Key) -> Vec<Effect> {
    if model.keymap.action(key) == Some(Action::Back) || key == Key::plain(Code::Esc) {
        close(model);
        return Vec::new();
    }
    match model.layers.last() {
        Some(Layer::Help { .. }) => help(model, key),
        Some(Layer::Palette(_)) => return palette(model, key),
        Some(Layer::Menu(_)) => menu_key(model, key),
        Some(Layer::Filter(_)) => filter(model, key),
        Some(Layer::Form(_)) => return form(model, key),
        None => {}
    }
    Vec::new()
}

pub(super) fn paste(model: &mut Model, text: &str) {
    let now = model.now.steady;
    match model.layers.last_mut() {
        Some(Layer::Form(form)) => form.paste(text, now),
        Some(Layer::Palette(palette)) => {
            palette.field.insert(text);
        }
        Some(Layer::Filter(field)) => {
            field.insert(text);
            let text = field.text();
            model.filter = Some((model.focus, text));
        }
        Some(Layer::Help { .. } | Layer::Menu(_)) | None => {
            model
                .say(Role::Muted, Clean::literal("a paste only goes into a field; nothing was done with it"));
        }
    }
}

pub(super) fn expire(model: &mut Model) {
    let now = model.now.steady;
    let expired = model.layers.iter().position(|l| matches!(l, Layer::Form(f) if f.has_expired(now)));
    if let Some(at) = expired {
        model.layers.remove(at);
        model.say(
            Role::Warn,
            Clean::literal("the dialog closed by itself: nobody touched it for five minutes"),
        );
    }
}

fn help(model: &mut Model, key: Key) {
    // The questions that opened it close it too.
    if model.keymap.action(key) == Some(Action::Help) || model.keymap.action(key) == Some(Action::Detach) {
        model.layers.pop();
        return;
    }
    let by = match model.keymap.action(key) {
        Some(Action::Up) => -1,
        Some(Action::Down) => 1,
        Some(Action::PageUp | Action::HalfUp) => -10,
        Some(Action::PageDown | Action::HalfDown) => 10,
        Some(Action::Top) => isize::MIN / 2,
        _ => 0,
    };
    if let Some(Layer::Help { scroll }) = model.layers.last_mut() {
        *scroll = scroll.saturating_add_signed(by).min(super::super::action::TABLE.len());
    }
}

fn filter(model: &mut Model, key: Key) {
    if key.code == Code::Enter {
        model.layers.pop();
        return;
    }
    if let Some(Layer::Filter(field)) = model.layers.last_mut()
        && field.key(key)
    {
        let text = field.text();
        model.filter = Some((model.focus, text));
    }
}

fn palette(model: &mut Model, key: Key) -> Vec<Effect> {
    let Some(Layer::Palette(palette)) = model.layers.last_mut() else { return Vec::new() };
    match key.code {
        Code::Up => palette.at = palette.at.saturating_sub(1),
        Code::Down => palette.at = (palette.at + 1).min(palette.matches().len().saturating_sub(1)),
        Code::Tab => {
            if let Some(name) = palette.selected().map(|m| m.name()) {
                palette.field = crate::console::field::Field::with(&name);
                palette.at = 0;
            }
        }
        Code::Enter => {
            let Some(chosen) = palette.selected() else { return Vec::new() };
            if !chosen.is_possible() {
                let why = sanitize::line(chosen.about());
                model.say(Role::Warn, why);
                return Vec::new();
            }
            model.layers.pop();
            match chosen {
                Match::View(action) => return keys::act(model, action),
                Match::Deed(offer) => open(model, offer.deed),
            }
        }
        _ => {
            if palette.field.key(key) {
                palette.at = 0;
            }
        }
    }
    Vec::new()
}

/// Opens the list of what can be done now.
pub(super) fn menu(model: &mut Model) {
    menu_with(model, None);
}

/// The same, with the deed that is asked for on top: two keys must never do something else than what the screen asks.
pub(super) fn menu_with(model: &mut Model, asked_for: Option<&Deed>) {
    let selected = model.selected();
    let Some(ground) = model.ground() else { return };
    let all = offer::all(&ground, &selected);
    // A note about something is a note: one entry is enough where one reads down a list.
    let plain = |o: &&Offer| o.deed.action != Action::Note || o.deed.with.is_none();
    let mut offers: Vec<Offer> = all.iter().filter(|o| o.refusal.is_none()).filter(plain).cloned().collect();
    // What is about the step comes first; leaving a seat and what is final come last.
    offers.sort_by_key(|o| {
        let leaves = matches!(o.deed.action, Action::LeaveSeat | Action::HandOver);
        let is_final = o.deed.action.entry().weight == crate::console::action::Weight::Final;
        (Some(&o.deed) != asked_for, o.deed.step.is_none(), leaves, is_final)
    });
    let asked = all.iter().find(|o| matches!(o.deed.action, Action::Start | Action::Send | Action::Approve));
    let why_none = match (asked, model.me.stance) {
        (_, crate::console::link::Stance::Observes) => Some("this console only looks on".to_owned()),
        (Some(Offer { refusal: Some(why), .. }), _) => Some(why.to_string()),
        (Some(_) | None, _) => None,
    };
    let opened = model.now.steady;
    model.layers.push(Layer::Menu(Menu { offers, why_none, at: 0, opened }));
}

fn menu_key(model: &mut Model, key: Key) {
    let now = model.now.steady;
    let action = model.keymap.action(key);
    let Some(Layer::Menu(menu)) = model.layers.last_mut() else { return };
    let last = menu.offers.len().saturating_sub(1);
    match (key.code, action) {
        (Code::Enter, _) if now.saturating_sub(menu.opened) < DEAF => {}
        (Code::Enter, _) => {
            let chosen = menu.offers.get(menu.at).cloned();
            model.layers.pop();
            if let Some(offer) = chosen {
                open(model, offer.deed);
            }
        }
        (_, Some(Action::Up)) => menu.at = menu.at.saturating_sub(1),
        (_, Some(Action::Down)) => menu.at = (menu.at + 1).min(last),
        (_, Some(Action::Top)) => menu.at = 0,
        (_, Some(Action::Bottom)) => menu.at = last,
        (_, Some(Action::Detach)) => {
            model.layers.pop();
        }
        _ => {}
    }
}

/// A deed chosen by its bare name: about the selected step, with the first thing it fits.
pub(super) fn deed_named(model: &mut Model, action: Action) {
    let selected = model.selected();
    let offers = model.ground().map(|g| offer::all(&g, &selected)).unwrap_or_default();
    let mine: Vec<&Offer> = offers.iter().filter(|o| o.deed.action == action).collect();
    let possible = mine.iter().find(|o| o.refusal.is_none());
    match (possible, mine.first().and_then(|o| o.refusal.as_ref())) {
        (Some(offer), _) => {
            let deed = offer.deed.clone();
            open(model, deed);
        }
        (None, Some(why)) => {
            let why = sanitize::line(why.to_string());
            model.say(Role::Warn, why);
        }
        (None, None) => model.say(Role::Warn, Clean::literal("there is nothing to do that with now")),
    }
}

fn open(model: &mut Model, deed: Deed) {
    let now: Duration = model.now.steady;
    if let Some(form) = model.ground().map(|g| Form::new(&g, deed, now)) {
        model.layers.push(Layer::Form(Box::new(form)));
    }
}

fn form(model: &mut Model, key: Key) -> Vec<Effect> {
    let now = model.now.steady;
    let Some(Layer::Form(form)) = model.layers.last_mut() else { return Vec::new() };
    match form.key(key, now) {
        Outcome::Stays => Vec::new(),
        Outcome::Cancelled => {
            close(model);
            Vec::new()
        }
        Outcome::Wanted(words) => send(model, &words),
    }
}

/// Sends the deed of the topmost dialog, if the rules would take it; else the dialog says why not.
fn send(model: &mut Model, words: &Words) -> Vec<Effect> {
    let Some(Layer::Form(mut form)) = model.layers.pop() else { return Vec::new() };
    let act = model.ground().map(|ground| {
        // The head of the dialog, not the newest one: what was shown is what is signed.
        let ground = crate::console::deed::Ground { head: &form.head, ..ground };
        ground.judge_words(&form.deed, words).and_then(|()| ground.act(&form.deed, words))
    });
    let mut effects = Vec::new();
    match act {
        Some(Ok(act)) => {
            let id = model.new_act();
            form.progress = Progress::Sent(id);
            form.problem = None;
            effects.push(Effect::Ask(Asked::Act(id, Box::new(act))));
        }
        Some(Err(why)) => form.problem = Some(sanitize::line(why.to_string())),
        None => form.problem = Some(Clean::literal("the hub has not answered yet")),
    }
    model.layers.push(Layer::Form(form));
    effects
}
