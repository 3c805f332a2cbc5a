//! Real commands under the real supervisor process.

mod crew;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use backout::step::order::Order;
use backout::step::process::{Identity, boot_id};
use backout::step::record::{self, By, Exit, JobFile, Outcome, Story};
use backout::step::runner::{self, Job, Standing, StepError};
use backout::step::tail::tail;
use tempfile::TempDir;

/// Longer than anything here may take on a loaded machine; reached only by a failing test.
const DEADLINE: Duration = Duration::from_secs(60);

struct Attempt {
    root: TempDir,
    place: PathBuf,
}

fn attempt() -> Attempt {
    let root = tempfile::tempdir().unwrap();
    let place = root.path().join("step.1");
    Attempt { root, place }
}

impl Attempt {
    fn job(&self, argv: &[&str]) -> Job {
        let argv = argv.iter().map(|a| (*a).to_owned()).collect();
        Job::new(&self.place, argv, DEADLINE)
            .in_directory(self.root.path())
            .supervised_by(env!("CARGO_BIN_EXE_backout"))
    }

    fn sh(&self, script: &str) -> Job {
        self.job(&["/bin/sh", "-eu", "-c", script])
    }

    /// As a hub would write it.
    fn order(&self, script: &str) -> Order {
        let job = JobFile {
            argv: ["/bin/sh", "-c", script].map(str::to_owned).into(),
            cwd: self.root.path().to_owned(),
            env: vec![],
            timeout_ms: 60_000,
            grace_ms: 1_000,
            output_cap: 1_000,
            boot_id: boot_id().to_owned(),
        };
        Order { attempt: self.place.clone(), job, env: Default::default(), hidden: vec![] }
    }

    fn out(&self) -> Vec<u8> {
        // A command that prints nothing leaves no file.
        std::fs::read(record::file(&self.place, record::OUT)).unwrap_or_default()
    }

    fn text(&self) -> String {
        String::from_utf8(self.out()).unwrap()
    }

    fn story(&self) -> Story {
        record::read(&self.place).unwrap().unwrap()
    }

    /// The script has got as far as creating this file.
    async fn reached(&self, marker: &str) {
        let file = self.root.path().join(marker);
        until(marker, || file.exists()).await;
    }

    fn pid_in(&self, marker: &str) -> i32 {
        std::fs::read_to_string(self.root.path().join(marker)).unwrap().trim().parse().unwrap()
    }
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "never came true: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn run(job: &Job) -> Exit {
    let launched = runner::launch(job).await.unwrap();
    tokio::time::timeout(DEADLINE, runner::wait(&launched.attempt)).await.expect("it ends").unwrap()
}

fn is_gone(pid: i32) -> bool {
    Identity::of(pid).is_none()
}

fn kill_hard(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test]
async fn exit_codes_come_back_as_they_are() {
    for code in [0, 1, 3, 255] {
        let a = attempt();
        let exit = run(&a.sh(&format!("exit {code}"))).await;
        assert_eq!(exit.outcome, Outcome::Exited { code });
        assert!(exit.ended_us >= exit.started_us);
        assert!(exit.left_behind.is_empty());
        assert_eq!(runner::inspect(&a.place), Standing::Ended(exit));
    }
}

#[tokio::test]
async fn a_signal_is_told_from_an_exit_code() {
    let a = attempt();
    assert_eq!(run(&a.sh("kill -SEGV $$")).await.outcome, Outcome::Signalled { signal: 11 });
}

