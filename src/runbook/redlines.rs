//! Redlines: what people changed or asked for during an incident, and whether it went into the runbook. Kept in a
//! plain file beside the runbook, `<id>.redlines.yaml`. Never answered by this program.

use super::decode::{Fields, Item};
use super::finding::Finding;
use super::yaml::{Faults, parse_bytes};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A person left a step out.
    Skipped,
    /// A person did a step outside this program.
    DoneByHand,
    /// A person went on in spite of a failed step, or elsewhere.
    WentOn,
    /// The runbook was amended while the incident was open.
    Amended,
    /// A note that begins with `redline:`.
    Note,
}

const KINDS: [(&str, Kind); 5] = [
    ("skipped", Kind::Skipped),
    ("done_by_hand", Kind::DoneByHand),
    ("went_on", Kind::WentOn),
    ("amended", Kind::Amended),
    ("note", Kind::Note),
];

impl Kind {
    /// The word in the file.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Skipped => "skipped",
            Kind::DoneByHand => "done_by_hand",
            Kind::WentOn => "went_on",
            Kind::Amended => "amended",
            Kind::Note => "note",
        }
    }
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Nothing yet.
    Open,
    /// It is in the runbook now.
    Accepted(Answered),
    /// It stays out, for this reason.
    Rejected(Answered),
}

/// Who answered and why.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answered {
    /// Who.
    pub by: String,
    /// Why; may be empty where it was accepted.
    pub reason: String,
}

impl Answer {
    /// The word in the file.
    pub fn word(&self) -> &'static str {
        match self {
            Answer::Open => "open",
            Answer::Accepted(_) => "accepted",
            Answer::Rejected(_) => "rejected",
        }
    }
}

/// One redline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redline {
    /// The incident's id.
    pub incident: String,
    /// The event's number in its record.
    pub event: u64,
    /// What happened.
    pub kind: Kind,
    /// The step it is about.
    pub step: Option<String>,
    /// Who did it.
    pub by: String,
    /// When, RFC 3339.
    pub at: String,
    /// In their words.
    pub text: String,
    /// What became of it.
    pub answer: Answer,
}

/// The name of a runbook's file.
pub fn file_name(id: &str) -> String {
    format!("{id}{ENDING}")
}

/// How the names of these files end.
pub const ENDING: &str = ".redlines.yaml";

/// Reads a file. `path` is the label that findings carry.
///
/// # Errors
/// All findings, when one of them is an error.
pub fn decode(path: &str, bytes: &[u8]) -> Result<Vec<Redline>, Vec<Finding>> {
    let root = parse_bytes(path, bytes)?;
    let faults = Faults::new(path);
    let mut all = Vec::new();
    if let Some(mut fields) = Fields::of(Item::root(&root, &faults), "redlines") {
        all = fields.required("redlines", |i| i.list(redline)).unwrap_or_default();
        fields.finish();
    }
    if faults.any_error() { Err(faults.into_findings(&String::from_utf8_lossy(bytes))) } else { Ok(all) }
}

fn redline(item: Item<'_>) -> Option<Redline> {
    let mut f = item.fields("redline")?;
    let answered = |by: Option<String>, reason: Option<String>| Answered {
        by: by.unwrap_or_default(),
        reason: reason.unwrap_or_default(),
    };
    let (incident, event) =
        (f.required("incident", Item::text), f.required("event", |i| i.whole(0, u64::MAX)));
    let kind = f.required("kind", |i| i.one_of(&KINDS));
    let step = f.optional("step", Item::id);
    let (by, at) = (f.required("by", Item::text), f.required("at", Item::text));
    let text = f.required("text", Item::any_text);
    let word = f.required("answer", |i| i.one_of(&[("open", 0), ("accepted", 1), ("rejected", 2)]));
    let answered = answered(f.optional("answered_by", Item::any_text), f.optional("reason", Item::any_text));
    f.finish();
    let answer = match word? {
        0 => Answer::Open,
        1 => Answer::Accepted(answered),
        _ => Answer::Rejected(answered),
    };
    Some(Redline {
        incident: incident?,
        event: event?,
        kind: kind?,
        step,
        by: by?,
        at: at?,
        text: text?,
        answer,
    })
}

