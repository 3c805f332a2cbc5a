//! The workspace around the runbooks: people, keys, names that nothing uses. Never says whose key is right.

use crate::identity::AllowedSigners;
use crate::identity::allowed_signers::Rule as Keys;
use crate::runbook::decode::nearest;
use crate::runbook::finding::{About, Finding, Severity};
use crate::runbook::model::Runbook;
use crate::runbook::parse::Loaded;
use crate::runbook::places::Places;
use crate::runbook::yaml::{Span, parse_bytes};
use crate::sanitize::{look_alike, mixes_alphabets, unmistakable};
use crate::workspace::{CONFIG_FILE, SIGNERS_FILE, TEAM_FILE, Workspace};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const fn warning(code: &'static str, doc: &'static str, fix: &'static str) -> About {
    About { code, severity: Severity::Warning, doc, fix }
}

/// The rules about a workspace.
#[rustfmt::skip]
pub const RULES: &[About] = &[
    warning("team-no-key", "who has no key can decide and approve nothing",
        "add a line with their id and public key to allowed_signers"),
    warning("team-no-contact", "in the incident somebody has to be reached",
        "add `contact:`"),
    warning("team-role-unknown", "a role that no runbook knows, and that is spelled almost like one, is a slip",
        "spell it as the runbooks do"),
    warning("team-look-alike", "two people who look the same are taken for one another when it matters",
        "make the ids, or the names, differ to the eye"),
    warning("team-mixed-letters", "letters of several alphabets in one word make a name that can pass for another",
        "write the name in one alphabet"),
    warning("signers-odd-name", "an id is plain ASCII, so that nobody can pass for somebody else",
        "write the id as in team.yaml"),
    warning("signers-stranger", "a key of somebody who is not in the team lets nobody in",
        "add the person to team.yaml, or remove the line"),
    warning("signers-unreadable", "a line that cannot be read lets nobody in",
        "write it as: id, key type, key"),
    warning("signers-shared-key", "one key of two people counts for one",
        "give everybody a key of their own"),
    warning("signers-wildcard", "a key must name its one person, or it does not count",
        "write the id itself"),
    warning("signers-authority-and-person", "a key that signs for a person must not also certify others",
        "use two keys"),
    warning("signers-local-time", "a time without Z is another moment on another machine",
        "add Z"),
    warning("signers-weak-key", "RSA keys of fewer than 3072 bits do not count",
        "make a new key: ssh-keygen -t ed25519"),
    warning("signers-certificate", "a list of keys holds keys, not certificates",
        "list the key, or its authority with cert-authority"),
    warning("signers-pointless", "a line that names nobody lets nobody in",
        "write the id in front"),
    warning("workspace-unused", "what no runbook uses is a leftover or a slip",
        "use it or remove it"),
    warning("redlines-open", "earlier incidents did otherwise than the runbook says, and nobody said who was right",
        "accept or reject each: backout redlines RUNBOOK"),
    warning("redlines-void", "an answer that nobody signed is nobody's, and the redline is open",
        "answer it again with your own key: backout redlines RUNBOOK"),
    About { code: "workspace-query", severity: Severity::Error,
        doc: "a query that its source cannot read shows nothing in the incident and decides no trigger",
        fix: "JSON sources take a JSONPath, exposition an expression such as rate(http_requests_total), simulated a curve's name" },
    About { code: "workspace-same-id", severity: Severity::Error,
        doc: "statistics, redlines and the last version hang on a runbook's id",
        fix: "give each runbook an id of its own" },
];

fn code(rule: Keys) -> &'static str {
    match rule {
        Keys::Unreadable => "signers-unreadable",
        Keys::SharedKey => "signers-shared-key",
        Keys::Wildcard => "signers-wildcard",
        Keys::AuthorityAndPerson => "signers-authority-and-person",
        Keys::LocalTime => "signers-local-time",
        Keys::WeakRsa => "signers-weak-key",
        Keys::CertificateAsKey => "signers-certificate",
        Keys::Pointless => "signers-pointless",
        Keys::OddName => "signers-odd-name",
    }
}

/// A finding of the rule of this code.
pub(super) fn finding(code: &'static str, path: &str, at: Span, message: &str) -> Finding {
    let about = RULES.iter().find(|about| about.code == code);
    let severity = about.map_or(Severity::Warning, |a| a.severity);
    Finding::at(code, severity, path, at, message).help(about.map_or("", |a| a.fix))
}

