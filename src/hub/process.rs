//! The hub's own process from its first breath to its last. Never keeps a terminal, a working directory or an agent
//! of whoever started it.

use crate::core::event::Mode;
use crate::core::incident::Incident;
use crate::core::intent::Intent;
use crate::error::{Failure, Result};
use crate::hub::clock;
use crate::hub::driver::{Driver, Ground};
use crate::hub::layout;
use crate::hub::listener;
use crate::hub::meters::Meters;
use crate::hub::open::{self, Hold};
use crate::hub::outside::Outside;
use crate::hub::outside::board::Board;
use crate::hub::outside::suspend::Suspenders;
use crate::hub::outside::{self};
use crate::hub::pinned::Pinned;
use crate::hub::rest;
use crate::hub::room::{Ended, Herald, NEWS, Outlets, Room};
use crate::hub::shared::{Identity, Shared};
use crate::hub::start::READY;
use crate::hub::wish::{Observation, WAITING, Wish, Wishes};
use crate::timeline::folder::{HUB_KEY, RESERVE};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;
use rustix::process::{Resource, Signal, getrlimit};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener as StdListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};

/// Orders that wait. When it is full the room waits until the driver has taken one; it takes them at once.
const ORDERS: usize = 256;
/// Clients get so long to take their last lines.
const FAREWELL: Duration = Duration::from_secs(2);
/// After a hub came back, consoles get so long to come back and act.
const RETURN: Duration = Duration::from_secs(120);
/// More than this is not read as secrets.
const MOST_SECRETS: u64 = 1024 * 1024;

/// Entry of the hidden verb.
pub fn main(dir: &Path) -> ExitCode {
    // Fails only for a group leader, which has no terminal to lose.
    let _ = rustix::process::setsid();
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    // Standard error is the hub's log.
    // On a full disk a line of the log is lost, and nothing else: complaining about that to the same file would panic.
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_target(false)
        .log_internal_errors(false)
        .init();
    match serve(dir) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "{failure}");
            ExitCode::from(failure.kind.exit_code())
        }
    }
}

fn serve(dir: &Path) -> Result<()> {
    let secrets = secrets()?;
    enough_files()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::environment("no runtime can be had").because(e))?;
    // A file that may not grow is a disk that fails, and not the end of the process.
    let limit = SignalKind::from_raw(Signal::XFSZ.as_raw());
    let _caught = runtime
        .block_on(async { signal(limit) })
        .map_err(|e| Failure::environment("signals cannot be watched").because(e))?;
    let opening = layout::opening(dir)?;
    let pinned = Pinned::load(dir, &opening.workspace)?;
    let hold = open::take_hold(dir, &pinned, &opening)?;
    let (listener, socket) = listener::bind(dir)?;
    let parts = Parts { dir: dir.to_owned(), workspace: opening.workspace, secrets, pinned, listener };
    let served = runtime.block_on(live(parts, hold, &socket));
    // Steps go on without us; tasks that follow them need not be waited for.
    runtime.shutdown_background();
    served
}

/// With fewer open files a room of a few people and steps would fail in the middle.
const LEAST_FILES: u64 = 64;

fn enough_files() -> Result<()> {
    match getrlimit(Resource::Nofile).current {
        Some(most) if most < LEAST_FILES => Err(Failure::environment(format!(
            "{most} open files are too few for a hub; it needs {LEAST_FILES}"
        ))
        .hint("`ulimit -n 1024` in this shell, or `LimitNOFILE=` of its service")),
        Some(_) | None => Ok(()),
    }
}

/// The answers that are never written down: one JSON object on standard input.
fn secrets() -> Result<BTreeMap<String, String>> {
    let mut text = Vec::new();
    std::io::stdin()
        .take(MOST_SECRETS)
        .read_to_end(&mut text)
        .map_err(|e| Failure::environment("the secrets cannot be read").because(e))?;
    let read = if text.is_empty() { Ok(BTreeMap::new()) } else { serde_json::from_slice(&text) };
    std::hint::black_box(&mut text).fill(0);
    // What is wrong with it is not said: it would be part of a secret.
    read.map_err(|_| Failure::environment("the secrets on standard input are not a JSON object of texts"))
}

