//! `redlines`: what people changed or asked for during incidents, accepted into the runbook or rejected before the
//! next one. Never keeps anybody from opening an incident.

use crate::cli::args::{Args, Redlines};
use crate::cli::context::{self, Context};
use crate::cli::plan::read;
use crate::cli::{print, print_json, record, say};
use crate::core::event::{About, Actor, Choice, Event, Mode, What};
use crate::core::time::Stamp;
use crate::error::{Failure, Kind as Exit, Result};
use crate::identity::AllowedSigners;
use crate::identity::revoked::Revoked;
use crate::identity::signer::Signer;
use crate::identity::sshsig::REDLINE;
use crate::runbook::finding::{self, Paint};
use crate::runbook::redlines::{self, Answer, Answered, Kind, Redline};
use crate::sanitize;
use crate::workspace::{RUNBOOKS, Workspace};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// How a note asks for a change of the runbook.
const MARK: &str = "redline:";

/// What an answer is worth.
enum Standing {
    /// There is none.
    Open,
    /// It is under the signature of who gave it.
    Signed,
    /// It is not, and counts for nothing.
    Void(String),
}

/// Runs the verb.
pub fn run(args: &Args, verb: &Redlines) -> Result<()> {
    let context = Context::of(args)?;
    let workspace = context.workspace(Some(&verb.runbook))?;
    let (_, loaded) = read(&verb.runbook, Some(&workspace))?;
    let id = &loaded.runbook.id;
    let mut all = all(&context.state, &workspace, id)?;
    if let Some(n) = verb.statement {
        let redline = nth(&mut all, n)?;
        let text = redlines::statement(id, redline);
        print(&text.ok_or_else(|| Failure::new(Exit::No, format!("nobody has answered redline {n}")))?);
        return Ok(());
    }
    let given = [(verb.accept, Answer::Accepted as fn(Answered) -> Answer), (verb.reject, Answer::Rejected)];
    for (n, answer) in given {
        let Some(n) = n else { continue };
        let redline = nth(&mut all, n)?;
        let signers = AllowedSigners::parse(&workspace.files.allowed_signers);
        let (by, signer) = context.identify_among(&signers)?;
        let answered = Answered {
            by: by.to_string(),
            at: context::now().to_second(),
            reason: verb.reason.clone().unwrap_or_default(),
            runbook: loaded.digest_hex.clone(),
            signature: String::new(),
        };
        sign(id, redline, &signer, |signature| answer(Answered { signature, ..answered.clone() }))?;
        if let Standing::Void(why) = standing(&workspace, id, redline) {
            return Err(Failure::refused(format!("your signature does not count: {why}")));
        }
    }
    if verb.accept.is_some() || verb.reject.is_some() || verb.collect {
        let path = file(&workspace, id);
        std::fs::write(&path, redlines::encode(id, &all))
            .map_err(|e| Failure::environment(format!("cannot write {}", path.display())).because(e))?;
        say(&format!("written to {}", path.display()));
    }
    show(verb, &workspace, id, &all);
    Ok(())
}

fn nth(all: &mut [Redline], n: usize) -> Result<&mut Redline> {
    let many = all.len();
    let found = n.checked_sub(1).and_then(|i| all.get_mut(i));
    found.ok_or_else(|| Failure::usage(format!("there is no redline {n}; there are {many}")))
}

/// Answers with what was shown, under the person's own key.
fn sign(id: &str, redline: &mut Redline, signer: &Signer, answer: impl Fn(String) -> Answer) -> Result<()> {
    redline.answer = answer(String::new());
    let text = redlines::statement(id, redline).unwrap_or_default();
    say(&format!("You sign:\n{}", sanitize::text(&text).as_str()));
    let signature = signer
        .sign(REDLINE, text.as_bytes())
        .map_err(|e| Failure::environment("the answer is not signed, and not kept").because(e))?;
    redline.answer = answer(signature);
    Ok(())
}

