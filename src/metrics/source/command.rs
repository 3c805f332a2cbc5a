//! Numbers printed by a command. Never goes through a shell and never leaves a process behind.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use super::{Answered, Prints, Trouble, exposition, http_json, parse_number};
use crate::metrics::exposition::Memory;
use crate::outside::http::excerpt;
use std::sync::Mutex;

/// Enough for a page of numbers (bytes); more is not read.
const LIMIT: u64 = 4 << 20;

/// Ends the whole process group when dropped, whether the answer came or not.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            // ESRCH: everybody in it is gone already, which is what is wanted.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

/// What to start and how long to wait for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) argv: &'a [String],
    pub(super) cwd: Option<&'a Path>,
    pub(super) prints: Prints,
    pub(super) timeout: Duration,
}

pub(super) async fn query(
    ask: &Ask<'_>,
    memory: &Mutex<Memory>,
    query: &str,
    now_micros: i64,
) -> Result<Answered, Trouble> {
    match ask.prints {
        Prints::Number => judge(&run(ask, Some(query).filter(|q| !q.is_empty())).await?),
        Prints::Json => http_json::number_in(run(ask, None).await?.as_bytes(), query),
        Prints::Exposition => exposition::read(&run(ask, None).await?, memory, query, now_micros),
    }
}

/// What it prints.
async fn run(ask: &Ask<'_>, last: Option<&str>) -> Result<String, Trouble> {
    let Ask { argv, cwd, timeout, .. } = *ask;
    let Some((program, arguments)) = argv.split_first() else {
        return Err(Trouble("the source's command is empty".to_owned()));
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.process_group(0).kill_on_drop(true);
    command.args(last);
    if let Some(cwd) = cwd {
        command.current_dir(cwd);
    }
    let mut child =
        command.spawn().map_err(|e| Trouble(format!("cannot start `{}`: {e}", excerpt(program))))?;
    let _group = Group(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw));
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let all = async { tokio::join!(read(out), read(err), child.wait()) };
    let (out, err, status) = tokio::time::timeout(timeout, all).await.map_err(|_| {
        Trouble(format!("`{}` took longer than {} s", excerpt(program), timeout.as_secs_f64()))
    })?;
    let status = status.map_err(|e| Trouble(format!("cannot wait for `{}`: {e}", excerpt(program))))?;
    if !status.success() {
        return Err(Trouble(format!("`{}` ended with {status}: {}", excerpt(program), excerpt(&err))));
    }
    Ok(out)
}

/// Reads up to the limit and lets the rest go, so that a talkative command does not wait for us.
async fn read(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut pipe) = pipe else { return String::new() };
    let mut bytes = Vec::new();
    // A broken pipe ends the text early; the exit status tells the rest.
    let _ = (&mut pipe).take(LIMIT).read_to_end(&mut bytes).await;
    let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

fn judge(out: &str) -> Result<Answered, Trouble> {
    let text = out.trim();
    if text.is_empty() {
        return Ok(Answered::no_data("the command printed nothing"));
    }
    let number = parse_number(text);
    number.map(Answered::value).ok_or_else(|| Trouble(format!("`{}` is not a number", excerpt(text))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::series::Reading;
    use std::time::Instant;

    async fn ask(argv: &[&str], timeout: Duration) -> Result<Reading, String> {
        let argv: Vec<String> = argv.iter().map(|s| (*s).to_owned()).collect();
        let ask = Ask { argv: &argv, cwd: None, prints: Prints::Number, timeout };
        query(&ask, &Mutex::default(), "", 0).await.map(|a| a.reading).map_err(|t| t.0)
    }

    #[tokio::test]
    async fn json_and_the_text_format_are_read_too() {
        let ask = |prints, text: &str, query: &str| {
            let (argv, query) = (vec!["echo".to_owned(), text.to_owned()], query.to_owned());
            async move {
                let ask = Ask { argv: &argv, cwd: None, prints, timeout: LONG };
                super::query(&ask, &Mutex::default(), &query, 0).await.map(|a| a.reading)
            }
        };
        assert_eq!(ask(Prints::Json, r#"{"a": {"b": 7}}"#, "$.a.b").await, Ok(Reading::Value(7.0)));
        let page = "queue{name=\"a\"} 3\nqueue{name=\"b\"} 4\n";
        assert_eq!(ask(Prints::Exposition, page, "sum(queue)").await, Ok(Reading::Value(7.0)));
        assert!(ask(Prints::Exposition, page, "queue").await.unwrap_err().0.contains("2 series"));
    }

    const LONG: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn what_a_command_prints_is_the_number() {
        assert_eq!(ask(&["echo", " 2.5 "], LONG).await, Ok(Reading::Value(2.5)));
        assert!(matches!(ask(&["true"], LONG).await, Ok(Reading::NoData { .. })));
        assert_eq!(ask(&["echo", "two"], LONG).await.unwrap_err(), "`two` is not a number");
    }

    #[tokio::test]
    async fn a_failing_or_missing_command_is_explained() {
        let failed = ask(&["sh", "-c", "echo no such table >&2; exit 3"], LONG).await.unwrap_err();
        assert!(failed.contains("exit status: 3") && failed.contains("no such table"), "{failed}");
        assert!(ask(&["/no/such/program"], LONG).await.unwrap_err().starts_with("cannot start"));
        assert!(ask(&[], LONG).await.is_err());
    }

    #[tokio::test]
    async fn a_command_that_hangs_is_ended_with_its_children() {
        let started = Instant::now();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pid");
        let script = format!("sleep 300 & echo $! > {}; wait", file.display());
        let why = ask(&["sh", "-c", &script], Duration::from_millis(500)).await.unwrap_err();
        assert!(why.contains("took longer than 0.5 s"), "{why}");
        assert!(started.elapsed() < Duration::from_secs(60));
        let pid = std::fs::read_to_string(&file).unwrap();
        let gone = || match std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())) {
            Ok(stat) => stat.contains(") Z "),
            Err(_) => true,
        };
        while !gone() {
            assert!(started.elapsed() < Duration::from_secs(60), "the child lives");
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_flood_of_output_is_read_without_being_kept() {
        let why = ask(&["head", "-c", "20000000", "/dev/zero"], LONG).await.unwrap_err();
        assert!(why.ends_with("is not a number") && why.len() < 400, "{why}");
    }
}
