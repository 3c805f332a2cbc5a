//! The copies beside the record, read once when a hub starts. Never the originals: what an incident opened with is
//! what it ends with.

use crate::core::event::Pinned as Digests;
use crate::core::team::Team;
use crate::error::{Failure, Result};
use crate::hub::layout::{self, Copies};
use crate::hub::proof::Judge;
use crate::identity::{AllowedSigners, Revoked};
use crate::runbook::finding::{Finding, Paint, to_text};
use crate::runbook::model::Runbook;
use crate::runbook::parse;
use crate::workspace::config::{self, Config};
use crate::workspace::team;
use std::path::Path;
use std::sync::Arc;

/// Everything an incident is pinned to.
#[derive(Debug)]
pub struct Pinned {
    /// The files' bytes.
    pub copies: Copies,
    /// The runbook.
    pub runbook: Arc<Runbook>,
    /// The people.
    pub team: Arc<Team>,
    /// Whose signatures count.
    pub judge: Judge,
    /// Sources and channels.
    pub config: Config,
}

impl Pinned {
    /// Reads the copies of an incident's folder. Relative paths of the workspace start at `workspace`.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub fn load(dir: &Path, workspace: &Path) -> Result<Pinned> {
        let copies = Copies::read(dir)?;
        let loaded =
            parse::load(layout::RUNBOOK, &copies.runbook).map_err(|f| unusable(layout::RUNBOOK, &f))?;
        let (team, findings) = team::decode(layout::TEAM, &copies.team);
        let team = team.ok_or_else(|| unusable(layout::TEAM, &findings))?;
        let (config, findings) = config::decode(layout::WORKSPACE, &copies.workspace, workspace);
        let config = config.ok_or_else(|| unusable(layout::WORKSPACE, &findings))?;
        let signers = AllowedSigners::parse(&copies.allowed_signers);
        let revoked = Revoked::parse(&copies.revoked_keys).map_err(|e| {
            Failure::environment(format!("the pinned {} cannot be used", layout::REVOKED_KEYS)).because(e)
        })?;
        Ok(Pinned {
            runbook: Arc::new(loaded.runbook),
            team: Arc::new(team),
            judge: Judge::new(signers, revoked),
            config,
            copies,
        })
    }

    /// Whether these are the files that the record names.
    ///
    /// # Errors
    /// Which one is not.
    pub fn matches(&self, digests: &Digests) -> Result<()> {
        let ours = self.copies.pinned();
        let pairs = [
            (layout::RUNBOOK, ours.runbook, digests.runbook),
            (layout::TEAM, ours.team, digests.team),
            (layout::ALLOWED_SIGNERS, ours.allowed_signers, digests.allowed_signers),
            (layout::REVOKED_KEYS, ours.revoked_keys, digests.revoked_keys),
            (layout::WORKSPACE, ours.workspace, digests.workspace),
        ];
        match pairs.into_iter().find(|(_, ours, named)| ours != named) {
            None => Ok(()),
            Some((name, ours, named)) => {
                Err(Failure::environment(format!("{name} is not the file this incident opened with"))
                    .because(format!("its digest is {ours}, the record names {named}"))
                    .hint("put the original back; its digest is in the record's first event"))
            }
        }
    }
}

fn unusable(name: &str, findings: &[Finding]) -> Failure {
    Failure::environment(format!("the pinned {name} cannot be used"))
        .because(format!("\n{}", to_text(findings, Paint::Plain)))
}
