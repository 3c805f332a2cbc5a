//! People and keys: whether every runbook of the workspace can get its signatures at all. Never judges who should have a
//! role.

use super::Report;
use crate::cli::lint;
use crate::core::id::PersonId;
use crate::identity::AllowedSigners;
use crate::runbook::finding::Severity;
use crate::runbook::model::{Action, Requirement, Runbook};
use crate::workspace::Workspace;
use std::collections::BTreeSet;

const AREA: &str = "roster";

pub(super) fn look(workspace: &Workspace, report: &mut Report) {
    let signers = AllowedSigners::parse(&workspace.files.allowed_signers);
    let before = report.0.len();
    for finding in lint::workspace::people(workspace) {
        let what = format!("{}:{}: {}", finding.path, finding.line, finding.message);
        let to_do = finding.help.clone();
        match finding.severity {
            Severity::Error => report.broken(AREA, what, to_do),
            Severity::Warning => report.remark(AREA, what, to_do),
        }
    }
    let now = u64::try_from(crate::cli::context::now().seconds()).unwrap_or(0);
    for line in signers.lines() {
        let whose = crate::sanitize::unmistakable(line.principals());
        if line.valid_before().is_some_and(|end| end <= now) {
            report.remark(
                AREA,
                format!("line {}: the key of {whose} has expired", line.number()),
                "remove the line, or list a new key",
            );
        } else if line.valid_after().is_some_and(|begin| begin > now) {
            report.remark(
                AREA,
                format!("line {}: the key of {whose} does not count yet", line.number()),
                "look at valid-after",
            );
        }
    }
    if report.0.len() == before {
        report.works(
            AREA,
            format!("{} people and {} keys fit together", workspace.team.people.len(), signers.lines().len()),
        );
    }
    quorums(workspace, &signers, now, report);
}

/// Who could sign right now.
fn able(workspace: &Workspace, signers: &AllowedSigners, now: u64) -> Vec<PersonId> {
    let valid = |id: &PersonId| {
        signers.keys_of(id.as_str()).iter().any(|line| {
            // A pattern lets stock tools verify and counts for nobody here.
            line.lists_by_name(id.as_str())
                && line.valid_before().is_none_or(|end| end > now)
                && line.valid_after().is_none_or(|begin| begin <= now)
        })
    };
    workspace.team.people.iter().map(|p| p.id.clone()).filter(|id| valid(id)).collect()
}

fn quorums(workspace: &Workspace, signers: &AllowedSigners, now: u64, report: &mut Report) {
    let able = able(workspace, signers, now);
    let Ok(paths) = lint::files(&[], Some(workspace)) else { return };
    for path in paths {
        let name = path.strip_prefix(&workspace.root).unwrap_or(&path).display().to_string();
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let runbook = match crate::runbook::load(&name, &bytes) {
            Ok(loaded) => loaded.runbook,
            Err(findings) => {
                let first = findings.first().map(|f| f.message.clone()).unwrap_or_default();
                report.broken(
                    AREA,
                    format!("{name} cannot be used: {first}"),
                    format!("backout lint {name}"),
                );
                continue;
            }
        };
        let short: Vec<String> = gates(&runbook)
            .into_iter()
            .filter_map(|(gate, require)| {
                Some(format!("{gate}: {}", unreachable(workspace, &able, require)?))
            })
            .collect();
        if short.is_empty() {
            report.works(AREA, format!("{name}: every signature it asks for can be had"));
        } else {
            report.broken(
                AREA,
                format!("{name} asks for what nobody can give\n{}", short.join("\n")),
                "give the role to more people in team.yaml, and them a key in allowed_signers",
            );
        }
    }
}

fn gates(runbook: &Runbook) -> Vec<(&str, &[Requirement])> {
    let mut gates = vec![("declare", runbook.declare.require.as_slice())];
    for step in runbook.steps() {
        if let Action::Approve(approve) = &step.action {
            gates.push((step.id.as_str(), approve.require.as_slice()));
        }
    }
    gates
}

/// Why this quorum cannot be reached, if it cannot: too few for a role, or too few people in all, as one counts once.
fn unreachable(workspace: &Workspace, able: &[PersonId], require: &[Requirement]) -> Option<String> {
    fn have<'a>(workspace: &Workspace, able: &'a [PersonId], role: &str) -> Vec<&'a PersonId> {
        able.iter().filter(|id| workspace.team.may_take(id, role)).collect()
    }
    for wanted in require {
        let there = have(workspace, able, &wanted.role).len();
        if there < wanted.count as usize {
            return Some(format!("needs {} of role {}, and {there} could sign", wanted.count, wanted.role));
        }
    }
    let people: BTreeSet<&PersonId> = require.iter().flat_map(|r| have(workspace, able, &r.role)).collect();
    let wanted: usize = require.iter().map(|r| r.count as usize).sum();
    (people.len() < wanted)
        .then(|| format!("needs {wanted} different people, and there are {}", people.len()))
}
