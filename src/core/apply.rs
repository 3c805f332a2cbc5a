//! Folds one event into the incident. Total by construction: an event that was written is an event that applies.
//! Never refuses, never fails, never looks at anything but the event and the state.

use crate::core::event::{
    About, Actor, Choice, Decided, Direction, Event, Finished, Granted, Joined, Opened, Settled, Started,
    Undone, Verdict, What,
};
use crate::core::id::{PersonId, SessionId, StepId};
use crate::core::incident::{
    Gate, GateVote, Incident, Measurement, Run, Seat, SentMessage, Session, Stage, Standing, Status,
    Suspension,
};
use crate::core::time::Stamp;
use crate::runbook::model::{Action, Then};

/// Folds one event into the incident.
pub fn apply(incident: &mut Incident, event: &Event) {
    incident.next_seq = event.seq.saturating_add(1);
    incident.last_at = event.at;
    note_client_seq(incident, event);
    let at = event.at;
    let person = event.actor.person();
    match &event.what {
        What::Opened(data) => open(incident, data, person, at),
        What::Joined(data) => join(incident, data, person, at),
        What::Left(data) => {
            if let Some(session) = incident.sessions.get_mut(&data.session) {
                session.left = Some((at, data.how));
            }
        }
        What::SessionRevoked(data) => {
            if let Some(session) = incident.sessions.get_mut(&data.session) {
                session.revoked = true;
            }
        }
        What::Assumed(data) => {
            if let Some(person) = person {
                let seat = Seat { person: person.clone(), since: at, stand_in: data.stand_in };
                incident.seats.entry(data.role.to_string()).or_default().push(seat);
            }
        }
        What::Renounced(data) => {
            if let (Some(person), Some(seats)) = (person, incident.seats.get_mut(data.role.as_str())) {
                seats.retain(|s| &s.person != person);
            }
        }
        What::Declared(_) => {
            incident.stage = Stage::Declared;
            incident.declared_at = Some(at);
        }
        What::Mitigated(_) => incident.mitigated_at = Some(at),
        What::Resolved(_) => incident.resolved_at = Some(at),
        What::Closed(_) => incident.stage = Stage::Closed,
        What::Aborted(data) => abort(incident, &data.reason),
        What::Resumed(_) => incident.resumes += 1,
        What::PhaseEntered(data) => {
            incident.phases_entered.insert(data.phase);
        }
        What::Started(data) => start(incident, data, &event.actor, at),
        What::Progressed(data) => {
            if let Some(run) = incident.runs.get_mut(&data.step) {
                run.progress = Some((data.done, data.total));
            }
        }
        What::Finished(data) => finish(incident, data, at),
        What::StepSkipped(data) => set(incident, &data.step, Status::Skipped, &data.reason, at),
        What::DoneByHand(data) => set(incident, &data.step, Status::DoneByHand, &data.reason, at),
        What::Settled(data) => settle(incident, data, at),
        What::Undone(data) => undone(incident, data, at),
        What::Requested(_)
        | What::Granted(_)
        | What::Denied(_)
        | What::Expired(_)
        | What::Voided(_)
        | What::Refused(_)
        | What::Overridden(_) => gate(incident, &event.what, person, at),
        What::Decided(data) => decided(incident, data, at),
        What::Measured(data) => {
            let measurement = Measurement {
                digest: data.digest,
                bytes: data.bytes,
                text: data.text.clone(),
                at,
                seq: event.seq,
            };
            incident.measurements.insert(data.name.to_string(), measurement);
        }
        What::Judged(data) => {
            if let Some(run) = incident.runs.get_mut(&data.step) {
                run.looks = data.look;
                run.last_judgement = Some(data.judgement);
                run.detail.clone_from(&data.why);
            }
        }
        What::TriggerFired(data) => {
            incident.fired.insert(data.trigger.to_string(), at);
        }
        What::TriggerCleared(data) => {
            incident.fired.remove(data.trigger.as_str());
        }
        What::Suspended(_)
        | What::Lifted(_)
        | What::Inherited(_)
        | What::BacklogAdded(_)
        | What::BacklogSettled(_) => {
            ledger(incident, &event.what, at);
        }
        What::Sent(data) => incident.sent.push(SentMessage {
            step: data.step.clone(),
            template: data.template.to_string(),
            channel: data.channel.to_string(),
            at,
        }),
        What::Noted(_) | What::ClockJumped(_) | What::AnchorConfirmed(_) => {}
    }
}

