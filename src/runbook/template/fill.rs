//! Filling one text. Never lets a value change how the text around it is read.

use super::{Name, Piece, Scope, TemplateError, pieces, shell_quoted};

/// Longest value in an argument, in bytes: Linux refuses a single argument of 128 KiB.
const LONGEST_ARGUMENT: usize = 128 * 1024 - 1;

/// What the text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// One argument of a list.
    Argument,
    /// A line for `/bin/sh`.
    Shell,
    /// The value of an environment variable; the only spot for secrets.
    Environment,
    /// A regular expression.
    Pattern,
    /// An address; values after the start are percent-encoded.
    Address,
    /// One header line.
    Header,
    /// Text that is compared or read.
    Words,
}

/// Fills a text for a spot.
///
/// # Errors
///
/// Every [`TemplateError`].
pub fn fill(text: &str, scope: &Scope, spot: Spot) -> Result<String, TemplateError> {
    if !text.contains("{{") {
        return Ok(text.to_owned());
    }
    let mut out = String::new();
    let mut shell = Shell::default();
    for piece in pieces(text)? {
        match piece {
            Piece::Text(text) => {
                shell.read(&text);
                out.push_str(&text);
            }
            Piece::Name(name) => {
                let value = match spot {
                    Spot::Environment => scope.any_value(&name)?,
                    Spot::Argument
                    | Spot::Shell
                    | Spot::Pattern
                    | Spot::Address
                    | Spot::Header
                    | Spot::Words => scope.open_value(&name)?,
                };
                if spot == Spot::Shell {
                    shell.allows(&name)?;
                }
                let value = fitted(&name, value, spot, out.is_empty())?;
                shell.read("x");
                out.push_str(&value);
            }
        }
    }
    Ok(out)
}

/// Whether the names of a shell line stand where quoting holds them together; values are not needed.
///
/// # Errors
///
/// [`TemplateError::ShellSpot`] and those of [`pieces`].
pub(in crate::runbook) fn check_shell(text: &str) -> Result<(), TemplateError> {
    let mut shell = Shell::default();
    for piece in pieces(text)? {
        match piece {
            Piece::Text(text) => shell.read(&text),
            Piece::Name(name) => {
                shell.allows(&name)?;
                shell.read("x");
            }
        }
    }
    Ok(())
}

fn fitted(name: &Name, value: &str, spot: Spot, at_start: bool) -> Result<String, TemplateError> {
    let bad = |why| TemplateError::BadValue { name: name.to_string(), why };
    let executed = matches!(spot, Spot::Argument | Spot::Shell | Spot::Environment);
    if executed && value.contains('\0') {
        return Err(bad("holds a NUL byte, which no command can be given"));
    }
    if executed && value.len() > LONGEST_ARGUMENT {
        return Err(bad("is longer than a command can be given (128 KiB)"));
    }
    if matches!(spot, Spot::Header | Spot::Address) && value.chars().any(char::is_control) {
        return Err(bad("holds a control character, which no address or header can hold"));
    }
    Ok(match spot {
        Spot::Argument | Spot::Environment | Spot::Header | Spot::Words => value.to_owned(),
        Spot::Shell => shell_quoted(value),
        Spot::Pattern => regex::escape(value),
        Spot::Address if at_start => value.to_owned(),
        Spot::Address => percent_encoded(value),
    })
}

/// RFC 3986: everything but the unreserved characters.
fn percent_encoded(value: &str) -> String {
    let keep = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    value.bytes().map(|b| if keep(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// Follows POSIX shell quoting far enough to know where a quoted word stays one word.
#[derive(Debug, Default)]
struct Shell {
    quote: Quote,
    escaped: bool,
    in_word: bool,
    dollar: bool,
    nested: bool,
    less: u8,
    here_document: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Quote {
    #[default]
    Bare,
    Single,
    Double,
    Comment,
}

impl Shell {
    fn read(&mut self, text: &str) {
        for c in text.chars() {
            self.step(c);
        }
    }

    fn step(&mut self, c: char) {
        let was_escaped = std::mem::take(&mut self.escaped);
        let in_word = std::mem::replace(&mut self.in_word, !c.is_whitespace() && !";&|()".contains(c));
        self.less = if c == '<' && self.quote == Quote::Bare { self.less + 1 } else { 0 };
        // `<<` opens a here-document somewhere below; its body quotes nothing.
        self.here_document |= self.less == 2;
        let dollar = std::mem::replace(&mut self.dollar, c == '$' && !was_escaped);
        if was_escaped {
            return;
        }
        // Quotes inside `"$(…)"`, `"${…}"`, backticks and `$'…'` follow rules of their own, which shells do not
        // even agree on: from there on nothing is taken for safe.
        self.nested |= match self.quote {
            Quote::Bare => c == '`' || (dollar && c == '\''),
            Quote::Double => c == '`' || (dollar && matches!(c, '(' | '{')),
            Quote::Single | Quote::Comment => false,
        };
        self.quote = match (self.quote, c) {
            (Quote::Bare | Quote::Double, '\\') => {
                self.escaped = true;
                self.quote
            }
            (Quote::Bare, '\'') => Quote::Single,
            (Quote::Bare, '"') => Quote::Double,
            (Quote::Bare, '#') if !in_word => Quote::Comment,
            (Quote::Single, '\'') | (Quote::Double, '"') | (Quote::Comment, '\n') => Quote::Bare,
            (same, _) => same,
        };
    }

    fn allows(&self, name: &Name) -> Result<(), TemplateError> {
        let unquoted = "leave the quotes out: a value is quoted by itself";
        let list = "write the command as a list";
        let (place, help) = match self.quote {
            _ if self.here_document => {
                ("after `<<`", "pass the value in `env`, or write the command as a list")
            }
            _ if self.nested => ("after backticks or quotes with a `$(` inside", list),
            _ if self.dollar => ("right after `$`", list),
            _ if self.escaped => ("after a backslash", list),
            Quote::Bare => return Ok(()),
            Quote::Single => ("inside single quotes", unquoted),
            Quote::Double => ("inside double quotes", unquoted),
            Quote::Comment => ("in a comment", "leave it out of the comment"),
        };
        Err(TemplateError::ShellSpot { name: name.to_string(), place, help })
    }
}
