//! `import`: a Markdown checklist becomes the draft of a runbook. Never overwrites a file, and never makes a draft
//! that cannot be read.

use crate::cli::args::Import;
use crate::cli::{print, say};
use crate::error::{Failure, Kind, Result};
use crate::runbook::import;
use crate::runbook::yaml::MAX_BYTES;
use std::io::Write as _;

/// Runs the verb.
pub fn run(verb: &Import) -> Result<()> {
    let shown = verb.file.display();
    let bytes = crate::cli::given::bytes(&verb.file)?;
    let text = String::from_utf8(bytes)
        .map_err(|e| Failure::new(Kind::No, format!("{shown} is not UTF-8")).because(e.utf8_error()))?;
    let name = verb.file.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let draft = import::import(&name, &text).ok_or_else(|| {
        Failure::new(Kind::No, format!("{shown} has no step: no list item and no shell code"))
    })?;
    if draft.text.len() > MAX_BYTES {
        return Err(Failure::new(
            Kind::No,
            format!("{shown} makes a runbook of more than {MAX_BYTES} bytes"),
        ));
    }
    match &verb.output {
        None => print(&draft.text),
        Some(path) => {
            let cannot = |e: std::io::Error| {
                Failure::environment(format!("cannot write {}", path.display())).because(e)
            };
            let file = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
            file.and_then(|mut f| f.write_all(draft.text.as_bytes())).map_err(cannot)?;
        }
    }
    say(&format!("steps: {}, to decide: {}; `backout lint` finds what is left", draft.steps, draft.open));
    Ok(())
}
