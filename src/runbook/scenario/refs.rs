//! Whether everything a scenario names is there, and is what it is used as. Never knows a runbook.

use super::model::{Cue, Expected, Mark, Scenario};
use super::when::{Value, When};
use crate::runbook::decode::{list_of, nearest};
use crate::runbook::model::Op;
use crate::runbook::places::Places;
use crate::runbook::yaml::Faults;
use std::collections::{BTreeMap, BTreeSet};

/// Checks every reference; findings go to `faults`.
pub fn check(scenario: &Scenario, places: &Places, faults: &Faults) {
    let check = Check {
        scenario,
        places,
        faults,
        states: scenario.world.state.iter().map(|(name, value)| (name.as_str(), *value)).collect(),
        tasks: scenario.tasks().collect(),
        injects: scenario.injects.iter().map(|i| i.id.as_str()).collect(),
    };
    check.once();
    check.roles();
    check.tasks();
    check.injects();
    check.states();
}

struct Check<'a> {
    scenario: &'a Scenario,
    places: &'a Places,
    faults: &'a Faults,
    states: BTreeMap<&'a str, Value>,
    tasks: BTreeSet<&'a str>,
    injects: BTreeSet<&'a str>,
}

impl Check<'_> {
    fn tell(&self, code: &'static str, path: &str, message: &str, help: &str) {
        self.faults.error(code, self.places.value(path), message, help);
    }

    /// A name that is not among those there are.
    fn unknown<'k>(&self, path: &str, what: &str, name: &str, known: impl Iterator<Item = &'k str> + Clone) {
        let help = match nearest(name, known.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => match list_of(known) {
                none if none.is_empty() => format!("there is no {what} yet"),
                some => format!("there are {some}"),
            },
        };
        self.tell("scenario-unknown-name", path, &format!("there is no {what} `{name}`"), &help);
    }

    /// Ids are given once; an inject is no state, because `from` and `to` may name both.
    fn once(&self) {
        let s = self.scenario;
        let ids = |list: &str, ids: Vec<&str>| -> Vec<(String, String)> {
            ids.into_iter().enumerate().map(|(i, id)| (format!("{list}[{i}].id"), id.to_owned())).collect()
        };
        let injects = ids("injects", s.injects.iter().map(|i| i.id.as_str()).collect());
        let states = s.world.state.iter().map(|(name, _)| (format!("world.state.{name}"), name.clone()));
        for group in [
            ids("objectives", s.objectives.iter().map(|o| o.id.as_str()).collect()),
            states.chain(injects).collect(),
            ids("decisions", s.decisions.iter().map(|d| d.id.as_str()).collect()),
            ids("expectations", s.expectations.iter().map(|e| e.id.as_str()).collect()),
        ] {
            let mut seen = BTreeSet::new();
            for (path, id) in group {
                if !seen.insert(id.clone()) {
                    self.tell(
                        "scenario-twice",
                        &path,
                        &format!("`{id}` is there already"),
                        "give it another name",
                    );
                }
            }
        }
    }

    fn roles(&self) {
        let known = || self.scenario.roles.iter().map(String::as_str);
        let absent = self.scenario.absent.iter().enumerate().map(|(i, role)| (format!("absent[{i}]"), role));
        let to = self.scenario.injects.iter().enumerate().flat_map(|(i, inject)| {
            inject.to.iter().enumerate().map(move |(n, role)| (format!("injects[{i}].to[{n}]"), role))
        });
        for (path, role) in absent.chain(to) {
            if !self.scenario.roles.contains(role) {
                self.unknown(&path, "role", role, known());
            }
        }
    }

    fn tasks(&self) {
        let of_expectations = self.scenario.expectations.iter().enumerate();
        let of_expectations = of_expectations.map(|(i, e)| (format!("expectations[{i}].task"), &e.task));
        let of_hints = self.scenario.injects.iter().enumerate();
        let of_hints = of_hints.filter_map(|(i, inject)| {
            inject.hint_for.as_ref().map(|task| (format!("injects[{i}].hint_for"), task))
        });
        for (path, task) in of_expectations.chain(of_hints) {
            if !self.tasks.contains(task.as_str()) {
                self.unknown(&path, "task", task, self.tasks.iter().copied());
            }
        }
    }

    fn injects(&self) {
        let duration = self.scenario.clock.duration;
        for (i, inject) in self.scenario.injects.iter().enumerate() {
            if let Cue::At(at) = inject.cue
                && at > duration
            {
                let help = "let it come earlier, or make `clock.duration` longer";
                let message = format!("`{}` comes when the rehearsal is over", inject.id);
                self.tell("scenario-too-late", &format!("injects[{i}].at"), &message, help);
            }
        }
        for (i, expectation) in self.scenario.expectations.iter().enumerate() {
            let named: Vec<(&str, &String)> = match &expectation.kind {
                Expected::Want { after, .. } => after.iter().map(|id| ("after", id)).collect(),
                Expected::Budget { from, to, .. } => [("from", from), ("to", to)]
                    .into_iter()
                    .filter_map(|(key, mark)| match mark {
                        Mark::Inject(id) => Some((key, id)),
                        Mark::When(_) => None,
                    })
                    .collect(),
                Expected::Forbid { .. } | Expected::Cadence { .. } | Expected::Judged { .. } => Vec::new(),
            };
            for (key, id) in named {
                if !self.injects.contains(id.as_str()) {
                    let known = self.injects.iter().copied();
                    self.unknown(&format!("expectations[{i}].{key}"), "inject", id, known);
                }
            }
        }
    }

    /// Every state that is named is declared, and used as what it is.
    fn states(&self) {
        for (path, when) in self.scenario.conditions() {
            for (name, op, value) in when.states() {
                self.state(&path, name, Some(op), value);
            }
        }
        let s = self.scenario;
        let commands =
            s.world.commands.iter().enumerate().map(|(i, c)| (format!("world.commands[{i}]"), &c.set));
        let injects = s.injects.iter().enumerate().map(|(i, inject)| (format!("injects[{i}]"), &inject.set));
        for (base, set) in commands.chain(injects) {
            for (name, value) in set {
                self.state(&format!("{base}.set.{name}"), name, None, *value);
            }
        }
    }

    fn state(&self, path: &str, name: &str, op: Option<Op>, value: Value) {
        let Some(declared) = self.states.get(name) else {
            return self.unknown(path, "state", name, self.states.keys().copied());
        };
        let help = match (declared, value) {
            (Value::Flag(_), Value::Flag(_)) | (Value::Number(_), Value::Number(_)) => return,
            (Value::Flag(_), Value::Number(_)) => {
                "it is true or false: write its name alone, or `!` before it"
            }
            (Value::Number(_), Value::Flag(_)) if op.is_some() => {
                "it is a number: compare it, as in name >= 3"
            }
            (Value::Number(_), Value::Flag(_)) => "it is a number: give it one",
        };
        self.tell("scenario-type", path, &format!("`{name}` is used as something that it is not"), help);
    }
}

