//! What can be wrong with a YAML file, in words. Never decides whether the file may be used.

use super::{MAX_BYTES, Span};
use crate::runbook::finding::{Finding, Severity, attach_source};
use serde_yaml::granit_parser::{ErrorKind, ScanError};
use std::cell::{Cell, RefCell};

/// So many findings of one file are kept: a file with more has one cause, and nobody reads further.
const KEPT: usize = 200;

/// Collects the findings of one file.
#[derive(Debug)]
pub struct Faults {
    path: String,
    findings: RefCell<Vec<Finding>>,
    errors: Cell<usize>,
}

impl Faults {
    /// An empty collection for the file of this label.
    pub fn new(path: &str) -> Self {
        Faults { path: path.to_owned(), findings: RefCell::default(), errors: Cell::new(0) }
    }

    /// Records an error: what is wrong, and what to write instead.
    pub fn error(&self, code: &'static str, at: Span, message: &str, help: &str) {
        self.errors.set(self.errors.get() + 1);
        self.push(Finding::at(code, Severity::Error, &self.path, at, message).help(help));
    }

    /// Records a warning.
    pub fn warning(&self, code: &'static str, at: Span, message: &str, help: &str) {
        self.push(Finding::at(code, Severity::Warning, &self.path, at, message).help(help));
    }

    /// Whether there is an error among them.
    pub fn any_error(&self) -> bool {
        self.errors.get() > 0
    }

    /// Whether more would not be kept: reading on tells nobody anything.
    pub fn is_full(&self) -> bool {
        self.errors.get() >= KEPT
    }

    /// Whether an error stands on this line already; a second one would be its echo.
    pub fn error_on_line(&self, line: u32) -> bool {
        self.findings.borrow().iter().any(|f| f.line == line && f.severity == Severity::Error)
    }

    /// All findings in file order, each with its line of the file.
    pub fn into_findings(self, text: &str) -> Vec<Finding> {
        let mut findings = self.findings.into_inner();
        findings.sort_by_key(|f| (f.line, f.column));
        attach_source(&mut findings, text);
        findings
    }

    fn push(&self, finding: Finding) {
        let mut findings = self.findings.borrow_mut();
        if findings.len() < KEPT {
            findings.push(finding);
        }
    }
}

/// The file exceeds [`MAX_BYTES`].
pub fn too_large(path: &str, bytes: usize) -> Finding {
    let message = format!("the file has {bytes} bytes; at most {MAX_BYTES} are read");
    Finding::at("yaml-too-large", Severity::Error, path, Span { line: 1, column: 1, len: 0 }, &message)
        .help("split it, or keep long texts in files that a step prints")
}

/// The file is not UTF-8; `valid` is how many bytes are.
pub fn not_utf8(path: &str, bytes: &[u8], valid: usize) -> Finding {
    let before = bytes.get(..valid).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    let column = before.get(line_start..).unwrap_or_default().chars().count();
    let line = before.matches('\n').count();
    let at = Span { line: clamp(line + 1), column: clamp(column + 1), len: 0 };
    let byte = bytes.get(valid).copied().unwrap_or_default();
    let message = format!("not UTF-8: byte 0x{byte:02x} at offset {valid}");
    let mut finding =
        Finding::at("yaml-encoding", Severity::Error, path, at, &message).help("save the file as UTF-8");
    let line =
        bytes.get(line_start..).and_then(|rest| rest.split(|b| *b == b'\n').next()).unwrap_or_default();
    finding.show(&String::from_utf8_lossy(line));
    finding
}

/// `*name`.
pub fn alias(faults: &Faults, at: Span) {
    faults.error(
        "yaml-alias",
        at,
        "aliases (`*name`) are not read",
        "write the value out, or quote it if it is text",
    );
}

/// `&name` or `!tag`.
pub fn anchor_or_tag(faults: &Faults, at: Span, anchor: usize, tagged: bool) {
    if anchor != 0 {
        faults.error(
            "yaml-alias",
            at,
            "anchors (`&name`) are not read",
            "remove the anchor, or quote the value if it is text",
        );
    }
    if tagged {
        faults.error(
            "yaml-tag",
            at,
            "tags (`!name`) are not read",
            "remove the tag, or quote the value if it is text",
        );
    }
}

/// The same key twice in one mapping.
pub fn duplicate(faults: &Faults, at: Span, key: &str, first: Span) {
    let message = format!("key `{key}` is given twice; the first is on line {}", first.line);
    faults.error("yaml-duplicate-key", at, &message, "keep one of them");
}

