//! A message outside the steps: previewed, edited, asked for. Never sends anything itself.

use crate::cli::context::Context;
use crate::cli::room::Seat;
use crate::cli::{print, record};
use crate::core::event::Handed;
use crate::core::id::Name;
use crate::core::intent::Intent;
use crate::core::plan;
use crate::error::{Failure, Result};
use crate::outside::channel::{self, Message};
use crate::runbook::template::{self, Field};
use crate::sanitize;
use crate::workspace::config;
use std::path::Path;

/// Asks the hub to let a message leave, or to record that it was passed on.
pub(super) async fn send(seat: &mut Seat, name: &str, text: Option<&Path>, by_hand: bool) -> Result<u64> {
    let template = Name::parse(name).map_err(|e| Failure::usage(e.to_string()))?;
    let how = if by_hand { Handed::ByHand } else { Handed::Delivered };
    let Some(path) = text else {
        return seat.act(Intent::AskMessage { template, how, payload: None }).await;
    };
    let (part, payload) = crate::client::session::payload(read(path)?.as_bytes()).map_err(super::failed)?;
    seat.act_with(Intent::AskMessage { template, how, payload: Some(payload) }, vec![part]).await
}

fn read(path: &Path) -> Result<String> {
    crate::cli::given::text(path)
}

/// Prints what the template's channel would get.
pub(super) fn preview(context: &Context, incident: &str, name: &str, text: Option<&Path>) -> Result<()> {
    let dir = record::find(&context.state, Some(incident))?;
    let loaded = record::load(&dir)?;
    let incident = &loaded.incident;
    let known = &incident.runbook.comms.templates;
    let model = known.iter().find(|t| t.name == name).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|t| t.name.as_str()).collect();
        Failure::usage(format!("the runbook has no message template `{name}`"))
            .hint(format!("it has {}", if names.is_empty() { "none".to_owned() } else { names.join(", ") }))
    })?;
    let text = match text {
        Some(path) => read(path)?,
        None => {
            let mut scope = plan::scope(incident);
            scope.incident.insert(Field::Head, loaded.head.short_code());
            template::message(&model.text, &scope)
                .map_err(|e| Failure::refused("the message cannot be made yet").because(e))?
        }
    };
    let path = dir.join("workspace.yaml");
    let bytes = std::fs::read(&path)
        .map_err(|e| Failure::environment(format!("cannot read {}", path.display())).because(e))?;
    let config = config::decode("workspace.yaml", &bytes, &dir).0.unwrap_or_default();
    let channel = config.channels.get(&model.channel).ok_or_else(|| {
        Failure::environment(format!("the workspace has no channel `{}`", model.channel))
            .hint("pass the text on by hand, then say so with --by-hand")
    })?;
    let message = Message {
        incident: sanitize::line(incident.opened.as_ref().map_or("", |o| o.incident.as_str())),
        audience: sanitize::line(&model.audience),
        text: sanitize::text(text),
        head: sanitize::line(loaded.head.short_code()),
        at_micros: 0,
    };
    let shown = channel::preview(channel, &message)
        .map_err(|why| Failure::refused("the message does not fit its channel").because(why))?;
    print(&format!("to {} through {}, {shown}", message.audience, sanitize::line(&model.channel)));
    Ok(())
}
