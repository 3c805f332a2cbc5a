//! Who there is and which roles they may take. Never knows keys: those are the roster's business.

use crate::core::id::{PersonId, RoleName};

/// The people of a workspace, as they were when the incident opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Team {
    /// In file order.
    pub people: Vec<Person>,
}

/// One person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Also the principal in `allowed_signers`.
    pub id: PersonId,
    /// For screens and reports.
    pub name: String,
    /// Roles this person may take.
    pub roles: Vec<RoleName>,
    /// How to reach them.
    pub contact: Option<String>,
    /// IANA name.
    pub time_zone: Option<String>,
}

impl Team {
    /// The person of this id.
    pub fn person(&self, id: &PersonId) -> Option<&Person> {
        self.people.iter().find(|p| &p.id == id)
    }

    /// Whether the roster lets this person take this role.
    pub fn may_take(&self, id: &PersonId, role: &str) -> bool {
        self.person(id).is_some_and(|p| p.roles.iter().any(|r| r.as_str() == role))
    }
}
