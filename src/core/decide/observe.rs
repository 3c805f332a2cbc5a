//! What the hub saw a step do: progress, looks, fingerprints, messages, phases. Never of a step that does not run.

use super::hub;
use super::step::{known, running};
use crate::core::event::{Handed, Judged, Judgement, Measured, PhaseEntered, Progressed, Sent, What};
use crate::core::id::{BadName, Digest, Name, StepId};
use crate::core::incident::Incident;
use crate::core::intent::{By, Intent};
use crate::core::refusal::Refusal;
use crate::runbook::model::Action;

/// The longest unit, in bytes.
const LONGEST_UNIT: usize = 16;

pub(super) fn progress(incident: &Incident, by: &By, intent: &Intent) -> Result<What, Refusal> {
    hub(by)?;
    let Intent::Progress { step: id, attempt, done, total, unit } = intent else {
        return Err(Refusal::DoesNotFit("not a report".to_owned()));
    };
    running(known(incident, id)?.1, id, *attempt)?;
    let plain = |unit: &String| {
        (1..=LONGEST_UNIT).contains(&unit.len()) && unit.bytes().all(|b| b.is_ascii_graphic())
    };
    if !unit.iter().all(plain) {
        return Err(Refusal::BadText);
    }
    let (done, total, unit) = (*done, *total, unit.clone());
    Ok(Progressed { step: id.clone(), attempt: *attempt, done, total, unit }.into())
}

pub(super) fn judge(
    incident: &Incident,
    by: &By,
    id: &StepId,
    attempt: u32,
    look: u32,
    judgement: Judgement,
    why: &str,
) -> Result<What, Refusal> {
    hub(by)?;
    let (step, run) = known(incident, id)?;
    running(run, id, attempt)?;
    if !matches!(step.action, Action::Check(_)) || look != run.looks + 1 {
        return Err(Refusal::DoesNotFit(format!("{id} does not expect look {look}")));
    }
    Ok(Judged { step: id.clone(), attempt, look, judgement, why: why.to_owned() }.into())
}

pub(super) fn measure(
    incident: &Incident,
    by: &By,
    id: &StepId,
    attempt: u32,
    digest: Digest,
    bytes: u64,
    text: Option<&str>,
) -> Result<What, Refusal> {
    hub(by)?;
    let (step, run) = known(incident, id)?;
    running(run, id, attempt)?;
    let Action::Measure { as_name, .. } = &step.action else {
        return Err(Refusal::DoesNotFit(format!("{id} does not measure")));
    };
    let name = Name::parse(as_name.clone()).map_err(|e| Refusal::DoesNotFit(e.to_string()))?;
    let text = text.map(str::to_owned);
    Ok(Measured { step: id.clone(), attempt, name, digest, bytes, text }.into())
}

/// A message has left: of a step, or because somebody asked.
pub(super) fn left(
    incident: &Incident,
    by: &By,
    (step, asked): (Option<&StepId>, Option<u64>),
    how: Handed,
    detail: &str,
) -> Result<What, Refusal> {
    match (step, asked) {
        (Some(step), None) => sent(incident, by, step, how, detail),
        (None, Some(asked)) => asked_is_sent(incident, by, asked, how, detail),
        (Some(_), Some(_)) | (None, None) => {
            Err(Refusal::DoesNotFit("a message is sent by a step or because somebody asked".to_owned()))
        }
    }
}

fn sent(incident: &Incident, by: &By, id: &StepId, how: Handed, detail: &str) -> Result<What, Refusal> {
    hub(by)?;
    let (step, run) = known(incident, id)?;
    let Action::Send { template } = &step.action else {
        return Err(Refusal::DoesNotFit(format!("{id} does not send")));
    };
    running(run, id, run.attempt)?;
    let channel =
        incident.runbook.comms.templates.iter().find(|t| &t.name == template).map(|t| t.channel.clone());
    let bad = |e: BadName| Refusal::DoesNotFit(e.to_string());
    let channel = channel.ok_or_else(|| Refusal::DoesNotFit(format!("no message template {template}")))?;
    Ok(Sent {
        step: Some(id.clone()),
        asked: None,
        template: Name::parse(template.clone()).map_err(bad)?,
        channel: Name::parse(channel).map_err(bad)?,
        how,
        detail: detail.to_owned(),
    }
    .into())
}

/// A message that somebody asked for has left.
fn asked_is_sent(
    incident: &Incident,
    by: &By,
    asked: u64,
    how: Handed,
    detail: &str,
) -> Result<What, Refusal> {
    hub(by)?;
    let wanted = incident.asked.get(&asked);
    let (template, _) = wanted
        .ok_or_else(|| Refusal::DoesNotFit(format!("event {asked} asks for no message that is left")))?;
    let channel = incident.runbook.comms.templates.iter().find(|t| &t.name == template).map(|t| &t.channel);
    let bad = |e: BadName| Refusal::DoesNotFit(e.to_string());
    let channel = channel.ok_or_else(|| Refusal::DoesNotFit(format!("no message template {template}")))?;
    Ok(Sent {
        step: None,
        asked: Some(asked),
        template: Name::parse(template.clone()).map_err(bad)?,
        channel: Name::parse(channel.clone()).map_err(bad)?,
        how,
        detail: detail.to_owned(),
    }
    .into())
}

pub(super) fn enter_phase(incident: &Incident, by: &By, phase: u32) -> Result<What, Refusal> {
    hub(by)?;
    let found = usize::try_from(phase).ok().and_then(|i| incident.runbook.phases.get(i));
    let found = found.ok_or_else(|| Refusal::DoesNotFit(format!("there is no phase {phase}")))?;
    if !incident.phase_begins(phase, found) {
        return Err(Refusal::DoesNotFit(format!("phase {} does not begin now", found.name)));
    }
    Ok(PhaseEntered { phase, name: found.name.clone() }.into())
}
