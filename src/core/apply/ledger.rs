//! What stays behind: suspensions, items to reconcile, messages, promises. Never drops one that is still open.

use crate::core::event::{
    AnchorConfirmed, Asked, BacklogAdded, BacklogSettled, Event, Inherited, Lifted, PromiseSettled, Promised,
    Sent, Suspended,
};
use crate::core::id::PersonId;
use crate::core::incident::{Incident, Promise, PromiseSettlement, SentMessage, Suspension};
use crate::core::time::Stamp;

pub(super) fn suspended(incident: &mut Incident, data: &Suspended, at: Stamp) {
    let switched = incident.runs.get(&data.step).map_or(0, |run| run.ended);
    let suspension = Suspension {
        step: data.step.clone(),
        since: at,
        switched,
        certain: data.certain,
        lifted: None,
        inherited: None,
    };
    incident.suspensions.insert(data.name.to_string(), suspension);
}

pub(super) fn lifted(incident: &mut Incident, data: &Lifted, at: Stamp) {
    let ends = [&incident.runs, &incident.undos].map(|runs| runs.get(&data.step).map_or(0, |run| run.ended));
    if let Some(suspension) = incident.suspensions.get_mut(data.name.as_str()) {
        suspension.lifted = Some(at);
        suspension.switched = suspension.switched.max(ends.into_iter().max().unwrap_or(0));
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

pub(super) fn asked(incident: &mut Incident, data: &Asked, seq: u64) {
    incident.asked.insert(seq, (data.template.to_string(), data.how));
}

pub(super) fn anchored(incident: &mut Incident, data: &AnchorConfirmed, at: Stamp) {
    incident.anchored.insert(data.anchor.to_string(), (data.n, at));
}

pub(super) fn sent(incident: &mut Incident, data: &Sent, event: &Event) {
    if let Some(asked) = data.asked {
        incident.asked.remove(&asked);
    }
    incident.sent.push(SentMessage {
        step: data.step.clone(),
        template: data.template.to_string(),
        channel: data.channel.to_string(),
        at: event.at,
        seq: event.seq,
    });
}

pub(super) fn promised(incident: &mut Incident, data: &Promised, person: Option<&PersonId>, seq: u64) {
    let Some(by) = person.cloned() else { return };
    let promise =
        Promise { by, to: data.to.clone(), words: data.words.clone(), due: data.due, settled: None };
    incident.promises.insert(seq, promise);
}

pub(super) fn promise_settled(
    incident: &mut Incident,
    data: &PromiseSettled,
    person: Option<&PersonId>,
    at: Stamp,
) {
    if let (Some(promise), Some(by)) = (incident.promises.get_mut(&data.promise), person.cloned()) {
        promise.settled = Some(PromiseSettlement { by, how: data.how, words: data.words.clone(), at });
    }
}
