//! What a look before the incident saw. Never a promise: things change until the step runs.

/// What a probe found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is as expected.
    Pass,
    /// It is not.
    Fail,
    /// An `await` that does not hold yet.
    NotYet,
    /// It could not be seen.
    Inconclusive,
    /// A measurement was taken.
    Taken,
    /// It needs something that is not there before the rollback.
    Unverifiable,
    /// It was not run: it may change something.
    NotRun,
}

impl Verdict {
    /// The word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::NotYet => "not-yet",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Taken => "taken",
            Verdict::Unverifiable => "unverifiable",
            Verdict::NotRun => "not-run",
        }
    }
}

/// What one probe saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// What it found.
    pub verdict: Verdict,
    /// In one sentence.
    pub detail: String,
}

impl Probe {
    /// A verdict and its sentence.
    pub fn new(verdict: Verdict, detail: impl Into<String>) -> Probe {
        Probe { verdict, detail: detail.into() }
    }
}
