//! One look with a command. Never leaves it running, and never reads more than fits.

use std::process::{ExitStatus, Stdio};
use std::time::{Duration, SystemTime};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use super::{ANSWER_CAP, LookError, Observation, RunSubject};
use crate::sanitize::{Clean, line, text, visible_name};
use crate::step::supervisor::{SET, WITHHELD};

/// How much of standard error goes into the sentence.
const STDERR_CAP: usize = 4 * 1024;

/// Leftovers that keep the output open after the command has ended get this long.
const LINGER: Duration = Duration::from_millis(500);

/// Ends the whole group when the look is over, however it is over.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // No grace: what only looks has nothing to tidy up.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Runs it and takes its standard output.
pub(super) async fn look(
    run: &RunSubject,
    argv: &[String],
    timeout: Duration,
) -> Result<Observation, LookError> {
    let Some((program, args)) = argv.split_first() else {
        return Err(LookError::NotStarted("nothing".into(), "there is no command".into()));
    };
    let not_started = |why: Clean| LookError::NotStarted(visible_name(program), why);
    if !run.cwd.is_dir() {
        let cwd = visible_name(run.cwd.as_os_str().as_encoded_bytes());
        return Err(not_started(line(format!("the working directory {cwd} is not there"))));
    }
    let mut command = Command::new(program);
    command.args(args).current_dir(&run.cwd).process_group(0).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in WITHHELD {
        command.env_remove(name);
    }
    command.envs(SET).envs(&run.env);
    let mut child = command.spawn().map_err(|e| not_started(line(e.to_string())))?;
    let group = Group(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (mut out, mut err) = (Kept::new(ANSWER_CAP), Kept::new(STDERR_CAP));
    let finished = tokio::time::timeout(timeout, async {
        let reading = async { tokio::join!(out.read(stdout), err.read(stderr)) };
        tokio::pin!(reading);
        tokio::select! {
            status = child.wait() => {
                // What it printed is in the pipes by now; a leftover that holds them open is not waited for.
                let _ = tokio::time::timeout(LINGER, reading).await;
                status
            }
            // Closing both outputs is not yet an end.
            _ = &mut reading => child.wait().await,
        }
    });
    let status = match finished.await {
        Ok(Ok(status)) => status,
        Ok(Err(e)) => return Err(not_started(line(e.to_string()))),
        Err(_) => return Err(LookError::Timeout(timeout)),
    };
    drop(group);
    judge(status, out, &err)
}

fn judge(status: ExitStatus, out: Kept, err: &Kept) -> Result<Observation, LookError> {
    if status.success() {
        let truncated = out.more;
        return Ok(Observation {
            text: out.bytes,
            exit: Some(0),
            status: None,
            truncated,
            at: SystemTime::now(),
        });
    }
    // "exit status: 3" and "signal: 9 (SIGKILL)".
    Err(LookError::Failed { what: line(status.to_string()), stderr: text(err.bytes.trim_ascii()) })
}

/// The first bytes of a stream; the rest is read too, so that nobody blocks or dies of a closed pipe.
struct Kept {
    bytes: Vec<u8>,
    cap: usize,
    more: bool,
}

impl Kept {
    fn new(cap: usize) -> Kept {
        Kept { bytes: Vec::new(), cap, more: false }
    }

    async fn read(&mut self, from: Option<impl AsyncRead + Unpin>) {
        let Some(mut from) = from else { return };
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(n @ 1..) = from.read(&mut buffer).await {
            let room = self.cap - self.bytes.len();
            self.more |= n > room;
            self.bytes.extend_from_slice(buffer.get(..n.min(room)).unwrap_or(&[]));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Instant;

    use super::*;
    use crate::step::process::Identity;

    const LONG: Duration = Duration::from_secs(60);

    fn sh(script: &str) -> RunSubject {
        RunSubject {
            argv: ["/bin/sh", "-eu", "-c", script].map(str::to_owned).into(),
            env: BTreeMap::new(),
            cwd: "/".into(),
            host: None,
        }
    }

    async fn run(subject: &RunSubject) -> Result<Observation, LookError> {
        look(subject, &subject.argv, LONG).await
    }

    #[tokio::test]
    async fn standard_output_is_the_answer() {
        let seen = run(&sh("echo 42; echo noise >&2")).await.unwrap();
        assert_eq!((seen.text.as_slice(), seen.exit, seen.truncated), (&b"42\n"[..], Some(0), false));
    }

    #[tokio::test]
    async fn a_failing_command_has_not_answered_whatever_it_printed() {
        let error = run(&sh("echo 0; printf 'psql: \\033[31mrefused' >&2; exit 2")).await.unwrap_err();
        assert_eq!(error.to_string(), "exit status: 2: psql: refused");
    }

    #[tokio::test]
    async fn what_cannot_be_started_is_named() {
        let missing = RunSubject { argv: vec!["no-such-probe".into()], ..sh("") };
        assert!(run(&missing).await.unwrap_err().to_string().starts_with("could not start no-such-probe"));
        let nowhere = RunSubject { cwd: "/no/such/place".into(), ..sh("true") };
        assert!(run(&nowhere).await.unwrap_err().to_string().contains("/no/such/place is not there"));
        let nothing = RunSubject { argv: Vec::new(), ..sh("") };
        assert!(matches!(run(&nothing).await, Err(LookError::NotStarted(..))));
    }

    #[tokio::test]
    async fn a_look_that_takes_too_long_is_ended_with_all_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let mut subject = sh("sleep 1000 & echo $! > pid; wait");
        subject.cwd = dir.path().to_owned();
        let pid = dir.path().join("pid");
        let looking = look(&subject, &subject.argv, Duration::from_secs(2));
        assert_eq!(looking.await, Err(LookError::Timeout(Duration::from_secs(2))));
        let pid: i32 = std::fs::read_to_string(pid).unwrap().trim().parse().unwrap();
        let deadline = Instant::now() + LONG;
        while Identity::of(pid).is_some() {
            assert!(Instant::now() < deadline, "the background process lives on");
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_background_process_does_not_hold_up_the_answer() {
        let begun = Instant::now();
        let seen = run(&sh("sleep 1000 & echo done")).await.unwrap();
        assert_eq!(seen.text, b"done\n");
        assert!(begun.elapsed() < Duration::from_secs(30));
    }

    #[tokio::test]
    async fn output_beyond_the_cap_is_said_to_be_missing() {
        let mut kept = Kept::new(4);
        kept.read(Some(&b"abcdef"[..])).await;
        assert_eq!((kept.bytes.as_slice(), kept.more), (&b"abcd"[..], true));
        let mut exact = Kept::new(4);
        exact.read(Some(&b"abcd"[..])).await;
        assert!(!exact.more);
    }

    #[tokio::test]
    async fn variables_reach_the_command_and_the_agent_does_not() {
        let mut subject = sh("echo $PROBE_DSN $TERM ${SSH_AGENT_PID-none}");
        subject.env.insert("PROBE_DSN".into(), "dsn".into());
        assert_eq!(run(&subject).await.unwrap().text, b"dsn dumb none\n");
    }
}
