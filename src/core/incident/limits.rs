//! What bounds a way back: the point it leads to with what that loses, and how long it exists. Never says that
//! nothing is lost.

use super::Incident;
use crate::core::plan;
use crate::core::time::{Stamp, spoken};
use crate::runbook::template;
use std::time::Duration;

/// The point in time that a restore leads back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreTo {
    /// As it was given.
    pub point: String,
    /// What was written in so much time, up to the opening of the incident, is lost; and what came after it too.
    pub loses: Duration,
}

impl RestoreTo {
    /// In a few words, for whoever signs it.
    pub fn words(&self) -> String {
        format!("restored to {}, losing {} of writes and all since", self.point, spoken(self.loses))
    }
}

impl Incident {
    /// Where the restore leads back to, for the runbooks that ask.
    pub fn restores_to(&self) -> Option<RestoreTo> {
        let point = self.opened.as_ref()?.restore_point.clone()?;
        let at = Stamp::parse_rfc3339(&point)?;
        Some(RestoreTo { point, loses: self.opened_at.since(at) })
    }

    /// Until when the way back exists, where the runbook says so and its beginning is known.
    pub fn window_closes(&self) -> Option<Stamp> {
        let window = self.runbook.window.as_ref()?;
        let opens = template::message(&window.opens_at, &plan::scope(self)).ok()?;
        Some(Stamp::parse_rfc3339(&opens)?.plus(window.lasts))
    }
}
