//! How the state of a step looks: a glyph and a word that differ for every state, and a colour. Never a colour alone.

use crate::core::incident::{Incident, Status};
use crate::runbook::model::Step;
use crate::theme::Role;

/// Glyph, word and colour of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown {
    pub glyph: &'static str,
    pub word: &'static str,
    pub role: Role,
}

/// A step that may start.
pub(super) const READY: Shown = Shown { glyph: "○", word: "ready", role: Role::Title };

/// The looks of a state. The words are the record's own.
pub(super) fn of(status: Status) -> Shown {
    let (glyph, role) = match status {
        Status::Pending => ("·", Role::Muted),
        Status::Waiting => ("◌", Role::Waiting),
        Status::Running => ("●", Role::Running),
        Status::Succeeded => ("✓", Role::Ok),
        Status::Failed => ("✗", Role::Fail),
        Status::TimedOut => ("T", Role::Fail),
        Status::Unknown => ("?", Role::Unknown),
        Status::Skipped => ("–", Role::Muted),
        Status::DoneByHand => ("◆", Role::Ok),
        Status::Cancelled => ("/", Role::Warn),
        Status::NotReached => ("_", Role::Muted),
    };
    Shown { glyph, word: status.word(), role }
}

/// The looks of a step in its incident.
pub(super) fn of_step(incident: &Incident, step: &Step) -> Shown {
    if incident.is_ready(step) { READY } else { of(incident.status(&step.id)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::gate::glyph::replacement;
    use crate::console::gate::level::Glyphs;

    #[test]
    fn every_state_has_its_own_glyph_and_word_in_ascii_too() {
        let all = [
            Status::Pending,
            Status::Waiting,
            Status::Running,
            Status::Succeeded,
            Status::Failed,
            Status::TimedOut,
            Status::Unknown,
            Status::Skipped,
            Status::DoneByHand,
            Status::Cancelled,
            Status::NotReached,
        ];
        let mut shown: Vec<Shown> = all.into_iter().map(of).collect();
        shown.push(READY);
        let ascii = |s: &Shown| replacement(s.glyph, Glyphs::Ascii).map_or(s.glyph.to_owned(), String::from);
        for (n, a) in shown.iter().enumerate() {
            assert!(ascii(a).is_ascii() && ascii(a).len() == 1 && ascii(a) != " ");
            for b in &shown[n + 1..] {
                assert!(a.glyph != b.glyph && a.word != b.word && ascii(a) != ascii(b), "{a:?} {b:?}");
            }
        }
    }
}
