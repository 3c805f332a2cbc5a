//! Values that stand inside a text which another program reads as code: SQL, a script. Never knows every program.

use super::case::{Case, Report};
use super::starts;
use crate::runbook::model::{Command, Runbook};
use crate::runbook::parse::whole_match;
use crate::runbook::template::{self, Name};

/// Programs that read an argument as code, the letters of such a flag, and its long names.
const READERS: [(&[&str], &str, &[&str]); 6] = [
    (&["sh", "bash", "dash", "zsh", "ksh"], "c", &[]),
    (&["psql", "duckdb"], "c", &["--command"]),
    (&["mysql", "mariadb"], "e", &["--execute"]),
    (&["python", "python3"], "c", &[]),
    (&["perl", "ruby", "node"], "eE", &["--eval"]),
    (&["mongosh", "mongo", "redis-cli"], "", &["--eval", "eval", "EVAL"]),
];

/// What a value must not be able to hold where it becomes a part of code.
const BREAKS_OUT: [&str; 6] = ["x'x", "x\"x", "x;x", "x`x`", "x$(x)", "'; x --"];

pub fn values_stand_beside_code(case: &Case<'_>, report: &mut Report<'_>) {
    for placed in &case.steps {
        for start in starts::of(placed) {
            for (program, code) in codes(start.command) {
                let names = template::names(code).unwrap_or_default();
                if is_all(code, &names) {
                    continue;
                }
                if let Some(name) = names.iter().find(|name| is_free(case.runbook, name)) {
                    let message = format!(
                        "`{name}` stands inside code that {program} reads: a quote in it changes what is done"
                    );
                    report.at(&start.path, &message);
                }
            }
        }
    }
}

/// Whether the code is one value and nothing else: whoever gives it gives the code, and there is nothing to break out of.
fn is_all(code: &str, names: &[Name]) -> bool {
    let code = code.trim();
    names.len() == 1 && code.starts_with("{{") && code.find("}}") == code.len().checked_sub(2)
}

/// Whether it can hold anything: a measurement, or a parameter whose pattern does not forbid what breaks out of code.
fn is_free(runbook: &Runbook, name: &Name) -> bool {
    match name {
        Name::Measurement(_) => true,
        Name::Param(name) => runbook.params.iter().filter(|p| p.name == *name && !p.secret).any(|param| {
            let pattern = param.pattern.as_deref();
            pattern.is_none_or(|pattern| BREAKS_OUT.iter().any(|text| whole_match(pattern, text)))
        }),
        Name::Incident(_) => false,
    }
}

/// The arguments that are read as code, each with the program that reads it. A text for the shell has none: values in
/// it are quoted, or refused.
fn codes(command: &Command) -> Vec<(&str, &str)> {
    let Command::Argv(args) = command else { return Vec::new() };
    let mut found = Vec::new();
    let mut reader: Option<(&str, &str, &[&str])> = None;
    let mut args = args.iter().map(String::as_str);
    while let Some(arg) = args.next() {
        let base = arg.rsplit('/').next().unwrap_or(arg);
        if let Some((_, letters, long)) = READERS.iter().find(|(names, ..)| names.contains(&base)) {
            reader = Some((base, letters, long));
            continue;
        }
        let Some((program, letters, long)) = reader else { continue };
        if let Some((flag, code)) = arg.split_once('=')
            && long.contains(&flag)
        {
            found.push((program, code));
        } else if long.contains(&arg) || is_short(arg, letters) {
            found.extend(args.next().map(|code| (program, code)));
        }
    }
    found
}

/// `-c`, `-Atc`: one dash, letters, and the last of them takes the code.
fn is_short(arg: &str, letters: &str) -> bool {
    let flags = arg.strip_prefix('-').filter(|flags| flags.chars().all(char::is_alphabetic));
    flags.and_then(|flags| flags.chars().last()).is_some_and(|last| letters.contains(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(args: &[&str]) -> Vec<(String, String)> {
        let command = Command::Argv(args.iter().map(|a| (*a).to_owned()).collect());
        codes(&command).into_iter().map(|(p, c)| (p.to_owned(), c.to_owned())).collect()
    }

    #[test]
    fn code_is_found_behind_its_flag_and_whatever_starts_its_reader() {
        for (args, program) in [
            (&["psql", "-d", "x", "-Atc", "CODE"][..], "psql"),
            (&["/usr/bin/psql", "--command=CODE"], "psql"),
            (&["sudo", "-n", "-u", "postgres", "psql", "-c", "CODE"], "psql"),
            (&["docker", "exec", "db", "sh", "-euc", "CODE"], "sh"),
            (&["mysql", "-Ne", "CODE"], "mysql"),
            (&["python3", "-c", "CODE", "beside"], "python3"),
            (&["redis-cli", "eval", "CODE", "0"], "redis-cli"),
        ] {
            assert_eq!(of(args), [(program.to_owned(), "CODE".to_owned())], "{args:?}");
        }
        for args in [
            &["psql", "-d", "x", "-f", "file", "-v", "x=y"][..],
            &["grep", "-c", "x"],
            &["sh", "script.sh", "x"],
            &["tar", "-c", "psql"],
        ] {
            assert_eq!(of(args), [], "{args:?}");
        }
    }
}