struct Parts {
    dir: PathBuf,
    workspace: PathBuf,
    secrets: BTreeMap<String, String>,
    pinned: Pinned,
    listener: StdListener,
}

async fn live(parts: Parts, hold: Hold, socket: &Path) -> Result<()> {
    let Hold { incident, writer, log, found } = hold;
    let log = Arc::new(log);
    let (wishes, waiting) = mpsc::channel(WAITING);
    let (orders, to_do) = mpsc::channel(ORDERS);
    let wishes = Wishes(wishes);
    let shared = Arc::new(Shared::new(identity(&parts, &incident), log.clone(), wishes.clone()));
    let under_way = incident.under_way();
    let snapshot = Arc::new(incident.clone());
    let mut recorded = log.watch();
    let (outlet, incidents) = watch::channel(snapshot.clone());
    let (news, to_tell) = mpsc::channel(NEWS);
    let told = tokio::spawn(Herald { log: log.clone(), incidents: outlet, orders }.tell(to_tell));
    let outlets = Outlets { log, state: shared.state.clone(), news };
    let resumed = found.is_some();
    if let Some(found) = found {
        tracing::info!(%found, "resumed");
        let program = env!("CARGO_PKG_VERSION").to_owned();
        wishes.observe_with(Observation::plain(Intent::Resume { program, found })).await;
    }
    let gap = incident.policies().shift_gap.map(Duration::from_secs);
    let rest = gap.map(|gap| rest::last_seen(&shared.dir, gap, clock::now())).unwrap_or_default();
    let room = Room::new(incident, writer, parts.pinned.judge.clone(), outlets).rested(rest);
    let ended = room_thread(room, waiting)?;
    if resumed {
        // Whoever attaches now sees that the hub was gone. A disk that is full is no reason to stay away.
        let _ = tokio::time::timeout(FAREWELL, recorded.changed()).await;
        tokio::spawn(who_does_not_return(shared.clone(), snapshot.clone()));
    }
    let meters = Meters::start(&parts.pinned, &snapshot);
    let clients = meters.clients().clone();
    let ground = Ground::new(parts.workspace, parts.secrets, &parts.pinned, meters.clone());
    let board = Arc::new(Board::new(shared.clone()));
    let means = outside::tell::Means { clients: clients.clone(), board: board.clone() };
    tokio::spawn(meters.watch(shared.clone(), incidents.clone()));
    let silencers = parts.pinned.config.suspend.clone();
    let suspenders = Arc::new(Suspenders::new(silencers, clients, shared.clone(), board.clone()));
    tokio::spawn(suspenders.clone().keep_up(incidents.clone()));
    let beyond = outside::begin(&parts.pinned.config, &means, &shared, &incidents);
    let driver = Arc::new(Driver::new(shared.clone(), ground, suspenders));
    driver.begin(&snapshot, under_way).await;
    tokio::spawn(driver.run(to_do));
    let listener = tokio::net::UnixListener::from_std(parts.listener)
        .map_err(|e| Failure::environment("the socket cannot be used").because(e))?;
    tokio::spawn(listener::listen(listener, shared.clone()));
    ready(socket);
    let ended = tokio::select! {
        ended = ended => ended.map_err(|_| Failure::new(crate::error::Kind::Internal, "the room broke down"))?,
        ended = stopped(&wishes) => match ended {},
    };
    // Whatever the room still had to say is said before the end of it.
    let _ = told.await;
    finish(ended, &shared, socket, &beyond).await
}

fn identity(parts: &Parts, incident: &Incident) -> Identity {
    let opened = incident.opened.as_ref();
    Identity {
        dir: parts.dir.clone(),
        name: incident.log().to_owned(),
        segment: incident.segment_log().to_owned(),
        segment_key: incident.hub_key().to_owned(),
        hub_key: opened.map(|o| o.hub_key.clone()).unwrap_or_default(),
        runbook: String::from_utf8_lossy(&parts.pinned.copies.runbook).into_owned(),
        team: String::from_utf8_lossy(&parts.pinned.copies.team).into_owned(),
        roster: B64.encode(&parts.pinned.copies.allowed_signers),
    }
}

