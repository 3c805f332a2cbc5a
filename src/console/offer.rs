//! What can be done now, and what waits for the person at this screen. Never offers what the rules would refuse.

use super::action::{Action, Place, TABLE};
use super::amended;
use super::deed::{Deed, Ground};
use super::link::Stance;
use super::said::SUBJECTS;
use super::timers;
use crate::core::id::StepId;
use crate::core::incident::{Incident, Stage, Standing, Status};
use crate::core::refusal::Refusal;
use crate::core::time::spoken;
use crate::runbook::model::{Action as StepAction, Step};

/// A deed and the rules' answer to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The deed.
    pub deed: Deed,
    /// Why not, if not.
    pub refusal: Option<Refusal>,
}

impl Offer {
    /// Name and what it is about: `take-seat dba`.
    pub fn label(&self) -> String {
        let name = self.deed.action.entry().name;
        match &self.deed.with {
            Some(with) => format!("{name} {with}"),
            None => name.to_owned(),
        }
    }
}

/// Everything that may be done with a step now.
pub fn of_step(ground: &Ground<'_>, step: &StepId) -> Vec<Offer> {
    let all = judged(ground, Place::OfStep, Some(step));
    all.into_iter().filter(|o| o.refusal.is_none()).collect()
}

/// Every deed with the rules' answer, for the palette: about the selected step and about the incident. Observers get
/// none.
pub fn all(ground: &Ground<'_>, step: &StepId) -> Vec<Offer> {
    if ground.me.stance == Stance::Observes {
        return Vec::new();
    }
    let mut all = judged(ground, Place::OfStep, Some(step));
    all.extend(judged(ground, Place::OfIncident, None));
    all
}

fn judged(ground: &Ground<'_>, place: Place, step: Option<&StepId>) -> Vec<Offer> {
    let entries = TABLE.iter().filter(|e| e.place == place && e.action.is_deed());
    entries
        .flat_map(|entry| {
            variants(ground, entry.action, step).into_iter().map(|with| {
                let deed = Deed { action: entry.action, step: step.cloned(), with };
                let refusal = ground.judge(&deed).err();
                Offer { deed, refusal }
            })
        })
        // The declaration is a gate and no step: what only steps know is not even refused there.
        .filter(|offer| !matches!(offer.refusal, Some(Refusal::NoSuchStep(_))))
        .collect()
}

/// What a deed can be done with: options, seats, suspensions, backlogs, promises, people to be told. One `None` when it needs nothing.
fn variants(ground: &Ground<'_>, action: Action, step: Option<&StepId>) -> Vec<Option<String>> {
    let incident = ground.incident;
    let of_runbook = step.and_then(|id| incident.step(id));
    let sends = of_runbook.is_some_and(|s| matches!(s.action, StepAction::Send { .. }));
    let me = &ground.me.person;
    let some = |names: Vec<&str>| names.into_iter().map(|n| Some(n.to_owned())).collect();
    match action {
        // A message is sent, everything else is started; offering both would be two words for one thing.
        Action::Start if sends => Vec::new(),
        Action::Send if !sends => Vec::new(),
        Action::Choose => match of_runbook.map(|s| &s.action) {
            Some(StepAction::Decide { options, .. }) => {
                some(options.iter().map(|o| o.name.as_str()).collect())
            }
            _ => Vec::new(),
        },
        Action::TakeSeat => {
            let roles = incident.runbook.roles.iter().map(|r| r.name.as_str());
            some(roles.filter(|r| !incident.holds(me, r)).collect())
        }
        Action::LeaveSeat => some(incident.seats_of(me).collect()),
        Action::HandOver if !incident.holds(me, "commander") => Vec::new(),
        Action::HandOver => {
            // Whoever is not here cannot read it back; a long team would bury what comes next.
            let people = incident.team.people.iter().map(|p| &p.id);
            let people = people.filter(|p| *p != me && incident.is_present(p));
            some(people.filter(|p| incident.may_command(p).is_some()).map(|p| p.as_str()).collect())
        }
        Action::TakeCommand | Action::LeaveOffer if incident.offer.is_none() => Vec::new(),
        Action::Fine | Action::Object | Action::Abstain if incident.open_poll().is_none() => Vec::new(),
        Action::Reply => incident.open_objections().map(|(seq, _)| Some(seq.to_string())).collect(),
        Action::PromiseKept | Action::PromiseBack => {
            incident.open_promises().map(|(seq, _)| Some(seq.to_string())).collect()
        }
        Action::Told => {
            let list = incident.runbook.declare.notify.iter().map(String::as_str);
            some(list.filter(|who| !incident.told.contains_key(*who)).collect())
        }
        Action::Note => [None].into_iter().chain(SUBJECTS.map(|s| Some(s.to_owned()))).collect(),
        Action::AgreeRemoval if incident.open_redaction(ground.now).is_none() => Vec::new(),
        Action::Inherit => some(incident.open_suspensions().map(|(name, _)| name).collect()),
        Action::SettleBacklog => some(incident.open_backlog().map(|(name, _)| name).collect()),
        _ => vec![None],
    }
}

