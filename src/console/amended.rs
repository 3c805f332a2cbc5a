//! A changed runbook that waits for its quorum, as a row among the steps: who proposes it, why, what it changes, who
//! has to say yes. Never shows a change that is not in the text people sign.

use super::deed::Ground;
use super::offer;
use crate::core::amendment;
use crate::core::id::StepId;
use crate::core::incident::Incident;
use crate::core::time::spoken;

/// Label and text; foreign text, to be cleaned by whoever shows it.
pub type Fact = (&'static str, String);

/// Whether it has a row now.
pub fn waits(incident: &Incident) -> bool {
    incident.open_proposal().is_some()
}

/// In one line: who proposes it and what is missing.
pub fn line(ground: &Ground<'_>) -> String {
    let by = ground.incident.open_proposal().and_then(|p| p.by.as_ref());
    let by = by.map_or_else(|| "somebody".to_owned(), ToString::to_string);
    format!("the runbook as {by} changed it: {}", offer::missing(ground, &StepId::amend()))
}

/// Everything about it but the answers.
pub fn facts(ground: &Ground<'_>) -> Vec<Fact> {
    let incident = ground.incident;
    let Some(proposal) = incident.open_proposal() else { return Vec::new() };
    let by = proposal.by.as_ref().map_or_else(|| "somebody".to_owned(), ToString::to_string);
    let mut facts = vec![
        ("by", format!("{by} at {}", proposal.at.clock())),
        ("why", proposal.reason.clone()),
        ("file", proposal.runbook.to_string()),
    ];
    let changes = amendment::changes(incident, proposal.runbook, &proposal.reason);
    // The first says what was said above.
    let changes =
        changes.into_iter().skip(1).map(|change| ("change", format!("{}: {}", change.id, change.summary)));
    facts.extend(changes);
    match incident.proposed() {
        None => {
            facts.push(("change", "the file is not here, so nobody here can say what it changes".to_owned()))
        }
        Some(new) => facts.extend(incident.hinders(new).map(|why| ("hindered", why))),
    }
    if let Some(gate) = incident.gates.get(&StepId::amend()).filter(|g| g.attempt == proposal.attempt) {
        facts.push(("expires", format!("in {}", spoken(gate.expires.since(ground.now)))));
    }
    facts
}
