//! `prove`: one event for somebody who may not see the others. Never shows a neighbour.

use crate::cli::args::{Args, Prove};
use crate::cli::{print, verify};
use crate::error::{Failure, Result};
use crate::timeline::evidence::Evidence;
use crate::timeline::folder::TIMELINE;
use crate::timeline::seal::Origin;
use crate::timeline::{codec, proof, walk};
use std::io::{BufReader, Error};

/// Runs the verb.
pub fn run(args: &Args, verb: &Prove) -> Result<()> {
    let path = verify::locate(args, &verb.incident)?;
    let failed = |what: &str| Failure::environment(format!("{what} {}", path.display()));
    let evidence = Evidence::open(&path).map_err(|e| failed("cannot read").because(e))?;
    let open = || match evidence.file(TIMELINE) {
        Ok(Some(section)) => Ok(BufReader::new(section)),
        Ok(None) => Err(Error::other("there is no timeline.jsonl in it")),
        Err(e) => Err(Error::other(e.to_string())),
    };
    let origin = origin(open().map_err(|e| failed("cannot read").because(e))?)
        .ok_or_else(|| failed("no first event can be read in"))?;
    let found =
        proof::prove(open, &origin, verb.seq).map_err(|e| failed("nothing can be proved from").because(e))?;
    match &verb.output {
        None => print(&found.text()),
        Some(target) => std::fs::write(target, found.text())
            .map_err(|e| Failure::environment(format!("cannot write {}", target.display())).because(e))?,
    }
    Ok(())
}

/// The log's name, which its first event gives.
fn origin(input: impl std::io::BufRead) -> Option<Origin> {
    let mut walk = walk::Walk::new(input);
    match walk.next() {
        Ok(Some(walk::Item::Event { parts, .. })) => match codec::decode_parts(&parts).ok()?.what {
            crate::core::event::What::Opened(opened) => Origin::parse(&opened.log).ok(),
            _ => None,
        },
        Ok(Some(walk::Item::Seal(_)) | None) | Err(_) => None,
    }
}
