//! Which process is which: a pid alone is reused, a pid with its start time on one boot is not.
//!
//! Never signals anything. Source: `proc_pid_stat(5)`, `proc_tid_children(5)`.

use std::fs;
use std::io::Read as _;
use std::sync::OnceLock;

use rustix::process::Pid;
use serde::{Deserialize, Serialize};

/// How many descendants are listed at most.
const LISTED: usize = 64;

/// One process on one boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Process id.
    pub pid: i32,
    /// Start time in clock ticks since boot (field 22 of `/proc/PID/stat`).
    pub start: u64,
}

/// A process that was still there when its step had ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftBehind {
    /// Process id.
    pub pid: i32,
    /// The kernel's short name of it. Not its arguments: they may hold secrets.
    pub name: String,
}

impl Identity {
    /// The process that has this pid now, unless it is dead or a zombie.
    pub fn of(pid: i32) -> Option<Identity> {
        // The kernel gives it whole to whoever asks for enough at once: 52 fields of at most 20 digits, and the name.
        let mut stat = [0; 2048];
        let read = fs::File::open(format!("/proc/{pid}/stat")).ok()?.read(&mut stat).ok()?;
        Some(Identity { pid, start: start_time(stat.get(..read)?)? })
    }

    /// The calling process.
    pub fn own() -> Option<Identity> {
        Identity::of(rustix::process::getpid().as_raw_pid())
    }

    /// Whether exactly this process is alive. A zombie is not, and neither is another one under a reused pid.
    pub fn is_alive(self) -> bool {
        Identity::of(self.pid) == Some(self)
    }

    /// For calls that want it; `None` if it never was a pid.
    pub fn raw(self) -> Option<Pid> {
        Pid::from_raw(self.pid).filter(|_| self.pid > 0)
    }
}

/// Field 22. The name in field 2 may itself hold spaces and brackets, so counting starts after the last `)`.
fn start_time(stat: &[u8]) -> Option<u64> {
    let after = stat.rsplit(|b| *b == b')').next()?;
    let mut fields = std::str::from_utf8(after).ok()?.split_ascii_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// This boot of the machine. Empty where the kernel does not tell, which compares equal to itself only.
pub fn boot_id() -> &'static str {
    /// Nobody lives through two.
    static BOOT: OnceLock<String> = OnceLock::new();
    BOOT.get_or_init(|| {
        let id = fs::read_to_string("/proc/sys/kernel/random/boot_id");
        id.map(|id| id.trim().to_owned()).unwrap_or_default()
    })
}

/// Direct children of the calling thread, zombies included.
pub fn own_children() -> Vec<Pid> {
    children_in("/proc/thread-self/children").into_iter().filter_map(Pid::from_raw).collect()
}

fn children_in(file: &str) -> Vec<i32> {
    let Ok(list) = fs::read_to_string(file) else { return Vec::new() };
    list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).filter(|pid| *pid > 0).collect()
}

/// All living descendants of the calling thread, nearest first, at most 64.
pub fn own_descendants() -> Vec<LeftBehind> {
    let mut queue = children_in("/proc/thread-self/children");
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(pid) = queue.get(at).copied() {
        at += 1;
        if found.len() == LISTED {
            break;
        }
        if Identity::of(pid).is_some() {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            found.push(LeftBehind { pid, name: name.trim_end().to_owned() });
        }
        queue.extend(children_in(&format!("/proc/{pid}/task/{pid}/children")));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(name: &str, state: &str, start: &str) -> Vec<u8> {
        format!("7 ({name}) {state} 1 7 7 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 {start} 0 0").into_bytes()
    }

    #[test]
    fn the_start_time_is_found_behind_any_name() {
        assert_eq!(start_time(&stat("sleep", "S", "4711")), Some(4711));
        assert_eq!(start_time(&stat("a) Z (b", "S", "4711")), Some(4711));
        assert_eq!(start_time(&stat("\u{e9} )", "R", "1")), Some(1));
    }

    #[test]
    fn a_zombie_is_dead() {
        assert_eq!(start_time(&stat("sleep", "Z", "4711")), None);
    }

    #[test]
    fn nonsense_is_nobody() {
        assert_eq!(start_time(b""), None);
        assert_eq!(start_time(b"7 (x) S 1"), None);
        assert_eq!(Identity::of(-1), None);
    }

    #[test]
    fn a_reused_pid_is_another_process() {
        let me = Identity::own().unwrap();
        assert!(me.is_alive());
        assert!(!Identity { start: me.start + 1, ..me }.is_alive());
    }
}
