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
fn people_and_keys_that_look_like_others_are_told_by_lint_doctor_and_open() {
    let place = Place::new();
    let Some(team) = Team::gather(&place) else { return };
    place.write("ws/runbooks/test.yaml", runbook(STEP));
    let roster = std::fs::read_to_string(team.workspace.join("team.yaml")).unwrap();
    let more = "  - {id: ch0, name: \"Cho Min-j\u{456}\", roles: [sre], contact: x}\n";
    place.write("ws/team.yaml", format!("{roster}{more}"));
    let key = place.join("keys/other");
    make_key(&key, KeyKind::Ed25519, "other");
    let public = std::fs::read_to_string(key.with_added_extension("pub")).unwrap();
    let signers = std::fs::read_to_string(team.allowed_signers()).unwrap();
    std::fs::write(team.allowed_signers(), format!("{signers}\u{430}na {public}")).unwrap();
    let ana = team.backout(&place, &team.ana).env("TEST_TOKEN", SECRET);
    let told = [
        "`ch0` looks like `cho`",
        r"`ch0` and `cho` read as one name: Cho Min-j\u{456} and Cho Min-ji",
        r"the name of `ch0` mixes alphabets: Cho Min-j\u{456}",
        r"`\u{430}na` is not in team.yaml, and looks like `ana`",
        r"`\u{430}na` is nobody's id",
    ];
    for verb in ["lint", "doctor"] {
        let said = ana.run([verb]).stdout;
        for words in told {
            assert!(said.contains(words), "{verb} does not say {words}:\n{said}");
        }
    }
    let odd = ana.run(["--as", "\u{430}na", "open", "runbooks/test.yaml", "--headless"]).exits(2);
    assert!(odd.stderr.contains(r"`\u{430}na` is not a valid person"), "{}", odd.stderr);
    let incident = Incident::open(place, team, "ana", &["runbooks/test.yaml"], &[("TEST_TOKEN", SECRET)]);
    assert!(told[..3].iter().all(|words| incident.opened_said(words)), "open says so too");
}

