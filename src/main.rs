//! Arguments to dispatch to exit code. Never does the work itself.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    // Before anything costs time or threads: this is the process around every step.
    let verb = args.next().unwrap_or_default();
    if verb == "__step" {
        return backout::step::supervisor::main(args.next());
    }
    if verb == backout::hub::start::VERB {
        return backout::hub::start::main(args.next().unwrap_or_default().as_ref());
    }
    if let Some(ended) = backout::demo::hidden::run(&verb, args) {
        return ended;
    }
    ExitCode::SUCCESS
}