/// Everything about the team and its keys.
pub fn people(workspace: &Workspace) -> Vec<Finding> {
    let signers = AllowedSigners::parse(&workspace.files.allowed_signers);
    let mut out = Vec::new();
    if let Some(places) = places(TEAM_FILE, &workspace.files.team) {
        let contacts = workspace.team.people.iter().filter(|p| p.contact.is_some()).count();
        for (i, person) in workspace.team.people.iter().enumerate() {
            let at = places.value(&format!("people[{i}].id"));
            if signers.keys_of(person.id.as_str()).is_empty() {
                out.push(finding(
                    "team-no-key",
                    TEAM_FILE,
                    at,
                    &format!("`{}` has no key in {SIGNERS_FILE}", person.id),
                ));
            }
            if person.contact.is_none() && contacts > 0 {
                out.push(finding(
                    "team-no-contact",
                    TEAM_FILE,
                    at,
                    &format!("nothing says how to reach `{}`", person.id),
                ));
            }
        }
        places.finish(&mut out);
    }
    out.extend(mistakable(workspace));
    out.extend(keys(workspace, &signers));
    out
}

/// People whom a reader would take for one another, by id or by name.
pub fn mistakable(workspace: &Workspace) -> Vec<Finding> {
    let mut out = Vec::new();
    let Some(places) = places(TEAM_FILE, &workspace.files.team) else { return out };
    let people = &workspace.team.people;
    for (i, person) in people.iter().enumerate() {
        let at = |field: &str| places.value(&format!("people[{i}].{field}"));
        if mixes_alphabets(&person.name) {
            let name = unmistakable(&person.name);
            let message = format!("the name of `{}` mixes alphabets: {name}", person.id);
            out.push(finding("team-mixed-letters", TEAM_FILE, at("name"), &message));
        }
        for other in people.iter().take(i) {
            let (one, two) = (person.id.as_str(), other.id.as_str());
            if look_alike(one, two) {
                let message = format!("`{one}` looks like `{two}`");
                out.push(finding("team-look-alike", TEAM_FILE, at("id"), &message));
            }
            if person.name == other.name || look_alike(&person.name, &other.name) {
                let names = [&person.name, &other.name].map(unmistakable);
                let message = format!("`{one}` and `{two}` read as one name: {} and {}", names[0], names[1]);
                out.push(finding("team-look-alike", TEAM_FILE, at("name"), &message));
            }
        }
    }
    places.finish(&mut out);
    out
}

fn keys(workspace: &Workspace, signers: &AllowedSigners) -> Vec<Finding> {
    let mut out = Vec::new();
    let line = |number: usize| Span { line: u32::try_from(number).unwrap_or(u32::MAX), column: 1, len: 0 };
    for found in signers.lint() {
        out.push(finding(code(found.rule), SIGNERS_FILE, line(found.line), &found.message));
    }
    for listed in signers.lines() {
        for name in listed.names_listed() {
            let known = workspace.team.people.iter().any(|p| p.id.as_str().as_bytes() == name);
            if !known {
                let alike = String::from_utf8_lossy(name);
                let mut people = workspace.team.people.iter().map(|p| p.id.as_str());
                let alike = people.find(|id| look_alike(id, &alike));
                let alike = alike.map(|id| format!(", and looks like `{id}`")).unwrap_or_default();
                let message = format!("`{}` is not in {TEAM_FILE}{alike}", unmistakable(name));
                out.push(finding("signers-stranger", SIGNERS_FILE, line(listed.number()), &message));
            }
        }
    }
    crate::runbook::finding::attach_source(
        &mut out,
        &String::from_utf8_lossy(&workspace.files.allowed_signers),
    );
    out
}

/// What incidents asked of a runbook and nobody answered.
pub fn redlines(state: &Path, workspace: &Workspace, path: &str, loaded: &Loaded) -> Vec<Finding> {
    let id = &loaded.runbook.id;
    let at = loaded.places.value("id");
    let open = crate::cli::redlines::open(state, workspace, id);
    let message = format!("{open} redlines of `{id}` are open");
    let mut found: Vec<Finding> =
        (open > 0).then(|| finding("redlines-open", path, at, &message)).into_iter().collect();
    let void = crate::cli::redlines::void(state, workspace, id);
    found.extend(void.iter().map(|message| finding("redlines-void", path, at, message)));
    loaded.places.finish(&mut found);
    found
}

