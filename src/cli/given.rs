//! Files that somebody names on the command line. Never reads without an end, and never waits for a pipe in a file's
//! place.

use crate::error::{Failure, Result};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// Nothing that a person writes is larger, in bytes.
const MOST: u64 = 64 << 20;

/// All of a plain file, or of a descriptor that a shell opened for us.
///
/// # Errors
/// It cannot be read, is something else than a file, or is too large for anything a person writes.
pub fn bytes(path: &Path) -> Result<Vec<u8>> {
    let cannot = |why: String| Failure::environment(format!("cannot read {}", path.display())).because(why);
    let handed = ["/dev/stdin", "/dev/fd/", "/proc/self/fd/"];
    let ours = handed.iter().any(|place| path.to_string_lossy().starts_with(place));
    // Asked before opening: a pipe put there would keep us waiting for ever, and a device has no end.
    let about = std::fs::metadata(path).map_err(|e| cannot(e.to_string()))?;
    if !about.is_file() && !ours {
        return Err(cannot("it is not a plain file".to_owned()));
    }
    let file = File::open(path).map_err(|e| cannot(e.to_string()))?;
    let mut bytes = Vec::new();
    file.take(MOST + 1).read_to_end(&mut bytes).map_err(|e| cannot(e.to_string()))?;
    if bytes.len() as u64 > MOST {
        return Err(cannot(format!(
            "it has more than {} MiB, and nothing that a person writes has",
            MOST >> 20
        )));
    }
    Ok(bytes)
}

/// The same of a text.
///
/// # Errors
/// As [`bytes`], or it is no UTF-8.
pub fn text(path: &Path) -> Result<String> {
    String::from_utf8(bytes(path)?)
        .map_err(|e| Failure::environment(format!("cannot read {}", path.display())).because(e.utf8_error()))
}
