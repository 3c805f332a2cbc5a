//! A key on the screen itself, when nothing lies over it. Never does a deed: that takes a dialog.

use std::time::Duration;

use super::{Effect, layers, lists, mouse};
use crate::console::action::Action;
use crate::console::feed::Look;
use crate::console::field::Field;
use crate::console::key::Key;
use crate::console::layer::{Layer, Palette};
use crate::console::model::{Focus, Model, Sheet, Times, Wrap};
use crate::console::offer::{self, Tone};
use crate::sanitize::Clean;
use crate::theme::Role;

/// A second `ctrl-c` within this long leaves.
const TWICE: Duration = Duration::from_secs(3);

pub(super) fn key(model: &mut Model, key: Key) -> Vec<Effect> {
    if key == Key::ctrl('c') {
        return interrupt(model);
    }
    // These work everywhere, also over a field: no text is typed with them.
    match model.keymap.action(key) {
        Some(Action::Redraw) => return vec![Effect::Redraw],
        Some(Action::Suspend) => return vec![Effect::Suspend],
        // A help key that types nothing also opens help over a dialog.
        Some(Action::Help)
            if key.types().is_none() && !matches!(model.layers.last(), Some(Layer::Help { .. })) =>
        {
            return act(model, Action::Help);
        }
        Some(_) | None => {}
    }
    if !model.layers.is_empty() {
        return layers::key(model, key);
    }
    match model.keymap.action(key) {
        Some(action) => act(model, action),
        None => Vec::new(),
    }
}

/// `ctrl-c` closes what is open; on the bare screen it leaves when pressed twice.
fn interrupt(model: &mut Model) -> Vec<Effect> {
    if layers::close(model) {
        return Vec::new();
    }
    let now = model.now.steady;
    if model.leaving.is_some_and(|at| now.saturating_sub(at) <= TWICE) {
        return vec![Effect::Detach];
    }
    model.leaving = Some(now);
    model.say(Role::Warn, Clean::literal("ctrl-c again leaves this screen; the incident goes on"));
    Vec::new()
}

/// Does what an action of the screen says.
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Help => model.layers.push(Layer::Help { scroll: 0 }),
        Action::Palette => {
            let selected = model.selected();
            let offers = model.ground().map(|g| offer::all(&g, &selected)).unwrap_or_default();
            model.layers.push(Layer::Palette(Palette { offers, ..Palette::default() }));
        }
        Action::Act => layers::menu(model),
        Action::Attend => attend(model),
        Action::Back => back(model),
        // `q` closes what is open; only on the usual screen it leaves.
        Action::Detach if matches!(model.focus, Focus::Sheet(_)) => focus(model, Focus::Checklist),
        Action::Detach => return vec![Effect::Detach],
        Action::ViewRun
        | Action::ViewOptions
        | Action::ViewMetrics
        | Action::ViewTimeline
        | Action::ViewPeople
        | Action::ViewComms
        | Action::ViewLedger
        | Action::ViewGantt
        | Action::NextView => view(model, action),
        Action::FocusNext => focus(model, lists::neighbour(model.focus, 1)),
        Action::FocusPrevious => focus(model, lists::neighbour(model.focus, -1)),
        Action::Checklist => focus(model, Focus::Checklist),
        Action::Step => focus(model, Focus::Step),
        Action::Metrics => focus(model, Focus::Metrics),
        Action::People => focus(model, Focus::People),
        Action::Timeline => focus(model, Focus::Timeline),
        Action::Up
        | Action::Down
        | Action::PageUp
        | Action::PageDown
        | Action::HalfUp
        | Action::HalfDown
        | Action::Top
        | Action::Bottom
        | Action::NextMatch
        | Action::PreviousMatch => lists::movement(model, action),
        Action::Filter => {
            let old = model.filter_of(model.focus).unwrap_or_default().to_owned();
            model.layers.push(Layer::Filter(Field::with(&old)));
        }
        Action::Follow => follow(model),
        Action::Wrap => {
            model.wrap = match model.wrap {
                Wrap::Cut => Wrap::Wrapped,
                Wrap::Wrapped => Wrap::Cut,
            }
        }
        Action::Times => {
            model.times = match model.times {
                Times::Hidden => Times::Shown,
                Times::Shown => Times::Hidden,
            }
        }
        Action::Copy => return copy(model),
        Action::Save => return save(model),
        Action::Redraw => return vec![Effect::Redraw],
        Action::Suspend => return vec![Effect::Suspend],
        Action::Mouse => return mouse::take_or_leave(model),
        deed => layers::deed_named(model, deed),
    }
    Vec::new()
}

