//! `captive`: the whole of what a shared login can do, for sshd's `ForceCommand`. Who somebody is comes from the key that
//! sshd let in. Never starts a shell, a pager, an editor or a hub, and never serves a hub of its own account.

use crate::cli::args::{Args, Join, Verb};
use crate::cli::{live, pending, say, stdio};
use crate::error::{Failure, Result};
use crate::identity::key::Presented;
use clap::Parser as _;
use std::path::PathBuf;

/// Runs the verb: the console, or the command that came over ssh if it is one of the few.
pub fn run(args: &Args) -> Result<()> {
    let key = key_that_came_in()?;
    let asked = std::env::var("SSH_ORIGINAL_COMMAND").unwrap_or_default();
    let words = words(&asked)?;
    let mut theirs = match words.split_first() {
        None => Args::parse_from(["backout", "join"]),
        Some((first, rest)) => {
            let rest = if first == "backout" { rest } else { words.as_slice() };
            let all = std::iter::once("backout").chain(rest.iter().map(String::as_str));
            Args::try_parse_from(all).map_err(|e| {
                let why = e.to_string();
                Failure::usage("this login takes no such command")
                    .because(why.lines().next().unwrap_or_default())
                    .hint(ALLOWED)
            })?
        }
    };
    if theirs.key.is_some() || theirs.socket.is_some() || theirs.via.is_some() || theirs.workspace.is_some() {
        return Err(Failure::refused("this login reads no files and goes nowhere else").hint(ALLOWED));
    }
    // Where incidents are is the administrator's word.
    theirs.state = args.state.clone();
    theirs.captive = Some(key);
    serve(&mut theirs)
}

const ALLOWED: &str = "there is the console (no command), `join`, `pending`, `submit`, every act such as `approve`, and `stdio`";

fn serve(args: &mut Args) -> Result<()> {
    let verb = std::mem::replace(&mut args.verb, Verb::Man);
    match verb {
        Verb::Join(verb) if !verb.observe && std::env::var_os("SSH_AUTH_SOCK").is_none() => {
            say("Your agent is not forwarded, so you look on: nothing here can sign for you.");
            live::run(args, &Join { observe: true, ..verb })
        }
        Verb::Join(verb) => live::run(args, &verb),
        Verb::Pending(verb) => pending::run(args, &verb),
        Verb::Submit(verb) => pending::submit(args, &verb),
        Verb::Stdio(verb) => stdio::run(args, &verb),
        Verb::Act(verb) if verb.file().is_some() => Err(Failure::refused("this login reads no files")
            .hint("send the runbook's text, or edit it in the console; amend from your own login")),
        Verb::Act(verb) => crate::cli::act::run(args, &verb),
        _ => Err(Failure::refused("this login takes no such command").hint(ALLOWED)),
    }
}

/// The key that sshd let in, from the file that `ExposeAuthInfo` makes.
fn key_that_came_in() -> Result<Presented> {
    let unknown = |why: &str| {
        Failure::environment("sshd does not say whose key this is")
            .because(why)
            .hint("this verb is for ForceCommand; sshd_config needs `ExposeAuthInfo yes`")
    };
    let path = std::env::var_os("SSH_USER_AUTH")
        .map(PathBuf::from)
        .ok_or_else(|| unknown("SSH_USER_AUTH is not set"))?;
    let text = std::fs::read(&path).map_err(|e| unknown(&e.to_string()))?;
    let mut lines = text.split(|b| *b == b'\n').filter_map(|line| line.strip_prefix(b"publickey "));
    let line = lines.next().ok_or_else(|| unknown("nobody came in with a key"))?;
    Presented::from_text(line).map(|(key, _)| key).map_err(|e| unknown(&e.to_string()))
}

/// Splits a command as a shell would, without doing anything a shell would do.
fn words(command: &str) -> Result<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None::<char>);
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some('"') | None, '\\') => word.get_or_insert_default().extend(chars.next()),
            (Some(_), _) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                word.get_or_insert_default();
                quote = Some(c);
            }
            (None, _) if c.is_whitespace() => words.extend(word.take()),
            (None, '$' | '`' | ';' | '&' | '|' | '<' | '>' | '(' | ')') => {
                return Err(Failure::refused(format!("this login is no shell: `{c}` means nothing here"))
                    .hint(ALLOWED));
            }
            (None, _) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err(Failure::usage("a quote is not closed"));
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_and_nothing_else() {
        assert_eq!(
            words(r#"backout note '01 X' "it's \"so\"" a\ b"#).unwrap(),
            ["backout", "note", "01 X", "it's \"so\"", "a b"]
        );
        assert_eq!(words("  ").unwrap(), Vec::<String>::new());
        assert_eq!(words("join ''").unwrap(), ["join", ""]);
        for sly in ["join; sh", "join $(sh)", "join `sh`", "join | sh", "join && sh", "join > x", "'join"] {
            assert!(words(sly).is_err(), "{sly}");
        }
    }
}
