//! One line of `allowed_signers`: `principals [options] key [comment]`. Never guesses at a line it cannot read.

use crate::identity::key::{KeyError, Presented};
use crate::identity::stamp::{self, Stamp, Zone};
use crate::identity::wire::printable;

/// A line that names a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    number: usize,
    principals: Vec<u8>,
    options: Options,
    presented: Presented,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Options {
    authority: bool,
    namespaces: Option<Vec<u8>>,
    valid_after: Option<Stamp>,
    valid_before: Option<Stamp>,
}

/// A line that could not be read. It lets nobody in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct LineError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: LineProblem,
}

/// Why a line could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineProblem {
    /// Only principals.
    #[error("a key is missing after the principals")]
    NoKey,
    /// A quote is opened and not closed.
    #[error("a quote is not closed")]
    OpenQuote,
    /// The key cannot be used.
    #[error("{0}")]
    Key(KeyError),
    /// Not an option of `allowed_signers`.
    #[error("`{0}` is not an option that ssh-keygen knows here")]
    UnknownOption(String),
    /// A comma with nothing after it.
    #[error("the options end in a comma")]
    TrailingComma,
    /// An option's value is not in double quotes.
    #[error("the value of `{0}` must be in double quotes")]
    Unquoted(&'static str),
    /// An option given twice.
    #[error("`{0}` is given twice")]
    Twice(&'static str),
    /// Not a time stamp.
    #[error("`{0}` must be YYYYMMDD[HHMM[SS]]Z")]
    Stamp(&'static str),
    /// The window ends before it begins.
    #[error("valid-before is not after valid-after")]
    EmptyWindow,
}

impl Line {
    /// Reads a line without its line end; `None` for blank lines and comments.
    pub(super) fn parse(number: usize, text: &[u8]) -> Result<Option<Self>, LineProblem> {
        // C strings end at NUL, so whatever stands behind one does not exist for OpenSSH.
        let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
        let text = skip_blanks(text);
        if text.trim_ascii().is_empty() || text.starts_with(b"#") {
            return Ok(None);
        }
        let (principals, rest) = first_word(text)?;
        let (presented, options) = match Presented::from_text(rest) {
            Ok((presented, _)) => (presented, Options::default()),
            Err(first) => {
                let (options, after) = split_options(rest)?;
                if after.is_empty() {
                    return Err(LineProblem::NoKey);
                }
                match Presented::from_text(skip_blanks(after)) {
                    Ok((presented, _)) => (presented, Options::parse(options)?),
                    Err(second) => return Err(better_complaint(first, second, options)),
                }
            }
        };
        Ok(Some(Line { number, principals, options, presented }))
    }

    /// Its number in the file, from 1.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The pattern list of principals.
    pub fn principals(&self) -> &[u8] {
        &self.principals
    }

    /// The key, or (against our rules) certificate, it lists.
    pub fn presented(&self) -> &Presented {
        &self.presented
    }

    /// Whether the key is an authority that certifies others (`cert-authority`).
    pub fn is_authority(&self) -> bool {
        self.options.authority
    }

    /// The pattern list of purposes, if limited.
    pub fn namespaces(&self) -> Option<&[u8]> {
        self.options.namespaces.as_deref()
    }

    /// First second it counts (since 1970 UTC).
    pub fn valid_after(&self) -> Option<u64> {
        self.options.valid_after.map(|stamp| stamp.seconds)
    }

    /// Last second it counts (since 1970 UTC).
    pub fn valid_before(&self) -> Option<u64> {
        self.options.valid_before.map(|stamp| stamp.seconds)
    }

    /// Whether a stamp has no `Z`, so that its meaning depends on the machine that reads it.
    pub fn has_local_stamp(&self) -> bool {
        [self.options.valid_after, self.options.valid_before]
            .into_iter()
            .flatten()
            .any(|stamp| stamp.zone == Zone::Local)
    }
}

/// A line may lack options or have some; of the two attempts' complaints, the one that names the real mistake.
fn better_complaint(without: KeyError, with: KeyError, options: &[u8]) -> LineProblem {
    let meant_as_key =
        options.starts_with(b"ssh-") || options.starts_with(b"sk-") || options.starts_with(b"ecdsa-");
    match Options::parse(options) {
        _ if meant_as_key => LineProblem::Key(without),
        Err(problem) => problem,
        Ok(_) => LineProblem::Key(with),
    }
}

fn skip_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    text.get(blanks..).unwrap_or_default()
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// The first word as OpenSSH's `strdelimw` splits it: a quote may begin inside the word, and ends it.
fn first_word(text: &[u8]) -> Result<(Vec<u8>, &[u8]), LineProblem> {
    let end = text.iter().position(|b| is_delimiter(*b) || *b == b'"').ok_or(LineProblem::NoKey)?;
    let (head, tail) = text.split_at_checked(end).ok_or(LineProblem::NoKey)?;
    let (word, tail) = match tail.split_first() {
        Some((b'"', inside)) => {
            let close = inside.iter().position(|b| *b == b'"').ok_or(LineProblem::OpenQuote)?;
            let (quoted, after) = inside.split_at_checked(close).ok_or(LineProblem::OpenQuote)?;
            ([head, quoted].concat(), after)
        }
        _ => (head.to_vec(), tail),
    };
    let rest = tail.get(1..).unwrap_or_default();
    let blanks = rest.iter().take_while(|b| is_delimiter(**b)).count();
    Ok((word, rest.get(blanks..).unwrap_or_default()))
}

/// Splits behind the options: the first blank outside quotes.
fn split_options(text: &[u8]) -> Result<(&[u8], &[u8]), LineProblem> {
    let (mut at, mut quoted) = (0usize, false);
    while let Some(byte) = text.get(at) {
        match byte {
            b'\\' if text.get(at + 1) == Some(&b'"') => at += 1,
            b'"' => quoted = !quoted,
            b' ' | b'\t' if !quoted => break,
            _ => {}
        }
        at += 1;
    }
    if quoted && at >= text.len() {
        return Err(LineProblem::OpenQuote);
    }
    Ok(text.split_at_checked(at).unwrap_or((text, &[])))
}

impl Options {
    fn parse(text: &[u8]) -> Result<Self, LineProblem> {
        let mut options = Options::default();
        let mut rest = text;
        while !rest.is_empty() && !matches!(rest.first(), Some(b' ' | b'\t')) {
            let before = rest;
            if let Some(after) = strip_name(rest, b"cert-authority") {
                options.authority = true;
                rest = after;
            } else if let Some(after) = strip_name(rest, b"namespaces=") {
                rest = set(&mut options.namespaces, "namespaces", after, Some)?;
            } else if let Some(after) = strip_name(rest, b"valid-after=") {
                rest = set(&mut options.valid_after, "valid-after", after, |value| stamp::parse(&value))?;
            } else if let Some(after) = strip_name(rest, b"valid-before=") {
                rest = set(&mut options.valid_before, "valid-before", after, |value| stamp::parse(&value))?;
            }
            match rest.split_first() {
                None | Some((b' ' | b'\t', _)) => break,
                Some((b',', [])) => return Err(LineProblem::TrailingComma),
                Some((b',', after)) => rest = after,
                Some(_) => {
                    let end = before.iter().position(|b| *b == b',').unwrap_or(before.len());
                    return Err(LineProblem::UnknownOption(printable(before.get(..end).unwrap_or_default())));
                }
            }
        }
        match (options.valid_after, options.valid_before) {
            (Some(start), Some(end)) if end.seconds <= start.seconds => Err(LineProblem::EmptyWindow),
            _ => Ok(options),
        }
    }
}

/// Option names are matched in any case.
fn strip_name<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (head, tail) = text.split_at_checked(name.len())?;
    head.eq_ignore_ascii_case(name).then_some(tail)
}

/// Reads a quoted value into a slot that must still be empty; returns what follows.
fn set<'a, T>(
    slot: &mut Option<T>,
    name: &'static str,
    text: &'a [u8],
    read: impl FnOnce(Vec<u8>) -> Option<T>,
) -> Result<&'a [u8], LineProblem> {
    if slot.is_some() {
        return Err(LineProblem::Twice(name));
    }
    let mut rest = text.strip_prefix(b"\"").ok_or(LineProblem::Unquoted(name))?;
    let mut value = Vec::new();
    loop {
        rest = match rest {
            [b'"', after @ ..] => {
                *slot = Some(read(value).ok_or(LineProblem::Stamp(name))?);
                return Ok(after);
            }
            [b'\\', b'"', after @ ..] => {
                value.push(b'"');
                after
            }
            [byte, after @ ..] => {
                value.push(*byte);
                after
            }
            [] => return Err(LineProblem::OpenQuote),
        };
    }
}
