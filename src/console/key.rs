//! One key press, and how it is written in a keymap. Never knows what a key does.

use std::fmt;
use std::str::FromStr;

/// Which key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Code {
    /// A printable character.
    Char(char),
    Enter,
    Esc,
    Tab,
    BackTab,
    Backspace,
    Delete,
    Insert,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
    /// A function key, from 1.
    F(u8),
}

/// A key press with its modifiers. Shift is part of the character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Which key.
    pub code: Code,
    /// Control was held.
    pub ctrl: bool,
    /// Alt was held, or the terminal sent ESC first.
    pub alt: bool,
}

impl Key {
    /// The key alone.
    pub const fn plain(code: Code) -> Key {
        Key { code, ctrl: false, alt: false }
    }

    /// A printable character alone.
    pub const fn char(c: char) -> Key {
        Key::plain(Code::Char(c))
    }

    /// A character with control held.
    pub const fn ctrl(c: char) -> Key {
        Key { code: Code::Char(c), ctrl: true, alt: false }
    }

    /// The character this key types into a field, if it types one.
    pub fn types(self) -> Option<char> {
        match self.code {
            Code::Char(c) if !self.ctrl && !self.alt && !c.is_control() => Some(c),
            _ => None,
        }
    }
}

/// The names used in keymaps, help and hints.
const NAMES: [(Code, &str); 16] = [
    (Code::Char(' '), "space"),
    (Code::Enter, "enter"),
    (Code::Esc, "esc"),
    (Code::Tab, "tab"),
    (Code::BackTab, "shift-tab"),
    (Code::Backspace, "backspace"),
    (Code::Delete, "delete"),
    (Code::Insert, "insert"),
    (Code::Up, "up"),
    (Code::Down, "down"),
    (Code::Left, "left"),
    (Code::Right, "right"),
    (Code::Home, "home"),
    (Code::End, "end"),
    (Code::PageUp, "pgup"),
    (Code::PageDown, "pgdn"),
];

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("ctrl-")?;
        }
        if self.alt {
            f.write_str("alt-")?;
        }
        match (NAMES.iter().find(|(code, _)| *code == self.code), self.code) {
            (Some((_, name)), _) => f.write_str(name),
            (None, Code::Char(c)) => write!(f, "{c}"),
            (None, Code::F(n)) => write!(f, "F{n}"),
            (None, other) => write!(f, "{other:?}"),
        }
    }
}

/// A keymap entry that names no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a key; write for example `x`, `ctrl-r`, `alt-1`, `enter`, `pgdn` or `F5`")]
pub struct NotAKey(pub String);

impl FromStr for Key {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Key, NotAKey> {
        let mut key = Key::plain(Code::Esc);
        let mut rest = text;
        loop {
            // `ctrl--` is control with the minus key, so a prefix only counts with something behind it.
            match (rest.strip_prefix("ctrl-"), rest.strip_prefix("alt-")) {
                (Some(tail), _) if !tail.is_empty() && !key.ctrl => (key.ctrl, rest) = (true, tail),
                (_, Some(tail)) if !tail.is_empty() && !key.alt => (key.alt, rest) = (true, tail),
                _ => break,
            }
        }
        key.code = code(rest).ok_or_else(|| NotAKey(text.to_owned()))?;
        Ok(key)
    }
}

fn code(name: &str) -> Option<Code> {
    if let Some((code, _)) = NAMES.iter().find(|(_, n)| n.eq_ignore_ascii_case(name)) {
        return Some(*code);
    }
    let mut chars = name.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) if !c.is_control() => Some(Code::Char(c)),
        (Some('F' | 'f'), Some(_)) => {
            let n: u8 = name.get(1..)?.parse().ok()?;
            (1..=24).contains(&n).then_some(Code::F(n))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_can_be_read_back() {
        let keys = NAMES.iter().map(|(code, _)| Key::plain(*code));
        let more = [Key::char('?'), Key::ctrl('c'), Key::ctrl('-'), Key::plain(Code::F(12))];
        let alt = Key { code: Code::Char('1'), ctrl: true, alt: true };
        for key in keys.chain(more).chain([alt]) {
            assert_eq!(key.to_string().parse(), Ok(key));
        }
    }

    #[test]
    fn nonsense_is_refused_with_an_example() {
        for text in ["", "ctrl-", "F0", "F99", "hello", "\u{1b}"] {
            assert!(text.parse::<Key>().unwrap_err().to_string().contains("for example"));
        }
    }

    #[test]
    fn only_plain_characters_type_into_a_field() {
        assert_eq!(Key::char('é').types(), Some('é'));
        assert_eq!(Key::ctrl('c').types(), None);
        assert_eq!(Key::plain(Code::Enter).types(), None);
    }
}
