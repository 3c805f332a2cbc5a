//! The folder of one incident as the writer trusts it: opened once, checked, and every file opened below it.
//!
//! Never follows a symbolic link below the folder, and never uses a folder that somebody else could change.

use std::fs::{DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};

/// The evidence.
pub const TIMELINE: &str = "timeline.jsonl";
/// Outputs, messages and tables that events commit to.
pub const PAYLOADS: &str = "payloads.jsonl";
/// The secret key of the seals.
pub const HUB_KEY: &str = "hub.key";
/// The key of a segment that is being begun, until its first events are sealed.
pub const NEXT_KEY: &str = "hub.key.next";
/// Held by the writer; its text tells how the last one ended.
pub const LOCK: &str = "lock";
/// Space for the last events on a full disk.
pub const RESERVE: &str = "reserve";
/// Checkpoints that came back from elsewhere.
pub const ANCHORS: &str = "anchors";

/// Why a folder or a file in it is not used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A system call failed.
    #[error("{what}: {why}")]
    Io {
        /// With what.
        what: String,
        /// The system's words.
        why: io::Error,
    },
    /// The folder or a file is a symbolic link or not of the expected type.
    #[error("{0} is a link or not what it should be")]
    WrongType(String),
    /// Somebody else owns it.
    #[error("{0} belongs to another user")]
    NotOurs(String),
    /// Others could change it.
    #[error("{0} can be changed by other users (mode {1:o})")]
    Open(String, u32),
    /// The file has a second name somewhere.
    #[error("{0} has more than one name (hard link)")]
    Linked(String),
    /// The file system does not keep the promises a record needs.
    #[error("{0} is on {1}, where locks and syncs cannot be relied on")]
    FileSystem(String, &'static str),
}

/// Whether network and user-space file systems are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSystems {
    /// NFS, SMB and FUSE are refused.
    LocalOnly,
    /// The operator takes the risk.
    Any,
}

/// An incident's folder, open and checked.
#[derive(Debug)]
pub struct Folder {
    dir: OwnedFd,
    path: PathBuf,
}

fn io_error(what: &Path, why: impl Into<io::Error>) -> FolderError {
    FolderError::Io { what: what.display().to_string(), why: why.into() }
}

