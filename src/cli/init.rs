//! `init`: a new workspace with one's own keys and a first runbook. Never overwrites a file.

use crate::cli::args::{Args, Init};
use crate::cli::{print, say};
use crate::core::id::PersonId;
use crate::error::{Failure, Result};
use crate::identity::agent::{self, Agent};
use crate::identity::key::Presented;
use crate::identity::keyfile;
use std::io::Write as _;
use std::path::{Path, PathBuf};

const CONFIG: &str = "\
# This folder is a backout workspace: what runbooks may use by name.
# Secrets are never written here, only the names of environment variables that hold them.
sources: {}
channels:
  paper: {file: sent-messages.txt}
";

const RUNBOOK: &str = include_str!("init/first-runbook.yaml");

/// Runs the verb.
pub fn run(args: &Args, verb: &Init) -> Result<()> {
    let root = verb.dir.clone().unwrap_or_else(|| PathBuf::from("."));
    let me = args.person.clone().map_or_else(login, Ok)?;
    PersonId::parse(me.clone()).map_err(|e| Failure::usage(e.to_string()))?;
    let runbooks = root.join("runbooks");
    std::fs::create_dir_all(runbooks.join("scenarios"))
        .map_err(|e| Failure::environment(format!("cannot make {}", runbooks.display())).because(e))?;
    let team = format!("people:\n  - id: {me}\n    name: {me}\n    roles: [commander, sre]\n");
    let (keys, whence) = keys(args);
    let lines: String = keys.iter().map(|key| format!("{me} {key}\n")).collect();
    for (name, text) in [
        ("backout.yaml", CONFIG),
        ("team.yaml", team.as_str()),
        ("allowed_signers", lines.as_str()),
        ("runbooks/first.yaml", RUNBOOK),
    ] {
        write_new(&root.join(name), text)?;
    }
    print(&format!("a workspace for `{me}` is in {}", root.display()));
    if let Some(login) = other_login(args, &me) {
        say(&format!("Your login is `{login}`, and ids are plain ASCII; --as says another one."));
    }
    match (keys.is_empty(), &whence) {
        (false, Whence::Agent) => print(&format!("{} of your agent's keys sign for you", keys.len())),
        (false, Whence::File(path)) => {
            print(&format!("{} signs for you", path.display()));
            if args.key.is_none() {
                say(&format!(
                    "No ssh-agent has a key: say --key {} with every verb, or ssh-add it.",
                    private(path).display()
                ));
            }
        }
        (true, _) => {
            say("You have no key that could sign, so allowed_signers is empty. To make one and list it:");
            say("  ssh-keygen -t ed25519 && eval $(ssh-agent) && ssh-add");
            say(&format!(
                "  (printf '{me} '; cat ~/.ssh/id_ed25519.pub) >> {}",
                root.join("allowed_signers").display()
            ));
        }
    }
    if keys.iter().any(|key| key.starts_with("ssh-rsa ")) {
        say("RSA keys count from 3072 bits on; `backout doctor` says whether yours do.");
    }
    print("next: backout lint, then backout plan runbooks/first.yaml, then backout open runbooks/first.yaml");
    Ok(())
}

/// The public keys of the person's agent, certificates left out: those need their authority's line instead.
fn keys_of_agent() -> Vec<String> {
    let Ok(socket) = agent::socket_from_environment() else { return Vec::new() };
    let Ok(mut agent) = Agent::connect(&socket) else { return Vec::new() };
    let Ok(keys) = agent.list() else { return Vec::new() };
    let plain = |key: crate::identity::agent::AgentKey| match key.presented {
        Ok(presented @ crate::identity::key::Presented::Key(_)) => Some(presented.to_openssh()),
        Ok(crate::identity::key::Presented::Certificate(_)) | Err(_) => None,
    };
    keys.into_iter().filter_map(plain).collect()
}

/// Where keys were found.
enum Whence {
    Agent,
    File(PathBuf),
}

/// The key file that was named; else the agent's keys; else the first key file in its usual place.
fn keys(args: &Args) -> (Vec<String>, Whence) {
    let of_file = |path: &Path| match keyfile::public_part(path) {
        Some(key @ Presented::Key(_)) => Some(key.to_openssh()),
        Some(Presented::Certificate(_)) | None => None,
    };
    if let Some(path) = &args.key {
        return (of_file(path).into_iter().collect(), Whence::File(path.clone()));
    }
    let held = keys_of_agent();
    if !held.is_empty() {
        return (held, Whence::Agent);
    }
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let usual = ["id_ed25519_sk", "id_ed25519", "id_ecdsa_sk", "id_ecdsa", "id_rsa"];
    let found =
        usual.iter().map(|name| home.join(".ssh").join(name)).find_map(|path| Some((of_file(&path)?, path)));
    found.map_or((Vec::new(), Whence::Agent), |(key, path)| (vec![key], Whence::File(path)))
}

/// The file with the private half, whichever of the two was named.
fn private(path: &Path) -> PathBuf {
    if path.extension().is_some_and(|e| e == "pub") { path.with_extension("") } else { path.to_owned() }
}

/// The login name, as an id.
fn login() -> Result<String> {
    let name = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
    let name: String =
        name.to_lowercase().chars().filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit()).collect();
    Ok(if name.is_empty() { "me".to_owned() } else { name })
}

/// The login name where the id is another one, shown so that the two differ to the eye.
fn other_login(args: &Args, me: &str) -> Option<crate::sanitize::Clean> {
    let name = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
    let differs = args.person.is_none() && !name.is_empty() && name.to_lowercase() != me;
    differs.then(|| crate::sanitize::unmistakable(&name))
}

fn write_new(path: &Path, text: &str) -> Result<()> {
    let cannot = |e: std::io::Error| {
        Failure::environment(format!("cannot write {}", path.display()))
            .because(e)
            .hint("a workspace is only ever made where there is none")
    };
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path).map_err(cannot)?;
    file.write_all(text.as_bytes()).map_err(cannot)
}
