//! Moving in the panes. Never moves what somebody reads unless they ask.

use crate::console::action::Action;
use crate::console::feed::Look;
use crate::console::model::{Focus, Model, Sheet, matching};
use crate::console::view::{has_output, layout, sheet_text};
use crate::core::id::StepId;

/// The pane before or after.
pub(super) fn neighbour(focus: Focus, by: isize) -> Focus {
    let at = Focus::ALL.iter().position(|f| *f == focus).unwrap_or(0) as isize;
    let next = (at + by).rem_euclid(Focus::ALL.len() as isize);
    usize::try_from(next).ok().and_then(|n| Focus::ALL.get(n)).copied().unwrap_or(focus)
}

/// Rows of the pane with the focus.
pub(super) fn page(model: &Model) -> usize {
    layout::rows_of(model, model.focus)
}

pub(super) fn story_numbers(model: &Model) -> Vec<u64> {
    matching(&model.story, model.filter_of(model.focus), |row| format!("{} {}", row.who, row.what))
}

pub(super) fn output_numbers(model: &Model) -> Vec<u64> {
    let filter = model.filter_of(Focus::Step);
    model
        .selected_log()
        .map(|log| matching(&log.lines, filter, |l| l.as_str().to_owned()))
        .unwrap_or_default()
}

pub(super) fn movement(model: &mut Model, action: Action) {
    let page = page(model).max(1) as isize;
    let by = match action {
        Action::Up | Action::PreviousMatch => -1,
        Action::Down | Action::NextMatch => 1,
        Action::PageUp => -page,
        Action::PageDown => page,
        Action::HalfUp => -(page / 2).max(1),
        Action::HalfDown => (page / 2).max(1),
        Action::Top => isize::MIN / 2,
        _ => isize::MAX / 2,
    };
    match model.focus {
        Focus::Checklist => select(model, by),
        Focus::Step if has_output(model) => {
            let numbers = output_numbers(model);
            model.output_look = model.output_look.moved(&numbers, page.unsigned_abs(), by);
        }
        Focus::Timeline => {
            let numbers = story_numbers(model);
            model.story_look = model.story_look.moved(&numbers, page.unsigned_abs(), by);
        }
        Focus::Sheet(Sheet::Timeline) => move_event(model, by),
        Focus::Step | Focus::Metrics | Focus::People | Focus::Sheet(_) => {
            let most = layout::content_of(model, model.focus).saturating_sub(page.unsigned_abs());
            model.scroll = model.scroll.saturating_add_signed(by).min(most);
        }
    }
}

/// Goes from event to event; at the last one it stays with whatever comes.
fn move_event(model: &mut Model, by: isize) {
    let numbers = story_numbers(model);
    let last = numbers.len().saturating_sub(1);
    let seq_of = |number: &u64| model.story.get(*number).map(|row| row.seq);
    let at =
        model.event.and_then(|seq| numbers.binary_search_by_key(&Some(seq), seq_of).ok()).unwrap_or(last);
    let to = at.saturating_add_signed(by).min(last);
    model.event = if to == last { None } else { numbers.get(to).and_then(seq_of) };
}

/// Holds on to the newest event, or lets go of the one that is held.
pub(super) fn follow_event(model: &mut Model) {
    model.event = match model.event {
        Some(_) => None,
        None => model.events.back().map(|r| r.event.seq),
    };
}

/// Rows of the checklist that the filter leaves.
pub(super) fn steps(model: &Model) -> Vec<StepId> {
    let Some(filter) = model.filter_of(Focus::Checklist).map(str::to_lowercase) else { return model.rows() };
    let fits = |id: &StepId| {
        let title = model.incident.as_ref().and_then(|i| i.step(id)).map_or("", |s| s.title.as_str());
        id.as_str().contains(filter.as_str()) || title.to_lowercase().contains(filter.as_str())
    };
    model.rows().into_iter().filter(fits).collect()
}

fn select(model: &mut Model, by: isize) {
    let rows = steps(model);
    let selected = model.selected();
    let at = rows.iter().position(|id| *id == selected).unwrap_or(0);
    let next = at.saturating_add_signed(by).min(rows.len().saturating_sub(1));
    if let Some(step) = rows.get(next) {
        model.picked = Some(step.clone());
        model.output_look = Look::Follow;
    }
}

/// The text of the pane with the focus, for the clipboard.
pub(super) fn text_of_focus(model: &Model) -> Vec<String> {
    match model.focus {
        Focus::Sheet(sheet) => sheet_text(model, sheet),
        Focus::Timeline => {
            let rows = model.story.iter().map(|(_, r)| format!("{} #{} {} {}", r.at, r.seq, r.who, r.what));
            rows.collect()
        }
        Focus::Checklist | Focus::Step => match model.selected_log() {
            Some(log) => log.lines.iter().map(|(_, line)| line.as_str().to_owned()).collect(),
            None => Vec::new(),
        },
        Focus::Metrics => {
            model.panes.iter().map(|p| format!("{}: {} ({})", p.title, p.latest, p.state.words())).collect()
        }
        Focus::People => {
            let Some(incident) = &model.incident else { return Vec::new() };
            let seats = incident.seats.iter().flat_map(|(role, seats)| seats.iter().map(move |s| (role, s)));
            seats.map(|(role, seat)| format!("{role}: {}", seat.person)).collect()
        }
    }
}
