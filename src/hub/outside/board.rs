//! Where everybody sees how the world outside does: a line for each place, and a note in the record when that changes.
//! Never says the same twice, and never fills the record: what goes wrong out there is bounded in here.

use crate::core::intent::Intent;
use crate::hub::shared::Shared;
use crate::hub::wish::Observation;
use crate::sanitize;
use crate::wire::message::{OutsideLine, OutsideState};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Notes about one place; after the last one only its line on the screens changes.
const MOST_NOTES: u32 = 20;
/// The longest text of a line or a note, in characters.
const LONGEST: usize = 1000;

/// The board of one hub.
#[derive(Debug)]
pub struct Board {
    shared: Arc<Shared>,
    notes: Mutex<BTreeMap<String, u32>>,
}

/// What became of writing on the board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum News {
    /// The place is in another state than before.
    Turned,
    /// As before.
    Same,
}

impl Board {
    /// An empty one.
    pub fn new(shared: Arc<Shared>) -> Board {
        Board { shared, notes: Mutex::default() }
    }

    /// A place does as it should. That it does again is a note.
    pub async fn fine(&self, name: &str, text: &str) {
        let before = self.state(name);
        if self.put(name, OutsideState::Fine, text) == News::Turned && before == Some(OutsideState::Trouble) {
            self.note(name, &format!("{name} works again: {text}")).await;
        }
    }

    /// A place does not. Noted once, until it does again.
    pub async fn trouble(&self, name: &str, why: &str) {
        if self.put(name, OutsideState::Trouble, why) == News::Turned {
            tracing::warn!(name, why, "outside");
            self.note(name, &format!("{name}: {why}")).await;
        }
    }

    /// The same, for something that must not pass for the trouble there was before: noted in any case.
    pub async fn new_trouble(&self, name: &str, why: &str) {
        self.put(name, OutsideState::Trouble, why);
        tracing::warn!(name, why, "outside");
        self.note(name, &format!("{name}: {why}")).await;
    }

    /// Nothing is to be said about a place any more.
    pub fn forget(&self, name: &str) {
        self.shared.outside.send_if_modified(|lines| {
            let before = lines.len();
            lines.retain(|line| line.name != name);
            lines.len() != before
        });
    }

    /// A note of the hub in the record, as long as there are not too many about this place.
    pub async fn note(&self, name: &str, text: &str) {
        if !self.may_note(name) {
            return;
        }
        let text = clean(text);
        let intent = Intent::Note { payload: String::new() };
        self.shared.wishes.observe_with(Observation { intent, parts: vec![text.into_bytes()] }).await;
    }

    /// A message that people must pass on by hand: longer than other notes, line by line.
    pub async fn paper(&self, name: &str, text: &str) {
        if !self.may_note(name) {
            return;
        }
        let text = sanitize::text(text).into_string();
        let intent = Intent::Note { payload: String::new() };
        self.shared.wishes.observe_with(Observation { intent, parts: vec![text.into_bytes()] }).await;
    }

    fn may_note(&self, name: &str) -> bool {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let count = notes.entry(name.to_owned()).or_default();
        *count += 1;
        *count <= MOST_NOTES
    }

    fn state(&self, name: &str) -> Option<OutsideState> {
        self.shared.outside.borrow().iter().find(|line| line.name == name).map(|line| line.state)
    }

    fn put(&self, name: &str, state: OutsideState, text: &str) -> News {
        let new = OutsideLine { name: name.to_owned(), state, text: clean(text) };
        let mut news = News::Same;
        self.shared.outside.send_if_modified(|lines| match lines.iter_mut().find(|line| line.name == name) {
            Some(line) if *line == new => false,
            Some(line) => {
                if line.state != state {
                    news = News::Turned;
                }
                *line = new;
                true
            }
            None => {
                news = News::Turned;
                lines.push(new);
                true
            }
        });
        news
    }
}

fn clean(text: &str) -> String {
    sanitize::line(text).as_str().chars().take(LONGEST).collect()
}
