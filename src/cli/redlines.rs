//! `redlines`: what people changed or asked for during incidents, accepted into the runbook or rejected before the
//! next one. Never keeps anybody from opening an incident.

use crate::cli::args::{Args, Redlines};
use crate::cli::context::Context;
use crate::cli::plan::read;
use crate::cli::{print, record, say};
use crate::core::event::{About, Actor, Choice, Event, Mode, What};
use crate::error::{Failure, Kind as Exit, Result};
use crate::runbook::finding::{self, Paint};
use crate::runbook::redlines::{self, Answer, Answered, Kind, Redline};
use crate::sanitize;
use crate::timeline::payload::Parts;
use crate::workspace::{RUNBOOKS, Workspace};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// How a note asks for a change of the runbook.
const MARK: &str = "redline:";

/// Runs the verb.
pub fn run(args: &Args, verb: &Redlines) -> Result<()> {
    let context = Context::of(args)?;
    let workspace = context.workspace(Some(&verb.runbook))?;
    let (_, loaded) = read(&verb.runbook, Some(&workspace))?;
    let id = &loaded.runbook.id;
    let mut all = all(&context.state, &workspace, id)?;
    let who =
        args.person.clone().or_else(|| std::env::var("USER").ok()).unwrap_or_else(|| "somebody".to_owned());
    let reason = verb.reason.clone().unwrap_or_default();
    let answered = Answered { by: who, reason };
    for (n, answer) in
        [(verb.accept, Answer::Accepted(answered.clone())), (verb.reject, Answer::Rejected(answered))]
    {
        let Some(n) = n else { continue };
        let many = all.len();
        let found = n.checked_sub(1).and_then(|i| all.get_mut(i));
        let redline =
            found.ok_or_else(|| Failure::usage(format!("there is no redline {n}; there are {many}")))?;
        redline.answer = answer;
    }
    if verb.accept.is_some() || verb.reject.is_some() || verb.collect {
        let path = file(&workspace, id);
        std::fs::write(&path, redlines::encode(id, &all))
            .map_err(|e| Failure::environment(format!("cannot write {}", path.display())).because(e))?;
        say(&format!("written to {}", path.display()));
    }
    if verb.json {
        let list: Vec<Value> = all.iter().enumerate().map(|(i, r)| one_json(i + 1, r)).collect();
        print(&format!("{:#}\n", json!({"runbook": id, "redlines": list})));
        return Ok(());
    }
    for (i, redline) in all.iter().enumerate() {
        print(sanitize::line(line(i + 1, redline)).as_str());
    }
    let open = all.iter().filter(|r| r.answer == Answer::Open).count();
    say(&format!("redlines of {id}: {}, open: {open}", all.len()));
    Ok(())
}

fn one_json(n: usize, r: &Redline) -> Value {
    json!({"n": n, "incident": r.incident, "event": r.event, "kind": r.kind.word(), "step": r.step,
           "by": r.by, "at": r.at, "text": r.text, "answer": r.answer.word()})
}

fn line(n: usize, r: &Redline) -> String {
    let step = r.step.as_ref().map(|s| format!(" {s}")).unwrap_or_default();
    let answer = match &r.answer {
        Answer::Open => "open".to_owned(),
        Answer::Accepted(a) | Answer::Rejected(a) => {
            let why = if a.reason.is_empty() { String::new() } else { format!(": {}", a.reason) };
            format!("{} by {}{why}", r.answer.word(), a.by)
        }
    };
    format!("{n}. {}{step}, {} in {}#{}: {} [{answer}]", r.kind.word(), r.by, r.incident, r.event, r.text)
}

fn file(workspace: &Workspace, id: &str) -> PathBuf {
    workspace.root.join(RUNBOOKS).join(redlines::file_name(id))
}

