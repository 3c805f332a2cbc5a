//! `verify`: an auditor's question, answered offline. Never repairs anything.

use crate::cli::args::{Args, Verify};
use crate::cli::context::Context;
use crate::cli::{print, print_json, record};
use crate::core::event::Policies;
use crate::core::incident::Incident;
use crate::error::{Failure, Kind, Result};
use crate::identity::{AllowedSigners, Revoked, WitnessKey};
use crate::outside::keep::Keeper;
use crate::sanitize;
use crate::timeline::evidence::Evidence;
use crate::timeline::export::EVIDENCE;
use crate::timeline::folder::TIMELINE;
use crate::timeline::seal::Checkpoint;
use crate::timeline::verify::{self, Ask, Expected, Roster, RosterSource, Verdict};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Runs the verb.
pub fn run(args: &Args, verb: &Verify) -> Result<()> {
    let path = locate(args, &verb.incident)?;
    let unreadable = |e: crate::timeline::evidence::EvidenceError| {
        Failure::environment(format!("{} cannot be read", path.display())).because(e)
    };
    let evidence = Evidence::open(&path).map_err(unreadable)?;
    let ask = Ask {
        start: start(&evidence),
        roster: roster(verb)?,
        expected: expected(verb)?,
        anchors: verb.anchor.iter().map(|p| checkpoint(p)).collect::<Result<_>>()?,
        since: verb.since.as_deref().map(checkpoint).transpose()?,
        witnesses: witnesses(verb, &evidence)?,
        policies: policies(&evidence),
    };
    let report = verify::verify(&evidence, ask).map_err(unreadable)?;
    if verb.json {
        print_json(&report.json().to_string());
    } else {
        for line in report.lines() {
            print(sanitize::line(&line).as_str());
        }
    }
    match report.verdict() {
        Verdict::Verified => Ok(()),
        Verdict::DoesNotVerify => Err(Failure::new(Kind::No, "the record does not verify")),
        Verdict::NotAnchored if !report.rules_checked => {
            let words = "the record is consistent, but nobody could put its events to the rules";
            let cause = "the runbook or the team beside it is missing or cannot be read";
            Err(Failure::new(Kind::NotAnchored, words)
                .because(cause)
                .hint("a record that a newer program wrote is read by that program"))
        }
        Verdict::NotAnchored => {
            Err(Failure::new(Kind::NotAnchored, "the record is consistent, but not anchored").hint(
                "give a head you know from elsewhere: --head, --anchor, or a close statement in the record",
            ))
        }
    }
}

/// A path as it is, or an incident of the state folder.
///
/// # Errors
/// When there is neither.
pub fn locate(args: &Args, name: &str) -> Result<PathBuf> {
    let path = PathBuf::from(name);
    // What `export` writes is a folder with the record packed into one file.
    let packed = path.join(EVIDENCE);
    if packed.is_file() && !path.join(TIMELINE).exists() {
        return Ok(packed);
    }
    if path.exists() {
        return Ok(path);
    }
    record::find(&Context::of(args)?.state, Some(name))
}

/// The incident before its first event, from the copies that came with the record. `None` leaves the rules unchecked,
/// and then nothing is ever called verified.
pub fn start(evidence: &Evidence) -> Option<Incident> {
    let bytes = |name: &str| evidence.bytes(name).ok().flatten();
    let runbook = crate::runbook::load("runbook.yaml", &bytes("runbook.yaml")?).ok()?.runbook;
    let (team, _) = crate::workspace::team::decode("team.yaml", &bytes("team.yaml")?);
    Some(Incident::new(Arc::new(runbook), Arc::new(team?)))
}

/// What the workspace's copy says was agreed on for a runbook of this class.
pub fn policies(evidence: &Evidence) -> Option<Policies> {
    let bytes = |name: &str| evidence.bytes(name).ok().flatten();
    let class = crate::runbook::load("runbook.yaml", &bytes("runbook.yaml")?).ok()?.runbook.class;
    let copy = bytes("workspace.yaml").unwrap_or_default();
    let (config, _) = crate::workspace::config::decode("workspace.yaml", &copy, Path::new("/"));
    Some(config?.policies.pinned(class))
}

fn roster(verb: &Verify) -> Result<Roster> {
    let Some(path) = &verb.allowed_signers else { return Ok(Roster::Bundled) };
    let bytes = crate::cli::given::bytes(path)?;
    Ok(Roster::Auditor { signers: AllowedSigners::parse(&bytes), revoked: Revoked::none() })
}

/// The auditor's own witnesses first, then those that the workspace's copy names under other keys.
fn witnesses(verb: &Verify, evidence: &Evidence) -> Result<Vec<(WitnessKey, RosterSource)>> {
    let mut all = Vec::new();
    for text in &verb.witness {
        let key = WitnessKey::parse(text).map_err(|why| {
            Failure::usage(format!("`{text}` is no key of a witness: {why}"))
                .hint("whoever runs the witness can tell it; backout.yaml names it as `vkey`")
        })?;
        all.push((key, RosterSource::Auditor));
    }
    let copy = evidence.bytes("workspace.yaml").ok().flatten().unwrap_or_default();
    let (config, _) = crate::workspace::config::decode("workspace.yaml", &copy, Path::new("/"));
    for anchor in config.iter().flat_map(|config| &config.anchors) {
        if let Keeper::Witness(witness) = &anchor.keeper
            && !all.iter().any(|(key, _)| *key == witness.key)
        {
            all.push((witness.key.clone(), RosterSource::Bundled));
        }
    }
    Ok(all)
}

fn expected(verb: &Verify) -> Result<Vec<Expected>> {
    let Some(text) = &verb.head else { return Ok(Vec::new()) };
    let head = Expected::parse(text).ok_or_else(|| {
        Failure::usage(format!("`{text}` is no head"))
            .hint("write it as N·root, or as the short code such as 812-AFGKQ2M7XB")
    })?;
    Ok(vec![head])
}

fn checkpoint(path: &Path) -> Result<Checkpoint> {
    let text = crate::cli::given::text(path)?;
    Checkpoint::parse(&text)
        .map_err(|e| Failure::environment(format!("{} is no checkpoint", path.display())).because(e))
}
