//! Real accounts of this machine, made for one test and removed after it. Never touches one that was there before.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::ssh::{KeyKind, make_key};
use super::{Backout, Daemon, Outcome, Place, need, wait_for};

/// One account, with an SSH key of its own.
pub struct Account {
    /// What the test calls it.
    pub id: &'static str,
    /// What the machine calls it.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// Its home, closed to everybody else.
    pub home: PathBuf,
    /// Its key file, readable by nobody else.
    pub key: PathBuf,
    agent: Option<(Daemon, PathBuf)>,
}

/// Some accounts and a group that some of them share.
pub struct Accounts {
    /// The shared group.
    pub group: String,
    /// The program where all of them can reach it.
    pub program: PathBuf,
    people: Vec<Account>,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

impl Accounts {
    /// Makes them; the first `members` share the group. Nothing, and said so loudly, without root or `useradd`.
    pub fn make(place: &Place, ids: &[&'static str], members: usize) -> Option<Accounts> {
        need("useradd")?;
        need("setpriv")?;
        if !rustix::process::geteuid().is_root() {
            let test = std::thread::current().name().unwrap_or("a test").to_owned();
            eprintln!("SKIPPED: {test}: only root can make accounts");
            return None;
        }
        let mark = format!("bo{:x}{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let group = format!("{mark}g");
        done(&["groupadd", &group]);
        let program = place.join("backout");
        let built = Path::new(env!("CARGO_BIN_EXE_backout"));
        if std::fs::hard_link(built, &program).is_err() {
            std::fs::copy(built, &program).unwrap();
        }
        let mut accounts = Accounts { group, program, people: Vec::new() };
        for (n, id) in ids.iter().enumerate() {
            let name = format!("{mark}{}", (b'a' + n as u8) as char);
            let home = place.folder(&format!("home-{id}"));
            let mut add =
                vec!["useradd", "-M", "-U", "-p", "*", "-s", "/bin/bash", "-d", home.to_str().unwrap()];
            if n < members {
                add.extend(["-G", &accounts.group]);
            }
            add.push(&name);
            done(&add);
            let uid = String::from_utf8(output(&["id", "-u", &name]).stdout).unwrap();
            let uid = uid.trim().parse().unwrap();
            let key = home.join("key");
            make_key(&key, KeyKind::Ed25519, id);
            for path in [&home, &key, &key.with_added_extension("pub")] {
                chown(path, Some(uid), Some(uid)).unwrap();
            }
            accounts.people.push(Account { id, name, uid, home, key, agent: None });
        }
        Some(accounts)
    }

    /// One of them.
    pub fn of(&self, id: &str) -> &Account {
        self.people.iter().find(|p| p.id == id).unwrap_or_else(|| panic!("nobody is called {id}"))
    }

    /// Gives each an agent of their own that holds their key.
    pub fn with_agents(mut self) -> Option<Accounts> {
        let (agent, setpriv) = (need("ssh-agent")?, need("setpriv")?);
        for person in &mut self.people {
            let socket = person.home.join("agent");
            let mut run = Daemon::command(&agent, Some(&person.name));
            run.arg("-a").arg(&socket).arg(&setpriv).args(["--pdeathsig", "KILL", "sleep", "infinity"]);
            run.env("HOME", &person.home);
            let mut daemon = Daemon::start("ssh-agent", run, &person.home.join("agent.log"));
            wait_for("ssh-agent listens", Duration::from_secs(10), || {
                if socket.exists() { Ok(()) } else { Err(daemon.state()) }
            });
            // The socket is there a moment before anybody listens.
            wait_for("ssh-add", Duration::from_secs(10), || {
                let mut add = as_account(&person.name);
                add.arg("ssh-add").arg("-q").arg(&person.key).env("SSH_AUTH_SOCK", &socket);
                let added = add.output().unwrap();
                if added.status.success() { Ok(()) } else { Err(format!("{added:?}")) }
            });
            person.agent = Some((daemon, socket));
        }
        Some(self)
    }

    /// A folder that one of them owns.
    pub fn folder(&self, place: &Place, name: &str, owner: &str, mode: u32) -> PathBuf {
        let path = place.folder(name);
        chown(&path, Some(self.of(owner).uid), Some(self.of(owner).uid)).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    /// The shared folder as an administrator makes it: `install -d -m 2770 -g GROUP`.
    pub fn shared(&self, place: &Place, name: &str) -> PathBuf {
        let path = place.join(name);
        done(&["install", "-d", "-m", "2770", "-g", &self.group, path.to_str().unwrap()]);
        path
    }

    /// A line of `allowed_signers`.
    pub fn line(&self, id: &str) -> String {
        let public = std::fs::read_to_string(self.of(id).key.with_added_extension("pub")).unwrap();
        format!("{id} {public}")
    }

    /// The program as one of them would call it: own account, own home, own agent.
    pub fn backout(&self, place: &Place, id: &str) -> Backout {
        let person = self.of(id);
        let backout = Backout::new(place)
            .account(&person.name, &self.program)
            .env("HOME", &person.home)
            .env("XDG_STATE_HOME", person.home.join("state"))
            .env("XDG_CONFIG_HOME", person.home.join("config"))
            .env("XDG_RUNTIME_DIR", person.home.join("run"))
            .env("TMPDIR", "/tmp");
        match &person.agent {
            Some((_, socket)) => backout.env("SSH_AUTH_SOCK", socket),
            None => backout,
        }
    }

    /// Any command as one of them.
    pub fn runs(&self, id: &str, command: &str) -> Outcome {
        let output = as_account(&self.of(id).name).args(["sh", "-c", command]).output().unwrap();
        Outcome {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Drop for Accounts {
    fn drop(&mut self) {
        for person in &mut self.people {
            person.agent = None;
            // What still runs in that name ends with the test's folder.
            let _ = output(&["userdel", "-f", &person.name]);
        }
        let _ = output(&["groupdel", &self.group]);
    }
}

fn as_account(name: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", name, "--regid", name, "--init-groups", "--"]).current_dir("/");
    command
}

fn output(words: &[&str]) -> Output {
    Command::new(words[0]).args(&words[1..]).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").output().unwrap()
}

/// Until it works: other tests make accounts too, and the list of accounts is locked while they do.
fn done(words: &[&str]) {
    wait_for(&words.join(" "), Duration::from_secs(60), || {
        let output = output(words);
        if output.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    });
}
