//! Where the program keeps its state: a pure function over the environment (XDG Base Directory Specification 0.8).
//! Never makes a folder.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::{Failure, Result};

/// Looks up an environment variable.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The environment of this process.
pub fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// A variable that holds something.
fn filled(env: Lookup<'_>, name: &str) -> Option<PathBuf> {
    env(name).filter(|v| !v.is_empty()).map(PathBuf::from)
}

/// An XDG variable: the specification tells to ignore relative paths.
fn xdg(env: Lookup<'_>, name: &str) -> Option<PathBuf> {
    filled(env, name).filter(|p| p.is_absolute())
}

fn home(env: Lookup<'_>, what: &str, instead: &str) -> Result<PathBuf> {
    filled(env, "HOME").filter(|p| p.is_absolute()).ok_or_else(|| {
        Failure::environment(format!("cannot tell where to keep {what}: HOME is not set")).hint(instead)
    })
}

/// The folder of the incidents: `--state`, `$BACKOUT_STATE`, `$XDG_STATE_HOME/backout`, `~/.local/state/backout`.
///
/// # Errors
/// When none of them is set.
pub fn state(flag: Option<&Path>, env: Lookup<'_>) -> Result<PathBuf> {
    if let Some(chosen) = flag.map(Path::to_path_buf).or_else(|| filled(env, "BACKOUT_STATE")) {
        return std::path::absolute(&chosen)
            .map_err(|e| Failure::usage(format!("`{}` is not a folder", chosen.display())).because(e));
    }
    if let Some(base) = xdg(env, "XDG_STATE_HOME") {
        return Ok(base.join("backout"));
    }
    Ok(home(env, "incidents", "set HOME, or say --state DIR")?.join(".local/state/backout"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<'a>(set: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<OsString> + 'a {
        move |name| set.iter().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v))
    }

    fn state_of(flag: Option<&str>, set: &[(&str, &str)]) -> PathBuf {
        state(flag.map(Path::new), &with(set)).unwrap()
    }

    #[test]
    fn the_more_deliberate_choice_wins() {
        let all = [("HOME", "/h"), ("XDG_STATE_HOME", "/x"), ("BACKOUT_STATE", "/b")];
        assert_eq!(state_of(Some("/flag"), &all), Path::new("/flag"));
        assert_eq!(state_of(None, &all), Path::new("/b"));
        assert_eq!(state_of(None, &all[..2]), Path::new("/x/backout"));
        assert_eq!(state_of(None, &all[..1]), Path::new("/h/.local/state/backout"));
        assert!(state(None, &with(&[])).unwrap_err().to_string().contains("--state"));
    }

    #[test]
    fn empty_and_relative_xdg_values_are_ignored() {
        let set = [("HOME", "/h"), ("XDG_STATE_HOME", "rel"), ("BACKOUT_STATE", ""), ("XDG_CONFIG_HOME", "")];
        assert_eq!(state_of(None, &set), Path::new("/h/.local/state/backout"));
    }
}
