//! Whether everything that is named exists. Never complains about a name because its definition is broken.

use crate::runbook::decode::{list_of, nearest};
use crate::runbook::model::{
    Action, Condition, Expect, OnFailure, Requirement, Runbook, Step, Subject, Then,
};
use crate::runbook::places::Places;
use crate::runbook::template::{self, Name, Spot, TemplateError};
use crate::runbook::texts;
use crate::runbook::yaml::{Faults, Node, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Ids that timelines and commands use for something else.
const RESERVED: [&str; 4] = ["declare", "override", "end", "close"];

/// Checks every reference of a runbook; findings go to `faults`.
pub fn check(runbook: &Runbook, root: &Node, places: &Places, faults: &Faults) {
    let known = Known {
        steps: runbook.steps().map(|s| s.id.as_str()).collect(),
        roles: keys_of(root.get("roles")),
        metrics: keys_of(root.get("metrics")),
        templates: keys_of(root.get("comms").and_then(|n| n.get("templates"))),
        params: keys_of(root.get("params")),
        measurements: measurements(runbook),
    };
    let check = Check { known, places, faults };
    check.ids(runbook);
    check.head(runbook);
    for (base, step) in texts::steps(runbook) {
        check.step(&base, step);
    }
    check.templates(runbook);
}

struct Known<'a> {
    steps: BTreeSet<&'a str>,
    roles: BTreeSet<&'a str>,
    metrics: BTreeSet<&'a str>,
    templates: BTreeSet<&'a str>,
    params: BTreeSet<&'a str>,
    measurements: BTreeSet<&'a str>,
}

/// The author's names, from the tree: a broken metric is still a metric of that name.
fn keys_of(node: Option<&Node>) -> BTreeSet<&str> {
    match node.map(|n| &n.value) {
        Some(Value::Map(entries)) => entries.iter().map(|(k, _)| k.name.as_str()).collect(),
        Some(Value::Scalar(_) | Value::List(_)) | None => BTreeSet::new(),
    }
}

fn measurements(runbook: &Runbook) -> BTreeSet<&str> {
    runbook.steps().filter_map(|step| step.action.measures()).collect()
}

struct Check<'a> {
    known: Known<'a>,
    places: &'a Places,
    faults: &'a Faults,
}

