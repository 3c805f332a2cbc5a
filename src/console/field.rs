//! One line, or a few, that a person types. Never submits anything, and never holds a control character.

use unicode_width::UnicodeWidthChar;

use super::key::{Code, Key};

/// Longest text of a field, in bytes: as much as a reason may have.
pub const LONGEST: usize = 2_000;

/// A text field with a cursor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Field {
    before: String,
    after: String,
}

impl Field {
    /// A field that holds this text, the cursor behind it.
    pub fn with(text: &str) -> Field {
        let mut field = Field::default();
        field.insert(text);
        field
    }

    /// The whole text.
    pub fn text(&self) -> String {
        format!("{}{}", self.before, self.after)
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.before.is_empty() && self.after.is_empty()
    }

    /// The text before and behind the cursor.
    pub fn parts(&self) -> (&str, &str) {
        (&self.before, &self.after)
    }

    /// Types or pastes text. Line ends and tabs become spaces, other control characters go. False when not all of it
    /// found room.
    pub fn insert(&mut self, text: &str) -> bool {
        let mut room = true;
        for c in text.chars() {
            let c = if c == '\n' || c == '\t' || c == '\r' { ' ' } else { c };
            // A paste's line end is `\r\n`; one space is enough.
            let doubled = c == ' ' && text.len() > 1 && self.before.ends_with(' ');
            let fits = self.before.len() + self.after.len() + c.len_utf8() <= LONGEST;
            room &= fits;
            if fits && !doubled && c.width().is_some_and(|w| w > 0) {
                self.before.push(c);
            }
        }
        room
    }

    /// Takes a key. False when it means nothing to a field.
    pub fn key(&mut self, key: Key) -> bool {
        if let Some(c) = key.types() {
            self.insert(c.encode_utf8(&mut [0; 4]));
            return true;
        }
        match (key.code, key.ctrl) {
            (Code::Backspace, false) | (Code::Char('h'), true) => {
                self.before.pop();
            }
            (Code::Delete, false) => {
                let mut rest = self.after.chars();
                rest.next();
                self.after = rest.as_str().to_owned();
            }
            (Code::Left, false) | (Code::Char('b'), true) => {
                if let Some(c) = self.before.pop() {
                    self.after.insert(0, c);
                }
            }
            (Code::Right, false) | (Code::Char('f'), true) => {
                let mut rest = self.after.chars();
                if let Some(c) = rest.next() {
                    self.before.push(c);
                }
                self.after = rest.as_str().to_owned();
            }
            (Code::Home, false) | (Code::Char('a'), true) => {
                self.after.insert_str(0, &self.before);
                self.before.clear();
            }
            (Code::End, false) | (Code::Char('e'), true) => {
                self.before.push_str(&self.after);
                self.after.clear();
            }
            (Code::Char('u'), true) => self.before.clear(),
            (Code::Char('k'), true) => self.after.clear(),
            (Code::Char('w'), true) => {
                let kept = self.before.trim_end().rfind(' ').map_or(0, |at| at + 1);
                self.before.truncate(kept);
            }
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &str) -> Field {
        let mut field = Field::default();
        for word in keys.split(' ') {
            let key: Key = word.parse().unwrap();
            assert!(field.key(key), "{word}");
        }
        field
    }

    #[test]
    fn text_is_typed_and_edited_where_the_cursor_is() {
        assert_eq!(typed("a b left c").parts(), ("ac", "b"));
        assert_eq!(typed("a b c home delete").text(), "bc");
        assert_eq!(typed("a space b ctrl-w x").text(), "a x");
        assert_eq!(typed("a é backspace").text(), "a");
        assert_eq!(typed("a b left ctrl-k").text(), "a");
        assert_eq!(typed("a b ctrl-u").text(), "");
    }

    #[test]
    fn what_finds_no_room_is_said() {
        let mut field = Field::default();
        assert!(field.insert(&"a".repeat(LONGEST - 2)));
        assert!(!field.insert("bcd\n"));
        assert!(field.text().ends_with("abc"), "{}", field.text().len());
    }

    #[test]
    fn a_paste_of_several_lines_stays_one_line_without_control_characters() {
        let mut field = Field::default();
        field.insert("one\r\ntwo\tthree\u{1b}[2J\u{202e}");
        assert_eq!(field.text(), "one two three[2J");
    }

    #[test]
    fn keys_that_mean_nothing_here_are_left_to_others() {
        let mut field = Field::default();
        for key in ["enter", "esc", "tab", "up", "F1", "alt-x", "ctrl-c"] {
            assert!(!field.key(key.parse().unwrap()), "{key}");
        }
    }

    #[test]
    fn a_field_never_grows_past_what_the_rules_take() {
        let mut field = Field::default();
        field.insert(&"x".repeat(5000));
        assert_eq!(field.text().len(), LONGEST);
    }
}
