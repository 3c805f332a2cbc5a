//! The incident as a whole: pause, abort, mitigated, resolved, closed; what is suspended, what is owed, triggers.
//! Never closes over something that is still open.

use super::{authorised, commands, hub, person, reason, takes_part};
use crate::core::due;
use crate::core::event::{
    Aborted, About, AnchorConfirmed, Asked, BacklogAdded, BacklogSettled, Choice, Closed, Continued, Decided,
    Handed, Inherited, Lifted, Mitigated, Resolved, Resumed, Suspended, TriggerCleared, TriggerFired, What,
};
use crate::core::id::{Name, PersonId, StepId};
use crate::core::incident::{Incident, Matter, Stage, Status};
use crate::core::intent::By;
use crate::core::refusal::Refusal;
use crate::runbook::model::OnFailure;

pub(super) fn pause_or_go_on(
    incident: &Incident,
    by: &By,
    choice: &Choice,
    why: &str,
) -> Result<What, Refusal> {
    let id = person(by)?;
    match choice {
        // Anybody who takes part may stop the room; going on is the commander's.
        Choice::Pause => {
            takes_part(incident, id)?;
            if let Some(why) = &incident.paused {
                return Err(Refusal::Paused(why.clone()));
            }
        }
        Choice::GoOn => {
            commands(incident, id)?;
            if incident.paused.is_none() {
                return Err(Refusal::NotPaused);
            }
        }
        // What is not gone is the commander's word; it stands in the packet for whoever commands next.
        Choice::RuleOut(way) => {
            commands(incident, id)?;
            reason(way)?;
        }
        Choice::Option(_)
        | Choice::Retry
        | Choice::Continue
        | Choice::Goto(_)
        | Choice::Cancel
        | Choice::Kill
        | Choice::Keep
        | Choice::Amend(_) => return Err(Refusal::DoesNotFit("an incident is paused or goes on".to_owned())),
    }
    Ok(Decided { about: About::Incident, choice: choice.clone(), reason: reason(why)? }.into())
}

pub(super) fn abort(incident: &Incident, by: &By, why: &str) -> Result<What, Refusal> {
    if let Some(why) = &incident.aborted {
        return Err(Refusal::Aborted(why.clone()));
    }
    match by {
        By::Person { id, .. } => {
            incident.no_phase_is_left_out()?;
            if !authorised(incident, id, Matter::Abort, incident.current_phase())? {
                commands(incident, id)?;
            }
        }
        By::Hub => {
            let declared = incident.runbook.steps().any(|s| {
                s.on_failure == OnFailure::Abort
                    && incident
                        .runs
                        .get(s.id.as_str())
                        .is_some_and(|r| matches!(r.status, Status::Failed | Status::TimedOut) && !r.passed)
            });
            if !declared {
                return Err(Refusal::PersonOnly);
            }
        }
    }
    Ok(Aborted { reason: reason(why)? }.into())
}

pub(super) fn mitigate(incident: &Incident, by: &By, why: &str) -> Result<What, Refusal> {
    commands(incident, person(by)?)?;
    if incident.mitigated_at.is_some() {
        return Err(Refusal::DoesNotFit("the incident is already mitigated".to_owned()));
    }
    Ok(Mitigated { reason: reason(why)? }.into())
}

pub(super) fn resolve(incident: &Incident, by: &By, why: &str) -> Result<What, Refusal> {
    commands(incident, person(by)?)?;
    if incident.resolved_at.is_some() {
        return Err(Refusal::DoesNotFit("the incident is already resolved".to_owned()));
    }
    if let Some(open) = what_is_open(incident) {
        return Err(Refusal::CannotClose(open));
    }
    Ok(Resolved { reason: reason(why)? }.into())
}

pub(super) fn close(incident: &Incident, by: &By, why: &str, key: &str) -> Result<What, Refusal> {
    commands(incident, person(by)?)?;
    if let Some(open) = what_is_open(incident) {
        return Err(Refusal::CannotClose(open));
    }
    Ok(Closed { reason: reason(why)?, key: key.to_owned() }.into())
}

