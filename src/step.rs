//! Runs commands and looks at things. Never knows why, and never guesses how something ended.
//!
//! A step's command runs under a small supervisor process, which outlives the hub, enforces the timeout and records the
//! end, and then may take another command. All that is known about one attempt lies in its own file (see [`record`]):
//!
//! * [`supervisor`]: that process.
//! * [`crew`] and [`order`]: those of one hub, and how they are told what to do.
//! * [`runner`]: one attempt, and finding out later how it stands.
//! * [`tail`]: its output while it grows.
//! * [`outcome`]: how it ended, in a person's words.
//! * [`asked`]: what it had been waiting for, when it did not end well.
//! * [`ssh`]: commands on another host.
//! * [`subject`]: looking once, for await, check and measure.
//! * [`mod@set_aside`]: moving a file out of the way without overwriting anything.

pub mod asked;
pub mod crew;
pub mod mask;
pub mod order;
pub mod outcome;
pub mod process;
pub mod progress;
pub mod record;
pub mod runner;
pub mod set_aside;
pub mod ssh;
pub mod subject;

pub mod supervisor;
pub mod tail;

pub use set_aside::set_aside;

use crate::runbook::model::Command;

/// The argv of a resolved command. A string runs in `/bin/sh -eu`, so an unset variable or a failing line ends it.
pub fn argv(command: &Command) -> Vec<String> {
    match command {
        Command::Argv(argv) => argv.clone(),
        Command::Shell(line) => vec!["/bin/sh".into(), "-eu".into(), "-c".into(), line.clone()],
    }
}
