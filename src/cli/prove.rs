//! `prove`: one event for somebody who may not see the others. Never shows a neighbour.

use crate::cli::args::{Args, Prove};
use crate::cli::{print, verify};
use crate::core::event::What;
use crate::error::{Failure, Result};
use crate::timeline::evidence::Evidence;
use crate::timeline::seal::Origin;
use crate::timeline::{codec, line::Key, proof, walk};
use std::io::{BufReader, Error};

/// The kinds that say who seals from there on, as they stand in a line.
const NAMING: [&str; 2] = [r#""incident.opened""#, r#""record.continued""#];

/// Runs the verb.
pub fn run(args: &Args, verb: &Prove) -> Result<()> {
    let path = verify::locate(args, &verb.incident)?;
    let failed = |what: &str| Failure::environment(format!("{what} {}", path.display()));
    let evidence = Evidence::open(&path).map_err(|e| failed("cannot read").because(e))?;
    let open = || match evidence.whole_record() {
        Ok(record) => Ok(BufReader::new(record)),
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

/// The name under which the record was sealed last: of its first event, or of the segment that came after it.
fn origin(input: impl std::io::BufRead) -> Option<Origin> {
    let mut walk = walk::Walk::new(input);
    let mut name = None;
    while let Ok(Some(item)) = walk.next() {
        let walk::Item::Event { parts, .. } = item else { continue };
        if !parts.get(Key::Kind).is_some_and(|kind| NAMING.contains(&kind)) {
            continue;
        }
        let what = codec::decode_parts(&parts).ok()?.what;
        let log = match &what {
            What::Opened(opened) => &opened.log,
            What::Continued(next) => &next.log,
            _ => continue,
        };
        name = Origin::parse(log).ok();
    }
    name
}
