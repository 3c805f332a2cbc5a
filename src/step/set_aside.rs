//! Moves a file or directory out of the way under a new unique name. Never overwrites and never copies: it is one
//! `renameat2(RENAME_NOREPLACE)` in the same directory, so a crash leaves either the old name or the new one.

use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::sanitize::{Clean, visible_name};

/// How many entries of a directory are counted before its size is said to be "at least".
const COUNTED: usize = 100_000;

/// What was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Where it was.
    pub from: PathBuf,
    /// Where it is.
    pub to: PathBuf,
    /// Its size.
    pub bytes: Size,
    /// What it is.
    pub kind: Kind,
}

/// Sum of the apparent sizes of all files in it, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// All was counted.
    Exactly(u64),
    /// It is a large tree, or part of it could not be read.
    AtLeast(u64),
}

/// What kind of thing was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory with all in it.
    Directory,
    /// The link, not what it points to.
    Symlink,
    /// A socket, pipe or device.
    Special,
}

/// Why nothing was moved.
#[derive(Debug, thiserror::Error)]
pub enum SetAsideError {
    /// Not a path one can set aside.
    #[error("{0} cannot be set aside: {1}")]
    Refused(Clean, &'static str),
    /// The kernel said no.
    #[error("{0}: {1}")]
    Io(Clean, #[source] io::Error),
    /// It was moved, but whether that survives a power cut is not known.
    #[error("moved to {0}, but the directory could not be synced: {1}")]
    NotDurable(Clean, #[source] io::Error),
}

/// Renames `path` to `<path>.set-aside.<unique>`. The caller gives what is unique: incident, step, attempt.
///
/// # Errors
/// Nothing is there, something has the new name already, or it cannot be moved within its directory.
pub fn set_aside(path: &Path, unique: &str) -> Result<SetAside, SetAsideError> {
    let shown = visible_name(path.as_os_str().as_encoded_bytes());
    let refuse = |why| SetAsideError::Refused(shown.clone(), why);
    if path.is_relative() {
        return Err(refuse("it is not an absolute path"));
    }
    if path.components().any(|c| matches!(c, Component::ParentDir)) {
        return Err(refuse("it goes through `..`"));
    }
    if unique.is_empty() || unique.contains('/') {
        return Err(refuse("its new name would not be in the same directory"));
    }
    let (Some(name), Some(parent)) = (path.file_name(), path.parent()) else {
        return Err(refuse("it is the root of the file system"));
    };
    // Rebuilt, so that a trailing slash cannot make a link mean its target.
    let from = parent.join(name);
    let meta = fs::symlink_metadata(&from).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => refuse("there is nothing of this name"),
        _ => SetAsideError::Io(shown.clone(), e),
    })?;
    let mut new_name = name.to_owned();
    new_name.push(format!(".set-aside.{unique}"));
    let to = parent.join(new_name);
    renameat_with(CWD, &from, CWD, &to, RenameFlags::NOREPLACE).map_err(|e| match e {
        Errno::EXIST => refuse("something was set aside under the same name before"),
        Errno::XDEV | Errno::BUSY => refuse("it is the root of another file system (a mount point)"),
        Errno::INVAL => refuse("this file system cannot rename without the risk of overwriting"),
        Errno::NAMETOOLONG => refuse("its new name would be too long"),
        e => SetAsideError::Io(shown.clone(), e.into()),
    })?;
    File::open(parent)
        .and_then(|dir| dir.sync_all())
        .map_err(|e| SetAsideError::NotDurable(visible_name(to.as_os_str().as_encoded_bytes()), e))?;
    let bytes = size_of(&to, &meta);
    Ok(SetAside { from, to, bytes, kind: kind_of(&meta) })
}

fn kind_of(meta: &fs::Metadata) -> Kind {
    let kind = meta.file_type();
    if kind.is_symlink() {
        Kind::Symlink
    } else if kind.is_dir() {
        Kind::Directory
    } else if kind.is_file() {
        Kind::File
    } else {
        Kind::Special
    }
}

fn size_of(path: &Path, meta: &fs::Metadata) -> Size {
    if !meta.is_dir() {
        return Size::Exactly(meta.len());
    }
    let (mut bytes, mut seen, mut whole) = (0_u64, 0_usize, true);
    let mut queue = vec![path.to_owned()];
    while let Some(dir) = queue.pop() {
        let Ok(entries) = fs::read_dir(&dir) else {
            whole = false;
            continue;
        };
        for entry in entries {
            seen += 1;
            if seen > COUNTED {
                return Size::AtLeast(bytes);
            }
            // Of the entry itself: links are not followed.
            match entry.and_then(|e| Ok((e.path(), e.metadata()?))) {
                Ok((path, meta)) if meta.is_dir() => queue.push(path),
                Ok((_, meta)) => bytes = bytes.saturating_add(meta.len()),
                Err(_) => whole = false,
            }
        }
    }
    if whole { Size::Exactly(bytes) } else { Size::AtLeast(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(path: &Path) -> String {
        set_aside(path, "01X.drop.1").unwrap_err().to_string()
    }

    #[test]
    fn a_file_keeps_its_content_under_the_new_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data.db");
        fs::write(&path, b"12345").unwrap();
        let done = set_aside(&path, "01X.drop.1").unwrap();
        assert_eq!(done.to, dir.path().join("data.db.set-aside.01X.drop.1"));
        assert_eq!((done.kind, done.bytes), (Kind::File, Size::Exactly(5)));
        assert_eq!(fs::read(&done.to).unwrap(), b"12345");
        assert!(!path.exists());
    }

    #[test]
    fn what_was_set_aside_before_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs::write(&path, b"first").unwrap();
        let first = set_aside(&path, "01X.drop.1").unwrap();
        fs::write(&path, b"second").unwrap();
        assert!(refused(&path).contains("set aside under the same name before"));
        assert_eq!(fs::read(&first.to).unwrap(), b"first");
        assert_eq!(fs::read(&path).unwrap(), b"second");
    }

    #[test]
    fn a_link_is_moved_and_what_it_points_to_stays() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("releases");
        fs::create_dir(&target).unwrap();
        let link = dir.path().join("current");
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let done = set_aside(&dir.path().join("current/"), "u").unwrap();
        assert_eq!(done.kind, Kind::Symlink);
        assert!(target.is_dir() && fs::symlink_metadata(&link).is_err());
        assert_eq!(fs::read_link(&done.to).unwrap(), target);
    }

    #[test]
    fn a_directory_moves_whole_and_its_size_is_the_sum() {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("pgdata");
        fs::create_dir_all(tree.join("base/1")).unwrap();
        fs::write(tree.join("a"), [0; 10]).unwrap();
        fs::write(tree.join("base/1/b"), [0; 7]).unwrap();
        let done = set_aside(&tree, "u").unwrap();
        assert_eq!((done.kind, done.bytes), (Kind::Directory, Size::Exactly(17)));
        assert!(done.to.join("base/1/b").exists());
    }

    #[test]
    fn what_cannot_be_set_aside_is_refused_in_words() {
        assert!(refused(Path::new("/")).contains("root of the file system"));
        assert!(refused(Path::new("relative")).contains("not an absolute path"));
        assert!(refused(Path::new("/tmp/../etc")).contains("`..`"));
        assert!(refused(Path::new("/nowhere/at/all")).contains("nothing of this name"));
    }

    #[test]
    fn the_new_name_cannot_lead_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs::write(&path, b"x").unwrap();
        assert!(set_aside(&path, "../../etc/x").is_err());
        assert!(path.exists());
    }
}
