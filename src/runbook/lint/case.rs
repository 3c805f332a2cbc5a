//! What rules look at and where they report. Never judges.

use crate::runbook::finding::{Finding, Severity};
use crate::runbook::model::{Runbook, Step};
use crate::runbook::parse::Loaded;
use crate::runbook::places::Places;
use crate::runbook::texts;
use chrono::NaiveDate;
use std::collections::{BTreeSet, HashMap};

/// What the workspace knows. `None` means not known, and the rules that need it are left out.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Everybody in the team.
    pub people: Option<Vec<Person>>,
    /// Names of the workspace's channels.
    pub channels: Option<BTreeSet<String>>,
    /// Names of the workspace's metric sources.
    pub sources: Option<BTreeSet<String>>,
    /// The day.
    pub today: Option<NaiveDate>,
}

/// Somebody in the team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Their id.
    pub id: String,
    /// The roles they may take.
    pub roles: BTreeSet<String>,
}

/// A step and its place.
pub struct Placed<'a> {
    /// Such as `phases[0].steps[2]`.
    pub path: String,
    /// Index of its phase; `None` in `always`.
    pub phase: Option<usize>,
    /// The step.
    pub step: &'a Step,
}

/// One runbook under judgement.
pub struct Case<'a> {
    /// The runbook.
    pub runbook: &'a Runbook,
    /// What the workspace knows.
    pub context: &'a Context,
    /// All steps in file order, `always` last.
    pub steps: Vec<Placed<'a>>,
    positions: HashMap<&'a str, usize>,
}

impl<'a> Case<'a> {
    /// Prepares a runbook.
    pub fn new(loaded: &'a Loaded, context: &'a Context) -> Self {
        let runbook = &loaded.runbook;
        let phases =
            runbook.phases.iter().enumerate().flat_map(|(p, phase)| phase.steps.iter().map(move |_| Some(p)));
        let phases = phases.chain(runbook.always.iter().map(|_| None));
        let steps: Vec<Placed<'_>> = texts::steps(runbook)
            .zip(phases)
            .map(|((path, step), phase)| Placed { path, phase, step })
            .collect();
        let positions = steps.iter().enumerate().map(|(i, placed)| (placed.step.id.as_str(), i)).collect();
        Case { runbook, context, steps, positions }
    }

    /// Where a step stands in file order.
    pub fn position(&self, id: &str) -> Option<usize> {
        self.positions.get(id).copied()
    }
}

/// Where one rule reports.
pub struct Report<'a> {
    code: &'static str,
    severity: Severity,
    fix: &'static str,
    places: &'a Places,
    findings: &'a mut Vec<Finding>,
}

impl<'a> Report<'a> {
    /// A report of one rule.
    pub fn new(
        code: &'static str,
        severity: Severity,
        fix: &'static str,
        places: &'a Places,
        findings: &'a mut Vec<Finding>,
    ) -> Self {
        Report { code, severity, fix, places, findings }
    }

    /// A finding at the value of a path.
    pub fn at(&mut self, path: &str, message: &str) {
        self.findings.push(self.places.finding(self.code, self.severity, path, message, self.fix));
    }

    /// A finding at the last key of a path.
    pub fn at_key(&mut self, path: &str, message: &str) {
        let at = self.places.key(path);
        self.findings.push(self.places.finding_at(self.code, self.severity, at, message, self.fix));
    }
}
