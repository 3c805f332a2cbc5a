//! `resume`: the hub of an incident whose hub is gone. Never runs anything twice: what was under way is looked for.

use crate::cli::args::{Args, Join, Resume};
use crate::cli::context::Context;
use crate::cli::{live, open, record, say};
use crate::core::incident::Stage;
use crate::error::{Failure, Result};
use crate::hub::start::{Launch, secrets_from_environment};
use std::io::IsTerminal as _;

/// Runs the verb.
pub fn run(args: &Args, verb: &Resume) -> Result<()> {
    let context = Context::of(args)?;
    let dir = record::find(&context.state, verb.incident.as_deref())?;
    let loaded = record::load(&dir)?;
    let id = dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    if loaded.incident.stage == Stage::Closed {
        return Err(Failure::refused(format!("incident {id} is closed; there is nothing to resume")));
    }
    open::warn(&Launch::new(&dir).secrets(secrets_from_environment(&loaded.incident.runbook)).start()?);
    say(&format!("the hub of incident {id} runs again"));
    if verb.headless || !std::io::stdout().is_terminal() {
        return Ok(());
    }
    live::run(args, &Join { incident: Some(id), observe: false, plain: false, role: Vec::new() })
}
