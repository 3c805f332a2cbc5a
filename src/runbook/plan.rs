//! What would happen, in full, before anything does. Never runs and never asks anything.

mod history;
mod holds;
mod json;
mod path;
mod probe;
mod render;

pub use history::{Forecast, History, Past, Spread};
pub use holds::Hold;
pub use json::to_json;
pub use path::Path;
pub use probe::{Probe, Verdict};
pub use render::{to_markdown, to_text};

use super::lint::Person;

use super::model::{Action, Authority, Earlier, Phase, Runbook, Step};
use super::template::{self, ParamValue, Resolved, Scope};
use super::words;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

/// A runbook with its names filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The runbook's id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its class.
    pub class: &'static str,
    /// Its service.
    pub service: String,
    /// Its environment.
    pub environment: String,
    /// What it leaves as it is.
    pub does_not_undo: String,
    /// Who must decide to start it, in words.
    pub declare: String,
    /// Who must say yes to what, `declare` first.
    pub holds: Vec<Hold>,
    /// Who decides what after that.
    pub authority: Vec<Decides>,
    /// How long this way back exists.
    pub window: Option<PlannedWindow>,
    /// The steps, by phase.
    pub phases: Vec<PlannedPhase>,
    /// Steps offered on every way out.
    pub always: Vec<PlannedStep>,
    /// Everything that is suspended.
    pub suspensions: Vec<Suspension>,
    /// Sum of the estimates.
    pub estimate: Duration,
    /// How many steps have none.
    pub without_estimate: usize,
    /// Sets of steps that may run side by side.
    pub groups: Vec<Vec<String>>,
    /// The chain of steps that decides how long it takes.
    pub path: Path,
    /// How long whole rollbacks took for real.
    pub live: Option<Spread>,
    /// How long whole rehearsals took.
    pub drills: Option<Spread>,
    /// How far back the restore point lies.
    pub data_loss: Option<Duration>,
    /// Recovery time objective.
    pub rto: Duration,
    /// Recovery point objective.
    pub rpo: Duration,
}

/// The window of the way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedWindow {
    /// When it opened, or why that is not known.
    pub opens_at: Result<String, String>,
    /// Its length.
    pub lasts: Duration,
    /// Why it closes.
    pub because: String,
}

/// One phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedPhase {
    /// Its name.
    pub name: String,
    /// Whether it only looks, before anybody decides.
    pub preflight: bool,
    /// The steps that look once more before it begins.
    pub recheck: Vec<String>,
    /// Its steps.
    pub steps: Vec<PlannedStep>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedStep {
    /// Its id.
    pub id: String,
    /// What will happen, or why that cannot be told.
    pub resolved: Result<Resolved, String>,
    /// Who acts; `None` means any participant.
    pub role: Option<String>,
    /// Steps that must be settled first.
    pub needs: Vec<String>,
    /// Who must approve, in words: one entry for each hold point that covers it.
    pub approvals: Vec<String>,
    /// A point of no return.
    pub irreversible: bool,
    /// The author's estimate.
    pub estimate: Option<Duration>,
    /// What it will take.
    pub forecast: Forecast,
    /// What earlier live runs of it got done, where they reported it.
    pub earlier: Option<Earlier>,
    /// What a probe saw.
    pub probe: Option<Probe>,
    /// What a plan can say about it now.
    pub outlook: Outlook,
}

/// What a plan can say about a step before anything ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// It changes something, so a plan never runs it.
    Changes,
    /// It only looks, and nothing it looks at depends on a skipped change: a plan may probe it.
    CanBeProbed,
    /// It only looks, at the effect of something a plan skips.
    Unverifiable,
    /// People or time decide.
    Waits,
    /// Its `when` does not hold with these values.
    DoesNotApply,
}

impl Outlook {
    /// One word for reports.
    pub fn word(self) -> &'static str {
        match self {
            Outlook::Changes => "changes",
            Outlook::CanBeProbed => "can-be-probed",
            Outlook::Unverifiable => "unverifiable",
            Outlook::Waits => "waits",
            Outlook::DoesNotApply => "does-not-apply",
        }
    }
}

/// Something that is off between two steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspension {
    /// Its name.
    pub name: String,
    /// The step that opens it.
    pub opened_by: String,
    /// The first later step that lifts it.
    pub lifted_by: Option<String>,
}

/// What a plan may know beyond the runbook.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// What earlier incidents took.
    pub history: History,
    /// Everybody in the team.
    pub people: Option<Vec<Person>>,
    /// How far back the restore point lies.
    pub data_loss: Option<Duration>,
    /// What probes saw, by step.
    pub probes: BTreeMap<String, Probe>,
    /// What the workspace agreed on for runbooks of this class.
    pub authority: Authority,
}

