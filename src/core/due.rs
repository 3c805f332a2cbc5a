//! What the hub must do by itself now: expiries, hold phases, declared retries, steps that only look.
//!
//! A function of the state, not of the last event, so that after a crash the same list comes out again. Never does
//! any of it, and never invents anything: each entry goes through `decide` like everybody else's wish.

use crate::core::decide::{command, gate as gate_rules, poll, step as step_rules};
use crate::core::event::{Choice, Direction, OfferEnd, Outcome};
use crate::core::id::{Name, RoleName, StepId};
use crate::core::incident::{Gate, InOrder, Incident, Run, Stage, Standing, Status, Suspension};
use crate::core::intent::{By, Intent};
use crate::core::plan;
use crate::core::time::Stamp;
use crate::runbook::model::{Action, OnFailure, Step};

/// Something the hub must do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// Wish for this.
    Wish(Intent),
    /// Wish for opening this gate; the hub adds the one-time value.
    OpenGate {
        /// The gate.
        gate: StepId,
        /// Which request.
        attempt: u32,
    },
}

/// Whether a step starts without anybody asking, because it only looks or waits for people.
pub fn starts_by_itself(action: &Action) -> bool {
    match action {
        Action::Await(_) | Action::Check(_) | Action::Measure { .. } | Action::Wait { .. } => true,
        Action::Manual { .. } | Action::Decide { .. } => true,
        Action::Run { .. } | Action::SetAside { .. } | Action::Send { .. } | Action::Approve(_) => false,
    }
}

/// What is due, most urgent first. The hub asks again after each one, until there is nothing left.
pub fn due(incident: &Incident, now: Stamp) -> Option<Due> {
    if matches!(incident.stage, Stage::Empty | Stage::Closed) {
        return None;
    }
    gates(incident, now)
        .or_else(|| people(incident, now))
        .or_else(|| ledger(incident))
        .or_else(|| troubles(incident, now))
        .or_else(|| phase(incident).map(Due::Wish))
        .or_else(|| steps(incident, now))
}

/// The next moment at which something falls due by the clock alone.
pub fn next_wake(incident: &Incident) -> Option<Stamp> {
    let gates =
        incident.gates.iter().filter(|(id, g)| g.standing == Standing::Open && incident.awaits_answers(id));
    let expiries = gates.map(|(_, g)| g.expires);
    let timed = incident.order.has().timed.then(|| incident.runbook.steps());
    let steps = timed.into_iter().flatten().filter_map(|step| {
        let retry = || incident.retry_due(step).filter(|_| incident.paused.is_none());
        incident.held_until(step).or_else(retry)
    });
    let offer = incident.offer.iter().map(|o| o.expires);
    let question = incident.open_poll().map(|(_, p)| p.expires);
    let tenures = incident.tenures().map(|(_, _, at)| at);
    expiries.chain(steps).chain(offer).chain(question).chain(tenures).min()
}

/// Offers, questions and tenures whose time is over.
fn people(incident: &Incident, now: Stamp) -> Option<Due> {
    if let Some(offer) = &incident.offer {
        let end = |how, reason: &str| Intent::EndOffer { offer: offer.seq, how, reason: reason.to_owned() };
        if let Some(why) = command::change(incident) {
            return Some(Due::Wish(end(OfferEnd::Changed, why)));
        }
        if now >= offer.expires {
            return Some(Due::Wish(end(OfferEnd::Expired, "nobody took it in time")));
        }
    }
    if let Some((seq, asked)) = incident.open_poll()
        && let Some(how) = poll::end_of(asked, now)
    {
        return Some(Due::Wish(Intent::ClosePoll { poll: seq, how }));
    }
    let (role, seat, _) = incident.tenures().find(|(_, _, at)| now >= *at)?;
    let role = RoleName::parse(role).ok()?;
    Some(Due::Wish(Intent::ExceedTenure { role, person: seat.person.clone() }))
}

fn gates(incident: &Incident, now: Stamp) -> Option<Due> {
    let declare = StepId::declare();
    if gate_rules::opens(incident, &declare) {
        let attempt = incident.gates.get(&declare).map_or(1, |g| g.attempt + 1);
        return Some(Due::OpenGate { gate: declare, attempt });
    }
    let amend = StepId::amend();
    if let Some(attempt) = incident.open_proposal().map(|p| p.attempt)
        && gate_rules::opens(incident, &amend)
    {
        return Some(Due::OpenGate { gate: amend, attempt });
    }
    for (id, gate) in incident.gates.iter().filter(|(_, g)| g.standing == Standing::Open) {
        let passed = incident.status(id.as_str()) == Status::Succeeded;
        if !incident.awaits_answers(id) && !passed {
            continue;
        }
        if let Some(why) = gate_rules::change(incident, id) {
            return Some(Due::Wish(Intent::Void { gate: id.clone(), attempt: gate.attempt, why }));
        }
        if !passed && let Some(wish) = gate_end(incident, id, gate, now) {
            return Some(Due::Wish(wish));
        }
    }
    None
}

