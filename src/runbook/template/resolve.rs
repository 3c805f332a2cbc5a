//! What a step will do, line by line, for approvers and for the digest they sign. Never shows a secret and
//! never leaves out anything that is executed.

use super::executable::{self, ResolvedSubject};
use super::{Name, ParamValue, Piece, Scope, Spot, TemplateError, fill, one_line, pieces, shown_argv};
use crate::runbook::model::{Action, Await, Check, Command, Condition, OnFailure, Step};
use crate::runbook::{texts, words};
use sha2::{Digest, Sha256};

/// What stands in place of a secret.
const SECRET: &str = "«secret»";

/// The resolved content of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The step's id.
    pub step: String,
    /// The action's key.
    pub action: &'static str,
    /// What will happen: key and one line of text, in a fixed order. A key may come several times in a row
    /// (a script of several lines).
    pub lines: Vec<(String, String)>,
}

/// Resolves a step for reading. A measurement that was not taken yet stays as `{{ measurements.name }}`.
///
/// # Errors
///
/// Every other [`TemplateError`].
pub fn resolve(step: &Step, scope: &Scope) -> Result<Resolved, TemplateError> {
    let reading = for_reading(step, scope)?;
    let scope = reading.as_ref().unwrap_or(scope);
    let mut out = Lines::default();
    out.words("title", &step.title);
    action(step, scope, &mut out)?;
    circumstances(step, scope, &mut out)?;
    consequences(step, scope, &mut out)?;
    Ok(Resolved { step: step.id.clone(), action: step.action.word(), lines: out.0 })
}

/// What an approval is bound to: SHA-256 over `"backout/plan/v1\0"` and, for each step in the given order, the
/// lines `step: id`, `action: word` and its own, each ended by a newline.
pub fn plan_digest(steps: &[Resolved]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"backout/plan/v1\0");
    for step in steps {
        hash.update(format!("step: {}\naction: {}\n", step.step, step.action).as_bytes());
        for (key, text) in &step.lines {
            hash.update(format!("{key}: {text}\n").as_bytes());
        }
    }
    hash.finalize().into()
}

#[derive(Default)]
struct Lines(Vec<(String, String)>);

impl Lines {
    fn put(&mut self, key: &str, text: impl Into<String>) {
        self.0.push((key.to_owned(), text.into()));
    }

    /// Text of one or more lines, each made visible.
    fn words(&mut self, key: &str, text: &str) {
        for line in text.trim_end_matches('\n').split('\n') {
            self.put(key, one_line(line));
        }
    }

    fn command(&mut self, key: &str, command: &Command, scope: &Scope) -> Result<(), TemplateError> {
        let resolved = executable::command(command, scope)?;
        match command {
            Command::Argv(_) => self.put(key, shown_argv(&resolved.argv)),
            Command::Shell(_) => {
                let line = resolved.argv.last().map(String::as_str).unwrap_or_default();
                self.words(&format!("{key} (sh -eu)"), line);
            }
        }
        Ok(())
    }

    fn condition(&mut self, condition: &Condition, scope: &Scope) -> Result<(), TemplateError> {
        self.subject(&condition.subject, scope)?;
        self.put("expect", words::expectation(&executable::expect(&condition.expect, scope)?));
        Ok(())
    }

    fn subject(
        &mut self,
        subject: &crate::runbook::model::Subject,
        scope: &Scope,
    ) -> Result<(), TemplateError> {
        if let crate::runbook::model::Subject::Run(command) = subject {
            return self.command("look at", command, scope);
        }
        match executable::subject(subject, scope)? {
            ResolvedSubject::Run(_) => {}
            ResolvedSubject::Http(request) => {
                self.put("look at", format!("{} {}", request.method, one_line(&request.url)));
                for (name, value) in &request.headers {
                    self.put("header", format!("{}: {}", one_line(name), one_line(value)));
                }
                if let Some(body) = &request.body {
                    self.words("body", body);
                }
                if let Some(status) = request.status {
                    self.put("status", status.to_string());
                }
            }
            ResolvedSubject::Metric { name, over: None } => self.put("look at", format!("metric {name}")),
            ResolvedSubject::Metric { name, over: Some((span, how)) } => {
                let how = words::aggregate(how);
                self.put("look at", format!("metric {name}, {how} over {}", words::duration(span)));
            }
        }
        Ok(())
    }
}

fn action(step: &Step, scope: &Scope, out: &mut Lines) -> Result<(), TemplateError> {
    match &step.action {
        Action::Manual { text } => out.words("do", &fill(text, scope, Spot::Words)?),
        Action::Run { command, exit_codes } => {
            out.command("run", command, scope)?;
            if exit_codes != &[0] {
                let codes = exit_codes.iter().map(i32::to_string).collect::<Vec<_>>().join(", ");
                out.put("exit codes", codes);
            }
        }
        Action::Await(await_) => wait_for(await_, scope, out)?,
        Action::Check(check) => judged(check, scope, out)?,
        Action::Measure { subject, as_name } => {
            out.subject(subject, scope)?;
            out.put("as", as_name);
        }
        Action::Approve(approve) => {
            out.put("require", words::requirements(&approve.require));
            out.put("covers", approve.covers.join(", "));
            out.put("expires", words::duration(approve.expires));
            if let Some(message) = &approve.message {
                out.words("message", &fill(message, scope, Spot::Words)?);
            }
        }
        Action::Decide { message, options } => {
            if let Some(message) = message {
                out.words("question", &fill(message, scope, Spot::Words)?);
            }
            for choice in options {
                out.put("option", format!("{}: {}", one_line(&choice.name), words::then(&choice.then)));
            }
        }
        Action::Send { template } => out.put("send", template),
        Action::SetAside { path } => {
            out.put("set aside", shown_argv(&[executable::set_aside_path(path, scope)?]))
        }
        Action::Wait { lasts, unless } => {
            out.put("wait", words::duration(*lasts));
            if let Some(u) = unless {
                out.put("unless", format!("{} {} {}", u.metric, u.condition.op.word(), u.condition.value));
            }
        }
    }
    Ok(())
}

