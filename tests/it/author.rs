//! Writing runbooks through the command line: judged, planned, compared, imported.

mod after;
mod import;
mod lint;
mod plan;
mod scenario;

use crate::support::{Backout, Place};

/// A workspace without keys, with this runbook in it.
fn workspace(runbook: &str) -> Place {
    let place = Place::new();
    place.write("ws/backout.yaml", "channels: {paper: {file: sent.txt}}\n");
    place.write("ws/team.yaml", "people:\n  - {id: ana, name: Ana, roles: [commander, sre]}\n");
    place.write("ws/allowed_signers", "");
    place.write("ws/runbooks/test.yaml", runbook);
    place
}

/// The program, called from inside that workspace.
fn inside(place: &Place) -> Backout {
    Backout::new(place).inside(&place.join("ws"))
}
