//! What is really started or asked, with every name filled. Never started from here.

use super::{Scope, Spot, TemplateError, fill};
use crate::runbook::model::{Aggregate, Command, Expect, HttpRequest, Step, Subject, Table, Target};
use std::fmt;
use std::time::Duration;

/// How a command written as text is started; the text follows.
pub const SHELL: [&str; 3] = ["/bin/sh", "-eu", "-c"];

/// A command ready to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedCommand {
    /// Program and arguments; never empty.
    pub argv: Vec<String>,
}

/// An HTTP request ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedHttp {
    /// The address.
    pub url: String,
    /// The method.
    pub method: String,
    /// Headers in name order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<String>,
    /// Required status; `None` means any 2xx.
    pub status: Option<u16>,
}

/// A subject ready to be looked at.
#[derive(Debug, Clone, PartialEq)]
pub enum ResolvedSubject {
    /// A command's standard output.
    Run(ResolvedCommand),
    /// An HTTP answer.
    Http(ResolvedHttp),
    /// A metric of the runbook.
    Metric {
        /// Its name.
        name: String,
        /// Aggregated over this long; `None` means the last value.
        over: Option<(Duration, Aggregate)>,
    },
}

/// The value of an environment variable.
#[derive(Clone, PartialEq, Eq)]
pub enum EnvValue {
    /// May be shown.
    Open(String),
    /// Holds a secret.
    Secret(String),
}

impl EnvValue {
    /// The value in clear, for the child process and nothing else.
    pub fn reveal(&self) -> &str {
        match self {
            EnvValue::Open(text) | EnvValue::Secret(text) => text,
        }
    }
}

impl fmt::Debug for EnvValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EnvValue::Open(text) => write!(f, "Open({text:?})"),
            EnvValue::Secret(_) => f.write_str("Secret(«secret»)"),
        }
    }
}

/// Fills a command.
///
/// # Errors
///
/// Every [`TemplateError`]; an empty program name is a [`TemplateError::BadValue`].
pub fn command(command: &Command, scope: &Scope) -> Result<ResolvedCommand, TemplateError> {
    let argv = match command {
        Command::Argv(args) => {
            args.iter().map(|a| fill(a, scope, Spot::Argument)).collect::<Result<Vec<_>, _>>()?
        }
        Command::Shell(text) => {
            let line = fill(text, scope, Spot::Shell)?;
            SHELL.iter().map(|s| (*s).to_owned()).chain([line]).collect()
        }
    };
    match argv.first() {
        Some(program) if !program.is_empty() => Ok(ResolvedCommand { argv }),
        Some(_) | None => Err(TemplateError::BadValue { name: "the program".to_owned(), why: "is empty" }),
    }
}

/// Fills a subject.
///
/// # Errors
///
/// Every [`TemplateError`].
pub fn subject(subject: &Subject, scope: &Scope) -> Result<ResolvedSubject, TemplateError> {
    Ok(match subject {
        Subject::Run(c) => ResolvedSubject::Run(command(c, scope)?),
        Subject::Http(request) => ResolvedSubject::Http(http(request, scope)?),
        Subject::Metric { name, over } => ResolvedSubject::Metric { name: name.clone(), over: *over },
    })
}

fn http(request: &HttpRequest, scope: &Scope) -> Result<ResolvedHttp, TemplateError> {
    let mut headers = Vec::new();
    for (name, value) in &request.headers {
        headers.push((name.clone(), fill(value, scope, Spot::Header)?));
    }
    Ok(ResolvedHttp {
        url: fill(&request.url, scope, Spot::Address)?,
        method: request.method.clone(),
        headers,
        body: request.body.as_ref().map(|b| fill(b, scope, Spot::Words)).transpose()?,
        status: request.status,
    })
}