pub(super) fn focus(model: &mut Model, pane: Focus) {
    model.focus = pane;
    model.scroll = 0;
}

fn view(model: &mut Model, action: Action) {
    let sheet = match action {
        Action::ViewOptions => Some(Sheet::Options),
        Action::ViewMetrics => Some(Sheet::Metrics),
        Action::ViewTimeline => Some(Sheet::Timeline),
        Action::ViewPeople => Some(Sheet::People),
        Action::ViewComms => Some(Sheet::Comms),
        Action::ViewLedger => Some(Sheet::Ledger),
        Action::ViewGantt => Some(Sheet::Gantt),
        Action::NextView => match model.focus {
            Focus::Sheet(sheet) => Sheet::ALL.into_iter().skip_while(|s| *s != sheet).nth(1),
            _ => Sheet::ALL.first().copied(),
        },
        _ => None,
    };
    focus(model, sheet.map_or(Focus::Checklist, Focus::Sheet));
}

fn attend(model: &mut Model) {
    model.picked = model.attention.step.clone();
    model.focus = Focus::Checklist;
    if model.attention.tone != Tone::ForMe {
        // A list that begins with `cancel` is no answer to somebody who was not asked for anything.
        let words = model.attention.words.as_str();
        let waits = if words.is_empty() { String::new() } else { format!(": {words}") };
        model.say(Role::Muted, crate::sanitize::line(format!("nothing waits for you{waits}")));
        return;
    }
    let asked = model.attention.deed.clone();
    layers::menu_with(model, asked.as_ref());
}

/// On the bare screen `esc` undoes what changes the view, one thing at a time, and then does nothing.
fn back(model: &mut Model) {
    if model.filter.take().is_some() {
        return;
    }
    if let Focus::Sheet(_) = model.focus {
        focus(model, Focus::Checklist);
        return;
    }
    model.toast = None;
    model.picked = None;
}

fn follow(model: &mut Model) {
    let top = |look: Look, at: usize| match look {
        Look::Follow => Look::At(at as u64),
        Look::At(_) => Look::Follow,
    };
    match model.focus {
        Focus::Sheet(Sheet::Timeline) => lists::follow_event(model),
        Focus::Sheet(_) => {}
        Focus::Timeline => {
            let numbers = lists::story_numbers(model);
            let start = model.story_look.start(&numbers, lists::page(model));
            let number = numbers.get(start).copied().unwrap_or(0);
            model.story_look = top(model.story_look, usize::try_from(number).unwrap_or(0));
        }
        Focus::Checklist | Focus::Step | Focus::Metrics | Focus::People => {
            let numbers = lists::output_numbers(model);
            let start = model.output_look.start(&numbers, lists::page(model));
            let number = numbers.get(start).copied().unwrap_or(0);
            model.output_look = top(model.output_look, usize::try_from(number).unwrap_or(0));
        }
    }
}

/// Terminals cut longer clipboard texts off, or drop them.
const CLIPBOARD: usize = 50_000;

fn save(model: &mut Model) -> Vec<Effect> {
    let mut text = lists::text_of_focus(model).join("\n");
    if text.is_empty() {
        model.say(Role::Muted, Clean::literal("there is nothing to write here"));
        return Vec::new();
    }
    text.push('\n');
    let pane = match model.focus {
        Focus::Sheet(sheet) => sheet.name().to_lowercase().replace(' ', "-"),
        Focus::Timeline => "timeline".to_owned(),
        Focus::Checklist | Focus::Step => "output".to_owned(),
        Focus::Metrics => "metrics".to_owned(),
        Focus::People => "people".to_owned(),
    };
    let opened = model.incident.as_ref().and_then(|i| i.opened.as_ref());
    let incident = opened.map_or_else(|| "incident".to_owned(), |o| o.incident.to_string());
    vec![Effect::File(format!("backout-{incident}-{pane}"), text)]
}

fn copy(model: &mut Model) -> Vec<Effect> {
    let lines = lists::text_of_focus(model);
    let mut text = String::new();
    for line in lines.iter().rev() {
        if text.len() + line.len() + 1 > CLIPBOARD {
            break;
        }
        text.insert_str(0, &format!("{line}\n"));
    }
    if text.is_empty() {
        model.say(Role::Muted, Clean::literal("there is nothing to copy here"));
        return Vec::new();
    }
    let lines = match text.lines().count() {
        1 => "1 line".to_owned(),
        n => format!("{n} lines"),
    };
    model.say(Role::Ok, crate::sanitize::line(format!("{lines} sent to the terminal's clipboard")));
    vec![Effect::Clipboard(text)]
}