/// Queries that their sources could never answer.
pub fn queries(workspace: &Workspace, loaded: &Loaded) -> Vec<Finding> {
    let asked = loaded.runbook.metrics.iter().filter_map(|metric| {
        let why = workspace.config.sources.get(&metric.source)?.check(&metric.query).err()?;
        let at = loaded.places.value(&format!("metrics.{}.query", metric.name));
        Some(finding("workspace-query", loaded.places.path(), at, &format!("`{}`: {why}", metric.name)))
    });
    let mut out: Vec<Finding> = asked.collect();
    loaded.places.finish(&mut out);
    out
}

/// What only shows when all runbooks of the workspace are seen together.
pub fn together(workspace: &Workspace, runbooks: &[(String, Loaded)]) -> Vec<Finding> {
    let mut out = same_ids(runbooks);
    if runbooks.is_empty() {
        return out;
    }
    let all = || runbooks.iter().map(|(_, loaded)| &loaded.runbook);
    if let Some(places) = places(CONFIG_FILE, &workspace.files.config) {
        let sources: BTreeSet<&str> = all().flat_map(|r| &r.metrics).map(|m| m.source.as_str()).collect();
        let channels: BTreeSet<&str> =
            all().flat_map(|r| &r.comms.templates).map(|t| t.channel.as_str()).collect();
        let mut found = Vec::new();
        let mut unused = |kind: &str, what: &str, names: Vec<&String>, used: &BTreeSet<&str>| {
            for name in names.into_iter().filter(|n| !used.contains(n.as_str())) {
                let at = places.key(&format!("{kind}.{name}"));
                found.push(finding(
                    "workspace-unused",
                    CONFIG_FILE,
                    at,
                    &format!("no runbook uses the {what} `{name}`"),
                ));
            }
        };
        unused("sources", "source", workspace.config.sources.keys().collect(), &sources);
        // A channel that is not used yet is how a workspace begins; one beside used ones was forgotten.
        if !channels.is_empty() {
            unused("channels", "channel", workspace.config.channels.keys().collect(), &channels);
        }
        places.finish(&mut found);
        out.extend(found);
    }
    out.extend(misspelt_roles(workspace, all().flat_map(roles_of).collect()));
    out
}

fn same_ids(runbooks: &[(String, Loaded)]) -> Vec<Finding> {
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    let mut out = Vec::new();
    for (path, loaded) in runbooks {
        let id = loaded.runbook.id.as_str();
        if let Some(other) = first.get(id) {
            let message = format!("`{id}` is the id of {other} already");
            let mut found = vec![finding("workspace-same-id", path, loaded.places.value("id"), &message)];
            loaded.places.finish(&mut found);
            out.extend(found);
        } else {
            first.insert(id, path);
        }
    }
    out
}

fn roles_of(runbook: &Runbook) -> impl Iterator<Item = &str> {
    let over = runbook.declare.override_.iter().flat_map(|o| &o.require).map(|r| r.role.as_str());
    runbook.roles.iter().flat_map(|r| r.stand_in.iter().chain([&r.name])).map(String::as_str).chain(over)
}

fn misspelt_roles(workspace: &Workspace, known: BTreeSet<&str>) -> Vec<Finding> {
    let Some(places) = places(TEAM_FILE, &workspace.files.team) else { return Vec::new() };
    let mut out = Vec::new();
    for (i, person) in workspace.team.people.iter().enumerate() {
        for (n, role) in person.roles.iter().enumerate().filter(|(_, role)| !known.contains(role.as_str())) {
            if let Some(near) = nearest(role.as_str(), known.iter().copied()) {
                let message = format!("no runbook knows the role `{role}`; did you mean `{near}`?");
                let at = places.value(&format!("people[{i}].roles[{n}]"));
                out.push(finding("team-role-unknown", TEAM_FILE, at, &message));
            }
        }
    }
    places.finish(&mut out);
    out
}

fn places(path: &str, bytes: &[u8]) -> Option<Places> {
    let root = parse_bytes(path, bytes).ok()?;
    Some(Places::new(path, &String::from_utf8_lossy(bytes), root))
}
