//! The command line: parse, call, print. Never known by any other room, and never the place of a rule.
//!
//! One file a verb. Data goes to standard output, everything for people to standard error; exit codes are those of
//! [`crate::error::Kind`].

pub mod act;
pub mod args;
pub mod ask;
pub mod captive;
pub mod context;
pub mod demo;
pub mod diff;
pub mod doctor;
pub mod door;
pub mod export;
pub mod follow;
pub mod given;
pub mod history;
pub mod import;
pub mod init;
pub mod invite;
pub mod lint;
pub mod list;
pub mod live;
pub mod open;
pub mod params;
pub mod pending;
pub mod plan;
pub mod probe;
pub mod prove;
pub mod record;
pub mod redlines;
pub mod report;
pub mod resume;
pub mod room;
pub mod schema;
pub mod stdio;
pub mod verify;
pub mod watch;

use crate::error::{Failure, Kind, Result};
use crate::sanitize;
use args::{Args, Verb};
use clap::{CommandFactory as _, Parser as _};
use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

/// The first part of every log's name, where the workspace says nothing else.
pub const ORIGIN: &str = "backout.local";

/// Runs the program with these arguments, the program's name first.
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.collect();
    if let Some(code) = hidden(&arguments) {
        return code;
    }
    let args = match Args::try_parse_from(&arguments) {
        Ok(args) => args,
        Err(error) => {
            let code = if error.use_stderr() { Kind::Usage.exit_code() } else { 0 };
            // A closed pipe behind `--help` is nobody's problem.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report(&failure);
            ExitCode::from(failure.kind.exit_code())
        }
    }
}

/// The processes that this program starts itself. They are kept from the parser: they must start fast.
fn hidden(arguments: &[OsString]) -> Option<ExitCode> {
    let verb = arguments.get(1)?;
    let rest = || arguments.iter().skip(2).cloned();
    if verb == "__step" {
        return Some(crate::step::supervisor::main());
    }
    if verb == crate::hub::start::VERB {
        return Some(crate::hub::start::main(rest().next().unwrap_or_default().as_ref()));
    }
    crate::demo::hidden::run(verb, rest())
}

fn run(args: &Args) -> Result<()> {
    match &args.verb {
        Verb::Demo(verb) => demo::run(args, verb),
        Verb::Init(verb) => init::run(args, verb),
        Verb::Lint(verb) => lint::run(args, verb),
        Verb::Plan(verb) => plan::run(args, verb),
        Verb::Diff(verb) => diff::run(args, verb),
        Verb::Import(verb) => import::run(verb),
        Verb::Redlines(verb) => redlines::run(args, verb),
        Verb::Schema(verb) => {
            schema::run(verb);
            Ok(())
        }
        Verb::Open(verb) => open::run(args, verb),
        Verb::Join(verb) => live::run(args, verb),
        Verb::Doctor(verb) => doctor::run(args, verb),
        Verb::Invite(verb) => invite::run(args, verb),
        Verb::Pending(verb) => pending::run(args, verb),
        Verb::Submit(verb) => pending::submit(args, verb),
        Verb::Captive => captive::run(args),
        Verb::Stdio(verb) => stdio::run(args, verb),
        Verb::Resume(verb) => resume::run(args, verb),
        Verb::List(verb) => list::run(args, verb),
        Verb::Status(verb) => list::status(args, verb),
        Verb::Watch(verb) => watch::run(args, verb),
        Verb::Verify(verb) => verify::run(args, verb),
        Verb::Prove(verb) => prove::run(args, verb),
        Verb::Export(verb) => export::run(args, verb),
        Verb::Report(verb) => report::run(args, verb),
        Verb::Act(verb) => act::run(args, verb),
        Verb::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut Args::command(), "backout", &mut text);
            print(&String::from_utf8_lossy(&text));
            Ok(())
        }
        Verb::Man => {
            let mut text = Vec::new();
            let page = clap_mangen::Man::new(Args::command());
            page.render(&mut text)
                .map_err(|e| Failure::new(Kind::Internal, "the manual cannot be made").because(e))?;
            print(&String::from_utf8_lossy(&text));
            Ok(())
        }
    }
}

/// Prints data. A reader that closed the pipe has seen enough: that is no failure.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    if !text.is_empty() && !text.ends_with('\n') {
        let _ = out.write_all(b"\n");
    }
    let _ = out.flush();
}

/// Prints JSON, in which foreign text may stand anywhere.
pub fn print_json(text: &str) {
    print(&sanitize::json(text));
}

/// Says something to the person, on standard error.
pub fn say(text: &str) {
    // One write, so that no other process's line comes into the middle of it.
    let _ = std::io::stderr().lock().write_all(format!("{}\n", sanitize::text(text).as_str()).as_bytes());
}

/// What is wrong, with what, and what to do.
fn report(failure: &Failure) {
    say(&format!("backout: {failure}"));
}
