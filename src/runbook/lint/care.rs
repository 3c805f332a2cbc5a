//! Small contradictions inside one step, and what time does to a runbook. Never looks at a clock: the day comes from
//! outside.

use super::case::{Case, Report};
use super::starts::{self, Purpose};
use crate::runbook::model::{Action, Better, Duty, Op};
use crate::runbook::words;

/// A runbook that nobody looked at for so many days describes another system.
const REVIEW_DAYS: i64 = 180;

pub fn undo_is_something_else(case: &Case<'_>, report: &mut Report<'_>) {
    for placed in &case.steps {
        let path = format!("{}.undo", placed.path);
        if let (Action::Run { command, .. }, Some(undo)) = (&placed.step.action, &placed.step.undo)
            && command == undo
        {
            report.at(&path, &format!("the undo of `{}` does the same once more", placed.step.id));
        }
        if placed.step.irreversible && placed.step.undo.is_some() {
            report.at_key(&path, &format!("`{}` is irreversible and has an undo", placed.step.id));
        }
    }
}

pub fn an_abort_lifts_what_is_suspended(case: &Case<'_>, report: &mut Report<'_>) {
    for placed in case.steps.iter().filter(|p| p.phase.is_some() && p.step.undo.is_none()) {
        let Some(name) = &placed.step.suspends else { continue };
        let lifts = |p: &super::case::Placed<'_>| p.step.resumes.as_ref() == Some(name);
        let somewhere = case.steps.iter().any(lifts);
        if somewhere && !case.steps.iter().any(|p| p.phase.is_none() && lifts(p)) {
            let message = format!("after an abort nothing offers to lift `{name}` again");
            report.at(&format!("{}.suspends", placed.path), &message);
        }
    }
}

pub fn changes_have_an_actor(case: &Case<'_>, report: &mut Report<'_>) {
    for placed in case.steps.iter().filter(|p| p.step.role.is_none()) {
        if matches!(placed.step.action, Action::Run { .. } | Action::SetAside { .. }) {
            let message = format!("whoever takes part may start `{}`", placed.step.id);
            report.at(&format!("{}.id", placed.path), &message);
        }
    }
}

pub fn approvers_are_others(case: &Case<'_>, report: &mut Report<'_>) {
    for placed in &case.steps {
        let Action::Approve(approve) = &placed.step.action else { continue };
        let finals = |id: &String| case.runbook.step(id).is_some_and(|s| s.irreversible);
        let path = format!("{}.approve.separation_of_duties", placed.path);
        if approve.separation_of_duties.is_empty() {
            report.at_key(
                &path,
                &format!("whoever starts what `{}` covers may approve it too", placed.step.id),
            );
        } else if approve.covers.iter().any(finals) && !approve.separation_of_duties.contains(&Duty::Executor)
        {
            let message = format!(
                "`{}` is about a point of no return, and its executor may approve it",
                placed.step.id
            );
            report.at_key(&path, &message);
        }
    }
}

pub fn retries_retry(case: &Case<'_>, report: &mut Report<'_>) {
    for placed in case.steps.iter().filter(|p| p.step.retry.is_some_and(|r| r.max_attempts == 1)) {
        let message = format!("one try in all: `{}` is never tried again", placed.step.id);
        report.at(&format!("{}.retry.max_attempts", placed.path), &message);
    }
}

pub fn estimates_fit_the_deadline(case: &Case<'_>, report: &mut Report<'_>) {
    for placed in &case.steps {
        let Some(estimate) = placed.step.estimate else { continue };
        let (key, deadline) = match &placed.step.action {
            Action::Await(a) => ("await.within", Some(a.within)),
            _ => ("timeout", placed.step.timeout),
        };
        if let Some(deadline) = deadline.filter(|d| *d < estimate) {
            let (id, deadline, estimate) =
                (&placed.step.id, words::duration(deadline), words::duration(estimate));
            let message = format!("`{id}` is ended after {deadline}, and takes about {estimate}");
            report.at(&format!("{}.{key}", placed.path), &message);
        }
    }
}

pub fn targets_are_asked(case: &Case<'_>, report: &mut Report<'_>) {
    for placed in case.steps.iter().filter(|p| p.step.target.is_some()) {
        let asked = starts::of(placed);
        let echo = asked.iter().filter(|s| s.purpose == Purpose::Looks && s.path.ends_with(".target.run"));
        let says = |text: &str| ["echo ", "printf ", "true"].iter().any(|w| text.trim_start().starts_with(w));
        for start in echo.filter(|s| says(&s.text())) {
            report.at(&start.path, "this asks nobody: it answers what stands here");
        }
    }
}

pub fn the_window_is_long_enough(case: &Case<'_>, report: &mut Report<'_>) {
    let rto = case.runbook.objectives.rto;
    if let Some(window) = case.runbook.window.as_ref().filter(|w| w.lasts < rto) {
        let (lasts, rto) = (words::duration(window.lasts), words::duration(rto));
        report.at(
            "window.lasts",
            &format!("the way back exists for {lasts}, and the objective allows {rto} for it"),
        );
    }
}

pub fn the_review_is_fresh(case: &Case<'_>, report: &mut Report<'_>) {
    let (Some(today), Some(reviewed)) = (case.context.today, case.runbook.reviewed) else { return };
    let days = today.signed_duration_since(reviewed).num_days();
    if days > REVIEW_DAYS {
        report.at("reviewed", &format!("the last review is {days} days ago"));
    } else if days < 0 {
        report.at("reviewed", "the last review is in the future");
    }
}

pub fn triggers_last(case: &Case<'_>, report: &mut Report<'_>) {
    for (i, trigger) in case.runbook.triggers.iter().enumerate() {
        if trigger.for_.is_zero() {
            let message = format!("one bad sample is enough for `{}`", trigger.id);
            report.at(&format!("triggers[{i}].id"), &message);
        }
    }
}

pub fn triggers_fire_on_trouble(case: &Case<'_>, report: &mut Report<'_>) {
    for (i, trigger) in case.runbook.triggers.iter().enumerate() {
        let Some(metric) = case.runbook.metric(&trigger.metric) else { continue };
        let op = trigger.condition.op;
        let on_good = match metric.better {
            Better::Lower => matches!(op, Op::Less | Op::LessOrEqual),
            Better::Higher => matches!(op, Op::Greater | Op::GreaterOrEqual),
        };
        if on_good {
            let message = format!("`{}` holds while `{}` is good", trigger.id, metric.name);
            report.at(&format!("triggers[{i}].condition"), &message);
        }
    }
}
