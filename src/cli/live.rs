//! `join`: a console, or a line mode, attached to a running incident. Never shows what the mirror has not checked.

use crate::cli::args::{Args, Join};
use crate::cli::context::{self, Context};
use crate::cli::room::Seat;
use crate::cli::{follow, record};
use crate::client::room::Room;
use crate::core::id::RoleName;
use crate::error::{Failure, Result};
use std::io::IsTerminal as _;

/// Runs the verb.
pub fn run(args: &Args, verb: &Join) -> Result<()> {
    let context = Context::of(args)?;
    let dir = record::find(&context.state, verb.incident.as_deref())?;
    let plain = verb.plain || !std::io::stdout().is_terminal() || is_dumb();
    let runtime = context::runtime()?;
    runtime.block_on(async {
        let room = context::attach(&dir).await?;
        match (verb.observe, plain) {
            (true, _) => follow::look_on(room).await,
            (false, _) => {
                let mut seat = seat(&context, room, &dir, verb).await?;
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

async fn seat(context: &Context, mut room: Room, dir: &std::path::Path, verb: &Join) -> Result<Seat> {
    let (person, signer) = context.identify(dir)?;
    room.catch_up().await.map_err(context::lost)?;
    let mut seat = Seat::new(room, person, signer);
    seat.join(roles(verb)?).await?;
    Ok(seat)
}