/// What keeps an incident open, in a sentence.
pub fn what_is_open(incident: &Incident) -> Option<String> {
    let list = |names: Vec<&str>| names.join(", ");
    let are =
        |names: &[&str]| format!("{} {}", names.join(", "), if names.len() == 1 { "is" } else { "are" });
    let unknown: Vec<&str> = incident.unknowns().iter().map(|(id, _)| id.as_str()).collect();
    if !unknown.is_empty() {
        return Some(format!("nobody knows how {} ended; settle it first", list(unknown)));
    }
    let busy = incident.runs.iter().chain(&incident.undos);
    let busy: Vec<&str> =
        busy.filter(|(_, r)| r.status == Status::Running).map(|(id, _)| id.as_str()).collect();
    if !busy.is_empty() {
        return Some(format!("{} still under way", are(&busy)));
    }
    let uncounted: Vec<&str> = incident.uncounted().iter().map(|id| id.as_str()).collect();
    if !uncounted.is_empty() {
        return Some(format!("what {} leaves to reconcile is still being counted", list(uncounted)));
    }
    if incident.aborted.is_some() && incident.stage == Stage::Declared {
        let undo: Vec<&str> = incident.undo_order().iter().map(|s| s.id.as_str()).collect();
        if !undo.is_empty() {
            return Some(format!("{} not taken back: undo it, or say why it stays", are(&undo)));
        }
    }
    let suspended: Vec<&str> = incident.open_suspensions().map(|(name, _)| name).collect();
    if !suspended.is_empty() {
        return Some(format!("{} still suspended: resume it, or name who takes it over", are(&suspended)));
    }
    let owed: Vec<String> = incident.open_backlog().map(|(name, left)| format!("{left} of {name}")).collect();
    if !owed.is_empty() {
        return Some(format!("{} still to reconcile: settle it, or name who takes it over", owed.join(", ")));
    }
    if incident.stage == Stage::Declared && !incident.phases_over() {
        return Some("the steps are not all settled; finish, skip or abort".to_owned());
    }
    let always = incident.runbook.always.iter().filter(|_| incident.stage == Stage::Declared);
    let left: Vec<&str> = always
        .filter(|s| {
            incident
                .runs
                .get(s.id.as_str())
                .is_some_and(|r| !r.passed && (!r.status.is_over() || r.status.is_trouble()))
        })
        .map(|s| s.id.as_str())
        .collect();
    (!left.is_empty()).then(|| format!("{} not settled, and every way out ends with it", are(&left)))
}

pub(super) fn inherit(
    incident: &Incident,
    by: &By,
    name: &Name,
    owner: &PersonId,
    why: &str,
) -> Result<What, Refusal> {
    let id = person(by)?;
    // Whoever takes it over says so themselves: nobody is made an owner behind their back.
    if id != owner {
        commands(incident, id)?;
    }
    if incident.team.person(owner).is_none() {
        return Err(Refusal::NotInTeam(owner.clone()));
    }
    if !incident.open_suspensions().any(|(open, _)| open == name.as_str()) {
        return Err(Refusal::NotSuspended(name.to_string()));
    }
    Ok(Inherited { name: name.clone(), owner: owner.clone(), reason: reason(why)? }.into())
}

pub(super) fn settle_backlog(
    incident: &Incident,
    by: &By,
    name: &Name,
    count: u64,
    why: &str,
) -> Result<What, Refusal> {
    takes_part(incident, person(by)?)?;
    let left = incident.open_backlog().find(|(open, _)| *open == name.as_str()).map_or(0, |(_, left)| left);
    if count == 0 || count > left {
        return Err(Refusal::NoBacklog(format!("{name} ({left} left, {count} given)")));
    }
    Ok(BacklogSettled { name: name.clone(), count, reason: reason(why)? }.into())
}

pub(super) fn suspend(incident: &Incident, by: &By, step: &StepId) -> Result<What, Refusal> {
    hub(by)?;
    let (name, certain) = due::suspension_of(incident, step).ok_or_else(|| {
        Refusal::DoesNotFit(format!("{step} has not suspended anything that is not already noted"))
    })?;
    Ok(Suspended { name, step: step.clone(), certain }.into())
}

