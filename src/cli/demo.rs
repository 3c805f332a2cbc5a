//! `demo`: a rollback of a real small shop, with stand-ins for whoever is not there. Never leaves a process behind,
//! and never claims more than the folder it leaves can prove.

mod company;
mod ending;

use std::io::IsTerminal as _;
use std::path::Path;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::cli::args::{Args, Demo, Params};
use crate::cli::door::Door;
use crate::cli::live::{self, Attendance};
use crate::cli::open::{self, Begun, Wanted};
use crate::cli::params::{self, Asking};
use crate::cli::{context, print, say};
use crate::client::room::{Room, Update};
use crate::core::event::{Event, Mode, What};
use crate::core::id::RoleName;
use crate::core::time::Stamp;
use crate::demo::script::Part;
use crate::demo::stage::{self, Stage};
use crate::demo::stand_in::{Limit, Patience, StandIn};
use crate::error::{Failure, Kind, Result};
use crate::sanitize;
use crate::wire::message::ScoreView;
use crate::workspace::Workspace;
use company::Company;

/// An unattended demo goes forward so long, and is led out within so long: together well below 90 s.
const LIMIT: Limit = Limit { forward: Duration::from_secs(70), out: Duration::from_secs(12) };
/// Remarks of the stand-ins that wait to be printed. When full, further ones are dropped.
const REMARKS: usize = 64;
/// After the record is closed the last lines arrive within this.
const LAST_LINES: Duration = Duration::from_secs(5);
/// Characters of a line that quotes what a step said.
const WIDEST: usize = 140;
/// How bad the demo's incident is.
const SEVERITY: u8 = 2;

/// Runs the verb.
pub fn run(args: &Args, verb: &Demo) -> Result<()> {
    let at_a_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if !verb.headless && !at_a_terminal {
        return Err(Failure::usage("a console needs a terminal")
            .hint("`backout demo --headless` plays it without anybody"));
    }
    if !verb.headless {
        live::ready(args)?;
    }
    let dir = match &verb.dir {
        Some(dir) => dir.clone(),
        None => stage::temporary()?,
    };
    let runtime = context::runtime()?;
    say(&format!("The shop opens in {}", dir.display()));
    if verb.headless {
        return runtime.block_on(unless_stopped(unattended(&dir)));
    }
    let stage = runtime.block_on(unless_stopped(Stage::build(&dir)))?;
    let begun = begin(&stage)?;
    let incident = begun.dir.clone();
    let company = Company::gather(&stage, &incident)?;
    let attended = runtime.block_on(attend(args, &stage, begun));
    for remark in company.dismiss() {
        say(&remark);
    }
    stage.strike();
    let ended = ending::tell(&stage, &incident, ending::Who::Person);
    attended.and(ended)
}

/// Gives up what it does when a signal asks the program to end; what was dropped then is cleaned up.
async fn unless_stopped<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let [interrupt, terminate, hangup] = kinds.map(signal);
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) = (interrupt, terminate, hangup) else {
        return Err(Failure::environment("signals cannot be listened for"));
    };
    let stopped = |how: &str| Err(Failure::new(Kind::No, format!("the demo was {how} before its end")));
    tokio::select! {
        done = work => done,
        _ = interrupt.recv() => stopped("interrupted"),
        _ = terminate.recv() => stopped("terminated"),
        _ = hangup.recv() => stopped("hung up on"),
    }
}

/// Opens the incident as the commander of the stage.
fn begin(stage: &Stage) -> Result<Begun> {
    let workspace = Workspace::load(&stage.dir)?;
    let (bytes, runbook) = open::read(&stage.dir.join(stage::RUNBOOK), &workspace)?;
    let given = Params { params: stage.answers()?, restore_point: None };
    let answers = params::gather(&runbook, &given, Asking::Never)?;
    let (person, signer) = stage.person(Part::Commander)?;
    let wanted = Wanted {
        workspace: &workspace,
        state: &stage.state(),
        bytes,
        runbook: &runbook,
        answers,
        mode: Mode::Live,
        severity: SEVERITY,
        roles: RoleName::parse(Part::Commander.role()).into_iter().collect(),
    };
    open::begin(wanted, &person, &signer)
}

