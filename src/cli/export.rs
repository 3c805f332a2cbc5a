//! `export`: what an auditor needs, for stock tools and for `verify`. Never overwrites.

use crate::cli::args::{Args, Export};
use crate::cli::{print, verify};
use crate::error::{Failure, Result};
use crate::timeline::evidence::Evidence;
use crate::timeline::export;
use std::path::PathBuf;

/// Runs the verb.
pub fn run(args: &Args, verb: &Export) -> Result<()> {
    let path = verify::locate(args, &verb.incident)?;
    let evidence = Evidence::open(&path)
        .map_err(|e| Failure::environment(format!("{} cannot be read", path.display())).because(e))?;
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let target = verb.output.clone().unwrap_or_else(|| PathBuf::from(format!("{name}-evidence")));
    let exported = export::export(&evidence, &target)
        .map_err(|e| Failure::environment(format!("cannot export to {}", target.display())).because(e))?;
    print(&format!("{} statements and the record are in {}", exported.statements, target.display()));
    print("its README says how to check each with stock ssh-keygen");
    Ok(())
}
