//! Which phase a step belongs to, which were entered, and which is to be entered now. Never enters one: that is an
//! event of the hub's, and nothing that belongs to a phase happens before it.

use super::Incident;
use crate::core::id::StepId;
use crate::core::refusal::Refusal;
use crate::runbook::model::{Phase, Step};

impl Incident {
    fn phase_with(&self, step: &str) -> Option<(u32, &Phase)> {
        let (index, _) = self.order.place(step)?;
        Some((u32::try_from(index).ok()?, self.runbook.phases.get(index)?))
    }

    /// The phase that a step belongs to; none for what is always done.
    pub fn phase_of(&self, step: &str) -> Option<&Phase> {
        self.phase_with(step).map(|(_, phase)| phase)
    }

    /// The phase that was entered last, in the order of the file.
    pub fn current_phase(&self) -> Option<&Phase> {
        let index = usize::try_from(*self.phases_entered.last()?).ok()?;
        self.runbook.phases.get(index)
    }

    /// Whether the phase is to be entered now: it was not, and one of its steps is ready. Phases whose steps wait for
    /// nothing of each other go side by side, so this does not ask for those before it in the file.
    pub fn phase_begins(&self, index: u32, phase: &Phase) -> bool {
        !self.phases_entered.contains(&index) && phase.steps.iter().any(|s| self.is_ready(s))
    }

    /// The first phase of the file that is to be entered now.
    pub fn phase_to_enter(&self) -> Option<(u32, &Phase)> {
        (0u32..).zip(&self.runbook.phases).find(|(index, phase)| self.phase_begins(*index, phase))
    }

    /// Who decides for everything, such as to give it up, depends on the phase: none may be left out that has begun.
    pub(in crate::core) fn no_phase_is_left_out(&self) -> Result<(), Refusal> {
        let begun = self.phase_to_enter().and_then(|(_, p)| p.steps.iter().find(|s| self.is_ready(s)));
        begun.map_or(Ok(()), |step| self.in_its_phase(step))
    }

    /// What is done about a step whose turn has come is done in a phase that was entered. A step that has begun is not
    /// asked about: an amendment may have given its phase another name since.
    pub(in crate::core) fn in_its_phase(&self, step: &Step) -> Result<(), Refusal> {
        match self.phase_with(&step.id) {
            Some((index, phase)) if !self.phases_entered.contains(&index) && self.is_ready(step) => {
                let step = StepId::parse(step.id.clone()).map_err(|e| Refusal::DoesNotFit(e.to_string()))?;
                Err(Refusal::PhaseNotEntered { step, phase: phase.name.clone() })
            }
            Some(_) | None => Ok(()),
        }
    }
}
