//! The mouse, for whoever asked for it: a click selects, the wheel scrolls. Never does a deed, and never answers a
//! dialog.

use super::{Effect, keys, layers, lists};
use crate::console::action::Action;
use crate::console::feed::Look;
use crate::console::input::{Mouse, Pointing};
use crate::console::key::{Code, Key};
use crate::console::model::{Focus, Model, Pointer, Sheet};
use crate::console::view::{self, layout};
use crate::sanitize::Clean;
use crate::theme::Role;

/// Lines of a text that one notch of the wheel moves.
const NOTCH: usize = 3;

/// Takes the mouse, or leaves it to the terminal.
pub(super) fn take_or_leave(model: &mut Model) -> Vec<Effect> {
    let (pointer, words) = match model.pointer {
        Pointer::Terminals => {
            (Pointer::Ours, "clicks select and the wheel scrolls; your terminal selects text with shift held")
        }
        Pointer::Ours => (Pointer::Terminals, "the mouse is your terminal's again"),
    };
    model.pointer = pointer;
    model.say(Role::Ok, Clean::literal(words));
    vec![Effect::Mouse]
}

/// What the mouse did.
pub(super) fn mouse(model: &mut Model, mouse: Mouse) -> Vec<Effect> {
    // A report that was under way when nobody wanted one any more.
    if model.pointer == Pointer::Terminals {
        return Vec::new();
    }
    let (action, arrow) = match mouse.what {
        Pointing::Click if model.layers.is_empty() => return click(model, mouse),
        Pointing::Click => return Vec::new(),
        Pointing::WheelUp => (Action::Up, Code::Up),
        Pointing::WheelDown => (Action::Down, Code::Down),
    };
    if !model.layers.is_empty() {
        return layers::key(model, Key::plain(arrow));
    }
    let Some((pane, _)) = layout::at(model, mouse.column, mouse.row) else { return Vec::new() };
    go_to(model, pane);
    let lines = match pane {
        // Where one thing is selected it goes from one to the next.
        Focus::Checklist | Focus::Sheet(Sheet::Timeline | Sheet::Metrics) => 1,
        Focus::Step | Focus::Metrics | Focus::People | Focus::Timeline | Focus::Sheet(_) => NOTCH,
    };
    (0..lines).for_each(|_| lists::movement(model, action));
    Vec::new()
}

fn click(model: &mut Model, mouse: Mouse) -> Vec<Effect> {
    let Some((pane, row)) = layout::at(model, mouse.column, mouse.row) else { return Vec::new() };
    match pane {
        Focus::Checklist => {
            if let Some(step) = view::step_at(model, row) {
                model.picked = Some(step);
                model.output_look = Look::Follow;
            }
        }
        Focus::Sheet(Sheet::Timeline) => {
            if let Some(event) = view::event_at(model, row) {
                model.event = Some(event);
            }
        }
        Focus::Step | Focus::Metrics | Focus::People | Focus::Timeline | Focus::Sheet(_) => {}
    }
    go_to(model, pane);
    Vec::new()
}

/// Another pane begins at its beginning; the same one stays where it is.
fn go_to(model: &mut Model, pane: Focus) {
    if pane != model.focus {
        keys::focus(model, pane);
    }
}