/// Who decides one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decides {
    /// `abort`, `go_on` or `no_return`.
    pub what: &'static str,
    /// The phase it is about; none for the whole runbook.
    pub phase: Option<String>,
    /// Whether the workspace demands it, of every runbook of this class.
    pub of_class: bool,
    /// Any of these.
    pub roles: Vec<String>,
}

/// What the workspace demands first, then the runbook's, then each phase's.
fn decides(runbook: &Runbook, known: &Known) -> Vec<Decides> {
    let of = |authority: &Authority, phase: Option<&str>, of_class: bool| -> Vec<Decides> {
        let said = authority.lists().into_iter().filter(|(_, roles)| !roles.is_empty());
        said.map(|(what, roles)| Decides {
            what,
            phase: phase.map(str::to_owned),
            of_class,
            roles: roles.to_vec(),
        })
        .collect()
    };
    let mut out = of(&known.authority, None, true);
    out.extend(of(&runbook.authority, None, false));
    out.extend(runbook.phases.iter().flat_map(|p| of(&p.authority, Some(&p.name), false)));
    out
}

/// Fills a runbook. A name without a value is told at its step; the rest is still planned.
pub fn plan(runbook: &Runbook, scope: &Scope, known: &Known) -> Plan {
    let downstream = downstream_of_changes(runbook);
    let planner = Planner { approvals: approvals(runbook), scope, known, downstream };
    let phase = |p: &Phase| PlannedPhase {
        name: p.name.clone(),
        preflight: p.preflight,
        recheck: p.recheck.clone(),
        steps: planner.steps(&p.steps),
    };
    let in_phases: Vec<&Step> = runbook.phases.iter().flat_map(|p| &p.steps).collect();
    let always: Vec<&Step> = runbook.always.iter().collect();
    let estimates = || runbook.steps().filter_map(|s| s.estimate);
    Plan {
        id: runbook.id.clone(),
        title: runbook.title.clone(),
        class: runbook.class.word(),
        service: runbook.service.clone(),
        environment: runbook.environment.clone(),
        does_not_undo: runbook.does_not_undo.clone(),
        declare: words::requirements(&runbook.declare.require),
        holds: holds::of(runbook, known.people.as_deref()),
        authority: decides(runbook, known),
        window: runbook.window.as_ref().map(|w| PlannedWindow {
            opens_at: template::message(&w.opens_at, scope).map_err(|e| e.to_string()),
            lasts: w.lasts,
            because: w.because.clone(),
        }),
        phases: runbook.phases.iter().map(phase).collect(),
        always: planner.steps(&runbook.always),
        suspensions: suspensions(runbook),
        estimate: estimates().fold(Duration::ZERO, Duration::saturating_add),
        without_estimate: runbook.steps().count() - estimates().count(),
        groups: path::side_by_side(&in_phases),
        path: path::longest(&in_phases, &always, &known.history),
        live: Spread::of(&known.history.live.whole),
        drills: Spread::of(&known.history.drills.whole),
        data_loss: known.data_loss,
        rto: runbook.objectives.rto,
        rpo: runbook.objectives.rpo,
    }
}

impl Plan {
    /// Every step in order, `always` last.
    pub fn steps(&self) -> impl Iterator<Item = &PlannedStep> {
        self.phases.iter().flat_map(|p| &p.steps).chain(&self.always)
    }

    /// Every step with what is suspended while it runs. Worked out on the way: with many at once, a list kept for each
    /// step would be as long as all the steps together.
    pub fn with_suspended(&self) -> impl Iterator<Item = (&PlannedStep, Vec<&str>)> {
        let mut opened = self.suspensions.iter().peekable();
        let mut open: Vec<&Suspension> = Vec::new();
        self.steps().map(move |step| {
            open.retain(|s| s.lifted_by.as_ref() != Some(&step.id));
            let names = open.iter().map(|s| s.name.as_str()).collect();
            open.extend(opened.next_if(|s| s.opened_by == step.id));
            (step, names)
        })
    }

    /// Whether every name had a value.
    pub fn is_complete(&self) -> bool {
        self.steps().all(|s| s.resolved.is_ok()) && self.window.as_ref().is_none_or(|w| w.opens_at.is_ok())
    }

    /// The steps that a probe may run: they only look, and at nothing that a plan skips.
    pub fn probes(&self) -> impl Iterator<Item = &PlannedStep> {
        self.steps().filter(|s| s.outlook == Outlook::CanBeProbed)
    }
}

