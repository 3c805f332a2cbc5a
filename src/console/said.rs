//! What people noted about how wide the harm is and what changed before it. Never guesses: a note says it, or nobody
//! does.

use super::link::Recorded;
use crate::core::event::What;
use crate::sanitize;

/// What a note can be about, as it begins: `touched: 4,000 customers`.
pub const SUBJECTS: [&str; 2] = [TOUCHED, CHANGED];
/// How many customers, and which.
pub const TOUCHED: &str = "touched";
/// The last deployment, migration or configuration, and when.
pub const CHANGED: &str = "changed";

/// So many changes are kept, the newest first.
const KEPT: usize = 3;

/// The newest notes about either.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// Who is touched; what was said last counts.
    pub touched: Option<String>,
    /// What changed, the newest note first.
    pub changed: Vec<String>,
}

impl Said {
    /// Takes what an event says, if it is a note about one of the subjects.
    pub fn hear(&mut self, recorded: &Recorded) {
        let (What::Noted(_), Some(text)) = (&recorded.event.what, recorded.said.first()) else { return };
        let by = format!("{} at {}", recorded.event.actor, recorded.event.at.clock());
        let signed = |words: &str| sanitize::line(format!("{words} ({by})")).into_string();
        if let Some(words) = about(text.as_str(), TOUCHED) {
            self.touched = Some(signed(words));
        } else if let Some(words) = about(text.as_str(), CHANGED) {
            self.changed.insert(0, signed(words));
            self.changed.truncate(KEPT);
        }
    }
}

/// What a note about this subject says.
fn about<'a>(text: &'a str, subject: &str) -> Option<&'a str> {
    let (begins, rest) = text.trim().split_once(':')?;
    let rest = rest.trim();
    (begins.trim().eq_ignore_ascii_case(subject) && !rest.is_empty()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::fixture::Play;

    fn said(notes: &[&str]) -> Said {
        let mut play = Play::opened_on(80, 24);
        notes.iter().for_each(|text| {
            play.notes("ana", text);
        });
        play.model.said.clone()
    }

    #[test]
    fn the_newest_note_says_who_is_touched_and_the_newest_three_what_changed() {
        let notes = ["touched: some", "Touched: 4,000 customers in EU", "all is quiet"];
        let touched = said(&notes).touched.unwrap();
        assert_eq!(touched, "4,000 customers in EU (ana at 12:00:00)");
        let changed = said(&["changed: a", "changed: b", "changed: c", "changed: d"]).changed;
        let words: Vec<&str> = changed.iter().filter_map(|c| c.split(' ').next()).collect();
        assert_eq!(words, ["d", "c", "b"]);
    }

    #[test]
    fn a_note_that_only_looks_like_one_says_nothing() {
        let notes = ["touched:", "untouched: all", "we touched: the index", "changed", "changed :  "];
        assert_eq!(said(&notes), Said::default());
    }
}
