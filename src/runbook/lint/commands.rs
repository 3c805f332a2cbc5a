//! Commands: what they say, where they run and what cannot be done. Never runs one.

use super::case::{Case, Placed, Report};
use crate::runbook::model::{Action, NoData, Step, Subject};
use crate::runbook::template::{self, Name, Spot};
use crate::runbook::texts;
use std::collections::BTreeSet;

pub fn secrets_stay_in_env(case: &Case<'_>, report: &mut Report<'_>) {
    let secret: BTreeSet<&str> =
        case.runbook.params.iter().filter(|p| p.secret).map(|p| p.name.as_str()).collect();
    if secret.is_empty() {
        return;
    }
    for text in texts::of_runbook(case.runbook).iter().filter(|t| t.spot != Spot::Environment) {
        for name in template::names(text.text).unwrap_or_default() {
            if let Name::Param(param) = &name
                && secret.contains(param.as_str())
            {
                report.at(&text.path, &format!("secret `{name}` is used outside `env`"));
            }
        }
    }
}

pub fn keys_have_an_effect(case: &Case<'_>, report: &mut Report<'_>) {
    for placed in &case.steps {
        let step = placed.step;
        let starts = starts_a_command(step);
        let looks = matches!(step.action, Action::Await(_) | Action::Check(_) | Action::Measure { .. });
        let changes =
            matches!(step.action, Action::Run { .. } | Action::SetAside { .. } | Action::Manual { .. });
        let ignored = [
            ("host", step.host.is_some() && !starts && !matches!(step.action, Action::SetAside { .. })),
            ("env", !step.env.is_empty() && !starts),
            ("cwd", step.cwd.is_some() && !starts && !matches!(step.action, Action::SetAside { .. })),
            ("timeout", step.timeout.is_some() && !starts && !looks),
            ("retry", step.retry.is_some() && !matches!(step.action, Action::Run { .. })),
            ("on_no_data", step.on_no_data != NoData::Inconclusive && !looks),
            ("undo", step.undo.is_some() && !changes),
            ("irreversible", step.irreversible && !changes),
            ("reconcile", step.reconcile.is_some() && !changes),
        ];
        for (key, _) in ignored.iter().filter(|(_, is)| *is) {
            let message = format!("`{key}` does nothing in a `{}` step", step.action.word());
            report.at_key(&format!("{}.{key}", placed.path), &message);
        }
    }
}

/// Whether any command is started for this step's action, target, undo, probe or count.
fn starts_a_command(step: &Step) -> bool {
    let by_action = match &step.action {
        Action::Run { .. } => true,
        Action::Await(a) => matches!(a.condition.subject, Subject::Run(_)),
        Action::Check(c) => matches!(c.condition.subject, Subject::Run(_)),
        Action::Measure { subject, .. } => matches!(subject, Subject::Run(_)),
        Action::Manual { .. }
        | Action::Approve(_)
        | Action::Decide { .. }
        | Action::Send { .. }
        | Action::SetAside { .. }
        | Action::Wait { .. } => false,
    };
    let probes = step.reconcile.as_ref().is_some_and(|c| matches!(c.subject, Subject::Run(_)));
    by_action || probes || step.undo.is_some() || step.target.is_some() || step.backlog.is_some()
}

pub fn supported_combinations(case: &Case<'_>, report: &mut Report<'_>) {
    for placed in &case.steps {
        let step = placed.step;
        let host = format!("{}.host", placed.path);
        if step.host.is_some() && matches!(step.action, Action::SetAside { .. }) {
            report.at(
                &host,
                "`set_aside` moves files of this machine; write it as a `run` step to do it on a host",
            );
        }
        relative_path(placed, report);
        if placed.phase.is_none() && matches!(step.action, Action::Decide { .. }) {
            report.at_key(&format!("{}.decide", placed.path), "a choice in `always` has no steps to go to");
        }
    }
}

/// A relative path moves whatever has that name where the hub happened to be started.
fn relative_path(placed: &Placed<'_>, report: &mut Report<'_>) {
    if let Action::SetAside { path } = &placed.step.action
        && path.split('/').any(|part| part == "..")
    {
        report.at(&format!("{}.set_aside", placed.path), "`..` in a path to set aside");
    }
}

pub fn hosts_have_a_reconcile(case: &Case<'_>, report: &mut Report<'_>) {
    for placed in &case.steps {
        let step = placed.step;
        if step.host.is_some() && matches!(step.action, Action::Run { .. }) && step.reconcile.is_none() {
            let message = format!("when ssh is cut, nobody can tell what `{}` did", step.id);
            report.at(&format!("{}.host", placed.path), &message);
        }
    }
}
