//! Real servers as children: found, started, watched, killed. Never a stand-in for one that is missing.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Folders beside `PATH` where Debian keeps servers.
const MORE: [&str; 4] =
    ["/usr/lib/postgresql/15/bin", "/usr/sbin", "/usr/lib/postgresql/16/bin", "/usr/lib/postgresql/17/bin"];

/// Where a program is, or nothing. `PATH` comes last: a wrapper there may pick another version.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    MORE.iter()
        .map(PathBuf::from)
        .chain(std::env::split_paths(&path))
        .map(|dir| dir.join(program))
        .find(|file| file.is_file())
}

/// Where a program is; when it is missing says so on stderr in the form that `tests/run.sh` collects.
pub fn need(program: &str) -> Option<PathBuf> {
    let found = find(program);
    if found.is_none() {
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        eprintln!("SKIPPED: {test}: no {program} on this machine");
    }
    found
}

/// A port of 127.0.0.1 that was free a moment ago. A server that finds it taken must fail, and its start be retried.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// A server in a process group of its own, killed when dropped and when the thread that started it ends.
pub struct Daemon {
    child: Child,
    log: PathBuf,
    name: String,
}

impl Daemon {
    /// A command that dies with the calling thread and, for root, runs as `user` when one is named.
    pub fn command(program: impl AsRef<OsStr>, user: Option<&str>) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if let (Some(user), true) = (user, rustix::process::geteuid().is_root()) {
            command.args(["--reuid", user, "--regid", user, "--init-groups"]);
        }
        command.arg("--").arg(program);
        command
    }

    /// Starts it with its output in `log`.
    pub fn start(name: &str, mut command: Command, log: &Path) -> Daemon {
        let out = File::create(log).unwrap();
        command.stdin(Stdio::null()).stdout(out.try_clone().unwrap()).stderr(out).process_group(0);
        let child = command.spawn().unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        Daemon { child, log: log.to_owned(), name: name.to_owned() }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// What it has printed so far.
    pub fn printed(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// A reason for `wait_for`: still starting, or gone with its last words.
    pub fn state(&mut self) -> String {
        match self.child.try_wait().unwrap() {
            None => format!("{} runs but does not answer; it printed: {}", self.name, self.printed()),
            Some(status) => format!("{} ended with {status}; it printed: {}", self.name, self.printed()),
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let group = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let _ = self.child.wait();
    }
}