fn note_client_seq(incident: &mut Incident, event: &Event) {
    let Some(auth) = &event.auth else { return };
    if let (Some(id), Some(seq)) = (&auth.session, auth.client_seq) {
        if let Some(session) = incident.sessions.get_mut(id) {
            session.last_client_seq = Some(seq);
        }
    }
}

fn open(incident: &mut Incident, data: &Opened, person: Option<&PersonId>, at: Stamp) {
    incident.stage = Stage::Open;
    incident.opened_at = at;
    incident.initiator = person.cloned();
    join(incident, &data.session, person, at);
    incident.opened = Some(data.clone());
}

/// The id of a session key: first 16 hex digits of the SHA-256 of its 32 bytes.
pub fn session_id(key: &str) -> Option<SessionId> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(key).ok().filter(|b| b.len() == 32)?;
    let hex = crate::core::id::Digest::of(&bytes).hex();
    SessionId::parse(hex.get(..16)?).ok()
}

fn join(incident: &mut Incident, data: &Joined, person: Option<&PersonId>, at: Stamp) {
    let (Some(person), Some(id)) = (person, session_id(&data.session_key)) else { return };
    let session = Session {
        person: person.clone(),
        key: data.session_key.clone(),
        expires: data.expires,
        last_client_seq: None,
        joined_at: at,
        left: None,
        revoked: false,
        via: data.via.clone(),
    };
    incident.sessions.insert(id, session);
}

fn abort(incident: &mut Incident, reason: &str) {
    incident.aborted = Some(reason.to_owned());
    incident.paused = None;
    not_reached(incident);
}

/// What has not begun in the phases will not be reached any more.
fn not_reached(incident: &mut Incident) {
    let runbook = incident.runbook.clone();
    for step in runbook.phases.iter().flat_map(|p| &p.steps) {
        if let Some(run) = incident.runs.get_mut(step.id.as_str()) {
            if matches!(run.status, Status::Pending | Status::Waiting) {
                run.status = Status::NotReached;
            }
        }
    }
}

fn start(incident: &mut Incident, data: &Started, actor: &Actor, at: Stamp) {
    let runs = match data.direction {
        Direction::Forward => &mut incident.runs,
        Direction::Undo => &mut incident.undos,
    };
    let run = runs.entry(data.step.clone()).or_default();
    run.attempt = data.attempt;
    run.status = Status::Running;
    run.started_at = Some(at);
    run.ended_at = None;
    run.plan = Some(data.plan);
    run.detail.clear();
    run.again = false;
    run.looks = 0;
    run.last_judgement = None;
    run.progress = None;
    run.cancelling = None;
    run.output = None;
    if let Some(person) = actor.person() {
        run.executors.insert(person.clone());
    }
}

fn finish(incident: &mut Incident, data: &Finished, at: Stamp) {
    let Some(run) = incident.runs.get_mut(&data.step) else { return };
    run.status = data.outcome.into();
    run.detail.clone_from(&data.detail);
    run.ended_at = Some(at);
    run.cancelling = None;
    run.output = data.output.map(|digest| (digest, data.output_bytes.unwrap_or(0)));
}

fn undone(incident: &mut Incident, data: &Undone, at: Stamp) {
    let Some(run) = incident.undos.get_mut(&data.step) else { return };
    run.status = data.outcome.into();
    run.detail.clone_from(&data.detail);
    run.ended_at = Some(at);
    run.cancelling = None;
}

