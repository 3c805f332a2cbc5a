//! `join`: a console, or a line mode, attached to a running incident. Never shows what the mirror has not checked.

mod bridge;
mod plain;
mod settings;
mod translate;

use crate::cli::args::{Args, Join};
use crate::cli::context::{self, Context};
use crate::cli::door::Door;
use crate::cli::room::Seat;
use crate::cli::{follow, say};
use crate::client::room::Room;
use crate::client::session::Session;
use crate::console;
use crate::console::link::{Me, Stance};
use crate::console::run::{Ends, Left};
use crate::core::id::{PersonId, RoleName};
use crate::error::{Failure, Result};
use crate::identity::signer::Signer;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

/// Somebody who attends an incident at a console.
#[derive(Debug)]
pub struct Attendance {
    /// The room.
    pub room: Room,
    /// Who.
    pub person: PersonId,
    /// Their SSH key.
    pub signer: Signer,
    /// Their session.
    pub session: Session,
    /// Seats they want to take.
    pub roles: Vec<RoleName>,
    /// How they came in.
    pub door: Door,
}

/// Runs the verb.
pub fn run(args: &Args, verb: &Join) -> Result<()> {
    let context = Context::of(args)?;
    let door = context.door(verb.incident.as_deref())?;
    let plain = verb.plain || !std::io::stdout().is_terminal() || is_dumb();
    if !plain {
        ready(args)?;
    }
    let runtime = context::runtime()?;
    runtime.block_on(async {
        let room = context::enter(&door).await?;
        match (verb.observe, plain) {
            (true, true) => follow::look_on(room).await,
            (true, false) => {
                let id = door.name();
                farewell(&observe(args, room, door).await?, &id);
                Ok(())
            }
            (false, plain) if !plain || std::io::stdin().is_terminal() => {
                let id = door.name();
                let attendance = attendance(&context, room, verb, door).await?;
                let left =
                    if plain { converse(args, attendance).await } else { attend(args, attendance).await? };
                farewell(&left, &id);
                Ok(())
            }
            (false, _) => {
                let mut seat = seat(&context, room, verb).await?;
                seat.assume(&roles(verb)?).await?;
                follow::room(seat).await
            }
        }
    })
}

fn is_dumb() -> bool {
    std::env::var("TERM").is_ok_and(|term| term == "dumb")
}

fn roles(verb: &Join) -> Result<Vec<RoleName>> {
    let name = |r: &String| RoleName::parse(r.clone()).map_err(|e| Failure::usage(e.to_string()));
    verb.role.iter().map(name).collect()
}

async fn seat(context: &Context, mut room: Room, verb: &Join) -> Result<Seat> {
    room.catch_up().await.map_err(context::lost)?;
    let (person, signer) = context.identify(&room)?;
    let mut seat = Seat::new(room, person, signer);
    seat.join(roles(verb)?).await?;
    Ok(seat)
}

async fn attendance(context: &Context, room: Room, verb: &Join, door: Door) -> Result<Attendance> {
    let (room, person, signer, session) = seat(context, room, verb).await?.into_parts()?;
    Ok(Attendance { room, person, signer, session, roles: roles(verb)?, door })
}

/// Attends at a console until the person detaches or the hub ends.
///
/// # Errors
/// When the terminal or the hub cannot be used any more.
pub async fn attend(args: &Args, attendance: Attendance) -> Result<Left> {
    let (room, door, me, hands) = attendance.parts();
    show(args, room, door, me, Some(hands)).await
}

/// Attends in line mode until the person leaves or the hub ends.
async fn converse(args: &Args, attendance: Attendance) -> Left {
    let (room, door, me, hands) = attendance.parts();
    let records = records(args, &door);
    plain::talk(room, (door, records), me, hands).await
}

impl Attendance {
    fn parts(self) -> (Room, Door, Me, bridge::Hands) {
        let me = Me {
            person: self.person.clone(),
            session: Some(self.session.id().clone()),
            key: Some(self.signer.fingerprint()),
            stance: Stance::Acts,
        };
        let hands = bridge::Hands {
            person: self.person,
            signer: self.signer,
            session: self.session,
            wanted: self.roles,
        };
        (self.room, self.door, me, hands)
    }
}

/// Whether the person's settings can be used; asked before anything begins that a bad line would leave half begun.
///
/// # Errors
/// When they cannot.
pub fn ready(args: &Args) -> Result<()> {
    settings::check(args)
}

async fn observe(args: &Args, room: Room, door: Door) -> Result<Left> {
    // An observer acts under no name: this one only fills the place of it on their own screen.
    let person = PersonId::parse("observer").map_err(|e| Failure::usage(e.to_string()))?;
    let me = Me { person, session: None, key: None, stance: Stance::Observes };
    show(args, room, door, me, None).await
}

async fn show(args: &Args, room: Room, door: Door, me: Me, hands: Option<bridge::Hands>) -> Result<Left> {
    let setup = settings::setup(args, me)?;
    let (updates, incoming) = tokio::sync::mpsc::channel(console::link::UPDATES);
    let (outgoing, asked) = tokio::sync::mpsc::channel(console::link::ACTS);
    let records = records(args, &door);
    let bridge = bridge::Bridge::new(room, (door, records), hands, updates, asked);
    let carried = tokio::spawn(bridge.carry());
    let ended = console::run::run(Ends { updates: incoming, asked: outgoing }, setup).await;
    match &ended {
        // The console's ends are gone, so this ends by itself, and soon.
        Ok(Left::Detached | Left::DetachedFromClosed) => drop(carried.await),
        // Whoever lost their terminal did not leave: the hub notes it as what it is.
        Ok(Left::TerminalGone | Left::Signalled) | Err(_) => carried.abort(),
    }
    ended.map_err(|e| {
        Failure::environment("the terminal cannot be used")
            .because(e)
            .hint("`backout join --plain` works without one")
    })
}

/// Where earlier records lie: beside this one, or in one's own state when the room is somewhere else.
fn records(args: &Args, door: &Door) -> Option<PathBuf> {
    match door {
        Door::Folder(dir) => dir.ancestors().nth(2).map(Path::to_owned),
        Door::Socket(_) | Door::Ssh(_) => Context::of(args).ok().map(|context| context.state),
    }
}

/// Says what becomes of the incident, once the console is gone from the terminal.
pub fn farewell(left: &Left, id: &str) {
    match left {
        Left::Detached => say(&format!("detached; the incident goes on: `backout join {id}` comes back")),
        Left::DetachedFromClosed => say(&format!("the record is closed: `backout verify {id}` checks it")),
        // Nobody reads this terminal any more.
        Left::TerminalGone | Left::Signalled => {}
    }
}
