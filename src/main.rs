//! The program: arguments, dispatch, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    backout::cli::main(std::env::args_os())
}