/// Stand-ins for everybody, one line an event.
async fn unattended(dir: &Path) -> Result<()> {
    let stage = Stage::build(dir).await?;
    let begun = begin(&stage)?;
    let incident = begun.dir;
    let (remark, remarks) = mpsc::channel(REMARKS);
    let patience = Patience::BRISK;
    let mut others = tokio::task::JoinSet::new();
    for part in [Part::Sre, Part::Operator] {
        let room = context::attach(&incident).await?;
        let other = StandIn::new(part, stage.person(part)?, room, patience, remark.clone());
        others.spawn(other.play());
    }
    let told = tokio::spawn(narrate(context::attach(&incident).await?, remarks));
    let room = context::attach(&incident).await?;
    let commander = stage.person(Part::Commander)?;
    let commander = StandIn::new(Part::Commander, commander, room, patience, remark);
    let played = commander.with_session(begun.session).with_limit(LIMIT).play().await;
    if played.is_ok() {
        // What it could not tell in time is in the record all the same.
        let _ = tokio::time::timeout(LAST_LINES, told).await;
    } else {
        told.abort();
    }
    others.shutdown().await;
    stage.strike();
    let ended = ending::tell(&stage, &incident, ending::Who::StandIns);
    played.and(ended)
}

/// Prints events, remarks and what the numbers say, until the record is closed.
async fn narrate(mut room: Room, mut remarks: mpsc::Receiver<String>) {
    let mut numbers = Numbers::default();
    loop {
        let update = tokio::select! {
            update = room.next() => update,
            Some(text) = remarks.recv() => {
                say(&format!("note: {text}"));
                continue;
            }
        };
        match update {
            Ok(Update::Events(events)) => {
                events.iter().for_each(|event| print_event(&room, event));
                if events.iter().any(|e| matches!(e.what, What::Closed(_))) {
                    return;
                }
            }
            Ok(Update::Metrics { panes, score }) => {
                let share = panes.iter().find(|p| p.name == "error_share");
                numbers.print(share.map(|p| (p.latest.clone(), p.state.words())), score, context::now());
            }
            Ok(Update::Bye(_)) | Err(_) => return,
            Ok(
                Update::CaughtUp
                | Update::Answer { .. }
                | Update::Outside(_)
                | Update::Output(_)
                | Update::Writer(_),
            ) => {}
        }
    }
}

fn print_event(room: &Room, event: &Event) {
    let line = crate::cli::follow::line(event);
    match room.said(event.seq) {
        [] => print(&short(&line)),
        texts => print(&format!("{line} {}", sanitize::line(texts.join(" ")))),
    }
}

/// A line without the rest of a long quotation: the record has all of it.
fn short(line: &str) -> String {
    match line.char_indices().nth(WIDEST) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or(line)),
        None => line.to_owned(),
    }
}

/// What was last said about the numbers: only changes are told.
#[derive(Debug, Default)]
struct Numbers {
    share: Option<&'static str>,
    points: Option<u32>,
}

impl Numbers {
    fn print(&mut self, share: Option<(String, &'static str)>, score: Option<ScoreView>, now: Stamp) {
        if let Some((latest, state)) = share.filter(|(_, state)| self.share != Some(state)) {
            self.share = Some(state);
            print(&format!("{} failed checkouts {} ({state})", now.clock(), sanitize::line(latest)));
        }
        if let Some(score) = score.filter(|score| self.points != Some(score.points)) {
            self.points = Some(score.points);
            print(&format!("{} readiness {}", now.clock(), sanitize::line(&score.advice)));
        }
    }
}

/// A person as commander, at the console.
async fn attend(args: &Args, stage: &Stage, begun: Begun) -> Result<()> {
    let (person, signer) = stage.person(Part::Commander)?;
    let room = context::attach(&begun.dir).await?;
    let roles = RoleName::parse(Part::Commander.role()).into_iter().collect();
    let attendance =
        Attendance { room, person, signer, session: begun.session, roles, door: Door::Folder(begun.dir) };
    // However they left: the demo ends with it and says so itself.
    live::attend(args, attendance).await.map(drop)
}
