//! A pane's text in a new file, for whoever cannot use the terminal's clipboard. Never writes over anything, and never
//! lets anybody else read it.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// So many names are tried in one folder.
const MOST: u32 = 100;

/// Writes the text into a new file of that name in the first folder that takes it, and says where it stands. A name
/// that is taken gets a number.
///
/// # Errors
/// No folder takes it; the last one's reason.
pub fn keep(text: &str, name: &str, folders: &[PathBuf]) -> io::Result<PathBuf> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "there is no folder to write to");
    for folder in folders {
        match in_folder(text, name, folder) {
            Ok(path) => return Ok(path),
            Err(why) => last = why,
        }
    }
    Err(last)
}

fn in_folder(text: &str, name: &str, folder: &Path) -> io::Result<PathBuf> {
    for n in 1..=MOST {
        let path = folder.join(if n == 1 { format!("{name}.txt") } else { format!("{name}-{n}.txt") });
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(mut file) => return file.write_all(text.as_bytes()).map(|()| path),
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {}
            Err(why) => return Err(why),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "there are too many of these files already"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn nothing_is_written_over_and_a_folder_that_refuses_is_passed_by() {
        let place = tempfile::tempdir().unwrap();
        let folders = [place.path().join("none"), place.path().to_path_buf()];
        let first = keep("one\n", "steps", &folders).unwrap();
        let second = keep("two\n", "steps", &folders).unwrap();
        assert_eq!(
            (first.file_name().unwrap(), second.file_name().unwrap()),
            ("steps.txt".as_ref(), "steps-2.txt".as_ref())
        );
        assert_eq!(std::fs::read_to_string(first).unwrap(), "one\n");
        assert_eq!(std::fs::metadata(second).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(keep("x", "steps", &folders[..1]).is_err() && keep("x", "steps", &[]).is_err());
    }
}