/// How pressing something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It waits for the person at this screen.
    ForMe,
    /// It waits for somebody else, or for time.
    ForOthers,
    /// Nothing is left to do.
    Quiet,
}

/// The one thing that comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attention {
    /// Whose turn it is.
    pub tone: Tone,
    /// In one sentence without a final period.
    pub words: String,
    /// The step it is about.
    pub step: Option<StepId>,
    /// The deed that it asks for, where one stands out.
    pub deed: Option<Deed>,
    /// A name for what waits for the person at this screen; the same thing has the same name, however long it waits.
    pub thing: Option<String>,
}

/// What comes next, most pressing first.
pub fn attention(ground: &Ground<'_>) -> Attention {
    let for_me = |words: String, step: Option<StepId>, deed: Option<Deed>, thing: String| Attention {
        tone: Tone::ForMe,
        words,
        step,
        deed,
        thing: Some(thing),
    };
    let called = undecided(ground);
    for step in steps_by_urgency(ground) {
        let offers = of_step(ground, &step);
        if let Some(called) = called.clone().filter(|_| step.is_declare() && !offers.is_empty()) {
            return called;
        }
        if let Some(words) = wanted(ground, &step, &offers) {
            let thing = format!("{words} {}", tries(ground, &step));
            return for_me(words, Some(step), None, thing);
        }
    }
    if let Some((words, deed, thing)) = among_people(ground) {
        return for_me(words, None, deed, thing);
    }
    if let Some(called) = called {
        return called;
    }
    if let Some(seat) = seat_for_me(ground) {
        let words = format!("the seat {seat} is empty: take-seat {seat}");
        let deed = Deed { action: Action::TakeSeat, step: None, with: Some(seat) };
        return for_me(words.clone(), None, Some(deed), words);
    }
    if let Some((words, deed)) = closing(ground) {
        let step = deed.as_ref().and_then(|deed| deed.step.clone());
        return for_me(words.clone(), step, deed, words);
    }
    others(ground)
}

/// Every ten minutes without a decision whoever commands is called to it.
fn undecided(ground: &Ground<'_>) -> Option<Attention> {
    let mark = timers::mark(ground.incident, ground.now)?.as_secs() / 60;
    let acts = ground.me.stance != Stance::Observes;
    ground.incident.commander().filter(|seat| acts && seat.person == ground.me.person)?;
    let declare = StepId::declare();
    let can = |action| of_step(ground, &declare).iter().any(|o| o.deed.action == action);
    let is_over = ground.incident.gates.get(&declare).is_some_and(|gate| gate.standing != Standing::Open);
    let words = if can(Action::Approve) {
        format!("{mark}-minute mark: approve, deny or escalate")
    } else if is_over && can(Action::Retry) {
        format!("{declare} {}: retry asks again", missing(ground, &declare))
    } else {
        format!("{mark}-minute mark: {}: call or escalate", missing(ground, &declare))
    };
    let thing = Some(format!("mark {mark}"));
    Some(Attention { tone: Tone::ForMe, words, step: Some(declare), deed: None, thing })
}

/// How often a step was tried and its approval was asked for: a second time is another thing.
fn tries(ground: &Ground<'_>, step: &StepId) -> String {
    let run = ground.incident.run(step).map_or(0, |run| run.attempt);
    let gate = ground.incident.gates.get(step).map_or(0, |gate| gate.requested_at.0);
    format!("{run} {gate}")
}

