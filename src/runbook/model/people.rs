//! Who sits where, and whose word is needed. Never names a person: that is the roster's business.

use std::time::Duration;

/// One seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Whether the incident cannot be declared with this seat empty.
    pub required: bool,
    /// How many people at least.
    pub min: u32,
    /// After how long the holder is asked to hand over.
    pub max_tenure: Option<Duration>,
    /// Roles whose holders may sit here when nobody of this role is present.
    pub stand_in: Vec<String>,
    /// Roles whose seats nobody has beside this one; [`EXECUTOR`] for carrying out steps at all.
    pub excludes: Vec<String>,
}

/// In [`Role::excludes`]: whoever sits here carries out no step that changes something.
pub const EXECUTOR: &str = "executor";

/// `count` people of `role`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The role they act in.
    pub role: String,
    /// How many different people.
    pub count: u32,
}

/// Who decides what, beside starting the rollback: it takes somebody who sits in one of these roles. An empty list
/// leaves it to the usual rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Authority {
    /// To give the rollback up: what was done is taken back, or the service is mended forward.
    pub abort: Vec<String>,
    /// To go on in spite of a step that failed or is left out.
    pub go_on: Vec<String>,
    /// To go past a point of no return: one of them is among those who approve it.
    pub no_return: Vec<String>,
}

impl Authority {
    /// The lists with the words of the file.
    pub fn lists(&self) -> [(&'static str, &[String]); 3] {
        [("abort", &self.abort), ("go_on", &self.go_on), ("no_return", &self.no_return)]
    }
}

/// Decision authority for starting the rollback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declare {
    /// All of these.
    pub require: Vec<Requirement>,
    /// How long the request stays open.
    pub expires: Duration,
    /// Break-glass.
    pub override_: Option<Override>,
    /// Who is to be told when it is declared: roles, teams or people, as the author calls them.
    pub notify: Vec<String>,
}

/// Break-glass: who may go on without the quorum, always with a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// All of these.
    pub require: Vec<Requirement>,
}
