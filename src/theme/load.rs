//! A theme file becomes a theme. Never touches the disk; `inherits` names a theme that comes with the program.

use ratatui::style::{Color, Modifier};

use super::{Look, Role, Theme, shipped};
use crate::runbook::yaml::{self, Node, Span, Value};

/// A theme file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}:{line}: {what}")]
pub struct BadTheme {
    /// The file.
    pub path: String,
    /// 1-based line.
    pub line: u32,
    /// What is wrong and what to write instead.
    pub what: String,
}

/// How deep `inherits` may go; a theme of ours needs one.
const DEPTH: u8 = 4;

/// Reads a theme. `path` only labels errors.
///
/// # Errors
/// The first thing that is wrong, with its line.
pub fn load(path: &str, text: &str) -> Result<Theme, BadTheme> {
    load_at(path, text, DEPTH)
}

fn load_at(path: &str, text: &str, depth: u8) -> Result<Theme, BadTheme> {
    let root = yaml::parse(path, text).map_err(|findings| match findings.first() {
        Some(finding) => BadTheme { path: path.into(), line: finding.line, what: finding.message.clone() },
        None => BadTheme { path: path.into(), line: 1, what: "not YAML".into() },
    })?;
    let file = File { path };
    let mut theme = file.parent(&root, depth)?;
    for (key, node) in file.map(&root)? {
        match key.name.as_str() {
            "name" => theme.name = file.text(node)?.to_owned(),
            "background" => theme.background = file.exact(node)?,
            "text" => theme.text = file.exact(node)?,
            "about" | "inherits" => {}
            "roles" => file.roles(node, &mut theme.looks)?,
            other => return Err(file.bad(key.at, format!("a theme has no `{other}`"))),
        }
    }
    Ok(theme)
}

struct File<'a> {
    path: &'a str,
}

impl File<'_> {
    fn bad(&self, at: Span, what: impl Into<String>) -> BadTheme {
        BadTheme { path: self.path.to_owned(), line: at.line, what: what.into() }
    }

    fn map<'n>(&self, node: &'n Node) -> Result<&'n [(yaml::Key, Node)], BadTheme> {
        match &node.value {
            Value::Map(entries) => Ok(entries),
            Value::Scalar(_) | Value::List(_) => Err(self.bad(node.at, "expected `key: value` lines")),
        }
    }

    fn text<'n>(&self, node: &'n Node) -> Result<&'n str, BadTheme> {
        match &node.value {
            Value::Scalar(scalar) => Ok(&scalar.text),
            Value::List(_) | Value::Map(_) => Err(self.bad(node.at, "expected one word")),
        }
    }

    fn parent(&self, root: &Node, depth: u8) -> Result<Theme, BadTheme> {
        let Some(node) = root.get("inherits") else {
            return Ok(Theme {
                name: self.path.to_owned(),
                background: [0, 0, 0],
                text: [229, 229, 229],
                looks: vec![Look::default(); Role::ALL.len()],
            });
        };
        let name = self.text(node)?;
        let source = shipped::source(name).filter(|_| depth > 0).ok_or_else(|| {
            self.bad(
                node.at,
                format!(
                    "there is no theme `{name}` to inherit from; there are {}",
                    shipped::NAMES.join(", ")
                ),
            )
        })?;
        load_at(name, source, depth - 1)
    }

    fn roles(&self, node: &Node, looks: &mut [Look]) -> Result<(), BadTheme> {
        for (key, node) in self.map(node)? {
            let at = Role::ALL.iter().position(|(_, name)| *name == key.name);
            let look = at.and_then(|n| looks.get_mut(n)).ok_or_else(|| {
                let names: Vec<&str> = Role::ALL.iter().map(|(_, name)| *name).collect();
                self.bad(key.at, format!("there is no role `{}`; there are {}", key.name, names.join(", ")))
            })?;
            *look = self.look(node)?;
        }
        Ok(())
    }

    fn look(&self, node: &Node) -> Result<Look, BadTheme> {
        let mut look = Look::default();
        for (key, value) in self.map(node)? {
            match key.name.as_str() {
                "fg" => look.fg = self.colour(value)?,
                "bg" => look.bg = self.colour(value)?,
                "ansi" => look.ansi_fg = Some(self.colour(value)?),
                "ansi_bg" => look.ansi_bg = Some(self.colour(value)?),
                "attributes" => look.attributes = self.attributes(value)?,
                other => {
                    let what = format!("a role has no `{other}`; it has fg, bg, ansi, ansi_bg, attributes");
                    return Err(self.bad(key.at, what));
                }
            }
        }
        Ok(look)
    }

    fn colour(&self, node: &Node) -> Result<Color, BadTheme> {
        let text = self.text(node)?;
        if text == "terminal" {
            return Ok(Color::Reset);
        }
        if let Some(colour) = named(text) {
            return Ok(colour);
        }
        hex(text).map(|[r, g, b]| Color::Rgb(r, g, b)).ok_or_else(|| {
            self.bad(
                node.at,
                format!("`{text}` is not a colour; write \"#c0ffee\", `bright_red` or `terminal`"),
            )
        })
    }

    fn exact(&self, node: &Node) -> Result<[u8; 3], BadTheme> {
        let text = self.text(node)?;
        hex(text).ok_or_else(|| self.bad(node.at, format!("`{text}` is not a colour; write \"#c0ffee\"")))
    }

    fn attributes(&self, node: &Node) -> Result<Modifier, BadTheme> {
        let Value::List(items) = &node.value else {
            return Err(self.bad(node.at, "expected a list such as [bold, reverse]"));
        };
        let mut all = Modifier::empty();
        for item in items {
            all |= match self.text(item)? {
                "bold" => Modifier::BOLD,
                "dim" => Modifier::DIM,
                "italic" => Modifier::ITALIC,
                "underline" => Modifier::UNDERLINED,
                "reverse" => Modifier::REVERSED,
                other => {
                    let what = format!("`{other}` is not one of bold, dim, italic, underline, reverse");
                    return Err(self.bad(item.at, what));
                }
            };
        }
        Ok(all)
    }
}