impl Check<'_> {
    fn ids(&self, runbook: &Runbook) {
        let mut steps: BTreeMap<&str, String> = BTreeMap::new();
        let mut taken: BTreeMap<&str, String> = BTreeMap::new();
        for (base, step) in texts::steps(runbook) {
            let id = format!("{base}.id");
            if RESERVED.contains(&step.id.as_str()) {
                let message = format!("`{}` is reserved", step.id);
                self.faults.error("parse-reserved-id", self.places.value(&id), &message, "choose another id");
            }
            self.unique(&mut steps, &step.id, id, "step id");
            if let Action::Measure { as_name, .. } = &step.action {
                self.unique(&mut taken, as_name, format!("{base}.as"), "measurement");
            }
        }
        let mut triggers: BTreeMap<&str, String> = BTreeMap::new();
        for (i, trigger) in runbook.triggers.iter().enumerate() {
            self.unique(&mut triggers, &trigger.id, format!("triggers[{i}].id"), "trigger id");
        }
    }

    fn unique<'r>(&self, seen: &mut BTreeMap<&'r str, String>, name: &'r str, path: String, what: &str) {
        if name.is_empty() {
            return;
        }
        if let Some(first) = seen.get(name) {
            let line = self.places.value(first).line;
            let message = format!("{what} `{name}` is used twice; the first is on line {line}");
            self.faults.error(
                "parse-duplicate-id",
                self.places.value(&path),
                &message,
                "give it another name",
            );
            return;
        }
        seen.insert(name, path);
    }

    fn head(&self, runbook: &Runbook) {
        self.roles("declare.require", &runbook.declare.require);
        for (i, trigger) in runbook.triggers.iter().enumerate() {
            self.reference(&format!("triggers[{i}].metric"), "metric", &trigger.metric, &self.known.metrics);
        }
        for (i, cadence) in runbook.comms.cadence.iter().enumerate() {
            let path = format!("comms.cadence[{i}].template");
            self.reference(&path, "message template", &cadence.template, &self.known.templates);
        }
    }

    fn roles(&self, path: &str, require: &[Requirement]) {
        for (i, requirement) in require.iter().enumerate() {
            self.reference(&format!("{path}[{i}].role"), "role", &requirement.role, &self.known.roles);
        }
    }

    fn step(&self, base: &str, step: &Step) {
        if let Some(role) = &step.role {
            self.reference(&format!("{base}.role"), "role", role, &self.known.roles);
        }
        for (i, need) in step.needs.iter().enumerate() {
            let path = format!("{base}.needs[{i}]");
            self.reference(&path, "step", need, &self.known.steps);
            if *need == step.id {
                self.faults.error(
                    "parse-needs-itself",
                    self.places.value(&path),
                    "a step cannot need itself",
                    "remove it",
                );
            }
        }
        if let OnFailure::Goto(id) = &step.on_failure {
            self.reference(&format!("{base}.on_failure.goto"), "step", id, &self.known.steps);
        }
        if let Some(reconcile) = &step.reconcile {
            self.condition(&format!("{base}.reconcile"), reconcile);
        }
        self.action(&format!("{base}.{}", step.action.word()), &step.action);
    }

    fn action(&self, at: &str, action: &Action) {
        match action {
            Action::Await(a) => {
                self.condition(at, &a.condition);
                if let Some(fail) = &a.fail_on {
                    self.expect(&format!("{at}.fail_on"), fail);
                }
            }
            Action::Check(c) => self.condition(at, &c.condition),
            Action::Measure { subject, .. } => self.subject(at, subject),
            Action::Approve(a) => {
                self.roles(&format!("{at}.require"), &a.require);
                for (i, id) in a.covers.iter().enumerate() {
                    self.reference(&format!("{at}.covers[{i}]"), "step", id, &self.known.steps);
                }
            }
            Action::Decide { options, .. } => {
                for (i, choice) in options.iter().enumerate() {
                    if let Then::Step(id) = &choice.then {
                        // Both forms of `options` lead to a place; the one that is not there falls back.
                        let path = format!("{at}.options[{i}].then");
                        self.reference(&path, "step", id, &self.known.steps);
                    }
                }
            }
            Action::Send { template } => {
                self.reference(at, "message template", template, &self.known.templates)
            }
            Action::Wait { unless: Some(u), .. } => {
                self.reference(&format!("{at}.unless.metric"), "metric", &u.metric, &self.known.metrics);
            }
            Action::Manual { .. }
            | Action::Run { .. }
            | Action::SetAside { .. }
            | Action::Wait { unless: None, .. } => {}
        }
    }

    fn condition(&self, at: &str, condition: &Condition) {
        self.subject(at, &condition.subject);
        self.expect(&format!("{at}.expect"), &condition.expect);
    }

    fn subject(&self, at: &str, subject: &Subject) {
        if let Subject::Metric { name, .. } = subject {
            self.reference(&format!("{at}.metric"), "metric", name, &self.known.metrics);
        }
    }

    fn expect(&self, at: &str, expect: &Expect) {
        let measured =
            |path: String, name: &str| self.reference(&path, "measurement", name, &self.known.measurements);
        match expect {
            Expect::SameAs { measurement, .. } => measured(format!("{at}.same_as"), measurement),
            Expect::Within { of, .. } => measured(format!("{at}.within.of"), of),
            Expect::Csv(table) => {
                if let Some(name) = &table.same_as {
                    measured(format!("{at}.csv.same_as"), name);
                }
            }
            Expect::Json(paths) => paths.iter().for_each(|(_, e)| self.expect(at, e)),
            Expect::AnyOf(list) | Expect::AllOf(list) => list.iter().for_each(|e| self.expect(at, e)),
            Expect::Not(inner) => self.expect(at, inner),
            Expect::Equals(_)
            | Expect::NotEquals(_)
            | Expect::Matches(_)
            | Expect::NotMatches(_)
            | Expect::Min(_)
            | Expect::Max(_)
            | Expect::Between(..)
            | Expect::UnchangedFor(_) => {}
        }
    }

    fn reference(&self, path: &str, what: &str, name: &str, known: &BTreeSet<&str>) {
        // An empty name is a part that could not be read, and a finding already. Behind so many findings that no more
        // are kept, nobody needs the nearest of thousands of names.
        if name.is_empty() || known.contains(name) || self.faults.is_full() {
            return;
        }
        let message = format!("there is no {what} `{name}`");
        let help = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => match what {
                "parameter" => format!("there are none yet; ask for it: `params: {{{name}: {{prompt: …}}}}`"),
                "measurement" => {
                    format!("there are none yet; take it first: `measure: {{run: […]}}` with `as: {name}`")
                }
                _ => "there are none yet".to_owned(),
            },
            None => format!("known: {}", list_of(known.iter().copied())),
        };
        self.faults.error("parse-unknown-reference", self.places.value(path), &message, &help);
    }

    fn templates(&self, runbook: &Runbook) {
        for text in texts::of_runbook(runbook).iter().filter(|t| t.text.contains("{{")) {
            let at = self.places.value(&text.path);
            let names = match template::names(text.text) {
                Ok(names) => names,
                Err(e) => {
                    let found = match &e {
                        TemplateError::Unknown { found, .. } => found.as_str(),
                        _ => "",
                    };
                    let help =
                        match (self.known.params.contains(found), self.known.measurements.contains(found)) {
                            (true, _) => format!("write `{{{{ params.{found} }}}}`"),
                            (false, true) => format!("write `{{{{ measurements.{found} }}}}`"),
                            (false, false) => "correct what stands in the braces".to_owned(),
                        };
                    self.faults.error("parse-template", at, &e.to_string(), &help);
                    continue;
                }
            };
            if text.spot == Spot::Shell
                && let Err(e) = template::check_shell(text.text)
            {
                self.faults.error(
                    "parse-shell-template",
                    at,
                    &e.to_string(),
                    "a list needs no quoting at all; what is to run on another machine names it in `host:`",
                );
            }
            for name in names {
                match &name {
                    Name::Param(p) => self.reference(&text.path, "parameter", p, &self.known.params),
                    Name::Measurement(m) => {
                        self.reference(&text.path, "measurement", m, &self.known.measurements)
                    }
                    Name::Incident(_) => {}
                }
            }
        }
    }
}
