//! Commands on another host, through the system's `ssh`. Never asks for a password: `BatchMode` is on.

/// `ssh` with the argv as one command for the far shell. The environment of the step does not travel.
///
/// What `ssh` itself says with 255, a timeout or a signal tells nothing about the far side: see
/// [`outcome::Place`](super::outcome::Place).
pub fn remote_argv(host: &str, argv: &[String]) -> Vec<String> {
    // A line that went dead in the middle is noticed after a minute, and not only when the step's time is over.
    let alive = ["-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4"];
    let options = ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"];
    let options = options.into_iter().chain(alive).chain(["--", host]);
    let command: Vec<String> = argv.iter().map(|arg| quote(arg)).collect();
    options.map(str::to_owned).chain([command.join(" ")]).collect()
}

/// One word for a POSIX shell, whatever is in it.
pub fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_far_shell_sees_the_same_arguments() {
        let words = ["a b", "it's", "$HOME `id` \"x\" \\", "", "*", "~", "plain", "line\nbreak", "-n", "x=1"];
        let argv: Vec<String> =
            ["printf", "%s|"].iter().chain(words.iter()).map(|w| (*w).to_string()).collect();
        let remote = remote_argv("db1", &argv);
        let out =
            std::process::Command::new("/bin/sh").arg("-c").arg(remote.last().unwrap()).output().unwrap();
        assert_eq!(String::from_utf8(out.stdout).unwrap(), format!("{}|", words.join("|")));
    }

    #[test]
    fn a_host_cannot_be_taken_for_an_option() {
        let argv = remote_argv("-oProxyCommand=x", &["true".to_owned()]);
        let end = argv.iter().position(|a| a == "--").unwrap();
        assert_eq!(argv.get(end + 1).unwrap(), "-oProxyCommand=x");
        assert!(argv.iter().any(|a| a == "BatchMode=yes"));
    }
}
