//! What a changed runbook changes, in words that people sign. Never says what a step would do with its values: what
//! is compared is the text of the two files.

use crate::core::id::Digest;
use crate::core::incident::Incident;
use crate::core::plan::StepPlan;
use crate::runbook::model::{Action, Command, Runbook, Step};
use crate::runbook::template;

/// Whether two versions of a step do the same thing in the same way. Its place, title and instructions may differ.
pub fn same_deed(old: &Step, new: &Step) -> bool {
    changed_keys(old, new).iter().all(|key| matches!(*key, "title" | "text" | "needs" | "estimate"))
}

/// The changes as a gate shows them: the new file first, then one entry a step that is added, removed or changed.
pub fn changes(incident: &Incident, digest: Digest, reason: &str) -> Vec<StepPlan> {
    let mut all = vec![entry("runbook", format!("amended to {digest}: {reason}"))];
    let Some(new) = incident.library.get(&digest) else { return all };
    all.extend(steps(&incident.runbook, new));
    all
}

fn steps(old: &Runbook, new: &Runbook) -> Vec<StepPlan> {
    let mut found = Vec::new();
    for step in new.steps() {
        match old.step(&step.id) {
            None => found.push(entry(&step.id, format!("added: {}", deed(step)))),
            Some(before) => found.extend(changed(before, step)),
        }
    }
    let gone = old.steps().filter(|s| new.step(&s.id).is_none());
    found.extend(gone.map(|s| entry(&s.id, format!("removed: {}", deed(s)))));
    let order = |runbook: &Runbook| -> Vec<String> { runbook.steps().map(|s| s.id.clone()).collect() };
    let kept = |a: &Runbook, b: &Runbook| -> Vec<String> {
        order(a).into_iter().filter(|id| b.step(id).is_some()).collect()
    };
    if kept(old, new) != kept(new, old) {
        found.push(entry("order", "the steps stand in another order".to_owned()));
    }
    if old.comms != new.comms {
        found.push(entry("comms", "messages or their cadence change".to_owned()));
    }
    if old.does_not_undo != new.does_not_undo {
        found.push(entry("does_not_undo", template::one_line(&new.does_not_undo)));
    }
    found
}

fn changed(old: &Step, new: &Step) -> Option<StepPlan> {
    let keys = changed_keys(old, new);
    if keys.is_empty() {
        return None;
    }
    let (was, now) = (deed(old), deed(new));
    let words = if was == now {
        format!("changed ({}): {now}", keys.join(", "))
    } else {
        format!("changed ({}): {now} instead of {was}", keys.join(", "))
    };
    Some(entry(&new.id, words))
}

fn entry(id: &str, summary: String) -> StepPlan {
    let lines = vec![("change".to_owned(), summary.clone())];
    StepPlan { id: id.to_owned(), summary, lines }
}

fn changed_keys(old: &Step, new: &Step) -> Vec<&'static str> {
    let same = [
        ("title", old.title == new.title),
        ("role", old.role == new.role),
        ("text", old.text == new.text),
        (new.action.word(), old.action == new.action),
        ("when", old.when == new.when),
        ("needs", old.needs == new.needs),
        ("timeout", old.timeout == new.timeout),
        ("retry", old.retry == new.retry && old.idempotent == new.idempotent),
        ("on_failure", old.on_failure == new.on_failure),
        ("on_no_data", old.on_no_data == new.on_no_data),
        ("estimate", old.estimate == new.estimate),
        ("host", old.host == new.host),
        ("region", old.region == new.region),
        ("env", old.env == new.env),
        ("cwd", old.cwd == new.cwd),
        ("irreversible", old.irreversible == new.irreversible),
        ("target", old.target == new.target),
        ("suspends", old.suspends == new.suspends),
        ("resumes", old.resumes == new.resumes),
        ("undo", old.undo == new.undo),
        ("reconcile", old.reconcile == new.reconcile),
        ("progress", old.progress == new.progress),
        ("backlog", old.backlog == new.backlog),
        ("controls", old.controls == new.controls),
        ("evidence", old.evidence_required == new.evidence_required),
    ];
    let mut keys: Vec<&'static str> =
        same.into_iter().filter(|(_, same)| !same).map(|(key, _)| key).collect();
    // A key that is not in the table above is a change all the same.
    if keys.is_empty() && old != new {
        keys.push("other keys");
    }
    keys
}

/// The step's action as the file has it, in one line.
fn deed(step: &Step) -> String {
    let command = |command: &Command| match command {
        Command::Argv(argv) => template::shown_argv(argv),
        Command::Shell(text) => template::one_line(text),
    };
    let of = match &step.action {
        Action::Run { command: line, .. } => command(line),
        Action::Manual { text } => template::one_line(text),
        Action::SetAside { path } => template::one_line(path),
        Action::Send { template: name } => name.clone(),
        Action::Approve(approve) => format!("covers {}", approve.covers.join(", ")),
        Action::Await(_)
        | Action::Check(_)
        | Action::Measure { .. }
        | Action::Decide { .. }
        | Action::Wait { .. } => String::new(),
    };
    let host = step.host.as_ref().map(|h| format!(" on {h}")).unwrap_or_default();
    let undo = step.undo.as_ref().map(|u| format!(", undone by {}", command(u))).unwrap_or_default();
    format!("{} {of}{host}{undo}", step.action.word()).trim_end().replace(" ,", ",")
}
