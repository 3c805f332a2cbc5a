//! How an attempt ended, as one of few words and a sentence. Never says more than is known.

use super::process::LeftBehind;
use super::record::{By, Exit, Outcome};
use crate::sanitize::{Clean, line, visible_name};

/// Where the command ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// On this machine: what the supervisor saw is what happened.
    Local,
    /// Through `ssh`: of what happened there, only an exit code tells.
    Remote {
        /// The host.
        host: String,
    },
}

/// The end of an attempt. Sentences have no final period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It exited as expected. This proves nothing about the effect.
    Succeeded,
    /// It ran, or could not be started, and that is a failure.
    Failed {
        /// What happened.
        sentence: Clean,
    },
    /// Time was up, and nothing of it is running any more.
    TimedOut {
        /// What it took to end it.
        sentence: Clean,
    },
    /// A person asked for its end.
    Cancelled,
    /// What happened must be found out by a person or a probe.
    Unknown {
        /// Why it is not known.
        sentence: Clean,
    },
}

/// What an exit means, given the exit codes that count as success.
pub fn judge(exit: &Exit, expected: &[i32], place: &Place) -> Ended {
    if let Place::Remote { host } = place
        && let Some(sentence) = doubt(&exit.outcome, host)
    {
        return Ended::Unknown { sentence };
    }
    match &exit.outcome {
        Outcome::Exited { code } if expected.contains(code) => Ended::Succeeded,
        Outcome::Exited { code } => Ended::Failed { sentence: line(exited(*code, expected)) },
        Outcome::Signalled { signal } => {
            Ended::Failed { sentence: line(format!("killed by {}", name(*signal))) }
        }
        Outcome::TimedOut { by: By::Term } => {
            Ended::TimedOut { sentence: "did not end in time; ended by SIGTERM".into() }
        }
        Outcome::TimedOut { by: By::Kill } => {
            Ended::TimedOut { sentence: "did not end in time, nor on SIGTERM; ended by SIGKILL".into() }
        }
        Outcome::Cancelled { .. } => Ended::Cancelled,
        Outcome::CouldNotStart { why } => Ended::Failed { sentence: line(format!("could not start: {why}")) },
    }
}

/// A warning about processes that were left, or nothing.
pub fn left_behind(left: &[LeftBehind]) -> Option<Clean> {
    if left.is_empty() {
        return None;
    }
    let names: Vec<Clean> =
        left.iter().map(|p| visible_name(format!("{} (process {})", p.name, p.pid))).collect();
    let mut warning = Clean::literal("still running: ");
    warning.push(&Clean::join(&names, ", "));
    Some(warning)
}

impl Exit {
    /// What ssh's own end leaves open about the far side; `None` where the far command's exit code came back.
    pub fn over_ssh(&self, host: &str) -> Option<Clean> {
        doubt(&self.outcome, host)
    }
}

fn doubt(outcome: &Outcome, host: &str) -> Option<Clean> {
    let what = match outcome {
        // ssh(1): "exits with the exit status of the remote command or with 255 if an error occurred".
        Outcome::Exited { code: 255 } => {
            "ssh ended with 255: no connection, or it broke, or the command said 255".to_owned()
        }
        Outcome::Signalled { signal } => format!("ssh was killed by {}", name(*signal)),
        Outcome::TimedOut { .. } => "no answer in time".to_owned(),
        Outcome::Cancelled { .. } => "ssh was ended on request".to_owned(),
        Outcome::Exited { .. } | Outcome::CouldNotStart { .. } => return None,
    };
    Some(line(format!("{what}; the command may still run, or have run, on {}", visible_name(host))))
}

fn exited(code: i32, expected: &[i32]) -> String {
    match code {
        // What POSIX shells mean by these.
        127 => "exit code 127: a shell did not find a command".to_owned(),
        126 => "exit code 126: a shell found a command it may not run".to_owned(),
        129..=192 => format!("exit code {code}: a shell's command was killed by {}", name(code - 128)),
        0 => {
            let codes: Vec<String> = expected.iter().map(i32::to_string).collect();
            format!("exit code 0, where {} is expected", codes.join(" or "))
        }
        _ => format!("exit code {code}"),
    }
}

