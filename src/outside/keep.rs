//! Places outside that keep a copy of the record's head: a folder, a web address, another machine. Never replaces a
//! copy by one of a shorter record, and never counts a copy that was not confirmed.

mod witness;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::channel::Address;
use super::endpoint::{Endpoint, hidden};
use super::http::{Clients, excerpt, fetch};

pub use witness::Witness;

/// How long one copy may take.
pub const TIMEOUT: Duration = Duration::from_secs(10);
const LIMIT: usize = 64 << 10;
/// A checkpoint is smaller than this (bytes).
const LONGEST: u64 = 16 * 1024;

/// A place that keeps checkpoints, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keeper {
    /// A folder, preferably on another machine's disk.
    Directory(PathBuf),
    /// Takes the checkpoint as the body of a POST.
    Webhook {
        /// Where to.
        address: Address,
        /// Header name to the environment variable that holds its value.
        headers_env: BTreeMap<String, String>,
    },
    /// Another machine, by the system's `ssh`: the checkpoint goes to the standard input of what it runs there,
    /// usually a forced command.
    Ssh {
        /// The host, as in `ssh HOST`.
        host: String,
    },
    /// Cosigns what only grew.
    Witness(Box<Witness>),
}

/// What shows a witness that the record of so many events begins the one of so many: hashes as in RFC 6962, section
/// 2.1.2. Reads the record, so it blocks.
pub type Prove = Arc<dyn Fn(u64, u64) -> Result<Vec<[u8; 32]>, String> + Send + Sync>;

/// What a witness wants to know beside the checkpoint.
#[derive(Clone)]
pub struct Growth {
    /// The record's own verifier key, for whoever runs the witness.
    pub vkey: String,
    /// So many events this keeper is known to have seen.
    pub known: u64,
    /// The proofs.
    pub prove: Prove,
}

/// A checkpoint to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Name of the log.
    pub log: String,
    /// Number of events.
    pub n: u64,
    /// The C2SP checkpoint, signed.
    pub text: String,
}

impl Checkpoint {
    /// A file name of its own for every log.
    fn file(&self) -> String {
        let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
        format!("{}.checkpoint", self.log.chars().map(safe).collect::<String>().trim_start_matches('.'))
    }
}

/// Has a checkpoint kept, and gives it as it is worth keeping: with what a witness put to it. Takes at most
/// [`TIMEOUT`].
///
/// # Errors
/// Why it is not known to be kept there.
pub async fn keep(
    keeper: &Keeper,
    clients: &Clients,
    checkpoint: &Checkpoint,
    growth: &Growth,
) -> Result<String, String> {
    match keeper {
        Keeper::Directory(dir) => {
            let (dir, own) = (dir.clone(), checkpoint.clone());
            let written = tokio::task::spawn_blocking(move || write(&dir, &own));
            match tokio::time::timeout(TIMEOUT, written).await {
                Ok(Ok(done)) => done,
                Ok(Err(_)) => Err("the write was interrupted".to_owned()),
                Err(_) => Err(format!("the disk took longer than {} s", TIMEOUT.as_secs())),
            }
        }
        Keeper::Webhook { address, headers_env } => post(address, headers_env, clients, checkpoint).await,
        Keeper::Ssh { host } => ssh("ssh", host, checkpoint).await,
        Keeper::Witness(witness) => {
            return witness::cosigned(witness, clients, checkpoint, growth).await;
        }
    }?;
    Ok(checkpoint.text.clone())
}

/// Written beside and renamed, so that there is always a whole one; only over one of a shorter record.
fn write(dir: &Path, checkpoint: &Checkpoint) -> Result<(), String> {
    let cannot = |what: &str, e: std::io::Error| format!("cannot {what} in {}: {e}", dir.display());
    let path = dir.join(checkpoint.file());
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits()).unwrap_or(0);
    match File::options().read(true).custom_flags(flags).open(&path) {
        Ok(file) => {
            let mut there = String::new();
            file.take(LONGEST).read_to_string(&mut there).map_err(|e| cannot("read the copy before", e))?;
            let n = there.lines().nth(1).and_then(|line| line.parse::<u64>().ok());
            if n.is_some_and(|n| n > checkpoint.n) {
                return Err(format!(
                    "{} keeps a head of {} events already, and this record has {}",
                    path.display(),
                    n.unwrap_or_default(),
                    checkpoint.n
                ));
            }
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        Err(e) => return Err(cannot("read the copy before", e)),
    }
    let new = dir.join(format!(".{}.new", checkpoint.file()));
    let write = || {
        let options = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o644)
            .custom_flags(flags)
            .open(&new);
        let mut file = options?;
        file.write_all(checkpoint.text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&new, &path)?;
        File::open(dir)?.sync_all()
    };
    write().map_err(|e| cannot("write", e))
}

