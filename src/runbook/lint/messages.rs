//! Who hears what and when. Never reads a message for its style.

use super::case::{Case, Report};
use crate::runbook::model::Action;
use std::time::Duration;

/// Updates more often than this are noise, and more seldom silence (the practice is one in 20 minutes).
const RHYTHM: (Duration, Duration) = (Duration::from_secs(5 * 60), Duration::from_secs(60 * 60));

/// Rehearsals and test systems owe nobody a message.
fn is_production(case: &Case<'_>) -> bool {
    let environment = case.runbook.environment.to_lowercase();
    environment.starts_with("prod") || environment.starts_with("live")
}

pub fn somebody_is_told(case: &Case<'_>, report: &mut Report<'_>) {
    let sends = case.steps.iter().any(|p| matches!(p.step.action, Action::Send { .. }));
    if is_production(case) && !sends && case.runbook.comms.cadence.is_empty() {
        report.at("environment", "nobody outside is told anything while this goes on");
    }
}

pub fn the_first_message_comes_early(case: &Case<'_>, report: &mut Report<'_>) {
    let sends = case.steps.iter().position(|p| matches!(p.step.action, Action::Send { .. }));
    let changes = case.steps.iter().position(|p| {
        let step = p.step;
        step.suspends.is_none() && matches!(step.action, Action::Run { .. } | Action::SetAside { .. })
    });
    let (Some(first), Some(change)) = (sends, changes) else { return };
    if is_production(case)
        && first > change
        && case.runbook.comms.cadence.is_empty()
        && let Some(placed) = case.steps.get(first)
    {
        let message = format!("`{}` is the first message, and things have changed by then", placed.step.id);
        report.at_key(&format!("{}.send", placed.path), &message);
    }
}

pub fn updates_come_in_rhythm(case: &Case<'_>, report: &mut Report<'_>) {
    for (i, cadence) in case.runbook.comms.cadence.iter().enumerate() {
        let path = format!("comms.cadence[{i}].every");
        let (least, most) = RHYTHM;
        if cadence.every < least || cadence.every > most {
            let how = if cadence.every < least { "often" } else { "seldom" };
            report.at(&path, &format!("{} hear too {how} to be helped", cadence.audience));
        }
        let template = case.runbook.comms.templates.iter().find(|t| t.name == cadence.template);
        if let Some(template) = template.filter(|t| t.audience != cadence.audience) {
            let path = format!("comms.cadence[{i}].template");
            let message =
                format!("`{}` is written for {}, not {}", template.name, template.audience, cadence.audience);
            report.at(&path, &message);
        }
    }
}
