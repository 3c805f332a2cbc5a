//! Words that mislead a tired person. Never judges style beyond that.

use super::case::{Case, Report};
use crate::runbook::model::Action;
use crate::runbook::texts;
use regex::Regex;
use std::collections::BTreeMap;
use std::sync::LazyLock;

type Pattern = LazyLock<Option<Regex>>;

/// Words that make a step look easier or vaguer than it is.
static VAGUE: Pattern = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)\b(simply|just|obviously|of course|easily|hopefully|as appropriate|if necessary|if needed|",
        r"as needed|as required|and so on|etc\b|a while|some time|shortly|try to|be careful)"
    ))
    .ok()
});
/// `just` with a time is exact.
static EXACT: Pattern =
    LazyLock::new(|| Regex::new(r"(?i)^just (?:before|after|now|once|as|one|in case)\b").ok());
static SHOULD: Pattern = LazyLock::new(|| Regex::new(r"(?i)\bshould\b").ok());
static UNFINISHED: Pattern =
    LazyLock::new(|| Regex::new(r"\b(?:TODO|FIXME|TBD|XXX+|CHANGEME|DECIDE)\b|<[a-z][a-z _-]+>").ok());

fn hit(pattern: &Pattern, text: &str) -> Option<String> {
    pattern.as_ref().and_then(|r| r.find(text)).map(|m| m.as_str().to_owned())
}

fn vague(text: &str) -> Option<String> {
    let pattern = VAGUE.as_ref()?;
    let exact = |from: &str| EXACT.as_ref().is_some_and(|r| r.is_match(from));
    let mut all = pattern.find_iter(text);
    all.find(|m| !text.get(m.start()..).is_some_and(exact)).map(|m| m.as_str().to_owned())
}

pub fn instructions_are_exact(case: &Case<'_>, report: &mut Report<'_>) {
    for placed in &case.steps {
        let (key, text) = match &placed.step.action {
            Action::Manual { text } => ("manual", Some(text)),
            Action::Approve(a) => ("approve.message", a.message.as_ref()),
            Action::Decide { message, .. } => ("decide.message", message.as_ref()),
            _ => ("text", None),
        };
        let own = text.map(|t| (key, t));
        for (key, text) in own.into_iter().chain(placed.step.text.as_ref().map(|t| ("text", t))) {
            let should = || hit(&SHOULD, text).filter(|_| key == "manual");
            if let Some(word) = vague(text).or_else(should) {
                let message = format!("`{word}` leaves open what `{}` asks for", placed.step.id);
                report.at(&format!("{}.{key}", placed.path), &message);
            }
        }
    }
}

pub fn nothing_is_left_to_fill_in(case: &Case<'_>, report: &mut Report<'_>) {
    let runbook = case.runbook;
    for (path, text) in
        [("title", &runbook.title), ("summary", &runbook.summary), ("does_not_undo", &runbook.does_not_undo)]
    {
        if let Some(word) = hit(&UNFINISHED, text) {
            report.at(path, &format!("`{word}` waits to be filled in"));
        }
    }
    for text in texts::of_runbook(runbook) {
        // What looks like a mark of ours is often a mark of the other language: here-documents, XML, SQL.
        let word = hit(&UNFINISHED, text.text).filter(|w| !w.starts_with('<') || !text.text.contains("</"));
        if let Some(word) = word {
            report.at(&text.path, &format!("`{word}` waits to be filled in"));
        }
    }
}

pub fn choices_answer_a_question(case: &Case<'_>, report: &mut Report<'_>) {
    for placed in &case.steps {
        let Action::Decide { options, message } = &placed.step.action else { continue };
        let bare = |name: &str| {
            ["ok", "okay", "yes", "no", "continue", "done"].contains(&name.to_lowercase().as_str())
        };
        let Some(choice) = options.iter().find(|o| bare(&o.name)) else { continue };
        let asked = message
            .as_ref()
            .is_some_and(|m| m.contains('?') && !m.trim_end().to_lowercase().ends_with("ok?"));
        if !asked {
            let message = format!("`{}` answers no question that stands here", choice.name);
            report.at_key(&format!("{}.decide", placed.path), &message);
        }
    }
}

pub fn titles_differ(case: &Case<'_>, report: &mut Report<'_>) {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for placed in &case.steps {
        if let Some(first) = seen.insert(&placed.step.title, &placed.step.id) {
            let message =
                format!("`{first}` and `{}` are both called `{}`", placed.step.id, placed.step.title);
            report.at(&format!("{}.title", placed.path), &message);
        }
    }
}
