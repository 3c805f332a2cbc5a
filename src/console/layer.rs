//! What lies over the screen: one thing at a time, closed one at a time. Never draws itself.

use std::time::Duration;

use super::action::{Action, TABLE, Weight};
use super::field::Field;
use super::form::Form;
use super::offer::Offer;

/// Something over the screen. The last one gets the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layer {
    /// The list of actions that are valid below.
    Help {
        /// First line shown.
        scroll: usize,
    },
    /// Every action by name.
    Palette(Palette),
    /// What can be done with the selected step.
    Menu(Menu),
    /// The text to filter by.
    Filter(Field),
    /// The dialog before a deed.
    Form(Box<Form>),
}

/// What can be done with the selected step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Menu {
    /// The offers.
    pub offers: Vec<Offer>,
    /// Why the list is empty.
    pub why_none: Option<String>,
    /// Which is selected.
    pub at: usize,
    /// Steady time at which it was opened.
    pub opened: Duration,
}

/// Every action by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Palette {
    /// What is typed.
    pub field: Field,
    /// Which match is selected.
    pub at: usize,
    /// Deeds with the rules' answers, as they were when it was opened.
    pub offers: Vec<Offer>,
}

/// A row of the palette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// An action of this screen.
    View(Action),
    /// A deed, possible or not.
    Deed(Offer),
}

impl Match {
    /// Its name.
    pub fn name(&self) -> String {
        match self {
            Match::View(action) => action.entry().name.to_owned(),
            Match::Deed(offer) => offer.label(),
        }
    }

    /// One line about it: what it does, or why not now.
    pub fn about(&self) -> String {
        match self {
            Match::View(action) => action.entry().doc.to_owned(),
            Match::Deed(Offer { refusal: Some(why), .. }) => format!("not now: {why}"),
            Match::Deed(offer) => offer.deed.action.entry().doc.to_owned(),
        }
    }

    /// Whether it can be done.
    pub fn is_possible(&self) -> bool {
        match self {
            Match::View(_) => true,
            Match::Deed(offer) => offer.refusal.is_none(),
        }
    }
}

impl Palette {
    /// What fits the typed text: names that begin with it first, then names that hold its letters in order; what is
    /// possible before what is not.
    pub fn matches(&self) -> Vec<Match> {
        let typed = self.field.text().trim().to_lowercase();
        let views = TABLE.iter().filter(|e| e.weight == Weight::View && e.action != Action::Palette);
        let views = views.map(|e| Match::View(e.action));
        let all = self.offers.iter().cloned().map(Match::Deed).chain(views);
        let mut ranked: Vec<(u8, Match)> = all
            .filter_map(|m| rank(&m.name(), &typed).map(|r| (r + if m.is_possible() { 0 } else { 4 }, m)))
            .collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        ranked.into_iter().map(|(_, m)| m).collect()
    }

    /// The selected match.
    pub fn selected(&self) -> Option<Match> {
        let matches = self.matches();
        let at = self.at.min(matches.len().saturating_sub(1));
        matches.into_iter().nth(at)
    }
}

fn rank(name: &str, typed: &str) -> Option<u8> {
    if name == typed {
        return Some(0);
    }
    if name.starts_with(typed) {
        return Some(1);
    }
    if name.contains(typed) {
        return Some(2);
    }
    let mut rest = name.chars();
    typed.chars().all(|c| rest.any(|n| n == c)).then_some(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(typed: &str) -> Vec<String> {
        let palette = Palette { field: Field::with(typed), ..Palette::default() };
        palette.matches().iter().map(Match::name).collect()
    }

    #[test]
    fn an_exact_name_comes_before_one_that_begins_with_it() {
        assert_eq!(names("step").first().map(String::as_str), Some("step"));
        assert_eq!(names("time").first().map(String::as_str), Some("timeline"));
        assert!(names("tmln").contains(&"timeline".to_owned()));
        assert!(names("zzz").is_empty());
    }

    #[test]
    fn every_action_of_the_screen_is_found_by_its_name() {
        for entry in TABLE.iter().filter(|e| e.weight == Weight::View && e.action != Action::Palette) {
            let palette = Palette { field: Field::with(entry.name), ..Palette::default() };
            assert_eq!(palette.selected(), Some(Match::View(entry.action)), "{}", entry.name);
        }
    }
}