fn gate_end(incident: &Incident, id: &StepId, gate: &Gate, now: Stamp) -> Option<Intent> {
    let attempt = gate.attempt;
    let names = |approves: bool| {
        let votes = gate.answers.iter().filter(|v| v.approves == approves);
        votes.map(|v| v.person.as_str()).collect::<Vec<_>>().join(", ")
    };
    let end = |outcome, detail| Intent::Finish {
        step: id.clone(),
        attempt,
        direction: Direction::Forward,
        outcome,
        detail,
        output: None,
        output_bytes: None,
    };
    if incident.quorum_reached(id) {
        if id.is_declare() {
            return Some(Intent::Declare { attempt });
        }
        if id.is_amend() {
            return Some(Intent::Amend { attempt });
        }
        return Some(end(Outcome::Succeeded, format!("approved by {}", names(true))));
    }
    if incident.is_denied(id) && !id.is_declare() {
        return Some(end(Outcome::Failed, format!("denied by {}", names(false))));
    }
    (now >= gate.expires).then(|| Intent::Expire { gate: id.clone(), attempt })
}

/// A step's suspension that is not yet in the ledger.
pub fn suspension_of(incident: &Incident, id: &StepId) -> Option<(Name, bool)> {
    let name = incident.step(id)?.suspends.clone()?;
    let run = incident.runs.get(id)?;
    let certain = matches!(run.status, Status::Succeeded | Status::DoneByHand);
    // A freeze that failed half-way may hold all the same: it is noted, and says that it is not certain.
    let possible = run.attempt > 0 && (run.status.is_trouble() || run.status == Status::Unknown);
    // What was switched before it was noted last says nothing new.
    let noted = incident
        .suspensions
        .get(&name)
        .is_some_and(|s| run.ended <= s.switched || (s.lifted.is_none() && (s.certain || !certain)));
    ((certain || possible) && !noted).then(|| Name::parse(name).ok()).flatten().map(|n| (n, certain))
}

/// The open suspension that a step, or the undo of the step that opened it, has just lifted.
pub fn lifted_by(incident: &Incident, id: &StepId) -> Option<Name> {
    let step = incident.step(id)?;
    let open = |name: &String| incident.suspensions.get(name).filter(|s| s.lifted.is_none());
    // Not one that ended before it was switched off.
    let since = |s: &Suspension, run: Option<&Run>| {
        run.is_some_and(|r| {
            matches!(r.status, Status::Succeeded | Status::DoneByHand) && r.ended > s.switched
        })
    };
    let resumed = |s: &Suspension| since(s, incident.runs.get(id));
    let undone = |s: &Suspension| &s.step == id && since(s, incident.undos.get(id));
    let resumes = step.resumes.as_ref().filter(|name| open(name).is_some_and(resumed));
    let undoes = step.suspends.as_ref().filter(|name| open(name).is_some_and(undone));
    resumes.or(undoes).and_then(|name| Name::parse(name.clone()).ok())
}

fn ledger(incident: &Incident) -> Option<Due> {
    if !incident.order.has().switches {
        return None;
    }
    // The other steps are not even looked up.
    let switches = || {
        let steps = incident.runbook.steps().filter(|s| s.suspends.is_some() || s.resumes.is_some());
        steps.filter_map(|s| incident.runs.get_key_value(s.id.as_str()))
    };
    let suspending = switches().filter(|(id, _)| suspension_of(incident, id).is_some());
    // In the order in which they ended.
    if let Some((id, _)) = suspending.min_by_key(|(_, run)| run.ended) {
        return Some(Due::Wish(Intent::Suspend { step: id.clone() }));
    }
    let (lifting, _) = switches().find(|(id, _)| lifted_by(incident, id).is_some())?;
    Some(Due::Wish(Intent::Lift { step: lifting.clone() }))
}

