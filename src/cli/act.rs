//! Every act of the console, from a shell. Never asks the hub for anything it does not show first.

mod message;
pub(super) mod people;

use crate::cli::args::{Act, Args, Handover, Note, OnGate, OnIncident, OnStep, Redact, VerdictArg};
use crate::cli::context::Context;
use crate::cli::room::Seat;
use crate::cli::{print, say};
use crate::core::decide::step::evidence as signed_evidence;
use crate::core::event::{Choice, Direction, Verdict};
use crate::core::id::{Name, PersonId, RoleName, StepId};
use crate::core::intent::Intent;
use crate::core::plan;
use crate::core::statement::Answering;
use crate::error::{Failure, Result};

/// Runs one act.
pub fn run(args: &Args, act: &Act) -> Result<()> {
    let context = Context::of(args)?;
    if let Act::Message { incident, template, text, preview: true, .. } = act {
        return message::preview(&context, incident, template, text.as_deref());
    }
    let runtime = crate::cli::context::runtime()?;
    runtime.block_on(async {
        let seat = Seat::take(&context, Some(incident_of(act))).await?;
        perform(seat, act).await
    })
}

fn incident_of(act: &Act) -> &str {
    match act {
        Act::Approve(g) | Act::Deny(g) | Act::Override(g) => &g.incident,
        Act::Undo(s)
        | Act::Skip(s)
        | Act::Done(s)
        | Act::Retry(s)
        | Act::Continue(s)
        | Act::Cancel(s)
        | Act::Kill(s)
        | Act::Keep(s) => &s.incident,
        Act::Pause(i) | Act::GoOn(i) | Act::Abort(i) | Act::Mitigate(i) | Act::Resolve(i) => &i.incident,
        Act::Start { incident, .. }
        | Act::Send { incident, .. }
        | Act::Message { incident, .. }
        | Act::Confirm { incident, .. }
        | Act::Decide { incident, .. }
        | Act::Goto { incident, .. }
        | Act::Settle { incident, .. }
        | Act::Close { incident, .. }
        | Act::Note(Note { incident, .. })
        | Act::Amend { incident, .. }
        | Act::Assume { incident, .. }
        | Act::Renounce { incident, .. }
        | Act::Poll { incident, .. }
        | Act::Answer { incident, .. }
        | Act::Reply { incident, .. }
        | Act::Revoke { incident, .. }
        | Act::Handover(Handover { incident, .. })
        | Act::Redact(Redact { incident, .. })
        | Act::Inherit { incident, .. }
        | Act::Reconcile { incident, .. } => incident,
    }
}

async fn perform(mut seat: Seat, act: &Act) -> Result<()> {
    let seq = match act {
        Act::Approve(gate) => answer(&mut seat, gate, Answering::Approve).await?,
        Act::Deny(gate) => answer(&mut seat, gate, Answering::Deny).await?,
        Act::Override(gate) => answer(&mut seat, gate, Answering::Override).await?,
        Act::Close { reason, consent, .. } => {
            let draft = seat.draft_close(reason)?;
            seat.sign_shown(draft, *consent).await?
        }
        Act::Note(note) => match people::noted(note)? {
            Some(intent) => seat.act(intent).await?,
            None => seat.note(&note.text).await?,
        },
        Act::Amend { file, reason, .. } => amend(&mut seat, file, reason).await?,
        Act::Handover(verb) => people::handover(&mut seat, verb).await?,
        Act::Redact(verb) => people::redact(&mut seat, verb).await?,
        Act::Send { step, text, .. } => send(&mut seat, step, text.as_deref()).await?,
        Act::Message { template, text, by_hand, .. } => {
            message::send(&mut seat, template, text.as_deref(), *by_hand).await?
        }
        other => {
            let intent = intent(&seat, other)?;
            seat.act(intent).await?
        }
    };
    if let Some(words) = goes_on(&seat, act) {
        print(&words);
    }
    print(&format!("recorded as event {seq} ({})", seat.room.mirror.head().short_code()));
    seat.leave().await;
    Ok(())
}

/// What a pause, an abort or the end of a step leaves running.
fn goes_on(seat: &Seat, act: &Act) -> Option<String> {
    let incident = &seat.room.mirror.incident;
    let stopped = match act {
        Act::Pause(_) | Act::Abort(_) => None,
        Act::Cancel(on) | Act::Kill(on) => Some(step_id(&on.step).ok()?),
        _ => return None,
    };
    Some(incident.goes_on(stopped.as_ref()))
}

fn failed(why: impl std::fmt::Display) -> Failure {
    Failure::environment("the act could not be made").because(why)
}

