//! Supervisors that take one command after another: what they may keep, and what they must not.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use backout::step::crew::{Crew, Watched};
use backout::step::process::Identity;
use backout::step::record::{self, By, Exit, Outcome};
use backout::step::runner::{self, Job, Standing, StepError};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{DEADLINE, is_gone, kill_hard, until};

/// One hub's steps folder and its supervisors.
struct Steps {
    root: TempDir,
    crew: Arc<Crew>,
}

fn steps() -> Steps {
    Steps { root: tempfile::tempdir().unwrap(), crew: Crew::new() }
}

impl Steps {
    fn place(&self, name: &str) -> PathBuf {
        self.root.path().join("steps").join(name)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn sh(&self, name: &str, script: &str) -> Job {
        let argv = ["/bin/sh", "-eu", "-c", script].map(str::to_owned).into();
        Job::new(self.place(name), argv, DEADLINE)
            .in_directory(self.root.path())
            .supervised_by(env!("CARGO_BIN_EXE_backout"))
    }

    async fn launch(&self, job: &Job) -> Watched {
        self.crew.launch(job).await.unwrap()
    }

    /// Runs it to its end: who supervised, and how it ended.
    async fn run(&self, job: &Job) -> (i32, Exit) {
        let watched = self.launch(job).await;
        let supervisor = pid(&watched);
        (supervisor, over(watched).await)
    }

    /// A supervisor that waits for its next command.
    async fn idle(&self) -> i32 {
        self.run(&self.sh("first", "true")).await.0
    }

    /// A command that runs until its file `go` is there.
    async fn runs(&self, name: &str) -> Watched {
        let script = format!("echo began >> {name}.log; until [ -e {name}.go ]; do sleep 0.02; done; exit 7");
        let watched = self.launch(&self.sh(name, &script)).await;
        let log = self.file(&format!("{name}.log"));
        until("the command runs", || log.exists()).await;
        watched
    }

    fn let_go(&self, name: &str) {
        std::fs::write(self.file(&format!("{name}.go")), "").unwrap();
    }

    fn lines(&self, name: &str) -> usize {
        std::fs::read_to_string(self.file(name)).map_or(0, |text| text.lines().count())
    }
}

fn pid(watched: &Watched) -> i32 {
    watched.launched().supervisor.try_into().unwrap()
}

async fn over(watched: Watched) -> Exit {
    tokio::time::timeout(DEADLINE, watched.wait()).await.expect("it ends").unwrap()
}

fn supervisor(place: &Path) -> Identity {
    record::read(place).unwrap().unwrap().started.unwrap().supervisor.unwrap()
}

fn send(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

/// The letter of its state in the process table.
fn state(pid: i32) -> String {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().unwrap_or_default().chars().take(1).collect()
}

async fn goes(pid: i32) {
    until("the supervisor goes", || is_gone(pid)).await;
}

#[tokio::test]
async fn one_supervisor_takes_one_command_after_another() {
    let steps = steps();
    let (first, _) = steps.run(&steps.sh("a.1", "echo a").env("ONLY", "mine")).await;
    let script = "echo b ${ONLY-none}; pwd; umask; ulimit -n > limit; exit 3";
    let (second, exit) = steps.run(&steps.sh("b.1", script)).await;
    assert_eq!(first, second);
    assert_eq!(exit.outcome, Outcome::Exited { code: 3 });
    let out = std::fs::read_to_string(record::file(&steps.place("b.1"), record::OUT)).unwrap();
    assert!(out.starts_with(&format!("b none\n{}\n", steps.root.path().display())), "{out}");
    assert_eq!(std::fs::read_to_string(record::file(&steps.place("a.1"), record::OUT)).unwrap(), "a\n");
    for name in ["a.1", "b.1"] {
        assert!(matches!(runner::inspect(&steps.place(name)), Standing::Ended(_)));
        assert_eq!(supervisor(&steps.place(name)).pid, first);
    }
}

#[tokio::test]
async fn a_hundred_commands_run_once_each_whoever_supervises() {
    let steps = steps();
    let mut supervisors = std::collections::BTreeSet::new();
    for n in 0..100 {
        let (supervisor, exit) = steps.run(&steps.sh(&format!("s{n}.1"), &format!("echo {n} >> log"))).await;
        assert_eq!(exit.outcome, Outcome::Exited { code: 0 });
        supervisors.insert(supervisor);
    }
    let expected: String = (0..100).map(|n| format!("{n}\n")).collect();
    assert_eq!(std::fs::read_to_string(steps.file("log")).unwrap(), expected);
    // A machine on its knees may leave one alone for too long.
    assert!(supervisors.len() < 10, "{supervisors:?}");
}

#[tokio::test]
async fn commands_that_run_at_once_have_a_supervisor_each_and_few_of_them_stay() {
    let steps = steps();
    let mut all = Vec::new();
    for name in ["a", "b", "c", "d"] {
        all.push(steps.runs(name).await);
    }
    let pids: std::collections::BTreeSet<i32> = all.iter().map(pid).collect();
    assert_eq!(pids.len(), 4);
    for (watched, name) in all.into_iter().zip(["a", "b", "c", "d"]) {
        steps.let_go(name);
        assert_eq!(over(watched).await.outcome, Outcome::Exited { code: 7 });
    }
    until("two are left", || pids.iter().filter(|pid| !is_gone(**pid)).count() == 2).await;
}

#[tokio::test]
async fn a_supervisor_that_went_on_keeps_no_older_attempt_alive() {
    let steps = steps();
    let first = steps.idle().await;
    let second = steps.runs("second").await;
    assert_eq!(pid(&second), first, "the same process, by pid and start time");
    let old = steps.place("first");
    assert!(supervisor(&old).is_alive());
    assert!(matches!(runner::inspect(&old), Standing::Ended(_)));
    // Even if the disk had lost how it ended.
    let story = record::file(&old, record::STORY);
    let text = std::fs::read_to_string(&story).unwrap();
    std::fs::write(&story, &text[..text.find("{\"exit\"").unwrap()]).unwrap();
    assert!(matches!(runner::inspect(&old), Standing::Lost { .. }), "{:?}", runner::inspect(&old));
    assert!(matches!(runner::wait(&old).await, Err(StepError::Lost(_))));
    assert!(matches!(runner::inspect(&steps.place("second")), Standing::Running { .. }));
    steps.let_go("second");
    over(second).await;
}

#[tokio::test]
async fn a_request_that_comes_late_does_not_meet_the_next_command() {
    let steps = steps();
    let supervisor = steps.idle().await;
    let second = steps.runs("second").await;
    assert_eq!(pid(&second), supervisor);
    // As if asked a moment before the first one's end, and delivered after it.
    for name in [record::CANCEL, record::KILL] {
        std::fs::write(record::file(&steps.place("first"), name), "").unwrap();
        send(supervisor, Signal::USR1);
    }
    steps.let_go("second");
    assert_eq!(over(second).await.outcome, Outcome::Exited { code: 7 });
}

#[tokio::test]
async fn a_supervisor_that_died_while_it_waited_is_replaced() {
    let steps = steps();
    let first = steps.idle().await;
    kill_hard(first);
    goes(first).await;
    let (second, exit) = steps.run(&steps.sh("second", "echo ran >> log")).await;
    assert_ne!(first, second);
    assert_eq!((exit.outcome, steps.lines("log")), (Outcome::Exited { code: 0 }, 1));
}

#[tokio::test]
async fn a_supervisor_that_dies_over_its_order_is_replaced_and_nothing_runs_twice() {
    let steps = steps();
    let first = steps.idle().await;
    send(first, Signal::STOP);
    until("it stands still", || state(first) == "T").await;
    // The order is in the pipe, and nobody will ever read it.
    let job = steps.sh("second", "echo ran >> log");
    let running = async {
        let watched = steps.launch(&job).await;
        (pid(&watched), over(watched).await)
    };
    let killing = async {
        let story = record::file(&steps.place("second"), record::STORY);
        until("the order is given", || story.exists()).await;
        kill_hard(first);
    };
    let ((second, exit), ()) = tokio::join!(running, killing);
    assert_ne!(first, second);
    assert_eq!((exit.outcome, steps.lines("log")), (Outcome::Exited { code: 0 }, 1));
}

#[tokio::test]
async fn an_order_that_is_read_too_late_starts_nothing() {
    let steps = steps();
    let first = steps.idle().await;
    send(first, Signal::STOP);
    until("it stands still", || state(first) == "T").await;
    let job = steps.sh("second", "touch ran");
    // Whoever launches gives up, as a hub that is killed does.
    let given_up = tokio::time::timeout(Duration::from_millis(200), steps.crew.launch(&job)).await;
    assert!(given_up.is_err());
    assert_eq!(runner::withdraw(&steps.place("second")).unwrap(), Standing::NotStarted);
    send(first, Signal::CONT);
    goes(first).await;
    assert_eq!(runner::inspect(&steps.place("second")), Standing::NotStarted);
    assert!(!steps.file("ran").exists());
}

#[tokio::test]
async fn a_supervisor_that_is_killed_with_its_second_command_leaves_it_unknown() {
    let steps = steps();
    let first = steps.idle().await;
    let second = steps.runs("second").await;
    assert_eq!(pid(&second), first);
    until("the command is noted", || {
        record::read(&steps.place("second")).unwrap().is_some_and(|s| s.child.is_some())
    })
    .await;
    kill_hard(first);
    let lost = tokio::time::timeout(DEADLINE, second.wait()).await.unwrap();
    let Err(StepError::Lost(why)) = lost else { panic!("{lost:?}") };
    assert!(why.as_str().contains("still running unwatched"), "{why}");
    runner::kill(&steps.place("second")).unwrap();
    assert!(matches!(runner::inspect(&steps.place("first")), Standing::Ended(_)));
    let (third, exit) = steps.run(&steps.sh("third", "true")).await;
    assert_ne!(first, third);
    assert_eq!(exit.outcome, Outcome::Exited { code: 0 });
}

#[tokio::test]
async fn who_waits_goes_with_the_hub_and_who_works_goes_after_its_command() {
    let steps = steps();
    let (one, other) = (steps.runs("one").await, steps.runs("other").await);
    let (idle, busy) = (pid(&one), pid(&other));
    steps.let_go("one");
    over(one).await;
    assert!(!is_gone(idle));
    // All that a hub holds of them are its ends of the pipes.
    let Steps { root, crew } = steps;
    drop((other, crew));
    goes(idle).await;
    assert!(!is_gone(busy), "the hub's end changes nothing for a command");
    std::fs::write(root.path().join("other.go"), "").unwrap();
    let exit = runner::wait(&root.path().join("steps/other")).await.unwrap();
    assert_eq!(exit.outcome, Outcome::Exited { code: 7 });
    goes(busy).await;
}

#[tokio::test]
async fn after_anything_out_of_the_ordinary_the_supervisor_goes() {
    let steps = steps();
    let left = "sleep 1000 >/dev/null 2>&1 & echo $! > pid";
    let cases: Vec<(&str, Job)> = vec![
        ("a process is left behind", steps.sh("left", left)),
        ("secrets were in it", steps.sh("secret", "true").hide(vec!["hunter2".to_owned()])),
        ("a signal ended it", steps.sh("signal", "kill -SEGV $$")),
        ("time was up", steps.sh("late", "exec sleep 1000").timeout(Duration::from_millis(50))),
        (
            "it did not start",
            Job::new(steps.place("none"), vec!["/no/such".to_owned()], DEADLINE)
                .supervised_by(env!("CARGO_BIN_EXE_backout")),
        ),
    ];
    for (why, job) in cases {
        let (supervisor, _) = steps.run(&job).await;
        until(why, || is_gone(supervisor)).await;
    }
    kill_hard(std::fs::read_to_string(steps.file("pid")).unwrap().trim().parse().unwrap());
    let cancelled = steps.runs("cancelled").await;
    let supervisor = pid(&cancelled);
    runner::cancel(&steps.place("cancelled")).unwrap();
    assert_eq!(over(cancelled).await.outcome, Outcome::Cancelled { by: By::Term });
    goes(supervisor).await;
}

#[tokio::test]
async fn whoever_asks_a_supervisor_to_end_ends_it_with_its_command_or_without() {
    let steps = steps();
    let idle = steps.idle().await;
    send(idle, Signal::TERM);
    goes(idle).await;
    let watched = steps.runs("second").await;
    let busy = pid(&watched);
    send(busy, Signal::TERM);
    assert_eq!(over(watched).await.outcome, Outcome::Cancelled { by: By::Term });
    goes(busy).await;
}

#[tokio::test]
async fn the_output_of_an_attempt_ends_with_it_and_not_with_its_supervisor() {
    let steps = steps();
    steps.idle().await;
    let second = steps.runs("second").await;
    let mut tail = backout::step::tail::tail(&steps.place("second"), 0);
    let supervisor = Identity::of(pid(&second)).unwrap();
    let reading = tokio::spawn(async move { tail.next().await });
    steps.let_go("second");
    over(second).await;
    let read = tokio::time::timeout(DEADLINE, reading).await.expect("the reader hears of the end");
    assert_eq!(read.unwrap().unwrap(), None);
    assert!(supervisor.is_alive(), "it waits for its next command");
}

#[tokio::test]
async fn nothing_of_the_hub_reaches_a_command() {
    let steps = steps();
    let supervisor = steps.idle().await;
    let (same, _) = steps.run(&steps.sh("second", "ls -l /proc/self/fd; cat")).await;
    assert_eq!(same, supervisor);
    let out = std::fs::read_to_string(record::file(&steps.place("second"), record::OUT)).unwrap();
    assert!(out.contains("/dev/null"), "{out}");
    for stream in [0, 1, 2] {
        let pipe = std::fs::read_link(format!("/proc/{supervisor}/fd/{stream}")).unwrap();
        let pipe = pipe.to_str().unwrap();
        assert!(pipe.starts_with("pipe:") && !out.contains(pipe), "{pipe} is open in it: {out}");
    }
}
