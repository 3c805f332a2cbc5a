//! What a person sets once for all their consoles: theme, keys, colours, glyphs, clock. Never reads a file; whoever
//! does passes its text.

use super::gate::level::{Glyphs, Level};
use super::keymap::Keymap;
use super::model::Pointer;
use super::run::{Call, Seconds};
use crate::runbook::yaml::{self, Node, Span, Value};

/// The settings of one person; what is `None` was left to the program.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// Name of a theme: one that comes with the program, or a file of the person's own.
    pub theme: Option<String>,
    /// Keys in use.
    pub keys: Keymap,
    /// How many colours.
    pub level: Option<Level>,
    /// ASCII or not.
    pub glyphs: Option<Glyphs>,
    /// Whether shown times move by themselves.
    pub seconds: Option<Seconds>,
    /// How somebody who looks elsewhere is called.
    pub call: Option<Call>,
    /// Whose the mouse is.
    pub pointer: Option<Pointer>,
}

/// A file of settings that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}:{line}: {what}")]
pub struct BadSettings {
    /// The file.
    pub path: String,
    /// 1-based line.
    pub line: u32,
    /// What is wrong and what to write instead.
    pub what: String,
}

/// Reads settings. `path` only labels errors. An empty file sets nothing.
///
/// # Errors
/// The first thing that is wrong, with its line.
pub fn parse(path: &str, text: &str) -> Result<Settings, BadSettings> {
    let file = File { path };
    if text.lines().all(|l| l.trim().is_empty() || l.trim_start().starts_with('#')) {
        return Ok(Settings::default());
    }
    let root = yaml::parse(path, text).map_err(|findings| match findings.first() {
        Some(first) => BadSettings { path: path.into(), line: first.line, what: first.message.clone() },
        None => BadSettings { path: path.into(), line: 1, what: "not YAML".into() },
    })?;
    let mut settings = Settings::default();
    for (key, node) in file.map(&root)? {
        match key.name.as_str() {
            "theme" => settings.theme = Some(file.word(node)?.to_owned()),
            "keys" => settings.keys = file.keys(node)?,
            "color" => settings.level = Some(file.one_of(node, &LEVELS)?),
            "glyphs" => settings.glyphs = Some(file.one_of(node, &GLYPHS)?),
            "notify" => settings.call = Some(file.one_of(node, &CALLS)?),
            "mouse" => settings.pointer = Some(file.one_of(node, &POINTERS)?),
            "clock" => settings.seconds = Some(file.one_of(node, &CLOCKS)?),
            other => {
                let what = format!(
                    "there is no setting `{other}`; there are theme, keys, color, glyphs, clock, notify, mouse"
                );
                return Err(file.bad(key.at, what));
            }
        }
    }
    Ok(settings)
}

const LEVELS: [(&str, Level); 4] =
    [("none", Level::None), ("16", Level::Ansi16), ("256", Level::Ansi256), ("truecolor", Level::True)];
const GLYPHS: [(&str, Glyphs); 2] = [("ascii", Glyphs::Ascii), ("unicode", Glyphs::Unicode)];
const CALLS: [(&str, Call); 2] = [("bell", Call::Bell), ("desktop", Call::Notification)];
const POINTERS: [(&str, Pointer); 2] = [("off", Pointer::Terminals), ("on", Pointer::Ours)];
const CLOCKS: [(&str, Seconds); 2] = [("moves", Seconds::Tick), ("stands", Seconds::Stand)];

struct File<'a> {
    path: &'a str,
}

