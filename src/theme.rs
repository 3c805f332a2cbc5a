//! Colours by meaning. Never knows which widget uses them.
//!
//! A theme is a YAML file: every role has a foreground, a background and attributes, exact where the terminal can do it
//! and with a named twin where it cannot. A theme is never refused by a terminal; it degrades.

pub mod contrast;
mod load;
mod shipped;

use ratatui::style::{Color, Modifier, Style};

pub use load::{BadTheme, load};
pub use shipped::{DEFAULT, MONO, NAMES, shipped};

/// What a piece of the screen means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Ordinary text.
    Base,
    /// Text that may be overlooked.
    Muted,
    /// Headings and names.
    Title,
    /// Lines between panes.
    Border,
    /// Keys in hints and help.
    Key,
    /// As it should be.
    Ok,
    /// Worth a look.
    Warn,
    /// Not as it should be.
    Fail,
    /// Nobody knows.
    Unknown,
    /// Waits for people.
    Waiting,
    /// Under way.
    Running,
    /// The one thing that waits for the person at this screen.
    Attention,
    /// The badge of a production environment.
    EnvProd,
    /// The badge of any other environment.
    EnvOther,
    /// The badge of a live incident.
    ModeLive,
    /// The badge of a rehearsal.
    ModeDrill,
    /// The selected row.
    Selection,
    /// The field that is typed into.
    Field,
    /// The line of a chart.
    Chart,
}

impl Role {
    /// Every role and its key in a theme file.
    pub const ALL: [(Role, &'static str); 19] = [
        (Role::Base, "base"),
        (Role::Muted, "muted"),
        (Role::Title, "title"),
        (Role::Border, "border"),
        (Role::Key, "key"),
        (Role::Ok, "ok"),
        (Role::Warn, "warn"),
        (Role::Fail, "fail"),
        (Role::Unknown, "unknown"),
        (Role::Waiting, "waiting"),
        (Role::Running, "running"),
        (Role::Attention, "attention"),
        (Role::EnvProd, "env_prod"),
        (Role::EnvOther, "env_other"),
        (Role::ModeLive, "mode_live"),
        (Role::ModeDrill, "mode_drill"),
        (Role::Selection, "selection"),
        (Role::Field, "field"),
        (Role::Chart, "chart"),
    ];
}

/// How one role looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    /// Foreground; `Reset` is the terminal's own.
    pub fg: Color,
    /// Background; `Reset` is the terminal's own.
    pub bg: Color,
    /// Foreground where there are sixteen colours.
    pub ansi_fg: Option<Color>,
    /// Background where there are sixteen colours.
    pub ansi_bg: Option<Color>,
    /// Bold, reverse and so on.
    pub attributes: Modifier,
}

/// A theme, complete: every role has a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    /// Its name.
    pub name: String,
    /// The background it is made for, to judge contrast by.
    pub background: [u8; 3],
    /// The text colour of the terminals it is made for.
    pub text: [u8; 3],
    looks: Vec<Look>,
}

impl Theme {
    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        let look = self.look(role);
        Style::new().fg(look.fg).bg(look.bg).add_modifier(look.attributes)
    }

    /// The look of a role.
    pub fn look(&self, role: Role) -> Look {
        let at = Role::ALL.iter().position(|(r, _)| *r == role);
        at.and_then(|n| self.looks.get(n)).copied().unwrap_or_default()
    }

    /// The same theme for a terminal with only the named colours.
    #[must_use]
    pub fn named(mut self) -> Theme {
        for look in &mut self.looks {
            (look.fg, look.bg) = (look.ansi_fg.unwrap_or(look.fg), look.ansi_bg.unwrap_or(look.bg));
        }
        self
    }

    /// The same theme in the nearest colours that a terminal has.
    #[must_use]
    pub fn fitted(mut self, fit: impl Fn(Color) -> Color) -> Theme {
        for look in &mut self.looks {
            (look.fg, look.bg) = (fit(look.fg), fit(look.bg));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_theme_loads_and_has_its_own_name() {
        for name in NAMES {
            let theme = shipped(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(theme.name, name);
        }
        assert_eq!(shipped("nope"), None);
    }

    #[test]
    fn the_theme_without_colours_tells_its_roles_apart_by_attributes() {
        let theme = shipped(MONO).unwrap();
        for (role, name) in Role::ALL {
            let style = theme.style(role);
            assert_eq!((style.fg, style.bg), (Some(Color::Reset), Some(Color::Reset)), "{name}");
        }
        for role in [Role::Selection, Role::Attention, Role::EnvProd] {
            assert!(theme.style(role).add_modifier.contains(Modifier::REVERSED));
        }
    }
}
