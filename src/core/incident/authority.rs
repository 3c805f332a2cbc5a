//! Who decides what, by class and by phase. Never asks for less than the workspace had agreed on.

use super::Incident;
use crate::core::event::Authority as OfClass;
use crate::core::id::PersonId;
use crate::runbook::model::{Authority, Phase};

/// What is to be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matter {
    /// Giving the rollback up: what was done is taken back, or the service is mended forward.
    Abort,
    /// Going on in spite of a step that failed or is left out.
    GoOn,
    /// Going past a point of no return.
    NoReturn,
}

impl Matter {
    /// The words of a refusal: who decides to …
    pub fn words(self) -> &'static str {
        match self {
            Matter::Abort => "give the rollback up",
            Matter::GoOn => "go on in spite of a step",
            Matter::NoReturn => "go past a point of no return",
        }
    }

    fn of_runbook(self, authority: &Authority) -> &[String] {
        match self {
            Matter::Abort => &authority.abort,
            Matter::GoOn => &authority.go_on,
            Matter::NoReturn => &authority.no_return,
        }
    }

    fn of_class(self, authority: &OfClass) -> &[String] {
        match self {
            Matter::Abort => &authority.abort,
            Matter::GoOn => &authority.go_on,
            Matter::NoReturn => &authority.no_return,
        }
    }
}

impl Incident {
    /// The lists of roles that a decision needs somebody of: what the workspace agreed on for the runbook's class,
    /// and what the phase says, or else the runbook. None: the usual rules alone.
    pub fn authority<'a>(&'a self, matter: Matter, phase: Option<&'a Phase>) -> Vec<&'a [String]> {
        let of_phase = phase.map(|p| matter.of_runbook(&p.authority)).filter(|roles| !roles.is_empty());
        let of_runbook = of_phase.unwrap_or_else(|| matter.of_runbook(&self.runbook.authority));
        let of_class = matter.of_class(&self.policies().authority);
        [of_class, of_runbook].into_iter().filter(|roles| !roles.is_empty()).collect()
    }

    /// The first of these lists that the person sits in no seat of.
    pub fn lacks<'a>(&self, person: &PersonId, lists: &[&'a [String]]) -> Option<&'a [String]> {
        lists.iter().find(|roles| !roles.iter().any(|role| self.holds(person, role))).copied()
    }
}
