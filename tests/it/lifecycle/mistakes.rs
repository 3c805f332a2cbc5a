//! The usual mistakes, each with its exit code and a sentence that helps.

use crate::support::{Backout, Incident, Outcome, Place, Team};

const ACT: &str = "- {id: act, run: [touch, acted], timeout: 10s, role: sre}";

#[track_caller]
fn says(outcome: Outcome, code: i32, words: &str) {
    let outcome = outcome.exits(code);
    assert!(outcome.stderr.contains(words), "not `{words}`: {}", outcome.stderr);
    assert!(!outcome.stderr.contains('\x1b'), "{:?}", outcome.stderr);
}

#[test]
fn what_cannot_be_understood_is_usage() {
    let place = Place::new();
    let backout = Backout::new(&place);
    says(backout.run::<&str>([]), 2, "Usage");
    says(backout.run(["opne"]), 2, "opne");
    says(backout.run(["approve"]), 2, "INCIDENT");
    says(backout.run(["open", "x.yaml", "--severity", "9"]), 2, "9");
    backout.run(["--help"]).exits(0);
    backout.run(["--version"]).exits(0);
}

#[test]
fn what_is_not_there_is_named() {
    let place = Place::new();
    let backout = Backout::new(&place);
    says(backout.run(["status"]), 3, "there is no incident");
    says(backout.run(["status", "01ABC"]), 3, "there is no incident `01ABC`");
    says(backout.run(["resume"]), 3, "there is no incident");
    says(backout.run(["verify", "nowhere"]), 3, "nowhere");
    says(backout.run(["note", "01ABC", "hello"]), 3, "01ABC");
    says(backout.run(["open", "x.yaml", "--headless"]), 3, "no workspace");
    says(backout.run(["lint"]), 3, "no workspace");
    assert_eq!(backout.run(["list", "--json"]).exits(0).stdout.trim(), "[]");
}

#[test]
fn a_runbook_that_cannot_be_used_opens_nothing() {
    let place = Place::new();
    let Some(team) = Team::gather(&place) else { return };
    let ana = team.backout(&place, &team.ana);
    let good = crate::support::incident::runbook(ACT);
    let open = |text: &[u8]| {
        place.write("ws/runbooks/test.yaml", text);
        ana.run(["open", "runbooks/test.yaml", "--headless"])
    };
    says(open(good.replace("timeout: 10s", "timeuot: 10s").as_bytes()), 1, "did you mean `timeout`?");
    says(
        open(good.replace("role: sre}", "role: sre, needs: [nobody]}").as_bytes()),
        1,
        "runbooks/test.yaml:",
    );
    says(open(b"\xff\xfe\x00binary"), 1, "test.yaml");
    says(open(b""), 1, "test.yaml");
    says(open("a: &a [*a, *a]\n".as_bytes()), 1, "test.yaml");
    says(open(good.as_bytes()), 2, "TEST_TOKEN");
    says(ana.run(["open", "runbooks/none.yaml", "--headless"]), 3, "none.yaml");
    says(ana.run(["open", "runbooks/test.yaml", "--headless", "-p", "x=1"]), 2, "asks nothing called `x`");
    says(ana.run(["open", "runbooks/test.yaml", "--headless", "-p", "x"]), 2, "NAME=VALUE");
    place.write("ws/runbooks/test.yaml", good.replace("timeout: 10s", "timeuot: 10s"));
    ana.run(["lint"]).exits(1);
    place.write("ws/runbooks/test.yaml", good);
    ana.run(["lint"]).exits(0);
    assert_eq!(ana.run(["list", "--json"]).exits(0).stdout.trim(), "[]", "nothing was opened");
}

#[test]
fn a_state_folder_that_cannot_be_written_opens_nothing() {
    let place = Place::new();
    let Some(team) = Team::gather(&place) else { return };
    place.write("ws/runbooks/test.yaml", crate::support::incident::runbook(ACT));
    let file = place.write("a-file", "");
    let ana = team.backout(&place, &team.ana).env("TEST_TOKEN", "x");
    let state = file.join("state");
    let outcome = ana.run(["--state", state.to_str().unwrap(), "open", "runbooks/test.yaml", "--headless"]);
    says(outcome, 3, "a-file/state");
    // A link where the folder should be is followed by nobody who did not make it.
    assert_eq!(std::fs::read_dir(place.join("ws")).unwrap().count(), 4, "nothing new in the workspace");
}

