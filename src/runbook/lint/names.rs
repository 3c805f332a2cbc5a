//! Names that nothing uses, and names the workspace does not have. Never opens the workspace.

use super::case::{Case, Report};
use super::data::compared;
use crate::runbook::model::{Action, Metric, Subject};
use crate::runbook::template::{self, Name};
use crate::runbook::texts;
use std::collections::BTreeSet;

pub fn everything_is_used(case: &Case<'_>, report: &mut Report<'_>) {
    let runbook = case.runbook;
    let used = Used::of(case);
    for param in runbook.params.iter().filter(|p| !used.params.contains(&p.name)) {
        report.at_key(
            &format!("params.{}", param.name),
            &format!("parameter `{}` is asked for and never used", param.name),
        );
    }
    // Thresholds make a metric worth showing: then people judge it.
    let judged = |m: &&Metric| used.metrics.contains(&m.name) || m.warn.or(m.critical).is_some();
    for metric in runbook.metrics.iter().filter(|m| !judged(m)) {
        let message = format!("metric `{}` is shown, and nothing says when it is bad", metric.name);
        report.at_key(&format!("metrics.{}", metric.name), &message);
    }
    for template in runbook.comms.templates.iter().filter(|t| !used.templates.contains(&t.name)) {
        let message = format!("message template `{}` is neither sent nor due", template.name);
        report.at_key(&format!("comms.templates.{}", template.name), &message);
    }
    for placed in &case.steps {
        if let Some(name) = placed.step.action.measures().filter(|name| !used.measurements.contains(*name)) {
            report.at(
                &format!("{}.as", placed.path),
                &format!("measurement `{name}` is compared with nothing"),
            );
        }
    }
}

#[derive(Default)]
struct Used {
    params: BTreeSet<String>,
    metrics: BTreeSet<String>,
    templates: BTreeSet<String>,
    measurements: BTreeSet<String>,
}

impl Used {
    fn of(case: &Case<'_>) -> Used {
        let mut used = Used::default();
        for text in texts::of_runbook(case.runbook).iter().filter(|t| t.text.contains("{{")) {
            for name in template::names(text.text).unwrap_or_default() {
                match name {
                    Name::Param(name) => drop(used.params.insert(name)),
                    Name::Measurement(name) => drop(used.measurements.insert(name)),
                    Name::Incident(_) => {}
                }
            }
        }
        used.metrics.extend(case.runbook.triggers.iter().map(|t| t.metric.clone()));
        used.templates.extend(case.runbook.comms.cadence.iter().map(|c| c.template.clone()));
        case.steps.iter().for_each(|placed| used.action(&placed.step.action));
        for condition in case.steps.iter().filter_map(|p| p.step.reconcile.as_ref()) {
            used.expect(&condition.expect);
            used.subject(&condition.subject);
        }
        used
    }

    fn action(&mut self, action: &Action) {
        match action {
            Action::Await(a) => {
                self.subject(&a.condition.subject);
                self.expect(&a.condition.expect);
                if let Some(fail) = &a.fail_on {
                    self.expect(fail);
                }
            }
            Action::Check(c) => {
                self.subject(&c.condition.subject);
                self.expect(&c.condition.expect);
            }
            Action::Measure { subject, .. } => self.subject(subject),
            Action::Send { template } => drop(self.templates.insert(template.clone())),
            Action::Wait { unless, .. } => self.metrics.extend(unless.iter().map(|u| u.metric.clone())),
            Action::Manual { .. }
            | Action::Run { .. }
            | Action::Approve(_)
            | Action::Decide { .. }
            | Action::SetAside { .. } => {}
        }
    }

    fn subject(&mut self, subject: &Subject) {
        if let Subject::Metric { name, .. } = subject {
            self.metrics.insert(name.clone());
        }
    }

    fn expect(&mut self, expect: &crate::runbook::model::Expect) {
        let mut names = Vec::new();
        compared(expect, "", &mut names);
        self.measurements.extend(names.into_iter().map(|(_, name)| name));
    }
}

pub fn channels_exist(case: &Case<'_>, report: &mut Report<'_>) {
    let Some(channels) = &case.context.channels else { return };
    for template in case.runbook.comms.templates.iter().filter(|t| !channels.contains(&t.channel)) {
        let path = format!("comms.templates.{}.channel", template.name);
        report.at(&path, &format!("the workspace has no channel `{}`", template.channel));
    }
}

pub fn sources_exist(case: &Case<'_>, report: &mut Report<'_>) {
    let Some(sources) = &case.context.sources else { return };
    for metric in case.runbook.metrics.iter().filter(|m| !sources.contains(&m.source)) {
        let path = format!("metrics.{}.source", metric.name);
        report.at(&path, &format!("the workspace has no source `{}`", metric.source));
    }
}
