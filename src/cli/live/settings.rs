//! A person's own settings and themes, from `$XDG_CONFIG_HOME/backout` or `~/.config/backout`. Never writes there, and
//! never falls back silently: a file that cannot be used is an error with its line.

use crate::cli::args::{Args, Colour};
use crate::console::gate::Gate;
use crate::console::gate::level::{Glyphs, Level};
use crate::console::link::Me;
use crate::console::model::Pointer;
use crate::console::run::{Seconds, Setup};
use crate::console::settings::{self, Settings};
use crate::error::{Failure, Result};
use crate::theme::{self, Theme};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

/// Larger files are no settings.
const LARGEST: u64 = 256 * 1024;

/// The console's set-up: flags first, then the person's settings, then what the terminal says of itself.
///
/// # Errors
/// When settings or theme cannot be used.
pub(super) fn setup(args: &Args, me: Me) -> Result<Setup> {
    let variable = |name: &str| std::env::var(name).ok();
    let folder = folder(&variable);
    let settings = settings(folder.as_deref())?;
    let level = Level::choose(
        match args.color {
            Colour::Auto => None,
            Colour::Always => Some(Level::Ansi256),
            Colour::Never => Some(Level::None),
        },
        settings.level,
        variable,
    );
    let glyphs = Glyphs::choose(args.ascii.then_some(Glyphs::Ascii), settings.glyphs, variable);
    let name = args.theme.as_deref().or(settings.theme.as_deref()).unwrap_or(theme::DEFAULT);
    let theme = theme(name, folder.as_deref())?;
    let mut setup = Setup::new(me, theme, Gate { level, glyphs }, variable);
    setup.keymap = settings.keys;
    setup.seconds = match (args.no_clock, settings.seconds) {
        (true, _) => Seconds::Stand,
        (false, Some(chosen)) => chosen,
        (false, None) => setup.seconds,
    };
    setup.pointer = match args.mouse {
        true => Pointer::Ours,
        false => settings.pointer.unwrap_or(setup.pointer),
    };
    setup.call = settings.call.unwrap_or(setup.call);
    // A shared login keeps nothing of those who pass through it.
    if args.captive.is_none() {
        setup.folders = std::env::current_dir().into_iter().chain([std::env::temp_dir()]).collect();
    }
    Ok(setup)
}

/// Whether settings and theme can be used.
///
/// # Errors
/// When they cannot.
pub(super) fn check(args: &Args) -> Result<()> {
    let folder = folder(&|name: &str| std::env::var(name).ok());
    let settings = settings(folder.as_deref())?;
    let name = args.theme.as_deref().or(settings.theme.as_deref()).unwrap_or(theme::DEFAULT);
    theme(name, folder.as_deref()).map(drop)
}

/// The folder of a person's settings (XDG Base Directory Specification 0.8: relative paths are ignored).
fn folder(variable: &impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let base = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")));
    base.map(|base| base.join("backout"))
}

fn settings(folder: Option<&Path>) -> Result<Settings> {
    let Some(path) = folder.map(|f| f.join("config.yaml")) else { return Ok(Settings::default()) };
    match read(&path)? {
        Some(text) => settings::parse(&path.display().to_string(), &text)
            .map_err(|e| Failure::usage(e.to_string()).hint("mend the line, or move the file away")),
        None => Ok(Settings::default()),
    }
}

/// A theme of this name: the person's own before one that comes with the program.
fn theme(name: &str, folder: Option<&Path>) -> Result<Theme> {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if let Some(path) = folder.filter(|_| plain).map(|f| f.join("themes").join(format!("{name}.yaml")))
        && let Some(text) = read(&path)?
    {
        return theme::load(&path.display().to_string(), &text).map_err(|e| Failure::usage(e.to_string()));
    }
    theme::shipped(name).ok_or_else(|| {
        let own =
            folder.map_or(String::new(), |f| format!("; your own belong in {}", f.join("themes").display()));
        Failure::usage(format!("there is no theme `{name}`"))
            .hint(format!("there is {}{own}", theme::NAMES.join(", ")))
    })
}

/// The text of a file, if it is there.
fn read(path: &Path) -> Result<Option<String>> {
    let failed =
        |e: std::io::Error| Failure::environment(format!("{} cannot be read", path.display())).because(e);
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(e) => return Err(failed(e)),
    };
    let mut text = String::new();
    file.take(LARGEST).read_to_string(&mut text).map_err(failed)?;
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("themes")).unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        dir
    }

    #[test]
    fn a_persons_own_theme_is_found_by_its_name() {
        let dir = place(&[("themes/mine.yaml", "name: mine\ninherits: default-light\n")]);
        assert_eq!(theme("mine", Some(dir.path())).unwrap().name, "mine");
        assert_eq!(theme("mono", Some(dir.path())).unwrap().name, "mono");
        let said = theme("../mine", Some(dir.path())).unwrap_err().to_string();
        assert!(said.contains("there is no theme `../mine`"), "{said}");
    }

    #[test]
    fn settings_that_cannot_be_used_are_said_and_not_ignored() {
        let dir = place(&[("config.yaml", "theme: mono\nkeys:\n  close: c\n")]);
        let said = settings(Some(dir.path())).unwrap_err().to_string();
        assert!(said.contains("config.yaml:3"), "{said}");
        let empty = place(&[]);
        assert_eq!(settings(Some(empty.path())).unwrap(), Settings::default());
        assert_eq!(settings(None).unwrap(), Settings::default());
    }

    #[test]
    fn a_relative_folder_is_ignored() {
        let with = |set: &'static [(&'static str, &'static str)]| {
            folder(&move |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
        };
        assert_eq!(with(&[("XDG_CONFIG_HOME", "rel"), ("HOME", "/h")]), Some("/h/.config/backout".into()));
        assert_eq!(with(&[("XDG_CONFIG_HOME", "/x"), ("HOME", "/h")]), Some("/x/backout".into()));
        assert_eq!(with(&[]), None);
    }
}
