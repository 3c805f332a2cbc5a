//! What a demo came to: the verdict on its record, one approval checked by stock tools, and the numbers before and
//! after. Never takes the hub's word for any of it: everything is read from the folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use crate::core::incident::Incident;
use crate::core::time::Stamp;
use crate::demo::script::Part;
use crate::error::{Failure, Result};
use crate::identity::{AllowedSigners, Revoked};
use crate::metrics::format;
use crate::metrics::series::Sample;
use crate::runbook::model::Unit;
use crate::sanitize;
use crate::timeline::evidence::Evidence;
use crate::timeline::export;
use crate::timeline::verify::{Ask, Report, Roster, verify};

/// The metric that the demo is about.
const ERROR_SHARE: &str = "error_share";

/// The error share around the switch, as shares of one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fall {
    /// The last answer before the link was switched.
    pub before: f64,
    /// The last answer of all.
    pub after: f64,
}

impl Fall {
    /// `31 % before the switch, 0 % at the end`.
    pub fn words(&self) -> String {
        let share = |x| format::value(x, Unit::Ratio);
        format!("{} before the switch, {} at the end", share(self.before), share(self.after))
    }
}

/// The error share of an incident's folder around a moment; `None` when nothing was measured before or after it.
pub fn fall(incident: &Path, switched: Stamp) -> Option<Fall> {
    let text = fs::read_to_string(incident.join(crate::hub::layout::METRICS)).ok()?;
    let answers = text
        .lines()
        .filter_map(Sample::from_line)
        .filter(|(name, _)| name == ERROR_SHARE)
        .filter_map(|(_, sample)| Some((sample.at_micros, sample.value.comparable()?)));
    let (earlier, later): (Vec<_>, Vec<_>) = answers.partition(|(at, _)| *at <= switched.0);
    Some(Fall { before: earlier.last()?.1, after: later.last()?.1 })
}

/// Judges the record as an auditor with a roster of their own would.
///
/// # Errors
/// It cannot be read.
pub fn judge(incident: &Path, allowed_signers: &Path) -> Result<Report> {
    let unreadable = |e: &dyn std::fmt::Display| {
        Failure::environment(format!("the record in {} cannot be read", incident.display())).because(e)
    };
    let evidence = Evidence::open(incident).map_err(|e| unreadable(&e))?;
    let roster = fs::read(allowed_signers).map_err(|e| unreadable(&e))?;
    let bytes = |name: &str| evidence.bytes(name).map(Option::unwrap_or_default).map_err(|e| unreadable(&e));
    let runbook = crate::runbook::load("runbook.yaml", &bytes("runbook.yaml")?)
        .map_err(|_| unreadable(&"the pinned runbook"))?;
    let (team, _) = crate::workspace::team::decode("team.yaml", &bytes("team.yaml")?);
    let team = team.ok_or_else(|| unreadable(&"the pinned team"))?;
    let mut ask = Ask::new(Incident::new(Arc::new(runbook.runbook), Arc::new(team)));
    ask.roster = Roster::Auditor { signers: AllowedSigners::parse(&roster), revoked: Revoked::none() };
    verify(&evidence, ask).map_err(|e| unreadable(&e))
}

/// One approval, ready for stock tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Folder with the statement, its signature and the roster.
    pub folder: PathBuf,
    /// The command, to be run in that folder.
    pub line: String,
}

/// Writes out what people signed, and picks the teammate's last approval.
///
/// # Errors
/// Nothing can be written, or nobody approved anything.
pub fn write_out(incident: &Path, target: &Path) -> Result<Option<Approval>> {
    let cannot = |e: &dyn std::fmt::Display| {
        Failure::environment("what people signed cannot be written out").because(e)
    };
    let evidence = Evidence::open(incident).map_err(|e| cannot(&e))?;
    export::export(&evidence, target).map_err(|e| cannot(&e))?;
    let readme = fs::read_to_string(target.join("README")).map_err(|e| cannot(&e))?;
    let theirs = format!(" -I {} -n {} ", Part::Sre.id(), crate::core::statement::APPROVE);
    let line = readme.lines().rfind(|l| l.starts_with("ssh-keygen ") && l.contains(&theirs));
    Ok(line.map(|line| Approval { folder: target.to_owned(), line: line.to_owned() }))
}

/// What stock `ssh-keygen` says about an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stock {
    /// It agrees; its words.
    Agrees(String),
    /// It does not; its words.
    Disagrees(String),
    /// It is not installed here.
    Missing,
}

impl Approval {
    /// Runs the line as it stands.
    pub fn check(&self) -> Stock {
        let (command, input) = self.line.split_once(" < ").unwrap_or((&self.line, ""));
        let mut words = command.split_whitespace();
        let program = words.next().unwrap_or_default();
        let Ok(statement) = File::open(self.folder.join(input)) else {
            return Stock::Disagrees(format!("{input} is not there"));
        };
        let ran = Command::new(program)
            .args(words)
            .current_dir(&self.folder)
            .stdin(Stdio::from(statement))
            .output();
        match ran {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Stock::Missing,
            Err(e) => Stock::Disagrees(e.to_string()),
            Ok(output) => {
                let said = [output.stdout.trim_ascii(), output.stderr.trim_ascii()].concat();
                let words = sanitize::text(&said).to_string();
                if output.status.success() { Stock::Agrees(words) } else { Stock::Disagrees(words) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::series::Reading;

    fn folder(samples: &[(i64, &str, Reading)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let lines = samples
            .iter()
            .map(|(at, name, value)| Sample { at_micros: *at, value: value.clone() }.to_line(name) + "\n");
        fs::write(dir.path().join("metrics.jsonl"), lines.collect::<String>()).unwrap();
        dir
    }

    #[test]
    fn the_last_numbers_before_and_after_the_switch_are_compared() {
        let silent = Reading::Failed { why: "no answer".to_owned() };
        let dir = folder(&[
            (1, "error_share", Reading::Value(0.1)),
            (2, "error_share", Reading::Value(0.3)),
            (2, "latency", Reading::Value(9.0)),
            (3, "error_share", silent.clone()),
            (5, "error_share", Reading::Value(0.2)),
            (6, "error_share", Reading::Value(0.0)),
            (7, "error_share", silent),
        ]);
        let found = fall(dir.path(), Stamp(4)).unwrap();
        assert_eq!(found, Fall { before: 0.3, after: 0.0 });
        assert_eq!(found.words(), "30 % before the switch, 0 % at the end");
    }

    #[test]
    fn without_a_number_on_both_sides_nothing_is_claimed() {
        let dir = folder(&[(1, "error_share", Reading::Value(0.1))]);
        assert_eq!(fall(dir.path(), Stamp(4)), None);
        assert_eq!(fall(dir.path(), Stamp(0)), None);
        assert_eq!(fall(Path::new("/no/such/folder"), Stamp(0)), None);
    }

    #[test]
    fn a_tool_that_is_missing_says_nothing_about_the_approval() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.txt"), "").unwrap();
        let line = "no-such-ssh-keygen -Y verify < a.txt".to_owned();
        let approval = Approval { folder: dir.path().to_owned(), line };
        assert_eq!(approval.check(), Stock::Missing);
    }
}
