//! What is wrong with a file, where, and what to write instead. Never prints.

mod machine;
mod text;

pub use machine::{to_github, to_json, to_sarif};
pub use text::{Paint, to_text};

use crate::runbook::yaml::Span;
use serde::Serialize;

/// Of a line with more characters, only so many are shown.
const LONG: usize = 400;
/// Of these, so many in front of the mark.
const AROUND: u32 = 100;
/// A sentence has at most so many characters.
const LONGEST: usize = 1_000;

/// Whether a file may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It may not.
    Error,
    /// It may; somebody should look.
    Warning,
}

impl Severity {
    /// The word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// What a code means, whoever finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// Stable name.
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// Why the rule exists.
    pub doc: &'static str,
    /// What to do about a finding.
    pub fix: &'static str,
}

/// One thing wrong at one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable name such as `parse-unknown-key` or `lint-unbounded-wait`.
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// The file as the caller named it.
    pub path: String,
    /// 1-based.
    pub line: u32,
    /// 1-based, in characters.
    pub column: u32,
    /// In characters; 0 points between two.
    pub len: u32,
    /// What is wrong; foreign text inside is as found, renderers make it harmless.
    pub message: String,
    /// What to write instead.
    pub help: String,
    /// The line of the file, as found; of a very long one what stands around the mark.
    #[serde(skip)]
    pub source: Option<String>,
    /// So many characters of the line stand in front of `source`.
    #[serde(skip)]
    pub skipped: u32,
}

impl Finding {
    /// A finding without help.
    pub fn at(code: &'static str, severity: Severity, path: &str, at: Span, message: &str) -> Self {
        Finding {
            code,
            severity,
            path: path.to_owned(),
            line: at.line,
            column: at.column,
            len: at.len,
            message: short(message),
            help: String::new(),
            source: None,
            skipped: 0,
        }
    }

    /// Adds what to write instead.
    #[must_use]
    pub fn help(mut self, help: &str) -> Self {
        self.help = short(help);
        self
    }

    /// Takes its line, or, where that is longer than anybody reads, the part around the mark: two hundred findings in a
    /// line of megabytes are no reason to keep it two hundred times.
    pub(super) fn show(&mut self, line: &str) {
        if line.len() <= LONG {
            self.source = Some(line.to_owned());
            return;
        }
        self.skipped = self.column.saturating_sub(1).saturating_sub(AROUND);
        let from = self.skipped as usize;
        let (from, rest) =
            if line.is_ascii() { (0, line.get(from..).unwrap_or_default()) } else { (from, line) };
        self.source = Some(rest.chars().skip(from).take(LONG).collect());
    }
}

/// A message that repeats what it found, however long that is.
fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Whether one of them is an error.
pub fn any_error(findings: &[Finding]) -> bool {
    findings.iter().any(|f| f.severity == Severity::Error)
}

/// Gives each finding its line of `text`.
pub fn attach_source(findings: &mut [Finding], text: &str) {
    if findings.is_empty() {
        return;
    }
    let lines: Vec<&str> = text.lines().collect();
    for finding in findings {
        if let Some(line) = lines.get(finding.line.saturating_sub(1) as usize) {
            finding.show(line);
        }
    }
}
