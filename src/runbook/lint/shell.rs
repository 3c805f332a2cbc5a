//! What a command line does differently from what it seems to say. Never runs one, and knows no shell but `sh`.

use super::case::{Case, Report};
use super::starts::{self, Purpose, Start, outside_quotes};
use regex::Regex;
use regex::bytes;
use std::sync::LazyLock;

type Pattern = LazyLock<Option<Regex>>;

type Ascii = LazyLock<Option<bytes::Regex>>;

/// Over bytes: what the shell knows is ASCII, and patterns that know all letters of the world take ten times as long
/// to make.
fn ascii(pattern: &str) -> Option<bytes::Regex> {
    bytes::RegexBuilder::new(pattern).unicode(false).build().ok()
}

fn found(pattern: &Ascii, text: &str) -> bool {
    pattern.as_ref().is_some_and(|r| r.is_match(text.as_bytes()))
}

static PIPE: Ascii = LazyLock::new(|| ascii(r"[^|>\n]\s*\|[^|&]"));
static SWALLOWED: Ascii =
    LazyLock::new(|| ascii(r"\|\|\s*(?:true|:|exit\s+0)\b?|;\s*(?:true|:|exit\s+0)\s*$|\bset\s+\+e\b"));
static LEFT_RUNNING: Ascii =
    LazyLock::new(|| ascii(r"[^&<>|]&(?:[^&>0-9-]|$)|(?:^|[\s;|(])(?:nohup|setsid|disown)\s"));
static ASKS: Ascii = LazyLock::new(|| {
    let programs = "vi|vim|nano|emacs|less|more|top|htop|watch|passwd|visudo";
    let flags = r"tail\s+(?:.*\s)?(?:-\S*[fF]\b|--follow)|journalctl\s+(?:.*\s)?(?:-\S*f\b|--follow)|(?:kubectl|docker|podman|oc)\s+(?:.*\s)?(?:logs\s+(?:.*\s)?(?:-f\b|--follow)|(?:exec|run)\s+(?:.*\s)?-(?:it|ti|i\s+-t|t\s+-i)\b)|read\s+-p";
    ascii(&format!(r"(?:^|[;&|(\n]\s*|\b(?:then|do|else)\s+)(?:/\S*/)?(?:(?:{programs})(?:\s|$)|{flags})"))
});
static SUDO: Ascii = LazyLock::new(|| ascii(r"(?:^|[;&|(\n]\s*|\b(?:then|do|else)\s+)sudo\s+"));
static SUDO_QUIET: Ascii = LazyLock::new(|| ascii(r"sudo\s+(?:-\S+\s+)*(?:-\w*n\w*|--non-interactive)\b"));
static SSH: Ascii = LazyLock::new(|| ascii(r"(?:^|[;&|(\n]\s*|\b(?:then|do|else)\s+)ssh\s"));
static MOVES: Pattern = LazyLock::new(|| {
    Regex::new(r"[\w/.-]+:latest\b|@latest\b|\borigin/(?:main|master|HEAD)\b|\bHEAD[~^]|\b(?:main|master)@\{")
        .ok()
});

/// The commands of one kind, with what a shell sees outside quotes.
fn each(case: &Case<'_>, purposes: &[Purpose], mut judge: impl FnMut(&str, &Start<'_>)) {
    for placed in &case.steps {
        for start in starts::of(placed).iter().filter(|s| purposes.contains(&s.purpose)) {
            judge(&placed.step.id, start);
        }
    }
}

const ACTS: [Purpose; 2] = [Purpose::Changes, Purpose::Undoes];
const ALL: [Purpose; 3] = [Purpose::Changes, Purpose::Undoes, Purpose::Looks];

pub fn pipes_tell_of_failure(case: &Case<'_>, report: &mut Report<'_>) {
    each(case, &ACTS, |id, start| {
        let Some(script) = start.script() else { return };
        if found(&PIPE, &outside_quotes(script)) && !script.contains("pipefail") {
            let message = format!("`{id}` succeeds when only the last command of its pipe does");
            report.at(&start.path, &message);
        }
    });
}

pub fn failures_are_not_swallowed(case: &Case<'_>, report: &mut Report<'_>) {
    each(case, &ACTS, |id, start| {
        let Some(script) = start.script() else { return };
        if found(&SWALLOWED, &outside_quotes(script)) {
            report.at(&start.path, &format!("`{id}` succeeds whatever happens"));
        }
    });
}

pub fn nothing_is_left_running(case: &Case<'_>, report: &mut Report<'_>) {
    each(case, &ALL, |id, start| {
        let in_script = start.script().is_some_and(|s| found(&LEFT_RUNNING, &outside_quotes(s)));
        if in_script || start.program().is_some_and(|p| ["nohup", "setsid"].contains(&p)) {
            report.at(&start.path, &format!("`{id}` ends before what it started has done anything"));
        }
    });
}

pub fn nobody_is_asked(case: &Case<'_>, report: &mut Report<'_>) {
    each(case, &ALL, |id, start| {
        let text = start.script().map_or_else(|| start.text(), outside_quotes);
        let sudo = found(&SUDO, &text) && !found(&SUDO_QUIET, &text);
        if found(&ASKS, &text) || sudo {
            let what = if sudo { "`sudo` may ask for a password" } else { "it asks somebody, or never ends" };
            report.at(&start.path, &format!("`{id}` has no terminal: {what}"));
        }
    });
}

pub fn hosts_are_named(case: &Case<'_>, report: &mut Report<'_>) {
    each(case, &ALL, |id, start| {
        let text = start.script().map_or_else(|| start.text(), outside_quotes);
        if found(&SSH, &text) {
            let message = format!("`{id}` calls ssh itself: a cut connection then looks like a failure");
            report.at(&start.path, &message);
        }
    });
}

pub fn targets_stand_still(case: &Case<'_>, report: &mut Report<'_>) {
    each(case, &ACTS, |id, start| {
        let text = start.text();
        // Most commands have none of these words, and then the pattern need not even be made.
        let may = ["latest", "origin/", "HEAD", "@{"].iter().any(|word| text.contains(word));
        let pattern = MOVES.as_ref().filter(|_| may);
        let name = pattern.and_then(|r| r.find(&text)).map(|m| m.as_str().to_owned());
        if let Some(name) = name.or_else(|| previous(&text)) {
            report.at(
                &start.path,
                &format!("what `{name}` means in `{id}` changes from one minute to the next"),
            );
        }
    });
}

/// Commands that go back to "the one before", which after a second deployment is the bad one.
fn previous(text: &str) -> Option<String> {
    if text.contains("rollout undo") && !text.contains("--to-revision") {
        return Some("rollout undo".to_owned());
    }
    let (_, rest) = text.split_once("helm ")?.1.split_once("rollback ")?;
    let names = rest.split_whitespace().filter(|word| !word.starts_with('-')).count();
    (names < 2).then(|| "helm rollback".to_owned())
}
