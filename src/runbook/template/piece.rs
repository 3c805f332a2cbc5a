//! The pieces of a template text. Never knows any value.

use crate::runbook::decode::nearest;
use thiserror::Error;

/// A part of a template text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// As written by the author.
    Text(String),
    /// To be filled.
    Name(Name),
}

/// What can be filled in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// `params.…`
    Param(String),
    /// `measurements.…`
    Measurement(String),
    /// `incident.…`
    Incident(Field),
}

/// What is known about the incident itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// Its id.
    Id,
    /// The seal at the head of its timeline.
    Head,
    /// `live`, `drill` or `tabletop`.
    Mode,
    /// The runbook's environment.
    Environment,
    /// The runbook's service.
    Service,
    /// The runbook's title.
    Title,
    /// As given when it was opened.
    Severity,
    /// The time to go back to, RFC 3339.
    RestorePoint,
    /// When it was opened, RFC 3339.
    Started,
}

impl Field {
    /// All of them, in the order of the documentation.
    pub const ALL: [Field; 9] = [
        Field::Id,
        Field::Head,
        Field::Mode,
        Field::Environment,
        Field::Service,
        Field::Title,
        Field::Severity,
        Field::RestorePoint,
        Field::Started,
    ];

    /// The word after `incident.`.
    pub fn word(self) -> &'static str {
        match self {
            Field::Id => "id",
            Field::Head => "head",
            Field::Mode => "mode",
            Field::Environment => "environment",
            Field::Service => "service",
            Field::Title => "title",
            Field::Severity => "severity",
            Field::RestorePoint => "restore_point",
            Field::Started => "started",
        }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Name::Param(name) => write!(f, "params.{name}"),
            Name::Measurement(name) => write!(f, "measurements.{name}"),
            Name::Incident(field) => write!(f, "incident.{}", field.word()),
        }
    }
}

/// Why a text cannot be filled.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// `{{` without `}}`.
    #[error("`{{{{` is never closed")]
    Unclosed,
    /// Not one of the known forms.
    #[error("`{{{{ {found} }}}}` is not known; {help}")]
    Unknown {
        /// What stands inside.
        found: String,
        /// What to write instead.
        help: String,
    },
    /// A parameter that this runbook or incident does not have.
    #[error("`{0}` has no value in this incident")]
    NoValue(String),
    /// A measurement that was not taken yet.
    #[error("`{0}` has not been measured yet")]
    NotYet(String),
    /// A secret anywhere but in `env`.
    #[error("`{0}` is secret and can only be used in `env`")]
    SecretOutsideEnv(String),
    /// A secret whose value is not in this process.
    #[error("`{0}` is secret and its value is not known to this process")]
    SecretNotHere(String),
    /// Inside shell quotes, a comment or a here-document, where quoting the value would not hold it together.
    #[error("`{name}` stands {place}, where its value could be read as shell text; {help}")]
    ShellSpot {
        /// What stands inside the braces.
        name: String,
        /// Where it stands.
        place: &'static str,
        /// What to write instead.
        help: &'static str,
    },
    /// A value that the place cannot hold.
    #[error("the value of `{name}` {why}")]
    BadValue {
        /// What it was for.
        name: String,
        /// Why not.
        why: &'static str,
    },
}

/// Splits a text at its templates.
///
/// # Errors
///
/// [`TemplateError::Unclosed`] and [`TemplateError::Unknown`].
pub fn pieces(text: &str) -> Result<Vec<Piece>, TemplateError> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        push_text(&mut out, before);
        let (inside, tail) = inside(after)?;
        match inside {
            Inside::Literal(literal) => push_text(&mut out, literal),
            Inside::Name(name) => out.push(Piece::Name(name)),
        }
        rest = tail;
    }
    push_text(&mut out, rest);
    Ok(out)
}

/// The names a text uses, in order.
///
/// # Errors
///
/// As [`pieces`].
pub fn names(text: &str) -> Result<Vec<Name>, TemplateError> {
    let named = |piece| match piece {
        Piece::Name(name) => Some(name),
        Piece::Text(_) => None,
    };
    Ok(pieces(text)?.into_iter().filter_map(named).collect())
}

enum Inside<'a> {
    Literal(&'a str),
    Name(Name),
}

fn push_text(out: &mut Vec<Piece>, text: &str) {
    match out.last_mut() {
        _ if text.is_empty() => {}
        Some(Piece::Text(last)) => last.push_str(text),
        Some(Piece::Name(_)) | None => out.push(Piece::Text(text.to_owned())),
    }
}

/// Reads what follows `{{` and gives back what follows `}}`.
fn inside(after: &str) -> Result<(Inside<'_>, &str), TemplateError> {
    let start = after.trim_start();
    for quote in ['\'', '"'] {
        if let Some(quoted) = start.strip_prefix(quote) {
            let (literal, tail) = quoted.split_once(quote).ok_or(TemplateError::Unclosed)?;
            let tail = tail.trim_start().strip_prefix("}}").ok_or(TemplateError::Unclosed)?;
            return Ok((Inside::Literal(literal), tail));
        }
    }
    let (name, tail) = after.split_once("}}").ok_or(TemplateError::Unclosed)?;
    Ok((Inside::Name(name_of(name.trim())?), tail))
}

fn name_of(found: &str) -> Result<Name, TemplateError> {
    let unknown = |help: String| TemplateError::Unknown { found: found.to_owned(), help };
    let known = "write params.…, measurements.… or incident.…, or {{ '{{' }} for two braces";
    let Some((group, name)) = found.split_once('.') else {
        return Err(unknown(known.to_owned()));
    };
    if !crate::runbook::decode::is_name(name) {
        return Err(unknown(known.to_owned()));
    }
    match group {
        "params" => Ok(Name::Param(name.to_owned())),
        "measurements" => Ok(Name::Measurement(name.to_owned())),
        "incident" => {
            Field::ALL.into_iter().find(|f| f.word() == name).map(Name::Incident).ok_or_else(|| {
                unknown(match nearest(name, Field::ALL.iter().map(|f| f.word())) {
                    Some(near) => format!("did you mean `incident.{near}`?"),
                    None => format!("incident has {}", Field::ALL.map(Field::word).join(", ")),
                })
            })
        }
        _ => Err(unknown(match nearest(group, ["params", "measurements", "incident"].into_iter()) {
            Some(near) => format!("did you mean `{near}.{name}`?"),
            None => known.to_owned(),
        })),
    }
}
