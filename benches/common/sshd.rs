//! A real sshd on this machine that lets one key in. One that cannot be had is said loudly.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The server; gone when dropped.
pub struct Sshd {
    child: Child,
    place: tempfile::TempDir,
}

impl Sshd {
    /// Starts one for the key file; `None` when there is no sshd.
    pub fn start(key: &Path) -> Option<Sshd> {
        let server = PathBuf::from("/usr/sbin/sshd");
        if !server.is_file() {
            println!("PEER MISSING: there is no sshd; nothing is measured through it");
            return None;
        }
        let place = super::folder();
        let host = place.path().join("host");
        let made =
            Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&host).status();
        assert!(made.unwrap().success());
        if rustix::process::geteuid().is_root() {
            std::fs::create_dir_all("/run/sshd").unwrap();
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let settings = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nUsePAM no\n\
             StrictModes no\nPasswordAuthentication no\nMaxStartups 300\nPrintMotd no\nPrintLastLog no\n",
            host.display(),
            key.with_extension("pub").display()
        );
        std::fs::write(place.path().join("sshd_config"), settings).unwrap();
        let client = format!(
            "Host box\n  HostName 127.0.0.1\n  Port {port}\n  IdentityFile {}\n  IdentitiesOnly yes\n  BatchMode yes\n  \
             StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n  LogLevel ERROR\n",
            key.display()
        );
        std::fs::write(place.path().join("ssh_config"), client).unwrap();
        let mut command = Command::new(server);
        command.arg("-D").arg("-f").arg(place.path().join("sshd_config"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let until = Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "sshd does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(Sshd { child, place })
    }

    /// A configuration in which it is called `box`.
    pub fn config(&self) -> PathBuf {
        self.place.path().join("ssh_config")
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