#[test]
fn limits_and_names_that_no_hub_can_live_with_are_said() {
    let place = Place::new();
    let Some(team) = Team::gather(&place) else { return };
    let book = crate::support::incident::runbook(ACT);
    place.write("ws/runbooks/test.yaml", &book);
    let ana = team.backout(&place, &team.ana).env("TEST_TOKEN", "x");
    let limited = |limit: &str| {
        let open = ana.command(["open", "runbooks/test.yaml", "--headless"]);
        let mut shell = std::process::Command::new("sh");
        let script = format!("ulimit {limit}; exec \"$0\" \"$@\"");
        shell.arg("-c").arg(script).arg(open.get_program()).args(open.get_args());
        shell.env_clear().envs(open.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let said = shell.current_dir(open.get_current_dir().unwrap()).output().unwrap();
        (said.status.code(), String::from_utf8_lossy(&said.stderr).into_owned())
    };
    let (code, said) = limited("-n 40");
    assert!(code == Some(3) && said.contains("40 open files are too few"), "{said}");

    use std::os::unix::ffi::OsStrExt as _;
    let odd = place.join("ws").with_file_name(std::ffi::OsStr::from_bytes(b"w\xff"));
    std::fs::rename(place.join("ws"), &odd).unwrap();
    says(ana.inside(&odd).run(["open", "runbooks/test.yaml", "--headless"]), 3, "must be UTF-8");
}

#[test]
fn acts_that_do_not_fit_are_told_apart() {
    let Some(incident) = Incident::undeclared(ACT, &[]) else { return };
    incident.refused("ana", &["start", "act"], "not declared yet");
    incident.refused("ben", &["close", "--reason", "x", "--yes"], "commander");
    incident.refused("cho", &["assume", "commander"], "taken by `ana`");
    incident.refused("ana", &["approve", "declare", "--yes", "--role", "sre"], "asks for no one");
    incident.refused("ana", &["reconcile", "nothing", "1", "--reason", "x"], "no `nothing");
    incident.refused(
        "ana",
        &["inherit", "nothing", "--reason", "x"],
        "nothing called `nothing` is suspended",
    );
    says(incident.act("ana", &["start", "atc"]), 2, "its steps are act");
    says(incident.act("ana", &["start", "A/b"]), 2, "A/b");
    says(incident.act("ana", &["skip", "act"]), 2, "--reason");
    says(incident.act("ana", &["approve", "act", "--yes"]), 2, "not a hold point");
    says(incident.act("ana", &["settle", "act", "maybe", "--reason", "x"]), 2, "maybe");
    let binary = incident.act("ana", &["note", "\u{1b}[2Jgone\u{202e}"]).exits(0);
    assert!(!binary.stderr.contains('\x1b'));
    let unclosed = incident.backout("ana").run(["verify", &incident.id]);
    says(unclosed, 5, "not anchored");
    incident.close();
    incident.until("the hub ends", || incident.status()["hub"] == "not running");
    incident.backout("ana").run(["verify", &incident.id]).exits(0);
}

#[test]
fn one_changed_byte_is_found() {
    let Some(incident) = Incident::undeclared(ACT, &[]) else { return };
    incident.ok("ben", &["note", "all is calm"]);
    incident.close();
    incident.until("the hub ends", || incident.status()["hub"] == "not running");
    for file in
        ["timeline.jsonl", "payloads.jsonl", "runbook.yaml", "team.yaml", "allowed_signers", "workspace.yaml"]
    {
        let path = incident.dir().join(file);
        let whole = std::fs::read(&path).unwrap();
        let mut changed = whole.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        std::fs::write(&path, changed).unwrap();
        let verdict = incident.backout("ana").run(["verify", &incident.id]);
        assert_eq!(verdict.code, Some(1), "{file}: {verdict:?}");
        std::fs::write(&path, whole).unwrap();
    }
    incident.backout("ana").run(["verify", &incident.id]).exits(0);
}

#[test]
fn a_new_workspace_is_ready_to_use() {
    let place = Place::new();
    let Some(team) = Team::gather(&place) else { return };
    let ana = team.backout(&place, &team.ana).inside(&place.folder("new"));
    ana.run(["init"]).exits(0);
    ana.run(["lint", "--strict"]).exits(0);
    for runbook in std::fs::read_dir(place.join("new/runbooks")).unwrap().flatten() {
        let path = runbook.path();
        if path.extension().is_some_and(|e| e == "yaml") {
            let plan = ana.run(["plan", path.to_str().unwrap()]).exits(0);
            assert!(!plan.stdout.is_empty());
        }
    }
    let again = ana.run(["init"]);
    assert_ne!(again.code, Some(0), "nothing is overwritten: {again:?}");
}

#[test]
fn a_service_has_one_live_incident_at_a_time() {
    let Some(incident) = Incident::undeclared(ACT, &[]) else { return };
    let ana = incident.backout("ana");
    let open = ["open", "runbooks/test.yaml", "--headless"];
    says(ana.run(open), 4, &format!("held by incident {}, commanded by ana", incident.id));
    assert_eq!(ana.run(["list"]).exits(0).stdout.lines().count(), 1);
    incident.close();
    incident.until("the hub ends", || incident.status()["hub"] == "not running");
    let mut second = ana.command(open);
    second.stdin(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
    second.stdout(std::process::Stdio::null());
    let mut second = second.spawn().unwrap();
    incident.until("another one is open", || ana.run(["list"]).exits(0).stdout.lines().count() == 2);
    second.kill().unwrap();
    second.wait().unwrap();
}

#[test]
fn taking_over_needs_a_reason_and_stands_in_the_record() {
    let Some(incident) = Incident::undeclared(ACT, &[]) else { return };
    let ana = incident.backout("ana");
    let open = |more: &[&str]| ana.run([&["open", "runbooks/test.yaml", "--headless"], more].concat());
    says(open(&["--take-over"]), 2, "--take-over");
    says(open(&["--take-over", " "]), 2, "taking over needs a reason");
    assert_eq!(ana.run(["list"]).exits(0).stdout.lines().count(), 1, "nothing was opened");
    let err = std::fs::File::create(incident.place.join("second.err")).unwrap();
    let mut second =
        ana.command(["open", "runbooks/test.yaml", "--headless", "--take-over", "the laptop is gone"]);
    second.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null()).stderr(err);
    let mut second = second.spawn().unwrap();
    let listed = || -> Vec<String> {
        let list: serde_json::Value =
            serde_json::from_str(&ana.run(["list", "--json"]).exits(0).stdout).unwrap();
        list.as_array().unwrap().iter().map(|i| i["incident"].as_str().unwrap().to_owned()).collect()
    };
    incident.until("another one is open", || listed().len() == 2);
    let other = listed().into_iter().find(|id| *id != incident.id).unwrap();
    let dir = incident.dir().with_file_name(&other);
    incident.until("the record says why and from whom", || {
        use base64::Engine as _;
        let text = std::fs::read_to_string(dir.join("payloads.jsonl")).unwrap_or_default();
        text.lines().any(|line| {
            let part: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
            let data =
                base64::engine::general_purpose::STANDARD.decode(part["data"].as_str().unwrap_or_default());
            let words = format!("takes over from incident {}, commanded by ana", incident.id);
            data.is_ok_and(|d| {
                let text = String::from_utf8_lossy(&d).into_owned();
                text.contains(&words) && text.contains("the laptop is gone")
            })
        })
    });
    second.kill().unwrap();
    second.wait().unwrap();
}

#[test]
fn of_two_who_open_at_once_one_finds_the_other() {
    let place = Place::new();
    let Some(team) = Team::gather(&place) else { return };
    place.write("ws/runbooks/test.yaml", crate::support::incident::runbook(ACT));
    let openers: Vec<_> = [&team.ana, &team.ben]
        .into_iter()
        .map(|person| {
            let who = team.backout(&place, person).env("TEST_TOKEN", "x");
            let err = std::fs::File::create(place.join(format!("{}.err", person.id))).unwrap();
            let mut command = who.command(["open", "runbooks/test.yaml", "--headless"]);
            command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null()).stderr(err);
            command.spawn().unwrap()
        })
        .collect();
    let said = |id: &str| std::fs::read_to_string(place.join(format!("{id}.err"))).unwrap();
    crate::support::wait_until(
        "one is open and the other refused",
        std::time::Duration::from_secs(60),
        || {
            let all = format!("{}{}", said("ana"), said("ben"));
            all.contains(" is open; its record") && all.contains("is held by incident")
        },
    );
    for mut opener in openers {
        let _ = opener.kill();
        opener.wait().unwrap();
    }
    let ana = team.backout(&place, &team.ana);
    assert_eq!(ana.run(["list"]).exits(0).stdout.lines().count(), 1);
}