async fn answer(seat: &mut Seat, gate: &OnGate, how: Answering) -> Result<u64> {
    let id = step_id(&gate.step)?;
    let role = match &gate.role {
        Some(role) => RoleName::parse(role.clone()).map_err(|e| Failure::usage(e.to_string()))?,
        None => seat.role_for(&id, how)?,
    };
    let draft = seat.draft(&id, &role, how, &gate.reason)?;
    seat.sign_shown(draft, gate.consent).await
}

async fn send(seat: &mut Seat, step: &str, text: Option<&std::path::Path>) -> Result<u64> {
    let id = step_id(step)?;
    let Some(path) = text else {
        let intent = start(seat, &id, Direction::Forward, None, None)?;
        return seat.act(intent).await;
    };
    let text = crate::cli::given::text(path)?;
    let (part, commitment) = crate::client::session::payload(text.as_bytes()).map_err(failed)?;
    let mut intent = start(seat, &id, Direction::Forward, None, None)?;
    if let Intent::Start { payload, .. } = &mut intent {
        *payload = Some(commitment);
    }
    seat.act_with(intent, vec![part]).await
}

/// A runbook that travels with an act must fit into one frame, Base64 included.
const LARGEST_AMENDMENT: usize = 180 * 1024;

async fn amend(seat: &mut Seat, path: &std::path::Path, reason: &str) -> Result<u64> {
    let shown = path.display().to_string();
    let bytes = crate::cli::given::bytes(path)?;
    if bytes.len() > LARGEST_AMENDMENT {
        let hint = format!("an amendment has at most {} KiB", LARGEST_AMENDMENT / 1024);
        return Err(Failure::usage(format!("{shown} is too large to be proposed")).hint(hint));
    }
    let (runbook, model) = crate::timeline::amended::read(&bytes).map_err(|why| {
        Failure::usage(format!("{shown} is no runbook that can be used: {why}"))
            .hint("`backout lint` shows every mistake")
    })?;
    seat.room.mirror.incident.offer(runbook, model);
    for change in crate::core::amendment::changes(&seat.room.mirror.incident, runbook, reason) {
        say(&format!("{}: {}", change.id, change.summary));
    }
    let (part, payload) = crate::client::session::payload(&bytes).map_err(failed)?;
    let intent = Intent::ProposeAmendment { runbook, payload, reason: reason.to_owned() };
    seat.act_with(intent, vec![part]).await
}

fn step_id(text: &str) -> Result<StepId> {
    StepId::parse(text).map_err(|e| Failure::usage(e.to_string()))
}

/// The intent to start a step as it would be carried out now.
///
/// # Errors
/// When there is no such step, or its content cannot be worked out yet.
pub fn start(
    seat: &Seat,
    id: &StepId,
    direction: Direction,
    retyped: Option<String>,
    reason: Option<String>,
) -> Result<Intent> {
    let incident = &seat.room.mirror.incident;
    let step = incident.step(id).ok_or_else(|| unknown_step(seat, id))?;
    let attempt = incident.next_attempt(id, direction);
    let plan = plan::of_step(incident, step, direction)
        .map_err(|why| Failure::refused(format!("step `{id}` cannot be worked out")).because(why))?;
    say(&format!("{id}, attempt {attempt}: {}", plan.summary));
    let plan = plan::digest(&plan, attempt);
    Ok(Intent::Start { step: id.clone(), attempt, direction, plan, retyped, reason, payload: None })
}

fn unknown_step(seat: &Seat, id: &StepId) -> Failure {
    let known: Vec<&str> = seat.room.mirror.incident.runbook.steps().map(|s| s.id.as_str()).collect();
    Failure::usage(format!("the runbook has no step `{id}`"))
        .hint(format!("its steps are {}", known.join(", ")))
}

