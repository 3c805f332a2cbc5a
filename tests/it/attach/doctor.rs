//! `doctor` and `init`: what works, what does not, and what to do about it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::incident::{SECRET, runbook};
use crate::support::ssh::{Agent, KeyKind, make_key};
use crate::support::{Backout, Incident, Place, Team};

const STEP: &str = "- {id: act, run: [touch, acted], timeout: 10s}";

/// What `doctor --json` says, and its exit code.
fn doctor(backout: &Backout, more: &[&str]) -> (Vec<Value>, Option<i32>) {
    let outcome = backout.run([&["doctor", "--json"], more].concat());
    let found = serde_json::from_str(&outcome.stdout).unwrap_or_else(|e| panic!("{e}: {outcome:?}"));
    (found, outcome.code)
}

/// The one finding of this area that has these words.
#[track_caller]
fn says(found: &[Value], area: &str, status: &str, words: &str) -> Value {
    let fits = |f: &&Value| f["area"] == area && f["what"].as_str().unwrap().contains(words);
    let one = found.iter().find(fits).unwrap_or_else(|| panic!("nothing about {area}: {words}: {found:#?}"));
    assert_eq!(one["status"], status, "{one}");
    assert_eq!(one["do"].is_null(), status == "works", "{one}");
    one.clone()
}

#[test]
fn where_everything_works_doctor_says_so() {
    let place = Place::new();
    let Some(team) = Team::gather(&place) else { return };
    place.write("ws/runbooks/test.yaml", runbook(STEP));
    let (found, code) = doctor(&team.backout(&place, &team.ana), &[]);
    assert_eq!(code, Some(0), "{found:#?}");
    says(&found, "workspace", "works", "ws");
    says(&found, "keys", "works", "signs for ana");
    says(&found, "roster", "works", "3 people and 3 keys");
    says(&found, "roster", "works", "test.yaml: every signature");
    says(&found, "channels", "works", "paper");
    says(&found, "state", "works", "backout");
    says(&found, "disk", "works", "MiB");
    says(&found, "terminal", "remark", "no terminal");
    let text = team.backout(&place, &team.ana).run(["doctor"]).exits(0).stdout;
    assert!(text.contains("works   keys"), "{text}");
}

#[test]
fn what_is_in_the_way_is_named_with_what_to_do() {
    let place = Place::new();
    let Some(team) = Team::gather(&place) else { return };
    let hold = format!(
        "- id: hold\n  approve: {{require: [{{role: sre, count: 2}}], expires: 9m, covers: [act]}}\n{STEP}"
    );
    place.write("ws/runbooks/test.yaml", runbook(&hold));
    place.write("ws/runbooks/broken.yaml", "backout: 1\n");
    place.write(
        "ws/backout.yaml",
        "sources: {gone: {prometheus: \"http://127.0.0.1:1/\"}}\nchannels: {status: {slack: {url_env: NOT_SET}}}\n",
    );
    let roster = team.allowed_signers();
    let text = std::fs::read_to_string(&roster)
        .unwrap()
        .replace("cho ssh-rsa", "cho valid-before=\"20200101Z\" ssh-rsa");
    std::fs::write(
        &roster,
        text + "* ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEj6fEGBxlGYjN0VzXTmmQWtMjUQ5AgjVYWEPbHSPJZM\n",
    )
    .unwrap();
    std::fs::set_permissions(&roster, std::fs::Permissions::from_mode(0o666)).unwrap();
    team.ana.agent.forget_all();
    let (found, code) = doctor(&team.backout(&place, &team.ana), &[]);
    assert_eq!(code, Some(1));
    says(&found, "keys", "broken", "holds no key");
    says(&found, "keys", "broken", "lists none of your keys");
    says(&found, "roster", "broken", "hold: needs 2 of role sre, and 1 could sign");
    says(&found, "roster", "broken", "broken.yaml cannot be used");
    says(&found, "roster", "remark", "the key of cho has expired");
    says(&found, "sources", "broken", "gone does not answer");
    says(&found, "channels", "broken", "NOT_SET is not set");
    let open = says(&found, "files", "broken", "allowed_signers");
    assert!(open["do"].as_str().unwrap().starts_with("chmod"), "{open}");
    let (found, code) = doctor(&Backout::new(&place), &[]);
    assert_eq!(code, Some(1));
    says(&found, "workspace", "broken", "");
    says(&found, "keys", "remark", "SSH_AUTH_SOCK");
}

#[test]
fn a_key_that_asks_first_is_found_out_before_the_incident() {
    let place = Place::new();
    let Some(team) = Team::gather(&place) else { return };
    place.write("ws/runbooks/test.yaml", runbook(STEP));
    let agent = Agent::start(&place, "asks").unwrap();
    let added = Command::new("ssh-add")
        .args(["-q", "-c"])
        .arg(&team.ana.key)
        .env("SSH_AUTH_SOCK", agent.socket())
        .status();
    assert!(added.unwrap().success());
    let backout = team.backout(&place, &team.ana).env("SSH_AUTH_SOCK", agent.socket());
    let (found, code) = doctor(&backout, &[]);
    assert_eq!(code, Some(1));
    let refused = says(&found, "keys", "broken", "ssh-add -c");
    assert!(refused["what"].as_str().unwrap().contains("ssh-add -h"), "{refused}");
    assert!(refused["do"].as_str().unwrap().contains("askpass"), "{refused}");
}

