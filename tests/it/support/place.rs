//! A temporary folder with a short path (sockets allow 107 bytes) that takes its processes with it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A temporary folder. When dropped, every process that lives in it is killed and the folder removed.
pub struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    /// A new empty folder that every user may pass through: PostgreSQL refuses to run as root.
    pub fn new() -> Place {
        let dir = tempfile::Builder::new().prefix("bo").rand_bytes(5).tempdir_in("/tmp").unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Place { dir }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A path inside.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A folder inside, made with its parents, private to its owner.
    pub fn folder(&self, name: &str) -> PathBuf {
        let path = self.join(name);
        fs::create_dir_all(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        path
    }

    /// Writes a file, making its folders.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// The processes that were started with a `HOME` in this folder, or work in it, and still live, with their command
    /// lines. One that writes its title over its environment, as Redis does, is known by where it works.
    pub fn processes(&self) -> Vec<(rustix::process::Pid, String)> {
        let mark = [b"HOME=", self.path().as_os_str().as_encoded_bytes()].concat();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
                continue;
            };
            let environ = fs::read(entry.path().join("environ")).unwrap_or_default();
            let at_home = environ.split(|b| *b == 0).any(|var| {
                var.strip_prefix(mark.as_slice()).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
            });
            let at_work = fs::read_link(entry.path().join("cwd")).is_ok_and(|at| at.starts_with(self.path()));
            if (at_home || at_work)
                && let Some(pid) = rustix::process::Pid::from_raw(pid)
            {
                let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
                found.push((pid, String::from_utf8_lossy(&line).replace('\0', " ")));
            }
        }
        found
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Twice: what is killed first may just have started another.
        for _ in 0..2 {
            for (pid, _) in self.processes() {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }
}
