//! Where the program keeps state, sockets and settings: pure functions over the environment (XDG Base Directory
//! Specification 0.8), and the one check that a folder of sockets is nobody else's.
//! Never picks a folder that others can write to.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Failure, Result};

/// Longest path a Unix socket can have on Linux (`sun_path` without its final zero byte), in bytes.
pub const LONGEST_SOCKET_PATH: usize = 107;

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

/// The folder of the sockets: `$XDG_RUNTIME_DIR/backout`, else one beside the state.
pub fn sockets(state: &Path, env: Lookup<'_>) -> PathBuf {
    match xdg(env, "XDG_RUNTIME_DIR") {
        Some(base) => base.join("backout"),
        None => {
            let mut name = state.file_name().unwrap_or_default().to_owned();
            name.push("-sockets");
            state.with_file_name(name)
        }
    }
}

/// The settings of this person: `$XDG_CONFIG_HOME/backout/config.yaml`, else `~/.config/backout/config.yaml`.
/// `None` when there is no home: settings are optional.
pub fn settings(env: Lookup<'_>) -> Option<PathBuf> {
    let base =
        xdg(env, "XDG_CONFIG_HOME").or_else(|| Some(home(env, "settings", "").ok()?.join(".config")))?;
    Some(base.join("backout").join("config.yaml"))
}

/// The socket of an incident. Where the folder's path is too long for a socket, one in `/tmp/backout-UID` under a
/// name made from both: hub and client come to the same one without talking.
pub fn socket(sockets: &Path, incident: &str, uid: u32) -> PathBuf {
    let plain = sockets.join(format!("{incident}.sock"));
    if plain.as_os_str().len() <= LONGEST_SOCKET_PATH {
        return plain;
    }
    let digest = Sha256::digest(plain.as_os_str().as_bytes());
    let name: String = digest.iter().take(12).map(|b| format!("{b:02x}")).collect();
    PathBuf::from(format!("/tmp/backout-{uid}")).join(format!("{name}.sock"))
}

/// Makes a folder that only this user can enter, or checks that an existing one is.
///
/// # Errors
/// When it is a link, belongs to somebody else, or cannot be made.
pub fn private_dir(dir: &Path) -> Result<()> {
    let cannot =
        |e: std::io::Error| Failure::environment(format!("cannot make {}", dir.display())).because(e);
    if let Some(parent) = dir.parent() {
        fs::create_dir_all(parent).map_err(cannot)?;
    }
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => return Err(cannot(e)),
        Ok(()) | Err(_) => {}
    }
    // Looked at through the link, if it is one: a link is refused whatever it leads to.
    let found = fs::symlink_metadata(dir).map_err(cannot)?;
    let uid = rustix::process::geteuid().as_raw();
    let refuse = |why: &str| {
        Err(Failure::environment(format!("{} cannot hold sockets: {why}", dir.display()))
            .hint("remove it, or set XDG_RUNTIME_DIR to a folder of your own"))
    };
    if !found.is_dir() {
        return refuse("it is not a folder");
    }
    if found.uid() != uid {
        return refuse("it belongs to somebody else");
    }
    if found.mode() & 0o777 != 0o700 {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).map_err(cannot)?;
    }
    Ok(())
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
        assert_eq!(settings(&with(&set)).unwrap(), Path::new("/h/.config/backout/config.yaml"));
        assert_eq!(settings(&with(&[])), None);
    }

    #[test]
    fn sockets_live_in_the_runtime_folder_or_beside_the_state() {
        let state = Path::new("/h/.local/state/backout");
        assert_eq!(
            sockets(state, &with(&[("XDG_RUNTIME_DIR", "/run/user/7")])),
            Path::new("/run/user/7/backout")
        );
        assert_eq!(sockets(state, &with(&[])), Path::new("/h/.local/state/backout-sockets"));
    }

    #[test]
    fn a_socket_path_always_fits() {
        let short = socket(Path::new("/run/user/7/backout"), "01ABC", 7);
        assert_eq!(short, Path::new("/run/user/7/backout/01ABC.sock"));
        let deep = PathBuf::from(format!("/{}", "d".repeat(120)));
        let (one, two) = (socket(&deep, "01ABC", 7), socket(&deep, "01ABD", 7));
        assert!(one.as_os_str().len() <= LONGEST_SOCKET_PATH && one.starts_with("/tmp/backout-7"));
        assert_ne!(one, two);
        assert_eq!(one, socket(&deep, "01ABC", 7));
        let exact = PathBuf::from(format!("/{}", "d".repeat(LONGEST_SOCKET_PATH - 1 - "/01ABC.sock".len())));
        assert!(socket(&exact, "01ABC", 7).starts_with(&exact));
    }

    #[test]
    fn a_private_folder_is_private_also_when_it_was_not() {
        let dir = tempfile::tempdir().unwrap();
        let made = dir.path().join("a/b");
        let mode = |p: &Path| fs::metadata(p).unwrap().mode() & 0o777;
        private_dir(&made).unwrap();
        assert_eq!(mode(&made), 0o700);
        fs::set_permissions(&made, fs::Permissions::from_mode(0o755)).unwrap();
        private_dir(&made).unwrap();
        assert_eq!(mode(&made), 0o700);
    }

    #[test]
    fn a_link_or_a_file_in_its_place_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().join("real");
        private_dir(&real).unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert!(private_dir(&link).is_err());
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(private_dir(&file).is_err());
    }
}
