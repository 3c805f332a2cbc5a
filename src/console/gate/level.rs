//! What a terminal can show, from what was asked for and from the environment. Never asks the terminal and never
//! refuses one.

/// How many colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// None; attributes such as reverse still work.
    None,
    /// The sixteen named ones.
    Ansi16,
    /// The 256 of xterm.
    Ansi256,
    /// 24 bits.
    True,
}

/// Which characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Glyphs {
    /// Any, drawn as one or two columns.
    Unicode,
    /// Bytes below 128 only.
    Ascii,
}

impl Level {
    /// The words accepted by `--color` and the configuration; `auto` and unknown words give `None`.
    pub fn from_word(word: &str) -> Option<Level> {
        match word {
            "never" | "none" | "no" => Some(Level::None),
            "16" | "ansi" => Some(Level::Ansi16),
            "256" | "always" => Some(Level::Ansi256),
            "truecolor" | "24bit" | "true" => Some(Level::True),
            _ => None,
        }
    }

    /// The level for this terminal: what the command line says, else the configuration, else the environment.
    pub fn choose(flag: Option<Level>, config: Option<Level>, env: impl Fn(&str) -> Option<String>) -> Level {
        flag.or(config).unwrap_or_else(|| Level::from_env(env))
    }

    fn from_env(env: impl Fn(&str) -> Option<String>) -> Level {
        let term = env("TERM").unwrap_or_default();
        // https://no-color.org: present and not empty, whatever the value.
        if env("NO_COLOR").is_some_and(|v| !v.is_empty()) || term.is_empty() || term == "dumb" || is_vt(&term)
        {
            return Level::None;
        }
        let colorterm = env("COLORTERM").unwrap_or_default();
        let direct = ["kitty", "alacritty", "foot", "ghostty", "wezterm", "direct"];
        if matches!(colorterm.as_str(), "truecolor" | "24bit") || direct.iter().any(|t| term.contains(t)) {
            Level::True
        } else if term.contains("256color") {
            Level::Ansi256
        } else {
            Level::Ansi16
        }
    }
}

impl Glyphs {
    /// The characters for this terminal: what the command line says, else the configuration, else the environment.
    pub fn choose(
        flag: Option<Glyphs>,
        config: Option<Glyphs>,
        env: impl Fn(&str) -> Option<String>,
    ) -> Glyphs {
        flag.or(config).unwrap_or_else(|| Glyphs::from_env(env))
    }

    fn from_env(env: impl Fn(&str) -> Option<String>) -> Glyphs {
        let term = env("TERM").unwrap_or_default();
        if term.is_empty() || term == "dumb" || term == "linux" || is_vt(&term) {
            return Glyphs::Ascii;
        }
        // The order is POSIX's: the first one that is set and not empty decides.
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .find_map(|name| env(name).filter(|value| !value.is_empty()))
            .unwrap_or_default()
            .to_ascii_lowercase();
        if locale.contains("utf-8") || locale.contains("utf8") { Glyphs::Unicode } else { Glyphs::Ascii }
    }
}

// `vte-256color` is a modern terminal; `vt100`, `vt220` and their like are not.
fn is_vt(term: &str) -> bool {
    term.strip_prefix("vt").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(vars: &[(&str, &str)]) -> Level {
        Level::choose(None, None, |name| lookup(vars, name))
    }

    fn glyphs(vars: &[(&str, &str)]) -> Glyphs {
        Glyphs::choose(None, None, |name| lookup(vars, name))
    }

    fn lookup(vars: &[(&str, &str)], name: &str) -> Option<String> {
        vars.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned())
    }

    #[test]
    fn the_environment_names_the_level() {
        for (vars, expected) in [
            (&[("TERM", "xterm-256color")][..], Level::Ansi256),
            (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")], Level::True),
            (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("NO_COLOR", "1")], Level::None),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "")], Level::Ansi256),
            (&[("TERM", "xterm")], Level::Ansi16),
            (&[("TERM", "screen")], Level::Ansi16),
            (&[("TERM", "linux")], Level::Ansi16),
            (&[("TERM", "vt220")], Level::None),
            (&[("TERM", "vte-256color")], Level::Ansi256),
            (&[("TERM", "dumb"), ("COLORTERM", "truecolor")], Level::None),
            (&[("TERM", "xterm-kitty")], Level::True),
            (&[], Level::None),
        ] {
            assert_eq!(level(vars), expected, "{vars:?}");
        }
    }

    #[test]
    fn a_flag_beats_the_configuration_and_both_beat_the_environment() {
        let no_color = |name: &str| (name == "NO_COLOR").then(|| "1".to_owned());
        assert_eq!(Level::choose(Some(Level::True), Some(Level::Ansi16), no_color), Level::True);
        assert_eq!(Level::choose(None, Some(Level::Ansi16), no_color), Level::Ansi16);
        assert_eq!(Level::choose(None, None, no_color), Level::None);
    }

    #[test]
    fn the_first_locale_variable_that_says_something_decides() {
        let x = ("TERM", "xterm");
        assert_eq!(glyphs(&[x, ("LANG", "en_US.UTF-8")]), Glyphs::Unicode);
        assert_eq!(glyphs(&[x, ("LC_ALL", "C"), ("LANG", "en_US.UTF-8")]), Glyphs::Ascii);
        assert_eq!(glyphs(&[x, ("LC_ALL", ""), ("LC_CTYPE", "C.utf8"), ("LANG", "C")]), Glyphs::Unicode);
        assert_eq!(glyphs(&[x]), Glyphs::Ascii);
        for old in ["linux", "vt100", "dumb", ""] {
            assert_eq!(glyphs(&[("TERM", old), ("LANG", "en_US.UTF-8")]), Glyphs::Ascii, "{old}");
        }
    }
}
