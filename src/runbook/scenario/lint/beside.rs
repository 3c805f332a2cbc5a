//! Rules about a scenario and the runbook it was written for. Never judges the runbook.

use super::Case;
use crate::runbook::lint::Report;
use crate::runbook::model::{Action, Command, HttpRequest, Runbook, Step, Subject};
use crate::runbook::scenario::events::{self, About};
use crate::runbook::scenario::model::fits;
use crate::runbook::scenario::when::Event;

pub fn its_runbook_is_there(case: &Case<'_>, report: &mut Report<'_>) {
    if let (Some(name), Some(_), None) = (&case.scenario.runbook, case.runbooks, case.runbook) {
        report.at("runbook", &format!("this workspace has no runbook `{name}`"));
    }
}

pub fn its_class_is_the_runbooks(case: &Case<'_>, report: &mut Report<'_>) {
    let Some(runbook) = case.runbook else { return };
    if runbook.class != case.scenario.class {
        report.at("class", &format!("`{}` is of class {}", runbook.id, runbook.class.word()));
    }
}

pub fn roles_are_seats(case: &Case<'_>, report: &mut Report<'_>) {
    let Some(runbook) = case.runbook else { return };
    for (i, role) in case.scenario.roles.iter().enumerate() {
        if !runbook.roles.iter().any(|seat| &seat.name == role) {
            report.at(&format!("roles[{i}]"), &format!("`{}` has no seat `{role}`", runbook.id));
        }
    }
}

pub fn events_can_happen(case: &Case<'_>, report: &mut Report<'_>) {
    let Some(runbook) = case.runbook else { return };
    for (path, event) in case.scenario.events() {
        if !can_happen(runbook, event) {
            let about = event.about.as_deref().unwrap_or_default();
            report.at(
                &path,
                &format!("`{}` has nothing called `{about}` that {} could be about", runbook.id, event.kind),
            );
        }
    }
}

fn can_happen(runbook: &Runbook, event: &Event) -> bool {
    let (Some(about), Some((kind, _))) = (&event.about, events::of(&event.kind)) else { return true };
    let step = |test: &dyn Fn(&Step) -> bool| runbook.steps().any(test);
    match kind {
        About::Nothing => true,
        About::Role => runbook.roles.iter().any(|seat| &seat.name == about),
        About::Step => step(&|s| &s.id == about),
        About::Gate => about == "declare" || step(&|s| &s.id == about),
        About::Phase => runbook.phases.iter().any(|phase| &phase.name == about),
        About::Measurement => step(&|s| s.action.measures() == Some(about.as_str())),
        About::Trigger => runbook.triggers.iter().any(|trigger| &trigger.id == about),
        About::Suspension => step(&|s| s.suspends.as_ref() == Some(about)),
        About::Backlog => step(&|s| s.backlog.as_ref().is_some_and(|b| &b.name == about)),
        About::Template => runbook.comms.templates.iter().any(|template| &template.name == about),
    }
}

pub fn curves_are_of_its_metrics(case: &Case<'_>, report: &mut Report<'_>) {
    let Some(runbook) = case.runbook else { return };
    for curve in &case.scenario.world.metrics {
        if runbook.metric(&curve.metric).is_none() {
            let message = format!("`{}` has no metric `{}`", runbook.id, curve.metric);
            report.at_key(&format!("world.metrics.{}", curve.metric), &message);
        }
    }
}

pub fn its_commands_are_answered(case: &Case<'_>, report: &mut Report<'_>) {
    let Some(runbook) = case.runbook else { return };
    let stubs = &case.scenario.world.commands;
    let open: Vec<&Step> = runbook
        .steps()
        .filter(|s| lines(s).iter().any(|line| !stubs.iter().any(|stub| fits(&stub.matches, line))))
        .collect();
    if let Some(first) = open.first() {
        let message = format!(
            "{} steps of `{}` start what has no answer; the first is `{}`",
            open.len(),
            runbook.id,
            first.id
        );
        report.at_key("world.commands", &message);
    }
}

pub fn stubs_are_of_its_commands(case: &Case<'_>, report: &mut Report<'_>) {
    let Some(runbook) = case.runbook else { return };
    let all: Vec<String> = runbook.steps().flat_map(lines).collect();
    for (i, stub) in case.scenario.world.commands.iter().enumerate() {
        if !all.iter().any(|line| fits(&stub.matches, line)) {
            let message = format!("`{}` starts nothing like this", runbook.id);
            report.at(&format!("world.commands[{i}].match"), &message);
        }
    }
}

/// What a step starts or asks when all goes well, as a plan shows it, with its templates as they are written.
fn lines(step: &Step) -> Vec<String> {
    let of = |command: &Command| match command {
        Command::Argv(args) => args.join(" "),
        Command::Shell(text) => text.trim().to_owned(),
    };
    let asked = |http: &HttpRequest| format!("{} {}", http.method, http.url);
    let subject = |subject: &Subject| match subject {
        Subject::Run(command) => Some(of(command)),
        Subject::Http(http) => Some(asked(http)),
        Subject::Metric { .. } => None,
    };
    let own = match &step.action {
        Action::Run { command, .. } => Some(of(command)),
        Action::Await(a) => subject(&a.condition.subject),
        Action::Check(c) => subject(&c.condition.subject),
        Action::Measure { subject: looked, .. } => subject(looked),
        Action::Manual { .. }
        | Action::Approve(_)
        | Action::Decide { .. }
        | Action::Send { .. }
        | Action::SetAside { .. }
        | Action::Wait { .. } => None,
    };
    own.into_iter().chain(step.target.as_ref().map(|t| of(&t.run))).collect()
}