/// `signal(7)`; numbers as on every Linux but Alpha, SPARC, MIPS and PA-RISC.
fn name(signal: i32) -> String {
    let known = match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        _ => return format!("signal {signal}"),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::record::OutputFacts;

    fn exit(outcome: Outcome) -> Exit {
        Exit { outcome, started_us: 0, ended_us: 1, output: OutputFacts::default(), left_behind: Vec::new() }
    }

    fn local(outcome: Outcome) -> Ended {
        judge(&exit(outcome), &[0], &Place::Local)
    }

    fn failed(sentence: &'static str) -> Ended {
        Ended::Failed { sentence: sentence.into() }
    }

    fn remote(outcome: Outcome) -> Ended {
        judge(&exit(outcome), &[0, 255], &Place::Remote { host: "db1".into() })
    }

    #[test]
    fn expected_codes_succeed_and_others_fail() {
        assert_eq!(local(Outcome::Exited { code: 0 }), Ended::Succeeded);
        assert_eq!(local(Outcome::Exited { code: 3 }), failed("exit code 3"));
        assert_eq!(judge(&exit(Outcome::Exited { code: 3 }), &[0, 3], &Place::Local), Ended::Succeeded);
        assert_eq!(
            judge(&exit(Outcome::Exited { code: 0 }), &[2, 3], &Place::Local),
            failed("exit code 0, where 2 or 3 is expected")
        );
    }

    #[test]
    fn signals_and_shell_codes_are_said_in_words() {
        assert_eq!(local(Outcome::Signalled { signal: 9 }), failed("killed by SIGKILL"));
        assert_eq!(local(Outcome::Signalled { signal: 40 }), failed("killed by signal 40"));
        assert_eq!(
            local(Outcome::Exited { code: 127 }),
            failed("exit code 127: a shell did not find a command")
        );
        assert_eq!(
            local(Outcome::Exited { code: 139 }),
            failed("exit code 139: a shell's command was killed by SIGSEGV")
        );
    }

    #[test]
    fn a_timeout_says_what_it_took() {
        let Ended::TimedOut { sentence } = local(Outcome::TimedOut { by: By::Kill }) else { panic!("other") };
        assert!(sentence.as_str().contains("SIGKILL"));
    }

    #[test]
    fn what_ssh_cannot_know_is_unknown() {
        let doubtful = [
            Outcome::Exited { code: 255 },
            Outcome::Signalled { signal: 9 },
            Outcome::TimedOut { by: By::Term },
            Outcome::Cancelled { by: By::Term },
        ];
        for outcome in doubtful {
            let ended = remote(outcome.clone());
            assert!(
                matches!(&ended, Ended::Unknown { sentence } if sentence.as_str().contains("on db1")),
                "{outcome:?}"
            );
        }
        assert_eq!(remote(Outcome::Exited { code: 0 }), Ended::Succeeded);
        assert_eq!(remote(Outcome::Exited { code: 1 }), failed("exit code 1"));
        let missing = Outcome::CouldNotStart { why: "ssh: command not found".into() };
        assert_eq!(remote(missing), failed("could not start: ssh: command not found"));
    }

    #[test]
    fn foreign_words_in_a_sentence_are_harmless() {
        let Ended::Failed { sentence } =
            local(Outcome::CouldNotStart { why: "\u{1b}[2Jx\u{202e}: not found".into() })
        else {
            panic!("other")
        };
        assert_eq!(sentence.as_str(), "could not start: x\\u{202e}: not found");
        let left = [LeftBehind { pid: 7, name: "a\u{1b}[m".into() }];
        assert_eq!(left_behind(&left).unwrap().as_str(), "still running: a^[[m (process 7)");
        assert_eq!(left_behind(&[]), None);
    }
}