fn set(incident: &mut Incident, step: &StepId, status: Status, reason: &str, at: Stamp) {
    let Some(run) = incident.runs.get_mut(step) else { return };
    run.status = status;
    run.detail = reason.to_owned();
    run.ended_at = Some(at);
}

fn settle(incident: &mut Incident, data: &Settled, at: Stamp) {
    let status = match data.verdict {
        Verdict::Succeeded => Status::Succeeded,
        Verdict::Failed => Status::Failed,
    };
    let unknown = |r: &&mut Run| r.status == Status::Unknown;
    let forward = incident.runs.get_mut(&data.step).filter(unknown);
    let run = match forward {
        Some(run) => Some(run),
        None => incident.undos.get_mut(&data.step).filter(unknown),
    };
    if let Some(run) = run {
        run.status = status;
        run.detail.clone_from(&data.reason);
        run.ended_at = Some(at);
    }
}

fn vote(data: &Granted, person: &PersonId, at: Stamp) -> GateVote {
    GateVote {
        person: person.clone(),
        role: data.role.to_string(),
        approves: true,
        reason: data.reason.clone(),
        key: data.key.clone(),
        at,
    }
}

fn gate(incident: &mut Incident, what: &What, person: Option<&PersonId>, at: Stamp) {
    match what {
        What::Requested(data) => {
            let covers = match incident.step(&data.gate).map(|s| &s.action) {
                Some(Action::Approve(approve)) => approve.covers.clone(),
                _ => Vec::new(),
            };
            let tries = |step: &String| incident.runs.get(step.as_str()).map_or(0, |r| r.attempt);
            let gate = Gate {
                attempt: data.attempt,
                nonce: data.nonce.clone(),
                plan: data.plan,
                requested_at: at,
                expires: data.expires,
                answers: Vec::new(),
                standing: Standing::Open,
                overrides: Vec::new(),
                tried: covers.iter().map(|step| (step.clone(), tries(step))).collect(),
            };
            incident.gates.insert(data.gate.clone(), gate);
            if let Some(run) = incident.runs.get_mut(&data.gate) {
                run.attempt = data.attempt;
                run.status = Status::Waiting;
                run.started_at = Some(at);
                run.ended_at = None;
                run.again = false;
                run.plan = Some(data.plan);
            }
        }
        What::Granted(data) => {
            if let (Some(gate), Some(person)) = (incident.gates.get_mut(&data.gate), person) {
                gate.answers.push(vote(data, person, at));
            }
        }
        What::Denied(data) => {
            if let (Some(gate), Some(person)) = (incident.gates.get_mut(&data.gate), person) {
                gate.answers.push(GateVote {
                    person: person.clone(),
                    role: data.role.to_string(),
                    approves: false,
                    reason: data.reason.clone(),
                    key: data.key.clone(),
                    at,
                });
            }
        }
        What::Overridden(data) => {
            let Some(person) = person else { return };
            incident.overrides.push((data.gate.clone(), person.clone(), data.reason.clone()));
            if let Some(gate) = incident.gates.get_mut(&data.gate) {
                gate.overrides.push(GateVote {
                    person: person.clone(),
                    role: data.role.to_string(),
                    approves: true,
                    reason: data.reason.clone(),
                    key: data.key.clone(),
                    at,
                });
            }
        }
        What::Expired(data) => {
            close_gate(incident, &data.gate, Standing::Expired);
            if let Some(run) = incident.runs.get_mut(&data.gate) {
                run.status = Status::TimedOut;
                run.detail = "expired before the quorum was reached".to_owned();
                run.ended_at = Some(at);
            }
        }
        What::Voided(data) => {
            close_gate(incident, &data.gate, Standing::Voided);
            if let Some(run) = incident.runs.get_mut(&data.gate) {
                run.status = Status::Pending;
                run.detail.clone_from(&data.why);
                run.ended_at = None;
            }
        }
        _ => {}
    }
}

