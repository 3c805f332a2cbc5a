//! `init`: a new workspace with one's own keys and a first runbook. Never overwrites a file.

use crate::cli::args::Init;
use crate::cli::{print, say};
use crate::error::{Failure, Result};
use crate::identity::agent::{self, Agent};
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
pub fn run(verb: &Init) -> Result<()> {
    let root = verb.dir.clone().unwrap_or_else(|| PathBuf::from("."));
    let me = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
    let me: String =
        me.to_lowercase().chars().filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit()).collect();
    let me = if me.is_empty() { "me".to_owned() } else { me };
    let runbooks = root.join("runbooks");
    std::fs::create_dir_all(runbooks.join("scenarios"))
        .map_err(|e| Failure::environment(format!("cannot make {}", runbooks.display())).because(e))?;
    let team = format!("people:\n  - id: {me}\n    name: {me}\n    roles: [commander, sre]\n");
    let keys = keys_of_agent();
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
    if keys.is_empty() {
        say("No ssh-agent with a key was found, so allowed_signers is empty.");
        say(&format!(
            "Add one line to it: `{me} ` and your public key, as `cat ~/.ssh/id_ed25519.pub` prints it."
        ));
    } else {
        print(&format!("{} of your agent's keys sign for you", keys.len()));
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

fn write_new(path: &Path, text: &str) -> Result<()> {
    let cannot = |e: std::io::Error| {
        Failure::environment(format!("cannot write {}", path.display()))
            .because(e)
            .hint("a workspace is only ever made where there is none")
    };
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path).map_err(cannot)?;
    file.write_all(text.as_bytes()).map_err(cannot)
}
