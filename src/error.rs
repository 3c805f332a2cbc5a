//! What went wrong, with what, and what to do. Never prints and never ends the process.

use std::fmt;

/// Which exit code an error ends the program with (see the README's table).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The answer is no: findings, not verified, gate closed. Exit 1.
    No,
    /// The command line or an argument is wrong. Exit 2.
    Usage,
    /// Cannot read, cannot reach, no key. Exit 3.
    Environment,
    /// The rules refuse it: role, quorum, order. Exit 4.
    Refused,
    /// Consistent, but nothing outside the file confirms how long it is. Exit 5.
    NotAnchored,
    /// The criteria advise a rollback. Exit 10.
    RollBack,
    /// A defect of this program. Exit 70.
    Internal,
}

impl Kind {
    /// The process exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::No => 1,
            Kind::Usage => 2,
            Kind::Environment => 3,
            Kind::Refused => 4,
            Kind::NotAnchored => 5,
            Kind::RollBack => 10,
            Kind::Internal => 70,
        }
    }
}

/// A failure a person reads: what, with what, why, and what to do.
#[derive(Debug)]
pub struct Failure {
    /// Decides the exit code.
    pub kind: Kind,
    /// What is wrong, with what (path, step, person). One sentence without a final period.
    pub what: String,
    /// Why, innermost last.
    pub because: Vec<String>,
    /// What to do about it.
    pub hints: Vec<String>,
}

/// Shorthand for results that end in a [`Failure`].
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// A failure of the given kind.
    pub fn new(kind: Kind, what: impl Into<String>) -> Self {
        Failure { kind, what: what.into(), because: Vec::new(), hints: Vec::new() }
    }

    /// Cannot read, reach or find something (exit 3).
    pub fn environment(what: impl Into<String>) -> Self {
        Failure::new(Kind::Environment, what)
    }

    /// Wrong arguments (exit 2).
    pub fn usage(what: impl Into<String>) -> Self {
        Failure::new(Kind::Usage, what)
    }

    /// The rules refuse it (exit 4).
    pub fn refused(what: impl Into<String>) -> Self {
        Failure::new(Kind::Refused, what)
    }

    /// Adds the reason.
    #[must_use]
    pub fn because(mut self, why: impl fmt::Display) -> Self {
        self.because.push(why.to_string());
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        for why in &self.because {
            write!(f, ": {why}")?;
        }
        for hint in &self.hints {
            write!(f, "\n  {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}
