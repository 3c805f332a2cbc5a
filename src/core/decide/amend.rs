//! Amendments: proposing a changed runbook, and adopting it. Never without the quorum that declared the rollback.

use super::{hub, person, reason, takes_part};
use crate::core::event::{About, Amended, Choice, Decided, What};
use crate::core::id::{Digest, StepId};
use crate::core::incident::{Incident, Standing};
use crate::core::intent::By;
use crate::core::refusal::Refusal;

/// So many proposals one incident takes.
pub const MOST: u32 = 99;

pub(super) fn propose(incident: &Incident, by: &By, digest: Digest, why: &str) -> Result<What, Refusal> {
    let id = person(by)?;
    takes_part(incident, id)?;
    let no = |why: &str| Err(Refusal::NoAmendment(why.to_owned()));
    if let Some(why) = &incident.aborted {
        return Err(Refusal::Aborted(why.clone()));
    }
    if incident.ended {
        return no("a decision has ended the way forward");
    }
    if incident.open_proposal().is_some() {
        return no("another one waits for its answers; it is denied or expires first");
    }
    if incident.proposals >= MOST {
        return no("there were too many already");
    }
    if incident.runbook_digest() == Some(digest) {
        return no("this is the runbook that counts now");
    }
    let Some(new) = incident.library.get(&digest) else { return no("the file it names is not here") };
    if let Some(why) = incident.hinders(new) {
        return Err(Refusal::NoAmendment(why));
    }
    Ok(Decided { about: About::Incident, choice: Choice::Amend(digest), reason: reason(why)? }.into())
}

pub(super) fn adopt(incident: &Incident, by: &By, attempt: u32) -> Result<What, Refusal> {
    hub(by)?;
    let gate = StepId::amend();
    let shut = |word| Refusal::GateNotOpen { gate: gate.clone(), word };
    let proposal = incident.open_proposal().ok_or_else(|| shut("not asked for"))?;
    let open = incident.gates.get(&gate).filter(|g| g.standing == Standing::Open);
    let asked = open.ok_or_else(|| shut("not requested"))?.attempt;
    if asked != attempt {
        return Err(Refusal::WrongRequest { gate, expected: asked, got: attempt });
    }
    if !incident.quorum_reached(&gate) {
        return Err(shut("without its quorum"));
    }
    let new = incident.proposed().ok_or_else(|| Refusal::NoAmendment("its file is not here".to_owned()))?;
    match incident.hinders(new) {
        Some(why) => Err(Refusal::NoAmendment(why)),
        None => Ok(Amended { attempt, runbook: proposal.runbook }.into()),
    }
}
