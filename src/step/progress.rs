//! How far a step says it is: lines that it appends to the file named in `BACKOUT_PROGRESS`. Never believes more than
//! numbers, and never reads more than the end of the file.
//!
//! A line is `done/total unit`, `done unit`, or `percent%`; the newest whole line counts.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::record;

/// The variable that names the file.
pub const VARIABLE: &str = "BACKOUT_PROGRESS";
/// So much of its end is looked at.
const END: u64 = 4 * 1024;
/// The longest unit, in bytes.
const LONGEST_UNIT: usize = 16;

/// One report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Done so far.
    pub done: u64,
    /// Of how many, when known.
    pub total: Option<u64>,
    /// Of what.
    pub unit: Option<String>,
}

/// Where the step of this attempt reports.
pub fn path(attempt: &Path) -> PathBuf {
    record::file(attempt, record::PROGRESS)
}

/// The newest report of an attempt. None while there is none that can be read.
pub fn newest(attempt: &Path) -> Option<Report> {
    let path = path(attempt);
    // Asked before opening: a pipe put there would keep the reader waiting for ever.
    let length = std::fs::symlink_metadata(&path).ok().filter(std::fs::Metadata::is_file)?.len();
    let mut file = File::open(&path).ok()?;
    file.seek(SeekFrom::Start(length.saturating_sub(END))).ok()?;
    let mut end = Vec::new();
    file.take(END).read_to_end(&mut end).ok()?;
    let whole = end.iter().rposition(|b| *b == b'\n')?;
    let text = String::from_utf8_lossy(end.get(..whole).unwrap_or_default()).into_owned();
    text.lines().rev().find_map(parse)
}

/// Reads one line.
pub fn parse(line: &str) -> Option<Report> {
    let line = line.trim();
    if let Some(percent) = line.strip_suffix('%') {
        let percent: f64 = percent.trim().parse().ok()?;
        let fits = (0.0..=100.0).contains(&percent);
        // In range, so nothing is cut off.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        return fits.then(|| Report {
            done: percent.floor() as u64,
            total: Some(100),
            unit: Some("%".to_owned()),
        });
    }
    let (numbers, unit) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let (done, total) = match numbers.split_once('/') {
        Some((done, total)) => (number(done)?, Some(number(total)?)),
        None => (number(numbers)?, None),
    };
    let unit = unit.trim();
    let plain = unit.len() <= LONGEST_UNIT
        && unit.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    plain.then(|| Report { done, total, unit: (!unit.is_empty()).then(|| unit.to_owned()) })
}

/// Whole numbers that a record can hold.
fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|n| *n < 1 << 53)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(done: u64, total: Option<u64>, unit: &str) -> Option<Report> {
        Some(Report { done, total, unit: (!unit.is_empty()).then(|| unit.to_owned()) })
    }

    #[test]
    fn a_line_says_how_far() {
        assert_eq!(parse("3/10 files"), report(3, Some(10), "files"));
        assert_eq!(parse(" 1048576/4194304   bytes "), report(1_048_576, Some(4_194_304), "bytes"));
        assert_eq!(parse("7"), report(7, None, ""));
        assert_eq!(parse("7 rows"), report(7, None, "rows"));
        assert_eq!(parse("42%"), report(42, Some(100), "%"));
        assert_eq!(parse("99.9 %"), report(99, Some(100), "%"));
    }

    #[test]
    fn anything_else_says_nothing() {
        for line in [
            "",
            "-1/2",
            "a/b",
            "1/2/3",
            "101%",
            "NaN%",
            "3/10 \u{1b}[2J",
            "3 of 10",
            "9007199254740992",
            "1/2 seventeen-letters-",
        ] {
            assert_eq!(parse(line), None, "{line:?}");
        }
    }

    #[test]
    fn the_newest_whole_line_counts() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(newest(dir.path()), None);
        std::fs::write(path(dir.path()), "1/4 x\n2/4 x\nnonsense\n3/").unwrap();
        assert_eq!(newest(dir.path()), report(2, Some(4), "x"));
        std::fs::write(path(dir.path()), format!("{}4/4 x\n", "1/4 x\n".repeat(10_000))).unwrap();
        assert_eq!(newest(dir.path()), report(4, Some(4), "x"));
        std::fs::remove_file(path(dir.path())).unwrap();
        std::os::unix::fs::symlink("/dev/zero", path(dir.path())).unwrap();
        assert_eq!(newest(dir.path()), None, "only a file is read");
    }
}
