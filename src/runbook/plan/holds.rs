//! Who must say yes to what. Never counts a person twice: that is the incident's business.

use crate::runbook::lint::Person;
use crate::runbook::model::{Action, Requirement, Runbook};
use crate::runbook::words;
use std::time::Duration;

/// One place where people must agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// `declare`, or the step's id.
    pub id: String,
    /// Who, in words.
    pub require: String,
    /// The steps it is about; nothing for `declare`, which is about all of them.
    pub covers: Vec<String>,
    /// How long the question stays open.
    pub expires: Duration,
    /// Who of the team could answer, by role; nothing when the team is not known.
    pub could: Vec<(String, Vec<String>)>,
}

/// All hold points, `declare` first.
pub fn of(runbook: &Runbook, people: Option<&[Person]>) -> Vec<Hold> {
    let declare = &runbook.declare;
    let mut out = vec![Hold {
        id: "declare".to_owned(),
        require: words::requirements(&declare.require),
        covers: Vec::new(),
        expires: declare.expires,
        could: could(runbook, &declare.require, people),
    }];
    for step in runbook.steps() {
        if let Action::Approve(approve) = &step.action {
            out.push(Hold {
                id: step.id.clone(),
                require: words::requirements(&approve.require),
                covers: approve.covers.clone(),
                expires: approve.expires,
                could: could(runbook, &approve.require, people),
            });
        }
    }
    out
}

fn could(
    runbook: &Runbook,
    require: &[Requirement],
    people: Option<&[Person]>,
) -> Vec<(String, Vec<String>)> {
    let Some(people) = people else { return Vec::new() };
    let may = |person: &&Person, role: &str| {
        let seats = runbook.roles.iter().filter(|r| r.name == role);
        person.roles.contains(role)
            || seats.flat_map(|r| &r.stand_in).any(|other| person.roles.contains(other))
    };
    let names = |role: &str| people.iter().filter(|p| may(p, role)).map(|p| p.id.clone()).collect();
    require.iter().map(|r| (r.role.clone(), names(&r.role))).collect()
}
