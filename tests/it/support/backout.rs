//! The program, called as a person would, cut off from the environment of whoever runs the tests.

use std::ffi::{OsStr, OsString};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::Place;

/// Longer than any call takes on a busy machine; a call that is still there then is killed and fails the test.
const PATIENCE: Duration = Duration::from_secs(120);

/// How to call the program.
pub struct Backout {
    folder: PathBuf,
    env: Vec<(OsString, OsString)>,
    account: Option<String>,
    program: PathBuf,
}

/// What a call came to.
#[derive(Debug)]
pub struct Outcome {
    /// Exit code; nothing after a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Outcome {
    /// Fails the test unless the exit code was this.
    #[track_caller]
    pub fn exits(self, code: i32) -> Outcome {
        assert!(
            self.code == Some(code),
            "exit {:?} instead of {code}\nstdout:\n{}\nstderr:\n{}",
            self.code,
            self.stdout,
            self.stderr
        );
        self
    }
}

impl Backout {
    /// Home, state, sockets and configuration inside `place`.
    pub fn new(place: &Place) -> Backout {
        let env = [
            ("PATH", OsString::from("/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")),
            ("HOME", place.folder("home").into()),
            ("XDG_STATE_HOME", place.folder("home/state").into()),
            ("XDG_CONFIG_HOME", place.folder("home/config").into()),
            ("XDG_RUNTIME_DIR", place.folder("run").into()),
            ("TMPDIR", place.folder("tmp").into()),
            ("TERM", "xterm-256color".into()),
            ("LANG", "C.UTF-8".into()),
            ("TZ", "UTC".into()),
        ];
        let env = env.map(|(name, value)| (OsString::from(name), value)).to_vec();
        let program = PathBuf::from(env!("CARGO_BIN_EXE_backout"));
        Backout { folder: place.path().to_owned(), env, account: None, program }
    }

    /// Called from this folder.
    pub fn inside(mut self, folder: &Path) -> Backout {
        self.folder = folder.to_owned();
        self
    }

    /// As another account of this machine, with a copy of the program that it can reach. Only root can do this.
    pub fn account(mut self, name: &str, program: &Path) -> Backout {
        self.account = Some(name.to_owned());
        self.program = program.to_owned();
        self
    }

    /// With this variable.
    pub fn env(mut self, name: impl Into<OsString>, value: impl AsRef<OsStr>) -> Backout {
        let name = name.into();
        self.env.retain(|(known, _)| *known != name);
        self.env.push((name, value.as_ref().to_owned()));
        self
    }

    /// The command, for tests that start it in a terminal or talk to it while it runs.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = match &self.account {
            None => Command::new(&self.program),
            Some(name) => {
                let mut command = Command::new("/usr/bin/setpriv");
                command.args(["--reuid", name, "--regid", name, "--init-groups", "--"]).arg(&self.program);
                command
            }
        };
        command
            .env_clear()
            .envs(self.env.iter().map(|(n, v)| (n, v)))
            .current_dir(&self.folder)
            .args(arguments);
        command
    }

    /// Runs it to its end without input.
    #[track_caller]
    pub fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Outcome {
        self.run_with(arguments, b"")
    }

    /// Runs it to its end with `input` on standard input.
    #[track_caller]
    pub fn run_with<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>, input: &[u8]) -> Outcome {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let shown = format!("{:?}", command.get_args().collect::<Vec<_>>());
        let mut child = command.spawn().unwrap();
        let out = collect(child.stdout.take().unwrap());
        let err = collect(child.stderr.take().unwrap());
        // A program that ends without reading its input is no failure.
        let _ = child.stdin.take().unwrap().write_all(input);
        let code = ended(&mut child);
        // A hub that outlives the call must not hold the caller's pipes: that would hang here, and every script.
        let (stdout, stderr) = (text(&out), text(&err));
        match (code, stdout, stderr) {
            (Some(code), Some(stdout), Some(stderr)) => Outcome { code, stdout, stderr },
            (code, stdout, stderr) => panic!(
                "backout {shown}: {}\nstdout: {stdout:?}\nstderr: {stderr:?}",
                if code.is_none() { "did not end" } else { "ended, but something holds its pipes" }
            ),
        }
    }
}

type Pipe = std::sync::mpsc::Receiver<Vec<u8>>;

fn collect(mut pipe: impl std::io::Read + Send + 'static) -> Pipe {
    let (tx, rx) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let mut all = Vec::new();
        let _ = pipe.by_ref().read_to_end(&mut all);
        let _ = tx.send(all);
    });
    rx
}

fn text(pipe: &Pipe) -> Option<String> {
    let bytes = pipe.recv_timeout(Duration::from_secs(10)).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The exit code, or nothing when it had to be killed.
fn ended(child: &mut Child) -> Option<Option<i32>> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status.code());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}