#[tokio::test]
async fn why_a_command_could_not_start_is_said() {
    let script = "not executable";
    let cases: [(&[&str], &str); 4] = [
        (&["no-such-command-anywhere"], "command not found"),
        (&["./missing"], "there is no such file"),
        (&["./plain"], "is not executable"),
        (&["./orphan"], "the interpreter its first line names is not there"),
    ];
    for (argv, expected) in cases {
        let a = attempt();
        std::fs::write(a.root.path().join("plain"), script).unwrap();
        let orphan = a.root.path().join("orphan");
        std::fs::write(&orphan, "#!/no/such/interpreter\n").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&orphan, mode).unwrap();
        match run(&a.job(argv)).await.outcome {
            Outcome::CouldNotStart { why } => assert!(why.contains(expected), "{argv:?}: {why}"),
            other => panic!("{argv:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_missing_working_directory_is_not_blamed_on_the_command() {
    let a = attempt();
    let job = a.sh("true").in_directory("/no/such/place");
    let Outcome::CouldNotStart { why } = run(&job).await.outcome else { panic!("it started") };
    assert!(why.contains("/no/such/place is not there"), "{why}");
}

#[tokio::test]
async fn output_and_errors_keep_their_order() {
    let a = attempt();
    run(&a.sh("echo 1; echo 2 >&2; echo 3; printf 'no newline' >&2")).await;
    assert_eq!(a.text(), "1\n2\n3\nno newline");
}

#[tokio::test]
async fn binary_output_is_kept_byte_for_byte() {
    let a = attempt();
    let exit = run(&a.sh(r"printf '\000\377\033[31m\r\n\200'")).await;
    assert_eq!(a.out(), b"\0\xff\x1b[31m\r\n\x80");
    assert_eq!((exit.output.total, exit.output.kept), (9 + 1, 9 + 1));
}

#[tokio::test]
async fn no_output_is_an_empty_file() {
    let a = attempt();
    let exit = run(&a.job(&["/bin/true"])).await;
    assert_eq!(a.out(), b"");
    // printf '' | sha256sum
    assert!(exit.output.sha256.starts_with("e3b0c44298fc1c14"));
}

#[tokio::test]
async fn a_command_has_no_terminal_and_nothing_to_read() {
    let a = attempt();
    run(&a.sh(
        "cat; if (: < /dev/tty) 2>/dev/null; then echo tty; else echo no tty; fi; [ -t 1 ] || echo pipe",
    ))
    .await;
    assert_eq!(a.text(), "no tty\npipe\n");
}

#[tokio::test]
async fn the_environment_is_plain_and_the_agent_is_withheld() {
    let a = attempt();
    let job = a
        .sh("echo $TERM $NO_COLOR $PYTHONUNBUFFERED ${SSH_AGENT_PID-none} $BACKOUT_STEP $SSH_AUTH_SOCK")
        .env("BACKOUT_STEP", "switch")
        .env("SSH_AUTH_SOCK", "/given/on/purpose")
        .env("TOKEN", "hunter2");
    run(&job).await;
    assert_eq!(a.text(), "dumb 1 1 none switch /given/on/purpose\n");
    let files: Vec<_> = std::fs::read_dir(a.root.path()).unwrap().collect();
    assert_eq!(files.len(), 2, "its story and its output");
    for file in files {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("hunter2"), "a secret's value is in no file");
    }
}

#[tokio::test]
async fn a_timeout_asks_first() {
    let a = attempt();
    let exit = run(&timed(a.sh("exec sleep 1000"), 100)).await;
    assert_eq!(exit.outcome, Outcome::TimedOut { by: By::Term });
}

#[tokio::test]
async fn a_timeout_kills_what_does_not_listen() {
    let a = attempt();
    let job = timed(a.sh("trap '' TERM; echo $$ > pid; while :; do sleep 0.05; done"), 300)
        .grace(Duration::from_millis(100));
    let exit = run(&job).await;
    assert_eq!(exit.outcome, Outcome::TimedOut { by: By::Kill });
    assert!(is_gone(a.pid_in("pid")));
    assert!(exit.left_behind.is_empty());
}

fn timed(job: Job, millis: u64) -> Job {
    job.timeout(Duration::from_millis(millis))
}

#[tokio::test]
async fn who_left_the_group_is_ended_too() {
    let a = attempt();
    // One in a session of its own, one orphaned twice and deaf to TERM.
    let script = "setsid sh -c 'echo $$ > one; exec sleep 1000' >/dev/null 2>&1 &
        (setsid sh -c 'trap \"\" TERM; echo $$ > two; while :; do sleep 0.05; done' &) &
        touch up; exec sleep 1000";
    let job = a.sh(script).grace(Duration::from_millis(200));
    let launched = runner::launch(&job).await.unwrap();
    for marker in ["one", "two", "up"] {
        a.reached(marker).await;
    }
    until("pids", || {
        ["one", "two"].iter().all(|m| std::fs::metadata(a.root.path().join(m)).unwrap().len() > 1)
    })
    .await;
    runner::cancel(&launched.attempt).unwrap();
    let exit = runner::wait(&launched.attempt).await.unwrap();
    assert_eq!(exit.outcome, Outcome::Cancelled { by: By::Kill });
    assert!(exit.left_behind.is_empty());
    assert!(is_gone(a.pid_in("one")) && is_gone(a.pid_in("two")));
}

#[tokio::test]
async fn a_background_process_does_not_hold_up_the_end_and_is_named() {
    let a = attempt();
    let begun = Instant::now();
    let exit = run(&a.sh("sleep 1000 & echo $! > pid; echo done")).await;
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert_eq!(exit.outcome, Outcome::Exited { code: 0 });
    assert_eq!(a.text(), "done\n");
    let pid = a.pid_in("pid");
    assert_eq!(
        exit.left_behind.iter().map(|p| (p.pid, p.name.as_str())).collect::<Vec<_>>(),
        [(pid, "sleep")]
    );
    assert!(!is_gone(pid), "it is left alone");
    kill_hard(pid);
}

#[tokio::test]
async fn endless_output_is_capped_counted_and_costs_no_memory() {
    let a = attempt();
    let job = a.sh("yes | head -c 50000000; echo end").output_cap(100_000);
    let launched = runner::launch(&job).await.unwrap();
    let status = PathBuf::from(format!("/proc/{}/status", launched.supervisor));
    let mut peak = 0;
    while let Standing::Running { .. } = runner::inspect(&a.place) {
        let seen = std::fs::read_to_string(&status).unwrap_or_default();
        let line = seen.lines().find(|l| l.starts_with("RssAnon")).unwrap_or("RssAnon: 0 kB");
        peak = peak.max(line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let exit = runner::wait(&a.place).await.unwrap();
    assert_eq!((exit.output.total, exit.output.kept), (50_000_004, 100_000));
    assert_eq!(a.out().len(), 100_000);
    assert!(peak < 8 * 1024, "{peak} KiB of its own memory");
}

#[tokio::test]
async fn a_cancelled_command_may_still_tidy_up() {
    let a = attempt();
    let job = a.sh("trap 'echo tidied; exit 0' TERM; touch up; while :; do sleep 0.02; done");
    let launched = runner::launch(&job).await.unwrap();
    a.reached("up").await;
    runner::cancel(&launched.attempt).unwrap();
    assert_eq!(runner::wait(&launched.attempt).await.unwrap().outcome, Outcome::Cancelled { by: By::Term });
    assert!(a.text().ends_with("tidied\n"));
    assert!(matches!(runner::cancel(&launched.attempt), Err(StepError::NotRunning)));
}

#[tokio::test]
async fn a_stopped_command_hears_that_it_is_asked_to_end() {
    let a = attempt();
    // The command, a child in its group, and one in a session of its own: all stopped, all with an hour of grace.
    let script = "trap 'echo heard; exit 0' TERM
        setsid sh -c 'trap \"exit 0\" TERM; echo $$ > far; kill -STOP $$; while :; do sleep 0.02; done' >/dev/null 2>&1 &
        sh -c 'trap \"exit 0\" TERM; echo $$ > near; kill -STOP $$; while :; do sleep 0.02; done' &
        until test -s far && test -s near; do sleep 0.02; done
        echo $$ > own; kill -STOP $$; while :; do sleep 0.02; done";
    let launched = runner::launch(&a.sh(script).grace(Duration::from_secs(3600))).await.unwrap();
    a.reached("own").await;
    let stopped = |name: &str| {
        let pid = std::fs::read_to_string(a.root.path().join(name)).unwrap_or_default();
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        stat.contains(") T ")
    };
    until("all are stopped", || ["own", "near", "far"].into_iter().all(stopped)).await;
    runner::cancel(&launched.attempt).unwrap();
    let exit = tokio::time::timeout(DEADLINE, runner::wait(&a.place)).await.expect("it ends").unwrap();
    assert_eq!(exit.outcome, Outcome::Cancelled { by: By::Term });
    assert_eq!(a.text(), "heard\n");
    assert!(exit.left_behind.is_empty(), "{:?}", exit.left_behind);
}

#[tokio::test]
async fn the_request_file_alone_cancels() {
    let a = attempt();
    runner::launch(&a.sh("exec sleep 1000")).await.unwrap();
    std::fs::write(record::file(&a.place, record::CANCEL), b"").unwrap();
    assert_eq!(runner::wait(&a.place).await.unwrap().outcome, Outcome::Cancelled { by: By::Term });
}

#[tokio::test]
async fn a_kill_does_not_wait_for_grace() {
    let a = attempt();
    let job = a.sh("trap '' TERM; touch up; while :; do sleep 0.05; done").grace(Duration::from_secs(3600));
    runner::launch(&job).await.unwrap();
    a.reached("up").await;
    runner::kill(&a.place).unwrap();
    assert_eq!(runner::wait(&a.place).await.unwrap().outcome, Outcome::Cancelled { by: By::Kill });
}

#[tokio::test]
async fn a_killed_supervisor_leaves_a_command_that_can_be_found_and_ended() {
    let a = attempt();
    let launched = runner::launch(&a.sh("exec sleep 1000")).await.unwrap();
    let child = a.story().child.unwrap();
    kill_hard(i32::try_from(launched.supervisor).unwrap());
    let lost = tokio::time::timeout(DEADLINE, runner::wait(&a.place)).await.unwrap();
    let Err(StepError::Lost(why)) = lost else { panic!("{lost:?}") };
    assert!(why.as_str().contains(&format!("(process {}) is still running", child.pid)), "{why}");
    runner::kill(&a.place).unwrap();
    until("the command is gone", || !child.is_alive()).await;
    let Standing::Lost { why, child: None } = runner::inspect(&a.place) else { panic!("not lost") };
    assert!(why.as_str().contains("not known"), "{why}");
}

#[test]
fn a_new_hub_picks_up_where_the_old_one_left() {
    let a = attempt();
    let old = tokio::runtime::Runtime::new().unwrap();
    old.block_on(runner::launch(
        &a.sh("touch up; while [ ! -e go ]; do sleep 0.02; done; echo after; exit 7"),
    ))
    .unwrap();
    drop(old);
    let new = tokio::runtime::Runtime::new().unwrap();
    new.block_on(async {
        a.reached("up").await;
        assert!(matches!(runner::inspect(&a.place), Standing::Running { child: Some(_), .. }));
        let (place, go) = (a.place.clone(), a.root.path().join("go"));
        let waiting = tokio::spawn(async move { runner::wait(&place).await });
        std::fs::write(go, b"").unwrap();
        let exit = tokio::time::timeout(DEADLINE, waiting).await.unwrap().unwrap().unwrap();
        assert_eq!(exit.outcome, Outcome::Exited { code: 7 });
    });
    assert_eq!(a.text(), "after\n");
}

#[tokio::test]
async fn output_can_be_followed_from_any_place_to_the_end() {
    let a = attempt();
    runner::launch(&a.sh("echo one; while [ ! -e go ]; do sleep 0.02; done; echo two")).await.unwrap();
    let mut reader = tail(&a.place, 1);
    let mut seen = Vec::new();
    while seen.len() < 3 {
        seen.extend(reader.next().await.unwrap().unwrap());
    }
    assert_eq!(seen, b"ne\n");
    std::fs::write(a.root.path().join("go"), b"").unwrap();
    while let Some(more) = tokio::time::timeout(DEADLINE, reader.next()).await.unwrap().unwrap() {
        seen.extend(more);
    }
    assert_eq!(seen, b"ne\ntwo\n");
    assert_eq!(reader.offset(), 8);
}

#[tokio::test]
async fn an_attempt_is_used_once() {
    let a = attempt();
    let job = a.sh("echo ran >> runs");
    run(&job).await;
    assert!(matches!(runner::launch(&job).await, Err(StepError::Used(_))));
    let (code, said) = ordered(&a, &a.order("echo ran >> runs").line().unwrap());
    assert_eq!(code, Some(70));
    assert!(said.contains("was started before"), "{said}");
    assert_eq!(std::fs::read_to_string(a.root.path().join("runs")).unwrap(), "ran\n");
}

/// What a supervisor does with these bytes and no more: its exit code and its words.
fn ordered(a: &Attempt, bytes: &[u8]) -> (Option<i32>, String) {
    use std::process::{Command, Stdio};
    let mut command = Command::new(env!("CARGO_BIN_EXE_backout"));
    command.arg("__step").arg(a.root.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn half_an_order_starts_nothing() {
    let a = attempt();
    let order = a.order("touch ran");
    record::begin(&a.place, &order.job).unwrap();
    let line = order.line().unwrap();
    for bytes in [&line[..line.len() - 1], b""] {
        assert_eq!(ordered(&a, bytes), (Some(0), String::new()));
    }
    let (code, said) = ordered(&a, b"{\"attempt\": \"hunter2\n");
    assert_eq!(code, Some(70));
    assert!(said.contains("no order") && !said.contains("hunter2"), "{said}");
    assert_eq!(runner::inspect(&a.place), Standing::NotStarted);
    assert_eq!(ordered(&a, &line).0, Some(0));
    assert!(a.root.path().join("ran").exists());
}

#[tokio::test]
async fn a_supervisor_that_comes_late_finds_the_attempt_withdrawn() {
    let a = attempt();
    runner::withdraw(&a.place).unwrap();
    let (code, said) = ordered(&a, &a.order("touch ran").line().unwrap());
    assert_eq!(code, Some(70));
    assert!(said.contains("withdrawn"), "{said}");
    let launched = runner::launch(&a.sh("touch ran")).await;
    assert!(matches!(launched, Err(StepError::Used(_))), "{launched:?}");
    assert_eq!(runner::inspect(&a.place), Standing::NotStarted);
    assert!(!a.root.path().join("ran").exists());
}

#[tokio::test]
async fn a_supervisor_that_cannot_be_started_is_an_error_and_nothing_ran() {
    let a = attempt();
    let launched = runner::launch(&a.sh("true").supervised_by("/no/such/backout")).await;
    assert!(matches!(launched, Err(StepError::NoSupervisor(_))));
    assert_eq!(runner::inspect(&a.place), Standing::NotStarted);
}

#[tokio::test]
async fn the_dead_are_collected_while_the_command_runs() {
    let a = attempt();
    // Each is orphaned at once and so becomes the supervisor's.
    let script =
        "for i in 1 2 3 4 5; do (sh -c 'exit 3' &) ; done; touch up; while [ ! -e go ]; do sleep 0.02; done";
    let launched = runner::launch(&a.sh(script)).await.unwrap();
    a.reached("up").await;
    let pid = launched.supervisor;
    let children = Path::new("/proc").join(format!("{pid}/task/{pid}/children"));
    until("only the command is left", || {
        std::fs::read_to_string(&children).unwrap().split_whitespace().count() == 1
    })
    .await;
    std::fs::write(a.root.path().join("go"), b"").unwrap();
    assert_eq!(runner::wait(&a.place).await.unwrap().outcome, Outcome::Exited { code: 0 });
}
