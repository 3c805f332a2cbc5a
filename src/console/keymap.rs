//! Which key means which action: the table's defaults, changed by the person's configuration. Never gives a deed a key.

use super::action::{Action, Entry, TABLE, Weight};
use super::key::Key;

/// Keys in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    bindings: Vec<(Key, Action)>,
}

/// A line of the configuration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadBinding {
    /// No such action.
    #[error("there is no action `{0}`; `?` in the console lists them")]
    NoAction(String),
    /// No such key.
    #[error(transparent)]
    NoKey(#[from] super::key::NotAKey),
    /// Deeds go through a dialog.
    #[error("`{0}` becomes part of the record, so it cannot hang on a key; use enter or the palette")]
    Deed(&'static str),
    /// Nobody could leave otherwise.
    #[error("`{0}` must keep a key")]
    Needed(&'static str),
}

/// Actions without which nobody finds out or gets away.
const NEEDED: [Action; 4] = [Action::Help, Action::Back, Action::Act, Action::Palette];

impl Default for Keymap {
    fn default() -> Keymap {
        let bindings = TABLE.iter().flat_map(|e| e.keys.iter().map(|key| (*key, e.action))).collect();
        Keymap { bindings }
    }
}

impl Keymap {
    /// The defaults with changes: `(action, keys)`. The keys given replace the action's own; a key taken from another
    /// action is taken.
    ///
    /// # Errors
    /// The first change that cannot be made.
    pub fn with<'a>(
        changes: impl IntoIterator<Item = (&'a str, Vec<&'a str>)>,
    ) -> Result<Keymap, BadBinding> {
        let mut map = Keymap::default();
        for (name, keys) in changes {
            let action = Action::named(name).ok_or_else(|| BadBinding::NoAction(name.to_owned()))?;
            let entry = action.entry();
            if entry.weight != Weight::View {
                return Err(BadBinding::Deed(entry.name));
            }
            let keys: Vec<Key> = keys.into_iter().map(str::parse).collect::<Result<_, _>>()?;
            map.bindings.retain(|(key, bound)| *bound != action && !keys.contains(key));
            map.bindings.extend(keys.into_iter().map(|key| (key, action)));
        }
        match NEEDED.iter().find(|action| map.key_of(**action).is_none()) {
            Some(action) => Err(BadBinding::Needed(action.entry().name)),
            None => Ok(map),
        }
    }

    /// What a key means.
    pub fn action(&self, key: Key) -> Option<Action> {
        self.bindings.iter().find(|(bound, _)| *bound == key).map(|(_, action)| *action)
    }

    /// The first key of an action.
    pub fn key_of(&self, action: Action) -> Option<Key> {
        self.bindings.iter().find(|(_, bound)| *bound == action).map(|(key, _)| *key)
    }

    /// Every key of an action, for help.
    pub fn keys_of(&self, action: Action) -> String {
        let keys = self.bindings.iter().filter(|(_, bound)| *bound == action);
        keys.map(|(key, _)| key.to_string()).collect::<Vec<_>>().join(" ")
    }

    /// The rows of the table that have a key.
    pub fn bound(&self) -> impl Iterator<Item = (&'static Entry, Key)> {
        TABLE.iter().filter_map(|e| self.key_of(e.action).map(|key| (e, key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::key::Code;

    #[test]
    fn no_key_means_two_things() {
        let map = Keymap::default();
        for (n, (key, _)) in map.bindings.iter().enumerate() {
            assert!(map.bindings[n + 1..].iter().all(|(other, _)| other != key), "{key}");
        }
    }

    #[test]
    fn a_person_may_move_keys() {
        let map = Keymap::with([("detach", vec!["ctrl-q", "F10"]), ("timeline", vec!["q"])]).unwrap();
        assert_eq!(map.action(Key::ctrl('q')), Some(Action::Detach));
        assert_eq!(map.action(Key::char('q')), Some(Action::Timeline));
        assert_eq!(map.action(Key::char('5')), None);
        assert_eq!(map.keys_of(Action::Detach), "ctrl-q F10");
        assert_eq!(map.action(Key::plain(Code::Enter)), Some(Action::Act));
    }

    #[test]
    fn what_would_be_dangerous_or_a_trap_is_refused() {
        let with = |name, key| Keymap::with([(name, vec![key])]).unwrap_err();
        assert_eq!(with("abort", "ctrl-a"), BadBinding::Deed("abort"));
        assert_eq!(with("fly", "f"), BadBinding::NoAction("fly".into()));
        assert!(matches!(with("detach", "hyper-q"), BadBinding::NoKey(_)));
        let all = Keymap::with([("up", vec!["?", "F1"])]).unwrap_err();
        assert_eq!(all, BadBinding::Needed("help"));
    }
}