impl File<'_> {
    fn bad(&self, at: Span, what: impl Into<String>) -> BadSettings {
        BadSettings { path: self.path.to_owned(), line: at.line, what: what.into() }
    }

    fn map<'n>(&self, node: &'n Node) -> Result<&'n [(yaml::Key, Node)], BadSettings> {
        match &node.value {
            Value::Map(entries) => Ok(entries),
            Value::Scalar(_) | Value::List(_) => Err(self.bad(node.at, "expected `key: value` lines")),
        }
    }

    fn word<'n>(&self, node: &'n Node) -> Result<&'n str, BadSettings> {
        match &node.value {
            Value::Scalar(scalar) => Ok(&scalar.text),
            Value::List(_) | Value::Map(_) => Err(self.bad(node.at, "expected one word")),
        }
    }

    fn one_of<T: Copy>(&self, node: &Node, words: &[(&str, T)]) -> Result<T, BadSettings> {
        let text = self.word(node)?;
        words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
            let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.bad(node.at, format!("`{text}` is not one of {}", all.join(", ")))
        })
    }

    fn keys(&self, node: &Node) -> Result<Keymap, BadSettings> {
        let mut changes: Vec<(Span, &str, Vec<&str>)> = Vec::new();
        for (key, node) in self.map(node)? {
            let keys = match &node.value {
                Value::Scalar(one) => vec![one.text.as_str()],
                Value::List(all) => all.iter().map(|n| self.word(n)).collect::<Result<_, _>>()?,
                Value::Map(_) => {
                    return Err(self.bad(node.at, "expected a key, or a list such as [F, ctrl-e]"));
                }
            };
            changes.push((key.at, &key.name, keys));
        }
        let with =
            |n: usize| Keymap::with(changes.iter().take(n).map(|(_, name, keys)| (*name, keys.clone())));
        with(changes.len()).map_err(|all| {
            // The first line without which it would still be right is the one to look at.
            let at = (1..=changes.len()).find_map(|n| with(n).err().map(|why| (n, why)));
            let (line, why) = match at {
                Some((n, why)) => (changes.get(n - 1).map_or(node.at, |(at, ..)| *at), why),
                None => (node.at, all),
            };
            self.bad(line, why.to_string())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::action::Action;
    use crate::console::key::Key;

    #[test]
    fn a_person_sets_theme_and_keys() {
        let set =
            parse("c.yaml", "theme: mine\nkeys:\n  follow: ctrl-e\n  timeline: [x, F10]\nclock: stands\n")
                .unwrap();
        assert_eq!((set.theme.as_deref(), set.seconds), (Some("mine"), Some(Seconds::Stand)));
        assert_eq!(set.keys.action(Key::ctrl('e')), Some(Action::Follow));
        assert_eq!(set.keys.keys_of(Action::Timeline), "x F10");
        assert_eq!(parse("c.yaml", "# nothing yet\n\n").unwrap(), Settings::default());
    }

    #[test]
    fn the_mouse_is_asked_for_by_name() {
        assert_eq!(parse("c.yaml", "mouse: on\n").unwrap().pointer, Some(Pointer::Ours));
        assert_eq!(parse("c.yaml", "mouse: off\n").unwrap().pointer, Some(Pointer::Terminals));
        assert!(parse("c.yaml", "mouse: perhaps\n").is_err());
    }

    #[test]
    fn two_actions_may_change_places() {
        let set = parse("c.yaml", "keys:\n  palette: \"?\"\n  help: [\":\", F1]\n").unwrap();
        assert_eq!(set.keys.action(Key::char('?')), Some(Action::Palette));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, says) in [
            ("theme: x\ncolours: 3\n", "c.yaml:2: there is no setting `colours`"),
            ("color: many\n", "c.yaml:1: `many` is not one of none, 16, 256, truecolor"),
            ("keys:\n  down: x\n  fly: f\n", "c.yaml:3: there is no action `fly`"),
            ("keys:\n  abort: a\n", "c.yaml:2: `abort` becomes part of the record"),
            ("keys: [a]\n", "expected `key: value`"),
            ("- a\n", "expected `key: value`"),
            ("a: [", "c.yaml:1"),
        ] {
            let said = parse("c.yaml", text).unwrap_err().to_string();
            assert!(said.contains(says), "{said}");
        }
    }
}
