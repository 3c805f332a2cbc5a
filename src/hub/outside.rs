//! The hub and the world outside the room: what is silenced, told and copied elsewhere. Never holds up a step or the
//! record, and never contacts anything that the workspace does not name.

pub mod anchor;
pub mod board;
pub mod follow;
pub mod scrape;
pub mod suspend;
pub mod tell;
pub mod trace;
pub mod turn;

use crate::core::event::Mode;
use crate::core::incident::Incident;
use crate::hub::shared::Shared;
use crate::workspace::config::Config;
use anchor::Anchors;
use std::sync::Arc;
use tell::{Listeners, Means, Tellers};
use tokio::sync::watch;

/// Whether this incident changes anything in the world.
pub fn is_live(incident: &Incident) -> bool {
    incident.opened.as_ref().is_some_and(|o| o.mode == Mode::Live)
}

/// Those who tell and copy.
#[derive(Debug)]
pub struct Outside {
    anchors: Arc<Anchors>,
    tellers: Tellers,
}

impl Outside {
    /// The last words to everybody, after the record was closed or the hub was asked to end.
    pub async fn last(&self) {
        tokio::join!(self.anchors.last(), self.tellers.last());
    }
}

/// Starts everything that the workspace wants told and copied, in a live incident; in a rehearsal only what stays in
/// the house: its own page of numbers and its copies.
pub fn begin(
    config: &Config,
    means: &Means,
    shared: &Arc<Shared>,
    incidents: &watch::Receiver<Arc<Incident>>,
) -> Outside {
    let incident = incidents.borrow().clone();
    let tellers = Tellers::new();
    if is_live(&incident) {
        let listeners =
            Listeners { grafana: config.annotations.clone(), otlp: config.telemetry.otlp.clone() };
        tellers.start(listeners, means, &shared.log, &incident);
    }
    if let Some(address) = config.telemetry.prometheus {
        tokio::spawn(scrape::serve(address, shared.clone(), incidents.clone(), means.board.clone()));
    }
    let keepers = config.anchors.iter().map(|a| (a.name.clone(), a.keeper.clone())).collect();
    let anchors = Arc::new(Anchors::new(keepers, means.clients.clone(), shared.clone(), means.board.clone()));
    tokio::spawn(anchors.clone().keep_up(incident));
    Outside { anchors, tellers }
}