fn close_gate(incident: &mut Incident, gate: &StepId, standing: Standing) {
    if let Some(gate) = incident.gates.get_mut(gate) {
        gate.standing = standing;
    }
}

fn decided(incident: &mut Incident, data: &Decided, at: Stamp) {
    match &data.about {
        About::Incident => {
            incident.paused = matches!(data.choice, Choice::Pause).then(|| data.reason.clone());
        }
        About::Step(step) => decided_step(incident, step, data, at),
    }
}

fn decided_step(incident: &mut Incident, step: &StepId, data: &Decided, at: Stamp) {
    match &data.choice {
        Choice::Option(name) => {
            set(incident, step, Status::Succeeded, &format!("{name}: {}", data.reason), at);
            let then = incident.step(step).and_then(|s| match &s.action {
                Action::Decide { options, .. } => {
                    options.iter().find(|o| &o.name == name).map(|o| o.then.clone())
                }
                _ => None,
            });
            match then {
                Some(Then::Step(to)) => leave_out_between(incident, step, &to, at),
                Some(Then::End) => {
                    incident.ended = true;
                    not_reached(incident);
                }
                None => {}
            }
        }
        Choice::Retry => {
            if let Some(run) = incident.runs.get_mut(step) {
                run.status = Status::Pending;
                run.again = true;
                run.passed = false;
                run.detail.clone_from(&data.reason);
            }
        }
        Choice::Continue => {
            if let Some(run) = incident.runs.get_mut(step) {
                run.passed = true;
            }
        }
        Choice::Goto(to) => {
            if let Some(run) = incident.runs.get_mut(step) {
                run.passed = true;
            }
            leave_out_between(incident, step, to.as_str(), at);
        }
        Choice::Cancel | Choice::Kill => {
            let forward = incident.runs.get_mut(step).filter(|r| r.status == Status::Running);
            let run = match forward {
                Some(run) => Some(run),
                None => incident.undos.get_mut(step).filter(|r| r.status == Status::Running),
            };
            if let Some(run) = run {
                run.cancelling = Some(data.choice.clone());
            }
        }
        Choice::Pause | Choice::GoOn => {}
    }
}

/// A jump leaves out the pending steps between, so that the one it leads to becomes ready.
fn leave_out_between(incident: &mut Incident, from: &StepId, to: &str, at: Stamp) {
    let runbook = incident.runbook.clone();
    let between = runbook.steps().skip_while(|s| s.id != from.as_str()).skip(1).take_while(|s| s.id != to);
    for step in between {
        if let Some(run) = incident.runs.get_mut(step.id.as_str()) {
            if run.status == Status::Pending {
                run.status = Status::Skipped;
                run.detail = format!("left out: from {from} straight to {to}");
                run.ended_at = Some(at);
            }
        }
    }
}

fn ledger(incident: &mut Incident, what: &What, at: Stamp) {
    match what {
        What::Suspended(data) => {
            let suspension = Suspension {
                step: data.step.clone(),
                since: at,
                certain: data.certain,
                lifted: None,
                inherited: None,
            };
            incident.suspensions.insert(data.name.to_string(), suspension);
        }
        What::Lifted(data) => {
            if let Some(suspension) = incident.suspensions.get_mut(data.name.as_str()) {
                suspension.lifted = Some(at);
            }
        }
        What::Inherited(data) => {
            if let Some(suspension) = incident.suspensions.get_mut(data.name.as_str()) {
                suspension.inherited = Some(data.owner.clone());
            }
        }
        What::BacklogAdded(data) => {
            let debt = incident.backlog.entry(data.name.to_string()).or_default();
            debt.added = debt.added.saturating_add(data.count);
            debt.owner.clone_from(&data.owner);
        }
        What::BacklogSettled(data) => {
            let debt = incident.backlog.entry(data.name.to_string()).or_default();
            debt.settled = debt.settled.saturating_add(data.count);
        }
        _ => {}
    }
}