/// Every redline of a runbook: those of the workspace's file, and those in this machine's records.
///
/// # Errors
/// When the file or the state folder cannot be read.
pub fn all(state: &Path, workspace: &Workspace, id: &str) -> Result<Vec<Redline>> {
    let path = file(workspace, id);
    let kept = match std::fs::read(&path) {
        Ok(bytes) => redlines::decode(&path.display().to_string(), &bytes).map_err(|findings| {
            let text = finding::to_text(&findings, Paint::Plain);
            Failure::new(Exit::No, format!("{} cannot be used", path.display())).because(format!("\n{text}"))
        })?,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(e) => return Err(Failure::environment(format!("cannot read {}", path.display())).because(e)),
    };
    let mut found = Vec::new();
    for dir in record::all(state)? {
        if record::runbook_id(&dir).as_deref() == Some(id) {
            found.extend(of_incident(&dir));
        }
    }
    Ok(redlines::merged(kept, found))
}

/// How many redlines wait for an answer; what cannot be read counts as none, because somebody may need to open now.
pub fn open(state: &Path, workspace: &Workspace, id: &str) -> usize {
    let all = all(state, workspace, id).unwrap_or_default();
    all.iter().filter(|r| r.answer == Answer::Open).count()
}

/// What people did otherwise than written in one incident. In a rehearsal steps are left out for many reasons, so
/// only what was asked for by name counts there.
fn of_incident(dir: &Path) -> Vec<Redline> {
    let incident = dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let mut live = false;
    let mut out: Vec<Redline> = Vec::new();
    let mut notes: Vec<Redline> = Vec::new();
    record::each_event(dir, &mut |event: &Event| {
        if let What::Opened(opened) = &event.what {
            live = opened.mode == Mode::Live;
        }
        let Actor::Person(by) = &event.actor else { return };
        let Some((kind, step, text)) = told(&event.what) else { return };
        let redline = Redline {
            incident: incident.clone(),
            event: event.seq,
            kind,
            step,
            by: by.to_string(),
            at: event.at.to_string(),
            text,
            answer: Answer::Open,
        };
        match kind {
            Kind::Note => notes.push(redline),
            Kind::Amended => out.push(redline),
            Kind::Skipped | Kind::DoneByHand | Kind::WentOn if live => out.push(redline),
            Kind::Skipped | Kind::DoneByHand | Kind::WentOn => {}
        }
    });
    if !notes.is_empty() {
        let texts = texts(dir);
        for mut note in notes {
            let text = texts.get(&note.event).map(String::as_str).unwrap_or_default().trim();
            let asked = text.get(..MARK.len()).is_some_and(|start| start.eq_ignore_ascii_case(MARK));
            if asked {
                note.text = text.get(MARK.len()..).unwrap_or_default().trim().to_owned();
                out.push(note);
            }
        }
    }
    out
}

fn told(what: &What) -> Option<(Kind, Option<String>, String)> {
    match what {
        What::StepSkipped(s) => Some((Kind::Skipped, Some(s.step.to_string()), s.reason.clone())),
        What::DoneByHand(d) => Some((Kind::DoneByHand, Some(d.step.to_string()), d.reason.clone())),
        What::Amended(a) => Some((Kind::Amended, None, format!("the runbook was changed to {}", a.runbook))),
        What::Noted(_) => Some((Kind::Note, None, String::new())),
        What::Decided(d) => match (&d.about, &d.choice) {
            (About::Step(step), Choice::Continue) => {
                Some((Kind::WentOn, Some(step.to_string()), d.reason.clone()))
            }
            (About::Step(step), Choice::Goto(to)) => {
                Some((Kind::WentOn, Some(step.to_string()), format!("to {to}: {}", d.reason)))
            }
            _ => None,
        },
        _ => None,
    }
}

/// The texts of notes, by event.
fn texts(dir: &Path) -> BTreeMap<u64, String> {
    let Ok(file) = std::fs::File::open(dir.join("payloads.jsonl")) else { return BTreeMap::new() };
    let mut parts = Parts::new(BufReader::new(file));
    let mut out: BTreeMap<u64, String> = BTreeMap::new();
    while let Ok(Some(part)) = parts.next() {
        out.entry(part.seq).or_default().push_str(&String::from_utf8_lossy(&part.data));
    }
    out
}
