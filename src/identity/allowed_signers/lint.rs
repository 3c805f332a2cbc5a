//! What makes an `allowed_signers` file say something else than it seems to. Never changes a verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{AllowedSigners, Line, MIN_RSA_BITS};
use crate::identity::key::{Presented, PublicKey};
use crate::identity::pattern::{Entry, entries};
use crate::identity::wire::printable;

/// Which rule a line breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The line cannot be read.
    Unreadable,
    /// One key speaks for two people.
    SharedKey,
    /// A pattern instead of a name.
    Wildcard,
    /// A key that signs for a person and certifies others.
    AuthorityAndPerson,
    /// A time without `Z`.
    LocalTime,
    /// RSA below 3072 bits.
    WeakRsa,
    /// A certificate where a key belongs.
    CertificateAsKey,
    /// Principals that can match nobody.
    Pointless,
    /// A name that nobody can have here.
    OddName,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The line, from 1.
    pub line: usize,
    /// The rule it breaks.
    pub rule: Rule,
    /// What is wrong and what to do, one sentence.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

pub(super) fn lint(signers: &AllowedSigners) -> Vec<Finding> {
    let mut findings: Vec<Finding> = signers
        .errors()
        .iter()
        .map(|error| Finding {
            line: error.line,
            rule: Rule::Unreadable,
            message: format!("{}, so it lets nobody in", error.problem),
        })
        .collect();
    for line in signers.lines() {
        one_line(line, &mut findings);
    }
    across_lines(signers.lines(), &mut findings);
    findings.sort_by_key(|finding| (finding.line, finding.rule));
    findings
}

fn one_line(line: &Line, findings: &mut Vec<Finding>) {
    let mut add = |rule: Rule, message: String| findings.push(Finding { line: line.number(), rule, message });
    for entry in entries(line.principals()) {
        match entry {
            Entry::Wild(pattern) if line.is_authority() => add(
                Rule::Wildcard,
                format!(
                    "`{}` lets this authority certify whoever fits; name the people it may certify",
                    printable(pattern)
                ),
            ),
            Entry::Wild(pattern) => add(
                Rule::Wildcard,
                format!(
                    "`{}` is a pattern; a key must name its one person, or it does not count",
                    printable(pattern)
                ),
            ),
            Entry::Exact(name) if !can_be_somebody(name) => add(
                Rule::OddName,
                format!("`{}` is nobody's id: those are made of a-z, 0-9 and . _ @ + -", printable(name)),
            ),
            Entry::Exact(_) | Entry::Negated(_) => {}
        }
    }
    let names: BTreeSet<&[u8]> = line.names_listed().collect();
    if names.is_empty() && !entries(line.principals()).any(|entry| matches!(entry, Entry::Wild(_))) {
        add(Rule::Pointless, "it names nobody, so it lets nobody in".to_owned());
    }
    if line.has_local_stamp() {
        add(
            Rule::LocalTime,
            "a time without Z means another moment on a machine in another time zone; add Z".to_owned(),
        );
    }
    if matches!(line.presented(), Presented::Certificate(_)) {
        add(
            Rule::CertificateAsKey,
            "it lists a certificate; list the key, or the authority with cert-authority".to_owned(),
        );
    }
    if let Some(bits) = line.presented().key().rsa_bits()
        && bits < MIN_RSA_BITS
    {
        add(
            Rule::WeakRsa,
            format!("the RSA key has {bits} bits and does not count; at least {MIN_RSA_BITS} are needed"),
        );
    }
}

/// Whether `team.yaml` could list a person of this id: what is not ASCII could be read as somebody else.
fn can_be_somebody(name: &[u8]) -> bool {
    let fits = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._@+-".contains(b);
    name.len() <= 128 && !name.starts_with(b"-") && name.iter().all(fits)
}

fn across_lines(lines: &[Line], findings: &mut Vec<Finding>) {
    let mut people: BTreeMap<&PublicKey, BTreeSet<&[u8]>> = BTreeMap::new();
    let mut uses: BTreeMap<&PublicKey, BTreeSet<bool>> = BTreeMap::new();
    for line in lines {
        let key = line.presented().key();
        let known_uses = uses.entry(key).or_default();
        known_uses.insert(line.is_authority());
        if known_uses.len() > 1 {
            findings.push(Finding {
                line: line.number(),
                rule: Rule::AuthorityAndPerson,
                message: format!(
                    "{} is both a person's key and an authority; use two keys",
                    key.fingerprint()
                ),
            });
        }
        if line.is_authority() {
            continue;
        }
        let known = people.entry(key).or_default();
        let before = known.len();
        known.extend(line.names_listed());
        if known.len() > 1 && known.len() > before {
            let names: Vec<String> = known.iter().map(|name| printable(name)).collect();
            findings.push(Finding {
                line: line.number(),
                rule: Rule::SharedKey,
                message: format!(
                    "{} speaks for {}; one key, one person",
                    key.fingerprint(),
                    names.join(" and ")
                ),
            });
        }
    }
}
