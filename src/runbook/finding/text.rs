//! Findings for people: the line, a caret and what to write instead. Never lets a file colour the terminal.

use super::{Finding, Severity};
use crate::sanitize;
use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use std::fmt::Write as _;

/// Whether colours are wanted; the caller knows whether it is a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// No escape sequences at all.
    Plain,
    /// For a terminal.
    Colours,
}

/// All findings and a closing line with their numbers.
pub fn to_text(findings: &[Finding], paint: Paint) -> String {
    let renderer = match paint {
        Paint::Plain => Renderer::plain(),
        Paint::Colours => Renderer::styled(),
    };
    let mut out = String::new();
    for finding in findings {
        out.push_str(&one(finding, &renderer));
        out.push_str("\n\n");
    }
    let errors = findings.iter().filter(|f| f.severity == Severity::Error).count();
    let warnings = findings.len() - errors;
    if !findings.is_empty() {
        let _ = writeln!(out, "{}, {}", counted(errors, "error"), counted(warnings, "warning"));
    }
    out
}

fn counted(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

fn one(finding: &Finding, renderer: &Renderer) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = clean(&finding.message);
    let help = clean(&finding.help);
    let path = clean(&finding.path);
    let (line, start, end) = marked_line(finding);
    let snippet = Snippet::source(line)
        .line_start(finding.line as usize)
        .annotation(AnnotationKind::Primary.span(start..end));
    let group = level.primary_title(title).id(finding.code);
    let mut group = match finding.skipped {
        0 => group.element(snippet.path(path)),
        // Its place in the file, and not in the part that is shown.
        _ => {
            let (line, column) = (finding.line as usize, finding.column as usize);
            group.element(Origin::path(path).line(line).char_column(column)).element(snippet)
        }
    };
    if !help.is_empty() {
        group = group.element(Level::HELP.message(help));
    }
    renderer.render(&[group])
}

/// The harmless line and the byte range of the marked part in it. The three parts are made harmless one by
/// one: escaping changes lengths, and the caret must stay under what it means.
fn marked_line(finding: &Finding) -> (String, usize, usize) {
    let source = finding.source.as_deref().unwrap_or_default();
    let from = finding.column.saturating_sub(1).saturating_sub(finding.skipped) as usize;
    let to = from + finding.len as usize;
    let mut parts = [String::new(), String::new(), String::new()];
    for (i, c) in source.chars().enumerate() {
        let [before, inside, after] = &mut parts;
        let part = if i < from {
            before
        } else if i < to {
            inside
        } else {
            after
        };
        part.push(if c == '\t' { ' ' } else { c });
    }
    let [before, inside, after] = parts.map(|p| clean(&p));
    let (start, end) = (before.len(), before.len() + inside.len());
    (format!("{before}{inside}{after}"), start, end)
}

fn clean(text: &str) -> String {
    sanitize::line(text).to_string()
}
