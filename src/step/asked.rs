//! What a command that did not end well had been waiting for: a password, a terminal, an answer. Read off the end of
//! what it printed. Never more than a remark: it changes no outcome.

/// So much of the end is looked at, in bytes.
const END: usize = 2 * 1024;

/// What programs say when they want a terminal: sudo, docker, ssh-add, shells, `stty`.
const TERMINAL: [&str; 7] = [
    "/dev/tty",
    "a terminal is required",
    "no tty present",
    "not a tty",
    "not a terminal",
    "inappropriate ioctl for device",
    "must be run from a terminal",
];

/// What a line begins or ends with that asks for a secret.
const SECRET: [&str; 6] =
    ["password", "passphrase", "passcode", "a password is required", "pin code", "verification code"];

/// What asks for a yes.
const YES: [&str; 5] = ["[y/n]", "(y/n)", "(yes/no)", "[yes/no]", "(yes/no/[fingerprint])"];

/// In a sentence, what it asked for; none where nothing says so.
pub fn asked_for(output: &[u8]) -> Option<&'static str> {
    let end = output.get(output.len().saturating_sub(END)..).unwrap_or(output);
    let text = String::from_utf8_lossy(end).to_lowercase();
    let last = text.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
    let prompts = last.ends_with([':', '?', '>']);
    if text.contains("a password is required") || (prompts && SECRET.iter().any(|word| last.contains(word))) {
        return Some("it asked for a password, and nobody is there to type one: give it one through `env`");
    }
    if TERMINAL.iter().any(|word| last.contains(word)) {
        return Some("it wanted a terminal, and a step has none: look for an option that does without");
    }
    (YES.iter().any(|word| last.contains(word)))
        .then_some("it asked a question, and a step has nobody to answer: look for an option that says yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_is_told_apart() {
        let asked = |text: &str| asked_for(text.as_bytes()).unwrap_or("nothing");
        for text in [
            "Password: ",
            "starting\nEnter passphrase for key 'ci_key':",
            "[sudo] password for deploy: ",
            "sudo: a terminal is required to read the password\nsudo: a password is required\n",
        ] {
            assert!(asked(text).starts_with("it asked for a password"), "{text:?}: {}", asked(text));
        }
        for text in [
            "/bin/sh: 1: cannot open /dev/tty: No such device or address\n",
            "the input device is not a TTY\n",
            "stty: 'standard input': Inappropriate ioctl for device\n",
        ] {
            assert!(asked(text).starts_with("it wanted a terminal"), "{text:?}: {}", asked(text));
        }
        assert!(asked("Drop all rows? [y/N] ").starts_with("it asked a question"));
        for text in
            ["", "\n", "\u{fffd}\n", "password accepted\ndone\n", "ERROR: no such table:\n", "new > old?"]
        {
            assert_eq!(asked(text), "nothing", "{text:?}");
        }
    }

    #[test]
    fn only_the_end_counts() {
        let long = format!("Password: \n{}", "line\n".repeat(10_000));
        assert_eq!(asked_for(long.as_bytes()), None);
        assert_eq!(asked_for(&[0xff; 10_000]), None);
    }
}