#[test]
fn init_tells_a_login_that_is_not_an_id_by_its_numbers() {
    let place = Place::new();
    let said = Backout::new(&place).env("USER", "zo\u{eb}").run(["init", "ws"]).exits(0);
    assert!(said.stderr.contains(r"Your login is `zo\u{eb}`"), "{}", said.stderr);
    assert!(said.stdout.contains("a workspace for `zo`"), "{}", said.stdout);
    let odd = Backout::new(&place).run(["--as", "\u{430}na", "init", "other"]).exits(2);
    assert!(odd.stderr.contains(r"`\u{430}na` is not a valid person"), "{}", odd.stderr);
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

#[test]
fn an_agent_that_is_gone_and_keys_that_do_not_count_are_named() {
    let place = Place::new();
    let Some(team) = Team::gather(&place) else { return };
    place.write("ws/runbooks/test.yaml", runbook(STEP));
    let gone = team.backout(&place, &team.ana).env("SSH_AUTH_SOCK", place.join("nobody"));
    let (found, code) = doctor(&gone, &[]);
    assert_eq!(code, Some(1));
    let unreachable = says(&found, "keys", "broken", "cannot be reached");
    assert!(unreachable["do"].as_str().unwrap().contains("ssh-agent"), "{unreachable}");

    let short = place.join("short");
    let mut made = Command::new("ssh-keygen");
    made.args(["-q", "-N", "", "-t", "rsa", "-b", "2048", "-f"]).arg(&short);
    assert!(made.status().unwrap().success());
    let agent = Agent::start(&place, "short").unwrap();
    agent.add(&short);
    let public = std::fs::read_to_string(short.with_added_extension("pub")).unwrap();
    let roster = std::fs::read_to_string(team.allowed_signers()).unwrap();
    std::fs::write(team.allowed_signers(), format!("{roster}ana {public}")).unwrap();
    let with_short = team.backout(&place, &team.ana).env("SSH_AUTH_SOCK", agent.socket());
    let (found, code) = doctor(&with_short, &[]);
    assert_eq!(code, Some(1));
    let weak = says(&found, "keys", "broken", "RSA with 2048 bits");
    assert!(weak["do"].as_str().unwrap().contains("ed25519"), "{weak}");
    says(&found, "roster", "remark", "2048");
}

#[test]
fn a_roster_with_shared_keys_patterns_and_strangers_is_named_line_by_line() {
    let place = Place::new();
    let Some(team) = Team::gather(&place) else { return };
    place.write("ws/runbooks/test.yaml", runbook(STEP));
    let roster = std::fs::read_to_string(team.allowed_signers()).unwrap();
    let key_of = |who: &str| {
        let line = roster.lines().find(|l| l.starts_with(who)).unwrap();
        line.split_whitespace().skip(1).take(2).collect::<Vec<_>>().join(" ")
    };
    let (ana, ben) = (key_of("ana"), key_of("ben"));
    let text = format!("{roster}cho {ana}\nb* {ben}\nzoe {ben}\nana valid-before=\"20300101\" {ana}\n");
    std::fs::write(team.allowed_signers(), text).unwrap();
    let (found, _) = doctor(&team.backout(&place, &team.ana), &[]);
    for words in ["cho", "pattern", "`zoe` is not in team.yaml", "without Z"] {
        let one = found.iter().find(|f| {
            f["area"] == "roster" && f["status"] == "remark" && f["what"].as_str().unwrap().contains(words)
        });
        let one = one.unwrap_or_else(|| panic!("{words}: {found:#?}"));
        assert!(one["what"].as_str().unwrap().starts_with("allowed_signers:"), "{one}");
        assert!(one["do"].as_str().is_some_and(|to_do| !to_do.is_empty()), "{one}");
    }
}

#[test]
fn a_state_that_is_open_to_all_no_folder_or_without_room_is_named() {
    let place = Place::new();
    let Some(team) = Team::gather(&place) else { return };
    place.write("ws/runbooks/test.yaml", runbook(STEP));
    let state = place.folder("kept");
    let with = |state: &Path| {
        let (found, code) = doctor(&team.backout(&place, &team.ana).env("BACKOUT_STATE", state), &[]);
        (found, code)
    };
    let mode = |mode: u32| std::fs::set_permissions(&state, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o777);
    let (found, code) = with(&state);
    assert_eq!(code, Some(1));
    let open = says(&found, "state", "broken", "everybody may write");
    assert!(open["do"].as_str().unwrap().contains("chmod o-w"), "{open}");
    mode(0o2770);
    says(&with(&state).0, "state", "works", "shared with a group");
    let file = place.write("file", "");
    let no_folder = says(&with(&file.join("below")).0, "state", "broken", "is no folder");
    assert!(no_folder["do"].as_str().unwrap().contains("--state"), "{no_folder}");
    // A file system without a byte to spare.
    let full = says(&with(Path::new("/proc/backout")).0, "disk", "broken", "0 MiB are free");
    assert!(full["do"].as_str().unwrap().contains("make room"), "{full}");
}

#[test]
fn a_clock_that_cannot_be_right_or_that_nobody_sets_is_named() {
    let place = Place::new();
    let Some(team) = Team::gather(&place) else { return };
    place.write("ws/runbooks/test.yaml", runbook(STEP));
    let script = |answer: &str| {
        let path = place.write("fake/timedatectl", format!("#!/bin/sh\necho {answer}\n"));
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:/usr/bin:/bin", place.join("fake").display());
        doctor(&team.backout(&place, &team.ana).env("PATH", path), &[]).0
    };
    says(&script("yes"), "clock", "works", "synchronised");
    let adrift = says(&script("no"), "clock", "remark", "not synchronised");
    assert!(adrift["do"].as_str().unwrap().contains("set-ntp"), "{adrift}");

    // A program that was put here in the future.
    let program = place.join("backout");
    std::fs::copy(env!("CARGO_BIN_EXE_backout"), &program).unwrap();
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(86_400);
    std::fs::File::options().append(true).open(&program).unwrap().set_modified(later).unwrap();
    let usual = team.backout(&place, &team.ana).command(["doctor", "--json"]);
    let mut command = Command::new(&program);
    command.args(usual.get_args()).env_clear().current_dir(usual.get_current_dir().unwrap());
    command.envs(usual.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.output().unwrap();
    let found: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let behind = says(&found, "clock", "broken", "earlier than this program");
    assert!(behind["do"].as_str().unwrap().contains("set the clock"), "{behind}");
}

#[test]
fn a_terminal_that_is_small_plain_and_mute_is_named() {
    let place = Place::new();
    let Some(team) = Team::gather(&place) else { return };
    place.write("ws/runbooks/test.yaml", runbook(STEP));
    let size = portable_pty::PtySize { rows: 10, cols: 60, pixel_width: 0, pixel_height: 0 };
    let pty = portable_pty::native_pty_system().openpty(size).unwrap();
    let usual = team.backout(&place, &team.ana).command(["doctor", "--json"]);
    let mut command = portable_pty::CommandBuilder::new(usual.get_program());
    command.args(usual.get_args());
    command.cwd(usual.get_current_dir().unwrap());
    command.env_clear();
    for (name, value) in usual.get_envs().filter_map(|(name, value)| Some((name, value?))) {
        command.env(name, value);
    }
    for (name, value) in [("TERM", "dumb"), ("LANG", "C"), ("LC_ALL", "C")] {
        command.env(name, value);
    }
    let mut reader = pty.master.try_clone_reader().unwrap();
    let mut child = pty.slave.spawn_command(command).unwrap();
    drop(pty.slave);
    let mut said = Vec::new();
    // A terminal that is gone is an error to whoever reads it.
    let _ = std::io::Read::read_to_end(&mut reader, &mut said);
    child.wait().unwrap();
    let said = String::from_utf8_lossy(&said);
    let json = said.get(said.find('[').unwrap()..).and_then(|t| t.rfind(']').map(|end| &t[..=end])).unwrap();
    // Between escapes of the question that stands before it.
    let json = json.get(json.find("[{").unwrap()..).unwrap();
    let found: Vec<Value> = serde_json::from_str(json).unwrap_or_else(|e| panic!("{e}: {said}"));
    let small = says(&found, "terminal", "broken", "60×10 is too small");
    assert!(small["do"].as_str().unwrap().contains("join --plain"), "{small}");
    says(&found, "terminal", "remark", "no colours");
    says(&found, "terminal", "remark", "ASCII only");
    says(&found, "terminal", "remark", "does not answer");
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