/// Steps that may need somebody, the most pressing kind first and in file order within.
fn steps_by_urgency(ground: &Ground<'_>) -> Vec<StepId> {
    let incident = ground.incident;
    let mut all: Vec<(u8, StepId)> = incident
        .runbook
        .steps()
        .filter_map(|step| {
            let run = incident.runs.get(step.id.as_str())?;
            let rank = match run.status {
                Status::Unknown => 0,
                _ if incident.undos.get(step.id.as_str()).is_some_and(|u| u.status == Status::Unknown) => 0,
                Status::Waiting => 1,
                // After an abort there is no way on: what is left is to take back what was done.
                Status::Failed | Status::TimedOut | Status::Cancelled
                    if incident.aborted.is_some() && !incident.is_always(&step.id) =>
                {
                    return None;
                }
                Status::Failed | Status::TimedOut | Status::Cancelled if !run.passed => 2,
                Status::Running => 3,
                Status::Pending if incident.is_ready(step) => 4,
                Status::Pending
                | Status::Succeeded
                | Status::Failed
                | Status::TimedOut
                | Status::Cancelled
                | Status::Skipped
                | Status::DoneByHand
                | Status::NotReached => return None,
            };
            Some((rank, StepId::parse(step.id.clone()).ok()?))
        })
        .collect();
    if incident.stage == Stage::Open {
        all.push((1, StepId::declare()));
    }
    if incident.open_proposal().is_some() {
        all.push((1, StepId::amend()));
    }
    all.sort_by_key(|(rank, _)| *rank);
    all.into_iter().map(|(_, id)| id).collect()
}

fn wanted(ground: &Ground<'_>, step: &StepId, offers: &[Offer]) -> Option<String> {
    let can = |action| offers.iter().any(|o| o.deed.action == action);
    let status = ground.incident.status(step.as_str());
    if can(Action::Settle) {
        return Some(format!("nobody knows how {step} ended: find out and settle it"));
    }
    if can(Action::Approve) {
        let what = match (step.is_declare(), step.is_amend()) {
            (true, _) => "the rollback".to_owned(),
            (_, true) => "the amended runbook".to_owned(),
            (false, false) => step.to_string(),
        };
        return Some(format!("your approval of {what}"));
    }
    let is_over = ground.incident.gates.get(step).is_some_and(|gate| gate.standing != Standing::Open);
    if is_over && can(Action::Retry) && (step.is_declare() || step.is_amend()) {
        return Some(format!("{step} {}: retry asks again", missing(ground, step)));
    }
    if status.is_trouble() && (can(Action::Retry) || can(Action::Skip)) {
        return Some(format!("{step} {}: say how to go on", was(status)));
    }
    if can(Action::Confirm) {
        return Some(format!("do {step} and confirm it"));
    }
    if can(Action::Choose) {
        return Some(format!("decide at {step}"));
    }
    if can(Action::Send) {
        return Some(format!("send {step}"));
    }
    can(Action::Start).then(|| format!("start {step}"))
}

fn was(status: Status) -> &'static str {
    match status {
        Status::TimedOut => "ran out of time",
        Status::Cancelled => "was cancelled",
        _ => "failed",
    }
}

/// An offer of command, a question or a removal that waits for this person.
fn among_people(ground: &Ground<'_>) -> Option<(String, Option<Deed>, String)> {
    let incident = ground.incident;
    let me = &ground.me.person;
    let can = |action| {
        let deed = Deed { action, step: None, with: None };
        ground.judge(&deed).is_ok().then_some(deed)
    };
    if let Some(offer) = incident.offer.as_ref().filter(|o| &o.to == me) {
        let deed = can(Action::TakeCommand)?;
        let left = spoken(offer.expires.since(ground.now));
        let words = format!("{} offers you the command, {left} left", offer.from);
        return Some((words, Some(deed), format!("offer #{}", offer.seq)));
    }
    if let Some((seq, poll)) = incident.open_poll()
        && &poll.by != me
        && can(Action::Fine).is_some()
    {
        let left = spoken(poll.expires.since(ground.now));
        let words = format!("any strong objections, {left} left: {}", poll.question);
        return Some((words, can(Action::Object), format!("question #{seq}")));
    }
    let (seq, ask) = incident.open_redaction(ground.now)?;
    let deed = can(Action::AgreeRemoval)?;
    let words = format!("{} wants parts of #{} removed", ask.by, ask.event);
    Some((words, Some(deed), format!("removal #{seq}")))
}

fn seat_for_me(ground: &Ground<'_>) -> Option<String> {
    let empty = ground.incident.empty_seats();
    let mut seats = empty.into_iter().map(|(role, _)| role.to_owned());
    seats.find(|role| {
        let deed = Deed { action: Action::TakeSeat, step: None, with: Some(role.clone()) };
        ground.judge(&deed).is_ok()
    })
}

