//! What stays behind: suspensions, items to reconcile, messages. Never drops one that is still open.

use crate::core::event::{BacklogAdded, BacklogSettled, Inherited, Lifted, Sent, Suspended};
use crate::core::incident::{Incident, SentMessage, Suspension};
use crate::core::time::Stamp;

pub(super) fn suspended(incident: &mut Incident, data: &Suspended, at: Stamp) {
    let suspension = Suspension {
        step: data.step.clone(),
        since: at,
        certain: data.certain,
        lifted: None,
        inherited: None,
    };
    incident.suspensions.insert(data.name.to_string(), suspension);
}

pub(super) fn lifted(incident: &mut Incident, data: &Lifted, at: Stamp) {
    if let Some(suspension) = incident.suspensions.get_mut(data.name.as_str()) {
        suspension.lifted = Some(at);
    }
}

pub(super) fn inherited(incident: &mut Incident, data: &Inherited) {
    if let Some(suspension) = incident.suspensions.get_mut(data.name.as_str()) {
        suspension.inherited = Some(data.owner.clone());
    }
}

pub(super) fn added(incident: &mut Incident, data: &BacklogAdded) {
    let debt = incident.backlog.entry(data.name.to_string()).or_default();
    debt.added = debt.added.saturating_add(data.count);
    debt.owner.clone_from(&data.owner);
    if let Some(run) = incident.runs.get_mut(&data.step) {
        run.counted = true;
    }
}

pub(super) fn settled(incident: &mut Incident, data: &BacklogSettled) {
    let debt = incident.backlog.entry(data.name.to_string()).or_default();
    debt.settled = debt.settled.saturating_add(data.count);
}

pub(super) fn sent(incident: &mut Incident, data: &Sent, at: Stamp) {
    if let Some(asked) = data.asked {
        incident.asked.remove(&asked);
    }
    incident.sent.push(SentMessage {
        step: data.step.clone(),
        template: data.template.to_string(),
        channel: data.channel.to_string(),
        at,
    });
}
