//! Starts the command of a job. Never lets it have a terminal, an ssh agent or anything to read.

use std::ffi::OsString;
use std::io::{self, ErrorKind, PipeReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Pid;

use crate::step::order::Order;

/// Taken away: whoever started the hub did not mean to lend their agent to every step.
pub(crate) const WITHHELD: [&str; 2] = ["SSH_AUTH_SOCK", "SSH_AGENT_PID"];

/// Set: output is text for a log, and appears as it is printed.
pub(crate) const SET: [(&str, &str); 3] = [("TERM", "dumb"), ("NO_COLOR", "1"), ("PYTHONUNBUFFERED", "1")];

/// Starts it in a process group of its own. One pipe takes output and errors, because two cannot keep their order.
///
/// # Errors
/// A sentence why there is no command now.
pub fn spawn(order: &Order) -> Result<(Pid, PipeReader), String> {
    let job = &order.job;
    let Some((program, args)) = job.argv.split_first() else {
        return Err("there is no command".to_owned());
    };
    let (reader, writer) = io::pipe().map_err(|e| e.to_string())?;
    let mut command = Command::new(program);
    command
        .args(args)
        .current_dir(&job.cwd)
        .stdin(Stdio::null())
        .stderr(writer.try_clone().map_err(|e| e.to_string())?)
        .stdout(writer)
        .process_group(0);
    for name in WITHHELD {
        command.env_remove(name);
    }
    // What the runbook sets itself counts.
    command.envs(SET).envs(&order.env);
    // Dropping the command closes this side's copy of the pipe's write end; else the output would never end.
    let child = command.spawn().map_err(|e| why_not(&e, program, order))?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    Ok((pid.ok_or("the kernel gave no process id")?, reader))
}

/// The error says little: a missing interpreter, directory and program are all "No such file or directory".
fn why_not(error: &io::Error, program: &str, order: &Order) -> String {
    let cwd = &order.job.cwd;
    if !cwd.is_dir() {
        return format!("the working directory {} is not there", cwd.display());
    }
    let file = find(program, order);
    match (error.kind(), file) {
        (ErrorKind::NotFound, None) if program.contains('/') => format!("{program}: there is no such file"),
        (ErrorKind::NotFound, None) => format!("{program}: command not found"),
        (ErrorKind::NotFound, Some(file)) => {
            format!("{}: the interpreter its first line names is not there", file.display())
        }
        (ErrorKind::PermissionDenied, Some(file)) if file.is_dir() => {
            format!("{}: is a directory, not a program", file.display())
        }
        (ErrorKind::PermissionDenied, Some(file)) if !is_executable(&file) => {
            format!("{}: is not executable", file.display())
        }
        (ErrorKind::PermissionDenied, _) => format!("{program}: may not be run by this user"),
        _ if error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => {
            format!("{program}: is neither a program nor a script with a #! line")
        }
        _ => format!("{program}: {error}"),
    }
}

fn find(program: &str, order: &Order) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(order.job.cwd.join(program)).filter(|file| file.exists());
    }
    let path = order.env.get("PATH").map(OsString::from).or_else(|| std::env::var_os("PATH"))?;
    let all: Vec<PathBuf> =
        std::env::split_paths(&path).map(|dir| dir.join(program)).filter(|f| f.exists()).collect();
    all.iter().find(|file| is_executable(file)).or(all.first()).cloned()
}

fn is_executable(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}
