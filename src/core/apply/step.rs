//! Steps and their undo: begun, ended, settled, left out. Never judges how one ended.

use crate::core::event::{
    Direction, DoneByHand, Event, Finished, Judged, Measured, Progressed, Settled, Started, Undone, Verdict,
};
use crate::core::id::StepId;
use crate::core::incident::{Incident, Measurement, Run, Status};
use crate::core::time::Stamp;

/// What has not begun in the phases will not be reached any more.
pub(super) fn not_reached(incident: &mut Incident) {
    let runbook = incident.runbook.clone();
    for step in runbook.phases.iter().flat_map(|p| &p.steps) {
        if let Some(run) = incident.runs.get_mut(step.id.as_str())
            && matches!(run.status, Status::Pending | Status::Waiting)
        {
            run.status = Status::NotReached;
        }
    }
}

pub(super) fn start(incident: &mut Incident, data: &Started, event: &Event) {
    if data.direction == Direction::Forward {
        undo_again(incident, &data.step);
        look_again(incident, &data.step);
    }
    let runs = match data.direction {
        Direction::Forward => &mut incident.runs,
        Direction::Undo => &mut incident.undos,
    };
    let moved = incident.moved;
    runs.update(&data.step, |run| begin(run, data, event, moved));
}

fn begin(run: &mut Run, data: &Started, event: &Event, moved: i64) {
    run.attempt = data.attempt;
    run.status = Status::Running;
    run.begun = event.seq;
    run.started_at = Some(event.at);
    run.moved = moved;
    run.ended_at = None;
    run.counted = false;
    run.plan = Some(data.plan);
    run.detail.clear();
    run.again = false;
    run.looks = 0;
    run.last_judgement = None;
    run.progress = None;
    run.progress_at = None;
    run.reports.clear();
    run.went_back = 0;
    run.cancelling = None;
    run.output = None;
    if let Some(person) = event.actor.person() {
        run.executors.insert(person.clone());
    }
}

/// A look that begins again because a phase asks for it is remembered as that phase's.
fn look_again(incident: &mut Incident, step: &StepId) {
    let Some(phase) = incident.recheck_due(step.as_str()) else { return };
    if let Some(run) = incident.runs.get_mut(step) {
        run.rechecked.extend(run.again_for.replace(phase));
        run.passed = false;
    }
}

/// What is done anew can be taken back anew, whatever became of the undo before.
fn undo_again(incident: &mut Incident, step: &StepId) {
    if let Some(undo) = incident.undos.get_mut(step) {
        undo.status = Status::Pending;
    }
}

pub(super) fn by_hand(incident: &mut Incident, data: &DoneByHand, event: &Event) {
    undo_again(incident, &data.step);
    set(incident, &data.step, Status::DoneByHand, &data.reason, event);
    if let Some(run) = incident.runs.get_mut(&data.step) {
        run.begun = event.seq;
        run.counted = false;
    }
}

/// What was done stays: its undo is left out, and the record says why.
pub(super) fn keep(incident: &mut Incident, step: &StepId, reason: &str, event: &Event) {
    incident.undos.update(step, |undo| undo.ends(Status::Skipped, reason, event));
}

pub(super) fn progress(incident: &mut Incident, data: &Progressed, at: Stamp) {
    if let Some(run) = incident.runs.get_mut(&data.step) {
        run.note_progress(at, data.done, data.total, data.unit.as_deref());
    }
}

pub(super) fn finish(incident: &mut Incident, data: &Finished, event: &Event) {
    let Some(run) = incident.runs.get_mut(&data.step) else { return };
    run.ends(data.outcome.into(), &data.detail, event);
    run.cancelling = None;
    run.output = data.output.map(|digest| (digest, data.output_bytes.unwrap_or(0)));
}

pub(super) fn undone(incident: &mut Incident, data: &Undone, event: &Event) {
    let Some(run) = incident.undos.get_mut(&data.step) else { return };
    run.ends(data.outcome.into(), &data.detail, event);
    run.cancelling = None;
}

pub(super) fn set(incident: &mut Incident, step: &StepId, status: Status, reason: &str, event: &Event) {
    if let Some(run) = incident.runs.get_mut(step) {
        run.ends(status, reason, event);
    }
}

pub(super) fn settle(incident: &mut Incident, data: &Settled, event: &Event) {
    let status = match data.verdict {
        Verdict::Succeeded => Status::Succeeded,
        Verdict::Failed => Status::Failed,
    };
    let runs = match data.direction {
        Direction::Forward => &mut incident.runs,
        Direction::Undo => &mut incident.undos,
    };
    if let Some(run) = runs.get_mut(&data.step) {
        run.ends(status, &data.reason, event);
    }
}

pub(super) fn measured(incident: &mut Incident, data: &Measured, seq: u64, at: Stamp) {
    let measurement =
        Measurement { digest: data.digest, bytes: data.bytes, text: data.text.clone(), at, seq };
    incident.measurements.insert(data.name.to_string(), measurement);
}

pub(super) fn judged(incident: &mut Incident, data: &Judged) {
    if let Some(run) = incident.runs.get_mut(&data.step) {
        run.looks = data.look;
        run.last_judgement = Some(data.judgement);
        run.detail.clone_from(&data.why);
    }
}