async fn post(
    address: &Address,
    headers_env: &BTreeMap<String, String>,
    clients: &Clients,
    checkpoint: &Checkpoint,
) -> Result<(), String> {
    let url = address.read()?;
    let mut endpoint = Endpoint::new(url.clone());
    endpoint.headers_env.clone_from(headers_env);
    let mask = |text: &str| endpoint.mask(text).replace(&url, "…");
    let request = endpoint
        .request(clients, Method::POST, &url)
        .map_err(|why| mask(&why))?
        .header("Content-Type", "text/plain; charset=utf-8")
        .header("Backout-Log", hidden(&checkpoint.log).ok_or("the log's name does not fit into a header")?)
        .body(checkpoint.text.clone());
    let answer = fetch(request, TIMEOUT, LIMIT).await.map_err(|e| mask(&e.to_string()))?;
    if answer.is_success() && !answer.is_html() {
        Ok(())
    } else {
        Err(mask(&format!("HTTP {}: {}", answer.status, answer.excerpt())))
    }
}

/// Ends the whole group when dropped.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // ESRCH: it is gone, which is what is wanted.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

async fn ssh(program: &str, host: &str, checkpoint: &Checkpoint) -> Result<(), String> {
    let mut command = Command::new(program);
    // Nobody is there to answer a question, and no agent of a person is used.
    command.args(["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "--", host, "backout-anchor"]);
    command.env_remove("SSH_AUTH_SOCK");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.process_group(0).kill_on_drop(true);
    let mut child = command.spawn().map_err(|e| format!("cannot start ssh: {e}"))?;
    let _group = Group(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw));
    let input = child.stdin.take();
    let text = checkpoint.text.clone();
    let talk = async {
        if let Some(mut input) = input {
            // A far side that does not read says so by its exit code.
            let _ = input.write_all(text.as_bytes()).await;
            let _ = input.shutdown().await;
        }
        child.wait_with_output().await
    };
    let ended = tokio::time::timeout(TIMEOUT, talk).await;
    let ended = ended.map_err(|_| format!("ssh took longer than {} s", TIMEOUT.as_secs()))?;
    let ended = ended.map_err(|e| format!("cannot wait for ssh: {e}"))?;
    if ended.status.success() {
        return Ok(());
    }
    Err(format!("ssh ended with {}: {}", ended.status, excerpt(&String::from_utf8_lossy(&ended.stderr))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(n: u64) -> Checkpoint {
        Checkpoint {
            log: "backout.local/01M7".into(),
            n,
            text: format!("backout.local/01M7\n{n}\nroot\n\n— sig\n"),
        }
    }

    fn growth() -> Growth {
        Growth { vkey: String::new(), known: 0, prove: Arc::new(|_, _| Err("nobody asks".to_owned())) }
    }

    #[tokio::test]
    async fn a_folder_keeps_the_longest_and_never_a_shorter_one() {
        let dir = tempfile::tempdir().unwrap();
        let keeper = Keeper::Directory(dir.path().to_owned());
        keep(&keeper, &Clients::new(), &checkpoint(5), &growth()).await.unwrap();
        keep(&keeper, &Clients::new(), &checkpoint(9), &growth()).await.unwrap();
        let why = keep(&keeper, &Clients::new(), &checkpoint(7), &growth()).await.unwrap_err();
        assert!(why.contains("keeps a head of 9 events already"), "{why}");
        let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["backout.local_01M7.checkpoint"]);
        let text = std::fs::read_to_string(dir.path().join("backout.local_01M7.checkpoint")).unwrap();
        assert_eq!(text, checkpoint(9).text);
    }

    #[tokio::test]
    async fn a_link_in_the_place_of_the_copy_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("target");
        std::fs::write(&target, "").unwrap();
        std::os::unix::fs::symlink(&target, dir.path().join("backout.local_01M7.checkpoint")).unwrap();
        let keeper = Keeper::Directory(dir.path().to_owned());
        assert!(keep(&keeper, &Clients::new(), &checkpoint(1), &growth()).await.is_err());
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "");
    }

    #[tokio::test]
    async fn ssh_hands_the_checkpoint_over_and_its_exit_code_counts() {
        let dir = tempfile::tempdir().unwrap();
        let far = dir.path().join("kept");
        let script = |end: &str| {
            let path = dir.path().join(format!("ssh-{}", end.len()));
            std::fs::write(
                &path,
                format!("#!/bin/sh\ncat > {}\necho nobody home >&2\n{end}\n", far.display()),
            )
            .unwrap();
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
            path.to_string_lossy().into_owned()
        };
        ssh(&script("exit 0"), "witness", &checkpoint(3)).await.unwrap();
        assert_eq!(std::fs::read_to_string(&far).unwrap(), checkpoint(3).text);
        let why = ssh(&script("exit 255 "), "witness", &checkpoint(3)).await.unwrap_err();
        assert!(why.contains("255") && why.contains("nobody home"), "{why}");
    }
}