/// What an answer is worth by the keys of the workspace as they are now.
fn standing(workspace: &Workspace, id: &str, redline: &Redline) -> Standing {
    let (Answer::Accepted(a) | Answer::Rejected(a)) = &redline.answer else { return Standing::Open };
    let void = |why: String| Standing::Void(why);
    if a.signature.is_empty() {
        return void("nobody has signed it".to_owned());
    }
    let Some(at) = Stamp::parse_rfc3339(&a.at).and_then(|at| u64::try_from(at.seconds()).ok()) else {
        return void(format!("`{}` is no time", a.at));
    };
    let revoked = match Revoked::parse(&workspace.files.revoked_keys) {
        Ok(revoked) => revoked,
        Err(e) => return void(e.to_string()),
    };
    let text = redlines::statement(id, redline).unwrap_or_default();
    let signers = AllowedSigners::parse(&workspace.files.allowed_signers);
    match signers.verify(&a.by, REDLINE, text.as_bytes(), &a.signature, at, &revoked) {
        Ok(_) => Standing::Signed,
        Err(reject) => void(reject.to_string()),
    }
}

fn show(verb: &Redlines, workspace: &Workspace, id: &str, all: &[Redline]) {
    let standings: Vec<Standing> = all.iter().map(|r| standing(workspace, id, r)).collect();
    let each = || all.iter().zip(&standings).enumerate();
    if verb.json {
        let list: Vec<Value> = each().map(|(i, (r, s))| one_json(i + 1, r, s)).collect();
        print_json(&format!("{:#}\n", json!({"runbook": id, "redlines": list})));
        return;
    }
    for (i, (redline, standing)) in each() {
        print(sanitize::line(line(i + 1, redline, standing)).as_str());
    }
    let open = standings.iter().filter(|s| !matches!(s, Standing::Signed)).count();
    say(&format!("redlines of {id}: {}, open: {open}", all.len()));
}

fn one_json(n: usize, r: &Redline, standing: &Standing) -> Value {
    let (answer, problem) = match standing {
        Standing::Open | Standing::Signed => (r.answer.word(), None),
        Standing::Void(why) => ("void", Some(why)),
    };
    json!({"n": n, "incident": r.incident, "event": r.event, "kind": r.kind.word(), "step": r.step,
           "by": r.by, "at": r.at, "text": r.text, "answer": answer, "problem": problem})
}

fn line(n: usize, r: &Redline, standing: &Standing) -> String {
    let step = r.step.as_ref().map(|s| format!(" {s}")).unwrap_or_default();
    let answer = match &r.answer {
        Answer::Open => "open".to_owned(),
        Answer::Accepted(a) | Answer::Rejected(a) => {
            let why = if a.reason.is_empty() { String::new() } else { format!(": {}", a.reason) };
            let void = match standing {
                Standing::Open | Standing::Signed => String::new(),
                Standing::Void(why) => format!("; this does not count: {why}"),
            };
            format!("{} by {}{why}{void}", r.answer.word(), a.by)
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

/// How many redlines wait for an answer that counts; what cannot be read counts as none, because somebody may need to
/// open now.
pub fn open(state: &Path, workspace: &Workspace, id: &str) -> usize {
    let all = all(state, workspace, id).unwrap_or_default();
    all.iter().filter(|r| !matches!(standing(workspace, id, r), Standing::Signed)).count()
}

/// Answers that count for nothing, and why.
pub fn void(state: &Path, workspace: &Workspace, id: &str) -> Vec<String> {
    let all = all(state, workspace, id).unwrap_or_default();
    let each = all.iter().enumerate().filter_map(|(i, r)| match standing(workspace, id, r) {
        Standing::Void(why) => {
            Some(format!("the answer to redline {} of `{id}` does not count: {why}", i + 1))
        }
        Standing::Open | Standing::Signed => None,
    });
    each.collect()
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
        let texts = record::texts(dir);
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
