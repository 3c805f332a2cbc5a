//! The demo's own processes, started under names that no help text shows. Never part of a live incident.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use super::{shop, traffic};
use crate::error::{Failure, Result};

/// Runs `__shop DIR`, `__traffic DIR` or `__shopctl DIR WORD…`; `None` when `verb` is none of them.
pub fn run(verb: &OsStr, rest: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut rest = rest.into_iter();
    let dir = rest.next().map(PathBuf::from);
    let ended = match (verb.to_str(), dir) {
        (Some("__shop"), Some(dir)) => shop::main(&dir),
        (Some("__traffic"), Some(dir)) => traffic::main(&dir),
        (Some("__shopctl"), Some(dir)) => {
            let words: Vec<String> = rest.map(|w| w.to_string_lossy().into_owned()).collect();
            shop::control::run(&dir, &words).and_then(|text| print(&text))
        }
        (Some("__shop" | "__traffic" | "__shopctl"), None) => {
            Err(Failure::usage("the shop's folder is missing"))
        }
        (Some(_) | None, _) => return None,
    };
    Some(match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody may be listening any more; the exit code still tells.
            let _ = writeln!(std::io::stderr(), "{failure}");
            ExitCode::from(failure.kind.exit_code())
        }
    })
}

fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|e| Failure::environment("cannot print the answer").because(e))
}
