//! Redlines: what people changed or asked for during an incident, and whether it went into the runbook. Kept in a
//! plain file beside the runbook, `<id>.redlines.yaml`. Never answered by this program: an answer is a person's, and
//! counts only under the signature of their own SSH key.

use super::decode::{Fields, Item};
use super::finding::Finding;
use super::parse::digest;
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
    /// When, RFC 3339.
    pub at: String,
    /// Why; may be empty where it was accepted.
    pub reason: String,
    /// SHA-256 in hex of the runbook that was answered about: with the change in it, or without.
    pub runbook: String,
    /// Their signature over [`statement`], in armor; empty when there is none.
    pub signature: String,
}

/// The text that is signed with an answer; nothing while there is none. What stands in the record is committed to by
/// incident and event, and what people read of it by its digest.
pub fn statement(id: &str, redline: &Redline) -> Option<String> {
    let (Answer::Accepted(answered) | Answer::Rejected(answered)) = &redline.answer else { return None };
    let line = |text: &str| {
        let misleads = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
        let clean: String =
            text.chars().map(|c| if c.is_control() || misleads(c) { ' ' } else { c }).collect();
        let clean = clean.trim();
        if clean.is_empty() { "-".to_owned() } else { clean.to_owned() }
    };
    let whole = digest(
        [&redline.by, &redline.at, &redline.text, &answered.reason]
            .map(|t| format!("{t}\0"))
            .concat()
            .as_bytes(),
    );
    let step = redline.step.as_deref().unwrap_or_default();
    Some(format!(
        "backout redline v1\nrunbook: {} {}\nredline: {} {} {} {}\nsaid: {}: {}\nanswer: {}\nreason: {}\nwhole: sha256:{whole}\nas: {} at {}\n",
        line(id),
        line(&answered.runbook),
        line(&redline.incident),
        redline.event,
        redline.kind.word(),
        line(step),
        line(&redline.by),
        shortened(&line(&redline.text)),
        redline.answer.word(),
        shortened(&line(&answered.reason)),
        line(&answered.by),
        line(&answered.at),
    ))
}

/// A statement fits on a screen; the `whole:` line commits to the rest.
fn shortened(text: &str) -> String {
    let mut out: String = text.chars().take(400).collect();
    if out.len() < text.len() {
        out.push('…');
    }
    out
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
    let (incident, event) =
        (f.required("incident", Item::text), f.required("event", |i| i.whole(0, u64::MAX)));
    let kind = f.required("kind", |i| i.one_of(&KINDS));
    let step = f.optional("step", Item::id);
    let (by, at) = (f.required("by", Item::text), f.required("at", Item::text));
    let text = f.required("text", Item::any_text);
    let word = f.required("answer", |i| i.one_of(&[("open", 0), ("accepted", 1), ("rejected", 2)]));
    let mut said = |key| f.optional(key, Item::any_text).unwrap_or_default();
    let answered = Answered {
        by: said("answered_by"),
        at: said("answered_at"),
        reason: said("reason"),
        runbook: said("runbook"),
        signature: said("signature"),
    };
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
            for (key, text) in [
                ("answered_by", &a.by),
                ("answered_at", &a.at),
                ("reason", &a.reason),
                ("runbook", &a.runbook),
                ("signature", &a.signature),
            ] {
                let _ = write!(out, ", {key}: {}", quoted(text));
            }
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

    fn answered() -> Answered {
        Answered {
            by: "ana".to_owned(),
            at: "2026-11-21T04:00:00Z".to_owned(),
            reason: "in 1.3".to_owned(),
            runbook: "ab".repeat(32),
            signature: "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n".to_owned(),
        }
    }

    #[test]
    fn what_is_signed_says_what_was_answered_and_to_what() {
        let text = statement("test", &one(3, Answer::Rejected(answered()))).unwrap();
        let digest = "abababababababababababababababababababababababababababababababab";
        assert_eq!(
            text.lines().filter(|l| !l.starts_with("whole: ")).collect::<Vec<_>>(),
            [
                "backout redline v1",
                &format!("runbook: test {digest}"),
                "redline: 01M7 3 skipped act",
                "said: ben: it's \"done\": {x} # no",
                "answer: rejected",
                "reason: in 1.3",
                "as: ana at 2026-11-21T04:00:00Z",
            ]
        );
        assert_eq!(statement("test", &one(3, Answer::Open)), None);
    }

    #[test]
    fn whatever_changes_in_an_answer_changes_what_was_signed() {
        let base = one(3, Answer::Rejected(answered()));
        let of = |r: &Redline| statement("test", r).unwrap();
        let mut others = vec![statement("other", &base).unwrap(), of(&one(3, Answer::Accepted(answered())))];
        let mut change = |change: &dyn Fn(&mut Redline)| {
            let mut other = base.clone();
            change(&mut other);
            others.push(of(&other));
        };
        change(&|r| r.incident = "01M8".to_owned());
        change(&|r| r.event = 4);
        change(&|r| r.kind = Kind::Note);
        change(&|r| r.step = None);
        change(&|r| r.by = "mallory".to_owned());
        change(&|r| r.at = "2026-11-21T03:00:01Z".to_owned());
        change(&|r| r.text.push('\u{200b}'));
        change(&|r| r.text = format!("{}{}", "x".repeat(500), r.text));
        for field in [0, 1, 2, 3] {
            let mut a = answered();
            *[&mut a.by, &mut a.at, &mut a.reason, &mut a.runbook][field] = "2026".to_owned();
            others.push(of(&one(3, Answer::Rejected(a))));
        }
        others.push(of(&base));
        let all: BTreeSet<&String> = others.iter().collect();
        assert_eq!(all.len(), others.len());
        assert!(others.iter().all(|text| text.lines().count() == 8 && text.len() < 4096));
    }

    #[test]
    fn what_is_written_reads_back() {
        let answered = answered();
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