/// A logind that ends processes at logout, and a user manager: what they are asked is written down.
fn machine_that_kills(place: &Place, linger: bool) -> String {
    let script = |name: &str, text: &str| {
        let path = place.write(&format!("fake/{name}"), format!("#!/bin/sh\n{text}\n"));
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    script(
        "busctl",
        &format!("case \"$*\" in *KillUserProcesses*) echo b true;; *Linger*) echo b {linger};; esac"),
    );
    let log = place.join("asked");
    script(
        "systemd-run",
        &format!(
            "echo \"$*\" >> {}\nwhile [ \"$1\" != -- ] && [ \"$1\" != true ]; do shift; done\n[ \"$1\" = -- ] && shift\nexec \"$@\"",
            log.display()
        ),
    );
    format!("{}:/usr/bin:/bin", place.join("fake").display())
}

fn open_on(place: Place, path: &str) -> Option<Incident> {
    let team = Team::gather(&place)?;
    place.write("ws/runbooks/test.yaml", runbook(STEP));
    let env = [("TEST_TOKEN", SECRET), ("PATH", path), ("XDG_SESSION_ID", "7")];
    Some(Incident::open(place, team, "ana", &["runbooks/test.yaml"], &env))
}

#[test]
fn where_a_logout_ends_processes_the_hub_gets_a_scope_of_its_own() {
    let place = Place::new();
    let path = machine_that_kills(&place, true);
    let Some(incident) = open_on(place, &path) else { return };
    let asked = std::fs::read_to_string(incident.place.join("asked")).unwrap();
    let unit = format!("--user --scope --collect -q --unit=backout-{}-", incident.id);
    assert!(asked.contains(&unit), "{asked}");
    incident.ok("ana", &["note", "it serves"]);
    assert!(!incident.opened_said("loginctl"));
    let (found, _) = doctor(&incident.backout("ana"), &[]);
    says(&found, "logout", "works", "scope of their own");
}

#[test]
fn where_even_that_is_not_enough_people_are_warned() {
    let place = Place::new();
    let path = machine_that_kills(&place, false);
    let Some(incident) = open_on(place, &path) else { return };
    assert!(incident.opened_said("loginctl enable-linger"));
    let (found, code) = doctor(&incident.backout("ana"), &[]);
    assert_eq!(code, Some(1));
    says(&found, "logout", "broken", "KillUserProcesses");
    // No user manager at all.
    let (found, _) = doctor(&incident.backout("ana").env("XDG_RUNTIME_DIR", ""), &[]);
    assert!(found.iter().any(|f| f["area"] == "logout"));
    std::fs::remove_file(incident.place.join("fake/systemd-run")).unwrap();
    let (found, _) = doctor(&incident.backout("ana"), &[]);
    says(&found, "logout", "broken", "no user manager");
}

fn made(place: &Place, backout: &Backout, more: &[&str]) -> (String, String) {
    let ws = place.join("new");
    let outcome = backout.run([&["init", ws.to_str().unwrap()], more].concat()).exits(0);
    let signers = std::fs::read_to_string(ws.join("allowed_signers")).unwrap();
    std::fs::remove_dir_all(&ws).unwrap();
    (signers, outcome.stdout + &outcome.stderr)
}

#[test]
fn init_takes_the_agents_keys_or_a_key_file_or_says_how_to_make_one() {
    let place = Place::new();
    let Some(team) = Team::gather(&place) else { return };
    let first = |path: &Path| {
        let public = std::fs::read_to_string(path.with_added_extension("pub")).unwrap();
        public.split_whitespace().nth(1).unwrap().to_owned()
    };
    let backout = Backout::new(&place).env("USER", "zoe");
    let (signers, said) = made(&place, &backout, &[]);
    assert_eq!(signers, "");
    assert!(said.contains("ssh-keygen -t ed25519") && said.contains("printf 'zoe '"), "{said}");

    let key = place.folder("home/.ssh").join("id_ed25519");
    make_key(&key, KeyKind::Ed25519, "zoe");
    let (signers, said) = made(&place, &backout, &[]);
    assert_eq!(signers, format!("zoe ssh-ed25519 {}\n", first(&key)));
    assert!(said.contains("--key"), "{said}");

    let with_agent = team.backout(&place, &team.ana).env("USER", "zoe");
    let (signers, _) = made(&place, &with_agent, &["--as", "ana"]);
    assert_eq!(signers, format!("ana ssh-ed25519 {}\n", first(&team.ana.key)));
    let (signers, _) = made(&place, &with_agent, &["--key", team.ben.key.to_str().unwrap()]);
    assert!(signers.contains(&first(&team.ben.key)), "{signers}");
}

#[test]
fn from_nothing_to_an_incident_of_ones_own() {
    let place = Place::new();
    let Some(team) = Team::gather(&place) else { return };
    let ws = place.join("new");
    let backout = team.backout(&place, &team.ana).env("USER", "ana");
    backout.run(["init", ws.to_str().unwrap()]).exits(0);
    let inside = backout.inside(&ws);
    inside.run(["lint"]).exits(0);
    let (found, code) = doctor(&inside, &[]);
    assert_eq!(code, Some(0), "{found:#?}");
    says(&found, "keys", "works", "signs for ana");
}