fn closing(ground: &Ground<'_>) -> Option<(String, Option<Deed>)> {
    let incident = ground.incident;
    if incident.stage != Stage::Declared || !incident.phases_over() {
        return None;
    }
    let of_incident = |action| Deed { action, step: None, with: None };
    if let Some(step) = incident.undo_order().first().filter(|_| incident.aborted.is_some()) {
        let id = StepId::parse(step.id.clone()).ok()?;
        let undo = Deed { action: Action::Undo, step: Some(id), with: None };
        if ground.judge(&undo).is_ok() {
            return Some((format!("{} can be undone", step.id), Some(undo)));
        }
    }
    match ground.judge(&of_incident(Action::Close)) {
        Ok(()) if incident.resolved_at.is_none() && incident.aborted.is_none() => {
            let words = "all steps are settled: say resolved, then close".to_owned();
            Some((words, Some(of_incident(Action::Resolve))))
        }
        Ok(()) => {
            Some(("everything is settled: close the record".to_owned(), Some(of_incident(Action::Close))))
        }
        Err(Refusal::CannotClose(why)) => Some((why, None)),
        Err(_) => None,
    }
}

fn others(ground: &Ground<'_>) -> Attention {
    let incident = ground.incident;
    let still = |tone, words: String, step| Attention { tone, words, step, deed: None, thing: None };
    let quiet = |words: &str| still(Tone::Quiet, words.to_owned(), None);
    match incident.stage {
        Stage::Empty => return quiet("nothing has happened yet"),
        Stage::Closed => return quiet("closed; nothing more is written"),
        Stage::Open | Stage::Declared => {}
    }
    if let Some(why) = &incident.paused {
        return still(Tone::ForOthers, format!("paused: {why}"), None);
    }
    if let Some(id) = steps_by_urgency(ground).into_iter().next() {
        let waits = |words| still(Tone::ForOthers, words, Some(id.clone()));
        let Some(step) = incident.step(&id) else {
            return waits(match id.is_amend() {
                true => amended::line(ground),
                false => format!("the decision to roll back: {}", missing(ground, &id)),
            });
        };
        let status = incident.status(id.as_str());
        return waits(match status {
            Status::Waiting => format!("{id}: {}", missing(ground, &id)),
            Status::Running if step.action.changes_something() => under_way(incident, &id),
            Status::Running => format!("{id} is under way{}", by_whom(step)),
            Status::Unknown => format!("nobody knows how {id} ended{}", by_whom(step)),
            Status::Pending => format!("{id} is ready{}", by_whom(step)),
            trouble => format!("{id} {}{}", was(trouble), by_whom(step)),
        });
    }
    if let Some((role, _)) = incident.empty_seats().first() {
        return still(Tone::ForOthers, format!("the seat {role} is empty"), None);
    }
    quiet("nothing waits")
}

/// Who does it, and until when at the latest.
fn under_way(incident: &Incident, id: &StepId) -> String {
    let who: Vec<&str> =
        incident.run(id).into_iter().flat_map(|r| &r.executors).map(|p| p.as_str()).collect();
    let by = if who.is_empty() { String::new() } else { format!(", by {}", who.join(", ")) };
    let all = timers::steps(incident);
    let ends = all.iter().find(|t| t.what.split(' ').next() == Some(id.as_str()));
    let until = ends.map(|t| format!(", until {} at the latest", t.at.clock())).unwrap_or_default();
    format!("{id} is under way{by}{until}")
}

fn by_whom(step: &Step) -> String {
    match (&step.role, &step.action) {
        (Some(role), StepAction::Manual { .. } | StepAction::Run { .. } | StepAction::Decide { .. }) => {
            format!(": it is for {role}")
        }
        _ => String::new(),
    }
}

/// Which approvals a gate still lacks: `waits for 1 dba`.
pub fn missing(ground: &Ground<'_>, gate_id: &StepId) -> String {
    let incident = ground.incident;
    let Some(rule) = incident.gate_rule(gate_id) else { return String::new() };
    let Some(gate) = incident.gates.get(gate_id) else { return "not asked for yet".to_owned() };
    if incident.is_denied(gate_id) {
        return "denied".to_owned();
    }
    match gate.standing {
        Standing::Open => {}
        Standing::Expired => return "expired without its quorum".to_owned(),
        Standing::Voided => return "void: what it covers has changed".to_owned(),
    }
    let lacking: Vec<String> = rule
        .require
        .iter()
        .map(|r| (r, r.count.saturating_sub(incident.granted(gate, r))))
        .filter(|(_, n)| *n > 0)
        .map(|(r, n)| format!("{n} {}", r.role))
        .collect();
    if lacking.is_empty() {
        "quorum reached".to_owned()
    } else {
        format!("waits for {}", lacking.join(" and "))
    }
}
