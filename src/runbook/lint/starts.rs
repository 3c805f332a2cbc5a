//! Every command of a step and what it is for. Never starts one.

use super::case::Placed;
use crate::runbook::model::{Action, Command, Step, Subject};

/// What a command is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It changes something.
    Changes,
    /// It takes a change back.
    Undoes,
    /// It only looks, and is repeated as it pleases us.
    Looks,
}

/// One command and its place.
pub struct Start<'a> {
    /// Such as `phases[0].steps[2].run`.
    pub path: String,
    /// What it is for.
    pub purpose: Purpose,
    /// The command.
    pub command: &'a Command,
}

impl Start<'_> {
    /// The command in one text, as a person would type it.
    pub fn text(&self) -> String {
        match self.command {
            Command::Argv(args) => args.join(" "),
            Command::Shell(text) => text.clone(),
        }
    }

    /// The script, where a shell reads it: a text, or the argument of `sh -c`.
    pub fn script(&self) -> Option<&str> {
        match self.command {
            Command::Shell(text) => Some(text),
            Command::Argv(args) => {
                let shell = args.first().map(|p| p.rsplit('/').next().unwrap_or(p))?;
                let dash = args.iter().position(|a| a.starts_with('-') && a.ends_with('c'))?;
                let is = matches!(shell, "sh" | "bash" | "dash" | "zsh" | "ksh");
                args.get(dash + 1).filter(|_| is).map(String::as_str)
            }
        }
    }

    /// The program that is started, without its folder; nothing when a shell finds it.
    pub fn program(&self) -> Option<&str> {
        match self.command {
            Command::Argv(args) => args.first().map(|p| p.rsplit('/').next().unwrap_or(p)),
            Command::Shell(_) => None,
        }
    }
}

/// All commands of a step.
pub fn of<'a>(placed: &Placed<'a>) -> Vec<Start<'a>> {
    let step: &'a Step = placed.step;
    let mut out = Vec::new();
    let mut put = |key: &str, purpose, command: &'a Command| {
        out.push(Start { path: format!("{}.{key}", placed.path), purpose, command });
    };
    match &step.action {
        Action::Run { command, .. } => put("run", Purpose::Changes, command),
        Action::Await(a) => {
            looked_at(&a.condition.subject).into_iter().for_each(|c| put("await.run", Purpose::Looks, c))
        }
        Action::Check(c) => {
            looked_at(&c.condition.subject).into_iter().for_each(|c| put("check.run", Purpose::Looks, c))
        }
        Action::Measure { subject, .. } => {
            looked_at(subject).into_iter().for_each(|c| put("measure.run", Purpose::Looks, c));
        }
        Action::Manual { .. }
        | Action::Approve(_)
        | Action::Decide { .. }
        | Action::Send { .. }
        | Action::SetAside { .. }
        | Action::Wait { .. } => {}
    }
    if let Some(undo) = &step.undo {
        put("undo", Purpose::Undoes, undo);
    }
    if let Some(target) = &step.target {
        put("target.run", Purpose::Looks, &target.run);
    }
    if let Some(probe) = step.reconcile.as_ref().and_then(|c| looked_at(&c.subject)) {
        put("reconcile.run", Purpose::Looks, probe);
    }
    if let Some(backlog) = &step.backlog {
        put("backlog.count", Purpose::Looks, &backlog.count);
    }
    out
}

fn looked_at(subject: &Subject) -> Option<&Command> {
    match subject {
        Subject::Run(command) => Some(command),
        Subject::Http(_) | Subject::Metric { .. } => None,
    }
}

/// A script with what stands in quotes or behind `#` blanked out, so that operators can be told from text.
pub fn outside_quotes(script: &str) -> String {
    let mut out = String::with_capacity(script.len());
    let mut quote: Option<char> = None;
    let mut escaped = false;
    let mut comment = false;
    let mut before = '\n';
    for c in script.chars() {
        let shown = match quote {
            _ if comment => {
                comment = c != '\n';
                if comment { ' ' } else { c }
            }
            _ if escaped => {
                escaped = false;
                ' '
            }
            Some(open) => {
                if c == open {
                    quote = None;
                }
                escaped = c == '\\' && open == '"';
                ' '
            }
            None => match c {
                '\\' => {
                    escaped = true;
                    ' '
                }
                '\'' | '"' => {
                    quote = Some(c);
                    '"'
                }
                '#' if before.is_whitespace() => {
                    comment = true;
                    ' '
                }
                other => other,
            },
        };
        out.push(shown);
        before = c;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_or_a_comment_is_blank() {
        assert_eq!(
            outside_quotes("a 'b|c' | d # e|f\ng"),
            "a \"    | d      \ng".replace("\"    |", "\"     |")
        );
        assert!(!outside_quotes("echo \"a \\\" | b\"").contains('|'));
        assert!(!outside_quotes("echo a\\|b").contains('|'));
        assert!(outside_quotes("echo $(a | b)").contains('|'));
        assert!(outside_quotes("echo a#b | c").contains('|'));
    }
}