fn hex(text: &str) -> Option<[u8; 3]> {
    let digits = text.strip_prefix('#').filter(|d| d.len() == 6 && d.is_ascii())?;
    let number = u32::from_str_radix(digits, 16).ok()?;
    let [_, r, g, b] = number.to_be_bytes();
    Some([r, g, b])
}

fn named(text: &str) -> Option<Color> {
    let names = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
    let (bright, name) = match text.strip_prefix("bright_") {
        Some(name) => (8u8, name),
        None => (0, text),
    };
    let number = names.iter().position(|n| *n == name)?;
    Some(match bright + u8::try_from(number).ok()? {
        0 => Color::Black,
        1 => Color::Red,
        2 => Color::Green,
        3 => Color::Yellow,
        4 => Color::Blue,
        5 => Color::Magenta,
        6 => Color::Cyan,
        7 => Color::Gray,
        8 => Color::DarkGray,
        9 => Color::LightRed,
        10 => Color::LightGreen,
        11 => Color::LightYellow,
        12 => Color::LightBlue,
        13 => Color::LightMagenta,
        14 => Color::LightCyan,
        _ => Color::White,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, says: &str) {
        let error = load("mine.yaml", text).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }

    #[test]
    fn a_theme_changes_what_it_names_and_inherits_the_rest() {
        let mine =
            load("mine", "name: mine\ninherits: default-dark\nroles:\n  ok: {fg: \"#00ff00\"}\n").unwrap();
        let parent = super::super::shipped("default-dark").unwrap();
        assert_eq!(mine.style(Role::Ok).fg, Some(Color::Rgb(0, 255, 0)));
        assert_eq!(mine.style(Role::Fail), parent.style(Role::Fail));
        assert_eq!(mine.background, parent.background);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        refused("name: x\ncolour: red\n", "mine.yaml:2: a theme has no `colour`");
        refused("roles:\n  okay: {}\n", "mine.yaml:2: there is no role `okay`; there are base");
        refused("roles:\n  ok: {fg: greenish}\n", "not a colour");
        refused("roles:\n  ok: {foreground: red}\n", "a role has no `foreground`");
        refused("roles:\n  ok: {attributes: [blink]}\n", "not one of bold");
        refused("inherits: nowhere\n", "no theme `nowhere`");
        refused("- a list", "expected `key: value`");
        refused("a: [", "mine.yaml:1");
    }

    #[test]
    fn with_sixteen_colours_the_twin_is_used() {
        let text = "roles:\n  ok: {fg: \"#00ff00\", ansi: green}\n  warn: {fg: yellow}\n";
        let theme = load("mine", text).unwrap().named();
        assert_eq!(theme.style(Role::Ok).fg, Some(Color::Green));
        assert_eq!(theme.style(Role::Warn).fg, Some(Color::Yellow));
    }
}