impl Folder {
    /// Makes the folder (0700) unless it is there, then opens it.
    ///
    /// # Errors
    /// As [`open`](Self::open), or it cannot be made.
    pub fn create(path: &Path, systems: FileSystems) -> Result<Self, FolderError> {
        match DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(io_error(path, e)),
        }
        let folder = Folder::open(path, systems)?;
        if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            File::open(parent).and_then(|p| p.sync_all()).map_err(|e| io_error(parent, e))?;
        }
        Ok(folder)
    }

    /// Opens and checks it.
    ///
    /// # Errors
    /// A link, another owner, writable by others, or a file system that is refused.
    pub fn open(path: &Path, systems: FileSystems) -> Result<Self, FolderError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(dir) => dir,
            Err(rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR) => {
                return Err(FolderError::WrongType(path.display().to_string()));
            }
            Err(e) => return Err(io_error(path, e)),
        };
        let name = || path.display().to_string();
        let stat = rustix::fs::fstat(&dir).map_err(|e| io_error(path, e))?;
        if stat.st_uid != rustix::process::geteuid().as_raw() {
            return Err(FolderError::NotOurs(name()));
        }
        if stat.st_mode & 0o022 != 0 {
            return Err(FolderError::Open(name(), stat.st_mode & 0o7777));
        }
        if systems == FileSystems::LocalOnly
            && let Some(kind) = remote_kind(&dir).map_err(|e| io_error(path, e))?
        {
            return Err(FolderError::FileSystem(name(), kind));
        }
        Ok(Folder { dir, path: path.to_owned() })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn file_path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Opens a file below the folder with these flags (0600 if made), never through a link, and checks whose it is.
    pub(super) fn file(&self, name: &str, flags: OFlags) -> Result<File, FolderError> {
        let path = self.file_path(name);
        let all = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let fd = match rustix::fs::openat(&self.dir, name, all, Mode::RUSR | Mode::WUSR) {
            Ok(fd) => fd,
            Err(rustix::io::Errno::LOOP) => return Err(FolderError::WrongType(path.display().to_string())),
            Err(e) => return Err(io_error(&path, e)),
        };
        let stat = rustix::fs::fstat(&fd).map_err(|e| io_error(&path, e))?;
        let name = || path.display().to_string();
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(FolderError::WrongType(name()));
        }
        if stat.st_uid != rustix::process::geteuid().as_raw() {
            return Err(FolderError::NotOurs(name()));
        }
        if stat.st_mode & 0o022 != 0 {
            return Err(FolderError::Open(name(), stat.st_mode & 0o7777));
        }
        if stat.st_nlink != 1 {
            return Err(FolderError::Linked(name()));
        }
        Ok(File::from(fd))
    }

    /// A file of the folder for reading.
    ///
    /// # Errors
    /// Not there, a link, or not ours.
    pub fn read(&self, name: &str) -> Result<File, FolderError> {
        self.file(name, OFlags::RDONLY)
    }

    /// Whether there is something of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        rustix::fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// A new file; refused if the name is taken.
    pub(super) fn make(&self, name: &str) -> Result<File, FolderError> {
        self.file(name, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL)
    }

    /// Writes a whole new file and syncs it, under a spare name first, so that nobody ever sees half of it.
    pub(super) fn replace(
        &self,
        name: &str,
        fill: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<(), FolderError> {
        let spare = format!("{name}.new");
        let path = self.file_path(&spare);
        self.remove(&spare)?;
        let mut file = self.make(&spare)?;
        fill(&mut file).and_then(|()| file.sync_all()).map_err(|e| io_error(&path, e))?;
        rustix::fs::renameat(&self.dir, spare.as_str(), &self.dir, name).map_err(|e| io_error(&path, e))?;
        self.sync()
    }

    /// Removes a name, if it is there.
    pub(super) fn remove(&self, name: &str) -> Result<(), FolderError> {
        match rustix::fs::unlinkat(&self.dir, name, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(e) => Err(io_error(&self.file_path(name), e)),
        }
    }

    /// Gives a file another name, in the place of whatever had it.
    pub(super) fn rename(&self, from: &str, to: &str) -> Result<(), FolderError> {
        rustix::fs::renameat(&self.dir, from, &self.dir, to)
            .map_err(|e| io_error(&self.file_path(from), e))?;
        self.sync()
    }

    /// Makes names durable.
    pub(super) fn sync(&self) -> Result<(), FolderError> {
        rustix::fs::fsync(self.dir.as_fd()).map_err(|e| io_error(&self.path, e))
    }

    /// A small text file, at most 64 KiB of it.
    pub(super) fn text(&self, name: &str) -> Result<String, FolderError> {
        let mut text = String::new();
        let path = self.file_path(name);
        self.read(name)?.take(65_536).read_to_string(&mut text).map_err(|e| io_error(&path, e))?;
        Ok(text)
    }

    /// A new synced file with this text.
    pub(super) fn make_text(&self, name: &str, text: &[u8]) -> Result<(), FolderError> {
        let path = self.file_path(name);
        let mut file = self.make(name)?;
        file.write_all(text).and_then(|()| file.sync_all()).map_err(|e| io_error(&path, e))
    }

    /// Turns a system error about one of its files into ours.
    pub(super) fn failed(&self, name: &str, why: io::Error) -> FolderError {
        io_error(&self.file_path(name), why)
    }
}

/// The name of the file system, if it is one where `flock` and `fsync` promise less.
fn remote_kind(dir: &OwnedFd) -> io::Result<Option<&'static str>> {
    let magic = rustix::fs::fstatfs(dir)?.f_type as u64 & 0xffff_ffff;
    Ok(match magic {
        0x6969 => Some("NFS"),
        0x517b | 0xfe53_4d42 | 0xff53_4d42 => Some("SMB"),
        0x6573_5546 => Some("FUSE"),
        _ => None,
    })
}
