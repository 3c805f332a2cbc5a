//! Answers to a runbook's questions. Never writes a secret anywhere.

use crate::cli::args::Params;
use crate::cli::ask;
use crate::core::event::Answer;
use crate::error::{Failure, Result};
use crate::runbook::model::{Param, Runbook};
use regex::Regex;
use std::collections::BTreeMap;

/// The answers: what is recorded, and what must not be.
#[derive(Default)]
pub struct Answers {
    /// For the record. A secret is only a salted commitment.
    pub recorded: BTreeMap<String, Answer>,
    /// For the hub's memory.
    pub secrets: BTreeMap<String, String>,
    /// The point to restore to.
    pub restore_point: Option<String>,
}

impl std::fmt::Debug for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answers({:?}, {} secrets)", self.recorded, self.secrets.len())
    }
}

/// Whether questions may be asked at the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// What is missing is asked for.
    AtTheTerminal,
    /// What is missing is missing.
    Never,
}

/// What was given on the command line, by name.
///
/// # Errors
/// Something that is not NAME=VALUE, or a name the runbook does not ask for.
pub fn given(runbook: &Runbook, given: &Params) -> Result<BTreeMap<String, String>> {
    let mut typed = BTreeMap::new();
    for pair in &given.params {
        let (name, value) =
            pair.split_once('=').ok_or_else(|| Failure::usage(format!("`-p {pair}` is not NAME=VALUE")))?;
        if !runbook.params.iter().any(|p| p.name == name) {
            let known: Vec<&str> = runbook.params.iter().map(|p| p.name.as_str()).collect();
            return Err(Failure::usage(format!("the runbook `{}` asks nothing called `{name}`", runbook.id))
                .hint(format!(
                    "it asks for {}",
                    if known.is_empty() { "nothing".to_owned() } else { known.join(", ") }
                )));
        }
        typed.insert(name.to_owned(), value.to_owned());
    }
    Ok(typed)
}

/// Gathers the answers from the command line, the environment, the defaults and, if allowed, the person.
///
/// # Errors
/// An unknown name, a missing answer, or one that does not fit its pattern.
pub fn gather(runbook: &Runbook, given: &Params, asking: Asking) -> Result<Answers> {
    let mut typed = self::given(runbook, given)?;
    let mut answers = Answers::default();
    for param in &runbook.params {
        let value = answer(param, typed.remove(param.name.as_str()), asking)?;
        fits(param, value.as_deref())?;
        match (param.secret, value) {
            (true, Some(secret)) => {
                let (_, commitment) = crate::client::session::payload(secret.as_bytes())
                    .map_err(|e| Failure::environment("the secret cannot be committed to").because(e))?;
                answers.recorded.insert(param.name.clone(), Answer::Secret(commitment));
                answers.secrets.insert(param.name.clone(), secret);
            }
            (false, value) => {
                answers.recorded.insert(param.name.clone(), Answer::Text(value.unwrap_or_default()));
            }
            (true, None) => {}
        }
    }
    answers.restore_point = restore_point(runbook, given, asking)?;
    Ok(answers)
}

fn answer(param: &Param, typed: Option<String>, asking: Asking) -> Result<Option<String>> {
    if param.secret && typed.is_some() {
        return Err(Failure::usage(format!(
            "`{}` is secret: the command line is no place for it",
            param.name
        ))
        .hint(match &param.env {
            Some(env) => format!("put it into the environment variable {env}"),
            None => "leave it out; it is asked for".to_owned(),
        }));
    }
    let from_environment = || param.env.as_ref().and_then(|name| std::env::var(name).ok());
    let found = typed.or_else(from_environment).or_else(|| param.default.clone());
    match (found, asking) {
        (Some(value), _) => Ok(Some(value)),
        (None, Asking::AtTheTerminal) if param.required => Ok(ask::line(&format!("{}:", param.prompt))),
        (None, _) => Ok(None),
    }
}

fn fits(param: &Param, value: Option<&str>) -> Result<()> {
    let Some(value) = value else {
        if !param.required {
            return Ok(());
        }
        let how = match &param.env {
            Some(env) => format!("set {env}"),
            None => format!("say -p {}=…", param.name),
        };
        return Err(
            Failure::usage(format!("the runbook asks: {} (`{}`)", param.prompt, param.name)).hint(how)
        );
    };
    let Some(pattern) = &param.pattern else { return Ok(()) };
    let whole = Regex::new(&format!("^(?:{pattern})$"))
        .map_err(|e| Failure::usage(format!("the pattern of `{}` cannot be used", param.name)).because(e))?;
    if whole.is_match(value) {
        return Ok(());
    }
    let shown = if param.secret { "the answer".to_owned() } else { format!("`{value}`") };
    Err(Failure::usage(format!("{shown} does not fit `{}`, which must match {pattern}", param.name)))
}

fn restore_point(runbook: &Runbook, given: &Params, asking: Asking) -> Result<Option<String>> {
    let Some(question) = &runbook.restore_point else {
        return match &given.restore_point {
            Some(_) => Err(Failure::usage(format!("the runbook `{}` restores nothing", runbook.id))),
            None => Ok(None),
        };
    };
    let typed = match (given.restore_point.clone(), asking) {
        (None, Asking::AtTheTerminal) => ask::line(&format!("{} (RFC 3339):", question.prompt)),
        (given, _) => given,
    };
    let typed = typed.ok_or_else(|| {
        Failure::usage(format!("the runbook asks: {}", question.prompt)).hint("say --restore-point TIME")
    })?;
    chrono::DateTime::parse_from_rfc3339(&typed).map_err(|e| {
        Failure::usage(format!("`{typed}` is no time such as 2026-11-20T12:00:00Z")).because(e)
    })?;
    Ok(Some(typed))
}
