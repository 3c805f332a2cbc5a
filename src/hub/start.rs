//! Starting a hub in a process of its own: the parent's half. Never keeps a tie to it: the hub outlives who asked.

use crate::error::{Failure, Result};
use crate::hub::layout;
use crate::hub::logind::{self, AtLogout};
use crate::sanitize;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Entry of the hidden verb: the child's half.
pub fn main(dir: &Path) -> std::process::ExitCode {
    crate::hub::process::main(dir)
}

/// The hidden verb.
pub const VERB: &str = "__hub";
/// The word before the socket's path on the hub's one line of output.
pub(super) const READY: &str = "READY ";
/// This program, also after its file was replaced.
const SELF: &str = "/proc/self/exe";
const DIES: &str = "this machine ends processes at logout: the hub ends with your session. Stay logged in, or log in so that \
     there is a user manager, run `loginctl enable-linger`, and `backout resume` the incident";
const DIES_SOON: &str =
    "this machine ends processes soon after the last logout: run `loginctl enable-linger`, and the hub stays";
/// Of the hub's log, this much is shown when it does not start.
const TAIL: usize = 2000;

/// A hub that serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// Where.
    pub socket: PathBuf,
    /// What will end it, when something will.
    pub warning: Option<&'static str>,
}

/// How to start a hub.
#[derive(Debug, Clone)]
pub struct Launch {
    exe: PathBuf,
    dir: PathBuf,
    secrets: BTreeMap<String, String>,
}

impl Launch {
    /// For the incident in this folder, which [`layout::prepare`] made or an earlier hub left.
    pub fn new(dir: impl Into<PathBuf>) -> Launch {
        // Still this program after the file was replaced by an upgrade.
        Launch { exe: PathBuf::from(SELF), dir: dir.into(), secrets: BTreeMap::new() }
    }

    /// The answers that are never written down, by parameter.
    #[must_use]
    pub fn secrets(mut self, secrets: BTreeMap<String, String>) -> Launch {
        self.secrets = secrets;
        self
    }

    /// Which program knows the hidden verb; this one if not said.
    #[must_use]
    pub fn program(mut self, exe: impl Into<PathBuf>) -> Launch {
        self.exe = exe.into();
        self
    }

    /// Starts it and waits until it serves.
    ///
    /// # Errors
    /// It did not come up; the failure says why in the hub's own words.
    pub fn start(&self) -> Result<Ready> {
        let dir = std::path::absolute(&self.dir)
            .map_err(|e| Failure::environment(format!("cannot find {}", self.dir.display())).because(e))?;
        let path = dir.join(layout::LOG);
        let flags = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0);
        let mut log = std::fs::OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(flags)
            .open(&path)
            .map_err(|e| {
                let failure = Failure::environment(format!("cannot write {}", path.display()));
                layout::with_hint(failure, &dir, &e).because(e)
            })?;
        let before = log.seek(SeekFrom::End(0)).unwrap_or(0);
        let stderr = log.try_clone().map_err(|e| Failure::environment("cannot start a hub").because(e))?;
        let (mut command, warning) = self.command(&dir);
        let mut child = command
            .arg(VERB)
            .arg(&dir)
            .current_dir("/")
            .env("RUST_BACKTRACE", "0")
            // The hub signs nothing, and steps must not find anybody's agent.
            .env_remove("SSH_AUTH_SOCK")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .map_err(|e| self.cannot(&e))?;
        match self.hand_over(&mut child) {
            Some(socket) => {
                // Somebody must take note of its end, or it stays in the process table as long as this program lives.
                std::thread::spawn(move || child.wait());
                Ok(Ready { socket, warning })
            }
            None => {
                let ended = child.wait().map_or_else(|e| e.to_string(), |status| status.to_string());
                Err(did_not_start(&mut log, before, &ended, &path))
            }
        }
    }

    fn cannot(&self, error: &std::io::Error) -> Failure {
        let failure = Failure::environment("cannot start a hub").because(error);
        if self.exe == Path::new(SELF) && !self.exe.exists() {
            return failure.hint("mount /proc: a hub is this program once more, and it finds itself there");
        }
        failure
    }

    /// The program, in a scope of its own where a logout would end it otherwise; and a warning where that is not enough.
    fn command(&self, dir: &Path) -> (Command, Option<&'static str>) {
        let scoped = match logind::at_logout_of_this_session() {
            AtLogout::Lives | AtLogout::Unknown => return (Command::new(&self.exe), None),
            AtLogout::Dies => return (Command::new(&self.exe), Some(DIES)),
            AtLogout::DiesUnlessScoped { lingers: true } => None,
            AtLogout::DiesUnlessScoped { lingers: false } => Some(DIES_SOON),
        };
        let id = dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        // `self` would be systemd-run over there; this process waits, so its number stays good.
        let exe = if self.exe == Path::new(SELF) {
            PathBuf::from(format!("/proc/{}/exe", std::process::id()))
        } else {
            self.exe.clone()
        };
        let unit = format!("--unit=backout-{id}-{}", std::process::id());
        let mut command = Command::new("systemd-run");
        command.args(["--user", "--scope", "--collect", "-q", &unit, "--"]).arg(exe);
        (command, scoped)
    }

    /// Gives it the secrets and waits for its one line.
    fn hand_over(&self, child: &mut Child) -> Option<PathBuf> {
        let mut text = serde_json::to_vec(&self.secrets).ok()?;
        if let Some(mut stdin) = child.stdin.take() {
            // A hub that died already shows below.
            let _ = stdin.write_all(&text);
        }
        std::hint::black_box(&mut text).fill(0);
        let mut line = String::new();
        let stdout = child.stdout.take()?;
        BufReader::new(stdout.take(4096)).read_line(&mut line).ok()?;
        let path = line.strip_suffix('\n')?.strip_prefix(READY)?;
        Some(PathBuf::from(path))
    }
}

fn did_not_start(log: &mut std::fs::File, before: u64, ended: &str, path: &Path) -> Failure {
    let mut said = Vec::new();
    let _ = log.seek(SeekFrom::Start(before)).and_then(|_| log.take(64 * 1024).read_to_end(&mut said));
    let from = said.len().saturating_sub(TAIL);
    let words = sanitize::text(said.get(from..).unwrap_or_default().trim_ascii());
    let failure = Failure::environment("the hub did not start");
    if words.is_empty() {
        return failure.because(ended).hint(format!("its log is {}", path.display()));
    }
    failure.because(words)
}

/// Secrets of a runbook that the environment of this process answers: parameter to value.
pub fn secrets_from_environment(runbook: &crate::runbook::model::Runbook) -> BTreeMap<String, String> {
    let named = runbook.params.iter().filter(|p| p.secret);
    named.filter_map(|p| Some((p.name.clone(), std::env::var(p.env.as_ref()?).ok()?))).collect()
}