/// The file: one redline a line, so that changes to it are easy to review.
pub fn encode(id: &str, all: &[Redline]) -> String {
    let quoted = |text: &str| {
        // What YAML calls not printable would not read back.
        let plain: String = text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
        serde_json::Value::String(plain).to_string()
    };
    let mut out = format!(
        "# What people changed or asked for during incidents of `{id}`.\n\
         # `backout redlines {id} --accept N` says that it is in the runbook now, `--reject N` that it stays out.\n"
    );
    if all.is_empty() {
        out.push_str("redlines: []\n");
        return out;
    }
    out.push_str("redlines:\n");
    for r in all {
        let _ = write!(
            out,
            "  - {{incident: {}, event: {}, kind: {}",
            quoted(&r.incident),
            r.event,
            r.kind.word()
        );
        if let Some(step) = &r.step {
            let _ = write!(out, ", step: {}", quoted(step));
        }
        let _ = write!(out, ", by: {}, at: {}, text: {}", quoted(&r.by), quoted(&r.at), quoted(&r.text));
        let _ = write!(out, ", answer: {}", r.answer.word());
        if let Answer::Accepted(a) | Answer::Rejected(a) = &r.answer {
            let _ = write!(out, ", answered_by: {}, reason: {}", quoted(&a.by), quoted(&a.reason));
        }
        out.push_str("}\n");
    }
    out
}

/// The file's redlines and those found in records that it does not have yet, oldest first.
pub fn merged(file: Vec<Redline>, found: Vec<Redline>) -> Vec<Redline> {
    let known: BTreeSet<(String, u64)> = file.iter().map(|r| (r.incident.clone(), r.event)).collect();
    let new = found.into_iter().filter(|r| !known.contains(&(r.incident.clone(), r.event)));
    let mut all: Vec<Redline> = file.into_iter().chain(new).collect();
    all.sort_by(|a, b| (&a.incident, a.event).cmp(&(&b.incident, b.event)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(event: u64, answer: Answer) -> Redline {
        Redline {
            incident: "01M7".to_owned(),
            event,
            kind: Kind::Skipped,
            step: Some("act".to_owned()),
            by: "ben".to_owned(),
            at: "2026-11-21T03:00:00Z".to_owned(),
            text: "it's \"done\": {x}\n# no\u{7}".to_owned(),
            answer,
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let answered = Answered { by: "ana".to_owned(), reason: "in 1.3".to_owned() };
        let all = [
            one(3, Answer::Open),
            one(4, Answer::Accepted(answered.clone())),
            one(5, Answer::Rejected(answered)),
        ];
        let read = decode("x", encode("test", &all).as_bytes()).unwrap();
        assert_eq!(read.len(), 3);
        assert_eq!((&read[1].answer, &read[2].answer), (&all[1].answer, &all[2].answer));
        assert_eq!(read[0].text, "it's \"done\": {x}\n# no ");
        assert_eq!(decode("x", encode("test", &[]).as_bytes()), Ok(vec![]));
    }

    #[test]
    fn an_answer_is_kept_when_the_record_is_read_again() {
        let answered = one(3, Answer::Rejected(Answered::default()));
        let all = merged(vec![answered.clone()], vec![one(3, Answer::Open), one(1, Answer::Open)]);
        assert_eq!(all.iter().map(|r| r.event).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(all[1], answered);
    }

    #[test]
    fn a_broken_file_is_told_by_its_places() {
        let findings = decode("x", b"redlines:\n  - {incident: a, event: 1, kind: skiped}\n").unwrap_err();
        assert!(findings.iter().any(|f| f.help.contains("did you mean `skipped`?")), "{findings:?}");
    }
}