/// `key: {{ x }}` without quotes.
pub fn unquoted_template(text: &str, faults: &Faults, at: Span) {
    let line = line_of(text, at.line);
    let rest: String = line.chars().skip(at.column.saturating_sub(1) as usize).collect();
    let rest = rest.split(" #").next().unwrap_or_default().trim_end();
    let value = match rest.rfind("}}") {
        Some(end) if rest.get(end + 2..).is_some_and(|tail| tail.starts_with([',', ']', '}'])) => {
            rest.get(..end + 2).unwrap_or(rest)
        }
        _ => rest,
    };
    let at = Span { len: clamp(value.chars().count()), ..at };
    let message = "`{{` without quotes starts a YAML mapping";
    faults.error(
        "yaml-template-unquoted",
        at,
        message,
        &format!("quote it: \"{}\"", value.replace('"', "'")),
    );
}

/// An error of the scanner or parser, in this program's words where the cause is known.
pub fn syntax(text: &str, error: &ScanError, faults: &Faults) {
    let mark = error.marker();
    let at = Span { line: clamp(mark.line()).max(1), column: clamp(mark.col() + 1), len: 1 };
    // After `{{` everything on the line is a consequence.
    if faults.error_on_line(at.line) {
        return;
    }
    let at = within_text(text, at);
    let (code, message, help) = words(error.kind(), line_of(text, at.line));
    faults.error(code, at, &message, help);
}

fn words(kind: &ErrorKind, line: &str) -> (&'static str, String, &'static str) {
    let syntax = "yaml-syntax";
    let say = |what: &str| what.to_owned();
    match kind {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => {
            ("yaml-tab", say("a tab where only spaces may stand"), "indent with spaces")
        }
        ErrorKind::UnclosedQuotedScalar => {
            (syntax, say("this quote is never closed"), "add the closing quote")
        }
        ErrorKind::InvalidQuotedScalarIndent => (
            syntax,
            say("a text in quotes started above and is still open here"),
            "add the closing quote above",
        ),
        ErrorKind::InvalidColonPlacement | ErrorKind::InvalidFlowScalarIndent => {
            (syntax, say("a `:` that does not belong here"), "close the bracket above, or quote the text")
        }
        ErrorKind::MappingValueNotAllowed if line.trim_start().starts_with('-') || line.contains(": ") => (
            syntax,
            say("a `: ` that does not belong here"),
            "quote the text if it holds a `: `, or check the indentation",
        ),
        ErrorKind::MappingValueNotAllowed
        | ErrorKind::InvalidIndentation
        | ErrorKind::ExpectedBlockMappingKey => (
            syntax,
            say("the indentation does not fit what stands above"),
            "align it with the keys of the same mapping",
        ),
        ErrorKind::UnexpectedCharacter { character: '@' | '`' } | ErrorKind::ExpectedNodeContent
            if line.contains(['@', '`', '%']) =>
        {
            (syntax, say("unquoted text cannot start with this character"), "quote it")
        }
        ErrorKind::UnclosedFlowCollection { open } => {
            (syntax, format!("`{open}` is never closed"), "add the closing bracket")
        }
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            (syntax, format!("`{open}` is closed by `{close}`"), "use the matching bracket")
        }
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::ExpectedFlowSequenceSeparator => (
            syntax,
            say("a comma or the closing bracket is missing before this"),
            "quote texts that hold `,`, `[`, `{` or `: `",
        ),
        ErrorKind::RecursionLimitExceeded => {
            ("yaml-depth", say("lists and mappings are nested too deep"), "flatten it")
        }
        ErrorKind::DirectiveDisallowed => {
            (syntax, say("directives (`%`) are not read"), "remove the line, or quote the text")
        }
        ErrorKind::UnknownQuotedScalarEscape => (
            syntax,
            say("this `\\` escape is unknown in double quotes"),
            "use single quotes, or `\\\\` for a backslash",
        ),
        other => (syntax, other.to_string(), "quote the text, or check the indentation"),
    }
}

/// The scanner reports what is missing at the end of the file past its last line.
fn within_text(text: &str, at: Span) -> Span {
    let lines = clamp(text.lines().count()).max(1);
    if at.line <= lines {
        return at;
    }
    let last = text.lines().next_back().unwrap_or_default();
    Span { line: lines, column: clamp(last.chars().count() + 1), len: 1 }
}

fn line_of(text: &str, line: u32) -> &str {
    text.lines().nth(line.saturating_sub(1) as usize).unwrap_or_default()
}

fn clamp(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