/// Whether a condition can ever hold, as far as states and the length of the rehearsal tell.
pub fn reachable(when: &When, scenario: &Scenario) -> bool {
    match when {
        When::Event(_) => true,
        When::Time(op, at) => match op {
            Op::Less => !at.is_zero(),
            Op::LessOrEqual | Op::NotEqual => true,
            Op::Greater => *at < scenario.clock.duration,
            Op::GreaterOrEqual | Op::Equal => *at <= scenario.clock.duration,
        },
        When::State(name, op, wanted) => ever(scenario, name).into_iter().any(|value| {
            let one = When::State(name.clone(), *op, *wanted);
            one.holds(&Only { name, value })
        }),
        // What is not so at the begin may become so: only a state that never changes is looked at.
        When::Not(inner) => match &**inner {
            When::State(name, op, wanted) => ever(scenario, name)
                .into_iter()
                .any(|value| !When::State(name.clone(), *op, *wanted).holds(&Only { name, value })),
            When::Event(_) | When::Time(..) | When::Not(_) | When::All(_) | When::Any(_) => true,
        },
        When::All(list) => list.iter().all(|w| reachable(w, scenario)),
        When::Any(list) => list.iter().any(|w| reachable(w, scenario)),
    }
}

/// Every value a state has at some time: how it begins, and what commands and injects make of it.
fn ever(scenario: &Scenario, name: &str) -> Vec<Value> {
    let begins = scenario.world.state.iter();
    let commands = scenario.world.commands.iter().flat_map(|c| &c.set);
    let injects = scenario.injects.iter().flat_map(|i| &i.set);
    begins.chain(commands).chain(injects).filter(|(n, _)| n == name).map(|(_, value)| *value).collect()
}

struct Only<'a> {
    name: &'a str,
    value: Value,
}

impl super::when::Facts for Only<'_> {
    fn happened(&self, _: &super::when::Event) -> bool {
        false
    }

    fn state(&self, name: &str) -> Option<Value> {
        (name == self.name).then_some(self.value)
    }

    fn time(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }
}
