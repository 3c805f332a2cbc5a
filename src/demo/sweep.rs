//! Ends what a demo has started: hub, supervisors, steps, shop, visitors. Never touches a process of another program,
//! and none that a person started by hand.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// So long may a process take to end after it was asked.
const ENDS_WITHIN: Duration = Duration::from_secs(5);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);

/// Processes of this program under a hidden verb whose first argument lies in `dir`: process id and verb.
///
/// Empty where there is no `/proc`.
pub fn processes(dir: &Path) -> Vec<(Pid, String)> {
    let (Ok(own), Ok(entries)) = (fs::read_link("/proc/self/exe"), fs::read_dir("/proc")) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
        let Some(pid) = pid else { continue };
        let Ok(line) = fs::read(entry.path().join("cmdline")) else { continue };
        let mut words = line.split(|b| *b == 0).skip(1);
        let (Some(verb), Some(first)) = (words.next(), words.next()) else { continue };
        let inside = Path::new(std::ffi::OsStr::from_bytes(first)).starts_with(dir);
        let hidden = verb.starts_with(b"__");
        if hidden && inside && fs::read_link(entry.path().join("exe")).is_ok_and(|exe| exe == own) {
            found.push((pid, String::from_utf8_lossy(verb).into_owned()));
        }
    }
    found
}

/// Ends them: the hub first, then the rest; who does not listen is killed. Returns when they are gone.
pub fn end_all(dir: &Path) {
    for only_hub in [Some("__hub"), None] {
        let left = || -> Vec<Pid> {
            let all = processes(dir);
            all.into_iter().filter(|(_, v)| only_hub.is_none_or(|hub| v == hub)).map(|(pid, _)| pid).collect()
        };
        for signal in [Signal::TERM, Signal::KILL] {
            for pid in left() {
                // It may have ended in between.
                let _ = kill_process(pid, signal);
            }
            let begun = Instant::now();
            while !left().is_empty() && begun.elapsed() < ENDS_WITHIN {
                std::thread::sleep(LOOK);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_of_other_programs_are_never_found() {
        let dir = tempfile::tempdir().unwrap();
        let script = "read line";
        let mut other = std::process::Command::new("/bin/sh")
            .args(["-c", script, "__hub"])
            .arg(dir.path())
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        assert_eq!(processes(dir.path()), []);
        end_all(dir.path());
        assert!(other.try_wait().unwrap().is_none());
        drop(other.stdin.take());
        other.wait().unwrap();
    }
}