/// Declared ways on after a failure, when no declared retry is left.
fn troubles(incident: &Incident, now: Stamp) -> Option<Due> {
    if incident.aborted.is_some() || !matches!(incident.stage, Stage::Open | Stage::Declared) {
        return None;
    }
    // Asked at every turn, and most of the time nothing is wrong.
    let wrong = |run: &Run| !run.passed && matches!(run.status, Status::Failed | Status::TimedOut);
    if !incident.runs.values().any(wrong) {
        return None;
    }
    for step in incident.runbook.steps() {
        let Some((id, run)) = incident.runs.get_key_value(step.id.as_str()) else { continue };
        if run.passed || !matches!(run.status, Status::Failed | Status::TimedOut) {
            continue;
        }
        let id = id.clone();
        if let Some(at) = incident.retry_due(step) {
            if now >= at
                && incident.paused.is_none()
                && let Some(wish) = start(incident, step, &id, now)
            {
                return Some(Due::Wish(wish));
            }
            continue;
        }
        let why = format!("on_failure of {id}: {}", run.detail);
        let reason: String = why.chars().map(|c| if c.is_control() { ' ' } else { c }).take(1_000).collect();
        match &step.on_failure {
            OnFailure::Pause => {}
            OnFailure::Abort => return Some(Due::Wish(Intent::Abort { reason })),
            OnFailure::Continue => {
                return Some(Due::Wish(Intent::DecideStep { step: id, choice: Choice::Continue, reason }));
            }
            OnFailure::Goto(to) => {
                let Ok(to) = StepId::parse(to.clone()) else { continue };
                // A jump to a step that has begun is not made: it waits for a person.
                if incident.status(to.as_str()) == Status::Pending {
                    return Some(Due::Wish(Intent::DecideStep {
                        step: id,
                        choice: Choice::Goto(to),
                        reason,
                    }));
                }
            }
        }
    }
    None
}

/// The phase that has to be entered before anything in it begins.
pub fn phase(incident: &Incident) -> Option<Intent> {
    incident.phase_to_enter().map(|(phase, _)| Intent::EnterPhase { phase })
}

/// Whether the phases that begin have to be entered before this is judged: it begins something in one, leaves it out,
/// or is for those who decide in the phase that counts now.
pub fn waits_for_its_phase(intent: &Intent) -> bool {
    matches!(
        intent,
        Intent::Start { .. } | Intent::Skip { .. } | Intent::MarkDone { .. } | Intent::Abort { .. }
    )
}

/// The start of a step that the rules allow now. One that they do not, such as a look whose hold point is still
/// shut, must not keep the others from their turn.
fn start(incident: &Incident, step: &Step, id: &StepId, now: Stamp) -> Option<Intent> {
    let attempt = incident.next_attempt(id, Direction::Forward);
    let plan = plan::of_step(incident, step, Direction::Forward).ok()?;
    let wish = Intent::Start {
        step: id.clone(),
        attempt,
        direction: Direction::Forward,
        plan: plan::digest(&plan, attempt),
        retyped: None,
        reason: None,
        payload: None,
    };
    step_rules::start(incident, &By::Hub, &wish, now).is_ok().then_some(wish)
}

fn steps(incident: &Incident, now: Stamp) -> Option<Due> {
    let rechecks = incident.order.has().rechecks;
    for InOrder { step, id, run, may_be_ready, .. } in incident.in_order() {
        if run.status == Status::Running && incident.held_until(step).is_some_and(|over| now >= over) {
            return Some(Due::Wish(Intent::Finish {
                step: id.clone(),
                attempt: run.attempt,
                direction: Direction::Forward,
                outcome: Outcome::Succeeded,
                detail: "the hold phase is over".to_owned(),
                output: None,
                output_bytes: None,
            }));
        }
        if rechecks
            && incident.recheck_due(&step.id).is_some()
            && let Some(wish) = start(incident, step, id, now)
        {
            return Some(Due::Wish(wish));
        }
        if !may_be_ready || !incident.is_ready(step) {
            continue;
        }
        if plan::when_is_false(incident, step) {
            let reason = format!("when: {} does not hold", step.when.as_deref().unwrap_or_default());
            return Some(Due::Wish(Intent::Skip { step: id.clone(), reason }));
        }
        if let Action::Approve(_) = step.action {
            let attempt = incident.gates.get(id).map_or(1, |g| g.attempt + 1);
            return Some(Due::OpenGate { gate: id.clone(), attempt });
        }
        if starts_by_itself(&step.action)
            && let Some(wish) = start(incident, step, id, now)
        {
            return Some(Due::Wish(wish));
        }
    }
    None
}
