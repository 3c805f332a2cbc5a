//! Every expectation of a step, and what it is made of: the one walk that rules about expectations share. Never judges
//! one.

use super::case::Placed;
use crate::runbook::model::{Action, Expect};

/// What an expectation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// An `await` polls until it holds.
    Polled,
    /// A `check` judges by it.
    Judged,
    /// A `reconcile` probe settles an unknown outcome by it.
    Settles,
    /// An `await` gives up when it holds.
    GivesUp,
}

/// An expectation and its place.
pub struct Expected<'a> {
    /// Such as `phases[0].steps[2].await.expect`.
    pub path: String,
    /// What it is for.
    pub used: Use,
    /// The expectation.
    pub expect: &'a Expect,
}

/// All expectations of a step.
pub fn of<'a>(placed: &Placed<'a>) -> Vec<Expected<'a>> {
    let at = |key: &str| format!("{}.{key}", placed.path);
    let mut out = Vec::new();
    match &placed.step.action {
        Action::Await(a) => {
            let expect = &a.condition.expect;
            out.push(Expected { path: at("await.expect"), used: Use::Polled, expect });
            let gives_up = a.fail_on.iter();
            out.extend(gives_up.map(|expect| Expected {
                path: at("await.fail_on"),
                used: Use::GivesUp,
                expect,
            }));
        }
        Action::Check(c) => {
            out.push(Expected { path: at("check.expect"), used: Use::Judged, expect: &c.condition.expect });
        }
        Action::Manual { .. }
        | Action::Run { .. }
        | Action::Measure { .. }
        | Action::Approve(_)
        | Action::Decide { .. }
        | Action::Send { .. }
        | Action::SetAside { .. }
        | Action::Wait { .. } => {}
    }
    let probe = placed.step.reconcile.iter();
    out.extend(probe.map(|probe| Expected {
        path: at("reconcile.expect"),
        used: Use::Settles,
        expect: &probe.expect,
    }));
    out
}

/// What the step itself looks for: the expectation of an `await` or a `check`.
pub fn own<'a>(placed: &Placed<'a>) -> Option<Expected<'a>> {
    of(placed).into_iter().find(|e| matches!(e.used, Use::Polled | Use::Judged))
}

/// How an expectation is put together.
pub enum Made<'a> {
    /// All of these must hold.
    All(Vec<&'a Expect>),
    /// One of these must.
    Any(Vec<&'a Expect>),
    /// Each at its own place of a document, and all of them.
    Inside(Vec<&'a Expect>),
    /// This must not hold.
    Not(&'a Expect),
    /// It says something itself.
    Plain(&'a Expect),
}

/// Takes an expectation apart by one level.
pub fn made(expect: &Expect) -> Made<'_> {
    match expect {
        Expect::AllOf(list) => Made::All(list.iter().collect()),
        Expect::AnyOf(list) => Made::Any(list.iter().collect()),
        Expect::Json(paths) => Made::Inside(paths.iter().map(|(_, e)| e).collect()),
        Expect::Not(inner) => Made::Not(inner),
        Expect::Equals(_)
        | Expect::NotEquals(_)
        | Expect::Matches(_)
        | Expect::NotMatches(_)
        | Expect::Min(_)
        | Expect::Max(_)
        | Expect::Between(..)
        | Expect::Csv(_)
        | Expect::SameAs { .. }
        | Expect::Within { .. }
        | Expect::UnchangedFor(_) => Made::Plain(expect),
    }
}

/// Every plain expectation inside, however deep.
pub fn plain(expect: &Expect) -> Vec<&Expect> {
    match made(expect) {
        Made::All(list) | Made::Any(list) | Made::Inside(list) => list.into_iter().flat_map(plain).collect(),
        Made::Not(inner) => plain(inner),
        Made::Plain(one) => vec![one],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plain_expectation_is_found_however_deep_it_stands() {
        let deep = Expect::AllOf(vec![
            Expect::Min(1.0),
            Expect::Not(Box::new(Expect::AnyOf(vec![
                Expect::Max(2.0),
                Expect::Json(vec![("$.a".to_owned(), Expect::Equals("x".to_owned()))]),
            ]))),
        ]);
        let found = plain(&deep);
        assert_eq!(found, [&Expect::Min(1.0), &Expect::Max(2.0), &Expect::Equals("x".to_owned())]);
    }
}