/// A scope from parameters alone, for a plan before any incident: defaults are filled in, secrets are named
/// and never needed, the incident's own fields stand for themselves (`‹incident.id›`).
pub fn scope_for_plan(runbook: &Runbook, given: &BTreeMap<String, String>) -> Scope {
    let mut scope = Scope::default();
    for param in &runbook.params {
        let plain = given.get(&param.name).or(param.default.as_ref()).cloned();
        let value = match plain {
            _ if param.secret => Some(ParamValue::SecretNotHere),
            Some(text) => Some(ParamValue::Plain(text)),
            None if param.required => None,
            None => Some(ParamValue::Plain(String::new())),
        };
        scope.params.extend(value.map(|v| (param.name.clone(), v)));
    }
    for field in template::Field::ALL {
        let text = match field {
            template::Field::Environment => runbook.environment.clone(),
            template::Field::Service => runbook.service.clone(),
            template::Field::Title => runbook.title.clone(),
            template::Field::Id
            | template::Field::Head
            | template::Field::Mode
            | template::Field::Severity
            | template::Field::RestorePoint
            | template::Field::Started => format!("‹incident.{}›", field.word()),
        };
        scope.incident.insert(field, text);
    }
    scope
}

struct Planner<'a> {
    approvals: HashMap<&'a str, Vec<String>>,
    scope: &'a Scope,
    known: &'a Known,
    downstream: BTreeSet<&'a str>,
}

impl Planner<'_> {
    fn steps(&self, steps: &[Step]) -> Vec<PlannedStep> {
        steps.iter().map(|step| self.step(step)).collect()
    }

    fn step(&self, step: &Step) -> PlannedStep {
        PlannedStep {
            id: step.id.clone(),
            resolved: template::resolve(step, self.scope).map_err(|e| e.to_string()),
            role: step.role.clone(),
            needs: step.needs.clone(),
            approvals: self.approvals.get(step.id.as_str()).cloned().unwrap_or_default(),
            irreversible: step.irreversible,
            estimate: step.estimate,
            forecast: Forecast::of(step, &self.known.history),
            earlier: self.known.history.live.pace.get(&step.id).and_then(|runs| Earlier::of(runs)),
            probe: self.known.probes.get(&step.id).cloned(),
            outlook: self.outlook(step),
        }
    }

    fn outlook(&self, step: &Step) -> Outlook {
        if step.when.as_ref().is_some_and(|when| template::when(when, self.scope) == Ok(false)) {
            return Outlook::DoesNotApply;
        }
        match &step.action {
            Action::Run { .. } | Action::SetAside { .. } | Action::Send { .. } => Outlook::Changes,
            Action::Await(_) | Action::Check(_) | Action::Measure { .. }
                if self.downstream.contains(step.id.as_str()) =>
            {
                Outlook::Unverifiable
            }
            Action::Await(_) | Action::Check(_) | Action::Measure { .. } => Outlook::CanBeProbed,
            Action::Manual { .. } | Action::Approve(_) | Action::Decide { .. } | Action::Wait { .. } => {
                Outlook::Waits
            }
        }
    }
}

/// Who approves each step that a hold point covers.
fn approvals(runbook: &Runbook) -> HashMap<&str, Vec<String>> {
    let mut out: HashMap<&str, Vec<String>> = HashMap::new();
    for hold in runbook.steps() {
        let Action::Approve(approve) = &hold.action else { continue };
        let words = format!("{}: {}", hold.id, words::requirements(&approve.require));
        for covered in approve.covers.iter().collect::<BTreeSet<_>>() {
            out.entry(covered).or_default().push(words.clone());
        }
    }
    out
}

/// Steps that come after a change through `needs`; those of `always` come after everything.
fn downstream_of_changes(runbook: &Runbook) -> BTreeSet<&str> {
    let changes =
        |step: &Step| step.action.changes_something() || matches!(step.action, Action::Manual { .. });
    let mut out: BTreeSet<&str> = BTreeSet::new();
    let mut waiters: HashMap<&str, Vec<&str>> = HashMap::new();
    for step in runbook.phases.iter().flat_map(|p| &p.steps) {
        step.needs.iter().for_each(|need| waiters.entry(need).or_default().push(&step.id));
    }
    // `needs` may name later steps, so one pass in file order is not enough.
    let mut reached: Vec<&str> = runbook.steps().filter(|s| changes(s)).map(|s| s.id.as_str()).collect();
    while let Some(id) = reached.pop() {
        let new = waiters.get(id).into_iter().flatten().filter(|waiter| out.insert(waiter));
        reached.extend(new.collect::<Vec<_>>());
    }
    if runbook.steps().any(changes) {
        out.extend(runbook.always.iter().map(|s| s.id.as_str()));
    }
    out
}

/// In the order of the file. Found from its end, where the next step that lifts a name is the one seen last.
fn suspensions(runbook: &Runbook) -> Vec<Suspension> {
    let mut lifts: HashMap<&str, &str> = HashMap::new();
    let mut out = Vec::new();
    for step in runbook.steps().collect::<Vec<_>>().into_iter().rev() {
        out.extend(step.suspends.as_ref().map(|name| Suspension {
            name: name.clone(),
            opened_by: step.id.clone(),
            lifted_by: lifts.get(name.as_str()).map(|id| (*id).to_owned()),
        }));
        if let Some(name) = &step.resumes {
            lifts.insert(name, &step.id);
        }
    }
    out.reverse();
    out
}

#[cfg(test)]
mod tests;