/// Fills every text of an expectation.
///
/// # Errors
///
/// Every [`TemplateError`].
pub fn expect(expected: &Expect, scope: &Scope) -> Result<Expect, TemplateError> {
    let words = |text: &String| fill(text, scope, Spot::Words);
    let all = |list: &Vec<Expect>| list.iter().map(|e| expect(e, scope)).collect::<Result<Vec<_>, _>>();
    Ok(match expected {
        Expect::Equals(text) => Expect::Equals(words(text)?),
        Expect::NotEquals(text) => Expect::NotEquals(words(text)?),
        Expect::Matches(pattern) => Expect::Matches(fill(pattern, scope, Spot::Pattern)?),
        Expect::NotMatches(pattern) => Expect::NotMatches(fill(pattern, scope, Spot::Pattern)?),
        Expect::Json(paths) => {
            let filled = paths.iter().map(|(path, e)| Ok((path.clone(), expect(e, scope)?)));
            Expect::Json(filled.collect::<Result<_, TemplateError>>()?)
        }
        Expect::Csv(table) => {
            let mut except = Vec::new();
            for text in &table.except {
                // A measured list of keys fills one entry with many lines.
                except.extend(words(text)?.lines().map(str::to_owned));
            }
            Expect::Csv(Table { except, ..table.clone() })
        }
        Expect::AnyOf(list) => Expect::AnyOf(all(list)?),
        Expect::AllOf(list) => Expect::AllOf(all(list)?),
        Expect::Not(inner) => Expect::Not(Box::new(expect(inner, scope)?)),
        Expect::Min(_)
        | Expect::Max(_)
        | Expect::Between(..)
        | Expect::SameAs { .. }
        | Expect::Within { .. }
        | Expect::UnchangedFor(_) => expected.clone(),
    })
}

/// The step's environment variables, in name order, secrets in clear.
///
/// # Errors
///
/// Every [`TemplateError`]; [`TemplateError::SecretNotHere`] where the process was never given the secret.
pub fn environment(step: &Step, scope: &Scope) -> Result<Vec<(String, EnvValue)>, TemplateError> {
    let mut out = Vec::new();
    for (name, text) in &step.env {
        let filled = fill(text, scope, Spot::Environment)?;
        let open = fill(text, scope, Spot::Words).is_ok();
        out.push((name.clone(), if open { EnvValue::Open(filled) } else { EnvValue::Secret(filled) }));
    }
    Ok(out)
}

/// The step's working directory.
///
/// # Errors
///
/// Every [`TemplateError`].
pub fn directory(step: &Step, scope: &Scope) -> Result<Option<String>, TemplateError> {
    step.cwd.as_ref().map(|text| fill(text, scope, Spot::Argument)).transpose()
}

/// The step's host, safe to be an argument of `ssh`.
///
/// # Errors
///
/// Every [`TemplateError`]; a name that `ssh` could read as an option is a [`TemplateError::BadValue`].
pub fn host(step: &Step, scope: &Scope) -> Result<Option<String>, TemplateError> {
    let Some(text) = &step.host else { return Ok(None) };
    let host = fill(text, scope, Spot::Argument)?;
    if !is_host(&host) {
        let why = "is not a host name (letters, digits, `.`, `-`, `_`, `:`, and `user@` in front)";
        return Err(TemplateError::BadValue { name: "host".to_owned(), why });
    }
    Ok(Some(host))
}

/// Whether a text can be given to `ssh` as a destination.
pub(in crate::runbook) fn is_host(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || ".-_:@[]".contains(c);
    let part = |p: &str| !p.is_empty() && !p.starts_with('-') && p.chars().all(fits);
    match text.split_once('@') {
        Some((user, name)) => part(user) && part(name) && !name.contains('@'),
        None => part(text),
    }
}

/// A text shown to people: instructions, a message, a question.
///
/// # Errors
///
/// Every [`TemplateError`].
pub fn message(text: &str, scope: &Scope) -> Result<String, TemplateError> {
    fill(text, scope, Spot::Words)
}

/// The path of a `set_aside` step.
///
/// # Errors
///
/// Every [`TemplateError`].
pub fn set_aside_path(path: &str, scope: &Scope) -> Result<String, TemplateError> {
    fill(path, scope, Spot::Argument)
}

/// What the target must answer.
///
/// # Errors
///
/// Every [`TemplateError`].
pub fn target_answer(target: &Target, scope: &Scope) -> Result<String, TemplateError> {
    fill(&target.equals, scope, Spot::Words)
}