/// The room gets a thread of its own: its syncs block, and nobody else shall wait for them.
fn room_thread(room: Room, waiting: mpsc::Receiver<Wish>) -> Result<oneshot::Receiver<Ended>> {
    let (done, ended) = oneshot::channel();
    let cannot = |e: std::io::Error| Failure::environment("the room cannot have a thread").because(e);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(cannot)?;
    std::thread::Builder::new()
        .name("room".to_owned())
        .spawn(move || {
            // When nobody waits for the end any more, the process is over anyway.
            let _ = done.send(runtime.block_on(room.run(waiting)));
        })
        .map_err(cannot)?;
    Ok(ended)
}

/// Tells the parent, and lets go of its pipe.
fn ready(socket: &Path) {
    let mut out = std::io::stdout();
    // The parent may have lost patience; whoever comes later finds the socket all the same.
    let _ = out.write_all(format!("{READY}{}\n", socket.display()).as_bytes()).and_then(|()| out.flush());
    if let Ok(null) = std::fs::File::options().read(true).write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(&null);
        let _ = rustix::stdio::dup2_stdin(&null);
    }
}

/// Whoever was in the room when the hub before ended is there until it is clear that they do not come back.
async fn who_does_not_return(shared: Arc<Shared>, before: Arc<Incident>) {
    tokio::time::sleep(RETURN).await;
    let open = before.sessions.iter().filter(|(_, s)| s.left.is_none() && !s.revoked);
    let lost = shared.unbound(open.map(|(id, _)| id.clone()).collect());
    if !lost.is_empty() {
        let _ = shared.wishes.0.send(Wish::Lost(lost)).await;
    }
}

/// Asks the room to end when somebody asks the process to. A terminal that hangs up is none of our business.
async fn stopped(wishes: &Wishes) -> std::convert::Infallible {
    let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
    let [terminate, interrupt, hangup] = kinds.map(signal);
    let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)) = (terminate, interrupt, hangup) else {
        tracing::error!("signals cannot be listened for");
        return std::future::pending().await;
    };
    loop {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => continue,
        }
        tracing::info!("asked to end");
        let _ = wishes.0.send(Wish::Stop).await;
    }
}

async fn finish(ended: Ended, shared: &Shared, socket: &Path, beyond: &Outside) -> Result<()> {
    // While the record is still locked: after that the socket of this name may be the next hub's.
    if let Err(why) = std::fs::remove_file(socket) {
        tracing::warn!(%why, "the socket is left behind; the next hub replaces it");
    }
    let over = matches!(ended, Ended::Closed(_));
    let (writer, why) = match ended {
        Ended::Closed(writer) => (writer, "the incident is closed"),
        Ended::Stopped(writer) => {
            (writer, "the hub was asked to end; steps go on, and `backout resume` takes them up again")
        }
    };
    let closed = writer.close();
    if over && closed.is_ok() {
        // Nothing is sealed after the close: a key that is gone cannot be used to rewrite what it sealed.
        for name in [HUB_KEY, RESERVE] {
            if let Err(why) = std::fs::remove_file(shared.dir.join(name)) {
                tracing::warn!(%why, name, "is left behind");
            }
        }
    }
    shared.bye.send_replace(Some(why.to_owned()));
    let all_gone = async {
        while shared.bye.receiver_count() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let _ = tokio::time::timeout(FAREWELL, all_gone).await;
    beyond.last().await;
    match closed {
        Ok(head) => {
            tracing::info!(events = head.n, root = %head.root_b64(), "{why}");
            Ok(())
        }
        Err(e) => Err(Failure::environment("the record did not end in order").because(e)),
    }
}

/// How much this hub may do to the world.
pub(super) fn mode(incident: &Incident) -> Mode {
    incident.opened.as_ref().map_or(Mode::Tabletop, |o| o.mode)
}