fn wait_for(await_: &Await, scope: &Scope, out: &mut Lines) -> Result<(), TemplateError> {
    out.condition(&await_.condition, scope)?;
    out.put("every", words::duration(await_.every));
    out.put("within", words::duration(await_.within));
    if let Some(hold) = await_.hold_for {
        out.put("hold for", words::duration(hold));
    }
    if let Some(fail) = &await_.fail_on {
        out.put("fail on", words::expectation(&executable::expect(fail, scope)?));
    }
    Ok(())
}

fn judged(check: &Check, scope: &Scope, out: &mut Lines) -> Result<(), TemplateError> {
    out.condition(&check.condition, scope)?;
    if check.count > 1 {
        out.put("times", format!("{}, {} apart", check.count, words::duration(check.interval)));
    }
    Ok(())
}

/// Where, as what and for how long.
fn circumstances(step: &Step, scope: &Scope, out: &mut Lines) -> Result<(), TemplateError> {
    if let Some(text) = &step.text {
        out.words("text", &fill(text, scope, Spot::Words)?);
    }
    if let Some(when) = &step.when {
        out.words("when", when);
    }
    if let Some(role) = &step.role {
        out.put("role", role);
    }
    if let Some(host) = executable::host(step, scope)? {
        out.put("host", host);
    }
    if let Some(region) = &step.region {
        out.words("region", region);
    }
    if let Some(directory) = executable::directory(step, scope)? {
        out.put("cwd", shown_argv(&[directory]));
    }
    for (name, text) in &step.env {
        out.put("env", format!("{name}={}", one_line(&without_secrets(text, scope)?)));
    }
    if let Some(timeout) = step.timeout {
        out.put("timeout", words::duration(timeout));
    }
    if let Some(retry) = step.retry {
        let delay = words::duration(retry.delay);
        out.put("retry", format!("{} tries, {delay} apart, backoff {}", retry.max_attempts, retry.backoff));
    }
    Ok(())
}

/// What cannot be taken back, how the rest can, and what is left open.
fn consequences(step: &Step, scope: &Scope, out: &mut Lines) -> Result<(), TemplateError> {
    if step.irreversible {
        out.put("irreversible", "yes");
    }
    if let Some(target) = &step.target {
        out.command("target", &target.run, scope)?;
        out.put("target answers", one_line(&executable::target_answer(target, scope)?));
    }
    if let Some(name) = &step.suspends {
        out.put("suspends", name);
    }
    if let Some(name) = &step.resumes {
        out.put("resumes", name);
    }
    if let Some(progress) = &step.progress {
        out.command("progress", progress, scope)?;
    }
    if let Some(undo) = &step.undo {
        out.command("undo", undo, scope)?;
    }
    if let Some(reconcile) = &step.reconcile {
        out.put("reconcile", "an unknown outcome is settled by");
        out.condition(reconcile, scope)?;
    }
    if let Some(backlog) = &step.backlog {
        out.command("counts", &backlog.count, scope)?;
        out.words("backlog", &backlog.name);
    }
    match &step.on_failure {
        OnFailure::Pause => {}
        OnFailure::Abort => out.put("on failure", "abort"),
        OnFailure::Continue => out.put("on failure", "continue"),
        OnFailure::Goto(id) => out.put("on failure", format!("go to {id}")),
    }
    Ok(())
}

/// A scope in which every measurement of this step has a text; `None` when it has already.
fn for_reading(step: &Step, scope: &Scope) -> Result<Option<Scope>, TemplateError> {
    let mut used = Vec::new();
    for text in texts::of_step(step, "") {
        used.extend(super::names(text.text)?);
    }
    let taken = |name: &Name| match name {
        Name::Measurement(m) => scope.measurements.contains_key(m),
        Name::Param(_) | Name::Incident(_) => true,
    };
    if used.iter().all(taken) {
        return Ok(None);
    }
    // Only what this step uses is copied: a measured table can be large.
    let mut reading =
        Scope { params: scope.params.clone(), incident: scope.incident.clone(), ..Scope::default() };
    for name in used {
        if let Name::Measurement(m) = &name {
            let text = scope.measurements.get(m).cloned().unwrap_or_else(|| format!("{{{{ {name} }}}}"));
            reading.measurements.insert(m.clone(), text);
        }
    }
    Ok(Some(reading))
}

fn without_secrets(text: &str, scope: &Scope) -> Result<String, TemplateError> {
    let mut out = String::new();
    for piece in pieces(text)? {
        match piece {
            Piece::Text(text) => out.push_str(&text),
            Piece::Name(Name::Param(param))
                if matches!(
                    scope.params.get(&param),
                    Some(ParamValue::Secret(_) | ParamValue::SecretNotHere)
                ) =>
            {
                out.push_str(SECRET);
            }
            Piece::Name(name) => out.push_str(scope.open_value(&name)?),
        }
    }
    Ok(out)
}
