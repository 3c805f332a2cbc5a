//! The bottom row: keys that do something now, or a short message. Never a key that does nothing.

use ratatui::text::Line;

use super::draw::Page;
use crate::console::action::Action;
use crate::console::form::Progress;
use crate::console::layer::Layer;
use crate::console::model::{Focus, Model, Sheet};
use crate::console::offer::Tone;
use crate::theme::Role;

pub(super) fn render(model: &Model, page: &mut Page<'_>) {
    if let Some(toast) = &model.toast {
        page.text(0, toast.role, &format!(" {}", toast.text));
        return;
    }
    let hints = match model.layers.last() {
        None => screen(model),
        Some(layer) => over(layer),
    };
    let mut spans = Vec::new();
    let mut used = 0;
    for (key, word) in hints {
        // Half a hint helps nobody.
        used += key.chars().count() + word.chars().count() + 3;
        if used > page.width() {
            break;
        }
        spans.push(page.span(Role::Key, format!(" {key}")));
        spans.push(page.span(Role::Muted, format!(" {word} ")));
    }
    page.line(0, Line::from(spans));
}

/// The first actions of the table that have a key, in the order of need.
fn screen(model: &Model) -> Vec<(String, &'static str)> {
    let mut wanted = vec![(Action::Act, "do"), (Action::Palette, "all"), (Action::Help, "help")];
    if model.attention.tone == Tone::ForMe {
        wanted.insert(0, (Action::Attend, "for you"));
    }
    if model.filter.is_some() {
        wanted.insert(0, (Action::Back, "clear filter"));
    }
    match model.focus {
        Focus::Step => wanted.extend([
            (Action::Wrap, "wrap"),
            (Action::Times, "times"),
            (Action::FocusNext, "pane"),
            (Action::NextView, "views"),
        ]),
        Focus::Sheet(_) => wanted.extend([(Action::ViewRun, "back"), (Action::NextView, "next view")]),
        _ => wanted.extend([
            (Action::FocusNext, "pane"),
            (Action::NextView, "views"),
            (Action::Detach, "leave"),
        ]),
    }
    wanted.push((Action::Filter, "filter"));
    let follows = !matches!(model.focus, Focus::Sheet(s) if s != Sheet::Timeline);
    wanted.extend(follows.then_some((Action::Follow, "follow")));
    wanted.push((Action::Copy, "copy"));
    wanted
        .into_iter()
        .filter_map(|(action, word)| model.keymap.key_of(action).map(|key| (key.to_string(), word)))
        .collect()
}

fn over(layer: &Layer) -> Vec<(String, &'static str)> {
    let keys: &[(&str, &'static str)] = match layer {
        Layer::Help { .. } => &[("up down", "scroll"), ("esc", "close")],
        Layer::Palette(_) => &[("enter", "do"), ("tab", "complete"), ("up down", "choose"), ("esc", "close")],
        Layer::Menu(_) => &[("enter", "open"), ("up down", "choose"), ("esc", "close")],
        Layer::Filter(_) => &[("enter", "keep"), ("esc", "clear")],
        Layer::Form(form) => match form.progress {
            Progress::Open => {
                &[("tab", "next field"), ("up down", "scroll"), ("enter", "press"), ("esc", "cancel")]
            }
            Progress::Sent(_) => &[],
        },
    };
    keys.iter().map(|(key, word)| ((*key).to_owned(), *word)).collect()
}
