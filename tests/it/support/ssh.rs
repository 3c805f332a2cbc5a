//! Real OpenSSH: key files, an agent, a server. Never reads a key or an agent of the person who runs the tests.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{Daemon, Place, free_port, need, wait_for};

/// Kinds of key people really have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// Ed25519.
    Ed25519,
    /// ECDSA on P-256.
    Ecdsa,
    /// RSA with 3072 bits.
    Rsa,
}

/// Makes a key file without a passphrase; the public half stands beside it as `.pub`.
pub fn make_key(file: &Path, kind: KeyKind, comment: &str) {
    let options: &[&str] = match kind {
        KeyKind::Ed25519 => &["-t", "ed25519"],
        KeyKind::Ecdsa => &["-t", "ecdsa", "-b", "256"],
        KeyKind::Rsa => &["-t", "rsa", "-b", "3072"],
    };
    let mut make = Command::new("ssh-keygen");
    make.args(["-q", "-N", "", "-C", comment]).args(options).arg("-f").arg(file);
    ran(&mut make);
}

/// A real ssh-agent.
pub struct Agent {
    _daemon: Daemon,
    socket: PathBuf,
}

impl Agent {
    /// Starts one at `place/NAME.agent`; nothing when OpenSSH is missing.
    pub fn start(place: &Place, name: &str) -> Option<Agent> {
        Agent::start_with(place, name, &[])
    }

    /// The same with more in its environment.
    pub fn start_with(place: &Place, name: &str, env: &[(&str, &str)]) -> Option<Agent> {
        Agent::start_allowing(place, name, env, &[])
    }

    /// The same with more options: libraries of security keys that it may load, for example.
    pub fn start_allowing(
        place: &Place,
        name: &str,
        env: &[(&str, &str)],
        options: &[&str],
    ) -> Option<Agent> {
        let (agent, setpriv) = (need("ssh-agent")?, need("setpriv")?);
        let socket = place.join(format!("{name}.agent"));
        let mut run = Daemon::command(agent, None);
        // Debian's agent is setgid, which clears the parent-death signal: it watches over a child that has one.
        run.args(options).arg("-a").arg(&socket).arg(setpriv).args([
            "--pdeathsig",
            "KILL",
            "sleep",
            "infinity",
        ]);
        run.env("HOME", place.path()).envs(env.iter().copied());
        let mut daemon = Daemon::start("ssh-agent", run, &place.join(format!("{name}.agent.log")));
        wait_for("ssh-agent listens", Duration::from_secs(10), || {
            // The socket is there a moment before anybody listens.
            let listens = std::os::unix::net::UnixStream::connect(&socket).is_ok();
            if listens { Ok(()) } else { Err(daemon.state()) }
        });
        Some(Agent { _daemon: daemon, socket })
    }

    /// Puts a key file's key into the agent.
    pub fn add(&self, key: &Path) {
        ran(Command::new("ssh-add").arg("-q").arg(key).env("SSH_AUTH_SOCK", &self.socket));
    }

    /// Takes every key out again.
    pub fn forget_all(&self) {
        ran(Command::new("ssh-add").args(["-q", "-D"]).env("SSH_AUTH_SOCK", &self.socket));
    }

    /// Its socket, for `SSH_AUTH_SOCK`.
    pub fn socket(&self) -> &Path {
        &self.socket
    }
}

/// A real sshd on 127.0.0.1 that lets one key in.
pub struct Sshd {
    _daemon: Daemon,
    port: u16,
    config: PathBuf,
}

impl Sshd {
    /// Starts one for the current user; `key` is the key file that may come in. Nothing when it is missing.
    pub fn start(place: &Place, key: &Path) -> Option<Sshd> {
        Sshd::start_with(place, key, "")
    }

    /// The same with more settings.
    pub fn start_with(place: &Place, key: &Path, more: &str) -> Option<Sshd> {
        let server = need("sshd")?;
        let folder = place.folder("sshd");
        let host_key = folder.join("host_key");
        make_key(&host_key, KeyKind::Ed25519, "host");
        let allowed = folder.join("authorized_keys");
        std::fs::copy(key.with_added_extension("pub"), &allowed).unwrap();
        if rustix::process::geteuid().is_root() {
            std::fs::create_dir_all("/run/sshd").unwrap();
        }
        let port = free_port();
        let settings = place.write(
            "sshd/sshd_config",
            format!(
                "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
                 UsePAM no\nStrictModes no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n{more}",
                host_key.display(),
                allowed.display()
            ),
        );
        let mut run = Daemon::command(server, None);
        run.arg("-D").arg("-e").arg("-f").arg(&settings);
        let mut daemon = Daemon::start("sshd", run, &folder.join("log"));
        wait_for("sshd listens", Duration::from_secs(20), || {
            assert!(daemon.is_alive(), "{}", daemon.state());
            std::net::TcpStream::connect(("127.0.0.1", port)).map(drop).map_err(|error| error.to_string())
        });
        let host_pub = std::fs::read_to_string(host_key.with_added_extension("pub")).unwrap();
        let known = place.write("sshd/known_hosts", format!("[127.0.0.1]:{port} {host_pub}"));
        let config = place.write(
            "sshd/ssh_config",
            format!(
                "Host box\n  HostName 127.0.0.1\n  Port {port}\n  IdentityFile {}\n  IdentitiesOnly yes\n  \
                 UserKnownHostsFile {}\n  BatchMode yes\n",
                key.display(),
                known.display()
            ),
        );
        Some(Sshd { _daemon: daemon, port, config })
    }

    /// An ssh client configuration in which the host is called `box`.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Its TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// What stock `ssh-keygen -Y verify` says about a signature over `text`.
pub fn keygen_accepts(
    signers: &Path,
    principal: &str,
    namespace: &str,
    signature: &Path,
    text: &[u8],
) -> bool {
    use std::io::Write as _;
    let mut judge = Command::new("ssh-keygen");
    judge
        .args(["-Y", "verify", "-f"])
        .arg(signers)
        .args(["-I", principal, "-n", namespace, "-s"])
        .arg(signature);
    let mut child = judge
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // The judge may refuse before it has read everything; its exit code says so.
    let _ = child.stdin.take().unwrap().write_all(text);
    child.wait().unwrap().success()
}

fn ran(command: &mut Command) {
    let output = command.stdin(std::process::Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
