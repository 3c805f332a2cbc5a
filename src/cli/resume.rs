//! `resume`: the hub of an incident whose hub is gone, or whose disk failed. Never runs anything twice: what was under
//! way is looked for.

use crate::cli::args::{Args, Join, Resume};
use crate::cli::context::Context;
use crate::cli::{live, open, record, say};
use crate::client::connection::{Reader, Writer, greet};
use crate::core::incident::{Incident, Stage};
use crate::error::{Failure, Result};
use crate::hub::layout;
use crate::hub::start::{Launch, secrets_from_environment};
use crate::wire::message::WriterState;
use rustix::process::{Pid, Signal};
use std::fs::File;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::net::UnixStream;

/// A hub that was asked to end takes its leave of everybody first; it gets so long.
const LEAVE: Duration = Duration::from_secs(20);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(20);

/// Runs the verb.
pub fn run(args: &Args, verb: &Resume) -> Result<()> {
    let context = Context::of(args)?;
    let dir = record::find(&context.state, verb.incident.as_deref())?;
    let loaded = record::load(&dir)?;
    let id = dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    if loaded.incident.stage == Stage::Closed {
        return Err(Failure::refused(format!("incident {id} is closed; there is nothing to resume")));
    }
    relieve(&dir)?;
    open::warn(&Launch::new(&dir).secrets(secrets_from_environment(&loaded.incident.runbook)).start()?);
    say(&format!("the hub of incident {id} runs again"));
    if let Some(words) = gone_on(&loaded.incident, &dir) {
        say(&words);
    }
    if verb.headless || !std::io::stdout().is_terminal() {
        return Ok(());
    }
    live::run(args, &Join { incident: Some(id), observe: false, plain: false, role: Vec::new() })
}

/// What to say where the record went on in a new segment.
fn gone_on(before: &Incident, dir: &Path) -> Option<String> {
    let now = record::load(dir).ok()?.incident;
    let new = now.segments.get(before.segments.len())?;
    let file = crate::timeline::segment::name(now.segments.len() as u64);
    Some(format!(
        "the disk had failed ({}): what follows event {} is written to {file}, under a new key. Everything recorded \
         before stands",
        crate::sanitize::line(&new.cause),
        new.first.saturating_sub(1)
    ))
}

/// Ends a hub whose disk failed, so that another can go on; it only shows what is recorded. Any other hub is left alone.
fn relieve(dir: &Path) -> Result<()> {
    let Ok(socket) = layout::socket(dir) else { return Ok(()) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Failure::environment("no runtime can be had").because(e))?;
    // Held until it is asked to end: as long as it answers here, the number is its own.
    let Some((pid, _connection)) = runtime.block_on(over(&socket)) else { return Ok(()) };
    // People look at the old hub's screens: it is not ended for a new one that could not write either.
    still_writes(dir)?;
    say("the hub there cannot write any more; it makes way");
    let cannot = |why: String| Failure::environment("the old hub does not make way").because(why);
    rustix::process::kill_process(pid, Signal::TERM).map_err(|e| cannot(e.to_string()))?;
    let since = Instant::now();
    let lock = File::open(dir.join("lock")).map_err(|e| cannot(e.to_string()))?;
    // Somebody else may resume it too, and be quicker: then the new hub is the one that holds the lock.
    let holds = || {
        let pid_now = std::fs::read_to_string(dir.join(layout::PID)).unwrap_or_default();
        let same = pid_now.trim() == pid.as_raw_nonzero().to_string();
        same && rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockShared).is_err()
    };
    while holds() {
        if since.elapsed() > LEAVE {
            return Err(cannot(format!("process {} is still there", pid.as_raw_nonzero())));
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

/// The hub's process and the connection to it, if one answers here and says that it never will write again.
async fn over(socket: &Path) -> Option<(Pid, (Reader<UnixStream>, Writer<UnixStream>))> {
    let stream = UnixStream::connect(socket).await.ok()?;
    let peer = stream.peer_cred().ok().filter(|peer| peer.uid() == rustix::process::getuid().as_raw())?;
    let (reader, writer, welcome) = greet(stream, 0).await.ok()?;
    match welcome.writer {
        WriterState::Over { .. } => Some((peer.pid().and_then(Pid::from_raw)?, (reader, writer))),
        WriterState::Writing | WriterState::Stopped { .. } => None,
    }
}

/// Whether this disk takes a new file and keeps it.
fn still_writes(dir: &Path) -> Result<()> {
    let path = dir.join(".writes");
    let _ = std::fs::remove_file(&path);
    let tried =
        File::create_new(&path).and_then(|mut file| file.write_all(b"?").and_then(|()| file.sync_all()));
    let _ = std::fs::remove_file(&path);
    tried.map_err(|e| {
        let failure = Failure::environment(format!("the disk of {} still fails", dir.display()));
        layout::with_hint(failure, dir, &e).because(e).hint("the hub there goes on showing what is recorded")
    })
}