pub(super) fn lift(incident: &Incident, by: &By, step: &StepId) -> Result<What, Refusal> {
    hub(by)?;
    let name = due::lifted_by(incident, step).ok_or_else(|| Refusal::NotSuspended(step.to_string()))?;
    Ok(Lifted { name, step: step.clone() }.into())
}

pub(super) fn add_backlog(incident: &Incident, by: &By, step: &StepId, count: u64) -> Result<What, Refusal> {
    hub(by)?;
    let missing = || Refusal::NoSuchStep(step.clone());
    let backlog = incident.step(step).ok_or_else(missing)?.backlog.as_ref();
    let backlog = backlog.ok_or_else(|| Refusal::DoesNotFit(format!("{step} keeps no backlog")))?;
    if !incident.owes_count(step) {
        return Err(Refusal::DoesNotFit(format!("{step} leaves nothing that is still to be counted")));
    }
    let name = Name::parse(backlog.name.clone()).map_err(|e| Refusal::DoesNotFit(e.to_string()))?;
    Ok(BacklogAdded { name, step: step.clone(), count, owner: backlog.owner.clone() }.into())
}

/// Only behind the last event there is, under the next name and a key that never sealed before.
pub(super) fn go_on(incident: &Incident, by: &By, data: &Continued) -> Result<What, Refusal> {
    hub(by)?;
    let no = |why: String| Err(Refusal::DoesNotFit(why));
    let next = incident.next_segment_log();
    if data.log != next {
        return no(format!("the next segment is {next}, not {}", data.log));
    }
    if data.after.n != incident.next_seq {
        return no(format!("the segment before has {} events, not {}", incident.next_seq, data.after.n));
    }
    if incident.sealing_keys().any(|key| key == data.hub_key) {
        return no("a new segment is sealed with a new key".to_owned());
    }
    if data.cause.trim().is_empty() {
        return no("a segment ends only because its disk failed, and the cause is not said".to_owned());
    }
    Ok(data.clone().into())
}

pub(super) fn resume(by: &By, program: &str, found: &str) -> Result<What, Refusal> {
    hub(by)?;
    Ok(Resumed { program: program.to_owned(), found: found.to_owned() }.into())
}

pub(super) fn fire(incident: &Incident, by: &By, trigger: &Name, value: &str) -> Result<What, Refusal> {
    hub(by)?;
    let known = incident.runbook.triggers.iter().any(|t| t.id == trigger.as_str());
    if !known || incident.fired.contains_key(trigger.as_str()) {
        return Err(Refusal::DoesNotFit(format!("trigger {trigger} does not fire now")));
    }
    Ok(TriggerFired { trigger: trigger.clone(), value: value.to_owned() }.into())
}

pub(super) fn clear(incident: &Incident, by: &By, trigger: &Name, value: &str) -> Result<What, Refusal> {
    hub(by)?;
    if !incident.fired.contains_key(trigger.as_str()) {
        return Err(Refusal::DoesNotFit(format!("trigger {trigger} has not fired")));
    }
    Ok(TriggerCleared { trigger: trigger.clone(), value: value.to_owned() }.into())
}

pub(super) fn ask_message(
    incident: &Incident,
    by: &By,
    template: &Name,
    how: Handed,
) -> Result<What, Refusal> {
    takes_part(incident, person(by)?)?;
    if !incident.runbook.comms.templates.iter().any(|t| t.name == template.as_str()) {
        return Err(Refusal::DoesNotFit(format!("the runbook has no message template {template}")));
    }
    Ok(Asked { template: template.clone(), how }.into())
}

pub(super) fn anchor(
    incident: &Incident,
    by: &By,
    n: u64,
    root: &str,
    anchor: &Name,
) -> Result<What, Refusal> {
    hub(by)?;
    if n == 0 || n > incident.next_seq {
        return Err(Refusal::DoesNotFit(format!("this record has {} events, not {n}", incident.next_seq)));
    }
    Ok(AnchorConfirmed { n, root: root.to_owned(), anchor: anchor.clone() }.into())
}