fn intent(seat: &Seat, act: &Act) -> Result<Intent> {
    match act {
        Act::Start { step, target, .. } => {
            start(seat, &step_id(step)?, Direction::Forward, target.clone(), None)
        }
        Act::Undo(on) => start(seat, &step_id(&on.step)?, Direction::Undo, None, Some(on.reason.clone())),
        Act::Confirm { step, evidence, .. } => {
            let (step, attempt) = tried(seat, step)?;
            let evidence = signed_evidence(&seat.person, evidence);
            Ok(Intent::Confirm { step, attempt, evidence })
        }
        Act::Settle { step, verdict, undo, reason, .. } => {
            let (step, attempt, direction) = unknown(seat, step, *undo)?;
            let verdict = (*verdict).into();
            Ok(Intent::Settle { step, attempt, direction, verdict, reason: reason.clone() })
        }
        Act::Decide { step, option, rule_out: None, reason, .. } => {
            let missing = || Failure::usage("say which step and which option, or --rule-out");
            let (step, option) = step.as_ref().zip(option.clone()).ok_or_else(missing)?;
            decide(step, Choice::Option(option), reason)
        }
        Act::Decide { rule_out: Some(way), reason, .. } => Ok(rule_out(way, reason)),
        Act::Goto { step, to, reason, .. } => decide(step, Choice::Goto(step_id(to)?), reason),
        Act::Retry(on) => on_step(on, Choice::Retry),
        Act::Continue(on) => on_step(on, Choice::Continue),
        Act::Cancel(on) => on_step(on, Choice::Cancel),
        Act::Kill(on) => on_step(on, Choice::Kill),
        Act::Keep(on) => on_step(on, Choice::Keep),
        Act::Skip(on) => Ok(Intent::Skip { step: step_id(&on.step)?, reason: on.reason.clone() }),
        Act::Done(on) => Ok(Intent::MarkDone { step: step_id(&on.step)?, reason: on.reason.clone() }),
        Act::Pause(on) => Ok(whole(on, Choice::Pause)),
        Act::GoOn(on) => Ok(whole(on, Choice::GoOn)),
        Act::Abort(on) => Ok(Intent::Abort { reason: on.reason.clone() }),
        Act::Mitigate(on) => Ok(Intent::Mitigate { reason: on.reason.clone() }),
        Act::Resolve(on) => Ok(Intent::Resolve { reason: on.reason.clone() }),
        Act::Assume { role, .. } => Ok(Intent::Assume { role: role_name(role)? }),
        Act::Renounce { role, .. } => Ok(Intent::Renounce { role: role_name(role)? }),
        Act::Poll { question, lasts, .. } => people::ask(seat, question.as_deref(), lasts),
        Act::Answer { opinion, reason, .. } => people::answer(seat, *opinion, reason),
        Act::Reply { objection, words, .. } => {
            Ok(Intent::AnswerObjection { objection: *objection, words: words.clone() })
        }
        Act::Revoke { session, reason, .. } => people::revoke(seat, session, reason),
        Act::Inherit { name, owner, reason, .. } => Ok(Intent::Inherit {
            name: Name::parse(name.clone()).map_err(|e| Failure::usage(e.to_string()))?,
            owner: match owner {
                Some(owner) => PersonId::parse(owner.clone()).map_err(|e| Failure::usage(e.to_string()))?,
                None => seat.person.clone(),
            },
            reason: reason.clone(),
        }),
        Act::Reconcile { name, count, reason, .. } => Ok(Intent::SettleBacklog {
            name: Name::parse(name.clone()).map_err(|e| Failure::usage(e.to_string()))?,
            count: *count,
            reason: reason.clone(),
        }),
        Act::Approve(_)
        | Act::Deny(_)
        | Act::Override(_)
        | Act::Close { .. }
        | Act::Note(_)
        | Act::Amend { .. }
        | Act::Handover(_)
        | Act::Redact(_)
        | Act::Message { .. }
        | Act::Send { .. } => Err(Failure::usage("this act is not made of an intent alone")),
    }
}

fn role_name(text: &str) -> Result<RoleName> {
    RoleName::parse(text).map_err(|e| Failure::usage(e.to_string()))
}

fn decide(step: &str, choice: Choice, reason: &str) -> Result<Intent> {
    Ok(Intent::DecideStep { step: step_id(step)?, choice, reason: reason.to_owned() })
}

fn rule_out(way: &str, reason: &str) -> Intent {
    Intent::DecideIncident { choice: Choice::RuleOut(way.to_owned()), reason: reason.to_owned() }
}

fn on_step(on: &OnStep, choice: Choice) -> Result<Intent> {
    decide(&on.step, choice, &on.reason)
}

fn whole(on: &OnIncident, choice: Choice) -> Intent {
    Intent::DecideIncident { choice, reason: on.reason.clone() }
}

impl From<VerdictArg> for Verdict {
    fn from(word: VerdictArg) -> Verdict {
        match word {
            VerdictArg::Succeeded => Verdict::Succeeded,
            VerdictArg::Failed => Verdict::Failed,
        }
    }
}

/// A step and the try that is under way.
fn tried(seat: &Seat, step: &str) -> Result<(StepId, u32)> {
    let id = step_id(step)?;
    let run = seat.room.mirror.incident.run(&id).ok_or_else(|| unknown_step(seat, &id))?;
    Ok((id, run.attempt))
}

/// A step and the try that nobody knows the end of. Of step and undo the step comes first, unless the undo is named.
fn unknown(seat: &Seat, step: &str, undo: bool) -> Result<(StepId, u32, Direction)> {
    let id = step_id(step)?;
    let incident = &seat.room.mirror.incident;
    let unknown = |d: &Direction| incident.unknowns().contains(&(&id, *d));
    let wanted = if undo { &[Direction::Undo][..] } else { &[Direction::Forward, Direction::Undo] };
    let direction = wanted.iter().copied().find(unknown).unwrap_or_default();
    let run = incident.run_of(&id, direction).ok_or_else(|| unknown_step(seat, &id))?;
    Ok((id, run.attempt, direction))
}
