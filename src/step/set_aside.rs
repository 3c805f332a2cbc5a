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

/// What can be told of a move whose end nobody saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It is under the new name.
    Moved(SetAside),
    /// It is under the old name, and nothing is under the new one.
    NotMoved,
    /// It is under neither.
    Neither,
}

/// Renames `path` to `<path>.set-aside.<unique>`. The caller gives what is unique: incident, step, attempt.
///
/// # Errors
/// Nothing is there, something has the new name already, or it cannot be moved within its directory.
pub fn set_aside(path: &Path, unique: &str) -> Result<SetAside, SetAsideError> {
    let Move { shown, from, to } = Move::of(path, unique)?;
    let refuse = |why| SetAsideError::Refused(shown.clone(), why);
    let io = |e: io::Error| match e.kind() {
        // Also one that vanished in the very moment of being moved.
        io::ErrorKind::NotFound => refuse("there is nothing of this name"),
        _ => SetAsideError::Io(shown.clone(), e),
    };
    let meta = fs::symlink_metadata(&from).map_err(io)?;
    renameat_with(CWD, &from, CWD, &to, RenameFlags::NOREPLACE).map_err(|e| match e {
        Errno::EXIST => refuse("something was set aside under the same name before"),
        Errno::XDEV | Errno::BUSY => refuse("it is the root of another file system (a mount point)"),
        Errno::INVAL => refuse("this file system cannot rename without the risk of overwriting"),
        Errno::NAMETOOLONG => refuse("its new name would be too long"),
        Errno::ROFS => refuse("it is on a file system that is mounted read-only"),
        e => io(e.into()),
    })?;
    settled(from, to, &meta)
}

/// Finds out what became of [`set_aside`] with the same arguments. The new name belongs to one attempt alone and a
/// rename is whole, so what is there tells.
///
/// # Errors
/// It cannot be looked at.
pub fn found(path: &Path, unique: &str) -> Result<Found, SetAsideError> {
    let Move { shown, from, to } = Move::of(path, unique)?;
    let there = |path: &Path| match fs::symlink_metadata(path) {
        Ok(meta) => Ok(Some(meta)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(SetAsideError::Io(shown.clone(), e)),
    };
    match (there(&to)?, there(&from)?) {
        (Some(meta), _) => settled(from, to, &meta).map(Found::Moved),
        (None, Some(_)) => Ok(Found::NotMoved),
        (None, None) => Ok(Found::Neither),
    }
}

/// From where to where.
struct Move {
    shown: Clean,
    from: PathBuf,
    to: PathBuf,
}

impl Move {
    fn of(path: &Path, unique: &str) -> Result<Move, SetAsideError> {
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
        let mut new_name = name.to_owned();
        new_name.push(format!(".set-aside.{unique}"));
        // Rebuilt, so that a trailing slash cannot make a link mean its target.
        Ok(Move { from: parent.join(name), to: parent.join(new_name), shown })
    }
}

/// Makes a move durable and tells about it.
fn settled(from: PathBuf, to: PathBuf, meta: &fs::Metadata) -> Result<SetAside, SetAsideError> {
    let parent = to.parent().unwrap_or(Path::new("/"));
    File::open(parent)
        .and_then(|dir| dir.sync_all())
        .map_err(|e| SetAsideError::NotDurable(visible_name(to.as_os_str().as_encoded_bytes()), e))?;
    Ok(SetAside { bytes: size_of(&to, meta), kind: kind_of(meta), from, to })
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

    #[test]
    fn whatever_it_is_moves_as_it_is_also_on_another_file_system() {
        use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
        // A memory file system beside the disk, where the machine has one.
        let others = [Path::new("/dev/shm")].into_iter().filter(|p| p.is_dir());
        for root in others.chain([std::env::temp_dir().as_path()]) {
            let dir = tempfile::tempdir_in(root).unwrap();
            let at = |name: &str| dir.path().join(name);
            fs::create_dir_all(at("tree/deep")).unwrap();
            std::os::unix::fs::symlink("/nowhere/at/all", at("dangling")).unwrap();
            let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
            let mode = rustix::fs::Mode::from_raw_mode(0o600);
            rustix::fs::mknodat(CWD, at("pipe"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
            // A device can be made by root alone; a test as somebody else does without.
            let null = rustix::fs::makedev(1, 3);
            let device =
                rustix::fs::mknodat(CWD, at("device"), rustix::fs::FileType::CharacterDevice, mode, null);
            let mut all =
                vec![("tree", Kind::Directory), ("dangling", Kind::Symlink), ("socket", Kind::Special)];
            all.push(("pipe", Kind::Special));
            all.extend(device.is_ok().then_some(("device", Kind::Special)));
            for (name, kind) in all {
                let before = fs::symlink_metadata(at(name)).unwrap();
                let done = set_aside(&at(name), "u").unwrap();
                let after = fs::symlink_metadata(&done.to).unwrap();
                assert_eq!(done.kind, kind, "{name}");
                assert_eq!((after.ino(), after.dev()), (before.ino(), before.dev()), "{name} was not copied");
                assert!(fs::symlink_metadata(at(name)).is_err(), "{name}");
                assert_eq!(after.file_type().is_char_device(), name == "device");
            }
        }
    }

    #[test]
    fn the_root_of_another_file_system_stays_where_it_is() {
        // The process table is one everywhere, and nobody may move it.
        let why = refused(Path::new("/proc"));
        assert!(why.contains("mount point") || why.contains("denied"), "{why}");
        assert!(Path::new("/proc/self").exists());
    }

    #[test]
    fn of_many_who_move_the_same_thing_one_does_and_nothing_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        for round in 0..50 {
            fs::write(&path, round.to_string()).unwrap();
            let unique = format!("01X.drop.{round}");
            let moved = std::thread::scope(|scope| {
                let all: Vec<_> = (0..4).map(|_| scope.spawn(|| set_aside(&path, &unique))).collect();
                all.into_iter().map(|t| t.join().unwrap()).collect::<Vec<_>>()
            });
            let (done, not): (Vec<_>, Vec<_>) = moved.into_iter().partition(Result::is_ok);
            assert_eq!(done.len(), 1);
            for why in not {
                assert!(matches!(why, Err(SetAsideError::Refused(..))), "{why:?}");
            }
            let kept = dir.path().join(format!("f.set-aside.{unique}"));
            assert_eq!(fs::read_to_string(kept).unwrap(), round.to_string());
        }
    }

    #[test]
    fn what_became_of_a_move_can_be_told_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        assert_eq!(found(&path, "u").unwrap(), Found::Neither);
        fs::write(&path, b"123").unwrap();
        assert_eq!(found(&path, "u").unwrap(), Found::NotMoved);
        let done = set_aside(&path, "u").unwrap();
        assert_eq!(found(&path, "u").unwrap(), Found::Moved(done.clone()));
        fs::write(&path, b"a new one").unwrap();
        assert_eq!(found(&path, "u").unwrap(), Found::Moved(done), "what came after it was not moved");
        assert_eq!(found(&path, "another").unwrap(), Found::NotMoved);
    }
}
